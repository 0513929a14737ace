"""Visits, spend, channels and content over the API; nonsense is refused with its place, in the caller's tongue."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from app.domain.sheet import MOST_ROWS
from app.flows import funnel
from tests.api.conftest import H, person
from tests.conftest import FRIDAY
from tests.flows.conftest import fact

ROW = {"page": "/a", "campaign": "秋", "channel": "検索", "sessions": 100, "users": None, "conversions": 4}
LINE = {"channel": "展示会", "campaign": "", "planned": 300, "spent": None, "currency": "JPY"}
FILE = '日付,セッション,CV\n2026/09/17,"1,200",30\n'


def wrong(answer: Any) -> list[tuple[str, str]]:
    """Place and Japanese sentence of what is refused."""
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    return [(error.get("pointer", error.get("parameter")), error["message_ja"]) for error in errors]


# --- visits


def test_a_day_is_replaced_and_summed(office) -> None:
    for rows in ([ROW, ROW | {"page": "/b"}], [ROW | {"sessions": 200, "conversions": 30}]):
        put = office.asks("PUT", "/v1/web-visits/2026-09-17", json={"rows": rows})
        assert (put.status_code, put.json()) == (200, {"day": "2026-09-17", "rows": rows})
    assert office.get("/v1/web-visits/2026-09-17")["rows"] == [ROW | {"sessions": 200, "conversions": 30}]
    shown = office.get("/v1/web-visits", first="2026-09-01", last="2026-09-17", by="channel")
    (rate,) = shown["total"]["rates"]
    assert (rate["per"], rate["label_ja"], rate["rate"]) == ("sessions", "CVR(対セッション)", 0.15)
    assert rate["interval_95"] == pytest.approx([0.1071, 0.2061], abs=1e-4)
    assert [(item["name"], item["sessions"], item["users"]) for item in shown["items"]] == [("search", 200, None)]


def test_without_visits_there_is_no_rate(office) -> None:
    shown = office.get("/v1/web-visits")
    assert (shown["first"], shown["last"]) == ("2026-08-20", "2026-09-18")
    assert (shown["total"]["rates"], shown["items"]) == ([], [])
    assert shown["total"]["users"] is None


@pytest.mark.parametrize(
    ("day", "changed", "place"),
    [
        ("2026-09-17", {"sessions": -1}, "/rows/1/sessions"),
        ("2026-09-17", {"sessions": 10**9 + 1}, "/rows/1/sessions"),
        ("2026-09-17", {"sessions": 10**30}, "/rows/1/sessions"),
        ("2026-09-17", {"sessions": 1.5}, "/rows/1/sessions"),
        ("2026-09-17", {"sessions": "12"}, "/rows/1/sessions"),
        ("2026-09-17", {"sessions": True}, "/rows/1/sessions"),
        ("2026-09-17", {"sessions": float("nan")}, "/rows/1/sessions"),
        ("2026-09-17", {"conversions": None}, "/rows/1/conversions"),
        ("2026-09-17", {"users": float("inf")}, "/rows/1/users"),
        ("2026-09-17", {"page": "a\x00"}, "/rows/1/page"),
        ("2026-09-17", {"page": "x" * 401}, "/rows/1/page"),
        ("2026-09-17", {"page": "/a"}, "/rows/1"),
        ("2026-09-17", {"seshuns": 1}, "/rows/1/seshuns"),
        ("2026-09-19", {}, "day"),
        ("1999-12-31", {}, "day"),
        ("2026-13-01", {}, "day"),
        ("1789603200", {}, "day"),
        ("20260917", {}, "day"),
    ],
)
def test_visits_that_cannot_be(office, day: str, changed: dict[str, Any], place: str) -> None:
    body = json.dumps({"rows": [ROW, ROW | {"page": "/b"} | changed]})
    answer = office.asks("PUT", f"/v1/web-visits/{day}", content=body, headers={"Content-Type": "application/json"})
    assert [where for where, _ in wrong(answer)] == [place]
    assert office.get("/v1/web-visits", first="2026-08-01")["items"] == []


def test_of_many_pages_the_largest_are_told(office) -> None:
    rows = [{"page": f"/{number}", "sessions": number, "conversions": 0} for number in range(1_005)]
    office.asks("PUT", "/v1/web-visits/2026-09-17", json={"rows": rows})
    shown = office.get("/v1/web-visits", by="page")
    assert (shown["parts"], len(shown["items"]), shown["items"][0]["name"]) == (1_005, 1_000, "/1004")


def test_the_office_decides_which_day_it_is(office) -> None:
    office.clock.now = FRIDAY.replace(hour=15, minute=1)  # Saturday in Tokyo
    assert office.asks("PUT", "/v1/web-visits/2026-09-19", json={"rows": [ROW]}).status_code == 200
    assert office.asks("PUT", "/v1/web-visits/2026-09-20", json={"rows": [ROW]}).status_code == 422


def test_more_rows_than_a_day_has(office) -> None:
    bare = {"sessions": 1, "conversions": 0}
    answer = office.asks("PUT", "/v1/web-visits/2026-09-17", json={"rows": [bare] * (MOST_ROWS + 1)})
    assert wrong(answer)[0][0] == "/rows"


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"first": "2026-09-18", "last": "2026-09-17"}, "last"),
        ({"first": "2020-01-01"}, "first"),
        ({"first": "yesterday"}, "first"),
        ({"by": "owner"}, "by"),
    ],
)
def test_questions_that_cannot_be_answered(office, asked: dict[str, str], place: str) -> None:
    assert [where for where, _ in wrong(office.asks("GET", "/v1/web-visits", params=asked))] == [place]


# --- spend


def test_a_month_is_replaced_and_summed(office) -> None:
    for lines in ([LINE, LINE | {"channel": "広告"}], [LINE | {"spent": 280}]):
        put = office.asks("PUT", "/v1/spend/2026-09", json={"rows": lines})
        assert (put.status_code, put.json()) == (200, {"month": "2026-09", "rows": lines})
    assert office.get("/v1/spend/2026-09")["rows"] == [LINE | {"spent": 280}]
    assert office.get("/v1/spend", first="2026-01")["items"] == [
        {
            "channel": "exhibition",
            "name_ja": "展示会",
            "name_en": "Exhibition",
            "currency": "JPY",
            "planned": 300,
            "spent": 280,
            "without_spent": 0,
        }
    ]
    assert office.get("/v1/spend", first="2026-01", last="2026-08")["items"] == []


@pytest.mark.parametrize(
    ("month", "changed", "place"),
    [
        ("2026-09", {"planned": -1}, "/rows/1/planned"),
        ("2026-09", {"planned": 10**14}, "/rows/1/planned"),
        ("2026-09", {"planned": 1.5}, "/rows/1/planned"),
        ("2026-09", {"planned": None}, "/rows/1"),
        ("2026-09", {"channel": " "}, "/rows/1/channel"),
        ("2026-09", {"currency": "yen"}, "/rows/1/currency"),
        ("2026-09", {"campaign": ""}, "/rows/1"),
        ("2026-10", {"spent": 1}, "/rows/1/spent"),
        ("2026-9", {}, "month"),
        ("2100-01", {}, "month"),
    ],
)
def test_spend_that_cannot_be(office, month: str, changed: dict[str, Any], place: str) -> None:
    lines = [LINE, LINE | {"campaign": "秋"} | changed]
    assert [where for where, _ in wrong(office.asks("PUT", f"/v1/spend/{month}", json={"rows": lines}))] == [place]
    assert office.get("/v1/spend", first="2026-01", last="2026-12")["items"] == []


def test_months_are_asked_for_in_order(office) -> None:
    assert wrong(office.asks("GET", "/v1/spend", params={"first": "2026-10"}))[0][0] == "last"


# --- files


def imported(office, path: str, content: bytes, **query: Any) -> Any:
    return office.asks("POST", path, params=query, content=content, headers={"Content-Type": "text/csv"})


def test_a_file_is_tried_and_then_stored(office) -> None:
    content = FILE.encode("cp932")
    tried = imported(office, "/v1/web-visits/import", content, dry_run="true")
    assert (tried.status_code, tried.json()["stored"]) == (200, False)
    assert office.get("/v1/web-visits")["total"]["sessions"] == 0
    for _ in range(2):
        done = imported(office, "/v1/web-visits/import", content)
        assert done.json() == {
            "rows": 1,
            "first": "2026-09-17",
            "last": "2026-09-17",
            "stored": True,
            "unknown_channels": [],
        }
    assert office.get("/v1/web-visits")["total"]["sessions"] == 1200


def test_a_budget_is_read_from_a_file(office) -> None:
    done = imported(office, "/v1/spend/import", "月,チャネル,金額\n2026/08,展示会,5\n2026/09,チラシ,7\n".encode())
    assert (done.json()["first"], done.json()["last"], done.json()["unknown_channels"]) == (
        "2026-08",
        "2026-09",
        ["チラシ"],
    )
    shown = office.get("/v1/spend", first="2026-08")["items"]
    assert [(item["channel"], item["name_ja"], item["spent"]) for item in shown] == [
        ("exhibition", "展示会", 5),
        (None, "不明", 7),
    ]


def test_a_wrong_file_stores_nothing_and_names_every_cell(office) -> None:
    content = (FILE + "2026/09/16,x,1\n2026/09/19,1,1\n").encode()
    assert wrong(imported(office, "/v1/web-visits/import", content)) == [
        ("/3/セッション", "3行目『セッション』: x は整数として読めません。例: 1200"),
        ("/4/日付", "4行目『日付』: 未来の日付は指定できません。"),
    ]
    assert office.get("/v1/web-visits")["total"]["sessions"] == 0


def test_a_file_larger_than_a_body_may_be(office) -> None:
    assert imported(office, "/v1/web-visits/import", b"x" * (2 * 1024 * 1024)).status_code == 413


def test_a_misspelt_dry_run_stores_nothing(office) -> None:
    assert imported(office, "/v1/web-visits/import", FILE.encode(), dryrun="true").status_code == 400
    assert office.get("/v1/web-visits")["total"]["sessions"] == 0


# --- channels


def test_a_word_is_decided_listed_and_taken_back(office) -> None:
    attributes = {"lead_source": "Google / Organic"}
    office.happens(fact("lead", FRIDAY - 5 * H, lead=person(1), attributes=attributes))
    funnel.catch_up(office.state.database)
    before = office.get("/v1/channels")
    assert before["unmapped"] == [
        {"raw": "google / organic", "leads": 1, "visits": 0, "spend": 0, "suggestion": "search"}
    ]
    assert (before["leads"], before["unknown"]) == (1, 1)
    path = "/v1/channels/" + quote("Ｇｏｏｇｌｅ / organic", safe="")
    put = office.asks("PUT", path, json={"channel": "search"})
    assert (put.status_code, put.json()["raw"], put.json()["name_ja"], put.json()["leads"]) == (
        200,
        "google / organic",
        "検索",
        1,
    )
    after = office.get("/v1/channels")
    assert (after["unmapped"], after["unknown"], len(after["channels"])) == ([], 0, 8)
    assert after["items"] == [put.json()]
    assert office.asks("DELETE", path).status_code == 204
    gone = office.asks("DELETE", path, headers={"Accept-Language": "ja"})
    assert (gone.status_code, "対応するチャネルは設定されていません" in gone.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    ("raw", "body", "place"),
    [
        ("seo", {"channel": "television"}, "/channel"),
        ("seo", {}, "/channel"),
        ("%20", {"channel": "search"}, "raw"),
        ("a%09b", {"channel": "search"}, "raw"),
        ("a%00", {"channel": "search"}, "raw"),
        ("x" * 201, {"channel": "search"}, "raw"),
    ],
)
def test_words_that_cannot_be(office, raw: str, body: dict[str, str], place: str) -> None:
    assert [where for where, _ in wrong(office.asks("PUT", f"/v1/channels/{raw}", json=body))] == [place]


# --- content


def test_content_is_kept_and_stale_content_listed(office) -> None:
    described = {
        "title": "導入事例集",
        "topic": None,
        "stage": "decision",
        "owner": "佐藤",
        "last_reviewed": "2026-01-05",
    }
    path = "/v1/contents/" + quote("https://yamada.example/wp-07.pdf", safe="")
    put = office.asks("PUT", path, json=described)
    assert (put.status_code, put.json()["content"]) == (200, described)
    assert office.get(path) == put.json()
    office.asks("PUT", "/v1/contents/fresh", json={"last_reviewed": "2026-09-01"})
    assert [item["asset"] for item in office.get("/v1/contents")["items"]] == [
        "fresh",
        "https://yamada.example/wp-07.pdf",
    ]
    assert office.get("/v1/contents", stale=True)["items"] == [put.json() | {"activities_90_days": 0}]
    assert office.get("/v1/contents", stale=True, months=9)["items"] == []
    assert office.asks("DELETE", path).status_code == 204
    assert office.asks("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("asset", "body", "place"),
    [
        ("wp", {"last_reviewed": "2026-09-19"}, "/last_reviewed"),
        ("wp", {"last_reviewed": "1999-09-19"}, "/last_reviewed"),
        ("wp", {"stage": "zen"}, "/stage"),
        ("wp", {"owner": ""}, "/owner"),
        ("wp", {"title": "a\u0000"}, "/title"),
        ("%09", {}, "asset"),
    ],
)
def test_content_that_cannot_be(office, asset: str, body: dict[str, str], place: str) -> None:
    assert [where for where, _ in wrong(office.asks("PUT", f"/v1/contents/{asset}", json=body))] == [place]


def test_reading_needs_no_more_than_read_and_changing_needs_write(office, token) -> None:
    reader = token("read")
    for path in ("/v1/web-visits", "/v1/spend", "/v1/channels", "/v1/contents"):
        assert office.client.get(path, headers=reader).status_code == 200
    answer = office.client.post("/v1/spend/import", headers=reader, content=b"")
    assert answer.status_code == 403
