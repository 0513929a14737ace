"""Meetings: series, their calendar feeds, and the agenda of the next meeting in three formats."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field

from app.api.auth import Admin, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import locale_of, under
from app.api.schemas import Key, Nothing, Shown, Written
from app.domain.language import text
from app.domain.refusals import refused
from app.domain.roles import Right
from app.domain.series import Series, warnings
from app.flows import administer, meetings
from app.flows.meetings import StoredSeries
from app.flows.policies import NoSuchCalendar

router = noun("/meetings", "Meetings", changes=Right.AGREE)

SeriesKey = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="The series' key.", examples=["default"])
]
DOCUMENT: dict[str, Any] = {
    "name": "営業×マーケ連携会議",
    "weekday": "thu",
    "time": "10:00",
    "minutes": 60,
    "every_weeks": 1,
    "first": "2026-09-03",
    "time_zone": "Asia/Tokyo",
    "room": "会議室A",
    "template": "",
    "attendees": [
        {"name": "佐藤 翔太", "email": "sato@example.jp", "role": "marketing_lead", "duty": "facilitator"},
        {"name": "伊藤 健", "email": "ito@example.jp", "role": "sales_lead", "delegate": "kimura@example.jp"},
        {"name": "田中 舞", "email": "tanaka@example.jp", "role": "inside_sales", "duty": "note_taker"},
    ],
}
MEETING: dict[str, Any] = {
    "number": 4,
    "start": "2026-09-24T01:00:00Z",
    "end": "2026-09-24T02:00:00Z",
    "planned": "2026-09-24",
    "moved_because": None,
}
EXAMPLE: dict[str, Any] = {
    "key": "default",
    "series": DOCUMENT,
    "calendar": "default",
    "has_feed": True,
    "next_meeting": MEETING,
    "warnings": [],
}


class Meeting(Shown):
    number: int
    start: datetime
    end: datetime
    planned: date = Field(description="The day that the rhythm gives it.")
    moved_because: str | None = Field(description="Name of the closed day it was moved off; null: held as planned.")


class MeetingSeries(Shown):
    """A recurring meeting of sales and marketing."""

    key: str
    series: Series
    calendar: str
    has_feed: bool
    next_meeting: Meeting | None = Field(description="null: the calendar leaves it no open day.")
    warnings: list[str] = Field(description="What speaks against it although it can be held so.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class AgreedSeries(Written):
    series: Series
    calendar: Key = Field("default", description="Meetings move off the closed days of this calendar.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"series": DOCUMENT, "calendar": "default"}]})


class Feed(Shown):
    """Shown once: whoever knows the address can subscribe."""

    url: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://tasuki.example.com/feeds/5Xk3mC0b9vV2sYt7aQh1wZ8rN4pLd6eJ.ics"}]
        }
    )


# --- series


@router.get("/series", operation_id="list_meeting_series", dependencies=[reads])
def list_series(state: Here, request: Request, _: Annotated[Nothing, Query()]) -> Listing[MeetingSeries]:
    """All meeting series."""
    now, locale = state.clock(), locale_of(request)
    with state.database.read() as c:
        return Listing(items=[_shown(stored, now, locale) for stored in meetings.all_series(c)])


@router.get("/series/{key}", operation_id="get_meeting_series", dependencies=[reads])
def get_series(key: SeriesKey, state: Here, request: Request, _: Annotated[Nothing, Query()]) -> MeetingSeries:
    """One series with its next meeting."""
    with state.database.read() as c:
        return _shown(meetings.read_series(c, key), state.clock(), locale_of(request))


@router.put("/series/{key}", operation_id="set_meeting_series")
def set_series(
    key: SeriesKey, body: AgreedSeries, token: Admin, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> MeetingSeries:
    """Add the series or change it; its feed keeps its address. Nobody and no room can be in two series at once."""
    now = state.clock()
    try:
        with state.database.write() as c, under("/series"):
            administer.set_series(c, administer.Admin(token.name, now), key, body.series, body.calendar)
    except NoSuchCalendar:
        raise refused("/calendar", "unknown_calendar", "There is no calendar {key}.", key=body.calendar) from None
    with state.database.read() as c:
        return _shown(meetings.read_series(c, key), now, locale_of(request))


@router.delete("/series/{key}", operation_id="remove_meeting_series", status_code=204)
def remove_series(key: SeriesKey, token: Admin, state: Here, _: Annotated[Nothing, Query()]) -> None:
    """Remove the series; its feed ends with it."""
    with state.database.write() as c:
        administer.remove_series(c, administer.Admin(token.name, state.clock()), key)


@router.post("/series/{key}/feed", operation_id="make_feed", status_code=201)
def make_feed(key: SeriesKey, token: Admin, state: Here, _: Annotated[Nothing, Query()]) -> Feed:
    """A new address for calendars to subscribe to, shown this once; the one before it ends."""
    with state.database.write() as c:
        secret = administer.new_feed(c, administer.Admin(token.name, state.clock()), key)
    return Feed(url=f"{state.settings.public_url}/feeds/{secret}.ics")


@router.delete("/series/{key}/feed", operation_id="revoke_feed", status_code=204)
def revoke_feed(key: SeriesKey, token: Admin, state: Here, _: Annotated[Nothing, Query()]) -> None:
    """The address answers 404 from now on."""
    with state.database.write() as c:
        administer.revoke_feed(c, administer.Admin(token.name, state.clock()), key)


def _shown(stored: StoredSeries, now: datetime, locale: str) -> MeetingSeries:
    try:
        following = Meeting.model_validate(stored.next_meeting(now), from_attributes=True)
    except meetings.NoMeetingAhead:
        following = None
    return MeetingSeries(
        key=stored.key,
        series=stored.series,
        calendar=stored.calendar_key,
        has_feed=stored.has_feed,
        next_meeting=following,
        warnings=[text(locale, said) for said in warnings(stored.series)],
    )
