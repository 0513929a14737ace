"""Action items whose definition of done is a KPI's threshold: how they stand, and done on their day if it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from app.db import Database
from app.domain import criterion as decide
from app.domain.action import ActionState, StepKind
from app.domain.criterion import Criterion, Judgement
from app.domain.kpi import Figure
from app.domain.policy import Policies
from app.domain.refusals import Refused
from app.flows import actions, definitions, kpis, policies
from app.flows.actions import Overtaken, Person
from app.flows.cases import Asked
from app.flows.reports import period
from app.models import ActionItem, ActionStep
from app.settings import Settings

#: Who closes them.
BY_ITSELF = "tasuki"


@dataclass(frozen=True, slots=True)
class Reading:
    """An action item's criterion, and the figure since the day on which it was agreed on."""

    criterion: Criterion
    figure: Figure

    @property
    def judgement(self) -> Judgement:
        return decide.judge(self.criterion, self.figure)


def readings(
    c: Connection, known: Policies, settings: Settings, rows: Iterable[Any], now: datetime
) -> Mapping[int, Reading]:
    """By number, of those open items that have a criterion."""
    found = [(row, decide.read(row.done_when)) for row in rows if row.state == ActionState.OPEN]
    return {row.id: _reading(c, known, settings, row, wanted, now) for row, wanted in found if wanted}


def _reading(c: Connection, known: Policies, settings: Settings, row: Any, wanted: Criterion, now: datetime) -> Reading:
    definition = definitions.newest(c)[1]
    agreed_on, today = (at.astimezone(settings.zone).date() for at in (row.created_at, now))
    span, until = period(agreed_on, today, settings.zone), decide.judged_until(wanted, now, definition.window)
    asked = Asked(span.since, span.until if until == now else max(until, span.since), now, definition)
    return Reading(wanted, kpis.figure(c, known, wanted.kpi, asked))


def turn(database: Database, cache: policies.Cache, settings: Settings, now: datetime) -> int:
    """Close those that are due and hold; returns how many. Those that do not hold wait for their owner's word, and what
    people reopened only people close."""
    today = now.astimezone(settings.zone).date()
    reopened = select(ActionStep.action_id).where(ActionStep.kind == StepKind.REOPENED)
    due = (ActionItem.state == ActionState.OPEN, ActionItem.due_on <= today, ActionItem.id.not_in(reopened))
    with database.read() as c:
        rows = c.execute(select(ActionItem.__table__).where(*due).order_by(ActionItem.id)).all()
        found = readings(c, cache.read(c), settings, rows, now)
    held = [row for row in rows if row.id in found and _holds(found[row.id], row.due_on, today)]
    return sum(_done(database, settings, row, found[row.id], now) for row in held)


def _holds(reading: Reading, due_on: date, today: date) -> bool:
    return decide.is_due(reading.criterion, due_on, today) and reading.judgement is Judgement.HOLDS


def _done(database: Database, settings: Settings, row: Any, reading: Reading, now: datetime) -> bool:
    """False: somebody said something about it meanwhile; it is looked at again in the next turn."""
    said = f"{row.done_when}: {decide.measured(reading.figure, settings.locale)}"
    person = Person(BY_ITSELF, now, now.astimezone(settings.zone).date())
    try:
        with database.write() as c:
            actions.close(c, person, row.id, StepKind.DONE, said, seen=row.version)
    except (Overtaken, Refused):
        return False
    return True
