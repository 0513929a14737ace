"""The figures week by week: one pass over a figure's rows, however many weeks are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, case, select

from app.domain.kpi import Figure, Kpi, State
from app.domain.policy import Policies
from app.flows import kpis
from app.flows.cases import Asked, cases

#: Weeks of a trend, the one that runs included.
WEEKS = 13
WEEK = timedelta(days=7)
#: Figures whose rows belong to no single week, or that are kept by day.
ONE_BY_ONE = frozenset({Kpi.VISITS, Kpi.SALES_CYCLE})


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Sunday, in the organisation's time zone."""

    first: date
    #: All its days are over.
    over: bool
    figure: Figure

    @property
    def last(self) -> date:
        return self.first + timedelta(days=6)


def weekly(c: Connection, policies: Policies, kpi: Kpi, asked: Asked, zone: ZoneInfo) -> list[Week]:
    """The WEEKS weeks up to and with the one of the period's last day, the oldest first."""
    mondays = _mondays(asked.days[1])
    bounds = [datetime.combine(day, time(), zone) for day in (*mondays, mondays[-1] + WEEK)]
    whole = replace(asked, since=bounds[0], until=bounds[-1])
    figures = _each(c, policies, kpi, whole, bounds) if kpi in ONE_BY_ONE else _at_once(c, policies, kpi, whole, bounds)
    return [Week(day, end <= asked.now, one) for day, end, one in zip(mondays, bounds[1:], figures, strict=True)]


def _mondays(last: date) -> list[date]:
    monday = last - timedelta(days=last.weekday())
    return [monday - WEEK * back for back in range(WEEKS - 1, -1, -1)]


def _each(c: Connection, policies: Policies, kpi: Kpi, whole: Asked, bounds: Sequence[datetime]) -> list[Figure]:
    weeks = pairwise(bounds)
    return [kpis.figure(c, policies, kpi, replace(whole, since=since, until=until)) for since, until in weeks]


def _at_once(c: Connection, policies: Policies, kpi: Kpi, whole: Asked, bounds: Sequence[datetime]) -> list[Figure]:
    rows = cases(kpi, whole).counted().subquery()
    placed = _placed(rows, kpi, whole)
    week = case(*((and_(placed >= since, placed < bounds[n + 1]), n) for n, since in enumerate(bounds[:-1])))
    dated = select(rows, week.label("week")).subquery()
    known = kpis.figures_of(c, policies, kpi, whole.now, dated, "week", _named)
    told = {group.name: group.figure for group in known}
    return [told.get(str(n)) or kpis.nothing(kpi) for n in range(len(bounds) - 1)]


def _placed(rows: Any, kpi: Kpi, asked: Asked) -> Any:
    """The moment by which a row belongs to a period, as `flows.cases` has it."""
    if kpi is Kpi.WIN_RATE and asked.definition.won_of == "closed":
        return rows.c.reached_at
    if kpi is Kpi.ACCEPTANCE:
        return case((rows.c.state == State.WAITING.value, rows.c.began_at), else_=rows.c.reached_at)
    return rows.c.began_at


def _named(week: int | None) -> str | None:
    return None if week is None else str(week)
