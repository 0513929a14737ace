"""The company's own agenda templates; meetings take 60, 75 or 90 minutes."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Json, Key, UtcTime

revision = "20261130_agenda_templates"
down_revision = "20261129_process_rules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agenda_templates",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agenda_templates")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_agenda_templates_key_version")),
    )
    _lengths_with_a_template()


def _lengths_with_a_template() -> None:
    """Any length from 60 to 90 minutes becomes the next for which there is a template."""
    series = sa.table("meeting_series", sa.column("id", Key), sa.column("document", Json))
    for row in op.get_bind().execute(sa.select(series)).all():
        minutes = next((each for each in (60, 75) if row.document.get("minutes", 60) <= each), 90)
        changed = sa.update(series).where(series.c.id == row.id).values(document=row.document | {"minutes": minutes})
        op.get_bind().execute(changed)


def downgrade() -> None:
    op.drop_table("agenda_templates")
