"""One handoff with everything that explains it: the evidence, the deadline's receipt, what sales did, its verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from app.domain.agenda import Lead as Person
from app.domain.agenda import on_clock
from app.domain.calendar import ClockKind
from app.domain.clock import OPEN, Verdict, receipt
from app.domain.deadline import Receipt
from app.domain.history import Episode, Event, episode_from_json
from app.domain.policy import Policies, PolicyVersion
from app.domain.rules import Finding
from app.domain.touches import ACTS, Act, acts_of
from app.flows import silences
from app.models import Event as EventRow
from app.models import Handoff, Lead, Source, VerdictChange
from connectors.contract import EventKind

#: Events written out behind one condition; the newest, because they made it true.
EVIDENCE = 10
MINUTE = timedelta(minutes=1)


class NoSuchHandoff(LookupError):
    """No handoff has that number."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition of the rule, what it saw, and the newest events behind it."""

    finding: Finding
    events: tuple[Event, ...]

    @property
    def more(self) -> int:
        return len(self.finding.event_ids) - len(self.events)


@dataclass(frozen=True, slots=True)
class Change:
    previous: Verdict | None
    verdict: Verdict
    true_at: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Dossier:
    handoff_id: int
    number: int
    lead: Person
    #: The record in the SFA.
    url: str | None
    verdict: Verdict
    due_at: datetime
    episode: Episode
    version: PolicyVersion
    receipt: Receipt
    reasons: tuple[Reason, ...]
    #: In event time.
    acts: tuple[Act, ...]
    #: In the order in which they became known.
    changes: tuple[Change, ...]
    #: Between the deadline and the follow-up or now, on the policy's clock.
    distance: timedelta
    #: The same as time goes by.
    elapsed: timedelta

    @property
    def working(self) -> bool:
        """Whether the policy's clock counts working time."""
        return self.version.policy.clock is not ClockKind.ELAPSED

    @property
    def running(self) -> bool:
        return self.verdict in OPEN

    @property
    def overdue(self) -> bool:
        """Whether the deadline passed without a follow-up in time."""
        return self.verdict in (Verdict.BREACHED, Verdict.MET_LATE)

    @property
    def told_later(self) -> timedelta:
        """How long after the fact the tools reported the MQL, in whole minutes."""
        return (self.episode.visible_at - self.episode.qualified_at) // MINUTE * MINUTE

    @property
    def withdrawn(self) -> bool:
        """A breach was called and taken back: the follow-up had been in time."""
        return self.verdict is Verdict.MET and any(change.previous is Verdict.BREACHED for change in self.changes)


def read(c: Connection, policies: Policies, handoff_id: int, now: datetime) -> Dossier:
    """Raises NoSuchHandoff."""
    row = _row(c, handoff_id)
    episode, version = episode_from_json(row.episode), policies.by_id[row.policy_id]
    verdict = _verdict(Verdict(row.verdict), row.due_at, now)
    earlier, later = sorted((row.due_at, episode.touch.at if episode.touch else now))
    acts = acts_of(_acts(c, row.lead_id), episode, _ended_before(c, row), row.due_at, version.policy.follow_ups)
    return Dossier(
        handoff_id=row.id,
        number=row.number,
        lead=Person(row.lead_id, row.name, row.company),
        url=row.url,
        verdict=verdict,
        due_at=row.due_at,
        episode=episode,
        version=version,
        receipt=receipt(episode, policies),
        reasons=tuple(_reasons(c, episode.findings)),
        acts=tuple(acts),
        changes=tuple(_changes(c, row.id)),
        distance=on_clock(version, earlier, later),
        elapsed=later - earlier,
    )


def _row(c: Connection, handoff_id: int) -> Any:
    query = select(Handoff.__table__, Lead.name, Lead.company, Lead.url).join(Lead, Lead.id == Handoff.lead_id)
    row = c.execute(query.where(Handoff.id == handoff_id)).first()
    if row is None:
        raise NoSuchHandoff(handoff_id)
    return row


def _verdict(stored: Verdict, due_at: datetime, now: datetime) -> Verdict:
    """A sweep that is yet to come may still call an overdue one on track."""
    return Verdict.BREACHED if stored in (Verdict.ON_TRACK, Verdict.AT_RISK) and due_at < now else stored


def _ended_before(c: Connection, row: Any) -> datetime | None:
    """When the lead's handoff before this one ended."""
    before = select(Handoff.episode["ended_at"].as_string())
    mine = (Handoff.lead_id == row.lead_id, Handoff.duty == row.duty, Handoff.number == row.number - 1)
    ended = c.scalar(before.where(*mine))
    return datetime.fromisoformat(ended) if ended else None


def first_told_by_sales(c: Connection, lead_id: int) -> datetime | None:
    """When a tool that only sales uses first told us of the lead; None: none did."""
    sales = [row.id for row in c.execute(select(Source.__table__)) if silences.role_of(row) == "sfa"]
    mine = (EventRow.lead_id == lead_id, EventRow.source_id.in_(sales))
    return c.scalar(select(func.min(EventRow.received_at)).where(*mine)) if sales else None


def _acts(c: Connection, lead_id: int) -> list[Event]:
    kinds = sorted(kind.value for kind in (*ACTS, EventKind.RETRACTED))
    rows = c.execute(select(EventRow.__table__).where(EventRow.lead_id == lead_id, EventRow.kind.in_(kinds)))
    return [_event(row) for row in rows]


def _reasons(c: Connection, findings: Iterable[Finding]) -> Iterable[Reason]:
    """The newest events of each finding."""
    shown = {event_id for finding in findings for event_id in finding.event_ids[-EVIDENCE:]}
    events = [_event(row) for row in c.execute(select(EventRow.__table__).where(EventRow.id.in_(sorted(shown))))]
    by_id = {event.id: event for event in sorted(events, key=lambda e: e.place)}
    for finding in findings:
        newest = set(finding.event_ids[-EVIDENCE:])
        yield Reason(finding, tuple(event for event in by_id.values() if event.id in newest))


def _event(row: Any) -> Event:
    read = (row.occurred_at, row.received_at, row.data, row.recorded_at, row.record, row.revised_at)
    return Event(row.id, EventKind(row.kind), *read)


def _changes(c: Connection, handoff_id: int) -> Iterable[Change]:
    rows = c.execute(
        select(VerdictChange.previous, VerdictChange.verdict, VerdictChange.true_at, VerdictChange.known_at)
        .where(VerdictChange.handoff_id == handoff_id)
        .order_by(VerdictChange.id)
    )
    for previous, verdict, true_at, known_at in rows:
        yield Change(Verdict(previous) if previous else None, Verdict(verdict), true_at, known_at)
