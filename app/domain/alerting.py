"""Who is owed a message when a verdict changes, when it may be sent, and whether it is still true by then.

It does not matter how long ago a verdict became true: whoever was told of a breach hears that it was none, and a breach
that comes about weeks later (a call was deleted, a feed was dark) is told once, like any other. History alone is for
the agenda and not for a message: what was long over when the tools first told us of the MQL (a back-fill, a first
connection).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.agreement import Duty
from app.domain.calendar import ClockKind, next_opening
from app.domain.clock import Status, Verdict
from app.domain.deadline import deadline
from app.domain.episode import Episode
from app.domain.policy import AlertReason, AlertRoute, PolicyVersion

#: What had been true for longer than this when we heard of the MQL is history.
TOO_OLD = timedelta(days=7)
#: Reasons that are held back while somebody is on it.
NUDGES = frozenset({AlertReason.AT_RISK, AlertReason.BREACHED, AlertReason.ESCALATED})
#: Told anew whenever it becomes true again; the others only if nobody heard of them, or it was taken back since.
ANEW = frozenset({AlertReason.AT_RISK, AlertReason.WITHDRAWN})
#: Between the message of a breach that was found late and its escalation.
HEARD = timedelta(minutes=30)
#: What an alert says while a sender has it in hand; left behind by one that died, which perhaps had sent it.
IN_HAND = "in hand"
#: Of a breach that was told people hear when it was none after all.
_NONE = frozenset({Verdict.MET, Verdict.VOIDED, Verdict.ON_TRACK})
CLEARED = {
    Verdict.BREACHED: _NONE | {Verdict.AT_RISK},
    Verdict.MET_LATE: _NONE,
    Verdict.UNKNOWN: _NONE,
}
ACCUSED = frozenset(CLEARED)
#: Of a burst each lead is not announced; the burst is.
SINGLE = frozenset({AlertReason.HANDED_OVER, AlertReason.AT_RISK})


@dataclass(frozen=True, slots=True)
class Owed:
    """One message to one recipient."""

    #: An AlertReason; `escalated_2` for the second step of an escalation.
    reason: str
    channel: str
    #: As the policy says it.
    recipient: str
    #: asking: the SFA is asked first.
    state: str
    not_before: datetime
    #: It is told again although it was told before: the verdict had been another one in between.
    again: bool = False


def owed(
    previous: Verdict | None, status: Status, episode: Episode, version: PolicyVersion, now: datetime, *, askable: bool
) -> list[Owed]:
    """What this change of verdict owes. `askable`: a tool of sales can be asked whether somebody called after all."""
    reason = why_alert(previous, status, episode.visible_at)
    if reason is None or (episode.burst is not None and reason in SINGLE):
        return []
    state = "asking" if reason is AlertReason.BREACHED and askable else "owed"
    again = reason in ANEW
    told = [
        Owed(reason.value, route.channel, route.to, state, may_be_sent(now, route, version), again)
        for route in routes_for(reason, routes_of(episode.duty, version))
    ]
    return told + list(_escalated(status.at, episode.duty, version, now)) if reason is AlertReason.BREACHED else told


def why_alert(previous: Verdict | None, status: Status, visible_at: datetime) -> AlertReason | None:
    """The reason to send a message about this change, if there is one. `visible_at`: since when we could know of the
    MQL."""
    if previous is status.verdict:
        return None
    if previous in ACCUSED and status.verdict in CLEARED[previous]:
        return AlertReason.WITHDRAWN  # owed only where the breach was told
    if visible_at - status.at > TOO_OLD:
        return None
    match status.verdict:
        case Verdict.ON_TRACK if previous is None:
            return AlertReason.HANDED_OVER
        case Verdict.AT_RISK:
            return AlertReason.AT_RISK
        case Verdict.BREACHED:
            return AlertReason.BREACHED
        case _:
            return None


def routes_of(duty: Duty, version: PolicyVersion) -> Iterable[AlertRoute]:
    """Sales' duties by the policy's routes, marketing's by mail to marketing."""
    if duty in (Duty.FOLLOW_UP, Duty.NEXT_RESPONSE):
        return version.policy.alerts
    marketing = version.policy.marketing.email
    return [AlertRoute(channel="email", to=marketing)] if marketing else []


def routes_for(reason: AlertReason, routes: Iterable[AlertRoute]) -> list[AlertRoute]:
    return [route for route in routes if reason in route.on]


def may_be_sent(at: datetime, route: AlertRoute, version: PolicyVersion) -> datetime:
    """Nobody is woken: outside of the hours it waits for the next opening, unless the route pages."""
    return at if route.page else next_opening(version.calendar, at)


def _escalated(breached_at: datetime, duty: Duty, version: PolicyVersion, now: datetime) -> Iterator[Owed]:
    """The steps in open time since the breach; never at night, and not before those who can act have heard of it."""
    if duty is not Duty.FOLLOW_UP:
        return
    for number, step in enumerate(version.policy.escalation, start=1):
        at = deadline(breached_at, ClockKind.BUSINESS_HOURS, step.after_hours, version.calendar).due
        heard = next_opening(version.calendar, now) + number * HEARD
        yield Owed(f"{AlertReason.ESCALATED}_{number}", step.channel, step.to, "owed", max(at, heard))


def reason_of(stored: str) -> AlertReason:
    """`escalated_2` is a reason of its own for the outbox, and the same for everybody else."""
    return AlertReason.ESCALATED if stored.startswith(AlertReason.ESCALATED) else AlertReason(stored)


def still_true(reason: AlertReason, verdict: Verdict) -> bool:
    """Whether a message that was owed may still be sent: somebody may have called meanwhile."""
    return verdict in _TRUE_WHILE.get(reason, ())


_TRUE_WHILE = {
    AlertReason.HANDED_OVER: {Verdict.ON_TRACK, Verdict.AT_RISK},
    AlertReason.AT_RISK: {Verdict.AT_RISK},
    AlertReason.BREACHED: {Verdict.BREACHED},
    AlertReason.ESCALATED: {Verdict.BREACHED},
    AlertReason.WITHDRAWN: {Verdict.MET, Verdict.VOIDED, Verdict.ON_TRACK, Verdict.AT_RISK},
}


def held_until(reason: AlertReason, episode: Episode, now: datetime) -> datetime | None:
    """Somebody is on it: reminders wait until then. The clock does not."""
    until = episode.acknowledged_until
    return until if until and until > now and reason in NUDGES else None


# --- many at once

#: More messages than this for one recipient at once become one.
DIGEST = 5
#: A recipient hears so many single messages within that time; what comes then waits and is told together.
STORM, STORM_WITHIN = 5, timedelta(minutes=10)


def calm_again(sent: list[datetime], now: datetime) -> datetime | None:
    """When a recipient who heard at these moments may hear again; None: now."""
    lately = sorted(at for at in sent if now - at < STORM_WITHIN)
    return lately[-STORM] + STORM_WITHIN if len(lately) >= STORM else None
