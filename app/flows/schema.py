"""Bring a database to this program's schema."""

from __future__ import annotations

from importlib import resources

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
    with database.write() as c:
        if not database.is_sqlite:
            # Two processes that start at once must not both migrate.
            c.exec_driver_sql("SELECT pg_advisory_xact_lock(7470)")
        config = _config()
        config.attributes["connection"] = c
        command.upgrade(config, "head")


def is_current(c: Connection) -> bool:
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(c).get_current_revision() == newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    return config
