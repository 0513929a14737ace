"""A first run, step by step: what was decided already, and the first administrator of an empty Tasuki."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from app.domain.roles import Role
from app.flows import policies, users
from app.flows.administer import Admin
from app.flows.users import User as Account
from app.models import AuditEntry, Delivery, Handoff, Source, User

DECIDED = "setup.decided"


class Step(StrEnum):
    """In the order in which they are asked."""

    CLOCK = "clock"
    RULE = "rule"
    FOLLOW_UP = "follow-up"
    ALERTS = "alerts"
    MEETING = "meeting"
    SOURCE = "source"

    @property
    def following(self) -> Step | None:
        """None: it is the last one."""
        steps = list(Step)
        return steps[steps.index(self) + 1] if self is not steps[-1] else None


class NotTheFirst(Exception):
    """There are users already; administrators invite."""


@dataclass(frozen=True, slots=True)
class Progress:
    decided: frozenset[Step]
    #: The moment at which the newest delivery came; None: nothing was received yet.
    heard_at: datetime | None
    #: Whether a lead was handed to sales.
    handed_over: bool

    @property
    def next(self) -> Step | None:
        """None: everything is decided."""
        return next((step for step in Step if step not in self.decided), None)


def progress(c: Connection) -> Progress:
    """A decision that keeps what stood there counts, too."""
    entries = select(AuditEntry.subject).where(AuditEntry.action == DECIDED).distinct()
    decided = {Step(subject.removeprefix("setup:")) for subject in c.scalars(entries)}
    if c.scalar(select(Source.id).limit(1)):
        decided.add(Step.SOURCE)
    heard_at = c.scalar(select(Delivery.received_at).order_by(Delivery.id.desc()).limit(1))
    return Progress(frozenset(decided), heard_at, c.scalar(select(Handoff.id).limit(1)) is not None)


def decide(c: Connection, admin: Admin, step: Step) -> None:
    admin.did(c, DECIDED, f"setup:{step}")


# --- the first administrator


def invitation(keys: str) -> str:
    """What stands in the link that lets the first administrator in. It follows from the key that encrypts secrets, so
    that all processes name the same one and none has to be stored; it is worth nothing once there is a user."""
    return hmac.new(keys.encode(), b"the first administrator", hashlib.sha256).hexdigest()


def is_empty(c: Connection) -> bool:
    """Nobody can sign in yet."""
    return c.scalar(select(User.id).limit(1)) is None


def first_admin(c: Connection, now: datetime, *, email: str, name: str, hashed: str) -> Account:
    """Raises NotTheFirst, Refused."""
    policies.lock(c)
    if not is_empty(c):
        raise NotTheFirst
    by = Admin(users.folded(email), now)
    user = users.create(c, by, email=email, name=name, role=Role.ADMIN)
    users.set_password(c, by, user.id, hashed)
    return user
