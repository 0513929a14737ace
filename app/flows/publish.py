"""New versions of the SLA and its calendars, as people agree on them: from now on, never for the past."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from app.domain.policy import Policy
from app.domain.refusals import refused
from app.flows import policies

#: A clock that is behind ours by this much still means now.
TOLERANCE = timedelta(minutes=5)


def policy(
    c: Connection, agreed: Policy, *, by: str, now: datetime, effective_from: datetime | None = None, note: str = ""
) -> int:
    """Add the policy's next version, in force from that moment, or from now on; returns the version.

    Handoffs that run keep the version they started under. Raises Refused.
    """
    start = effective_from or now
    if start < now - TOLERANCE:
        raise refused(
            "/effective_from", "in_the_past", "A policy applies from now on; what is past is not judged again."
        )
    try:
        return policies.apply_policy(c, agreed, by=by, now=now, effective_from=max(start, now), note=note)
    except policies.NoSuchCalendar:
        raise refused(
            "/policy/calendar", "unknown_calendar", "There is no calendar {key}.", key=agreed.calendar
        ) from None
