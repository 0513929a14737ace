"""Whose time the handoffs of a period took until their follow-up, as time goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, select

from app.domain.clock import Verdict
from app.domain.delays import Journey, delays
from app.flows.cases import Asked
from app.models import HANDED_OVER, Handoff, VerdictChange


class Part(StrEnum):
    """In the order in which they come."""

    MA = "ma"
    OWN = "own"
    ROUTING = "routing"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Waits:
    """Of the handoffs that were followed up."""

    n: int
    #: Handoffs of the period that still wait.
    waiting: int
    total: Mapping[Part, timedelta]
    half: Mapping[Part, timedelta]

    def share(self, part: Part) -> float:
        """Of all the time, 0 to 1; zero where there is none."""
        whole = sum(self.total.values(), timedelta())
        return self.total[part] / whole if whole else 0.0


def read(c: Connection, asked: Asked) -> Waits:
    decided = (
        select(func.min(VerdictChange.known_at))
        .where(VerdictChange.handoff_id == Handoff.id)
        .correlate(Handoff)
        .scalar_subquery()
    )
    rows = c.execute(
        select(
            Handoff.qualified_at, Handoff.visible_at, Handoff.touched_at, decided.label("decided_at"),
            Handoff.episode["assigned_at"].as_string().label("assigned_at"),
        ).where(HANDED_OVER, asked.within(Handoff.qualified_at), Handoff.verdict != Verdict.VOIDED)
    ).all()  # fmt: skip
    touched = [row for row in rows if row.touched_at is not None]
    found = [delays(_journey(row), asked.now, _elapsed) for row in touched]
    taken = {part: sorted(getattr(one, part.value) for one in found) for part in Part}
    total = {part: sum(some, timedelta()) for part, some in taken.items()}
    return Waits(len(touched), len(rows) - len(touched), total, {part: _middle(some) for part, some in taken.items()})


def _journey(row: Any) -> Journey:
    return Journey(
        occurred_at=row.qualified_at,
        received_at=row.visible_at,
        decided_at=row.decided_at or row.visible_at,
        in_sfa_at=None,
        assigned_at=datetime.fromisoformat(row.assigned_at) if row.assigned_at else None,
        touched_at=row.touched_at,
        recorded_at=None,
    )


def _elapsed(begin: datetime, end: datetime) -> timedelta:
    return end - begin


def _middle(some: Sequence[timedelta]) -> timedelta:
    """The lower median; nothing of nobody."""
    return some[(len(some) - 1) // 2] if some else timedelta()
