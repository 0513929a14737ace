"""Dynamics 365's webhooks and the Web API: what counts as a follow-up, and the same facts whichever way they come."""

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
from dynamics_account import CLIENT, ORGANIZATION, TENANT, DynamicsVendor, pairs, ref, shown, stamp
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors import api as tokens
from connectors.asking import Limiter
from connectors.contract import (
    AskFailed,
    AsksAboutLead,
    AsksAgain,
    CanonicalEvent,
    EventKind,
    ExternalId,
    LeadStatus,
    Lookup,
    Parsed,
    Polls,
    Unverified,
    WebhookRequest,
)
from connectors.dynamics.api import selected
from connectors.dynamics.config import DynamicsConfig
from connectors.dynamics.connector import CONNECTOR, Dynamics
from connectors.dynamics.shapes import time
from connectors.rounds import kept
from tests.connectors.journey import SalesJourney

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dynamics"
GENUINE = (FIXTURES / "contact_update_async.json").read_bytes()
SECRET = "whsec_c2VjcmV0+LW9mLWEtdG9vbC10aGF0/LWlzLWxvbmc="
URL = "https://tasuki.example.jp/webhooks/dynamics"
BASE = "https://yamada.crm7.dynamics.com"
DYNAMICS = Dynamics()
USER, LEAD, CONTACT = (f"{number}5c2dd85-e89e-e711-8122-000d3aa2331c" for number in (7, 8, 9))
ROW = "6d81597f-0f9f-e711-8122-000d3aa2331c"
CONFIG = DynamicsConfig(
    api_base=BASE,
    score_field="new_score",
    statuses={"100000001": LeadStatus.WORKING},
    owners={USER: "佐藤 花子"},
    attributes={"new_industry": "industry"},
)
CREDENTIAL = json.dumps(CLIENT | {"tenant_id": TENANT})
HOUR = timedelta(hours=1)
AT, BEFORE = datetime(2026, 4, 1, 2, tzinfo=UTC), datetime(2026, 3, 31, 2, tzinfo=UTC)
MODEL = {"createdon": stamp(BEFORE), "modifiedon": stamp(AT), "statecode": 0}


def parse(body: bytes, config: DynamicsConfig = CONFIG, method: str = "POST") -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest(method, URL, {}, body, NOW), config)
    assert_sound(parsed)
    return parsed


def notice(table: str, row: dict[str, Any], **said: Any) -> bytes:
    image = {"key": "row", "value": {"Attributes": pairs(row), "LogicalName": table}}
    about = {"MessageName": "Update", "PrimaryEntityName": table, "PrimaryEntityId": ROW.upper()}
    return json.dumps(
        about | {"OperationCreatedOn": "/Date(1775008800000+0900)/", "PostEntityImages": [image]} | said
    ).encode()


def told(table: str, config: DynamicsConfig = CONFIG, **row: Any) -> list[CanonicalEvent]:
    """As a webhook tells it; the Web API must tell the same."""
    parsed = parse(notice(table, MODEL | row), config)
    assert not parsed.problems
    assert not parsed.lookups
    key = {"lead": "leadid", "contact": "contactid", "opportunity": "opportunityid"}.get(table, "activityid")
    odata = shown(MODEL | row | {key: ROW}, selected(table, config).split(","))
    assert parse(kept([(table, {"value": [odata]})]), config, "POLL") == parsed
    return parsed.events


class TestDynamicsSecurity(SecurityTests):
    """By WebhookKey."""

    connector = CONNECTOR
    signs_body = False
    signs_time = False
    config = DynamicsConfig()

    def genuine(self, now: datetime) -> Genuine:
        return CONNECTOR.sample(self.config, SECRET, URL, now), [SECRET], self.config

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, url=URL)

    @pytest.mark.parametrize(
        "query", ["", "code=", "code", "token=" + SECRET, "Code=" + SECRET, "code=wrong", "x&code=%"]
    )
    def test_another_query_is_refused(self, query: str) -> None:
        request, secrets, config = self.genuine(NOW)
        self.refused((replace(request, url=f"{URL}?{query}"), secrets, config))

    def test_a_key_that_was_pasted_as_it_is(self) -> None:
        request, secrets, config = self.genuine(NOW)
        self.verify((replace(request, url=f"{URL}?code={SECRET}"), secrets, config))

    def test_another_organization_is_refused(self) -> None:
        request, secrets, _ = self.genuine(NOW)
        CONNECTOR.verify(request, secrets, DynamicsConfig(organization_id=ORGANIZATION.upper()), NOW)
        for body in (request.body, b"", b"[]", b"\xff"):
            with pytest.raises(Unverified, match="another organization"):
                CONNECTOR.verify(replace(request, body=body), secrets, DynamicsConfig(organization_id="1"), NOW)


class TestDynamicsQuerySecurity(TestDynamicsSecurity):
    """By HttpQueryString."""

    config = DynamicsConfig(key_name="code")


class TestDynamicsHeaderSecurity(SecurityTests):
    """By HttpHeader."""

    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        config = DynamicsConfig(key_name="X-Tasuki-Key")
        request = CONNECTOR.sample(config, SECRET, URL, now)
        return replace(request, url=URL, headers={"x-tasuki-key": SECRET}), [SECRET], config


class TestDynamicsContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    @FUZZ
    @given(st.sampled_from(sorted(DYNAMICS.fields)), JSON, JSON, st.dictionaries(st.text(max_size=9), JSON))
    def test_any_context_parses(self, table: str, value: Any, other: Any, data: Any) -> None:
        columns = [*DYNAMICS.fields[table], "createdon", "modifiedon", "new_score", "statuscode", "new_industry"]
        for values in ({"Value": value}, {"Id": value, "LogicalName": other}, value, [value, other]):
            attributes = [{"key": column, "value": values} for column in columns]
            image = [{"key": "row", "value": {"Attributes": attributes}}]
            for images in (image, [value, {"key": other, "value": value}], value):
                self.parse(notice(table, MODEL, PostEntityImages=images, OperationCreatedOn=value))
            self.parse(notice(table, MODEL, PrimaryEntityId=value, MessageName=other))
            rows = [dict.fromkeys(selected(table, CONFIG).split(","), values) | {"activityid": ROW, "leadid": ROW}]
            for answer in ({"value": [data, value, *rows]}, value):
                parse(kept([(table, answer)]), method="POLL")

    def test_a_truncated_body_is_a_problem(self) -> None:
        for end in range(0, len(GENUINE) - 2, 97):
            assert self.parse(GENUINE[:end]).problems


# --- genuine payloads


def test_the_vendors_own_message_shows_only_what_changed_so_the_row_is_read() -> None:
    assert parse(GENUINE) == Parsed(lookups=[Lookup("contact", ROW)])


def test_derived_with_an_image_of_all_columns_it_says_everything() -> None:
    context = json.loads(GENUINE)
    (target,) = context["InputParameters"]
    created = [{"key": "createdon", "value": "/Date(1506384000000-0700)/"}, {"key": "statecode", "value": {"Value": 0}}]
    image = target["value"] | {"Attributes": target["value"]["Attributes"] + created}
    context["PostEntityImages"].append({"key": "whole", "value": image})
    events = {event.kind: event for event in parse(json.dumps(context).encode()).events}
    assert events[EventKind.LEAD].lead == (ExternalId("dynamics", ROW),)
    assert events[EventKind.LEAD].data["name"] == "James Glynn (sample)"
    assert events[EventKind.LEAD].occurred_at == datetime(2017, 9, 26, 0, 4, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("/Date(1506409448000-0700)/", datetime(2017, 9, 26, 7, 4, 8, tzinfo=UTC)),
        ("/Date(1506409448000+0900)/", datetime(2017, 9, 26, 7, 4, 8, tzinfo=UTC)),  # the offset only shows it
        ("/Date(1506409448000)/", datetime(2017, 9, 26, 7, 4, 8, tzinfo=UTC)),
        ("2017-09-26T07:04:08Z", datetime(2017, 9, 26, 7, 4, 8, tzinfo=UTC)),
        ("/Date(-62135596800000)/", None),  # .NET's empty date
        ("/Date(x)/", None),
        ("", None),
        (1506409448000, None),
        ("/Date(999999999999999)/", None),
    ],
)
def test_times(written: object, at: datetime | None) -> None:
    assert time(written) == at


# --- webhooks


@pytest.mark.parametrize(
    "said",
    [
        {"PostEntityImages": []},
        {"PostEntityImages": None, "InputParameters": None},  # more than 256 KB
        {"PostEntityImages": [{"key": "AsynchronousStepPrimaryName", "value": {"Attributes": pairs(MODEL)}}]},
        {"PostEntityImages": [{"key": "row", "value": {"Attributes": pairs({"modifiedon": stamp(AT)})}}]},
        {"MessageName": "SetStateDynamicEntity", "PostEntityImages": []},
    ],
)
def test_a_row_that_is_not_shown_whole_is_read(said: dict[str, Any]) -> None:
    assert parse(notice("phonecall", MODEL, **said)) == Parsed(lookups=[Lookup("phonecall", ROW)])


@pytest.mark.parametrize("said", [{"PrimaryEntityId": None}, {"PrimaryEntityId": "5"}, {"PrimaryEntityName": ""}])
def test_a_message_without_a_row_is_a_problem(said: dict[str, Any]) -> None:
    assert [one.place for one in parse(notice("lead", MODEL, **said)).problems] == ["PrimaryEntityId"]


def test_another_table_says_nothing() -> None:
    assert parse(notice("account", MODEL)) == Parsed()


def test_a_deleted_activity_is_taken_back_from_whomever_it_was_told_of() -> None:
    (event,) = parse(notice("email", {}, MessageName="Delete", PostEntityImages=[])).events
    assert (event.kind, event.lead, event.record) == (EventKind.RETRACTED, (), f"email:{ROW}")
    assert event.occurred_at == AT


def test_a_deleted_lead_is_excluded() -> None:
    (event,) = parse(notice("lead", {}, MessageName="Delete", PostEntityImages=[])).events
    assert (event.kind, event.data) == (EventKind.DISPOSITION, {"outcome": "excluded", "reason": "deleted"})
    assert event.occurred_at == AT


# --- people


def test_a_lead() -> None:
    about = {"fullname": "山田 太郎", "companyname": "みなと精機", "emailaddress1": "Yamada@Minato.example"}
    more = {"ownerid": ref("systemuser", USER), "statuscode": 2, "new_score": 86, "new_industry": "製造"}
    events = {event.kind: event for event in told("lead", **about, **more)}
    assert events[EventKind.LEAD].data == {
        "name": "山田 太郎",
        "company": "みなと精機",
        "url": f"{BASE}/main.aspx?pagetype=entityrecord&etn=lead&id={ROW}",
        "attributes": {"industry": "製造"},
    }
    assert events[EventKind.LEAD].lead == (ExternalId("dynamics", ROW), ExternalId("email", "yamada@minato.example"))
    assert events[EventKind.OWNER].data == {"owner": USER, "name": "佐藤 花子"}
    assert events[EventKind.SCORE].data == {"score": 86}
    assert events[EventKind.STATUS].data == {"status": LeadStatus.CONTACTED, "raw": "2"}
    assert {event.occurred_at for event in events.values()} == {AT}


@pytest.mark.parametrize(
    ("state", "reason", "meaning"),
    [
        (0, 1, LeadStatus.NEW),
        (0, 2, LeadStatus.CONTACTED),
        (0, 100000001, LeadStatus.WORKING),  # configured
        (0, 100000002, None),
        (1, 3, LeadStatus.QUALIFIED),
        (1, 100000003, LeadStatus.QUALIFIED),
        (2, 4, LeadStatus.DISQUALIFIED),
        (2, 5, LeadStatus.DISQUALIFIED),
        (2, 6, LeadStatus.DISQUALIFIED),
        (2, 7, LeadStatus.DISQUALIFIED),
        (2, 100000004, LeadStatus.DISQUALIFIED),  # the company's own reason within Disqualified
    ],
)
def test_statuses(state: int, reason: int, meaning: LeadStatus | None) -> None:
    (event,) = [one for one in told("lead", statecode=state, statuscode=reason) if one.kind is EventKind.STATUS]
    assert event.data == {"status": meaning, "raw": str(reason)}


@pytest.mark.parametrize(
    ("table", "column"),
    [("lead", "parentcontactid"), ("contact", "originatingleadid"), ("lead", "masterid"), ("contact", "masterid")],
)
def test_a_qualified_lead_and_a_merged_one_are_one_person_with_what_they_became(table: str, column: str) -> None:
    events = told(table, emailaddress1="a@b.example", **{column: ref("contact", CONTACT)})
    assert {event.lead for event in events} == {
        (ExternalId("dynamics", ROW), ExternalId("dynamics", CONTACT), ExternalId("email", "a@b.example"))
    }


# --- what counts

DONE = {
    "regardingobjectid": ref("lead", LEAD),
    "ownerid": ref("systemuser", USER),
    "statecode": 1,
    "statuscode": 2,
    "directioncode": True,
    "subject": "件名",
}


@pytest.mark.parametrize(
    ("table", "said", "kinds"),
    [
        ("phonecall", {}, ["follow_up"]),
        ("phonecall", {"statecode": 0}, ["retracted"]),
        ("phonecall", {"statecode": 0, "createdon": stamp(AT)}, []),
        ("phonecall", {"statecode": 2}, ["retracted"]),
        ("phonecall", {"directioncode": False, "statuscode": 4}, ["retracted"]),
        ("phonecall", {"directioncode": False, "createdon": stamp(AT)}, []),
        ("phonecall", {"regardingobjectid": ref("contact", CONTACT)}, ["follow_up"]),
        ("phonecall", {"regardingobjectid": ref("account", CONTACT)}, []),
        ("phonecall", {"regardingobjectid": None}, []),
        ("email", {"statuscode": 3}, ["follow_up"]),
        ("email", {"statuscode": 6}, []),  # pending
        ("email", {"statuscode": 7}, []),  # sending
        ("email", {"statuscode": 4, "directioncode": False, "createdon": stamp(AT)}, []),  # the lead's reply
        ("email", {"statecode": 0, "statuscode": 1, "createdon": stamp(AT)}, []),  # a draft
        ("email", {"statecode": 0, "statuscode": 8}, ["retracted"]),  # failed
        ("task", {}, ["follow_up"]),
        ("task", {"statecode": 0, "createdon": stamp(AT)}, []),
        ("appointment", {}, ["follow_up"]),
        ("appointment", {"statecode": 3}, ["follow_up"]),
    ],
)
def test_only_what_one_of_ours_did_is_a_follow_up(table: str, said: dict[str, Any], kinds: list[str]) -> None:
    assert [event.kind for event in told(table, **(DONE | said))] == kinds


LATER, EARLIER = stamp(AT + timedelta(days=9)), stamp(BEFORE - HOUR)


@pytest.mark.parametrize(
    ("table", "said", "at"),
    [
        ("phonecall", {"actualend": stamp(AT - HOUR)}, AT - HOUR),
        ("phonecall", {"actualend": None, "scheduledend": EARLIER}, AT),
        ("phonecall", {"actualend": LATER}, AT),  # nothing is done later than it was written down
        ("email", {"statuscode": 3, "senton": stamp(AT - HOUR), "actualend": stamp(AT)}, AT - HOUR),
        ("email", {"statuscode": 3, "actualend": stamp(AT - HOUR)}, AT - HOUR),
        ("task", {"actualend": stamp(BEFORE)}, BEFORE),
        ("appointment", {"scheduledstart": LATER, "statecode": 3}, BEFORE),  # when it was booked
        ("appointment", {"scheduledstart": EARLIER, "actualend": stamp(AT)}, BEFORE - HOUR),
    ],
)
def test_it_counts_from_when_it_was_done_not_from_when_it_was_due(
    table: str, said: dict[str, Any], at: datetime
) -> None:
    (event,) = told(table, **(DONE | said))
    assert (event.occurred_at, event.revised_at, event.record) == (at, AT, f"{table}:{ROW}")
    assert event.recorded_at == BEFORE


def test_what_a_follow_up_says() -> None:
    (event,) = told("phonecall", **DONE)
    assert event.data == {"channel": "call", "automated": False, "by": "佐藤 花子", "subject": "件名"}
    assert event.lead == (ExternalId("dynamics", LEAD),)
    assert [told(table, **DONE)[0].data["channel"] for table in ("email", "appointment", "task")] == [
        "email",
        "meeting",
        "other",
    ]
    config = CONFIG.model_copy(update={"task_categories": {"架電": "call"}})
    (event,) = told("task", config, **DONE, category="架電")
    assert event.data["channel"] == "call"


def test_a_workflow_and_an_application_are_no_persons() -> None:
    (event,) = told("email", **DONE, isworkflowcreated=True)
    assert event.data["automated"] is True
    (event,) = told("email", CONFIG.model_copy(update={"automated_users": [USER]}), **DONE)
    assert event.data["automated"] is True


@pytest.mark.parametrize(
    ("said", "whose"),
    [
        ({"originatingleadid": ref("lead", LEAD), "parentcontactid": ref("contact", CONTACT)}, LEAD),
        ({"parentcontactid": ref("contact", CONTACT)}, CONTACT),
        ({"customerid": ref("contact", CONTACT)}, CONTACT),
        ({"customerid": ref("account", CONTACT)}, None),
    ],
)
def test_an_opportunity_belongs_to_the_lead_that_it_came_from(said: dict[str, Any], whose: str | None) -> None:
    values = {"name": "原価管理", "stepname": "提案", "estimatedvalue": 1200000, "actualvalue": 1100000}
    events = told("opportunity", statecode=1, **values, **said)
    assert [event.lead[0].value for event in events] == ([whose] * 2 if whose else [])
    if whose:
        opened, won = events
        assert (opened.data, opened.occurred_at) == ({"opportunity": ROW, "state": "open"}, BEFORE)
        more = {"stage": "提案", "amount": 1100000, "name": "原価管理"}
        assert (won.data, won.occurred_at) == ({"opportunity": ROW, "state": "won"} | more, AT)


# --- the API


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamicsVendor]:
    monkeypatch.setattr(tokens, "TOKENS", tokens.Tokens())
    monkeypatch.setattr(Limiter, "take", lambda *_: 0.0)
    vendor = DynamicsVendor(lambda: NOW)
    with respx.mock(assert_all_called=False) as router:
        for host in ("yamada.crm7.dynamics.com", "login.microsoftonline.com"):
            router.route(host=host).mock(side_effect=vendor.answer)
        yield vendor


def pushed(vendor: DynamicsVendor) -> list[CanonicalEvent]:
    found = []
    for sent in vendor.sent:
        parsed = parse(sent.body)
        assert not parsed.problems
        found += parsed.events
        if parsed.lookups:
            answered = DYNAMICS.fetch(parsed.lookups, CONFIG, CREDENTIAL, httpx.Client())
            assert_sound(answered)
            found += answered.events
    return found


def polled(since: datetime = NOW - HOUR, until: datetime = NOW + HOUR) -> list[CanonicalEvent]:
    found, cursor, more = [], DYNAMICS.start(since), True
    while more:
        page = DYNAMICS.poll(json.loads(json.dumps(cursor)), until, CONFIG, CREDENTIAL, httpx.Client())
        parsed = parse(page.body, method="POLL")
        assert not parsed.problems
        assert not parsed.lookups
        found += parsed.events
        cursor, more = page.cursor, page.more
    return found


def by_key(events: list[CanonicalEvent]) -> dict[str, CanonicalEvent]:
    return {event.key: event for event in events}


@pytest.mark.parametrize(("images", "oversize"), [(True, False), (False, False), (True, True)])
def test_what_is_polled_is_what_was_pushed(account: DynamicsVendor, images: bool, oversize: bool) -> None:
    account.images, account.oversize = images, oversize
    for minute, lead in enumerate(("sato", "kato", "mori")):
        account.clock = lambda minute=minute: NOW - timedelta(minutes=9 - minute)
        account.person(lead, f"{lead}@example.jp", lead)
        account.call(lead)
        account.add("email", account.tied(lead) | {"statecode": 1, "statuscode": 3, "directioncode": True})
        account.add("appointment", account.tied(lead) | {"statecode": 3, "statuscode": 5})
        account.plan_call(lead)
    deal = {"name": "原価管理", "statecode": 0, "originatingleadid": ref("lead", account.people["mori"])}
    account.add("opportunity", deal | {"estimatedvalue": 1200000})
    assert by_key(polled()) == by_key(pushed(account))
    assert by_key(polled()) == by_key(polled())
    assert {event.kind for event in polled()} == {"lead", "status", "owner", "follow_up", "opportunity"}


def test_pages_of_one_second_are_read_to_the_end(account: DynamicsVendor) -> None:
    """A bulk edit stamps more rows with one second than a page holds."""
    for number in range(7):
        account.person(f"lead-{number}", f"lead-{number}@example.jp", "一括更新")
    assert len({event.lead for event in polled() if event.kind is EventKind.LEAD}) == 7


def test_a_row_that_changes_while_pages_are_read_hides_no_other(account: DynamicsVendor) -> None:
    for number in range(8):
        account.clock = lambda number=number: NOW - timedelta(minutes=30 - number)
        account.person(f"lead-{number}", f"lead-{number}@example.jp", "山田")
    account.clock = lambda: NOW + timedelta(minutes=1)
    changing = iter(account.people)

    def meanwhile() -> None:
        if lead := next(changing, None):
            account.owner(lead, "rep-2")

    account.meanwhile = meanwhile
    seen = [*polled(until=NOW), *polled(NOW)]
    assert {event.lead[0].value for event in seen if event.kind is EventKind.LEAD} == set(account.people.values())


def test_a_next_link_to_another_host_is_not_followed(account: DynamicsVendor) -> None:
    elsewhere = httpx.Response(
        200, json={"value": [], "@odata.nextLink": "https://elsewhere.example/api/data/v9.2/leads"}
    )
    cursor = DYNAMICS.start(NOW)
    DYNAMICS.check(CONFIG, CREDENTIAL, httpx.Client())
    account.refusals = [elsewhere]
    page = DYNAMICS.poll(cursor, NOW + HOUR, CONFIG, CREDENTIAL, httpx.Client())
    with pytest.raises(AskFailed, match="not its own"):
        DYNAMICS.poll(page.cursor, NOW + HOUR, CONFIG, CREDENTIAL, httpx.Client())


def test_deleted_activities_are_asked_for_by_their_ids(account: DynamicsVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    calls = [account.call("sato") for _ in range(60)]  # more than one question takes
    account.add("task", account.tied("sato") | {"statecode": 1})
    names = sorted({event.record or "" for event in polled() if event.kind is EventKind.FOLLOW_UP})
    assert len(names) == 61
    account.delete("phonecall", calls[7])
    page = DYNAMICS.ask_again(names, CONFIG, CREDENTIAL, httpx.Client(), NOW)
    (event,) = parse(page.body, method="POLL").events
    assert (event.kind, event.lead, event.record) == (EventKind.RETRACTED, (), f"phonecall:{calls[7]}")


class Tracking:
    """Polls of a source that tracks deletions, one after the other."""

    def __init__(self, *tables: str) -> None:
        self.config = CONFIG.model_copy(update={"change_tracking": list(tables)})
        self.cursor, self.until = DYNAMICS.start(NOW - HOUR), NOW

    def poll(self) -> list[CanonicalEvent]:
        found, more = [], True
        self.until += timedelta(minutes=10)
        while more:
            page = DYNAMICS.poll(self.cursor, self.until, self.config, CREDENTIAL, httpx.Client())
            found += parse(page.body, self.config, "POLL").events
            self.cursor, more = json.loads(json.dumps(page.cursor)), page.more
        return found

    def gone(self) -> list[tuple[str, str | None]]:
        kinds = (EventKind.RETRACTED, EventKind.DISPOSITION)
        return [(event.kind, event.record or event.lead[0].value) for event in self.poll() if event.kind in kinds]


def test_tracked_deletions_are_found_although_every_webhook_was_lost(account: DynamicsVendor) -> None:
    account.tracks = {"lead", "phonecall"}
    for number in range(7):  # more than a page
        account.person(f"lead-{number}", f"lead-{number}@example.jp", "山田")
    calls = [account.call("lead-0") for _ in range(5)]
    source = Tracking("lead", "phonecall")
    assert source.gone() == []
    for known in calls[:3]:
        account.delete("phonecall", known)
    account.delete("lead", account.people["lead-6"])
    wanted = [("disposition", account.people["lead-6"]), *(("retracted", f"phonecall:{id_}") for id_ in calls[:3])]
    assert source.gone() == wanted
    assert source.gone() == []


def test_a_delta_link_that_was_forgotten_is_begun_anew(account: DynamicsVendor) -> None:
    account.tracks = {"lead"}
    account.person("sato", "sato@example.jp", "佐藤")
    source = Tracking("lead")
    source.poll()
    source.cursor["links"]["lead"] = f"{BASE}/api/data/v9.2/leads?$select=leadid&$deltatoken=forgotten"
    assert source.gone() == []
    account.delete("lead", account.people["sato"])
    assert source.gone() == [("disposition", account.people["sato"])]


def test_a_delta_link_to_another_host_is_not_followed(account: DynamicsVendor) -> None:
    account.tracks = {"lead"}
    source = Tracking("lead")
    source.cursor["links"] = {"lead": "https://elsewhere.example/api/data/v9.2/leads?$deltatoken=1"}
    source.poll()  # the router knows the environment's own host alone: the table is read anew there
    assert "elsewhere" not in source.cursor["links"]["lead"]


def test_a_table_that_tracks_no_changes_is_named(account: DynamicsVendor) -> None:
    account.tracks = {"lead"}
    source = Tracking("lead", "task")
    (problem,) = DYNAMICS.check(source.config, CREDENTIAL, httpx.Client()).problems
    assert problem.place == "task"
    assert "take it out of change_tracking" in problem.reason
    with pytest.raises(AskFailed, match="turn on Track changes"):
        source.poll()
    with pytest.raises(ValidationError):
        DynamicsConfig(change_tracking=["account"])  # type: ignore[list-item]


def test_one_lead_is_asked_about_by_its_id_or_by_its_address(account: DynamicsVendor) -> None:
    account.person("sato", "o'sato@example.jp", "佐藤")
    account.person("kato", "kato@example.jp", "加藤")
    for lead in ("sato", "kato"):
        account.call(lead)
        account.add("email", account.tied(lead) | {"statecode": 1, "statuscode": 3, "directioncode": True})
    known, whole = account.people["sato"], by_key(polled())
    for lead in ([ExternalId("dynamics", known)], [ExternalId("email", "o'sato@example.jp")]):
        page = DYNAMICS.ask_about(lead, NOW - HOUR, CONFIG, CREDENTIAL, httpx.Client())
        events = parse(page.body, method="POLL").events
        assert {event.lead[0].value for event in events} == {known}
        assert {event.kind for event in events} == {"lead", "status", "owner", "follow_up"}
        assert {event.key for event in events} <= set(whole)
    nobody = DYNAMICS.ask_about([ExternalId("other", "1")], NOW, CONFIG, CREDENTIAL, httpx.Client())
    assert parse(nobody.body, method="POLL") == Parsed()


@pytest.mark.parametrize("base", ["http://yamada.crm7.dynamics.com", "http://10.0.0.1", ""])
def test_the_credential_goes_nowhere_unencrypted(account: DynamicsVendor, base: str) -> None:
    with pytest.raises(AskFailed, match="api_base"):
        DYNAMICS.check(CONFIG.model_copy(update={"api_base": base}), CREDENTIAL, httpx.Client())
    login = {"tenant_id": TENANT, "login_url": "http://login.example"}
    with pytest.raises(AskFailed, match="credential"):
        DYNAMICS.check(CONFIG, json.dumps(CLIENT | login), httpx.Client())
    assert not account.asked
    with pytest.raises(ValidationError):
        DynamicsConfig(api_base="ftp://yamada.crm7.dynamics.com/x")


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "dataverse~client~secret~01",
        json.dumps(CLIENT),
        json.dumps(CLIENT | {"tenant_id": "../never-shown"}),
        json.dumps(CLIENT | {"tenant_id": TENANT, "client_secret": "wrong-secret-never-shown"}),
    ],
)
def test_a_wrong_credential_is_a_sentence_without_it(account: DynamicsVendor, credential: str) -> None:
    with pytest.raises(AskFailed, match="credential") as failed:
        DYNAMICS.check(CONFIG, credential, httpx.Client())
    assert not [part for part in ("never-shown", *CLIENT.values()) if part in str(failed.value)]


def test_an_access_token_that_ends_is_renewed(account: DynamicsVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    assert polled()
    account.tokens[:] = ["another"]
    assert polled()
    assert account.asked.count(f"POST /{TENANT}/oauth2/v2.0/token") == 2


def test_a_limit_is_waited_for(account: DynamicsVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.refusals = [httpx.Response(429, headers={"retry-after": "0"})]
    assert polled()
    account.refusals = [httpx.Response(429, headers={"retry-after": "300"})]
    with pytest.raises(AskFailed) as failed:
        polled()
    assert failed.value.retry_after == 300


def test_check_names_the_environment_its_open_statuses_and_what_is_missing(account: DynamicsVendor) -> None:
    checked = DYNAMICS.check(CONFIG, CREDENTIAL, httpx.Client())
    assert checked.account == f"yamada.crm7.dynamics.com {ORGANIZATION}"
    assert checked.statuses == ("1", "100000001")
    assert not checked.problems
    who = [httpx.Response(200, json={"OrganizationId": ORGANIZATION})]
    account.refusals = [*who, httpx.Response(403, json={"error": {"message": "missing prvReadLead privilege"}})]
    (problem,) = DYNAMICS.check(CONFIG, CREDENTIAL, httpx.Client()).problems
    assert problem.place == "lead"
    assert "permission" in problem.reason


def test_a_column_that_is_not_there_is_named(account: DynamicsVendor) -> None:
    config = CONFIG.model_copy(update={"score_field": "new_scroe"})
    problems = DYNAMICS.check(config, CREDENTIAL, httpx.Client()).problems
    assert {problem.place for problem in problems} == {"lead", "contact"}
    assert all("has no column new_scroe" in problem.reason for problem in problems)


def test_the_sample_has_the_sources_own_columns() -> None:
    request = CONNECTOR.sample(CONFIG, SECRET, URL, NOW)
    events = {event.kind: event.data for event in parse(request.body).events}
    assert events[EventKind.SCORE] == {"score": 86}
    assert events[EventKind.STATUS] == {"status": LeadStatus.WORKING, "raw": "100000001"}
    assert events[EventKind.LEAD]["attributes"] == {"industry": "製造"}


def test_schema_names_what_is_read() -> None:
    mapped = DYNAMICS.mapped(CONFIG)
    assert (mapped["lead"]["new_score"], mapped["lead"]["statuscode"]) == ("score", "status")
    (one,) = DYNAMICS.shown(WebhookRequest("POST", URL, {}, notice("lead", MODEL | {"fullname": "x"}), NOW), CONFIG)
    assert (one.object, one.fields["fullname"]) == ("lead", "x")


def test_it_promises_what_it_can() -> None:
    assert isinstance(CONNECTOR, Polls)
    assert isinstance(CONNECTOR, AsksAboutLead)
    assert isinstance(CONNECTOR, AsksAgain)


class TestDynamicsJourney(SalesJourney):
    vendor = DynamicsVendor
