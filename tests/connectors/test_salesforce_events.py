"""Events that a relay passes on, records that are read again, and setting a source up.

The captured events are about a custom object; those about leads and tasks are DERIVED: the same envelope around them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import httpx
import pytest
import respx
from hypothesis import given, settings
from hypothesis import strategies as st
from journey import SalesJourney
from salesforce_account import (
    FIXTURES,
    HOST,
    TOKEN,
    USER,
    Organisation,
    SalesforceRelayVendor,
    SalesforceVendor,
    change_event,
    error,
    record,
    stamped,
)
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors import api as kit
from connectors.asking import Limiter
from connectors.contract import (
    AskFailed,
    AsksAgain,
    CanonicalEvent,
    EventKind,
    ExternalId,
    LeadStatus,
    Lookup,
    Parsed,
    Unverified,
    WebhookRequest,
)
from connectors.salesforce import api
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.connector import CONNECTOR, Salesforce
from connectors.salesforce.ids import normal_id

SALESFORCE = Salesforce()
SECRET = "k7-Vq+fW2m/9zR1xT0uB"
URL = "https://tasuki.example.jp/webhooks/sfdc"
CREDENTIAL = json.dumps({"instance_url": HOST, "access_token": TOKEN})
LEAD, CONTACT = normal_id("00Q5g00000AbcDe"), normal_id("0035g00000Qwert")
TASK, EVENT, DEAL = (normal_id(known) for known in ("00T5g00000Task1", "00U5g00000Meet1", "0065g00000Deal1"))
AT = datetime(2026, 9, 24, 7, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONFIG = SalesforceConfig(score_field="Score__c", attributes={"Industry": "industry"})
HTTP = httpx.Client()


def relayed(body: bytes, headers: Mapping[str, str] | None = None, url: str = URL) -> WebhookRequest:
    return WebhookRequest("POST", url, headers or {}, body, NOW)


def parse(*messages: Any, config: SalesforceConfig = CONFIG) -> Parsed:
    body = messages[0] if isinstance(messages[0], bytes) else json.dumps(list(messages)).encode()
    parsed = CONNECTOR.parse(relayed(body), config)
    assert_sound(parsed)
    return parsed


def event(kind: str, what: str, *ids: str, at: datetime = AT, **fields: Any) -> dict[str, Any]:
    return change_event(kind, what, list(ids), at, fields)


def told(parsed: Parsed) -> list[tuple[str, Any]]:
    return [
        (one.kind.value, one.data.get("raw") or one.data.get("outcome") or one.data.get("score"))
        for one in parsed.events
    ]


def salesforce(known: str) -> ExternalId:
    return ExternalId("salesforce", known)


@pytest.fixture
def organisation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Organisation]:
    monkeypatch.setattr(api, "TOKENS", kit.Tokens())
    monkeypatch.setattr(api, "ask", partial(api.ask, sleep=lambda _: None))
    monkeypatch.setattr(api, "LIMITER", Limiter(10_000, 10_000))
    there = Organisation()
    with respx.mock:
        respx.route(host="minato.my.salesforce.com").mock(side_effect=there.answer)
        yield there


def fetched(*lookups: Lookup, config: SalesforceConfig = CONFIG) -> Parsed:
    parsed = CONNECTOR.fetch(lookups, config, CREDENTIAL, HTTP)
    assert_sound(parsed)
    return parsed


def polled(config: SalesforceConfig = CONFIG) -> list[CanonicalEvent]:
    found, cursor, more = [], SALESFORCE.start(AT - HOUR), True
    while more:
        page = SALESFORCE.poll(json.loads(json.dumps(cursor)), AT + 24 * HOUR, config, CREDENTIAL, HTTP)
        parsed = CONNECTOR.parse(WebhookRequest("POLL", page.url, {}, page.body, NOW), config)
        assert parsed.problems == []
        found += parsed.events
        cursor, more = page.cursor, page.more
    return found


# --- proof


class TestRelaySecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        body = (FIXTURES / "cdc_create.json").read_bytes()
        return relayed(body, {"authorization": f"Bearer {SECRET}"}), [SECRET], SalesforceConfig()


class TestRelayBySecretInUrl(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        sent = relayed((FIXTURES / "cdc_update.json").read_bytes(), url=f"{URL}?token={SECRET}")
        return sent, [SECRET], SalesforceConfig(organization_id="00D5g00000AbcDe")

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, url=URL)


def test_a_bearer_token_is_no_proof_of_an_outbound_message() -> None:
    sent = relayed((FIXTURES / "om_account.xml").read_bytes(), {"authorization": f"Bearer {SECRET}"})
    with pytest.raises(Unverified):
        CONNECTOR.verify(sent, [SECRET], SalesforceConfig(), NOW)


# --- content

SOME: list[Any] = [
    json.loads((FIXTURES / "cdc_create.json").read_text()),
    event("Lead", "CREATE", LEAD, LastName="山田", Email="taro@example.jp", Status="Open - Not Contacted", Score__c=82),
    event("Lead", "UPDATE", LEAD, Status="Working - Contacted", IsConverted=True, ConvertedContactId=CONTACT),
    event("Task", "CREATE", TASK, WhoId=LEAD, Status="Completed", TaskSubtype="Call", CreatedDate=stamped(AT)),
    event("Task", "DELETE", TASK),
    {"data": {"payload": {"RecordId__c": LEAD, "CreatedDate": stamped(AT)}}, "channel": "/event/Scored__e"},
]
ANYTHING = JSON | st.text() | st.integers() | st.sampled_from(["\x00", "\ud800", 10**30, "9999-12-31T23:59:59-23:59"])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def with_value(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    if not path:
        return put
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_value(value[path[0]], path[1:], put)
    return copy


class TestRelayContent(ContentTests):
    connector = CONNECTOR
    config: ClassVar[SalesforceConfig] = CONFIG

    def parse(self, body: bytes) -> Parsed:
        """What can be parsed can be shown."""
        assert all(isinstance(one.object, str) for one in CONNECTOR.shown(self.request(body), CONFIG))
        return super().parse(body)

    @FUZZ
    @given(st.data(), st.sampled_from(SOME), ANYTHING)
    def test_anything_in_place_of_any_field(self, data: st.DataObject, message: Any, put: Any) -> None:
        path = data.draw(st.sampled_from([path for path in places(message) if path]))
        parsed = self.parse(json.dumps([with_value(message, path, put), SOME[1]]).encode())
        assert parsed.events

    def test_a_body_that_was_cut_off(self) -> None:
        body = json.dumps(SOME, ensure_ascii=False).encode()
        for end in range(1, len(body), 41):
            assert self.parse(body[:end]).problems

    @pytest.mark.parametrize("encoding", ["utf-16", "cp932", "utf-8-sig"])
    def test_another_encoding_is_a_problem(self, encoding: str) -> None:
        assert self.parse(json.dumps(SOME, ensure_ascii=False).encode(encoding)).problems


@pytest.mark.parametrize("name", ["cdc_create", "cdc_update"])
def test_captured_events_of_a_custom_object_are_kept_as_a_problem(name: str) -> None:
    parsed = parse((FIXTURES / f"{name}.json").read_bytes())
    assert (parsed.events, parsed.lookups) == ([], [])
    [problem] = parsed.problems
    assert problem.place == "[0].ChangeEventHeader"
    assert "Tasuki reads Lead, Contact, Task, Event, Opportunity, not Employee__c" in problem.reason


# --- what an event says


PERSON = {"LastName": "山田", "FirstName": "太郎", "Email": "taro@example.jp", "Company": "みなと精機"}


@pytest.mark.parametrize(
    ("kind", "what", "fields", "events", "asked"),
    [
        # a new lead is told whole; another look is only nice to have
        (
            *("Lead", "CREATE", PERSON | {"Status": "Open - Not Contacted", "OwnerId": USER, "Score__c": 82.0}),
            [("lead", None), ("status", "Open - Not Contacted"), ("owner", None), ("score", 82)],
            "optional",
        ),
        ("Lead", "UPDATE", {"Status": "Working - Contacted"}, [("status", "Working - Contacted")], "optional"),
        ("Lead", "UPDATE", {"Score__c": 90}, [("score", 90)], "optional"),
        ("Lead", "UPDATE", {"OwnerId": USER}, [("owner", None)], "optional"),
        ("Lead", "UPDATE", {"Email": "new@example.jp"}, [("lead", None)], "optional"),
        ("Lead", "UPDATE", {"Industry": None}, [("lead", None)], "optional"),
        # half of a name is not a name
        ("Lead", "UPDATE", {"FirstName": "花子"}, [], "optional"),
        ("Lead", "UPDATE", {"Rating": "Hot"}, [], ""),
        ("Contact", "UPDATE", {"Phone": "0"}, [], ""),
        ("Contact", "CREATE", PERSON, [("lead", None)], "optional"),
        # what changed of a task does not say whose it is
        ("Task", "UPDATE", {"Status": "Completed"}, [], "needed"),
        (
            *("Task", "CREATE", {"WhoId": LEAD, "Status": "Completed", "CreatedDate": stamped(AT)}),
            [("follow_up", None)],
            "optional",
        ),
        ("Task", "CREATE", {"WhoId": LEAD, "Status": "Not Started", "CreatedDate": stamped(AT)}, [], "optional"),
        ("Task", "CREATE", {"Status": "Completed"}, [], "optional"),
        ("Task", "DELETE", {}, [("retracted", None)], "optional"),
        ("Task", "GAP_DELETE", {}, [("retracted", None)], "optional"),
        ("Event", "CREATE", {"WhoId": LEAD, "CreatedDate": stamped(AT)}, [("follow_up", None)], "optional"),
        ("Event", "UNDELETE", {"WhoId": LEAD, "CreatedDate": stamped(AT)}, [("follow_up", None)], "optional"),
        ("Opportunity", "CREATE", {"StageName": "Qualification"}, [], "needed"),
        ("Opportunity", "UPDATE", {"StageName": "Closed Won"}, [], "needed"),
        # a merge deletes as well, and does not say so
        ("Lead", "DELETE", {}, [], "needed"),
        ("Contact", "DELETE", {}, [], "needed"),
        ("Lead", "UNDELETE", PERSON, [("disposition", "restored"), ("lead", None)], "optional"),
        ("Lead", "GAP_CREATE", {}, [], "needed"),
        ("Lead", "GAP_UPDATE", {}, [], "needed"),
        ("Lead", "GAP_UNDELETE", {}, [], "needed"),
        ("Task", "GAP_UPDATE", {}, [], "needed"),
    ],
)
def test_what_a_change_event_says_and_leaves_open(
    kind: str, what: str, fields: dict[str, Any], events: list[Any], asked: str
) -> None:
    known = {"Lead": LEAD, "Contact": CONTACT, "Task": TASK, "Event": EVENT, "Opportunity": DEAL}[kind]
    parsed = parse(event(kind, what, known, **fields))
    assert parsed.problems == []
    assert told(parsed) == events
    assert [(one.object_type, one.object_id) for one in parsed.lookups] == ([(kind, known)] if asked else [])
    assert ["optional" if one.optional else "needed" for one in parsed.lookups] == ([asked] if asked else [])
    assert {one.occurred_at for one in parsed.events} <= {AT}


def test_the_revision_is_the_records_own_stamp_or_the_end_of_the_transaction() -> None:
    later = AT + timedelta(seconds=1)
    [own] = parse(event("Lead", "UPDATE", LEAD, at=later, Score__c=9, LastModifiedDate=stamped(AT))).events
    [committed] = parse(event("Lead", "UPDATE", LEAD, at=later, Score__c=9)).events
    assert (own.occurred_at, committed.occurred_at) == (AT, later)
    [written] = parse(event("Lead", "UPDATE", LEAD, at=later, Score__c=9, LastModifiedDate=1790234100000)).events
    assert written.occurred_at == datetime.fromtimestamp(1790234100, UTC)


def test_one_event_of_several_records() -> None:
    other = normal_id("00Q5g00000Other")
    parsed = parse(event("Lead", "UPDATE", LEAD, other[:15], Status="Working - Contacted"))
    assert [one.lead for one in parsed.events] == [(salesforce(LEAD),), (salesforce(other),)]
    assert [one.object_id for one in parsed.lookups] == [LEAD, other]
    assert len({one.key for one in parsed.events}) == 2


def test_a_converted_lead_is_its_contact_from_then_on() -> None:
    """DERIVED: without LastModifiedDate, as Salesforce documents it."""
    converted = {"Status": "Closed - Converted", "IsConverted": True, "ConvertedDate": "2026-09-24"}
    parsed = parse(event("Lead", "UPDATE", LEAD, **converted, ConvertedContactId=CONTACT))
    joined, status = parsed.events
    assert joined.lead == status.lead == (salesforce(LEAD), salesforce(CONTACT))
    assert status.data == {"status": "converted", "raw": "Closed - Converted"}


def test_a_task_that_is_deleted_is_taken_back_from_everybody() -> None:
    [gone] = parse(event("Task", "DELETE", TASK)).events
    assert (gone.lead, gone.record, gone.occurred_at) == ((), f"Task:{TASK}", AT)
    [first] = parse(event("Task", "CREATE", TASK, WhoId=LEAD, Status="Completed", LastModifiedDate=stamped(AT))).events
    [back] = parse(event("Task", "UNDELETE", TASK, at=AT + HOUR, WhoId=LEAD, Status="Completed")).events
    assert first.revised_at
    assert gone.revised_at
    assert back.revised_at
    assert first.revised_at < gone.revised_at < back.revised_at


def test_several_events_about_one_record_are_one_question() -> None:
    parsed = parse(
        event("Task", "CREATE", TASK, Status="Not Started"), event("Task", "UPDATE", TASK, Status="Completed")
    )
    [lookup] = parsed.lookups
    assert not lookup.optional


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"changeType": "GAP_OVERFLOW", "recordIds": ["000000000000000AAA"]}, "GAP_OVERFLOW"),
        ({"recordIds": ["00Q*"]}, "'00Q*' is not the id of one record"),
        ({"recordIds": []}, "'' is not the id of one record"),
        ({"changeType": "EXPLODE"}, "changeType"),
        ({"commitTimestamp": "soon"}, "commitTimestamp"),
    ],
)
def test_what_is_not_told_record_by_record_says_to_read_the_past(said: dict[str, Any], reason: str) -> None:
    message = event("Lead", "UPDATE", LEAD, Status="Working - Contacted")
    message["data"]["payload"]["ChangeEventHeader"] |= said
    parsed = parse(message)
    assert (parsed.events, parsed.lookups) == ([], [])
    [problem] = parsed.problems
    assert reason in problem.reason
    assert "run `tasuki source backfill`" in problem.reason


@pytest.mark.parametrize("wrapped", ["cometd", "eventbridge", "pubsub", "bare"])
def test_wherever_a_relay_puts_the_event(wrapped: str) -> None:
    whole = event("Lead", "UPDATE", LEAD, Score__c=90)
    payload = whole["data"]["payload"]
    sent = {
        "cometd": whole,
        "eventbridge": {"version": "0", "detail-type": "LeadChangeEvent", "detail": {"payload": payload, "id": "x"}},
        "pubsub": {"replayId": 1, "payload": payload},
        "bare": payload,
    }[wrapped]
    assert parse(sent).events == parse(whole).events
    assert parse(json.dumps(sent).encode()).events == parse(whole).events


@pytest.mark.parametrize(
    ("payload", "fields", "asked"),
    [
        ({"RecordId__c": LEAD[:15]}, None, [("Lead", LEAD)]),
        ({"Lead__c": LEAD, "Task__c": TASK, "Note__c": "x"}, ["Lead__c", "Task__c"], [("Lead", LEAD), ("Task", TASK)]),
        ({"RecordId__c": USER}, None, []),
        ({"RecordId__c": None}, None, []),
        ({"Lead__c": LEAD}, None, []),
    ],
)
def test_a_platform_event_names_the_record_to_read(
    payload: dict[str, Any], fields: list[str] | None, asked: list[Any]
) -> None:
    config = SalesforceConfig(record_fields=fields) if fields else SalesforceConfig()
    sent = {"data": {"payload": {"CreatedDate": stamped(AT), "EventUuid": "u"} | payload}, "channel": "/event/X__e"}
    parsed = parse(sent, config=config)
    assert [(one.object_type, one.object_id, one.optional) for one in parsed.lookups] == [
        (*one, False) for one in asked
    ]
    assert [("record_fields" in problem.reason) for problem in parsed.problems] == ([] if asked else [True])


# --- records that are read again


def test_a_record_is_read_again_as_a_poll_reads_it(organisation: Organisation) -> None:
    done = {"Status": "Completed", "IsClosed": True, "CompletedDateTime": stamped(AT), "CreatedDate": stamped(AT)}
    organisation.records = [
        record("Lead", {"Id": LEAD, **PERSON, "Status": "Working - Contacted", "SystemModstamp": stamped(AT)}),
        record("Task", {"Id": TASK, "WhoId": LEAD, "OwnerId": USER, "SystemModstamp": stamped(AT), **done}),
    ]
    parsed = fetched(Lookup("Task", TASK), Lookup("Lead", LEAD[:15]), Lookup("Lead", LEAD))
    assert parsed.problems == []
    assert sorted(parsed.events, key=lambda one: one.key) == sorted(polled(), key=lambda one: one.key)
    assert [question.partition(" FROM ")[2].split()[0] for question in organisation.asked[:2]] == ["Lead", "Task"]
    assert f"WHERE Id IN ('{LEAD}')" in organisation.asked[0]


def test_many_records_are_read_two_hundred_at_a_time(organisation: Organisation) -> None:
    ids = [normal_id(f"00Q{n:012}") for n in range(450)]
    organisation.records = [record("Lead", {"Id": one, "SystemModstamp": stamped(AT)}) for one in ids]
    parsed = fetched(*(Lookup("Lead", one) for one in ids))
    assert [one.lead[0].value for one in parsed.events] == ids
    assert len(organisation.asked) == 3


def test_who_was_merged_is_not_excluded_and_who_was_deleted_is(organisation: Organisation) -> None:
    merged, deleted, purged = (normal_id(f"00Q5g0000000{n:03}") for n in range(3))
    organisation.records = [
        record("Lead", {"Id": merged, "SystemModstamp": stamped(AT)}, IsDeleted=True, MasterRecordId=LEAD),
        record("Lead", {"Id": deleted, "SystemModstamp": stamped(AT)}, IsDeleted=True),
    ]
    lookups = parse(event("Lead", "DELETE", merged, deleted, purged)).lookups
    about = {one.lead[0].value: one for one in fetched(*lookups).events}
    assert (about[merged].kind, about[merged].lead) == (EventKind.LEAD, (salesforce(merged), salesforce(LEAD)))
    excluded = {"outcome": "excluded", "reason": "deleted"}
    assert about[deleted].data == about[purged].data == excluded
    assert about[purged].occurred_at == AT


def test_what_is_gone_meanwhile_says_nothing(organisation: Organisation) -> None:
    assert fetched(Lookup("Task", TASK, (("at", "1790234100000"), ("change", "UPDATE")))) == Parsed()


def test_a_lookup_of_something_else_is_a_problem(organisation: Organisation) -> None:
    assert len(fetched(Lookup("Account", LEAD), Lookup("Lead", "'); --")).problems) == 2
    assert organisation.asked == []


@pytest.mark.parametrize(("refusal", "wait"), [("field", None), ("unavailable", 60), ("session", None)])
def test_what_cannot_be_read_again_waits_or_says_why(
    organisation: Organisation, refusal: str, wait: float | None
) -> None:
    organisation.refusals = [error(refusal)] * 3
    with pytest.raises(AskFailed) as failed:
        fetched(Lookup("Lead", LEAD))
    assert failed.value.retry_after == wait
    assert "never-shown" not in str(failed.value)


# --- the same facts whichever way they come


STATUSES = st.sampled_from(["Open - Not Contacted", "Working - Contacted", "対象外"])
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("status"), STATUSES),
        st.tuples(st.just("owner"), st.sampled_from(["rep-1", "rep-2"])),
        st.tuples(st.just("call")),
        st.tuples(st.just("plan_call")),
        st.tuples(st.just("finish")),
        st.tuples(st.just("reopen")),
        st.tuples(st.just("delete")),
        st.tuples(st.just("convert")),
    ),
    max_size=8,
)


class Story:
    """A lead and what is done about it, minute by minute."""

    def __init__(self) -> None:
        self.now = AT
        self.vendor = SalesforceRelayVendor(lambda: self.now)
        self.vendor.person("yamada", "taro@example.jp", "山田")

    def tasks(self) -> list[dict[str, Any]]:
        known = [one for one in self.vendor.organisation.records if one["attributes"]["type"] == "Task"]
        return [one for one in known if not one["IsDeleted"]]

    def act(self, what: str, *about: str) -> None:
        self.now += timedelta(minutes=1)
        last = (self.tasks() or [None])[-1]
        lead = self.vendor.people["yamada"]
        match what, last:
            case "status", _:
                self.vendor.change("Lead", lead, {"Status": about[0]})
            case "owner", _:
                self.vendor.owner("yamada", about[0])
            case (("call" | "plan_call"), _):
                getattr(self.vendor, what)("yamada")
            case "convert", _:
                self.vendor.change("Lead", lead, {"IsConverted": True, "ConvertedContactId": CONTACT})
            case "finish", dict():
                done = {"Status": "Completed", "IsClosed": True, "CompletedDateTime": stamped(self.now)}
                self.vendor.change("Task", last["Id"], done)
            case "reopen", dict():
                undone = {"Status": "Not Started", "IsClosed": False, "CompletedDateTime": None}
                self.vendor.change("Task", last["Id"], undone)
            case "delete", dict():
                last |= {"IsDeleted": True, "SystemModstamp": stamped(self.now)}
                self.vendor.tell("DELETE", "Task", last["Id"], {})


def in_force(events: list[CanonicalEvent]) -> set[Any]:
    """Of each record its newest revision, for each lead; a deletion without a lead is everybody's."""
    newest: dict[Any, CanonicalEvent] = {}
    for one in events:
        assert one.revised_at
        if one.record not in newest or (one.revised_at, one.key) > (
            newest[one.record].revised_at,
            newest[one.record].key,
        ):
            newest[one.record] = one
    return {(one.record, one.kind, one.occurred_at, one.data.get("channel")) for one in newest.values()}


@settings(max_examples=80, deadline=None, database=None)
@given(ACTS, st.randoms())
def test_what_was_pushed_and_read_again_is_what_is_polled(acts: list[tuple[str, ...]], chance: Any) -> None:
    story = Story()
    with respx.mock:
        respx.route(host="minato.my.salesforce.com").mock(side_effect=story.vendor.organisation.answer)
        heard: list[CanonicalEvent] = []
        for what in acts:
            story.act(*what)
            sent, story.vendor.sent = story.vendor.sent, []
            for one in sent:
                parsed = parse(one.body)
                heard += parsed.events + fetched(*parsed.lookups).events
                assert parsed.problems == []
        found = polled()
        assert found == polled(), "another poll says nothing new"
    told_keys = {one.key for one in heard}
    latest = [one for one in found if one.record or one.kind in (EventKind.STATUS, EventKind.OWNER)]
    touched = {what[0] for what in acts}
    if touched & {"status", "owner", "convert"}:
        assert {one.key for one in latest if not one.record} <= told_keys
    assert {one.key for one in latest if one.record} <= told_keys
    chance.shuffle(heard)
    assert in_force([one for one in heard if one.record]) == in_force([one for one in found if one.record])


# --- polls


def test_an_archived_task_is_still_a_follow_up(organisation: Organisation) -> None:
    done = {"Status": "Completed", "IsClosed": True, "CompletedDateTime": stamped(AT), "SystemModstamp": stamped(AT)}
    organisation.records = [record("Task", {"Id": TASK, "WhoId": LEAD, "OwnerId": USER, **done}, IsArchived=True)]
    [found] = polled()
    assert (found.kind, found.record) == (EventKind.FOLLOW_UP, f"Task:{TASK}")


def stage(value: str | None, at: datetime, contact: str | None = CONTACT) -> dict[str, Any]:
    made = {
        "Id": "0175g00000Hist1",
        "OpportunityId": DEAL,
        "Field": "StageName",
        "NewValue": value,
        "CreatedDate": stamped(at),
    }
    return record("OpportunityFieldHistory", made, Opportunity={"attributes": {}, "ContactId": contact})


def test_the_history_of_an_opportunity_tells_when_it_was_really_won(organisation: Organisation) -> None:
    organisation.records = [
        stage("Qualification", AT),
        stage("内示", AT + HOUR),
        stage("口頭合意", AT + HOUR),
        stage("Closed Won", AT + 2 * HOUR),
        stage("Closed Lost", AT, None),
        stage(None, AT),
    ]
    found = polled(SalesforceConfig(stages={"内示": "won"}))
    assert [(one.data["state"], one.data["stage"], one.occurred_at - AT) for one in found] == [
        ("open", "Qualification", 0 * HOUR),
        ("won", "内示", HOUR),
        ("won", "Closed Won", 2 * HOUR),
    ]
    assert {one.lead for one in found} == {(salesforce(CONTACT),)}


def test_an_organisation_without_a_person_on_opportunities(organisation: Organisation) -> None:
    organisation.records = [stage("Qualification", AT)]
    assert polled(SalesforceConfig(opportunity_contact_field="")) == []
    assert "Opportunity." not in organisation.asked[-1]


def test_what_was_deleted_for_good_is_found_by_asking_again(organisation: Organisation) -> None:
    binned, purged = normal_id("00T5g00000Bin01"), normal_id("00T5g00000Gone1")
    organisation.records = [
        record("Task", {"Id": TASK, "SystemModstamp": stamped(AT)}, IsArchived=True),
        record("Task", {"Id": binned, "SystemModstamp": stamped(AT)}, IsDeleted=True),
    ]
    names = [f"Task:{TASK}", f"Task:{binned}", f"Task:{purged}", f"Event:{EVENT}", "Task:x", "nonsense"]
    page = SALESFORCE.ask_again(names, CONFIG, CREDENTIAL, HTTP, AT)
    parsed = CONNECTOR.parse(WebhookRequest("POLL", page.url, {}, page.body, NOW), CONFIG)
    assert_sound(parsed)
    assert [(one.kind, one.record, one.lead, one.occurred_at) for one in parsed.events] == [
        (EventKind.RETRACTED, name, (), AT) for name in (f"Task:{binned}", f"Task:{purged}", f"Event:{EVENT}")
    ]
    assert len(organisation.asked) == 2
    assert isinstance(CONNECTOR, AsksAgain)


# --- setting it up


def about(organisation: Organisation, **organisations: str) -> None:
    organisation.records += [
        record("Organization", {"Id": "00D5g00000AbcDe", "Name": "みなと精機"}),
        *(
            record("LeadStatus", {"Id": f"01J5g000000000{n}", "ApiName": word})
            for n, word in enumerate(["未対応", "Working - Contacted"])
        ),
    ]


def check(config: SalesforceConfig = CONFIG) -> Any:
    return SALESFORCE.check(config, CREDENTIAL, HTTP)


def test_a_check_names_the_organisation_and_its_statuses(organisation: Organisation) -> None:
    about(organisation)
    checked = check(SalesforceConfig(organization_id="00D5g00000AbcDe"))
    assert (checked.account, checked.problems) == ("みなと精機", ())
    assert checked.statuses == ("未対応", "Working - Contacted")
    config = SalesforceConfig(statuses={"未対応": "new"})
    assert [config.status_of(word) for word in checked.statuses] == ["new", "contacted"]
    assert [SalesforceConfig().status_of(word) for word in checked.statuses] == [None, LeadStatus.CONTACTED]
    assert len(organisation.asked) == 9
    assert all(" LIMIT 1" in question for question in organisation.asked[:-1])


def test_a_check_says_what_is_missing(organisation: Organisation) -> None:
    about(organisation)
    organisation.unreadable = {"Task", "LeadHistory"}
    organisation.refusals = [None, error("field")]
    problems = {
        problem.place: problem.reason for problem in check(SalesforceConfig(organization_id="00D5g00000Other")).problems
    }
    assert list(problems) == ["organization_id", "Lead", "LeadHistory", "Task"]
    assert "Score__c of Lead: allow it to the API user" in problems["Lead"]
    assert "give the API user the permission" in problems["Task"]
    assert "without it a status counts from the last edit" in problems["LeadHistory"]


def test_a_check_that_may_not_know_the_organisation_names_the_host(organisation: Organisation) -> None:
    organisation.unreadable = {"Organization", "LeadStatus"}
    checked = check()
    assert (checked.account, checked.statuses) == ("minato.my.salesforce.com", ())
    assert [problem.place for problem in checked.problems] == ["Organization", "LeadStatus"]


def test_a_wrong_credential_fails_the_whole_check(organisation: Organisation) -> None:
    organisation.refusals = [error("session")]
    with pytest.raises(AskFailed, match="no longer accepts the credential") as failed:
        check()
    assert failed.value.retry_after is None
    assert "never-shown" not in str(failed.value)


@pytest.mark.parametrize(
    "config",
    [
        SalesforceConfig(),
        CONFIG,
        SalesforceConfig(
            organization_id="00D5g00000AbcDe", action_ids=["04k5g00000AbcDe"], statuses={"対応中": "working"}
        ),
    ],
)
@pytest.mark.parametrize("url", [URL, URL + "?x=1"])
def test_the_sample_proves_itself_and_says_something(config: SalesforceConfig, url: str) -> None:
    sample = CONNECTOR.sample(config, SECRET, url, NOW)
    assert CONNECTOR.secret_in_url
    CONNECTOR.verify(sample, [SECRET], config, NOW)
    with pytest.raises(Unverified):
        CONNECTOR.verify(sample, ["another"], config, NOW)
    with pytest.raises(Unverified):
        CONNECTOR.verify(replace(sample, url=url), [SECRET], config, NOW)
    parsed = CONNECTOR.parse(sample, config)
    assert_sound(parsed)
    assert parsed.problems == []
    said = {one.kind: one.data for one in parsed.events}
    assert list(said) == ["lead", "status", "owner", *(["score"] if config.score_field else [])]
    assert said[EventKind.STATUS]["status"] == ("working" if config.statuses else "contacted")
    assert said[EventKind.LEAD].get("attributes", {}).get("industry") == ("製造" if config.attributes else None)
    assert {one.occurred_at for one in parsed.events} == {NOW}
    [shown] = CONNECTOR.shown(sample, config)
    assert shown.object == "Lead"
    assert set(shown.fields) <= set(CONNECTOR.mapped(config)["Lead"])


def test_the_session_that_salesforce_may_send_is_not_stored_nor_shown() -> None:
    sample = CONNECTOR.sample(CONFIG, SECRET, URL, NOW)
    assert SECRET not in CONNECTOR.to_store(sample.body).decode()


def test_what_is_shown_of_every_way(organisation: Organisation) -> None:
    sent = relayed(json.dumps(event("Lead", "UPDATE", LEAD, Rating="Hot", Name={"LastName": "山田"})).encode())
    [changed] = CONNECTOR.shown(sent, CONFIG)
    assert (changed.object, dict(changed.fields)) == ("Lead", {"Rating": "Hot", "LastName": "山田"})
    mapped = CONNECTOR.mapped(CONFIG)
    assert (mapped["Lead"]["Score__c"], mapped["Lead"]["Industry"], mapped["Contact"]["Industry"]) == (
        *("score", "industry", "industry"),
    )
    organisation.records = [
        record("Task", {"Id": TASK, "WhoId": LEAD, "SystemModstamp": stamped(AT)}, Who={"Email": "a@b.jp"})
    ]
    page = SALESFORCE.poll(
        {"since": AT.isoformat(), "until": NOW.isoformat(), "object": "Task"}, NOW, CONFIG, CREDENTIAL, HTTP
    )
    [task] = CONNECTOR.shown(WebhookRequest("POLL", page.url, {}, page.body, NOW), CONFIG)
    assert task.object == "Task"
    assert set(task.fields) - {"What"} <= set(mapped["Task"])
    for broken in (b"", b"<a>", b"[1]", b'{"records": [7]}'):
        assert list(CONNECTOR.shown(relayed(broken), CONFIG)) == []


def test_messages_are_not_changed_by_what_reads_them() -> None:
    before = deepcopy(SOME)
    parse(*SOME)
    assert before == SOME


class TestSalesforceJourney(SalesJourney):
    vendor = SalesforceVendor


class TestSalesforceRelayJourney(SalesJourney):
    vendor = SalesforceRelayVendor
