"""Rules about the data that the teams agreed on."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Key, UtcTime

revision = "20261129_process_rules"
down_revision = "20261127_brief"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "process_rules",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("check", sa.String(length=32), nullable=True),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=False),
        sa.Column("series_key", sa.String(length=64), nullable=True),
        sa.Column("meeting_number", sa.Integer(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("withdrawn_at", UtcTime(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process_rules")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_process_rules_key_version")),
    )


def downgrade() -> None:
    op.drop_table("process_rules")
