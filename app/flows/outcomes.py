"""What became of handoffs, read from the projections that follow the ledger; for marketing as a feed, and for its
digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from app.domain.agenda import Lead as Person
from app.domain.funnel import NO_HANDOFF, Standing
from app.domain.outcomes import Became, Milestone
from app.flows.lately import chunks
from app.flows.lists import Key, Page, page
from app.models import HANDED_OVER, Handoff, Lead, Opportunity, Progress
from connectors.contract import Outcome

#: Column of `progress` → the milestone that it is the moment of; a return is read apart.
MOMENTS = {
    Progress.touched_at: Became.FOLLOWED_UP,
    Progress.accepted_at: Became.ACCEPTED,
    Progress.rejected_at: Became.REJECTED,
    Progress.sql_at: Became.SQL,
}
_HANDED = Progress.number != NO_HANDOFF


def feed(c: Connection, *, since: datetime | None, after: Key | None, limit: int) -> tuple[Page, dict[int, list[Any]]]:
    """Leads that were handed over, by their last change, and the milestones of each: whoever pages on from the end
    misses none. What is still to be read from the ledger comes later, in its turn."""
    unread = select(func.min(Lead.updated_at)).where(Lead.funnel_due).scalar_subquery()
    handed = select(Progress.lead_id).where(_HANDED)
    query = select(Lead.id, Lead.name, Lead.company, Lead.updated_at).where(Lead.joined_into.is_(None))
    query = query.where(Lead.id.in_(handed), or_(unread.is_(None), Lead.updated_at < unread))
    if since:
        query = query.where(Lead.updated_at >= since)
    found = page(c, query, (Lead.updated_at, Lead.id), after, limit)
    milestones: dict[int, list[Milestone]] = {row.id: [] for row in found.rows}
    for each in of_leads(c, milestones):
        milestones[each.lead.id].append(each)
    return found, milestones


def of_leads(c: Connection, lead_ids: Iterable[int]) -> list[Milestone]:
    """Of every handoff of these leads, in the order in which they happened."""
    return _ordered(each for chunk in chunks(lead_ids) for each in _milestones(c, chunk))


def since(c: Connection, moment: datetime) -> list[Milestone]:
    """What happened after that moment."""
    closed = select(Opportunity.lead_id).where(or_(Opportunity.opened_at > moment, Opportunity.closed_at > moment))
    happened = or_(*(column > moment for column in (*MOMENTS, Progress.returned_at)), Progress.lead_id.in_(closed))
    out = select(Lead.id).where(Lead.excluded.is_not(None), Lead.updated_at > moment)
    taken_out = and_(Progress.standing == Standing.OUT, Progress.lead_id.in_(out))
    lead_ids = c.execute(select(Progress.lead_id).where(_HANDED, or_(happened, taken_out)).distinct()).scalars()
    return [each for each in of_leads(c, lead_ids) if each.at > moment]


def _ordered(found: Iterable[Milestone]) -> list[Milestone]:
    return sorted(found, key=lambda each: (each.at, each.handoff_id, each.became))


def _milestones(c: Connection, lead_ids: Sequence[int]) -> Iterator[Milestone]:
    same = and_(Handoff.lead_id == Progress.lead_id, Handoff.number == Progress.number, HANDED_OVER)
    end = (Handoff.episode[name].as_string().label(name) for name in ("outcome", "outcome_reason", "ended_at"))
    whose = (Handoff.id.label("handoff_id"), Handoff.policy_id, Lead.name, Lead.company)
    moments = (Progress.lead_id, Progress.number, Progress.standing, Progress.reason, Progress.returned_at, *MOMENTS)
    query = select(*whose, *end, *moments).join(Handoff, same).join(Lead, Lead.id == Progress.lead_id)
    deals = _deals(c, lead_ids)
    for row in c.execute(query.where(Progress.lead_id.in_(lead_ids), _HANDED)):
        yield from _of_handoff(row, deals.get((row.lead_id, row.number), ()))


def _of_handoff(row: Any, deals: Sequence[Any]) -> Iterator[Milestone]:
    whose = (Person(row.lead_id, row.name, row.company), row.handoff_id, row.number, row.policy_id)
    if row.standing == Standing.OUT:
        if row.outcome == Outcome.EXCLUDED and row.ended_at:
            yield Milestone(Became.EXCLUDED, datetime.fromisoformat(row.ended_at), *whose, row.outcome_reason)
        return
    for column, became in MOMENTS.items():
        if (at := getattr(row, column.key)) is not None:
            yield Milestone(became, at, *whose, reason=row.reason if became is Became.REJECTED else None)
    if row.returned_at is not None:
        recycled = row.outcome == Outcome.RECYCLED
        yield Milestone(Became.RECYCLED if recycled else Became.DISQUALIFIED, row.returned_at, *whose, row.reason)
    for deal in deals:
        yield Milestone(Became.OPPORTUNITY, deal.opened_at, *whose, opportunity=deal.key)
        if deal.closed_at is not None:
            yield Milestone(Became(deal.state), deal.closed_at, *whose, opportunity=deal.key)


def _deals(c: Connection, lead_ids: Sequence[int]) -> Mapping[tuple[int, int], list[Any]]:
    found: dict[tuple[int, int], list[Any]] = {}
    mine = select(Opportunity.__table__).where(Opportunity.lead_id.in_(lead_ids))
    for row in c.execute(mine.order_by(Opportunity.opened_at, Opportunity.id)):
        found.setdefault((row.lead_id, row.number), []).append(row)
    return found
