"""Who is who over REST: what is in doubt, joining, parting, splitting."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.contract import ExternalId
from tests.api.conftest import MAIL, H, Office, person
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

INFO = ExternalId("email", "info@yamada.example")


@pytest.fixture
def shared(office: Office) -> Office:
    """Leads 1 and 2 run and share an address of the company, whose own lead is 3."""
    for number, name in ((1, "佐藤 翔太"), (2, "林 彩")):
        who = person(number)
        office.happens(
            fact("lead", FRIDAY, lead=(*who, INFO), name=name, company="山田製作所"),
            *mql(FRIDAY + number * H, lead=who),
        )
    return office


def verdicts(office: Office, lead: int) -> list[str]:
    return [handoff["verdict"] for handoff in office.get(f"/v1/leads/{lead}")["handoffs"]]


def test_what_is_in_doubt_names_the_address_and_who_uses_it(shared) -> None:
    (unclear,) = shared.get("/v1/identities")["items"]
    assert (unclear["why"], unclear["ids"], unclear["count"]) == (
        "ambiguous",
        [{"system": "email", "value": "info@yamada.example"}],
        2,
    )
    assert unclear["lead"] == {"id": 3, "name": None, "company": None}
    assert [other["name"] for other in unclear["others"]] == ["佐藤 翔太", "林 彩"]
    assert shared.get("/v1/identities?limit=1")["next_cursor"] is None
    shared.happens(*(fact("lead", FRIDAY, lead=(*person(n), MAIL)) for n in (1, 2)))
    first = shared.get("/v1/identities", limit=1)
    second = shared.get("/v1/identities", limit=1, cursor=first["next_cursor"])
    assert {page["items"][0]["ids"][0]["value"] for page in (first, second)} == {INFO.value, MAIL.value}
    assert second["next_cursor"] is None


def test_joined_leads_are_one_and_the_other_says_which(shared) -> None:
    answer = shared.asks("POST", "/v1/identities/join", json={"leads": [2, 1], "note": "本人に確認"})
    assert answer.status_code == 200
    (stays,) = answer.json()["leads"]
    assert (stays["id"], len(stays["identities"])) == (1, 3), "the address is theirs now"
    assert shared.get("/v1/identities")["items"] == []
    assert [lead["id"] for lead in shared.get("/v1/leads")["items"]] == [1]
    gone = shared.get("/v1/leads/2")
    assert (gone["joined_into"], gone["identities"]) == (1, [])
    assert shared.get("/v1/leads/1")["joined_into"] is None
    assert (verdicts(shared, 1), verdicts(shared, 2)) == (["on_track"], ["voided"])


def test_split_they_are_two_again(shared) -> None:
    shared.asks("POST", "/v1/identities/join", json={"leads": [1, 2]})
    ids = [{"system": "hubspot", "value": "502"}]
    answer = shared.asks("POST", "/v1/leads/1/split", json={"ids": ids})
    assert answer.status_code == 200
    assert [lead["id"] for lead in answer.json()["leads"]] == [1, 2]
    assert answer.json()["leads"][1] == {"id": 2, "name": "林 彩", "company": "山田製作所", "identities": ids}
    assert (verdicts(shared, 1), verdicts(shared, 2)) == (["on_track"], ["on_track"])


def test_parted_nothing_is_in_doubt_any_more(shared) -> None:
    answer = shared.asks("POST", "/v1/identities/part", json={"leads": [1, 2]})
    assert [lead["id"] for lead in answer.json()["leads"]] == [1, 2]
    assert shared.get("/v1/identities")["items"] == []


def test_an_address_is_given_to_somebody_in_whatever_case_it_is_written(shared) -> None:
    body = {"leads": [2], "ids": [{"system": "email", "value": "INFO@yamada.example"}]}
    (lead,) = shared.asks("POST", "/v1/identities/join", json=body).json()["leads"]
    assert {"system": "email", "value": "info@yamada.example"} in lead["identities"]
    assert shared.get("/v1/identities")["items"] == []


@pytest.mark.parametrize(
    ("path", "body", "pointer", "code"),
    [
        ("identities/join", {}, "", "one_lead"),
        ("identities/join", {"leads": [1, 99]}, "/leads/1", "unknown_lead"),
        ("identities/join", {"leads": ["1"]}, "/leads/0", "int_type"),
        ("identities/join", {"leads": [1], "ids": [{"system": "x", "value": "y"}]}, "/ids/0", "unknown_id"),
        ("identities/part", {"leads": [1, 1]}, "", "one_lead"),
        ("leads/1/split", {"ids": []}, "/ids", "too_short"),
        ("leads/1/split", {}, "/ids", "missing"),
        ("leads/1/split", {"ids": [{"system": "hubspot", "value": "502"}]}, "/ids/0", "not_its_id"),
        ("leads/1/split", {"ids": [{"system": "hubspot", "value": "501"}]}, "/ids", "one_id"),
        ("leads/1/split", {"ids": [{"system": "hubspot", "value": ""}]}, "/ids/0/value", "string_too_short"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(shared, path: str, body: Any, pointer: str, code: str) -> None:
    answer = shared.asks("POST", f"/v1/{path}", json=body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


def test_a_lead_that_is_not_there(shared) -> None:
    body = {"ids": [{"system": "hubspot", "value": "501"}]}
    answer = shared.asks("POST", "/v1/leads/99/split", json=body, headers={"Accept-Language": "ja"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "リード 99 は見つかりません。")
    shared.asks("POST", "/v1/identities/join", json={"leads": [1, 2]})
    (error,) = shared.asks("POST", "/v1/leads/2/split", json=body).json()["errors"]
    assert error["message_ja"] == "リード 2 はリード 1 に統合されています。1 を指定してください。"
