"""EspoCRM: one webhook per event, which names records alone; and what its API says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from espocrm_account import KEY, EspoVendor
from hypothesis import given
from hypothesis import strategies as st
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors import registry
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
from connectors.espocrm import api as rest
from connectors.espocrm.config import EspoConfig
from connectors.espocrm.connector import CONNECTOR, Espo
from connectors.rounds import kept
from tests.connectors.journey import SalesJourney

FIXTURES = Path(__file__).parents[1] / "fixtures" / "espocrm"
ESPO = Espo()
URL = "https://t.example/webhooks/espo"
CONFIG = EspoConfig(base="https://crm.example.jp", score_field="cScore", owners={"u1": "佐藤 花子"})
HOUR = timedelta(hours=1)


def webhook(event: str, body: object) -> WebhookRequest:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest("POST", f"{URL}?event={event}", {}, sent, NOW)


def parse(request: WebhookRequest, config: EspoConfig = CONFIG) -> Parsed:
    parsed = CONNECTOR.parse(request, config)
    assert_sound(parsed)
    return parsed


def answered(name: str, *records: dict[str, Any], config: EspoConfig = CONFIG) -> Parsed:
    return parse(WebhookRequest("POLL", URL, {}, kept([(name, {"list": list(records)})]), NOW), config)


class TestEspoSecurity(SecurityTests):
    connector = CONNECTOR
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        secret = "3b0c8f2e9d7a46518e2f0a1b2c3d4e5f,another-key-of-another-webhook"
        return CONNECTOR.sample(CONFIG, secret, URL, now), [secret], CONFIG


class TestEspoContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    def request(self, body: bytes) -> WebhookRequest:
        return webhook("Lead.update", body)

    @FUZZ
    @given(st.sampled_from([*rest.FIELDS, "Note"]), st.lists(st.dictionaries(st.text(max_size=9), JSON)), JSON)
    def test_any_answer_parses(self, name: str, records: list[Any], value: Any) -> None:
        known = ("id", "createdAt", "modifiedAt", "status", "dateStart", "dateSent", "leadsIds", "parentId", "data")
        answered(name, *records, dict.fromkeys(known, value))
        parse(WebhookRequest("POLL", URL, {}, kept([(name, value), (name, {"list": value, "missing": value})]), NOW))

    @pytest.mark.parametrize("name", ["docs_one_event", "docs_multiple_events"])
    def test_a_truncated_body_is_a_problem(self, name: str) -> None:
        body = (FIXTURES / f"{name}.json").read_bytes().strip()
        for end in range(len(body)):
            assert parse(webhook("Lead.update", body[:end])).problems


# --- proofs


VECTOR = json.loads((FIXTURES / "vector_derived_docs_one_event.json").read_text())


@pytest.mark.parametrize("header", ["Signature", "X-Signature"])
def test_a_derived_vector_of_both_ways_to_sign(header: str) -> None:
    """DERIVED from the sender's source: EspoCRM publishes no numbers."""
    request = WebhookRequest("POST", URL, {header.lower(): VECTOR["headers"][header]}, VECTOR["body"].encode(), NOW)
    CONNECTOR.verify(request, [f"one,{VECTOR['secret_key']}, two"], CONFIG, NOW)
    ours = CONFIG.model_copy(update={"webhooks": [VECTOR["webhook_id"]]})
    CONNECTOR.verify(request, [VECTOR["secret_key"]], ours, NOW)
    with pytest.raises(Unverified, match="not one of those in webhooks"):
        CONNECTOR.verify(request, [VECTOR["secret_key"]], CONFIG.model_copy(update={"webhooks": ["another"]}), NOW)
    with pytest.raises(Unverified):
        CONNECTOR.verify(request, ["another"], CONFIG, NOW)


def test_one_digest_does_not_pass_for_the_other() -> None:
    """The raw digest behind the header for the hexadecimal one, and the other way round."""
    for header, other in (("signature", "X-Signature"), ("x-signature", "Signature")):
        request = WebhookRequest("POST", URL, {header: VECTOR["headers"][other]}, VECTOR["body"].encode(), NOW)
        with pytest.raises(Unverified):
            CONNECTOR.verify(request, [VECTOR["secret_key"]], CONFIG, NOW)


# --- what webhooks say


def test_webhooks_name_records_alone() -> None:
    for name, ids in (("docs_one_event", ["someId"]), ("docs_multiple_events", ["someId1", "someId2"])):
        found = parse(webhook("Lead.update", (FIXTURES / f"{name}.json").read_bytes()))
        assert found == Parsed(lookups=[Lookup("Lead", known) for known in ids])


def test_of_a_deletion_the_time_is_kept() -> None:
    (lookup,) = parse(webhook("Lead.delete", [{"id": "a1"}])).lookups
    assert lookup.context == (("deleted", str(int(NOW.timestamp() * 1000))),)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [("", "must end with its event"), ("Lead", "must end with its event"), ("Account.update", "of Account nothing")],
)
def test_an_address_without_a_usable_event_is_a_problem(event: str, sentence: str) -> None:
    (problem,) = parse(webhook(event, [{"id": "a1"}])).problems
    assert sentence in problem.reason


@pytest.mark.parametrize("id_", [None, "", "../App/user", "a?b", "a/b", 7.5, "山田"])
def test_an_id_never_leads_elsewhere(id_: object) -> None:
    found = parse(webhook("Lead.update", [{"id": id_}]))
    assert found.problems
    assert not found.lookups


# --- what records say

LEAD = {
    "id": "a1",
    "name": "山田 太郎",
    "accountName": "みなと精機",
    "emailAddress": "Taro@Example.jp",
    "status": "In Process",
    "cScore": 82,
    "assignedUserId": "u1",
    "createdContactId": "c1",
    "createdAt": "2026-09-24 00:00:00",
    "modifiedAt": "2026-09-24 01:30:00",
}
CALL = {
    "id": "k1",
    "name": "初回のご連絡",
    "status": "Held",
    "direction": "Outbound",
    "dateStart": "2026-09-24 01:00:00",
    "parentType": "Lead",
    "parentId": "a1",
    "assignedUserId": "u1",
    "createdAt": "2026-09-24 01:20:00",
    "modifiedAt": "2026-09-24 01:20:00",
}
EMAIL = {"id": "m1", "status": "Sent", "parentType": "Lead", "parentId": "a1", "sentById": "u1"} | {
    "dateSent": "2026-09-24 01:00:00",
    "createdAt": "2026-09-24 00:50:00",
    "modifiedAt": "2026-09-24 01:00:00",
}


def test_a_lead() -> None:
    events = answered("Lead", LEAD).events
    assert {event.kind.value: event.data for event in events} == {
        "lead": {"name": "山田 太郎", "company": "みなと精機", "url": "https://crm.example.jp/#Lead/view/a1"},
        "owner": {"owner": "u1", "name": "佐藤 花子"},
        "score": {"score": 82},
        "status": {"status": "working", "raw": "In Process"},
    }
    assert {event.occurred_at for event in events} == {datetime(2026, 9, 24, 1, 30, tzinfo=UTC)}
    ids = [ExternalId("espocrm", "a1"), ExternalId("espocrm", "c1"), ExternalId("email", "taro@example.jp")]
    assert list(events[0].lead) == ids  # converted: calls go on at the contact


@pytest.mark.parametrize(
    ("kind", "record", "said", "expected"),
    [
        ("Call", CALL, {}, ["follow_up"]),
        ("Call", CALL, {"status": "Planned"}, []),
        ("Call", CALL, {"status": "Not Held", "modifiedAt": "2026-09-24 02:00:00"}, ["retracted"]),
        ("Call", CALL, {"direction": "Inbound"}, []),
        ("Call", CALL, {"dateStart": None}, []),
        ("Call", CALL, {"parentType": "Account"}, []),
        ("Call", CALL, {"parentType": "Account", "leadsIds": ["a1"], "contactsIds": ["c1"]}, ["follow_up"] * 2),
        ("Meeting", CALL, {}, ["follow_up"]),
        ("Email", EMAIL, {}, ["follow_up"]),
        ("Email", EMAIL, {"status": "Archived"}, ["retracted"]),
        ("Email", EMAIL, {"status": "Draft", "dateSent": None, "modifiedAt": EMAIL["createdAt"]}, []),
        ("Email", EMAIL, {"parentType": "Opportunity"}, []),
    ],
)
def test_what_counts(kind: str, record: dict[str, Any], said: dict[str, Any], expected: list[str]) -> None:
    assert [event.kind.value for event in answered(kind, record | said).events] == expected


def test_a_call_counts_from_when_it_began_and_a_meeting_in_the_future_from_when_it_was_said_to_be_held() -> None:
    (call,) = answered("Call", CALL).events
    assert (call.occurred_at, call.recorded_at) == (moment("01:00"), moment("01:20"))
    assert (call.record, call.data["by"], call.data["automated"]) == ("Call:k1", "佐藤 花子", False)
    planned = {"dateStart": "2026-09-30 01:00:00", "modifiedAt": "2026-09-24 02:00:00"}
    (early,) = answered("Meeting", CALL | planned).events
    assert (early.occurred_at, early.recorded_at) == (moment("02:00"), None)


def test_what_a_workflow_sent_was_sent_by_nobody() -> None:
    (event,) = answered("Email", EMAIL | {"sentById": None, "createdById": "system"}).events
    assert event.data["automated"] is True


def test_a_status_that_nobody_explained_has_no_meaning() -> None:
    told = {event.kind: event.data for event in answered("Lead", LEAD | {"status": "検討中"}).events}
    assert told[EventKind.STATUS] == {"status": None, "raw": "検討中"}
    ours = CONFIG.model_copy(update={"statuses": {"検討中": LeadStatus.WORKING}})
    told = {event.kind: event.data for event in answered("Lead", LEAD | {"status": "検討中"}, config=ours).events}
    assert told[EventKind.STATUS]["status"] == "working"


@pytest.mark.parametrize(
    ("stage", "state"), [("Prospecting", "open"), ("Closed Won", "won"), ("Closed Lost", "lost"), ("", "open")]
)
def test_an_opportunity(stage: str, state: str) -> None:
    deal = {"id": "o1", "name": "原価管理", "stage": stage, "amount": 1200000, "contactsIds": ["c1"]}
    made, now = answered(
        "Opportunity", deal | {"createdAt": LEAD["createdAt"], "modifiedAt": LEAD["modifiedAt"]}
    ).events
    assert (made.data, made.occurred_at) == ({"opportunity": "o1", "state": "open"}, moment("00:00"))
    assert (now.data["state"], now.lead[0].value, now.occurred_at) == (state, "c1", moment("01:30"))


def test_the_stream_knows_when_a_status_was_set() -> None:
    note = {"id": "n1", "type": "Status", "parentId": "a1", "createdAt": "2026-09-24 01:10:00"}
    data = {"field": "status", "value": "Assigned", "style": "primary"}
    (event,) = answered("Note", note | {"data": data}, note | {"id": "n2", "data": data | {"field": "stage"}}).events
    assert (event.kind, event.data["status"], event.occurred_at) == (EventKind.STATUS, "working", moment("01:10"))


def moment(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-09-24T{time}:00+00:00")


# --- the API


@pytest.fixture
def vendor() -> Iterator[EspoVendor]:
    vendor = EspoVendor(lambda: NOW)
    with respx.mock(assert_all_called=False) as router:
        router.route(host="crm.example.jp").mock(side_effect=vendor.answer)
        yield vendor


def pushed(vendor: EspoVendor) -> list[CanonicalEvent]:
    """What the webhooks named, asked for."""
    found = []
    for sent in vendor.sent:
        request = WebhookRequest("POST", f"{URL}?{sent.query}", sent.headers, sent.body, NOW)
        CONNECTOR.verify(request, [vendor.secret], CONFIG, NOW)
        told = CONNECTOR.fetch(parse(request).lookups, CONFIG, KEY, httpx.Client())
        assert_sound(told)
        found += told.events
    vendor.sent.clear()
    return found


def polled(cursor: dict[str, Any] | None = None) -> tuple[list[CanonicalEvent], dict[str, Any]]:
    cursor, found = cursor or ESPO.start(NOW - HOUR), []
    for _ in range(60):
        page = ESPO.poll(json.loads(json.dumps(cursor)), NOW + HOUR, CONFIG, KEY, httpx.Client())
        parsed = parse(WebhookRequest("POLL", page.url, {}, page.body, NOW))
        assert not parsed.problems
        found, cursor = [*found, *parsed.events], page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("it never ends")


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_what_is_polled_is_what_was_pushed(vendor: EspoVendor, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(rest, "LIMIT", limit)
    for number, lead in enumerate(("sato", "kato", "mori", "ito", "abe")):
        now = NOW + timedelta(minutes=number // 3)  # several within one second
        vendor.clock = lambda now=now: now
        vendor.person(lead, f"{lead}@example.jp", lead)
        vendor.call(lead)
    vendor.activity("Email", "sato", status="Sent", dateSent=vendor.now(), sentById="u1")
    vendor.add("Opportunity", {"stage": "Closed Won", "contactId": "c1", "amount": 9, "name": "原価管理"})
    known, (found, cursor) = pushed(vendor), polled()
    assert {event.key: event for event in found} == {event.key: event for event in known}
    again, _ = polled(cursor)
    assert {event.key for event in again} <= {event.key for event in known}


def test_a_record_that_changes_while_pages_are_read_hides_no_other(
    vendor: EspoVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "LIMIT", 2)
    for number in range(6):
        now = NOW + timedelta(minutes=number)
        vendor.clock = lambda now=now: now
        vendor.person(f"p{number}", f"p{number}@example.jp", "山田")
    page = ESPO.poll(ESPO.start(NOW - HOUR), NOW + HOUR, CONFIG, KEY, httpx.Client())
    vendor.clock = lambda: NOW + 2 * HOUR  # beyond what is being read
    vendor.change("Lead", vendor.ids["p0"], {"description": "x"})
    found = parse(WebhookRequest("POLL", page.url, {}, page.body, NOW)).events + polled(page.cursor)[0]
    assert {event.lead[0].value for event in found} == set(vendor.ids.values())


def test_a_deleted_lead_is_out_when_it_is_really_gone(vendor: EspoVendor) -> None:
    vendor.person("sato", "sato@example.jp", "佐藤")
    vendor.sent.clear()
    gone = webhook("Lead.delete", [{"id": vendor.ids["sato"]}])
    told = CONNECTOR.fetch(parse(gone).lookups, CONFIG, KEY, httpx.Client())
    assert EventKind.DISPOSITION not in {event.kind for event in told.events}  # somebody says so, EspoCRM does not
    vendor.delete("Lead", vendor.ids["sato"])
    (event,) = pushed(vendor)
    assert (event.kind, event.data) == (EventKind.DISPOSITION, {"outcome": "excluded", "reason": "deleted"})
    assert event.occurred_at == NOW


def test_of_many_records_each_is_found_whatever_a_question_holds(
    vendor: EspoVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        vendor.person(f"p{number}", f"p{number}@example.jp", "山田")
    monkeypatch.setattr(rest, "MOST_IDS", 2)
    ids = [{"id": known} for known in vendor.ids.values()]
    told = CONNECTOR.fetch(parse(webhook("Lead.delete", ids)).lookups, CONFIG, KEY, httpx.Client())
    assert {event.lead[0].value for event in told.events} == set(vendor.ids.values())
    assert EventKind.DISPOSITION not in {event.kind for event in told.events}


def test_a_deleted_call_is_taken_back_and_found_without_a_webhook(vendor: EspoVendor) -> None:
    vendor.person("sato", "sato@example.jp", "佐藤")
    vendor.call("sato")
    (name,) = (f"Call:{known}" for known in vendor.records["Call"])
    page = ESPO.ask_again([name, "Meeting:nowhere"], CONFIG, KEY, httpx.Client(), NOW)
    assert [event.record for event in parse(WebhookRequest("POLL", "", {}, page.body, NOW)).events] == [
        "Meeting:nowhere"
    ]
    vendor.sent.clear()
    vendor.delete_call("sato")
    (event,) = pushed(vendor)
    assert (event.kind, event.record) == (EventKind.RETRACTED, name)


def test_of_what_people_say_nothing_is_kept(vendor: EspoVendor) -> None:
    vendor.person("sato", "sato@example.jp", "佐藤")
    vendor.activity("Call", "sato", status="Held", dateStart=vendor.now())
    pages = [ESPO.ask_about([ExternalId("espocrm", vendor.ids["sato"])], NOW - HOUR, CONFIG, KEY, httpx.Client())]
    cursor: dict[str, Any] = ESPO.start(NOW - HOUR)
    for _ in ESPO.objects:
        pages.append(ESPO.poll(cursor, NOW + HOUR, CONFIG, KEY, httpx.Client()))
        cursor = pages[-1].cursor
    assert "内緒" not in " ".join(page.body.decode() for page in pages)


@pytest.mark.parametrize("by", ["id", "address"])
def test_one_lead_is_asked_about(vendor: EspoVendor, by: str) -> None:
    for lead in ("sato", "kato"):
        vendor.person(lead, f"{lead}@example.jp", lead)
        vendor.call(lead)
    vendor.activity("Meeting", "sato", status="Held", dateStart=vendor.now(), parentType="Account", parentId="x")
    vendor.status("sato", "In Process")
    known = ExternalId("espocrm", vendor.ids["sato"]) if by == "id" else ExternalId("email", "sato@example.jp")
    page = ESPO.ask_about([known], NOW - HOUR, CONFIG, KEY, httpx.Client())
    events = parse(WebhookRequest("POLL", page.url, {}, page.body, NOW)).events
    done = [event.data["channel"] for event in events if event.kind is EventKind.FOLLOW_UP]
    assert sorted(done) == ["call", "meeting"]
    assert {event.lead[0].value for event in events} == {vendor.ids["sato"]}
    assert [event.data["raw"] for event in events if event.key.startswith("Note:")] == ["In Process"]


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (httpx.Response(401), "no longer accepts the credential"),
        (httpx.Response(403), "does not let the credential read this"),
        (httpx.Response(200, text="<html>"), "something else than JSON"),
    ],
)
def test_a_refusal_says_what_to_do(vendor: EspoVendor, refusal: httpx.Response, sentence: str) -> None:
    vendor.refusals = [refusal] * 9
    with pytest.raises(AskFailed, match=sentence):
        polled()


def test_a_check_names_the_user_its_statuses_and_what_is_missing(vendor: EspoVendor) -> None:
    vendor.refusals = [httpx.Response(200, json={"user": {"userName": "tasuki"}}), httpx.Response(403)]
    found = CONNECTOR.check(CONFIG, KEY, httpx.Client())
    assert found.account == "tasuki (crm.example.jp)"
    assert found.statuses == ("New", "Assigned", "In Process", "検討中")
    (problem,) = found.problems
    assert (problem.place, "403" in problem.reason) == ("Lead", True)


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(200, json={}), httpx.Response(200)])
def test_no_sensible_answer_takes_nothing_back(vendor: EspoVendor, answer: httpx.Response) -> None:
    """A proxy's page instead of EspoCRM's: neither is a lead gone, nor a call, nor was everything read."""
    gone = parse(webhook("Lead.delete", [{"id": "a1"}])).lookups
    for question in (
        lambda: CONNECTOR.fetch(gone, CONFIG, KEY, httpx.Client()),
        lambda: ESPO.ask_again(["Call:k1"], CONFIG, KEY, httpx.Client(), NOW),
        polled,
    ):
        vendor.refusals = [answer]
        with pytest.raises(AskFailed):
            question()


def test_a_record_that_leaves_the_second_of_a_page_hides_no_other(
    vendor: EspoVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "LIMIT", 4)
    for number in range(9):
        now = NOW + timedelta(seconds=number // 3)
        vendor.clock = lambda now=now: now
        vendor.person(f"p{number}", f"p{number}@example.jp", "山田")
    page = ESPO.poll(ESPO.start(NOW - HOUR), NOW + HOUR, CONFIG, KEY, httpx.Client())
    vendor.clock = lambda: NOW + 2 * HOUR
    vendor.change("Lead", vendor.ids["p3"], {"description": "x"})
    found = parse(WebhookRequest("POLL", page.url, {}, page.body, NOW)).events + polled(page.cursor)[0]
    assert {event.lead[0].value for event in found} == set(vendor.ids.values())


def test_without_an_address_nothing_is_asked() -> None:
    with pytest.raises(AskFailed, match="address where EspoCRM is opened"):
        CONNECTOR.check(EspoConfig(), KEY, httpx.Client())


@pytest.mark.parametrize("base", ["http://crm.example.jp", "crm.example.jp", "https://crm.example.jp/espo?x"])
def test_where_espocrm_is(base: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        EspoConfig(base=base)


def test_it_is_found() -> None:
    assert registry.connector("espocrm") is CONNECTOR


class TestEspoJourney(SalesJourney):
    vendor = EspoVendor
