"""Tables of the meetings that are prepared, held and closed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Double, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key
from app.models.columns import Json


class Meeting(Base):
    """One meeting of a series from its draft on. What it showed is kept as it was shown. Written by `flows.record`."""

    __tablename__ = "meetings"
    id: Mapped[int] = own_key()
    #: Not a reference: a meeting outlives its series.
    series_key: Mapped[str] = mapped_column(String(64))
    #: Its number in the series.
    number: Mapped[int] = mapped_column(Integer)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    #: The series and the agenda template (domain.series.Series, domain.template.Template) as they were at the draft.
    series: Mapped[dict[str, Any]]
    template: Mapped[dict[str, Any]]
    template_version: Mapped[int] = mapped_column(Integer)
    #: By when the agenda has to be out.
    share_by: Mapped[datetime]
    drafted_at: Mapped[datetime]
    #: When the agenda was frozen, what it said (locale → pages.document.Document), and which sources were silent.
    frozen_at: Mapped[datetime | None]
    agenda: Mapped[dict[str, Any] | None] = mapped_column(Json)
    silent: Mapped[list[Any] | None] = mapped_column(Json)
    #: How complete the customer information was, from 0 to 1; None: nobody knew.
    completeness: Mapped[float | None] = mapped_column(Double)
    started_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    minutes: Mapped[dict[str, Any] | None] = mapped_column(Json)
    #: Words of the messages to attendees: `agenda`, `minutes` → notify.contract.Message.
    letters: Mapped[dict[str, Any]]
    __table_args__ = (UniqueConstraint("series_key", "number"),)


class MeetingEntry(Base):
    """One thing that was said in a meeting or before it; never changed afterwards (domain.run.Entry)."""

    __tablename__ = "meeting_entries"
    id: Mapped[int] = own_key()
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), index=True)
    at: Mapped[datetime]
    by: Mapped[str]
    #: domain.run.Said
    kind: Mapped[str] = mapped_column(String(12))
    #: The item of the agenda, from 1 on.
    item: Mapped[int | None] = mapped_column(Integer)
    text: Mapped[str]
    data: Mapped[dict[str, Any]]


class SlaProposal(Base):
    """A change of the SLA that a meeting decided: proposed, then adopted as a version of the policy, or withdrawn."""

    __tablename__ = "sla_proposals"
    id: Mapped[int] = own_key()
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id"), index=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("meeting_entries.id"))
    policy_key: Mapped[str] = mapped_column(String(64))
    #: domain.policy.Policy as it is to be.
    document: Mapped[dict[str, Any]]
    effective_on: Mapped[date]
    review_on: Mapped[date]
    #: proposed, adopted, withdrawn
    state: Mapped[str] = mapped_column(String(12))
    #: The version of the policy that it became.
    version: Mapped[int | None] = mapped_column(Integer)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
