"""When a tool is asked again about the follow-ups that it told, and told again where to send."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import UtcTime

revision = "20261124_errands"
down_revision = "20261123_clock_tells_the_truth"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("recheck_at", "subscribe_at", "subscribed_until"):
        op.add_column("feeds", sa.Column(name, UtcTime(), nullable=True))


def downgrade() -> None:
    for name in ("subscribed_until", "subscribe_at", "recheck_at"):
        op.drop_column("feeds", name)
