"""Who is who with splits, revisions of records, duties, feeds and silences, bursts, absences, the audit log."""

import sqlalchemy as sa
from alembic import op

from app.models.columns import Json, Key, UtcTime

revision = "20261123_clock_tells_the_truth"
down_revision = "20261123_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _feeds()
    _records_of_people()
    _columns()
    _handoffs()
    _alerts()


def _people() -> None:
    op.create_table(
        "identity_links",
        sa.Column("a_system", sa.String(length=64), nullable=False),
        sa.Column("a_value", sa.String(length=512), nullable=False),
        sa.Column("b_system", sa.String(length=64), nullable=False),
        sa.Column("b_value", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("a_system", "a_value", "b_system", "b_value", name=op.f("pk_identity_links")),
    )
    op.create_index("ix_identity_links_b", "identity_links", ["b_system", "b_value"])
    op.create_table(
        "identity_decisions",
        sa.Column("id", Key, nullable=False),
        sa.Column("a_system", sa.String(length=64), nullable=False),
        sa.Column("a_value", sa.String(length=512), nullable=False),
        sa.Column("b_system", sa.String(length=64), nullable=False),
        sa.Column("b_value", sa.String(length=512), nullable=False),
        sa.Column("together", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_decisions")),
    )
    op.create_index("ix_identity_decisions_a", "identity_decisions", ["a_system", "a_value"])
    op.create_index("ix_identity_decisions_b", "identity_decisions", ["b_system", "b_value"])


def _feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("source_id", Key, sa.ForeignKey("sources.id", name="fk_feeds_source_id_sources"), nullable=False),
        sa.Column("heard_at", UtcTime(), nullable=True),
        sa.Column("seen_delivery_id", Key, nullable=False),
        sa.Column("gaps", Json, nullable=False),
        sa.Column("cursor", Json, nullable=True),
        sa.Column("polled_through", UtcTime(), nullable=True),
        sa.Column("poll_at", UtcTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcTime(), nullable=True),
        sa.Column("poll_error", sa.Text(), nullable=True),
        sa.Column("recovered", sa.Integer(), nullable=False),
        sa.Column("backfill", Json, nullable=True),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_feeds")),
    )
    op.create_index("ix_feeds_poll_at", "feeds", ["poll_at"])
    op.create_table(
        "silences",
        sa.Column("id", Key, nullable=False),
        sa.Column("source_id", Key, sa.ForeignKey("sources.id", name="fk_silences_source_id_sources"), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("noticed_at", UtcTime(), nullable=False),
        sa.Column("heard_again_at", UtcTime(), nullable=True),
        sa.Column("until", UtcTime(), nullable=True),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    lasting = sa.text("until IS NULL")
    op.create_index(
        "ix_silences_lasting", "silences", ["source_id"], unique=True, sqlite_where=lasting, postgresql_where=lasting
    )


def _records_of_people() -> None:
    op.create_table(
        "bursts",
        sa.Column("id", Key, nullable=False),
        sa.Column("source_id", Key, sa.ForeignKey("sources.id", name="fk_bursts_source_id_sources"), nullable=True),
        sa.Column("began_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=False),
        sa.Column("leads", sa.Integer(), nullable=False),
        sa.Column("handling", sa.String(length=16), nullable=False),
        sa.Column("noticed_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bursts")),
    )
    op.create_table(
        "absences",
        sa.Column("id", Key, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.Column("delegate", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_index("ix_absences_owner", "absences", ["owner"])
    op.create_table(
        "audit",
        sa.Column("id", Key, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_subject", "audit", ["subject"])


def _columns() -> None:
    op.add_column("events", sa.Column("claimed_at", UtcTime(), nullable=True))
    op.add_column("events", sa.Column("record", sa.String(length=600), nullable=True))
    op.add_column("events", sa.Column("revised_at", UtcTime(), nullable=True))
    recorded = sa.text("record IS NOT NULL")
    op.create_index("ix_events_record", "events", ["record"], sqlite_where=recorded, postgresql_where=recorded)
    with op.batch_alter_table("leads") as leads:
        leads.add_column(sa.Column("joined_into", Key, nullable=True))
        leads.create_index("ix_leads_joined_into", ["joined_into"])
        leads.create_foreign_key("fk_leads_joined_into_leads", "leads", ["joined_into"], ["id"])
    op.add_column("identities", sa.Column("home_id", Key, nullable=True))
    op.execute("UPDATE identities SET home_id = lead_id")
    with op.batch_alter_table("identities") as identities:
        identities.add_column(sa.Column("doubt", sa.String(length=32), nullable=True))
        identities.alter_column("home_id", existing_type=Key, nullable=False)
        identities.create_index("ix_identities_home_id", ["home_id"])
        identities.create_index("ix_identities_doubt", ["doubt"])
        identities.create_foreign_key("fk_identities_home_id_leads", "leads", ["home_id"], ["id"])
    _links_of_known_people()
    op.add_column("policies", sa.Column("calendar_ids", Json, nullable=True))
    op.execute("UPDATE policies SET calendar_ids = '{}'")
    with op.batch_alter_table("policies") as policies:
        policies.alter_column("calendar_ids", existing_type=Json, nullable=False)


def _links_of_known_people() -> None:
    """Whoever was one person stays one: an id of each is linked with its others."""
    identities = sa.table("identities", sa.column("system"), sa.column("value"), sa.column("lead_id"))
    columns = (identities.c.lead_id, identities.c.system, identities.c.value)
    first: dict[int, tuple[str, str]] = {}
    links = []
    for lead_id, system, value in op.get_bind().execute(sa.select(*columns).order_by(*columns)):
        a, b = first.setdefault(lead_id, (system, value)), (system, value)
        if a != b:
            links.append({"a_system": a[0], "a_value": a[1], "b_system": b[0], "b_value": b[1]})
    if links:
        table = sa.table(
            "identity_links", *(sa.column(name) for name in ("a_system", "a_value", "b_system", "b_value"))
        )
        op.bulk_insert(table, links)


def _handoffs() -> None:
    op.add_column("handoffs", sa.Column("duty", sa.String(length=16), nullable=True))
    op.execute("UPDATE handoffs SET duty = 'follow_up'")
    with op.batch_alter_table("handoffs") as handoffs:
        handoffs.add_column(sa.Column("burst_id", Key, nullable=True))
        handoffs.alter_column("duty", existing_type=sa.String(length=16), nullable=False)
        handoffs.drop_constraint("uq_handoffs_lead_id_number", type_="unique")
        handoffs.create_unique_constraint("uq_handoffs_lead_id_duty_number", ["lead_id", "duty", "number"])
        handoffs.create_index("ix_handoffs_burst_id", ["burst_id"])
        handoffs.create_foreign_key("fk_handoffs_burst_id_bursts", "bursts", ["burst_id"], ["id"])


def _alerts() -> None:
    op.add_column("alerts", sa.Column("subject", sa.String(length=64), nullable=True))
    op.execute("UPDATE alerts SET subject = 'handoff:' || handoff_id")
    asking = sa.text("state = 'asking'")
    with op.batch_alter_table("alerts") as alerts:
        alerts.add_column(sa.Column("told_in", Key, nullable=True))
        alerts.add_column(sa.Column("sent_to", sa.String(length=320), nullable=True))
        alerts.alter_column("subject", existing_type=sa.String(length=64), nullable=False)
        alerts.alter_column("handoff_id", existing_type=Key, nullable=True)
        alerts.drop_constraint("uq_alerts_handoff_id_reason_channel_recipient", type_="unique")
        alerts.create_unique_constraint(
            "uq_alerts_subject_reason_channel_recipient", ["subject", "reason", "channel", "recipient"]
        )
        alerts.create_index("ix_alerts_asking", ["not_before"], sqlite_where=asking, postgresql_where=asking)
        alerts.create_index("ix_alerts_sent_to", ["channel", "sent_to", "sent_at"])
        alerts.create_foreign_key("fk_alerts_told_in_alerts", "alerts", ["told_in"], ["id"])


def downgrade() -> None:
    raise NotImplementedError("facts that only this schema can hold would be lost; restore a backup instead")
