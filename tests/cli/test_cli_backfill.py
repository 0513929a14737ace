"""`tasuki source backfill`: reads by itself or watches a server read; Ctrl+C at any page loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from app.commands import backfill as command
from app.flows import backfill as flow
from app.flows import sources
from app.models import AuditEntry, Delivery, Event, Feed, Heartbeat
from tests.asked import CREDENTIAL, Tool, installed, running, scored

DAY = timedelta(days=1)


@pytest.fixture
def tool(monkeypatch) -> Iterator[Tool]:
    with installed(monkeypatch), running(Tool()) as up:
        yield up


@pytest.fixture
def ready(tasuki_anywhere, tool):
    """A source of the tool, in which something happened every ten days."""
    words = ("source", "add", "sfa", "asked", "-c", f"api={tool.api}", "--credential-stdin")
    tasuki_anywhere(*words, stdin=f"{CREDENTIAL}\n")
    for n in range(1, 8):
        tool.happened(scored(f"L-{n}", datetime.now(UTC) - 10 * n * DAY))
    return tasuki_anywhere


def count(state: Any, table: type[Any]) -> int:
    with state.database.read() as c:
        return c.scalar(select(func.count()).select_from(table)) or 0


def test_it_reads_to_the_end_and_the_facts_are_there(ready, state_of, tool) -> None:
    said = ready("source", "backfill", "sfa", "--days", "45")
    assert "2 pages" in said.stdout
    state = state_of(ready)
    assert (count(state, Event), count(state, Delivery)) == (4, 2)
    with state.database.read() as c:
        begun = AuditEntry.action == "source.backfill_started"
        entry = c.execute(select(AuditEntry.by, AuditEntry.after).where(begun)).one()
    assert entry.by.startswith("cli")
    assert entry.after["days"] == 45
    assert CREDENTIAL not in said.output


def test_a_finished_one_says_so_and_begins_again_only_when_told(ready, tool) -> None:
    ready("source", "backfill", "sfa")
    asked = len(tool.asked)
    assert "It was read before" in ready("source", "backfill", "sfa").stdout
    assert len(tool.asked) == asked
    shown = ready.json("source", "backfill", "sfa", "--again", "--days", "15")
    assert (shown["state"], shown["share"], shown["pages"]) == ("done", 1.0, 1)
    assert "cursor" not in shown


def test_ctrl_c_loses_nothing_and_the_same_command_goes_on(ready, state_of, tool, monkeypatch) -> None:
    ask = flow.turn

    def interrupted(*given: Any, **named: Any) -> bool:
        if len(tool.asked) == 2:
            raise KeyboardInterrupt
        return ask(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(flow, "turn", interrupted)
        assert "Nothing is lost" in ready("source", "backfill", "sfa", exits=130).stderr
    state = state_of(ready)
    assert (count(state, Delivery), count(state, Event)) == (2, 4)
    assert "Goes on" in ready("source", "backfill", "sfa").stderr
    assert (count(state, Delivery), count(state, Event), len(tool.asked)) == (4, 7, 4)


def test_where_a_server_works_it_only_watches(ready, state_of, tool, monkeypatch) -> None:
    state = state_of(ready)
    with state.database.write() as c:
        c.execute(insert(Heartbeat).values(job="backfill", beat_at=datetime.now(UTC)))

    def the_server_reads(_seconds: float) -> None:
        state.directory.forget()
        assert flow.turn(state.database, state.directory, state.http, datetime.now(UTC), state.stored)

    monkeypatch.setattr(command.time, "sleep", the_server_reads)
    ready("source", "backfill", "sfa")
    assert (len(tool.asked), count(state, Delivery), count(state, Event)) == (4, 4, 0)


def test_what_a_person_has_to_mend_ends_it(ready, state_of, tool) -> None:
    tool.refusals = [(401, {})]
    said = ready("source", "backfill", "sfa", exits=1)
    assert said.stderr.startswith("sfa could not be asked: the tool no longer accepts the token (401). Mend it;")
    assert "4 pages" in ready("source", "backfill", "sfa").stdout


def test_a_source_that_is_disabled_meanwhile_ends_it(ready, state_of, monkeypatch) -> None:
    state = state_of(ready)

    def nobodys_turn(*_: Any, **__: Any) -> bool:
        with state.database.write() as c:
            sources.disable(c, "sfa", datetime.now(UTC))
        return False

    monkeypatch.setattr(flow, "turn", nobodys_turn)
    assert "sfa is disabled" in ready("source", "backfill", "sfa", exits=3).stderr


def test_what_mends_itself_is_tried_again(ready, tool, monkeypatch, state_of) -> None:
    tool.refusals = [(503, {})]

    def time_passes(_seconds: float) -> None:
        state = state_of(ready)
        with state.database.write() as c:
            kept = c.execute(select(Feed.backfill)).scalar_one()
            c.execute(Feed.__table__.update().values(backfill=kept | {"turn_at": kept["started_at"]}))

    monkeypatch.setattr(command.time, "sleep", time_passes)
    said = ready("source", "backfill", "sfa")
    assert said.stderr.count("the tool has trouble (503). Trying again from") == 1
    assert "4 pages" in said.stdout


@pytest.mark.parametrize(
    ("words", "exits", "said"),
    [
        (("nobody",), 3, "No source is called nobody"),
        (("std",), 3, "sends by itself"),
        (("sfa", "--days", "0"), 2, "--days"),
    ],
)
def test_what_cannot_be_read_is_refused(ready, words, exits, said) -> None:
    ready("source", "add", "std", "standard")
    assert said in ready("source", "backfill", *words, exits=exits).output


def test_a_poll_is_asked_for(ready, state_of) -> None:
    assert "sfa is asked within seconds" in ready("source", "poll", "sfa").stdout
    with state_of(ready).database.read() as c:
        assert c.execute(select(Feed.poll_at)).scalar_one() <= datetime.now(UTC)


def test_it_speaks_japanese(ready) -> None:
    assert "過去データを取り込みました" in ready("source", "backfill", "sfa", TASUKI_LOCALE="ja").stdout
