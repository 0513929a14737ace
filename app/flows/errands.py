"""What tools are asked now and then besides for their news: what was deleted, and to go on sending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Connection, and_, exists, or_, select, update
from sqlalchemy.orm import aliased

from app.db import Database
from app.flows import reconcile, tools
from app.flows.sources import Directory, OpenSource
from app.models import Event, Feed, Handoff
from connectors.contract import AsksAgain, EventKind, Subscribes

#: A worker that took an errand up and died gives it back after this.
LEASE = timedelta(minutes=5)
#: How often a tool is asked whether the follow-ups that it told are still there, and for how long after a follow-up.
RECHECK_EVERY, RECHECKED_FOR = timedelta(hours=6), timedelta(days=30)
#: Records a question.
RECORDS = 100

Taken_back = aliased(Event)


def recheck_due(
    database: Database, directory: Directory, http: httpx.Client, now: datetime, stored: threading.Event
) -> bool:
    """Ask one tool whether the follow-ups that stopped clocks are still there; whether it was any tool's turn."""

    def errand(source: OpenSource) -> dict[str, Any]:
        _ask_again(database, source, http, now, stored)
        return {"recheck_at": now + RECHECK_EVERY}

    able = [s for s in tools.pollable(directory, now).values() if isinstance(s.connector, AsksAgain)]
    return _run(database, able, Feed.recheck_at, errand, now)


def subscribe_due(database: Database, directory: Directory, http: httpx.Client, now: datetime, public_url: str) -> bool:
    """Tell one tool again where to send, half-way before it forgets; whether it was any tool's turn."""

    def errand(source: OpenSource) -> dict[str, Any]:
        assert isinstance(source.connector, Subscribes)
        url, secret = f"{public_url}/webhooks/{source.name}", source.secrets[0]
        until = source.connector.subscribe(source.config, secret, url, source.credential, http, now)
        return {"subscribed_until": until, "subscribe_at": now + (until - now) / 2}

    able = [s for s in tools.pollable(directory, now).values() if isinstance(s.connector, Subscribes)]
    return _run(database, able, Feed.subscribe_at, errand, now)


def _run(
    database: Database,
    able: Sequence[OpenSource],
    due: Any,
    errand: Callable[[OpenSource], dict[str, Any]],
    now: datetime,
) -> bool:
    """The errand that is longest overdue. No transaction is open while the tool is asked."""
    claimed = _claim(database, [source.id for source in able], due, now)
    source = next((source for source in able if source.id == claimed), None)
    if source is None:
        return False
    try:
        done = errand(source)
    except Exception as failed:  # a connector's mistake must not stop the others
        with database.write() as c:
            done = {due.key: now + tools.wait_after(failed, reconcile.count_failure(c, source, failed, now))}
    with database.write() as c:
        c.execute(update(Feed).where(Feed.source_id == source.id).values(done))
    return True


def _claim(database: Database, source_ids: Sequence[int], due: Any, now: datetime) -> int | None:
    turn = or_(due.is_(None), due <= now)
    waiting = select(Feed.source_id).where(Feed.source_id.in_(source_ids), turn).order_by(due, Feed.source_id).limit(1)
    with database.read() as c:
        if not source_ids or c.execute(waiting).first() is None:
            return None
    with database.write() as c:
        source_id: int | None = c.scalar(waiting.with_for_update(skip_locked=True))
        if source_id is not None:
            c.execute(update(Feed).where(Feed.source_id == source_id).values({due.key: now + LEASE}))
        return source_id


# What was deleted


def _ask_again(
    database: Database, source: OpenSource, http: httpx.Client, now: datetime, stored: threading.Event
) -> None:
    assert isinstance(source.connector, AsksAgain)
    with database.read() as c:
        records = _records(c, source.id, now - RECHECKED_FOR)
    for first in range(0, len(records), RECORDS):
        some = records[first : first + RECORDS]
        page = source.connector.ask_again(some, source.config, source.credential, http, now)
        if tools.says_something(source, page, now):
            with database.write() as c:
                tools.keep(c, source, page, now)
            stored.set()


def _records(c: Connection, source_id: int, since: datetime) -> list[str]:
    """The source's records that stopped a clock since then, and of which no deletion is known."""
    stopped = and_(Handoff.lead_id == Event.lead_id, Handoff.touched_at == Event.occurred_at)
    known_gone = exists().where(
        Taken_back.record == Event.record,
        Taken_back.source_id == source_id,
        Taken_back.kind == EventKind.RETRACTED.value,
        Taken_back.received_at >= Event.received_at,
    )
    told = (
        select(Event.record)
        .join(Handoff, stopped)
        .where(Handoff.touched_at >= since, Event.source_id == source_id, Event.record.is_not(None))
        .where(Event.kind == EventKind.FOLLOW_UP.value, ~known_gone)
    )
    ours = len(f"{source_id}:")  # as flows.ledger names them
    return [str(record)[ours:] for record in c.execute(told.distinct().order_by(Event.record)).scalars()]
