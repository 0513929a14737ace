"""The group commit: nothing is answered before it is durable, whatever becomes of the commit, the client or us."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import event, func, select

from app.db import Database
from app.flows import intake as flow
from app.flows import sources
from app.flows.intake import Arrival, Full, Intake
from app.main import create_app
from app.models import Delivery
from tests.conftest import FRIDAY

SECRET = sources.new_secret()


@pytest.fixture
def source_id(database, state) -> int:
    with database.write() as c:
        return sources.add(c, state.vault, name="ma", kind="standard", config={}, secret=SECRET, now=FRIDAY)


@pytest.fixture
def arrival(source_id) -> Callable[[int], Arrival]:
    return lambda n: Arrival(source_id, FRIDAY, "POST", "/webhooks/ma", {"webhook-id": f"msg_{n}"}, b'{"n": %d}' % n)


def numbers(database: Database) -> list[int]:
    """What is stored, seen from another connection."""
    with database.read() as c:
        return [json.loads(body)["n"] for body in c.execute(select(Delivery.body).order_by(Delivery.id)).scalars()]


def with_intake(database: Database, work: Callable[[Intake], Coroutine[Any, Any, Any]], limit: int = 1000) -> Any:
    """Run `work` on a loop with an intake that is started before and stopped after."""

    async def run() -> Any:
        intake = Intake(database, limit)
        intake.start()
        try:
            return await asyncio.wait_for(work(intake), timeout=20)
        finally:
            intake.stop()

    return asyncio.run(run())


@contextmanager
def at_commit(database: Database, do: Callable[[], None]) -> Iterator[None]:
    """`do` happens in the writer just before every commit."""

    def listener(_connection: Any) -> None:
        do()

    event.listen(database.engine, "commit", listener)
    try:
        yield
    finally:
        event.remove(database.engine, "commit", listener)


@contextmanager
def commits_held(database: Database) -> Iterator[threading.Event]:
    """Commits wait until the event is set, which it is at the end anyway."""
    gate = threading.Event()
    with at_commit(database, lambda: bool(gate.wait(timeout=20)) or None):
        try:
            yield gate
        finally:
            gate.set()


def fail() -> None:
    raise ConnectionError("the disk is full")


async def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 5 s")


def test_whoever_is_answered_finds_it_stored(database, arrival) -> None:
    async def put(intake: Intake, n: int) -> bool:
        await intake.put(arrival(n))
        return n in await asyncio.to_thread(numbers, database)

    async def work(intake: Intake) -> list[bool]:
        return await asyncio.gather(*(put(intake, n) for n in range(60)))

    assert all(with_intake(database, work))
    assert sorted(numbers(database)) == list(range(60))


def test_nobody_is_answered_while_the_commit_is_under_way(database, arrival) -> None:
    async def work(intake: Intake) -> None:
        with commits_held(database) as gate:
            puts = [asyncio.create_task(intake.put(arrival(n))) for n in range(20)]
            done, _ = await asyncio.wait(puts, timeout=0.2)
            assert not done
            assert intake.busy
            assert numbers(database) == []
            gate.set()
            await asyncio.gather(*puts)
            assert not intake.busy

    with_intake(database, work)
    assert sorted(numbers(database)) == list(range(20))


def test_what_came_in_during_a_commit_is_one_commit_together(database, arrival) -> None:
    commits: list[None] = []

    async def work(intake: Intake) -> None:
        with commits_held(database) as gate, at_commit(database, lambda: commits.append(None)):
            puts = [asyncio.create_task(intake.put(arrival(0)))]
            await until(lambda: intake.busy)
            await asyncio.sleep(0.1)  # the first one is in its commit
            puts += [asyncio.create_task(intake.put(arrival(n))) for n in range(1, 50)]
            await asyncio.sleep(0)
            gate.set()
            await asyncio.gather(*puts)

    with_intake(database, work)
    assert (len(numbers(database)), len(commits)) == (50, 2)


def test_a_commit_that_fails_is_everybodys_failure_and_the_next_one_succeeds(database, arrival) -> None:
    async def work(intake: Intake) -> list[Any]:
        with at_commit(database, fail):
            failed = await asyncio.gather(*(intake.put(arrival(n)) for n in range(10)), return_exceptions=True)
        assert not intake.busy
        await intake.put(arrival(99))
        return failed

    failed = with_intake(database, work)
    assert [str(failure) for failure in failed] == ["the disk is full"] * 10
    assert numbers(database) == [99]


def test_beyond_the_limit_it_is_full_and_afterwards_it_is_not(database, arrival) -> None:
    async def work(intake: Intake) -> list[Any]:
        with commits_held(database) as gate:
            puts = [asyncio.create_task(intake.put(arrival(n))) for n in range(5)]
            await asyncio.sleep(0)
            with pytest.raises(Full):
                await intake.put(arrival(5))
            gate.set()
            await asyncio.gather(*puts)
        await intake.put(arrival(6))

    with_intake(database, work, limit=5)
    assert sorted(numbers(database)) == [0, 1, 2, 3, 4, 6]


def test_clients_that_go_away_neither_break_their_group_nor_lose_their_delivery(database, arrival) -> None:
    async def work(intake: Intake) -> list[Any]:
        with commits_held(database) as gate:
            puts = [asyncio.create_task(intake.put(arrival(n))) for n in range(6)]
            await until(lambda: intake.busy)
            for gone in puts[::2]:
                gone.cancel()
            await asyncio.wait(puts[::2])
            gate.set()
            answered = await asyncio.gather(*puts, return_exceptions=True)
        await until(lambda: not intake.busy)
        await intake.put(arrival(7))
        return [type(answer) for answer in answered]

    cancelled, answered = asyncio.CancelledError, type(None)
    assert with_intake(database, work) == [cancelled, answered] * 3
    assert sorted(numbers(database)) == [0, 1, 2, 3, 4, 5, 7]


def test_stopping_commits_what_was_put(database, arrival) -> None:
    async def work() -> None:
        intake = Intake(database, 1000)
        intake.start()
        puts = [asyncio.create_task(intake.put(arrival(n))) for n in range(30)]
        await asyncio.sleep(0)
        intake.stop()
        assert sorted(numbers(database)) == list(range(30))
        await asyncio.wait_for(asyncio.gather(*puts), timeout=5)

    asyncio.run(work())


def test_a_large_rush_is_split_into_short_commits(database, arrival, monkeypatch) -> None:
    monkeypatch.setattr(flow, "LARGEST_GROUP", 7)
    groups: list[int] = []

    async def work(intake: Intake) -> None:
        with at_commit(database, lambda: groups.append(1)):
            await asyncio.gather(*(intake.put(arrival(n)) for n in range(50)))

    with_intake(database, work)
    assert len(numbers(database)) == 50
    assert len(groups) >= 50 / 7


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_connection_that_dies_under_the_commit_is_replaced_once(database, database_url, arrival) -> None:
    died: list[int] = []

    def die(connection: Any) -> None:
        if not died:
            died.append(connection.connection.driver_connection.info.backend_pid)
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", died)

    event.listen(database.engine, "commit", die)
    with_intake(database, lambda intake: intake.put(arrival(1)))
    assert (numbers(database), len(died)) == ([1], 1)


def test_both_databases_hold_the_same_row(database, source_id) -> None:
    at = FRIDAY + timedelta(microseconds=123456)
    body = b'{"title": "\xe6\x96\x99\xe9\x87\x91\xe8\xa1\xa8"}\x00\xff\\'
    headers = {"user-agent": "MA 7/日本", "x-quoted": 'a"b\\c\td'}
    sent = Arrival(source_id, at, "POST", "/webhooks/ma?x=%E6%96%99&y=a\\tb", headers, body)
    plain = Arrival(source_id, at, "POST", "/webhooks/ma", {}, b"")
    with database.write() as c:
        flow.store(c, [sent, plain])
    columns = "source_id received_at method url headers body not_before state attempts reason applied_at".split()
    with database.read() as c:
        rows = c.execute(select(*(Delivery.__table__.c[name] for name in columns)).order_by(Delivery.id)).all()
    assert [tuple(row) for row in rows] == [
        (source_id, at, "POST", sent.url, headers, body, at, "waiting", 0, None, None),
        (source_id, at, "POST", "/webhooks/ma", {}, b"", at, "waiting", 0, None, None),
    ]


# --- what senders see of it


@pytest.fixture
def post_many(settings, state, clock, source_id):
    """Post so many signed webhooks at once, on a loop with the web application; `meanwhile` runs beside them."""

    def run(number: int, meanwhile: Callable[[], Coroutine[Any, Any, None]] | None = None) -> list[httpx.Response]:
        async def work() -> list[httpx.Response]:
            state.intake.start()
            transport = httpx.ASGITransport(create_app(settings, scheduled=False, state=state))
            async with httpx.AsyncClient(transport=transport, base_url=settings.public_url, timeout=20) as client:
                beside = asyncio.create_task(meanwhile()) if meanwhile else None
                answers = await asyncio.gather(
                    *(client.post("/webhooks/ma", **signed(n, clock())) for n in range(number))
                )
                if beside:
                    await beside
            state.intake.stop()
            return answers

        return asyncio.run(work())

    return run


def signed(n: int, now: Any) -> dict[str, Any]:
    body, at = b'{"n": %d}' % n, str(int(now.timestamp()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_{n}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {
        "content": body,
        "headers": {"webhook-id": f"msg_{n}", "webhook-timestamp": at, "webhook-signature": signature},
    }


def test_a_commit_that_fails_is_503_for_everybody(database, state, post_many) -> None:
    with at_commit(state.database, fail):
        answers = post_many(12)
    assert {(a.status_code, a.headers.get("retry-after")) for a in answers} == {(503, "10")}
    assert numbers(database) == []


def test_a_full_intake_is_503_with_retry_after_and_what_is_answered_202_is_stored(database, state, post_many) -> None:
    state.intake._limit = 4
    with commits_held(state.database) as gate:

        async def release() -> None:
            await asyncio.sleep(0.3)
            gate.set()

        answers = post_many(12, release)
    accepted = [n for n, answer in enumerate(answers) if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code != 202]
    assert sorted(numbers(database)) == accepted
    assert len(accepted) == 4
    assert {(a.status_code, a.headers["retry-after"]) for a in refused} == {(503, "5")}


def test_rows_in_the_database_are_never_fewer_than_answers(database, state, post_many) -> None:
    """Every third commit fails: exactly those whose commit did not are answered 202."""
    turns = iter(range(1000))

    def sometimes() -> None:
        if next(turns) % 3 == 1:
            fail()

    state.intake._limit = 1000
    with at_commit(state.database, sometimes), pytest.MonkeyPatch.context() as small:
        small.setattr(flow, "LARGEST_GROUP", 3)
        answers = post_many(60)
    accepted = [n for n, answer in enumerate(answers) if answer.status_code == 202]
    assert {answer.status_code for answer in answers} == {202, 503}
    assert sorted(numbers(database)) == accepted
    with database.read() as c:
        assert c.scalar(select(func.count()).select_from(Delivery)) == len(accepted)
