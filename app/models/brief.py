"""Tables of the brief: what sales wants in it, what sales says of it, and what marketing was told became of leads."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key


class BriefFields(Base):
    """What sales wants to find in a brief (domain.brief.Wanted); the newest version is in force."""

    __tablename__ = "brief_fields"
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class BriefFeedback(Base):
    """Whether a handoff's brief helped; never changed, of each person the newest word counts."""

    __tablename__ = "brief_feedback"
    id: Mapped[int] = own_key()
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id"), index=True)
    by: Mapped[str]
    at: Mapped[datetime]
    helpful: Mapped[bool]
    note: Mapped[str]


class OutcomeDigest(Base):
    """A day on which marketing was told what became of its leads, or had nothing to hear."""

    __tablename__ = "outcome_digests"
    day: Mapped[date] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]


class ToldOutcome(Base):
    """A milestone of a handoff that is told in a day's digest, and in no other."""

    __tablename__ = "told_outcomes"
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), primary_key=True)
    #: Of the handoff.
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: domain.outcomes.Milestone.key
    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(ForeignKey("outcome_digests.day"), index=True)
