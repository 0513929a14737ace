"""What changes in a meeting, told at once to everybody who has it open."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.flows import pulse
from app.pages import live
from app.pages.meeting_routes import READS, MeetingPage, Number, SeriesKey
from app.state import State

router = APIRouter(route_class=MeetingPage, include_in_schema=False, dependencies=[READS])


@router.get("/meetings/{key}/{number:int}/events")
def events(request: Request, key: SeriesKey, number: Number) -> Response:
    """Never ends a transaction late: each look is one of its own."""
    state: State = request.app.state.tasuki

    def look() -> str:
        with state.database.read() as c:
            return pulse.read(c, key, number)

    return live.stream(request, look)
