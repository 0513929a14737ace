"""The agreement as a text: whatever changes in the rule changes in the text, and versions can be read side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import insert
from starlette.testclient import TestClient

from app.domain.agreement import AlertRoute, Bursts, Escalation, FollowUps, MarketingDuties
from app.domain.calendar import Calendar, japanese_office
from app.domain.language import LOCALES
from app.domain.policy import Policy, PolicyVersion, default_policy
from app.flows import policies
from app.models import Meeting, MeetingEntry, SlaProposal
from app.pages import agreement_text
from app.state import State
from tests.conftest import FRIDAY, Clock
from tests.pages.test_pages import Outline, text_of

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CALENDAR = japanese_office()
#: Everything that is only said under certain circumstances is under them.
BASE = default_policy().model_dump(mode="json", by_alias=True) | {
    "reassignment": "restart",
    "owner_calendars": {"tanaka": "osaka"},
    "teams": {"営業1": ["tanaka"]},
    "next_response_hours": 8,
    "escalation": [{"after_hours": 4, "channel": "email", "to": "boss@example.com"}],
    "bursts": {"handling": "stagger"},
    "marketing": {"brief": ["company"], "brief_hours": 4},
    "alerts": [{"channel": "slack", "to": "default"}],
}
#: Field → another value of it.
CHANGES: dict[str, Any] = {
    "key": "other",
    "name": "別の合意",
    "enabled": False,
    "rank": 5,
    "rule": {"score": {"at_least": 70}},
    "clock": "business_hours",
    "target": 9,
    "calendar": "kansai",
    "follow_ups.channels": ["call"],
    "follow_ups.dispositions": False,
    "follow_ups.statuses": ["contacted"],
    "follow_ups.earlier_contact_days": 0,
    "follow_ups.owner_only": True,
    "warn_when_left": 0.5,
    "warn_hours_before": 3,
    "exclude": {"attribute": {"name": "student", "is": "true"}},
    "reassignment": "continue",
    "restarts_at_most": 3,
    "owner_calendars": {"suzuki": "osaka"},
    "teams": {"営業2": ["tanaka"]},
    "longest_pause_days": 14,
    "cool_down_days": 30,
    "next_response_hours": 4,
    "notice_minutes": 120,
    "tier_falls": "extend",
    "grace_minutes": 15,
    "intake_email": "intake@example.com",
    "escalation.0.after_hours": 9,
    "escalation.0.channel": "slack",
    "escalation.0.to": "ceo@example.com",
    "acknowledged_hours": 5,
    "bursts.leads": 99,
    "bursts.minutes": 30,
    "bursts.handling": "exclude",
    "bursts.per_day": 7,
    "marketing.answer_hours": 24,
    "marketing.clock": "business_hours",
    "marketing.brief": ["company", "url"],
    "marketing.brief_hours": 0,
    "marketing.email": "marketing@example.com",
    "alerts.0.channel": "email",
    "alerts.0.to": "owner",
    "alerts.0.on": ["breached"],
    "alerts.0.page": True,
}
PARTS: dict[str, type[BaseModel]] = {
    "follow_ups": FollowUps,
    "bursts": Bursts,
    "marketing": MarketingDuties,
    "escalation.0": Escalation,
    "alerts.0": AlertRoute,
}


def agreed(document: dict[str, Any], calendar: Calendar = CALENDAR) -> PolicyVersion:
    return PolicyVersion(1, 1, Policy.model_validate(document), calendar, 1, None, {"osaka": CALENDAR})


def changed(place: str, value: Any) -> dict[str, Any]:
    document: Any = Policy.model_validate(BASE).model_dump(mode="json", by_alias=True)
    inner = document
    *outer, last = place.split(".")
    for step in outer:
        inner = inner[int(step) if step.isdecimal() else step]
    inner[last] = value
    return document


def said(version: PolicyVersion, locale: str) -> list[str]:
    return [words for s in agreement_text.sections(version, FRIDAY, locale) for words in s.paragraphs]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("place", CHANGES)
def test_whatever_changes_in_the_rule_changes_in_the_text(place, locale) -> None:
    before, after = agreed(BASE), agreed(changed(place, CHANGES[place]))
    assert said(before, locale) != said(after, locale)
    assert agreement_text.changes(before, after, FRIDAY, locale)


def test_no_field_of_a_policy_is_forgotten() -> None:
    fields = set(Policy.model_fields) - {"follow_ups", "bursts", "marketing", "escalation", "alerts"}
    inner = {f"{part}.{name}" for part, model in PARTS.items() for name in model.model_fields}
    assert set(CHANGES) == fields | inner


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "America/New_York"),
        ("weekly", {"mon": ["10:00-17:00"]}),
        ("country", None),
        ("company_days", {"2026-12-29": "年末休業"}),
        ("extra_days", {"2026-10-03": ["09:00-12:00"]}),
    ],
)
def test_whatever_changes_in_the_calendar_changes_in_the_text(field, value) -> None:
    other = Calendar.model_validate(CALENDAR.model_dump(mode="json") | {field: value})
    assert said(agreed(BASE), "ja") != said(agreed(BASE, other), "ja")


@pytest.mark.parametrize(
    ("clock", "target", "sentence", "due"),
    [
        ("elapsed", 24, "MQLになってから24時間以内(休日・夜間も計測)に", "9/19(土) 17:30"),
        ("business_hours", 9, "MQLになってから9営業時間以内に", "9/21(月) 17:30"),
        ("business_days", 1, "MQLになってから1営業日以内に", "9/21(月) 17:30"),
    ],
)
def test_the_clock_has_an_example(clock, target, sentence, due) -> None:
    version = agreed(default_policy().model_dump(mode="json") | {"clock": clock, "target": target})
    section = next(s for s in agreement_text.sections(version, FRIDAY, "ja") if s.key == "clock")
    assert sentence in section.paragraphs[0]
    assert section.paragraphs[-1] == f"例: 9/18(金) 17:30 にMQLになったリードの期限は {due} です。"
    assert due.split(" ")[0] in section.example[-1]


def test_the_articles_sla_in_words() -> None:
    words = said(agreed(default_policy().model_dump(mode="json")), "ja")
    for sentence in (
        "次の条件を満たしたリードをMQLとし、営業に引き渡します: スコアが80以上 かつ 資料ダウンロードが3回以上。",
        "営業は、MQLになってから24時間以内(休日・夜間も計測)に初回対応します。",
        "残り時間が25%になった時点で警告します。",
        "営業時間: 月–金 09:00-18:00。",
        "マーケティングは差戻しに72時間以内(休日・夜間も計測)に回答します。",
    ):
        assert sentence in words, sentence


# --- the page


@pytest.fixture
def reading(state: State, clock: Clock, sign_in_as: Callable[..., TestClient]) -> TestClient:
    """Two versions: the second from the week after, with half the time."""
    second = default_policy().model_copy(update={"name": "MQL 12時間", "target": 12})
    with state.database.write() as c:
        later = clock() + timedelta(days=7)
        policies.apply_policy(c, second, by="revops", now=clock(), effective_from=later, note="会議 #18 の決定")
    return sign_in_as("rep")


def test_the_version_in_force_is_written_out(state, clock, reading) -> None:
    now = text_of(reading.get("/sla").text)
    assert "MQL 24時間 v1 状態 有効" in now
    assert "v2 2026-09-25(金) 17:30" in now
    assert "会議 #18 の決定" in now
    clock.advance(timedelta(days=7))
    assert "MQL 12時間 v2 状態 有効 2026-09-25(金) 17:30 から" in text_of(reading.get("/sla").text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("policy=mql&from=1&to=2", True),
        ("from=1&to=2", True),
        ("policy=mql&from=1&to=9", False),
        ("policy=none&from=1&to=2", False),
        ("from=x&to=", False),
        ("", False),
    ],
)
@on_sqlite
def test_two_versions_side_by_side(reading, query, found) -> None:
    shown = text_of(reading.get(f"/sla?{query}").text)
    assert ("− 変更前: 営業は、MQLになってから24時間以内" in shown) is found
    assert ("+ 変更後: 営業は、MQLになってから12時間以内" in shown) is found
    assert ("/target 24" in shown) is found
    assert ("指定された版はありません" in shown) is ("to=" in query and not found)


def test_proposals_say_what_they_change_and_when_it_is_reviewed(state, clock, reading) -> None:
    document = policies.document_of(default_policy().model_copy(update={"target": 6.0}))
    with state.database.write() as c:
        meeting, entry = meeting_of(c, clock)
        row = {"meeting_id": meeting, "entry_id": entry, "policy_key": "mql", "document": document}
        dates = {"effective_on": date(2026, 10, 1), "review_on": date(2026, 11, 27), "state": "proposed"}
        c.execute(insert(SlaProposal).values(row | dates))
    shown = text_of(reading.get("/sla").text)
    assert "適用日 2026-10-01、見直し日 2026-11-27" in shown
    assert "営業は、MQLになってから6時間以内" in shown
    assert "見直し日 2026-11-27 対象のリード" in shown


def meeting_of(c: Any, clock: Clock) -> tuple[int, int]:
    """A meeting and what somebody said in it."""
    times = dict.fromkeys(("starts_at", "ends_at", "share_by", "drafted_at"), clock())
    held = {"series_key": "default", "number": 18, "series": {}, "template": {}, "template_version": 1, "letters": {}}
    meeting = c.execute(insert(Meeting).values(held | times).returning(Meeting.id)).scalar_one()
    told = {"meeting_id": meeting, "kind": "decision", "text": "", "by": "", "at": clock(), "data": {}}
    return meeting, c.execute(insert(MeetingEntry).values(told).returning(MeetingEntry.id)).scalar_one()


@pytest.mark.parametrize("locale", LOCALES)
@on_sqlite
def test_everybody_can_read_it(reading, locale) -> None:
    outline = Outline(reading.get("/sla", params={"lang": locale, "from": "1", "to": "2"}).text)
    assert outline.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False))
    assert len(outline.ids) == len(set(outline.ids))
    assert len(outline.all("caption")) == len(outline.all("table"))
    assert all(
        part.get("aria-labelledby") in outline.ids for tag in ("section", "article") for part in outline.all(tag)
    )


@on_sqlite
def test_a_policy_with_odd_words_stays_words(state, clock, reading) -> None:
    nasty = default_policy().model_copy(update={"name": "<script>{{ 7*7 }}\u202e", "teams": {"<b>": ("<i>",)}})
    with state.database.write() as c:
        policies.apply_policy(c, nasty, by="<u>", now=clock(), effective_from=None, note="<em>")
    shown = reading.get("/sla?from=1&to=3").text
    for tag in ("<script", "<b>", "<i>", "<u>", "<em>", "\u202e"):
        assert tag not in shown
