"""What today's list of public holidays would change in a calendar. Proposed, never applied by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.domain.calendar import Calendar, with_public_holidays

#: Japan's government names next year's holidays in the Official Gazette on the first weekday of February; what lies
#: beyond is computed.
ANNOUNCED_IN = 2


@dataclass(frozen=True, slots=True)
class HolidayChange:
    """A day that is called otherwise. None: it is no public holiday."""

    day: date
    before: str | None
    after: str | None
    #: Nothing official has been said about its year yet.
    provisional: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    #: With today's list written into it.
    calendar: Calendar
    #: By day.
    changes: tuple[HolidayChange, ...]
    years: tuple[int, ...]
    provisional_years: tuple[int, ...]


def propose(calendar: Calendar, years: Sequence[int], today: date) -> Proposal:
    """Compare the calendar with what is known today of these years. Without a country there is nothing to propose."""
    known = with_public_holidays(calendar, years)
    days = sorted({*known.holidays, *calendar.holidays})
    changes = (
        HolidayChange(d, calendar.holidays.get(d), known.holidays.get(d), provisional(d.year, today)) for d in days
    )
    different = tuple(change for change in changes if change.before != change.after)
    return Proposal(known, different, tuple(years), tuple(year for year in years if provisional(year, today)))


def provisional(year: int, today: date) -> bool:
    announced = today.year + 1 if today.month >= ANNOUNCED_IN else today.year
    return year > announced
