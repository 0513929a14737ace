"""What people decide about who is who, and what is left for them to decide.

A decision is about pairs of ids and stays in the books; the newest one about a pair counts, against whatever the tools
say. Handoffs and verdicts follow at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations, product
from typing import Any

from sqlalchemy import Connection, and_, insert, select, tuple_, union

from app.domain.homes import Place
from app.domain.identity import Doubt, Pair, order, pair
from app.domain.policy import Policies
from app.domain.refusals import refused
from app.flows import audit, identities, ledger, lists, sight
from app.flows.lists import NoSuchLead
from app.flows.sight import Sight
from app.models import IdentityDecision, IdentityLink, Lead, LeadIdentity
from connectors.contract import EMAIL, ExternalId

#: Leads listed behind one doubt; whoever shares an address with more knows enough.
MOST = 20


@dataclass(frozen=True, slots=True)
class Whom:
    """The people a decision is about: by their leads' numbers, or by ids of theirs."""

    leads: Sequence[int] = ()
    ids: Sequence[ExternalId] = ()


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, when and why; and the SLA by which handoffs are settled afterwards."""

    by: str
    now: datetime
    policies: Policies
    note: str = ""


# --- decisions


def join(c: Connection, whom: Whom, decider: Decider) -> list[int]:
    """They are one person. Returns the lead that they are now. Raises Refused.

    Where ids were named, what hung on them by an address alone may have to stay behind; its lead is returned, too.
    """

    def decided(sides: list[_Side]) -> dict[Pair, bool]:
        if len(set(sides)) < 2:
            raise refused("", "one_lead", "Name two or more leads that are one person.")
        first, *others = dict.fromkeys(one for side in sides for one in side.meant)
        everything = _union(sides)
        parted = {both for both, together in sight.decisions_about(c, everything).items() if not together}
        between = {both for both in parted if everything.issuperset(both)}
        return dict.fromkeys(between | {pair(first, other) for other in others}, True)

    return _decide(c, "leads.joined", whom, decided, decider)


def part(c: Connection, whom: Whom, decider: Decider) -> list[int]:
    """They are different people, whatever they share. Returns their leads. Raises Refused."""

    def decided(sides: list[_Side]) -> dict[Pair, bool]:
        if len({side.lead for side in sides}) < 2:
            raise refused("", "one_lead", "These are one lead; split it instead.")
        two = combinations({side.ids for side in sides}, 2)
        return {pair(*both): False for one, other in two for both in product(one, other)}

    return _decide(c, "leads.parted", whom, decided, decider)


def split(c: Connection, lead_id: int, ids: Collection[ExternalId], decider: Decider) -> list[int]:
    """These ids of the lead are somebody else. Returns the leads of all its ids. Raises NoSuchLead, Refused."""

    def decided(sides: list[_Side]) -> dict[Pair, bool]:
        rest = sides[0].ids - set(ids)
        _check_split(lead_id, ids, sides[0].ids)
        return {pair(*both): False for both in product(ids, rest)}

    if c.scalar(select(Lead.id).where(Lead.id == lead_id)) is None:
        raise NoSuchLead(lead_id)
    return _decide(c, "lead.split", Whom(leads=[lead_id]), decided, decider)


def _check_split(lead_id: int, ids: Collection[ExternalId], known: Collection[ExternalId]) -> None:
    if not ids:
        raise refused("/ids", "no_ids", "Name one or more ids of the lead.")
    for number, one in enumerate(ids):
        if one not in known:
            raise refused(f"/ids/{number}", "not_its_id", "Lead {lead} has no id {id}.", lead=lead_id, id=spelled(one))
    if len(known) == 1:
        raise refused("/ids", "one_id", "Lead {lead} has one id only; there is nothing to split.", lead=lead_id)
    if not set(known) - set(ids):
        raise refused("/ids", "nothing_left", "These are all ids of lead {lead}; leave it one or more.", lead=lead_id)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of those that a decision is about."""

    lead: int
    #: What was named: an id, or all records of a lead; a lead that has none is its addresses.
    meant: tuple[ExternalId, ...]
    #: All ids of the lead.
    ids: frozenset[ExternalId]


def _decide(
    c: Connection,
    action: str,
    whom: Whom,
    decided: Callable[[list[_Side]], dict[Pair, bool]],
    decider: Decider,
) -> list[int]:
    """Write the decision down, decide anew who is who around it, and settle the handoffs of those whom it moves."""
    concerned: set[ExternalId] = set()

    def look() -> Sight:
        sides = _sides(c, whom)
        _remember(c, decided(sides), decider)
        concerned.clear()
        concerned.update(_union(sides))
        seen = Sight()
        sight.look_around(c, seen, concerned)
        return seen

    seen = sight.held(c, _leads_of(whom), look)
    places, disturbed = identities.settle(c, seen, decider.now)
    ledger.reread(c, sorted(disturbed), decider.policies, decider.now)
    before, after = (_by_lead(known, concerned) for known in (seen.places, places))
    subject = f"lead:{min(int(lead) for lead in before)}"
    said = {"leads": after} | ({"note": decider.note} if decider.note else {})
    audit.write(c, decider.now, by=decider.by, action=action, subject=subject, before={"leads": before}, after=said)
    return sorted(int(lead) for lead in after)


def _sides(c: Connection, whom: Whom) -> list[_Side]:
    by_lead = [_side(c, lead_id, f"/leads/{number}") for number, lead_id in enumerate(whom.leads)]
    return by_lead + [_side_of_id(c, one, f"/ids/{number}") for number, one in enumerate(whom.ids)]


def _side(c: Connection, lead_id: int, place: str) -> _Side:
    ids = [ExternalId(*row) for row in lists.identities(c, lead_id)]
    if not ids:
        other = identities.current(c, lead_id)
        if other != lead_id:
            raise refused(place, "joined", "Lead {lead} has become lead {other}; use that.", lead=lead_id, other=other)
        raise refused(place, "unknown_lead", "There is no lead {key}.", key=lead_id)
    records = [one for one in ids if one.system != EMAIL]
    return _Side(lead_id, tuple(records or ids), frozenset(ids))


def _side_of_id(c: Connection, one: ExternalId, place: str) -> _Side:
    known = (LeadIdentity.system == one.system) & (LeadIdentity.value == one.value)
    lead_id = c.scalar(select(LeadIdentity.lead_id).where(known))
    if lead_id is None:
        raise refused(place, "unknown_id", "No lead is known as {words}.", words=spelled(one))
    ids = frozenset(ExternalId(*row) for row in lists.identities(c, lead_id))
    return _Side(lead_id, (one,), ids)


def _union(sides: Iterable[_Side]) -> frozenset[ExternalId]:
    return frozenset().union(*(side.ids for side in sides))


def _leads_of(whom: Whom) -> Any:
    named = select(LeadIdentity.lead_id).where(
        tuple_(LeadIdentity.system, LeadIdentity.value).in_([(one.system, one.value) for one in whom.ids])
    )
    return union(select(Lead.id).where(Lead.id.in_(whom.leads)), named)


def _remember(c: Connection, decisions: Mapping[Pair, bool], decider: Decider) -> None:
    rows = [
        {
            "a_system": a.system,
            "a_value": a.value,
            "b_system": b.system,
            "b_value": b.value,
            "together": together,
            "by": decider.by,
            "at": decider.now,
            "note": decider.note,
        }
        for (a, b), together in sorted(decisions.items(), key=lambda item: tuple(map(order, item[0])))
    ]
    c.execute(insert(IdentityDecision), rows)


def _by_lead(places: Mapping[ExternalId, Place], ids: Iterable[ExternalId]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in sorted(ids, key=order):
        found.setdefault(str(places[one].lead), []).append(spelled(one))
    return found


def meant(system: str, value: str) -> ExternalId:
    """The id that a person wrote; addresses in any case."""
    return ExternalId(system, value.strip().lower() if system == EMAIL else value.strip())


def spelled(one: ExternalId) -> str:
    """`salesforce:00Q…`, as people type it."""
    return f"{one.system}:{one.value}"


# --- what is in doubt


@dataclass(frozen=True, slots=True)
class Somebody:
    """A lead as far as one needs to know it."""

    id: int
    name: str | None
    company: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """Something about who is who that nobody but a person can know."""

    why: Doubt
    #: The address, or the records, in doubt.
    ids: Sequence[ExternalId]
    #: Whose they are for the time being.
    lead: Somebody
    #: Who else is named with them; MOST at most.
    others: Sequence[Somebody]
    #: How many those are.
    count: int


def questions(c: Connection, *, after: lists.Key | None = None, limit: int) -> lists.Page:
    """By lead: one question a lead."""
    doubtful = select(LeadIdentity.lead_id).where(LeadIdentity.doubt.is_not(None)).distinct()
    if after:
        doubtful = doubtful.where(LeadIdentity.lead_id > after[0])
    found = c.execute(doubtful.order_by(LeadIdentity.lead_id).limit(limit + 1)).scalars().all()
    leads = found[:limit]
    return lists.Page(_questions(c, leads), (leads[-1],) if len(found) > limit else None)


def _questions(c: Connection, leads: Sequence[int]) -> list[Question]:
    columns = (LeadIdentity.lead_id, LeadIdentity.doubt, LeadIdentity.system, LeadIdentity.value)
    mine = select(*columns).where(LeadIdentity.lead_id.in_(leads), LeadIdentity.doubt.is_not(None))
    rows = c.execute(mine.order_by(*columns)).all()
    sharing = _sharing(c, leads)
    people = _somebodies(c, {*leads, *(other for others in sharing.values() for other in others[:MOST])})
    return [
        Question(
            why=max((Doubt(row.doubt) for row in rows if row.lead_id == lead_id), key=list(Doubt).index),
            ids=[ExternalId(row.system, row.value) for row in rows if row.lead_id == lead_id],
            lead=people[lead_id],
            others=[people[other] for other in sharing.get(lead_id, ())[:MOST]],
            count=len(sharing.get(lead_id, ())),
        )
        for lead_id in leads
    ]


def _sharing(c: Connection, leads: Sequence[int]) -> dict[int, list[int]]:
    """Lead → the other leads whose ids were named with those of its ids that are in doubt."""
    one, other = LeadIdentity.__table__.alias("one"), LeadIdentity.__table__.alias("other")
    link = IdentityLink
    a, b = (link.a_system, link.a_value), (link.b_system, link.b_value)
    pairs = [
        select(one.c.lead_id, other.c.lead_id.label("other_id"))
        .join(link, and_(one.c.system == mine[0], one.c.value == mine[1]))
        .join(other, and_(other.c.system == theirs[0], other.c.value == theirs[1]))
        .where(one.c.lead_id.in_(leads), one.c.doubt.is_not(None), other.c.lead_id != one.c.lead_id)
        for mine, theirs in ((a, b), (b, a))
    ]
    found: dict[int, set[int]] = {}
    for lead_id, other_id in c.execute(union(*pairs)):
        found.setdefault(lead_id, set()).add(other_id)
    return {lead_id: sorted(others) for lead_id, others in found.items()}


def _somebodies(c: Connection, leads: Collection[int]) -> dict[int, Somebody]:
    rows = c.execute(select(Lead.id, Lead.name, Lead.company).where(Lead.id.in_(sorted(leads))))
    return {row.id: Somebody(row.id, row.name, row.company) for row in rows}
