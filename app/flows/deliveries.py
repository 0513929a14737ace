"""Deliveries once more: what was mended in a mapping or a credential is read again from the bytes that were kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from app.flows import lists
from app.models import Delivery


def replay(c: Connection, delivery_id: int, now: datetime) -> None:
    """Apply this delivery again; facts that are known already change nothing. Raises NoSuchDelivery."""
    lists.delivery(c, delivery_id)
    c.execute(update(Delivery).where(Delivery.id == delivery_id).values(_as_new(now)))


def replay_quarantined(c: Connection, now: datetime, source: str | None = None) -> int:
    """The same for all that are quarantined, or for those of one source; how many. Raises NoSuchSource."""
    again = update(Delivery).where(Delivery.state == "quarantined")
    if source is not None:
        again = again.where(Delivery.source_id == lists.source_id(c, source))
    return c.execute(again.values(_as_new(now))).rowcount


def _as_new(now: datetime) -> dict[str, object]:
    return {"state": "waiting", "attempts": 0, "not_before": now, "reason": None, "applied_at": None}
