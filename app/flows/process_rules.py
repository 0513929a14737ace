"""Rules about the data that the teams agreed on: versions, forward only, and what the data says of each today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, exists, func, insert, select, update
from sqlalchemy.orm import aliased

from app.domain import process_rule as decide
from app.domain.policy import Policies
from app.domain.process_rule import Agreed, Observed, RuleState
from app.domain.quality import Kind, Look
from app.domain.refusals import refused
from app.flows import audit, quality
from app.flows.actions import Overtaken, Person
from app.models import Lead, MeetingSeries, ProcessRule

ONE_DAY = timedelta(days=1)
Later = aliased(ProcessRule)


class NoSuchProcessRule(LookupError):
    """No process rule has that key."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule and what the data says of it."""

    #: Its newest version, a row of `process_rules`.
    rule: Any
    state: RuleState
    #: Cases since `since`; None: no check goes with it.
    cases: int | None
    since: datetime
    #: Whole days since it was agreed on.
    days: int

    def in_words(self, locale: str) -> str:
        return decide.in_words(self.state, self.cases, locale)


# --- changes


def add(c: Connection, person: Person, key: str, agreed: Agreed) -> Any:
    """Its first version. Raises Refused."""
    decide.check_key(key)
    if _newest(c, key) is not None:
        raise refused("/key", "taken", "There is a process rule {key} already; change that one.", key=key)
    return _agree(c, person, key, agreed, None)


def change(c: Connection, person: Person, key: str, changes: dict[str, Any], *, seen: int | None = None) -> Any:
    """Its next version, by the names in `Agreed`; one that was withdrawn is in force again.

    Raises Refused, NoSuchProcessRule, Overtaken.
    """
    row = _locked(c, key, seen)
    return _agree(c, person, key, replace(agreed_of(row), **changes), row)


def withdraw(c: Connection, person: Person, key: str, reason: str, *, seen: int | None = None) -> Any:
    """It applies no more. Raises Refused, NoSuchProcessRule, Overtaken."""
    row = _locked(c, key, seen)
    if row.withdrawn_at is not None:
        raise refused("", "withdrawn", "This rule is withdrawn already.")
    decide.check_words("/reason", reason, "Say why it is withdrawn.")
    said = {"withdrawn_at": person.now, "withdrawn_by": person.by, "withdrawn_reason": reason.strip()}
    changed = update(ProcessRule).where(ProcessRule.id == row.id).values(said)
    after = c.execute(changed.returning(*ProcessRule.__table__.columns)).one()
    told = _plain(row) | {"reason": reason.strip()}
    _write_down(c, person, "withdrawn", key, before=_plain(row), after=told)
    return after


def _agree(c: Connection, person: Person, key: str, agreed: Agreed, before: Any | None) -> Any:
    decide.check(agreed, person.today, before.agreed_on if before else None)
    known = select(MeetingSeries.id).where(MeetingSeries.key == agreed.series_key)
    if agreed.series_key is not None and c.scalar(known) is None:
        raise refused("/series", "unknown", "There is no meeting series {key}.", key=agreed.series_key)
    said = {"text": agreed.text.strip(), "check": agreed.check.value if agreed.check else None}
    made = {"key": key, "version": before.version + 1 if before else 1, "by": person.by, "created_at": person.now}
    new = insert(ProcessRule).values(asdict(agreed) | said | made)
    after = c.execute(new.returning(*ProcessRule.__table__.columns)).one()
    _write_down(c, person, "changed" if before else "added", key, before and _plain(before), _plain(after))
    return after


def _locked(c: Connection, key: str, seen: int | None) -> Any:
    """The newest version. The first one is the lock: it is the same row for everybody who waits for it."""
    c.execute(select(ProcessRule.id).where(ProcessRule.key == key, ProcessRule.version == 1).with_for_update())
    row = _newest(c, key)
    if row is None:
        raise NoSuchProcessRule(key)
    if seen is not None and seen != row.version:
        raise Overtaken(row)
    return row


def _write_down(c: Connection, person: Person, what: str, key: str, before: Any, after: Any) -> None:
    subject = f"process_rule:{key}"
    audit.write(c, person.now, by=person.by, action=f"process_rule.{what}", subject=subject, before=before, after=after)


def _plain(row: Any) -> dict[str, Any]:
    names = ("version", "text", "check", "most", "series_key", "meeting_number")
    return {name: getattr(row, name) for name in names} | {"agreed_on": row.agreed_on.isoformat()}


# --- reading


def versions(c: Connection, key: str) -> Sequence[Any]:
    """All versions of a rule, the newest first. Raises NoSuchProcessRule."""
    query = select(ProcessRule.__table__).where(ProcessRule.key == key).order_by(ProcessRule.version.desc())
    rows = c.execute(query).all()
    if not rows:
        raise NoSuchProcessRule(key)
    return rows


def agreed_of(row: Any) -> Agreed:
    """A version as it was agreed on."""
    where = (row.series_key, row.meeting_number)
    return Agreed(row.text, Kind(row.check) if row.check else None, row.most, row.agreed_on, *where)


def standing(
    c: Connection, policies: Policies, zone: ZoneInfo, now: datetime, *, withdrawn: bool = False
) -> list[Standing]:
    """Every rule that is in force, by key, with what the data says of it today; `withdrawn`: the others as well. Costs
    what `quality.tasks` costs for the kinds that are checked, over seven days."""
    rows = [row for row in _all_newest(c) if withdrawn or row.withdrawn_at is None]
    observe = _observer(c, policies, now)
    return [_standing(row, observe, zone, now) for row in rows]


def standing_of(c: Connection, row: Any, policies: Policies, zone: ZoneInfo, now: datetime) -> Standing:
    """The same of one rule; `row`: its newest version."""
    return _standing(row, _observer(c, policies, now), zone, now)


Observe = Callable[[Kind | None, datetime], Observed]


def _observer(c: Connection, policies: Policies, now: datetime) -> Observe:
    """Rules with the same check ask once."""

    @cache
    def observe(kind: Kind | None, since: datetime) -> Observed:
        if kind is None:
            return Observed(None, heard=False)
        count, _ = quality.SEARCHES[kind]
        look = Look(now, (now - since) / ONE_DAY, policies)
        return Observed(count(c, look).count, bool(c.scalar(select(exists().where(Lead.updated_at >= since)))))

    return observe


def _standing(row: Any, observe: Observe, zone: ZoneInfo, now: datetime) -> Standing:
    agreed, began = agreed_of(row), decide.agreed_at(row.agreed_on, zone)
    since, days = decide.watched_since(began, now), (now - began) // ONE_DAY
    if row.withdrawn_at is not None:
        return Standing(row, RuleState.WITHDRAWN, None, since, days)
    observed = observe(agreed.check, since)
    return Standing(row, decide.state_of(agreed, began, observed, now), observed.cases, since, days)


def _newest(c: Connection, key: str) -> Any | None:
    query = select(ProcessRule.__table__).where(ProcessRule.key == key)
    return c.execute(query.order_by(ProcessRule.version.desc()).limit(1)).first()


def _all_newest(c: Connection) -> Sequence[Any]:
    newest = select(func.max(Later.version)).where(Later.key == ProcessRule.key).scalar_subquery()
    return c.execute(select(ProcessRule.__table__).where(ProcessRule.version == newest).order_by(ProcessRule.key)).all()
