"""Attainment and time to first touch of a period, as they are now or as they were known at an earlier moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from app.domain.agenda import on_clock
from app.domain.clock import OPEN, Verdict
from app.domain.history import UNCOVERED
from app.domain.policy import Policies
from app.domain.statistics import Share
from app.domain.survival import Waited, kaplan_meier, quantile
from app.models import HANDED_OVER, Handoff, VerdictChange

#: Verdicts of a handoff whose deadline has passed without a follow-up in time; a sweep may be yet to come.
MISSED = frozenset({Verdict.BREACHED, Verdict.MET_LATE, Verdict.AT_RISK, Verdict.ON_TRACK})


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of one civil day to that of another, in the organisation's time zone."""

    since: datetime
    until: datetime


def period(first: date, last: date, zone: ZoneInfo) -> Period:
    """Both days belong to it."""
    after = last + timedelta(days=1)
    return Period(datetime.combine(first, time(), zone), datetime.combine(after, time(), zone))


@dataclass(frozen=True, slots=True)
class Counts:
    """Handoffs whose deadline falls in the period, by what became of them."""

    met: int = 0
    #: Missed deadlines: followed up late, or still open.
    breached: int = 0
    #: Of those, the ones that still wait.
    open_overdue: int = 0
    #: Not due yet: left out of the share.
    not_due: int = 0
    voided: int = 0
    unknown: int = 0

    @property
    def attainment(self) -> Share:
        """met ÷ (met + breached)."""
        return Share(self.met, self.met + self.breached)


@dataclass(frozen=True, slots=True)
class Report:
    period: Period
    counts: Counts
    #: The same by (policy key, version).
    by_version: dict[tuple[str, int], Counts]
    #: Leads that met a rule in the period while no policy was in force for them.
    uncovered: int
    #: Breaches of the period that were taken back.
    withdrawn: int
    #: Handoffs that qualified in the period: n, how many of them were followed up, and after how long half and nine
    #: tenths of all were, on the policy's clock. Those that still wait count as waiting. None: not so many yet.
    touched: Share
    half_after: timedelta | None
    nine_tenths_after: timedelta | None


def report(c: Connection, policies: Policies, asked: Period, now: datetime) -> Report:
    """As things are known at `now`; for an earlier moment than the present, as they were known then."""
    rows = _due_in(c, asked, now)
    cohort = _qualified_in(c, asked, now)
    waits = [_waited(row, policies, now) for row in cohort]
    steps = kaplan_meier(waits)
    return Report(
        period=asked,
        counts=_counted(rows, now),
        by_version=_by_version(rows, policies, now),
        uncovered=_uncovered(c, asked, now),
        withdrawn=sum(row.withdrawn for row in rows),
        touched=Share(sum(wait.happened for wait in waits), len(waits)),
        half_after=quantile(steps, 0.5),
        nine_tenths_after=quantile(steps, 0.9),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """A handoff as it was known at some moment."""

    policy_id: int
    verdict: Verdict
    due_at: datetime
    withdrawn: bool


def _due_in(c: Connection, asked: Period, now: datetime) -> list[Known]:
    due = (HANDED_OVER, Handoff.due_at >= asked.since, Handoff.due_at < asked.until)
    columns = (Handoff.id, Handoff.policy_id, Handoff.due_at, VerdictChange.verdict, VerdictChange.previous)
    steps = select(*columns).join(VerdictChange, VerdictChange.handoff_id == Handoff.id)
    rows = c.execute(steps.where(*due, VerdictChange.known_at <= now).order_by(Handoff.id, VerdictChange.id))
    found: dict[int, Known] = {}
    for row in rows:
        before = found.get(row.id)
        taken_back = row.verdict == Verdict.MET and row.previous == Verdict.BREACHED
        withdrawn = taken_back or (before is not None and before.withdrawn)
        found[row.id] = Known(row.policy_id, Verdict(row.verdict), row.due_at, withdrawn)
    return list(found.values())


def _counted(rows: Sequence[Known], now: datetime) -> Counts:
    overdue = [row for row in rows if row.verdict in MISSED and (row.due_at < now or row.verdict is Verdict.MET_LATE)]
    return Counts(
        met=sum(row.verdict is Verdict.MET for row in rows),
        breached=len(overdue),
        open_overdue=sum(row.verdict in OPEN for row in overdue),
        not_due=sum(row.verdict in OPEN and row.verdict is not Verdict.UNKNOWN and row.due_at >= now for row in rows),
        voided=sum(row.verdict is Verdict.VOIDED for row in rows),
        unknown=sum(row.verdict is Verdict.UNKNOWN for row in rows),
    )


def _by_version(rows: Iterable[Known], policies: Policies, now: datetime) -> dict[tuple[str, int], Counts]:
    groups: dict[tuple[str, int], list[Known]] = {}
    for row in rows:
        version = policies.by_id[row.policy_id]
        groups.setdefault((version.policy.key, version.version), []).append(row)
    return {key: _counted(groups[key], now) for key in sorted(groups)}


def _qualified_in(c: Connection, asked: Period, now: datetime) -> Sequence[Any]:
    """Handoffs of the cohort that are not void. What is known later is left out by the time of the reception."""
    columns = (Handoff.policy_id, Handoff.qualified_at, Handoff.touched_at, Handoff.episode)
    cohort = (HANDED_OVER, Handoff.qualified_at >= asked.since, Handoff.qualified_at < asked.until)
    return c.execute(
        select(*columns).where(*cohort, Handoff.visible_at <= now, Handoff.verdict != Verdict.VOIDED)
    ).all()


def _waited(row: Any, policies: Policies, now: datetime) -> Waited:
    touch = row.episode["touch"]
    known = touch is not None and datetime.fromisoformat(touch["received_at"]) <= now
    end = row.touched_at if known else now
    version = policies.by_id[row.policy_id]
    return Waited(on_clock(version, row.qualified_at, max(end, row.qualified_at)), known)


def _uncovered(c: Connection, asked: Period, now: datetime) -> int:
    within = (Handoff.qualified_at >= asked.since, Handoff.qualified_at < asked.until, Handoff.visible_at <= now)
    why = Handoff.episode["void_reason"].as_string() == UNCOVERED
    return c.scalar(select(func.count()).where(HANDED_OVER, Handoff.verdict == Verdict.VOIDED, why, *within)) or 0


def restated(then: Report, now: Report) -> bool:
    """Whether the verdicts of the period were corrected since: what only fell due or came in later is no correction."""
    earlier, later = then.counts, now.counts
    return (earlier.met, earlier.breached, earlier.voided, earlier.unknown) != (
        later.met,
        later.breached,
        later.voided,
        later.unknown,
    )
