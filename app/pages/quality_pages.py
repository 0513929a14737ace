"""Data quality as a list of things to do, and every case of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.domain.quality import Kind, Look
from app.domain.roles import Right
from app.flows import quality
from app.pages import paging, session
from app.pages.quality_cases import CASES
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(prefix="/quality", route_class=Page, include_in_schema=False)
ROWS = 50
#: How many days back people choose to look.
SPANS = (7, 30, quality.DAYS, quality.MOST_DAYS)
#: The sort keys of the kinds whose pages do not begin after a place.
KEYS: dict[Kind, tuple[type, ...]] = dict.fromkeys((Kind.OWNERLESS, Kind.MA_ONLY, Kind.SFA_ONLY), (datetime, int))
#: Where a case is mended or looked into; a kind that is not named here has no page of its own.
LINKS: dict[Kind, Callable[[Any], str]] = {
    Kind.OWNERLESS: lambda row: f"/handoffs/{row.id}",
    Kind.MA_ONLY: lambda row: f"/leads/{row.id}",
    Kind.SFA_ONLY: lambda row: f"/leads/{row.id}",
    Kind.AMBIGUOUS_IDENTITIES: lambda row: f"/leads/{row.lead.id}",
    Kind.STATUS_ONLY: lambda row: f"/handoffs/{row.handoff_id}",
    Kind.SCORE_JUMPS: lambda row: f"/leads/{row.lead.id}" if row.lead else "",
    Kind.IMPOSSIBLE_TIMES: lambda row: f"/leads/{row.lead.id}",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A reader who is told cases."""

    reader: Reader

    @property
    def locale(self) -> str:
        return self.reader.locale

    def words(self, message: str, **values: object) -> str:
        return self.reader.text(message, **values)

    def moment(self, at: datetime | None) -> str:
        return self.reader.moment(at, year=True) if at else "–"


@dataclass(frozen=True, slots=True)
class Case:
    """A line of a table; `path`: where it leads, empty for nowhere."""

    cells: list[str]
    path: str


@router.get("", dependencies=[Depends(session.may(Right.SEE_FIGURES))])
def to_do(request: Request) -> Response:
    """What there is to mend, the kinds with something to do first. `?days=30`: how far back."""
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        tasks = quality.tasks(c, _look(request, state.versions.read(c)))
    todo, done = [t for t in tasks if t.tally.count], [t for t in tasks if not t.tally.count]
    return render(request, "quality.html", todo=todo, done=done, days=_days(request), spans=SPANS)


@router.get("/{kind}", dependencies=[Depends(session.may(Right.SEE_LEADS))])
def cases(request: Request, kind: str) -> Response:
    """Every case of one kind, in pages."""
    state: State = request.app.state.tasuki
    if kind not in set(Kind):
        return render(request, "missing.html", 404)
    wanted = Kind(kind)
    after = paging.read(request.query_params.get("after", ""), *KEYS.get(wanted, (int,)))
    with state.database.read() as c:
        look = _look(request, state.versions.read(c))
        tally, page = quality.SEARCHES[wanted][0](c, look), quality.rows(c, wanted, look, after=after, limit=ROWS)
    columns, cells = CASES[wanted]
    told = Told(reader_of(request))
    rows = [Case([_cell(each) for each in cells(row, told)], _link(wanted, row)) for row in page.rows]
    title, remedy = quality.WORDS[wanted]
    return render(
        request, "quality_cases.html", kind=wanted, title=title, remedy=remedy, columns=columns, rows=rows,
        tally=tally, days=_days(request), first=after is None, next=paging.written(page.last),
    )  # fmt: skip


def _look(request: Request, policies: Any) -> Look:
    return Look(request.app.state.tasuki.clock(), _days(request), policies)


def _days(request: Request) -> int:
    asked = request.query_params.get("days", "")
    return int(asked) if asked in map(str, SPANS) else quality.DAYS


def _cell(value: object) -> str:
    return "–" if value is None or value == "" else str(value)


def _link(kind: Kind, row: Any) -> str:
    return LINKS[kind](row) if kind in LINKS else ""
