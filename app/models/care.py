"""Tables of what keeps the ledger true: feeds and their silences, bursts, absences, the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key
from app.models.columns import Json, Key


class Feed(Base):
    """How a source's flow of facts stands: when it was heard, how often it speaks, how far it was polled."""

    __tablename__ = "feeds"
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"), primary_key=True)
    #: The newest authentic delivery; None: nothing yet.
    heard_at: Mapped[datetime | None]
    #: Up to which delivery the rhythm was read.
    seen_delivery_id: Mapped[int] = mapped_column(Key, default=0)
    #: What was learned of its rhythm (domain.rhythm.Rhythm): the longest gap in open time by ISO week, seconds.
    gaps: Mapped[dict[str, Any]] = mapped_column(default=dict)
    #: Where the next poll goes on, in the connector's own words; None: never polled.
    cursor: Mapped[dict[str, Any] | None]
    #: The instant up to which polling has read everything.
    polled_through: Mapped[datetime | None]
    #: The next poll; also its lease.
    poll_at: Mapped[datetime | None] = mapped_column(index=True)
    #: Failed polls in a row, and what the last one said.
    failures: Mapped[int] = mapped_column(Integer, default=0)
    failing_since: Mapped[datetime | None]
    poll_error: Mapped[str | None]
    #: When the tool is next asked whether the follow-ups that it told are still there; also that question's lease.
    recheck_at: Mapped[datetime | None]
    #: When the tool is next told where to send, and until when it will; None: it does not forget.
    subscribe_at: Mapped[datetime | None]
    subscribed_until: Mapped[datetime | None]
    #: Facts that only a poll brought.
    recovered: Mapped[int] = mapped_column(Integer, default=0)
    #: A first reading of the past (flows.backfill): from, until, cursor, reached, done_at. None: never asked for.
    backfill: Mapped[dict[str, Any] | None] = mapped_column(Json)


class Silence(Base):
    """A time in which a source's feed was dark; while it lasts nobody is accused."""

    __tablename__ = "silences"
    id: Mapped[int] = own_key()
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    #: The last moment of which we know that the feed worked.
    since: Mapped[datetime]
    noticed_at: Mapped[datetime]
    #: The first delivery after it; what its sender could not deliver follows. None: none yet.
    heard_again_at: Mapped[datetime | None]
    #: When what was missed had been read; None: it lasts.
    until: Mapped[datetime | None]
    #: silent, failing, behind
    why: Mapped[str] = mapped_column(String(16))
    __table_args__ = (
        Index(
            "ix_silences_lasting",
            "source_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )


class Burst(Base):
    """Many leads of one source that qualified within minutes."""

    __tablename__ = "bursts"
    id: Mapped[int] = own_key()
    #: None: recorded by hand.
    source_id: Mapped[int | None] = mapped_column(ForeignKey("sources.id"))
    began_at: Mapped[datetime]
    #: The last one so far.
    ended_at: Mapped[datetime]
    leads: Mapped[int] = mapped_column(Integer)
    #: normal, stagger, exclude
    handling: Mapped[str] = mapped_column(String(16))
    noticed_at: Mapped[datetime]


class Absence(Base):
    """An owner who is away; alerts for them go to the delegate."""

    __tablename__ = "absences"
    id: Mapped[int] = own_key()
    owner: Mapped[str] = mapped_column(index=True)
    since: Mapped[datetime]
    until: Mapped[datetime]
    #: E-mail address; empty: the policy's intake address.
    delegate: Mapped[str]
    by: Mapped[str]


class AuditEntry(Base):
    """A change by a person: who, when, what, before and after."""

    __tablename__ = "audit"
    id: Mapped[int] = own_key()
    at: Mapped[datetime] = mapped_column(index=True)
    #: The token's name, `cli:<user>`, or `tasuki`.
    by: Mapped[str]
    #: What was done: `policy.applied`, `source.configured`, `handoff.paused`, …
    action: Mapped[str] = mapped_column(String(64))
    #: To what: `policy:mql`, `source:hubspot`, `lead:12`.
    subject: Mapped[str] = mapped_column(String(256), index=True)
    #: None: there was nothing, or it is secret.
    before: Mapped[dict[str, Any] | None] = mapped_column(Json)
    after: Mapped[dict[str, Any] | None] = mapped_column(Json)
