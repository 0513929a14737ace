"""Every table. Rows hold facts; a handoff row is a projection of the ledger that `rebuild --check` can redo."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.actions import ActionItem, ActionStep
from app.models.agreements import ProcessRule
from app.models.base import Base, own_key
from app.models.brief import BriefFeedback, BriefFields, OutcomeDigest, ToldOutcome
from app.models.care import Absence, AuditEntry, Burst, Feed, Silence
from app.models.columns import UtcTime
from app.models.funnel import KpiDefinition, Opportunity, Progress
from app.models.marketing import Channel, Content, Spend, WebDay
from app.models.meetings import Meeting, MeetingEntry, SlaProposal
from app.models.people import IdentityDecision, IdentityLink, Lead, LeadIdentity
from app.models.templates import AgendaTemplate
from app.models.users import OneTimeLink, SignInAttempt, User, UserSession

__all__ = [
    "HANDED_OVER",
    "Absence",
    "ActionItem",
    "ActionStep",
    "AgendaTemplate",
    "Alert",
    "ApiToken",
    "AuditEntry",
    "Base",
    "BriefFeedback",
    "BriefFields",
    "Burst",
    "CalendarVersion",
    "Channel",
    "Content",
    "Delivery",
    "Event",
    "Feed",
    "Handoff",
    "Heartbeat",
    "IdentityDecision",
    "IdentityLink",
    "KpiDefinition",
    "Lead",
    "LeadIdentity",
    "Meeting",
    "MeetingEntry",
    "MeetingSeries",
    "OneTimeLink",
    "Opportunity",
    "OutcomeDigest",
    "PolicyVersion",
    "ProcessRule",
    "Progress",
    "SignInAttempt",
    "Silence",
    "SlaProposal",
    "Source",
    "Spend",
    "ToldOutcome",
    "User",
    "UserSession",
    "UtcTime",
    "VerdictChange",
    "WebDay",
]


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
    #: The time that the source gave, where it cannot be (in our future); `occurred_at` is then the reception.
    claimed_at: Mapped[datetime | None]
    #: The record of the source that this fact was read from; of one record only the newest revision counts.
    record: Mapped[str | None] = mapped_column(String(600))
    #: When the source last changed that record; orders the revisions.
    revised_at: Mapped[datetime | None]
    #: Whom the source said it is about: [[system, value], …]; lets a wrong join be taken back.
    about: Mapped[list[Any]]
    data: Mapped[dict[str, Any]]
    __table_args__ = (
        Index("ix_events_lead_id", "lead_id", "occurred_at", "id"),
        Index(
            "ix_events_record",
            "record",
            sqlite_where=text("record IS NOT NULL"),
            postgresql_where=text("record IS NOT NULL"),
        ),
    )


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
    #: Calendars of owners that the policy names, key → row id in `calendars`.
    calendar_ids: Mapped[dict[str, Any]] = mapped_column(default=dict)
    effective_from: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    note: Mapped[str]
    __table_args__ = (UniqueConstraint("key", "version"),)


class Handoff(Base):
    """One MQL handed to sales, or what marketing owes in return; carries the clock. Written by `flows.settle` alone."""

    __tablename__ = "handoffs"
    id: Mapped[int] = own_key()
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"))
    #: What is owed (domain.policy.Duty): follow_up by sales; answer and brief by marketing; next_response by sales.
    duty: Mapped[str] = mapped_column(String(16), default="follow_up")
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
    #: The burst that it qualified in.
    burst_id: Mapped[int | None] = mapped_column(ForeignKey("bursts.id"), index=True)
    __table_args__ = (
        UniqueConstraint("lead_id", "duty", "number"),
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


#: Handoffs to sales, without what else is timed.
HANDED_OVER = Handoff.duty == "follow_up"


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
    """A message owed, and why (the outbox). One for one subject, reason, channel and recipient."""

    __tablename__ = "alerts"
    id: Mapped[int] = own_key()
    #: What it is about: `handoff:12`, `silence:3`, `burst:7`.
    subject: Mapped[str] = mapped_column(String(64))
    #: None: it is not about one handoff.
    handoff_id: Mapped[int | None] = mapped_column(ForeignKey("handoffs.id"), index=True)
    reason: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(16))
    #: As the policy says it (`owner`, an address, a Slack webhook's name); resolved when sent.
    recipient: Mapped[str] = mapped_column(String(320))
    #: asking (the SFA is asked first), owed, sent, withdrawn (sent, and taken back by another message), dropped (no
    #: longer true), undeliverable
    state: Mapped[str] = mapped_column(String(16))
    owed_at: Mapped[datetime]
    #: Not before: the lease of a sender, quiet time or the next try.
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    #: To which address it went; None: it did not, or the recipient is one.
    sent_to: Mapped[str | None] = mapped_column(String(320))
    #: The alert whose message told this one as well (a digest); None: its own message.
    told_in: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    __table_args__ = (
        UniqueConstraint("subject", "reason", "channel", "recipient"),
        Index(
            "ix_alerts_asking",
            "not_before",
            sqlite_where=text("state = 'asking'"),
            postgresql_where=text("state = 'asking'"),
        ),
        Index("ix_alerts_sent_to", "channel", "sent_to", "sent_at"),
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
    #: domain.series.Series, and when it was changed.
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
