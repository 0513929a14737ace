"""Meetings as they are prepared, held and closed, and what they propose for the SLA."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Json, Key, UtcTime

revision = "20261201_meetings"
down_revision = "20261130_agenda_templates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meetings",
        sa.Column("id", Key, nullable=False),
        sa.Column("series_key", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_at", UtcTime(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.Column("series", Json, nullable=False),
        sa.Column("template", Json, nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("share_by", UtcTime(), nullable=False),
        sa.Column("drafted_at", UtcTime(), nullable=False),
        sa.Column("frozen_at", UtcTime(), nullable=True),
        sa.Column("agenda", Json, nullable=True),
        sa.Column("silent", Json, nullable=True),
        sa.Column("completeness", sa.Double(), nullable=True),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("minutes", Json, nullable=True),
        sa.Column("letters", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meetings")),
        sa.UniqueConstraint("series_key", "number", name=op.f("uq_meetings_series_key_number")),
    )
    op.create_table(
        "meeting_entries",
        sa.Column("id", Key, nullable=False),
        sa.Column(
            "meeting_id", Key, sa.ForeignKey("meetings.id", name="fk_meeting_entries_meeting_id_meetings"),
            nullable=False,
        ),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("item", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_entries")),
    )  # fmt: skip
    op.create_index("ix_meeting_entries_meeting_id", "meeting_entries", ["meeting_id"])
    op.create_table(
        "sla_proposals",
        sa.Column("id", Key, nullable=False),
        sa.Column(
            "meeting_id", Key, sa.ForeignKey("meetings.id", name="fk_sla_proposals_meeting_id_meetings"),
            nullable=False,
        ),
        sa.Column(
            "entry_id", Key, sa.ForeignKey("meeting_entries.id", name="fk_sla_proposals_entry_id_meeting_entries"),
            nullable=False,
        ),
        sa.Column("policy_key", sa.String(length=64), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sla_proposals")),
    )  # fmt: skip
    op.create_index("ix_sla_proposals_meeting_id", "sla_proposals", ["meeting_id"])


def downgrade() -> None:
    op.drop_table("sla_proposals")
    op.drop_table("meeting_entries")
    op.drop_table("meetings")
