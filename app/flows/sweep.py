"""Settle every handoff whose moment has come. Safe to run anywhere, any number of times at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from app.db import Database
from app.domain.history import episode_from_json
from app.domain.policy import Policies
from app.flows import policies as versions
from app.flows import settle
from app.models import Handoff

#: Handoffs a transaction; small enough that a webhook's commit never waits long behind it.
BATCH = 500


def run(database: Database, cache: versions.Cache, now: datetime) -> int:
    """Settle what is due; returns how many handoffs were looked at."""
    looked_at = 0
    while True:
        with database.read() as c:
            if not _something_due(c, now):
                return looked_at
        with database.write() as c:
            done = _sweep_batch(c, cache.read(c), now)
        looked_at += done
        if done < BATCH:
            return looked_at


def _something_due(c: Connection, now: datetime) -> bool:
    return c.scalar(select(Handoff.id).where(Handoff.check_again_at <= now).limit(1)) is not None


def _sweep_batch(c: Connection, policies: Policies, now: datetime) -> int:
    rows = c.execute(
        select(Handoff.__table__)
        .where(Handoff.check_again_at <= now)
        .order_by(Handoff.check_again_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    batch = settle.Batch()
    for row in rows:
        settle.settle(batch, row, row.lead_id, episode_from_json(row.episode), policies, now)
    settle.write(c, batch)
    return len(rows)
