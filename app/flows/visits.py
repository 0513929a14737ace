"""The figure of the website's visits: its groups and its rows, which are days."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import Connection

from app.domain.kpi import Figure, Kpi, State
from app.domain.website import Visits
from app.flows import website
from app.flows.cases import Asked
from app.flows.lists import Key, Page
from app.flows.website import By

__all__ = ["By", "VisitRow", "days", "figure", "grouped"]


@dataclass(frozen=True, slots=True)
class VisitRow:
    """The visits of one day; `id` counts days from the calendar's beginning."""

    id: int
    began_at: datetime
    sessions: int
    conversions: int


def figure(c: Connection, asked: Asked) -> Figure:
    return _figure(website.totals(c, *asked.days))


def grouped(c: Connection, asked: Asked, by: By | None) -> list[tuple[str | None, Figure]]:
    """None: nobody knows whose they are by that."""
    if by is None:
        return [(None, figure(c, asked))]
    return [(group.name, _figure(group.visits)) for group in website.grouped(c, *asked.days, by)]


def _figure(found: Visits) -> Figure:
    states = Counter({State.HIT: found.conversions, State.MISS: max(0, found.sessions - found.conversions)})
    return Figure(Kpi.VISITS, +states, 0, visits=found)


def days(c: Connection, asked: Asked, after: Key | None, limit: int) -> Page:
    """A row a day of which something is known."""
    known = [(date.fromisoformat(group.name or ""), group.visits) for group in website.grouped(c, *asked.days, "day")]
    rows = [_row(day, found, asked) for day, found in known]
    left = [row for row in rows if after is None or (row.began_at, row.id) > after]
    last = left[limit - 1] if len(left) > limit else None
    return Page(left[:limit], None if last is None else (last.began_at, last.id))


def _row(day: date, found: Visits, asked: Asked) -> VisitRow:
    return VisitRow(
        day.toordinal(), datetime.combine(day, time(), asked.since.tzinfo), found.sessions, found.conversions
    )
