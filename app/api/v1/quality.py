"""What the data leaves to be mended: how much of each kind, and every case."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import ConfigDict, Field

from app.api.auth import needs, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing, Page, Paged, after, page
from app.api.problems import locale_of
from app.api.schemas import Asked, Shown
from app.api.v1.quality_rows import Row, shown
from app.domain.language import text
from app.domain.quality import Kind, Look
from app.domain.roles import Right
from app.flows import quality

router = noun("/quality", "Data quality", [reads], sees=Right.SEE_FIGURES)

Days = Annotated[int, Field(ge=1, le=quality.MOST_DAYS, description="How far back.", examples=[90])]
#: The sort keys of the kinds whose pages do not begin after a place.
KEYS: dict[Kind, tuple[type, ...]] = dict.fromkeys((Kind.OWNERLESS, Kind.MA_ONLY, Kind.SFA_ONLY), (datetime, int))


class QualityAsked(Asked):
    days: Days = quality.DAYS


class RowsAsked(Paged):
    days: Days = quality.DAYS


class Task(Shown):
    """One kind of thing to mend."""

    kind: Kind
    title: str = Field(description="What it is, in the language of Accept-Language.")
    count: int
    oldest_at: datetime | None = Field(description="Since when the oldest is there; null: there is none.")
    remedy: str = Field(description="What to do, in the same language.")
    rows: str = Field(description="Where every case is listed.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "ownerless",
                    "title": "担当者のいない引き渡し",
                    "count": 3,
                    "oldest_at": "2026-09-18T08:30:00Z",
                    "remedy": "営業ツールで担当者を設定してください。",
                    "rows": "/v1/quality/ownerless?days=90",
                }
            ]
        }
    )


@router.get("", operation_id="list_quality")
def list_quality(asked: Annotated[QualityAsked, Query()], state: Here, request: Request) -> Listing[Task]:
    """What there is to mend in the data, one entry a kind, also where there is nothing."""
    locale = locale_of(request)
    with state.database.read() as c:
        tasks = quality.tasks(c, Look(state.clock(), asked.days, state.versions.read(c)))
    return Listing(items=[_task(task, asked.days, locale) for task in tasks])


@router.get("/{kind}", operation_id="list_quality_rows", dependencies=[needs(Right.SEE_LEADS)])
def list_quality_rows(
    kind: Annotated[Kind, Path(description="What to list.", examples=["ownerless"])],
    asked: Annotated[RowsAsked, Query()],
    state: Here,
    request: Request,
    response: Response,
) -> Page[Row]:
    """Every case of one kind; the keys of an entry depend on the kind."""
    start = after(asked, *KEYS.get(kind, (int,)))
    with state.database.read() as c:
        look = Look(state.clock(), asked.days, state.versions.read(c))
        rows = quality.rows(c, kind, look, after=start, limit=asked.limit)
    return page(request, response, rows, lambda row: shown(kind, row))


def _task(task: quality.Task, days: int, locale: str) -> Task:
    return Task(
        kind=task.kind,
        title=text(locale, task.title),
        count=task.tally.count,
        oldest_at=task.tally.oldest,
        remedy=text(locale, task.remedy),
        rows=f"/v1/quality/{task.kind}?days={days}",
    )
