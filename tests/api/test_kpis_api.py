"""The board over REST: the article's table in its order, bases that follow the company's choice, and nonsense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.flows import funnel
from tests.api.conftest import person
from tests.conftest import FRIDAY
from tests.flows.conftest import fact

H = timedelta(hours=1)
#: KPI, 責任部門, 会議での議題例, データソース: the article's table.
TABLE = [
    ("新規リード獲得数", "マーケティング", "リード獲得施策のKPIレビュー", "MA"),
    ("MQL創出数", "マーケティング", "MQL/SQL転換状況の確認", "MA"),
    ("Webサイト訪問件数・CVR", "マーケティング", "Webサイト最適化の進捗共有", "MA"),
    ("MQL→SQL転換率", "両部門共通", "リード引き渡し基準(SLA)の見直し", "MA + SFA"),
    ("SQL創出数", "営業", "商談化課題の議論", "SFA"),
    ("商談化率", "営業", "営業部門への顧客情報提供状況確認", "SFA"),
    ("受注率", "営業", "発信コンテンツ見直し、高受注率チャネル強化", "SFA"),
    ("商談サイクルタイム", "営業", "営業プロセスの効率化議論", "SFA"),
]
IN_ENGLISH = {"headers": {"Accept-Language": "en"}}


@pytest.fixture
def quarter(office) -> Any:
    """Twelve became MQL on a Friday; eight were called, three became SQL, one of them an opportunity that was won."""
    for number in range(12):
        office.becomes_mql(number)
    office.clock.now = FRIDAY + 40 * 24 * H
    for number in range(8):
        office.called(1 + number, number)
    for number in range(3):
        office.happens(fact("disposition", FRIDAY + 20 * H, lead=person(number), outcome="sql"))
    for at, state in ((30 * H, "open"), (270 * H, "won")):
        office.happens(fact("opportunity", FRIDAY + at, lead=person(0), opportunity="006", state=state))
    while funnel.catch_up(office.state.database):
        pass
    return office


def board(office: Any, **query: Any) -> dict[str, Any]:
    return {item["key"]: item for item in office.get("/v1/kpis", **query)["items"]}


def test_the_table_of_the_article_in_its_order(quarter) -> None:
    shown = quarter.get("/v1/kpis")["items"]
    assert [(i["title"], i["owner"], i["agenda"], i["source"]) for i in shown[:8]] == TABLE


def test_figures_with_basis_n_and_interval(quarter) -> None:
    shown = board(quarter)
    assert (shown["mqls"]["value"], shown["mqls"]["people"]) == (12, 12)
    rate = shown["mql_to_sql"]
    assert rate["share"] == {
        "part": 3, "whole": 12, "rate": 0.25, "low": 0.0889, "high": 0.5323, "weight": "indication",
    }  # fmt: skip
    assert rate["basis"] == "対MQL・30日以内・発生月。30日に満たないものは観測中"
    assert rate["in_words"] == "3/12 25.0% [8.9–53.2] 参考"
    assert shown["win_rate"]["in_words"] == "1/1"
    cycle = shown["sales_cycle"]
    assert (cycle["value"], cycle["times"]["n"], cycle["in_words"]) == (240 * 3600, 1, "中央値 10日・n 1")
    first = shown["first_follow_up"]
    assert (first["times"]["n"], first["times"]["waiting"], first["value"]) == (12, 4, 6 * 3600)


def test_young_cohorts_are_observed(quarter) -> None:
    quarter.clock.now = FRIDAY + 10 * 24 * H
    shown = board(quarter)["mql_to_sql"]
    assert (shown["rows"], shown["value"], shown["in_words"]) == ({"observing": 12}, None, "該当なし · 観測中 12件")


def test_labels_follow_what_the_company_chose(quarter) -> None:
    chosen = {"opportunity_of": "sql", "won_of": "created", "targets": {"opportunity_rate": 0.5}}
    made = quarter.asks("PUT", "/v1/kpis/definition", json={"definition": chosen})
    assert (made.status_code, made.json()["version"]) == (200, 1)
    again = quarter.asks("PUT", "/v1/kpis/definition", json={"definition": chosen})
    assert again.json()["version"] == 1, "the same once more is no new version"
    shown = board(quarter)
    assert shown["opportunity_rate"]["basis"] == "対SQL・30日以内・発生月"
    assert (shown["opportunity_rate"]["share"]["whole"], shown["opportunity_rate"]["target"]) == (3, 0.5)
    assert shown["win_rate"]["basis"] == "期間内に作成した商談のうち90日以内の受注(作成基準)"
    before = board(quarter, definition=0)["opportunity_rate"]
    assert (before["basis"], before["share"]["whole"]) == ("対MQL・30日以内・発生月", 12)


def test_which_rows(quarter) -> None:
    rows = quarter.get("/v1/kpis/mql_to_sql/rows", limit=200)["items"]
    assert len(rows) == 12
    assert sorted(row["lead_id"] for row in rows if row["state"] == "hit") == [1, 2, 3]
    assert {(row["lead"], row["owner"], row["content"]) for row in rows} == {("佐藤 翔太", "田中 舞", "資料1")}
    first = quarter.get("/v1/kpis/mql_to_sql/rows", limit=5)
    second = quarter.get("/v1/kpis/mql_to_sql/rows", limit=5, cursor=first["next_cursor"])
    assert [row["id"] for row in first["items"] + second["items"]] == [row["id"] for row in rows[:10]]


def test_by_group_and_its_rows(quarter) -> None:
    shown = quarter.get("/v1/kpis/mqls", by="owner")
    assert [(g["name"], g["figure"]["count"]) for g in shown["groups"]] == [("田中 舞", 12)]
    assert len(quarter.get("/v1/kpis/mqls/rows", by="owner", group="田中 舞", limit=200)["items"]) == 12
    assert quarter.get("/v1/kpis/mqls/rows", by="owner", group="鈴木")["items"] == []
    assert [g["name"] for g in quarter.get("/v1/kpis/mqls", by="source")["groups"]] == [None]
    assert len(quarter.get("/v1/kpis/mqls/rows", by="source", group="", limit=200)["items"]) == 12


def test_visits_and_their_days(quarter) -> None:
    """Of a session that converts twice there is no share, and a day is a row."""
    for day, sessions, conversions in (("2026-10-01", 400, 9), ("2026-10-02", 600, 14)):
        visits = [{"sessions": sessions, "conversions": conversions, "channel": "展示会", "campaign": "秋"}]
        assert quarter.asks("PUT", f"/v1/web-visits/{day}", json={"rows": visits}).status_code == 200
    shown = board(quarter)["visits"]
    assert (shown["value"], shown["in_words"]) == (0.023, "訪問 1,000件 · CVR 23/1,000 2.3% [1.5–3.4]")
    rows = quarter.get("/v1/kpis/visits/rows", limit=1)
    rest = quarter.get("/v1/kpis/visits/rows", limit=1, cursor=rows["next_cursor"])
    assert [(r["sessions"], r["conversions"]) for r in rows["items"] + rest["items"]] == [(400, 9), (600, 14)]
    assert rest["next_cursor"] is None
    assert [g["name"] for g in quarter.get("/v1/kpis/visits", by="campaign")["groups"]] == ["秋"]
    assert [g["name"] for g in quarter.get("/v1/kpis/visits", by="owner")["groups"]] == [None]
    twice = [{"sessions": 1, "conversions": 3}]
    assert quarter.asks("PUT", "/v1/web-visits/2026-10-03", json={"rows": twice}).status_code == 200
    only = board(quarter, first="2026-10-03", last="2026-10-03")["visits"]
    assert (only["value"], only["share"]) == (3, None)


def test_by_channel_as_people_decided_it(quarter) -> None:
    """A word that nobody has decided about is unknown, never guessed."""
    quarter.happens(fact("lead", FRIDAY, lead=person(1), attributes={"lead_source": "展示会 東京"}))
    while funnel.catch_up(quarter.state.database):
        pass
    groups = quarter.get("/v1/kpis/mqls", by="channel")["groups"]
    assert [(g["name"], g["figure"]["count"]) for g in groups] == [(None, 12)]
    decided = quarter.asks("PUT", "/v1/channels/展示会 東京", json={"channel": "exhibition"})
    assert decided.status_code == 200, decided.text
    groups = quarter.get("/v1/kpis/mqls", by="channel")["groups"]
    assert [(g["name"], g["figure"]["count"]) for g in groups] == [("exhibition", 1), (None, 11)]
    assert len(quarter.get("/v1/kpis/mqls/rows", by="channel", group="exhibition")["items"]) == 1
    assert len(quarter.get("/v1/kpis/mqls/rows", by="channel", group="", limit=200)["items"]) == 11


def test_in_english(quarter) -> None:
    shown = {i["key"]: i for i in quarter.asks("GET", "/v1/kpis", **IN_ENGLISH).json()["items"]}
    assert shown["mql_to_sql"]["title"] == "MQL to SQL conversion"
    assert shown["mql_to_sql"]["in_words"] == "3/12 25.0% [8.9–53.2] (indication only)"
    assert shown["sales_cycle"]["in_words"] == "median 10 days · n 1"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/kpis?first=2026-09-30&last=2026-09-01", 422, "期間の終わりが始まりより前です。"),
        ("/v1/kpis?definition=7", 404, "定義に版 7 はありません。"),
        ("/v1/kpis/fame", 422, ""),
        ("/v1/kpis/mqls?by=mood", 422, ""),
        ("/v1/kpis/mqls/rows?cursor=x", 422, ""),
        ("/v1/kpis?first=0001-01-01", 422, ""),
        ("/v1/kpis?last=9999-12-31", 422, "2000"),
        ("/v1/reports/attainment?first=2026-09-01&last=9999-12-31", 422, "2000"),
    ],
)
def test_nonsense_is_refused(office, path, status, said) -> None:
    answer = office.asks("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert said in answer.text


@pytest.mark.parametrize(
    ("definition", "place"),
    [
        ({"window_days": 0}, "/definition/window_days"),
        ({"opportunity_of": "sales"}, "/definition/opportunity_of"),
        ({"windo_days": 30}, "/definition/windo_days"),
        ({"targets": {"fame": 1}}, "/definition/targets/fame"),
        ({"targets": {"mqls": -1}}, "/definition/targets/mqls"),
    ],
)
def test_a_definition_that_cannot_be(office, definition, place) -> None:
    refused = office.asks("PUT", "/v1/kpis/definition", json={"definition": definition})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"].removesuffix("/[key]")) == (422, place)
