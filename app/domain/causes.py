"""Why a deadline was missed: one cause for each breach, decided from what is known of it, each with a fix."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.bursts import spans
from app.domain.calendar import Calendar, ClockKind, working_time
from app.domain.clock import TICK
from app.domain.policy import Policies, PolicyVersion

#: More handoffs of one policy than BULK that qualify within BULK_WITHIN are a bulk arrival.
BULK, BULK_WITHIN = 20, timedelta(minutes=10)
#: More leads than this cannot wait for one person: at 24 minutes each (read up, call, write down) they fill a day of
#: eight hours, and what waits longer is overdue on a clock of a day.
CAPACITY = 20


class Cause(StrEnum):
    """Why a deadline was missed; of several the first in this order."""

    NO_OWNER = "no_owner"
    OWNER_ABSENT = "owner_absent"
    BULK = "bulk"
    HANDOVER_DELAY = "handover_delay"
    CLOSED_PERIOD = "closed_period"
    ONLY_AUTO_TOUCH = "only_auto_touch"
    CAPACITY = "capacity"
    UNREACHABLE_ATTEMPTS = "unreachable_attempts"
    UNEXPLAINED = "unexplained"


#: Message ids.
TITLES = {
    Cause.NO_OWNER: "No owner",
    Cause.OWNER_ABSENT: "Owner away",
    Cause.BULK: "Arrived in bulk",
    Cause.HANDOVER_DELAY: "Handed over late",
    Cause.CLOSED_PERIOD: "Due while closed",
    Cause.ONLY_AUTO_TOUCH: "Automated mail only",
    Cause.CAPACITY: "Owner overloaded",
    Cause.UNREACHABLE_ATTEMPTS: "Tried, but not as agreed",
    Cause.UNEXPLAINED: "Unexplained",
}
FIXES = {
    Cause.NO_OWNER: "Assign these leads now, and agree who assigns new MQLs.",
    Cause.OWNER_ABSENT: "The owner was away: agree on a delegate who follows up meanwhile.",
    Cause.BULK: "Many leads came within minutes: agree on a separate deadline for such arrivals.",
    Cause.HANDOVER_DELAY: "Over half of the time was gone before the owner had the lead: check how leads are assigned "
    "and how fast the tools report.",
    Cause.CLOSED_PERIOD: "The deadline fell into closed hours: consider a clock in business hours or business days.",
    Cause.ONLY_AUTO_TOUCH: "Only automated mail went out: agree on who calls or writes in person.",
    Cause.CAPACITY: "More than 20 leads waited for the owner at the deadline: share them out, or hand over fewer.",
    Cause.UNREACHABLE_ATTEMPTS: "Somebody tried in time, but not in a way that the SLA counts: agree on what counts, "
    "or on what to try instead.",
    Cause.UNEXPLAINED: "Ask the owners what stood in the way.",
}


@dataclass(frozen=True, slots=True)
class Lead:
    """Whom it is about."""

    id: int
    name: str | None
    company: str | None


@dataclass(frozen=True, slots=True)
class Breach:
    """A handoff that was not followed up by its deadline."""

    handoff_id: int
    lead: Lead
    policy_id: int
    #: Name or id of the owner.
    owner: str | None
    qualified_at: datetime
    visible_at: datetime
    #: When the present owner got it.
    assigned_at: datetime | None
    due_at: datetime
    #: None: still open.
    touched_at: datetime | None
    automated_touches: int
    #: Its page.
    link: str
    #: Whether it qualified in a burst of its source.
    burst: bool = False
    #: When the owner was away (from, until), as far as it touches the allowance.
    away: tuple[tuple[datetime, datetime], ...] = ()
    #: Leads that waited for the owner at the deadline, this one among them.
    waiting: int = 0
    #: What people did before the deadline; none of it counts under the policy, or it would be no breach.
    attempts: int = 0

    @property
    def still_open(self) -> bool:
        return self.touched_at is None


class Arrivals:
    """When handoffs of each policy qualified, as far as the breaches' bulk arrivals need it."""

    def __init__(self, qualified: Iterable[tuple[int, datetime]], policies: Policies) -> None:
        """`qualified`: id of the policy version and moment, of breached handoffs and all others around them."""
        moments: dict[str, list[datetime]] = {}
        for policy_id, at in qualified:
            moments.setdefault(policies.by_id[policy_id].policy.key, []).append(at)
        self._bursts = {key: spans(sorted(known), BULK, BULK_WITHIN) for key, known in moments.items()}

    def in_bulk(self, policy_key: str, at: datetime) -> bool:
        known = self._bursts.get(policy_key, ())
        position = bisect_right(known, at, key=lambda burst: burst[0])
        return position > 0 and at <= known[position - 1][1]


class Backlog:
    """How many leads waited for each owner at any moment."""

    def __init__(self, waits: Iterable[tuple[str, datetime, datetime | None]]) -> None:
        """`waits`: owner, since when a lead waited, and until when (None: it still does)."""
        self._began: dict[str, list[datetime]] = {}
        self._ended: dict[str, list[datetime]] = {}
        for owner, since, until in waits:
            self._began.setdefault(owner, []).append(since)
            if until is not None:
                self._ended.setdefault(owner, []).append(until)
        for moments in (*self._began.values(), *self._ended.values()):
            moments.sort()

    def waiting(self, owner: str, at: datetime) -> int:
        """A lead waits from its first moment until just before its last."""
        return bisect_right(self._began.get(owner, ()), at) - bisect_right(self._ended.get(owner, ()), at)


def cause_of(breach: Breach, version: PolicyVersion, arrivals: Arrivals) -> Cause:
    """The first that is true."""
    true = (cause for cause, shows in _SIGNS.items() if shows(breach, version, arrivals))
    return next(true, Cause.UNEXPLAINED)


def _owner_was_away(breach: Breach, version: PolicyVersion, _: Arrivals) -> bool:
    """Over the deadline, or over more than half of the time until then."""
    if any(since <= breach.due_at < until for since, until in breach.away):
        return True
    gone, seen = timedelta(), breach.qualified_at
    for since, until in sorted(breach.away):
        begin, end = max(since, seen), min(until, breach.due_at)
        if begin < end:
            gone, seen = gone + on_clock(version, begin, end), end
    return gone > max(_allowance(breach, version) / 2, timedelta())


def _handed_over_late(breach: Breach, version: PolicyVersion, _: Arrivals) -> bool:
    """Over half of the time was gone when Tasuki knew and the owner had it."""
    handed = min(max(breach.visible_at, breach.assigned_at or breach.visible_at), breach.due_at)
    if handed <= breach.qualified_at:
        return False
    return on_clock(version, breach.qualified_at, handed) > _allowance(breach, version) / 2


def _in_bulk(breach: Breach, version: PolicyVersion, arrivals: Arrivals) -> bool:
    return breach.burst or arrivals.in_bulk(version.policy.key, breach.qualified_at)


def _due_while_closed(breach: Breach, version: PolicyVersion, _: Arrivals) -> bool:
    return version.policy.clock is ClockKind.ELAPSED and _inside_closed_hours(version.calendar, breach.due_at)


def _inside_closed_hours(calendar: Calendar, at: datetime) -> bool:
    """Opening and closing time themselves are not inside."""
    return not working_time(calendar, at - TICK, at + TICK)


def _allowance(breach: Breach, version: PolicyVersion) -> timedelta:
    return on_clock(version, breach.qualified_at, breach.due_at)


def on_clock(version: PolicyVersion, earlier: datetime, later: datetime) -> timedelta:
    """The time between two moments as the policy counts it."""
    if version.policy.clock is ClockKind.ELAPSED:
        return later - earlier
    return working_time(version.calendar, earlier, later)


#: What shows each cause; in the order of Cause.
_SIGNS: dict[Cause, Callable[[Breach, PolicyVersion, Arrivals], bool]] = {
    Cause.NO_OWNER: lambda breach, *_: breach.owner is None,
    Cause.OWNER_ABSENT: _owner_was_away,
    Cause.BULK: _in_bulk,
    Cause.HANDOVER_DELAY: _handed_over_late,
    Cause.CLOSED_PERIOD: _due_while_closed,
    Cause.ONLY_AUTO_TOUCH: lambda breach, *_: breach.still_open and breach.automated_touches > 0,
    Cause.CAPACITY: lambda breach, *_: breach.waiting > CAPACITY,
    Cause.UNREACHABLE_ATTEMPTS: lambda breach, *_: breach.attempts > 0,
}
