"""Action items and what was said about them."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Key, UtcTime

revision = "20261126_actions"
down_revision = "20261128_marketing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "action_items",
        sa.Column("id", Key, nullable=False),
        sa.Column("series_key", sa.String(length=64), nullable=False),
        sa.Column("meeting_number", sa.Integer(), nullable=True),
        sa.Column("handoff_id", Key, sa.ForeignKey("handoffs.id", name="fk_action_items_handoff_id_handoffs")),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("owner_email", sa.String(length=320), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("done_when", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("carried", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_items")),
    )
    op.create_index("ix_action_items_state", "action_items", ["state", "due_on", "id"])
    op.create_index("ix_action_items_series_key", "action_items", ["series_key", "state"])
    op.create_table(
        "action_steps",
        sa.Column("id", Key, nullable=False),
        sa.Column(
            "action_id", Key, sa.ForeignKey("action_items.id", name="fk_action_steps_action_id_action_items"),
            nullable=False,
        ),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_before", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_steps")),
    )  # fmt: skip
    op.create_index("ix_action_steps_action_id", "action_steps", ["action_id"])


def downgrade() -> None:
    op.drop_table("action_steps")
    op.drop_table("action_items")
