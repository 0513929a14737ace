"""`tasuki explain`, `rebuild`, `agenda`, `meeting`, `deliveries` and `alerts` on a lead that nobody called."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from sqlalchemy import func, insert, select, update

from app.commands.handoffs import first_difference
from app.flows import ledger, policies, sources, sweep
from app.flows.ledger import Fact
from app.models import Alert, Delivery, Handoff, Lead, Source
from connectors.contract import CanonicalEvent, EventKind, ExternalId

MAIL, SFA = ExternalId("email", "sato@example.com"), ExternalId("salesforce", "00Q5i000001AbCdEAA")
NOW = datetime.now(UTC)


def fact(key: str, kind: EventKind, hours_ago: float, lead=(SFA, MAIL), **data: object) -> Fact:
    at = NOW - timedelta(hours=hours_ago)
    return Fact(ledger.event_id(None, key), CanonicalEvent(key, kind, at, lead, data), at, None, None)


def became_mql(hours_ago: float, name: str = "佐藤 翔太", lead=(SFA, MAIL), prefix: str = "") -> list[Fact]:
    downloads = [
        fact(
            f"{prefix}{n}",
            EventKind.ACTIVITY,
            hours_ago + n,
            lead,
            activity="download",
            asset=f"a{n}",
            title=f"資料{n}",
        )
        for n in (1, 2, 3)
    ]
    named = fact(f"{prefix}who", EventKind.LEAD, hours_ago + 5, lead, name=name, company="山田製作所")
    return [named, *downloads, fact(f"{prefix}score", EventKind.SCORE, hours_ago, lead, score=86)]


@pytest.fixture
def overdue(tasuki_anywhere, state_of):
    """A handoff whose 24 hours ended an hour ago, and the state."""
    state = state_of(tasuki_anywhere)
    with state.database.write() as c:
        ledger.apply(c, became_mql(25), policies.all_versions(c), NOW - timedelta(hours=25))
    sweep.run(state.database, state.versions, NOW)
    return state


def test_an_explanation_says_everything_that_the_verdict_stands_on(tasuki_anywhere, overdue) -> None:
    said = tasuki_anywhere("explain", "1").stdout
    for words in (
        "山田製作所 佐藤 翔太",
        "! Overdue",
        "score of 80 or more and 3 or more downloads",
        "✓ score 86 (80 or more)",
        "資料3",
        "→ due",
        "http://127.0.0.1:8000/handoffs/1",
    ):
        assert words in said
    assert "! 期限超過" in tasuki_anywhere("explain", "1", "--lang", "ja").stdout


def test_the_json_of_an_explanation_is_the_apis(tasuki_anywhere, overdue) -> None:
    explained = tasuki_anywhere.json("explain", "1")
    assert explained["handoff"]["verdict"] == "breached"
    assert [found["held"] for found in explained["qualification"]["findings"]] == [True, True]
    assert explained["receipt"]["target"] == 24


@pytest.mark.parametrize(
    "words", ["山田製作所/佐藤", "佐藤", "SATO@example.com", "00Q5i000001AbCdEAA", "salesforce:00Q5i000001AbCdEAA"]
)
def test_a_lead_is_found_by_what_people_know_of_it(tasuki_anywhere, overdue, words) -> None:
    assert tasuki_anywhere.json("explain", "lead", words)["handoff"]["id"] == 1


def test_of_several_leads_one_must_be_chosen(tasuki_anywhere, overdue) -> None:
    other = (ExternalId("salesforce", "00Q5i000001OtherEAA"),)
    with overdue.database.write() as c:
        ledger.apply(c, became_mql(3, "高橋 恵", other, "b-"), policies.all_versions(c), NOW)
        third = fact("c", EventKind.LEAD, 1, (ExternalId("hubspot", "3"),), name="林 彩", company="ミナト物流")
        ledger.apply(c, [third], policies.all_versions(c), NOW)
    several = tasuki_anywhere("explain", "lead", "山田製作所", exits=3)
    assert "Several leads are called like that" in several.stderr
    assert "高橋 恵" in several.stdout
    assert "No lead is known as 北斗." in tasuki_anywhere("explain", "lead", "北斗", exits=3).stderr
    assert "has not become MQL" in tasuki_anywhere("explain", "lead", "林", exits=3).stderr


@pytest.mark.parametrize(
    ("words", "exits"), [(("42",), 3), (("lead",), 2), (("x",), 2), (("1", "2"), 2), (("9" * 30,), 2), (("%",), 2)]
)
def test_what_cannot_be_explained_is_said(tasuki, words, exits) -> None:
    assert len(tasuki("explain", *words, exits=exits).stderr.splitlines()) == 1


# --- rebuild


def test_a_changed_handoff_is_reported_and_mended(tasuki_anywhere, overdue) -> None:
    assert "No difference" in tasuki_anywhere("rebuild", "--check").stdout
    with overdue.database.write() as c:
        c.execute(update(Handoff).values(verdict="met", owner="nobody"))
    (difference,) = tasuki_anywhere.json("rebuild", "--check", exits=3)
    assert (difference["handoff_id"], difference["stored"], difference["computed"]) == (1, "met", "breached")
    assert "1 differences." in tasuki_anywhere("rebuild", "--check", exits=3).stdout
    tasuki_anywhere("rebuild", stdin="n\n", exits=1)
    assert "as the ledger says" in tasuki_anywhere("rebuild", "--yes").stdout
    assert tasuki_anywhere.json("rebuild", "--check") == []


@pytest.mark.parametrize(("one", "other", "place"), [("abc", "abd", 2), ("ab", "abc", 2), ("", "", 0), ("x", "y", 0)])
def test_where_two_values_part(one, other, place) -> None:
    assert first_difference(one, other) == place


# --- meetings


def test_the_agenda_in_four_forms(tasuki_anywhere, overdue) -> None:
    markdown = tasuki_anywhere("agenda", "--next", "--format", "md").stdout
    assert "[山田製作所 佐藤 翔太](<http://127.0.0.1:8000/handoffs/1>)" in markdown
    assert json.loads(tasuki_anywhere("agenda", "--format", "json").stdout)["breaches"]["count"] == 1
    assert tasuki_anywhere("agenda", "--format", "html").stdout.startswith("<article")
    calendar = icalendar.Calendar.from_ical(tasuki_anywhere("agenda", "--format", "ics").stdout)
    assert len(calendar.walk("VEVENT")) >= 8
    assert "No meeting series is called sales." in tasuki_anywhere("agenda", "--series", "sales", exits=3).stderr


def test_a_series_keeps_what_is_not_changed(tasuki) -> None:
    tasuki("meeting", "series", "set", "--weekday", "fri", "--time", "09:30", "--minutes", "75")
    tasuki("meeting", "series", "set", "--every-weeks", "2", "--name", "Pipeline")
    (series,) = tasuki.json("meeting", "series", "show")
    assert (series["weekday"], series["time"], series["minutes"]) == ("fri", "09:30", 75)
    assert (series["every_weeks"], series["name"]) == (2, "Pipeline")
    assert "/minutes: " in tasuki("meeting", "series", "set", "--minutes", "10", exits=3).stderr
    assert "No calendar is called mars." in tasuki("meeting", "series", "set", "--calendar", "mars", exits=3).stderr
    assert "Say what to change" in tasuki("meeting", "series", "set", exits=2).stderr
    assert tasuki.json("meeting", "series", "show") == [series]


def test_a_feed_has_an_address_until_it_is_revoked(tasuki) -> None:
    assert "http://127.0.0.1:8000/feeds/" in tasuki("meeting", "feed", "new").stdout
    assert tasuki.json("meeting", "series", "show")[0]["feed"] is True
    tasuki("meeting", "feed", "revoke")
    assert tasuki.json("meeting", "series", "show")[0]["feed"] is False


# --- deliveries and alerts


@pytest.fixture
def quarantined(tasuki_anywhere, state_of):
    """Two deliveries of `s` that were not understood, one that was; and the state."""
    state = state_of(tasuki_anywhere)
    with state.database.write() as c:
        source = sources.add(c, state.vault, name="s", kind="standard", config={}, secret="x", now=NOW)
        row = {"source_id": source, "received_at": NOW, "method": "POST", "url": "/webhooks/s", "headers": {}}
        row |= {"body": b"{\x1b[31m", "not_before": NOW, "attempts": 0, "applied_at": NOW}
        states = [("quarantined", "[0]: no kind\n[1]: no lead"), ("quarantined", "not JSON"), ("applied", None)]
        c.execute(insert(Delivery), [row | {"state": state, "reason": reason} for state, reason in states])
    return state


def test_deliveries_are_listed_shown_and_replayed(tasuki_anywhere, quarantined) -> None:
    listed = tasuki_anywhere.json("deliveries", "list", "--state", "quarantined")
    assert [(entry["id"], entry["reason"]) for entry in listed] == [
        (2, ["not JSON"]),
        (1, ["[0]: no kind", "[1]: no lead"]),
    ]
    assert len(tasuki_anywhere.json("deliveries", "list", "--source", "s")) == 3
    shown = tasuki_anywhere("deliveries", "show", "1").stdout
    assert "[1]: no lead" in shown
    assert "\x1b" not in shown
    assert "1 deliveries" in tasuki_anywhere("deliveries", "replay", "1").stdout
    assert "1 deliveries" in tasuki_anywhere("deliveries", "replay", "--source", "s").stdout
    assert tasuki_anywhere.json("deliveries", "list", "--state", "quarantined") == []
    assert len(tasuki_anywhere.json("deliveries", "list", "--state", "waiting")) == 2


@pytest.mark.parametrize(
    ("words", "exits", "said"),
    [
        (("replay", "77"), 3, "No delivery has the number 77."),
        (("show", "77"), 3, "No delivery has the number 77."),
        (("replay", "--source", "nobody"), 3, "No source is called nobody."),
        (("replay", "1", "--source", "s"), 2, "Give a number or --source, not both."),
        (("list", "--state", "lost"), 2, "lost"),
        (("show", "99999999999999999999"), 2, "number"),
    ],
)
def test_deliveries_that_are_not_there(tasuki, words, exits, said) -> None:
    assert said in tasuki("deliveries", *words, exits=exits).stderr


def test_undeliverable_alerts_are_owed_again(tasuki_anywhere, overdue) -> None:
    with overdue.database.write() as c:
        c.execute(update(Alert).values(state="undeliverable", last_error="the channel slack is not set up"))
        count = c.scalar(select(func.count()).select_from(Alert))
    assert "the channel slack is not set up" in tasuki_anywhere("alerts", "list", "--handoff", "1").stdout
    assert len(tasuki_anywhere.json("alerts", "list", "--state", "undeliverable")) == count
    assert "1 alerts are owed again." in tasuki_anywhere("alerts", "retry", "1").stdout
    assert f"{count - 1} alerts are owed again." in tasuki_anywhere("alerts", "retry").stdout
    assert tasuki_anywhere.json("alerts", "list", "--state", "undeliverable") == []


def test_names_from_outside_do_not_steer_the_terminal(tasuki, state_of) -> None:
    state = state_of(tasuki)
    with state.database.write() as c:
        evil = became_mql(25, "\x1b]0;owned\x07[red]佐藤[/red]")
        ledger.apply(c, evil, policies.all_versions(c), NOW)
        assert c.scalar(select(func.count()).select_from(Lead)) == 1
        assert c.scalar(select(func.count()).select_from(Source)) == 0
    said = tasuki("explain", "1").stdout
    assert "[red]佐藤[/red]" in said
    assert not set("\x1b\x07") & set(said)
