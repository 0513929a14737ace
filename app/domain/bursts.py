"""Many leads of one source that qualify within minutes: an import or a bulk change of scores, not three hundred people
who raised their hands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.domain.calendar import ClockKind
from app.domain.deadline import deadline
from app.domain.policy import PolicyVersion


def spans(moments: Sequence[datetime], more_than: int, within: timedelta) -> list[tuple[datetime, datetime]]:
    """Spans in which more than that many came within that time. `moments` ascending, the spans too."""
    found: list[tuple[datetime, datetime]] = []
    for first, last in zip(moments, moments[more_than:], strict=False):
        if last - first > within:
            continue
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found


def staggered_start(qualified_at: datetime, place: int, version: PolicyVersion) -> datetime | None:
    """When the clock of the lead at this place (from 0) of a burst starts: `per_day` start every business day, the
    first ones at once (None)."""
    days = place // version.policy.bursts.per_day
    return deadline(qualified_at, ClockKind.BUSINESS_DAYS, days, version.calendar).due if days else None
