"""Twenty's webhooks and its API: what counts as a follow-up, and the same facts whichever way they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from journey import SalesJourney
from pydantic import ValidationError
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound
from twenty_account import API_KEY, CONFIG, MEMBER, WORKSPACE, TwentyVendor, fits, signed, stamp

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
from connectors.rounds import answers_in, kept
from connectors.tool import POLL
from connectors.twenty.config import TwentyConfig
from connectors.twenty.connector import CONNECTOR, Twenty
from connectors.twenty.notices import NO_WEBHOOK

FIXTURES = Path(__file__).parents[1] / "fixtures" / "twenty"
TWENTY, SECRET = Twenty(), "a-secret-of-ours"
URL = "https://t.example/webhooks/twenty"
OURS = TwentyConfig.model_validate(
    CONFIG | {"app_base": "https://acme.twenty.com", "statuses": {"CONTACTED": "contacted"}, "owners": {MEMBER: "佐藤"}}
)
AT, MADE = "2026-04-01T02:00:00.000Z", "2026-03-31T02:00:00.000Z"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FOLLOW_UP, RETRACTED = EventKind.FOLLOW_UP, EventKind.RETRACTED


def parse(body: bytes, config: TwentyConfig = OURS, method: str = "POST") -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest(method, URL, {}, body, NOW), config)
    assert_sound(parsed)
    return parsed


def notice(name: str, record: Any, **more: Any) -> bytes:
    return json.dumps({"eventName": name, "workspaceId": WORKSPACE, "eventDate": AT, "record": record} | more).encode()


def polled_task(config: TwentyConfig = OURS, **said: Any) -> list[CanonicalEvent]:
    about = {"id": "t-1", "title": "電話: 初回", "status": "DONE", "createdAt": MADE, "updatedAt": AT}
    task = about | {"taskTargets": [{"personId": "p-1"}], "timelineActivities": []} | said
    return parse(kept([("tasks", {"tasks": [task]})]), config, POLL).events


def polled_note(config: TwentyConfig = OURS, **said: Any) -> list[CanonicalEvent]:
    about = {"id": "n-1", "title": "訪問: 工場見学", "createdAt": MADE, "updatedAt": AT}
    note = about | {"noteTargets": [{"personId": "p-1"}], "timelineActivities": []} | said
    return parse(kept([("notes", {"notes": [note]})]), config, POLL).events


def turn(at: str, name: str = "task.updated", **diff: Any) -> dict[str, Any]:
    changes = {field: {"before": before, "after": after} for field, (before, after) in diff.items()}
    return {"createdAt": at, "name": name, "properties": {"diff": changes}}


# --- proof


class TestTwentySecurity(SecurityTests):
    connector = CONNECTOR

    def genuine(self, now: datetime) -> Genuine:
        body = (FIXTURES / "person_updated.derived.json").read_bytes()
        return WebhookRequest("POST", URL, signed(body, SECRET, now), body, now), [SECRET], OURS

    def test_another_workspace_is_refused(self) -> None:
        request, secrets, _ = self.genuine(NOW)
        with pytest.raises(Unverified, match="another workspace"):
            CONNECTOR.verify(request, secrets, TwentyConfig(workspace_id="1"), NOW)

    def test_the_sample_is_genuine(self) -> None:
        CONNECTOR.verify(CONNECTOR.sample(OURS, SECRET, URL, NOW), [SECRET], OURS, NOW)


@pytest.mark.parametrize("stamped", ["2026-09-24T08:30:00Z", "1790238600.5", "９０", "-5", "9" * 15])
def test_the_timestamp_is_milliseconds(stamped: str) -> None:
    headers = {"x-twenty-webhook-timestamp": stamped, "x-twenty-webhook-signature": "00"}
    with pytest.raises(Unverified, match="milliseconds since 1970"):
        CONNECTOR.verify(WebhookRequest("POST", URL, headers, b"{}", NOW), [SECRET], OURS, NOW)


# --- content


class TestTwentyContent(ContentTests):
    connector = CONNECTOR
    config = OURS

    @FUZZ
    @given(
        st.sampled_from(["person", "opportunity", "task", "note", "taskTarget", "noteTarget", "company"]),
        st.sampled_from(["created", "updated", "deleted", "destroyed", "restored", "x"]),
        JSON,
    )
    def test_any_notice_parses(self, name: str, action: str, value: Any) -> None:
        known = ("id", "name", "emails", "status", "title", "taskId", "personId", "companyId", "updatedAt", "deletedAt")
        own = ("amount", "stage", "pointOfContactId", "leadScore", "leadStatus", "salesOwnerId", "createdAt")
        record = dict.fromkeys((*known, *own), value)
        self.parse(notice(f"{name}.{action}", record, updatedFields=value))
        self.parse(notice(f"{name}.{action}", record | {"id": "1", "updatedAt": AT}, eventDate=value))

    @FUZZ
    @given(st.sampled_from(["people", "opportunities", "tasks", "notes"]), JSON, JSON)
    def test_any_answer_parses(self, plural: str, value: Any, timeline: Any) -> None:
        fields = ("status", "title", "createdAt", "createdBy", "assignee", "taskTargets", "noteTargets", "company")
        record = {"id": "1", "updatedAt": AT} | dict.fromkeys(fields, value) | {"timelineActivities": timeline}
        targets = {"taskTargets": [{"personId": "p"}], "noteTargets": [value, {"targetPersonId": "p"}]}
        for one in (value, record, record | targets, record | targets | {"title": "電話", "status": "DONE"}):
            parse(kept([(plural, {plural: [one], "companies": value})]), method=POLL)
        parse(kept([(plural, value)]), method=POLL)

    @pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.json")))
    def test_a_truncated_body_is_a_problem(self, name: str) -> None:
        body = (FIXTURES / f"{name}.json").read_bytes().strip()
        for end in range(len(body)):
            assert self.parse(body[:end]).problems


def test_the_official_sample_is_of_an_object_that_says_nothing() -> None:
    assert parse((FIXTURES / "transform_spec_created_event.json").read_bytes()) == Parsed()


def test_a_person_as_a_DERIVED_webhook_shows_one() -> None:
    body = (FIXTURES / "person_updated.derived.json").read_bytes()
    (event,) = parse(body, TwentyConfig(attributes={"jobTitle": "job"})).events
    assert (event.kind, event.data) == (EventKind.LEAD, {"attributes": {"job": "部長"}})
    assert event.lead == (ExternalId("twenty", "1f81eb52-5198-4599-803e-771906343485"),)
    assert event.occurred_at == datetime(2024, 2, 14, 11, 27, 1, 779000, tzinfo=UTC)


def test_a_person_with_everything() -> None:
    record = {
        "id": "p-1",
        "name": {"firstName": "太郎", "lastName": "山田"},
        "emails": {"primaryEmail": "Yamada@Example.jp"},
        "salesOwnerId": MEMBER,
        "leadScore": 86,
        "leadStatus": "CONTACTED",
        "updatedAt": AT,
    }
    events = {event.kind: event for event in parse(notice("person.updated", record)).events}
    assert {event.occurred_at for event in events.values()} == {datetime(2026, 4, 1, 2, tzinfo=UTC)}
    assert {event.lead for event in events.values()} == {
        (ExternalId("twenty", "p-1"), ExternalId("email", "yamada@example.jp"))
    }
    assert {kind: event.data for kind, event in events.items()} == {
        EventKind.LEAD: {"name": "山田 太郎", "url": "https://acme.twenty.com/object/person/p-1"},
        EventKind.OWNER: {"owner": MEMBER, "name": "佐藤"},
        EventKind.SCORE: {"score": 86},
        EventKind.STATUS: {"status": LeadStatus.CONTACTED, "raw": "CONTACTED"},
    }


def test_a_status_that_nobody_explained_has_no_meaning() -> None:
    events = parse(notice("person.updated", {"id": "p-1", "leadStatus": "HOT", "updatedAt": AT})).events
    assert [event.data for event in events if event.kind is EventKind.STATUS] == [{"status": None, "raw": "HOT"}]


@pytest.mark.parametrize(
    ("stage", "state"), [("NEW", "open"), ("PROPOSAL", "open"), ("CUSTOMER", "won"), ("LOST", "lost"), ("", "open")]
)
def test_an_opportunity_is_open_since_it_was_made(stage: str, state: str) -> None:
    amount = {"amountMicros": 1200000000000, "currencyCode": "JPY"}
    record = {"id": "o-1", "name": "原価管理", "stage": stage, "amount": amount, "pointOfContactId": "p-1"}
    config = OURS.model_copy(update={"lost_stages": ["LOST"]})
    made, now = parse(notice("opportunity.updated", record | {"createdAt": MADE, "updatedAt": AT}), config).events
    assert (made.data, made.occurred_at) == (
        {"opportunity": "o-1", "state": "open"},
        datetime(2026, 3, 31, 2, tzinfo=UTC),
    )
    assert (now.data["state"], now.data["amount"], now.data["name"]) == (state, 1200000, "原価管理")


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"event":"person.created","data":{}}', notice("person", {}), notice("person.created", [])]
)
def test_what_is_no_webhook_of_twentys_is_a_problem(body: bytes) -> None:
    assert [problem.reason for problem in parse(body).problems] == [NO_WEBHOOK]


# --- what a webhook leaves open


@pytest.mark.parametrize(
    ("name", "record", "more", "lookups"),
    [
        ("task.updated", {"id": "t-1"}, {}, [Lookup("task", "t-1")]),
        ("note.created", {"id": "n-1"}, {}, [Lookup("note", "n-1")]),
        ("task.restored", {"id": "t-1"}, {}, [Lookup("task", "t-1", (("restored", AT),))]),
        ("taskTarget.created", {"id": "x", "taskId": "t-1", "personId": "p-1"}, {}, [Lookup("task", "t-1")]),
        ("noteTarget.created", {"id": "x", "noteId": "n-1", "targetPersonId": "p-1"}, {}, [Lookup("note", "n-1")]),
        ("taskTarget.created", {"id": "x", "taskId": "t-1", "companyId": "c-1"}, {}, []),
        ("person.created", {"id": "p-1", "companyId": "c-1"}, {}, [Lookup("person", "p-1", optional=True)]),
        ("person.created", {"id": "p-1", "companyId": None}, {}, []),
        ("person.updated", {"id": "p-1", "companyId": "c-1"}, {"updatedFields": ["city"]}, []),
        (
            "person.updated",
            {"id": "p-1", "companyId": "c-1"},
            {"updatedFields": ["companyId"]},
            [Lookup("person", "p-1", optional=True)],
        ),
        ("task.deleted", {"id": "t-1"}, {}, []),
        ("company.updated", {"id": "c-1"}, {}, []),
    ],
)
def test_lookups(name: str, record: Any, more: Any, lookups: list[Lookup]) -> None:
    assert parse(notice(name, record, **more)).lookups == lookups


def test_without_words_for_contacts_no_task_is_asked_for_or_counted() -> None:
    silent = OURS.model_copy(update={"channels": {}})
    assert parse(notice("task.updated", {"id": "t-1"}), silent) == Parsed()
    assert parse(notice("taskTarget.created", {"taskId": "t-1", "personId": "p-1"}), silent) == Parsed()
    assert parse(notice("taskTarget.deleted", {"taskId": "t-1", "personId": "p-1"}), silent) == Parsed()
    assert polled_task(silent) == []
    assert polled_note(silent) == []


# --- what counts


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ({}, [FOLLOW_UP]),
        ({"status": "TODO", "createdAt": AT}, []),
        ({"status": "TODO"}, [RETRACTED]),
        ({"status": "TODO", "timelineActivities": [turn(MADE, "task.created")]}, []),
        (
            {"status": "TODO", "timelineActivities": [turn(MADE, "task.created"), turn(AT, status=("DONE", "TODO"))]},
            [RETRACTED],
        ),
        ({"title": "見積書を作る", "createdAt": AT}, []),
        ({"title": "見積書を作る"}, [RETRACTED]),
        ({"title": "折り返しの電話"}, [RETRACTED]),
        ({"taskTargets": [{"companyId": "c-1", "personId": None}]}, []),
        ({"taskTargets": [{"personId": "p-1"}, {"targetPersonId": "p-2"}, {"personId": "p-1"}]}, [FOLLOW_UP] * 2),
    ],
)
def test_only_a_done_contact_with_somebody_is_a_follow_up(said: dict[str, Any], kinds: list[EventKind]) -> None:
    assert [event.kind for event in polled_task(**said)] == kinds


@pytest.mark.parametrize(
    ("timeline", "done"),
    [
        ([], AT),
        ([turn("2026-03-31T05:00:00Z", status=("TODO", "DONE"))], "2026-03-31T05:00:00Z"),
        ([turn("2026-03-31T05:00:00Z", status=("TODO", "DONE")), turn(AT, title=("a", "b"))], "2026-03-31T05:00:00Z"),
        (
            [
                turn("2026-03-31T05:00:00Z", status=("TODO", "DONE")),
                turn("2026-03-31T06:00:00Z", status=("DONE", "TODO")),
                turn("2026-03-31T07:00:00Z", status=("TODO", "DONE")),
            ],
            "2026-03-31T07:00:00Z",
        ),
        ([turn("2026-04-01T02:00:00.200Z", status=("TODO", "DONE"))], AT),
        ([turn(MADE, "task.created"), turn(AT, title=("a", "b"))], MADE),
        ([turn("2026-03-31T05:00:00Z", title=("a", "b"))], AT),
    ],
)
def test_it_counts_from_when_it_was_ticked_off_and_edits_do_not_move_that(timeline: Any, done: str) -> None:
    (event,) = polled_task(timelineActivities=timeline)
    assert event.occurred_at == datetime.fromisoformat(done)
    assert (event.record, event.revised_at) == ("task:t-1", datetime.fromisoformat(AT))


def test_moving_between_two_words_for_done_is_no_new_follow_up() -> None:
    config = OURS.model_copy(update={"done_statuses": ["DONE", "ARCHIVED"]})
    first, then = turn(MADE, status=("TODO", "DONE")), turn(AT, status=("DONE", "ARCHIVED"))
    (event,) = polled_task(config, status="ARCHIVED", timelineActivities=[then, first])
    assert event.occurred_at == datetime.fromisoformat(MADE)


def test_who_did_it() -> None:
    assignee = {"name": {"firstName": "一郎", "lastName": "鈴木"}}
    (known,) = polled_task(assigneeId=MEMBER, assignee=assignee)
    (other,) = polled_task(assigneeId="m-2", assignee=assignee)
    (nobody,) = polled_task()
    assert [event.data.get("by") for event in (known, other, nobody)] == ["佐藤", "鈴木 一郎", None]


@pytest.mark.parametrize(
    ("source", "timeline", "automated"),
    [
        ("WORKFLOW", [turn(MADE, "task.created")], True),
        ("WORKFLOW", [turn(AT, status=("TODO", "DONE"))], False),
        ("MANUAL", [turn(MADE, "task.created")], False),
        ("API", [turn(MADE, "task.created")], False),
    ],
)
def test_a_workflows_task_counts_when_a_person_does_it(source: str, timeline: Any, automated: bool) -> None:
    (event,) = polled_task(createdBy={"source": source}, timelineActivities=timeline)
    assert event.data["automated"] is automated


def test_a_note_is_a_log_from_when_it_was_written() -> None:
    (event,) = polled_note(createdBy={"source": "MANUAL", "workspaceMemberId": "m-2", "name": "鈴木 一郎"})
    assert (event.kind, event.occurred_at) == (FOLLOW_UP, datetime.fromisoformat(MADE))
    assert event.data == {"channel": "meeting", "automated": False, "by": "鈴木 一郎", "subject": "訪問: 工場見学"}
    (automated,) = polled_note(createdBy={"source": "WORKFLOW"})
    assert automated.data["automated"] is True
    retitled = [turn(MADE, "note.created"), turn(AT, "note.updated", title=("訪問", "社内メモ"))]
    assert [event.kind for event in polled_note(title="社内メモ", timelineActivities=retitled)] == [RETRACTED]


def test_the_longest_beginning_of_a_title_or_a_field_of_your_own_says_what_it_was() -> None:
    words = OURS.model_copy(update={"channels": {"TEL": "call", "TELなし": "other"}})
    assert [polled_task(words, title=title)[0].data["channel"] for title in ("tel: 初回", "TELなし")] == [
        "call",
        "other",
    ]
    field = OURS.model_copy(update={"type_field": "kindOfWork", "channels": {"MAIL": "email"}})
    assert polled_task(field, kindOfWork="MAIL", title="見積書")[0].data["channel"] == "email"
    assert polled_task(field, kindOfWork="電話", createdAt=AT) == []


@pytest.mark.parametrize("name", ["task", "note"])
@pytest.mark.parametrize("action", ["deleted", "destroyed"])
def test_a_deleted_one_is_taken_back_from_whomever_it_was_told_of(name: str, action: str) -> None:
    (event,) = parse(notice(f"{name}.{action}", {"id": "1", "updatedAt": MADE})).events
    assert (event.kind, event.lead, event.record) == (RETRACTED, (), f"{name}:1")
    assert event.revised_at == datetime.fromisoformat(AT)


def test_who_is_taken_off_a_task_was_not_called() -> None:
    former = {"id": "x", "taskId": "t-1", "personId": "p-1", "updatedAt": MADE}
    (event,) = parse(notice("taskTarget.deleted", former)).events
    assert (event.kind, event.lead, event.record) == (RETRACTED, (ExternalId("twenty", "p-1"),), "task:t-1")
    assert event.revised_at == datetime.fromisoformat(AT)


# --- the API


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(clock: Clock) -> Iterator[TwentyVendor]:
    vendor = TwentyVendor(clock)
    with respx.mock(assert_all_called=False) as router:
        router.route(host="api.twenty.com").mock(side_effect=vendor.answer)
        yield vendor


def pages(vendor: TwentyVendor) -> Iterator[bytes]:
    cursor, more = TWENTY.start(NOW - HOUR), True
    while more:
        page = TWENTY.poll(json.loads(json.dumps(cursor)), vendor.clock() + HOUR, OURS, API_KEY, httpx.Client())
        yield page.body
        cursor, more = page.cursor, page.more


def polled(vendor: TwentyVendor) -> dict[str, CanonicalEvent]:
    found = [parse(body, method=POLL) for body in pages(vendor)]
    assert not [problem for parsed in found for problem in parsed.problems]
    return {event.key: event for parsed in found for event in parsed.events}


def pushed(vendor: TwentyVendor) -> dict[str, CanonicalEvent]:
    """With everything answered that the webhooks left open, once they all have arrived."""
    found = {}
    for sent in vendor.sent:
        parsed = parse(sent.body)
        assert not parsed.problems
        answered = TWENTY.fetch(parsed.lookups, OURS, API_KEY, httpx.Client()) if parsed.lookups else Parsed()
        found |= {event.key: event for event in (*parsed.events, *answered.events)}
    return found


def test_what_is_polled_is_what_was_pushed(account: TwentyVendor, clock: Clock) -> None:
    for lead in ("sato", "kato", "mori"):
        account.person(lead, f"{lead}@example.jp", lead)
        account.call(lead)
    account.note("sato", "訪問: 工場見学")
    account.add("opportunity", name="原価管理", stage="CUSTOMER", pointOfContactId=account.people["sato"])
    account.plan_call("mori")
    now = polled(account)
    assert now == {key: event for key, event in pushed(account).items() if key in now}
    # Only what was said on the way and is true no more was pushed and cannot be polled.
    assert {event.kind for key, event in pushed(account).items() if key not in now} <= {RETRACTED}
    assert [event.kind for event in now.values()].count(FOLLOW_UP) == 4
    assert polled(account) == now


def test_pages_keep_nothing_of_what_was_written_in_tasks_and_notes(account: TwentyVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.call("sato")
    account.note("sato", "訪問: 工場見学")
    bodies = b"".join(pages(account)).decode()
    assert "電話: 初回のご連絡" in bodies
    assert "社外秘" not in bodies
    about = TWENTY.ask_about([ExternalId("twenty", account.people["sato"])], NOW, OURS, API_KEY, httpx.Client())
    assert "社外秘" not in about.body.decode()
    assert "messageParticipants" not in about.body.decode()


def test_a_company_has_its_name_however_the_person_came(account: TwentyVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    for found in (polled(account), pushed(account)):
        told = [event.data for event in found.values() if event.kind is EventKind.LEAD]
        assert {"company": "株式会社みなと精機"} in told


def test_an_edit_after_the_call_does_not_move_it(account: TwentyVendor, clock: Clock) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.call("sato")
    called, (task,) = clock.now, account.records["tasks"]
    clock.later(days=3)
    account.change("task", task, bodyV2={"markdown": "追記"})
    (event,) = [event for event in polled(account).values() if event.kind is FOLLOW_UP]
    assert called - 10 * MINUTE <= event.occurred_at <= called
    assert event.revised_at == clock.now


def test_somebody_who_is_put_on_a_done_task_later_is_found_by_polls(account: TwentyVendor, clock: Clock) -> None:
    account.person_of_target = "targetPersonId"
    account.person("sato", "sato@example.jp", "佐藤")
    account.person("kato", "kato@example.jp", "加藤")
    account.call("sato")
    (task,) = account.records["tasks"]
    clock.later(days=1)
    account.tie("task", task, "kato")
    page = TWENTY.start(clock.now - HOUR)
    cursor, leads, more = page, set(), True
    while more:
        found = TWENTY.poll(cursor, clock.now + HOUR, OURS, API_KEY, httpx.Client())
        leads |= {event.lead for event in parse(found.body, method=POLL).events if event.kind is FOLLOW_UP}
        cursor, more = found.cursor, found.more
    assert (ExternalId("twenty", account.people["kato"]),) in leads


def test_restored_it_counts_again(account: TwentyVendor, clock: Clock) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.call("sato")
    (task,) = account.records["tasks"]
    for act in (account.delete, account.restore):
        clock.later(hours=1)
        act("task", task)
    facts = [event for event in pushed(account).values() if event.record == f"task:{task}" and event.revised_at]
    newest = max(facts, key=lambda event: event.revised_at or NOW)
    assert (newest.kind, newest.occurred_at) == (FOLLOW_UP, NOW)


def test_one_lead_is_asked_about_by_its_id_or_by_its_address(account: TwentyVendor) -> None:
    account.person("sato", "Sa_to@example.jp", "佐藤")
    account.person("saito", "saito@example.jp", "斎藤")  # fits the pattern sa_to without an i too many
    account.person("sayto", "sayto@example.jp", "佐与")
    for lead in ("sato", "sayto"):
        account.call(lead)
        account.note(lead, "訪問: 工場見学")
    account.add("opportunity", name="原価管理", stage="NEW", pointOfContactId=account.people["sato"])
    for lead in (ExternalId("twenty", account.people["sato"]), ExternalId("email", "sa_to@example.jp")):
        account.asked.clear()
        page = TWENTY.ask_about([lead], NOW - HOUR, OURS, API_KEY, httpx.Client())
        events = parse(page.body, method=POLL).events
        assert {event.lead[0].value for event in events} == {account.people["sato"]}
        assert sorted(event.kind for event in events if event.kind is not EventKind.LEAD) == sorted(
            [FOLLOW_UP, FOLLOW_UP, EventKind.OPPORTUNITY, EventKind.OPPORTUNITY, EventKind.OWNER]
        )
        assert {event.key for event in events} <= set(polled(account))
        assert len(account.asked) <= 25
    for nobody in ([], [ExternalId("hubspot", "1")], [ExternalId("email", 'a"b@example.jp')]):
        assert parse(TWENTY.ask_about(nobody, NOW, OURS, API_KEY, httpx.Client()).body, method=POLL) == Parsed()


def test_what_is_gone_is_found_without_a_webhook(account: TwentyVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.call("sato")
    account.note("sato", "訪問")
    names = [f"task:{one}" for one in account.records["tasks"]] + [f"note:{one}" for one in account.records["notes"]]
    account.delete_call("sato")
    page = TWENTY.ask_again([*names, "note:never-was"], OURS, API_KEY, httpx.Client(), NOW)
    assert [event.record for event in parse(page.body, method=POLL).events] == [names[0], "note:never-was"]


def test_a_wrong_key_is_a_sentence_without_it(account: TwentyVendor) -> None:
    with pytest.raises(AskFailed, match="no longer accepts the credential") as failed:
        TWENTY.check(OURS, "wrong-key-never-shown", httpx.Client())
    assert "wrong-key" not in str(failed.value)


def test_a_busy_api_is_asked_again_and_says_when(account: TwentyVendor) -> None:
    busy = httpx.Response(429, headers={"retry-after": "0"}, json={"error": "TooManyRequests"})
    account.refusals = [busy]
    next(pages(account))
    assert len(account.asked) == 2
    account.refusals = [httpx.Response(429, headers={"retry-after": "90"})]
    with pytest.raises(AskFailed) as failed:
        next(pages(account))
    assert failed.value.retry_after == 90


def test_check_names_the_account_its_statuses_and_what_is_missing(account: TwentyVendor) -> None:
    found = TWENTY.check(OURS, API_KEY, httpx.Client())
    assert (found.account, found.statuses, found.problems) == ("api.twenty.com", ("NEW", "CONTACTED"), ())
    account.refusals = [httpx.Response(200, json={"data": {"people": []}}), httpx.Response(403, json={})]
    found = TWENTY.check(OURS.model_copy(update={"channels": {}}), API_KEY, httpx.Client())
    assert [problem.place for problem in found.problems] == ["people", "channels"]
    assert "403" in found.problems[0].reason
    account.refusals = [*[httpx.Response(200, json={"data": {}})] * 7, httpx.Response(403, json={})]
    assert TWENTY.check(OURS, API_KEY, httpx.Client()).statuses == ()


def test_the_fake_filters_as_it_says() -> None:
    record = {"id": "1", "updatedAt": stamp(NOW), "emails": {"primaryEmail": "a@example.jp"}}
    assert fits(record, 'id[in]:["2","1"]')
    assert not fits(record, 'id[in]:["2"]')
    assert not fits(record, f'and(updatedAt[gte]:"{stamp(NOW - HOUR)}",updatedAt[lt]:"{stamp(NOW)}")')
    with pytest.raises(AssertionError):
        fits(record, "name[eq]:1")


# --- setting it up


def test_schema_names_what_is_read() -> None:
    mapped = TWENTY.mapped(OURS)
    assert (mapped["person"]["leadScore"], mapped["person"]["salesOwnerId"]) == ("score", "owner")
    assert mapped["task"]["title"] == "channel and subject"
    request = CONNECTOR.sample(OURS, SECRET, URL, NOW)
    (shown,) = CONNECTOR.shown(request, OURS)
    assert shown.object == "person"
    assert shown.fields["leadScore"] == 86
    assert {event.kind for event in parse(request.body).events} == {EventKind.LEAD, EventKind.SCORE, EventKind.STATUS}


@pytest.mark.parametrize("given", ["http://crm.example.jp", "https://crm.example.jp/rest", "crm.example.jp", "ftp://x"])
def test_an_address_that_would_give_the_key_away_is_refused(given: str) -> None:
    for field in ("api_base", "app_base"):
        with pytest.raises(ValidationError, match=r"must be an address like https://acme\.twenty\.com"):
            TwentyConfig.model_validate({field: given})


def test_lookups_that_are_no_ids_are_not_asked(account: TwentyVendor) -> None:
    asked = [Lookup("task", 't-1"]'), Lookup("task", "a b"), Lookup("deal", "1")]
    assert TWENTY.fetch(asked, OURS, API_KEY, httpx.Client()) == Parsed()
    assert not account.asked


def test_kept_pages_are_what_the_api_said(account: TwentyVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    ((name, answer),) = answers_in(next(pages(account)))
    assert name == "people"
    assert [one["name"] for one in answer["companies"]] == ["株式会社みなと精機"]


class TestTwentyJourney(SalesJourney):
    vendor = TwentyVendor
