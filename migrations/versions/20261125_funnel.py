"""What became of handoffs, for the figures. Every lead's is due, so that the first job reads them all."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Json, Key, UtcTime

revision = "20261125_funnel"
down_revision = "20261124_errands"
branch_labels = None
depends_on = None

#: Indexes that hold all that a figure needs.
ALONG_PROGRESS = [
    [
        *("qualified_at", "standing", "lead_id", "sql_at", "opened_at", "touched_at", "touched_after", "policy_id"),
        *("accepted_at", "rejected_at", "returned_at"),
    ],
    ["due_at", "standing", "touched_at", "lead_id", "number"],
    ["touched_at", "standing", "logged_after", "opened_at", "lead_id"],
    ["sql_at", "standing", "opened_at", "lead_id"],
    ["accepted_at", "standing", "rejected_at"],
    ["rejected_at", "standing", "accepted_at"],
]
ALONG_OPPORTUNITIES = [
    ["opened_at", "counts", "state", "closed_at", "lead_id"],
    ["closed_at", "counts", "state"],
]


def upgrade() -> None:
    op.add_column("leads", sa.Column("funnel_due", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("leads", sa.Column("source", sa.String(length=200), nullable=True))
    op.add_column("leads", sa.Column("campaign", sa.String(length=200), nullable=True))
    op.add_column("leads", sa.Column("excluded", sa.Text(), nullable=True))
    op.create_index("ix_leads_first_seen_at", "leads", ["first_seen_at", "excluded", "joined_into"])
    due = sa.text("funnel_due")
    op.create_index("ix_leads_funnel_due", "leads", ["id"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "progress",
        sa.Column("lead_id", Key, sa.ForeignKey("leads.id", name="fk_progress_lead_id_leads"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(length=8), nullable=False),
        *(sa.Column(name, UtcTime(), nullable=True) for name in ("qualified_at", "due_at", "touched_at")),
        *(sa.Column(name, UtcTime(), nullable=True) for name in ("accepted_at", "rejected_at", "returned_at")),
        sa.Column("reason", sa.Text(), nullable=True),
        *(sa.Column(name, UtcTime(), nullable=True) for name in ("sql_at", "opened_at")),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("policy_id", Key, sa.ForeignKey("policies.id", name="fk_progress_policy_id_policies")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("touched_after", "logged_after")),
        sa.PrimaryKeyConstraint("lead_id", "number", name=op.f("pk_progress")),
    )
    for columns in ALONG_PROGRESS:
        op.create_index(f"ix_progress_{columns[0]}", "progress", columns)
    op.create_table(
        "opportunities",
        sa.Column("id", Key, nullable=False),
        sa.Column("lead_id", Key, sa.ForeignKey("leads.id", name="fk_opportunities_lead_id_leads"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("amount", sa.Float(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunities")),
    )
    op.create_index("ix_opportunities_lead_id", "opportunities", ["lead_id", "number"])
    for columns in ALONG_OPPORTUNITIES:
        op.create_index(f"ix_opportunities_{columns[0]}", "opportunities", columns)
    op.create_table(
        "kpi_definitions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_kpi_definitions")),
    )


def downgrade() -> None:
    op.drop_table("kpi_definitions")
    op.drop_table("opportunities")
    op.drop_table("progress")
    op.drop_index("ix_leads_funnel_due", "leads")
    op.drop_index("ix_leads_first_seen_at", "leads")
    for name in ("excluded", "campaign", "source", "funnel_due"):
        op.drop_column("leads", name)
