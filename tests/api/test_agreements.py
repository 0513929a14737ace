"""Policies, calendars, meetings: versions, deadlines, the agenda in three formats, the feed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

H = timedelta(hours=1)
RULE = {"all": [{"score": {"at_least": 80}}, {"count": {"activity": "download", "at_least": 3}}]}
POLICY = {"key": "mql", "name": "MQL 9営業時間", "rule": RULE, "clock": "business_hours", "target": 9}
CALENDAR = {
    "key": "default",
    "weekly": {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    "country": "JP",
}
SERIES = {"name": "週次会議", "weekday": "fri", "time": "10:00", "minutes": 75, "first": "2026-09-18"}


def apply(office: Any, **more: Any) -> Any:
    return office.asks("POST", "/v1/policies", json={"policy": POLICY} | more)


def test_a_new_version_applies_from_now_and_running_handoffs_keep_theirs(office) -> None:
    office.becomes_mql(1)
    office.clock.advance(H)
    answer = apply(office, note="会議 #18 の決定")
    said = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/policies/mql/versions/2")
    assert (said["version"], said["effective_from"], said["created_by"], said["note"]) == (
        2,
        "2026-09-18T09:30:00Z",
        "test admin",
        "会議 #18 の決定",
    )
    office.becomes_mql(2, 2 * H)
    assert [item["policy"]["version"] for item in office.get("/v1/handoffs")["items"]] == [1, 2]
    assert [item["version"] for item in office.get("/v1/policies/mql")["items"]] == [1, 2]
    assert [item["version"] for item in office.get("/v1/policies")["items"]] == [2]
    assert office.get("/v1/policies/mql/versions/2") | {"new": True, "moved": 0} == said
    again = apply(office)
    assert (again.status_code, again.json()["version"], again.json()["new"]) == (200, 2, False)


def test_clocks_that_run_are_moved_by_choice_after_a_preview(office) -> None:
    office.becomes_mql(1)
    office.clock.advance(H)
    body = {"policy": POLICY | {"target": 18}, "migrate_open": True}
    preview = office.asks("POST", "/v1/policies/preview", json=body).json()
    assert (preview["before"], preview["after"], preview["counts"]) == (
        1,
        2,
        {"running": 1, "changed": 1, "earlier": 0, "later": 1, "overdue": 0},
    )
    (move,) = preview["moves"]
    assert (move["lead"]["company"], move["owner"]) == ("山田製作所", "田中 舞")
    assert (move["due_before"], move["due_after"]) == ("2026-09-19T08:30:00Z", "2026-09-25T08:30:00Z")
    assert [(kind["clock"], kind["target"]) for kind in preview["kinds"]] == [
        ("elapsed", 18),
        ("business_hours", 18),
        ("business_days", 1),
    ]
    assert office.get("/v1/handoffs")["items"][0]["due_at"] == move["due_before"]
    assert len(office.get("/v1/policies/mql")["items"]) == 1
    applied = office.asks("POST", "/v1/policies", json=body)
    assert (applied.status_code, applied.json()["moved"]) == (201, 1)
    assert office.get("/v1/handoffs")["items"][0]["due_at"] == move["due_after"]


def test_a_preview_may_be_read_by_who_may_read(office, token) -> None:
    for path, body in (("policies", {"policy": POLICY}), ("calendars", {"calendar": CALENDAR})):
        assert office.asks("POST", f"/v1/{path}", json=body, headers=token("read")).status_code == 403
        assert office.asks("POST", f"/v1/{path}/preview", json=body, headers=token("read")).status_code == 200


@pytest.mark.parametrize("preview", ["", "/preview"])
@pytest.mark.parametrize(
    ("path", "body", "pointer", "code"),
    [
        ("policies", {"policy": {"calendar": "mars"}}, "/policy/calendar", "unknown_calendar"),
        (
            "policies",
            {"policy": {"owner_calendars": {"tanaka": "mars"}}},
            "/policy/owner_calendars/tanaka",
            "unknown_calendar",
        ),
        ("policies", {"policy": {"name": "a\0"}}, "/policy/name", "not_storable"),
        ("policies", {"note": "a\0"}, "/note", "not_storable"),
        ("policies", {"policy": {"rule": {"attribute": {"name": "a\0", "is": 1}}}}, None, "not_storable"),
        ("policies", {"effective_from": "2026-01-01T00:00:00Z"}, "/effective_from", "in_the_past"),
        (
            "policies",
            {"effective_from": "2026-12-01T00:00:00Z", "migrate_open": True},
            "/migrate_open",
            "not_in_force",
        ),
        ("policies", {"policy": {"enabled": False}, "migrate_open": True}, "/migrate_open", "switched_off"),
        ("policies", {"migrate_open": "yes"}, "/migrate_open", "bool_type"),
        ("calendars", {"calendar": {"weekly": {"mon": []}}}, "/calendar/weekly", "never_open"),
        (
            "calendars",
            {"calendar": {"company_days": [f"{date(2026, 6, 1) + timedelta(n)}" for n in range(90)]}},
            "/calendar",
            "closed_too_long",
        ),
        ("calendars", {"calendar": {"country": "JA"}}, "/calendar/country", "unknown_country"),
        ("calendars", {"calendar": {"company_days": {"2026-09-24": "a\0"}}}, None, "not_storable"),
    ],
)
def test_what_cannot_be_applied_is_named(office, preview, path, body, pointer, code) -> None:
    """Case 29 among them: a calendar that is never open is refused, and nothing loops."""
    noun, whole = path.removesuffix("s").replace("ie", "y"), {"policies": POLICY, "calendars": CALENDAR}[path]
    answer = office.asks("POST", f"/v1/{path}{preview}", json=body | {noun: whole | body.get(noun, {})})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["code"] == code
    assert pointer in (None, error["pointer"])
    assert error["message_ja"] != error["message_en"]


def test_a_version_in_the_future_waits(office) -> None:
    apply(office, effective_from="2026-10-05T09:00:00+09:00")
    dues = [
        office.get("/v1/due", start=start, policy="mql") for start in ("2026-10-01T00:00:00Z", "2026-10-05T00:00:00Z")
    ]
    assert [due["policy"]["version"] for due in dues] == [1, 2]
    assert dues[1]["due_at"] == "2026-10-05T09:00:00Z"


def test_the_difference_of_two_versions(office) -> None:
    apply(office)
    diff = office.asks("GET", "/v1/policies/mql/diff?from=1&to=2").json()
    assert (diff["from"], diff["to"]) == (1, 2)
    assert {each["pointer"]: (each["before"], each["after"]) for each in diff["differences"]} == {
        "/name": ("MQL 24時間", "MQL 9営業時間"),
        "/clock": ("elapsed", "business_hours"),
        "/target": (24.0, 9.0),
        "/exclude": (office.get("/v1/policies/mql/versions/1")["policy"]["exclude"], None),
    }


def test_a_calendar_is_taken_up_by_the_policies_that_use_it(office) -> None:
    calendar = office.get("/v1/calendars/default")["items"][-1]["calendar"] | {
        "company_days": {"2026-09-24": "創立記念日"}
    }
    preview = office.asks("POST", "/v1/calendars/preview", json={"calendar": calendar}).json()
    assert [item["version"] for item in office.get("/v1/calendars")["items"]] == [1]
    answer = office.asks("POST", "/v1/calendars", json={"calendar": calendar})
    said = answer.json()
    assert (answer.status_code, said["version"], said["new"], said["moved"]) == (201, 2, True, 0)
    assert said["policies"] == preview["policies"] == [{"policy": "mql", "before": 1, "version": 2}]
    assert "/company_days/2026-09-24" in {each["pointer"] for each in preview["differences"]}
    assert said["calendar"]["holidays"]["2026-09-22"] == "国民の休日"
    assert [item["version"] for item in office.get("/v1/calendars")["items"]] == [2]
    shown = office.get("/v1/calendars/default/versions/2")
    assert shown | {name: said[name] for name in ("new", "policies", "moved")} == said
    assert office.get("/v1/policies/mql/versions/2")["calendar_version"] == 2
    assert apply(office).json()["calendar_version"] == 2
    due = office.get("/v1/due", start="2026-09-18T08:30:00Z", policy="mql")
    assert due["due_at"] == "2026-09-25T08:30:00Z"
    again = office.asks("POST", "/v1/calendars", json={"calendar": calendar})
    assert (again.status_code, again.json()["new"]) == (200, False)


def test_case_26_a_new_company_day_moves_the_deadlines_that_run(office) -> None:
    apply(office)
    office.becomes_mql(1, H)
    office.clock.advance(2 * H)
    before = office.get("/v1/handoffs")["items"][0]["due_at"]
    body = {"calendar": CALENDAR | {"company_days": ["2026-09-24"]}}
    preview = office.asks("POST", "/v1/calendars/preview", json=body).json()
    left = office.asks("POST", "/v1/calendars/preview", json=body | {"keep_open": True}).json()
    assert (preview["counts"]["later"], left["counts"]["running"], left["moves"]) == (1, 0, [])
    assert office.asks("POST", "/v1/calendars", json=body | {"keep_open": True}).json()["moved"] == 0
    assert office.get("/v1/handoffs")["items"][0]["due_at"] == before == "2026-09-24T09:00:00Z"
    assert office.asks("POST", "/v1/calendars", json=body).json()["moved"] == 1
    assert office.get("/v1/handoffs")["items"][0]["due_at"] == preview["moves"][0]["due_after"]
    assert preview["moves"][0]["due_after"] == "2026-09-25T09:00:00Z"


def test_case_27_public_holidays_are_proposed(office) -> None:
    proposal = office.get("/v1/calendars/default/proposal")
    assert (proposal["version"], proposal["years"]) == (1, [2024, 2025, 2026, 2027, 2028, 2029])
    assert proposal["provisional_years"] == [2028, 2029]
    assert {change["day"][:4] for change in proposal["changes"]} == {"2029"}
    assert [item["version"] for item in office.get("/v1/calendars")["items"]] == [1]
    assert office.asks("POST", "/v1/calendars", json={"calendar": proposal["calendar"]}).status_code == 201
    assert office.get("/v1/calendars/default/proposal")["changes"] == []
    assert office.asks("GET", "/v1/calendars/mars/proposal").status_code == 404


@pytest.mark.parametrize(
    ("path", "accept", "media"),
    [
        ("/v1/meetings/next/agenda", "", "application/json"),
        ("/v1/meetings/next/agenda", "*/*", "application/json"),
        ("/v1/meetings/next/agenda", "text/markdown", "text/markdown; charset=utf-8"),
        ("/v1/meetings/next/agenda", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("/v1/meetings/next/agenda", "text/html;q=0.4, text/markdown;q=0.9", "text/markdown; charset=utf-8"),
        ("/v1/meetings/next/agenda", "text/html;q=x", "text/html; charset=utf-8"),
        ("/v1/meetings/next/agenda.json", "text/html", "application/json"),
        ("/v1/meetings/next/agenda.md", "", "text/markdown; charset=utf-8"),
        ("/v1/meetings/next/agenda.html", "", "text/html; charset=utf-8"),
    ],
)
def test_the_agenda_in_the_format_that_is_asked_for(office, path, accept, media) -> None:
    office.becomes_mql()
    office.hours_pass(25)
    answer = office.asks("GET", path, headers={"Accept": accept, "Accept-Language": "en"})
    assert (answer.status_code, answer.headers["content-type"], answer.headers["content-language"]) == (
        200,
        media,
        "en",
    )
    assert "山田製作所" in answer.text
    assert "SLA breaches: 1" in answer.text or media == "application/json"


def test_series_are_read_written_and_removed(office) -> None:
    office.clock.advance(H)
    written = office.asks("PUT", "/v1/meetings/series/weekly", json={"series": SERIES})
    assert (written.status_code, written.json()["calendar"]) == (200, "default")
    assert written.json()["next_meeting"]["start"] == "2026-09-25T01:00:00Z"
    assert office.get("/v1/meetings/series/weekly") == written.json()
    assert [item["key"] for item in office.get("/v1/meetings/series")["items"]] == ["default", "weekly"]
    assert office.get("/v1/meetings/next/agenda", series="weekly")["series"]["name"] == "週次会議"
    assert office.asks("DELETE", "/v1/meetings/series/weekly").status_code == 204
    assert office.asks("GET", "/v1/meetings/series/weekly").status_code == 404
    refused = office.asks("PUT", "/v1/meetings/series/weekly", json={"series": SERIES, "calendar": "no"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/calendar")


def test_a_feed_opens_without_a_token_until_it_is_revoked(office) -> None:
    office.becomes_mql()
    office.hours_pass(25)
    made = office.asks("POST", "/v1/meetings/series/default/feed")
    assert made.status_code == 201
    address = made.json()["url"].removeprefix("https://tasuki.example.com")
    feed = office.client.get(address)
    assert (feed.status_code, feed.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert "BEGIN:VEVENT" in feed.text
    assert "山田" not in feed.text
    assert office.get("/v1/meetings/series/default")["has_feed"] is True
    assert office.asks("DELETE", "/v1/meetings/series/default/feed").status_code == 204
    gone = office.client.get(address)
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")
