"""GET /v1/feeds and what health says about dark feeds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from app.flows import feeds
from app.models import Delivery, Feed
from tests.domain.test_rhythm import MINUTE, at, hourly

LAST = at("6/16 10:00")


@pytest.fixture
def tools(office) -> Any:
    """Two sources; both spoke every hour for two weeks, and one of them stopped on the Tuesday after."""
    office.clock.now = at("5/1 10:00")
    moments = {"sf": [*hourly("6/15", 1), LAST], "web": hourly("6/15", 2)}
    for name, role in (("sf", "sfa"), ("web", "ma")):
        answer = office.asks(
            "POST", "/v1/sources", json={"name": name, "kind": "standard", "config": {"role": role, "system": name}}
        )
        assert answer.status_code == 201, answer.text
    row = {"method": "POST", "url": "/", "headers": {}, "body": b"x", "state": "applied"}
    rows = [
        row | {"source_id": number, "received_at": moment, "not_before": moment}
        for number, name in enumerate(("sf", "web"), 1)
        for moment in [*hourly("6/1", 12), *moments[name]]
    ]
    with office.state.database.write() as c:
        c.execute(insert(Delivery), rows)
    return office


def watched(office: Any, after: timedelta) -> dict[str, Any]:
    office.clock.now = LAST + after
    feeds.watch(office.state.database, office.state.settings, office.clock())
    return {feed["source"]: feed for feed in office.get("/v1/feeds")["items"]}


def test_what_is_known_of_every_feed(tools) -> None:
    found = watched(tools, 5 * MINUTE)
    assert list(found) == ["sf", "web"]
    assert found["sf"] == {
        "source": "sf",
        "kind": "standard",
        "role": "sfa",
        "disabled": False,
        "heard_at": "2026-06-16T01:00:00Z",
        "expected_gap_seconds": 5400,
        "expected_from": "learned",
        "silence": None,
        "polled_through": None,
        "next_poll_at": None,
        "recovered": 0,
        "failures": 0,
        "error": None,
    }


def test_before_anything_was_heard_nothing_is_expected(office) -> None:
    assert office.get("/v1/feeds") == {"items": []}
    office.asks("POST", "/v1/sources", json={"name": "sf", "kind": "salesforce"})
    (feed,) = office.get("/v1/feeds")["items"]
    assert (feed["role"], feed["heard_at"], feed["expected_gap_seconds"], feed["expected_from"]) == (
        "sfa",
        None,
        None,
        None,
    )


def test_a_set_threshold_is_told_apart_from_a_learned_one(tools) -> None:
    config = {"role": "sfa", "system": "sf", "silent_after_hours": 4}
    tools.asks("PUT", "/v1/sources/sf/config", json={"config": config})
    found = watched(tools, 100 * MINUTE)["sf"]
    assert (found["expected_gap_seconds"], found["expected_from"], found["silence"]) == (4 * 3600, "set", None)


def test_a_silence_with_its_beginning_and_its_first_sign(tools) -> None:
    assert watched(tools, 100 * MINUTE)["sf"]["silence"] == {
        "why": "silent",
        "since": "2026-06-16T01:00:00Z",
        "noticed_at": "2026-06-16T02:40:00Z",
        "heard_again_at": None,
    }
    row = {"method": "POST", "url": "/", "headers": {}, "body": b"x", "state": "applied", "source_id": 1}
    with tools.state.database.write() as c:
        c.execute(insert(Delivery).values(row | {"received_at": LAST + 110 * MINUTE, "not_before": LAST}))
    assert watched(tools, 111 * MINUTE)["sf"]["silence"]["heard_again_at"] == "2026-06-16T02:50:00Z"
    assert watched(tools, 120 * MINUTE)["sf"]["silence"] is None


def test_how_far_polling_is(tools) -> None:
    watched(tools, 5 * MINUTE)
    polled = {"polled_through": LAST, "poll_at": LAST + 10 * MINUTE, "recovered": 7, "failures": 2, "poll_error": "401"}
    with tools.state.database.write() as c:
        c.execute(update(Feed).where(Feed.source_id == 1).values(polled))
    found = watched(tools, 6 * MINUTE)["sf"]
    assert [found[name] for name in ("polled_through", "next_poll_at", "recovered", "failures", "error")] == [
        "2026-06-16T01:00:00Z",
        "2026-06-16T01:10:00Z",
        7,
        2,
        "401",
    ]


def test_health_says_so_and_stays_ready(tools) -> None:
    watched(tools, 5 * MINUTE)
    assert tools.client.get("/health/ready").json() == {"status": "ready"}
    watched(tools, 100 * MINUTE)
    answer = tools.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "dark_feeds": 1})
    assert tools.client.get("/health").json()["dark_feeds"] == 1
    tools.asks("POST", "/v1/sources/sf/disable")
    assert tools.client.get("/health").json()["dark_feeds"] == 0


def test_reading_is_enough(tools, token) -> None:
    assert tools.client.get("/v1/feeds", headers=token("read")).status_code == 200
    assert tools.client.get("/v1/feeds").status_code == 401
    assert tools.client.get("/v1/feeds?page=1", headers=token("read")).status_code == 400
