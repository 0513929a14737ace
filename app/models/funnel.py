"""Tables of the figures: what became of handoffs, projected from the ledger by `flows.funnel` alone, and how the
company counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key


class Progress(Base):
    """How far one handoff came (domain.funnel.Progress), in one narrow row: figures are counted along its indexes."""

    __tablename__ = "progress"
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"), primary_key=True)
    #: Of the handoff; 0: what sales found without one.
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: domain.funnel.Standing: whether and how it is counted.
    standing: Mapped[str] = mapped_column(String(8))
    qualified_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    touched_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    rejected_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    sql_at: Mapped[datetime | None]
    #: Its first opportunity.
    opened_at: Mapped[datetime | None]
    #: Title or id of the last content among the evidence.
    content: Mapped[str | None]
    #: The version whose clock runs.
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policies.id"))
    #: Seconds from qualification to first touch on the policy's clock; None: not touched.
    touched_after: Mapped[int | None] = mapped_column(BigInteger)
    #: Seconds from the first touch until somebody wrote it down; None: the tool does not tell.
    logged_after: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index(
            "ix_progress_qualified_at", "qualified_at", "standing", "lead_id", "sql_at", "opened_at", "touched_at",
            "touched_after", "policy_id", "accepted_at", "rejected_at", "returned_at",
        ),
        Index("ix_progress_due_at", "due_at", "standing", "touched_at", "lead_id", "number"),
        Index("ix_progress_touched_at", "touched_at", "standing", "logged_after", "opened_at", "lead_id"),
        Index("ix_progress_sql_at", "sql_at", "standing", "opened_at", "lead_id"),
        Index("ix_progress_accepted_at", "accepted_at", "standing", "rejected_at"),
        Index("ix_progress_rejected_at", "rejected_at", "standing", "accepted_at"),
    )  # fmt: skip


class Opportunity(Base):
    """An opportunity of the SFA (domain.funnel.Opportunity)."""

    __tablename__ = "opportunities"
    id: Mapped[int] = own_key()
    lead_id: Mapped[int] = mapped_column(ForeignKey("leads.id"))
    #: The SFA's id of it.
    key: Mapped[str]
    #: Of the handoff that it came of; 0: of none.
    number: Mapped[int] = mapped_column(Integer)
    #: Whether the lead counts: no test, no competitor.
    counts: Mapped[bool]
    opened_at: Mapped[datetime]
    #: open, won, lost
    state: Mapped[str] = mapped_column(String(8))
    closed_at: Mapped[datetime | None]
    amount: Mapped[float | None] = mapped_column(Float)
    stage: Mapped[str | None]
    name: Mapped[str | None]
    __table_args__ = (
        Index("ix_opportunities_lead_id", "lead_id", "number"),
        Index("ix_opportunities_opened_at", "opened_at", "counts", "state", "closed_at", "lead_id"),
        Index("ix_opportunities_closed_at", "closed_at", "counts", "state"),
    )


class KpiDefinition(Base):
    """How the company counts (domain.kpi.Definition); the newest version is in force, older figures name theirs."""

    __tablename__ = "kpi_definitions"
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
