"""Tables of what marketing brings to the meeting: visits, spend, the channels of sources, content."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class WebDay(Base):
    """Visits of one day to one landing page from one campaign and channel; what is not named is empty."""

    __tablename__ = "web_days"
    day: Mapped[date] = mapped_column(primary_key=True)
    page: Mapped[str] = mapped_column(String(400), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(100), primary_key=True)
    #: As it was written (domain.channel.channel_written reads it).
    channel: Mapped[str] = mapped_column(String(100), primary_key=True)
    sessions: Mapped[int] = mapped_column(BigInteger)
    #: None: the tool does not say.
    users: Mapped[int | None] = mapped_column(BigInteger)
    conversions: Mapped[int] = mapped_column(BigInteger)


class Spend(Base):
    """A line of the budget: one channel and campaign in one month."""

    __tablename__ = "spend"
    #: Its first day.
    month: Mapped[date] = mapped_column(primary_key=True)
    #: As it was written.
    channel: Mapped[str] = mapped_column(String(100), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(100), primary_key=True)
    #: In the smallest unit of the currency; None: not known, which is not nothing.
    planned: Mapped[int | None] = mapped_column(BigInteger)
    spent: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))


class Channel(Base):
    """Which channel a source's word means; somebody decided it."""

    __tablename__ = "channels"
    #: Folded (domain.channel.folded).
    raw: Mapped[str] = mapped_column(String(200), primary_key=True)
    #: domain.channel.ChannelKey
    channel: Mapped[str] = mapped_column(String(16))
    set_at: Mapped[datetime]
    set_by: Mapped[str]


class Content(Base):
    """A document, page or video, and who keeps it fresh. What is None is not known."""

    __tablename__ = "contents"
    #: As activities name it.
    asset: Mapped[str] = mapped_column(String(300), primary_key=True)
    title: Mapped[str | None]
    topic: Mapped[str | None]
    #: domain.content.Stage
    stage: Mapped[str | None] = mapped_column(String(16))
    owner: Mapped[str | None]
    last_reviewed: Mapped[date | None]
