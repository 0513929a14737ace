"""Agenda templates and the attendees, rooms and templates of series, over REST."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Office

TEMPLATE: dict[str, Any] = {
    "name": "週次60分",
    "minutes": 60,
    "items": [
        {"block": "kpi_review", "minutes": 25},
        {"block": "free", "minutes": 30, "title": "展示会の準備", "owner": "marketing_lead"},
        {"block": "decisions", "minutes": 5},
    ],
}
SATO = {"name": "佐藤", "email": "sato@example.jp", "role": "marketing_lead", "duty": "facilitator"}
SERIES: dict[str, Any] = {"name": "東日本会議", "weekday": "thu", "time": "10:00", "first": "2026-09-24"}
PATH = "/v1/agenda-templates"


def put(office: Office, key: str, document: Any, language: str = "ja") -> Any:
    return office.asks("PUT", f"{PATH}/{key}", json=document, headers={"Accept-Language": language})


def agree(office: Office, key: str, language: str = "ja", **changes: Any) -> Any:
    body = {"series": SERIES | changes}
    return office.asks("PUT", f"/v1/meetings/series/{key}", json=body, headers={"Accept-Language": language})


def mistakes(answer: Any) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize("minutes", [60, 75, 90])
def test_what_comes_with_tasuki_can_be_taken_for_ones_own(office, minutes) -> None:
    found = office.get(f"{PATH}/built-in/{minutes}")
    assert found["template"]["name"] == f"標準の議題({minutes}分)"
    assert sum(item["minutes"] for item in found["agenda"]) == minutes
    assert found["warnings"] == []
    saved = put(office, "own", found["template"])
    assert (saved.status_code, saved.json()["version"], saved.json()["template"]) == (200, 1, found["template"])


def test_items_are_told_in_the_readers_language(office) -> None:
    headers = {"Accept-Language": "en"}
    (first, *_) = office.asks("GET", f"{PATH}/built-in/60", headers=headers).json()["agenda"]
    assert (first["title"], first["owner"], first["owner_in_words"]) == (
        "Action items of the last meeting",
        "facilitator",
        "Facilitator",
    )
    put(office, "own", TEMPLATE)
    said = office.get(f"{PATH}/own")["agenda"]
    assert [(item["title"], item["owner_in_words"]) for item in said[:2]] == [
        ("KPIレビュー", "マーケティング責任者"),
        ("展示会の準備", "マーケティング責任者"),
    ]
    assert said[1]["question"] == "この議題で何を決めるか。"


@pytest.mark.parametrize("minutes", ["61", "0", "x", "060"])
def test_there_is_no_template_of_another_length(office, minutes) -> None:
    answer = office.asks("GET", f"{PATH}/built-in/{minutes}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "minutes"


def test_versions_and_who_is_held_by_them(office) -> None:
    put(office, "own", TEMPLATE)
    assert put(office, "own", TEMPLATE).json()["version"] == 1
    assert agree(office, "east", template="own").status_code == 200
    found = put(office, "own", TEMPLATE | {"name": "隔週60分"}).json()
    assert (found["version"], found["used_by"], found["by"]) == (2, ["east"], "test admin")
    assert (found["status_minutes"], found["status_share"]) == (25, 0.417)
    assert [said for said in found["warnings"] if "進捗報告だけの連絡会" in said]
    assert [(each["version"], each["template"]["name"]) for each in found["versions"]] == [
        (2, "隔週60分"),
        (1, "週次60分"),
    ]
    assert office.get(f"{PATH}/own") == found
    assert [(each["key"], each["version"]) for each in office.get(PATH)["items"]] == [("own", 2)]
    assert office.asks("GET", f"{PATH}/none").status_code == 404
    assert mistakes(put(office, "own", TEMPLATE | {"minutes": 90})) == [("/items", "boxes_under")]
    longer = {"minutes": 90, "items": [*TEMPLATE["items"], {"block": "sla_review", "minutes": 30}]}
    assert mistakes(put(office, "own", TEMPLATE | longer)) == [("/minutes", "in_use")]


@pytest.mark.parametrize(
    ("changes", "pointer", "code", "ja", "en"),
    [
        (
            {"items": [*TEMPLATE["items"], {"block": "sla_review", "minutes": 35}]}, "/items", "boxes_over",
            "合計が95分です。会議時間の60分を35分超えて", "95 minutes, 35 more",
        ),
        (
            {"items": [{"block": "kpi_revue", "minutes": 60}]}, "/items/0/block", "enum",
            "`kpi_review` ではありませんか", "Did you mean `kpi_review`?",
        ),
        ({"items": [{"block": "free", "minutes": 60}]}, "/items/0/title", "needed", "件名", "title"),
        ({"name": "a\x00"}, "/name", "one_line", "1行", "one line"),
        ({"name": "a" * 101}, "/name", "string_too_long", "100", "100"),
        ({"items": [{"block": "decisions", "minutes": 10**30}]}, "/items/0/minutes", "less_than_equal", "60", "60"),
        ({"items": None}, "/items", "tuple_type", "リスト", "a list"),
        ({"room": "A"}, "/room", "extra_forbidden", "`room`", "`room`"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_held_is_refused(office, changes, pointer, code, ja, en) -> None:
    for language, said in (("ja", ja), ("en", en)):
        answer = put(office, "own", TEMPLATE | changes, language)
        assert mistakes(answer) == [(pointer, code)]
        assert said in answer.json()["errors"][0][f"message_{language}"]
    assert office.get(PATH)["items"] == []
    assert "受け付け" in put(office, "own", TEMPLATE | changes).json()["title"]


def test_only_an_admin_changes_templates(office, token) -> None:
    assert office.asks("PUT", f"{PATH}/own", json=TEMPLATE, headers=token("write")).status_code == 403
    assert office.asks("PUT", f"{PATH}/Own", json=TEMPLATE).status_code == 422


def test_a_series_with_its_attendees_room_and_warnings(office) -> None:
    answer = agree(office, "east", attendees=[SATO], room="会議室A", every_weeks=4)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["series"]["attendees"] == [SATO | {"delegate": ""}]
    assert said["warnings"] == [
        "月次では間隔が空きすぎて施策の軌道修正が遅れるリスクがあります。",
        "参加者に営業責任者がいません。",
        "参加者にインサイドセールス担当がいません。",
    ]
    headers = {"Accept-Language": "en"}
    found = office.asks("GET", "/v1/meetings/series/east", headers=headers).json()
    assert found["warnings"][1] == "The head of sales is not among the attendees."
    assert office.get("/v1/meetings/series")["items"][0]["warnings"] == []


@pytest.mark.parametrize(
    ("changes", "pointer", "code", "ja", "en"),
    [
        ({"minutes": 95}, "/series/minutes", "literal_error", "`90`", "`90`"),
        ({"every_weeks": 3}, "/series/every_weeks", "literal_error", "`4`", "`4`"),
        ({"first": "2026-09-17"}, "/series/first", "in_the_past", "過去の日付", "This day is over"),
        ({"first": "1999-12-31"}, "/series/first", "year", "2000年", "2000"),
        ({"first": "9999-12-31"}, "/series/first", "year", "2099年", "2099"),
        ({"template": "none"}, "/series/template", "unknown_template", "none はありません", "no agenda template none"),
        (
            {"template": "own", "minutes": 75}, "/series/template", "another_length",
            "60分用です。会議は75分", "for 60 minutes, the meeting takes 75",
        ),
        (
            {"attendees": [SATO | {"email": "山田"}]}, "/series/attendees/0/email", "no_address",
            "メールアドレス", "e-mail address",
        ),
        (
            {"attendees": [SATO | {"duty": None}]}, "/series/attendees/0/email", "person_taken",
            "「西日本会議」の予定があります", "is in “西日本会議” at the same time: Thu 2026-09-24 10:00",
        ),
        (
            {"room": "会議室a"}, "/series/room", "room_taken",
            "2026-09-24(木) 10:00 に、同じ会議室で「西日本会議」", "is in this room at the same time: Thu 2026-09-24",
        ),
    ],
)  # fmt: skip
def test_a_series_that_cannot_be_held_is_refused(office, changes, pointer, code, ja, en) -> None:
    put(office, "own", TEMPLATE)
    assert agree(office, "west", name="西日本会議", attendees=[SATO], room="会議室A").status_code == 200
    for language, said in (("ja", ja), ("en", en)):
        answer = agree(office, "east", language, **changes)
        assert mistakes(answer) == [(pointer, code)]
        assert said in answer.json()["errors"][0][f"message_{language}"]
    assert office.asks("GET", "/v1/meetings/series/east").status_code == 404


def test_a_series_that_began_in_the_past_can_still_be_changed(office) -> None:
    before = office.get("/v1/meetings/series/default")["series"]
    assert before["first"] < "2026-09-18"
    body = {"series": before | {"room": "会議室A", "template": ""}}
    answer = office.asks("PUT", "/v1/meetings/series/default", json=body)
    assert (answer.status_code, answer.json()["series"]["room"]) == (200, "会議室A")
