"""When we are open: weekly hours, public holidays, company days and extra days, in a time zone.

Instants are UTC; hours are converted day by day, so 09:00-18:00 is nine hours on every day of the year.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.domain.public_holidays import country_code, public_holidays
from app.domain.refusals import complaint
from app.domain.wallclock import in_order, known_zone, minutes_of, overlap, read_span
from app.domain.wallclock import instant as instant

DAY = timedelta(days=1)
#: So many closed days in a row are a mistake, not a calendar.
TOO_LONG_CLOSED = 60
#: Name of a company day that was given none; a message id.
COMPANY_DAY = "company holiday"


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


#: In the order of date.weekday().
WEEKDAYS = tuple(Weekday)


class Window(NamedTuple):
    """An open span of time, UTC. Open at `start`, closed at `end`."""

    start: datetime
    end: datetime


def _named(days: Any) -> Any:
    """A plain list of dates is as good as dates with names."""
    if isinstance(days, list | tuple) and all(isinstance(day, str | date) for day in days):
        days = dict.fromkeys(days, COMPANY_DAY)
    return {day: name or COMPANY_DAY for day, name in days.items()} if isinstance(days, Mapping) else days


def _some_hours(weekly: dict[Weekday, list[str]]) -> dict[Weekday, list[str]]:
    if not any(weekly.values()):
        raise complaint("never_open", "Open at least one weekday, for example `mon: [09:00-18:00]`.")
    for day, following in zip(WEEKDAYS, (*WEEKDAYS[1:], *WEEKDAYS[:1]), strict=True):
        _refuse_overlap(day, weekly.get(day, []), following, weekly.get(following, []))
    return weekly


def _refuse_overlap(day: object, spans: list[str], following: object, next_spans: list[str]) -> None:
    if spans and next_spans and overlap(spans[-1], next_spans[0], days_between=1):
        raise complaint(
            "days_overlap",
            "{earlier} of {day} runs into {later} of {following}; let one end where the other begins.",
            earlier=spans[-1],
            day=f"{day}",
            later=next_spans[0],
            following=f"{following}",
        )


Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
DayName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
#: `09:00-12:00`; the spans of a day in order, a span over midnight on the day on which it begins.
Hours = Annotated[list[Annotated[str, AfterValidator(read_span)]], AfterValidator(in_order)]


class Calendar(BaseModel):
    """One version of a calendar; a form, YAML and JSON carry it alike. Never changed once built."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "default"
    #: IANA name.
    time_zone: Annotated[str, AfterValidator(known_zone)] = "Asia/Tokyo"
    #: A weekday that is missing is closed.
    weekly: Annotated[dict[Weekday, Hours], AfterValidator(_some_hours)]
    #: ISO code of the country whose public holidays are closed; None: none are.
    country: Code | None = None
    #: ISO code of the state or prefecture, for holidays that only it has.
    subdivision: Code | None = None
    #: The public holidays as they were known when this version was made: a newer list moves no old deadline.
    holidays: dict[Day, DayName] = Field(default_factory=dict)
    #: Closed by the company (夏季休業 …), with the name; a plain list of dates will do.
    company_days: Annotated[dict[Day, DayName], BeforeValidator(_named)] = Field(default_factory=dict)
    #: Open with these hours whatever else is said of the day (特別営業日).
    extra_days: dict[Day, Annotated[Hours, Field(min_length=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _extra_days_fit_in(self) -> Calendar:
        for extra in self.extra_days:
            for day in (extra - DAY, extra):
                _refuse_overlap(day, hours_on(self, day), day + DAY, hours_on(self, day + DAY))
        return self

    @model_validator(mode="after")
    def _opens_again(self) -> Calendar:
        if first := _too_long_closed(self):
            raise complaint(
                "closed_too_long",
                "Closed for {days} days or longer from {first} on: nothing could fall due. Open a day in between.",
                days=TOO_LONG_CLOSED,
                first=first.isoformat(),
            )
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """A calendar with other values, checked like any other and with its own windows."""
        return type(self).model_validate({**self.model_dump(), **(update or {})})

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @cached_property
    def _windows(self) -> dict[date, tuple[Window, ...]]:
        """Those asked for so far; a sweep asks ten thousand times for the same few days."""
        return {}


def japanese_office() -> Calendar:
    """Monday to Friday 09:00-18:00, Japan's public holidays."""
    return Calendar(
        key="default", time_zone="Asia/Tokyo", weekly={day: ["09:00-18:00"] for day in WEEKDAYS[:5]}, country="JP"
    )


# --- which days


def hours_on(calendar: Calendar, day: date) -> list[str]:
    """The day's hours as written; empty when closed."""
    if extra := calendar.extra_days.get(day):
        return extra
    if day in calendar.holidays or day in calendar.company_days:
        return []
    return calendar.weekly.get(WEEKDAYS[day.weekday()], [])


def why_closed(calendar: Calendar, day: date) -> str | None:
    """Name of the holiday or company day, "" for a weekday without hours; None when open.

    COMPANY_DAY stands for a company day without a name.
    """
    if hours_on(calendar, day):
        return None
    return calendar.holidays.get(day) or calendar.company_days.get(day) or ""


def _too_long_closed(calendar: Calendar) -> date | None:
    """The first of TOO_LONG_CLOSED closed days in a row."""
    reopened = date.min
    for named in sorted({*calendar.holidays, *calendar.company_days}):
        if named < reopened or hours_on(calendar, named):
            continue
        first = reopened = named
        while not hours_on(calendar, first - DAY):
            first -= DAY
        while not hours_on(calendar, reopened):
            reopened += DAY
        if (reopened - first).days >= TOO_LONG_CLOSED:
            return first
    return None


def with_public_holidays(calendar: Calendar, years: Iterable[int]) -> Calendar:
    """The calendar with its country's public holidays of these years, named in the country's language.

    What `holidays` said about these years is replaced, other years stay. To work on a public holiday, write an extra
    day. Raises Refused for an unknown country or subdivision.
    """
    if calendar.country is None:
        return calendar
    asked, country = set(years), country_code(calendar.country)
    others = {day: name for day, name in calendar.holidays.items() if day.year not in asked}
    found = public_holidays(country, calendar.subdivision, asked)
    return calendar.model_copy(update={"country": country, "holidays": others | found})


# --- which hours


def windows_on(calendar: Calendar, day: date) -> tuple[Window, ...]:
    """The open windows that begin on the civil day, in order.

    One written span is one window, however the clocks are set meanwhile: from the first instant at which the wall
    shows its start (or has skipped it) to the first at which it shows its end. So 00:00-24:00 leaves no hole and is
    25 hours long on such a day; a span inside a repeated hour is open once, one inside a skipped hour not at all.
    """
    known = calendar._windows
    windows = known.get(day)
    if windows is None:
        windows = known[day] = tuple(_windows(calendar, day))
    return windows


def _windows(calendar: Calendar, day: date) -> Iterator[Window]:
    for span in hours_on(calendar, day):
        start, end = (instant(calendar.zone, day, minutes) for minutes in minutes_of(span))
        if start < end:
            yield Window(start, end)


def openings(calendar: Calendar, since: datetime) -> Iterator[tuple[date, tuple[Window, ...]]]:
    """Day by day, without end, the windows that are not over at `since`.

    Begins with the day of `since`, or with the day before if a window of it runs over midnight and is still open.
    """
    today = since.astimezone(calendar.zone).date()
    for day in (today - DAY, today):
        windows = windows_on(calendar, day)
        if windows and windows[0].end <= since:
            windows = tuple(window for window in windows if window.end > since)
        if windows or day == today:
            yield day, windows
    while True:
        today += DAY
        yield today, windows_on(calendar, today)


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """`at` itself while open; at closing time the next opening. UTC."""
    at = at.astimezone(UTC)
    return next(max(at, windows[0].start) for _, windows in openings(calendar, at) if windows)


def is_open(calendar: Calendar, at: datetime) -> bool:
    return next_opening(calendar, at) == at


def working_time(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Open time between two instants; zero when `end` is not after `start`."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    total = timedelta()
    if end <= start:
        return total
    for _, windows in openings(calendar, start):
        for window in windows:
            if window.start >= end:
                return total
            total += min(window.end, end) - max(window.start, start)
    raise AssertionError("openings have no end")
