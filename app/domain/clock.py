"""The clock of one handoff: when it is due, and the verdict at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.calendar import Calendar, ClockKind, working_time
from app.domain.deadline import Receipt, before_deadline, deadline
from app.domain.history import Episode
from app.domain.policy import Policy

#: The smallest step of stored time: a touch exactly at the deadline is in time, one step later it is not.
TICK = timedelta(microseconds=1)


class Verdict(StrEnum):
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    MET = "met"
    MET_LATE = "met_late"
    VOIDED = "voided"
    UNKNOWN = "unknown"


#: Verdicts of handoffs that still wait for a follow-up.
OPEN = frozenset({Verdict.ON_TRACK, Verdict.AT_RISK, Verdict.BREACHED, Verdict.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Terms:
    """Until when sales has time. `warn_at` None: no warning."""

    due_at: datetime
    warn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    verdict: Verdict
    #: When the verdict became true, in event time.
    at: datetime
    #: The next moment at which it can change by itself; None: only by an event.
    check_again_at: datetime | None


def receipt(qualified_at: datetime, policy: Policy, calendar: Calendar) -> Receipt:
    """How the deadline of a lead that qualified then is computed, line by line."""
    return deadline(qualified_at, policy.clock, policy.target, calendar)


def terms(qualified_at: datetime, policy: Policy, calendar: Calendar) -> Terms:
    due = receipt(qualified_at, policy, calendar).due
    if not policy.warn_when_left:
        return Terms(due, None)
    if policy.clock is ClockKind.ELAPSED:
        return Terms(due, due - (due - qualified_at) * policy.warn_when_left)
    lead = working_time(calendar, qualified_at, due) * policy.warn_when_left
    return Terms(due, before_deadline(due, lead, policy.clock, calendar))


def evaluate(episode: Episode, agreed: Terms, now: datetime) -> Status:
    """The verdict at `now`. Follow-up at the deadline is in time (<=)."""
    if episode.void_reason:
        return Status(Verdict.VOIDED, episode.ended_at or episode.qualified_at, None)
    if episode.touch:
        return _touched(episode.touch.at, episode.qualified_at, agreed)
    if now > agreed.due_at:
        return Status(Verdict.BREACHED, agreed.due_at, None)
    if agreed.warn_at and now >= agreed.warn_at:
        return Status(Verdict.AT_RISK, agreed.warn_at, agreed.due_at + TICK)
    return Status(Verdict.ON_TRACK, episode.qualified_at, agreed.warn_at or agreed.due_at + TICK)


def _touched(touched_at: datetime, qualified_at: datetime, agreed: Terms) -> Status:
    at = max(touched_at, qualified_at)
    return Status(Verdict.MET if at <= agreed.due_at else Verdict.MET_LATE, at, None)
