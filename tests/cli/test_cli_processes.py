"""Real processes: `serve` and `worker`, their ends and their neighbours."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from app.models import Event, Heartbeat

#: Seconds; starting takes one or two, on a busy machine ten.
PATIENCE = 60


def ended(process: subprocess.Popen[str], how: signal.Signals) -> int:
    process.send_signal(how)
    process.communicate(timeout=PATIENCE)
    return process.returncode


def wait_for(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_one_process_serves_a_folder_and_a_killed_one_leaves_no_lock(tasuki, started, free_port, tmp_path) -> None:
    port, other = free_port(), free_port()
    first, _ = started(tasuki, "serve", "--port", str(port))
    assert httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    assert "Another `tasuki serve` or `tasuki demo` uses" in tasuki.run("serve", "--port", str(other), exits=1)
    taken = tasuki.run("serve", "--port", str(port), exits=1, TASUKI_DATA_DIR=str(tmp_path / "second"))
    assert f"Port {port} is taken by another program" in taken
    assert f"`tasuki serve --port {port + 1}`" in taken
    first.kill()
    first.communicate()
    again, _ = started(tasuki, "serve", "--port", str(other))
    assert ended(again, signal.SIGTERM) == 0


def test_serve_ends_well_on_ctrl_c_and_writes_no_access_log(tasuki, started, free_port) -> None:
    port = free_port()
    serving, _ = started(tasuki, "serve", "--port", str(port))
    assert httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    serving.send_signal(signal.SIGINT)
    out, err = serving.communicate(timeout=PATIENCE)
    assert (serving.returncode, out, err) == (0, "", "")


def test_a_key_that_opens_nothing_stops_the_start(tasuki, free_port) -> None:
    tasuki("source", "add", "s", "standard")
    said = tasuki.run("serve", "--port", str(free_port()), exits=2, TASUKI_SECRET_KEY=Fernet.generate_key().decode())
    assert said.startswith("TASUKI_SECRET_KEY does not open this database's secrets")
    assert len(said.strip().splitlines()) == 1


def test_an_address_that_is_not_ours(tasuki) -> None:
    assert "This machine cannot listen at 192.0.2.1" in tasuki.run("serve", "--host", "192.0.2.1", exits=1)


def test_a_worker_needs_postgresql(tasuki) -> None:
    assert tasuki("worker", exits=2).stderr.startswith("A worker needs PostgreSQL")


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_web_and_worker_share_a_database(tasuki_anywhere, state_of, started, free_port) -> None:
    tasuki, port = tasuki_anywhere, free_port()
    tasuki("source", "add", "s", "standard", "-c", "auth=token", "--secret-stdin", stdin="hush\n")
    web, _ = started(tasuki, "serve", "--no-scheduler", "--port", str(port))
    event = {"id": "1", "kind": "score", "occurred_at": "2026-09-18T08:30:00Z", "lead": {"email": "a@example.com"}}
    answer = httpx.post(
        f"http://127.0.0.1:{port}/webhooks/s", json=event | {"score": 5}, headers={"Authorization": "Bearer hush"}
    )
    assert answer.status_code == 202
    worker, _ = started(tasuki, "worker")
    state = state_of(tasuki)

    def count(table) -> int:
        with state.database.read() as c:
            return c.scalar(select(func.count()).select_from(table))

    wait_for(lambda: count(Event) == 1)
    wait_for(lambda: count(Heartbeat) >= 3)
    assert [ended(worker, signal.SIGTERM), ended(web, signal.SIGTERM)] == [0, 0]
