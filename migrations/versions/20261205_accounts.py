"""Users who sign in with an account of an OpenID provider."""

import sqlalchemy as sa
from alembic import op

revision = "20261205_accounts"
down_revision = "20261203_users"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("account", sa.String(length=600), nullable=True))
        users.create_unique_constraint(op.f("uq_users_account"), ["account"])


def downgrade() -> None:
    with op.batch_alter_table("users") as users:
        users.drop_constraint(op.f("uq_users_account"), type_="unique")
        users.drop_column("account")
