"""A recurring meeting: who comes, and its rhythm of one, two or four weeks, moved off closed days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from app.domain.calendar import WEEKDAYS, Calendar, Weekday, instant, why_closed
from app.domain.labels import email_address, one_line
from app.domain.refusals import complaint
from app.domain.template import KEY, Duty, Length, Role

ONE_DAY = timedelta(days=1)
#: How many planned dates may fall out in a row before there is no next meeting.
MOST_SKIPPED = 60


Name = Annotated[str, Field(max_length=100), AfterValidator(one_line), Field(min_length=1)]


class Attendee(BaseModel):
    """Somebody who is in every meeting of the series."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    email: Annotated[str, Field(max_length=320), AfterValidator(email_address)]
    role: Role
    duty: Duty | None = None
    #: E-mail address of who comes instead; empty: nobody.
    delegate: Annotated[str, Field(max_length=320)] = ""

    @field_validator("delegate")
    @classmethod
    def delegate_can_be_written_to(cls, delegate: str) -> str:
        return email_address(delegate) if delegate.strip() else ""


class Series(BaseModel):
    """A recurring meeting as people write it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    weekday: Weekday
    #: Local time of day at which it begins, `10:00`.
    time: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    minutes: Length = 60
    #: 4: the rhythm of a month.
    every_weeks: Literal[1, 2, 4] = 1
    #: Meeting 1 is planned for the first such weekday from this date on.
    first: date
    time_zone: str = "Asia/Tokyo"
    #: Where it is held; empty: nowhere that could be taken.
    room: Annotated[str, Field(max_length=100), AfterValidator(one_line)] = ""
    #: Name of the Slack webhook that gets agenda and minutes (TASUKI_SLACK_WEBHOOKS); empty: none.
    slack: Annotated[str, Field(max_length=64), AfterValidator(one_line)] = ""
    #: Key of a template of the company's own; empty: the one of that length that comes with Tasuki.
    template: Annotated[str, Field(pattern=rf"^({KEY})?$")] = ""
    attendees: Annotated[tuple[Attendee, ...], Field(max_length=50)] = ()

    @field_validator("attendees")
    @classmethod
    def each_person_once(cls, attendees: tuple[Attendee, ...]) -> tuple[Attendee, ...]:
        times = Counter(person.email.casefold() for person in attendees)
        if twice := [email for email, n in times.items() if n > 1]:
            raise complaint("twice", "{email} stands here twice.", email=twice[0])
        duties = Counter(person.duty for person in attendees if person.duty)
        if shared := [duty for duty, n in duties.items() if n > 1]:
            raise complaint(f"two_{shared[0].value}s", ONE_OF_THEM[shared[0]])
        return attendees

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


#: Message ids.
ONE_OF_THEM: Mapping[Duty, str] = {
    Duty.FACILITATOR: "One person facilitates; name one facilitator at most.",
    Duty.NOTE_TAKER: "One person takes the notes; name one note taker at most.",
}
MONTHLY = "With a meeting a month there is a risk that measures are put right too late."
#: Who the meeting is nothing without.
MISSING: Mapping[Role, str] = {
    Role.MARKETING_LEAD: "The head of marketing is not among the attendees.",
    Role.SALES_LEAD: "The head of sales is not among the attendees.",
    Role.INSIDE_SALES: "Nobody from inside sales is among the attendees.",
}


def warnings(series: Series) -> tuple[str, ...]:
    """What speaks against it although it can be held so; message ids."""
    there = {person.role for person in series.attendees}
    missing = tuple(said for role, said in MISSING.items() if there and role not in there)
    return ((MONTHLY,) if series.every_weeks == 4 else ()) + missing


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
