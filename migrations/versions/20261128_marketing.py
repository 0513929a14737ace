"""What marketing brings to the meeting: visits, spend, the channels of sources, content."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import UtcTime

revision = "20261128_marketing"
down_revision = "20261125_funnel"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "web_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("page", sa.String(length=400), nullable=False),
        *(sa.Column(name, sa.String(length=100), nullable=False) for name in ("campaign", "channel")),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("users", sa.BigInteger(), nullable=True),
        sa.Column("conversions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "page", "campaign", "channel", name=op.f("pk_web_days")),
    )
    op.create_table(
        "spend",
        sa.Column("month", sa.Date(), nullable=False),
        *(sa.Column(name, sa.String(length=100), nullable=False) for name in ("channel", "campaign")),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("planned", "spent")),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("month", "channel", "campaign", name=op.f("pk_spend")),
    )
    op.create_table(
        "channels",
        sa.Column("raw", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("raw", name=op.f("pk_channels")),
    )
    op.create_table(
        "contents",
        sa.Column("asset", sa.String(length=300), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("title", "topic")),
        sa.Column("stage", sa.String(length=16), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("last_reviewed", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("asset", name=op.f("pk_contents")),
    )


def downgrade() -> None:
    for table in ("contents", "channels", "spend", "web_days"):
        op.drop_table(table)
