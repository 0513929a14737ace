"""The figures week by week: one pass over a figure's rows, however many weeks are asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, case, select

from app.domain.kpi import Figure, Kpi, State, times
from app.domain.policy import Policies
from app.flows import kpis
from app.flows.cases import Asked, cases

#: Weeks of a trend, the one that runs included.
WEEKS = 13
WEEK = timedelta(days=7)


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
    figures = _figures(c, policies, kpi, whole, bounds)
    return [Week(day, end <= asked.now, one) for day, end, one in zip(mondays, bounds[1:], figures, strict=True)]


def _mondays(last: date) -> list[date]:
    monday = last - timedelta(days=last.weekday())
    return [monday - WEEK * back for back in range(WEEKS - 1, -1, -1)]


def _figures(c: Connection, policies: Policies, kpi: Kpi, whole: Asked, bounds: Sequence[datetime]) -> list[Figure]:
    match kpi:
        case Kpi.VISITS:  # kept by day: a few hundred rows
            weeks = (replace(whole, since=since, until=until) for since, until in pairwise(bounds))
            return [kpis.figure(c, policies, kpi, week) for week in weeks]
        case Kpi.SALES_CYCLE:
            return _cycles(c, whole, bounds[1:])
        case _:
            return _at_once(c, policies, kpi, whole, bounds)


def _cycles(c: Connection, whole: Asked, ends: Sequence[datetime]) -> list[Figure]:
    """Each looks back over the same number of days from the end of its week, so a row belongs to many."""
    days = whole.definition.cycle_days
    wide = whole.definition.model_copy(update={"cycle_days": days + (ends[-1] - ends[0]).days + 1})
    rows = cases(Kpi.SALES_CYCLE, replace(whole, definition=wide)).counted().subquery()
    found = c.execute(select(rows.c.placed_at, rows.c.seconds, rows.c.state).order_by(rows.c.placed_at)).all()
    placed, back = [row.placed_at for row in found], timedelta(days=days)

    def place(at: datetime) -> int:
        return bisect_left(placed, at.astimezone(UTC))

    return [_cycle(found[place(end - back) : place(end)]) for end in ends]


def _cycle(rows: Sequence[Any]) -> Figure:
    states = Counter(state for _, _, state in rows)
    ended = Counter(max(seconds, 0) for _, seconds, _ in rows)
    won = Counter(max(seconds, 0) for _, seconds, state in rows if state == State.HIT)
    told = {State(state): count for state, count in states.items()}
    return Figure(Kpi.SALES_CYCLE, told, told.get(State.HIT, 0), times(won, ended))


def _at_once(c: Connection, policies: Policies, kpi: Kpi, whole: Asked, bounds: Sequence[datetime]) -> list[Figure]:
    rows = cases(kpi, whole).counted().subquery()
    placed = rows.c.placed_at
    week = case(*((and_(placed >= since, placed < bounds[n + 1]), n) for n, since in enumerate(bounds[:-1])))
    dated = select(rows, week.label("week")).subquery()
    known = kpis.figures_of(c, policies, kpi, whole.now, dated, "week", _named)
    told = {group.name: group.figure for group in known}
    return [told.get(str(n)) or kpis.nothing(kpi) for n in range(len(bounds) - 1)]


def _named(week: int | None) -> str | None:
    return None if week is None else str(week)
