"""What HubSpot's webhooks told and what Tasuki asked for by itself are the same facts, in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
import respx
from hubspot_account import HOST, MORNING, PORTAL, SECOND, Account, HubSpotVendor, iso, ms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journey import SalesJourney
from security import JSON, assert_sound

from connectors.contract import (
    AskFailed,
    AsksAboutLead,
    AsksAgain,
    CanonicalEvent,
    EventKind,
    ExternalId,
    Page,
    Parsed,
    Polls,
    WebhookRequest,
)
from connectors.hubspot.api import Api
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.connector import CONNECTOR, HubSpot

HUBSPOT = HubSpot()
CONFIG = HubSpotConfig(
    portal_id=PORTAL,
    score_property="our_score",
    attributes={"industry": "industry"},
    activity_properties={"last_download": "download"},
)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CALL = {"hs_timestamp": iso(MORNING), "hs_call_direction": "OUTBOUND", "hs_call_status": "COMPLETED"}
MAIL = {"hs_timestamp": iso(MORNING), "hs_email_direction": "EMAIL", "hs_email_status": "SENT"}
TASK = {"hs_task_type": "CALL", "hs_task_status": "NOT_STARTED", "hs_timestamp": iso(MORNING + timedelta(days=2))}
MEETING = {"hs_meeting_start_time": iso(MORNING + DAY), "hs_meeting_outcome": "SCHEDULED"}
CREDENTIALS = count()
HTTP = httpx.Client()


@pytest.fixture
def account() -> Iterator[Account]:
    with connected(MORNING) as known:
        yield known


class connected:
    """An account behind the wire."""

    def __init__(self, now: datetime) -> None:
        self.account, self.router = Account(now), respx.MockRouter(assert_all_called=False)

    def __enter__(self) -> Account:
        self.router.start()
        self.router.route(host=HOST).mock(side_effect=self.account.answer)
        return self.account

    def __exit__(self, *_: object) -> None:
        self.router.stop(quiet=True)


def credential() -> str:
    """Another one for each call: HubSpot's limits count by it, and nobody wants to wait for them here."""
    return f"pat-na1-{next(CREDENTIALS)}"


def poll_page(cursor: dict[str, Any], until: datetime, config: HubSpotConfig = CONFIG) -> Page:
    return HUBSPOT.poll(cursor, until, config, credential(), HTTP)


def pages_since(since: datetime, until: datetime, config: HubSpotConfig = CONFIG) -> Iterator[Page]:
    cursor, more = HUBSPOT.start(since), True
    while more:
        page = poll_page(json.loads(json.dumps(cursor)), until, config)
        yield page
        cursor, more = page.cursor, page.more


def read_page(page: Page, config: HubSpotConfig = CONFIG) -> Parsed:
    return parse("POLL", page.body, config)


def parse(method: str, body: bytes, config: HubSpotConfig = CONFIG) -> Parsed:
    url = "https://tasuki.example.jp/webhooks/hubspot"
    parsed = CONNECTOR.parse(WebhookRequest(method, url, {}, body, MORNING), config)
    assert_sound(parsed)
    return parsed


def polled(since: datetime, until: datetime, config: HubSpotConfig = CONFIG) -> list[CanonicalEvent]:
    found = [read_page(page, config) for page in pages_since(since, until, config)]
    assert [parsed.problems for parsed in found if parsed.problems or parsed.lookups] == []
    return [event for parsed in found for event in parsed.events]


def pushed(notifications: list[dict[str, Any]], config: HubSpotConfig = CONFIG) -> Parsed:
    """What a delivery says together with what HubSpot answers when it is asked back."""
    parsed = parse("POST", json.dumps(notifications).encode(), config)
    if parsed.lookups:
        answered = CONNECTOR.fetch(parsed.lookups, config, credential(), HTTP)
        assert_sound(answered)
        parsed = Parsed(parsed.events + answered.events, parsed.problems + answered.problems)
    return parsed


def of_kind(events: Iterable[CanonicalEvent], *kinds: EventKind) -> list[CanonicalEvent]:
    return [event for event in events if event.kind in kinds]


def in_force(events: Iterable[CanonicalEvent]) -> set[tuple[Any, ...]]:
    """The facts that count: of a record its newest revision."""
    newest: dict[Any, CanonicalEvent] = {}
    for event in events:
        about = (event.record, event.lead) if event.record else event.key
        known = newest.get(about)
        if known is None or (event.revised_at, event.key) > (known.revised_at, known.key):
            newest[about] = event
    return {plain(event) for event in newest.values()}


def plain(event: CanonicalEvent) -> tuple[Any, ...]:
    data = json.dumps(event.data, sort_keys=True)
    return (
        event.key,
        event.kind,
        event.occurred_at,
        event.recorded_at,
        event.lead,
        event.record,
        event.revised_at,
        data,
    )


# --- pushed and polled agree ------------------------------------------------------------------------------------

IDS = st.sampled_from([51, 52])
VALUES = {
    "our_score": ["40", "82", "90"],
    "hubspot_owner_id": ["77", "78", ""],
    "hs_lead_status": ["NEW", "IN_PROGRESS", "CONNECTED", "見積中"],
    "lifecyclestage": ["marketingqualifiedlead", "salesqualifiedlead", "opportunity"],
    "company": ["株式会社みなと精機", "みなと精機"],
    "email": ["yamada@example.co.jp", "t.yamada@example.co.jp"],
    "industry": ["製造", "卸売"],
    "last_download": ["導入事例集", "料金表"],
    "firstname": ["太郎"],
    "lastname": ["山田", "山本"],
}
EDITS = {
    "calls": st.sampled_from(
        [
            {"hs_timestamp": iso(MORNING - HOUR)},
            {"hs_timestamp": iso(MORNING + HOUR)},
            {"hs_call_status": "NO_ANSWER"},
            {"hs_call_status": "CANCELED"},
            {"hs_call_direction": "INBOUND"},
        ]
    ),
    "emails": st.sampled_from([{"hs_email_status": "BOUNCED"}, {"hs_timestamp": iso(MORNING - HOUR)}]),
    "meetings": st.sampled_from([{"hs_meeting_outcome": "COMPLETED"}, {"hs_meeting_outcome": "CANCELED"}]),
    "tasks": st.sampled_from(
        [
            {"hs_task_status": "COMPLETED", "hs_task_completion_date": iso(MORNING + MINUTE)},
            {"hs_task_status": "COMPLETED"},
            {"hs_task_status": "NOT_STARTED"},
            {"hs_task_type": "TODO"},
        ]
    ),
    "deals": st.sampled_from([{"dealstage": "presentation"}, {"dealstage": "closedwon"}]),
}
DEAL = {"dealstage": "appointmentscheduled"}
FIRST = {"calls": CALL, "emails": MAIL, "meetings": MEETING, "tasks": TASK, "deals": DEAL}
BINNED = st.sampled_from(["calls", "emails", "meetings", "tasks"])
KINDS = st.sampled_from(sorted(EDITS))
SETS = st.sampled_from([(name, value) for name, values in VALUES.items() for value in values])
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), IDS, SETS),
        st.tuples(st.just("add"), KINDS, st.integers(1, 3), st.lists(IDS, unique=True, min_size=1)),
        KINDS.flatmap(lambda kind: st.tuples(st.just("edit"), st.just(kind), st.integers(1, 3), EDITS[kind])),
        st.tuples(st.just("delete"), BINNED, st.integers(1, 3)),
        st.tuples(st.just("restore"), BINNED, st.integers(1, 3)),
    ),
    max_size=12,
)
WORLDS = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def act(account: Account, what: tuple[Any, ...]) -> None:
    """Do it, where it can be done."""
    account.now += 7 * SECOND
    match what:
        case ("set", contact, (name, value)):
            account.set("contacts", contact, {name: value})
        case ("add", objects, id_, contacts) if id_ not in account.records[objects]:
            account.add(objects, id_, FIRST[objects], contacts)
        case ("edit", objects, id_, change) if exists(account, objects, id_):
            account.set(objects, id_, change)
        case ("delete", objects, id_) if exists(account, objects, id_):
            account.delete(objects, id_)
        case ("restore", objects, id_) if id_ in account.records[objects] and not exists(account, objects, id_):
            account.restore(objects, id_)


def exists(account: Account, objects: str, id_: int) -> bool:
    return id_ in account.records[objects] and not account.records[objects][id_].archived


def lived(account: Account, acts: list[tuple[Any, ...]]) -> list[list[CanonicalEvent]]:
    """What each act's webhooks told; two contacts are there from the beginning."""
    heard = []
    for what in (("new", 51), ("new", 52), *acts):
        if what[0] == "new":
            account.add("contacts", what[1], {"email": f"c{what[1]}@example.co.jp", "our_score": "10"})
        else:
            act(account, what)
        heard.append(pushed(account.taken()).events)
    return heard


@WORLDS
@given(ACTS)
def test_what_is_polled_was_pushed_under_the_same_keys(acts: list[tuple[Any, ...]]) -> None:
    with connected(MORNING) as account:
        told = {event.key: event for heard in lived(account, acts) for event in heard}
        asked = polled(MORNING - HOUR, account.now + HOUR)
        assert {event.key for event in asked} <= set(told)
        assert {plain(event) for event in asked} <= {plain(event) for event in told.values()}
        # and the other way round: all that is in force and not in the bin was found by asking
        binned = {event.record for event in of_kind(told.values(), EventKind.RETRACTED)}
        only_pushed = in_force(told.values()) - in_force(asked)
        assert {key for key, *_, record, _revised, _data in only_pushed if record not in binned} <= outdated(told)


def outdated(told: dict[str, CanonicalEvent]) -> set[str]:
    """Profiles that another one replaced, and names that were told in passing."""
    return {key for key in told if ":profile:" in key or ":firstname:" in key or ":lastname:" in key}


@WORLDS
@given(ACTS, st.data())
def test_lost_webhooks_are_made_up_for(acts: list[tuple[Any, ...]], data: st.DataObject) -> None:
    """All but those of a deletion: what is in the bin cannot be searched."""
    with connected(MORNING) as account:
        heard = lived(account, acts)
        whole = [event for one in heard for event in one]
        kept = [
            event
            for one, what in zip(heard, [("new",), ("new",), *acts], strict=True)
            for event in one
            if what[0] in ("delete", "restore") or data.draw(st.booleans())
        ]
        again = [*kept, *polled(MORNING - HOUR, account.now + HOUR)]
        counting = {fact for fact in in_force(whole) if fact[0] not in outdated({e.key: e for e in whole})}
        in_bin = {
            f"{objects}:{id_}"
            for objects in FIRST
            for id_ in account.records[objects]
            if not exists(account, objects, id_)
        }
        assert {fact for fact in counting if fact[5] not in in_bin} <= in_force(again)
        assert last_profiles(again) == last_profiles(whole)


def last_profiles(events: Iterable[CanonicalEvent]) -> dict[Any, tuple[Any, ...]]:
    profiles = sorted((e for e in events if ":profile:" in e.key), key=lambda e: e.occurred_at)
    return {event.lead[0]: plain(event) for event in profiles}


# --- edits and deletions ----------------------------------------------------------------------------------------


def known_call(account: Account, **rest: str) -> list[CanonicalEvent]:
    account.add("contacts", 51, {"email": "yamada@example.co.jp"})
    account.add("calls", 900, CALL | rest, [51])
    return of_kind(pushed(account.taken()).events, EventKind.FOLLOW_UP)


def test_edited_call_is_another_revision_of_its_record(account: Account) -> None:
    [first] = known_call(account)
    account.now += HOUR
    account.set("calls", 900, {"hs_timestamp": iso(MORNING - HOUR)})
    [edited] = of_kind(pushed(account.taken()).events, EventKind.FOLLOW_UP)
    assert (first.record, edited.record) == ("calls:900", "calls:900")
    assert (first.revised_at, edited.revised_at) == (MORNING, MORNING + HOUR)
    assert (first.occurred_at, edited.occurred_at) == (MORNING, MORNING - HOUR)
    assert first.key != edited.key
    [asked] = of_kind(polled(MORNING, MORNING + DAY), EventKind.FOLLOW_UP)
    assert plain(asked) == plain(edited)


@pytest.mark.parametrize(
    ("objects", "first", "edit", "reason"),
    [
        ("calls", CALL, {"hs_call_direction": "INBOUND"}, "inbound"),
        ("calls", CALL, {"hs_call_status": "CANCELED"}, "canceled"),
        ("emails", MAIL, {"hs_email_status": "BOUNCED"}, "bounced"),
    ],
)
def test_edit_that_makes_it_no_follow_up_takes_it_back(
    account: Account, objects: str, first: dict[str, str], edit: dict[str, str], reason: str
) -> None:
    account.add("contacts", 51, {})
    account.add(objects, 900, first, [51])
    account.taken()
    account.now += HOUR
    account.set(objects, 900, edit)
    [gone] = of_kind(pushed(account.taken()).events, EventKind.RETRACTED)
    assert (gone.record, gone.data, gone.revised_at) == (f"{objects}:900", {"reason": reason}, account.now)
    assert of_kind(polled(MORNING, MORNING + DAY), EventKind.RETRACTED, EventKind.FOLLOW_UP) == [gone]


@pytest.mark.parametrize(
    ("objects", "properties"),
    [
        ("emails", MAIL | {"hs_email_direction": "INCOMING_EMAIL"}),
        ("emails", MAIL | {"hs_email_status": "SCHEDULED"}),
        ("calls", CALL | {"hs_call_status": "RINGING"}),
    ],
)
def test_what_never_counted_is_not_taken_back(account: Account, objects: str, properties: dict[str, str]) -> None:
    account.add("contacts", 51, {})
    account.add(objects, 900, properties, [51])
    assert of_kind(pushed(account.taken()).events, EventKind.RETRACTED, EventKind.FOLLOW_UP) == []


@pytest.mark.parametrize(
    ("objects", "first", "named"),
    [("calls", CALL, {}), ("emails", MAIL, {}), ("meetings", MEETING, {}), ("calls", CALL, {"call.deletion": True})],
)
def test_deletion_takes_the_record_back_for_each_contact(
    account: Account, objects: str, first: dict[str, str], named: dict[str, bool]
) -> None:
    for contact in (51, 52):
        account.add("contacts", contact, {})
    account.add(objects, 900, first, [51, 52])
    account.taken()
    account.now += HOUR
    account.delete(objects, 900)
    notifications = account.taken()
    for kind in named:  # the older form, which names the object in the subscription
        notifications = [{**notifications[0], "subscriptionType": kind, "objectTypeId": None}]
    gone = of_kind(pushed(notifications).events, EventKind.RETRACTED)
    assert [event.lead for event in gone] == [(ExternalId("hubspot", "51"),), (ExternalId("hubspot", "52"),)]
    for event in gone:
        assert (event.record, event.occurred_at, event.revised_at) == (f"{objects}:900", account.now, account.now)
        assert event.data == {"reason": "deleted"}


def test_deletion_whose_contacts_nobody_knows_is_left_to_the_ledger(account: Account) -> None:
    known_call(account)
    account.bin_knows_contacts = False
    account.delete("calls", 900)
    parsed = pushed(account.taken())
    [gone] = of_kind(parsed.events, EventKind.RETRACTED)
    assert (gone.lead, gone.record, parsed.problems) == ((), "calls:900", [])


def test_restored_call_counts_again_although_nothing_in_it_changed(account: Account) -> None:
    [first] = known_call(account)
    account.now += HOUR
    account.delete("calls", 900)
    gone = of_kind(pushed(account.taken()).events, EventKind.RETRACTED)
    account.now += HOUR
    account.restore("calls", 900)
    back = of_kind(pushed(account.taken()).events, EventKind.FOLLOW_UP)
    assert {fact[:3] for fact in in_force([first, *gone])} == {(gone[0].key, "retracted", gone[0].occurred_at)}
    assert {fact[:3] for fact in in_force([*back, first, *gone])} == {(back[0].key, "follow_up", first.occurred_at)}


@pytest.mark.parametrize("turn", [1, -1])
def test_of_a_deletion_and_a_restoration_in_one_delivery_the_later_one_counts(account: Account, turn: int) -> None:
    known_call(account)
    account.delete("calls", 900)
    account.now += SECOND
    account.restore("calls", 900)
    told = {(event.kind, event.revised_at) for event in pushed(account.taken()[::turn]).events if event.record}
    assert told == {(EventKind.FOLLOW_UP, account.now)}


def test_deletion_needs_no_credential(account: Account) -> None:
    """Without one no call was ever known, so there is nothing to take back."""
    known_call(account)
    account.delete("calls", 900)
    [lookup] = parse("POST", json.dumps(account.taken()).encode()).lookups
    assert lookup.optional
    account.restore("calls", 900)
    [lookup] = parse("POST", json.dumps(account.taken()).encode()).lookups
    assert not lookup.optional


# --- paging -----------------------------------------------------------------------------------------------------


def test_the_order_of_a_round_and_how_far_it_has_read(account: Account) -> None:
    until = MORNING + 10 * MINUTE
    pages = list(pages_since(MORNING, until))
    read = [json.loads(json.dumps(page.cursor)).get("object") for page in pages]
    objects = ["contacts", "calls", "emails", "meetings", "tasks", "deals"]
    assert read == [*objects[1:], None]
    assert [path.split("/")[2] for path, _ in account.asked] == objects
    assert [page.more for page in pages] == [True] * 5 + [False]
    assert [page.through for page in pages] == [MORNING] * 5 + [until - MINUTE]
    assert pages[-1].cursor == HUBSPOT.start(until)
    assert all("pat-na1" not in page.url and page.url.startswith("https://api.hubapi.com/crm/") for page in pages)


def test_a_round_reads_a_little_of_the_one_before_again(account: Account) -> None:
    *_, last = pages_since(MORNING, MORNING + HOUR)
    account.now = MORNING + HOUR - 4 * MINUTE
    known_call(account)  # found late by the search
    first = poll_page(last.cursor, MORNING + 2 * HOUR)
    second = poll_page(first.cursor, MORNING + 2 * HOUR)
    assert of_kind(read_page(first).events, EventKind.LEAD)
    assert of_kind(read_page(second).events, EventKind.FOLLOW_UP)


def test_a_long_past_is_read_in_rounds(account: Account) -> None:
    """And each round's end is a moment before which nothing is missing."""
    account.now = MORNING - 20 * DAY
    known_call(account)
    pages = list(pages_since(MORNING - 30 * DAY, MORNING))
    assert [page.through for page in pages if "object" not in page.cursor] == [
        *(MORNING - (30 - 7 * n) * DAY for n in range(1, 5)),
        MORNING - MINUTE,
    ]
    assert [page.more for page in pages].count(False) == 1
    assert sum(len(of_kind(read_page(page).events, EventKind.FOLLOW_UP)) for page in pages) == 1


def many(account: Account, number: int, step: timedelta) -> None:
    account.add("contacts", 51, {})
    for n in range(number):
        account.now += step
        account.add("calls", 1000 + n, CALL, [51])
    account.taken()


@pytest.mark.parametrize(
    ("number", "step"),
    [(199, SECOND), (200, SECOND), (201, SECOND), (400, SECOND), (450, timedelta(0)), (200, timedelta(0))],
)
def test_every_record_is_found_whatever_the_pages(account: Account, number: int, step: timedelta) -> None:
    many(account, number, step)
    found = of_kind(polled(MORNING - HOUR, account.now + HOUR), EventKind.FOLLOW_UP)
    assert {event.record for event in found} == {f"calls:{1000 + n}" for n in range(number)}


def test_more_than_hubspot_lets_anybody_page_through(account: Account) -> None:
    """10,450 calls, of which 450 were changed at the same moment, as after a mass edit."""
    many(account, 5_000, SECOND)
    many(account, 450, timedelta(0))
    for n in range(5_000):
        account.now += SECOND
        account.add("calls", 10_000 + n, CALL, [51])
    pages = list(pages_since(MORNING - HOUR, account.now + HOUR))
    told = [one for page in pages for one in json.loads(page.body)["parts"] if one["object"] == "calls"]
    found = {record["id"] for one in told for answer in one["answers"] for record in answer["results"]}
    assert found == {str(id_) for id_ in account.records["calls"]}
    assert len(pages) < 70
    assert not any("after" in question for path, question in account.asked if path.endswith("search"))


def test_a_record_that_is_changed_while_pages_are_read_pushes_no_other_out(account: Account) -> None:
    many(account, 600, SECOND)
    until, turn = account.now + HOUR, count()

    def somebody_edits() -> None:
        account.now += SECOND
        account.set("calls", 1000 + next(turn), {"hs_call_title": "二回目"})

    account.meanwhile = somebody_edits
    found = of_kind(polled(MORNING - HOUR, until), EventKind.FOLLOW_UP)
    assert {event.record for event in found} == {f"calls:{1000 + n}" for n in range(600)}


def test_contacts_are_read_fifty_at_a_time_because_of_their_histories(account: Account) -> None:
    for id_ in range(1, 121):
        account.add("contacts", id_, {"our_score": "50"})
    assert len(of_kind(polled(MORNING - HOUR, MORNING + HOUR), EventKind.SCORE)) == 120
    sizes = [len(question["inputs"]) for path, question in account.asked if path.endswith("batch/read")]
    assert sizes == [50, 50, 20]


def test_history_from_the_value_that_was_in_force(account: Account) -> None:
    account.add("contacts", 51, {"hubspot_owner_id": "70"})
    for day, owner in ((10, "71"), (20, "72"), (30, "73")):
        account.now = MORNING + day * DAY
        account.set("contacts", 51, {"hubspot_owner_id": owner})
    owners = of_kind(polled(MORNING + 15 * DAY, MORNING + 31 * DAY), EventKind.OWNER)
    assert sorted({(event.occurred_at, event.data["owner"]) for event in owners}) == [
        (MORNING + 10 * DAY, "71"),
        (MORNING + 20 * DAY, "72"),
        (MORNING + 30 * DAY, "73"),
    ]


def test_merged_contact_is_linked_although_no_property_changed(account: Account) -> None:
    account.add("contacts", 51, {"email": "yamada@example.co.jp"})
    [before] = [event for event in polled(MORNING - HOUR, MORNING + HOUR) if ":profile:" in event.key]
    account.records["contacts"][51].history["hs_merged_object_ids"] = [("40;41", MORNING)]
    [after] = [event for event in polled(MORNING - HOUR, MORNING + HOUR) if ":profile:" in event.key]
    assert before.key != after.key
    assert {known.value for known in after.lead} == {"51", "40", "41", "yamada@example.co.jp"}


def test_link_to_the_contact_is_not_lost_where_nobody_set_the_account(account: Account) -> None:
    """A webhook names its account and a poll does not: neither may take the place of the other."""
    account.add("contacts", 51, {"email": "yamada@example.co.jp"})
    anybody = HubSpotConfig()
    asked, told = polled(MORNING - HOUR, MORNING + HOUR, anybody), pushed(account.taken(), anybody).events
    linked = {event.key for event in told if "url" in event.data}
    assert linked
    assert linked.isdisjoint(event.key for event in asked)
    assert {event.data["url"] for event in polled(MORNING - HOUR, MORNING + HOUR) if "url" in event.data} == {
        f"https://app.hubspot.com/contacts/{PORTAL}/record/0-1/51"
    }


# --- what can go wrong ------------------------------------------------------------------------------------------


def refused_poll(account: Account, path: str, answer: httpx.Response) -> AskFailed:
    account.refusals[path] = answer
    with pytest.raises(AskFailed) as failure:
        list(pages_since(MORNING, MORNING + HOUR))
    assert "pat-na1" not in str(failure.value)
    return failure.value


def test_expired_credential_waits_for_a_person(account: Account) -> None:
    expired = httpx.Response(401, json={"category": "EXPIRED_AUTHENTICATION", "message": "The OAuth token expired"})
    failed = refused_poll(account, "v3/objects/contacts/search", expired)
    assert failed.retry_after is None
    assert "credential" in str(failed)
    assert len(account.asked) == 1


def test_too_many_questions_wait_as_long_as_hubspot_says(account: Account) -> None:
    busy = httpx.Response(429, headers={"retry-after": "11"}, json={"policyName": "SECONDLY"})
    assert refused_poll(account, "v3/objects/calls/search", busy).retry_after == 11


@pytest.mark.parametrize("path", ["v3/objects/calls/search", "v4/associations/calls/contacts/batch/read"])
def test_missing_scope_is_named(account: Account, path: str) -> None:
    known_call(account)
    failed = refused_poll(account, path, httpx.Response(403, json={"category": "MISSING_SCOPES"}))
    assert failed.retry_after is None
    assert "crm.objects.contacts.read" in str(failed)


def test_deals_are_left_out_where_the_app_may_not_read_them(account: Account) -> None:
    known_call(account)
    account.add("deals", 5, {"dealstage": "closedwon"}, [51])
    account.refusals["v3/objects/deals/search"] = httpx.Response(403, json={"category": "MISSING_SCOPES"})
    found = polled(MORNING - HOUR, MORNING + HOUR)
    assert of_kind(found, EventKind.FOLLOW_UP)
    assert not of_kind(found, EventKind.OPPORTUNITY)


def test_answers_that_make_no_sense_are_asked_for_again_later(account: Account) -> None:
    record = {"id": "5", "properties": {}}
    strange = [
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.Response(200, json={"results": [record] * 200}),
        httpx.Response(200, json={"results": [{}], "paging": {"next": {"after": "1"}}}),
    ]
    for answer in strange:
        assert refused_poll(account, "v3/objects/meetings/search", answer).retry_after


def test_whoever_has_no_time_left_does_not_ask(account: Account) -> None:
    with pytest.raises(AskFailed, match="too long") as failed:
        Api(CONFIG, credential(), HTTP, patience=0).search("call", {})
    assert failed.value.retry_after
    assert account.asked == []


@given(
    JSON
    | st.fixed_dictionaries(
        {
            "parts": st.lists(
                JSON
                | st.dictionaries(
                    st.sampled_from(["object", "since", "answers", "associations", "contact"]),
                    JSON
                    | st.sampled_from(["calls", "contacts", "deals"])
                    | st.lists(st.fixed_dictionaries({"results": JSON})),
                )
            ),
        }
    )
)
@settings(max_examples=200, deadline=None, database=None)
def test_any_kept_answer_parses(value: Any) -> None:
    parse("POLL", json.dumps(value).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_kept_answer_that_is_no_json_is_a_problem(body: bytes) -> None:
    assert parse("POLL", body).problems


# --- one lead ---------------------------------------------------------------------------------------------------


def asked_about(*lead: ExternalId, since: datetime = MORNING, config: HubSpotConfig = CONFIG) -> list[CanonicalEvent]:
    page = HUBSPOT.ask_about(lead, since, config, credential(), HTTP)
    assert (page.more, page.through) == (False, since)
    parsed = read_page(page, config)
    assert parsed.problems == []
    return parsed.events


def test_one_lead_is_answered_in_five_questions(account: Account) -> None:
    account.add("contacts", 51, {"email": "yamada@example.co.jp", "hs_lead_status": "NEW"})
    account.add("contacts", 52, {})
    account.now += HOUR
    for n, contact in enumerate((51, 52)):
        account.add("calls", 900 + n, CALL, [contact])
        account.add("emails", 900 + n, MAIL, [contact])
        account.add("meetings", 900 + n, MEETING, [contact])
    account.set("contacts", 51, {"hs_lead_status": "CONNECTED"})
    told = {plain(event) for event in pushed(account.taken()).events}
    account.asked.clear()
    found = asked_about(ExternalId("email", "yamada@example.co.jp"), ExternalId("hubspot", "51"))
    assert {event.record for event in found if event.record} == {"calls:900", "emails:900", "meetings:900"}
    assert {event.data["raw"] for event in of_kind(found, EventKind.STATUS)} == {"NEW", "CONNECTED"}
    assert {plain(event) for event in found} <= told
    assert len(account.asked) == 5


def test_a_lead_that_is_known_by_its_address_alone(account: Account) -> None:
    known_call(account)
    assert [event.record for event in asked_about(ExternalId("email", "yamada@example.co.jp")) if event.record] == [
        "calls:900"
    ]


def test_several_contacts_of_one_lead_keep_their_own_calls(account: Account) -> None:
    known_call(account)
    account.add("contacts", 52, {})
    account.add("calls", 901, CALL, [52])
    lead = (ExternalId("hubspot", "51"), ExternalId("hubspot", "52"))
    found = of_kind(asked_about(*lead), EventKind.FOLLOW_UP)
    assert {(event.record, event.lead) for event in found} == {("calls:900", lead[:1]), ("calls:901", lead[1:])}


def test_only_what_was_written_since_then(account: Account) -> None:
    known_call(account)
    assert [
        event.record for event in asked_about(ExternalId("hubspot", "51"), since=MORNING + HOUR) if event.record
    ] == []


@pytest.mark.parametrize("lead", [(), (ExternalId("mautic", "7"),), (ExternalId("hubspot", "x"),)])
def test_nobody_is_asked_about_a_stranger(account: Account, lead: tuple[ExternalId, ...]) -> None:
    assert asked_about(*lead) == []
    assert account.asked == []


def test_somebody_whom_hubspot_does_not_know(account: Account) -> None:
    assert asked_about(ExternalId("hubspot", "9999"), ExternalId("email", "a@example.jp")) == []
    assert len(account.asked) == 1


def test_other_system_names(account: Account) -> None:
    known_call(account)
    other = HubSpotConfig(system="hubspot-eu")
    assert asked_about(ExternalId("hubspot", "51"), config=other) == []
    assert [e.record for e in asked_about(ExternalId("hubspot-eu", "51"), config=other) if e.record] == ["calls:900"]


def test_question_about_a_lead_fails_at_once_where_a_person_is_needed(account: Account) -> None:
    account.refusals["v3/objects/contacts/batch/read"] = httpx.Response(401, json={})
    with pytest.raises(AskFailed, match="credential") as failed:
        asked_about(ExternalId("hubspot", "51"))
    assert failed.value.retry_after is None
    assert len(account.asked) == 1


def test_hubspot_does_what_the_contract_promises() -> None:
    assert isinstance(CONNECTOR, Polls)
    assert isinstance(CONNECTOR, AsksAboutLead)
    assert isinstance(CONNECTOR, AsksAgain)
    assert HUBSPOT.start(datetime(2026, 9, 24, tzinfo=UTC)) == {"since": ms(MORNING)}


# --- tasks ------------------------------------------------------------------------------------------------------


def tasks_told(account: Account, config: HubSpotConfig = CONFIG) -> list[tuple[Any, ...]]:
    """What webhooks say of tasks, when a poll says the same."""
    told = of_kind(pushed(account.taken(), config).events, EventKind.FOLLOW_UP, EventKind.RETRACTED)
    asked = of_kind(polled(MORNING - HOUR, account.now + HOUR, config), EventKind.FOLLOW_UP, EventKind.RETRACTED)
    assert {plain(event) for event in asked} <= {plain(event) for event in told}
    return [(event.kind.value, event.data.get("channel"), event.occurred_at - MORNING) for event in told]


DONE = {"hs_task_status": "COMPLETED", "hs_task_completion_date": iso(MORNING + HOUR)}


@pytest.mark.parametrize(
    ("edit", "config", "told"),
    [
        (DONE, {}, [("follow_up", "call", HOUR)]),
        (DONE | {"hs_task_type": "EMAIL"}, {}, [("follow_up", "email", HOUR)]),
        (DONE | {"hs_task_type": "TODO"}, {}, [("retracted", None, 2 * HOUR)]),
        (DONE | {"hs_task_type": "TODO"}, {"task_types": {"TODO": "other"}}, [("follow_up", "other", HOUR)]),
        (DONE, {"task_types": {}}, [("retracted", None, 2 * HOUR)]),
        ({"hs_task_status": "COMPLETED"}, {}, [("follow_up", "call", 2 * HOUR)]),
        # while it is planned this may hold the day it is due; afterwards it cannot be later than the last change
        (DONE | {"hs_task_completion_date": iso(MORNING + DAY)}, {}, [("follow_up", "call", 2 * HOUR)]),
        ({"hs_task_status": "IN_PROGRESS"}, {}, [("retracted", None, 2 * HOUR)]),
        ({"hs_task_status": "WAITING", "hs_task_completion_date": iso(MORNING)}, {}, [("retracted", None, 2 * HOUR)]),
    ],
)
def test_only_a_completed_task_to_call_or_write_is_a_follow_up(
    account: Account, edit: dict[str, str], config: dict[str, Any], told: list[tuple[Any, ...]]
) -> None:
    account.add("contacts", 51, {})
    account.add("tasks", 900, TASK | {"hs_object_source": "AUTOMATION_PLATFORM"}, [51])
    assert tasks_told(account) == []
    account.now += 2 * HOUR
    account.set("tasks", 900, edit)
    assert tasks_told(account, HubSpotConfig(portal_id=PORTAL, **config)) == told


def test_a_person_ticks_off_what_a_workflow_planned(account: Account) -> None:
    account.add("contacts", 51, {})
    account.add("tasks", 900, TASK | DONE | {"hs_object_source": "AUTOMATION_PLATFORM"}, [51])
    [event] = of_kind(pushed(account.taken()).events, EventKind.FOLLOW_UP)
    assert (event.record, event.data["automated"]) == ("tasks:900", False)


# --- whose a record is ------------------------------------------------------------------------------------------


def test_a_call_on_the_wrong_contact_counts_for_the_right_one(account: Account) -> None:
    [first] = known_call(account)
    account.add("contacts", 52, {})
    account.now += HOUR
    account.tie("calls", 900, 51, removed=True)
    account.tie("calls", 900, 52)
    told = of_kind(pushed(account.taken()).events, EventKind.FOLLOW_UP, EventKind.RETRACTED)
    standing = {(fact[1], fact[4][0].value) for fact in in_force([first, *told])}
    assert standing == {(EventKind.RETRACTED, "51"), (EventKind.FOLLOW_UP, "52")}

    account.now += HOUR
    account.tie("calls", 900, 51)
    again = of_kind(pushed(account.taken()).events, EventKind.FOLLOW_UP)
    asked = of_kind(polled(MORNING - HOUR, account.now + HOUR), EventKind.FOLLOW_UP)
    standing = {(fact[1], fact[4][0].value) for fact in in_force([first, *told, *again, *asked])}
    assert standing == {(EventKind.FOLLOW_UP, "51"), (EventKind.FOLLOW_UP, "52")}


def test_a_merge_moves_calls_and_takes_none_back(account: Account) -> None:
    known_call(account)
    account.add("contacts", 52, {})
    account.taken()
    account.now += HOUR
    account.merge(52, 51)
    sent = account.taken()
    assert "objectId" not in sent[-1]
    for told in (pushed(sent).events, [event for one in sent for event in pushed([one]).events]):
        assert of_kind(told, EventKind.RETRACTED) == []
        joined = {frozenset(known.value for known in event.lead) for event in of_kind(told, EventKind.LEAD)}
        assert frozenset({"52", "51"}) in joined


def test_an_erased_person_is_excluded_and_nothing_else_is_told_or_asked(account: Account) -> None:
    account.add("contacts", 51, {"email": "yamada@example.co.jp", "firstname": "太郎", "lastname": "山田"})
    account.now += SECOND
    account.erase(51)
    sent = account.taken()
    parsed = parse("POST", json.dumps(sent).encode())
    [event] = parsed.events
    assert (event.kind, event.data) == (EventKind.DISPOSITION, {"outcome": "excluded", "reason": "privacy"})
    assert (parsed.problems, parsed.lookups) == ([], [])
    late = pushed(sent[:-1])  # what was sent before may come after
    assert of_kind(late.events, EventKind.STATUS, EventKind.SCORE) == []
    assert late.problems == []


# --- what is gone -----------------------------------------------------------------------------------------------


def test_a_deletion_whose_webhook_was_lost_is_found_by_asking_again(account: Account) -> None:
    [first] = known_call(account)
    account.add("calls", 901, CALL, [51])
    account.add("meetings", 902, MEETING, [51])
    account.now += HOUR
    account.delete("calls", 900)
    account.asked.clear()
    names = ["calls:900", "calls:901", "meetings:902", "tasks:x", "nonsense"]
    page = HUBSPOT.ask_again(names, CONFIG, credential(), HTTP, account.now)
    assert [path for path, _ in account.asked] == [
        f"v3/objects/{objects}/batch/read" for objects in ("calls", "meetings")
    ]
    [gone] = read_page(page).events
    assert (gone.kind, gone.record, gone.lead, gone.occurred_at) == (EventKind.RETRACTED, "calls:900", (), account.now)
    assert gone.key == of_kind(pushed(account.taken()).events, EventKind.RETRACTED)[0].key.replace(":51:", "::")
    assert (first.record, page.more) == (gone.record, False)


# --- setting it up ----------------------------------------------------------------------------------------------


def check(config: HubSpotConfig = CONFIG) -> Any:
    return HUBSPOT.check(config, credential(), HTTP)


def test_a_check_names_the_account_and_its_statuses(account: Account) -> None:
    account.properties |= {"our_score", "industry", "last_download"}
    checked = check()
    assert (checked.account, checked.problems) == (str(PORTAL), ())
    assert checked.statuses == ("NEW", "CONNECTED", "見積中")
    assert [CONFIG.status_of(word) for word in checked.statuses] == ["new", "contacted", None]


def test_a_check_says_what_is_missing(account: Account) -> None:
    account.refusals["v3/objects/deals/search"] = httpx.Response(403, json={"category": "MISSING_SCOPES"})
    account.refusals["v3/objects/tasks/search"] = httpx.Response(503, json={})
    checked = check(HubSpotConfig(portal_id=1, score_property="our_score"))
    assert [(problem.place, problem.reason) for problem in checked.problems] == [
        ("portal_id", f"the access token belongs to the account {PORTAL}, portal_id says another"),
        ("tasks", "api.hubapi.com has trouble of its own (503)"),
        ("deals", "HubSpot does not let the app read a deal (403): grant it the scope crm.objects.deals.read"),
        ("score_property", "contacts have no property our_score; name yours as score_property"),
    ]
    [problem] = [problem for problem in check(HubSpotConfig()).problems if problem.place == "portal_id"]
    assert f"set portal_id to {PORTAL}" in problem.reason


def test_a_check_without_the_scope_for_contacts(account: Account) -> None:
    missing = httpx.Response(403, json={"category": "MISSING_SCOPES"})
    account.refusals |= {"v3/properties/contacts": missing, "account-info/v3/details": missing}
    checked = check()
    assert (checked.account, checked.statuses) == ("", ())
    assert ["crm.objects.contacts.read" in problem.reason for problem in checked.problems] == [True]


def test_a_wrong_credential_fails_the_whole_check(account: Account) -> None:
    account.refusals["account-info/v3/details"] = httpx.Response(401, json={"category": "INVALID_AUTHENTICATION"})
    with pytest.raises(AskFailed, match="no longer accepts the credential") as failed:
        check()
    assert "pat-na1" not in str(failed.value)
    assert failed.value.retry_after is None


class TestHubSpotJourney(SalesJourney):
    vendor = HubSpotVendor
