"""Kill the server with -9 again and again while webhooks pour in; in the end nothing acknowledged may be missing.

Run: `python -m tests.soak.kill --rounds 50 --database sqlite`. Everything is on loopback and in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from cryptography.fernet import Fernet
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from app.db import Database
from app.domain.policy import AlertRoute, default_policy
from app.flows import alerts, policies, rebuild, schema, sources
from app.flows.ledger import event_id
from app.flows.sources import Vault
from app.models import Alert, Delivery, Event, Handoff, VerdictChange

SECRET = "whsec_" + base64.b64encode(b"soak" * 8).decode()
#: Seconds from MQL to breach; the warning comes half-way.
TARGET = 2
LEADS_A_ROUND, SENDERS = 25, 8
#: Seconds: until a server answers, until all is caught up after the last kill.
START_LIMIT, CATCH_UP_LIMIT = 60, 120
#: The first words of a message → why it was sent.
TITLES = {"Overdue": "breached", "Withdrawn,": "withdrawn", "New MQL:": "handed_over", "0m left": "at_risk"}


# --- what is sent


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    event: str
    body: bytes


def one_round(number: int, chance: random.Random) -> tuple[list[Webhook], list[Webhook]]:
    """New leads that become MQL about now, in no order and some twice; and calls that are heard of only later."""
    now, later = [], []
    for n in range(LEADS_A_ROUND):
        lead = f"{number}-{n}"
        at = datetime.now(UTC) - timedelta(seconds=chance.uniform(0, 2))
        said = [
            ({"kind": "activity", "activity": "download", "asset": f"wp-{i}"}, at - timedelta(hours=i))
            for i in (1, 2, 3)
        ]
        said += [({"kind": "score", "score": 90}, at), ({"kind": "lead", "name": f"佐藤 {lead}"}, at)]
        said += [({"kind": "owner", "owner": f"rep-{n % 5}"}, at)]
        now += [webhook(lead, event, when) for event, when in said]
        if chance.random() < 0.4:
            call = {"kind": "follow_up", "channel": "call", "automated": chance.random() < 0.2}
            when = at + timedelta(seconds=chance.uniform(0.2, 1.5 * TARGET))
            (now if when < datetime.now(UTC) else later).append(webhook(lead, call, when))
    again = [Webhook(uuid4().hex, sent.event, sent.body) for sent in chance.choices(now, k=len(now) // 5)]
    return chance.sample(now + again, len(now + again)), later


def webhook(lead: str, said: dict[str, Any], at: datetime) -> Webhook:
    key = uuid4().hex
    event = {"id": key, "occurred_at": at.isoformat(), "lead": {"id": lead, "email": f"{lead}@yamada.example"}} | said
    return Webhook(uuid4().hex, key, json.dumps(event, ensure_ascii=False).encode())


def signature(sent: Webhook) -> dict[str, str]:
    at, key = str(int(time.time())), base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"{sent.id}.{at}.".encode() + sent.body, hashlib.sha256).digest()
    value = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": sent.id, "webhook-timestamp": at, "webhook-signature": value}


class Sender:
    """Posts what is in the queue until it is answered 202, and remembers exactly that.

    While it is `pressing` and has nothing better to do it sends visits, as many as it can.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.queue: asyncio.Queue[Webhook] = asyncio.Queue()
        self.pressing = False
        self.acknowledged: dict[str, Webhook] = {}
        self.refused: Counter[str] = Counter()

    def put(self, webhooks: list[Webhook]) -> None:
        for one in webhooks:
            self.queue.put_nowait(one)

    async def work(self, client: httpx.AsyncClient) -> None:
        while True:
            if self.queue.empty() and self.pressing:
                await self._send_visit(client)
                continue
            sent = await self.queue.get()
            if not await self._is_acknowledged(client, sent):
                self.queue.put_nowait(sent)
                await asyncio.sleep(0.3)
            self.queue.task_done()

    async def _send_visit(self, client: httpx.AsyncClient) -> None:
        said = {"kind": "activity", "activity": "visit", "asset": "/pricing"}
        visit = webhook(f"0-{random.randrange(LEADS_A_ROUND)}", said, datetime.now(UTC))
        if not await self._is_acknowledged(client, visit):
            await asyncio.sleep(0.3)

    async def _is_acknowledged(self, client: httpx.AsyncClient, sent: Webhook) -> bool:
        try:
            answer = await client.post(self.url, content=sent.body, headers=signature(sent))
        except httpx.HTTPError as gone:
            self.refused[type(gone).__name__] += 1
            return False
        if answer.status_code == 202:
            self.acknowledged[sent.id] = sent
        if answer.status_code not in (202, 503):
            raise AssertionError(f"answered {answer.status_code}: {answer.text}")
        return answer.status_code == 202


# --- who is told


@dataclass
class FakeSlack:
    """Counts what arrives: (handoff, reason) → when. Takes its time, so that a kill can come in between."""

    told: dict[tuple[int, str], list[float]] = field(default_factory=dict)

    def hear(self, message: dict[str, Any]) -> None:
        title = message["blocks"][0]["text"]["text"]
        reason = next((why for words, why in TITLES.items() if title.startswith(words)), f"not known: {title}")
        urls = [e["url"] for block in message["blocks"] if block["type"] == "actions" for e in block["elements"]]
        handoff = int(next(url for url in urls if "/handoffs/" in url).rpartition("/")[2])
        self.told.setdefault((handoff, reason), []).append(time.time())

    @contextlib.contextmanager
    def listening(self) -> Iterator[str]:
        slack, chance = self, random.Random(1)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                slack.hear(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                time.sleep(chance.uniform(0, 0.02))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                with contextlib.suppress(OSError):  # it was killed meanwhile
                    self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                """Nothing to say."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        server.server_close()


# --- the server, which lives and dies


class Server:
    """Only ever ends processes that it has started itself, by their pid."""

    def __init__(self, port: int, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.soak.served", str(port)]
        root = Path(__file__).parents[2]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.nursery = subprocess.Popen(command, env=os.environ | environment, cwd=root, text=True, **pipes)
        self.port, self.pid = port, 0
        self.killed_at: list[float] = []

    def start(self) -> None:
        assert self.nursery.stdin
        assert self.nursery.stdout
        self.nursery.stdin.write("one more\n")
        self.nursery.stdin.flush()
        self.pid = int(self.nursery.stdout.readline())

    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def is_up(self) -> None:
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            assert self.is_alive(), "the server ended by itself"
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"the server did not start within {START_LIMIT} s")

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.killed_at.append(time.time())
        self._wait(10)

    def _wait(self, seconds: float) -> bool:
        limit = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < limit:
            time.sleep(0.01)
        return not self.is_alive()

    def stop(self) -> None:
        """The ordinary end, and if it takes too long the other one."""
        if self.pid and self.is_alive():
            os.kill(self.pid, signal.SIGTERM)
            if not self._wait(20):
                os.kill(self.pid, signal.SIGKILL)
        assert self.nursery.stdin
        self.nursery.stdin.close()
        self.nursery.wait(timeout=10)


async def rounds(number: int, server: Server, sender: Sender, database: Database, chance: random.Random) -> None:
    """Live, send, die; then live on until everything is caught up."""
    async with httpx.AsyncClient(timeout=10) as client:
        senders = [asyncio.create_task(sender.work(client)) for _ in range(SENDERS)]
        heard_later: list[Webhook] = []
        for n in range(number):
            server.start()
            if chance.random() < 0.15:
                await asyncio.sleep(chance.uniform(0.05, 0.6))  # before it is ready
            else:
                await server.is_up()
                now, later = one_round(n, chance)
                sender.put(now + heard_later)
                sender.pressing, heard_later = True, later
                await asyncio.sleep(chance.uniform(0.1, 3))
            server.kill()
            sender.pressing = False
        server.start()
        await server.is_up()
        sender.put(heard_later)
        everything = asyncio.create_task(sender.queue.join())
        finished, _ = await asyncio.wait([everything, *senders], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()
        assert everything in finished, "the sender did not get rid of everything"
        for task in senders:
            task.cancel()
        await asyncio.to_thread(catch_up, database)


def catch_up(database: Database) -> None:
    """By itself: nothing waits, nothing is due, nothing is owed."""
    limit = time.monotonic() + CATCH_UP_LIMIT
    while time.monotonic() < limit:
        left = still_to_do(database)
        if not any(left.values()):
            return
        time.sleep(0.3)
    raise AssertionError(f"not caught up after {CATCH_UP_LIMIT} s: {left}")


def still_to_do(database: Database) -> dict[str, int]:
    questions = {
        "deliveries": select(func.count()).select_from(Delivery).where(Delivery.state.in_(("waiting", "asking"))),
        "handoffs": select(func.count()).select_from(Handoff).where(Handoff.check_again_at.is_not(None)),
        "alerts": select(func.count()).select_from(Alert).where(Alert.state == "owed"),
    }
    with database.read() as c:
        return {name: c.scalar(question) or 0 for name, question in questions.items()}


# --- what must be true in the end


def check_deliveries(database: Database, acknowledged: dict[str, Webhook]) -> str:
    """Each acknowledged delivery is stored and applied, and its fact is in the ledger."""
    with database.read() as c:
        stored = {
            row.headers["webhook-id"]: row
            for row in c.execute(select(Delivery.headers, Delivery.state, Delivery.reason))
        }
        facts = set(c.execute(select(Event.id)).scalars())
        source_id = c.execute(select(Delivery.source_id).limit(1)).scalar_one()
    lost = acknowledged.keys() - stored.keys()
    assert not lost, f"{len(lost)} acknowledged deliveries were lost"
    wrong = [row for row in stored.values() if row.state != "applied"]
    assert not wrong, f"not applied: {wrong[:3]}"
    missing = [one.event for one in acknowledged.values() if event_id(source_id, one.event) not in facts]
    assert not missing, f"{len(missing)} facts of acknowledged deliveries are not in the ledger"
    return f"{len(acknowledged)} deliveries acknowledged, {len(stored)} stored, {len(facts)} facts"


def check_handoffs(database: Database) -> str:
    differences = rebuild.check(database, datetime.now(UTC))
    assert not differences, f"{len(differences)} differences from the ledger: {differences[:3]}"
    with database.read() as c:
        verdicts = Counter(c.execute(select(Handoff.verdict)).scalars())
    return f"handoffs: {dict(verdicts)}"


def check_alerts(database: Database, slack: FakeSlack, killed_at: list[float]) -> str:
    """Every change that owes a message has its row, every row was told, and twice only where a kill came between."""
    with database.read() as c:
        changes = set(c.execute(select(VerdictChange.handoff_id).where(VerdictChange.verdict == "breached")).scalars())
        rows = {(row.handoff_id, row.reason): row for row in c.execute(select(Alert.__table__))}
    without = [handoff for handoff in changes if (handoff, "breached") not in rows]
    assert not without, f"{len(without)} breaches without an alert"
    unknown = slack.told.keys() - rows.keys()
    assert not unknown, f"{len(unknown)} messages whose alert row is lost"
    untold = [row for key, row in rows.items() if row.state == "sent" and key not in slack.told]
    wrong = [dict(row._mapping) for row in untold if not _was_in_hand(row, killed_at)]
    assert not wrong, f"sent by the book and never arrived: {wrong}"
    assert len(untold) <= alerts.BATCH * len(killed_at), f"{len(untold)} breaches were in the hands of senders"
    assert {row.state for row in rows.values()} <= {"sent", "withdrawn", "dropped"}
    return _check_repeats(rows, slack, killed_at)


def _was_in_hand(row: Any, killed_at: list[float]) -> bool:
    """A sender was killed with it, and it was no longer true afterwards: it counts as told, so that its withdrawal
    follows, although nobody knows."""
    first, last = row.owed_at.timestamp(), row.sent_at.timestamp()
    return row.reason == "breached" and row.attempts == 0 and any(first <= at <= last for at in killed_at)


def _check_repeats(rows: dict[tuple[int, str], Any], slack: FakeSlack, killed_at: list[float]) -> str:
    twice = {key: times for key, times in slack.told.items() if len(times) > 1}
    for key, times in twice.items():
        for first, second in itertools.pairwise(times):
            # What a dead sender left in the socket may be read a moment after its death.
            between = any(first - 0.5 <= at <= second for at in killed_at)
            assert between, f"{key} was told at {times}, killed was at {killed_at}"
    dropped = [key for key in slack.told if rows[key].state == "dropped"]
    assert len(twice) + len(dropped) <= len(killed_at), "one sender has one message in hand"
    states = Counter((row.reason, row.state) for row in rows.values())
    said = ", ".join(f"{reason} {state} {n}" for (reason, state), n in sorted(states.items()))
    return f"alerts: {said}; told twice because of a kill: {len(twice)}, told and then dropped: {len(dropped)}"


# --- all of it


def run(number: int, url: str, folder: Path, seed: int) -> list[str]:
    """So many rounds on the database at `url`; what was found, as lines. Raises AssertionError."""
    chance, key = random.Random(seed), Fernet.generate_key().decode()
    database = Database(url)
    prepare(database, key)
    slack = FakeSlack()
    with slack.listening() as slack_url:
        environment = {
            "TASUKI_DATABASE_URL": url,
            "TASUKI_SECRET_KEY": key,
            "TASUKI_DATA_DIR": str(folder),
            "TASUKI_SLACK_WEBHOOKS": json.dumps({"default": slack_url}),
            "TASUKI_LOCALE": "en",
            "TASUKI_LEDGER_PATIENCE": "0.2",
        }
        port = free_port()
        server, sender = Server(port, environment), Sender(f"http://127.0.0.1:{port}/webhooks/ma")
        try:
            asyncio.run(rounds(number, server, sender, database, chance))
        finally:
            server.stop()
    found = [check_deliveries(database, sender.acknowledged), check_handoffs(database)]
    found.append(check_alerts(database, slack, server.killed_at))
    database.close()
    return [f"{number} rounds, {len(server.killed_at)} kills, {sum(sender.refused.values())} posts in vain", *found]


def prepare(database: Database, key: str) -> None:
    schema.upgrade(database)
    now = datetime.now(UTC)
    told = (AlertRoute(channel="slack", to="default", page=True),)
    calm = default_policy().bursts.model_copy(update={"leads": 100_000})  # hundreds at once are its daily bread
    changes = {"target": TARGET / 3600, "warn_when_left": 0.5, "alerts": told, "bursts": calm}
    quick = default_policy().model_copy(update=changes)
    with database.write() as c:
        policies.ensure_defaults(c, now)
        policies.apply_policy(c, quick, by="soak", now=now, effective_from=None)
        sources.add(c, Vault(key), name="ma", kind="standard", config={}, secret=SECRET, now=now)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """SQLite in the folder, or a database of our own on TEST_DATABASE_URL's server or on one that is started here."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/soak.db"
        return
    from benchmarks.intake import postgres

    with postgres(folder) as server:
        name = f"tasuki_soak_{uuid4().hex[:8]}"
        with psycopg.connect(server, autocommit=True) as c:
            c.execute(f"CREATE DATABASE {name}".encode())
        yield make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        with psycopg.connect(server, autocommit=True) as c:
            c.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    wanted = parser.parse_args()
    print(f"{wanted.database}, seed {wanted.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, fresh_database(wanted.database, Path(folder)) as url:
        for line in run(wanted.rounds, url, Path(folder), wanted.seed):
            print(line)
    print(f"nothing lost, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
