"""How many leads of a time would have become MQL under another rule: their ledgers, read once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, exists, func, select

from app.domain.clock import Verdict
from app.domain.episode import Event
from app.domain.history import EVIDENCE, LEFT_OUT, UNCOVERED, read_history
from app.domain.policy import BEGINNING, Policies, PolicyVersion
from app.flows import reports, told
from app.flows.reports import Period
from app.models import HANDED_OVER, Handoff, Lead
from app.models import Event as EventRow
from app.models import PolicyVersion as PolicyRow
from connectors.contract import EventKind

#: Leads that are read at most, the newest.
MOST = 2000
#: Leads read in one go.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Trial:
    """What two versions of a policy would have made of the leads of a time."""

    period: Period
    #: Leads of which something was heard in it, and how many of them were read.
    leads: int
    read: int
    #: Handoffs that would have begun in it.
    before: int
    after: int


def last_month(zone: ZoneInfo, now: datetime) -> Period:
    """The calendar month before this one."""
    today: date = now.astimezone(zone).date()
    last = today.replace(day=1) - timedelta(days=1)
    return reports.period(last.replace(day=1), last, zone)


def tried(c: Connection, known: Policies, draft: PolicyVersion, period: Period, now: datetime) -> Trial:
    """The newest version of the draft's policy against the draft, each as if it had been agreed on since ever, beside
    the other policies as they are in force at `now`."""
    before, after = _since_ever(known, draft, now, as_drafted=False), _since_ever(known, draft, now, as_drafted=True)
    total, leads = _heard_of(c, period)
    begun = [0, 0]
    for events in _ledgers(c, leads, period):
        for which, policies in enumerate((before, after)):
            begun[which] += _begun(events, policies, draft.policy.key, period)
    return Trial(period, total, len(leads), begun[0], begun[1])


def _since_ever(known: Policies, draft: PolicyVersion, now: datetime, *, as_drafted: bool) -> Policies:
    key = draft.policy.key
    mine = draft if as_drafted else next((v for v in reversed(known.versions) if v.policy.key == key), None)
    others = [version for version in known.in_force(now) if version.policy.key != key]
    return Policies(replace(v, effective_from=BEGINNING) for v in [*others, *([mine] if mine else [])])


def _heard_of(c: Connection, period: Period) -> tuple[int, Sequence[int]]:
    """How many leads there are of which something was heard that could make a rule true, and the newest of them. By way
    of the leads that changed since (`ix_leads_updated_at`) and their ledgers (`ix_events_lead_id`)."""
    evidence = exists().where(
        EventRow.lead_id == Lead.id,
        EventRow.kind.in_([kind.value for kind in EVIDENCE]),
        EventRow.occurred_at >= period.since,
        EventRow.occurred_at < period.until,
    )
    heard = (Lead.updated_at >= period.since, evidence)
    total = c.scalar(select(func.count()).select_from(Lead).where(*heard)) or 0
    return total, c.execute(select(Lead.id).where(*heard).order_by(Lead.id.desc()).limit(MOST)).scalars().all()


def _ledgers(c: Connection, leads: Sequence[int], period: Period) -> Iterator[list[Event]]:
    """Up to the end of the time. That clocks were moved to certain versions says nothing about a rule."""
    only = (EventRow.occurred_at < period.until, EventRow.kind != EventKind.TERMS.value)
    for start in range(0, len(leads), BATCH):
        yield from told.ledgers_of(c, leads[start : start + BATCH], only).values()


def _begun(events: list[Event], policies: Policies, key: str, period: Period) -> int:
    return sum(
        period.since <= episode.qualified_at < period.until
        and policies.by_id[episode.policy_id].policy.key == key
        and episode.void_reason not in (LEFT_OUT, UNCOVERED)
        for episode in read_history(events, policies).episodes
    )


@dataclass(frozen=True, slots=True)
class Recent:
    """A lead that became MQL."""

    lead_id: int
    name: str | None
    company: str | None
    qualified_at: datetime


def last_leads(c: Connection, key: str, limit: int) -> list[Recent]:
    """Those that were handed over last under this policy, the newest first."""
    query = (
        select(Lead.id, Lead.name, Lead.company, Handoff.qualified_at)
        .join(Handoff, Handoff.lead_id == Lead.id)
        .join(PolicyRow, PolicyRow.id == Handoff.policy_id)
        .where(HANDED_OVER, PolicyRow.key == key, Handoff.verdict != Verdict.VOIDED.value)
        .order_by(Handoff.qualified_at.desc(), Handoff.id.desc())
        .limit(limit)
    )
    return [Recent(*row) for row in c.execute(query)]
