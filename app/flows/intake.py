"""Deliveries become durable: many requests, one commit. Nothing is answered before its commit."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.db import Database, compact_json
from app.models.columns import to_micros


class Full(Exception):
    """More deliveries wait for their commit than the settings allow."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified request, ready to be stored."""

    source_id: int
    received_at: datetime
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrival: Arrival
    stored: asyncio.Future[None]


#: A group larger than this is split, so that one commit stays short.
LARGEST_GROUP = 500


class Intake:
    """One writer thread takes everything that queued up during the last commit into the next one."""

    def __init__(self, database: Database, limit: int, after_commit: Callable[[], None] = lambda: None) -> None:
        self._database, self._limit, self._after_commit = database, limit, after_commit
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._pending = 0
        self._thread = threading.Thread(target=self._write_groups, name="intake", daemon=True)
        #: The loop that requests run on; set by `start`.
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Everything that was put is committed before this returns."""
        self._queue.put(None)
        self._thread.join()

    @property
    def busy(self) -> bool:
        return self._pending > 0

    async def put(self, arrival: Arrival) -> None:
        """Returns once the arrival is durable. Raises Full, or what the database raised."""
        if self._pending >= self._limit:
            raise Full
        self._pending += 1
        waiting = _Waiting(arrival, asyncio.get_running_loop().create_future())
        self._queue.put(waiting)
        await waiting.stored

    def _write_groups(self) -> None:
        ending = False
        while not ending:
            group = [self._queue.get()]
            while len(group) < LARGEST_GROUP and not self._queue.empty():
                group.append(self._queue.get())
            ending = None in group
            self._write_group([waiting for waiting in group if waiting is not None])

    def _write_group(self, group: list[_Waiting]) -> None:
        if not group:
            return
        failure = self._try_to_store([waiting.arrival for waiting in group])
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._answer, group, failure)

    def _try_to_store(self, arrivals: list[Arrival]) -> Exception | None:
        """What went wrong, if anything. A connection that turns out to be dead is replaced once.

        Should the lost connection have committed after all, the deliveries are stored twice and their events once.
        """
        for last_try in (False, True):
            try:
                with self._database.write(first=True) as c:
                    store(c, arrivals)
                self._after_commit()
            except DBAPIError as failed:
                if last_try or not failed.connection_invalidated:
                    return failed
            except Exception as failed:
                return failed
            else:
                return None
        raise AssertionError("the last try returns")

    def _answer(self, group: list[_Waiting], failure: Exception | None) -> None:
        self._pending -= len(group)
        for waiting in group:
            if waiting.stored.done():  # the client went away
                continue
            if failure is None:
                waiting.stored.set_result(None)
            else:
                waiting.stored.set_exception(failure)


def store(c: Connection, arrivals: list[Arrival]) -> None:
    """Insert the group in one go: a prepared statement on SQLite, COPY on PostgreSQL (half the cost of an INSERT)."""
    if c.dialect.name == "sqlite":
        c.exec_driver_sql(INSERT, _sqlite_rows(arrivals))
        return
    connection: psycopg.Connection = c.connection.driver_connection  # type: ignore[assignment]
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(TYPES)
        for a in arrivals:
            headers = Jsonb(a.headers, dumps=compact_json)
            copy.write_row((a.source_id, a.received_at, a.method, a.url, headers, a.body, a.received_at, "waiting", 0))


INSERT = (
    "INSERT INTO deliveries (source_id, received_at, method, url, headers, body, not_before, state, attempts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
COPY = (
    "COPY deliveries (source_id, received_at, method, url, headers, body, not_before, state, attempts)"
    " FROM STDIN (FORMAT BINARY)"
)
TYPES = ("int8", "timestamptz", "varchar", "text", "jsonb", "bytea", "timestamptz", "varchar", "int4")


def _sqlite_rows(arrivals: list[Arrival]) -> list[tuple[Any, ...]]:
    return [
        (a.source_id, at, a.method, a.url, compact_json(a.headers), a.body, at, "waiting", 0)
        for a in arrivals
        for at in (to_micros(a.received_at),)
    ]
