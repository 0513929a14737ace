"""Runs migrations on the connection that the program hands over, or on TASUKI_DATABASE_URL from the shell."""

from alembic import context
from sqlalchemy import Connection

from app.db import Database
from app.models import Base
from app.settings import read_settings


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with Database(read_settings().url_of_database).write() as own:
        run(own)
