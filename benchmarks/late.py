"""How long a batch of late follow-ups takes that judges 10,000 breached handoffs again, and how long webhooks wait for
their answers meanwhile.

Run: `python -m benchmarks.late`. Everything is on loopback, in temporary databases, and ends by itself. The server is
`tasuki serve` with its scheduler: ledger, sweep and alerts run in the same process that answers. A probe posts a small
signed webhook every 20 ms. Goal: under 60 s, and no answer later than 100 ms.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from app.db import Database
from app.domain.policy import AlertRoute, default_policy
from app.flows import ledger, policies, sweep
from app.models import Alert, Handoff
from benchmarks.intake import postgres, prepare, serving
from connectors.contract import CanonicalEvent, EventKind, ExternalId

HANDOFFS = int(os.environ.get("BENCH_HANDOFFS", "10000"))
#: Events in one webhook of the batch.
A_BODY = 100
PROBE_EVERY = 0.02
#: Seconds after which the benchmark gives up.
LONGEST = 600
NOW = datetime.now(UTC)
#: When the leads became MQL; they were due a day later, and nobody told of a call until now.
QUALIFIED = NOW - timedelta(hours=30)


def breached(database: Database) -> None:
    """Leads that became MQL and were never followed up, as far as anybody knows; their owners have been told."""
    policy = default_policy().model_copy(update={"alerts": (AlertRoute(channel="log", to="sales", page=True),)})
    with database.write() as c:
        policies.ensure_defaults(c, QUALIFIED - timedelta(days=30))
        policies.apply_policy(c, policy, by="benchmark", now=NOW, effective_from=QUALIFIED - timedelta(days=9))
    cache = policies.Cache()
    for first in range(0, HANDOFFS, 100):
        facts = [fact for number in range(first, first + 100) for fact in _mql(number)]
        with database.write() as c:
            ledger.apply(c, facts, cache.read(c), QUALIFIED)
    sweep.run(database, cache, NOW)
    with database.write() as c:
        c.execute(Alert.__table__.update().values(state="sent", sent_at=NOW))


def _mql(number: int) -> Iterator[ledger.Fact]:
    for nth in range(3):
        asset = f"wp-{nth}"
        said = {"activity": "download", "asset": asset, "title": asset}
        yield _fact(number, f"d{nth}", EventKind.ACTIVITY, QUALIFIED - timedelta(hours=nth + 1), said)
    yield _fact(number, "s", EventKind.SCORE, QUALIFIED, {"score": 86})
    yield _fact(number, "o", EventKind.OWNER, QUALIFIED, {"owner": f"rep-{number % 20}"})


def _fact(number: int, key: str, kind: EventKind, at: datetime, said: dict[str, Any]) -> ledger.Fact:
    lead = (ExternalId("standard", f"L{number}"),)
    event = CanonicalEvent(f"{key}-{number}", kind, at, lead, said)
    return ledger.Fact(ledger.event_id(1, event.key), event, at, 1, None)


def calls() -> Iterator[list[dict[str, Any]]]:
    """A call for every lead, an hour before it was due."""
    for first in range(0, HANDOFFS, A_BODY):
        yield [
            {
                "id": f"call-{number}",
                "kind": "follow_up",
                "channel": "call",
                "automated": False,
                "occurred_at": (QUALIFIED + timedelta(hours=23)).isoformat(),
                "lead": {"id": f"L{number}"},
            }
            for number in range(first, first + A_BODY)
        ]


def post(client: httpx.Client, events: Any, name: str) -> float:
    """Seconds until the answer, which has to be 202."""
    body, at = json.dumps(events).encode(), str(int(time.time()))
    signed = hmac.new(b"benchmark" * 4, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }
    began = time.perf_counter()
    answer = client.post("/webhooks/ma", content=body, headers=headers)
    took = time.perf_counter() - began
    assert answer.status_code == 202, answer.text
    return took


def probe(port: int, waits: list[float], stop: threading.Event) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for number in range(10**9):
            visit = {
                "id": f"visit-{number}",
                "kind": "activity",
                "activity": "visit",
                "occurred_at": datetime.now(UTC).isoformat(),
                "lead": {"id": f"V{number % 50}"},
            }
            waits.append(post(client, visit, f"probe-{number}"))
            if stop.wait(PROBE_EVERY):
                return


def judged_again(database: Database) -> int:
    with database.read() as c:
        return c.scalar(select(func.count()).select_from(Handoff).where(Handoff.verdict == "met")) or 0


def run(name: str, url: str) -> None:
    key = Fernet.generate_key().decode()
    prepare(url, key)
    database = Database(url)
    breached(database)
    environment = {"TASUKI_DATABASE_URL": url, "TASUKI_SECRET_KEY": key, "BENCH_SCHEDULED": "1"}
    waits: list[float] = []
    with serving("tasuki", environment) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        stop = threading.Event()
        prober = threading.Thread(target=probe, args=(port, waits, stop))
        prober.start()
        time.sleep(3)
        quiet, began = len(waits), time.perf_counter()
        for number, events in enumerate(calls()):
            post(client, events, f"late-{number}")
        posted = time.perf_counter() - began
        while judged_again(database) < HANDOFFS and time.perf_counter() - began < LONGEST:
            time.sleep(0.2)
        took = time.perf_counter() - began
        stop.set()
        prober.join()
    database.close()
    print(
        f"{name}: {judged_again(Database(url)):,} judged again {took:.1f} s after the first (posted in {posted:.1f} s)"
    )
    report("before", waits[:quiet])
    report("meanwhile", waits[quiet:])


def report(when: str, waits: list[float]) -> None:
    steps = statistics.quantiles(waits, n=1000)
    late = sum(wait > 0.1 for wait in waits)
    print(
        f"  webhooks {when}: {len(waits)}, median {statistics.median(waits) * 1000:.1f} ms,"
        f" 99 % {steps[989] * 1000:.0f} ms, 99.9 % {steps[998] * 1000:.0f} ms, longest {max(waits) * 1000:.0f} ms,"
        f" {late} over 100 ms"
    )


def main() -> None:
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {HANDOFFS:,} handoffs")
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as postgres_url:
        run("SQLite", f"sqlite:///{folder}/bench.db")
        run("PostgreSQL", postgres_url)


if __name__ == "__main__":
    main()
