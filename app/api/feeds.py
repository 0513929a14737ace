"""GET /feeds/{secret}.ics: the meetings as a calendar to subscribe to. The address is the key to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.api.here import Here
from app.api.problems import Problem
from app.flows import agendas, meetings
from app.pages.ics import series_ics

router = APIRouter(tags=["Meetings"])

Secret = Annotated[str, Path(min_length=1, max_length=200, description="As `POST …/feed` gave it, once.")]


@router.get(
    "/feeds/{secret}.ics",
    operation_id="meeting_feed",
    response_class=Response,
    responses={
        200: {
            "description": "RFC 5545; no names of leads.",
            "content": {"text/calendar": {"schema": {"type": "string"}, "example": "BEGIN:VCALENDAR\r\n"}},
        }
    },
)
def meeting_feed(secret: Secret, state: Here) -> Response:
    """Four meetings back and eight ahead; 404 once revoked."""
    now, settings = state.clock(), state.settings
    with state.database.read() as c:
        stored = meetings.series_by_feed_secret(c, secret)
        if stored is None:
            raise Problem(404, "not_found", "There is no such feed, or it was revoked.")
        agenda = agendas.next_agenda(c, settings, now, stored.key)
    calendar = series_ics(
        stored.key,
        stored.series,
        stored.meetings_around(now),
        agenda,
        settings.locale,
        settings.public_url + "/",
        sequence=stored.sequence,
    )
    return Response(calendar, media_type="text/calendar", headers={"Cache-Control": "no-cache"})
