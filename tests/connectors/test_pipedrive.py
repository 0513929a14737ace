"""Pipedrive's webhooks v2 and its API: what counts as a follow-up, and the same facts whichever way they come."""

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
from pipedrive_account import COMPANY, TOKEN, PipedriveVendor
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors.contract import AskFailed, EventKind, ExternalId, LeadStatus, Parsed, Unverified, WebhookRequest
from connectors.pipedrive.config import PipedriveConfig
from connectors.pipedrive.connector import CONNECTOR, Pipedrive
from connectors.tool import basic
from tests.connectors.journey import SalesJourney

FIXTURES = Path(__file__).parents[1] / "fixtures" / "pipedrive"
SECRET = "a-password-of-ours"
PIPEDRIVE = Pipedrive()
STATUS, SCORE = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3", "dcf558aac1ae4e8c4f849ba5e668430d8df9be12"
CONFIG = PipedriveConfig(
    app_base="https://yamada.pipedrive.com",
    score_field=SCORE,
    status_field=STATUS,
    statuses={"24": LeadStatus.CONTACTED},
    owners={"12415231": "佐藤 花子"},
)
AT = "2026-04-01T02:00:00Z"


def genuine_body(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def parse(body: bytes, config: PipedriveConfig = CONFIG, method: str = "POST") -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest(method, "https://t.example/webhooks/p", {}, body, NOW), config)
    assert_sound(parsed)
    return parsed


def notice(entity: str, data: dict[str, Any] | None, **meta: Any) -> bytes:
    about = {"action": "change", "entity": entity, "entity_id": "2", "timestamp": AT} | meta
    return json.dumps({"data": data, "previous": None, "meta": about}).encode()


def activity(**said: Any) -> bytes:
    about = {"id": 2, "type": "call", "person_id": 10, "owner_id": 12415231, "add_time": "2026-03-31T02:00:00Z"}
    return notice("activity", about | {"update_time": AT, "done": True} | said)


class TestPipedriveSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        request = CONNECTOR.sample(PipedriveConfig(company_id=COMPANY), SECRET, "https://t.example/webhooks/p", now)
        return request, [SECRET], PipedriveConfig()

    def test_another_company_is_refused(self) -> None:
        request, secrets, _ = self.genuine(NOW)
        CONNECTOR.verify(request, secrets, PipedriveConfig(company_id=COMPANY), NOW)
        with pytest.raises(Unverified, match="another company"):
            CONNECTOR.verify(request, secrets, PipedriveConfig(company_id="1"), NOW)


class TestPipedriveContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    @FUZZ
    @given(st.sampled_from(["person", "activity", "deal", "lead"]), st.dictionaries(st.text(max_size=9), JSON), JSON)
    def test_any_notice_parses(self, entity: str, data: Any, value: Any) -> None:
        self.parse(notice(entity, data))
        known = ("id", "emails", "done", "participants", "person_id", "update_time", "custom_fields", SCORE)
        self.parse(notice(entity, dict.fromkeys(known, value)))

    @pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.json")))
    def test_a_truncated_body_is_a_problem(self, name: str) -> None:
        body = genuine_body(name)
        for end in range(0, len(body) - 2, 97):
            assert self.parse(body[:end]).problems


# --- genuine payloads


def test_a_planned_meeting_is_no_follow_up() -> None:
    assert parse(genuine_body("v2_activity_create")) == Parsed()


def test_a_person() -> None:
    events = parse(genuine_body("v2_person_create")).events
    assert [event.kind for event in events] == [EventKind.LEAD, EventKind.OWNER]
    assert events[0].data == {"name": "Sample", "url": "https://yamada.pipedrive.com/person/8"}
    assert events[0].lead == (ExternalId("pipedrive", "8"),)
    assert events[1].data == {"owner": "12415231", "name": "佐藤 花子"}
    assert {event.occurred_at for event in events} == {datetime(2022, 11, 24, 13, 18, 55, tzinfo=UTC)}


def test_a_lead_of_pipedrives_says_whose_the_person_is() -> None:
    (event,) = parse(genuine_body("v2_lead_create")).events
    assert (event.kind, event.lead[0].value, event.data["owner"]) == (EventKind.OWNER, "11", "12415231")


@pytest.mark.parametrize("name", ["v2_deal_create", "v2_deal_change"])
def test_a_deal_is_an_opportunity_since_it_was_made(name: str) -> None:
    (event,) = parse(genuine_body(name)).events
    assert event.kind is EventKind.OPPORTUNITY
    assert event.data["state"] == "open"
    assert event.occurred_at == datetime(2022, 11, 24, 13, 18, 55, tzinfo=UTC) or name == "v2_deal_create"


def test_a_note_says_nothing() -> None:
    assert parse(genuine_body("v2_note_create")) == Parsed()


# --- what counts


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ({}, [EventKind.FOLLOW_UP]),
        ({"done": False}, [EventKind.RETRACTED]),
        ({"done": False, "add_time": AT}, []),
        ({"type": "task"}, []),
        ({"type": "lunch"}, [EventKind.FOLLOW_UP]),
        ({"person_id": None}, []),
        ({"participants": [{"person_id": 10, "primary": True}, {"person_id": 11}]}, [EventKind.FOLLOW_UP] * 2),
    ],
)
def test_only_a_done_activity_with_somebody_is_a_follow_up(said: dict[str, Any], kinds: list[EventKind]) -> None:
    assert [event.kind for event in parse(activity(**said)).events] == kinds


def test_it_counts_from_when_it_was_ticked_off_not_from_when_it_was_due() -> None:
    times = {"due_date": "2026-03-30", "due_time": "09:00", "marked_as_done_time": "2026-04-01T01:30:00Z"}
    (event,) = parse(activity(**times)).events
    assert event.occurred_at == datetime(2026, 4, 1, 1, 30, tzinfo=UTC)
    assert event.recorded_at == datetime(2026, 3, 31, 2, 0, tzinfo=UTC)
    assert (event.record, event.data["by"], event.data["automated"]) == ("activity:2", "佐藤 花子", False)


def test_an_automation_is_no_person() -> None:
    (event,) = parse(activity(), CONFIG.model_copy(update={"automated_users": ["12415231"]})).events
    assert event.data["automated"] is True


def test_a_deleted_activity_is_taken_back_from_whomever_it_was_told_of() -> None:
    (event,) = parse(notice("activity", None, action="delete")).events
    assert (event.kind, event.lead, event.record) == (EventKind.RETRACTED, (), "activity:2")


@pytest.mark.parametrize("shown", [24, {"type": "enum", "id": 24}])
def test_status_and_score_are_custom_fields(shown: object) -> None:
    score = {"type": "double", "value": 86} if isinstance(shown, dict) else 86
    data = {"id": 8, "name": "佐藤", "update_time": AT, "custom_fields": {STATUS: shown, SCORE: score}}
    events = {event.kind: event.data for event in parse(notice("person", data)).events}
    assert events[EventKind.SCORE] == {"score": 86}
    assert events[EventKind.STATUS] == {"status": LeadStatus.CONTACTED, "raw": "24"}


def test_a_status_that_nobody_explained_has_no_meaning() -> None:
    data = {"id": 8, "update_time": AT, "custom_fields": {STATUS: {"type": "enum", "id": 99}}}
    events = {event.kind: event.data for event in parse(notice("person", data)).events}
    assert events[EventKind.STATUS] == {"status": None, "raw": "99"}


# --- the API


@pytest.fixture
def account() -> Iterator[PipedriveVendor]:
    vendor = PipedriveVendor(lambda: NOW)
    with respx.mock(assert_all_called=False) as router:
        router.route(host="api.pipedrive.com").mock(side_effect=vendor.answer)
        yield vendor


def polled(vendor: PipedriveVendor, credential: str = TOKEN) -> list[Any]:
    found, cursor, more = [], PIPEDRIVE.start(NOW - timedelta(hours=1)), True
    while more:
        page = PIPEDRIVE.poll(
            json.loads(json.dumps(cursor)), NOW + timedelta(hours=1), CONFIG, credential, httpx.Client()
        )
        parsed = parse(page.body, method="POLL")
        assert not parsed.problems
        found += parsed.events
        cursor, more = page.cursor, page.more
    return found


def test_what_is_polled_is_what_was_pushed(account: PipedriveVendor) -> None:
    for lead in ("sato", "kato", "mori"):
        account.person(lead, f"{lead}@example.jp", lead)
        account.call(lead)
    account.add("deal", {"status": "won", "won_time": AT, "person_id": 1, "value": 1200000, "title": "原価管理"})
    pushed = [event for sent in account.sent for event in parse(sent.body).events]
    assert sorted(polled(account), key=lambda event: event.key) == sorted(pushed, key=lambda event: event.key)
    assert len(account.asked) > 4  # pages


def test_one_lead_is_asked_about_by_its_id_or_by_its_address(account: PipedriveVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.person("kato", "kato@example.jp", "加藤")
    account.call("sato")
    account.call("kato")
    for lead in (ExternalId("pipedrive", "1"), ExternalId("email", "sato@example.jp")):
        page = PIPEDRIVE.ask_about([lead], NOW - timedelta(hours=1), CONFIG, TOKEN, httpx.Client())
        (event,) = parse(page.body, method="POLL").events
        assert (event.kind, event.lead[0].value) == (EventKind.FOLLOW_UP, "1")


def test_a_wrong_token_is_a_sentence_without_it(account: PipedriveVendor) -> None:
    with pytest.raises(AskFailed, match="no longer accepts the credential") as failed:
        PIPEDRIVE.check(CONFIG, "wrong-token-never-shown", httpx.Client())
    assert "wrong-token" not in str(failed.value)


def test_check_names_the_account_its_statuses_and_what_is_missing(account: PipedriveVendor) -> None:
    ok = [httpx.Response(200, json={"success": True, "data": {"company_name": "山田商事"}})]
    account.refusals = [*ok, httpx.Response(403, json={"error": "Scope and URL mismatch"})]
    checked = PIPEDRIVE.check(CONFIG, TOKEN, httpx.Client())
    assert (checked.account, checked.statuses) == ("山田商事", ("24", "25"))
    (problem,) = checked.problems
    assert problem.place == "persons"
    assert "403" in problem.reason


def test_schema_names_what_is_read() -> None:
    mapped = PIPEDRIVE.mapped(CONFIG)
    assert mapped["person"][SCORE] == "score"
    assert mapped["person"][STATUS] == "status"
    (shown,) = PIPEDRIVE.shown(WebhookRequest("POST", "", {}, genuine_body("v2_person_create"), NOW), CONFIG)
    assert shown.object == "person"
    assert shown.fields["name"] == "Sample"


def test_a_basic_header_is_made_as_it_is_read() -> None:
    request = WebhookRequest("POST", "", {"authorization": basic(SECRET)}, notice("person", {}), NOW)
    CONNECTOR.verify(request, [SECRET], PipedriveConfig(), NOW)


class TestPipedriveJourney(SalesJourney):
    vendor = PipedriveVendor
