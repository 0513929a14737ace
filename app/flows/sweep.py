"""Settle every handoff whose moment has come. Safe to run anywhere, any number of times at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from app.db import Database
from app.domain.history import episode_from_json
from app.domain.policy import Policies
from app.flows import ledger, settle
from app.flows import policies as versions
from app.flows.pace import Pace
from app.models import Handoff

log = logging.getLogger("tasuki")

#: Handoffs a transaction at most.
BATCH = 500


def run(database: Database, cache: versions.Cache, now: datetime) -> int:
    """Settle what is due; returns how many handoffs were looked at."""
    looked_at, pace = 0, Pace(BATCH, one_writer=database.is_sqlite)
    while True:
        with database.read() as c:
            if not _something_due(c, now):
                return looked_at
        size = pace.size
        done = _sweep_batch(database, cache, pace, now)
        looked_at += done
        if done < size:
            return looked_at


def _something_due(c: Connection, now: datetime) -> bool:
    return c.scalar(select(Handoff.id).where(Handoff.check_again_at <= now).limit(1)) is not None


def _due(what: Any, size: int, now: datetime) -> Any:
    return select(what).where(Handoff.check_again_at <= now).order_by(Handoff.check_again_at).limit(size)


def _sweep_batch(database: Database, cache: versions.Cache, pace: Pace, now: datetime) -> int:
    size = pace.size
    try:
        with database.write() as c, pace.timed(size):
            return _settle_rows(c, _due(Handoff.__table__, size, now), cache.read(c), now)
    except OperationalError:
        raise  # the database's trouble, not a handoff's
    except Exception:
        return _sweep_one_by_one(database, cache, size, now)


def _settle_rows(c: Connection, query: Any, policies: Policies, now: datetime) -> int:
    rows = c.execute(query.with_for_update(skip_locked=True)).all()
    leads = {row.lead_id for row in rows}
    batch, dark = settle.Batch(askable=settle.askable(c, leads)), settle.dark_since(c, leads)
    for row in rows:
        settle.settle(batch, row, row.lead_id, episode_from_json(row.episode), policies, now, dark.get(row.lead_id))
    settle.write(c, batch)
    return len(rows)


# One poisonous handoff does not hold up the others


def _sweep_one_by_one(database: Database, cache: versions.Cache, size: int, now: datetime) -> int:
    with database.read() as c:
        ids = c.execute(_due(Handoff.id, size, now)).scalars().all()
    for handoff_id in ids:
        _settle_somehow(database, cache, handoff_id, now)
    return len(ids)


def _settle_somehow(database: Database, cache: versions.Cache, handoff_id: int, now: datetime) -> None:
    """A handoff that cannot be settled is written anew from the ledger; without even that it has no verdict."""
    ways: list[Callable[[Connection, int, Policies, datetime], object]] = [_settle_alone, _read_again, settle.set_aside]
    for way in ways:
        try:
            with database.write() as c:
                way(c, handoff_id, cache.read(c), now)
        except OperationalError:
            raise
        except Exception:
            log.exception("handoff %s could not be settled (%s)", handoff_id, way.__name__)
        else:
            return


def _settle_alone(c: Connection, handoff_id: int, policies: Policies, now: datetime) -> None:
    _settle_rows(c, _due(Handoff.__table__, 1, now).where(Handoff.id == handoff_id), policies, now)


def _read_again(c: Connection, handoff_id: int, policies: Policies, now: datetime) -> None:
    lead_id = c.execute(select(Handoff.lead_id).where(Handoff.id == handoff_id)).scalar_one()
    ledger.reread(c, [lead_id], policies, now)
