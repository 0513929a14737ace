"""The missed deadlines that a meeting talks about, each with all that its cause is decided from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from app.domain.agenda import OPEN_MISSED
from app.domain.causes import BULK_WITHIN, Arrivals, Backlog, Breach, Cause, Lead, cause_of
from app.domain.clock import Verdict
from app.domain.episode import Event
from app.domain.policy import Policies
from app.domain.touches import ACTS, attempts
from app.flows import absences, lately, told
from app.models import HANDED_OVER, Handoff
from app.models import Event as EventRow
from app.models import Lead as LeadRow
from app.settings import Settings
from connectors.contract import EventKind

#: Moments of qualification that lie closer together than this are read at once.
READ_TOGETHER = timedelta(days=1)


def read(
    c: Connection, settings: Settings, policies: Policies, since: datetime, now: datetime
) -> tuple[list[Breach], Arrivals]:
    """Open ones however old, those since the last meeting that were followed up late, and what arrived with them."""
    rows = _missed(c, since, now)
    arrivals = Arrivals(_qualified_around(c, [row.qualified_at for row in rows]), policies)
    backlog, away = Backlog(_waits(c, rows)), _away(c, rows)
    found = [_breach(row, settings, backlog, away.get(row.owner, [])) for row in rows]
    return _with_attempts(c, found, policies, arrivals), arrivals


def _missed(c: Connection, since: datetime, now: datetime) -> list[Any]:
    still_open = _overdue().where(Handoff.verdict.in_(sorted(OPEN_MISSED)), Handoff.due_at < now)
    late = _overdue().where(Handoff.verdict == Verdict.MET_LATE, Handoff.due_at >= since, Handoff.due_at < now)
    return [row for query in (still_open, late) for row in c.execute(query)]


def _overdue() -> Select[Any]:
    return (
        select(
            Handoff.id,
            Handoff.policy_id,
            Handoff.owner,
            Handoff.qualified_at,
            Handoff.visible_at,
            Handoff.due_at,
            Handoff.touched_at,
            Handoff.episode["owner_name"].as_string().label("owner_name"),
            Handoff.episode["assigned_at"].as_string().label("assigned_at"),
            Handoff.episode["automated_touches"].as_integer().label("automated_touches"),
            LeadRow.id.label("lead_id"),
            LeadRow.name,
            LeadRow.company,
            Handoff.burst_id,
        )
        .join(LeadRow, LeadRow.id == Handoff.lead_id)
        .where(HANDED_OVER)
    )


def _breach(row: Any, settings: Settings, backlog: Backlog, away: Iterable[tuple[datetime, datetime]]) -> Breach:
    return Breach(
        handoff_id=row.id,
        lead=Lead(row.lead_id, row.name, row.company),
        policy_id=row.policy_id,
        owner=row.owner_name or row.owner,
        qualified_at=row.qualified_at,
        visible_at=row.visible_at,
        assigned_at=datetime.fromisoformat(row.assigned_at) if row.assigned_at else None,
        due_at=row.due_at,
        touched_at=row.touched_at,
        automated_touches=row.automated_touches,
        link=f"{settings.public_url}/handoffs/{row.id}",
        burst=row.burst_id is not None,
        away=tuple(span for span in away if span[0] <= row.due_at and span[1] > row.qualified_at),
        waiting=backlog.waiting(row.owner, row.due_at) if row.owner else 0,
    )


# --- what arrived with them


def _qualified_around(c: Connection, moments: Sequence[datetime]) -> Iterable[tuple[int, datetime]]:
    """Policy version and moment of every handoff that qualified near one of these moments."""
    for first, last in _spans(sorted(moments)):
        around = Handoff.qualified_at.between(first - BULK_WITHIN, last + BULK_WITHIN)
        yield from c.execute(select(Handoff.policy_id, Handoff.qualified_at).where(HANDED_OVER, around))


def _spans(moments: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    spans: list[tuple[datetime, datetime]] = []
    for at in moments:
        if spans and at - spans[-1][1] <= READ_TOGETHER:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return spans


# --- what kept their owners


def _waits(c: Connection, missed: Sequence[Any]) -> list[tuple[str, datetime, datetime | None]]:
    """Owner, beginning and end of every wait for a follow-up while one of these deadlines passed; in one query. By who
    owns the lead now. What ended without a follow-up is void, and no work."""
    if not missed:
        return []
    first, last = min(row.due_at for row in missed), max(row.due_at for row in missed)
    followed_up = and_(Handoff.touched_at > first, Handoff.touched_at > Handoff.qualified_at)
    waited = and_(Handoff.qualified_at <= last, or_(Handoff.touched_at.is_(None), followed_up))
    columns = (Handoff.owner, Handoff.qualified_at, Handoff.touched_at)
    rows = c.execute(select(*columns).where(HANDED_OVER, Handoff.verdict != Verdict.VOIDED, waited))
    return [(owner, began, ended) for owner, began, ended in rows if owner]


def _away(c: Connection, missed: Sequence[Any]) -> dict[str, list[tuple[datetime, datetime]]]:
    """By owner, while one of these leads waited."""
    if not missed:
        return {}
    earliest, latest = min(row.qualified_at for row in missed), max(row.due_at for row in missed)
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in absences.between(c, earliest, latest):
        found.setdefault(row.owner, []).append((row.since, row.until))
    return found


# --- what was tried


def _with_attempts(c: Connection, found: list[Breach], policies: Policies, arrivals: Arrivals) -> list[Breach]:
    """Attempts are looked for where nothing else explains the breach: only there do they matter."""
    unexplained = {
        breach.handoff_id: breach
        for breach in found
        if cause_of(breach, policies.by_id[breach.policy_id], arrivals) is Cause.UNEXPLAINED
    }
    acts = _acts(c, (breach.lead.id for breach in unexplained.values()))
    for number, breach in unexplained.items():
        tried = attempts(acts.get(breach.lead.id, ()), breach.qualified_at, breach.due_at)
        unexplained[number] = replace(breach, attempts=tried)
    return [unexplained.get(breach.handoff_id, breach) for breach in found]


def _acts(c: Connection, lead_ids: Iterable[int]) -> dict[int, list[Event]]:
    """What sales did about each of these leads, and what it took back; along `ix_events_lead_id`."""
    sales = EventRow.kind.in_(sorted(ACTS | {EventKind.RETRACTED}))
    found: dict[int, list[Event]] = {}
    for chunk in lately.chunks(lead_ids):
        found |= told.ledgers_of(c, chunk, [sales])
    return found
