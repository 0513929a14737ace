"""What there is: leads, handoffs, deliveries, alerts in pages; sources, policies and calendars whole.

A page begins after a sort key, not after a number of rows: rows that come and go meanwhile shift nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select, tuple_

from app.domain.agreement import Duty
from app.domain.policy import Policies, PolicyVersion
from app.flows.policies import NoSuchCalendar
from app.flows.sources import NoSuchSource, Vault
from app.models import HANDED_OVER, Alert, CalendarVersion, Delivery, Handoff, Lead, LeadIdentity, Source
from app.models import PolicyVersion as PolicyRow

Key = tuple[datetime | int, ...]


class NoSuchLead(LookupError):
    """No lead has that number."""


class NoSuchDelivery(LookupError):
    """No delivery has that number."""


class NoSuchAlert(LookupError):
    """No alert has that number."""


class NoSuchPolicy(LookupError):
    """No policy has that key, or it has no such version."""


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Any]
    #: Sort key of the last row; None: nothing comes after it.
    last: Key | None


def page(
    c: Connection,
    query: Select[*tuple[Any, ...]],
    order: Sequence[Any],
    after: Key | None,
    limit: int,
    *,
    newest_first: bool = False,
) -> Page:
    """`order`: columns whose values together are unique; they must be among the columns of the query."""
    if after:
        query = query.where(_beyond(order, after, newest_first))
    ordered = query.order_by(*(column.desc() if newest_first else column for column in order))
    rows = c.execute(ordered.limit(limit + 1)).all()
    more = len(rows) > limit
    last = tuple(getattr(rows[limit - 1], column.key) for column in order) if more else None
    return Page(rows[:limit], last)


def _beyond(order: Sequence[Any], after: Key, newest_first: bool) -> ColumnElement[bool]:
    """Rows whose sort key comes after that key; compared as a whole, which both databases do along an index."""
    columns, bound = tuple_(*order), tuple_(*(literal(v, column.type) for column, v in zip(order, after, strict=True)))
    return columns < bound if newest_first else columns > bound


# --- leads


def leads(
    c: Connection,
    *,
    updated_since: datetime | None = None,
    known_as: tuple[str, str] | None = None,
    after: Key | None = None,
    limit: int,
) -> Page:
    """By (updated_at, id): a lead that changes while one pages is met again, never missed."""
    query = select(*_LEAD).where(Lead.joined_into.is_(None))
    if updated_since:
        query = query.where(Lead.updated_at >= updated_since)
    if known_as:
        system, value = known_as
        named = select(LeadIdentity.lead_id).where(LeadIdentity.system == system, LeadIdentity.value == value)
        query = query.where(Lead.id.in_(named))
    return page(c, query, (Lead.updated_at, Lead.id), after, limit)


_LEAD = (Lead.id, Lead.name, Lead.company, Lead.url, Lead.first_seen_at, Lead.updated_at, Lead.joined_into)


@dataclass(frozen=True, slots=True)
class LeadFile:
    """A lead with its ids and handoffs."""

    lead: Any
    #: (system, value)
    identities: Sequence[tuple[str, str]]
    attributes: dict[str, Any]
    handoffs: Sequence[Any]


def lead(c: Connection, lead_id: int) -> LeadFile:
    """Raises NoSuchLead."""
    row = c.execute(select(*_LEAD, Lead.history).where(Lead.id == lead_id)).first()
    if row is None:
        raise NoSuchLead(lead_id)
    handed = c.execute(_handoffs().where(Handoff.lead_id == lead_id).order_by(Handoff.qualified_at, Handoff.id)).all()
    return LeadFile(row, identities(c, lead_id), row.history.get("attributes") or {}, handed)


def identities(c: Connection, lead_id: int) -> list[tuple[str, str]]:
    """Under which ids the tools know the lead."""
    columns = (LeadIdentity.system, LeadIdentity.value)
    found = c.execute(select(*columns).where(LeadIdentity.lead_id == lead_id).order_by(*columns))
    return [(system, value) for system, value in found]


# --- handoffs


@dataclass(frozen=True, slots=True)
class HandoffFilter:
    """What is None is not asked for. Bounds: from <= moment < before."""

    #: Who owes what (domain.agreement.Duty).
    duty: str = Duty.FOLLOW_UP
    verdicts: Collection[str] = ()
    owner: str | None = None
    unowned: bool | None = None
    policy: str | None = None
    lead_id: int | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None
    updated_since: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        yield Handoff.duty == self.duty
        if self.verdicts:
            yield Handoff.verdict.in_(sorted(self.verdicts))
        if self.unowned is not None:
            yield Handoff.owner.is_(None) if self.unowned else Handoff.owner.is_not(None)
        for asked, compare in _COMPARED.items():
            value = getattr(self, asked)
            if value is not None:
                yield compare(value)


_COMPARED: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "owner": Handoff.owner.__eq__,
    "policy": PolicyRow.key.__eq__,
    "lead_id": Handoff.lead_id.__eq__,
    "due_from": Handoff.due_at.__ge__,
    "due_before": Handoff.due_at.__lt__,
    "updated_since": Handoff.updated_at.__ge__,
}


def handoffs(
    c: Connection, wanted: HandoffFilter, *, after: Key | None = None, limit: int, newest_first: bool = False
) -> Page:
    """By (due_at, id)."""
    query, order = _handoffs().where(*wanted.conditions()), (Handoff.due_at, Handoff.id)
    return page(c, query, order, after, limit, newest_first=newest_first)


def handoff(c: Connection, handoff_id: int) -> Any | None:
    """The row as in `handoffs`; None: there is none."""
    return c.execute(_handoffs().where(Handoff.id == handoff_id)).first()


def newest_handoff(c: Connection, lead_id: int) -> Any | None:
    mine = _handoffs().where(Handoff.lead_id == lead_id, HANDED_OVER)
    return c.execute(mine.order_by(Handoff.number.desc()).limit(1)).first()


def _handoffs() -> Select[Any]:
    return (
        select(
            Handoff.__table__,
            Lead.name.label("lead_name"),
            Lead.company,
            Lead.url,
            PolicyRow.key.label("policy_key"),
            PolicyRow.version.label("policy_version"),
        )
        .join(Lead, Lead.id == Handoff.lead_id)
        .join(PolicyRow, PolicyRow.id == Handoff.policy_id)
    )


# --- deliveries


def deliveries(
    c: Connection,
    *,
    states: Collection[str] = (),
    source: str | None = None,
    after: Key | None = None,
    limit: int,
) -> Page:
    """The newest first, without their bodies."""
    query = _deliveries()
    if states:
        query = query.where(Delivery.state.in_(sorted(states)))
    if source is not None:
        query = query.where(Delivery.source_id == source_id(c, source))
    return page(c, query, (Delivery.id,), after, limit, newest_first=True)


def delivery(c: Connection, delivery_id: int) -> Any:
    """Without its body. Raises NoSuchDelivery."""
    row = c.execute(_deliveries().where(Delivery.id == delivery_id)).first()
    if row is None:
        raise NoSuchDelivery(delivery_id)
    return row


def payload(c: Connection, delivery_id: int) -> bytes:
    """The body as it was stored. Raises NoSuchDelivery."""
    body = c.scalar(select(Delivery.body).where(Delivery.id == delivery_id))
    if body is None:
        raise NoSuchDelivery(delivery_id)
    return bytes(body)


def _deliveries() -> Select[Any]:
    columns = (
        Delivery.id,
        Delivery.received_at,
        Delivery.state,
        Delivery.reason,
        Delivery.attempts,
        Delivery.not_before,
        Delivery.applied_at,
        func.length(Delivery.body).label("bytes"),
        Source.name.label("source"),
    )
    return select(*columns).join(Source, Source.id == Delivery.source_id)


# --- alerts


def alerts(
    c: Connection,
    *,
    states: Collection[str] = (),
    reason: str | None = None,
    handoff_id: int | None = None,
    after: Key | None = None,
    limit: int,
) -> Page:
    """The newest first."""
    query = select(Alert.__table__)
    if states:
        query = query.where(Alert.state.in_(sorted(states)))
    if reason is not None:
        query = query.where(Alert.reason == reason)
    if handoff_id is not None:
        query = query.where(Alert.handoff_id == handoff_id)
    return page(c, query, (Alert.__table__.c.id,), after, limit, newest_first=True)


def alert(c: Connection, alert_id: int) -> Any:
    """Raises NoSuchAlert."""
    row = c.execute(select(Alert.__table__).where(Alert.id == alert_id)).first()
    if row is None:
        raise NoSuchAlert(alert_id)
    return row


# --- sources


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A source without its secrets."""

    name: str
    kind: str
    config: dict[str, Any]
    has_credential: bool
    created_at: datetime
    rotated_at: datetime | None
    disabled_at: datetime | None


def all_sources(c: Connection, vault: Vault) -> list[SourceEntry]:
    return [_source(row, vault) for row in c.execute(select(Source.__table__).order_by(Source.name))]


def source(c: Connection, vault: Vault, name: str) -> SourceEntry:
    """Raises NoSuchSource."""
    row = c.execute(select(Source.__table__).where(Source.name == name)).first()
    if row is None:
        raise NoSuchSource(name)
    return _source(row, vault)


def source_id(c: Connection, name: str) -> int:
    """Raises NoSuchSource."""
    found = c.scalar(select(Source.id).where(Source.name == name))
    if found is None:
        raise NoSuchSource(name)
    return found


def _source(row: Any, vault: Vault) -> SourceEntry:
    has_credential = bool(vault.unlock(row.secrets).get("credential"))
    return SourceEntry(row.name, row.kind, row.config, has_credential, row.created_at, row.rotated_at, row.disabled_at)


# --- policies and calendars


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """A version of a policy and how it came about."""

    version: PolicyVersion
    created_at: datetime
    created_by: str
    note: str


def policy_versions(c: Connection, known: Policies, key: str | None = None) -> list[PolicyEntry]:
    """All versions, by key and version."""
    query = select(PolicyRow.id, PolicyRow.created_at, PolicyRow.created_by, PolicyRow.note)
    if key is not None:
        query = query.where(PolicyRow.key == key)
    rows = c.execute(query.order_by(PolicyRow.key, PolicyRow.version))
    return [PolicyEntry(known.by_id[row.id], row.created_at, row.created_by, row.note) for row in rows]


def policy_version(c: Connection, known: Policies, key: str, number: int | None = None) -> PolicyEntry:
    """That version; with None the newest. Raises NoSuchPolicy."""
    entries = policy_versions(c, known, key)
    wanted = [entry for entry in entries if number in (None, entry.version.version)]
    if not wanted:
        raise NoSuchPolicy(key if number is None or not entries else f"{key} v{number}")
    return wanted[-1]


def calendar_versions(c: Connection, key: str | None = None) -> Sequence[Any]:
    """All versions, by key and version."""
    query = select(CalendarVersion.__table__)
    if key is not None:
        query = query.where(CalendarVersion.key == key)
    return c.execute(query.order_by(CalendarVersion.key, CalendarVersion.version)).all()


def calendar_version(c: Connection, key: str, number: int) -> Any:
    """Raises NoSuchCalendar."""
    rows = calendar_versions(c, key)
    wanted = next((row for row in rows if row.version == number), None)
    if wanted is None:
        raise NoSuchCalendar(f"{key} v{number}" if rows else key)
    return wanted
