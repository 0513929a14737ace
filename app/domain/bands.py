"""How pressing a handoff is: the bands of the work list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.domain.clock import Verdict
from app.domain.episode import Change, ChangeKind
from app.domain.wallclock import instant


class Band(StrEnum):
    """In the order in which people work them off."""

    AT_RISK = "at_risk"
    OVERDUE = "overdue"
    TODAY = "today"
    LATER = "later"
    #: The customer asked to wait.
    PAUSED = "paused"
    #: The source is silent: nobody can say whether sales followed up.
    UNKNOWN = "unknown"


class Section(StrEnum):
    """The work list, part after part."""

    SOON = "soon"
    OVERDUE = "overdue"
    TODAY = "today"
    LATER = "later"
    #: Nobody has to hurry.
    WAITING = "waiting"


SECTION_OF = {
    Band.AT_RISK: Section.SOON,
    Band.OVERDUE: Section.OVERDUE,
    Band.TODAY: Section.TODAY,
    Band.LATER: Section.LATER,
    Band.PAUSED: Section.WAITING,
    Band.UNKNOWN: Section.WAITING,
}


@dataclass(frozen=True, slots=True)
class Clock:
    """What the band of an open handoff depends on."""

    verdict: Verdict
    due_at: datetime
    #: The clock stands still until then; None: it runs.
    paused_until: datetime | None = None


def band(clock: Clock, zone: ZoneInfo, now: datetime) -> Band:
    """Of an open handoff. Today is the day at which the reader's wall shows it; a pause heals no passed deadline."""
    if clock.verdict is Verdict.UNKNOWN:
        return Band.UNKNOWN
    if clock.verdict is Verdict.BREACHED or clock.due_at < now:
        return Band.OVERDUE
    if clock.paused_until is not None and now < clock.paused_until:
        return Band.PAUSED
    if clock.verdict is Verdict.AT_RISK:
        return Band.AT_RISK
    return Band.TODAY if clock.due_at < tomorrow(zone, now) else Band.LATER


def tomorrow(zone: ZoneInfo, now: datetime) -> datetime:
    """The instant at which the reader's day ends."""
    return instant(zone, now.astimezone(zone).date() + timedelta(days=1), 0)


def paused_until(changes: Sequence[Change], now: datetime) -> datetime | None:
    """Until when a clock stands still that a pause holds now; None: it runs."""
    ends = [c.until for c in changes if c.kind is ChangeKind.PAUSE and c.until and c.at <= now < c.until]
    return max(ends, default=None)
