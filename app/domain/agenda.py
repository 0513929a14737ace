"""What the next meeting has to talk about: missed deadlines by cause, and the figures since the last one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.domain.calendar import Calendar, ClockKind
from app.domain.causes import (
    BULK_WITHIN,
    FIXES,
    TITLES,
    Arrivals,
    Breach,
    Cause,
    Lead,
    cause_of,
    on_clock,
)
from app.domain.clock import Verdict
from app.domain.kpi import Definition, Figure
from app.domain.policy import Policies, PolicyVersion
from app.domain.series import Meeting, Series, meetings, meetings_before, previous_meeting
from app.domain.statistics import Share

#: Breaches written out per cause; the others are counted.
LISTED = 100


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
