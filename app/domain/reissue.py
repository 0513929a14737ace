"""Which versions of policies are said again when a calendar that they use gets its next version.

A version is pinned to the calendars that it was made with, so that no deadline moves by itself. The versions in force,
or to be, are repeated on the new calendar; and so is an older one that open clocks run under, because a new holiday
must not give them another target.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from app.domain.calendar import Calendar
from app.domain.policy import BEGINNING, Policies, PolicyVersion


def stale(version: PolicyVersion, calendar: Calendar) -> bool:
    """Whether it uses the calendar as it was before."""
    used = (version.calendar, *version.calendars.values())
    return any(known.key == calendar.key and known != calendar for known in used)


def repeats(known: Policies, calendar: Calendar, in_use: Collection[int], now: datetime) -> list[PolicyVersion]:
    """The versions to say again, in that order, each from `begins` on. `in_use`: row ids that open clocks run under."""
    by_key = groupby(known.versions, key=lambda version: version.policy.key)
    return [version for _, versions in by_key for version in _repeats(list(versions), calendar, in_use, now)]


def _repeats(
    versions: Sequence[PolicyVersion], calendar: Calendar, in_use: Collection[int], now: datetime
) -> Sequence[PolicyVersion]:
    reigning = in_force(versions, now)
    wanted = [v for v in versions if v in reigning or v.id in in_use]
    late = [v for v in wanted if stale(v, calendar) and _successor(v, versions, calendar) is None]
    older = [v for v in late if v not in reigning]
    if older:  # their numbers come after those in force, which therefore have to speak last
        return [*older, *reigning]
    return reigning[reigning.index(late[0]) :] if late else ()


def in_force(versions: Sequence[PolicyVersion], now: datetime) -> list[PolicyVersion]:
    """Of one policy's versions the one in force at `now`, and those that will be, switched off or not."""
    moments = sorted({now, *(v.effective_from for v in versions if v.effective_from and v.effective_from > now)})
    found = dict.fromkeys(version.id for at in moments for version in _newest(versions, at))
    return [version for version in versions if version.id in found]


def _newest(versions: Sequence[PolicyVersion], at: datetime) -> Iterator[PolicyVersion]:
    begun = [version for version in versions if (version.effective_from or BEGINNING) <= at]
    yield from begun[-1:]


def begins(version: PolicyVersion, now: datetime) -> datetime:
    """From when on its repetition is in force."""
    return max(version.effective_from or now, now)


def successors(known: Policies, calendar: Calendar) -> dict[int, PolicyVersion]:
    """Row id of a version on an earlier version of the calendar → the one that says the same on this one."""
    pairs = ((v.id, _successor(v, known.versions, calendar)) for v in known.versions if stale(v, calendar))
    return {version_id: same for version_id, same in pairs if same}


def _successor(version: PolicyVersion, versions: Sequence[PolicyVersion], calendar: Calendar) -> PolicyVersion | None:
    same = (
        later
        for later in reversed(versions)
        if later.version > version.version and later.policy == version.policy and not stale(later, calendar)
    )
    return next(same, None)
