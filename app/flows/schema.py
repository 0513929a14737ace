"""Bring a database to this program's schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.db import Database


def upgrade(database: Database) -> None:
    """Apply what is missing; nothing happens on a database that is up to date."""
    with database.read() as c:
        if is_current(c):
            return
    with _rebuilding(database) as c:
        if not database.is_sqlite:
            # Two processes that start at once must not both migrate.
            c.exec_driver_sql("SELECT pg_advisory_xact_lock(7470)")
        config = _config()
        config.attributes["connection"] = c
        command.upgrade(config, "head")


@contextmanager
def _rebuilding(database: Database) -> Iterator[Connection]:
    """A transaction in which SQLite may rebuild a table that others point at: their references are checked at the
    end instead of while the old table is dropped."""
    if not database.is_sqlite:
        with database.write() as c:
            yield c
        return
    with database.engine.connect() as c:
        c.execution_options(tasuki_writes=True)
        raw: Any = c.connection.dbapi_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with c.begin():
                yield c
                if broken := c.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise ValueError(f"the migration left a reference without its row: {tuple(broken)}")
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


def is_current(c: Connection) -> bool:
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(c).get_current_revision() == newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    return config
