"""A company's quarter, drawn at random: what happened to each person, and the facts that its tools would tell."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from app.flows.ledger import Fact
from connectors.contract import ExternalId
from tests.flows.conftest import fact, mql

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + 160 * DAY


@dataclass
class Deal:
    key: str
    opened_at: datetime
    won_at: datetime | None = None
    lost_at: datetime | None = None


@dataclass
class Try:
    """One handoff, as it truly went."""

    qualified_at: datetime
    called_at: datetime | None = None
    #: The call's entry; None: the tool does not tell.
    written_at: datetime | None = None
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None
    recycled_at: datetime | None = None
    sql_at: datetime | None = None
    deals: list[Deal] = field(default_factory=list)

    @property
    def judged_at(self) -> datetime | None:
        return min(filter(None, [self.sql_at, *(d.opened_at for d in self.deals)]), default=None)

    @property
    def touched_at(self) -> datetime | None:
        return min(filter(None, [self.called_at, self.rejected_at, self.recycled_at, self.judged_at]), default=None)

    @property
    def opened_at(self) -> datetime | None:
        return min((d.opened_at for d in self.deals), default=None)


@dataclass
class Person:
    number: int
    first_seen_at: datetime
    source: str | None
    owner: str | None
    excluded: bool = False
    tries: list[Try] = field(default_factory=list)
    #: What sales found by itself.
    own_deals: list[Deal] = field(default_factory=list)

    @property
    def ids(self) -> tuple[ExternalId, ...]:
        return (ExternalId("hubspot", f"p{self.number}"),)

    @property
    def deals(self) -> list[Deal]:
        return [*self.own_deals, *(deal for each in self.tries for deal in each.deals)]


def company(seed: int, people: int) -> list[Person]:
    chance = random.Random(seed)
    return [_person(chance, number) for number in range(people)]


def _after(chance: random.Random, at: datetime, least: timedelta, most: timedelta) -> datetime | None:
    later = at + least + chance.random() * (most - least)
    later -= timedelta(microseconds=later.microsecond)
    return later if later < NOW else None


def _person(chance: random.Random, number: int) -> Person:
    first = START + timedelta(seconds=chance.randrange(150 * 86400))
    person = Person(number, first, chance.choice(["展示会", "Web", None]), chance.choice(["tanaka", "suzuki", None]))
    person.excluded = chance.random() < 0.05
    qualified = _after(chance, first, DAY, 9 * DAY) if chance.random() < 0.7 else None
    if qualified is None:
        if chance.random() < 0.2 and (opened := _after(chance, first, DAY, 40 * DAY)):
            person.own_deals.append(_deal(chance, f"own-{number}", opened))
        return person
    person.tries.append(_try(chance, qualified, f"{number}-1"))
    recycled = person.tries[0].recycled_at
    if recycled and (again := _after(chance, recycled, 8 * DAY, 30 * DAY)):
        person.tries.append(_try(chance, again, f"{number}-2"))
    return person


def _try(chance: random.Random, qualified: datetime, key: str) -> Try:
    one = Try(qualified)
    if chance.random() < 0.8:
        one.called_at = _after(chance, qualified, HOUR / 2, chance.choice([20 * HOUR, 20 * HOUR, 60 * DAY]))
    if one.called_at and chance.random() < 0.6:
        one.written_at = _after(chance, one.called_at, HOUR / 60, chance.choice([HOUR, 9 * HOUR]))
    if chance.random() < 0.4:
        one.accepted_at = _after(chance, qualified, HOUR / 4, 2 * DAY)
    _decide(chance, one, key)
    if end := one.rejected_at or one.recycled_at:  # what was done after it was given back is about no handoff
        one.called_at = one.called_at if one.called_at and one.called_at < end else None
        one.written_at = one.written_at if one.called_at else None
        one.accepted_at = one.accepted_at if one.accepted_at and one.accepted_at < end else None
    return one


def _decide(chance: random.Random, one: Try, key: str) -> None:
    qualified = one.qualified_at
    match chance.choice(["rejected", "recycled", "sql", "sql", "deal", "nothing"]):
        case "rejected":
            one.rejected_at = _after(chance, qualified, HOUR, 20 * DAY)
        case "recycled":
            one.recycled_at = _after(chance, qualified, HOUR, 20 * DAY)
        case "sql":
            one.sql_at = _after(chance, qualified, HOUR, 50 * DAY)
            if one.sql_at and chance.random() < 0.6 and (opened := _after(chance, one.sql_at, HOUR, 30 * DAY)):
                one.deals.append(_deal(chance, f"sql-{key}", opened))
        case "deal":
            if opened := _after(chance, qualified, HOUR, 50 * DAY):
                one.deals.append(_deal(chance, f"deal-{key}", opened))


def _deal(chance: random.Random, key: str, opened: datetime) -> Deal:
    deal = Deal(key, opened)
    closed = _after(chance, opened, DAY, 100 * DAY)
    if closed and chance.random() < 0.4:
        deal.won_at = closed
    elif closed and chance.random() < 0.6:
        deal.lost_at = closed
    return deal


# --- what the tools tell


def told(person: Person) -> Iterator[Fact]:
    who, attributes = person.ids, {"lead_source": person.source} if person.source else {}
    yield fact("lead", person.first_seen_at, lead=who, name=f"人{person.number}", attributes=attributes)
    if person.owner:
        yield fact("owner", person.first_seen_at, lead=who, owner=person.owner)
    for number, one in enumerate(person.tries):
        yield from mql(one.qualified_at, lead=who, prefix=f"{number}")
        yield from _told_try(person, one)
    for deal in person.deals:
        yield from _told_deal(person, deal)
    if person.excluded:
        yield fact("disposition", NOW - HOUR, lead=who, outcome="excluded", reason="invalid")


def _told_try(person: Person, one: Try) -> Iterator[Fact]:
    who = person.ids
    if one.called_at:
        call = fact("follow_up", one.called_at, lead=who, channel="call", automated=False)
        yield replace(call, event=replace(call.event, recorded_at=one.written_at))
    decided = {
        "accepted": one.accepted_at,
        "rejected": one.rejected_at,
        "recycled": one.recycled_at,
        "sql": one.sql_at,
    }
    for outcome, at in decided.items():
        if at:
            reason = {"reason": "timing"} if outcome in ("rejected", "recycled") else {}
            yield fact("disposition", at, lead=who, outcome=outcome, **reason)


def _told_deal(person: Person, deal: Deal) -> Iterator[Fact]:
    who = person.ids
    yield fact("opportunity", deal.opened_at, lead=who, opportunity=deal.key, state="open")
    if deal.won_at:
        yield fact("opportunity", deal.won_at, lead=who, opportunity=deal.key, state="won")
    if deal.lost_at:
        yield fact("opportunity", deal.lost_at, lead=who, opportunity=deal.key, state="lost")
