"""The first tables: sources, inbox, ledger, handoffs, outbox, versions of policies and calendars."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Json, Key, UtcTime

revision = "20261123_first_tables"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calendars",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_calendars_key_version")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("beat_at", UtcTime(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "leads",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("first_seen_at", UtcTime(), nullable=False),
        sa.Column("history", Json, nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leads")),
    )
    op.create_index("ix_leads_updated_at", "leads", ["updated_at", "id"], unique=False)
    op.create_table(
        "meeting_series",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("calendar_key", sa.String(length=64), nullable=False),
        sa.Column("feed_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_series")),
        sa.UniqueConstraint("feed_hash", name=op.f("uq_meeting_series_feed_hash")),
        sa.UniqueConstraint("key", name=op.f("uq_meeting_series_key")),
    )
    op.create_table(
        "sources",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("config", Json, nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("rotated_at", UtcTime(), nullable=True),
        sa.Column("disabled_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("name", name=op.f("uq_sources_name")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", Key, nullable=False),
        sa.Column("source_id", Key, nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("not_before", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("applied_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_deliveries_source_id_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_asking",
        "deliveries",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("state = 'asking'"),
        postgresql_where=sa.text("state = 'asking'"),
    )
    op.create_index("ix_deliveries_state", "deliveries", ["state", "id"], unique=False)
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "identities",
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.Column("lead_id", Key, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_identities_lead_id_leads")),
        sa.PrimaryKeyConstraint("system", "value", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_lead_id"), "identities", ["lead_id"], unique=False)
    op.create_table(
        "policies",
        sa.Column("id", Key, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("calendar_id", Key, nullable=False),
        sa.Column("effective_from", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendars.id"], name=op.f("fk_policies_calendar_id_calendars")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_policies_key_version")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("lead_id", Key, nullable=False),
        sa.Column("source_id", Key, nullable=True),
        sa.Column("delivery_id", Key, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=True),
        sa.Column("about", Json, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_events_delivery_id_deliveries")),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_events_lead_id_leads")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_events_source_id_sources")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_lead_id", "events", ["lead_id", "occurred_at", "id"], unique=False)
    op.create_table(
        "handoffs",
        sa.Column("id", Key, nullable=False),
        sa.Column("lead_id", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("policy_id", Key, nullable=False),
        sa.Column("episode", Json, nullable=False),
        sa.Column("qualified_at", UtcTime(), nullable=False),
        sa.Column("visible_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("warn_at", UtcTime(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("touched_at", UtcTime(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("verdict_at", UtcTime(), nullable=False),
        sa.Column("check_again_at", UtcTime(), nullable=True),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_handoffs_lead_id_leads")),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_handoffs_policy_id_policies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoffs")),
        sa.UniqueConstraint("lead_id", "number", name=op.f("uq_handoffs_lead_id_number")),
    )
    op.create_index(
        "ix_handoffs_check_again_at",
        "handoffs",
        ["check_again_at"],
        unique=False,
        sqlite_where=sa.text("check_again_at IS NOT NULL"),
        postgresql_where=sa.text("check_again_at IS NOT NULL"),
    )
    op.create_index("ix_handoffs_due_at", "handoffs", ["due_at", "id"], unique=False)
    op.create_index("ix_handoffs_owner", "handoffs", ["owner", "due_at", "id"], unique=False)
    op.create_index("ix_handoffs_qualified_at", "handoffs", ["qualified_at"], unique=False)
    op.create_index("ix_handoffs_verdict", "handoffs", ["verdict", "due_at", "id"], unique=False)
    op.create_table(
        "alerts",
        sa.Column("id", Key, nullable=False),
        sa.Column("handoff_id", Key, nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("owed_at", UtcTime(), nullable=False),
        sa.Column("not_before", UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("sent_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoffs.id"], name=op.f("fk_alerts_handoff_id_handoffs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint(
            "handoff_id", "reason", "channel", "recipient", name=op.f("uq_alerts_handoff_id_reason_channel_recipient")
        ),
    )
    op.create_index(op.f("ix_alerts_handoff_id"), "alerts", ["handoff_id"], unique=False)
    op.create_index(
        "ix_alerts_owed",
        "alerts",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("state = 'owed'"),
        postgresql_where=sa.text("state = 'owed'"),
    )
    op.create_table(
        "verdict_changes",
        sa.Column("id", Key, nullable=False),
        sa.Column("handoff_id", Key, nullable=False),
        sa.Column("previous", sa.String(length=16), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("true_at", UtcTime(), nullable=False),
        sa.Column("known_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["handoff_id"], ["handoffs.id"], name=op.f("fk_verdict_changes_handoff_id_handoffs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict_changes")),
    )
    op.create_index(op.f("ix_verdict_changes_handoff_id"), "verdict_changes", ["handoff_id"], unique=False)


def downgrade() -> None:
    op.drop_table("verdict_changes")
    op.drop_table("alerts")
    op.drop_table("handoffs")
    op.drop_table("events")
    op.drop_table("policies")
    op.drop_table("identities")
    op.drop_table("deliveries")
    op.drop_table("tokens")
    op.drop_table("sources")
    op.drop_table("meeting_series")
    op.drop_table("leads")
    op.drop_table("heartbeats")
    op.drop_table("calendars")
