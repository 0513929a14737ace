"""Sources that are asked, through REST: how far the past was read, and a poll at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.flows import backfill, reconcile
from app.models import AuditEntry, Feed
from tests.asked import CREDENTIAL, Tool, installed, running, scored
from tests.conftest import FRIDAY

DAY = timedelta(days=1)


@pytest.fixture
def tool(monkeypatch, clock) -> Iterator[Tool]:
    with installed(monkeypatch), running(Tool(clock=clock)) as up:
        yield up


@pytest.fixture
def asked(office, tool):
    """A source of the tool, in which something happened every ten days."""
    new = {"name": "sfa", "kind": "asked", "config": {"api": tool.api}, "credential": CREDENTIAL}
    assert office.asks("POST", "/v1/sources", json=new).status_code == 201
    for n in range(1, 4):
        tool.happened(scored(f"L-{n}", FRIDAY - 10 * n * DAY))
    return office


def turn(office) -> bool:
    state = office.state
    return backfill.turn(state.database, state.directory, state.http, state.clock(), state.stored)


def test_the_past_is_asked_for_and_shows_how_far_it_is(asked) -> None:
    started = asked.asks("POST", "/v1/sources/sfa/backfill", json={"days": 40})
    assert (started.status_code, started.headers["location"]) == (202, "/v1/sources/sfa/backfill")
    assert started.json() == {
        "source": "sfa",
        "state": "reading",
        "since": "2026-08-09T08:30:00Z",
        "until": "2026-09-18T08:30:00Z",
        "reached": "2026-08-09T08:30:00Z",
        "share": 0.0,
        "pages": 0,
        "started_at": "2026-09-18T08:30:00Z",
        "done_at": None,
        "next_try_at": None,
        "error": None,
    }
    assert turn(asked)
    shown = asked.get("/v1/sources/sfa/backfill")
    assert (shown["reached"], shown["share"], shown["pages"]) == ("2026-08-29T08:30:00Z", 0.5, 1)
    assert asked.asks("POST", "/v1/sources/sfa/backfill").json()["pages"] == 1, "it goes on"
    assert turn(asked)
    assert asked.get("/v1/sources/sfa/backfill")["state"] == "done"
    with asked.state.database.read() as c:
        entries = c.execute(select(AuditEntry.action, AuditEntry.by).order_by(AuditEntry.id)).all()
    assert entries == [("source.added", "test admin"), ("source.backfill_started", "test admin")]


def test_what_was_read_is_read_again_only_when_told(asked) -> None:
    asked.asks("POST", "/v1/sources/sfa/backfill", json={"days": 5})
    assert turn(asked)
    refused = asked.asks("POST", "/v1/sources/sfa/backfill", json={"days": 5})
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["pointer"], error["code"]) == (422, "/again", "read_already")
    assert asked.asks("POST", "/v1/sources/sfa/backfill", json={"again": True}).json()["state"] == "reading"


def test_an_error_is_shown_without_the_token(asked, tool) -> None:
    asked.asks("POST", "/v1/sources/sfa/backfill")
    tool.refusals = [(503, {})]
    assert turn(asked)
    shown = asked.get("/v1/sources/sfa/backfill")
    assert (shown["state"], shown["error"]) == ("waiting", "the tool has trouble (503)")
    assert shown["next_try_at"] == "2026-09-18T08:30:10Z"
    assert CREDENTIAL not in str(shown)


def test_a_poll_at_once(asked, tool, clock) -> None:
    answer = asked.asks("POST", "/v1/sources/sfa/poll")
    assert (answer.status_code, answer.json()) == (202, {"source": "sfa", "due_at": "2026-09-18T08:30:00Z"})
    with asked.state.database.read() as c:
        assert c.execute(select(Feed.poll_at)).scalar_one() == FRIDAY
    state = asked.state
    assert reconcile.poll_due(state.database, state.directory, state.http, clock(), state.stored)


@pytest.mark.parametrize("days", [0, 1101, "x"])
def test_days_that_make_no_sense(asked, days) -> None:
    refused = asked.asks("POST", "/v1/sources/sfa/backfill", json={"days": days})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/days")


def test_what_cannot_be_asked(asked) -> None:
    assert asked.asks("GET", "/v1/sources/sfa/backfill").status_code == 404
    assert asked.asks("GET", "/v1/sources/nobody/backfill").status_code == 404
    assert asked.asks("POST", "/v1/sources", json={"name": "std", "kind": "standard"}).status_code == 201
    for path in ("backfill", "poll"):
        assert asked.asks("POST", f"/v1/sources/nobody/{path}").status_code == 404
        refused = asked.asks("POST", f"/v1/sources/std/{path}", headers={"Accept-Language": "ja"})
        assert refused.status_code == 422
        assert "受信専用" in refused.json()["errors"][0]["message_ja"]
