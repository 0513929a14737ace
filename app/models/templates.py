"""The company's own agenda templates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key


class AgendaTemplate(Base):
    """One version of a template; never changed, so that a meeting can say which one it was held by."""

    __tablename__ = "agenda_templates"
    id: Mapped[int] = own_key()
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    #: domain.template.Template
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    by: Mapped[str]
    __table_args__ = (UniqueConstraint("key", "version"),)
