"""Who has signed in, in which browser, and for how long."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from app.domain.roles import Role, Visitor
from app.models import User, UserSession

#: Without a request; and in all.
IDLE, LONGEST = timedelta(hours=12), timedelta(days=30)
#: A request is written down once in this time.
GRAIN = timedelta(minutes=1)
#: Ended sessions are forgotten after it.
REMEMBERED = timedelta(days=30)
LONGEST_AGENT = 200


class NoSuchSession(LookupError):
    """The user has no open session of that number."""


@dataclass(frozen=True, slots=True)
class Session:
    id: int
    visitor: Visitor
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    #: What the browser calls itself.
    user_agent: str


def digest(secret: str) -> str:
    """Plain SHA-256: 256 random bits leave nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def begin(c: Connection, user_id: int, user_agent: str, now: datetime) -> str:
    """The token for the browser's cookie; always a new one."""
    token = secrets.token_urlsafe(32)
    agent = "".join(letter for letter in user_agent if letter.isprintable())[:LONGEST_AGENT]
    row = {"digest": digest(token), "user_id": user_id, "user_agent": agent}
    times = {"created_at": now, "seen_at": now, "expires_at": now + LONGEST}
    c.execute(delete(UserSession).where(UserSession.expires_at < now - REMEMBERED))
    c.execute(insert(UserSession).values(row | times))
    return token


def find(c: Connection, token: str, now: datetime) -> Session | None:
    """None: unknown, revoked, expired, or its user is disabled."""
    row = c.execute(_open(now).where(UserSession.digest == digest(token))).first()
    return _session(row) if row else None


def seen(c: Connection, session: Session, now: datetime) -> None:
    c.execute(update(UserSession).where(UserSession.id == session.id, UserSession.seen_at < now).values(seen_at=now))


def of_user(c: Connection, user_id: int, now: datetime) -> list[Session]:
    """The open ones, the latest used first."""
    query = _open(now).where(User.id == user_id).order_by(UserSession.seen_at.desc(), UserSession.id.desc())
    return [_session(row) for row in c.execute(query)]


def end(c: Connection, token: str, now: datetime) -> None:
    """Of this browser, if it has one."""
    _revoke(c, now, UserSession.digest == digest(token))


def revoke(c: Connection, user_id: int, session_id: int, now: datetime) -> None:
    """Raises NoSuchSession."""
    if not _revoke(c, now, UserSession.id == session_id, UserSession.user_id == user_id):
        raise NoSuchSession(session_id)


def revoke_all(c: Connection, user_id: int, now: datetime, but: int | None = None) -> int:
    """How many; `but`: the number of the one that stays."""
    return _revoke(c, now, UserSession.user_id == user_id, UserSession.id != (but or 0))


def _revoke(c: Connection, now: datetime, *which: Any) -> int:
    still = (UserSession.revoked_at.is_(None), UserSession.expires_at > now)
    return c.execute(update(UserSession).where(*which, *still).values(revoked_at=now)).rowcount


def _open(now: datetime) -> Any:
    """Sessions that still let somebody in, with their users."""
    who = (User.id.label("user_id"), User.email, User.name, User.role, User.team, User.locale)
    columns = (
        UserSession.id,
        UserSession.created_at,
        UserSession.seen_at,
        UserSession.expires_at,
        UserSession.user_agent,
    )
    return (
        select(*columns, *who)
        .join(User, User.id == UserSession.user_id)
        .where(User.disabled_at.is_(None), UserSession.revoked_at.is_(None))
        .where(UserSession.expires_at > now, UserSession.seen_at > now - IDLE)
    )


def _session(row: Any) -> Session:
    visitor = Visitor(row.user_id, row.email, row.name, Role(row.role), row.team, row.locale)
    return Session(row.id, visitor, row.created_at, row.seen_at, row.expires_at, row.user_agent)
