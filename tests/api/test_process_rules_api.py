"""Process rules through REST: agreed on, checked against the data, changed, withdrawn; nonsense names its field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import FRIDAY

RULE: dict[str, Any] = {"key": "owned", "text": "担当者のいないMQLを残さない", "check": "ownerless"}
AGREED: dict[str, Any] = {"text": "対応後2時間以内に記録する", "check": None, "most": 0, "agreed_on": "2026-09-10"}


@pytest.fixture
def rules(office) -> Any:
    """A rule of eight days ago, which one handoff violates."""
    office.becomes_mql()
    with office.state.database.write() as c:
        c.exec_driver_sql("UPDATE handoffs SET owner = NULL")
    made = office.asks("POST", "/v1/process-rules", json=RULE | {"agreed_on": "2026-09-10", "series": "default"})
    assert made.status_code == 201, made.text
    return office


def test_agreed_on_and_listed(rules) -> None:
    (shown,) = rules.get("/v1/process-rules")["items"]
    assert shown == {
        "key": "owned",
        "version": 1,
        "text": "担当者のいないMQLを残さない",
        "check": "ownerless",
        "most": 0,
        "agreed_on": "2026-09-10",
        "series": "default",
        "meeting": None,
        "by": "test admin",
        "created_at": "2026-09-18T08:30:00Z",
        "withdrawn_at": None,
        "withdrawn_by": None,
        "withdrawn_reason": None,
        "state": "violated",
        "cases": 1,
        "since": "2026-09-11T08:30:00Z",
        "days": 8,
        "told": "守られていません(直近7日間に1件)",
        "rows": "/v1/quality/ownerless?days=7",
    }
    assert len(rules.get(shown["rows"].partition("?")[0], days=7)["items"]) == 1


def test_agreed_on_today_unless_said_otherwise(rules) -> None:
    made = rules.asks("POST", "/v1/process-rules", json=RULE | {"key": "b"}, headers={"Accept-Language": "en"}).json()
    assert (made["agreed_on"], made["state"]) == ("2026-09-18", "in_grace")
    assert made["told"] == "agreed on less than 7 days ago; cases so far: 1"


def test_a_change_makes_a_version_and_keeps_the_earlier_one(rules) -> None:
    changed = rules.asks("PUT", "/v1/process-rules/owned", json=AGREED | {"version": 1}).json()
    assert (changed["version"], changed["state"], changed["cases"], changed["rows"]) == (2, "unchecked", None, None)
    assert changed["series"] is None, "a version is put as a whole"
    file = rules.get("/v1/process-rules/owned")
    assert file["rule"] == changed
    assert [(v["version"], v["text"]) for v in file["versions"]] == [(2, AGREED["text"]), (1, RULE["text"])]
    overtaken = rules.asks("PUT", "/v1/process-rules/owned", json=AGREED | {"version": 1})
    assert (overtaken.status_code, overtaken.json()["type"].rpartition("/")[2]) == (409, "conflict")


def test_withdrawn_with_a_reason(rules, clock) -> None:
    clock.now = FRIDAY + timedelta(hours=1)
    gone = rules.asks("POST", "/v1/process-rules/owned/withdraw", json={"reason": "自動で割り当てられる"}).json()
    assert (gone["state"], gone["withdrawn_at"], gone["withdrawn_by"], gone["withdrawn_reason"]) == (
        "withdrawn",
        "2026-09-18T09:30:00Z",
        "test admin",
        "自動で割り当てられる",
    )
    assert rules.get("/v1/process-rules")["items"] == []
    assert [r["state"] for r in rules.get("/v1/process-rules", withdrawn=True)["items"]] == ["withdrawn"]
    again = rules.asks("POST", "/v1/process-rules/owned/withdraw", json={"reason": "x"})
    assert (again.status_code, again.json()["errors"][0]["code"]) == (422, "withdrawn")


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"key": "owned"}, "/key"),
        ({"key": "担当"}, "/key"),
        ({"text": " "}, "/text"),
        ({"text": "a\x00"}, "/text"),
        ({"text": "x" * 2001}, "/text"),
        ({"check": "tidy"}, "/check"),
        ({"most": -1}, "/most"),
        ({"most": "3"}, "/most"),
        ({"agreed_on": "2026-09-19"}, "/agreed_on"),
        ({"agreed_on": "1999-12-31"}, "/agreed_on"),
        ({"agreed_on": "2026-02-30"}, "/agreed_on"),
        ({"meeting": 3}, "/series"),
        ({"series": "default", "meeting": 0}, "/meeting"),
        ({"series": "nowhere"}, "/series"),
        ({"cheque": "ownerless"}, "/cheque"),
    ],
)
def test_nonsense_is_refused(rules, changed, place) -> None:
    refused = rules.asks("POST", "/v1/process-rules", json=RULE | {"key": "other"} | changed)
    assert refused.status_code == 422, refused.text
    assert [error["pointer"] for error in refused.json()["errors"]] == [place]
    assert refused.headers["content-type"] == "application/problem+json"
    assert len(rules.get("/v1/process-rules")["items"]) == 1


def test_what_is_not_there_and_who_may(rules, client, token) -> None:
    for method, path, body in (
        ("GET", "/v1/process-rules/other", None),
        ("PUT", "/v1/process-rules/other", AGREED),
        ("POST", "/v1/process-rules/other/withdraw", {"reason": "x"}),
    ):
        answer = rules.asks(method, path, json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, "運用ルール other は見つかりません。")
    earlier = rules.asks("PUT", "/v1/process-rules/owned", json=AGREED | {"agreed_on": "2026-09-09"})
    assert [error["pointer"] for error in earlier.json()["errors"]] == ["/agreed_on"]
    assert rules.asks("POST", "/v1/process-rules/owned/withdraw", json={}).json()["errors"][0]["pointer"] == "/reason"
    assert client.post("/v1/process-rules", json=RULE, headers=token("read")).status_code == 403
    assert client.get("/v1/process-rules", headers=token("read")).status_code == 200
    assert client.get("/v1/process-rules").status_code == 401
