"""Everything that is known of a lead, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from app.domain.clock import Verdict
from app.domain.episode import Event
from app.domain.timeline import Chapter, Judged, Moment, timeline
from app.flows import told
from app.models import Alert, Handoff, VerdictChange
from app.models import Event as EventRow
from connectors.contract import EventKind

PAGE = 50


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of it, the newest first."""

    moments: Sequence[Moment]
    #: In this chapter.
    total: int
    #: From 1.
    page: int
    pages: int


def read(c: Connection, lead_id: int, chapter: Chapter | None = None, page: int = 1) -> Leaf:
    """All chapters with None; the last page for one beyond it."""
    standing = told.ledger_of(c, lead_id)
    everything = timeline(_said(c, lead_id), standing, _judged(c, lead_id), _alerts(c, lead_id))
    wanted = [moment for moment in everything if chapter in (None, moment.chapter)]
    pages = max(1, -(-len(wanted) // PAGE))
    page = min(page, pages)
    return Leaf(wanted[(page - 1) * PAGE : page * PAGE], len(wanted), page, pages)


def _said(c: Connection, lead_id: int) -> list[Event]:
    """All of it, also what was edited or taken back."""
    columns = (EventRow.id, EventRow.kind, EventRow.occurred_at, EventRow.received_at, EventRow.data)
    query = select(*columns, EventRow.recorded_at, EventRow.record, EventRow.revised_at)
    rows = c.execute(query.where(EventRow.lead_id == lead_id))
    return [Event(event_id, EventKind(kind), *rest) for event_id, kind, *rest in rows]


def _judged(c: Connection, lead_id: int) -> Iterable[Judged]:
    columns = (VerdictChange.handoff_id, VerdictChange.previous, VerdictChange.verdict)
    query = select(*columns, VerdictChange.true_at, VerdictChange.known_at)
    mine = query.join(Handoff, Handoff.id == VerdictChange.handoff_id).where(Handoff.lead_id == lead_id)
    for handoff_id, previous, verdict, true_at, known_at in c.execute(mine.order_by(VerdictChange.id)):
        yield Judged(handoff_id, Verdict(previous) if previous else None, Verdict(verdict), true_at, known_at)


def _alerts(c: Connection, lead_id: int) -> Sequence[Any]:
    mine = select(Handoff.id).where(Handoff.lead_id == lead_id)
    return c.execute(select(Alert.__table__).where(Alert.handoff_id.in_(mine))).all()
