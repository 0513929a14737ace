"""How often a source speaks, learned from what it delivered. Only open time counts: nights and closed days do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from app.domain.calendar import DAY, Calendar, hours_on, working_time

#: A habit is known after so many open days of history and deliveries.
LEAST_DAYS, LEAST_HEARD = 5, 20
#: Weeks that are remembered.
WEEKS = 4
#: A gap is unusual when it is this many times the longest one remembered, …
STRETCH = 1.5
#: … and at least so long.
SHORTEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The habit of one source."""

    #: Its first and its newest delivery; None: nothing yet.
    first_at: datetime | None = None
    last_at: datetime | None = None
    #: Deliveries so far.
    heard: int = 0
    #: The longest gap in open time by the ISO week in which it ended, of the newest WEEKS in which it spoke.
    longest: Mapping[str, timedelta] = field(default_factory=dict)


def rhythm_as_json(rhythm: Rhythm) -> dict[str, Any]:
    """Without `last_at`, which has a column of its own."""
    return {
        "first_at": rhythm.first_at.isoformat() if rhythm.first_at else None,
        "heard": rhythm.heard,
        "longest": {week: int(gap.total_seconds()) for week, gap in rhythm.longest.items()},
    }


def rhythm_from_json(kept: Mapping[str, Any], last_at: datetime | None) -> Rhythm:
    first_at = kept.get("first_at")
    longest = {week: timedelta(seconds=gap) for week, gap in kept.get("longest", {}).items()}
    return Rhythm(datetime.fromisoformat(first_at) if first_at else None, last_at, kept.get("heard", 0), longest)


def hear(rhythm: Rhythm, moments: Sequence[datetime], calendar: Calendar) -> Rhythm:
    """The rhythm with these deliveries, in order. What is not newer than `last_at` is known already.

    A gap that was unusual may have been an outage: it is remembered as no longer than what was usual before it. So
    one outage does not make the next go unnoticed, and a source that does slow down is understood after a few.
    """
    for at in moments:
        if rhythm.last_at is None:
            rhythm = Rhythm(at, at, 1, {_week(at, calendar): timedelta()})
        elif at > rhythm.last_at:
            rhythm = Rhythm(rhythm.first_at, at, rhythm.heard + 1, _longest(rhythm, at, calendar))
    return rhythm


def _longest(rhythm: Rhythm, at: datetime, calendar: Calendar) -> Mapping[str, timedelta]:
    assert rhythm.last_at is not None
    week = _week(at, calendar)
    known = rhythm.longest.get(week)
    if known is not None and at - rhythm.last_at <= known:  # open time is no longer than time; most gaps end here
        return rhythm.longest
    gap = max(known or timedelta(), working_time(calendar, rhythm.last_at, at))
    usual = learned_gap(rhythm, calendar)
    kept = {**rhythm.longest, week: gap if usual is None else min(gap, usual)}
    return {name: kept[name] for name in sorted(kept)[-WEEKS:]}


def _week(at: datetime, calendar: Calendar) -> str:
    year, week, _ = at.astimezone(calendar.zone).isocalendar()
    return f"{year}-W{week:02}"


def learned_gap(rhythm: Rhythm, calendar: Calendar) -> timedelta | None:
    """Open time without a word that is still usual for it; None: it is not known well enough."""
    if rhythm.heard < LEAST_HEARD or not _known_for_days(rhythm, calendar):
        return None
    return max(SHORTEST, STRETCH * max(rhythm.longest.values(), default=timedelta()))


def _known_for_days(rhythm: Rhythm, calendar: Calendar) -> bool:
    """Whether LEAST_DAYS open days lie between its first and its newest delivery, both days counted."""
    if rhythm.first_at is None or rhythm.last_at is None:
        return False
    day, last = (_day(at, calendar) for at in (rhythm.first_at, rhythm.last_at))
    days = 0
    while day <= last and days < LEAST_DAYS:
        days += bool(hours_on(calendar, day))
        day += DAY
    return days >= LEAST_DAYS


def _day(at: datetime, calendar: Calendar) -> date:
    return at.astimezone(calendar.zone).date()
