"""How many events a second one process applies and settles, and what an event costs on a lead with a long history.

Run: `python -m benchmarks.ledger`. Everything is in temporary databases and ends by itself.
Each event is a signed-webhook delivery of a `standard` source of its own, stored as the intake stores it and worked
off by the ledger: claim, parse, identities, insert, history, handoffs, alerts, commit.
"""

from __future__ import annotations

import cProfile
import json
import os
import platform
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from app.db import Database
from app.flows import ledger, policies, schema, sources
from app.flows.intake import Arrival, store
from app.flows.sources import Directory, Vault
from app.models import Delivery, Event, Handoff
from benchmarks.intake import SECRET, postgres

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
#: Of the throughput mix, a round.
LEADS, EVENTS_A_LEAD = 150, 20
#: What a lead did before the event that is measured.
SHORT, LONG = 10, 2000
PAST_LEADS = int(os.environ.get("BENCH_LEADS", "25"))
START = datetime(2026, 9, 1, tzinfo=UTC)

ASSETS = [(f"wp-{n:02}", f"導入事例集 {n}") for n in range(24)]
PAGES = [f"/products/{n}" for n in range(40)]
#: How often each kind comes in an ordinary month of an MA and an SFA together.
KINDS = {
    "visit": 34,
    "email_open": 14,
    "download": 14,
    "score": 18,
    "lead": 3,
    "owner": 4,
    "status": 5,
    "follow_up": 6,
    "opportunity": 1,
    "disposition": 1,
}
#: The most expensive past: every single event is evidence that has to be kept, because the score is not there yet.
ONLY_EVIDENCE = {"download": 1}


class Bench:
    """A database with one source, and the ledger that works its deliveries off."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        schema.upgrade(self.database)
        vault = Vault(Fernet.generate_key().decode())
        with self.database.write() as c:
            policies.ensure_defaults(c, START)
            self.source = sources.add(
                c, vault, name=f"ma-{time.time_ns()}", kind="standard", config={}, secret=SECRET, now=START
            )
        directory = Directory(self.database, vault)
        self.ledger = ledger.Ledger(self.database, directory, policies.Cache(), httpx.Client())

    def deliver(self, events: Iterable[dict[str, Any]]) -> None:
        arrivals = [self._arrival(event) for event in events]
        with self.database.write() as c:
            store(c, arrivals)

    def _arrival(self, event: dict[str, Any]) -> Arrival:
        received_at = datetime.fromisoformat(event["occurred_at"]) + timedelta(seconds=2)
        headers = {
            "content-type": "application/json",
            "user-agent": "marketing-automation/7.2",
            "webhook-id": f"msg_{event['id']}",
            "webhook-timestamp": str(int(received_at.timestamp())),
            "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
        }
        body = json.dumps(event, ensure_ascii=False).encode()
        return Arrival(self.source, received_at, "POST", "/webhooks/ma", headers, body)

    def drain(self, now: datetime) -> int:
        done = 0
        while claimed := self.ledger.drain(now):
            done += claimed
        return done

    def count(self, column: Any) -> int:
        with self.database.read() as c:
            return c.scalar(select(func.count(column))) or 0


def event_of(kind: str, lead: str, at: datetime, chance: random.Random) -> dict[str, Any]:
    event = {
        "id": f"{kind}-{chance.getrandbits(60):x}",
        "occurred_at": at.isoformat(),
        "lead": {"id": lead, "email": f"{lead}@yamada-seisakusho.example"},
    }
    asset, title = chance.choice(ASSETS)
    owner, page = chance.randint(1, 8), chance.choice(PAGES)
    said: dict[str, dict[str, Any]] = {
        "visit": {"kind": "activity", "activity": "visit", "asset": page},
        "email_open": {"kind": "activity", "activity": "email_open", "asset": f"mail-{chance.randint(1, 9)}"},
        "download": {
            "kind": "activity",
            "activity": "download",
            "asset": asset,
            "title": title,
            "topics": ["原価管理"],
        },
        "score": {"kind": "score", "score": chance.randint(5, 100)},
        "lead": {
            "kind": "lead",
            "name": "佐藤 翔太",
            "company": "山田製作所",
            "attributes": {"industry": "製造", "employees": 320},
        },
        "owner": {
            "kind": "owner",
            "owner": f"rep-{owner}",
            "name": f"営業 {owner}",
            "email": f"rep-{owner}@example.com",
        },
        "status": {
            "kind": "status",
            "status": chance.choice(["working", "contacted", "new"]),
            "raw": f"対応中 {owner}",
        },
        "follow_up": {"kind": "follow_up", "channel": "call", "automated": chance.random() < 0.3, "by": f"rep-{owner}"},
        "opportunity": {"kind": "opportunity", "opportunity": f"opp-{chance.getrandbits(40)}", "state": "open"},
        "disposition": {"kind": "disposition", "outcome": "recycled", "reason": "予算なし"},
    }
    return event | said[kind]


def month(leads: list[str], events_a_lead: int, chance: random.Random, start: datetime) -> list[dict[str, Any]]:
    """Everybody's events in the order in which tools send them: one in fifty late, one in a hundred sent twice."""
    number = len(leads) * events_a_lead
    kinds = chance.choices(list(KINDS), list(KINDS.values()), k=number)
    times = sorted(start + timedelta(seconds=chance.uniform(0, 30 * 86400)) for _ in range(number))
    events = [event_of(kind, chance.choice(leads), at, chance) for kind, at in zip(kinds, times, strict=True)]
    for position in chance.sample(range(number - 40), number // 50):
        events.insert(position + 39, events.pop(position))
    for position in chance.sample(range(number - 40), number // 100):
        events.insert(position + 20, events[position])
    return events


def throughput(bench: Bench, chance: random.Random) -> Iterator[tuple[float, float]]:
    """Events a second of wall time and of CPU time, a round with new leads each."""
    for _ in range(ROUNDS):
        leads = [f"lead-{chance.getrandbits(40):x}" for _ in range(LEADS)]
        events = month(leads, EVENTS_A_LEAD, chance, START)
        bench.deliver(events)
        before = bench.count(Event.id)
        with stopwatch() as spent:
            applied = bench.drain(START + timedelta(days=31))
        assert applied == len(events)
        assert bench.count(Event.id) - before == len({event["id"] for event in events}), "all of them, each once"
        yield applied / spent.wall, applied / spent.cpu


def one_by_one(bench: Bench, chance: random.Random) -> Iterator[tuple[float, float]]:
    """The same mix when every delivery comes alone and is settled alone: milliseconds an event."""
    for _ in range(ROUNDS):
        leads = [f"lead-{chance.getrandbits(40):x}" for _ in range(20)]
        events = month(leads, EVENTS_A_LEAD, chance, START)
        spent = Stopwatch()
        for event in events:
            bench.deliver([event])
            with stopwatch(spent):
                assert bench.ledger.drain(START + timedelta(days=31)) == 1
        yield spent.wall / len(events) * 1000, spent.cpu / len(events) * 1000


class Past:
    """Leads with a given number of earlier events, none of them MQL or followed up by chance alone."""

    def __init__(self, bench: Bench, earlier: int, kinds: dict[str, int], chance: random.Random) -> None:
        self.bench, self.chance, self.kinds = bench, chance, kinds
        self.leads = [f"past-{chance.getrandbits(40):x}" for _ in range(PAST_LEADS)]
        self.now = START + timedelta(minutes=10 * (LONG + 1))
        # The same span of time for all, so that only the number differs.
        step = (self.now - START) / earlier
        for lead in self.leads:
            kept = [self._event(lead, START + step * n) for n in range(earlier)]
            bench.deliver(kept)
            bench.drain(self.now)

    def _event(self, lead: str, at: datetime) -> dict[str, Any]:
        (kind,) = self.chance.choices(list(self.kinds), list(self.kinds.values()))
        return event_of(kind, lead, at, self.chance)

    def next(self, size: int, *, late: bool = False) -> float:
        """CPU milliseconds an event of one batch, a lead each in turn."""
        events = []
        for n in range(size):
            self.now += timedelta(seconds=1)
            at = self.now - timedelta(days=3) if late else self.now
            events.append(self._event(self.leads[n % len(self.leads)], at))
        self.bench.deliver(events)
        with stopwatch() as spent:
            self.bench.drain(self.now + timedelta(minutes=1))
        return spent.cpu / size * 1000


def compare(bench: Bench, kinds: dict[str, int], chance: random.Random) -> None:
    short, long = (Past(bench, earlier, kinds, chance) for earlier in (SHORT, LONG))
    for what, size, late, rounds in (
        ("alone, in order", 1, False, 40),
        ("alone, late", 1, True, 10),
        (f"{PAST_LEADS} leads, one each, in order", PAST_LEADS, False, 8),
        ("batches of 200, in order", 200, False, 3),
    ):
        measured = [(short.next(size, late=late), long.next(size, late=late)) for _ in range(rounds)]
        few, many = medians(measured)
        print(f"    {what:28} {few:8.2f} ms   {many:8.2f} ms   ratio {many / few:6.2f}")


class Stopwatch:
    """Seconds of wall time and of this process's CPU time (on PostgreSQL the server's own is not in it)."""

    wall = cpu = 0.0


@contextmanager
def stopwatch(running: Stopwatch | None = None) -> Iterator[Stopwatch]:
    watch = running or Stopwatch()
    wall, cpu = time.perf_counter(), time.process_time()
    yield watch
    watch.wall += time.perf_counter() - wall
    watch.cpu += time.process_time() - cpu


def run(name: str, url: str) -> None:
    chance, bench = random.Random(7), Bench(url)
    print(f"\n{name}")
    rates = list(throughput(bench, chance))
    wall, cpu = medians(rates)
    rounds = [round(rate) for rate, _ in rates]
    print(f"  in batches of {ledger.BATCH}: {wall:.0f} events/s by wall clock, {cpu:.0f} by CPU, rounds {rounds}")
    wall, cpu = medians(one_by_one(bench, chance))
    print(f"  one by one: {wall:.2f} ms an event by wall clock, {cpu:.2f} by CPU")
    counts = {table.__tablename__: bench.count(table.id) for table in (Delivery, Event, Handoff)}
    print(f"  so far: {counts}")
    for what, kinds in (("a usual past", KINDS), ("a past of evidence only, never MQL", ONLY_EVIDENCE)):
        print(f"  an event's CPU time after {SHORT} and after {LONG} earlier events ({what})")
        compare(bench, kinds, chance)
    bench.database.close()


def medians(pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second)


def profile(url: str) -> None:
    """Where the time goes."""
    chance, bench = random.Random(7), Bench(url)
    bench.deliver(month([f"lead-{n}" for n in range(LEADS)], EVENTS_A_LEAD, chance, START))
    with cProfile.Profile() as profiler:
        bench.drain(START + timedelta(days=31))
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(60)


def main() -> None:
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, median of {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as postgres_url:
        databases = {"SQLite": f"sqlite:///{folder}/bench.db", "PostgreSQL": postgres_url}
        if sys.argv[1:] == ["profile"]:
            profile(databases["SQLite"])
            return
        for name, url in databases.items():
            run(name, url)


if __name__ == "__main__":
    main()
