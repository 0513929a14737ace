"""Which lead a person is: the row that they had first, so that what a split takes back finds its own row again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from app.domain.identity import Ids
from connectors.contract import EMAIL, ExternalId


@dataclass(frozen=True, slots=True)
class Place:
    """Where an id stands: its lead, the lead it had first, and why it is in doubt."""

    lead: int
    home: int
    doubt: str | None = None


def house(people: Iterable[Ids], known: Mapping[ExternalId, Place]) -> dict[ExternalId, Place]:
    """Every id's lead and home. Leads that do not exist yet have negative numbers.

    A person is the oldest home among their ids. Where two share a home, whoever has the oldest id keeps it; the others
    move to another home of theirs, or to a new lead, which is their home from then on.
    """
    person_of = {one: person for person in people for one in person}
    leads: dict[Ids, int] = {}
    used: set[int] = set()
    for one in sorted(known.keys() & person_of.keys(), key=lambda i: age(known[i].home, i)):
        home, person = known[one].home, person_of[one]
        if person not in leads and home not in used:
            leads[person] = home
            used.add(home)
    for person in sorted(set(person_of.values()) - leads.keys(), key=lambda p: min(age(0, i) for i in p)):
        leads[person] = -1 - len(used)
        used.add(leads[person])
    return {one: _place(leads[person], known.get(one), used) for one, person in person_of.items()}


def age(home: int, one: ExternalId) -> tuple[int, bool, str, str]:
    """An address is younger than a tool's id: what was handed over stays with the record."""
    return (home, one.system == EMAIL, one.system, one.value)


def _place(lead: int, before: Place | None, used: Set[int]) -> Place:
    home = lead if before is None or (before.home != lead and before.home in used) else before.home
    return Place(lead, home)
