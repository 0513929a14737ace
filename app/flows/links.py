"""One-time links: whoever has one chooses a password. Opening it changes nothing; choosing uses it up."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.flows import sessions, users
from app.flows.administer import Admin
from app.models import OneTimeLink, User


class Purpose(StrEnum):
    WELCOME = "welcome"
    RESET = "reset"


LASTS = {Purpose.WELCOME: timedelta(days=7), Purpose.RESET: timedelta(hours=24)}


class NoSuchLink(LookupError):
    """Unknown, used, overtaken by a newer one, expired, or its user is disabled."""


@dataclass(frozen=True, slots=True)
class Given:
    """A new link, shown this once."""

    token: str
    expires_at: datetime

    def address(self, public_url: str) -> str:
        return f"{public_url}/welcome/{self.token}"


@dataclass(frozen=True, slots=True)
class Known:
    id: int
    user_id: int
    email: str
    name: str


def give(c: Connection, admin: Admin, user_id: int) -> Given:
    """To somebody without a password a welcome, else a reset; links given before are dead. Raises NoSuchUser."""
    user = users.read(c, user_id)
    purpose = Purpose.RESET if user.ready else Purpose.WELCOME
    given = Given(secrets.token_urlsafe(32), admin.now + LASTS[purpose])
    _use_up(c, user_id, admin.now)
    row = {"digest": sessions.digest(given.token), "user_id": user_id, "purpose": purpose.value}
    c.execute(insert(OneTimeLink).values(row | {"created_at": admin.now, "expires_at": given.expires_at}))
    admin.did(c, "user.link_made", f"user:{user_id}", after={"purpose": purpose.value})
    return given


def find(c: Connection, token: str, now: datetime, *, lock: bool = False) -> Known:
    """Raises NoSuchLink."""
    query = (
        select(OneTimeLink.id, OneTimeLink.user_id, User.email, User.name)
        .join(User, User.id == OneTimeLink.user_id)
        .where(OneTimeLink.digest == sessions.digest(token), OneTimeLink.used_at.is_(None))
        .where(OneTimeLink.expires_at > now, User.disabled_at.is_(None))
    )
    row: Any = c.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NoSuchLink
    return Known(row.id, row.user_id, row.email, row.name)


def choose_password(c: Connection, token: str, hashed: str, now: datetime) -> Known:
    """Uses the link up. Raises NoSuchLink."""
    known = find(c, token, now, lock=True)
    _use_up(c, known.user_id, now)
    users.set_password(c, Admin(known.email, now), known.user_id, hashed)
    return known


def _use_up(c: Connection, user_id: int, now: datetime) -> None:
    mine = update(OneTimeLink).where(OneTimeLink.user_id == user_id, OneTimeLink.used_at.is_(None))
    c.execute(mine.values(used_at=now))
