"""What webhooks left out is asked for: from a cursor that survives everything, at a pace that the tool can bear."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select

from app.db import Database
from app.flows import reconcile, sources, tools
from app.flows.sources import Directory
from app.models import Delivery, Event, Feed, Handoff, Source
from app.settings import Settings
from app.state import State, open_state
from tests.asked import CREDENTIAL, Tool, called, installed, qualified, running, scored
from tests.conftest import FRIDAY

H, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def tool(monkeypatch, clock) -> Iterator[Tool]:
    with installed(monkeypatch), running(Tool(clock=clock)) as up:
        yield up


@pytest.fixture
def source(state, tool) -> int:
    return add(state, tool)


def add(state: State, tool: Tool, name: str = "sfa", credential: str = CREDENTIAL, **config: Any) -> int:
    config = {"api": tool.api, "system": name} | config
    with state.database.write() as c:
        given = {"name": name, "kind": "asked", "config": config, "secret": "whsec_", "credential": credential}
        added = sources.add(c, state.vault, now=state.clock(), **given)
    state.directory.forget()
    return added


def poll(state: State) -> None:
    """Everything that is due, and the ledger after it."""
    while reconcile.poll_due(state.database, state.directory, state.http, state.clock(), state.stored):
        pass
    drain(state)


def drain(state: State) -> None:
    while state.ledger.drain(state.clock()):
        pass


def push(state: State, source_id: int, *events: dict[str, Any]) -> None:
    """They come by webhook."""
    now = state.clock()
    row = {"source_id": source_id, "received_at": now, "method": "POST", "url": "/webhooks/sfa", "headers": {}}
    with state.database.write() as c:
        body = json.dumps(events).encode()
        c.execute(insert(Delivery).values(row | {"body": body, "state": "waiting", "not_before": now, "attempts": 0}))
    drain(state)


def feed(state: State, source_id: int) -> Any:
    with state.database.read() as c:
        return c.execute(select(Feed.__table__).where(Feed.source_id == source_id)).one()


def verdicts(state: State) -> list[str]:
    with state.database.read() as c:
        return list(c.execute(select(Handoff.verdict).order_by(Handoff.id)).scalars())


def count(state: State, table: type[Any]) -> int:
    with state.database.read() as c:
        return c.scalar(select(func.count()).select_from(table)) or 0


# --- what was lost is found


def test_a_call_whose_webhook_was_lost_is_found_by_the_next_poll_and_counted(state, tool, source, clock) -> None:
    poll(state)
    push(state, source, *(tool.happened(event) for event in qualified("L-1", FRIDAY)))
    clock.advance(5 * H)
    tool.happened(called("L-1", FRIDAY + 4 * H))
    poll(state)
    assert verdicts(state) == ["met"]
    assert feed(state, source).recovered == 1


def test_pages_are_read_to_the_last_and_a_fact_of_push_and_poll_is_one(state, tool, source, clock) -> None:
    poll(state)
    clock.advance(9 * MINUTE)
    events = [tool.happened(event, clock()) for event in qualified("L-1", FRIDAY)]
    push(state, source, events[0])
    clock.advance(5 * MINUTE)
    poll(state)
    assert len([url for url in tool.asked if "/changes" in url]) == 3  # one before, two pages now
    push(state, source, *events)
    assert (count(state, Event), verdicts(state)) == (4, ["on_track"])
    assert feed(state, source).recovered == 3


def test_what_the_webhook_may_still_bring_is_not_counted(state, tool, source, clock) -> None:
    poll(state)
    clock.advance(11 * MINUTE)
    tool.happened(scored("L-1", clock() - MINUTE))
    tool.happened(scored("L-2", clock() - 3 * MINUTE) | {"recorded_at": (clock() - MINUTE).isoformat()}, clock())
    tool.happened(scored("L-3", clock() - 3 * MINUTE))
    poll(state)
    assert (count(state, Event), feed(state, source).recovered) == (3, 1)


def test_what_a_poll_only_repeats_under_another_key_is_not_counted(state, tool, source, clock) -> None:
    """Polls read whole records: most of what they say was told by webhooks, in other words for its id."""
    poll(state)
    told = [scored("L-1", FRIDAY), called("L-1", FRIDAY + MINUTE) | {"record": "calls/1"}]
    push(state, source, *told)
    clock.advance(5 * MINUTE)
    for number, fact in enumerate(told):
        tool.happened(fact | {"id": f"snapshot-{number}"})
    poll(state)
    assert feed(state, source).recovered == 0
    clock.advance(10 * MINUTE)
    for number, changed in enumerate(({"outcome": "つながった"}, {"outcome": "つながった"}, {"outcome": "不在"})):
        tool.happened(told[1] | {"id": f"edited-{number}"} | changed, FRIDAY + 6 * MINUTE)
    poll(state)
    assert (count(state, Event), feed(state, source).recovered) == (7, 2)


def test_a_poll_that_finds_nothing_leaves_no_delivery(state, tool, source, clock) -> None:
    for _ in range(3):
        poll(state)
        clock.advance(10 * MINUTE)
    assert (len(tool.asked), count(state, Delivery)) == (3, 0)
    assert feed(state, source).polled_through == FRIDAY + 20 * MINUTE


# --- from where, and when again


def asked_since(tool: Tool) -> list[datetime]:
    return [datetime.fromisoformat(httpx.URL(url).params["since"]) for url in tool.asked]


@pytest.mark.parametrize(
    ("heard_at", "since"),
    [(None, FRIDAY - H), (FRIDAY - 30 * H, FRIDAY - 31 * H), (FRIDAY + H, FRIDAY - H)],
)
def test_the_first_poll_begins_before_the_last_webhook(state, tool, source, heard_at, since) -> None:
    with state.database.write() as c:
        c.execute(insert(Feed).values(source_id=source, gaps={}, heard_at=heard_at))
    poll(state)
    assert asked_since(tool) == [since]


def test_another_process_goes_on_where_the_last_one_stopped(state, settings: Settings, tool, source, clock) -> None:
    for n in range(5):
        tool.happened(scored(f"L-{n}", FRIDAY - 30 * MINUTE))
    assert reconcile.poll_due(state.database, state.directory, state.http, clock(), state.stored)
    state.close()
    again = open_state(settings, clock, migrate=False)
    poll(again)
    assert asked_since(tool) == [FRIDAY - H] * 3
    assert count(again, Event) == 5
    clock.advance(10 * MINUTE)
    poll(again)
    assert asked_since(tool)[3:] == [FRIDAY - 5 * MINUTE]
    again.close()


def test_the_source_says_how_often(state, tool, clock) -> None:
    often, seldom = add(state, tool, "often", poll_every_minutes=2), add(state, tool, "seldom", poll_every_minutes=60)
    poll(state)
    assert feed(state, often).poll_at == FRIDAY + 2 * MINUTE
    assert feed(state, seldom).poll_at == FRIDAY + H
    clock.advance(30 * MINUTE)
    poll(state)
    assert len(tool.asked) == 3


TROUBLE = [
    ([(429, {"Retry-After": "240"})], [240 * SECOND]),
    ([(503, {})] * 3, [10 * SECOND, 20 * SECOND, 40 * SECOND]),
    ([(401, {})], [15 * MINUTE]),
    ([(429, {"Retry-After": "999999999"})], [timedelta(days=1)]),
]


@pytest.mark.parametrize(("refusals", "waits"), TROUBLE)
def test_a_failing_tool_is_asked_again_when_that_may_help(state, tool, source, clock, refusals, waits) -> None:
    tool.refusals = list(refusals)
    for number, wait in enumerate(waits, 1):
        failed_at = clock()
        poll(state)
        stands = feed(state, source)
        assert (stands.failures, stands.failing_since, stands.poll_at) == (number, FRIDAY, failed_at + wait)
        clock.now = stands.poll_at - SECOND
        poll(state)
        assert len(tool.asked) == number, "not before"
        clock.advance(SECOND)
    poll(state)
    stands = feed(state, source)
    assert (stands.failures, stands.failing_since, stands.poll_error) == (0, None, None)
    assert stands.polled_through == clock()


def test_waits_grow_to_a_quarter_of_an_hour() -> None:
    waits = [tools.wait_after(ValueError(), failures) for failures in range(1, 12)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (10 * SECOND, 15 * MINUTE)


def test_one_failing_tool_holds_up_no_other(state, tool, clock) -> None:
    broken, well = add(state, tool, "a-broken", api="http://127.0.0.1:9"), add(state, tool, "b-well")
    tool.happened(scored("L-1", FRIDAY - 10 * MINUTE))
    poll(state)
    assert (feed(state, broken).failures, feed(state, well).failures, count(state, Event)) == (1, 0, 1)


# --- who is asked at all


def test_without_a_tool_to_ask_nothing_is_written(state, tool) -> None:
    with state.database.write() as c:
        sources.add(c, state.vault, name="ma", kind="standard", config={}, secret="whsec_", now=FRIDAY)
    add(state, tool, "no-credential", credential="")
    assert not reconcile.poll_due(state.database, state.directory, state.http, FRIDAY, state.stored)
    assert count(state, Feed) == 0


def test_a_source_that_is_disabled_rests_and_is_not_failing(state, tool, source, clock) -> None:
    tool.refusals = [(503, {})]
    poll(state)
    with state.database.write() as c:
        sources.disable(c, "sfa", clock())
    state.directory.forget()
    clock.advance(H)
    poll(state)
    stands = feed(state, source)
    assert (len(tool.asked), stands.poll_at, stands.failures) == (1, None, 0)
    with state.database.write() as c:
        sources.disable(c, "sfa", None)
    state.directory.forget()
    poll(state)
    assert len(tool.asked) == 2


def test_a_poll_can_be_asked_for(state, tool, source, clock) -> None:
    poll(state)
    clock.advance(MINUTE)
    poll(state)
    with state.database.write() as c:
        reconcile.poll_now(c, tools.polled_source(state.directory, "sfa", clock()), clock())
    poll(state)
    assert len(tool.asked) == 2


# --- two at once


def test_a_page_that_another_worker_read_meanwhile_is_not_stored_again(state, tool, source, clock) -> None:
    """The first one is so slow that its lease ends while it asks."""
    tool.happened(scored("L-1", FRIDAY - 10 * MINUTE))

    def overtaken(number: int) -> None:
        if number == 1:
            early, later = FRIDAY + MINUTE, FRIDAY + 3 * MINUTE
            assert not reconcile.poll_due(state.database, state.directory, state.http, early, state.stored)
            assert reconcile.poll_due(state.database, state.directory, state.http, later, state.stored)

    tool.meanwhile = overtaken
    reconcile.poll_due(state.database, state.directory, state.http, FRIDAY, state.stored)
    assert (len(tool.asked), count(state, Delivery)) == (2, 1)
    assert feed(state, source).polled_through == FRIDAY + 3 * MINUTE


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_workers_at_once_store_each_page_once(state, database_url, tool, source, clock) -> None:
    for n in range(40):
        tool.happened(scored(f"L-{n}", FRIDAY - 30 * MINUTE))
    start, troubles = threading.Barrier(4), []

    def work() -> None:
        own = Database(database_url)
        directory = Directory(own, state.vault)
        try:
            start.wait(timeout=30)
            while len(tool.asked) < 20 or reconcile.poll_due(own, directory, state.http, FRIDAY, state.stored):
                reconcile.poll_due(own, directory, state.http, FRIDAY, state.stored)
        except Exception as trouble:
            troubles.append(trouble)
        finally:
            own.close()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert troubles == []
    with state.database.read() as c:
        pages = Counter(c.execute(select(Delivery.url)).scalars())
    assert (len(pages), set(pages.values())) == (20, {1})
    drain(state)
    assert count(state, Event) == 40


# --- secrets


class Careless:
    """What a connector must not do: its failure, its address and its answer repeat the token."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    def __call__(self, _connector: Any, cursor: Any, until: datetime, _config: Any, credential: str, _http: Any) -> Any:
        if self.fails:
            raise RuntimeError(f"GET /?token={credential} went wrong")
        from connectors.contract import Page

        body = json.dumps({"data": [{"kind": "none", "token": credential}]}).encode()
        return Page(f"/changes?token={credential}", body, cursor, until)


@pytest.mark.parametrize("credential", [CREDENTIAL, json.dumps({"client_id": "cid", "refresh_token": CREDENTIAL})])
@pytest.mark.parametrize("fails", [True, False])
def test_the_token_stands_nowhere(state, tool, clock, monkeypatch, caplog, fails, credential) -> None:
    monkeypatch.setattr("tests.asked.AskedConnector.poll", lambda *given: Careless(fails)(*given))
    source = add(state, tool, credential=credential)
    poll(state)
    with state.database.read() as c:
        rows = [*c.execute(select(Feed.__table__)), *c.execute(select(Delivery.__table__)), *c.execute(select(Source))]
    assert len(rows) == 2 if fails else 3
    assert CREDENTIAL not in str(rows)
    assert CREDENTIAL not in caplog.text
    if fails:
        assert feed(state, source).poll_error == "RuntimeError: GET /?token=… went wrong"


def test_a_credential_of_several_parts_hides_only_what_is_secret() -> None:
    parts = {"instance_url": "https://acme.example", "user": "sf@acme.example", "password": "p4ssw0rd!"}
    said = "sf@acme.example at https://acme.example with p4ssw0rd!"
    assert tools.without_secrets(said, json.dumps(parts)) == "sf@acme.example at https://acme.example with …"


def test_a_page_that_cannot_be_read_is_kept_for_people_to_see(state, tool, source, monkeypatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("what is this?")

    tool.happened(scored("L-1", FRIDAY - MINUTE))
    monkeypatch.setattr("tests.asked.AskedConnector.parse", broken)
    poll(state)
    with state.database.read() as c:
        assert [row.state for row in c.execute(select(Delivery.state))] == ["quarantined"]
    assert feed(state, source).failures == 0
