"""Bad input: what is wrong, where, in both tongues, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from app.api.problems import ADVICE, TITLES

CALL = {"kind": "follow_up", "lead_id": 1, "channel": "call"}
PAST = "2026-09-18T00:00:00Z"
POLICY = {"key": "mql", "name": "MQL", "rule": {"score": {"at_least": 80}}}


@pytest.mark.parametrize(
    ("method", "path", "body", "place", "code", "suggestion"),
    [
        ("POST", "/v1/follow-ups", CALL | {"channel": "cal"}, "/channel", "literal_error", "call"),
        ("POST", "/v1/follow-ups", CALL | {"kind": "folow_up"}, "/kind", "union_tag_invalid", "follow_up"),
        ("POST", "/v1/follow-ups", {**CALL, "chanel": "call"}, "/chanel", "extra_forbidden", "channel"),
        ("POST", "/v1/follow-ups", CALL | {"lead_id": "1"}, "/lead_id", "int_type", None),
        ("POST", "/v1/follow-ups", CALL | {"lead_id": True}, "/lead_id", "int_type", None),
        ("POST", "/v1/follow-ups", CALL | {"lead_id": 10**30}, "/lead_id", "less_than_equal", None),
        ("POST", "/v1/follow-ups", CALL | {"occurred_at": 1789000000}, "/occurred_at", "moment", None),
        ("POST", "/v1/follow-ups", CALL | {"occurred_at": "2026-09-18 17:30"}, "/occurred_at", "moment", None),
        ("POST", "/v1/follow-ups", CALL | {"occurred_at": "0001-01-01T00:00:00+09:00"}, "/occurred_at", "year", None),
        ("POST", "/v1/follow-ups", CALL | {"by": "\x00"}, "/by", "not_storable", None),
        ("POST", "/v1/follow-ups", [], "", "model_attributes_type", None),
        ("POST", "/v1/policies", {"policy": POLICY | {"clok": "elapsed"}}, "/policy/clok", "extra_forbidden", "clock"),
        ("POST", "/v1/policies", {"policy": POLICY | {"calendar": "no"}}, "/policy/calendar", "unknown_calendar", None),
        ("POST", "/v1/policies", {"policy": POLICY, "effective_from": PAST}, "/effective_from", "in_the_past", None),
        (
            "POST",
            "/v1/policies",
            {"policy": POLICY | {"rule": {"all": [{"score": {"atleast": 80}}]}}},
            "/policy/rule/all/0/score/atleast",
            "extra_forbidden",
            "at_least",
        ),
        ("POST", "/v1/calendars", {"calendar": {"weekly": {}, "contry": "JP"}}, "/calendar/contry", None, "country"),
        (
            "POST",
            "/v1/calendars",
            {"calendar": {"weekly": {"mon": ["09:00-18:00"]}, "country": "JA"}},
            "/calendar/country",
            "unknown_country",
            "JP",
        ),
        ("POST", "/v1/sources", {"name": "a b", "kind": "standard"}, "/name", "wrong_name", None),
        ("POST", "/v1/sources", {"name": "ma", "kind": "hubspott"}, "/kind", "unknown_kind", None),
        ("POST", "/v1/sources", {"name": "ma", "kind": "standard", "secret": "short"}, "/secret", None, None),
        (
            "POST",
            "/v1/sources",
            {"name": "ma", "kind": "standard", "config": {"ownerz": {}}},
            "/config/ownerz",
            "extra_forbidden",
            "owners",
        ),
        ("PUT", "/v1/meetings/series/default", {"series": {"name": ""}}, "/series/name", None, None),
    ],
)
def test_a_body_that_cannot_be_used(office, method, path, body, place, code, suggestion) -> None:
    office.becomes_mql()
    answer = office.asks(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    error = {each["pointer"]: each for each in answer.json()["errors"]}[place]
    assert error["code"] == code or code is None
    assert error.get("suggestion") == suggestion
    assert error["message_en"].isascii() or "`" in error["message_en"]
    assert not error["message_ja"].isascii()


@pytest.mark.parametrize(
    ("path", "parameter", "suggestion"),
    [
        ("/v1/handoffs?verdict=breeched", "verdict", "breached"),
        ("/v1/handoffs?limit=0", "limit", None),
        ("/v1/handoffs?limit=201", "limit", None),
        ("/v1/handoffs?due_before=tomorrow", "due_before", None),
        ("/v1/handoffs?lead_id=99999999999999999999", "lead_id", None),
        ("/v1/handoffs?owner=%00", "owner", None),
        ("/v1/handoffs?cursor=nonsense", "cursor", None),
        ("/v1/handoffs?cursor=WzFd", "cursor", None),
        ("/v1/handoffs/0", "handoff_id", None),
        ("/v1/handoffs/99999999999999999999/explain", "handoff_id", None),
        ("/v1/leads?known_as=hubspot", "known_as", None),
        ("/v1/alerts?state=owned", "state", "owed"),
        ("/v1/due?start=2026-09-18T17:30:00Z&policy=mqi", "policy", "mql"),
        ("/v1/due?policy=mql", "start", None),
    ],
)
def test_a_parameter_that_cannot_be_used(office, path, parameter, suggestion) -> None:
    answer = office.asks("GET", path)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["parameter"], error.get("suggestion")) == (parameter, suggestion)
    assert not error["message_ja"].isascii()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/leads/999"),
        ("GET", "/v1/handoffs/999"),
        ("GET", "/v1/handoffs/999/explain"),
        ("GET", "/v1/deliveries/999"),
        ("GET", "/v1/deliveries/999/payload"),
        ("POST", "/v1/deliveries/999/replay"),
        ("GET", "/v1/deliveries?source=nobody"),
        ("GET", "/v1/alerts/999"),
        ("POST", "/v1/alerts/999/retry"),
        ("GET", "/v1/sources/nobody"),
        ("POST", "/v1/sources/nobody/rotate"),
        ("POST", "/v1/sources/nobody/disable"),
        ("GET", "/v1/policies/nobody"),
        ("GET", "/v1/policies/mql/versions/9"),
        ("GET", "/v1/policies/mql/diff?from=1&to=9"),
        ("GET", "/v1/calendars/nobody"),
        ("GET", "/v1/calendars/default/versions/9"),
        ("GET", "/v1/meetings/series/nobody"),
        ("DELETE", "/v1/meetings/series/nobody"),
        ("POST", "/v1/meetings/series/nobody/feed"),
        ("GET", "/v1/meetings/next/agenda?series=nobody"),
        ("GET", "/feeds/never-given-out.ics"),
        ("GET", "/v2/leads"),
    ],
)
def test_what_does_not_exist_is_404(office, method, path) -> None:
    answer = office.asks(method, path)
    assert (answer.status_code, answer.json()["type"]) == (404, "https://tasuki.example.com/problems/not_found")
    if path.startswith("/v1"):
        assert not answer.json()["detail"].isascii()


def test_title_and_detail_are_in_the_callers_language(office) -> None:
    said = {
        language: office.asks("GET", "/v1/leads/999", headers={"Accept-Language": language}).json()
        for language in ("ja", "en-GB,en;q=0.9", "fr")
    }
    assert [each["title"] for each in said.values()] == ["見つかりません", "Not found", "見つかりません"]
    assert said["en-GB,en;q=0.9"]["detail"] == "There is no lead 999."


def test_a_body_that_is_no_json(office) -> None:
    def post(**given: Any) -> dict[str, Any]:
        (error,) = office.asks("POST", "/v1/follow-ups", **given).json()["errors"]
        return {"pointer": error["pointer"], "code": error["code"]}

    json = {"Content-Type": "application/json"}
    assert post(content=b'{"lead_id": 1', headers=json) == {"pointer": "", "code": "json_invalid"}
    assert post(content=b'{"lead_id": 1}') == {"pointer": "", "code": "not_json"}
    assert post() == {"pointer": "", "code": "not_json"}


def test_a_large_body_is_not_read_to_its_end(office, settings) -> None:
    def endless():
        for _ in range(settings.max_body_bytes // 1000 + 10):
            yield b"[" * 1000

    for content in (b"[" * (settings.max_body_bytes + 1), endless()):
        answer = office.asks("POST", "/v1/follow-ups", content=content, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (413, "too_large")
        assert str(settings.max_body_bytes) in answer.json()["detail"]


def test_a_method_that_is_not_allowed_names_those_that_are(office) -> None:
    answer = office.asks("DELETE", "/v1/policies")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


def test_a_character_that_no_database_stores_is_named_even_deep_in_a_policy(office) -> None:
    answer = office.asks("POST", "/v1/policies", json={"policy": POLICY | {"name": "a\x00b"}})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/policy/name")


@pytest.mark.parametrize("code", sorted(TITLES))
def test_every_problem_has_a_page_that_says_what_to_do(client, code) -> None:
    assert set(ADVICE) == set(TITLES)
    pages = [client.get(f"/problems/{code}", headers={"Accept-Language": each}).text for each in ("ja", "en")]
    assert pages[1] == f"{TITLES[code]}\n\n{ADVICE[code]}\n"
    assert not pages[0].isascii()
    assert client.get("/problems/nothing").status_code == 404
