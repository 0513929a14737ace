"""All handoffs, running and closed, in a table to be narrowed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.domain.agenda import Lead as Person
from app.domain.calendar import ClockKind
from app.domain.clock import OPEN, Verdict
from app.domain.wallclock import instant
from app.flows import explain, lists, queue
from app.flows.lists import HandoffFilter
from app.flows.queue import Look
from app.pages import paging, words
from app.pages.rendering import reader_of, render
from app.pages.work_asked import LONGEST, NOBODY
from app.state import State

ROWS = 50
#: Fields of the form, as the address names them.
FIELDS = ("verdict", "policy", "owner", "due_from", "due_to", "sort")
#: The earliest deadline first; otherwise the newest.
EARLIEST = "earliest"


@dataclass(frozen=True, slots=True)
class Row:
    """One handoff in the table."""

    handoff: Any
    lead: Person
    #: Owner's name or id.
    owner: str | None
    #: None: its clock does not run any more.
    left: explain.TimeLeft | None
    working: bool


def show_handoffs(request: Request) -> Response:
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    given = {name: request.query_params.get(name, "").replace("\x00", "").strip()[:LONGEST] for name in FIELDS}
    with state.database.read() as c:
        look = Look(state.versions.read(c), reader.zone, reader.now)
        page = _page(c, given, request.query_params.get("after", ""), reader.zone)
        choices = queue.choices(c, look)
    content: dict[str, Any] = {
        "rows": [_row(row, look) for row in page.rows],
        "next": paging.written(page.last),
        "choices": choices,
    }
    asked = {name: value for name, value in given.items() if value}
    first = "after" not in request.query_params
    return render(request, "handoffs.html", **content, given=given, asked=asked, first=first, verdicts=words.VERDICTS)


def _page(c: Connection, given: Mapping[str, str], after: str, zone: ZoneInfo) -> lists.Page:
    verdict, owner = given["verdict"], given["owner"]
    begins, ends = _day(given["due_from"]), _day(given["due_to"])
    wanted = HandoffFilter(
        verdicts=(verdict,) if verdict in set(Verdict) else (),
        owner=owner if owner and owner != NOBODY else None,
        unowned=True if owner == NOBODY else None,
        policy=given["policy"] or None,
        due_from=instant(zone, begins, 0) if begins else None,
        due_before=instant(zone, ends + timedelta(days=1), 0) if ends else None,
    )
    newest_first = given["sort"] != EARLIEST
    return lists.handoffs(c, wanted, after=paging.read(after, datetime, int), limit=ROWS, newest_first=newest_first)


def _row(row: Any, look: Look) -> Row:
    version = look.policies.by_id[row.policy_id]
    left = explain.time_left(version, row.due_at, look.now) if row.verdict in OPEN else None
    owner = row.episode.get("owner_name") or row.owner
    working = version.policy.clock is not ClockKind.ELAPSED
    return Row(row, Person(row.lead_id, row.lead_name, row.company), owner if row.owner else None, left, working)


def _day(written: str) -> date | None:
    """What is no day is not asked for; nor is one that no calendar reaches."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if 1970 < day.year < 9000 else None
