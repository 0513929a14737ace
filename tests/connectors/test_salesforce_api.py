"""Asking Salesforce: what outbound messages missed is found, each fact once. The wire is respx; every answer has the
shape that Salesforce documents, built here or DERIVED in the fixtures."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import httpx
import pytest
import respx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from salesforce_account import HOST, Organisation, error, record, stamped
from security import FUZZ, JSON, NOW, ContentTests, assert_sound
from sqlalchemy import select
from test_salesforce import (
    CONTACT,
    DEAL,
    DERIVED_DEAL,
    DERIVED_LEAD,
    DERIVED_TASK,
    EVENT,
    FIXTURES,
    LEAD,
    MODIFIED_AT,
    QUEUE,
    TASK,
    USER,
    derived_message,
    derived_notification,
    request,
    salesforce,
)

from app.domain.history import Event, read_history
from app.domain.policy import Policies
from app.flows import reconcile, sources
from app.flows.ledger import Fact, apply
from app.models import Delivery, Handoff
from app.state import State
from connectors.api import Tokens
from connectors.asking import Limiter
from connectors.contract import (
    AskFailed,
    AsksAboutLead,
    CanonicalEvent,
    EventKind,
    ExternalId,
    Page,
    Parsed,
    Polls,
    WebhookRequest,
)
from connectors.salesforce import access, api, polling, soql
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.connector import CONNECTOR, Salesforce
from connectors.salesforce.ids import normal_id
from tests.conftest import FRIDAY, Clock

ASKED: Polls[SalesforceConfig] = Salesforce()
ASKED_ABOUT: AsksAboutLead[SalesforceConfig] = Salesforce()
SECRET_PARTS = {"client_id": "3MVG9consumer", "client_secret": "c1ient-secret-never-shown"}
CREDENTIAL = json.dumps({"instance_url": HOST, **SECRET_PARTS})
BARE = json.dumps({"instance_url": HOST + "/", "access_token": "00Dxx!bare-token-never-shown"})
SINCE = datetime(2026, 9, 24, 6, tzinfo=UTC)
UNTIL = datetime(2026, 9, 24, 9, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def organisation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Organisation]:
    """Answers on its host; nothing else does. No token is remembered from another test, and nobody waits."""
    monkeypatch.setattr(api, "TOKENS", Tokens())
    monkeypatch.setattr(api, "ask", partial(api.ask, sleep=lambda _: None))
    monkeypatch.setattr(api, "LIMITER", Limiter(10_000, 10_000))
    there = Organisation()
    with respx.mock:
        respx.route(host="minato.my.salesforce.com").mock(side_effect=there.answer)
        yield there


def poll(cursor: dict[str, Any], until: datetime = UNTIL, credential: str = CREDENTIAL, **config: Any) -> Page:
    with httpx.Client() as http:
        page = ASKED.poll(json.loads(json.dumps(cursor)), until, SalesforceConfig(**config), credential, http)
    assert "never-shown" not in page.url + json.dumps(page.cursor) + page.body.decode()
    return page


def polled(since: datetime = SINCE, until: datetime = UNTIL, **config: Any) -> list[Page]:
    """Every page until there is none."""
    pages = [poll(ASKED.start(since), until, **config)]
    while pages[-1].more:
        assert len(pages) < 100
        pages.append(poll(pages[-1].cursor, until, **config))
    return pages


def read(page: Page, at: datetime = NOW, **config: Any) -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest("POLL", page.url, {}, page.body, at), SalesforceConfig(**config))
    assert_sound(parsed)
    return parsed


def found(pages: list[Page], **config: Any) -> list[CanonicalEvent]:
    told = [read(page, **config) for page in pages]
    assert [parsed.problems for parsed in told if parsed.problems] == []
    return [event for parsed in told for event in parsed.events]


def failure(do: Any, *args: Any, **more: Any) -> AskFailed:
    with pytest.raises(AskFailed) as failed:
        do(*args, **more)
    assert "never-shown" not in str(failed.value) + repr(failed.value.__context__)
    return failed.value


LEAD_RECORD = record("Lead", DERIVED_LEAD)
TASK_RECORD = record("Task", DERIVED_TASK, SystemModstamp="2026-09-24T08:00:00Z")


# --- a round


def test_a_round_reads_every_object_once(organisation: Organisation) -> None:
    pages = polled()
    asked = [re.search(r"FROM (\w+)", question)[1] for question in organisation.asked]  # type: ignore[index]
    assert asked == list(soql.OBJECTS)
    assert [page.more for page in pages] == [True] * 6 + [False]
    assert [page.through for page in pages] == [SINCE] * 6 + [UNTIL]
    assert pages[-1].cursor == ASKED.start(UNTIL)
    assert all(page.url.startswith(f"{HOST}{api.DATA}/queryAll?q=SELECT%20Id") for page in pages)


def test_the_questions(organisation: Organisation) -> None:
    polled(score_field="Score__c", attributes={"Industry": "industry", "email": "again"})
    lead, history, _, task, _, deal, stages = organisation.asked
    assert lead == (
        "SELECT Id, IsDeleted, MasterRecordId, SystemModstamp, LastName, FirstName, Company, Email, LeadSource,"
        " IsConverted, ConvertedContactId, Status, OwnerId, Score__c, Industry FROM Lead"
        " WHERE SystemModstamp >= 2026-09-24T05:55:00Z AND SystemModstamp < 2026-09-24T09:00:00Z"
        " ORDER BY SystemModstamp, Id"
    )
    assert "FROM LeadHistory WHERE Field IN ('Status', 'Owner', 'Score__c') AND CreatedDate >= 2026" in history
    assert "TYPEOF What WHEN Opportunity THEN ContactId END FROM Task WHERE" in task
    assert "Amount, ContactId FROM Opportunity" in deal
    assert (
        "Opportunity.ContactId FROM OpportunityFieldHistory WHERE Field IN ('StageName') AND CreatedDate >= " in stages
    )


def test_the_next_poll_overlaps(organisation: Organisation) -> None:
    cursor = polled()[-1].cursor
    poll(cursor, UNTIL + 10 * MINUTE)
    assert "SystemModstamp >= 2026-09-24T08:55:00Z AND SystemModstamp < 2026-09-24T09:10:00Z" in organisation.asked[-1]


def many_leads(number: int) -> list[dict[str, Any]]:
    """In pairs with the same stamp."""
    return [
        record("Lead", {**DERIVED_LEAD, "Id": f"00Q5g00000{n:05}"}, SystemModstamp=stamped(SINCE + n // 2 * MINUTE))
        for n in range(number)
    ]


def lead_ids(pages: list[Page]) -> list[str]:
    events = [event for event in found(pages) if event.kind is EventKind.LEAD]
    return [event.lead[0].value for event in events]


def test_pages_are_followed_to_the_end(organisation: Organisation) -> None:
    organisation.records, organisation.page = many_leads(7), 3
    pages = polled()
    assert lead_ids(pages) == [one["Id"] for one in organisation.records]
    assert [path.startswith("SELECT") for path in organisation.asked[:4]] == [True, False, False, True]
    assert pages[1].url.startswith(f"{HOST}{api.DATA}/query/01g")


@pytest.mark.parametrize("lost", ["locator", "session"])
def test_pages_that_salesforce_no_longer_keeps_are_asked_for_again(organisation: Organisation, lost: str) -> None:
    """Where the last one ended; with the time of two records between two pages, neither is missed."""
    organisation.records, organisation.page = many_leads(7), 3
    pages = [poll(ASKED.start(SINCE))]
    organisation.locators.clear()
    organisation.refusals = [error(lost)] * 2 if lost == "session" else []
    if lost == "session":
        organisation.refusals.insert(1, None)  # a new token is given, but the rest belonged to the old session
    while pages[-1].more:
        pages.append(poll(pages[-1].cursor))
    assert "SystemModstamp >= 2026-09-24T06:01:00Z AND" in [q for q in organisation.asked if q.startswith("SEL")][1]
    assert sorted({*lead_ids(pages)}) == [one["Id"] for one in organisation.records]


@pytest.mark.parametrize(
    "place", ["https://evil.example/services/data/v64.0/query/01g-2000", "//evil.example/query/1", "/apex/steal", 7]
)
def test_the_token_goes_to_no_other_place(organisation: Organisation, place: Any) -> None:
    organisation.token = "t"
    organisation.refusals = [None, httpx.Response(200, json={"done": False, "nextRecordsUrl": place, "records": []})]
    assert "not on its own host" in str(failure(poll, ASKED.start(SINCE)))


def test_a_long_past_is_read_in_rounds(organisation: Organisation) -> None:
    since = UNTIL - timedelta(days=20)
    pages = polled(since)
    assert len(pages) == 3 * 7
    assert sorted({page.through for page in pages}) == [since, *(since + d * timedelta(days=7) for d in (1, 2)), UNTIL]
    assert [page.through for page in pages] == sorted(page.through for page in pages)


def test_a_round_keeps_its_end_while_time_goes_on(organisation: Organisation) -> None:
    page = poll(ASKED.start(SINCE))
    while page.more:
        page = poll(page.cursor, UNTIL + 30 * MINUTE)
    assert page.through == UNTIL


def test_a_clock_of_ours_that_is_ahead_skips_nothing(organisation: Organisation) -> None:
    organisation.clock = UNTIL - timedelta(hours=1)
    pages = polled()
    assert (pages[-1].through, pages[-1].cursor) == (organisation.clock, ASKED.start(organisation.clock))
    assert len(pages) == 7


# --- what a page says


def test_a_page_of_tasks() -> None:
    """DERIVED: by a lead, on an opportunity of a converted lead, deleted, about an account."""
    page = Page(f"{HOST}/x", (FIXTURES / "rest_tasks_page.derived.json").read_bytes(), {}, UNTIL)
    call, on_deal, gone = found([page], owners={USER: "佐藤 花子"})
    assert (call.kind, call.occurred_at, call.record) == (EventKind.FOLLOW_UP, MODIFIED_AT, f"Task:{normal_id(TASK)}")
    assert call.lead == (salesforce(LEAD), ExternalId("email", "taro.yamada@example.co.jp"))
    assert call.data["by"] == "佐藤 花子"
    assert (on_deal.kind, on_deal.lead) == (EventKind.FOLLOW_UP, (salesforce(CONTACT),))
    assert (gone.kind, gone.data) == (EventKind.RETRACTED, {"reason": "deleted"})


def test_a_lost_outbound_message_is_found(organisation: Organisation) -> None:
    organisation.records = [LEAD_RECORD, TASK_RECORD]
    events = found(polled(score_field="Score__c"), score_field="Score__c")
    assert [event.kind.value for event in events] == ["lead", "status", "owner", "score", "follow_up"]
    assert events[0].data["url"] == f"{HOST}/lightning/r/Lead/{normal_id(LEAD)}/view"


def test_deletions_merges_and_a_conversion_are_seen(organisation: Organisation) -> None:
    other, third = normal_id("00Q5g00000Other"), normal_id("00Q5g00000Third")
    organisation.records = [
        record("Lead", DERIVED_LEAD, IsConverted=True, ConvertedContactId=normal_id(CONTACT)),
        record("Lead", {**DERIVED_LEAD, "Id": other}, IsDeleted=True, MasterRecordId=normal_id(LEAD)),
        record("Lead", {**DERIVED_LEAD, "Id": third, "Email": "saburo@example.jp"}, IsDeleted=True),
        record("Event", {"Id": EVENT, "WhoId": LEAD}, IsDeleted=True, SystemModstamp=stamped(MODIFIED_AT)),
    ]
    events = found(polled())
    about = {event.lead[0].value: event for event in events if event.kind in (EventKind.LEAD, EventKind.DISPOSITION)}
    assert salesforce(CONTACT) in about[normal_id(LEAD)].lead
    assert salesforce(LEAD) in about[other].lead
    assert about[third].data == {"outcome": "excluded", "reason": "deleted"}
    assert events[-1].kind is EventKind.RETRACTED
    assert sum(event.kind is EventKind.STATUS for event in events) == 1


def history(id: str, name: str, value: Any, at: datetime = MODIFIED_AT) -> dict[str, Any]:
    made = {"Id": id, "LeadId": normal_id(LEAD), "Field": name, "NewValue": value, "CreatedDate": stamped(at)}
    return record("LeadHistory", made)


def test_the_history_of_a_lead_tells_when_its_status_really_changed(organisation: Organisation) -> None:
    early = MODIFIED_AT - timedelta(hours=1)
    organisation.records = [
        LEAD_RECORD,
        history("0175g00000Hist1", "Status", "Working - Contacted", early),
        history("0175g00000Hist2", "Owner", "佐藤 花子", early),
        history("0175g00000Hist3", "Owner", normal_id(QUEUE), early),
        history("0175g00000Hist4", "Score__c", 61.0, early),
        history("0175g00000Hist5", "Status", None, early),
        history("0175g00000Hist6", "Status", "Open - Not Contacted"),
    ]
    config = {"score_field": "Score__c"}
    events = found(polled(**config), **config)
    changes = [(event.kind.value, event.data) for event in events if event.occurred_at == early]
    assert changes == [
        ("status", {"status": "contacted", "raw": "Working - Contacted"}),
        ("owner", {"owner": None, "name": normal_id(QUEUE)}),
        ("score", {"score": 61}),
    ]
    now = [event for event in events if event.kind is EventKind.STATUS and event.occurred_at == MODIFIED_AT]
    assert len({event.key for event in now}) == 1 < len(now), "the change and the snapshot of that moment are one fact"


def test_without_field_history_the_rest_is_read(organisation: Organisation) -> None:
    organisation.records, organisation.unreadable = [LEAD_RECORD, TASK_RECORD], {"LeadHistory"}
    assert {event.kind for event in found(polled())} >= {EventKind.STATUS, EventKind.FOLLOW_UP}


def test_an_opportunity_of_nobody_is_no_problem(organisation: Organisation) -> None:
    organisation.records = [record("Opportunity", DERIVED_DEAL, ContactId=None, Id=DEAL)]
    assert found(polled()) == []
    organisation.records = [record("Opportunity", DERIVED_DEAL)]
    (event,) = found(polled())
    assert (event.lead, event.data["state"]) == ((salesforce(CONTACT),), "won")


class TestPages(ContentTests):
    """Whatever a page holds."""

    connector = CONNECTOR
    config: ClassVar[SalesforceConfig] = SalesforceConfig(score_field="Score__c")

    def request(self, body: bytes) -> WebhookRequest:
        return WebhookRequest("POLL", f"{HOST}{api.DATA}/query", {}, body, NOW)

    @FUZZ
    @given(st.lists(st.tuples(st.sampled_from([LEAD_RECORD, TASK_RECORD]), st.sampled_from(sorted(TASK_RECORD)), JSON)))
    def test_any_field_may_hold_anything(self, changes: list[tuple[dict[str, Any], str, Any]]) -> None:
        records = [one | {name: value} for one, name, value in changes]
        self.parse(json.dumps({"records": records, "results": [{"result": {"records": records}}]}).encode())


# --- push and poll say the same


WHO = st.sampled_from([LEAD, CONTACT])
TIMES = st.integers(0, 200).map(lambda n: f"{SINCE + n * MINUTE:%Y-%m-%dT%H:%M:%S.000Z}")
TASKS = st.fixed_dictionaries(
    {
        "Id": st.just(TASK),
        "WhoId": WHO,
        "OwnerId": st.just(USER),
        "CreatedById": st.just(USER),
        "Subject": st.text("架電a ", min_size=1).map(str.strip),
        "Status": st.sampled_from(["Completed", "In Progress"]),
        "IsClosed": st.sampled_from(["true", "false"]),
        "TaskSubtype": st.sampled_from(["Call", "Task", "ListEmail"]),
        "Type": st.sampled_from([None, "Meeting"]),
        "CallDisposition": st.none(),
        "CompletedDateTime": st.none() | TIMES,
        "CreatedDate": TIMES,
        "LastModifiedDate": TIMES,
        "SystemModstamp": TIMES,
    }
)
LEADS = st.fixed_dictionaries(
    {name: st.just(value) for name, value in DERIVED_LEAD.items()}
    | {
        "Status": st.sampled_from(["Open - Not Contacted", "Working - Contacted", "対象外"]),
        "OwnerId": st.sampled_from([USER, QUEUE]),
        "Score__c": st.sampled_from(["82.0", "61.5", None]),
        "IsConverted": st.sampled_from(["true", "false"]),
        "ConvertedContactId": st.sampled_from([None, CONTACT]),
        "SystemModstamp": TIMES,
    }
)
DEALS = st.fixed_dictionaries(
    {name: st.just(value) for name, value in DERIVED_DEAL.items()} | {"CreatedDate": TIMES, "SystemModstamp": TIMES}
)
SEEN = st.one_of(
    TASKS.map(lambda fields: ("Task", fields)),
    LEADS.map(lambda fields: ("Lead", fields)),
    DEALS.map(lambda fields: ("Opportunity", fields)),
)
SETTINGS: dict[str, Any] = {"score_field": "Score__c", "attributes": {"Industry": "industry"}}


def pushed(kind: str, fields: Mapping[str, str | None]) -> list[CanonicalEvent]:
    body = derived_message(derived_notification(kind, fields)).replace(b"https://na1.salesforce.com", HOST.encode())
    parsed = CONNECTOR.parse(request(body), SalesforceConfig(**SETTINGS))
    assert parsed.problems == []
    return parsed.events


def shown(kind: str, fields: Mapping[str, str | None]) -> list[CanonicalEvent]:
    whole = {"records": [record(kind, fields, What=None, MasterRecordId=None)]}
    return found([Page(f"{HOST}/x", json.dumps(whole).encode(), {}, UNTIL)], **SETTINGS)


@FUZZ
@given(SEEN)
def test_what_is_seen_both_ways_is_one_fact(seen: tuple[str, dict[str, str | None]]) -> None:
    kind, fields = seen
    assert [(event.key, event) for event in shown(kind, fields)] == [
        (event.key, event) for event in pushed(kind, fields)
    ]


def as_history(events: list[CanonicalEvent]) -> dict[str, Any]:
    """What the ledger makes of them, apart from which event said what."""
    unique = {event.key: event for event in events}
    ledger = [
        Event(key, e.kind, e.occurred_at, NOW, e.data, e.recorded_at, e.record, e.revised_at)
        for key, e in unique.items()
    ]
    read = read_history(ledger, Policies([]))
    return {"status": read.status, "owner": (read.owner, read.assigned_at), "deals": read.opportunities} | {
        "touch": {kind: contact.at for kind, contact in read.contacts.items()},
        "attributes": read.attributes,
        "score": read.score and read.score.value,
    }


@FUZZ
@given(st.lists(SEEN, min_size=1, max_size=5, unique_by=lambda seen: seen[1]["SystemModstamp"]), st.data())
def test_a_poll_after_every_message_changes_nothing(
    seen: list[tuple[str, dict[str, str | None]]], data: st.DataObject
) -> None:
    """Each state was told when it began, by messages with few fields. The poll finds the last one of each record, at
    a later stamp, because something else was edited."""
    told = [event for kind, fields in seen for event in pushed(kind, fields)]
    latest = dict(sorted(seen, key=lambda one: str(one[1]["SystemModstamp"])))
    moved = [shown(kind, fields | {"SystemModstamp": "2026-09-25T00:00:00.000Z"}) for kind, fields in latest.items()]
    again = [event for events in moved for event in events]
    assert as_history([*told, *again]) == as_history(told)
    assert as_history(data.draw(st.permutations([*again, *told]))) == as_history(told)


@FUZZ
@given(TASKS, st.sets(st.sampled_from(["CompletedDateTime", "CreatedById", "TaskSubtype", "Type", "Subject"])))
def test_a_poll_completes_what_a_thin_message_told(task: dict[str, str | None], spare: set[str]) -> None:
    thin = pushed("Task", {name: value for name, value in task.items() if name not in spare})
    full = shown("Task", task)
    assert as_history([*thin, *full]) == as_history([*full, *thin]) == as_history(full)


# --- the credential


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
JWT = {"instance_url": HOST, "client_id": "3MVG9consumer", "username": "tasuki@example.jp", "private_key": PEM}


def test_client_credentials(organisation: Organisation) -> None:
    polled()
    assert organisation.forms == [{"grant_type": ["client_credentials"]} | {k: [v] for k, v in SECRET_PARTS.items()}]


def claims_of(form: Mapping[str, list[str]]) -> dict[str, Any]:
    """The claims of the assertion, if its signature is right."""
    signed, _, signature = form["assertion"][0].rpartition(".")
    KEY.public_key().verify(decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    header, claims = (json.loads(decoded(part)) for part in signed.split("."))
    assert header == {"alg": "RS256", "typ": "JWT"}
    return dict(claims)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    ("changes", "audience"),
    [
        ({}, "https://login.salesforce.com"),
        ({"private_key": PEM.replace("\n", "\\n")}, "https://login.salesforce.com"),
        ({"instance_url": "https://minato--uat.sandbox.my.salesforce.com"}, "https://test.salesforce.com"),
        ({"login_url": "https://minato.my.salesforce.com/"}, HOST),
    ],
)
def test_jwt_bearer(organisation: Organisation, changes: dict[str, str], audience: str) -> None:
    for host in ("login.salesforce.com", "test.salesforce.com", "minato--uat.sandbox.my.salesforce.com"):
        respx.route(host=host).mock(side_effect=organisation.answer)
    poll(ASKED.start(SINCE), credential=json.dumps(JWT | changes))
    (form,) = organisation.forms
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    claims = claims_of(form)
    assert 0 < claims.pop("exp") - time.time() <= 180
    assert claims == {"iss": "3MVG9consumer", "sub": "tasuki@example.jp", "aud": audience}
    assert respx.calls[0].request.url == audience + access.TOKEN_PATH


def test_a_token_of_ones_own(organisation: Organisation) -> None:
    polled_once = poll(ASKED.start(SINCE), credential=BARE)
    assert (polled_once.more, organisation.forms) == (True, [])
    organisation.refusals = [error("session")]
    assert "no longer accepts the credential" in str(failure(poll, ASKED.start(SINCE), credential=BARE))


def test_an_expired_token_is_renewed_once(organisation: Organisation) -> None:
    polled()
    organisation.token = "00Dxx!token-2-never-shown"
    polled()
    assert len(organisation.forms) == 2
    organisation.refusals = [error("session"), None, error("session")]
    failed = failure(poll, ASKED.start(SINCE))
    assert ("no longer accepts the credential" in str(failed), failed.retry_after) == (True, None)
    assert len(organisation.forms) == 3


def test_tokens_are_kept_apart_and_not_for_too_long() -> None:
    now = [0.0]
    tokens = Tokens(clock=lambda: now[0])
    tokens.keep("a", "token-a", 3600)
    tokens.keep("b", "token-b", 7200)
    assert (tokens.get("a"), tokens.get("b"), tokens.get("c")) == ("token-a", "token-b", None)
    now[0] = 3541.0
    assert (tokens.get("a"), tokens.get("b")) == (None, "token-b")
    tokens.forget("b", "an older one")
    assert tokens.get("b") == "token-b"
    tokens.forget("b", "token-b")
    assert tokens.get("b") is None


@pytest.mark.parametrize(
    ("answer", "life"),
    [({"expires_in": 7200}, 7200), ({"expires_in": "900"}, 900), ({}, 3000), ({"expires_in": None}, 3000)],
)
def test_life_of_a_token(answer: dict[str, Any], life: float) -> None:
    assert api.life_of(answer) == life


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "00Dxx!bare-token-never-shown",
        "[" * 100_000,
        "[]",
        "{}",
        json.dumps(SECRET_PARTS),
        json.dumps({"instance_url": HOST, "client_id": "x", "client_secret": ""}),
        json.dumps({"instance_url": HOST, "client_id": "x", "client_secret": 7}),
        json.dumps({"instance_url": "http://minato.my.salesforce.com", **SECRET_PARTS}),
        json.dumps({"instance_url": "https://minato.my.salesforce.com/setup", **SECRET_PARTS}),
        json.dumps({"instance_url": "https://u:never-shown@minato.my.salesforce.com", **SECRET_PARTS}),
        json.dumps({"instance_url": HOST, "secret": "never-shown", **SECRET_PARTS}),
        json.dumps(JWT | {"private_key": "never-shown"}),
        json.dumps(JWT | {"login_url": "javascript:never-shown"}),
    ],
    ids=lambda credential: credential[:30],
)
def test_a_credential_that_is_none(organisation: Organisation, credential: str) -> None:
    failed = failure(poll, ASKED.start(SINCE), credential=credential)
    assert "credential" in str(failed)
    assert failed.retry_after is None
    assert respx.calls.call_count == 0


# --- refusals


@pytest.mark.parametrize(
    ("answers", "says", "wait"),
    [
        ([error("limit")], "API requests left", 900),
        ([error("limit", **{"Retry-After": "60"})], "API requests left", 60),
        ([error("field")], "does not show the field Score__c of Lead: allow it to the API user", None),
        ([error("api")], "API Enabled", None),
        ([error("timeout")], "just now", 60),
        ([error("unavailable", **{"Retry-After": "120"})], "503", 120),
        ([error("unavailable")] * 3, "503", 60),
        ([httpx.Response(302, headers={"Location": "https://x"})], "302", None),
        ([httpx.Response(404, text="<html>")], "refused the question (404)", None),
        ([httpx.Response(200, text="<html>")], "something else than records", 60),
        ([httpx.Response(200, json=[])], "something else than records", 60),
        (
            [httpx.Response(400, json=[{"errorCode": "NEW", "message": "see a@b.jp\nat https://x/y"}])],
            "see … at …",
            None,
        ),
    ],
)
def test_refusals_say_what_to_do(
    organisation: Organisation, answers: list[httpx.Response], says: str, wait: float | None
) -> None:
    organisation.refusals = [None, *answers]
    failed = failure(poll, ASKED.start(SINCE))
    assert says in str(failed)
    assert failed.retry_after == wait


def test_trouble_that_passes_is_not_told(organisation: Organisation) -> None:
    organisation.refusals = [None, error("unavailable"), httpx.Response(429)]
    assert poll(ASKED.start(SINCE)).more


def test_an_object_that_may_not_be_read_is_named(organisation: Organisation) -> None:
    organisation.unreadable = {"Task"}
    assert "does not show the object Task: give the API user" in str(failure(polled))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (error("grant"), "gives no access token: user hasn't approved this consumer; check that the flow is on"),
        (error("secret"), "client_secret"),
        (httpx.Response(200, json={"token_type": "Bearer"}), "no access token"),
        (httpx.Response(404, text="<html>"), "(404)"),
    ],
)
def test_no_token_is_given(organisation: Organisation, answer: httpx.Response, says: str) -> None:
    organisation.refusals = [answer]
    failed = failure(poll, ASKED.start(SINCE))
    assert says in str(failed)
    assert failed.retry_after is None


# --- one lead


def ask(*lead: ExternalId, credential: str = CREDENTIAL, **config: Any) -> Page:
    with httpx.Client() as http:
        return ASKED_ABOUT.ask_about(lead, SINCE, SalesforceConfig(**config), credential, http)


def test_one_request_tells_what_was_done_about_a_lead(organisation: Organisation) -> None:
    elsewhere = normal_id("00Q5g00000Other")
    organisation.records = [
        LEAD_RECORD,
        TASK_RECORD,
        record("Task", {**DERIVED_TASK, "Id": "00T5g00000Task2", "WhoId": elsewhere}, SystemModstamp=stamped(UNTIL)),
        record("Event", {"Id": EVENT, "WhoId": normal_id(LEAD)}, SystemModstamp=stamped(UNTIL), StartDateTime=None),
    ]
    for one in organisation.records[1:]:
        one["WhoId"] = normal_id(one["WhoId"])
    page = ask(salesforce(LEAD), ExternalId("hubspot", "51"), ExternalId("email", "taro@example.jp"))
    kinds = [event.kind.value for event in found([page])]
    assert kinds == ["lead", "status", "owner", "follow_up", "follow_up"]
    assert respx.calls.call_count == 2  # for a token, and for everything
    assert page.url == f"{HOST}{api.DATA}/composite/batch?about={normal_id(LEAD)}"
    assert (page.more, page.through) == (False, SINCE)
    assert len(organisation.asked) <= 25


def test_what_was_done_after_the_conversion_is_found_from_the_lead(organisation: Organisation) -> None:
    done = record("Task", {**DERIVED_TASK, "WhoId": normal_id(CONTACT)}, SystemModstamp=stamped(UNTIL), reached=True)
    organisation.records = [done]
    events = found([ask(salesforce(LEAD))])
    assert [(event.kind, event.lead[0]) for event in events] == [(EventKind.FOLLOW_UP, salesforce(CONTACT))]
    converted = f"FROM Lead WHERE Id IN ('{normal_id(LEAD)}'))"
    assert any(f"WhoId IN (SELECT ConvertedContactId {converted}" in question for question in organisation.asked)
    assert any(f"WhatId IN (SELECT ConvertedOpportunityId {converted}" in question for question in organisation.asked)


def test_ids_of_15_characters_and_of_another_organisation(organisation: Organisation) -> None:
    ids = [("salesforce", LEAD), ("salesforce", normal_id(LEAD)), ("salesforce", USER), ("salesforce", "x")]
    page = ask(*(ExternalId(*known) for known in [*ids, ("apac", "00Q5g00000Other")]))
    assert page.url.endswith(f"?about={normal_id(LEAD)}")
    assert "Other" not in "".join(organisation.asked)


def test_somebody_whom_salesforce_cannot_know_is_not_asked_about(organisation: Organisation) -> None:
    page = ask(ExternalId("hubspot", "51"))
    assert (found([page]), respx.calls.call_count) == ([], 0)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("o'brien@example.jp", r"'o\'brien@example.jp'"),
        ("a\\' OR Id != '@x", r"'a\\\' OR Id != \'@x'"),
        ("\\", r"'\\'"),
        ("\\\\'", r"'\\\\\''"),
        ("a\nb\u2028\x00", "'ab'"),
        ("山田@example.jp", "'山田@example.jp'"),
    ],
)
def test_nothing_in_a_text_ends_it(text: str, written: str) -> None:
    assert soql.literal(text) == written


@FUZZ
@given(st.text(alphabet="\\'\"a) \n"))
def test_any_text_stays_one_text(text: str) -> None:
    inner = soql.literal(text)[1:-1]
    assert not re.search(r"'", re.sub(r"\\[\\']", "", inner))
    assert not re.search(r"\\", re.sub(r"\\[\\']", "", inner))


def test_an_address_with_quotes_is_asked_for_as_it_is(organisation: Organisation) -> None:
    ask(ExternalId("email", "o'brien\\@example.jp"))
    assert organisation.asked
    assert all(r"Email IN ('o\'brien\\@example.jp')" in question for question in organisation.asked)


@pytest.mark.parametrize(("kind", "fails"), [("Task", True), ("Event", True), ("Lead", True), ("LeadHistory", False)])
def test_an_answer_without_what_matters_is_none(organisation: Organisation, kind: str, fails: bool) -> None:
    organisation.unreadable = {kind}
    if fails:
        assert f"object {kind}" in str(failure(ask, salesforce(LEAD)))
    else:
        assert ask(salesforce(LEAD)).body


def test_it_takes_five_seconds_at_most(organisation: Organisation) -> None:
    ask(salesforce(LEAD))
    spent = [limits["connect"] + limits["read"] for limits in organisation.timeouts]
    assert spent == sorted(spent, reverse=True)
    assert spent[0] <= polling.PATIENCE == 5
    organisation.refusals = [error("unavailable")]
    assert failure(ask, salesforce(LEAD)).retry_after == 60
    assert not organisation.refusals, "asked once"
    with httpx.Client() as http:
        late = api.Api(access.read(CREDENTIAL), http, polling.PATIENCE, began=time.monotonic() - 5)
        assert "took too long" in str(failure(late.get, "/x"))


# --- the whole way: the ledger, the clock


@pytest.fixture
def source(state: State, organisation: Organisation) -> int:
    with state.database.write() as c:
        given = {"name": "sfdc", "kind": "salesforce", "config": {}, "secret": "a-secret", "credential": CREDENTIAL}
        added = sources.add(c, state.vault, now=state.clock(), **given)
    state.directory.forget()
    return added


MQL = (ExternalId("email", "taro.yamada@example.co.jp"),)


def qualify(state: State) -> None:
    """The marketing tool knows the person by the address alone."""
    downloads = [{"activity": "download", "asset": f"wp-{n}"} for n in range(3)]
    said = [(EventKind.ACTIVITY, data) for data in downloads] + [(EventKind.SCORE, {"score": 90})]
    facts = [
        Fact(f"mql-{n}", CanonicalEvent(f"mql-{n}", kind, FRIDAY - n * MINUTE, MQL, data), FRIDAY, None, None)
        for n, (kind, data) in enumerate(said)
    ]
    with state.database.write() as c:
        apply(c, facts, state.versions.read(c), FRIDAY)


def find_out(state: State) -> str:
    """Poll, apply, sweep; the verdict."""
    while reconcile.poll_due(state.database, state.directory, state.http, state.clock(), state.stored):
        pass
    while state.ledger.drain(state.clock()):
        pass
    with state.database.read() as c:
        assert c.scalars(select(Delivery.reason).where(Delivery.state == "quarantined")).all() == []
        return str(c.scalar(select(Handoff.verdict)))


def test_the_clock_follows_the_record(state: State, clock: Clock, organisation: Organisation, source: int) -> None:
    """Called in time, though no message came; written down wrong, mended, deleted: the verdict is always the truth."""
    qualify(state)
    assert find_out(state) == "on_track"
    lead = record("Lead", DERIVED_LEAD, SystemModstamp=stamped(FRIDAY))
    done = FRIDAY + 2 * HOUR
    times = {name: stamped(done) for name in ("CompletedDateTime", "CreatedDate", "LastModifiedDate", "SystemModstamp")}
    call = record("Task", {**DERIVED_TASK, "WhoId": normal_id(LEAD)}, **times)
    organisation.records = [lead, call]
    clock.now = FRIDAY + 3 * HOUR
    assert find_out(state) == "met"

    edited = {"CompletedDateTime": stamped(FRIDAY + 20 * DAY), "SystemModstamp": stamped(FRIDAY + 20 * DAY)}
    organisation.records = [lead, call | edited]
    clock.now = FRIDAY + 20 * DAY + HOUR
    assert find_out(state) == "met_late"

    mended = call | {"SystemModstamp": stamped(FRIDAY + 21 * DAY)}
    organisation.records = [lead, mended]
    clock.now = FRIDAY + 21 * DAY + HOUR
    assert find_out(state) == "met"

    organisation.records = [lead, mended | {"IsDeleted": True, "SystemModstamp": stamped(FRIDAY + 22 * DAY)}]
    clock.now = FRIDAY + 22 * DAY + HOUR
    assert find_out(state) == "breached"
