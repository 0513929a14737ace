"""Signing in with the account of an OpenID provider: administrators invite, the provider vouches for the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from app.flows import sessions, users
from app.flows.users import NoSuchUser, User


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a provider vouches for."""

    issuer: str
    #: The account at the issuer; never given to anybody else, other than an address.
    subject: str
    #: Empty: none, or the provider does not vouch for it.
    email: str


class Unknown(Exception):
    """Nobody was invited with that address, or the user is disabled."""


class Unvouched(Exception):
    """The provider does not say that the address is the account's."""


class Another(Exception):
    """Another account signed in as this user before; addresses are given to somebody else, accounts are not."""


def enter(c: Connection, identity: Identity, user_agent: str, now: datetime) -> str:
    """The token of a new session. The first time the address finds the user, from then on the account does, whatever
    its address. Raises Unknown, Unvouched, Another."""
    account = f"{identity.issuer} {identity.subject}"
    user = users.by_account(c, account) or _invited(c, identity.email)
    if user.disabled_at:
        raise Unknown(identity.email)
    if user.account is None:
        users.link(c, user, account, now)
    elif user.account != account:
        raise Another(identity.email)
    return sessions.begin(c, user.id, user_agent, now)


def _invited(c: Connection, email: str) -> User:
    if not email:
        raise Unvouched
    try:
        return users.by_email(c, email)
    except NoSuchUser:
        raise Unknown(email) from None
