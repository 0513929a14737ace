"""How far the MQLs of each month came within their days: one pass over their progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, and_, case, func, select

from app.domain.funnel import Standing
from app.flows.cases import MICRO, Asked
from app.models import Opportunity, Progress
from app.models.columns import micros_between


class Stage(StrEnum):
    """In the order in which they come."""

    MQL = "mql"
    TOUCHED = "touched"
    SQL = "sql"
    OPPORTUNITY = "opportunity"
    #: As known now: winning takes longer than those days.
    WON = "won"


@dataclass(frozen=True, slots=True)
class Cohort:
    """The MQLs of one month, as far as it is in the period."""

    month: date
    reached: dict[Stage, int]
    #: The days that an MQL has are not over for all of them.
    observing: bool


def by_month(c: Connection, asked: Asked, zone: ZoneInfo) -> list[Cohort]:
    """The oldest first; a month without an MQL too."""
    months = list(_months(*asked.days))
    bounds = [datetime.combine(day, time(), zone) for day in months]
    rows = _reached(asked, bounds).subquery()
    columns = (rows.c.touched, rows.c.sql, rows.c.opened, rows.c.won)
    counted = select(rows.c.month, func.count(), *(func.count(column) for column in columns)).group_by(rows.c.month)
    found = {place: dict(zip(Stage, counts, strict=True)) for place, *counts in c.execute(counted)}
    matured = asked.now - asked.definition.window
    return [
        Cohort(day, found.get(n, dict.fromkeys(Stage, 0)), min(until, asked.until) > matured)
        for n, (day, until) in enumerate(zip(months, bounds[1:], strict=False))
    ]


def _reached(asked: Asked, bounds: Sequence[datetime]) -> Select[Any]:
    """A row an MQL: the number of its month, and 1 for each stage that it reached."""
    began, days = Progress.qualified_at, asked.definition.window // MICRO
    month = case(*((and_(began >= since, began < until), n) for n, (since, until) in enumerate(pairwise(bounds))))
    marks = {"touched": Progress.touched_at, "sql": Progress.sql_at, "opened": Progress.opened_at}
    within = [case((micros_between(began, reached) <= days, 1)).label(name) for name, reached in marks.items()]
    counted = Progress.standing.in_((Standing.COUNTED, Standing.RETURNED))
    return select(month.label("month"), *within, case((_WON, 1)).label("won")).where(asked.within(began), counted)


_WON = (
    select(Opportunity.id)
    .where(Opportunity.lead_id == Progress.lead_id, Opportunity.number == Progress.number)
    .where(Opportunity.state == "won")
    .correlate(Progress)
    .exists()
)


def _months(first: date, last: date) -> Iterator[date]:
    """The first days of the months in which the days lie, and of the one after."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)
    yield month
