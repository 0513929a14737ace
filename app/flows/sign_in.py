"""Signing in with e-mail and password. Whoever tries too often waits; nobody learns whether an account exists."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from app.db import Database
from app.flows import passwords, sessions, users
from app.models import SignInAttempt, User

#: Failures within WINDOW after which one waits: with one login, and from one address.
WINDOW = timedelta(minutes=15)
PER_ACCOUNT, PER_ADDRESS = 5, 20


class Wrong(Exception):
    """No such account, no password yet, disabled, or another password: they are not told apart."""


class Wait(Exception):
    """Too many failures; `until` says when the next attempt counts."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


@dataclass(frozen=True, slots=True)
class Attempt:
    email: str
    password: str
    #: The client's address, as far as the server knows it.
    address: str
    user_agent: str

    @property
    def account(self) -> str:
        return hashlib.sha256(users.folded(self.email).encode("utf-8", "replace")).hexdigest()

    @property
    def network(self) -> str:
        return network(self.address)


def run(database: Database, attempt: Attempt, now: datetime) -> str:
    """The token of a new session. Raises Wrong, Wait."""
    known = prove(database, attempt, now)
    newer = passwords.hashed(attempt.password) if passwords.outdated(known.password_hash) else known.password_hash
    with database.write() as c:
        if _known(c, attempt.email, lock=True) != known:
            raise Wrong
        c.execute(update(User).where(User.id == known.id).values(password_hash=newer))
        return sessions.begin(c, known.id, attempt.user_agent, now)


def prove(database: Database, attempt: Attempt, now: datetime) -> Any:
    """The user's row, if the password is the user's; a login that nobody has takes as long. Raises Wrong, Wait."""
    _take_a_turn(database, attempt, now)
    with database.read() as c:
        known = _known(c, attempt.email)
    if not passwords.matches(known.password_hash if known else None, attempt.password):
        raise Wrong
    with database.write() as c:
        c.execute(delete(SignInAttempt).where(SignInAttempt.account == attempt.account))
    return known


def _take_a_turn(database: Database, attempt: Attempt, now: datetime) -> None:
    """Counts as failed from its beginning on, so that many at once cannot slip through. Raises Wait."""
    row = {"at": now, "account": attempt.account, "address": attempt.network}
    with database.write() as c:
        c.execute(delete(SignInAttempt).where(SignInAttempt.at <= now - WINDOW))
        mine = c.execute(insert(SignInAttempt).values(row).returning(SignInAttempt.id)).scalar_one()
    with database.read() as c:
        until = _blocked_until(c, attempt, now)
    if until:
        with database.write() as c:  # whoever waits does not wait longer for asking
            c.execute(delete(SignInAttempt).where(SignInAttempt.id == mine))
        raise Wait(until)


def _blocked_until(c: Connection, attempt: Attempt, now: datetime) -> datetime | None:
    ends = [
        _end(c, SignInAttempt.account == attempt.account, PER_ACCOUNT, now),
        _end(c, SignInAttempt.address == attempt.network, PER_ADDRESS, now),
    ]
    return max((end for end in ends if end), default=None)


def _end(c: Connection, whose: Any, allowed: int, now: datetime) -> datetime | None:
    """When fewer than `allowed` failures besides this one stand in the window again; None: already."""
    recent = select(SignInAttempt.at).where(whose, SignInAttempt.at > now - WINDOW).order_by(SignInAttempt.at.desc())
    found = c.scalars(recent.limit(allowed + 1)).all()
    return found[allowed] + WINDOW if len(found) > allowed else None


def _known(c: Connection, email: str, *, lock: bool = False) -> Any:
    if not email.strip().isprintable():  # no address; PostgreSQL cannot even be asked about U+0000
        return None
    query = select(User.id, User.password_hash).where(
        User.email == users.folded(email), User.disabled_at.is_(None), User.password_hash.is_not(None)
    )
    return c.execute(query.with_for_update() if lock else query).first()


def network(address: str) -> str:
    """The address; of IPv6 the /64 that one subscriber has whole."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(known, IPv6Address) and known.ipv4_mapped is None:
        return str(ip_network((known, 64), strict=False))
    return str(known)
