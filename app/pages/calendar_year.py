"""A calendar's year in twelve months: which days are open, and why the others are not."""

from __future__ import annotations

from calendar import Calendar as Weeks
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.domain.calendar import COMPANY_DAY, Calendar, hours_on, why_closed
from app.domain.proposal import provisional

#: Message ids.
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: Years that a calendar can speak of.
FIRST, LAST = 1970, 2199


@dataclass(frozen=True, slots=True)
class Kind:
    """A day is told by its mark and its words, not by its colour alone."""

    name: str
    #: A message id.
    word: str
    mark: str


OPEN = Kind("open", "Working day", "")
EXTRA = Kind("extra", "Open out of the ordinary", "+")
WEEKLY = Kind("weekly", "Closed every week", "–")
HOLIDAY = Kind("holiday", "Public holiday", "●")
COMPANY = Kind("company", "Company holiday", "■")
KINDS = (OPEN, EXTRA, WEEKLY, HOLIDAY, COMPANY)


@dataclass(frozen=True, slots=True)
class Day:
    on: date
    kind: Kind
    #: Name of the holiday, or the hours of a day that is open out of the ordinary; a message id for a company day
    #: without a name.
    name: str


@dataclass(frozen=True, slots=True)
class Month:
    #: A message id.
    name: str
    #: Monday first; None: a day of the month before or after.
    weeks: Sequence[Sequence[Day | None]]

    @property
    def named(self) -> list[Day]:
        return [day for week in self.weeks for day in week if day and day.name]


@dataclass(frozen=True, slots=True)
class Year:
    number: int
    months: Sequence[Month]
    #: Nothing official has been said about its public holidays yet.
    provisional: bool
    #: Its country's public holidays of this year are not written into it.
    unknown: bool
    working_days: int


def year_of(calendar: Calendar, number: int, today: date) -> Year:
    months = [_month(calendar, number, month) for month in range(1, 13)]
    days = [day for month in months for week in month.weeks for day in week if day]
    known = any(day.year == number for day in calendar.holidays)
    return Year(
        number,
        months,
        provisional=bool(calendar.country) and known and provisional(number, today),
        unknown=bool(calendar.country) and not known,
        working_days=sum(day.kind in (OPEN, EXTRA) for day in days),
    )


def _month(calendar: Calendar, year: int, month: int) -> Month:
    weeks = Weeks().monthdatescalendar(year, month)
    told = [[_day(calendar, day) if day.month == month else None for day in week] for week in weeks]
    return Month(MONTHS[month - 1], told)


def _day(calendar: Calendar, day: date) -> Day:
    if day in calendar.extra_days:
        return Day(day, EXTRA, ", ".join(hours_on(calendar, day)))
    reason = why_closed(calendar, day)
    if reason is None:
        return Day(day, OPEN, "")
    if day in calendar.holidays:
        return Day(day, HOLIDAY, reason)
    return Day(day, COMPANY, reason or COMPANY_DAY) if day in calendar.company_days else Day(day, WEEKLY, "")
