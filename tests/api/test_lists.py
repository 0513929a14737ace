"""Lists: what is asked for, in pages that rows which come meanwhile do not shift."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.models import Alert
from tests.api.conftest import person
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)


def walk(office: Any, path: str, between: Any = lambda: None, **query: Any) -> list[int]:
    """The ids of all pages, by following `Link`; `between` happens after every page."""
    found: list[int] = []
    address = str(office.client.build_request("GET", path, params=query | {"limit": 2}).url)
    while address:
        answer = office.asks("GET", address)
        assert answer.status_code == 200, answer.text
        found += [item["id"] for item in answer.json()["items"]]
        assert bool(answer.json()["next_cursor"]) is ("link" in answer.headers)
        address = answer.links.get("next", {}).get("url", "")
        assert address.count("cursor=") == bool(address)
        between()
    return found


def test_pages_stay_in_step_while_rows_are_added(office) -> None:
    for number in range(1, 8):
        office.becomes_mql(number, number * H)
    before = [item["id"] for item in office.get("/v1/handoffs")["items"]]
    numbers = iter(range(8, 100))

    def one_more_comes_early_and_one_late() -> None:
        office.becomes_mql(next(numbers), -48 * H)
        office.becomes_mql(next(numbers), 3 * H)

    seen = walk(office, "/v1/handoffs", one_more_comes_early_and_one_late)
    assert [each for each in seen if each in before] == before, "none twice, none missed, in order"


def test_handoffs_with_the_same_deadline_are_told_apart_by_their_number(office) -> None:
    for number in range(1, 6):
        office.becomes_mql(number)
    assert walk(office, "/v1/handoffs") == [item["id"] for item in office.get("/v1/handoffs")["items"]]
    assert len(set(walk(office, "/v1/handoffs"))) == 5


def test_a_lead_that_changes_while_one_pages_is_met_again(office) -> None:
    for number in range(1, 6):
        office.clock.advance(H)
        office.becomes_mql(number)
    first = office.get("/v1/leads", limit=2)
    office.clock.advance(H)
    office.called(1, number=1)
    rest = walk(office, "/v1/leads", cursor=first["next_cursor"])
    assert [item["id"] for item in first["items"]] + rest == [1, 2, 3, 4, 5, 1]


@pytest.fixture
def mixed(office):
    """1 called in time, 2 and 3 overdue, 4 fresh and nobody's."""
    for number in (1, 2, 3):
        office.becomes_mql(number, number * H)
    office.called(2, number=1)
    office.hours_pass(40)
    office.happens(*mql(FRIDAY + 40 * H, lead=person(4)))
    return office


@pytest.mark.parametrize(
    ("query", "leads"),
    [
        ({}, [1, 2, 3, 4]),
        ({"verdict": "breached"}, [2, 3]),
        ({"verdict": ["met", "on_track"]}, [1, 4]),
        ({"owner": "tanaka"}, [1, 2, 3]),
        ({"owner": "nobody"}, []),
        ({"unowned": "true"}, [4]),
        ({"unowned": "false", "verdict": "met"}, [1]),
        ({"policy": "mql"}, [1, 2, 3, 4]),
        ({"policy": "other"}, []),
        ({"lead_id": 3}, [3]),
        ({"due_before": "2026-09-19T10:30:00Z"}, [1]),
        ({"due_from": "2026-09-19T19:30:00+09:00", "due_before": "2026-09-19T20:30:00+09:00"}, [2]),
        ({"updated_since": "2026-09-20T00:00:00Z"}, [2, 3, 4]),
    ],
)
def test_filters(mixed, query, leads) -> None:
    assert [item["lead"]["id"] for item in mixed.get("/v1/handoffs", **query)["items"]] == leads
    assert walk(mixed, "/v1/handoffs", **query) == [item["id"] for item in mixed.get("/v1/handoffs", **query)["items"]]


def test_a_plus_sign_that_was_not_escaped_is_understood(mixed) -> None:
    answer = mixed.asks("GET", "/v1/handoffs?due_before=2026-09-19T19:30:00+09:00")
    assert [item["lead"]["id"] for item in answer.json()["items"]] == [1]


def test_a_cursor_belongs_to_its_list(mixed) -> None:
    cursor = mixed.get("/v1/handoffs", limit=1)["next_cursor"]
    assert mixed.asks("GET", "/v1/alerts", params={"cursor": cursor}).status_code == 422


def test_a_lead_with_its_ids_attributes_and_handoffs(office) -> None:
    office.becomes_mql()
    office.happens(fact("lead", FRIDAY, lead=person(1), attributes={"industry": "製造"}))
    found = office.get("/v1/leads", known_as="hubspot:501")["items"]
    assert [item["name"] for item in found] == ["佐藤 翔太"]
    file = office.get(f"/v1/leads/{found[0]['id']}")
    assert file["identities"] == [{"system": "hubspot", "value": "501"}]
    assert file["attributes"] == {"industry": "製造"}
    assert [handoff["verdict"] for handoff in file["handoffs"]] == ["on_track"]
    assert office.get("/v1/leads", known_as="hubspot:999")["items"] == []
    assert office.get("/v1/leads", updated_since="2026-09-19T00:00:00Z")["items"] == []


def test_one_handoff_says_how_much_time_is_left(office) -> None:
    office.becomes_mql()
    office.hours_pass(23.5)
    assert office.get("/v1/handoffs/1")["remaining"] == {"wall_seconds": 1800, "policy_seconds": 1800}
    office.hours_pass(25)
    assert office.get("/v1/handoffs/1")["remaining"] == {"wall_seconds": -3600, "policy_seconds": -3600}
    office.called(25)
    assert office.get("/v1/handoffs/1")["remaining"] is None


def test_alerts_are_listed_and_retried(mixed) -> None:
    with mixed.state.database.write() as c:
        c.execute(update(Alert).where(Alert.handoff_id == 2).values(state="undeliverable", last_error="no address"))
    states = [item["state"] for item in mixed.get("/v1/alerts", state="undeliverable")["items"]]
    assert states == ["undeliverable"] * 2
    numbers = walk(mixed, "/v1/alerts")
    assert numbers == sorted(numbers, reverse=True)
    assert {item["reason"] for item in mixed.get("/v1/alerts", reason="breached")["items"]} == {"breached"}
    first = mixed.get("/v1/alerts", handoff_id=2)["items"][0]
    again = mixed.asks("POST", f"/v1/alerts/{first['id']}/retry").json()
    assert (again["state"], again["attempts"], again["next_try_at"]) == ("owed", 0, "2026-09-20T00:30:00Z")
    refused = mixed.asks("POST", f"/v1/alerts/{first['id']}/retry")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "conflict")
    assert mixed.asks("POST", "/v1/alerts/retry").json() == {"retried": 1}
