"""What the next meeting has to talk about: missed deadlines by cause, and the figures since the last one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.bursts import spans
from app.domain.calendar import Calendar, ClockKind, working_time
from app.domain.clock import TICK, Verdict
from app.domain.kpi import Definition, Figure
from app.domain.policy import Policies, PolicyVersion
from app.domain.series import Meeting, Series, meetings, meetings_before, previous_meeting
from app.domain.statistics import Share

#: More handoffs of one policy than BULK that qualify within BULK_WITHIN are a bulk arrival.
BULK, BULK_WITHIN = 20, timedelta(minutes=10)
#: Breaches written out per cause; the others are counted.
LISTED = 100


class Cause(StrEnum):
    """Why a deadline was missed; of several the first in this order."""

    NO_OWNER = "no_owner"
    BULK = "bulk"
    HANDOVER_DELAY = "handover_delay"
    CLOSED_PERIOD = "closed_period"
    ONLY_AUTO_TOUCH = "only_auto_touch"
    UNEXPLAINED = "unexplained"


TITLES = {
    Cause.NO_OWNER: "No owner",
    Cause.BULK: "Arrived in bulk",
    Cause.HANDOVER_DELAY: "Handed over late",
    Cause.CLOSED_PERIOD: "Due while closed",
    Cause.ONLY_AUTO_TOUCH: "Automated mail only",
    Cause.UNEXPLAINED: "Unexplained",
}
FIXES = {
    Cause.NO_OWNER: "Assign these leads now, and agree who assigns new MQLs.",
    Cause.BULK: "More than 20 leads came within 10 minutes: agree on a separate deadline for such arrivals.",
    Cause.HANDOVER_DELAY: "Over half of the time was gone before the owner had the lead: check how leads are assigned "
    "and how fast the tools report.",
    Cause.CLOSED_PERIOD: "The deadline fell into closed hours: consider a clock in business hours or business days.",
    Cause.ONLY_AUTO_TOUCH: "Only automated mail went out: agree on who calls or writes in person.",
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

    @property
    def still_open(self) -> bool:
        return self.touched_at is None


@dataclass(frozen=True, slots=True)
class Entry:
    """A breach as the agenda shows it."""

    breach: Breach
    #: From the deadline until the follow-up or now, on the policy's clock.
    overdue: timedelta
    #: Whether that is working time.
    working: bool
    #: The deadline passed since the last meeting; otherwise carried over from before.
    new: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The breaches of one cause."""

    cause: Cause
    count: int
    new: int
    #: New ones first, then by deadline; LISTED of them at most.
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts over the time since the last meeting."""

    #: Handoffs that qualified, and of how many people.
    mqls: int
    leads: int
    #: Handoffs whose deadline passed, by what became of them. Open ones count as breached.
    met: int
    breached: int
    #: Excluded or returned without a reason: neither met nor breached.
    voided: int
    #: Overdue while their source was silent: not judged.
    unknown: int
    #: Breaches taken back, because the follow-up had happened in time and was only recorded late.
    withdrawn: int

    @property
    def attainment(self) -> Share:
        return Share(self.met, self.met + self.breached)


@dataclass(frozen=True, slots=True)
class Agenda:
    """The agenda as it stands at `as_of`; nothing in it is stored."""

    series_key: str
    series: Series
    meeting: Meeting
    #: Start of the previous meeting; before the first meeting, one rhythm back.
    since: datetime
    as_of: datetime
    figures: Figures
    #: In the order of Cause; causes without a breach are left out.
    groups: tuple[Group, ...]
    #: The board of the days up to now, and how it was counted.
    kpis: tuple[Figure, ...] = ()
    definition: Definition = field(default_factory=Definition)

    @property
    def breaches(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def new(self) -> int:
        return sum(group.new for group in self.groups)


def period_start(series: Series, calendar: Calendar, meeting: Meeting, now: datetime) -> datetime:
    """From when on this meeting looks at what happened."""
    before = previous_meeting(series, calendar, meeting)
    return before.start if before else min(meeting.start, now) - series.rhythm


#: Verdicts of handoffs whose deadline is over without a follow-up in time. A sweep that is yet to come may still
#: call an overdue one on track.
MISSED = frozenset({Verdict.BREACHED, Verdict.MET_LATE, Verdict.AT_RISK, Verdict.ON_TRACK})
#: Those of them that still wait.
OPEN_MISSED = MISSED - {Verdict.MET_LATE}


def figures(by_verdict: Mapping[Verdict, int], *, mqls: int, leads: int, withdrawn: int) -> Figures:
    """`by_verdict`: handoffs whose deadline falls in the period."""
    return Figures(
        mqls=mqls,
        leads=leads,
        met=by_verdict.get(Verdict.MET, 0),
        breached=sum(by_verdict.get(verdict, 0) for verdict in MISSED),
        voided=by_verdict.get(Verdict.VOIDED, 0),
        unknown=by_verdict.get(Verdict.UNKNOWN, 0),
        withdrawn=withdrawn,
    )


# --- causes


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


def cause_of(breach: Breach, version: PolicyVersion, arrivals: Arrivals) -> Cause:
    """The first that is true."""
    if breach.owner is None:
        return Cause.NO_OWNER
    if arrivals.in_bulk(version.policy.key, breach.qualified_at):
        return Cause.BULK
    if _handed_over_late(breach, version):
        return Cause.HANDOVER_DELAY
    if version.policy.clock is ClockKind.ELAPSED and _inside_closed_hours(version.calendar, breach.due_at):
        return Cause.CLOSED_PERIOD
    if breach.still_open and breach.automated_touches:
        return Cause.ONLY_AUTO_TOUCH
    return Cause.UNEXPLAINED


def _handed_over_late(breach: Breach, version: PolicyVersion) -> bool:
    """Over half of the time was gone when Tasuki knew and the owner had it."""
    handed = min(max(breach.visible_at, breach.assigned_at or breach.visible_at), breach.due_at)
    if handed <= breach.qualified_at:
        return False
    allowance = on_clock(version, breach.qualified_at, breach.due_at)
    return on_clock(version, breach.qualified_at, handed) > allowance / 2


def _inside_closed_hours(calendar: Calendar, at: datetime) -> bool:
    """Opening and closing time themselves are not inside."""
    return not working_time(calendar, at - TICK, at + TICK)


def on_clock(version: PolicyVersion, earlier: datetime, later: datetime) -> timedelta:
    """The time between two moments as the policy counts it."""
    if version.policy.clock is ClockKind.ELAPSED:
        return later - earlier
    return working_time(version.calendar, earlier, later)


# --- groups


def grouped(
    breaches: Iterable[Breach], policies: Policies, arrivals: Arrivals, since: datetime, now: datetime
) -> tuple[Group, ...]:
    by_cause: dict[Cause, list[Breach]] = {}
    for breach in breaches:
        cause = cause_of(breach, policies.by_id[breach.policy_id], arrivals)
        by_cause.setdefault(cause, []).append(breach)
    return tuple(_group(cause, by_cause[cause], policies, since, now) for cause in Cause if cause in by_cause)


def _group(cause: Cause, breaches: list[Breach], policies: Policies, since: datetime, now: datetime) -> Group:
    ordered = sorted(breaches, key=lambda b: (b.due_at < since, b.due_at, b.handoff_id))
    entries = tuple(_entry(b, policies.by_id[b.policy_id], since, now) for b in ordered[:LISTED])
    return Group(cause, len(breaches), sum(b.due_at >= since for b in breaches), entries)


def _entry(breach: Breach, version: PolicyVersion, since: datetime, now: datetime) -> Entry:
    return Entry(
        breach=breach,
        overdue=on_clock(version, breach.due_at, breach.touched_at or now),
        working=version.policy.clock is not ClockKind.ELAPSED,
        new=breach.due_at >= since,
    )


__all__ = [
    "BULK_WITHIN",
    "FIXES",
    "LISTED",
    "MISSED",
    "OPEN_MISSED",
    "TITLES",
    "Agenda",
    "Arrivals",
    "Breach",
    "Cause",
    "Entry",
    "Figures",
    "Group",
    "Lead",
    "Meeting",
    "Series",
    "cause_of",
    "figures",
    "grouped",
    "meetings",
    "meetings_before",
    "on_clock",
    "period_start",
    "previous_meeting",
]
