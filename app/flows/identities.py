"""Which lead an event is about: ids and addresses point at people, and people can turn out to be one, or two.

Who is who is decided anew by `domain.identity` from all that was ever said and decided around an id, whenever something
new is said about it. No lead is deleted: one that turns out to be another keeps its row and handoffs for a split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, text, union_all, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.history import STALE
from app.domain.homes import Place, age, house
from app.domain.identity import Doubt, named, partition
from app.flows.sight import ID, AboutOne, Sight, among, chunks, held, look
from app.models import Event, IdentityLink, Lead, LeadIdentity
from connectors.contract import EMAIL, ExternalId

#: First half of the advisory lock's key on PostgreSQL; any number that nothing else uses.
LOCK_SPACE = 7_471


@dataclass(frozen=True, slots=True)
class Resolved:
    """The lead of each group of ids, and whose ledger has lost or won events and must be read from the start."""

    leads: list[int]
    disturbed: set[int]


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


def resolve(c: Connection, about: Sequence[AboutOne], now: datetime) -> Resolved:
    """The lead of each group of ids; what the groups say about each other is remembered. Call `lock` first.

    Leads that are disturbed have lost their checkpoint, and all leads are locked.
    """
    meant = [named(ids) for ids in about]
    theirs = [select(LeadIdentity.lead_id).where(among(ID, chunk)) for chunk in chunks(set(meant))]
    sight = held(c, union_all(*theirs), lambda: look(c, about))
    if not (sight.fresh or sight.new_links):
        return Resolved([sight.asked[one].lead for one in meant], set())
    places, disturbed = settle(c, sight, now)
    now_at = sight.asked | places
    return Resolved([now_at[one].lead for one in meant], disturbed)


def one_of(known: Iterable[ExternalId]) -> ExternalId:
    """The id that stands for a lead, a tool's before an address: naming several would join what was split."""
    return min(known, key=lambda one: (one.system == EMAIL, one.system, one.value))


def current(c: Connection, lead_id: int) -> int:
    """The lead that this one turned out to be; itself if it is still one, or none."""
    return c.scalar(select(Lead.joined_into).where(Lead.id == lead_id)) or lead_id


# What comes of it


def settle(c: Connection, sight: Sight, now: datetime) -> tuple[dict[ExternalId, Place], set[int]]:
    """Decide who is who, and write it down: the place of every id that was seen, and the leads disturbed by it."""
    crowded = {one for one, place in sight.places.items() if place.doubt == Doubt.CROWDED}
    ids = sight.places.keys() | sight.fresh
    found = partition(ids, sight.links | sight.new_links, sight.decisions, crowded)
    housed = house(found.people, sight.places)
    made = _create(c, sorted({place.lead for place in housed.values() if place.lead < 0}, reverse=True), now)
    places = {
        one: Place(made.get(place.lead, place.lead), made.get(place.home, place.home), found.doubts.get(one))
        for one, place in housed.items()
    }
    _write(c, sight, places)
    return places, _follow(c, sight.places, places)


def _create(c: Connection, wanted: Sequence[int], now: datetime) -> dict[int, int]:
    """A row for each placeholder; the placeholder → its id."""
    if not wanted:
        return {}
    blank = {"first_seen_at": now, "updated_at": now, "history": {}}
    rows = c.execute(insert(Lead).returning(Lead.id, sort_by_parameter_order=True), [blank for _ in wanted]).scalars()
    return dict(zip(wanted, rows, strict=True))


def _write(c: Connection, sight: Sight, places: Mapping[ExternalId, Place]) -> None:
    new = [_row(one, places[one]) for one in sight.fresh]
    if new:
        c.execute(insert(LeadIdentity), new)
    changed = [_row(one, place) for one, place in places.items() if sight.places.get(one, place) != place]
    if changed:
        c.execute(_UPDATE_IDENTITY, [{f"{name}_": value for name, value in row.items()} for row in changed])
    links = [
        {"a_system": a.system, "a_value": a.value, "b_system": b.system, "b_value": b.value} for a, b in sight.new_links
    ]
    if links:
        dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
        c.execute(dialect.insert(IdentityLink).on_conflict_do_nothing(), links)


def _row(one: ExternalId, place: Place) -> dict[str, Any]:
    return {
        "system": one.system,
        "value": one.value,
        "lead_id": place.lead,
        "home_id": place.home,
        "doubt": place.doubt,
    }


_UPDATE_IDENTITY = (
    update(LeadIdentity)
    .where(LeadIdentity.system == bindparam("system_"), LeadIdentity.value == bindparam("value_"))
    .values({name: bindparam(f"{name}_") for name in ("lead_id", "home_id", "doubt")})
)


def _follow(c: Connection, before: Mapping[ExternalId, Place], after: Mapping[ExternalId, Place]) -> set[int]:
    """Events follow their ids to another lead; leads that nobody is any more point at who they turned out to be."""
    left = {place.lead for one, place in before.items() if after[one].lead != place.lead}
    if not left:
        return set()
    disturbed = left | {after[one].lead for one, place in before.items() if place.lead in left}
    for lead_id in sorted(left):
        _move_events(c, lead_id, {one: after[one].lead for one, place in before.items() if place.lead == lead_id})
    _point(c, after)
    c.execute(update(Lead).where(Lead.id.in_(disturbed)).values(history=STALE, first_seen_at=_FIRST_SEEN))
    return disturbed


_FIRST_SEEN = func.coalesce(
    select(func.min(Event.occurred_at)).where(Event.lead_id == Lead.id).correlate(Lead).scalar_subquery(),
    Lead.first_seen_at,
)


def _move_events(c: Connection, lead_id: int, leads: Mapping[ExternalId, int]) -> None:
    """`leads`: where each of the lead's ids is now."""
    everything = Event.lead_id == lead_id
    if len(set(leads.values())) == 1:
        c.execute(update(Event).where(everything).values(lead_id=next(iter(leads.values()))))
        return
    moved: dict[int, list[str]] = {}
    for event_id, about in c.execute(select(Event.id, Event.about).where(everything)):
        meant = named([ExternalId(*one) for one in about])
        moved.setdefault(leads.get(meant, lead_id), []).append(event_id)
    for target, events in moved.items():
        for chunk in chunks(events if target != lead_id else ()):
            c.execute(update(Event).where(Event.id.in_(chunk)).values(lead_id=target))


def _point(c: Connection, places: Mapping[ExternalId, Place]) -> None:
    leads = {place.lead for place in places.values()}
    oldest_last = sorted(places, key=lambda one: age(places[one].home, one), reverse=True)
    nobody = {places[one].home: places[one].lead for one in oldest_last if places[one].home not in leads}
    pointers = [{"row_id": lead, "target": None} for lead in leads]
    pointers += [{"row_id": home, "target": lead} for home, lead in nobody.items()]
    c.execute(update(Lead).where(Lead.id == bindparam("row_id")).values(joined_into=bindparam("target")), pointers)
