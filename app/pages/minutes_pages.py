"""The page of a meeting that is over: minutes, decisions, action items, deliveries, what reads otherwise today."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.run import Said, Stage
from app.flows import letters, preparation, record
from app.flows.record import Record
from app.pages import forms, meeting_words, papers
from app.pages.document import read as read_paper
from app.pages.forms import Attempt
from app.pages.meeting_routes import READS, MeetingPage, Number, SeriesKey
from app.pages.rendering import Reader, reader_of, render
from app.state import State

router = APIRouter(route_class=MeetingPage, include_in_schema=False, dependencies=[READS])


@router.get("/meetings/{key}/{number:int}/minutes")
def minutes(request: Request, key: SeriesKey, number: Number) -> Response:
    """As they were written when the meeting was closed."""
    return minutes_page(request, key, number)


def minutes_page(
    request: Request, key: str, number: int, attempt: Attempt = forms.NOTHING, status: int = 200
) -> Response:
    """While the meeting is not closed there are none: its own page is shown instead."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        found = record.read(c, key, number, reader.now)
        if found.run.stage is not Stage.CLOSED:
            return RedirectResponse(reader.href(f"/meetings/{key}/{number}"), 303)
        shown = _shown(c, state, found, reader)
    return render(request, "minutes_page.html", status, attempt=attempt, said=meeting_words, **shown)


def _shown(c: Connection, state: State, found: Record, reader: Reader) -> dict[str, Any]:
    row = found.row
    return {
        "key": row.series_key,
        "found": found,
        "paper": read_paper(row.minutes[reader.locale]),
        "decisions": found.run.of(Said.DECISION),
        "closing": preparation.closing(c, found),
        "sent": letters.delivered(c, row.id),
        "points": preparation.checklist(c, found),
        "restated": papers.restatements(c, state.settings, row.series_key, row.number, reader.locale),
    }
