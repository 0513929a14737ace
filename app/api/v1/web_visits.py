"""Visits to the website, day by day, and the rate at which they convert."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Asked, Nothing, Shown, Written
from app.api.v1.marketing import Day, ImportAsked, Raw, csv_body, today
from app.domain.language import text
from app.domain.refusals import refused
from app.domain.roles import Right
from app.domain.sheet import MOST_ROWS, different
from app.domain.website import Unit, Visit, Visits, check_day, conversion_rate
from app.flows import imports, website
from app.flows.website import By

router = noun("/web-visits", "Web visits", sees=Right.SEE_FIGURES, changes=Right.MARKETING)

#: Days asked for at once, and those of a question that names none.
MOST_DAYS, DAYS = 731, 30
#: Pages or campaigns told at once.
MOST_PARTS = 1_000
ROW: dict[str, Any] = {
    "page": "/products/line-monitor",
    "campaign": "autumn-fair",
    "channel": "google / organic",
    "sessions": 420,
    "users": 361,
    "conversions": 9,
}
SUMS: dict[str, Any] = {
    "sessions": 420,
    "users": 361,
    "conversions": 9,
    "days_with_data": 1,
    "rates": [
        {
            "per": "sessions",
            "label_ja": "CVR(対セッション)",
            "label_en": "CVR (per session)",
            "rate": 0.0214,
            "interval_95": [0.0113, 0.0402],
        }
    ],
}
IMPORTED: dict[str, Any] = {
    "rows": 62,
    "first": "2026-09-01",
    "last": "2026-09-17",
    "stored": True,
    "unknown_channels": ["google / organic"],
}
FILE = '日付,ページ,キャンペーン,チャネル,セッション,ユーザー,CV\n2026/09/17,/products,,検索,"1,420",１２００,31\n'


class DayWritten(Written):
    rows: Annotated[list[Visit], Field(max_length=MOST_ROWS)] = Field(description="Empty: the day is forgotten.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"rows": [ROW]}]})


class DayShown(Shown):
    """All that is known of a day."""

    day: date
    rows: list[Visit]

    model_config = ConfigDict(json_schema_extra={"examples": [{"day": "2026-09-17", "rows": [ROW]}]})


class Rate(Shown):
    """Conversions by sessions, or by users."""

    per: Unit
    label_ja: str
    label_en: str
    rate: float = Field(description="Can be above 1: a session can convert twice.")
    interval_95: tuple[float, float] | None = Field(description="Wilson's; null: the rate is above 1.")


class Sums(Shown):
    """`users` are those of each day added up; null: not known for every row."""

    sessions: int
    users: int | None
    conversions: int
    days_with_data: int
    rates: list[Rate] = Field(description="None where there were no visits.")


class Group(Sums):
    name: str | None = Field(description="Day, page, campaign or channel; null: not named, or no known channel.")


class VisitsShown(Shown):
    """Sums over the days, and part by part."""

    first: date
    last: date
    by: By
    total: Sums
    parts: int = Field(description="How many there are.")
    items: list[Group] = Field(description="Days in order, others by sessions, the first 1,000.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "first": "2026-09-01",
                    "last": "2026-09-17",
                    "by": "channel",
                    "total": SUMS,
                    "parts": 1,
                    "items": [SUMS | {"name": "search"}],
                }
            ]
        }
    )


class Imported(Shown):
    """What a file held."""

    rows: int
    first: date
    last: date
    stored: bool = Field(description="False: it was only read.")
    unknown_channels: list[str] = Field(description="Words for channels that mean none yet; /v1/channels decides.")

    model_config = ConfigDict(json_schema_extra={"examples": [IMPORTED]})


class VisitsAsked(Asked):
    first: Day | None = Field(None, description="From this day on; else the last 30 days.", examples=["2026-09-01"])
    last: Day | None = Field(None, description="To this day, included; else today.", examples=["2026-09-17"])
    by: By = Field("day", description="By what to take the sum apart.")


@router.get("", operation_id="sum_web_visits", dependencies=[reads])
def sum_web_visits(asked: Annotated[VisitsAsked, Query()], state: Here) -> VisitsShown:
    """Visits and conversions of some days, taken apart by day, page, campaign or channel; the largest first."""
    last = asked.last or today(state)
    first = asked.first or last - timedelta(days=DAYS - 1)
    if first > last:
        raise refused("parameter:last", "before_first", "Must not be before `first`.")
    if (last - first).days >= MOST_DAYS:
        raise refused("parameter:first", "too_long", "At most {days} days are told at once.", days=MOST_DAYS)
    with state.database.read() as c:
        total, groups = website.totals(c, first, last), website.grouped(c, first, last, asked.by)
    items = [Group(name=group.name, **_sums(group.visits)) for group in groups[:MOST_PARTS]]
    said = {"total": Sums(**_sums(total)), "parts": len(groups), "items": items}
    return VisitsShown(first=first, last=last, by=asked.by, **said)


@router.get("/{day}", operation_id="get_web_visits", dependencies=[reads])
def get_web_visits(
    day: Annotated[Day, Path(description="The day.", examples=["2026-09-17"])],
    state: Here,
    _: Annotated[Nothing, Query()],
) -> DayShown:
    """What was reported of one day; no rows: nothing."""
    with state.database.read() as c:
        return DayShown(day=day, rows=[_row(row) for row in website.rows_of(c, day)])


@router.put("/{day}", operation_id="set_web_visits")
def set_web_visits(
    day: Annotated[Day, Path(description="The day.", examples=["2026-09-17"])],
    body: DayWritten,
    token: Writer,
    state: Here,
    _: Annotated[Nothing, Query()],
) -> DayShown:
    """Replaces what was known of the day: sent twice it counts once."""
    check_day(day, today(state), "parameter:day")
    different((visit.key for visit in body.rows), "/rows")
    with state.database.write() as c:
        website.replace(c, {day: body.rows}, by=token.name, now=state.clock())
    return DayShown(day=day, rows=body.rows)


@router.post("/import", operation_id="import_web_visits", openapi_extra=csv_body(FILE))
def import_web_visits(asked: Annotated[ImportAsked, Query()], token: Writer, state: Here, content: Raw) -> Imported:
    """A CSV file in UTF-8 or Shift_JIS, with headings in Japanese or English; each day in it is replaced. Nothing is
    stored unless every row is right; of a wrong one `errors` point to row and column: `/17/セッション`."""
    found = imports.visits(
        state.database, content, by=token.name, now=state.clock(), today=today(state), dry_run=asked.dry_run
    )
    return Imported.model_validate(asdict(found))


def _row(row: Any) -> Visit:
    return Visit.model_validate({name: getattr(row, name) for name in Visit.model_fields})


def _sums(visits: Visits) -> dict[str, Any]:
    rates = [rate for unit in Unit if (rate := conversion_rate(visits, unit))]
    return asdict(visits) | {
        "rates": [
            Rate(
                per=rate.per,
                label_ja=text("ja", rate.label),
                label_en=text("en", rate.label),
                rate=rate.rate,
                interval_95=(rate.interval.low, rate.interval.high) if rate.interval else None,
            )
            for rate in rates
        ]
    }
