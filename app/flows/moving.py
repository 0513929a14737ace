"""Move running clocks to other versions: an event for each in the ledger, a hundred leads a transaction at most.

Begun and interrupted, it is gone on with by doing it again: the event of a clock that has moved is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from app.db import Database
from app.domain.clock import Verdict
from app.domain.episode import episode_from_json
from app.domain.forecast import Destinations, Move, Running, foresee, moves_at, new_terms
from app.domain.policy import Policies
from app.flows import audit, identities, ledger
from app.flows import policies as versions
from app.flows.pace import Pace
from app.models import Handoff, Lead, LeadIdentity
from connectors.contract import CanonicalEvent, EventKind, ExternalId

#: Leads a transaction at most.
LEADS = 100
#: Verdicts of clocks that have not run out.
AHEAD = (Verdict.ON_TRACK.value, Verdict.AT_RISK.value, Verdict.UNKNOWN.value)


def running(c: Connection, now: datetime, leads: Sequence[int] | None = None) -> list[Running]:
    """The clocks that could be moved, of all leads or of these. What is past, met or returned moves no more."""
    columns = (Handoff.id, Handoff.lead_id, Handoff.due_at, Handoff.episode, Lead.name, Lead.company)
    query = (
        select(*columns)
        .join(Lead, Lead.id == Handoff.lead_id)
        .where(Handoff.verdict.in_(AHEAD), Handoff.due_at > now)
        .order_by(Handoff.id)
    )
    if leads is not None:
        query = query.where(Handoff.lead_id.in_(leads))
    clocks = (_running(row) for row in c.execute(query))
    return [clock for clock in clocks if clock.episode.ended_at is None]


def _running(row: Any) -> Running:
    return Running(row.id, row.lead_id, row.name, row.company, row.due_at, episode_from_json(row.episode))


@dataclass(frozen=True, slots=True)
class Order:
    """Somebody's decision to move clocks."""

    to: Destinations
    by: str
    #: Of the audit log: what was published, and its version.
    subject: str
    version: int


def carry_out(database: Database, cache: versions.Cache, order: Order, now: datetime) -> list[Move]:
    """Move the clocks; returns the deadlines that changed, by handoff."""
    if not order.to:
        return []
    with database.read() as c:
        leads = sorted({clock.lead_id for clock in running(c, now) if clock.episode.terms_id in order.to})
    moved: list[Move] = []
    pace = Pace(LEADS, one_writer=database.is_sqlite)
    while portion := leads[: pace.size]:
        with pace.timed(len(portion)), database.write() as c:
            moved += _move(c, portion, order, cache.read(c), now)
        del leads[: len(portion)]
    return sorted(moved, key=lambda move: move.handoff_id)


def _move(c: Connection, leads: Sequence[int], order: Order, policies: Policies, now: datetime) -> list[Move]:
    about = _locked(c, leads)
    clocks = [k for k in running(c, now, leads) if k.lead_id in about and k.episode.terms_id in order.to]
    if not clocks:
        return []
    foreseen = {move.handoff_id: move for move in foresee(clocks, order.to, policies, now)}
    ledger.apply(c, [_fact(clock, about[clock.lead_id], order, now) for clock in clocks], policies, now)
    moved = list(_came_out(c, clocks, foreseen))
    _write_down(c, order, len(clocks), moved, now)
    return moved


def _locked(c: Connection, leads: Sequence[int]) -> dict[int, ExternalId]:
    """Lead → the id that stands for it, with everything locked that the ledger will lock, in the ledger's order."""
    columns = (LeadIdentity.lead_id, LeadIdentity.system, LeadIdentity.value)
    known: dict[int, list[ExternalId]] = {}
    for lead_id, system, value in c.execute(select(*columns).where(LeadIdentity.lead_id.in_(leads))):
        known.setdefault(lead_id, []).append(ExternalId(system, value))
    about = {lead_id: identities.one_of(ids) for lead_id, ids in known.items()}
    identities.lock(c, [(one,) for one in about.values()])
    c.execute(select(Lead.id).where(Lead.id.in_(leads)).order_by(Lead.id).with_for_update())
    return about


def _fact(clock: Running, about: ExternalId, order: Order, now: datetime) -> ledger.Fact:
    policy_id = order.to[clock.episode.terms_id].id
    said = new_terms(clock.episode, policy_id) | {"by": order.by}
    which = ":".join(str(part) for part in (clock.lead_id, said.get("duty"), clock.episode.number) if part is not None)
    key, at = f"terms:{which}:{policy_id}", moves_at(clock.episode, now)
    event = CanonicalEvent(key, EventKind.TERMS, at, (about,), said, recorded_at=now)
    return ledger.Fact(ledger.event_id(None, key), event, now, source_id=None, delivery_id=None)


def _came_out(c: Connection, clocks: Sequence[Running], foreseen: dict[int, Move]) -> Iterable[Move]:
    """What the ledger made of it."""
    ids = [clock.handoff_id for clock in clocks]
    rows = c.execute(select(Handoff.id, Handoff.due_at).where(Handoff.id.in_(ids)).order_by(Handoff.id))
    for handoff_id, due_at in rows:
        move = foreseen.get(handoff_id)
        if move and due_at != move.due_before:
            yield replace(move, due_after=due_at)


def _write_down(c: Connection, order: Order, clocks: int, moved: Sequence[Move], now: datetime) -> None:
    changed = [
        {"handoff": m.handoff_id, "due_before": m.due_before.isoformat(), "due_after": m.due_after.isoformat()}
        for m in moved
    ]
    after = {"version": order.version, "clocks": clocks, "count": len(moved), "handoffs": changed}
    audit.write(c, now, by=order.by, action="handoff.moved", subject=order.subject, after=after)
