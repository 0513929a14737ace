"""Tables of what the teams agreed on beside the SLA."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key


class ProcessRule(Base):
    """One version of a rule about the data; the newest is in force unless it is withdrawn."""

    __tablename__ = "process_rules"
    id: Mapped[int] = own_key()
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    text: Mapped[str]
    #: domain.quality.Kind, whose cases violate it; None: no data shows it.
    check: Mapped[str | None] = mapped_column(String(32))
    #: Cases that are tolerated.
    most: Mapped[int] = mapped_column(Integer)
    agreed_on: Mapped[date]
    #: The meeting that decided it. Its series' key is not a reference: a rule outlives the series.
    series_key: Mapped[str | None] = mapped_column(String(64))
    meeting_number: Mapped[int | None] = mapped_column(Integer)
    by: Mapped[str]
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_reason: Mapped[str | None]
    __table_args__ = (UniqueConstraint("key", "version"),)
