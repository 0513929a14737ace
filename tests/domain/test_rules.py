"""The MQL condition: what holds, what it says, and what is refused."""

import copy
import json
import pickle
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.domain.refusals import Refused
from app.domain.rules import (
    DEFAULT_RULE,
    PRESETS,
    SCORE_ONLY,
    Activity,
    Facts,
    Rule,
    Scored,
    activities_needed,
    explain_finding,
    explain_rule,
    holds,
    judge,
    longest_window,
    read_rule,
)

NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)
OK = {"score": {"at_least": 1}}


def scored(value: float) -> Scored:
    return Scored(value, NOW - timedelta(hours=1), "score-1")


def activity(minutes_ago: float, kind: str = "download", asset: str | None = None, *topics: str) -> Activity:
    return Activity(NOW - timedelta(minutes=minutes_ago), f"{kind}-{minutes_ago:g}", kind, asset, None, topics)


def facts(*activities: Activity, score: float | None = None, **attributes: Any) -> Facts:
    return Facts(None if score is None else scored(score), sorted(activities, key=lambda a: a.at), attributes)


def downloads(n: int) -> list[Activity]:
    return [activity(1000 * (i + 1), "download", f"asset-{i}") for i in range(n)]


DAY = 24 * 60
FIVE = {"count": {"activity": "download", "at_least": 1, "within_days": 5}}


@pytest.mark.parametrize(
    ("score", "times", "article", "score_only"),
    [
        (79, 3, False, False),
        (80, 2, False, True),
        (80, 3, True, True),
        (81.5, 4, True, True),
        (79.99, 9, False, False),
        (None, 3, False, False),
        (-5, 0, False, False),
    ],
)
def test_the_presets(score: float | None, times: int, article: bool, score_only: bool) -> None:
    lead = facts(*downloads(times), score=score)
    assert holds(DEFAULT_RULE, lead, NOW) is article
    assert holds(SCORE_ONLY, lead, NOW) is score_only
    assert PRESETS == {"article": DEFAULT_RULE, "score_only": SCORE_ONLY}


@pytest.mark.parametrize(
    ("counting", "activities", "value"),
    [
        ({}, [], 0),
        ({}, [activity(5, "visit"), activity(4, "seminar")], 0),
        # the same asset within ten minutes is one download
        ({}, [activity(30, "download", "a"), activity(20, "download", "a")], 1),
        ({}, [activity(30, "download", "a"), activity(19.9, "download", "a")], 2),
        ({}, [activity(30, "download", "a"), activity(29, "download", "b")], 2),
        # measured from the last that counted: 0, 8 (repeat), 16 (counts)
        ({}, [activity(30, "download", "a"), activity(22, "download", "a"), activity(14, "download", "a")], 2),
        # 0, 16 (counts), 24 (repeats the second)
        ({}, [activity(30, "download", "a"), activity(14, "download", "a"), activity(6, "download", "a")], 2),
        # without an asset nothing is a repeat
        ({}, [activity(3), activity(2), activity(1)], 3),
        # an activity of another kind on the same asset starts no ten minutes
        ({}, [activity(9, "visit", "a"), activity(8, "download", "a")], 1),
        ({"distinct": True}, [activity(300, "download", "a"), activity(100, "download", "a")], 1),
        ({"distinct": True}, [activity(300, "download", "a"), activity(100, "download", "b")], 2),
        ({"distinct": True}, [activity(3), activity(2), activity(1, "download", "a")], 3),
        ({"distinct": False}, [activity(300, "download", "a"), activity(100, "download", "a")], 2),
        ({"asset": "a"}, [activity(300, "download", "a"), activity(200, "download", "b"), activity(100)], 1),
        ({"topic": "料金"}, [activity(3, "download", "a", "料金", "導入"), activity(2, "download", "b", "導入")], 1),
        # the window is open at its old end, and what comes later is not known yet
        ({"within_days": 5}, [activity(5 * DAY), activity(5 * DAY - 0.1), activity(0), activity(-1)], 2),
        # a repeat of something before the window is the first inside it
        ({"within_days": 1}, [activity(DAY + 5, "download", "a"), activity(DAY - 3, "download", "a")], 1),
    ],
)
def test_what_counts(counting: dict[str, Any], activities: list[Activity], value: int) -> None:
    for at_least in range(1, 5):
        rule = read_rule({"count": {"activity": "download", "at_least": at_least, **counting}})
        lead = facts(*activities)
        assert judge(rule, lead, NOW).findings[0].value == value
        assert holds(rule, lead, NOW) is (value >= at_least)


@pytest.mark.parametrize(
    ("recency", "held", "event"),
    [
        ({"activity": "visit", "within_days": 7}, True, "visit-10000"),
        ({"activity": "visit", "within_days": 6}, False, None),
        ({"activity": "seminar", "within_days": 7}, False, None),
        ({"within_days": 3}, True, "download-60"),
        ({"activity": "download", "within_days": 1}, True, "download-60"),
    ],
)
def test_recency(recency: dict[str, Any], held: bool, event: str | None) -> None:
    lead = facts(activity(10_000, "visit"), activity(100), activity(60), activity(-5, "seminar"))
    found = judge(read_rule({"recency": recency}), lead, NOW).findings[0]
    assert found.held is held
    assert found.event_ids == ((event,) if event else ())
    assert (found.value is not None) is held


@pytest.mark.parametrize(
    ("known", "test", "held"),
    [
        ("JP", {"is": "JP"}, True),
        ("jp ", {"is": "JP"}, True),
        ("TW", {"is": "JP"}, False),
        (None, {"is": "JP"}, False),
        ("", {"in": ["JP", ""]}, False),
        ("TW", {"in": ["JP", "TW"]}, True),
        ("US", {"in": ["JP", "TW"]}, False),
        (500, {"is": 500}, True),
        ("500", {"is": 500}, True),
        (500.0, {"is": "500"}, True),
        (500, {"is": "500"}, True),
        ("0312", {"is": "312"}, False),
        (True, {"is": True}, True),
        ("true", {"is": True}, True),
        (1, {"is": True}, False),
        (True, {"is": 1}, False),
        (10, {"at_least": 10}, True),
        ("9.9", {"at_least": 10}, False),
        ("many", {"at_least": 10}, False),
        (True, {"at_least": 1}, False),
        (None, {"at_least": 0}, False),
        (float("nan"), {"at_least": 0}, False),
        (500, {"at_most": 500}, True),
        (501, {"at_most": 500}, False),
        (None, {"at_most": 500}, False),
        ("x", {"exists": True}, True),
        (False, {"exists": True}, True),
        (0, {"exists": True}, True),
        ("  ", {"exists": True}, False),
        (None, {"exists": True}, False),
        (None, {"exists": False}, True),
        ("x", {"exists": False}, False),
    ],
)
def test_attributes(known: Any, test: dict[str, Any], held: bool) -> None:
    rule = read_rule({"attribute": {"name": "thing", **test}})
    assert holds(rule, facts(thing=known), NOW) is held
    assert judge(rule, facts(thing=known), NOW).findings[0].held is held
    if known is None:
        assert holds(rule, facts(), NOW) is held


@pytest.mark.parametrize(
    ("rule", "held"),
    [
        ({"all": [OK]}, True),
        ({"all": [OK, {"not": OK}]}, False),
        ({"any": [{"not": OK}, OK]}, True),
        ({"any": [{"not": OK}, FIVE]}, False),
        ({"not": {"any": [FIVE, {"not": OK}]}}, True),
        ({"not": {"attribute": {"name": "industry", "in": ["競合", "学生"]}}}, True),
        ({"all": [OK, {"not": {"recency": {"within_days": 30}}}]}, True),
    ],
)
def test_all_any_not(rule: dict[str, Any], held: bool) -> None:
    assert holds(read_rule(rule), facts(score=50), NOW) is held
    assert judge(read_rule(rule), facts(score=50), NOW).held is held


def test_a_judgement_names_the_events() -> None:
    lead = facts(activity(300, "download", "a"), activity(299, "download", "a"), activity(200), score=86)
    judgement = judge(DEFAULT_RULE, lead, NOW)
    assert not judgement.held
    assert [(f.condition, f.held, f.value, f.event_ids) for f in judgement.findings] == [
        ({"score": {"at_least": 80}}, True, 86, ("score-1",)),
        ({"count": {"activity": "download", "at_least": 3}}, False, 2, ("download-300", "download-200")),
    ]


def test_a_window_passes_with_time() -> None:
    rule, lead = read_rule(FIVE), facts(activity(0))
    assert holds(rule, lead, NOW + timedelta(days=5) - timedelta(seconds=1))
    assert not holds(rule, lead, NOW + timedelta(days=5))
    assert not holds(rule, lead, NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("rule", "needed", "window"),
    [
        (DEFAULT_RULE.model_dump(), {"download"}, None),
        (SCORE_ONLY.model_dump(), set(), timedelta(0)),
        (FIVE, {"download"}, timedelta(days=5)),
        ({"any": [FIVE, {"not": {"recency": {"activity": "visit", "within_days": 7}}}]}, {"download", "visit"}, 7),
        ({"any": [FIVE, {"recency": {"within_days": 2}}]}, None, timedelta(days=5)),
    ],
)
def test_what_must_be_remembered(rule: Any, needed: set[str] | None, window: timedelta | int | None) -> None:
    assert activities_needed(read_rule(rule)) == needed
    assert longest_window(read_rule(rule)) == (timedelta(days=window) if isinstance(window, int) else window)


EVERYTHING = """
all:
  - score: {at_least: 80.5}
  - any:
      - count: {activity: download, at_least: 3, within_days: 30, distinct: true, asset: pricing-2026, topic: 料金}
      - recency: {activity: visit, within_days: 1}
      - recency: {within_days: 7}
  - not:
      attribute: {name: industry, in: [競合, 7, true]}
  - not:
      any:
        - attribute: {name: employees, at_most: 10}
        - attribute: {name: mail, exists: false}
  - attribute: {name: country, is: JP}
"""


class Holder(BaseModel):
    rule: Rule


@pytest.mark.parametrize("written", [yaml.safe_load(EVERYTHING), DEFAULT_RULE.model_dump(), OK])
def test_what_was_written_comes_back(written: Any) -> None:
    rule = read_rule(written)
    assert rule.model_dump() == written
    assert read_rule(rule) == read_rule(json.loads(rule.model_dump_json())) == rule
    assert json.loads(Holder(rule=rule).model_dump_json())["rule"] == written
    assert json.loads(Holder(rule=rule).model_dump_json(by_alias=True, exclude_none=True))["rule"] == written
    assert yaml.safe_load(yaml.safe_dump(rule.model_dump(), allow_unicode=True)) == written
    assert hash(rule) == hash(read_rule(written))


def test_whole_numbers_stay_whole() -> None:
    assert read_rule({"score": {"at_least": 80.0}}).model_dump_json() == '{"score":{"at_least":80}}'


def test_a_form_sends_text() -> None:
    form = {"all": [{"score": {"at_least": "80"}}, {"count": {"activity": " download ", "at_least": "3"}}]}
    assert read_rule(form) == DEFAULT_RULE


def test_a_used_rule_can_be_copied_changed_and_pickled() -> None:
    lead = facts(score=85)
    assert not holds(DEFAULT_RULE, lead, NOW)
    changed = DEFAULT_RULE.model_copy(update={"all": None, "score": SCORE_ONLY.score})
    assert holds(changed, lead, NOW)
    assert holds(DEFAULT_RULE.model_copy(deep=True, update={"all": (SCORE_ONLY,)}), lead, NOW)
    assert pickle.loads(pickle.dumps(DEFAULT_RULE)) == copy.deepcopy(DEFAULT_RULE) == DEFAULT_RULE


def nested(levels: int) -> dict[str, Any]:
    rule: dict[str, Any] = OK
    for _ in range(levels - 1):
        rule = {"not": rule}
    return rule


ENDLESS: dict[str, Any] = {}
ENDLESS["all"] = [ENDLESS]
THREE = {"activity": "download", "at_least": 3}


@pytest.mark.parametrize(
    ("written", "place", "code", "suggestion"),
    [
        ({"scor": {"at_least": 80}}, "/scor", "extra_forbidden", "score"),
        ({"all": [{"scor": {"at_least": 80}}]}, "/all/0/scor", "extra_forbidden", "score"),
        ({"all": [OK, {"score": {"atleast": 80}}]}, "/all/1/score/atleast", "extra_forbidden", "at_least"),
        ({"not": {"count": {**THREE, "within_day": 3}}}, "/not/count/within_day", "extra_forbidden", "within_days"),
        ({"score": {"at_least": True}}, "/score/at_least", "float_type", None),
        ({"score": {"at_least": "eighty"}}, "/score/at_least", "float_type", None),
        ({"score": {"at_least": float("nan")}}, "/score/at_least", "float_type", None),
        ({"score": {"at_least": 10**400}}, "/score/at_least", "float_type", None),
        ({"score": {"at_least": None}}, "/score/at_least", "float_type", None),
        ({"score": {}}, "/score/at_least", "missing", None),
        ({"score": 80}, "/score", "model_type", None),
        ({"count": {**THREE, "at_least": True}}, "/count/at_least", "int_type", None),
        ({"count": {**THREE, "at_least": 2.5}}, "/count/at_least", "int_from_float", None),
        ({"count": {**THREE, "at_least": 0}}, "/count/at_least", "greater_than_equal", None),
        ({"count": {**THREE, "within_days": False}}, "/count/within_days", "int_type", None),
        ({"count": {**THREE, "within_days": 99999}}, "/count/within_days", "less_than_equal", None),
        ({"count": {**THREE, "distinct": "perhaps"}}, "/count/distinct", "bool_parsing", None),
        ({"count": {**THREE, "activity": "  "}}, "/count/activity", "string_too_short", None),
        ({**OK, "not": OK}, "", "one_condition", None),
        ({"any": [OK, {**OK, "count": THREE}]}, "/any/1", "one_condition", None),
        ({}, "", "no_condition", None),
        ({"all": [OK, {}]}, "/all/1", "no_condition", None),
        ({"all": []}, "/all", "too_short", None),
        ({"any": []}, "/any", "too_short", None),
        ({"all": OK}, "/all", "tuple_type", None),
        ({"not": [OK]}, "/not", "model_type", None),
        ([OK], "", "model_type", None),
        (None, "", "model_type", None),
        ({"attribute": {"name": "country", "equals": "JP"}}, "/attribute/equals", "extra_forbidden", None),
        ({"attribute": {"name": "country", "at_leas": 1}}, "/attribute/at_leas", "extra_forbidden", "at_least"),
        ({"attribute": {"name": "country"}}, "/attribute", "one_test", None),
        ({"attribute": {"name": "country", "is": "JP", "exists": True}}, "/attribute", "one_test", None),
        ({"attribute": {"name": "country", "is": None}}, "/attribute", "one_test", None),
        ({"attribute": {"name": "country", "is": ["JP"]}}, "/attribute/is", "plain_value", None),
        ({"attribute": {"name": "since", "is": datetime(2026, 9, 24).date()}}, "/attribute/is", "plain_value", None),
        ({"attribute": {"name": "country", "in": []}}, "/attribute/in", "too_short", None),
        ({"attribute": {"name": "country", "in": ["JP", {}]}}, "/attribute/in/1", "plain_value", None),
        (nested(21), "", "rule_too_deep", None),
        (nested(100_000), "", "rule_too_deep", None),
        (ENDLESS, "", "rule_too_deep", None),
        ({"all": [OK] * 200}, "", "rule_too_large", None),
    ],
)
def test_refusals(written: Any, place: str, code: str, suggestion: str | None) -> None:
    with pytest.raises(Refused) as refused:
        read_rule(written)
    assert [(r.place, r.code, r.suggestion) for r in refused.value.refusals] == [(place, code, suggestion)]
    refusal = refused.value.refusals[0]
    assert refusal.message_en
    assert any("ぁ" <= letter <= "ん" for letter in refusal.message_ja), refusal.message_ja


def test_the_largest_rules_are_taken() -> None:
    assert not holds(read_rule(nested(20)), facts(score=5), NOW)
    assert holds(read_rule({"all": [OK] * 199}), facts(score=5), NOW)


@pytest.mark.parametrize(
    ("rule", "ja", "en"),
    [
        (
            DEFAULT_RULE.model_dump(),
            "スコアが80以上 かつ 資料ダウンロードが3回以上",
            "score of 80 or more and 3 or more downloads",
        ),
        ({"score": {"at_least": 80.5}}, "スコアが80.5以上", "score of 80.5 or more"),
        ({"not": OK}, "スコアが1未満", "score below 1"),
        (
            {"count": {"activity": "seminar", "at_least": 2, "within_days": 30}},
            "直近30日のセミナー参加が2回以上",
            "2 or more seminar attendances in the last 30 days",
        ),
        (
            {"not": {"count": {**THREE, "distinct": True, "asset": "pricing", "topic": "料金"}}},
            "資料ダウンロード(資料「pricing」、テーマ「料金」)が3種類未満",
            "fewer than 3 different downloads (asset “pricing”, topic “料金”)",
        ),
        ({"count": {"activity": "demo", "at_least": 1}}, "demoが1回以上", "1 or more demo"),
        (
            {"all": [{"any": [OK, {"recency": {"within_days": 1}}]}, {"not": {"all": [OK, OK]}}]},
            "(スコアが1以上 または 直近24時間の何らかの行動がある) かつ (スコアが1以上 かつ スコアが1以上)ではない",
            "(score of 1 or more or some activities in the last 24 hours) "
            "and not (score of 1 or more and score of 1 or more)",
        ),
        (
            {"not": {"recency": {"activity": "visit", "within_days": 7}}},
            "直近7日のサイト訪問がない",
            "no site visits in the last 7 days",
        ),
        (
            {"not": {"attribute": {"name": "業種", "in": ["競合", 5]}}},
            "業種が「競合」、「5」のいずれかではない",
            "業種 is not one of “競合”, “5”",
        ),
        ({"attribute": {"name": "country", "is": "JP"}}, "countryが「JP」", "country is “JP”"),
        ({"attribute": {"name": "n", "at_least": 10}}, "nが10以上", "n is 10 or more"),
        ({"attribute": {"name": "n", "at_most": 1000000}}, "nが1000000以下", "n is 1000000 or less"),
        ({"attribute": {"name": "mail", "exists": True}}, "mailが入力済み", "mail is filled in"),
    ],
)
def test_a_rule_in_words(rule: dict[str, Any], ja: str, en: str) -> None:
    assert explain_rule(read_rule(rule), "ja") == ja
    assert explain_rule(read_rule(rule), "en") == en


LEAD = facts(activity(300, "download", "a"), activity(200, "download", "b"), score=86, country="JP", n=8)


@pytest.mark.parametrize(
    ("rule", "lead", "ja", "en"),
    [
        ({"score": {"at_least": 80}}, LEAD, "スコア 86(80以上)", "score 86 (80 or more)"),
        ({"score": {"at_least": 90.3}}, LEAD, "スコア 86(90.3まであと4.3)", "score 86 (not yet 90.3)"),
        ({"score": {"at_least": 80}}, facts(), "スコア なし(80以上が条件)", "no score yet (80 or more needed)"),
        ({"count": THREE}, facts(*downloads(3)), "資料ダウンロード 3回(3回以上)", "downloads: 3 (3 or more)"),
        ({"count": THREE}, LEAD, "資料ダウンロード 2回(3回まであと1回)", "downloads: 2 (not yet 3)"),
        (
            {"count": {**THREE, "at_least": 2, "distinct": True}},
            LEAD,
            "資料ダウンロード 2種類(2種類以上)",
            "downloads: 2 different (2 or more)",
        ),
        ({"recency": {"within_days": 7}}, LEAD, "直近7日の何らかの行動 あり", "activities in the last 7 days: yes"),
        (
            {"recency": {"activity": "visit", "within_days": 7}},
            LEAD,
            "直近7日のサイト訪問 まだなし",
            "site visits in the last 7 days: none yet",
        ),
        ({"attribute": {"name": "country", "is": "JP"}}, LEAD, "country JP(「JP」)", "country: JP (“JP”)"),
        ({"attribute": {"name": "country", "is": "US"}}, LEAD, "country JP(「US」ではない)", "country: JP (not “US”)"),
        ({"attribute": {"name": "n", "at_least": 10}}, LEAD, "n 8(10以上ではない)", "n: 8 (not 10 or more)"),
        ({"attribute": {"name": "mail", "exists": True}}, LEAD, "mail 未入力", "mail: left empty"),
    ],
)
def test_a_finding_in_words(rule: dict[str, Any], lead: Facts, ja: str, en: str) -> None:
    finding = judge(read_rule(rule), lead, NOW).findings[0]
    assert explain_finding(finding, "ja") == ja
    assert explain_finding(finding, "en") == en


# --- against an evaluator that knows nothing but the written form


def naive(rule: dict[str, Any], lead: Facts, at: datetime) -> bool:
    [(key, inner)] = rule.items()
    if key == "all":
        return False not in [naive(each, lead, at) for each in inner]
    if key == "any":
        return True in [naive(each, lead, at) for each in inner]
    if key == "not":
        return not naive(inner, lead, at)
    return NAIVE[key](inner, lead, at)


def naive_score(inner: dict[str, Any], lead: Facts, at: datetime) -> bool:
    return bool(lead.score) and lead.score.value >= inner["at_least"]


def naive_seen(inner: dict[str, Any], lead: Facts, at: datetime) -> list[Activity]:
    seen = [a for a in lead.activities if a.at <= at]
    if "within_days" in inner:
        seen = [a for a in seen if (at - a.at).total_seconds() < inner["within_days"] * 86400]
    return [a for a in seen if inner.get("activity") in (None, a.activity)]


def naive_count(inner: dict[str, Any], lead: Facts, at: datetime) -> bool:
    seen = [a for a in naive_seen(inner, lead, at) if inner.get("asset") in (None, a.asset)]
    seen = [a for a in seen if "topic" not in inner or inner["topic"] in a.topics]
    total = len([a for a in seen if a.asset is None])
    for asset in {a.asset for a in seen if a.asset is not None}:
        times = [a.at for a in seen if a.asset == asset]
        while times:
            total += 1
            times = [t for t in times if (t - times[0]).total_seconds() > 600 and not inner.get("distinct")]
    return total >= inner["at_least"]


def naive_recency(inner: dict[str, Any], lead: Facts, at: datetime) -> bool:
    return naive_seen(inner, lead, at) != []


def naive_attribute(inner: dict[str, Any], lead: Facts, at: datetime) -> bool:
    value = lead.attributes.get(inner["name"])
    if "exists" in inner:
        return (value is not None) == inner["exists"]
    if value is None:
        return False
    if "is" in inner or "in" in inner:
        return value in inner.get("in", [inner.get("is")])
    return isinstance(value, int) and (value >= inner["at_least"] if "at_least" in inner else value <= inner["at_most"])


NAIVE = {"score": naive_score, "count": naive_count, "recency": naive_recency, "attribute": naive_attribute}

kinds = st.sampled_from(["download", "visit"])
assets = st.sampled_from(["a", "b"])
topics = st.sampled_from(["t", "u"])
values = st.sampled_from(["x", "y", 1, 2])
counting = st.fixed_dictionaries(
    {"activity": kinds, "at_least": st.integers(1, 4)},
    optional={"within_days": st.integers(1, 3), "distinct": st.booleans(), "asset": assets, "topic": topics},
)
attribute_tests = st.one_of(
    st.fixed_dictionaries({"is": values}),
    st.fixed_dictionaries({"in": st.lists(values, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"at_least": st.integers(0, 3)}),
    st.fixed_dictionaries({"at_most": st.integers(0, 3)}),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
named = st.fixed_dictionaries({"name": st.sampled_from(["p", "q"])})
leaves = st.one_of(
    st.fixed_dictionaries({"score": st.fixed_dictionaries({"at_least": st.integers(0, 100)})}),
    st.fixed_dictionaries({"count": counting}),
    st.fixed_dictionaries({"count": counting}),
    st.fixed_dictionaries(
        {"recency": st.fixed_dictionaries({"within_days": st.integers(1, 3)}, optional={"activity": kinds})}
    ),
    st.fixed_dictionaries({"attribute": st.builds(lambda name, test: name | test, named, attribute_tests)}),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)
#: Near each other and near the edges of windows, to the second and to the ten minutes.
ages = st.one_of(
    st.integers(0, 12).map(lambda n: timedelta(minutes=5 * n)),
    st.builds(lambda d, s: timedelta(days=d, seconds=s), st.integers(0, 4), st.integers(-2, 2)),
)
happened = st.builds(
    lambda age, kind, asset, about: Activity(NOW - age, f"e{age}", kind, asset, None, about),
    ages,
    kinds,
    st.none() | assets,
    st.lists(topics, max_size=2).map(tuple),
)
leads = st.builds(
    lambda score, activities, attributes: Facts(
        None if score is None else scored(score), sorted(activities, key=lambda a: (a.at, a.event_id)), attributes
    ),
    st.none() | st.integers(0, 100),
    st.lists(happened, max_size=12),
    st.dictionaries(st.sampled_from(["p", "q"]), values, max_size=2),
)


@settings(max_examples=400, deadline=None)
@given(rules, leads)
def test_agrees_with_the_naive_evaluator(written: dict[str, Any], lead: Facts) -> None:
    rule = read_rule(written)
    judgement = judge(rule, lead, NOW)
    assert judgement.held == holds(rule, lead, NOW) == naive(written, lead, NOW)
    assert [f.held for f in judgement.findings] == [naive(f.condition, lead, NOW) for f in judgement.findings]
    assert rule.model_dump() == written
    for finding in judgement.findings:
        assert set(finding.event_ids) <= {"score-1", *(a.event_id for a in lead.activities)}
        assert explain_finding(finding, "ja")


@settings(max_examples=200, deadline=None)
@given(rules, leads)
def test_forgetting_what_is_not_needed_changes_nothing(written: dict[str, Any], lead: Facts) -> None:
    rule = read_rule(written)
    needed, window = activities_needed(rule), longest_window(rule)
    kept = [a for a in lead.activities if needed is None or a.activity in needed]
    kept = [a for a in kept if window is None or a.at > NOW - window]
    assert judge(rule, Facts(lead.score, kept, lead.attributes), NOW) == judge(rule, lead, NOW)


def test_cheap_enough_for_every_event() -> None:
    lead, rounds = facts(*downloads(3), score=85), 20_000
    started = time.perf_counter()
    for _ in range(rounds):
        holds(DEFAULT_RULE, lead, NOW)
    assert rounds / (time.perf_counter() - started) > 50_000, "a tenth of what is usual"
