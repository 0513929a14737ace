"""How far behind: jobs, deliveries, alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from app.models import Alert, Delivery, Heartbeat, Silence, Source


@dataclass(frozen=True, slots=True)
class Queue:
    count: int
    #: When the oldest of them came; None: there is none.
    oldest: datetime | None


def heartbeats(c: Connection) -> Sequence[Any]:
    return c.execute(select(Heartbeat.__table__).order_by(Heartbeat.job)).all()


def deliveries(c: Connection, state: str) -> Queue:
    count = c.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == state)) or 0
    oldest = select(Delivery.received_at).where(Delivery.state == state).order_by(Delivery.id).limit(1)
    return Queue(count, c.scalar(oldest) if count else None)


def alerts(c: Connection, state: str) -> Queue:
    count, oldest = c.execute(select(func.count(), func.min(Alert.owed_at)).where(Alert.state == state)).one()
    return Queue(count, oldest)


def dark_feeds(c: Connection) -> int:
    """Enabled sources whose feed is dark."""
    enabled = Source.id == Silence.source_id, Source.disabled_at.is_(None)
    return c.scalar(select(func.count()).select_from(Silence).where(Silence.until.is_(None), *enabled)) or 0
