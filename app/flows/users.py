"""Users: made, changed and disabled by administrators. Every change is in the audit log, no secret is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.domain.language import LOCALES
from app.domain.refusals import refused
from app.domain.roles import Role
from app.flows import sessions
from app.flows.administer import Admin
from app.models import User as UserRow

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
LONGEST_EMAIL, LONGEST_NAME = 254, 100


class NoSuchUser(LookupError):
    """No user has that number or address."""


@dataclass(frozen=True, slots=True)
class User:
    id: int
    email: str
    name: str
    role: Role
    team: str | None
    locale: str | None
    #: Whether there is a way to sign in: a password was chosen, or a provider's account came.
    ready: bool
    #: `issuer subject` of that account.
    account: str | None
    created_at: datetime
    disabled_at: datetime | None
    password_changed_at: datetime | None


def folded(email: str) -> str:
    """The login as it is kept and compared."""
    return email.strip().casefold()


def create(c: Connection, admin: Admin, *, email: str, name: str, role: str, team: str | None = None) -> User:
    """Without a password. Raises Refused."""
    row = {"email": _email(c, email), "name": _name(name), "role": _role(role), "team": _team(team)}
    number = c.execute(insert(UserRow).values(row | {"created_at": admin.now}).returning(UserRow.id)).scalar_one()
    admin.did(c, "user.created", f"user:{number}", after=row)
    return read(c, number)


def listed(c: Connection) -> list[User]:
    """All, the disabled ones last, by address."""
    rows = c.execute(select(UserRow.__table__).order_by(UserRow.disabled_at.is_not(None), UserRow.email))
    return [_user(row) for row in rows]


def read(c: Connection, user_id: int) -> User:
    """Raises NoSuchUser."""
    row = c.execute(select(UserRow.__table__).where(UserRow.id == user_id)).first()
    if row is None:
        raise NoSuchUser(user_id)
    return _user(row)


def by_account(c: Connection, account: str) -> User | None:
    row = c.execute(select(UserRow.__table__).where(UserRow.account == account)).first()
    return _user(row) if row else None


def by_email(c: Connection, email: str) -> User:
    """Raises NoSuchUser."""
    row = c.execute(select(UserRow.__table__).where(UserRow.email == folded(email))).first()
    if row is None:
        raise NoSuchUser(email)
    return _user(row)


def change(c: Connection, admin: Admin, user_id: int, *, role: str, team: str | None) -> None:
    """From the next request on. Raises NoSuchUser, Refused."""
    before, wanted = read(c, user_id), _role(role)
    if wanted is not Role.ADMIN:
        _keep_an_admin(c, before)
    _store(c, admin, "user.changed", before, role=wanted, team=_team(team))


def link(c: Connection, user: User, account: str, now: datetime) -> None:
    """From now on that account of a provider, and no other one, signs in as the user."""
    _store(c, Admin(user.email, now), "user.account_linked", user, account=account)


def unlink(c: Connection, admin: Admin, user_id: int) -> None:
    """Sessions end; another account with the user's address may come. Raises NoSuchUser, Refused."""
    before = read(c, user_id)
    if before.password_changed_at is None:
        _keep_an_admin(c, before)
    sessions.revoke_all(c, user_id, admin.now)
    c.execute(update(UserRow).where(UserRow.id == user_id).values(account=None))
    admin.did(c, "user.account_unlinked", f"user:{user_id}", {"account": before.account}, {"account": None})


def rename(c: Connection, admin: Admin, user_id: int, *, name: str, locale: str) -> None:
    """`locale`: empty, as the browser asks. Raises NoSuchUser, Refused."""
    if locale and locale not in LOCALES:
        raise refused("/locale", "unknown_locale", "Choose one of these languages: {names}.", names=", ".join(LOCALES))
    _store(c, admin, "user.changed", read(c, user_id), name=_name(name), locale=locale or None)


def disable(c: Connection, admin: Admin, user_id: int) -> None:
    """The user's sessions end at once. Raises NoSuchUser, Refused."""
    before = read(c, user_id)
    _keep_an_admin(c, before)
    sessions.revoke_all(c, user_id, admin.now)
    _store(c, admin, "user.disabled", before, disabled_at=before.disabled_at or admin.now)


def enable(c: Connection, admin: Admin, user_id: int) -> None:
    """Raises NoSuchUser."""
    _store(c, admin, "user.enabled", read(c, user_id), disabled_at=None)


def set_password(c: Connection, admin: Admin, user_id: int, hashed: str, keep: int | None = None) -> None:
    """`hashed`: by flows.passwords, of one that domain.passwords allows. All sessions end; `keep`: but this one."""
    values = {"password_hash": hashed, "password_changed_at": admin.now}
    c.execute(update(UserRow).where(UserRow.id == user_id).values(values))
    sessions.revoke_all(c, user_id, admin.now, but=keep)
    admin.did(c, "user.password_set", f"user:{user_id}")


def revoke_sessions(c: Connection, admin: Admin, user_id: int) -> int:
    """How many ended. Raises NoSuchUser."""
    read(c, user_id)
    count = sessions.revoke_all(c, user_id, admin.now)
    admin.did(c, "user.sessions_revoked", f"user:{user_id}", {"sessions": count}, {"sessions": 0})
    return count


def _store(c: Connection, admin: Admin, action: str, before: User, **values: Any) -> None:
    old = {name: getattr(before, name) for name in values}
    if old == values:
        return
    c.execute(update(UserRow).where(UserRow.id == before.id).values(values))
    admin.did(c, action, f"user:{before.id}", _plain(old), _plain(values))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _keep_an_admin(c: Connection, user: User) -> None:
    """Somebody else must be able to administer. The rows are locked, so that two cannot leave at the same time."""
    if user.role is not Role.ADMIN or user.disabled_at:
        return
    ways_in = (UserRow.password_hash, UserRow.account)
    admins = select(UserRow.id, *ways_in).where(UserRow.role == Role.ADMIN, UserRow.disabled_at.is_(None))
    rows = c.execute(admins.order_by(UserRow.id).with_for_update()).all()
    if not any(row.password_hash or row.account for row in rows if row.id != user.id):
        raise refused("/role", "last_admin", "Nobody else could administer Tasuki then; make somebody else one first.")


def _email(c: Connection, email: str) -> str:
    wanted = folded(email)
    if not EMAIL.fullmatch(wanted) or len(wanted) > LONGEST_EMAIL or not wanted.isprintable():
        raise refused("/email", "no_email", "Write an e-mail address, such as name@example.com.")
    if c.scalar(select(UserRow.id).where(UserRow.email == wanted)) is not None:
        raise refused("/email", "taken", "Somebody has this e-mail address already.")
    return wanted


def _name(name: str) -> str:
    if not 0 < len(name.strip()) <= LONGEST_NAME or not name.strip().isprintable():
        raise refused("/name", "wrong_name", "Write a name of one line, {n} characters at most.", n=LONGEST_NAME)
    return name.strip()


def _role(role: str) -> Role:
    if role not in set(Role):
        raise refused("/role", "unknown_role", "Choose one of these roles: {names}.", names=", ".join(Role))
    return Role(role)


def _team(team: str | None) -> str | None:
    wanted = (team or "").strip()
    if len(wanted) > LONGEST_NAME or not wanted.isprintable():
        raise refused("/team", "wrong_team", "Write a team's name of one line, {n} characters at most.", n=LONGEST_NAME)
    return wanted or None


def _user(row: Any) -> User:
    return User(
        row.id,
        row.email,
        row.name,
        Role(row.role),
        row.team,
        row.locale,
        row.password_hash is not None or row.account is not None,
        row.account,
        row.created_at,
        row.disabled_at,
        row.password_changed_at,
    )
