"""Every table. Rows hold facts; a handoff row is a projection of the ledger that `rebuild --check` can redo."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.models.columns import Json, Key, UtcTime


def own_key() -> Mapped[int]:
    return mapped_column(Key, primary_key=True)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcTime(),
        date: Date(),
        dict[str, Any]: Json,
        list[Any]: Json,
        str: Text(),
    }


class Source(Base):
    """One configured instance of a connector."""

    __tablename__ = "sources"
    id: Mapped[int] = own_key()
    #: In the webhook's path: /webhooks/{name}.
    name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(64))
    config: Mapped[dict[str, Any]]
    #: Encrypted JSON: {"webhook": [newest, previous?], "credential": str?}. Never shown again.
    secrets: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    rotated_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


class Delivery(Base):
    """One webhook request as it arrived (the inbox)."""

    __tablename__ = "deliveries"
    id: Mapped[int] = own_key()
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    received_at: Mapped[datetime]
    method: Mapped[str] = mapped_column(String(8))
    #: Path and query as received, without credentials.
    url: Mapped[str]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    #: waiting (for the ledger), asking (the tool, for what it left out), applied, quarantined
    state: Mapped[str] = mapped_column(String(16))
    #: Whose turn: a worker that claimed it, or a retry that is not due yet.
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    #: Why it is quarantined or waits, one sentence a line.
    reason: Mapped[str | None]
    applied_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_deliveries_waiting",
            "not_before",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_deliveries_asking",
            "not_before",
            sqlite_where=text("state = 'asking'"),
            postgresql_where=text("state = 'asking'"),
        ),
        Index("ix_deliveries_state", "state", "id"),
    )


class Lead(Base):
    """A person."""

    __tablename__ = "leads"
    id: Mapped[int] = own_key()
    name: Mapped[str | None]
    company: Mapped[str | None]
    #: The record in the SFA, for links.
    url: Mapped[str | None]
    first_seen_at: Mapped[datetime]
    #: Checkpoint of the lead's history (domain.history), so that an event in order costs the same on every lead.
    history: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
    __table_args__ = (Index("ix_leads_updated_at", "updated_at", "id"),)


class LeadIdentity(Base):
    """An id under which a tool knows a lead; e-mail addresses are ids of the system `email`."""

    __tablename__ = "identities"
    system: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(512), primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True)


class Event(Base):
    """The ledger: one canonical fact about one lead."""

    __tablename__ = "events"
    #: Made of the source and its own id of the fact, so the same fact is the same row.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"))
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id"))
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id"))
    kind: Mapped[str] = mapped_column(String(16))
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    recorded_at: Mapped[datetime | None]
    #: Whom the source said it is about: [[system, value], …]; lets a wrong join be taken back.
    about: Mapped[list[Any]]
    data: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_events_lead_id", "lead_id", "occurred_at", "id"),)


class CalendarVersion(Base):
    """One version of a calendar; deadlines name the version that they were computed with."""

    __tablename__ = "calendars"
    id: Mapped[int] = own_key()
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    __table_args__ = (UniqueConstraint("key", "version"),)


class PolicyVersion(Base):
    """One version of a policy. Applies to what happens from `effective_from` on; None: since ever."""

    __tablename__ = "policies"
    id: Mapped[int] = own_key()
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]]
    calendar_id: Mapped[int] = mapped_column(ForeignKey("calendars.id"))
    effective_from: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    note: Mapped[str]
    __table_args__ = (UniqueConstraint("key", "version"),)


class Handoff(Base):
    """One MQL handed to sales; carries the clock. Written by `flows.settle` alone."""

    __tablename__ = "handoffs"
    id: Mapped[int] = own_key()
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"))
    #: 1 for the lead's first handoff, 2 after a recycling, …
    number: Mapped[int] = mapped_column(Integer)
    policy_id: Mapped[int] = mapped_column(ForeignKey("policies.id"))
    #: What history says about it (domain.history.Episode): evidence, owner, first touch, outcome.
    episode: Mapped[dict[str, Any]]
    qualified_at: Mapped[datetime]
    #: When Tasuki could know: the last piece of evidence was received.
    visible_at: Mapped[datetime]
    due_at: Mapped[datetime]
    warn_at: Mapped[datetime | None]
    owner: Mapped[str | None]
    touched_at: Mapped[datetime | None]
    verdict: Mapped[str] = mapped_column(String(16))
    #: When the verdict became true, in event time: for a breach the deadline itself.
    verdict_at: Mapped[datetime]
    #: The next moment at which the verdict can change by itself.
    check_again_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("lead_id", "number"),
        Index(
            "ix_handoffs_check_again_at",
            "check_again_at",
            sqlite_where=text("check_again_at IS NOT NULL"),
            postgresql_where=text("check_again_at IS NOT NULL"),
        ),
        Index("ix_handoffs_verdict", "verdict", "due_at", "id"),
        Index("ix_handoffs_due_at", "due_at", "id"),
        Index("ix_handoffs_owner", "owner", "due_at", "id"),
        Index("ix_handoffs_qualified_at", "qualified_at"),
    )


class VerdictChange(Base):
    """A handoff's verdict changed: from what, to what, when it became true and when we knew."""

    __tablename__ = "verdict_changes"
    id: Mapped[int] = own_key()
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id"), index=True)
    previous: Mapped[str | None] = mapped_column(String(16))
    verdict: Mapped[str] = mapped_column(String(16))
    true_at: Mapped[datetime]
    known_at: Mapped[datetime]


class Alert(Base):
    """A message owed, and why (the outbox). One for one reason, handoff, channel and recipient."""

    __tablename__ = "alerts"
    id: Mapped[int] = own_key()
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id"), index=True)
    reason: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(16))
    #: As the policy says it (`owner`, an address, a Slack webhook's name); resolved when sent.
    recipient: Mapped[str] = mapped_column(String(320))
    #: owed, sent, dropped (no longer true), undeliverable
    state: Mapped[str] = mapped_column(String(16))
    owed_at: Mapped[datetime]
    #: Not before: the lease of a sender, quiet time or the next try.
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("handoff_id", "reason", "channel", "recipient"),
        Index(
            "ix_alerts_owed",
            "not_before",
            sqlite_where=text("state = 'owed'"),
            postgresql_where=text("state = 'owed'"),
        ),
    )


class MeetingSeries(Base):
    """A recurring sales × marketing meeting."""

    __tablename__ = "meeting_series"
    id: Mapped[int] = own_key()
    key: Mapped[str] = mapped_column(String(64), unique=True)
    #: domain.agenda.Series: name, weekday, time, minutes, every how many weeks, time zone, first date.
    document: Mapped[dict[str, Any]]
    calendar_key: Mapped[str] = mapped_column(String(64))
    #: SHA-256 of the ICS feed's secret; None: no feed.
    feed_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]


class ApiToken(Base):
    """A bearer token, hashed at rest."""

    __tablename__ = "tokens"
    id: Mapped[int] = own_key()
    name: Mapped[str]
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Heartbeat(Base):
    """When a scheduled job last ended well, and what went wrong since."""

    __tablename__ = "heartbeats"
    job: Mapped[str] = mapped_column(String(32), primary_key=True)
    beat_at: Mapped[datetime]
    error: Mapped[str | None]
