"""Calendars: opening hours and closed days, version by version."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import ConfigDict

from app.api.auth import Admin, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import under
from app.api.schemas import Nothing, Shown, Written
from app.domain.calendar import Calendar
from app.flows import lists, policies

router = noun("/calendars", "Calendars")

CalendarKey = Annotated[str, Path(max_length=64, description="The calendar's key.", examples=["default"])]
DOCUMENT: dict[str, Any] = {
    "key": "default",
    "time_zone": "Asia/Tokyo",
    "weekly": {day: ["09:00-12:00", "13:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    "country": "JP",
    "company_days": {"2026-12-29": "年末休業", "2026-12-30": "年末休業", "2026-12-31": "年末休業"},
}
EXAMPLE: dict[str, Any] = {
    "key": "default",
    "version": 2,
    "created_at": "2026-09-25T02:05:00Z",
    "created_by": "revops",
    "calendar": DOCUMENT
    | {"holidays": {"2026-09-21": "敬老の日", "2026-09-22": "国民の休日", "2026-09-23": "秋分の日"}},
}


class CalendarVersion(Shown):
    """A version of a calendar."""

    key: str
    version: int
    created_at: datetime
    created_by: str
    calendar: Calendar

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class Publication(Written):
    """The next version of a calendar; the country's public holidays are written into it."""

    calendar: Calendar

    model_config = ConfigDict(json_schema_extra={"examples": [{"calendar": DOCUMENT}]})


@router.get("", operation_id="list_calendars", dependencies=[reads])
def list_calendars(state: Here, _: Annotated[Nothing, Query()]) -> Listing[CalendarVersion]:
    """The newest version of every calendar."""
    with state.database.read() as c:
        newest = {row.key: row for row in lists.calendar_versions(c)}
    return Listing(items=[_shown(row) for row in newest.values()])


@router.post("", operation_id="apply_calendar", status_code=201)
def apply_calendar(
    body: Publication, token: Admin, state: Here, response: Response, _: Annotated[Nothing, Query()]
) -> CalendarVersion:
    """Add the calendar's next version. A policy takes it up with the policy's own next version."""
    now = state.clock()
    with under("/calendar"), state.database.write() as c:
        number = policies.apply_calendar(c, body.calendar, by=token.name, now=now)
    response.headers["Location"] = f"/v1/calendars/{body.calendar.key}/versions/{number}"
    with state.database.read() as c:
        return _shown(lists.calendar_version(c, body.calendar.key, number))


@router.get("/{key}", operation_id="list_calendar_versions", dependencies=[reads])
def list_calendar_versions(key: CalendarKey, state: Here, _: Annotated[Nothing, Query()]) -> Listing[CalendarVersion]:
    """All versions of one calendar, the oldest first."""
    with state.database.read() as c:
        rows = lists.calendar_versions(c, key)
    if not rows:
        raise policies.NoSuchCalendar(key)
    return Listing(items=[_shown(row) for row in rows])


@router.get("/{key}/versions/{number}", operation_id="get_calendar_version", dependencies=[reads])
def get_calendar_version(
    key: CalendarKey,
    number: Annotated[int, Path(ge=1, le=10**6, description="The version.", examples=[2])],
    state: Here,
    _: Annotated[Nothing, Query()],
) -> CalendarVersion:
    """One version of a calendar."""
    with state.database.read() as c:
        return _shown(lists.calendar_version(c, key, number))


def _shown(row: Any) -> CalendarVersion:
    return CalendarVersion(
        key=row.key,
        version=row.version,
        created_at=row.created_at,
        created_by=row.created_by,
        calendar=Calendar.model_validate(row.document),
    )
