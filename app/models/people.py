"""Tables of who is who."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key


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
    #: What became of it has to be read again (flows.funnel).
    funnel_due: Mapped[bool] = mapped_column(server_default=true())
    #: Its first known origin, as the tools call it.
    source: Mapped[str | None] = mapped_column(String(200))
    #: The campaign that it came by, as the tools call it; the first known one.
    campaign: Mapped[str | None] = mapped_column(String(200))
    #: Why it does not count (test, competitor, deleted …); None: it does.
    excluded: Mapped[str | None]
    #: The lead that this one turned out to be; it keeps its row, so that a split gives it back its handoffs.
    joined_into: Mapped[int | None] = mapped_column(ForeignKey("leads.id"), index=True)
    __table_args__ = (
        Index("ix_leads_updated_at", "updated_at", "id"),
        Index("ix_leads_first_seen_at", "first_seen_at", "excluded", "joined_into"),
        Index(
            "ix_leads_funnel_due",
            "id",
            sqlite_where=text("funnel_due"),
            postgresql_where=text("funnel_due"),
        ),
    )


class LeadIdentity(Base):
    """An id under which a tool knows a lead; e-mail addresses are ids of the system `email`."""

    __tablename__ = "identities"
    system: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(512), primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True)
    #: The lead that was made when this id was first seen; a split gives the id back to it.
    home_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), index=True)
    #: Why a person has to decide about it (domain.identity.Doubt); None: it is clear whose it is.
    doubt: Mapped[str | None] = mapped_column(String(32), index=True)


class IdentityLink(Base):
    """Two ids that a source named together; the smaller one (system, value) is `a`."""

    __tablename__ = "identity_links"
    a_system: Mapped[str] = mapped_column(String(64), primary_key=True)
    a_value: Mapped[str] = mapped_column(String(512), primary_key=True)
    b_system: Mapped[str] = mapped_column(String(64), primary_key=True)
    b_value: Mapped[str] = mapped_column(String(512), primary_key=True)
    __table_args__ = (Index("ix_identity_links_b", "b_system", "b_value"),)


class IdentityDecision(Base):
    """What a person decided about two ids; the newest one about a pair counts."""

    __tablename__ = "identity_decisions"
    id: Mapped[int] = own_key()
    a_system: Mapped[str] = mapped_column(String(64))
    a_value: Mapped[str] = mapped_column(String(512))
    b_system: Mapped[str] = mapped_column(String(64))
    b_value: Mapped[str] = mapped_column(String(512))
    #: Whether they are one person.
    together: Mapped[bool]
    by: Mapped[str]
    at: Mapped[datetime]
    note: Mapped[str]
    __table_args__ = (
        Index("ix_identity_decisions_a", "a_system", "a_value"),
        Index("ix_identity_decisions_b", "b_system", "b_value"),
    )
