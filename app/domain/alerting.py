"""Who is owed a message when a verdict changes, and whether it is still true when it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.domain.clock import Status, Verdict
from app.domain.policy import AlertReason, AlertRoute

#: What became true longer ago than this is for the agenda, not for a message (a first import, a long outage).
TOO_OLD = timedelta(days=7)


def why_alert(previous: Verdict | None, status: Status, now: datetime) -> AlertReason | None:
    """The reason to send a message about this change, if there is one."""
    if previous is status.verdict or now - status.at > TOO_OLD:
        return None
    match previous, status.verdict:
        case None, Verdict.ON_TRACK:
            return AlertReason.HANDED_OVER
        case _, Verdict.AT_RISK:
            return AlertReason.AT_RISK
        case _, Verdict.BREACHED:
            return AlertReason.BREACHED
        case Verdict.BREACHED, Verdict.MET:
            return AlertReason.WITHDRAWN
        case _:
            return None


def routes_for(reason: AlertReason, routes: Iterable[AlertRoute]) -> list[AlertRoute]:
    return [route for route in routes if reason in route.on]


def still_true(reason: AlertReason, verdict: Verdict) -> bool:
    """Whether a message that was owed may still be sent: somebody may have called meanwhile."""
    return verdict in _TRUE_WHILE[reason]


_TRUE_WHILE = {
    AlertReason.HANDED_OVER: {Verdict.ON_TRACK, Verdict.AT_RISK},
    AlertReason.AT_RISK: {Verdict.AT_RISK},
    AlertReason.BREACHED: {Verdict.BREACHED},
    AlertReason.WITHDRAWN: {Verdict.MET},
}
