"""Account Engagement: what its prospects and their activities say, asked for page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from pardot_account import CREDENTIAL, UNIT, PardotVendor
from security import FUZZ, JSON, NOW, ContentTests, assert_sound

from connectors import registry
from connectors.contract import (
    AskFailed,
    CanonicalEvent,
    EventKind,
    ExternalId,
    LeadStatus,
    Parsed,
    Unverified,
    WebhookRequest,
)
from connectors.pardot import connector as pardot
from connectors.pardot.config import PardotConfig
from connectors.pardot.connector import CONNECTOR, Pardot
from connectors.rounds import kept
from tests.connectors.journey import MarketingJourney

FIXTURE = Path(__file__).parents[1] / "fixtures" / "pardot" / "prospects_page.derived.json"
PARDOT = Pardot()
CONFIG = PardotConfig(business_unit_id=UNIT, app_base="https://acme.my.salesforce.com", downloads=["事例集フォーム"])
HOUR = timedelta(hours=1)


def parse(name: str, *values: Any, config: PardotConfig = CONFIG) -> Parsed:
    body = kept([(name, {"values": list(values)})])
    parsed = CONNECTOR.parse(WebhookRequest("POLL", "", {}, body, NOW), config)
    assert_sound(parsed)
    return parsed


def did(config: PardotConfig = CONFIG, **said: Any) -> list[dict[str, Any]]:
    at = {"createdAt": "2026-09-24T17:00:00+09:00", "updatedAt": "2026-09-24T17:05:00+09:00"}
    events = parse("visitor-activities", {"id": 9, "prospectId": 5} | at | said, config=config).events
    assert {event.occurred_at for event in events} <= {datetime(2026, 9, 24, 8, 0, tzinfo=UTC)}
    return [event.data for event in events]


class TestPardotContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    def request(self, body: bytes) -> WebhookRequest:
        return WebhookRequest("POLL", "", {}, body, NOW)

    @FUZZ
    @given(st.sampled_from(["prospects", "visitor-activities"]), st.dictionaries(st.text(max_size=9), JSON), JSON)
    def test_any_answer_parses(self, name: str, entry: Any, value: Any) -> None:
        known = ("id", "email", "score", "type", "prospectId", "prospect", "formId", "form", "createdAt", "updatedAt")
        parse(name, entry, value, dict.fromkeys(known, value))

    def test_a_truncated_answer_is_a_problem(self) -> None:
        body = kept([("prospects", json.loads(FIXTURE.read_text()))])
        for end in range(0, len(body) - 1, 7):
            assert self.parse(body[:end]).problems


def test_it_takes_no_webhook() -> None:
    with pytest.raises(Unverified, match="sends no webhooks"):
        CONNECTOR.verify(WebhookRequest("POST", "", {}, b"{}", NOW), ["secret"], CONFIG, NOW)


# --- prospects


def test_derived_a_page_of_prospects() -> None:
    events = parse("prospects", *json.loads(FIXTURE.read_text())["values"]).events
    assert {event.kind.value: event.data for event in events} == {
        "lead": {"url": "https://acme.my.salesforce.com/00Q000000000001AAA"},
        "score": {"score": 120},
    }
    assert {event.occurred_at for event in events} == {datetime(2026, 9, 5, 3, 0, tzinfo=UTC)}
    assert list(events[0].lead) == [
        ExternalId("pardot", "565722"),
        ExternalId("salesforce", "00Q000000000001EAA"),
        ExternalId("email", "taro@example.co.jp"),
    ]


@pytest.mark.parametrize(
    ("salesforce", "given", "systems"),
    [
        ("salesforce", "00Q000000000001", ["pardot", "salesforce"]),
        ("sfdc-jp", "00Q000000000001AAA", ["pardot", "sfdc-jp"]),
        ("", "00Q000000000001AAA", ["pardot"]),
        ("salesforce", "nothing", ["pardot"]),
        ("salesforce", None, ["pardot"]),
    ],
)
def test_a_prospect_is_the_lead_that_salesforce_knows(salesforce: str, given: Any, systems: list[str]) -> None:
    config = CONFIG.model_copy(update={"salesforce": salesforce})
    at = {"updatedAt": "2026-09-24T17:00:00+09:00"}
    (event,) = parse("prospects", {"id": 5, "salesforceId": given, "lastName": "山田"} | at, config=config).events
    assert [one.system for one in event.lead] == systems
    assert {one.value for one in event.lead[1:]} <= {"00Q000000000001EAA"}  # its checksum, whatever was given


def test_times_without_a_zone_are_the_api_users() -> None:
    for zone, hour in (("Asia/Tokyo", 8), ("UTC", 17), ("America/New_York", 21)):
        config = CONFIG.model_copy(update={"time_zone": zone})
        (event,) = parse("prospects", {"id": 5, "score": 1, "updatedAt": "2026-09-24T17:00:00"}, config=config).events[
            1:
        ]
        assert event.occurred_at == datetime(2026, 9, 24, hour, tzinfo=UTC)


def test_own_fields() -> None:
    config = PardotConfig(
        score_field="fit__c",
        status_field="stage__c",
        statuses={"接触済み": LeadStatus.CONTACTED},
        attributes={"industry": "industry"},
    )
    at = {"updatedAt": "2026-09-24T17:00:00+09:00"}
    told = {"id": 5, "score": 3, "fit__c": "91", "stage__c": "接触済み", "industry": "製造"}
    events = {event.kind.value: event.data for event in parse("prospects", told | at, config=config).events}
    assert events["score"] == {"score": 91}
    assert events["status"] == {"status": "contacted", "raw": "接触済み"}
    assert events["lead"]["attributes"] == {"industry": "製造"}
    assert {"fit__c", "stage__c", "industry", "id"} <= set(pardot.wanted("prospects", config).split(","))
    assert "prospect.fit__c" in pardot.wanted("visitor-activities", config).split(",")


# --- activities

FORM, FILE = {"formId": 7, "form": {"name": "資料請求"}}, {"fileId": 3, "file": {"name": "事例集.pdf"}}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"type": 2, **FILE}, "download"),
        ({"type": 1, **FILE}, "download"),
        ({"type": 4, **FORM}, "form"),
        ({"type": 4, "formId": 7, "form": {"name": "事例集フォーム"}}, "download"),
        ({"type": 4, "formHandlerId": 7, "details": "事例集フォーム"}, "download"),
        ({"type": 4, "landingPageId": 7, "details": "LP"}, "form"),
        ({"type": 2, **FORM}, None),
        ({"type": 3, **FORM}, None),
        ({"type": 1, "customRedirectId": 8, "details": "価格表"}, "click"),
        ({"type": 1, "emailId": 8}, None),
        ({"type": 11, "emailId": 8}, None),
        ({"type": 24}, "seminar"),
        ({"type": 20}, None),
        ({"type": "4", **FORM}, "form"),
        ({"type": None, **FORM}, None),
        ({"type": 4, **FORM, "prospectId": None}, None),
    ],
)
def test_what_an_activity_is(said: dict[str, Any], word: str | None) -> None:
    assert [data["activity"] for data in did(**said)] == ([word] if word else [])


def test_visits_and_other_types_if_that_is_wanted() -> None:
    config = CONFIG.model_copy(update={"visits": True, "activities": {1: "click", 24: ""}})
    said: list[dict[str, Any]]
    said = [{"type": 20}, {"type": 2}, {"type": 1, "emailId": 8}, {"type": 24}, {"type": 2, **FORM}]
    found = [[data["activity"] for data in did(config, **one)] for one in said]
    assert found == [["visit"], ["visit"], ["click"], [], []]


def test_an_activity_brings_the_score_that_it_moved() -> None:
    """As the same fact that the prospect's record tells."""
    whose: dict[str, Any] = {"id": 5, "score": 82, "updatedAt": "2026-09-24T12:00:00+09:00"}
    whose["lastActivityAt"] = at = "2026-09-24T17:00:00+09:00"
    act: dict[str, Any] = {"id": 9, "prospectId": 5, "type": 4, "createdAt": at, "prospect": whose, **FORM}
    (_, score) = parse("visitor-activities", act).events
    (_, same) = parse("prospects", whose).events
    assert score == same
    assert same.occurred_at == datetime(2026, 9, 24, 8, 0, tzinfo=UTC)
    for other in ({"id": 6}, {"id": None}, {"updatedAt": None, "lastActivityAt": None}):
        told = {"id": 9, "prospectId": 5, "prospect": whose | other}
        assert parse("visitor-activities", told).events == []


# --- the API


@pytest.fixture
def vendor() -> Iterator[PardotVendor]:
    vendor = PardotVendor(lambda: NOW)
    with respx.mock(assert_all_called=False) as router:
        router.route(host="pi.pardot.com").mock(side_effect=vendor.answer)
        router.route(host="acme.my.salesforce.com").mock(side_effect=vendor.answer)
        yield vendor


def polled(cursor: dict[str, Any] | None = None) -> tuple[list[CanonicalEvent], dict[str, Any]]:
    cursor, found = cursor or PARDOT.start(NOW - HOUR), []
    for _ in range(40):
        page = PARDOT.poll(json.loads(json.dumps(cursor)), NOW + HOUR, CONFIG, CREDENTIAL, httpx.Client())
        found += CONNECTOR.parse(WebhookRequest("POLL", page.url, {}, page.body, NOW), CONFIG).events
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("it never ends")


@pytest.mark.parametrize(("limit", "most"), [(2, 1000), (1000, 2), (1, 1000), (1000, 1000)])
def test_every_page_of_both_lists_is_read(
    vendor: PardotVendor, monkeypatch: pytest.MonkeyPatch, limit: int, most: int
) -> None:
    """Also when fewer rows come than were asked for."""
    monkeypatch.setattr(pardot, "LIMIT", limit)
    monkeypatch.setattr(PardotVendor, "page", most)
    for number in range(5):
        vendor.person(f"p{number}", f"p{number}@example.jp", "山田")
        vendor.did(f"p{number}", type=2, fileId=3, file={"name": "事例集.pdf"})
    events, cursor = polled()
    assert len({event.lead[0] for event in events if event.kind is EventKind.LEAD}) == 5
    assert len([event for event in events if event.kind is EventKind.ACTIVITY]) == 5
    again, _ = polled(cursor)
    assert {event.key for event in again} <= {event.key for event in events}


def test_a_prospect_that_changes_while_pages_are_read_hides_no_other(
    vendor: PardotVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pardot, "LIMIT", 2)
    for number in range(6):
        vendor.person(f"p{number}", f"p{number}@example.jp", "山田")
    page = PARDOT.poll(PARDOT.start(NOW - HOUR), NOW + HOUR, CONFIG, CREDENTIAL, httpx.Client())
    vendor.leads["p0"]["updatedAt"] = (NOW + 2 * HOUR).isoformat()  # beyond what is being read
    first = CONNECTOR.parse(WebhookRequest("POLL", page.url, {}, page.body, NOW), CONFIG).events
    found = {event.lead[0].value for event in [*first, *polled(page.cursor)[0]]}
    assert found == {str(lead["id"]) for lead in vendor.leads.values()}


def test_a_token_that_ended_is_renewed(vendor: PardotVendor) -> None:
    vendor.person("sato", "sato@example.jp", "佐藤")
    assert polled()[0]
    vendor.clock = lambda: NOW + 2 * HOUR
    assert len(polled()[0]) == 2


@pytest.mark.parametrize(
    ("refusal", "sentence", "later"),
    [
        (httpx.Response(400, json={"code": 66, "message": "concurrent"}), r"fewer requests \(66\)", 5.0),
        (httpx.Response(403, json={"code": 122, "message": "daily"}), r"fewer requests \(122\)", 3600.0),
        (httpx.Response(400, json={"code": 109, "message": "x"}), r"refused the question \(400, 109\)", None),
        (httpx.Response(400, text="<html>"), r"refused the question \(400\)", None),
        (httpx.Response(403, json={"code": 49, "message": "x"}), "scope pardot_api", None),
    ],
)
def test_a_refusal_says_what_to_do(
    vendor: PardotVendor, refusal: httpx.Response, sentence: str, later: float | None
) -> None:
    vendor.refusals = [refusal]
    with pytest.raises(AskFailed, match=sentence) as failed:
        polled()
    assert failed.value.retry_after == later


def test_a_check_asks_for_both_lists(vendor: PardotVendor) -> None:
    found = CONNECTOR.check(CONFIG, CREDENTIAL, httpx.Client())
    assert (found.account, found.problems) == (UNIT, ())
    prospects, activities = (asked["fields"] for asked in vendor.asked[-2:])
    assert ("email" in prospects, "file.name" in activities) == (True, True)


@pytest.mark.parametrize(
    ("config", "credential", "sentence"),
    [
        (PardotConfig(), CREDENTIAL, "business_unit_id must be set"),
        (CONFIG, CREDENTIAL.replace("secret-never-shown", "wrong-never-shown"), "gives no access token"),
    ],
)
def test_without_access_there_is_one_sentence(
    vendor: PardotVendor, config: PardotConfig, credential: str, sentence: str
) -> None:
    with pytest.raises(AskFailed, match=sentence) as failed:
        CONNECTOR.check(config, credential, httpx.Client())
    assert "never-shown" not in str(failed.value)


def test_a_token_alone_is_taken_as_it_is(vendor: PardotVendor) -> None:
    vendor.token, vendor.token_until = "given", NOW + HOUR
    credential = json.dumps({"instance_url": "https://acme.my.salesforce.com", "access_token": "given"})
    assert CONNECTOR.check(CONFIG, credential, httpx.Client()).problems == ()
    vendor.token_until = NOW
    problems = CONNECTOR.check(CONFIG, credential, httpx.Client()).problems
    assert {"no longer accepts" in problem.reason for problem in problems} == {True}


@pytest.mark.parametrize(
    ("field", "wrong"), [("business_unit_id", "x"), ("api_base", "http://pi.pardot.com"), ("time_zone", "Tokio")]
)
def test_config_is_checked(field: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=field):
        PardotConfig.model_validate({field: wrong})


def test_it_is_found() -> None:
    assert registry.connector("pardot") is CONNECTOR


class TestPardotJourney(MarketingJourney):
    vendor = PardotVendor
