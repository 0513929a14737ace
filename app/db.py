"""The database: engine, read and write transactions.

SQLite: one process writes, through one lock, with BEGIN IMMEDIATE; readers never wait for it.
PostgreSQL: any number of processes; rows are locked in key order.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

#: A transaction that idles keeps an old snapshot, and one old snapshot makes every sweep 300 times slower.
IDLE_LIMIT_MS = 30_000


class Database:
    """One engine for reading and writing; `write()` serialises writers on SQLite."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        if not self.is_sqlite:
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.engine: Engine = sqlite_engine(parsed) if self.is_sqlite else postgres_engine(parsed)
        self._turn = _Turn()

    @contextmanager
    def write(self, *, first: bool = False) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, rolled back on an exception.

        `first`: before everybody else who waits for their turn on SQLite; for those whom a sender waits for.
        """
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._turn.taken(first=first), self.engine.connect() as connection:
            connection.execution_options(tasuki_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot to read from."""
        with self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()


class _Turn:
    """One at a time, and who goes first. A plain lock would let a busy loop take it again before anybody who waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy = False
        self._first = 0
        self._others: deque[object] = deque()

    @contextmanager
    def taken(self, *, first: bool) -> Iterator[None]:
        self._wait_first() if first else self._wait()
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _wait_first(self) -> None:
        with self._changed:
            self._first += 1
            self._changed.wait_for(lambda: not self._busy)
            self._first -= 1
            self._busy = True

    def _wait(self) -> None:
        me = object()
        with self._changed:
            self._others.append(me)
            self._changed.wait_for(lambda: not self._busy and not self._first and self._others[0] is me)
            self._others.popleft()
            self._busy = True


def compact_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sqlite_engine(url: Any) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=20,
        max_overflow=40,
        connect_args={"check_same_thread": False, "timeout": 30, "isolation_level": None},
        json_serializer=compact_json,
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("tasuki_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def postgres_engine(url: Any) -> Engine:
    return create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        json_serializer=compact_json,
        connect_args={
            "connect_timeout": 5,
            "options": f"-c timezone=UTC -c idle_in_transaction_session_timeout={IDLE_LIMIT_MS}",
        },
    )
