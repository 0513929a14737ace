"""Changing an agreement in a form: what it would do is shown first, and nobody's version is overwritten unseen."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.calendar import ClockKind
from app.domain.policy import default_policy
from app.flows import lists, publish, sources, sweep
from app.models import Handoff
from app.models import PolicyVersion as PolicyRow
from connectors.standard.connector import StandardConfig, proof_of
from tests.pages.test_pages import text_of

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EDIT = "/sla/mql/edit"


@pytest.fixture
def page(sign_in_as):
    return sign_in_as("manager")


def agreed(state: Any) -> Any:
    with state.database.read() as c:
        return lists.policy_versions(c, state.versions.read(c))[-1]


def count(state: Any, table: Any) -> int:
    with state.database.read() as c:
        return c.scalar(select(func.count()).select_from(table))


def form_of(page: str) -> dict[str, str]:
    """What a browser would send of the form as it stands."""
    found: dict[str, str] = {}
    start = page.index("<form method", page.index("<main"))
    form = page[start : page.index("</form>", start)]
    for tag in re.findall(r"<input[^>]*>", form):
        named = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if named["type"] not in ("checkbox", "radio") or " checked" in tag:
            found[named["name"]] = unescape(named.get("value", ""))
    for name, inner in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', inner) or re.search(r'value="([^"]*)"', inner)
        assert chosen
        found[name] = unescape(chosen[1])
    for name, inner in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(inner)
    return found


def other_version(state: Any, clock: Any, **changed: Any) -> None:
    """Somebody else publishes."""
    policy = agreed(state).version.policy.model_copy(update=changed)
    publish.policy(state.database, state.versions, policy, by="mari@example.com", now=clock(), note="急ぎの変更")


# --- the form


@on_sqlite
def test_the_form_shows_the_agreement_as_it_is(page) -> None:
    typed = form_of(page.get(EDIT).text)
    assert (typed["name"], typed["clock"], typed["target"]) == ("MQL 24時間", "elapsed", "24")
    assert (typed["score"], typed["activity"], typed["count"], typed["days"]) == ("80", "download", "3", "")
    assert (typed["warn"], typed["warn_percent"], typed["based_on"], typed["enabled"]) == ("percent", "25", "1", "on")
    assert {name for name in typed if name.startswith("channel-")} == {
        "channel-call",
        "channel-email",
        "channel-meeting",
    }


@on_sqlite
def test_the_form_as_it_stands_makes_no_version(page, state) -> None:
    for address in (EDIT, EDIT + "?rule=text"):
        answer = page.post(EDIT, data=form_of(page.get(address).text) | {"as": "publish"}, follow_redirects=False)
        assert answer.status_code == 303
    assert count(state, PolicyRow) == 1


@on_sqlite
def test_there_is_no_agreement_of_another_name(page) -> None:
    assert page.get("/sla/none/edit").status_code == 404
    assert page.post("/sla/none/edit", data={}).status_code == 404


@on_sqlite
def test_the_agreement_leads_there_for_those_who_may(sign_in_as) -> None:
    assert EDIT not in sign_in_as("rep").get("/sla").text
    assert EDIT in sign_in_as("marketer").get("/sla").text


# --- publishing


def test_publishing_makes_a_version_of_everything_that_was_typed(page, state, clock) -> None:
    typed = form_of(page.get(EDIT).text) | {
        "name": "MQL 9営業時間", "clock": "business_hours", "target": "9", "warn": "hours", "warn_hours": "2",
        "score": "70", "count": "2", "days": "30", "note": "会議 #18 の決定", "channel-other": "on",
    }  # fmt: skip
    del typed["channel-email"]
    answer = page.post(EDIT, data=typed | {"as": "publish"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sla?policy=mql&from=1&to=2#compared")
    entry = agreed(state)
    policy = entry.version.policy
    assert (entry.created_by, entry.note, entry.version.effective_from) == (
        "manager@example.com",
        "会議 #18 の決定",
        clock(),
    )
    assert (policy.name, policy.clock, policy.target) == ("MQL 9営業時間", ClockKind.BUSINESS_HOURS, 9)
    assert (policy.warn_hours_before, policy.follow_ups.channels) == (2, ("call", "meeting", "other"))
    assert policy.rule.model_dump() == {
        "all": [{"score": {"at_least": 70}}, {"count": {"activity": "download", "at_least": 2, "within_days": 30}}]
    }
    assert policy.exclude == default_policy().exclude
    assert "9営業時間以内" in text_of(page.get(answer.headers["location"]).text)


@on_sqlite
def test_a_version_can_wait_for_its_day(page, state) -> None:
    typed = form_of(page.get(EDIT).text) | {"target": "12", "effective_from": "2026-10-01T09:00"}
    page.post(EDIT, data=typed | {"as": "publish"})
    assert agreed(state).version.effective_from == datetime(2026, 10, 1, tzinfo=UTC)


@on_sqlite
def test_a_rule_of_another_form_is_text(page, state) -> None:
    rule = {"any": [{"score": {"at_least": 90}}, {"recency": {"within_days": 7}}]}
    typed = form_of(page.get(EDIT + "?rule=text").text)
    assert json.loads(typed["rule"]) == default_policy().rule.model_dump()
    page.post(EDIT, data=typed | {"rule": json.dumps(rule), "as": "publish"})
    assert agreed(state).version.policy.rule.model_dump() == rule
    assert json.loads(form_of(page.get(EDIT).text)["rule"]) == rule


# --- what is wrong


@on_sqlite
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("target", "bald"),
        ("target", "0"),
        ("warn_percent", "100"),
        ("warn_percent", "x"),
        ("score", "hoch"),
        ("count", "0"),
        ("days", "-1"),
        ("effective_from", "gestern"),
        ("effective_from", "2026-09-01T09:00"),
        ("note", "x" * 2001),
    ],
)
@pytest.mark.parametrize("button", ["preview", "publish"])
def test_what_is_wrong_stands_beside_its_field(page, state, field, value, button) -> None:
    answer = page.post(EDIT, data=form_of(page.get(EDIT).text) | {field: value, "as": button})
    assert answer.status_code == 422
    assert f'id="policy-{field}-wrong1"' in answer.text
    assert value[:100] in answer.text
    assert count(state, PolicyRow) == 1


@on_sqlite
@pytest.mark.parametrize(
    "rule", ["{", '{"score": {"atleast": 3}}', "[" * 9000, "{}"], ids=["cut", "key", "deep", "empty"]
)
def test_a_rule_that_is_none_is_refused(page, state, rule) -> None:
    typed = form_of(page.get(EDIT + "?rule=text").text) | {"rule": rule, "as": "publish"}
    answer = page.post(EDIT, data=typed)
    assert (answer.status_code, 'id="policy-rule-wrong1"' in answer.text) == (422, True)
    assert count(state, PolicyRow) == 1


@on_sqlite
def test_business_days_are_whole_and_clocks_move_at_once_only(page) -> None:
    typed = form_of(page.get(EDIT).text)
    half = page.post(EDIT, data=typed | {"clock": "business_days", "target": "1.5"})
    assert 'id="policy-target-wrong1"' in half.text
    later = page.post(EDIT, data=typed | {"migrate_open": "on", "effective_from": "2026-10-01T09:00"})
    assert 'id="policy-migrate_open-wrong1"' in later.text
    moon = page.post(EDIT, data=typed | {"clock": "moon"})
    assert 'id="policy-clock-wrong1"' in moon.text
    neither = page.post(EDIT, data=typed | {"score": "", "count": ""})
    assert 'id="policy-score-wrong1"' in neither.text


# --- what it would do


@pytest.fixture
def leads(page, state, clock):
    """Two MQLs of August, with 85 points and 95, and one of September that has time left."""
    with state.database.write() as c:
        secret = sources.new_secret()
        sources.add(c, state.vault, name="ma", kind="standard", config={}, secret=secret, now=clock())
    state.directory.refresh(clock())
    told = [*heard("1", 85, "2026-08-10"), *heard("2", 95, "2026-08-20"), *heard("3", 85, "2026-09-18", "山田製作所")]
    body = json.dumps(told).encode()
    headers = proof_of(body, secret, StandardConfig(), clock())
    assert page.post("/webhooks/ma", content=body, headers=headers).status_code == 202
    state.ledger.drain(clock())
    sweep.run(state.database, state.versions, clock())


def heard(lead: str, score: int, day: str, company: str = "別の会社") -> list[dict[str, Any]]:
    about = {"lead": {"id": lead}, "occurred_at": f"{day}T16:00:00+09:00"}
    told = [about | {"id": f"{lead}-l", "kind": "lead", "name": "佐藤 花子", "company": company}]
    told += [
        about | {"id": f"{lead}-d{n}", "kind": "activity", "activity": "download", "asset": str(n)} for n in range(3)
    ]
    return [*told, about | {"id": f"{lead}-s", "kind": "score", "score": score}]


def test_the_preview_shows_what_would_change_and_writes_nothing(page, state, leads) -> None:
    typed = form_of(page.get(EDIT).text) | {"clock": "business_hours", "target": "9", "score": "90"}
    answer = page.post(EDIT, data=typed | {"as": "preview"})
    assert answer.status_code == 200
    said = text_of(answer.text)
    assert "MQLになってから9営業時間以内に初回対応します" in said
    assert "先月のMQLは、現在の条件で2件、変更後の条件では1件です。" in said
    assert "9/18(金) 16:00 9/19(土) 16:00 9/24(木) 16:00" in said
    assert "新しい版に移す場合は、1件の期限が変わります" in said
    assert form_of(answer.text)["target"] == "9"
    assert count(state, PolicyRow) == 1


@on_sqlite
def test_the_clocks_that_would_be_moved_are_named_and_then_moved(page, state, leads) -> None:
    typed = form_of(page.get(EDIT).text) | {"clock": "business_hours", "target": "9", "migrate_open": "on"}
    assert "1件の期限が変わります。" in text_of(page.post(EDIT, data=typed).text)
    page.post(EDIT, data=typed | {"as": "publish"})
    with state.database.read() as c:
        due = c.scalars(select(Handoff.due_at).order_by(Handoff.due_at.desc())).first()
    assert due == datetime(2026, 9, 24, 7, tzinfo=UTC)


@on_sqlite
def test_a_rule_that_stays_is_not_tried_on_last_month(page, leads) -> None:
    answer = page.post(EDIT, data=form_of(page.get(EDIT).text) | {"target": "12"})
    assert "先月のMQL" not in answer.text


@on_sqlite
def test_who_switches_it_off_sees_that_no_lead_gets_a_clock(page, leads) -> None:
    typed = form_of(page.get(EDIT).text)
    del typed["enabled"]
    said = text_of(page.post(EDIT, data=typed).text)
    assert "期限なし" in said
    assert "現在の条件で2件、変更後の条件では0件" in said


# --- two people at once


@pytest.mark.parametrize("button", ["preview", "publish"])
def test_who_published_meanwhile_is_not_overwritten(page, state, clock, button) -> None:
    typed = form_of(page.get(EDIT).text) | {"target": "12", "note": "わたしの理由"}
    clock.advance(timedelta(minutes=1))
    other_version(state, clock, cool_down_days=30, target=48)
    answer = page.post(EDIT, data=typed | {"as": button})
    assert answer.status_code == 409
    said = text_of(answer.text)
    assert "編集中にmari@example.comさんがv2を公開しました" in said
    assert "急ぎの変更" in said
    assert "48時間以内" in said
    assert "12時間以内" in said
    again = form_of(answer.text)
    assert (again["target"], again["note"], again["based_on"]) == ("12", "わたしの理由", "2")
    assert count(state, PolicyRow) == 2


@on_sqlite
def test_the_second_publish_is_a_decision_and_keeps_what_the_form_does_not_say(page, state, clock) -> None:
    typed = form_of(page.get(EDIT).text) | {"target": "12", "as": "publish"}
    clock.advance(timedelta(minutes=1))
    other_version(state, clock, cool_down_days=30, target=48)
    again = form_of(page.post(EDIT, data=typed).text)
    assert page.post(EDIT, data=again | {"as": "publish"}, follow_redirects=False).status_code == 303
    version = agreed(state).version
    assert (version.version, version.policy.target, version.policy.cool_down_days) == (3, 12, 30)


@on_sqlite
@pytest.mark.parametrize("based_on", ["", "0", "99", "x"])
def test_a_form_that_names_no_version_overwrites_none(page, state, clock, based_on) -> None:
    clock.advance(timedelta(minutes=1))
    other_version(state, clock, target=48)
    typed = form_of(page.get(EDIT).text) | {"target": "12", "based_on": based_on, "as": "publish"}
    assert page.post(EDIT, data=typed).status_code == 409
    assert count(state, PolicyRow) == 2
