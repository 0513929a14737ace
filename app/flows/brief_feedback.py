"""What sales says of the brief of a handoff: whether it helped, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from app.domain.statistics import Share
from app.flows import audit
from app.flows.dossier import NoSuchHandoff
from app.models import HANDED_OVER, BriefFeedback, Handoff


def rate(c: Connection, handoff_id: int, *, helpful: bool, note: str, by: str, actor: str, now: datetime) -> int:
    """Keep what `by` says; the number of the entry. `actor`: whose token or command it is, for the audit log.

    Raises NoSuchHandoff.
    """
    _check(c, handoff_id)
    said = {"by": by, "helpful": helpful, "note": note}
    row = {"handoff_id": handoff_id, "at": now, **said}
    number = c.execute(insert(BriefFeedback).values(row).returning(BriefFeedback.id)).scalar_one()
    audit.write(c, now, by=actor, action="brief.rated", subject=f"handoff:{handoff_id}", after=said)
    return number


def _check(c: Connection, handoff_id: int) -> None:
    if c.scalar(select(Handoff.id).where(Handoff.id == handoff_id, HANDED_OVER)) is None:
        raise NoSuchHandoff(handoff_id)


def of_handoff(c: Connection, handoff_id: int) -> Sequence[Any]:
    """The newest word of each person, the newest first. Raises NoSuchHandoff."""
    _check(c, handoff_id)
    mine = select(BriefFeedback.__table__).where(BriefFeedback.handoff_id == handoff_id, _newest())
    return c.execute(mine.order_by(BriefFeedback.id.desc())).all()


def helpful(c: Connection, since: datetime, until: datetime) -> Share:
    """Of those who said something of handoffs that qualified in that time (since <= qualified < until)."""
    mine = (HANDED_OVER, Handoff.qualified_at >= since, Handoff.qualified_at < until, _newest())
    told = select(BriefFeedback.helpful).join(Handoff, Handoff.id == BriefFeedback.handoff_id)
    said = c.execute(told.where(*mine)).scalars().all()
    return Share(sum(said), len(said))


def _newest() -> Any:
    """Of each person about each handoff."""
    newest = select(func.max(BriefFeedback.id)).group_by(BriefFeedback.handoff_id, BriefFeedback.by)
    return BriefFeedback.id.in_(newest)
