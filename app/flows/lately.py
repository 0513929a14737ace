"""What the tools told lately, whom it is about, and who told it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from app.domain import revisions
from app.domain.agenda import Lead as Person
from app.domain.episode import Event
from app.domain.quality import Look
from app.models import Event as EventRow
from app.models import Lead, Source
from connectors.contract import EventKind

#: Values in one statement.
CHUNK = 500


def events(look: Look, kinds: Iterable[EventKind], *columns: Any) -> Select[Any]:
    """Columns of the events of these kinds that came in since then; no order.

    By way of the leads that changed since (`ix_leads_updated_at`) and their ledgers (`ix_events_lead_id`): every event
    of each of these leads is looked at, no other.
    """
    lately = (Lead.updated_at >= look.since, EventRow.received_at >= look.since)
    mine = select(*columns).select_from(Lead).join(EventRow, EventRow.lead_id == Lead.id)
    return mine.where(*lately, EventRow.kind.in_([kind.value for kind in kinds]))


def overtaken(c: Connection, records: Iterable[str]) -> set[str]:
    """Ids of events of these records that a newer revision replaced or took back."""
    columns = (EventRow.id, EventRow.kind, EventRow.occurred_at, EventRow.received_at, EventRow.data)
    more = (EventRow.recorded_at, EventRow.record, EventRow.revised_at)
    found: set[str] = set()
    for chunk in chunks(records):
        rows = c.execute(select(*columns, *more).where(EventRow.record.in_(chunk)))
        found |= revisions.overtaken(Event(row.id, EventKind(row.kind), *row[2:]) for row in rows).keys()
    return found


def first_written(c: Connection, records: Iterable[str]) -> dict[str, datetime]:
    """When each of these records was first written down, as far as we know."""
    written = func.min(func.coalesce(EventRow.recorded_at, EventRow.received_at))
    found: dict[str, datetime] = {}
    for chunk in chunks(records):
        query = select(EventRow.record, written).where(EventRow.record.in_(chunk)).group_by(EventRow.record)
        found |= {record: at for record, at in c.execute(query) if record}
    return found


def people(c: Connection, lead_ids: Iterable[int]) -> dict[int, Person]:
    """Whom these numbers stand for."""
    columns = (Lead.id, Lead.name, Lead.company)
    return {
        row.id: Person(row.id, row.name, row.company)
        for chunk in chunks(lead_ids)
        for row in c.execute(select(*columns).where(Lead.id.in_(chunk)))
    }


def sources(c: Connection) -> dict[int | None, Any]:
    """Name, kind and configuration of every source; there are a handful."""
    return {row.id: row for row in c.execute(select(Source.id, Source.name, Source.kind, Source.config))}


def chunks(items: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """Each of them once, in order, as many at a time as one statement takes."""
    ordered = sorted(set(items))
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))
