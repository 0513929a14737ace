"""Kill the server at random moments under load, again and again, then see whether anything was lost.

Run: `.venv/bin/python -m tests.soak.kill --rounds 50`, with `--database URL` for PostgreSQL. Everything stays on
loopback, ends by itself and ends only what it started.
"""

from __future__ import annotations

import argparse
import base64
import collections
import hashlib
import hmac
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from app.db import Database
from app.domain.policy import AlertReason, AlertRoute, default_policy
from app.flows import ledger, policies, rebuild, schema, sources
from app.models import Alert, Delivery, Event, Handoff, VerdictChange

SECRET = sources.new_secret()
TARGET = timedelta(seconds=3)
SENDERS = 6
#: How long a restarted server may take to catch up.
PATIENCE = 90


@dataclass
class Outcome:
    """What the rounds did and what was found afterwards; `faults` must be empty."""

    kills: int = 0
    acknowledged: int = 0
    handoffs: int = 0
    breaches: int = 0
    alerts: int = 0
    told_twice: int = 0
    faults: list[str] = field(default_factory=list)


class Slack(ThreadingHTTPServer):
    """Takes messages as Slack's incoming webhooks do and counts them by their text."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SlackHandler)
        self.heard: collections.Counter[str] = collections.Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class SlackHandler(BaseHTTPRequestHandler):
    server: Slack

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.heard[explained(body)] += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Silence."""


def explained(body: Any) -> str:
    """Which handoff and reason a message is about: the title's first word and the page its button opens."""
    buttons = [e["url"] for block in body["blocks"] for e in block.get("elements", []) if "url" in e]
    return f"{body['text'].split('】')[0].split(' ')[0]} {buttons[-1]}"


class Sender:
    """Posts leads' webhooks, shuffled and some of them twice, and remembers what was acknowledged."""

    def __init__(self, port: int, seed: int) -> None:
        self.port, self.chance = port, random.Random(seed)
        self.acknowledged: set[str] = set()
        self.stopping = threading.Event()
        self._number = seed * 1_000_000

    def run(self) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=5) as http:
            while not self.stopping.is_set():
                for events in self._lead():
                    self._post(http, events)

    def _lead(self) -> Iterator[list[dict[str, Any]]]:
        self._number += 1
        n, now = self._number, datetime.now(UTC)
        said = [{"kind": "activity", "activity": "download", "asset": f"a{i}"} for i in range(3)]
        said.append({"kind": "score", "score": self.chance.randint(70, 99)})
        if self.chance.random() < 0.4:
            said.append({"kind": "follow_up", "channel": "call", "automated": False})
        events = [
            fact | {"id": f"{n}-{i}", "lead": {"id": str(n)}, "occurred_at": (now + i * TARGET / 5).isoformat()}
            for i, fact in enumerate(said)
        ]
        events += self.chance.choices(events, k=2)
        self.chance.shuffle(events)
        cut = self.chance.randint(1, len(events) - 1)
        yield from (events[:cut], events[cut:])

    def _post(self, http: httpx.Client, events: list[dict[str, Any]]) -> None:
        body, at = json.dumps(events).encode(), str(int(time.time()))
        signed = f"msg_{self._number}.{at}.".encode() + body
        digest = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        signature = "v1," + base64.b64encode(digest).decode()
        headers = {"webhook-id": f"msg_{self._number}", "webhook-timestamp": at, "webhook-signature": signature}
        try:
            answer = http.post("/webhooks/ma", content=body, headers=headers)
        except httpx.HTTPError:
            time.sleep(0.05)  # killed; the next one comes
            return
        if answer.status_code == 202:
            self.acknowledged |= {event["id"] for event in events}


def kill_rounds(url: str, rounds: int, seed: int) -> Outcome:
    """Prepare an empty database, run the rounds, let the last server catch up, look."""
    key, slack, outcome, chance = Fernet.generate_key().decode(), Slack(), Outcome(), random.Random(seed)
    source_id = prepare(url, key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "TASUKI_DATABASE_URL": url,
        "TASUKI_SECRET_KEY": key,
        "TASUKI_SLACK_WEBHOOKS": json.dumps({"default": slack.url}),
        "TASUKI_SWEEP_EVERY": "0.3",
        "TASUKI_LEDGER_PATIENCE": "0.2",
    }
    senders = [Sender(port, seed * 100 + n) for n in range(SENDERS)]
    threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    for _ in range(rounds):
        server = started(port, environment)
        time.sleep(chance.uniform(0.3, 2.0))
        server.send_signal(signal.SIGKILL)
        server.wait()
        outcome.kills += 1
    last = started(port, environment)
    time.sleep(1)
    for sender in senders:
        sender.stopping.set()
    for thread in threads:
        thread.join()
    examine(url, source_id, senders, slack, outcome)
    last.terminate()
    last.wait(timeout=30)
    slack.shutdown()
    return outcome


def prepare(url: str, key: str) -> int:
    database, now = Database(url), datetime.now(UTC) - timedelta(days=1)
    schema.upgrade(database)
    routes = (AlertRoute(channel="slack", to="default", on=(AlertReason.AT_RISK, AlertReason.BREACHED)),)
    hours = TARGET / timedelta(hours=1)
    policy = default_policy().model_copy(update={"target": hours, "alerts": routes})
    with database.write() as c:
        policies.apply_calendar(c, policies.japanese_office(), by="test", now=now)
        policies.apply_policy(c, policy, by="test", now=now, effective_from=None)
        vault = sources.Vault(key)
        source_id = sources.add(c, vault, name="ma", kind="standard", config={}, secret=SECRET, now=now)
    database.close()
    return source_id


def started(port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A server of our own that answers."""
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended by itself with {server.returncode}")
        try:
            httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=1)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return server
    raise RuntimeError("the server did not answer within 15 s")


def examine(url: str, source_id: int, senders: list[Sender], slack: Slack, outcome: Outcome) -> None:
    database = Database(url)
    if not caught_up(database):
        outcome.faults.append(f"not caught up after {PATIENCE} s: {backlog(database)}")
    acknowledged = {key for sender in senders for key in sender.acknowledged}
    with database.read() as c:
        stored = set(c.execute(select(Event.id)).scalars())
        told = {row.id: row for row in c.execute(select(Alert.__table__))}
        breached = set(c.execute(select(VerdictChange.handoff_id).where(VerdictChange.verdict == "breached")).scalars())
        outcome.handoffs = c.scalar(select(func.count()).select_from(Handoff)) or 0
    lost = [key for key in acknowledged if ledger.event_id(source_id, key) not in stored]
    outcome.faults += [f"acknowledged and lost: {key}" for key in lost]
    outcome.faults += [f"settled wrongly: {wrong}" for wrong in rebuild.check(database, datetime.now(UTC))]
    owed = {row.handoff_id for row in told.values() if row.reason == "breached"}
    outcome.faults += [f"no alert row for the breach of handoff {handoff}" for handoff in sorted(breached - owed)]
    heard_of = {text.rsplit("/", 1)[1] for text in slack.heard}
    sent = {str(row.handoff_id) for row in told.values() if row.state == "sent"}
    outcome.faults += [f"never reached Slack: handoff {handoff}" for handoff in sorted(sent - heard_of)]
    outcome.told_twice = sum(times - 1 for times in slack.heard.values())
    if outcome.told_twice > outcome.kills:
        outcome.faults.append(f"{outcome.told_twice} messages twice after {outcome.kills} kills")
    outcome.acknowledged, outcome.breaches, outcome.alerts = len(acknowledged), len(breached), len(sent)
    database.close()


def caught_up(database: Database) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not any(backlog(database).values()):
            return True
        time.sleep(0.3)
    return False


def backlog(database: Database) -> dict[str, int]:
    open_work = {
        "deliveries": select(func.count()).select_from(Delivery).where(Delivery.state != "applied"),
        "handoffs": select(func.count()).select_from(Handoff).where(Handoff.check_again_at.is_not(None)),
        "alerts": select(func.count()).select_from(Alert).where(Alert.state == "owed"),
    }
    with database.read() as c:
        return {what: c.scalar(query) or 0 for what, query in open_work.items()}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=50)
    asked.add_argument("--database", default="", help="URL of an empty PostgreSQL database; else SQLite")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_rounds(given.database or f"sqlite:///{folder}/tasuki.db", given.rounds, given.seed)
    print(outcome)
    sys.exit(1 if outcome.faults else 0)


if __name__ == "__main__":
    main()
