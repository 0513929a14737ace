"""When an office is open: weekly windows, public holidays, company days, in a time zone.

Work is done in UTC and converted per civil day, so a day with 23 or 25 hours has the open hours that its clock shows.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import holidays as public
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, field_validator, model_validator

#: A calendar that is closed for longer than this would make deadlines that nobody meant.
LONGEST_CLOSURE = 60
#: How far around a moment an opening is looked for; only reached across the end of time.
HORIZON = 3 * LONGEST_CLOSURE
FIRST_YEAR, LAST_YEAR = 1990, 2100
WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
MINUTES_A_DAY = 24 * 60


class ClockKind(StrEnum):
    """What "24 hours" means."""

    ELAPSED = "elapsed"
    BUSINESS_HOURS = "business_hours"
    BUSINESS_DAYS = "business_days"


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEKDAYS = tuple(Weekday)


class Window(NamedTuple):
    """An open span, in UTC."""

    start: datetime
    end: datetime


class NeverOpen(ValueError):
    """The calendar has no opening within the horizon."""


def as_named_days(days: Any) -> Any:
    """A plain list of dates is as good as dates with names."""
    return dict.fromkeys(days, "") if isinstance(days, list) else days


def minutes_of(window: str) -> tuple[int, int]:
    """`22:00-02:00` → (1320, 1560): minutes since the day's midnight; the end lies behind the start.

    Raises ValueError for anything but HH:MM-HH:MM.
    """
    parts = WINDOW.fullmatch(window)
    if not parts:
        raise ValueError(f"{window!r} is not a span of time; write it like 09:00-18:00")
    start, end = int(parts[1]) * 60 + int(parts[2]), int(parts[3]) * 60 + int(parts[4])
    if end > MINUTES_A_DAY:
        raise ValueError(f"{window!r} ends after 24:00; a span over midnight is written like 22:00-02:00")
    return start, end if end > start else end + MINUTES_A_DAY


def in_order(windows: list[str]) -> list[str]:
    """The windows of a day, refused if they overlap or stand in the wrong order."""
    end = -1
    for window in windows:
        start, next_end = minutes_of(window)
        if start < end:
            raise ValueError(f"{window!r} begins before the span in front of it ends")
        end = next_end
    return windows


class Calendar(BaseModel):
    """One version of a calendar. A form, a YAML file and JSON carry it alike."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "default"
    #: IANA name.
    time_zone: str = "Asia/Tokyo"
    #: `09:00-12:00`; `00:00-24:00` is all day; a span over midnight belongs to the day on which it begins.
    weekly: dict[Weekday, list[str]]
    #: ISO code of the country whose public holidays are closed; None: no public holidays.
    country: str | None = None
    subdivision: str | None = None
    #: The public holidays as they were known when this version was made. A later release of the holidays package
    #: moves no deadline.
    holidays: dict[date, str] = Field(default_factory=dict)
    #: Closed by the company, with a name; a plain list of dates will do.
    company_days: Annotated[dict[date, str], BeforeValidator(as_named_days)] = Field(default_factory=dict)
    #: A day that is open with these windows whatever else says otherwise (特別営業日).
    extra_days: dict[date, list[str]] = Field(default_factory=dict)

    _zone: ZoneInfo = PrivateAttr()
    _windows: dict[date, tuple[Window, ...]] = PrivateAttr(default_factory=dict)

    @field_validator("time_zone")
    @classmethod
    def zone_is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as unknown:
            raise ValueError(f"no time zone is called {name!r}; use an IANA name such as Asia/Tokyo") from unknown
        return name

    @field_validator("weekly", "extra_days")
    @classmethod
    def windows_are_in_order(cls, days: dict[Any, list[str]]) -> dict[Any, list[str]]:
        for windows in days.values():
            in_order(windows)
        return days

    @field_validator("holidays", "company_days", "extra_days")
    @classmethod
    def years_are_sensible(cls, days: dict[date, Any]) -> dict[date, Any]:
        for day in days:
            if not FIRST_YEAR <= day.year <= LAST_YEAR:
                raise ValueError(f"{day} is out of range; years {FIRST_YEAR} to {LAST_YEAR} are known")
        return days

    @model_validator(mode="after")
    def opens_at_all(self) -> Calendar:
        self._zone = ZoneInfo(self.time_zone)
        if not any(self.weekly.values()):
            raise ValueError("the calendar is never open; give at least one weekday a span such as 09:00-18:00")
        closed_days = {*self.holidays, *self.company_days}
        if closed_days and _longest_closure(self, closed_days) > LONGEST_CLOSURE:
            raise ValueError(f"the calendar is closed for more than {LONGEST_CLOSURE} days on end")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return self._zone


def _longest_closure(calendar: Calendar, closed_days: Iterable[date]) -> int:
    longest = run = 0
    day, last = min(closed_days) - timedelta(days=7), max(closed_days) + timedelta(days=7)
    while day <= last:
        run = 0 if why_closed(calendar, day) is None else run + 1
        longest, day = max(longest, run), day + timedelta(days=1)
    return longest


def japanese_office() -> Calendar:
    """Monday to Friday, 09:00 to 18:00, Japan's public holidays."""
    return Calendar(key="default", weekly={key: ["09:00-18:00"] for key in WEEKDAYS[:5]}, country="JP")


def with_public_holidays(calendar: Calendar, years: Iterable[int]) -> Calendar:
    """The calendar with its country's public holidays of these years written into it.

    Raises ValueError for a country or subdivision that the holidays package does not know.
    """
    if calendar.country is None:
        return calendar
    known = public.list_supported_countries()
    if calendar.country not in known:
        near = difflib.get_close_matches(calendar.country.upper(), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"country: no public holidays are known for {calendar.country!r}{hint}")
    try:
        plain = public.country_holidays(calendar.country, subdiv=calendar.subdivision)
        # In the country's own language, whatever this process's environment says.
        found = public.country_holidays(
            calendar.country, subdiv=calendar.subdivision, years=years, language=plain.default_language
        )
    except NotImplementedError as unknown:
        raise ValueError(f"subdivision: {calendar.subdivision!r} is not known in {calendar.country}") from unknown
    return calendar.model_copy(update={"holidays": dict(sorted(found.items())), "_windows": {}})


def why_closed(calendar: Calendar, day: date) -> str | None:
    """The name of the holiday or company day, "" for a weekday without windows, None when open."""
    if calendar.extra_days.get(day):
        return None
    if day in calendar.company_days:
        return calendar.company_days[day]
    if day in calendar.holidays:
        return calendar.holidays[day]
    return None if calendar.weekly.get(WEEKDAYS[day.weekday()]) else ""


def windows_on(calendar: Calendar, day: date) -> tuple[Window, ...]:
    """The open windows that begin on that civil day."""
    known = calendar._windows.get(day)
    if known is None:
        known = calendar._windows[day] = tuple(_windows_of(calendar, day))
    return known


def _windows_of(calendar: Calendar, day: date) -> Iterator[Window]:
    if why_closed(calendar, day) is not None:
        return
    for written in calendar.extra_days.get(day) or calendar.weekly[WEEKDAYS[day.weekday()]]:
        start, end = minutes_of(written)
        window = Window(instant(calendar.zone, day, start), instant(calendar.zone, day, end))
        if window.start < window.end:
            yield window


def instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The UTC instant at which the day's clock shows that time.

    A time inside a skipped hour is the first instant after the skip; of a repeated one the first pass counts.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    return _first_after_skip(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), at)


def _first_after_skip(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The moment between the two at which the zone's offset changes, by halving."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == before.astimezone(zone).utcoffset():
            before = middle
        else:
            after = middle
    return after


def civil_day(calendar: Calendar, at: datetime) -> date:
    return at.astimezone(calendar.zone).date()


def windows_from(calendar: Calendar, at: datetime) -> Iterator[Window]:
    """Windows that end after `at`, forward; the first may have begun. Raises NeverOpen at the horizon."""
    day = civil_day(calendar, at) - timedelta(days=1)
    for _ in range(HORIZON):
        for window in windows_on(calendar, day):
            if window.end > at:
                yield window
        day += timedelta(days=1)
    raise NeverOpen(f"the calendar {calendar.key} does not open within {HORIZON} days of {at:%Y-%m-%d}")


def windows_until(calendar: Calendar, at: datetime) -> Iterator[Window]:
    """Windows that begin before `at`, backward. Raises NeverOpen at the horizon."""
    day = civil_day(calendar, at)
    for _ in range(HORIZON):
        for window in reversed(windows_on(calendar, day)):
            if window.start < at:
                yield window
        day -= timedelta(days=1)
    raise NeverOpen(f"the calendar {calendar.key} was not open within {HORIZON} days before {at:%Y-%m-%d}")


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Open from the opening on, closed from the closing on."""
    return next_opening(calendar, at) == at


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """`at` itself while open; at the closing it is the next opening."""
    return max(at, next(windows_from(calendar, at)).start)


def working_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Open time between two instants; nothing when the end is not after the start."""
    total = timedelta()
    day, last = civil_day(calendar, start) - timedelta(days=1), civil_day(calendar, end)
    while day <= last:
        for window in windows_on(calendar, day):
            total += max(timedelta(), min(window.end, end) - max(window.start, start))
        day += timedelta(days=1)
    return total
