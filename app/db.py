"""The database: engine, read and write transactions.

SQLite: one process writes, through one lock, with BEGIN IMMEDIATE; readers never wait for it.
PostgreSQL: any number of processes; rows are locked in key order.
"""

from __future__ import annotations

import json
import threading
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
        self._one_writer = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block, rolled back on an exception."""
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._one_writer, self.engine.connect() as connection:
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
