"""Action items: made in a meeting or outside of one, reported on, carried over, done or dropped.

Everything that is said about one is a step; the item's row is what the steps come to. Two people at once take turns on
its row, and whoever names the version they saw is told if it is no longer that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from app.domain import action as decide
from app.domain.action import AFTERWARDS, ActionState, Promise, StepKind
from app.flows import audit
from app.flows.dossier import NoSuchHandoff
from app.flows.lists import Key, Page, page
from app.flows.meetings import NoSuchSeries
from app.models import ActionItem, ActionStep, Handoff, MeetingSeries


class NoSuchAction(LookupError):
    """No action item has that number."""


class Overtaken(Exception):
    """Somebody else said something about it meanwhile; `now` is the item as it stands."""

    def __init__(self, now: Any) -> None:
        super().__init__(now.id)
        self.now = now


@dataclass(frozen=True, slots=True)
class Person:
    """Who says something, when, and which day it is where they are."""

    by: str
    now: datetime
    today: date


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an action item comes from."""

    series_key: str
    meeting_number: int | None = None
    handoff_id: int | None = None


def add(c: Connection, person: Person, promise: Promise, origin: Origin, owner_email: str | None = None) -> Any:
    """The new item. Raises Refused, NoSuchSeries, NoSuchHandoff."""
    decide.check(promise, person.today)
    _check_origin(c, origin)
    row = (
        asdict(promise)
        | asdict(origin)
        | {
            "owner_email": owner_email,
            "state": ActionState.OPEN.value,
            "carried": 0,
            "version": 0,
            "created_at": person.now,
        }
    )
    number = c.execute(insert(ActionItem).values(row).returning(ActionItem.id)).scalar_one()
    return _step(c, person, _locked(c, number), StepKind.ADDED, "", {})


def _check_origin(c: Connection, origin: Origin) -> None:
    if c.scalar(select(MeetingSeries.id).where(MeetingSeries.key == origin.series_key)) is None:
        raise NoSuchSeries(origin.series_key)
    known = origin.handoff_id is None or c.scalar(select(Handoff.id).where(Handoff.id == origin.handoff_id))
    if not known:
        raise NoSuchHandoff(origin.handoff_id)


def edit(c: Connection, person: Person, number: int, changes: dict[str, Any], *, seen: int | None = None) -> Any:
    """Put owner, owner_email, due_on, text or done_when right. Raises Refused, NoSuchAction, Overtaken."""
    row = _open(c, number, StepKind.EDITED, "", seen)
    promise = Promise(*(changes.get(name, getattr(row, name)) for name in ("owner", "due_on", "text", "done_when")))
    decide.check(promise, min(person.today, row.due_on))
    return _step(c, person, row, StepKind.EDITED, "", changes)


def report(c: Connection, person: Person, number: int, said: str, *, seen: int | None = None) -> Any:
    """How it stands. Raises Refused, NoSuchAction, Overtaken."""
    return _step(c, person, _open(c, number, StepKind.REPORTED, said, seen), StepKind.REPORTED, said, {})


def carry(c: Connection, person: Person, number: int, reason: str, due_on: date, *, seen: int | None = None) -> Any:
    """Not done: why, and the new date. Raises Refused, NoSuchAction, Overtaken."""
    row = _open(c, number, StepKind.CARRIED, reason, seen)
    decide.check_due(due_on, person.today, "/due_on")
    return _step(c, person, row, StepKind.CARRIED, reason, {"due_on": due_on, "carried": row.carried + 1})


def close(c: Connection, person: Person, number: int, kind: StepKind, said: str, *, seen: int | None = None) -> Any:
    """DONE, DROPPED or REOPENED. Raises Refused, NoSuchAction, Overtaken."""
    row, state = _open(c, number, kind, said, seen), AFTERWARDS[kind]
    closed_at = None if state is ActionState.OPEN else person.now
    return _step(c, person, row, kind, said, {"state": state.value, "closed_at": closed_at})


def _open(c: Connection, number: int, kind: StepKind, said: str, seen: int | None) -> Any:
    """The locked row, if that can be said of it."""
    row = _locked(c, number)
    if seen is not None and seen != row.version:
        raise Overtaken(row)
    decide.check_step(kind, ActionState(row.state), said)
    return row


def _locked(c: Connection, number: int) -> Any:
    row = c.execute(select(ActionItem.__table__).where(ActionItem.id == number).with_for_update()).first()
    if row is None:
        raise NoSuchAction(number)
    return row


def _step(c: Connection, person: Person, row: Any, kind: StepKind, said: str, changes: dict[str, Any]) -> Any:
    """Write the step and what it makes of the item; the item afterwards."""
    values = {"version": row.version + 1} | changes
    after = c.execute(
        update(ActionItem).where(ActionItem.id == row.id).values(values).returning(*ActionItem.__table__.columns)
    ).one()
    step = {"action_id": row.id, "at": person.now, "by": person.by, "kind": kind.value, "text": said.strip()}
    due_before = row.due_on if row.due_on != after.due_on else None
    c.execute(insert(ActionStep).values(step | {"due_before": due_before, "due_on": after.due_on}))
    added = kind is StepKind.ADDED
    audit.write(
        c, person.now, by=person.by, action=f"action.{kind.value}", subject=f"action:{row.id}",
        before=None if added else _plain(row), after=_plain(after) | ({"said": said} if said else {}),
    )  # fmt: skip
    return after


def _plain(row: Any) -> dict[str, Any]:
    names = ("state", "owner", "text", "done_when", "version")
    return {name: getattr(row, name) for name in names} | {"due_on": row.due_on.isoformat()}


# --- reading


def read(c: Connection, number: int) -> tuple[Any, Sequence[Any]]:
    """The item and its steps, the first one first. Raises NoSuchAction."""
    row = c.execute(select(ActionItem.__table__).where(ActionItem.id == number)).first()
    if row is None:
        raise NoSuchAction(number)
    steps = select(ActionStep.__table__).where(ActionStep.action_id == number).order_by(ActionStep.id)
    return row, c.execute(steps).all()


def listed(
    c: Connection,
    *,
    state: ActionState | None = None,
    series_key: str | None = None,
    owner: str | None = None,
    due_before: date | None = None,
    after: Key | None = None,
    limit: int,
) -> Page:
    """In the order in which they were made; what is None is not asked for."""
    query = select(ActionItem.__table__)
    asked = ((ActionItem.state, state), (ActionItem.series_key, series_key), (ActionItem.owner, owner))
    for column, value in asked:
        if value is not None:
            query = query.where(column == value)
    if due_before is not None:
        query = query.where(ActionItem.due_on < due_before)
    return page(c, query, (ActionItem.id,), after, limit)


def for_meeting(c: Connection, series_key: str, since: datetime) -> Sequence[Any]:
    """What the next meeting goes through: all that are open, however old, and those closed since the last one; each
    with what was last said of it."""
    newest = (
        select(ActionStep.text)
        .where(ActionStep.action_id == ActionItem.id, ActionStep.text != "")
        .order_by(ActionStep.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    due = or_(ActionItem.state == ActionState.OPEN, ActionItem.closed_at >= since)
    mine = select(*ActionItem.__table__.columns, newest.label("said")).where(ActionItem.series_key == series_key, due)
    return c.execute(mine.order_by(ActionItem.state != ActionState.OPEN, ActionItem.due_on, ActionItem.id)).all()


def answered(c: Connection, series_key: str, number: int, since: datetime) -> Sequence[Any]:
    """What earlier meetings made and somebody said something of since then; each with the last that was said:
    `kind`, `said`, `told_at`."""
    kinds = (StepKind.REPORTED, StepKind.CARRIED, StepKind.DONE, StepKind.DROPPED, StepKind.REOPENED)
    told = select(func.max(ActionStep.id)).where(ActionStep.at >= since, ActionStep.kind.in_(kinds))
    newest = told.where(ActionStep.action_id == ActionItem.id).correlate(ActionItem).scalar_subquery()
    said = (ActionStep.kind, ActionStep.text.label("said"), ActionStep.at.label("told_at"))
    mine = select(*ActionItem.__table__.columns, *said).join(ActionStep, ActionStep.id == newest)
    return c.execute(mine.where(*_before(series_key, number)).order_by(ActionItem.id)).all()


def _before(series_key: str, number: int) -> tuple[Any, ...]:
    """Items that an earlier meeting of the series made, or none."""
    return ActionItem.series_key == series_key, or_(
        ActionItem.meeting_number.is_(None), ActionItem.meeting_number < number
    )


def open_ones(c: Connection, series_key: str) -> Sequence[Any]:
    mine = (ActionItem.series_key == series_key, ActionItem.state == ActionState.OPEN)
    return c.execute(select(ActionItem.__table__).where(*mine).order_by(ActionItem.due_on, ActionItem.id)).all()


def open_before(c: Connection, series_key: str, number: int) -> Sequence[Any]:
    """Open items that an earlier meeting made, or none."""
    mine = (ActionItem.state == ActionState.OPEN, *_before(series_key, number))
    return c.execute(select(ActionItem.__table__).where(*mine).order_by(ActionItem.id)).all()
