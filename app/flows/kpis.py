"""The KPI board: each figure of a period, whole or by group, and the rows that it is made of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, distinct, func, select

from app.domain.calendar import ClockKind, working_time
from app.domain.channel import channel_of
from app.domain.kpi import UNITS, Figure, Kpi, State, Times, Unit, times
from app.domain.policy import Policies, PolicyVersion
from app.flows import channels, definitions, visits
from app.flows.cases import SECOND, Asked, cases
from app.flows.lists import Key, Page, page
from app.flows.reports import period
from app.models import Lead

#: Days of a board where nobody says which: a quarter in whole weeks.
USUAL_DAYS = 91
#: States of rows that happened, by the figure; a lost opportunity leaves, it does not happen.
HAPPENED: Mapping[Kpi, frozenset[State]] = {
    Kpi.SALES_CYCLE: frozenset({State.HIT}),
    Kpi.FIRST_FOLLOW_UP: frozenset({State.HIT}),
    Kpi.LOGGING_DELAY: frozenset({State.HIT, State.MISS}),
}


class By(StrEnum):
    """What a figure can be broken down by."""

    CHANNEL = "channel"
    #: As the tools call it, before anybody decided which channel it is.
    SOURCE = "source"
    OWNER = "owner"
    TEAM = "team"
    CAMPAIGN = "campaign"
    CONTENT = "content"
    REASON = "reason"


#: What visits know of themselves.
COLUMNS_OF_VISITS: Mapping[By, visits.By] = {By.CHANNEL: "channel", By.CAMPAIGN: "campaign"}
#: The column that holds it.
COLUMNS = {By.TEAM: "owner", By.CHANNEL: "source"}


@dataclass(frozen=True, slots=True)
class Group:
    """The figure of those that share a value; None: nobody knows theirs."""

    name: str | None
    figure: Figure


def lately(c: Connection, zone: ZoneInfo, now: datetime) -> Asked:
    """The last USUAL_DAYS up to and with today, by the newest definitions."""
    today = now.astimezone(zone).date()
    span = period(today - timedelta(days=USUAL_DAYS - 1), today, zone)
    return Asked(span.since, span.until, now, definitions.newest(c)[1])


def board(c: Connection, policies: Policies, asked: Asked) -> list[Figure]:
    """All of them, in the order of the table."""
    return [figure(c, policies, kpi, asked) for kpi in Kpi]


def figure(c: Connection, policies: Policies, kpi: Kpi, asked: Asked) -> Figure:
    if kpi is Kpi.VISITS:
        return visits.figure(c, asked)
    found = cases(kpi, asked).counted().subquery()
    (whole,) = figures_of(c, policies, kpi, asked.now, found, None, lambda _: None) or [Group(None, nothing(kpi))]
    return whole.figure


def nothing(kpi: Kpi) -> Figure:
    """The figure of no row at all."""
    return Figure(kpi, {}, 0, Lengths().times() if UNITS[kpi] is Unit.TIME else None)


def grouped(c: Connection, policies: Policies, kpi: Kpi, asked: Asked, by: By) -> list[Group]:
    """The largest first, those of whom nobody knows it last."""
    if kpi is Kpi.VISITS:
        return [Group(name, each) for name, each in visits.grouped(c, asked, COLUMNS_OF_VISITS.get(by))]
    found, naming = cases(kpi, asked).told().subquery(), _naming(c, policies, by, asked.now)
    groups = figures_of(c, policies, kpi, asked.now, found, COLUMNS.get(by, by.value), naming)
    return sorted(groups, key=lambda g: (g.name is None, -sum(g.figure.states.values()), g.name or ""))


def _naming(c: Connection, policies: Policies, by: By, now: datetime) -> Callable[[str | None], str | None]:
    """From what a row says to the name of its group."""
    match by:
        case By.TEAM:
            teams = policies.teams(now)
            return lambda owner: teams.get(owner or "")
        case By.CHANNEL:
            mapping = channels.mapping(c)
            return lambda source: channel_of(source, mapping)
        case _:
            return lambda value: value or None


def figures_of(
    c: Connection,
    policies: Policies,
    kpi: Kpi,
    now: datetime,
    found: Any,
    column: str | None,
    naming: Callable[[Any], str | None],
) -> list[Group]:
    """Of the rows that were `found` (a subquery of `cases`): one figure for each name of a value of the column, or one
    of all of them."""
    value = [] if column is None else [found.c[column]]
    people = func.count(distinct(found.c.lead_id)) if UNITS[kpi] is Unit.COUNT else func.count()
    counted = select(found.c.state, func.count(), people, *value).group_by(found.c.state, *value)
    states: dict[str | None, Counter[State]] = defaultdict(Counter)
    leads: Counter[str | None] = Counter()
    for state, count, persons, *named in c.execute(counted):
        name = naming(named[0]) if named else None
        states[name][State(state)] += count
        leads[name] += persons if state == State.HIT else 0
    lengths = _lengths(c, policies, kpi, now, found, column, naming) if UNITS[kpi] is Unit.TIME else None
    return [
        Group(name, Figure(kpi, states[name], leads[name], None if lengths is None else lengths[name].times()))
        for name in states
    ]


# --- times


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of how many it ended after so many seconds, and of how many of them because it happened."""

    happened: Counter[int] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)

    def times(self) -> Times:
        return times(self.happened, self.ended)


def lengths(c: Connection, policies: Policies, kpi: Kpi, asked: Asked) -> Lengths:
    """What the curve of a time is drawn from."""
    found = cases(kpi, asked).counted().subquery()
    return _lengths(c, policies, kpi, asked.now, found, None, lambda _: None)[None]


def _lengths(
    c: Connection,
    policies: Policies,
    kpi: Kpi,
    now: datetime,
    found: Any,
    column: str | None,
    naming: Callable[[Any], str | None],
) -> dict[str | None, Lengths]:
    name: list[Any] = [] if column is None else [found.c[column]]
    known: dict[str | None, Lengths] = defaultdict(Lengths)
    told = (found.c.seconds, found.c.state, *name)
    for seconds, state, *named, count in c.execute(select(*told, func.count()).group_by(*told)):
        if seconds is not None:
            mine, length = known[naming(named[0]) if named else None], max(seconds, 0)
            mine.ended[length] += count
            mine.happened[length] += count if state in HAPPENED[kpi] else 0
    still = select(found.c.policy_id, found.c.began_at, *name).where(found.c.state == State.WAITING)
    begun: dict[int, list[tuple[datetime, str | None]]] = defaultdict(list)
    for policy_id, began_at, *named in c.execute(still.where(found.c.seconds.is_(None))):
        begun[policy_id].append((began_at, naming(named[0]) if named else None))
    for policy_id, some in begun.items():
        for whose, waited in _until_now(policies.by_id[policy_id], some, now):
            known[whose].ended[waited // SECOND] += 1
    return known


def _until_now(
    version: PolicyVersion, begun: Iterable[tuple[datetime, str | None]], now: datetime
) -> Iterator[tuple[str | None, timedelta]]:
    """Whose it is, and how long each has waited on the policy's clock; the latest first, so that no open hour is
    counted twice."""
    so_far, reached = timedelta(), now
    for began_at, whose in sorted(begun, key=lambda one: one[0], reverse=True):
        if version.policy.clock is ClockKind.ELAPSED:
            so_far = max(now - began_at, timedelta())
        else:
            so_far += working_time(version.calendar, began_at, reached)
        reached = min(reached, began_at)
        yield whose, so_far


# --- rows


def rows(
    c: Connection,
    policies: Policies,
    kpi: Kpi,
    asked: Asked,
    *,
    group: tuple[By, str | None] | None = None,
    after: Key | None = None,
    limit: int,
) -> Page:
    """Every row of the figure, or of one of its groups; what they say adds up to it."""
    if kpi is Kpi.VISITS:
        return visits.days(c, asked, after, limit)
    found = cases(kpi, asked).told().subquery()
    query = select(found, Lead.name, Lead.company).join(Lead, Lead.id == found.c.lead_id)
    if group is not None:
        query = query.where(_in_group(c, found, policies, *group, asked.now))
    return page(c, query, (found.c.began_at, found.c.id), after, limit)


def _in_group(c: Connection, found: Any, policies: Policies, by: By, name: str | None, now: datetime) -> Any:
    column = found.c[COLUMNS.get(by, by.value)]
    if by not in COLUMNS:
        return column == name if name is not None else func.coalesce(column, "") == ""
    naming = _naming(c, policies, by, now)
    mine = [value for value in c.execute(select(column).distinct()).scalars() if naming(value) == name]
    known = [value for value in mine if value is not None]
    return column.in_(known) | column.is_(None) if None in mine else column.in_(known)
