"""Tables of what meetings decided that somebody does."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key


class ActionItem(Base):
    """One action item as it stands; how it came to that say its steps. Written by `flows.actions` alone."""

    __tablename__ = "action_items"
    id: Mapped[int] = own_key()
    #: Key of the meeting series; not a reference: an item outlives its series.
    series_key: Mapped[str] = mapped_column(String(64))
    #: The meeting that decided it; None: nobody said.
    meeting_number: Mapped[int | None] = mapped_column(Integer)
    #: The handoff that it came of.
    handoff_id: Mapped[int | None] = mapped_column(ForeignKey("handoffs.id"))
    owner: Mapped[str]
    owner_email: Mapped[str | None] = mapped_column(String(320))
    due_on: Mapped[date]
    text: Mapped[str]
    done_when: Mapped[str]
    #: domain.action.ActionState
    state: Mapped[str] = mapped_column(String(8))
    #: How often it was carried over.
    carried: Mapped[int] = mapped_column(Integer)
    #: Grows with every step: who edits names the one they saw.
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_action_items_state", "state", "due_on", "id"),
        Index("ix_action_items_series_key", "series_key", "state"),
    )


class ActionStep(Base):
    """What was said or done about an action item; never changed afterwards."""

    __tablename__ = "action_steps"
    id: Mapped[int] = own_key()
    action_id: Mapped[int] = mapped_column(ForeignKey("action_items.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[str]
    #: domain.action.StepKind
    kind: Mapped[str] = mapped_column(String(8))
    #: The reason, or how it stands.
    text: Mapped[str]
    due_before: Mapped[date | None]
    due_on: Mapped[date]
