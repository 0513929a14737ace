"""The brief, its feedback and completeness, and what became of leads over the API; the brief on the handoff's page."""

from __future__ import annotations

from typing import Any

import pytest

from app.flows import funnel
from tests.api.conftest import H, person
from tests.conftest import FRIDAY
from tests.flows.conftest import fact

JA, EN = {"Accept-Language": "ja"}, {"Accept-Language": "en"}


@pytest.fixture
def lead(office) -> dict[str, int]:
    """A lead that became MQL, with a call before and a phone number that nobody may see."""
    office.happens(
        fact("lead", FRIDAY - 9 * H, lead=person(1), attributes={"industry": "製造", "phone": "03-1234-5678"}),
        fact("follow_up", FRIDAY - 800 * H, lead=person(1), channel="call", automated=False, by="鈴木", outcome="不在"),
    )
    office.becomes_mql()
    funnel.catch_up(office.state.database)
    (handoff,) = office.get("/v1/handoffs")["items"]
    return {"lead": handoff["lead"]["id"], "handoff": handoff["id"]}


def sections(office: Any, lead: int, headers: dict[str, str]) -> dict[str, list[str]]:
    told = office.asks("GET", f"/v1/leads/{lead}/brief", headers=headers).json()["sections"]
    return {section["title"]: section["lines"] for section in told}


def test_a_brief_in_both_tongues(office, lead) -> None:
    ja, en = sections(office, lead["lead"], JA), sections(office, lead["lead"], EN)
    assert list(ja) == ["なぜMQL", "直近の行動", "関心トピック", "過去の接点", "過去の引き渡し", "商談", "企業の情報"]
    assert ja["直近の行動"][0] == "9/18(金) 16:30 資料1(資料ダウンロード)"
    assert ja["過去の接点"] == ["2026-08-16(日) 09:30 電話(不在) 鈴木 今回の引き渡し前"]
    assert (ja["商談"], en["Opportunities"]) == (["情報なし"], ["no information"])
    assert en["Past touches"] == ["Sun 2026-08-16 09:30 Call (不在) 鈴木 before this handoff"]


def test_a_brief_for_programs(office, lead) -> None:
    found = office.get(f"/v1/leads/{lead['lead']}/brief")
    assert (found["handoff_id"], found["attributes"], found["earlier"]) == (lead["handoff"], {"industry": "製造"}, [])
    assert [touch["before_handoff"] for touch in found["touches"]] == [True]
    assert found["completeness"]["present"] == 5
    assert [each["field"] for each in found["completeness"]["missing"]] == ["source", "topics"]
    assert "1234" not in str(found)


@pytest.mark.parametrize(("number", "status"), [("4711", 404), ("0", 422), (str(10**20), 422), ("x", 422)])
def test_a_lead_that_is_not_there(office, number: str, status: int) -> None:
    assert office.asks("GET", f"/v1/leads/{number}/brief").status_code == status


def test_feedback_is_kept_and_counted(office, lead) -> None:
    path = f"/v1/handoffs/{lead['handoff']}/brief-feedback"
    for body in ({"helpful": False}, {"helpful": True, "note": " 話題がつかめた "}, {"helpful": False, "by": "鈴木"}):
        answer = office.asks("POST", path, json=body)
        assert answer.status_code == 201
    said = [(each["by"], each["helpful"], each["note"]) for each in office.get(path)["items"]]
    assert said == [("鈴木", False, ""), ("test admin", True, "話題がつかめた")]
    shown = office.get("/v1/brief/completeness", first="2026-09-18", last="2026-09-18")
    assert (shown["mqls"], shown["helpful"]["part"], shown["helpful"]["whole"]) == (1, 1, 2)
    assert shown["average"] == pytest.approx(5 / 7, abs=1e-4)
    assert [(each["field"], each["mqls"]) for each in shown["missing"]] == [("source", 1), ("topics", 1)]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/helpful"),
        ({"helpful": "yes"}, "/helpful"),
        ({"helpful": 1}, "/helpful"),
        ({"helpful": True, "note": "x" * 1001}, "/note"),
        ({"helpful": True, "note": "a\x00"}, "/note"),
        ({"helpful": True, "by": "a\nb"}, "/by"),
        ({"helpful": True, "thumbs": 1}, "/thumbs"),
    ],
)
def test_feedback_that_cannot_be(office, lead, body: dict[str, Any], pointer: str) -> None:
    answer = office.asks("POST", f"/v1/handoffs/{lead['handoff']}/brief-feedback", json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_feedback_about_nothing(office) -> None:
    for method, given in (("POST", {"json": {"helpful": True}}), ("GET", {})):
        answer = office.asks(method, "/v1/handoffs/4711/brief-feedback", headers=JA, **given)
        assert (answer.status_code, answer.json()["detail"]) == (404, "引き渡し 4711 は見つかりません。")


def test_sales_chooses_what_it_wants(office, lead) -> None:
    assert office.get("/v1/brief/fields")["version"] == 0
    put = office.asks("PUT", "/v1/brief/fields", json={"fields": ["company", "attribute:industry"]})
    assert put.json() == {"version": 1, "fields": ["company", "attribute:industry"]} == office.get("/v1/brief/fields")
    assert office.get("/v1/brief/completeness", first="2026-09-01")["average"] == 1
    for fields, pointer in ((["topcis"], "/fields/0"), ([], "/fields"), (["company", "company"], "/fields")):
        answer = office.asks("PUT", "/v1/brief/fields", json={"fields": fields}, headers=JA)
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert answer.json()["errors"][0]["message_ja"] == "company が重複しています。"


def test_a_period_that_ends_before_it_begins(office) -> None:
    answer = office.asks("GET", "/v1/brief/completeness", params={"first": "2026-09-02", "last": "2026-09-01"})
    assert [error["parameter"] for error in answer.json()["errors"]] == ["last"]


def test_what_became_of_leads_as_a_feed(office, lead) -> None:
    office.happens(fact("disposition", FRIDAY, lead=person(1), outcome="rejected", reason="routing"))
    office.becomes_mql(2)
    funnel.catch_up(office.state.database)
    first = office.asks("GET", "/v1/leads/outcomes", params={"limit": 1}, headers=JA).json()
    (found,) = first["items"]
    assert (found["lead_id"], found["name"]) == (lead["lead"], "佐藤 翔太")
    told = [(each["became"], each["reason"], each["in_words"]) for each in found["outcomes"]]
    assert told == [("followed_up", None, "対応済み"), ("rejected", "routing", "差戻し(担当違い)")]
    rest = office.get("/v1/leads/outcomes", cursor=first["next_cursor"])
    assert ([item["outcomes"] for item in rest["items"]], rest["next_cursor"]) == ([[]], None)
    assert office.get("/v1/leads/outcomes", since="2026-09-18T08:31:00Z")["items"] == []
    assert office.asks("GET", "/v1/leads/outcomes", params={"since": "yesterday"}).status_code == 422


def test_the_page_of_a_handoff_shows_the_brief(office, lead, client, sign_in_as) -> None:
    sign_in_as("rep")
    page = client.get(f"/handoffs/{lead['handoff']}?lang=ja").text
    assert "顧客情報" in page
    assert "充足度 5/7(不足: 流入元・関心トピック)" in page
    assert "今回の引き渡し前" in page
    assert "情報なし" in page
    assert "1234" not in page
