"""What is stored about who is who: where ids stand, and everything that hangs together with what is new about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, bindparam, select, tuple_, union

from app.domain.homes import Place
from app.domain.identity import Doubt, Pair, links_of, named
from app.models import IdentityDecision, IdentityLink, Lead, LeadIdentity
from connectors.contract import ExternalId

#: Ids or links asked for in one statement; SQLite takes no more than some thousand values in one.
CHUNK = 500

AboutOne = tuple[ExternalId, ...]
Item = TypeVar("Item")
ID = (LeadIdentity.system, LeadIdentity.value)
A = (IdentityLink.a_system, IdentityLink.a_value)
B = (IdentityLink.b_system, IdentityLink.b_value)


@dataclass(slots=True)
class Sight:
    """What is stored about some ids, and what is new about them."""

    #: Where the ids stand that were asked about.
    asked: dict[ExternalId, Place] = field(default_factory=dict)
    fresh: set[ExternalId] = field(default_factory=set)
    new_links: set[Pair] = field(default_factory=set)
    #: Everything around what is new.
    places: dict[ExternalId, Place] = field(default_factory=dict)
    links: set[Pair] = field(default_factory=set)
    #: The newest one about each pair: whether they are one person.
    decisions: dict[Pair, bool] = field(default_factory=dict)
    #: Leads that may change, or that the caller will write to.
    leads: set[int] = field(default_factory=set)


def look(c: Connection, about: Iterable[AboutOne]) -> Sight:
    """Two questions where everything is known already."""
    groups = set(about)
    ids = {one for group in groups for one in group}
    links = {both for group in groups for both in links_of(group)}
    sight = Sight(_places(c, ids))
    sight.fresh = ids - sight.asked.keys()
    sight.new_links = links - _known(c, [both for both in links if sight.fresh.isdisjoint(both)])
    sight.leads = {sight.asked[one].lead for one in map(named, groups) if one in sight.asked}
    look_around(c, sight, {one for both in sight.new_links for one in both} - sight.fresh)
    return sight


def look_around(c: Connection, sight: Sight, ids: Iterable[ExternalId]) -> None:
    """Add everything that could belong to these known ids, by any number of steps, to what is seen."""
    seen: set[ExternalId] = set()
    frontier = set(ids)
    while frontier:
        seen |= frontier
        sight.places |= _places(c, frontier)
        passable = [one for one in frontier if sight.places[one].doubt != Doubt.CROWDED]
        links, decisions = _links(c, passable), decisions_about(c, frontier)
        sight.links |= links
        sight.decisions |= decisions
        frontier = {one for both in (*links, *decisions) for one in both} - seen
    sight.leads |= {lead for one in seen for lead in (sight.places[one].lead, sight.places[one].home)}


def _places(c: Connection, ids: Iterable[ExternalId]) -> dict[ExternalId, Place]:
    return {
        ExternalId(system, value): Place(lead, home, doubt)
        for chunk in chunks(ids)
        for system, value, lead, home, doubt in c.execute(_PLACES, {"ids": [(i.system, i.value) for i in chunk]})
    }


#: Made once: putting a query together takes longer than running it.
_PLACES = select(*ID, LeadIdentity.lead_id, LeadIdentity.home_id, LeadIdentity.doubt).where(
    tuple_(*ID).in_(bindparam("ids", expanding=True))
)
_LINKS = select(*A, *B).where(tuple_(*A, *B).in_(bindparam("links", expanding=True)))


def _known(c: Connection, links: Iterable[Pair]) -> set[Pair]:
    """Those of the links that are stored."""
    return {
        _pair(row)
        for chunk in chunks(links)
        for row in c.execute(_LINKS, {"links": [(a.system, a.value, b.system, b.value) for a, b in chunk]})
    }


def _links(c: Connection, ids: Iterable[ExternalId]) -> set[Pair]:
    """All links of these ids."""
    return {
        _pair(row)
        for chunk in chunks(ids)
        for row in c.execute(union(*(select(*A, *B).where(among(end, chunk)) for end in (A, B))))
    }


def decisions_about(c: Connection, ids: Iterable[ExternalId]) -> dict[Pair, bool]:
    """The newest decision about each pair that one of these ids is in."""
    table = IdentityDecision
    one, other = (table.a_system, table.a_value), (table.b_system, table.b_value)
    columns = (*one, *other, table.id, table.together)
    found = [
        row
        for chunk in chunks(ids)
        for row in c.execute(union(*(select(*columns).where(among(end, chunk)) for end in (one, other))))
    ]
    return {_pair(row): row.together for row in sorted(found, key=lambda row: row.id)}


def _pair(row: Any) -> Pair:
    return (ExternalId(row[0], row[1]), ExternalId(row[2], row[3]))


def among(columns: Sequence[Any], ids: Iterable[ExternalId]) -> ColumnElement[bool]:
    return tuple_(*columns).in_([(one.system, one.value) for one in ids])


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    whole = list(items)
    return (whole[start : start + CHUNK] for start in range(0, len(whole), CHUNK))


def held(c: Connection, first: Any, look: Callable[[], Sight]) -> Sight:
    """What `look` sees while every lead in it is locked, so that nobody moves an id of theirs meanwhile.

    Leads are locked in id order, in one go; if more of them turn out to matter, all are let go and locked again with
    these. `first`: a query for the ids of the leads to begin with. SQLite has one writer anyway.
    """
    if c.dialect.name != "postgresql":
        return look()
    more: set[int] = set()
    while True:
        attempt = c.begin_nested()
        wanted = union(first, *(select(Lead.id).where(Lead.id.in_(chunk)) for chunk in chunks(more)))
        rows = c.execute(select(Lead.id).where(Lead.id.in_(wanted)).order_by(Lead.id).with_for_update())
        locked = set(rows.scalars())
        sight = look()
        if sight.leads <= locked:
            attempt.commit()
            return sight
        attempt.rollback()
        more |= sight.leads
