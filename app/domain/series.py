"""The rhythm of a meeting: weekly or every two weeks, moved off closed days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.domain.calendar import WEEKDAYS, Calendar, Weekday, instant, why_closed
from app.domain.refusals import complaint

ONE_DAY = timedelta(days=1)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: How many planned dates may fall out in a row before there is no next meeting.
MOST_SKIPPED = 60


class Series(BaseModel):
    """A recurring meeting as people write it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100)]
    weekday: Weekday
    #: Local time of day at which it begins, `10:00`.
    time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    #: 60 to 90.
    minutes: int = 60
    every_weeks: Literal[1, 2] = 1
    #: Meeting 1 is planned for the first such weekday from this date on.
    first: date
    time_zone: str = "Asia/Tokyo"

    @field_validator("name")
    @classmethod
    def name_in_one_line(cls, name: str) -> str:
        if not name.strip() or CONTROL.search(name):
            raise complaint("one_line", "Must be one line of visible text.")
        return name.strip()

    @field_validator("minutes")
    @classmethod
    def long_enough_and_not_longer(cls, minutes: int) -> int:
        if not 60 <= minutes <= 90:
            raise complaint("minutes", "The meeting takes 60 to 90 minutes: shorter decides nothing, longer tires.")
        return minutes

    @field_validator("time_zone")
    @classmethod
    def zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise complaint("time_zone", "There is no such time zone; write an IANA name like Asia/Tokyo.") from None
        return name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def rhythm(self) -> timedelta:
        return timedelta(weeks=self.every_weeks)

    def planned(self, number: int) -> date:
        """The day that the rhythm gives meeting `number`, open or not."""
        first = self.first + timedelta(days=(WEEKDAYS.index(self.weekday) - self.first.weekday()) % 7)
        return first + (number - 1) * self.rhythm


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting of a series; numbers follow the rhythm, so one that fell out leaves a gap."""

    number: int
    planned: date
    #: Aware, UTC.
    start: datetime
    end: datetime
    #: Name of the closed day it was moved off, empty where the day has no name; None: held as planned.
    moved_because: str | None


def meetings(series: Series, calendar: Calendar, after: datetime, count: int) -> list[Meeting]:
    """The next `count` meetings that are not over at `after`."""
    return list(islice((m for m in _held(series, calendar, after) if m.end > after), count))


def previous_meeting(series: Series, calendar: Calendar, meeting: Meeting) -> Meeting | None:
    """The one held before; None before the first."""
    earlier = (_meeting(series, calendar, number) for number in range(meeting.number - 1, 0, -1))
    return next((m for m in earlier if m), None)


def meetings_before(series: Series, calendar: Calendar, meeting: Meeting, count: int) -> list[Meeting]:
    """The last `count` meetings before this one, oldest first."""
    found: list[Meeting] = []
    while len(found) < count and (before := previous_meeting(series, calendar, found[-1] if found else meeting)):
        found.append(before)
    return found[::-1]


def _held(series: Series, calendar: Calendar, after: datetime) -> Iterator[Meeting]:
    """Meetings from shortly before `after` on; ends where too many in a row fall out."""
    number = max(1, (after.astimezone(series.zone).date() - series.planned(1)) // series.rhythm - 1)
    last_held = number
    while number - last_held <= MOST_SKIPPED:
        if meeting := _meeting(series, calendar, number):
            last_held = number
            yield meeting
        number += 1


def _meeting(series: Series, calendar: Calendar, number: int) -> Meeting | None:
    planned = series.planned(number)
    held = _day_held(series, calendar, planned)
    if held is None:
        return None
    hour, minute = map(int, series.time.split(":"))
    start = instant(series.zone, held, hour * 60 + minute)
    reason = None if held == planned else why_closed(calendar, planned)
    return Meeting(number, planned, start, start + timedelta(minutes=series.minutes), reason)


def _day_held(series: Series, calendar: Calendar, planned: date) -> date | None:
    """The planned day; if closed, the next open day before the next planned one; else the last open day before it.

    None: no open day lies between the meetings before and after, so this one falls out.
    """
    if why_closed(calendar, planned) is None:
        return planned
    if later := _next_open(calendar, planned, series.rhythm):
        return later
    before = planned - series.rhythm
    taken = before if why_closed(calendar, before) is None else _next_open(calendar, before, series.rhythm) or before
    days_back = (planned - ONE_DAY * n for n in range(1, (planned - taken).days))
    return next((day for day in days_back if why_closed(calendar, day) is None), None)


def _next_open(calendar: Calendar, day: date, within: timedelta) -> date | None:
    later = (day + ONE_DAY * n for n in range(1, within.days))
    return next((each for each in later if why_closed(calendar, each) is None), None)
