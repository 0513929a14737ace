"""The past is read page by page: whoever stops, dies or comes in between, every page is read and none twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import Database
from app.domain.darkness import STALLED
from app.domain.refusals import Refused
from app.flows import backfill, feeds, rebuild, reconcile, silences, sources, sweep, tools
from app.flows.backfill import Reading
from app.flows.sources import Directory
from app.models import Alert, AuditEntry, Delivery, Event, Feed, Handoff, Silence
from app.settings import Settings
from app.state import State
from connectors.contract import Polls
from tests.asked import CREDENTIAL, Tool, called, installed, qualified, running, scored
from tests.conftest import FRIDAY
from tests.flows.test_reconcile import add, drain, push

H, MINUTE, SECOND, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1), timedelta(days=1)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch, clock) -> Iterator[Tool]:
    with installed(monkeypatch), running(Tool(clock=clock)) as up:
        yield up


@pytest.fixture
def source(state, tool) -> int:
    return add(state, tool)


def begin(state: State, days: int = 90, *, again: bool = False) -> Reading:
    source = tools.polled_source(state.directory, "sfa", state.clock())
    with state.database.write() as c:
        return backfill.begin(c, source, days, state.clock(), by="test", again=again)


def turn(state: State) -> bool:
    return backfill.turn(state.database, state.directory, state.http, state.clock(), state.stored)


def read_all(state: State) -> Reading:
    while turn(state):
        pass
    return reading(state)


def reading(state: State) -> Reading:
    with state.database.read() as c:
        found = backfill.reading_of(c, c.execute(select(Feed.source_id)).scalar_one())
    assert found is not None
    return found


def urls(state: State) -> Counter[str]:
    with state.database.read() as c:
        return Counter(c.execute(select(Delivery.url).where(Delivery.method == "POLL")).scalars())


def count(state: State, table: type[Any]) -> int:
    with state.database.read() as c:
        return c.scalar(select(func.count()).select_from(table)) or 0


def history(tool: Tool, leads: int = 5) -> None:
    """One score every ten days."""
    for n in range(leads):
        tool.happened(scored(f"L-{n}", FRIDAY - (80 - 10 * n) * DAY))


# --- to the end


def test_the_past_is_read_page_by_page_and_says_how_far(state, tool, source) -> None:
    history(tool)
    begun = begin(state)
    assert (begun.state, begun.share, begun.days, begun.days_read) == ("reading", 0.0, 90, 0)
    shares = []
    while turn(state):
        shares.append((reading(state).days_read, round(reading(state).share, 2)))
    assert shares == [(20, 0.22), (40, 0.44), (90, 1.0)]
    assert (reading(state).state, reading(state).pages, reading(state).done_at) == ("done", 3, FRIDAY)
    drain(state)
    assert count(state, Event) == 5


def test_only_what_was_asked_for_is_read(state, tool, source) -> None:
    history(tool)
    begin(state, days=55)
    read_all(state)
    drain(state)
    assert count(state, Event) == 2


def test_a_past_in_which_nothing_happened_leaves_no_delivery(state, tool, source) -> None:
    begin(state)
    assert (read_all(state).state, count(state, Delivery)) == ("done", 0)


def test_what_was_read_to_its_end_is_read_again_only_when_told(state, tool, source, clock) -> None:
    history(tool, leads=1)
    begin(state)
    read_all(state)
    clock.advance(DAY)
    with pytest.raises(Refused) as refused:
        begin(state)
    assert refused.value.refusals[0].code == "read_already"
    assert begin(state, days=30, again=True).since == FRIDAY + DAY - 30 * DAY
    read_all(state)
    with state.database.read() as c:
        said = [(row.by, row.action, row.subject) for row in c.execute(select(AuditEntry))]
    assert said == [("test", "source.backfill_started", "source:sfa")] * 2


def test_history_is_not_what_webhooks_missed(state, tool, source) -> None:
    history(tool)
    begin(state)
    read_all(state)
    drain(state)
    with state.database.read() as c:
        assert c.execute(select(Feed.recovered)).scalar_one() == 0


def test_what_was_long_past_when_it_was_read_alerts_nobody(state, tool, source, clock) -> None:
    """A breach of last month is for the agenda. One of this morning is for the owner."""
    for event in [*qualified("old", FRIDAY - 30 * DAY), *qualified("new", FRIDAY - 25 * H)]:
        tool.happened(event)
    begin(state)
    read_all(state)
    drain(state)
    sweep.run(state.database, state.versions, clock())
    with state.database.read() as c:
        verdicts = c.execute(select(Handoff.id, Handoff.verdict, Handoff.qualified_at)).all()
        told = set(c.execute(select(Alert.handoff_id)).scalars())
    assert {row.verdict for row in verdicts} == {"breached"}
    assert told == {row.id for row in verdicts if row.qualified_at > FRIDAY - 7 * DAY}


def test_a_webhook_that_comes_meanwhile_is_not_lost(state, tool, source, clock) -> None:
    """The rep calls while the history is being read; the call is known before the lead is."""
    for event in qualified("L-1", FRIDAY - 2 * H):
        tool.happened(event)
    tool.meanwhile = lambda number: push(state, source, called("L-1", FRIDAY - H)) if number == 1 else None
    begin(state)
    read_all(state)
    drain(state)
    with state.database.read() as c:
        assert c.execute(select(Handoff.verdict)).scalars().all() == ["met"]
    assert list(rebuild.check(state.database, clock(), lambda *_: None)) == []


def test_polling_goes_on_while_the_past_is_read(state, tool, source, clock) -> None:
    history(tool)
    begin(state)
    turn(state)
    tool.happened(scored("new", FRIDAY - MINUTE))
    assert reconcile.poll_due(state.database, state.directory, state.http, clock(), state.stored)
    assert reading(state).pages == 1
    read_all(state)
    drain(state)
    assert count(state, Event) == 6


# --- interrupted


def test_ctrl_c_at_any_page_loses_nothing_and_the_next_one_goes_on_at_once(state, tool, source, monkeypatch) -> None:
    history(tool)
    begin(state)
    turn(state)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tests.asked.AskedConnector.poll", interrupted)
        with pytest.raises(KeyboardInterrupt):
            turn(state)
    assert begin(state, days=7).since == FRIDAY - 90 * DAY, "it goes on with what was asked for"
    assert read_all(state).state == "done"
    assert set(urls(state).values()) == {1}
    drain(state)
    assert count(state, Event) == 5


KILLED = """
import sys, threading
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from connectors import registry
registry.entry_points = lambda group: [EntryPoint("asked", "tests.asked:CONNECTOR", registry.GROUP)]
from app.flows import backfill
from app.settings import read_settings
from app.state import open_state
folder, url, key, now = sys.argv[1:]
settings = read_settings(_env_file=None, data_dir=Path(folder), database_url=url, secret_key=key)
state = open_state(settings, lambda: datetime.fromisoformat(now), migrate=False)
while backfill.turn(state.database, state.directory, state.http, state.clock(), threading.Event()):
    pass
"""


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_process_that_is_killed_between_pages_loses_nothing(
    state, settings: Settings, tool, source, clock, tmp_path, page
) -> None:
    history(tool)
    begin(state)
    given = (str(tmp_path), settings.url_of_database, settings.secret_key.get_secret_value(), clock().isoformat())
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED), *given], cwd=ROOT)
    tool.meanwhile = lambda number: (os.kill(process.pid, signal.SIGKILL), process.wait()) if number == page else None
    assert process.wait(timeout=60) == -signal.SIGKILL
    tool.meanwhile = lambda _: None
    assert (reading(state).pages, sum(urls(state).values())) == (page - 1, page - 1)
    assert not turn(state), "its lease may still be used"
    clock.advance(backfill.LEASE)
    assert read_all(state).state == "done"
    assert (len(urls(state)), set(urls(state).values())) == (3, {1})
    drain(state)
    assert count(state, Event) == 5


def test_a_failing_tool_is_asked_again_and_a_person_can_bring_that_forward(state, tool, source, clock) -> None:
    history(tool)
    begin(state)
    tool.refusals = [(503, {"Retry-After": "300"}), (401, {})]
    turn(state)
    stands = reading(state)
    assert (stands.state, stands.turn_at, stands.stuck) == ("waiting", FRIDAY + 5 * MINUTE, False)
    assert stands.error == "the tool has trouble (503)"
    assert not turn(state)
    begin(state)
    turn(state)
    assert (reading(state).stuck, reading(state).failures) == (True, 1)
    clock.advance(15 * MINUTE)
    done = read_all(state)
    assert (done.state, done.error, done.stuck, done.failures) == ("done", None, False, 0)


# --- two at once


def test_a_page_that_another_worker_read_meanwhile_is_not_stored_again(state, tool, source, clock) -> None:
    history(tool, leads=4)
    begin(state)

    def overtaken(number: int) -> None:
        if number == 1:
            clock.advance(2 * backfill.LEASE)
            assert turn(state)

    tool.meanwhile = overtaken
    read_all(state)
    assert (len(urls(state)), set(urls(state).values())) == (2, {1})


def test_beginning_anew_forgets_the_page_that_is_being_read(state, tool, source, clock) -> None:
    history(tool)
    begin(state)

    def anew(number: int) -> None:
        if number == 1:
            clock.advance(SECOND)
            begin(state, days=30, again=True)

    tool.meanwhile = anew
    turn(state)
    assert (reading(state).pages, reading(state).days, count(state, Delivery)) == (0, 30, 0)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_workers_at_once_store_each_page_once(state, database_url, tool, source) -> None:
    for n in range(40):
        tool.happened(scored(f"L-{n}", FRIDAY - (80 - n) * DAY))
    begin(state)
    start, troubles = threading.Barrier(4), []

    def work() -> None:
        own = Database(database_url)
        directory = Directory(own, state.vault)
        try:
            start.wait(timeout=30)
            while reading(state).done_at is None:
                backfill.turn(own, directory, state.http, FRIDAY, threading.Event())
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
    assert (len(tool.asked), len(urls(state)), set(urls(state).values())) == (20, 20, {1})


# --- who cannot be asked


@pytest.mark.parametrize(
    ("kind", "credential", "disabled", "code"),
    [
        ("standard", CREDENTIAL, False, "cannot_be_asked"),
        ("asked", "", False, "no_credential"),
        ("asked", CREDENTIAL, True, "disabled"),
    ],
)
def test_what_cannot_be_asked_says_why(state, tool, clock, kind, credential, disabled, code) -> None:
    with state.database.write() as c:
        new = {"name": "s", "kind": kind, "config": {}, "secret": "whsec_", "credential": credential}
        sources.add(c, state.vault, now=clock(), **new)
        sources.disable(c, "s", clock() if disabled else None)
    with pytest.raises(Refused) as refused:
        tools.polled_source(state.directory, "s", clock())
    assert refused.value.refusals[0].code == code
    with pytest.raises(sources.NoSuchSource):
        tools.polled_source(state.directory, "nobody", clock())


def test_the_cursor_is_the_connectors_own(state, tool, source) -> None:
    begun, connector = begin(state), tools.polled_source(state.directory, "sfa", state.clock()).connector
    assert isinstance(connector, Polls)
    assert begun.cursor == connector.start(begun.since)


def test_while_its_past_is_read_nobody_is_accused_on_a_sales_tools_word(state, tool, source) -> None:
    history(tool)
    begun = begin(state)
    with state.database.read() as c:
        assert silences.darkness(c).since_for({"asked"}) == begun.since
    read_all(state)
    with state.database.read() as c:
        assert not silences.darkness(c)


# --- that does not come on


def look(state: State) -> None:
    """What happens by itself within the next minutes."""
    reconcile.poll_due(state.database, state.directory, state.http, state.clock(), state.stored)
    drain(state)
    feeds.watch(state.database, state.settings, state.clock())
    sweep.run(state.database, state.versions, state.clock())


def told_admins(state: State) -> list[str]:
    with state.database.read() as c:
        return list(c.execute(select(Alert.reason).where(Alert.handoff_id.is_(None)).order_by(Alert.id)).scalars())


def verdict(state: State) -> str:
    with state.database.read() as c:
        return c.execute(select(Handoff.verdict)).scalar_one()


def nobody_reads(_state: State, _tool: Tool) -> None:
    """Each worker that takes the page dies."""


def in_circles(state: State, tool: Tool) -> None:
    """The tool gives out the same place for ever."""
    tool._page = lambda *_: {"data": [], "more": True, "through": (FRIDAY - 90 * DAY).isoformat()}  # type: ignore[method-assign]
    for _ in range(3):
        turn(state)


def in_trouble(state: State, tool: Tool) -> None:
    tool.refusals = [(503, {})]
    turn(state)


@pytest.mark.parametrize("hangs", [nobody_reads, in_circles, in_trouble])
def test_a_reading_that_does_not_come_on_is_told_once_and_nobody_is_accused(state, tool, source, clock, hangs) -> None:
    push(state, source, *qualified("L-1", FRIDAY - 20 * H))
    look(state)
    begin(state)
    page = tool._page
    tool.happened(called("L-1", FRIDAY - H))
    clock.advance(STALLED)
    state.directory.forget()
    hangs(state, tool)
    tool._page = page
    look(state)
    assert (verdict(state), told_admins(state)) == ("unknown", [])
    for _ in range(3):
        clock.advance(10 * MINUTE)
        hangs(state, tool)
        tool._page = page
        look(state)
    with state.database.read() as c:
        silence = c.execute(select(Silence.why, Silence.since)).one()
    assert silence == ("stalled", FRIDAY)
    assert (verdict(state), told_admins(state)) == ("unknown", ["feed_dark"])
    clock.advance(H)
    begin(state, again=True)
    assert read_all(state).done_at
    clock.advance(10 * MINUTE)
    look(state)
    look(state)
    assert (verdict(state), told_admins(state)) == ("met", ["feed_dark", "feed_back"])


def test_a_reading_that_comes_on_slowly_is_no_trouble(state, tool, source, clock) -> None:
    history(tool)
    begin(state)
    for _ in range(2):
        clock.advance(STALLED - MINUTE)
        turn(state)
        look(state)
    assert told_admins(state) == []


def test_a_person_who_goes_on_with_it_gives_it_its_time_again(state, tool, source, clock) -> None:
    begin(state)
    tool.refusals = [(401, {})]
    turn(state)
    clock.advance(STALLED)
    begin(state)
    clock.advance(H)
    look(state)
    assert told_admins(state) == []
