"""What the ledger says about leads: their events as they count now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from app.domain.episode import Event
from app.models import Event as EventRow
from connectors.contract import EventKind

#: Ids a query.
AT_ONCE = 500


def ledger_of(c: Connection, lead_id: int) -> list[Event]:
    """All events of a lead."""
    return ledgers_of(c, [lead_id])[lead_id]


def ledgers_of(
    c: Connection, lead_ids: Sequence[int], only: Sequence[ColumnElement[bool]] = ()
) -> dict[int, list[Event]]:
    """All events of each of the leads, or `only` some of them."""
    columns = (
        EventRow.lead_id,
        EventRow.id,
        EventRow.kind,
        EventRow.occurred_at,
        EventRow.received_at,
        EventRow.data,
        EventRow.recorded_at,
        EventRow.record,
        EventRow.revised_at,
    )
    found: dict[int, list[Event]] = {lead_id: [] for lead_id in lead_ids}
    for lead_id, event_id, kind, *rest in c.execute(select(*columns).where(EventRow.lead_id.in_(lead_ids), *only)):
        found[lead_id].append(Event(event_id, EventKind(kind), *rest))
    return _without_moved(c, found)


def _without_moved(c: Connection, found: dict[int, list[Event]]) -> dict[int, list[Event]]:
    """Without facts of records whose newer revision is about somebody else."""
    records = sorted({event.record for events in found.values() for event in events if event.record})
    newest: dict[str | None, datetime] = {}
    for start in range(0, len(records), AT_ONCE):
        mine = EventRow.record.in_(records[start : start + AT_ONCE])
        moments = select(EventRow.record, func.max(EventRow.revised_at)).where(mine).group_by(EventRow.record)
        newest |= {record: at for record, at in c.execute(moments) if at is not None}
    if not newest:
        return found
    return {
        lead: [e for e in events if not (e.revised_at and e.revised_at < newest.get(e.record, e.revised_at))]
        for lead, events in found.items()
    }
