"""Several people's facts in any order, with any duplication, in any batches, by one worker or by many: one outcome."""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from app.db import Database
from app.flows import ledger, policies, rebuild, sources, sweep
from app.flows.intake import Arrival, store
from app.flows.ledger import Fact, Ledger
from app.flows.sources import Directory
from app.models import Delivery, Event, Handoff, LeadIdentity
from connectors.contract import CanonicalEvent, EventKind, ExternalId
from tests.conftest import FRIDAY

H = timedelta(hours=1)
START, END = FRIDAY - 20 * H, FRIDAY + 120 * H
_runs = itertools.count(1)

MQL: list[tuple[str, dict[str, Any]]] = [
    *(("activity", {"activity": "download", "asset": asset, "title": "資料"}) for asset in ("a", "b", "c")),
    ("score", {"score": 95}),
]
RETURNED: list[tuple[str, dict[str, Any]]] = [
    ("disposition", {"outcome": "recycled", "reason": "timing"}),
    ("disposition", {"outcome": "rejected"}),
    ("disposition", {"outcome": "excluded", "reason": "competitor"}),
]
#: What can be said, and how a person can be named: by one tool, by two, by a tool and the address.
SAID: list[tuple[str, dict[str, Any]]] = [
    *MQL,
    ("score", {"score": 50}),
    *RETURNED,
    ("owner", {"owner": "rep-1"}),
    ("owner", {"owner": "rep-2", "name": "田中"}),
    ("lead", {"name": "佐藤", "company": "山田製作所"}),
    ("follow_up", {"channel": "call", "automated": False, "by": "rep-1"}),
    ("follow_up", {"channel": "email", "automated": True}),
    ("status", {"status": "working", "raw": "対応中"}),
    ("status", {"status": "contacted", "raw": "連絡済"}),
    ("opportunity", {"opportunity": "006", "state": "open"}),
]
NAMED = [("ma",), ("sfa",), ("email",), ("ma", "email"), ("sfa", "email"), ("ma", "sfa")]

Said = tuple[int, int, tuple[str, ...], tuple[str, dict[str, Any]]]


@st.composite
def months(draw: st.DrawFn) -> list[Said]:
    """(half hour, person, how they are named, what is said); everything at a moment of its own. The first has all
    that makes an MQL, and so do most of the second ones and many of those that return."""
    enough = draw(st.sampled_from([[1], [1, 2], [1, 1, 2]]))
    extras = draw(st.lists(st.tuples(st.integers(1, 2), st.sampled_from(SAID)), max_size=14))
    said = [(person, one) for person in enough for one in MQL] + extras
    size = len(said)
    moments = draw(st.lists(st.integers(0, 200), min_size=size, max_size=size, unique=True))
    return [
        (moment, person, draw(st.sampled_from(NAMED)), one) for moment, (person, one) in zip(moments, said, strict=True)
    ]


def facts_of(said: Sequence[Said], run: int) -> list[Fact]:
    """The same story about people of their own."""
    return [_fact(f"{run}-{number}", run, *one) for number, one in enumerate(said)]


def _fact(key: str, run: int, moment: int, person: int, named: tuple[str, ...], said: tuple[str, Any]) -> Fact:
    kind, data = said
    at = START + moment * H / 2
    lead = tuple(
        ExternalId(system, f"p{person}-{run}@x.example" if system == "email" else f"{person}-{run}") for system in named
    )
    event = CanonicalEvent(key, EventKind(kind), at, lead, data)
    return Fact(ledger.event_id(None, key), event, at + timedelta(minutes=moment % 50), None, None)


def outcome(database: Database, run: int) -> list[tuple[Any, ...]]:
    """Every handoff that counts, whatever its row's number and whichever lead's row was kept."""
    names: dict[int, list[tuple[str, str]]] = {}
    with database.read() as c:
        for lead_id, system, value in c.execute(select(LeadIdentity.lead_id, LeadIdentity.system, LeadIdentity.value)):
            person, of_run = value.split("@")[0].split("-")
            if of_run == str(run):
                names.setdefault(lead_id, []).append((system, person))
        counts = Handoff.lead_id.in_(names), Handoff.verdict != "voided"
        rows = c.execute(select(Handoff.__table__).where(*counts)).all()
    return sorted((sorted(names[row.lead_id]), *_what_counts(row)) for row in rows)


def _what_counts(row: Any) -> tuple[Any, ...]:
    episode = row.episode
    said = [str(episode[name]) for name in ("number", "outcome", "outcome_reason", "ended_at", "automated_touches")]
    times = (row.qualified_at, row.visible_at, row.due_at, row.warn_at, row.verdict_at)
    return (*times, row.verdict, str(row.owner), str(row.touched_at), *said)


@given(said=months(), chance=st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_any_duplication_any_batches(database, apply, said: list[Said], chance: random.Random) -> None:
    in_order, shuffled = next(_runs), next(_runs)
    cache = policies.Cache()
    apply(sorted(facts_of(said, in_order), key=lambda f: f.event.occurred_at), END)
    _apply_somehow(database, apply, facts_of(said, shuffled), chance)
    sweep.run(database, cache, END)
    assert outcome(database, shuffled) == outcome(database, in_order)
    assert rebuild.check(database, END) == []


def _apply_somehow(database: Database, apply: Any, facts: list[Fact], chance: random.Random) -> None:
    """In batches while time goes by; now and then the sweep is first to notice."""
    arriving = arrival_order(facts, chance)
    now = START
    while arriving:
        size = chance.randint(1, 7)
        now += chance.choice((H, 8 * H))
        if chance.random() < 0.3:
            sweep.run(database, policies.Cache(), min(now, END))
        apply(arriving[:size], min(now, END))
        del arriving[:size]


def arrival_order(facts: Sequence[Fact], chance: random.Random) -> list[Fact]:
    """In no order, one tool after the other, or as it happened; some twice and some late."""
    whatever = [lambda _: chance.random(), lambda f: (len(f.event.lead), f.event.lead[0].system, f.event.occurred_at)]
    arriving = sorted(facts, key=chance.choice([*whatever, lambda f: f.event.occurred_at]))
    for again in chance.choices(arriving, k=len(arriving) // 4):
        arriving.insert(chance.randrange(len(arriving)), again)
    return arriving


def test_a_rebuild_mends_what_its_check_finds(database, apply) -> None:
    run = next(_runs)
    said = [(2 * n, person, ("ma",), one) for person in (1, 2, 3, 4) for n, one in enumerate(MQL, 5 * person)]
    apply(facts_of(said, run), END)
    expected = outcome(database, run)
    broken = [
        {"verdict": "met", "check_again_at": None},
        {"due_at": END, "warn_at": None},
        {"episode": {}, "owner": "rep-9"},
    ]
    with database.write() as c:
        for handoff_id, values in zip(c.execute(select(Handoff.id)).scalars().all(), broken, strict=False):
            c.execute(update(Handoff).where(Handoff.id == handoff_id).values(values))
    found = {difference.what for difference in rebuild.check(database, END)}
    assert {"verdict", "due_at", "episode"} <= found
    rebuild.mend(database, END)
    assert rebuild.check(database, END) == []
    assert outcome(database, run) == expected


# --- many workers


@pytest.fixture
def source_id(database, state) -> int:
    with database.write() as c:
        return sources.add(c, state.vault, name="ma", kind="standard", config={}, secret="whsec_c2VjcmV0", now=START)


def deliveries(source_id: int, facts: Sequence[Fact], chance: random.Random) -> list[Arrival]:
    """Each fact once or twice, alone or with others, as a `standard` source sends them."""
    arriving, found = arrival_order(facts, chance), []
    while arriving:
        size = chance.choice((1, 1, 1, 5))
        body = json.dumps([_as_sent(fact) for fact in arriving[:size]], ensure_ascii=False).encode()
        found.append(Arrival(source_id, arriving[0].received_at, "POST", "/webhooks/ma", {}, body))
        del arriving[:size]
    return found


def _as_sent(fact: Fact) -> dict[str, Any]:
    event = fact.event
    ids = {i.system: i.value for i in event.lead}
    said = {key: value for key, value in event.data.items() if key != "raw"}
    mail = {"email": ids.pop("email")} if "email" in ids else {}
    at = event.occurred_at.isoformat()
    return {"id": event.key, "kind": event.kind, "occurred_at": at, "lead": {"ids": ids, **mail}, **said}


def story(number_of_people: int, chance: random.Random) -> list[Said]:
    """Everybody becomes MQL at least once, with links between their ids."""
    said = [(person, one) for person in range(1, number_of_people + 1) for one in MQL + chance.choices(SAID, k=40)]
    moments = chance.sample(range(270), len(said))
    return [(moment, person, chance.choice(NAMED), one) for moment, (person, one) in zip(moments, said, strict=True)]


def drain_until_empty(url: str, vault: Any, troubles: list[BaseException]) -> None:
    """A worker of its own. Whatever the database refuses comes back after its lease, so time goes by in big steps."""
    database = Database(url)
    worker = Ledger(database, Directory(database, vault), policies.Cache(), httpx.Client())
    now = END + timedelta(hours=100)
    try:
        while _waiting(database):
            now += 2 * ledger.LEASE
            try:
                worker.drain(now)
            except OperationalError as refused:  # a deadlock: one of two is told to try again
                if "deadlock" not in str(refused):
                    raise
    except BaseException as trouble:
        troubles.append(trouble)
    finally:
        database.close()


def _waiting(database: Database) -> int:
    with database.read() as c:
        return c.scalar(select(func.count()).select_from(Delivery).where(Delivery.state == "waiting")) or 0


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_four_workers_at_once_end_in_the_same_state(
    database, database_url, apply, state, source_id, monkeypatch, seed
) -> None:
    monkeypatch.setattr(ledger, "BATCH", 3)
    monkeypatch.setattr(ledger, "FACTS", 4)
    run, in_order, chance, troubles = next(_runs), next(_runs), random.Random(seed), []
    said = story(3, chance)
    facts = [replace(fact, received_at=END) for fact in facts_of(said, run)]
    with database.write() as c:
        store(c, deliveries(source_id, facts, chance))
    workers = [
        threading.Thread(target=drain_until_empty, args=(database_url, state.vault, troubles), daemon=True)
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert not troubles
    later = END + timedelta(hours=1000)
    apply([replace(fact, received_at=END) for fact in facts_of(sorted(said), in_order)], END)
    sweep.run(database, policies.Cache(), later)
    with database.read() as c:
        assert set(c.execute(select(Delivery.state, Delivery.reason)).all()) == {("applied", None)}
        assert c.scalar(select(func.count()).select_from(Event)) == 2 * len(facts)
    assert rebuild.check(database, later) == []
    assert outcome(database, run) == outcome(database, in_order)


def test_many_large_deliveries_fit_into_the_databases_limits(database, state, source_id) -> None:
    """PostgreSQL has room for some thousand locks at a time, and every new id takes one."""
    facts = [_fact(f"large-{n}", n, 1, 1, ("ma", "email"), MQL[0]) for n in range(4500)]
    bodies = [json.dumps([_as_sent(fact) for fact in facts[n : n + 1500]]).encode() for n in (0, 1500, 3000)]
    with database.write() as c:
        store(c, [Arrival(source_id, END, "POST", "/webhooks/ma", {}, body) for body in bodies])
    assert state.ledger.drain(END) == 3
    with database.read() as c:
        assert c.scalar(select(func.count()).select_from(Event)) == len(facts)
        assert set(c.execute(select(Delivery.state)).scalars()) == {"applied"}
