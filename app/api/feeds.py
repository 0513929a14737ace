"""GET /feeds/{secret}.ics: the meetings as a calendar to subscribe to. The address is the key to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.api.here import Here
from app.api.problems import Problem
from app.api.schemas import Asked
from app.flows import actions, agendas, meetings, templates
from app.pages.ics import series_ics

router = APIRouter(tags=["Meetings"])

Secret = Annotated[str, Path(min_length=1, max_length=200, description="As `POST …/feed` gave it, once.")]


class FeedAsked(Asked):
    due_dates: bool = Field(False, description="Days of open action items as well, by number and owner.")


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
def meeting_feed(secret: Secret, state: Here, asked: Annotated[FeedAsked, Query()]) -> Response:
    """Four meetings back and eight ahead; 404 once revoked."""
    now, settings = state.clock(), state.settings
    with state.database.read() as c:
        stored = meetings.series_by_feed_secret(c, secret)
        if stored is None:
            raise Problem(404, "not_found", "There is no such feed, or it was revoked.")
        agenda = agendas.next_agenda(c, settings, now, stored.key)
        _, template = templates.template_for(c, stored, agenda.meeting.number)
        due = actions.open_ones(c, stored.key) if asked.due_dates else ()
    calendar = series_ics(
        stored.key,
        stored.series,
        stored.meetings_around(now),
        agenda,
        settings.locale,
        settings.public_url + "/",
        sequence=stored.sequence,
        items=template.items,
        due=due,
    )
    return Response(calendar, media_type="text/calendar", headers={"Cache-Control": "no-cache"})
