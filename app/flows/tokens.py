"""Bearer tokens: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.domain.refusals import refused
from app.models import ApiToken

PREFIX = "tsk_"
LONGEST_NAME = 100


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


#: Scope → all that it allows.
ALLOWS = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.WRITE: frozenset({Scope.READ, Scope.WRITE}),
    Scope.ADMIN: frozenset(Scope),
}


class NoSuchToken(LookupError):
    """No token has that number."""


@dataclass(frozen=True, slots=True)
class Token:
    id: int
    name: str
    #: Everything it allows; `write` holds `read`, `admin` holds all.
    scopes: frozenset[Scope]
    created_at: datetime
    revoked_at: datetime | None


def create(c: Connection, name: str, scopes: Iterable[str], now: datetime) -> str:
    """The token, shown this once. Raises Refused."""
    wanted = _checked(name.strip(), scopes)
    secret = PREFIX + secrets.token_urlsafe(32)
    row = {"name": name.strip(), "hash": _hash(secret), "scopes": sorted(wanted), "created_at": now}
    c.execute(insert(ApiToken).values(row))
    return secret


def _checked(name: str, scopes: Iterable[str]) -> set[Scope]:
    wanted = set(scopes)
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise refused(
            "/name", "wrong_name", "Give the token a name of one line, {n} characters at most.", n=LONGEST_NAME
        )
    if not wanted or wanted - set(Scope):
        raise refused("/scopes", "unknown_scope", "Give one or more of: {known}.", known=", ".join(Scope))
    return {Scope(scope) for scope in wanted}


def listed(c: Connection) -> list[Token]:
    """All tokens, the revoked ones too, oldest first."""
    return [_token(row) for row in c.execute(select(ApiToken.__table__).order_by(ApiToken.id))]


def revoke(c: Connection, token_id: int, now: datetime) -> None:
    """From the next request on it opens nothing. Raises NoSuchToken."""
    if c.scalar(select(ApiToken.id).where(ApiToken.id == token_id)) is None:
        raise NoSuchToken(token_id)
    c.execute(update(ApiToken).where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None)).values(revoked_at=now))


def find(c: Connection, secret: str) -> Token | None:
    """The token that was made as `secret`, unless it is revoked."""
    valid = select(ApiToken.__table__).where(ApiToken.hash == _hash(secret), ApiToken.revoked_at.is_(None))
    row = c.execute(valid).first()
    return _token(row) if row else None


def _token(row: Any) -> Token:
    allowed = frozenset[Scope]().union(*(ALLOWS[Scope(scope)] for scope in row.scopes))
    return Token(row.id, row.name, allowed, row.created_at, row.revoked_at)


def _hash(secret: str) -> str:
    """Plain SHA-256: 256 random bits leave nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
