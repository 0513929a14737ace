"""The registry of content: what there is, who keeps it up to date, and what has not been looked at for long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from app.domain.content import LONGEST, STALE_AFTER, Described, check_reviewed, is_stale
from app.domain.labels import name_of
from app.flows import audit
from app.models import Content, Event
from connectors.contract import EventKind

#: Activities that say whether content is still in use.
LATELY = timedelta(days=90)


class NoSuchContent(LookupError):
    """Nothing is registered under that id."""


@dataclass(frozen=True, slots=True)
class Registered:
    asset: str
    described: Described
    #: Activities of the last 90 days that named it.
    lately: int


def listed(c: Connection, now: datetime) -> list[Registered]:
    """All of it, by asset."""
    used = _used(c, now)
    rows = c.execute(select(Content.__table__).order_by(Content.asset)).all()
    return [Registered(row.asset, _described(row), used.get(row.asset, 0)) for row in rows]


def stale(c: Connection, now: datetime, today: date, months: int = STALE_AFTER) -> list[Registered]:
    """What nobody has reviewed for that many months, the most used first."""
    old = [one for one in listed(c, now) if is_stale(one.described.last_reviewed, today, months)]
    return sorted(old, key=lambda one: (-one.lately, one.asset))


def read(c: Connection, asset: str) -> Described:
    """Raises NoSuchContent."""
    row = c.execute(select(Content.__table__).where(Content.asset == asset)).first()
    if row is None:
        raise NoSuchContent(asset)
    return _described(row)


def describe(c: Connection, asset: str, described: Described, *, by: str, now: datetime, today: date) -> str:
    """What is known of it from now on; its id. Raises Refused, without a place if the id cannot be used."""
    asset = name_of(asset, LONGEST)
    check_reviewed(described.last_reviewed, today)
    row = c.execute(select(Content.__table__).where(Content.asset == asset).with_for_update()).first()
    said = described.model_dump()
    c.execute(
        update(Content).where(Content.asset == asset).values(said)
        if row
        else insert(Content).values(asset=asset, **said)
    )
    before = _described(row).model_dump(mode="json") if row else None
    after = described.model_dump(mode="json")
    audit.write(c, now, by=by, action="content.set", subject=subject(asset), before=before, after=after)
    return asset


def remove(c: Connection, asset: str, *, by: str, now: datetime) -> None:
    """It is not kept any more. Raises NoSuchContent."""
    before = read(c, asset).model_dump(mode="json")
    c.execute(delete(Content).where(Content.asset == asset))
    audit.write(c, now, by=by, action="content.removed", subject=subject(asset), before=before)


def subject(asset: str) -> str:
    """In the audit log, whose subjects are shorter than ids can be."""
    return f"content:{asset}"[:256]


def _described(row: Any) -> Described:
    return Described.model_validate({name: getattr(row, name) for name in Described.model_fields})


def _used(c: Connection, now: datetime) -> Mapping[str, int]:
    """Asset → activities of the last 90 days; the revisions of one record are one activity."""
    asset = Event.data["asset"].as_string()
    fact = func.coalesce(Event.record, Event.id)
    query = (
        select(asset.label("asset"), func.count(fact.distinct()).label("times"))
        .where(Event.kind == EventKind.ACTIVITY.value, Event.occurred_at > now - LATELY, Event.occurred_at <= now)
        .where(asset.in_(select(Content.asset)))
        .group_by(asset)
    )
    return {row.asset: row.times for row in c.execute(query)}
