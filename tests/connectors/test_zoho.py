"""Zoho CRM's notifications and its API: what counts as a follow-up, and the same facts whichever way they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound
from zoho_account import CLIENT, ZohoVendor, stamp

from connectors import api as tokens
from connectors.asking import Limiter
from connectors.contract import (
    AskFailed,
    AsksAboutLead,
    CanonicalEvent,
    EventKind,
    ExternalId,
    LeadStatus,
    Lookup,
    Parsed,
    Polls,
    Subscribes,
    Unverified,
    WebhookRequest,
)
from connectors.rounds import kept
from connectors.zoho.config import ZohoConfig
from connectors.zoho.connector import CONNECTOR, Zoho
from tests.connectors.journey import SalesJourney

FIXTURES = Path(__file__).parents[1] / "fixtures" / "zoho"
GENUINE = (FIXTURES / "notification_insert_docs_v7.json").read_bytes()
TOKEN = "TOKEN_FOR_VERIFICATION_OF_1000000068001"
SECRET = "whsec_" + "c" * 43 + "="
ZOHO = Zoho()
CONFIG = ZohoConfig(
    app_base="https://crm.zoho.jp/crm/org1",
    statuses={"架電済": LeadStatus.CONTACTED},
    owners={"41": "佐藤 花子"},
    attributes={"Industry": "industry", "Campaign": "campaign", "Topics": "topics"},
)
CREDENTIAL = json.dumps(CLIENT)
HOUR = timedelta(hours=1)
AT = "2026-04-01T11:00:00+09:00"
BEFORE = "2026-03-31T11:00:00+09:00"
UTC_AT = datetime(2026, 4, 1, 2, tzinfo=UTC)


def parse(body: bytes, config: ZohoConfig = CONFIG, method: str = "POST") -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest(method, "https://t.example/webhooks/z", {}, body, NOW), config)
    assert_sound(parsed)
    return parsed


def notice(**said: Any) -> bytes:
    about = {"server_time": 1775008800000, "module": "Leads", "ids": ["5"], "operation": "update", "token": SECRET}
    return json.dumps(about | {"channel_id": "10"} | said).encode()


def shown(module: str, *records: dict[str, Any], config: ZohoConfig = CONFIG) -> Parsed:
    about = {"id": "5", "Created_Time": BEFORE, "Modified_Time": AT}
    return parse(kept([(module, {"data": [about | one for one in records]})]), config, "POLL")


def activity(module: str, **said: Any) -> list[CanonicalEvent]:
    about = {"What_Id": {"id": "7"}, "$se_module": "Leads", "Owner": {"id": "41", "name": "Sato"}, "Subject": "件名"}
    parsed = shown(module, about | said)
    assert not parsed.problems
    return parsed.events


class TestZohoSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        request = CONNECTOR.sample(ZohoConfig(), SECRET, "https://t.example/webhooks/z", now)
        return request, [SECRET], ZohoConfig()

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        told = json.loads(request.body)
        del told["token"]
        return replace(request, body=json.dumps(told).encode())

    def test_garbage_in_headers_raises_nothing_but_unverified(self) -> None:  # type: ignore[override]
        """The headers prove nothing here; the token in the body does."""
        request, secrets, config = self.genuine(NOW)
        for garbage in (None, 1, [], {}, [SECRET], {"a": SECRET}, "", " ", "山田", "x" * 70_000, SECRET[:-1]):
            body = json.dumps(json.loads(request.body) | {"token": garbage}).encode()
            self.refused((replace(request, body=body), secrets, config))
        for body in (b"", b"[]", b"\xff", b"null", SECRET.encode(), b"[" * 100_000):
            self.refused((replace(request, body=body), secrets, config))

    def test_the_vendors_own_notification(self) -> None:
        request = WebhookRequest("POST", "https://t.example/webhooks/z", {}, GENUINE, NOW)
        CONNECTOR.verify(request, [TOKEN], ZohoConfig(), NOW)
        CONNECTOR.verify(request, [TOKEN], ZohoConfig(channel_id="1000000068001"), NOW)
        with pytest.raises(Unverified, match="another channel"):
            CONNECTOR.verify(request, [TOKEN], ZohoConfig(channel_id="7"), NOW)

    def test_a_channel_may_be_a_number_or_a_text(self) -> None:
        config = ZohoConfig(channel_id="1000000068001")
        for channel in (1000000068001, "1000000068001"):
            request = WebhookRequest("POST", "", {}, notice(channel_id=channel), NOW)
            CONNECTOR.verify(request, [SECRET], config, NOW)

    def test_the_token_is_not_stored(self) -> None:
        for body in (GENUINE, notice(token='with "quotes" \\ in it'), notice().replace(b'"token": ', b'"token" :')):
            stored = CONNECTOR.to_store(body)
            assert TOKEN.encode() not in stored
            assert SECRET.encode() not in stored
            assert b"quotes" not in stored
            assert json.loads(stored)["ids"] == json.loads(body)["ids"]
            assert parse(stored) == parse(body)


class TestZohoContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    @FUZZ
    @given(st.sampled_from(sorted(ZOHO.fields)), st.dictionaries(st.text(max_size=9), JSON), JSON)
    def test_any_record_parses(self, module: str, data: Any, value: Any) -> None:
        known = (*ZOHO.fields[module], "id", "Created_Time", "Modified_Time", "Score", "Lead_Status", "Industry")
        for answer in ({"data": [data, value]}, {"data": [dict.fromkeys(known, value) | {"id": "1"}]}, value):
            parse(kept([(module, answer)]), method="POLL")
        parse(kept([(module, {"deleted": [data, value], "missing": [data, value, {"id": value, "at": value}]})]))

    @FUZZ
    @given(
        st.fixed_dictionaries({"module": JSON | st.just("Calls"), "ids": JSON, "operation": JSON, "server_time": JSON})
    )
    def test_any_notice_parses(self, told: Any) -> None:
        self.parse(json.dumps(told).encode())
        self.parse(json.dumps(told | {"module": "Tasks", "operation": "delete", "ids": ["1", told["ids"]]}).encode())

    def test_a_truncated_body_is_a_problem(self) -> None:
        for end in range(0, len(GENUINE) - 2, 7):
            assert self.parse(GENUINE[:end]).problems


# --- notifications


def test_a_notification_is_a_question_for_each_record() -> None:
    assert parse(GENUINE).lookups == [Lookup("Leads", "5725767000003000064")]
    assert parse(notice(module="Deals", ids=["1", 2, "1"])).lookups == [Lookup("Deals", "1"), Lookup("Deals", "2")]


def test_the_module_counts_not_the_address_of_the_resource() -> None:
    (lookup,) = parse(notice(module="Deals", resource_uri="https://www.zohoapis.com/crm/v2/Leads")).lookups
    assert lookup.object_type == "Deals"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"ids": []}, "which records"),
        ({"ids": [None, {}, "../x"]}, "which records"),
        ({"module": ""}, "which records"),
        ({"operation": "explode"}, "no operation"),
        ({"module": "Invoices"}, None),
    ],
)
def test_what_is_not_understood_is_a_problem(said: dict[str, Any], problem: str | None) -> None:
    parsed = parse(notice(**said))
    assert not parsed.lookups
    assert [problem in one.reason for one in parsed.problems] == ([True] if problem else [])


def test_a_deleted_activity_is_taken_back_from_whomever_it_was_told_of() -> None:
    (event,) = parse(notice(module="Calls", operation="delete")).events
    assert (event.kind, event.lead, event.record) == (EventKind.RETRACTED, (), "Calls:5")
    assert event.occurred_at == datetime(2026, 4, 1, 2, tzinfo=UTC)


def test_of_a_deleted_lead_is_asked_whether_it_was_converted() -> None:
    (lookup,) = parse(notice(operation="delete")).lookups
    assert lookup == Lookup("Leads", "5", (("deleted", "1775008800000"),))


# --- people


def test_a_lead() -> None:
    owner = {"id": "41", "name": "Sato", "email": "Sato@Example.jp"}
    about = {"Full_Name": "山田 太郎", "Company": "みなと精機", "Email": "yamada@minato.example", "Owner": owner}
    more = {"Score": 86, "Lead_Status": "架電済", "Industry": "製造", "Campaign": {"id": "1", "name": "春"}}
    events = {event.kind: event for event in shown("Leads", about | more | {"Topics": ["原価", "在庫"]}).events}
    assert events[EventKind.LEAD].data == {
        "name": "山田 太郎",
        "company": "みなと精機",
        "url": "https://crm.zoho.jp/crm/org1/tab/Leads/5",
        "attributes": {"industry": "製造", "campaign": "春", "topics": "原価; 在庫"},
    }
    assert events[EventKind.LEAD].lead == (ExternalId("zoho", "5"), ExternalId("email", "yamada@minato.example"))
    assert events[EventKind.OWNER].data == {"owner": "41", "name": "佐藤 花子", "email": "sato@example.jp"}
    assert events[EventKind.SCORE].data == {"score": 86}
    assert events[EventKind.STATUS].data == {"status": LeadStatus.CONTACTED, "raw": "架電済"}
    assert {event.occurred_at for event in events.values()} == {UTC_AT}


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("Not Contacted", LeadStatus.NEW),
        ("Attempted to Contact", LeadStatus.CONTACTED),
        ("Contact in Future", LeadStatus.RECYCLED),
        ("Junk Lead", LeadStatus.DISQUALIFIED),
        ("Pre-Qualified", None),
        ("商談中", None),
    ],
)
def test_a_status_that_nobody_explained_has_no_meaning(word: str, meaning: LeadStatus | None) -> None:
    (event,) = [one for one in shown("Leads", {"Lead_Status": word}).events if one.kind is EventKind.STATUS]
    assert event.data == {"status": meaning, "raw": word}


def test_no_status_is_none() -> None:
    for word in (None, "", "-None-"):
        assert EventKind.STATUS not in {one.kind for one in shown("Leads", {"Lead_Status": word}).events}


def test_a_converted_lead_and_its_contact_are_one_person() -> None:
    became = {"Converted__s": True, "Converted_Contact": {"id": "9"}, "Converted_Date_Time": BEFORE}
    events = shown("Leads", {"Email": "a@b.example", "Lead_Status": "Contacted"} | became).events
    assert {event.lead for event in events} == {
        (ExternalId("zoho", "5"), ExternalId("zoho", "9"), ExternalId("email", "a@b.example"))
    }
    (status,) = [event for event in events if event.kind is EventKind.STATUS]
    assert status.data == {"status": LeadStatus.CONVERTED, "raw": "Converted"}
    assert status.occurred_at == UTC_AT - timedelta(days=1)


# --- what counts

DONE = {"Call_Type": "Outbound", "Outgoing_Call_Status": "Completed", "Call_Start_Time": BEFORE}


@pytest.mark.parametrize(
    ("module", "said", "kinds"),
    [
        ("Calls", DONE, ["follow_up"]),
        ("Calls", DONE | {"Call_Type": "発信", "Outgoing_Call_Status": "完了"}, ["follow_up"]),
        ("Calls", DONE | {"Outgoing_Call_Status": None}, ["follow_up"]),
        (
            "Calls",
            DONE | {"Outgoing_Call_Status": "", "Call_Start_Time": "2026-04-03T11:00:00+09:00", "Created_Time": AT},
            [],
        ),
        ("Calls", DONE | {"Outgoing_Call_Status": "Scheduled", "Created_Time": AT}, []),
        ("Calls", DONE | {"Outgoing_Call_Status": "Scheduled"}, ["retracted"]),
        ("Calls", DONE | {"Outgoing_Call_Status": "Cancelled"}, ["retracted"]),
        ("Calls", DONE | {"Call_Type": "Inbound", "Created_Time": AT}, []),
        ("Calls", DONE | {"Call_Type": "Missed"}, ["retracted"]),
        ("Calls", DONE | {"What_Id": None}, []),
        ("Calls", DONE | {"$se_module": "Deals"}, []),
        ("Calls", DONE | {"$se_module": "Deals", "Who_Id": {"id": "9"}}, ["follow_up"]),
        ("Calls", DONE | {"Who_Id": {"id": "9"}}, ["follow_up", "follow_up"]),
        ("Events", {}, ["follow_up"]),
        (
            "Events",
            {"Participants": [{"type": "contact", "participant": "9"}, {"type": "user", "participant": "41"}]},
            ["follow_up", "follow_up"],
        ),
        ("Tasks", {"Status": "Completed"}, ["follow_up"]),
        ("Tasks", {"Status": "Not Started", "Created_Time": AT}, []),
        ("Tasks", {"Status": "Deferred"}, ["retracted"]),
    ],
)
def test_only_what_one_of_ours_did_is_a_follow_up(module: str, said: dict[str, Any], kinds: list[str]) -> None:
    assert [event.kind for event in activity(module, **said)] == kinds


@pytest.mark.parametrize(
    ("module", "said", "at"),
    [
        # logged afterwards: when it says it was
        ("Calls", {"Call_Start_Time": "2026-03-30T10:00:00+09:00"}, datetime(2026, 3, 30, 1, tzinfo=UTC)),
        # planned before: its time is when it was due, so it was done when it was last changed
        ("Calls", {"Call_Start_Time": "2026-03-31T18:00:00+09:00"}, UTC_AT),
        ("Calls", {"Call_Start_Time": "2027-03-31T18:00:00+09:00"}, UTC_AT),
        ("Calls", {"Call_Start_Time": None}, UTC_AT),
        ("Events", {"Start_DateTime": "2026-04-20T10:00:00+09:00"}, UTC_AT - timedelta(days=1)),  # booked
        ("Events", {"Start_DateTime": "2026-03-20T10:00:00+09:00"}, datetime(2026, 3, 20, 1, tzinfo=UTC)),
        ("Tasks", {"Status": "Completed", "Due_Date": "2026-03-01"}, UTC_AT),
        ("Tasks", {"Status": "Completed", "Closed_Time": BEFORE}, UTC_AT - timedelta(days=1)),
    ],
)
def test_it_counts_from_when_it_was_done_not_from_when_it_was_due(
    module: str, said: dict[str, Any], at: datetime
) -> None:
    (event,) = activity(module, **(DONE | said))
    assert (event.occurred_at, event.revised_at, event.record) == (at, UTC_AT, f"{module}:5")


def test_what_a_follow_up_says() -> None:
    (event,) = activity("Calls", **DONE, Call_Result="Interested")
    told = {"by": "佐藤 花子", "outcome": "Interested", "subject": "件名"}
    assert event.data == {"channel": "call", "automated": False} | told
    (event,) = activity("Tasks", Status="Completed", Owner={"id": "42", "name": "加藤"})
    assert event.data == {"channel": "other", "automated": False, "by": "加藤", "subject": "件名"}
    (event,) = activity("Tasks", Status="Completed", Subject="Call")
    assert event.data["channel"] == "call"


def test_an_integration_is_no_person() -> None:
    config = CONFIG.model_copy(update={"automated_users": ["41"]})
    (event,) = shown("Calls", DONE | {"Who_Id": {"id": "9"}, "Owner": {"id": "41"}}, config=config).events
    assert event.data["automated"] is True


@pytest.mark.parametrize(
    ("module", "said", "where"),
    [
        ("Calls", {"Call_Type": "Giden"}, "call_types"),
        ("Calls", {"Call_Type": "Outbound", "Outgoing_Call_Status": "Erledigt"}, "progress"),
        ("Tasks", {"Status": "Erledigt"}, "progress"),
        ("Deals", {"Stage": "内示", "Contact_Name": {"id": "9"}, "Created_Time": AT}, "deal_stages"),
    ],
)
def test_a_word_that_nobody_explained_is_a_problem(module: str, said: dict[str, Any], where: str) -> None:
    parsed = shown(module, said)
    assert not parsed.events
    assert where in parsed.problems[0].reason
    config = ZohoConfig.model_validate(
        {
            "call_types": {"Giden": "outbound"},
            "progress": {"Erledigt": "done"},
            "deal_stages": {"内示": "won"},
        }
    )
    assert not shown(module, said, config=config).problems


def test_a_deal_is_an_opportunity_since_it_was_made() -> None:
    deal = {"Deal_Name": "原価管理", "Stage": "Closed Won", "Amount": 1200000, "Contact_Name": {"id": "9"}}
    opened, won = shown("Deals", deal).events
    assert (opened.data, opened.occurred_at) == ({"opportunity": "5", "state": "open"}, UTC_AT - timedelta(days=1))
    said = {"state": "won", "stage": "Closed Won", "amount": 1200000, "name": "原価管理"}
    assert (won.data, won.occurred_at) == ({"opportunity": "5"} | said, UTC_AT)
    assert {event.lead for event in (opened, won)} == {(ExternalId("zoho", "9"),)}


# --- the API


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZohoVendor]:
    monkeypatch.setattr(tokens, "TOKENS", tokens.Tokens())
    monkeypatch.setattr(Limiter, "take", lambda *_: 0.0)
    vendor = ZohoVendor(lambda: NOW)
    with respx.mock(assert_all_called=False) as router:
        for host in ("www.zohoapis.com", "accounts.zoho.com", "www.zohoapis.jp", "accounts.zoho.jp"):
            router.route(host=host).mock(side_effect=vendor.answer)
        yield vendor


def fetched(lookups: list[Lookup]) -> list[CanonicalEvent]:
    parsed = ZOHO.fetch(lookups, CONFIG, CREDENTIAL, httpx.Client())
    assert_sound(parsed)
    assert not parsed.problems
    return parsed.events


def pushed(vendor: ZohoVendor) -> list[CanonicalEvent]:
    found = []
    for sent in vendor.sent:
        parsed = parse(sent.body)
        found += [*parsed.events, *(fetched(parsed.lookups) if parsed.lookups else [])]
    return found


def polled(since: datetime = NOW - HOUR, until: datetime = NOW + HOUR) -> list[CanonicalEvent]:
    found, cursor, more = [], ZOHO.start(since), True
    while more:
        page = ZOHO.poll(json.loads(json.dumps(cursor)), until, CONFIG, CREDENTIAL, httpx.Client())
        parsed = parse(page.body, method="POLL")
        assert not parsed.problems
        found += [*parsed.events, *(fetched(parsed.lookups) if parsed.lookups else [])]
        cursor, more = page.cursor, page.more
    return found


def by_key(events: list[CanonicalEvent]) -> dict[str, CanonicalEvent]:
    return {event.key: event for event in events}


def test_what_is_polled_is_what_was_pushed(account: ZohoVendor) -> None:
    """However it was planned, done, edited and deleted in between; asked again, nothing is new."""
    for minute, lead in enumerate(("sato", "kato", "mori")):
        account.clock = lambda minute=minute: NOW - timedelta(minutes=9 - minute)
        account.person(lead, f"{lead}@example.jp", lead)
        account.call(lead)
        account.add("Events", account.tied(lead) | {"Event_Title": "打ち合わせ"})
        account.add("Tasks", account.tied(lead) | {"Status": "Completed", "Closed_Time": stamp(NOW)})
        account.plan_call(lead)
    account.clock = lambda: NOW
    account.delete("Calls", next(iter(account.records["Calls"])))
    contact = account.convert("mori")
    account.add("Deals", {"Stage": "Closed Won", "Contact_Name": {"id": contact}, "Deal_Name": "原価管理"})
    assert by_key(polled()) == by_key(pushed(account))
    assert by_key(polled()) == by_key(polled())
    assert {event.kind for event in polled()} >= {"lead", "status", "owner", "follow_up", "retracted", "opportunity"}


def test_pages_of_one_second_are_read_to_the_end(account: ZohoVendor) -> None:
    """A bulk update stamps more records with one second than a page holds."""
    for number in range(7):
        account.person(f"lead-{number}", f"lead-{number}@example.jp", "一括更新")
    assert len({event.lead for event in polled() if event.kind is EventKind.LEAD}) == 7


def test_a_token_that_zoho_forgot_is_done_without(account: ZohoVendor) -> None:
    for number in range(5):
        account.person(f"lead-{number}", f"lead-{number}@example.jp", "一括更新")
    place = {"since": (NOW - HOUR).isoformat(), "until": (NOW + HOUR).isoformat(), "object": "Leads"}
    cursor = place | {"page": {"since": stamp(NOW - timedelta(seconds=1)), "token": "offset-2"}}
    polled()
    account.refusals = [httpx.Response(400, json={"code": "INVALID_DATA", "message": "the token is expired"})]
    page = ZOHO.poll(cursor, NOW + HOUR, CONFIG, CREDENTIAL, httpx.Client())
    assert parse(page.body, method="POLL").events


def test_a_record_that_changes_while_pages_are_read_hides_no_other(account: ZohoVendor) -> None:
    for number in range(8):
        account.clock = lambda number=number: NOW - timedelta(minutes=30 - number)
        account.person(f"lead-{number}", f"lead-{number}@example.jp", "山田")
    account.clock = lambda: NOW
    changing = iter(account.people)

    def meanwhile() -> None:
        if lead := next(changing, None):
            account.owner(lead, "rep-2")

    account.meanwhile = meanwhile
    assert {event.lead[0].value for event in polled() if event.kind is EventKind.LEAD} == set(account.people.values())


def test_a_round_of_the_past_ends_where_the_next_begins(account: ZohoVendor) -> None:
    for day in range(20):
        account.clock = lambda day=day: NOW - timedelta(days=20 - day)
        account.person(f"lead-{day}", f"lead-{day}@example.jp", "山田")
    account.asked.clear()
    assert len({event.lead for event in polled(NOW - timedelta(days=21)) if event.kind is EventKind.LEAD}) == 20
    assert account.asked.count("GET /crm/v7/Leads") < 30


@pytest.mark.parametrize("way", ["pushed", "polled"])
def test_a_deleted_lead_is_excluded_and_a_converted_one_is_not(account: ZohoVendor, way: str) -> None:
    for lead in ("sato", "kato"):
        account.person(lead, f"{lead}@example.jp", lead)
    account.convert("sato")
    for lead in ("sato", "kato"):
        account.tell("Leads", "delete", account.people[lead])
        account.bins["Leads"].append({"id": account.people[lead], "deleted_time": stamp(NOW)})
    del account.records["Leads"][account.people["kato"]]
    found = polled() if way == "polled" else pushed(account)
    gone = {event.lead[0].value: event.data for event in found if event.kind is EventKind.DISPOSITION}
    assert gone == {account.people["kato"]: {"outcome": "excluded", "reason": "deleted"}}


def test_one_lead_is_asked_about_by_its_id_or_by_its_address(account: ZohoVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.person("kato", "kato@example.jp", "加藤")
    account.call("sato")
    account.add("Tasks", account.tied("sato") | {"Status": "Completed"})
    account.call("kato")
    known = account.people["sato"]
    whole = by_key(polled())
    for lead in ([ExternalId("zoho", known)], [ExternalId("email", "sato@example.jp")]):
        page = ZOHO.ask_about(lead, NOW - HOUR, CONFIG, CREDENTIAL, httpx.Client())
        events = parse(page.body, method="POLL").events
        assert {event.lead[0].value for event in events} == {known}
        assert {"status", "follow_up"} <= {event.kind for event in events}
        assert {event.key for event in events} <= set(whole)
    for strange in ("o'neil@example.jp", 'a"b@example.jp'):
        page = ZOHO.ask_about([ExternalId("email", strange)], NOW - HOUR, CONFIG, CREDENTIAL, httpx.Client())
        assert not parse(page.body, method="POLL").events


def test_a_data_centre_has_its_own_accounts_host(account: ZohoVendor) -> None:
    config = CONFIG.model_copy(update={"api_base": "https://www.zohoapis.jp"})
    assert ZOHO.check(config, CREDENTIAL, httpx.Client()).account == "山田商事"
    assert ZOHO.check(
        CONFIG, json.dumps(CLIENT | {"accounts_url": "https://accounts.zoho.com"}), httpx.Client()
    ).account


@pytest.mark.parametrize("base", ["http://www.zohoapis.com", "http://10.0.0.1"])
def test_the_credential_goes_nowhere_unencrypted(account: ZohoVendor, base: str) -> None:
    with pytest.raises(AskFailed, match="https"):
        ZOHO.check(CONFIG.model_copy(update={"api_base": base}), CREDENTIAL, httpx.Client())
    with pytest.raises(AskFailed, match="credential"):
        ZOHO.check(CONFIG, json.dumps(CLIENT | {"accounts_url": base}), httpx.Client())
    assert not account.asked
    with pytest.raises(ValidationError):
        ZohoConfig(api_base="ftp://www.zohoapis.com/x")


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "1000.refresh-token-01",
        json.dumps({"client_id": "1000.CLIENT"}),
        json.dumps(CLIENT | {"refresh_token": "1000.wrong-token-never-shown"}),
        json.dumps(CLIENT | {"client_secret": "wrong-secret-never-shown"}),
    ],
)
def test_a_wrong_credential_is_a_sentence_without_it(account: ZohoVendor, credential: str) -> None:
    with pytest.raises(AskFailed, match="credential") as failed:
        ZOHO.check(CONFIG, credential, httpx.Client())
    assert not [part for part in ("refresh-token", "never-shown", *CLIENT.values()) if part in str(failed.value)]


def test_an_access_token_that_ends_is_renewed(account: ZohoVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    assert polled()
    account.tokens[:] = ["1000.another"]
    assert polled()
    assert account.asked.count("POST /oauth/v2/token") == 2


def test_a_limit_is_waited_for(account: ZohoVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.refusals = [httpx.Response(429, headers={"retry-after": "0"}, json={"code": "TOO_MANY_REQUESTS"})]
    assert polled()
    account.refusals = [httpx.Response(429, headers={"retry-after": "900"}, json={"code": "TOO_MANY_REQUESTS"})]
    with pytest.raises(AskFailed) as failed:
        polled()
    assert failed.value.retry_after == 900


def test_check_names_the_account_its_words_and_what_is_missing(account: ZohoVendor) -> None:
    checked = ZOHO.check(CONFIG, CREDENTIAL, httpx.Client())
    assert (checked.account, checked.statuses) == ("山田商事", ("Not Contacted", "Contacted", "架電済"))
    assert [(one.place, "内示" in one.reason) for one in checked.problems] == [("Deals Stage", True)]


@pytest.mark.parametrize(
    ("scope", "places"),
    [
        ("modules", {"Leads", "Contacts", "Calls", "Events", "Tasks", "Deals", "Deals Stage"}),
        ("settings", {"settings"}),
        ("notifications", {"notifications", "Deals Stage"}),
        ("org", {"Deals Stage"}),
    ],
)
def test_a_missing_scope_is_a_sentence_that_says_what_to_do(account: ZohoVendor, scope: str, places: set[str]) -> None:
    account.scopes.remove(scope)
    checked = ZOHO.check(CONFIG, CREDENTIAL, httpx.Client())
    assert {problem.place for problem in checked.problems} == places
    missing = [problem.reason for problem in checked.problems if problem.place != "Deals Stage"]
    assert all("make a new refresh token" in reason for reason in missing)


# --- the channel

URL = "https://tasuki.example.jp/webhooks/zoho"


def subscribed(vendor: ZohoVendor, secret: str = SECRET, url: str = URL) -> datetime:
    return ZOHO.subscribe(CONFIG, secret, url, CREDENTIAL, httpx.Client(), vendor.clock())


def test_the_channel_is_made_and_prolonged(account: ZohoVendor) -> None:
    until = subscribed(account)
    assert NOW + timedelta(days=6) < until < NOW + timedelta(days=7)
    account.clock = lambda: NOW + timedelta(days=3)
    assert subscribed(account) == until + timedelta(days=3)
    ((known, channel),) = account.channels.items()
    assert known.isdigit()
    assert (channel["notify_url"], channel["token"]) == (URL, SECRET)
    assert set(channel["events"]) == {f"{module}.all" for module in ZOHO.objects}
    subscribed(account, url=URL + "-2")
    assert len(account.channels) == 2


def test_a_channel_that_zoho_forgot_is_made_anew(account: ZohoVendor) -> None:
    subscribed(account)
    account.channels.clear()
    assert subscribed(account) > NOW
    assert account.channels


def test_it_is_believed_when_zoho_says_an_hour(account: ZohoVendor) -> None:
    """A clock that goes wrong by a day makes the channel too long for Zoho."""
    account.clock = lambda: NOW - timedelta(days=1)
    until = ZOHO.subscribe(CONFIG, SECRET, URL, CREDENTIAL, httpx.Client(), NOW)
    assert until == account.clock() + HOUR


def test_what_the_channel_brings_is_believed(account: ZohoVendor) -> None:
    account.forgets = True
    account.person("sato", "sato@example.jp", "佐藤")
    assert not account.sent
    subscribed(account)
    account.call("sato")
    (sent,) = account.sent
    CONNECTOR.verify(WebhookRequest("POST", URL, {}, sent.body, NOW), [account.secret], CONFIG, NOW)
    account.clock = lambda: NOW + timedelta(days=8)
    account.call("sato")
    assert len(account.sent) == 1


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (httpx.Response(400, json={"watch": [{"code": "INVALID_DATA", "status": "error"}]}), "INVALID_DATA"),
        (httpx.Response(200, json={"watch": [{"code": "NOT_ALLOWED", "status": "error"}]}), "NOT_ALLOWED"),
        (httpx.Response(200, json={"watch": [None]}), "no answer"),
        (httpx.Response(200, json=[]), "no answer"),
    ],
)
def test_a_channel_that_is_refused_is_a_sentence(account: ZohoVendor, answer: httpx.Response, word: str) -> None:
    account.refusals = [answer, answer]
    with pytest.raises(AskFailed, match=word) as failed:
        subscribed(account)
    assert SECRET not in str(failed.value)


def test_a_secret_that_zoho_would_not_take_is_said_before(account: ZohoVendor) -> None:
    with pytest.raises(AskFailed, match="50 characters"):
        subscribed(account, "x" * 51)
    assert not account.asked


def test_schema_names_what_is_read() -> None:
    mapped = ZOHO.mapped(CONFIG)
    assert (mapped["Leads"]["Score"], mapped["Contacts"]["Industry"]) == ("score", "industry")
    body = kept([("Leads", {"data": [{"id": "5", "Email": "a@b.example"}]})])
    (one,) = ZOHO.shown(WebhookRequest("POLL", "", {}, body, NOW), CONFIG)
    assert (one.object, one.fields["Email"]) == ("Leads", "a@b.example")


def test_it_promises_what_it_can() -> None:
    assert isinstance(CONNECTOR, Polls)
    assert isinstance(CONNECTOR, AsksAboutLead)
    assert isinstance(CONNECTOR, Subscribes)


class TestZohoJourney(SalesJourney):
    vendor = ZohoVendor
