"""The clock of one handoff: when it is due, and the verdict at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain import course
from app.domain.calendar import ClockKind, working_time
from app.domain.course import Agreed, Course, agreed_in, follow_up_in
from app.domain.deadline import Receipt, ReceiptLine, before_deadline
from app.domain.episode import ChangeKind, Episode
from app.domain.policy import Policies, PolicyVersion

#: The smallest step of stored time: a touch exactly at the deadline is in time, one step later it is not.
TICK = timedelta(microseconds=1)
#: A verdict that waits for a dark feed is looked at again after this, whatever else happens.
LOOK_AGAIN = timedelta(minutes=15)


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
    """Until when there is time. `warn_at` None: no warning."""

    due_at: datetime
    warn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    verdict: Verdict
    #: When the verdict became true, in event time.
    at: datetime
    #: The next moment at which it can change by itself; None: only by an event.
    check_again_at: datetime | None


# Until when


def receipt(episode: Episode, policies: Policies) -> Receipt:
    """How the deadline of a handoff is computed, line by line, with everything that moved its clock."""
    if (agreed := agreed_in(policies.by_id[episode.policy_id], episode.duty)) is None:
        return _at_once(episode, policies.by_id[episode.policy_id])
    return _course(episode, agreed, policies).receipt


def terms(episode: Episode, policies: Policies) -> Terms:
    """The deadline of a handoff and the moment of its warning."""
    if (agreed := agreed_in(policies.by_id[episode.policy_id], episode.duty)) is None:
        return Terms(episode.qualified_at, None)
    walked = _course(episode, agreed, policies)
    return Terms(walked.due, _warn_at(walked, episode))


def plain_receipt(qualified_at: datetime, version: PolicyVersion) -> Receipt:
    """How the deadline of a lead is computed that qualifies then, if nothing moves its clock."""
    return course.run(qualified_at, follow_up_in(version), version, (), Policies([version])).receipt


def plain_terms(qualified_at: datetime, version: PolicyVersion) -> Terms:
    walked = course.run(qualified_at, follow_up_in(version), version, (), Policies([version]))
    return Terms(walked.due, _warning(walked))


def _course(episode: Episode, agreed: Agreed, policies: Policies) -> Course:
    version = policies.by_id[episode.policy_id]
    return course.run(episode.qualified_at, agreed, version, episode.changes, policies, episode.duty)


def _at_once(episode: Episode, version: PolicyVersion) -> Receipt:
    """Due when it begins."""
    at = episode.qualified_at
    line = ReceiptLine(at.astimezone(version.calendar.zone).date(), at, at)
    return Receipt(at, at, version.policy.marketing.clock, 0, version.calendar.key, (line,))


# When to warn


def _warn_at(walked: Course, episode: Episode) -> datetime | None:
    """Not while the customer asked to wait."""
    warn_at = _warning(walked)
    for change in episode.changes:
        if warn_at and change.kind is ChangeKind.PAUSE and change.until and change.at <= warn_at < change.until:
            warn_at = min(change.until, walked.due)
    return warn_at


def _warning(walked: Course) -> datetime | None:
    policy, clock = walked.version.policy, walked.agreed.clock
    allowance = _allowance(walked)
    if policy.warn_hours_before is not None:
        lead = timedelta(hours=policy.warn_hours_before)
        return walked.start if lead >= allowance else before_deadline(walked.due, lead, clock, walked.calendar)
    if not policy.warn_when_left:
        return None
    return before_deadline(walked.due, allowance * policy.warn_when_left, clock, walked.calendar)


def _allowance(walked: Course) -> timedelta:
    """All the time that there was, on the clock, pauses left out."""
    paused = [(line.begins, line.ends) for line in walked.lines if line.note == course.PAUSED]
    whole = _on_clock(walked, walked.start, walked.due)
    return whole - sum((_on_clock(walked, b, e) for b, e in paused if b and e), timedelta())


def _on_clock(walked: Course, earlier: datetime, later: datetime) -> timedelta:
    if walked.agreed.clock is ClockKind.ELAPSED:
        return later - earlier
    return working_time(walked.calendar, earlier, later)


# The verdict


def evaluate(episode: Episode, agreed: Terms, now: datetime, dark_since: datetime | None = None) -> Status:
    """The verdict at `now`. Follow-up at the deadline is in time (<=).

    `dark_since`: since then nobody could tell us of a follow-up, so what fell due later is not judged.
    """
    if episode.void_reason:
        return Status(Verdict.VOIDED, episode.ended_at or episode.qualified_at, None)
    if episode.touch:
        return _touched(episode.touch.at, episode.qualified_at, agreed)
    if now > agreed.due_at:
        return _overdue(agreed.due_at, now, dark_since)
    if agreed.warn_at and now >= agreed.warn_at:
        return Status(Verdict.AT_RISK, agreed.warn_at, agreed.due_at + TICK)
    return Status(Verdict.ON_TRACK, episode.qualified_at, agreed.warn_at or agreed.due_at + TICK)


def _overdue(due_at: datetime, now: datetime, dark_since: datetime | None) -> Status:
    if dark_since is not None and due_at > dark_since:
        return Status(Verdict.UNKNOWN, due_at, now + LOOK_AGAIN)
    return Status(Verdict.BREACHED, due_at, None)


def _touched(touched_at: datetime, qualified_at: datetime, agreed: Terms) -> Status:
    at = max(touched_at, qualified_at)
    return Status(Verdict.MET if at <= agreed.due_at else Verdict.MET_LATE, at, None)


def had_a_chance_until(episode: Episode, due_at: datetime, version: PolicyVersion) -> datetime:
    """The deadline as it was for a person: at least the grace time after the tools told us of the MQL."""
    return max(due_at, episode.visible_at + timedelta(minutes=version.policy.grace_minutes))
