"""One set of migrations makes both databases equal to the models."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.db import Database
from app.flows import schema
from app.models import Base


def test_upgraded_from_empty_equals_the_models(database: Database) -> None:
    with database.read() as c:
        context = MigrationContext.configure(c, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
        assert schema.is_current(c)


def test_upgrading_again_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    with database.read() as c:
        assert schema.is_current(c)
