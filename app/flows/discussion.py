"""What a meeting looks at besides breaches and the KPI board: evidence for each item of its agenda."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from app.domain.completeness import Completeness
from app.domain.kpi import Figure, Kpi
from app.domain.policy import Policies, PolicyVersion
from app.domain.quality import Look
from app.flows import actions, brief, contents, criteria, kpis, process_rules, quality, reviews, spend
from app.flows.cases import Asked
from app.flows.criteria import Reading
from app.flows.kpis import By
from app.flows.meetings import StoredSeries
from app.flows.quality import Task
from app.flows.reviews import Review
from app.settings import Settings

#: What is said of every channel, and of every reason.
OF_CHANNELS = (Kpi.NEW_LEADS, Kpi.MQLS, Kpi.MQL_TO_SQL, Kpi.OPPORTUNITY_RATE, Kpi.WIN_RATE)
OF_CONTENTS = (Kpi.MQLS, Kpi.MQL_TO_SQL, Kpi.OPPORTUNITY_RATE)
#: Lines of a list that nobody reads further; the others are counted.
LISTED = 8
#: Days of data that the list of what to mend looks at.
QUALITY_DAYS = 14


@dataclass(frozen=True, slots=True)
class Cost:
    """A channel's money in the last whole month, and what came of it in that month."""

    spend: Any
    mqls: int

    @property
    def per_mql(self) -> int | None:
        """In the currency's own unit; None: nothing was spent, or no MQL came."""
        return round(self.spend.spent / self.mqls) if self.spend.spent and self.mqls else None


@dataclass(frozen=True, slots=True)
class Discussion:
    """Evidence by item of the agenda."""

    #: Rows of action items, open ones first; by number, how those stand that a KPI decides.
    actions: Sequence[Any]
    criteria: Mapping[int, Reading]
    #: Channel → its figures; None: leads of which nobody knows the channel.
    channels: Mapping[str | None, Mapping[Kpi, Figure]]
    #: The last content before the lead became MQL → its figures, the most MQLs first.
    by_content: Mapping[str, Mapping[Kpi, Figure]]
    #: Of the customer information that sales gets.
    completeness: Completeness
    #: Why sales gave leads back, the most frequent first.
    reasons: Sequence[kpis.Group]
    stale: Sequence[contents.Registered]
    month: date
    costs: Sequence[Cost]
    #: What the data leaves to be mended; only kinds that have cases.
    quality: Sequence[Task]
    #: What was agreed on about the data, and whether the data keeps it.
    rules: Sequence[process_rules.Standing]
    #: The SLA in force.
    policies: Sequence[PolicyVersion]
    #: Changes that were decided and wait to be adopted, and adopted ones whose review has come.
    proposals: Sequence[Any]
    reviews: Sequence[Review]


def gather(
    c: Connection, settings: Settings, stored: StoredSeries, known: Policies, asked: Asked, since: datetime, on: date
) -> Discussion:
    """`since`: the last meeting; `on`: the day of this one."""
    now, today = asked.now, asked.now.astimezone(settings.zone).date()
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    tasks = quality.tasks(c, Look(now, QUALITY_DAYS, known))
    items = actions.for_meeting(c, stored.key, since)
    return Discussion(
        actions=items,
        criteria=criteria.readings(c, known, settings, items, now),
        channels=_channels(c, known, asked),
        by_content=_contents(c, known, asked),
        completeness=brief.completeness(c, asked.since, asked.until),
        reasons=[g for g in kpis.grouped(c, known, Kpi.RETURNED, asked, By.REASON) if g.name][:LISTED],
        stale=contents.stale(c, now, today),
        month=month,
        costs=_costs(c, known, asked, month, today),
        quality=[task for task in tasks if task.tally.count],
        rules=process_rules.standing(c, known, settings.zone, now),
        policies=known.in_force(now),
        proposals=reviews.listed(c, series_key=stored.key, state="proposed"),
        reviews=reviews.due(c, known, stored.key, on, settings.zone, now),
    )


def _channels(c: Connection, known: Policies, asked: Asked) -> dict[str | None, dict[Kpi, Figure]]:
    told: dict[str | None, dict[Kpi, Figure]] = {}
    for kpi in OF_CHANNELS:
        for group in kpis.grouped(c, known, kpi, asked, By.CHANNEL):
            told.setdefault(group.name, {})[kpi] = group.figure
    return dict(sorted(told.items(), key=lambda one: one[0] is None))


def _contents(c: Connection, known: Policies, asked: Asked) -> dict[str, dict[Kpi, Figure]]:
    told = {kpi: {g.name: g.figure for g in kpis.grouped(c, known, kpi, asked, By.CONTENT)} for kpi in OF_CONTENTS}
    most = [name for name in told[Kpi.MQLS] if name is not None][:LISTED]
    return {name: {kpi: figures[name] for kpi, figures in told.items() if name in figures} for name in most}


def _costs(c: Connection, known: Policies, asked: Asked, month: date, today: date) -> list[Cost]:
    lines = spend.by_channel(c, month, month)
    if not lines:
        return []
    zone = asked.since.tzinfo
    then = replace(
        asked,
        since=datetime.combine(month, time(), zone),
        until=datetime.combine(today.replace(day=1), time(), zone),
    )
    mqls = {group.name: group.figure.count for group in kpis.grouped(c, known, Kpi.MQLS, then, By.CHANNEL)}
    return [Cost(line, mqls.get(line.channel, 0)) for line in lines]
