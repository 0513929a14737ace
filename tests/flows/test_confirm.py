"""The sales tool is asked before a breach is announced: soon, briefly, and never for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from app.db import Database
from app.flows import alerts, confirm, sources, sweep, tools
from app.flows.policies import Cache
from app.flows.sources import Directory
from app.models import Alert, Delivery, Event, Feed, Handoff, LeadIdentity
from app.state import State
from tests.asked import CREDENTIAL, Tool, called, installed, qualified, running
from tests.conftest import FRIDAY
from tests.flows.test_alerts import Recorder
from tests.flows.test_reconcile import add, poll, push

H, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
DUE = FRIDAY + 24 * H


@pytest.fixture
def tool(monkeypatch, clock) -> Iterator[Tool]:
    with installed(monkeypatch), running(Tool(clock=clock)) as up:
        yield up


@pytest.fixture
def source(state, tool) -> int:
    """Polled once; nothing was new."""
    added = add(state, tool)
    poll(state)
    tool.asked.clear()
    return added


def overdue(state: State, clock: Any, source: int, *leads: str) -> None:
    """They became MQL a day and a second ago; nobody has been told yet, because the tool is to be asked."""
    for lead in leads:
        push(state, source, *qualified(lead, FRIDAY))
    clock.now = DUE + SECOND
    sweep.run(state.database, state.versions, clock())
    with state.database.write() as c:
        asking = {"state": "asking", "not_before": clock()}  # whatever the hour
        c.execute(update(Alert).where(Alert.reason == "breached").values(asking))
        c.execute(update(Alert).where(Alert.reason != "breached").values(state="dropped"))


def run(state: State) -> int:
    return confirm.run(state.database, state.directory, state.versions, state.http, state.clock())


def states(state: State) -> set[str]:
    with state.database.read() as c:
        return set(c.execute(select(Alert.state).where(Alert.reason == "breached")).scalars())


def verdicts(state: State) -> list[str]:
    with state.database.read() as c:
        return list(c.execute(select(Handoff.verdict).order_by(Handoff.id)).scalars())


def heard(state: State) -> list[str]:
    """What the outbox sends now."""
    channel = Recorder()
    while alerts.send_owed(
        state.database, state.versions, {"slack": channel, "email": channel}, state.settings, state.clock()
    ):
        pass
    return [title for _, title, _ in channel.sent]


# --- what the tool says


def test_a_wrong_breach_is_withdrawn_before_anybody_heard_of_it(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    tool.happened(called("L-1", DUE - MINUTE))
    assert (verdicts(state), states(state)) == (["breached"], {"asking"})
    assert heard(state) == []
    assert run(state) == 2  # Slack and the owner's mail
    assert (verdicts(state), states(state)) == (["met"], {"owed"})
    assert heard(state) == []
    assert states(state) == {"dropped"}


def test_a_true_breach_is_announced_at_once(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    run(state)
    assert (verdicts(state), states(state)) == (["breached"], {"owed"})
    assert len(heard(state)) == 1


def test_the_question_reaches_back_to_contacts_before_the_hand_over(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    tool.happened(called("L-1", FRIDAY - timedelta(days=20)))
    run(state)
    (asked,) = tool.asked
    assert asked.startswith("/leads/L-1?")
    assert datetime.fromisoformat(httpx.URL(asked).params["since"]) == FRIDAY - timedelta(days=30)
    assert verdicts(state) == ["met"]


def test_the_answer_is_a_delivery_like_any_other(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    tool.happened(called("L-1", DUE - 3 * MINUTE))
    run(state)
    with state.database.read() as c:
        answer = c.execute(select(Delivery.__table__).where(Delivery.method == "POLL")).one()
        recovered = c.execute(select(Feed.recovered)).scalar_one()
    assert (answer.state, answer.source_id, answer.url.partition("?")[0]) == ("applied", source, "/leads/L-1")
    assert recovered == 1
    assert CREDENTIAL not in str(answer)


def test_what_the_ledger_cannot_read_is_kept_and_the_breach_announced(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    tool.happened(called("L-1", DUE - MINUTE) | {"channel": "pigeon"})
    run(state)
    with state.database.read() as c:
        assert c.execute(select(Delivery.state).where(Delivery.method == "POLL")).scalars().all() == ["quarantined"]
    assert states(state) == {"owed"}


# --- once


def test_one_lead_is_asked_about_once_in_ten_minutes(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    run(state)
    for minutes, asked in ((5, 1), (9, 1), (11, 2)):
        clock.now = DUE + SECOND + minutes * MINUTE
        with state.database.write() as c:
            c.execute(update(Alert).where(Alert.reason == "breached").values(state="asking", not_before=clock()))
        run(state)
        assert (len(tool.asked), states(state)) == (asked, {"owed"})


def test_an_answer_from_before_the_deadline_confirms_nothing(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    run(state)
    with state.database.write() as c:
        c.execute(update(Delivery).where(Delivery.method == "POLL").values(received_at=DUE))
        asking = {"state": "asking", "not_before": clock()}  # whatever the hour
        c.execute(update(Alert).where(Alert.reason == "breached").values(asking))
    run(state)
    assert len(tool.asked) == 2


def test_a_breach_that_is_none_any_more_is_not_asked_about(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    push(state, source, called("L-1", DUE - MINUTE))
    run(state)
    assert (tool.asked, states(state), heard(state)) == ([], {"owed"}, [])


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_workers_at_once_ask_about_each_lead_once(state, database_url, tool, source, clock, monkeypatch) -> None:
    leads = [f"L-{n}" for n in range(20)]
    overdue(state, clock, source, *leads)
    monkeypatch.setattr(confirm, "BATCH", 2)  # both alerts of one lead
    start, troubles = threading.Barrier(3), []

    def work() -> None:
        own = Database(database_url)
        try:
            start.wait(timeout=30)
            while confirm.run(own, Directory(own, state.vault), Cache(), state.http, clock()):
                pass
        except Exception as trouble:
            troubles.append(trouble)
        finally:
            own.close()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert (troubles, states(state)) == ([], {"owed"})
    assert {url.partition("?")[0] for url in tool.asked} == {f"/leads/{lead}" for lead in leads}


# --- when it does not answer


def test_a_dead_tool_delays_an_announcement_by_minutes_at_most(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1", "L-2")
    tool.refusals = [(503, {})] * 100
    began = clock()
    while states(state) == {"asking"}:
        run(state)
        clock.advance(5 * SECOND)
    assert clock() - began < 2 * MINUTE
    assert len(tool.asked) == confirm.MOST_TRIES, "one lead's question stands for the others' of that turn"
    with state.database.read() as c:
        stands = c.execute(select(Feed.failures, Feed.failing_since, Feed.poll_error)).one()
        alert = c.execute(select(Alert.__table__).where(Alert.state == "owed")).first()
    assert stands == (3, began, "the tool has trouble (503)")
    assert (alert.attempts, alert.last_error) == (0, None)
    assert len(heard(state)) == 2


@pytest.mark.parametrize("refusal", [(429, {"Retry-After": "3600"}), (401, {})])
def test_a_tool_that_must_not_be_asked_for_long_is_not_waited_for(state, tool, source, clock, refusal) -> None:
    overdue(state, clock, source, "L-1")
    tool.refusals = [refusal] * 100
    began = clock()
    while states(state) == {"asking"}:
        run(state)
        clock.advance(5 * SECOND)
    assert clock() - began <= confirm.LONGEST + 10 * SECOND
    assert len(tool.asked) == 1
    assert len(heard(state)) == 1


def test_the_second_try_may_find_the_call(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    tool.happened(called("L-1", DUE - MINUTE))
    tool.refusals = [(503, {})]
    run(state)
    assert (verdicts(state), states(state), heard(state)) == (["breached"], {"asking"}, [])
    clock.advance(MINUTE)
    run(state)
    assert (verdicts(state), heard(state)) == (["met"], [])


def test_a_slow_tool_is_waited_for_briefly(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    tool.meanwhile = lambda _: time.sleep(2)
    with httpx.Client(timeout=0.2) as impatient:
        began = time.monotonic()
        confirm.run(state.database, state.directory, state.versions, impatient, clock())
        assert time.monotonic() - began < 1.5
    with state.database.read() as c:
        assert c.execute(select(Feed.poll_error)).scalar_one() == "the tool could not be reached (ReadTimeout)"


def test_alerts_that_nobody_came_round_to_are_announced(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    clock.advance(confirm.LONGEST)
    run(state)
    assert (tool.asked, states(state)) == ([], {"owed"})


def test_a_worker_that_died_gives_its_alerts_back(state, tool, source, clock, monkeypatch) -> None:
    overdue(state, clock, source, "L-1")

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tests.asked.AskedConnector.ask_about", dies)
        with pytest.raises(KeyboardInterrupt):
            run(state)
    assert run(state) == 0
    clock.advance(confirm.LEASE)
    assert (run(state), states(state)) == (2, {"owed"})


def test_the_token_is_in_no_error(state, tool, source, clock, monkeypatch, caplog) -> None:
    def careless(_self: Any, _lead: Any, _since: Any, _config: Any, credential: str, _http: Any) -> None:
        raise RuntimeError(f"Bearer {credential}")

    overdue(state, clock, source, "L-1")
    monkeypatch.setattr("tests.asked.AskedConnector.ask_about", careless)
    run(state)
    with state.database.read() as c:
        rows = str([*c.execute(select(Alert.__table__)), *c.execute(select(Feed.__table__))])
    assert "RuntimeError: Bearer …" in rows
    assert CREDENTIAL not in rows + caplog.text


# --- who can be asked


def test_a_tool_is_askable_once_polling_has_taken_it_up(state, tool, clock) -> None:
    def systems() -> frozenset[str]:
        with state.database.read() as c:
            return tools.askable(c)

    add(state, tool, "sfa")
    add(state, tool, "ma-only", role="ma")
    add(state, tool, "no-credential", credential="")
    with state.database.write() as c:
        sources.add(c, state.vault, name="std", kind="standard", config={}, secret="x", credential="y", now=clock())
    assert systems() == frozenset()
    poll(state)
    assert systems() == {"sfa"}
    with state.database.write() as c:
        sources.disable(c, "sfa", clock())
    assert systems() == frozenset()


def test_two_sales_tools_are_both_asked(state, tool, source, clock) -> None:
    add(state, tool, "crm")
    overdue(state, clock, source, "L-1")
    with state.database.write() as c:
        lead_id = c.execute(select(Handoff.lead_id)).scalar_one()
        known = {"system": "crm", "value": "C-9", "lead_id": lead_id, "home_id": lead_id}
        c.execute(insert(LeadIdentity).values(known))
    poll(state)
    tool.asked.clear()
    run(state)
    assert [url.partition("?")[0] for url in sorted(tool.asked)] == ["/leads/C-9", "/leads/L-1"]


def test_where_nobody_can_be_asked_any_more_the_breach_is_announced(state, tool, source, clock) -> None:
    overdue(state, clock, source, "L-1")
    with state.database.write() as c:
        sources.disable(c, "sfa", clock())
    state.directory.forget()
    run(state)
    assert (tool.asked, states(state)) == ([], {"owed"})


def test_without_anything_to_ask_it_costs_one_look(state, clock) -> None:
    assert run(state) == 0
    with state.database.read() as c:
        assert c.scalar(select(func.count()).select_from(Event)) == 0
