"""Keep the projections of what became of handoffs up with the ledger; `check` says where they differ from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from app.db import Database
from app.domain.episode import Event
from app.domain.funnel import KINDS, Funnel, read_funnel
from app.models import HANDED_OVER, Handoff, Lead, Opportunity, Progress
from app.models import Event as EventRow
from connectors.contract import EventKind

#: Leads a transaction.
BATCH = 200


def owe(c: Connection, lead_ids: Iterable[int]) -> None:
    """What became of these leads has to be read again; the caller holds their locks."""
    if some := sorted(set(lead_ids)):
        c.execute(update(Lead).where(Lead.id.in_(some), Lead.funnel_due.is_(False)).values(funnel_due=True))


def catch_up(database: Database) -> int:
    """Read the funnel of some leads that are due; how many they were."""
    due = select(Lead.id).where(Lead.funnel_due).order_by(Lead.id).limit(BATCH)
    with database.read() as c:
        if c.execute(due.limit(1)).first() is None:
            return 0
    with database.write() as c:
        ids = c.execute(due.with_for_update(skip_locked=True)).scalars().all()
        write(c, ids)
    return len(ids)


def write(c: Connection, lead_ids: Sequence[int]) -> None:
    """The caller holds the leads' locks."""
    read = funnels(c, lead_ids)
    for table in (Progress, Opportunity):
        c.execute(delete(table).where(table.lead_id.in_(lead_ids)))
    progress = [{"lead_id": lead, **asdict(one)} for lead, found in read.items() for one in found.progress]
    opportunities = [{"lead_id": lead, **asdict(one)} for lead, found in read.items() for one in found.opportunities]
    for table, rows in ((Progress, progress), (Opportunity, opportunities)):
        if rows:
            c.execute(insert(table), rows)
    for lead, found in read.items():
        said = {"source": found.source, "excluded": found.excluded, "funnel_due": False}
        c.execute(update(Lead).where(Lead.id == lead).values(said))


def funnels(c: Connection, lead_ids: Sequence[int]) -> dict[int, Funnel]:
    """Of each of the leads, as the ledger says now."""
    told: dict[int, list[Event]] = {lead_id: [] for lead_id in lead_ids}
    columns = (EventRow.lead_id, EventRow.id, EventRow.kind, EventRow.occurred_at, EventRow.received_at, EventRow.data)
    more = (EventRow.recorded_at, EventRow.record, EventRow.revised_at)
    kinds = EventRow.kind.in_(sorted(kind.value for kind in KINDS))
    for lead_id, event_id, kind, *rest in c.execute(
        select(*columns, *more).where(EventRow.lead_id.in_(lead_ids), kinds)
    ):
        told[lead_id].append(Event(event_id, EventKind(kind), *rest))
    begun: dict[int, list[Any]] = {lead_id: [] for lead_id in lead_ids}
    mine = select(Handoff.lead_id, Handoff.number, Handoff.qualified_at).where(
        HANDED_OVER, Handoff.lead_id.in_(lead_ids)
    )
    for lead_id, number, qualified_at in c.execute(mine):
        begun[lead_id].append((number, qualified_at))
    return {lead_id: read_funnel(told[lead_id], begun[lead_id]) for lead_id in lead_ids}
