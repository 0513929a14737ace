"""Owners who are away: until when, and who hears of their leads meanwhile. The clock goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from app.domain.labels import ADDRESS, NO_ADDRESS
from app.domain.refusals import refused
from app.flows import audit
from app.models import Absence


class NoSuchAbsence(LookupError):
    """No absence has that number."""


def covering(c: Connection, owner: str, now: datetime) -> Any | None:
    """The absence of that owner that covers the moment; of several the one that was entered last."""
    theirs = (Absence.owner == owner, Absence.since <= now, Absence.until > now)
    return c.execute(select(Absence.__table__).where(*theirs).order_by(Absence.id.desc()).limit(1)).first()


def current(c: Connection, now: datetime) -> Sequence[Any]:
    """Absences that are not over, the earliest first."""
    return c.execute(select(Absence.__table__).where(Absence.until > now).order_by(Absence.since, Absence.id)).all()


def between(c: Connection, first: datetime, last: datetime) -> Sequence[Any]:
    """Absences that touch that time, over or not."""
    return c.execute(select(Absence.__table__).where(Absence.since <= last, Absence.until > first)).all()


def add(c: Connection, *, owner: str, since: datetime, until: datetime, delegate: str, by: str, now: datetime) -> int:
    """`delegate`: an e-mail address; empty: the policy's intake address. Raises Refused."""
    if until <= since:
        raise refused("/until", "ends_before_it_begins", "An absence ends after it begins.")
    if delegate and not ADDRESS.fullmatch(delegate):
        raise refused("/delegate", "no_address", NO_ADDRESS)
    row = {"owner": owner, "since": since, "until": until, "delegate": delegate, "by": by}
    made = c.execute(insert(Absence).values(row).returning(Absence.id)).scalar_one()
    said = {"owner": owner, "since": since.isoformat(), "until": until.isoformat(), "delegate": delegate}
    audit.write(c, now, by=by, action="absence.added", subject=f"owner:{owner}", after=said)
    return made


def remove(c: Connection, absence_id: int, *, by: str, now: datetime) -> None:
    """Raises NoSuchAbsence."""
    row = c.execute(select(Absence.__table__).where(Absence.id == absence_id)).first()
    if row is None:
        raise NoSuchAbsence(absence_id)
    c.execute(delete(Absence).where(Absence.id == absence_id))
    said = {"since": row.since.isoformat(), "until": row.until.isoformat(), "delegate": row.delegate}
    audit.write(c, now, by=by, action="absence.removed", subject=f"owner:{row.owner}", before=said)
