"""HubSpot by its published signature vectors, its payloads, and the documented shapes of its REST answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from security import JSON, ContentTests, Genuine, SecurityTests, assert_sound

from connectors.contract import (
    AskFailed,
    CanonicalEvent,
    EventKind,
    ExternalId,
    LeadStatus,
    Lookup,
    Parsed,
    Unverified,
    WebhookRequest,
)
from connectors.hubspot import deals, engagements
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.connector import CONNECTOR
from connectors.hubspot.contacts import contact_facts
from connectors.hubspot.records import Record
from connectors.wire import moment

FIXTURES = Path(__file__).parents[1] / "fixtures" / "hubspot"
VECTORS = sorted(FIXTURES.glob("vector_*.json"))
NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
URL = "https://tasuki.example.jp/webhooks/hubspot"
SECRET = "0f5b3c1e-client-secret"
CONFIG = HubSpotConfig()
API = "https://api.hubapi.com/crm/v3/objects"


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def webhook(body: bytes, url: str = URL, **headers: str) -> WebhookRequest:
    return WebhookRequest("POST", url, {name.replace("_", "-"): v for name, v in headers.items()}, body, NOW)


def signed(body: bytes, at: datetime, url: str = URL, as_signed: str = "") -> WebhookRequest:
    timestamp = str(int(at.timestamp() * 1000))
    message = b"POST" + (as_signed or url).encode() + body + timestamp.encode()
    proof = base64.b64encode(hmac.digest(SECRET.encode(), message, hashlib.sha256)).decode()
    return webhook(body, url, x_hubspot_signature_v3=proof, x_hubspot_request_timestamp=timestamp)


# --- signatures -------------------------------------------------------------------------------------------------


class TestHubSpotSecurity(SecurityTests):
    connector = CONNECTOR

    def genuine(self, now: datetime) -> Genuine:
        body = (FIXTURES / "webhook_batch_docs_eventType_key.json").read_bytes()
        return signed(body, now), [SECRET], CONFIG


def vector(path: Path) -> tuple[WebhookRequest, str, datetime]:
    """As published: the body's exact bytes, the clock at the signed time."""
    told = json.loads(path.read_text(encoding="utf-8"))
    headers = {name.lower(): value for name, value in told["headers"].items()}
    now = datetime.fromtimestamp(int(headers.get("x-hubspot-request-timestamp", NOW_MS)) / 1000, UTC)
    request = WebhookRequest(told["method"] or "POST", told["uri"] or URL, headers, told["body"].encode(), now)
    return request, told["client_secret"], now


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_published_vector(path: Path) -> None:
    request, secret, now = vector(path)
    config = HubSpotConfig(allow_older_signatures="v3" not in path.stem)
    CONNECTOR.verify(request, [secret], config, now)
    for wrong in (replace(request, body=request.body + b" "), replace(request, method="PUT")):
        if wrong.method == "PUT" and "v1" in path.stem:
            continue  # v1 signs the body alone
        with pytest.raises(Unverified):
            CONNECTOR.verify(wrong, [secret], config, now)


def test_there_are_vectors_of_every_version() -> None:
    assert {path.stem.split("-")[0] for path in VECTORS} == {"vector_v1", "vector_v2", "vector_v3"}


@pytest.mark.parametrize("path", [path for path in VECTORS if "v3" not in path.stem], ids=lambda path: path.stem)
def test_older_signatures_count_only_if_allowed_and_only_without_v3(path: Path) -> None:
    request, secret, now = vector(path)
    with pytest.raises(Unverified, match="v3 is missing"):
        CONNECTOR.verify(request, [secret], CONFIG, now)
    both = replace(request, headers={**request.headers, "x-hubspot-signature-v3": "wrong"})
    with pytest.raises(Unverified):
        CONNECTOR.verify(both, [secret], HubSpotConfig(allow_older_signatures=True), now)
    unknown = replace(request, headers={**request.headers, "x-hubspot-signature-version": "v9"})
    with pytest.raises(Unverified, match="v1 or v2"):
        CONNECTOR.verify(unknown, [secret], HubSpotConfig(allow_older_signatures=True), now)


@pytest.mark.parametrize(
    ("query", "as_signed"),
    [
        ("", ""),
        ("?b=2&a=1", "?b=2&a=1"),
        ("?to=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", "?to=:/?@!$'()*,;"),
        ("?to=%20%23%25%26%2B%3D%5B%5D%E5%B1%B1", "?to=%20%23%25%26%2B%3D%5B%5D%E5%B1%B1"),
        ("?to=%252F+x", "?to=%252F+x"),
    ],
)
def test_address_is_signed_with_the_documented_escapes_decoded(query: str, as_signed: str) -> None:
    request = signed(b"[]", NOW, URL + query, URL + as_signed)
    CONNECTOR.verify(request, [SECRET], CONFIG, NOW)
    with pytest.raises(Unverified):
        CONNECTOR.verify(replace(request, url=request.url + "&x=1"), [SECRET], CONFIG, NOW)


# --- webhooks ---------------------------------------------------------------------------------------------------


class TestHubSpotContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG


def entry(kind: str = "contact.propertyChange", **rest: Any) -> dict[str, Any]:
    """One notification; the keys are those of the documented samples."""
    common = {"eventId": 1, "subscriptionId": 12345, "portalId": 62515, "appId": 54321, "occurredAt": NOW_MS}
    return {**common, "subscriptionType": kind, "attemptNumber": 0, "objectId": 51, "changeSource": "CRM_UI", **rest}


def changed(name: str, value: str, **rest: Any) -> dict[str, Any]:
    return entry(propertyName=name, propertyValue=value, **rest)


def parse(payload: Any, config: HubSpotConfig = CONFIG) -> Parsed:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    parsed = CONNECTOR.parse(webhook(body), config)
    assert_sound(parsed)
    return parsed


def only(parsed: Parsed) -> CanonicalEvent:
    assert parsed.problems == []
    [event] = parsed.events
    return event


def ids(event: CanonicalEvent) -> list[str]:
    return [f"{known.system}:{known.value}" for known in event.lead]


def test_sample_of_the_guide_with_its_old_key() -> None:
    parsed = parse((FIXTURES / "webhook_batch_docs_eventType_key.json").read_bytes())
    event = only(parsed)  # the stage subscriber says nothing
    assert (event.kind, ids(event)) == (EventKind.LEAD, ["hubspot:1246978"])
    assert event.key == "contact:1246978:creation:1462216307945:33"
    assert event.occurred_at == datetime(2016, 5, 2, 19, 11, 47, 945_000, UTC)
    assert event.data == {"url": "https://app.hubspot.com/contacts/33/record/0-1/1246978"}
    assert parsed.lookups == [Lookup("contact", "1246978", (("portal", "33"),), optional=True)]


def test_derived_sample_of_merge_and_association() -> None:
    parsed = parse((FIXTURES / "webhook_merge_and_association.derived.json").read_bytes())
    event = only(parsed)
    assert event.kind == EventKind.LEAD
    assert ids(event) == ["hubspot:789", "hubspot:123", "hubspot:456"]
    assert {(asked.object_type, asked.object_id) for asked in parsed.lookups} == {("contact", "789"), ("deal", "900")}


MAPPED = HubSpotConfig(
    score_property="our_score",
    attributes={"industry": "industry"},
    owners={"77": "佐藤 花子"},
    owner_emails={"77": "Sato@Example.jp"},
    activity_properties={"last_download": "download", "num_conversion_events": "form"},
    statuses={"架電済": LeadStatus.CONTACTED, "evangelist": LeadStatus.QUALIFIED},
)


@pytest.mark.parametrize(
    ("name", "value", "kind", "data"),
    [
        ("our_score", "87", "score", {"score": 87}),
        ("our_score", "87.5", "score", {"score": 87.5}),
        ("our_score", "-3", "score", {"score": -3}),
        ("hubspot_owner_id", "77", "owner", {"owner": "77", "name": "佐藤 花子", "email": "sato@example.jp"}),
        ("hubspot_owner_id", "78", "owner", {"owner": "78"}),
        ("hubspot_owner_id", "", "owner", {"owner": None}),
        ("hs_lead_status", "NEW", "status", {"status": "new", "raw": "NEW"}),
        ("hs_lead_status", "OPEN", "status", {"status": "new", "raw": "OPEN"}),
        ("hs_lead_status", "IN_PROGRESS", "status", {"status": "working", "raw": "IN_PROGRESS"}),
        ("hs_lead_status", "OPEN_DEAL", "status", {"status": "converted", "raw": "OPEN_DEAL"}),
        ("hs_lead_status", "UNQUALIFIED", "status", {"status": "disqualified", "raw": "UNQUALIFIED"}),
        ("hs_lead_status", "ATTEMPTED_TO_CONTACT", "status", {"status": "contacted", "raw": "ATTEMPTED_TO_CONTACT"}),
        ("hs_lead_status", "CONNECTED", "status", {"status": "contacted", "raw": "CONNECTED"}),
        ("hs_lead_status", "BAD_TIMING", "status", {"status": "recycled", "raw": "BAD_TIMING"}),
        ("hs_lead_status", "架電済", "status", {"status": "contacted", "raw": "架電済"}),
        ("hs_lead_status", "見積中", "status", {"status": None, "raw": "見積中"}),
        ("lifecyclestage", "salesqualifiedlead", "disposition", {"outcome": "sql"}),
        ("lifecyclestage", "opportunity", "status", {"status": "converted", "raw": "opportunity"}),
        ("lifecyclestage", "customer", "status", {"status": "converted", "raw": "customer"}),
        ("lifecyclestage", "evangelist", "status", {"status": "qualified", "raw": "evangelist"}),
        ("company", "株式会社みなと精機", "lead", {"company": "株式会社みなと精機"}),
        ("industry", "製造", "lead", {"attributes": {"industry": "製造"}}),
        ("industry", "", "lead", {"attributes": {"industry": None}}),
        (
            "last_download",
            "導入事例集",
            "activity",
            {"activity": "download", "asset": "導入事例集", "title": "導入事例集"},
        ),
        ("num_conversion_events", "3", "activity", {"activity": "form"}),
    ],
)
def test_property_change(name: str, value: str, kind: str, data: dict[str, Any]) -> None:
    parsed = parse([changed(name, value)], MAPPED)
    event = only(parsed)
    assert (event.kind, event.data, ids(event)) == (kind, data, ["hubspot:51"])
    assert event.occurred_at == NOW
    assert event.key == f"contact:51:{name}:{NOW_MS}"
    assert parsed.lookups == [Lookup("contact", "51", (("portal", "62515"), ("told", name)), optional=True)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("our_score", ""),
        ("hs_lead_status", ""),
        ("lifecyclestage", "marketingqualifiedlead"),
        ("lifecyclestage", "lead"),
        ("lifecyclestage", ""),
        ("email", ""),
        ("company", ""),
        ("last_download", ""),
        ("favourite_colour", "blue"),
    ],
)
def test_property_change_that_says_nothing(name: str, value: str) -> None:
    assert parse([changed(name, value)], MAPPED) == Parsed()


@pytest.mark.parametrize("value", ["high", "1e9", "NaN", "Infinity", "1_000", "٣", "1,5", "9" * 40])
def test_score_that_is_no_number_is_a_problem(value: str) -> None:
    parsed = parse([changed("our_score", value)], MAPPED)
    assert parsed.events == []
    [problem] = parsed.problems
    assert problem.place == "[0].propertyValue"
    assert "our_score" in problem.reason


def test_email_becomes_an_id() -> None:
    assert ids(only(parse([changed("email", "Yamada@Example.co.jp")]))) == ["hubspot:51", "email:yamada@example.co.jp"]
    assert parse([changed("email", "山田")]).problems


def test_own_system_name() -> None:
    event = only(parse([changed("hubspotscore", "5")], HubSpotConfig(system="hubspot-eu")))
    assert event.lead == (ExternalId("hubspot-eu", "51"),)


@pytest.mark.parametrize(
    ("given", "family", "name"), [("太郎", "山田", "山田 太郎"), ("Taro", "Yamada", "Taro Yamada")]
)
def test_name_needs_both_halves_in_one_delivery(given: str, family: str, name: str) -> None:
    halves = [changed("firstname", given), changed("lastname", family, eventId=2)]
    both = parse(halves)
    assert [event.data for event in both.events] == [{"name": name}] * 2
    assert len({event.key for event in both.events}) == 2
    one = parse(halves[:1])
    assert (one.events, [asked.object_id for asked in one.lookups]) == ([], ["51"])
    assert parse([halves[0], {**halves[1], "objectId": 52}]).events == []


@pytest.mark.parametrize("source", [{"changeSource": "INTEGRATION"}, {"sourceId": "userId:9"}])
def test_changes_by_our_own_integration_are_passed_over(source: dict[str, str]) -> None:
    config = HubSpotConfig(ignore_changes_by=["INTEGRATION", "userId:9"])
    change = changed("hs_lead_status", "CONNECTED", **source)
    assert parse([change], config) == Parsed()
    assert only(parse([change])).data["status"] == "contacted"
    deleted = entry("contact.deletion", **source)
    assert only(parse([deleted], config)).kind == EventKind.DISPOSITION


def test_stage_that_a_workflow_set_is_no_decision_of_sales() -> None:
    change = changed("lifecyclestage", "salesqualifiedlead", changeSource="AUTOMATION_PLATFORM")
    event = only(parse([change]))
    assert (event.kind, event.data) == (EventKind.STATUS, {"status": "qualified", "raw": "salesqualifiedlead"})


@pytest.mark.parametrize(
    ("kind", "rest", "reason"),
    [
        ("contact.deletion", {}, "deleted"),
        ("object.deletion", {"objectTypeId": "0-1"}, "deleted"),
        ("contact.privacyDeletion", {}, "privacy"),
    ],
)
def test_deletion_excludes(kind: str, rest: dict[str, str], reason: str) -> None:
    parsed = parse([entry(kind, **rest)])
    event = only(parsed)
    assert (event.kind, event.data) == (EventKind.DISPOSITION, {"outcome": "excluded", "reason": reason})
    assert parsed.lookups == []


def test_restored_contact_is_excluded_no_longer() -> None:
    parsed = parse([entry("object.restore", objectTypeId="0-1")])
    assert only(parsed).data == {"outcome": "restored"}
    assert [lookup.object_id for lookup in parsed.lookups] == ["51"]


def test_deletion_of_a_merged_contact_is_none_but_erasure_is() -> None:
    merge = entry("contact.merge", primaryObjectId=50, mergedObjectIds=[51], newObjectId=60, objectId=None)
    assert only(parse([entry("contact.deletion"), merge])).kind == EventKind.LEAD
    erased = parse([entry("contact.privacyDeletion"), merge])
    assert {event.kind for event in erased.events} == {EventKind.LEAD, EventKind.DISPOSITION}


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        (entry("contact.creation"), ("contact", "51")),
        (entry("contact.restore"), ("contact", "51")),
        (entry("object.creation", objectTypeId="0-1"), ("contact", "51")),
        (entry("deal.creation"), ("deal", "51")),
        (changed("dealstage", "closedwon", subscriptionType="deal.propertyChange"), ("deal", "51")),
        (changed("dealstage", "x", subscriptionType="object.propertyChange", objectTypeId="0-3"), ("deal", "51")),
        (changed("closedate", "1", subscriptionType="deal.propertyChange"), None),
        (entry("deal.deletion"), None),
        (entry("object.creation", objectTypeId="0-48"), ("call", "51")),
        (entry("object.creation", objectTypeId="0-49"), ("email", "51")),
        (entry("object.creation", objectTypeId="0-47"), ("meeting", "51")),
        (changed("hs_call_status", "X", subscriptionType="object.propertyChange", objectTypeId="0-48"), ("call", "51")),
        (entry("object.deletion", objectTypeId="0-48"), ("call", "51")),
        (entry("object.deletion", objectTypeId="0-49"), ("email", "51")),
        (entry("meeting_event.deletion"), ("meeting", "51")),
        (entry("object.deletion", objectTypeId="0-3"), None),
        (entry("object.deletion", objectTypeId="0-27"), ("task", "51")),
        (entry("object.creation", objectTypeId="0-27"), ("task", "51")),
        (entry("object.creation", objectTypeId="0-46"), None),
        (entry("company.propertyChange"), None),
        (entry("conversation.newMessage"), None),
        (
            entry("deal.associationChange", associationType="CONTACT_TO_DEAL", fromObjectId=51, toObjectId=900),
            ("deal", "900"),
        ),
        (
            entry(
                "object.associationChange", fromObjectTypeId="0-48", toObjectTypeId="0-1", fromObjectId=7, toObjectId=51
            ),
            ("call", "7"),
        ),
        (
            entry("deal.associationChange", associationType="DEAL_TO_CONTACT", fromObjectId=9, associationRemoved=True),
            None,
        ),
        (entry("deal.associationChange", associationType="DEAL_TO_COMPANY", fromObjectId=9, toObjectId=3), None),
    ],
)
def test_what_is_asked_about(sent: dict[str, Any], asked: tuple[str, str] | None) -> None:
    parsed = parse([sent])
    assert parsed.problems == []
    assert [(lookup.object_type, lookup.object_id) for lookup in parsed.lookups] == ([asked] if asked else [])


def test_one_question_per_record_and_delivery() -> None:
    burst = [changed("hubspotscore", str(score), eventId=score, occurredAt=NOW_MS + score) for score in range(99)]
    parsed = parse([*burst, changed("hs_lead_status", "NEW")])
    assert len(parsed.events) == 100
    assert len({event.key for event in parsed.events}) == 100
    assert parsed.lookups == [
        Lookup("contact", "51", (("portal", "62515"), ("told", "hs_lead_status,hubspotscore")), optional=True)
    ]


def test_same_notification_sent_again_has_the_same_key() -> None:
    first, again = changed("hubspotscore", "5"), changed("hubspotscore", "5", attemptNumber=3)
    assert only(parse([first])).key == only(parse([again])).key


def test_single_object_is_taken_like_a_list() -> None:
    assert parse(changed("hubspotscore", "5")) == parse([changed("hubspotscore", "5")])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (NOW_MS, NOW),
        (float(NOW_MS), NOW),
        (str(NOW_MS), NOW),
        ("2026-09-24T17:30:00+09:00", NOW),
        ("2026-09-24T08:30:00Z", NOW),
        (0, None),
        (-1, None),
        (True, None),
        (10**30, None),
        (float("inf"), None),
        (float("nan"), None),
        ("9" * 15, None),
        ("9999-12-31T23:59:59-23:59", None),
        ("soon", None),
        ([], None),
    ],
)
def test_moment(written: Any, read: datetime | None) -> None:
    assert moment(written) == read


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        (b"", ""),
        (b"[{", ""),
        ([7], "[0]"),
        ([changed("hubspotscore", "5"), entry("contact.exploded")], "[1].subscriptionType"),
        ([entry("object.creation", objectTypeId="2-33")], "[0].subscriptionType"),
        ([entry("")], "[0].subscriptionType"),
        ([entry("contact.creation", occurredAt=None)], "[0].occurredAt"),
        ([entry("contact.creation", objectId="abc")], "[0].objectId"),
        ([entry("deal.associationChange", fromObjectId=None)], "[0].fromObjectId"),
        ([entry("contact.creation", portalId=33)], "[0].portalId"),
    ],
)
def test_what_is_not_understood_is_a_problem_at_its_place(sent: Any, place: str) -> None:
    parsed = parse(sent, HubSpotConfig(portal_id=62515))
    assert [problem.place for problem in parsed.problems] == [place]
    assert len(parsed.events) == (1 if isinstance(sent, list) and len(sent) == 2 else 0)


# --- the API ----------------------------------------------------------------------------------------------------


def at(minutes: int) -> str:
    """ISO 8601, `minutes` before NOW."""
    return (NOW - timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def simple_object(id_: str, properties: Mapping[str, str | None], **rest: Any) -> dict[str, Any]:
    """The published example of a record with other properties."""
    return {**fixture("rest_simple_public_object.json"), "id": id_, "properties": properties, **rest}


def history(**values: list[tuple[str, int]]) -> dict[str, Any]:
    """Newest first, as HubSpot writes it: property → (value, minutes before NOW)."""
    return {
        name: [{"value": v, "timestamp": at(ago), "sourceType": "CRM_UI", "sourceId": "userId:9"} for v, ago in entries]
        for name, entries in values.items()
    }


def tied_to(*contacts: str) -> dict[str, Any]:
    return {"contacts": {"results": [{"id": contact, "type": "x_to_contact"} for contact in contacts]}}


@pytest.fixture
def wire() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        router.post(f"{API}/contacts/batch/read").respond(json={"status": "COMPLETE", "results": []})
        yield router


def fetch(*lookups: Lookup, config: HubSpotConfig = CONFIG, credential: str = "pat-na1-test") -> Parsed:
    with httpx.Client() as http:
        parsed = CONNECTOR.fetch(lookups, config, credential, http)
    assert_sound(parsed)
    return parsed


CONTACT = simple_object(
    "51",
    {
        "email": "Yamada@example.co.jp",
        "firstname": "太郎",
        "lastname": "山田",
        "company": "株式会社みなと精機",
        "hs_merged_object_ids": "40;41",
    },
    propertiesWithHistory=history(
        email=[("Yamada@example.co.jp", 90)],
        lastname=[("山田", 80), ("山本", 95)],
        hubspotscore=[("82", 5), ("40", 70)],
        hubspot_owner_id=[("77", 60)],
        hs_lead_status=[("CONNECTED", 20), ("NEW", 90)],
        lifecyclestage=[("marketingqualifiedlead", 30)],
    ),
)


def test_contact_says_who_it_is_and_where_it_stands_with_the_times_of_its_history(wire: respx.MockRouter) -> None:
    route = wire.post(f"{API}/contacts/batch/read").respond(json={"status": "COMPLETE", "results": [CONTACT]})
    parsed = fetch(Lookup("contact", "51", (("portal", "62515"),)))
    assert parsed.problems == []
    appeared, *rest = parsed.events
    assert (appeared.kind, appeared.key) == (EventKind.LEAD, "contact:51:creation:1572406217883:62515")
    facts = {event.kind: (event.data, event.occurred_at) for event in rest}
    assert facts == {
        "lead": (
            {
                "name": "山田 太郎",
                "company": "株式会社みなと精機",
                "url": "https://app.hubspot.com/contacts/62515/record/0-1/51",
            },
            NOW - timedelta(minutes=80),
        ),
        "score": ({"score": 82}, NOW - timedelta(minutes=5)),
        "owner": ({"owner": "77"}, NOW - timedelta(minutes=60)),
        "status": ({"status": "contacted", "raw": "CONNECTED"}, NOW - timedelta(minutes=20)),
    }
    assert ids(rest[0]) == ["hubspot:51", "hubspot:40", "hubspot:41", "email:yamada@example.co.jp"]
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer pat-na1-test"
    asked = json.loads(request.content)
    assert asked["inputs"] == [{"id": "51"}]
    assert {"email", "hubspotscore", "hubspot_owner_id", "hs_lead_status"} <= set(asked["propertiesWithHistory"])
    assert "hs_merged_object_ids" in asked["properties"]


def test_what_the_webhook_told_is_not_told_again(wire: respx.MockRouter) -> None:
    wire.post(f"{API}/contacts/batch/read").respond(json={"results": [CONTACT]})
    parsed = fetch(Lookup("contact", "51", (("told", "hs_lead_status,hubspotscore"),)))
    assert [event.kind for event in parsed.events] == ["lead", "lead", "owner"]


def test_same_answer_has_the_same_keys(wire: respx.MockRouter) -> None:
    wire.post(f"{API}/contacts/batch/read").respond(json={"results": [CONTACT]})
    first, again = fetch(Lookup("contact", "51")), fetch(Lookup("contact", "51"))
    assert [event.key for event in first.events] == [event.key for event in again.events]
    assert len({event.key for event in first.events}) == 5


def test_contacts_are_asked_fifty_at_a_time_because_of_their_histories(wire: respx.MockRouter) -> None:
    route = wire.post(f"{API}/contacts/batch/read").respond(207, json={"results": [CONTACT], "numErrors": 49})
    fetch(*(Lookup("contact", str(id_)) for id_ in range(51, 151)))
    assert [len(json.loads(call.request.content)["inputs"]) for call in route.calls] == [50, 50]


CALL = {
    "hs_timestamp": at(120),
    "hs_createdate": at(15),
    "hubspot_owner_id": "77",
    "hs_call_direction": "OUTBOUND",
    "hs_call_status": "COMPLETED",
    "hs_call_title": "初回架電",
}
EMAIL = {"hs_timestamp": at(30), "hs_email_direction": "EMAIL", "hs_email_status": "SENT", "hs_email_subject": "資料"}
MEETING = {"hs_createdate": at(30), "hs_meeting_start_time": at(-3000), "hs_meeting_outcome": "SCHEDULED"}


def engaged(wire: respx.MockRouter, kind: str, properties: dict[str, str], config: HubSpotConfig = CONFIG) -> Parsed:
    body = simple_object("900", properties, associations=tied_to("51", "52", "51"))
    wire.get(f"{API}/{kind}s/900").respond(json=body)
    return fetch(Lookup(kind, "900"), config=config, credential=f"pat-{kind}")


@pytest.mark.parametrize(
    ("kind", "properties", "minutes", "data"),
    [
        ("call", {}, 120, {"automated": False, "by": "77", "outcome": "completed", "subject": "初回架電"}),
        ("call", {"hs_call_status": "NO_ANSWER"}, 120, {"outcome": "no_answer"}),
        ("call", {"hs_call_status": "BUSY"}, 120, {"outcome": "busy"}),
        ("call", {"hs_call_status": "", "hs_call_direction": ""}, 120, {}),
        ("call", {"hs_call_disposition": "b2cf5968-551e-4856-9783-52b3da59a7d0"}, 120, {"outcome": "left_voicemail"}),
        ("call", {"hs_timestamp": str(NOW_MS)}, 0, {}),
        ("call", {"hs_call_direction": "INBOUND"}, None, {}),
        ("call", {"hs_call_status": "FAILED"}, None, {}),
        ("call", {"hs_call_status": "RINGING"}, None, {}),
        ("email", {}, 30, {"automated": False, "outcome": "", "subject": "資料"}),
        ("email", {"hs_email_status": ""}, 30, {}),
        ("email", {"hs_sequence_id": "8"}, 30, {"automated": True}),
        ("email", {"hs_object_source": "AUTOMATION_PLATFORM"}, 30, {"automated": True}),
        ("email", {"hs_email_direction": "INCOMING_EMAIL"}, None, {}),
        ("email", {"hs_email_direction": "FORWARDED_EMAIL"}, None, {}),
        ("email", {"hs_email_status": "SCHEDULED"}, None, {}),
        ("email", {"hs_email_status": "BOUNCED"}, None, {}),
        ("meeting", {}, 30, {"automated": False, "outcome": "scheduled"}),
        ("meeting", {"hs_meeting_outcome": "COMPLETED"}, 30, {"outcome": "completed"}),
        ("meeting", {"hs_meeting_start_time": at(600)}, 600, {}),
    ],
)
def test_engagement(
    wire: respx.MockRouter, kind: str, properties: dict[str, str], minutes: int | None, data: dict[str, Any]
) -> None:
    usual = {"call": CALL, "email": EMAIL, "meeting": MEETING}[kind]
    parsed = engaged(wire, kind, {**usual, **properties})
    assert parsed.problems == []
    told = [event for event in parsed.events if event.kind == EventKind.FOLLOW_UP]
    assert [ids(event) for event in told] == ([] if minutes is None else [["hubspot:51"], ["hubspot:52"]])
    for event in told:
        assert (event.record, event.data["channel"]) == (f"{kind}s:900", kind)
        assert event.occurred_at == NOW - timedelta(minutes=minutes or 0)
        assert {name: event.data.get(name, "") for name in data} == data


def test_call_written_down_later_keeps_both_times_and_its_caller(wire: respx.MockRouter) -> None:
    parsed = engaged(wire, "call", CALL, HubSpotConfig(owners={"77": "佐藤 花子"}))
    event = parsed.events[0]
    assert event.recorded_at == NOW - timedelta(minutes=15)
    assert event.data["by"] == "佐藤 花子"
    sent = {call.request.url.path: dict(call.request.url.params) for call in wire.calls}["/crm/v3/objects/calls/900"]
    assert sent["associations"] == "contacts"
    assert {"hs_timestamp", "hs_createdate", "hs_call_status"} <= set(sent["properties"].split(","))


def test_each_edit_is_a_revision_of_the_same_record() -> None:
    def told(changed_at: str, **properties: str) -> CanonicalEvent:
        body = simple_object("9", {**CALL, **properties, "hs_lastmodifieddate": changed_at}, associations=tied_to("51"))
        [event] = engagements.follow_up(Record("call", "9", body), CONFIG)
        assert isinstance(event, CanonicalEvent)
        return event

    first, again, edited = told(at(15)), told(at(15)), told(at(5), hs_timestamp=at(7))
    assert first == again
    assert (first.record, first.revised_at) == ("calls:9", NOW - timedelta(minutes=15))
    assert (edited.record, edited.revised_at) == ("calls:9", NOW - timedelta(minutes=5))
    assert first.key == f"call:9:51:{NOW_MS - 15 * 60_000}" != edited.key


def test_without_its_own_stamp_the_record_s_last_change_counts() -> None:
    body = simple_object("9", CALL, associations=tied_to("51"))
    [event] = engagements.follow_up(Record("call", "9", body), CONFIG)
    assert isinstance(event, CanonicalEvent)
    assert event.revised_at == datetime(2019, 12, 7, 16, 50, 6, 678_000, UTC)
    [event] = engagements.follow_up(Record("call", "9", {**body, "updatedAt": None}), CONFIG)
    assert isinstance(event, CanonicalEvent)
    assert (event.revised_at, event.record) == (None, "calls:9")


def test_contacts_of_an_engagement_are_read_too(wire: respx.MockRouter) -> None:
    wire.post(f"{API}/contacts/batch/read").respond(json={"results": [CONTACT]})
    parsed = engaged(wire, "call", CALL)
    assert "email:yamada@example.co.jp" in [known for event in parsed.events for known in ids(event)]
    assert [event.kind for event in parsed.events].count(EventKind.FOLLOW_UP) == 2


def test_engagement_without_a_time_is_a_problem(wire: respx.MockRouter) -> None:
    parsed = engaged(wire, "call", {**CALL, "hs_timestamp": "soon"})
    assert (parsed.events, [problem.place for problem in parsed.problems]) == ([], ["call 900: hs_timestamp"])


@pytest.mark.parametrize(
    ("stages", "properties", "config", "states"),
    [
        ([("closedwon", 5), ("appointmentscheduled", 90)], {}, CONFIG, [("open", 90), ("won", 5)]),
        ([("closedlost", 5), ("presentation", 90)], {}, CONFIG, [("open", 90), ("lost", 5)]),
        (
            [("3344", 5), ("3340", 9)],
            {"hs_is_closed": "true", "hs_is_closed_won": "true"},
            CONFIG,
            [("open", 9), ("won", 5)],
        ),
        ([("3345", 5)], {"hs_is_closed": "true", "hs_is_closed_won": "false"}, CONFIG, [("lost", 5)]),
        ([("3344", 5)], {}, HubSpotConfig(deal_stages={"3344": "won"}), [("won", 5)]),
        ([], {"dealstage": "closedwon"}, CONFIG, [("won", 30)]),
    ],
)
def test_deal_tells_each_of_its_contacts_every_stage(
    wire: respx.MockRouter,
    stages: list[tuple[str, int]],
    properties: dict[str, str],
    config: HubSpotConfig,
    states: list[tuple[str, int]],
) -> None:
    body = simple_object(
        "900",
        {"dealname": "原価管理", "amount": "1200000", **properties},
        propertiesWithHistory=history(dealstage=stages),
        associations=tied_to("51", "52"),
        updatedAt=at(30),
    )
    route = wire.get(f"{API}/deals/900").respond(json=body)
    parsed = fetch(Lookup("deal", "900"), config=config, credential=f"pat-deal-{len(stages)}")
    for contact in ("51", "52"):
        told = [event for event in parsed.events if ids(event) == [f"hubspot:{contact}"]]
        assert [(event.data["state"], event.occurred_at) for event in told] == [
            (state, NOW - timedelta(minutes=ago)) for state, ago in states
        ]
        assert {(event.data["opportunity"], event.data["name"], event.data["amount"]) for event in told} == {
            ("900", "原価管理", 1_200_000)
        }
    assert len({event.key for event in parsed.events}) == 2 * len(states)
    assert route.calls.last.request.url.params["propertiesWithHistory"] == "dealstage"


@pytest.mark.parametrize("kind", ["call", "email", "meeting", "deal"])
def test_deleted_meanwhile_is_nothing(wire: respx.MockRouter, kind: str) -> None:
    wire.get(f"{API}/{kind}s/900").respond(404, json={"status": "error", "category": "OBJECT_NOT_FOUND"})
    assert fetch(Lookup(kind, "900"), credential=f"pat-gone-{kind}") == Parsed()


MISSING = {
    "status": "error",
    "message": "This app hasn't been granted all required scopes to make this call.",
    "errors": [{"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}],
    "category": "MISSING_SCOPES",
}


@pytest.mark.parametrize(
    ("kind", "status", "answer", "said"),
    [
        ("deal", 403, MISSING, "crm.objects.deals.read"),
        ("deal", 403, {}, "crm.objects.deals.read"),
        ("email", 403, {}, "sales-email-read"),
        ("call", 403, {}, "crm.objects.contacts.read"),
        ("call", 401, {"category": "INVALID_AUTHENTICATION"}, "credential"),
        ("call", 400, fixture("rest_error_validation.json"), "Invalid input"),
    ],
)
def test_refusal_says_what_a_person_must_mend(
    wire: respx.MockRouter, kind: str, status: int, answer: dict[str, Any], said: str
) -> None:
    wire.get(f"{API}/{kind}s/900").respond(status, json=answer)
    with pytest.raises(AskFailed, match=said) as refusal:
        fetch(Lookup(kind, "900"), credential="pat-na1-secret-token")
    assert refusal.value.retry_after is None
    assert "pat-na1-secret-token" not in str(refusal.value)


def test_busy_hubspot_says_when_to_come_back(wire: respx.MockRouter) -> None:
    wire.get(f"{API}/calls/900").respond(
        429, headers={"retry-after": "30"}, json={"policyName": "TEN_SECONDLY_ROLLING"}
    )
    with pytest.raises(AskFailed) as refusal:
        fetch(Lookup("call", "900"), credential="pat-busy")
    assert refusal.value.retry_after == 30


def test_answer_that_is_no_json_is_asked_again_later(wire: respx.MockRouter) -> None:
    wire.get(f"{API}/calls/900").respond(200, text="<html>maintenance</html>")
    with pytest.raises(AskFailed, match="JSON") as refusal:
        fetch(Lookup("call", "900"), credential="pat-\u5c71-html")
    assert refusal.value.retry_after


def test_lookup_of_something_else_is_a_problem(wire: respx.MockRouter) -> None:
    parsed = fetch(Lookup("ticket", "5"), Lookup("call", "../5"))
    assert len(parsed.problems) == 2
    assert not wire.calls


# --- fuzz -------------------------------------------------------------------------------------------------------

PAYLOADS = [
    *fixture("webhook_batch_docs_eventType_key.json"),
    *fixture("webhook_merge_and_association.derived.json"),
    changed("hubspotscore", "5"),
    changed("email", "yamada@example.co.jp"),
    changed("lifecyclestage", "salesqualifiedlead"),
    changed("last_download", "導入事例集"),
]
REST = [
    ("contact", CONTACT),
    *((kind, simple_object("9", p, associations=tied_to("51"))) for kind, p in (("call", CALL), ("email", EMAIL))),
    ("meeting", simple_object("9", MEETING, associations=tied_to("51"))),
    ("deal", simple_object("9", {}, propertiesWithHistory=history(dealstage=[("x", 5)]), associations=tied_to("51"))),
]
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HOSTILE: list[Any] = ["\x00", "\ud800", " ", "1e400", "9" * 5000, 10**30, "9999-12-31T23:59:59-23:59", float("inf")]
ANYTHING = JSON | st.text() | st.integers() | st.floats() | st.sampled_from(HOSTILE)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def with_value(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    if not path:
        return put
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_value(value[path[0]], path[1:], put)
    return copy


@FUZZ
@given(st.data(), st.sampled_from(PAYLOADS), ANYTHING)
def test_anything_in_place_of_any_field_of_a_notification(data: st.DataObject, sent: dict[str, Any], put: Any) -> None:
    path = data.draw(st.sampled_from([path for path in places(sent) if path]))
    parse([with_value(sent, path, put), changed("hubspotscore", "7", eventId=99)], MAPPED)


@pytest.mark.parametrize("portal", ["0" * 500, "x", True, -1, [33]])
def test_what_is_no_account_belongs_into_no_key(portal: Any) -> None:
    created = next(payload for payload in PAYLOADS if payload["eventType"] == "contact.creation")
    (event,) = [
        said for said in parse([created | {"portalId": portal}], HubSpotConfig()).events if "creation" in said.key
    ]
    assert event.key == f"contact:{created['objectId']}:creation:{created['occurredAt']}"


@FUZZ
@given(st.integers(min_value=0))
def test_truncated_body(length: int) -> None:
    body = json.dumps(PAYLOADS, ensure_ascii=False).encode()
    parse(body[: length % len(body)])


@FUZZ
@given(st.data(), st.sampled_from(REST), ANYTHING)
def test_anything_in_place_of_any_field_of_a_record(data: st.DataObject, known: tuple[str, Any], put: Any) -> None:
    kind, body = known
    path = data.draw(st.sampled_from([path for path in places(body) if path]))
    changed_body = with_value(body, path, put)
    if kind == "contact":
        findings = [*contact_facts(Record(kind, "51", changed_body), CONFIG, "62515", [])]
    else:
        reader = deals.opportunity if kind == "deal" else engagements.follow_up
        findings = [*reader(Record(kind, "9", changed_body), CONFIG)]
    assert_sound(Parsed(events=[finding for finding in findings if isinstance(finding, CanonicalEvent)]))


# --- setting it up ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [CONFIG, MAPPED, HubSpotConfig(portal_id=62515, allow_older_signatures=True)])
@pytest.mark.parametrize("url", [URL, URL + "?to=%3A%2F&x=1"])
def test_the_sample_proves_itself_and_says_something(config: HubSpotConfig, url: str) -> None:
    sample = CONNECTOR.sample(config, SECRET, url, NOW)
    CONNECTOR.verify(sample, [SECRET], config, NOW)
    with pytest.raises(Unverified):
        CONNECTOR.verify(sample, ["another"], config, NOW)
    parsed = CONNECTOR.parse(sample, config)
    assert_sound(parsed)
    assert parsed.problems == []
    told = {event.kind: event.data for event in parsed.events}
    assert {"lead", "owner", "score", "status"} <= set(told)
    assert told[EventKind.STATUS] == {"status": "contacted", "raw": "架電済" if config is MAPPED else "CONNECTED"}
    assert (EventKind.ACTIVITY in told) == bool(config.activity_properties)
    assert max(event.occurred_at for event in parsed.events) == NOW
    assert all(one.object == "contact" for one in CONNECTOR.shown(sample, config))
    named = {name for one in CONNECTOR.shown(sample, config) for name in one.fields}
    assert named <= set(CONNECTOR.mapped(config)["contact"])


def test_what_is_shown_and_not_mapped_is_found() -> None:
    shown = CONNECTOR.shown(webhook(json.dumps([changed("favourite_colour", "blue"), 7, {}]).encode()), CONFIG)
    assert [(one.object, dict(one.fields)) for one in shown] == [("contact", {"favourite_colour": "blue"})]
    answer = {"object": "calls", "answers": [{"results": [{"id": "9", "properties": {"hs_call_body": "…"}}]}]}
    page = WebhookRequest("POLL", URL, {}, json.dumps({"parts": [answer]}).encode(), NOW)
    assert [(one.object, dict(one.fields)) for one in CONNECTOR.shown(page, CONFIG)] == [
        ("call", {"hs_call_body": "…"})
    ]
    mapped = CONNECTOR.mapped(MAPPED)
    assert (mapped["contact"]["our_score"], mapped["contact"]["industry"]) == ("score", "industry")
    assert set(mapped) == {"contact", "call", "email", "meeting", "task", "deal"}
    assert "hs_timestamp" not in mapped["task"]


@FUZZ
@given(JSON, st.sampled_from(["POST", "POLL"]))
def test_anything_can_be_shown(value: Any, method: str) -> None:
    for body in (json.dumps(value).encode(), json.dumps({"parts": [value, {"answers": [value]}]}).encode()):
        assert all(
            isinstance(one.object, str) for one in CONNECTOR.shown(WebhookRequest(method, URL, {}, body, NOW), CONFIG)
        )
