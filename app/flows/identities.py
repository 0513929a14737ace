"""Which lead an event is about: ids and addresses point at one person; joining two leads joins their ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, text, tuple_, update

from app.domain.history import STALE
from app.domain.identity import Known, Plan, assign
from app.models import Event, Handoff, Lead, LeadIdentity
from connectors.contract import ExternalId

#: First half of the advisory lock's key on PostgreSQL; any number that nothing else uses.
LOCK_SPACE = 7_471

AboutOne = tuple[ExternalId, ...]


def lock(c: Connection, about: Iterable[AboutOne]) -> None:
    """Two workers that meet the same new person at once must not make two leads of it."""
    if c.dialect.name == "postgresql":
        keys = sorted({f"{i.system}:{i.value}" for ids in about for i in ids})
        c.execute(
            text(
                "SELECT pg_advisory_xact_lock(:space, k) FROM"
                " (SELECT DISTINCT hashtext(i) AS k FROM unnest(CAST(:keys AS text[])) AS i ORDER BY k) AS ordered"
            ),
            {"space": LOCK_SPACE, "keys": keys},
        )


def resolve(c: Connection, about: Sequence[AboutOne], now: datetime) -> list[int]:
    """The lead of each group of ids, made or joined where needed. Call `lock` first."""
    plan = assign(about, _known(c, {i for ids in about for i in ids}))
    created = _create(c, plan.new_leads, now)
    for kept, joined in plan.joins:
        _join(c, kept, joined)
    _link(c, plan, created)
    return [lead if lead > 0 else created[lead] for lead in plan.leads]


def _known(c: Connection, ids: set[ExternalId]) -> Known:
    """All ids of every lead that one of these ids belongs to."""
    pairs = [(i.system, i.value) for i in ids]
    mentioned = select(LeadIdentity.lead_id).where(tuple_(LeadIdentity.system, LeadIdentity.value).in_(pairs))
    rows = c.execute(
        select(LeadIdentity.system, LeadIdentity.value, LeadIdentity.lead_id).where(LeadIdentity.lead_id.in_(mentioned))
    )
    return {ExternalId(system, value): lead_id for system, value, lead_id in rows}


def _create(c: Connection, wanted: Sequence[int], now: datetime) -> dict[int, int]:
    """A row for each placeholder of the plan; the placeholder → its id."""
    if not wanted:
        return {}
    blank = {"first_seen_at": now, "updated_at": now, "history": {}}
    rows = c.execute(insert(Lead).returning(Lead.id, sort_by_parameter_order=True), [blank for _ in wanted]).scalars()
    return dict(zip(wanted, rows, strict=True))


def _link(c: Connection, plan: Plan, created: dict[int, int]) -> None:
    rows = [
        {"system": i.system, "value": i.value, "lead_id": lead_id, "home_id": lead_id}
        for i, lead in plan.links.items()
        for lead_id in (lead if lead > 0 else created[lead],)
    ]
    if rows:
        c.execute(insert(LeadIdentity), rows)


def _join(c: Connection, kept: int, joined: int) -> None:
    """Everything of `joined` becomes `kept`'s; the history is read again, so its handoffs find their verdicts."""
    c.execute(select(Lead.id).where(Lead.id.in_((kept, joined))).order_by(Lead.id).with_for_update())
    for table in (Event, LeadIdentity):
        c.execute(update(table).where(table.lead_id == joined).values(lead_id=kept))
    used = select(func.coalesce(func.max(Handoff.number), 0)).where(Handoff.lead_id == kept).scalar_subquery()
    c.execute(update(Handoff).where(Handoff.lead_id == joined).values(lead_id=kept, number=Handoff.number + used))
    first = select(func.min(Lead.first_seen_at)).where(Lead.id.in_((kept, joined))).scalar_subquery()
    c.execute(update(Lead).where(Lead.id == kept).values(history=STALE, first_seen_at=first))
    c.execute(delete(Lead).where(Lead.id == joined))
