"""The pages of figures: their numbers are the API's, their charts and sentences follow the data, everybody can read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from starlette.testclient import TestClient

import app.pages
from app.domain.channel import ChannelKey
from app.domain.kpi import LINES, Kpi
from app.domain.language import LOCALES, translations
from app.domain.spend import Line
from app.domain.statistics import Share
from app.domain.survival import Step
from app.flows import channels, funnel, policies, spend, sweep
from app.flows.cohorts import Cohort, Stage
from app.flows.waits import Part, Waits
from app.pages import (
    agreement_words,
    channel_words,
    charts,
    details,
    panels,
    periods,
    plots,
    readings,
)
from app.pages.charts import Mark
from app.pages.kpis import title
from app.pages.readings import Difference
from app.state import State
from tests.conftest import Clock
from tests.flows.company import NOW, company, told
from tests.flows.conftest import fact
from tests.pages.test_pages import Outline, text_of

H = timedelta(hours=1)
PEOPLE = company(seed=11, people=60)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATHS = ["/kpi", "/channels", "/sla", *(f"/kpi/{kpi.value}" for kpi in Kpi)]
#: Whole months of the company's time.
PERIOD = {"from": "2026-05-01", "to": "2026-07-31"}


@pytest.fixture
def reading(state: State, clock: Clock, sign_in_as: Callable[..., TestClient]) -> TestClient:
    """A signed-in reader of a quarter of the company."""
    clock.now = NOW
    facts = sorted((one for person in PEOPLE for one in told(person)), key=lambda one: one.event.occurred_at)
    happens(state, clock, *facts)
    return sign_in_as("rep")


def happens(state: State, clock: Clock, *facts: Any) -> None:
    from app.flows import ledger

    with state.database.write() as c:
        ledger.apply(c, list(facts), policies.all_versions(c), clock())
    sweep.run(state.database, state.versions, clock())
    while funnel.catch_up(state.database):
        pass


def page(client: TestClient, path: str, locale: str = "ja", **query: str) -> str:
    answer = client.get(path, params=PERIOD | {"lang": locale} | query)
    assert answer.status_code == 200, answer.text
    return answer.text


# --- the numbers


@pytest.mark.parametrize("locale", LOCALES)
def test_the_board_says_of_every_kpi_what_the_api_says(reading, token, locale) -> None:
    shown = text_of(page(reading, "/kpi", locale))
    asked = {"first": PERIOD["from"], "last": PERIOD["to"]}
    headers = token("read") | {"Accept-Language": locale}
    items = reading.get("/v1/kpis", params=asked, headers=headers).json()["items"]
    assert len(items) == len(Kpi)
    for item in items:
        row = shown[shown.index(f"{item['title']} {item['basis']}") :]
        assert row.startswith(f"{item['title']} {item['basis']} {item['owner']} {item['in_words']}"), item["key"]
        assert item["agenda"] in row


def test_the_rows_of_a_figure_come_in_pages_each_once(reading, token, monkeypatch) -> None:
    from app.pages import figures

    monkeypatch.setattr(figures, "ROWS", 7)
    asked = {"first": PERIOD["from"], "last": PERIOD["to"], "limit": 200}
    known = reading.get("/v1/kpis/mqls/rows", params=asked, headers=token("read")).json()["items"]
    seen: list[str] = []
    pages, shown = 0, page(reading, "/kpi/mqls")
    while True:
        pages += 1
        listed = shown[shown.index('id="rows"') :]
        seen += re.findall(r'href="/handoffs/(\d+)', listed)
        onward = re.search(r'after=([\d-]+)[^"]*" rel="next"', listed)
        if onward is None:
            break
        shown = page(reading, "/kpi/mqls", after=onward[1])
    assert seen == [str(row["id"]) for row in known]
    assert pages == -(-len(known) // 7) > 2


@on_sqlite
@pytest.mark.parametrize("after", ["x", "1-", "-1", "9" * 20 + "-1", "1-" + "9" * 30, "1.5-2", "٣-1"])
def test_a_place_that_is_none_is_the_first_page(reading, after) -> None:
    assert re.findall(r"/handoffs/\d+", page(reading, "/kpi/mqls", after=after)) == re.findall(
        r"/handoffs/\d+", page(reading, "/kpi/mqls")
    )


def test_one_group_lists_its_rows_only(reading) -> None:
    whole = text_of(page(reading, "/kpi/mqls", by="owner"))
    owners = sorted({person.owner for person in PEOPLE if person.owner})
    assert all(owner in whole for owner in owners)
    mine = page(reading, "/kpi/mqls", by="owner", group=owners[0])
    listed = text_of(mine[mine.index('id="rows"') :])
    assert owners[0] in listed
    assert not [owner for owner in owners[1:] if owner in listed]
    for group in ("no such campaign", "\0x", "x" * 3000):
        assert "該当する明細はありません" in page(reading, "/kpi/mqls", by="campaign", group=group)


@on_sqlite
def test_a_split_that_there_is_not_is_the_first_one(reading) -> None:
    assert 'aria-current="true">チャネル<' in page(reading, "/kpi/mqls", by="nonsense")
    assert 'aria-current="true">チャネル<' in page(reading, "/kpi/visits", by="owner")


@on_sqlite
def test_what_is_aimed_at_stands_beside_the_figure(reading, token) -> None:
    aims = {
        "definition": {"targets": {"mql_to_sql": 0.25, "mqls": 40, "first_follow_up": 14_400, "sales_cycle": 864_000}}
    }
    assert reading.put("/v1/kpis/definition", json=aims, headers=token("admin")).status_code == 200
    shown = text_of(page(reading, "/kpi"))
    assert [said in shown for said in ("目標 25.0%", "目標 40", "目標 4:00", "目標 10日")] == [True] * 4
    assert "目標 25.0%" in text_of(page(reading, "/kpi/mql_to_sql"))


def test_channels_with_their_budget(state, clock, reading) -> None:
    lines = [
        Line(channel="展示会", planned=500_000, spent=420_000),
        Line(channel="search", planned=9_900, currency="USD"),
    ]
    with state.database.write() as c:
        spend.replace(c, {date(2026, 5, 1): lines}, by="a", now=NOW)
        words = channels.listing(c).unmapped
        channels.decide(c, words[0].raw, ChannelKey.EXHIBITION, by="a", now=NOW)
    shown = text_of(page(reading, "/channels"))
    assert "展示会 \xa5500,000 \xa5420,000" in shown
    assert "検索 $99.00 不明" in shown
    assert "(未入力の行あり)" not in shown
    assert "まる1か月" in text_of(page(reading, "/channels", **{"from": "2026-05-02", "to": "2026-05-30"}))
    for word in words[1:]:
        assert word.raw in shown


# --- the period


@pytest.mark.parametrize(
    ("first", "last", "shown", "wrong"),
    [
        ("", "", "2026-05-10–2026-08-08", []),
        ("2026-08-01", "", "2026-08-01–2026-08-08", []),
        ("", "2026-06-30", "2026-04-01–2026-06-30", []),
        ("2026-05-01", "2026-05-31", "2026-05-01–2026-05-31", []),
        ("yesterday", "", "2026-05-10–2026-08-08", ["from"]),
        ("0001-01-01", "9999-12-31", "2026-05-10–2026-08-08", ["from", "to"]),
        ("2026-05-31", "2026-05-01", "2026-05-10–2026-08-08", ["to"]),
        ("2026-02-30", "2026-05-01", "2026-05-10–2026-08-08", ["from"]),
    ],
)
@on_sqlite
def test_a_period_is_chosen_or_the_field_says_what_is_wrong(state, clock, reading, first, last, shown, wrong) -> None:
    answer = reading.get("/kpi/sqls", params={"from": first, "to": last})
    assert answer.status_code == (422 if wrong else 200)
    assert shown in text_of(answer.text)
    fields = {f["name"]: f for f in Outline(answer.text).all("input")}
    assert [name for name in ("from", "to") if fields[name].get("aria-invalid")] == wrong
    ids = Outline(answer.text).ids
    assert all(fields[name]["aria-describedby"] in ids for name in wrong)


def test_the_period_before_is_as_long_and_ends_where_this_begins() -> None:
    chosen = periods.Chosen(date(2026, 5, 1), date(2026, 5, 31), (periods.Field("from", ""), periods.Field("to", "")))
    assert chosen.before == (date(2026, 3, 31), date(2026, 4, 30))


# --- charts


def test_a_curve_goes_up_where_it_happened() -> None:
    steps = [Step(3600, 0.75, 4), Step(7200, 0.5, 3), Step(90_000, 0.25, 1)]
    assert plots.curve_points(steps, 8 * 3600) == [
        (0.0, 0.0), (3600.0, 0.0), (3600.0, 0.25), (7200.0, 0.25), (7200.0, 0.5), (28800.0, 0.5),
    ]  # fmt: skip
    assert plots.curve_points([], 3600) == [(0.0, 0.0), (3600.0, 0.0)]


@pytest.mark.parametrize(
    ("lengths", "hours"), [([], 4), ([1], 4), ([4], 4), ([5], 8), ([30], 48), ([400], 720), ([9000], 720)]
)
def test_a_curve_ends_behind_what_happened(lengths, hours) -> None:
    steps = [Step(length * 3600, 1 - (n + 1) / len(lengths), 1) for n, length in enumerate(lengths)]
    assert plots.end_of(steps) == hours * 3600


def test_at_risk_are_those_who_had_not_ended_yet() -> None:
    assert plots.at_risk({10: 2, 20: 1, 30: 4}, [0, 10, 11, 20, 31]) == [7, 7, 5, 5, 0]


def test_a_small_line_has_gaps_and_hollow_points() -> None:
    drawn = charts.sparkline([Mark(1), Mark(2, open=True), Mark(None), Mark(4), Mark(0)])
    assert [shape.at["points"] for shape in drawn.shapes if shape.tag == "polyline"] == ["4,22 32,16", "88,4 116,28"]
    dots = [(s.at["cx"], s.at["cy"], s.at["class"]) for s in drawn.shapes if s.tag == "circle"]
    assert dots == [("4", "22", "dot"), ("32", "16", "dot open"), ("88", "4", "dot"), ("116", "28", "dot")]
    assert [shape.tag for shape in charts.sparkline([]).shapes] == ["line"]


def test_points_stand_within_their_limits() -> None:
    known, few = plots.Point("9/7", 0.5, 0.25, 0.75), plots.Point("9/21", 1, 0.5, 1, open=True)
    drawn = plots.over_weeks([known, plots.Point("9/14", None), few], 1.0, lambda value: f"{value:.0%}")
    limits = [(s.at["y1"], s.at["y2"]) for s in drawn.shapes if s.at["class"] == "limit"]
    dots = [(s.at["cy"], s.at["class"]) for s in drawn.shapes if s.tag == "circle"]
    assert limits == [("150", "58"), ("104", "12")]
    assert dots == [("104", "dot"), ("12", "dot open")]
    assert [s.text for s in drawn.shapes if s.tag == "text"] == ["0%", "50%", "100%", "9/7"]


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (0.7, 1), (1, 1), (1.2, 2), (3, 5), (7, 10), (10, 10), (48, 50), (412, 500)]
)
def test_an_axis_ends_at_a_round_number(highest, top) -> None:
    assert plots.nice_top(highest) == top


def test_a_larger_number_is_a_larger_square() -> None:
    drawn = plots.punch_card({(0, 9): 4, (6, 23): 1, (3, 3): 0}, "月火水木金土日")
    squares = [(s.at["x"], s.at["y"], s.at["width"]) for s in drawn.shapes if s.tag == "rect"]
    assert squares == [("199", "9", "16"), ("455", "121", "8")]


def test_bars_have_their_words_above_and_nothing_has_no_bar() -> None:
    month, sql = plots.Bar("8月", "MQL 4件", 1, heading=True), plots.Bar("SQL", "2/4", 0.5, open=True)
    drawn = plots.bars([month, sql, plots.Bar("受注", "0/4", 0)])
    assert [(s.text, s.at["y"]) for s in drawn.shapes if s.tag == "text" and s.at["class"] != "name end"] == [
        ("8月", "16"), ("SQL", "42"), ("受注", "84"),
    ]  # fmt: skip
    filled = [(s.at["width"], s.at["y"]) for s in drawn.shapes if s.tag == "rect" and s.at["class"] != "ground"]
    assert (filled, drawn.height) == ([("240", "48")], 110)


def test_parts_of_the_whole_fill_it() -> None:
    drawn = plots.stack([0.25, 0.0, 0.25, 0.5])
    parts = [(s.at["x"], s.at["width"], s.at["class"]) for s in drawn.shapes if s.tag == "rect"]
    assert parts == [("0", "120", "part part-1"), ("120", "120", "part part-3"), ("240", "240", "part part-4")]
    assert [s.text for s in drawn.shapes if s.tag == "text"] == ["1", "3", "4"]


# --- sentences


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (None, Share(1, 2), Difference.NOTHING),
        (Share(41, 52), Share(0, 0), Difference.NOTHING),
        (Share(9, 9), Share(40, 52), Difference.FEW),
        (Share(40, 52), Share(0, 9), Difference.FEW),
        (Share(41, 52), Share(44, 52), Difference.OVERLAP),
        (Share(41, 52), Share(41, 52), Difference.OVERLAP),
        (Share(90, 100), Share(60, 100), Difference.HIGHER),
        (Share(60, 100), Share(90, 100), Difference.LOWER),
        (Share(12, 12), Share(0, 12), Difference.HIGHER),
    ],
)
def test_what_may_be_said_about_two_shares(now, before, said) -> None:
    assert readings.difference(now, before) is said


def whole(month: int, mqls: int, opened: int, *, observing: bool = False) -> Cohort:
    reached = dict.fromkeys(Stage, 0) | {Stage.MQL: mqls, Stage.OPPORTUNITY: opened}
    return Cohort(date(2026, month, 1), reached, observing)


def waited(**hours: float) -> Waits:
    total = {part: timedelta(hours=hours.get(part.value, 0)) for part in Part}
    return Waits(3, 2, total, total)


HALF = [Step(3600, 0.8, 10), Step(5 * 3600, 0.5, 8), Step(30 * 3600, 0.4, 5)]
SENTENCES = [
    (
        readings.curve_in_words(HALF, 10, 4, "ja"),
        "半数への初回対応は5時間以内、SLAの時計で24時間以内は50%です(n 10、対応待ち 4件)。",
    ),
    (
        readings.curve_in_words(HALF[:1], 10, 8, "ja"),
        "初回対応済みはまだ半数未満、SLAの時計で24時間以内は20%です(n 10、対応待ち 8件)。",
    ),
    (readings.curve_in_words([], 0, 0, "ja"), "この期間にMQLになったリードはありません。"),
    (
        readings.arrivals_in_words({(3, 10): 5, (0, 9): 5, (6, 1): 1}, 1, "ja"),
        "最も多いのは月曜 9時台です(11件中5件)。営業時間外の発生は 1/11 9.1% [1.6–37.7] 参考。",
    ),
    (readings.arrivals_in_words({}, 0, "en"), "Nobody became MQL in this period."),
    (
        readings.waits_in_words(waited(ma=1, human=3), {Part.HUMAN: "担当者"}, "ja"),
        "初回対応までの時間のうち75%は「担当者」です(n 3、対応待ち 2件)。",
    ),
    (
        readings.cohorts_in_words([whole(6, 40, 20), whole(7, 40, 18), whole(8, 30, 1, observing=True)], "ja"),
        "2026-07発生のMQLのうち商談化は 18/40 45.0% [30.7–60.2]。2026-06は 20/40 50.0% [35.2–64.8]。"
        "差は判断できません(区間が重なるため)。",
    ),
    (
        readings.cohorts_in_words([whole(8, 30, 1, observing=True)], "ja"),
        "観測期間が終わった月がないため、すべて観測中です。",
    ),
    (readings.reasons_in_words([("予算なし", 3), ("ニーズなし", 2)], "ja"), "最も多い理由は「予算なし」で 3/5。"),
    (readings.reasons_in_words([], "en"), "No lead was given back in this period."),
    (
        readings.best_in_words([("展示会", Share(60, 100)), ("広告", Share(5, 6)), ("検索", Share(10, 94))], "en"),
        "Highest: 展示会, 60/100 60.0% [50.2–69.1]. All the others: 15/100 15.0% [9.3–23.3]. "
        "The intervals do not overlap.",
    ),
    (readings.best_in_words([("広告", Share(5, 6))], "ja"), "率を出せるだけの件数がある区分はありません。"),
    (readings.weight_in_words(Share(3, 9), "ja"), "件数が少ないため率は出しません。"),
    (readings.weight_in_words(Share(3, 10), "ja"), ""),
    (readings.weight_in_words(None, "ja"), ""),
]


@pytest.mark.parametrize(("sentence", "wanted"), SENTENCES)
def test_a_chart_is_read_in_one_sentence(sentence, wanted) -> None:
    assert sentence == wanted


def test_every_word_of_the_tables_is_translated() -> None:
    japanese = translations("ja")
    messages = {
        *panels.LEGENDS.values(), *panels.QUESTIONS.values(), *panels.PARTS.values(), *details.SPLITS.values(),
        *(m for m in readings.DIFFERENCES.values() if m), *readings.AGAINST_OTHERS.values(),
        *(m for pair in agreement_words.TARGETS.values() for m in pair), *agreement_words.REASONS.values(),
        *agreement_words.BURSTS.values(), *agreement_words.STATUSES.values(), *agreement_words.CHANNELS.values(),
        *(m for words in channel_words.HEADINGS.values() for m in words), *panels.STAGES.values(),
        *details.BEGINNINGS.values(),
    } - {"MQL", "SQL"}  # fmt: skip
    assert sorted(m for m in messages if japanese.gettext(m) == m) == []


# --- everybody can read them


@pytest.mark.parametrize("locale", LOCALES)
@on_sqlite
def test_headings_landmarks_tables_fields_and_charts_are_complete(reading, locale) -> None:
    for path in PATHS:
        outline = Outline(page(reading, path, locale))
        assert outline.headings.count(1) == 1, path
        assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False)), path
        assert len(outline.ids) == len(set(outline.ids)), path
        assert len(outline.all("caption")) == len(outline.all("table")), path
        assert all(th.get("scope") in ("col", "row") for th in outline.all("th")), path
        assert all(s.get("aria-labelledby") in outline.ids for s in outline.all("section")), path
        assert all(nav.get("aria-label") for nav in outline.all("nav")), path
        fields = [f for tag in ("input", "select") for f in outline.all(tag) if f.get("type") != "hidden"]
        assert {f.get("id") for f in fields} == {label.get("for") for label in outline.all("label")}, path
        assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in outline.all("svg")), path
        assert not [g for _, g in outline.tags if any(name == "style" or name.startswith("on") for name in g)], path
        assert outline.all("script") == outline.all("style") == [], path


def test_charts_have_no_colours_of_their_own() -> None:
    """Those of tasuki.css stand out from their ground, in the dark too."""
    sheet = (Path(app.pages.__file__).parent / "static" / "figures.css").read_text(encoding="utf-8")
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|opacity", sheet) == []


@on_sqlite
def test_every_chart_is_told_by_a_sentence_and_a_table(reading) -> None:
    for kpi in Kpi:
        shown = page(reading, f"/kpi/{kpi.value}")
        named = re.findall(r'<svg class="chart"[^>]*aria-label="([^"]+)"', shown)
        said = re.findall(r'<p class="reading">([^<]+)</p>', shown)
        assert named == said
        assert len(named) == 1 + len(figures_more(kpi))
        assert shown.count("表で見る") == len(named) or kpi in (Kpi.RETURNED, Kpi.ACCEPTANCE)


def figures_more(kpi: Kpi) -> Any:
    from app.pages import figures

    return figures.MORE.get(kpi, ())


@on_sqlite
@pytest.mark.parametrize("path", ["/kpi", "/kpi/mqls", "/channels", "/sla"])
def test_without_a_token_the_pages_lead_to_the_sign_in(client, path) -> None:
    answer = client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")


@on_sqlite
@pytest.mark.parametrize("key", ["none", "MQLS", "mqls.html", "board"])
def test_a_kpi_that_there_is_not_is_a_page_that_says_so(reading, key) -> None:
    answer = reading.get(f"/kpi/{key}")
    assert (answer.status_code, "見つかりません" in answer.text) == (404, True)


@on_sqlite
def test_words_from_outside_stay_words(state, clock, reading) -> None:
    nasty = '"><img src=x onerror=alert(1)>{{ 7*7 }}\u202e'
    who, said = PEOPLE[0].ids, {"lead_source": nasty, "campaign": nasty}
    happens(
        state, clock,
        fact("lead", NOW - 2 * H, lead=who, name=nasty, company=nasty, attributes=said),
        fact("owner", NOW - 2 * H, lead=who, owner=nasty, name=nasty),
        fact("disposition", NOW - H, lead=who, outcome="rejected", reason=nasty),
    )  # fmt: skip
    for path in (*PATHS, "/kpi/mqls?by=source", "/kpi/returned?by=reason", "/kpi/mqls?by=owner&group=%3Cscript%3E"):
        shown = reading.get(path, params={}).text
        assert "<img src=x" not in shown, path
        assert "<script" not in shown, path
        assert "\u202e" not in shown


@on_sqlite
def test_an_empty_database_has_pages_too(clock, sign_in_as) -> None:
    clock.now = NOW
    client = sign_in_as("rep")
    for path in PATHS:
        for locale in LOCALES:
            assert page(client, path, locale)
    assert "該当なし" in page(client, "/kpi")


@on_sqlite
def test_links_stay_in_the_period_and_the_language(reading) -> None:
    shown = page(reading, "/kpi", "en")
    links = [unquote_plus(link) for link in re.findall(r'href="(/kpi/[^"]+)"', shown)]
    assert len(links) == len(Kpi)
    assert all("from=2026-05-01" in link and "to=2026-07-31" in link and "lang=en" in link for link in links)
    assert title(Kpi.MQLS, "en") == LINES[Kpi.MQLS].title
