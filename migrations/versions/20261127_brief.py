"""The lead brief: its wanted fields, what sales says of it, and what marketing was told became of leads."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Json, Key, UtcTime

revision = "20261127_brief"
down_revision = "20261126_actions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brief_fields",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_brief_fields")),
    )
    op.create_table(
        "brief_feedback",
        sa.Column("id", Key, nullable=False),
        sa.Column(
            "handoff_id", Key, sa.ForeignKey("handoffs.id", name="fk_brief_feedback_handoff_id_handoffs"),
            nullable=False,
        ),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brief_feedback")),
    )  # fmt: skip
    op.create_index("ix_brief_feedback_handoff_id", "brief_feedback", ["handoff_id"])
    op.create_table(
        "outcome_digests",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_outcome_digests")),
    )
    op.create_table(
        "told_outcomes",
        sa.Column("lead_id", Key, sa.ForeignKey("leads.id", name="fk_told_outcomes_lead_id_leads"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column(
            "day", sa.Date(), sa.ForeignKey("outcome_digests.day", name="fk_told_outcomes_day_outcome_digests"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("lead_id", "number", "key", name=op.f("pk_told_outcomes")),
    )  # fmt: skip
    op.create_index("ix_told_outcomes_day", "told_outcomes", ["day"])


def downgrade() -> None:
    op.drop_table("told_outcomes")
    op.drop_table("outcome_digests")
    op.drop_table("brief_feedback")
    op.drop_table("brief_fields")
