"""Tables of who signs in: users, their sessions, one-time links, and failed attempts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, own_key


class User(Base):
    """Somebody who works with the pages."""

    __tablename__ = "users"
    id: Mapped[int] = own_key()
    #: The login, casefolded.
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    #: domain.roles.Role
    role: Mapped[str] = mapped_column(String(16))
    team: Mapped[str | None] = mapped_column(String(100))
    #: argon2id, with its parameters; None: a one-time link has to be opened first.
    password_hash: Mapped[str | None] = mapped_column(String(200))
    #: ja, en; None: as the browser asks.
    locale: Mapped[str | None] = mapped_column(String(2))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    password_changed_at: Mapped[datetime | None]
    #: `issuer subject`: the account of an OpenID provider that signed in as this user before.
    account: Mapped[str | None] = mapped_column(String(600), unique=True)


class UserSession(Base):
    """A browser in which somebody signed in. The random token is in its cookie alone."""

    __tablename__ = "user_sessions"
    id: Mapped[int] = own_key()
    #: SHA-256 of the token, in hex.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    #: The last request, to the minute.
    seen_at: Mapped[datetime]
    #: The end, however busy it is.
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    #: What the browser calls itself, cut.
    user_agent: Mapped[str] = mapped_column(String(200))


class SignInAttempt(Base):
    """An attempt that failed, or that is being checked; it is forgotten after a while."""

    __tablename__ = "sign_in_attempts"
    id: Mapped[int] = own_key()
    at: Mapped[datetime] = mapped_column(index=True)
    #: SHA-256 of the login as typed, whether or not there is such a user.
    account: Mapped[str] = mapped_column(String(64), index=True)
    #: The client's address; of IPv6 its network.
    address: Mapped[str] = mapped_column(String(64), index=True)


class OneTimeLink(Base):
    """A link with which a user chooses a password."""

    __tablename__ = "one_time_links"
    id: Mapped[int] = own_key()
    #: SHA-256 of the token in the link, in hex.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    #: welcome, reset
    purpose: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    #: Opened, or overtaken by a newer link.
    used_at: Mapped[datetime | None]
