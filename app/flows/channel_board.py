"""What every channel and every content brought in a period, and what the channels cost in its whole months."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from app.domain.kpi import Figure, Kpi, State
from app.domain.policy import Policies
from app.domain.spend import ChannelSpend
from app.flows import contents, kpis, spend
from app.flows.cases import Asked
from app.flows.contents import Registered
from app.flows.kpis import By

#: The funnel of a channel.
FUNNEL = (Kpi.NEW_LEADS, Kpi.MQLS, Kpi.MQL_TO_SQL, Kpi.SQLS, Kpi.OPPORTUNITY_RATE, Kpi.WIN_RATE)
OF_CONTENT = (Kpi.MQLS, Kpi.OPPORTUNITY_RATE)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a channel cost in some whole months, and what came of it in them."""

    spend: ChannelSpend
    mqls: int
    #: None: the days of some of these MQLs are not over, so nobody knows yet.
    opportunities: int | None

    @property
    def per_mql(self) -> int | None:
        """In the currency's smallest unit; None: nothing is known to be spent, or nothing came."""
        return _each(self.spend, self.mqls)

    @property
    def per_opportunity(self) -> int | None:
        return _each(self.spend, self.opportunities or 0)


def _each(cost: ChannelSpend, number: int) -> int | None:
    known = cost.spent is not None and not cost.without_spent
    return round((cost.spent or 0) / number) if known and number else None


@dataclass(frozen=True, slots=True)
class Board:
    #: Channel → its figures; None: leads of which nobody knows the channel.
    channels: Mapping[str | None, Mapping[Kpi, Figure]]
    costs: Sequence[Cost]
    #: The whole months of the period.
    months: Sequence[date]
    by_month: Mapping[date, Sequence[ChannelSpend]]
    #: Content → its figures, the one of most MQLs first.
    contents: Mapping[str | None, Mapping[Kpi, Figure]]
    registered: Sequence[Registered]


def read(c: Connection, known: Policies, asked: Asked, zone: ZoneInfo) -> Board:
    months = list(whole_months(*asked.days))
    return Board(
        channels=_by(c, known, asked, By.CHANNEL, FUNNEL),
        costs=_costs(c, known, asked, months, zone) if months else [],
        months=months,
        by_month={month: spend.by_channel(c, month, month) for month in months},
        contents=_by(c, known, asked, By.CONTENT, OF_CONTENT),
        registered=contents.listed(c, asked.now),
    )


def whole_months(first: date, last: date) -> Iterator[date]:
    """The first days of the months that lie in the days altogether."""
    month = first if first.day == 1 else _next(first)
    while _next(month) - DAY <= last:
        yield month
        month = _next(month)


def _next(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _by(
    c: Connection, known: Policies, asked: Asked, by: By, wanted: Sequence[Kpi]
) -> dict[str | None, dict[Kpi, Figure]]:
    told: dict[str | None, dict[Kpi, Figure]] = {}
    for kpi in wanted:
        for group in kpis.grouped(c, known, kpi, asked, by):
            told.setdefault(group.name, {})[kpi] = group.figure
    return dict(sorted(told.items(), key=lambda one: one[0] is None))


def _costs(c: Connection, known: Policies, asked: Asked, months: Sequence[date], zone: ZoneInfo) -> list[Cost]:
    since, until = (datetime.combine(day, time(), zone) for day in (months[0], _next(months[-1])))
    then = replace(asked, since=since, until=until)
    told = _by(c, known, then, By.CHANNEL, (Kpi.MQLS, Kpi.OPPORTUNITY_RATE))
    return [_cost(line, told.get(line.channel, {})) for line in spend.by_channel(c, months[0], months[-1])]


def _cost(line: ChannelSpend, told: Mapping[Kpi, Figure]) -> Cost:
    mqls, opened = told.get(Kpi.MQLS), told.get(Kpi.OPPORTUNITY_RATE)
    observing = opened is not None and opened.states.get(State.OBSERVING, 0)
    return Cost(line, mqls.count if mqls else 0, None if observing else opened.count if opened else 0)
