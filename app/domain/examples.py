"""Moments at which a lead may come, chosen so that one kind of clock differs from another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.domain.calendar import Calendar, hours_on

#: Days looked through for the next run of days off.
AHEAD = 200
#: Days off in a row that are more than a weekend.
LONG_BREAK = 3
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Arrival:
    """A lead that becomes MQL at a moment, UTC or the calendar's zone; `words` is a message id."""

    words: str
    at: datetime


def arrivals(calendar: Calendar, now: datetime) -> list[Arrival]:
    """Five of the coming days, in their order in the week."""
    today = now.astimezone(calendar.zone).date()
    open_day = next(_days(calendar, today + timedelta(days=1), is_open=True))
    saturday = today + timedelta(days=(SATURDAY - today.weekday()) % 7 or 7)
    eve = _eve_of_a_long_break(calendar, today)
    return [
        Arrival("In the morning of a working day", _at(calendar, open_day, time(10, 0))),
        Arrival("Half an hour before the end of work", _before_closing(calendar, open_day)),
        Arrival("In the night", _at(calendar, open_day, time(22, 30))),
        Arrival("On a Saturday", _at(calendar, saturday, time(11, 0))),
        Arrival("Before several days off", _before_closing(calendar, eve)),
    ]


def _days(calendar: Calendar, since: date, *, is_open: bool) -> Iterator[date]:
    days = (since + timedelta(days=n) for n in range(AHEAD))
    return (day for day in days if bool(hours_on(calendar, day)) is is_open)


def _eve_of_a_long_break(calendar: Calendar, today: date) -> date:
    """The last open day before LONG_BREAK days off or more; without such days, before the next day off."""
    eves = [day for day in _days(calendar, today + timedelta(days=1), is_open=True) if _closed_after(calendar, day)]
    long = (day for day in eves if _closed_after(calendar, day) >= LONG_BREAK)
    return next(long, eves[0] if eves else today)


def _closed_after(calendar: Calendar, day: date) -> int:
    """Days off that follow, LONG_BREAK at most."""
    following = (day + timedelta(days=n) for n in range(1, LONG_BREAK + 1))
    count = 0
    for each in following:
        if hours_on(calendar, each):
            break
        count += 1
    return count


def _before_closing(calendar: Calendar, day: date) -> datetime:
    """Half an hour before it."""
    hours = hours_on(calendar, day)
    closing = hours[-1].partition("-")[2] if hours else "18:00"
    hour, minute = (int(part) for part in closing.split(":"))
    midnight = datetime.combine(day, time(), calendar.zone)
    return midnight + timedelta(hours=hour, minutes=minute - 30)


def _at(calendar: Calendar, day: date, of_day: time) -> datetime:
    return datetime.combine(day, of_day, calendar.zone)
