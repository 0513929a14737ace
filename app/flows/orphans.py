"""What nobody answers for: handoffs without an owner, leads that only one side knows, people who may be one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, literal, or_, select, tuple_

from app.domain.clock import OPEN
from app.domain.quality import Look, Tally
from app.flows import lists, people
from app.flows.lists import HandoffFilter, Key, Page
from app.flows.silences import SALES, role_of, system_of
from app.models import HANDED_OVER, Event, Handoff, Lead, LeadIdentity, Source

#: What the one tool knows, the other may take this long to hear of.
GRACE = timedelta(hours=1)
Side = Literal["ma", "sfa"]
ROLES: dict[Side, Sequence[str]] = {"ma": ("ma", "both"), "sfa": SALES}


# --- handoffs without an owner


def count_ownerless(c: Connection, _look: Look) -> Tally:
    """However old: along `ix_handoffs_owner`, whose entries without an owner are these and closed ones."""
    waiting = (HANDED_OVER, Handoff.owner.is_(None), Handoff.verdict.in_(sorted(OPEN)))
    count, oldest = c.execute(select(func.count(), func.min(Handoff.qualified_at)).where(*waiting)).one()
    return Tally(count, oldest)


def ownerless(c: Connection, _look: Look, after: Key | None, limit: int) -> Page:
    """As `lists.handoffs` gives them, by deadline."""
    return lists.handoffs(c, HandoffFilter(verdicts=OPEN, unowned=True), after=after, limit=limit)


# --- leads that only one side knows


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of one side."""

    sources: Collection[int]
    #: Systems whose ids no tool of the other side gives out.
    systems: Collection[str]

    def know(self) -> ColumnElement[bool]:
        """An id of theirs, or a fact from them: somebody who is known by an address alone has no id."""
        named = exists().where(LeadIdentity.lead_id == Lead.id, LeadIdentity.system.in_(self.systems))
        told = exists().where(Event.lead_id == Lead.id, Event.source_id.in_(self.sources))
        return or_(named, told)


def tools_of(rows: Sequence[Any], side: Side) -> Tools:
    mine = [row for row in rows if role_of(row) in ROLES[side]]
    others = {system_of(row) for row in rows if row not in mine}
    return Tools([row.id for row in mine], sorted({system_of(row) for row in mine} - others))


def count_known_only(c: Connection, look: Look, side: Side) -> Tally:
    count, oldest = c.execute(_known_only(c, look, side, func.count(), func.min(Lead.first_seen_at))).one()
    return Tally(count, oldest)


def known_only(c: Connection, look: Look, side: Side, after: Key | None, limit: int) -> Page:
    """By their last change, the earliest first."""
    place = (Lead.updated_at, Lead.id)
    query = _known_only(c, look, side, Lead.id, Lead.name, Lead.company, Lead.first_seen_at, Lead.updated_at, _HANDED)
    if after:
        query = query.where(tuple_(*place) > tuple_(*map(literal, after, [column.type for column in place])))
    rows = c.execute(query.order_by(*place).limit(limit + 1)).all()
    shown = rows[:limit]
    return Page(shown, (shown[-1].updated_at, shown[-1].id) if len(rows) > limit else None)


#: Whether the lead was handed to sales; that one is missed first.
_HANDED = exists().where(HANDED_OVER, Handoff.lead_id == Lead.id).label("handed_over")


def _known_only(c: Connection, look: Look, side: Side, *columns: Any) -> Select[Any]:
    """Of the leads that changed since then (`ix_leads_updated_at`); each costs a look at its ids and, where these do
    not tell, at its events, both along an index. Nobody is missed in a tool that is not connected."""
    rows = c.execute(select(Source.id, Source.kind, Source.config, Source.disabled_at)).all()
    connected = {role for row in rows if row.disabled_at is None for role in ROLES if role_of(row) in ROLES[role]}
    mine, other = tools_of(rows, side), tools_of(rows, "sfa" if side == "ma" else "ma")
    lately = and_(Lead.updated_at >= look.since, Lead.first_seen_at <= look.now - GRACE)
    missing = and_(mine.know(), ~other.know()) if len(connected) == len(ROLES) else false()
    return select(*columns).where(lately, missing)


# --- people who may be one


def count_doubts(c: Connection, _look: Look) -> Tally:
    """However old: along the index on what is in doubt. Oldest: since when the lead is known."""
    doubtful = select(LeadIdentity.lead_id).where(LeadIdentity.doubt.is_not(None)).distinct()
    known = select(func.count(), func.min(Lead.first_seen_at)).where(Lead.id.in_(doubtful))
    count, oldest = c.execute(known).one()
    return Tally(count, oldest)


def doubts(c: Connection, _look: Look, after: Key | None, limit: int) -> Page:
    """As `people.questions` gives them, by lead."""
    return people.questions(c, after=after, limit=limit)
