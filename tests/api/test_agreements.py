"""Policies, calendars, meetings: versions, deadlines, the agenda in three formats, the feed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

H = timedelta(hours=1)
RULE = {"all": [{"score": {"at_least": 80}}, {"count": {"activity": "download", "at_least": 3}}]}
POLICY = {"key": "mql", "name": "MQL 9営業時間", "rule": RULE, "clock": "business_hours", "target": 9}
SERIES = {"name": "週次会議", "weekday": "fri", "time": "10:00", "minutes": 75, "first": "2026-09-04"}


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
    assert office.get("/v1/policies/mql/versions/2") == said


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
    }


def test_a_calendar_is_taken_up_by_the_policys_next_version(office) -> None:
    calendar = office.get("/v1/calendars/default")["items"][-1]["calendar"] | {
        "company_days": {"2026-09-24": "創立記念日"}
    }
    answer = office.asks("POST", "/v1/calendars", json={"calendar": calendar})
    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    assert answer.json()["calendar"]["holidays"]["2026-09-22"] == "国民の休日"
    assert [item["version"] for item in office.get("/v1/calendars")["items"]] == [2]
    assert office.get("/v1/calendars/default/versions/2") == answer.json()
    assert apply(office).json()["calendar_version"] == 2
    due = office.get("/v1/due", start="2026-09-18T08:30:00Z", policy="mql")
    assert due["due_at"] == "2026-09-25T08:30:00Z"


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
