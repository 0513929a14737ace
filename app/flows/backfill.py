"""Read a source's past, page by page: whoever has time takes the next page, and nobody's end loses anything."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import httpx
from pydantic import TypeAdapter
from sqlalchemy import Connection, select, update

from app.db import Database
from app.domain.refusals import refused
from app.flows import audit, tools
from app.flows.reconcile import ensure_feed
from app.flows.sources import Directory, OpenSource
from app.models import Feed
from connectors.contract import Page, Polls

#: Whoever took a page and died gives it back after this; longer than the slowest page.
LEASE = timedelta(minutes=1)
DAY = timedelta(days=1)
#: Days that may be asked for; nobody's tool keeps more that matters.
MOST_DAYS = 1100
NO_TROUBLE: dict[str, Any] = {"failures": 0, "error": None, "stuck": False}


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the past has been read."""

    #: From here …
    since: datetime
    #: … to here, when it was asked for.
    until: datetime
    #: Everything before this has been read.
    reached: datetime
    pages: int
    #: Where the next page begins, in the connector's own words.
    cursor: dict[str, Any]
    started_at: datetime
    done_at: datetime | None
    #: The next page's turn: its lease, or the next try.
    turn_at: datetime
    #: Failures in a row, what the last one said, and whether it takes a person to mend it.
    failures: int = 0
    error: str | None = None
    stuck: bool = False
    #: When `reached` last moved, or a person wanted it to go on; None: when it began.
    moved_at: datetime | None = None

    @property
    def days(self) -> int:
        return round((self.until - self.since) / DAY)

    @property
    def days_read(self) -> int:
        return int((self.reached - self.since) / DAY)

    @property
    def share(self) -> float:
        """Of the time asked for, from 0 to 1."""
        return 1.0 if self.done_at else min(1.0, (self.reached - self.since) / (self.until - self.since))

    @property
    def state(self) -> Literal["done", "waiting", "reading"]:
        """waiting: for its next try"""
        return "done" if self.done_at else "waiting" if self.error else "reading"


def begin(c: Connection, source: OpenSource, days: int, now: datetime, *, by: str, again: bool = False) -> Reading:
    """Read the last `days` days; a reading that was not finished goes on where it stopped, at once.

    Raises Refused for one that was finished, unless `again`.
    """
    ensure_feed(c, source.id)
    known = _locked(c, source.id)
    if known is not None and known.done_at and not again:
        message = "The history since {since} has been read already; say `again` to read it once more."
        raise refused("/again", "read_already", message, since=f"{known.since:%Y-%m-%d}")
    if known is not None and not again:
        reading = _at_once(known, now)
    else:
        reading = _new(source, days, now)
        after = {"days": days, "from": reading.since.isoformat()}
        audit.write(c, now, by=by, action="source.backfill_started", subject=f"source:{source.name}", after=after)
    _save(c, source.id, reading)
    return reading


def reading_of(c: Connection, source_id: int) -> Reading | None:
    """None: the past was never asked for."""
    return _from_json(c.scalar(select(Feed.backfill).where(Feed.source_id == source_id)))


def turn(
    database: Database,
    directory: Directory,
    http: httpx.Client,
    now: datetime,
    stored: threading.Event,
    only: int | None = None,
) -> bool:
    """Read one page of a source whose turn it is, or of this one; whether there was one.

    `stored` is set when there is something for the ledger. No transaction is open while the tool is asked.
    """
    claimed = _claim(database, directory, now, only)
    if claimed is None:
        return False
    source, reading = claimed
    try:
        page = _ask(source, reading, http)
        kept = page if tools.says_something(source, page, now) else None
    except Exception as failed:  # a connector's mistake must not stop the others
        _write_down(database, source, reading, _failed(reading, source, failed, now))
        return True
    except BaseException:  # somebody stops us: whoever goes on need not wait for the lease
        _write_down(database, source, reading, replace(reading, turn_at=now))
        raise
    if _write_down(database, source, reading, _moved(reading, page, now), kept, now):
        stored.set()
    return True


# One page


def _claim(
    database: Database, directory: Directory, now: datetime, only: int | None
) -> tuple[OpenSource, Reading] | None:
    with database.read() as c:
        if not _due(c, now, only):
            return None
    sources = tools.pollable(directory, now)
    with database.write() as c:
        for source_id in _due(c, now, only):
            reading = _locked(c, source_id) if source_id in sources else None
            if reading is not None and _is_due(reading, now):
                _save(c, source_id, leased := replace(reading, turn_at=now + LEASE))
                return sources[source_id], leased
    return None


def _due(c: Connection, now: datetime, only: int | None) -> list[int]:
    """The sources whose turn it is, the one that waits longest first. There are as many feeds as sources: a handful."""
    found = {row.source_id: _from_json(row.backfill) for row in c.execute(select(Feed.source_id, Feed.backfill))}
    due = [(r.turn_at, source_id) for source_id, r in found.items() if r is not None and _is_due(r, now)]
    return [source_id for _, source_id in sorted(due) if only in (None, source_id)]


def _is_due(reading: Reading, now: datetime) -> bool:
    return reading.done_at is None and reading.turn_at <= now


def _ask(source: OpenSource, reading: Reading, http: httpx.Client) -> Page:
    assert isinstance(source.connector, Polls)
    return source.connector.poll(reading.cursor, reading.until, source.config, source.credential, http)


def _write_down(
    database: Database,
    source: OpenSource,
    claimed: Reading,
    reading: Reading,
    page: Page | None = None,
    now: datetime | None = None,
) -> bool:
    """The page and how far we are, together. Not if another worker read the same page, or somebody began anew."""
    with database.write() as c:
        kept = _locked(c, source.id)
        if kept is None or (kept.started_at, kept.pages) != (claimed.started_at, claimed.pages):
            return False
        if page is not None and now is not None:
            tools.keep(c, source, page, now, why={tools.READING: reading.started_at.isoformat()})
        _save(c, source.id, reading)
    return True


# How far


def _new(source: OpenSource, days: int, now: datetime) -> Reading:
    assert isinstance(source.connector, Polls)
    since = now - timedelta(days=days)
    return Reading(since, now, since, 0, source.connector.start(since), now, None, turn_at=now)


def _at_once(reading: Reading, now: datetime) -> Reading:
    """One that waits for its next try is tried now, as if nothing had been; one that is being read is left alone."""
    return replace(reading, turn_at=now, moved_at=now, **NO_TROUBLE) if reading.error else reading


def _moved(reading: Reading, page: Page, now: datetime) -> Reading:
    reached = min(max(reading.reached, page.through), reading.until)
    moved = replace(reading, reached=reached, pages=reading.pages + 1, cursor=page.cursor, turn_at=now)
    moved = replace(moved, moved_at=now if reached > reading.reached else reading.moved_at, **NO_TROUBLE)
    return moved if page.more else replace(moved, reached=reading.until, done_at=now)


def _failed(reading: Reading, source: OpenSource, failed: Exception, now: datetime) -> Reading:
    failures = reading.failures + 1
    again_at, error = now + tools.wait_after(failed, failures), tools.in_words(failed, source)
    stuck = tools.needs_a_person(failed)
    return replace(reading, failures=failures, error=error, stuck=stuck, turn_at=again_at)


# In its row


def _locked(c: Connection, source_id: int) -> Reading | None:
    return _from_json(c.scalar(select(Feed.backfill).where(Feed.source_id == source_id).with_for_update()))


def _save(c: Connection, source_id: int, reading: Reading) -> None:
    c.execute(update(Feed).where(Feed.source_id == source_id).values(backfill=_as_json(reading)))


_READING = TypeAdapter(Reading)


def _as_json(reading: Reading) -> dict[str, Any]:
    kept: dict[str, Any] = _READING.dump_python(reading, mode="json")
    return {"from": kept.pop("since")} | kept


def _from_json(kept: dict[str, Any] | None) -> Reading | None:
    return None if kept is None else _READING.validate_python({"since": kept["from"]} | kept)
