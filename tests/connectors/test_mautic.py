"""Mautic's signed lists, its contacts and their history."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors import registry
from connectors.contract import AskFailed, CanonicalEvent, EventKind, ExternalId, LeadStatus, Parsed, WebhookRequest
from connectors.mautic import connector as mautic
from connectors.mautic.config import MauticConfig
from connectors.mautic.connector import CONNECTOR, Mautic
from connectors.rounds import kept
from tests.connectors.journey import MarketingJourney
from tests.connectors.mautic_account import CREDENTIAL, MauticVendor

FIXTURES = Path(__file__).parents[1] / "fixtures" / "mautic"
BASE = "https://mautic.example.jp"
MAUTIC = Mautic()
CONFIG = MauticConfig(base=BASE, statuses={"接触済み": LeadStatus.CONTACTED}, downloads=["lead points"], visits=True)
VECTOR = json.loads((FIXTURES / "vector_derived_lead_points_change.json").read_text())


def parse(body: object, config: MauticConfig = CONFIG, method: str = "POST") -> Parsed:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    parsed = CONNECTOR.parse(WebhookRequest(method, f"{BASE}/webhooks/m", {}, content, NOW), config)
    assert_sound(parsed)
    return parsed


def fixture(event: str) -> dict[str, Any]:
    """The official sample of an event's body, under its key."""
    return {f"mautic.{event}": json.loads((FIXTURES / f"event_body.{event}.json").read_text())}


def told(events: list[CanonicalEvent]) -> list[tuple[Any, ...]]:
    return [(e.kind.value, e.lead[0].value, e.occurred_at) for e in events]


class TestMauticSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = True
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return CONNECTOR.sample(CONFIG, "a-secret-of-mautic", f"{BASE}/webhooks/m", now), ["a-secret-of-mautic"], CONFIG


class TestMauticContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    @FUZZ
    @given(st.sampled_from(sorted(mautic.EVENTS)), st.sampled_from(["contact", "submission", "hit", "points"]), JSON)
    def test_any_entry_parses(self, event: str, key: str, value: Any) -> None:
        for entry in ({key: value}, {key: {"id": value, "fields": value, "lead": value, "form": value}}, value):
            assert_sound(parse({event: [entry, entry]}))
            assert_sound(parse({event: entry}))

    @FUZZ
    @given(st.sampled_from(["contacts", "history"]), JSON, JSON)
    def test_any_answer_parses(self, part: str, value: Any, other: Any) -> None:
        event = {"event": "form.submitted", "eventId": value, "eventLabel": other, "timestamp": value, "contactId": 1}
        for answer in (value, {"contacts": {"1": value}, "events": [value, event]}, {"contacts": value}):
            assert_sound(parse(kept([(part, answer)]), method="POLL"))


def test_derived_vector_over_the_exact_bytes() -> None:
    """DERIVED from the source of Mautic's client; PHP's escapes are part of what was signed."""
    headers = {name.lower(): value for name, value in VECTOR["headers"].items()}
    request = WebhookRequest("POST", BASE, headers, VECTOR["body"].encode(), NOW)
    CONNECTOR.verify(request, ["another", VECTOR["secret"]], CONFIG, NOW)
    again = json.dumps(json.loads(VECTOR["body"])).encode()
    with pytest.raises(Exception, match="signature"):
        CONNECTOR.verify(WebhookRequest("POST", BASE, headers, again, NOW), [VECTOR["secret"]], CONFIG, NOW)


def test_points_are_the_score() -> None:
    events = parse(VECTOR["body"].encode()).events
    at = datetime(2017, 6, 19, 9, 33, 59, tzinfo=UTC)
    assert told(events) == [("lead", "52", at), ("score", "52", at)]
    profile, score = events
    assert profile.lead == (ExternalId("mautic", "52"), ExternalId("email", "john@doe.name"))
    assert profile.data == {"name": "John Doe", "company": "Mautic", "url": f"{BASE}/s/contacts/view/52"}
    assert score.data == {"score": 5}


def test_the_old_sample_has_the_points_at_the_contact_alone() -> None:
    (score,) = [e for e in parse(fixture("lead_points_change")).events if e.kind is EventKind.SCORE]
    assert score.data == {"score": 5}


def test_an_update_of_a_contact() -> None:
    events = parse(fixture("lead_post_save_update")).events
    assert [e.kind for e in events] == [EventKind.LEAD, EventKind.SCORE]


def test_the_owner_counts_where_sales_works_in_mautic() -> None:
    config = CONFIG.model_copy(update={"role": "both"})
    (owner,) = [e for e in parse(fixture("lead_post_save_update"), config).events if e.kind is EventKind.OWNER]
    assert owner.data == {"owner": "1", "name": "Doe John"}


def test_a_deleted_contact_is_out() -> None:
    (event,) = parse(fixture("lead_post_delete")).events
    assert (event.kind, event.data) == (EventKind.DISPOSITION, {"outcome": "excluded", "reason": "deleted"})
    assert event.lead == (ExternalId("mautic", "52"),)


@pytest.mark.parametrize(("downloads", "word"), [(["lead points"], "download"), (["others"], "form")])
def test_a_form_may_stand_for_a_document(downloads: list[str], word: str) -> None:
    (event,) = parse(fixture("form_on_submit"), MauticConfig(downloads=downloads)).events
    assert event.data == {"activity": word, "asset": "lead points", "title": "lead points"}
    assert event.occurred_at == datetime(2015, 8, 26, 1, 30, 34, tzinfo=UTC)


def test_a_form_is_the_same_fact_however_it_comes() -> None:
    (pushed,) = parse(fixture("form_on_submit")).events
    event = {"event": "form.submitted", "eventId": "form.submitted13", "eventLabel": {"label": "lead points"}}
    seen = event | {"timestamp": "2015-08-26T01:30:34+00:00", "contactId": 26, "details": {}}
    (polled,) = parse(kept([("history", {"events": [seen]})]), method="POLL").events
    assert polled == pushed


@pytest.mark.parametrize(("visits", "kinds"), [(True, ["activity"]), (False, [])])
def test_page_hits_are_kept_if_that_is_wanted(visits: bool, kinds: list[str]) -> None:
    hit = {"dateHit": "2026-09-24T08:00:00+00:00", "url": "https://www.example.jp/price", "lead": {"id": 7}}
    config = CONFIG.model_copy(update={"visits": visits})
    assert [e.kind.value for e in parse({"mautic.page_on_hit": [{"hit": hit}]}, config).events] == kinds


def test_events_that_mean_nothing_here() -> None:
    assert parse({"mautic.email_on_open": [{"stat": {}}], "mautic.lead_list_change": [{}], "x": 1}) == Parsed()


def test_a_list_of_the_api() -> None:
    page = json.loads((FIXTURES / "rest_contacts_list.json").read_text())
    events = parse(kept([("contacts", page)]), method="POLL").events
    at = datetime(2015, 7, 21, 19, 19, 37, tzinfo=UTC)  # lastActive
    assert told(events) == [("lead", "47", at), ("score", "47", at)]
    assert parse(kept([("contacts", {"total": "0", "contacts": []})]), method="POLL") == Parsed()


def test_what_the_api_repeats_as_bare_values_changes_nothing() -> None:
    core = {"email": {"value": "a@example.jp"}, "lastname": {"value": "山田"}, "stage": {"value": "x"}}
    contact = {"id": 47, "dateModified": "2026-09-24T08:00:00+00:00", "stage": {"id": 1, "name": "接触済み"}}
    fields = {"core": core, "all": {"email": "a@example.jp", "lastname": "山田", "stage": "x"}}
    page = {"contacts": {"47": contact | {"fields": fields}}}
    config = CONFIG.model_copy(update={"status_field": "stage"})
    events = parse(kept([("contacts", page)]), config, method="POLL").events
    told = {event.kind.value: event.data for event in events}
    assert told["lead"]["name"] == "山田"
    assert told["status"]["status"] == "contacted"
    assert events[0].lead[1] == ExternalId("email", "a@example.jp")


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(200, json={}), httpx.Response(200)])
def test_no_sensible_answer_is_not_an_empty_one(vendor: MauticVendor, answer: httpx.Response) -> None:
    vendor.refusals = [answer]
    with pytest.raises(AskFailed):
        polled(vendor)


def test_own_fields() -> None:
    core = {
        "fit": {"value": "91"},
        "stage": {"value": "接触済み"},
        "industry": {"value": "製造"},
        "odd": {"value": "謎"},
    }
    contact = {"contact": {"id": 1, "points": 3, "fields": {"core": core, "social": []}}, "timestamp": NOW.isoformat()}
    body = {"mautic.lead_post_save_update": [contact]}
    own = {"score_field": "fit", "status_field": "stage", "attributes": {"industry": "industry"}}
    events = {e.kind.value: e.data for e in parse(body, CONFIG.model_copy(update=own)).events}
    assert events["score"] == {"score": 91}
    assert events["status"] == {"status": "contacted", "raw": "接触済み"}
    assert events["lead"]["attributes"] == {"industry": "製造"}
    odd = {e.kind.value: e.data for e in parse(body, CONFIG.model_copy(update={"status_field": "odd"})).events}
    assert odd["status"] == {"status": None, "raw": "謎"}


@pytest.mark.parametrize(
    ("given", "kept_as"),
    [
        ("https://m.example.jp/", BASE.replace("mautic", "m")),
        ("https://m.example.jp/mautic/", "https://m.example.jp/mautic"),
        ("http://m.example.jp", None),
        ("https://user@m.example.jp", None),
        ("https://m.example.jp/a?b", None),
        ("m.example.jp", None),
    ],
)
def test_where_mautic_is(given: str, kept_as: str | None) -> None:
    if kept_as is None:
        with pytest.raises(ValueError, match="must be the address"):
            MauticConfig(base=given)
    else:
        assert MauticConfig(base=given).base == kept_as


# --- the API


@pytest.fixture
def vendor() -> MauticVendor:
    return MauticVendor(lambda: NOW)


def polled(vendor: MauticVendor, cursor: dict[str, Any] | None = None) -> tuple[list[CanonicalEvent], dict[str, Any]]:
    cursor, events = cursor or MAUTIC.start(NOW - timedelta(hours=1)), []
    with respx.mock(assert_all_called=False) as router:
        router.route(host="mautic.example.jp").mock(side_effect=vendor.answer)
        for _ in range(20):
            page = MAUTIC.poll(cursor, NOW + timedelta(minutes=1), CONFIG, CREDENTIAL, httpx.Client())
            events += parse(page.body, method="POLL").events
            cursor = page.cursor
            if not page.more:
                return events, cursor
    raise AssertionError("it never ends")


def test_every_page_of_both_lists_is_read(vendor: MauticVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mautic, "LIMIT", 2)
    for number in range(5):
        vendor.person(f"p{number}", f"p{number}@example.jp", "山田")
        vendor.download(f"p{number}", "wp-1")
    events, cursor = polled(vendor)
    assert len({e.lead[0] for e in events if e.kind is EventKind.LEAD}) == 5
    assert len([e for e in events if e.kind is EventKind.ACTIVITY]) == 5
    again, _ = polled(vendor, cursor)
    assert {e.key for e in again} <= {e.key for e in events}


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (httpx.Response(401), "no longer accepts the credential"),
        (httpx.Response(403, json={"errors": [{"message": "denied"}]}), "403"),
        (httpx.Response(200, text="<html>"), "something else than JSON"),
    ],
)
def test_a_refusal_says_what_to_do(vendor: MauticVendor, refusal: httpx.Response, sentence: str) -> None:
    vendor.refusals = [refusal] * 9
    with pytest.raises(AskFailed, match=sentence):
        polled(vendor)


def test_a_check_asks_for_both_lists(vendor: MauticVendor) -> None:
    with respx.mock as router:
        router.route(host="mautic.example.jp").mock(side_effect=vendor.answer)
        found = CONNECTOR.check(CONFIG, CREDENTIAL, httpx.Client())
    assert (found.account, found.problems, len(vendor.asked)) == ("mautic.example.jp", (), 2)


def test_it_is_found() -> None:
    assert registry.connector("mautic") is CONNECTOR


class TestMauticJourney(MarketingJourney):
    vendor = MauticVendor
