"""What tools are asked now and then besides for their news: what was deleted, and to go on sending."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select

from app.flows import errands, reconcile, sources
from app.models import Delivery, Feed, Handoff
from app.state import State
from connectors.contract import AskFailed, Page, Parsed, WebhookRequest
from connectors.records import gone_records, sorted_out
from connectors.rounds import GONE, answers_in, gone, kept
from tests import asked
from tests.asked import CREDENTIAL, AskedConfig, AskedConnector, Tool, called, installed, qualified, running

H = timedelta(hours=1)
WEEK = timedelta(days=7)


class Attentive(AskedConnector):
    """The tool, which also forgets records and where to send."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.asked: list[Sequence[str]] = []
        self.told: list[tuple[str, str]] = []
        self.down = False

    def ask_again(
        self, records: Sequence[str], config: AskedConfig, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        if self.down:
            raise AskFailed("the tool has trouble", retry_after=60)
        self.asked.append(list(records))
        return Page("/calls", kept([gone([one for one in records if one in self.gone], now)]), {}, now)

    def subscribe(
        self, config: AskedConfig, secret: str, url: str, credential: str, http: httpx.Client, now: datetime
    ) -> datetime:
        if self.down:
            raise AskFailed("the tool does not know the token any more")
        self.told.append((url, secret))
        return now + WEEK

    def parse(self, request: WebhookRequest, config: AskedConfig) -> Parsed:
        if b'"parts"' not in request.body:
            return super().parse(request, config)
        found = [told for name, told in answers_in(request.body) if name == GONE]
        return sorted_out(finding for told in found for finding in gone_records(told))


@pytest.fixture
def connector(monkeypatch: pytest.MonkeyPatch) -> Attentive:
    made = Attentive()
    monkeypatch.setattr(asked, "CONNECTOR", made)
    return made


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, connector: Attentive, clock: Any) -> Iterator[Tool]:
    with installed(monkeypatch), running(Tool(clock=clock)) as up:
        yield up


@pytest.fixture
def source(state: State, tool: Tool) -> int:
    given = {"name": "sfa", "kind": "asked", "config": {"api": tool.api, "system": "sfa"}}
    with state.database.write() as c:
        added = sources.add(c, state.vault, now=state.clock(), secret="whsec_", credential=CREDENTIAL, **given)
    state.directory.forget()
    reconcile.poll_due(state.database, state.directory, state.http, state.clock(), state.stored)
    return added


def push(state: State, source_id: int, *events: dict[str, Any]) -> None:
    now = state.clock()
    row = {"source_id": source_id, "received_at": now, "method": "POST", "url": "/webhooks/sfa", "headers": {}}
    with state.database.write() as c:
        body = json.dumps(events).encode()
        c.execute(insert(Delivery).values(row | {"body": body, "state": "waiting", "not_before": now, "attempts": 0}))
    drain(state)


def drain(state: State) -> None:
    while state.ledger.drain(state.clock()):
        pass


def recheck(state: State) -> int:
    """How many errands there were."""
    return turn(state, lambda: errands.recheck_due(*tools_of(state), state.stored))


def subscribe(state: State) -> int:
    return turn(state, lambda: errands.subscribe_due(*tools_of(state), "https://tasuki.example.com"))


def tools_of(state: State) -> tuple[Any, ...]:
    return state.database, state.directory, state.http, state.clock()


def turn(state: State, run: Any) -> int:
    done = 0
    while run():
        done += 1
    drain(state)
    return done


def feed(state: State) -> Any:
    with state.database.read() as c:
        return c.execute(select(Feed.__table__)).one()


def verdict(state: State) -> str:
    with state.database.read() as c:
        return str(c.execute(select(Handoff.verdict)).scalar_one())


def met(state: State, source: int, clock: Any) -> None:
    """A lead that was called in time, and one that is called although nobody waits for it."""
    push(state, source, *qualified("a", clock() - H))
    push(state, source, called("a", clock()) | {"record": "call:1"}, called("b", clock()) | {"record": "call:2"})
    assert verdict(state) == "met"


def test_only_what_stopped_a_clock_is_asked_about(state, source, connector, clock) -> None:
    met(state, source, clock)
    assert recheck(state) == 1
    assert connector.asked == [["call:1"]]
    assert verdict(state) == "met"


def test_what_is_gone_is_taken_back_and_not_asked_about_again(state, source, connector, clock) -> None:
    met(state, source, clock)
    connector.gone = {"call:1"}
    clock.advance(7 * H)
    assert recheck(state) == 1
    assert verdict(state) == "on_track"
    clock.advance(7 * H)
    assert recheck(state) == 1
    assert connector.asked == [["call:1"]]


def test_its_turn_comes_every_six_hours(state, source, connector, clock) -> None:
    met(state, source, clock)
    recheck(state)
    clock.advance(5 * H)
    assert recheck(state) == 0
    clock.advance(2 * H)
    assert recheck(state) == 1


def test_a_month_later_nobody_asks_any_more(state, source, connector, clock) -> None:
    met(state, source, clock)
    clock.advance(timedelta(days=31))
    recheck(state)
    assert connector.asked == []


def test_a_tool_with_trouble_takes_nothing_back_and_is_asked_later(state, source, connector, clock) -> None:
    met(state, source, clock)
    connector.down = True
    assert recheck(state) == 1
    assert verdict(state) == "met"
    assert feed(state).poll_error == "the tool has trouble"
    assert feed(state).recheck_at == clock() + timedelta(seconds=60)


def test_the_tool_is_told_again_half_way_before_it_forgets(state, source, connector, clock) -> None:
    assert subscribe(state) == 1
    assert connector.told == [("https://tasuki.example.com/webhooks/sfa", "whsec_")]
    assert feed(state).subscribed_until == clock() + WEEK
    clock.advance(WEEK / 2 - H)
    assert subscribe(state) == 0
    clock.advance(2 * H)
    assert subscribe(state) == 1


def test_a_subscription_that_fails_is_said_and_tried_again(state, source, connector, clock) -> None:
    connector.down = True
    assert subscribe(state) == 1
    assert "does not know the token" in feed(state).poll_error
    assert feed(state).failures == 1
    assert feed(state).subscribed_until is None
    clock.advance(timedelta(minutes=16))
    connector.down = False
    assert subscribe(state) == 1
    assert feed(state).subscribed_until is not None
