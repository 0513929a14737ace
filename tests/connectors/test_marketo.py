"""Marketo's log of activities and its webhooks' template, with errors that come as HTTP 200."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors.contract import AskFailed, CanonicalEvent, EventKind, ExternalId, LeadStatus, Parsed, WebhookRequest
from connectors.marketo.config import MarketoConfig
from connectors.marketo.connector import CONNECTOR, Marketo
from connectors.rounds import kept
from tests.connectors.journey import MarketingJourney
from tests.connectors.marketo_account import CREDENTIAL, MarketoVendor, failed

FIXTURES = Path(__file__).parents[1] / "fixtures" / "marketo"
TEMPLATE = Path(__file__).parents[2] / "connectors" / "marketo" / "template.txt"
HOST = "123-abc-456.mktorest.com"
MARKETO = Marketo()
CONFIG = MarketoConfig(base=f"https://{HOST}", statuses={"接触済み": LeadStatus.CONTACTED}, downloads=["wp-1"])
SECRET = "a-token-of-ours"


def parse(body: bytes, config: MarketoConfig = CONFIG, method: str = "POST") -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest(method, "https://t.example/webhooks/m", {}, body, NOW), config)
    assert_sound(parsed)
    return parsed


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def logged(type_: int, about: str, leads: Any = None, **attributes: str) -> list[CanonicalEvent]:
    told = [{"name": name.replace("_", " "), "value": value} for name, value in attributes.items()]
    activity = {"marketoGUID": "102988", "leadId": 1, "activityDate": "2026-04-01T01:00:00Z", "activityTypeId": type_}
    page = {"result": [activity | {"primaryAttributeValue": about, "attributes": told}]}
    parsed = parse(kept([("activities", {"activities": page, "leads": leads})]), method="POLL")
    assert not parsed.problems
    return parsed.events


class TestMarketoSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return CONNECTOR.sample(CONFIG, SECRET, "https://t.example/webhooks/m", now), [SECRET], CONFIG


class TestMarketoContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    @FUZZ
    @given(st.sampled_from(["activities", "leads"]), st.dictionaries(st.text(max_size=9), JSON), JSON)
    def test_any_answer_parses(self, part: str, entry: Any, value: Any) -> None:
        known = (
            "marketoGUID",
            "id",
            "leadId",
            "activityDate",
            "activityTypeId",
            "attributes",
            "updatedAt",
            "leadScore",
        )
        for result in ([entry], [dict.fromkeys(known, value)], value):
            assert_sound(parse(kept([("activities", {part: {"result": result}})]), method="POLL"))

    @pytest.mark.parametrize(
        "body", [b'{"leadId":51,"score":,"email":"a@b.example"}', b'{"leadId":51,"score":{{lead.Lead Score}}}']
    )
    def test_a_template_with_an_empty_number_is_kept_as_a_problem(self, body: bytes) -> None:
        (problem,) = self.parse(body).problems
        assert "not JSON" in problem.reason


# --- the template


def test_the_template_that_we_ship_filled_in_is_understood() -> None:
    values = {
        "Id": "51",
        "Email Address": '"yamada@example.jp"',
        "Lead Score": "82",
        "dateTime": '"2026-04-01 10:00:00"',
    }
    text = re.sub(r"\{\{\w+\.([\w ]+)\}\}", lambda token: values.get(token[1], '"佐藤"'), TEMPLATE.read_text())
    events = {event.kind: event for event in parse(text.encode()).events}
    assert events.keys() == {EventKind.LEAD, EventKind.SCORE, EventKind.STATUS}
    score = events[EventKind.SCORE]
    assert score.data == {"score": 82}
    assert score.occurred_at == datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
    assert score.lead == (ExternalId("marketo", "51"), ExternalId("email", "yamada@example.jp"))
    assert set(json.loads(re.sub(r"\{\{.*?\}\}", "1", TEMPLATE.read_text()))) == MARKETO.fields["webhook"].keys()


def test_derived_the_tokens_of_the_stored_template_are_those_of_ours() -> None:
    """The stored one was written from memory; what both name must agree."""
    tokens = re.findall(r"\{\{(.*?)\}\}", (FIXTURES / "webhook_payload_template.derived.txt").read_text())
    ours = re.findall(r"\{\{(.*?)\}\}", TEMPLATE.read_text())
    assert {"lead.Id", "lead.Email Address", "lead.Lead Score", "company.Company Name"} <= set(tokens) & set(ours)


@pytest.mark.parametrize(
    ("source", "kinds"),
    [("api", {EventKind.LEAD}), ("webhook", {EventKind.LEAD, EventKind.ACTIVITY})],
)
def test_a_download_is_told_by_one_side_only(source: str, kinds: set[EventKind]) -> None:
    body = json.dumps({"leadId": 51, "activity": "download", "asset": "wp-1", "sentAt": "2026-04-01 10:00:00"}).encode()
    config = CONFIG.model_copy(update={"activities_from": source})
    assert {event.kind for event in parse(body, config).events} == kinds


def test_nobody_in_particular_is_a_problem() -> None:
    (problem,) = parse(b'{"leadId":"","email":"","score":82}').problems
    assert "neither" in problem.reason


# --- the log


def test_the_genuine_page_is_a_visit() -> None:
    page = {"activities": fixture("rest_activities_page"), "leads": fixture("rest_leads_by_filter")}
    events = parse(kept([("activities", page)]), method="POLL").events
    visit = next(event for event in events if event.kind is EventKind.ACTIVITY)
    assert visit.data["activity"] == "visit"
    assert visit.occurred_at == datetime(2023, 1, 16, 23, 32, 19, tzinfo=UTC)
    names = {e.lead[0].value: e.data.get("name") for e in events if e.kind is EventKind.LEAD}
    assert names == {"318581": "Abraham Lincoln", "318592": "George Washington"}


@pytest.mark.parametrize(
    ("type_", "about", "attributes", "kind", "data"),
    [
        (2, "問い合わせ", {}, EventKind.ACTIVITY, {"activity": "form", "asset": "問い合わせ", "title": "問い合わせ"}),
        (2, "wp-1", {}, EventKind.ACTIVITY, {"activity": "download", "asset": "wp-1", "title": "wp-1"}),
        (22, "Lead Score", {"New_Value": "86"}, EventKind.SCORE, {"score": 86}),
        (13, "Lead Score", {"New_Value": "86.5"}, EventKind.SCORE, {"score": 86.5}),
        (13, "Lead Status", {"New_Value": "接触済み"}, EventKind.STATUS, {"status": "contacted", "raw": "接触済み"}),
        (13, "Lead Status", {"New_Value": "謎"}, EventKind.STATUS, {"status": None, "raw": "謎"}),
    ],
)
def test_activities(type_: int, about: str, attributes: Any, kind: EventKind, data: dict[str, Any]) -> None:
    (event,) = logged(type_, about, **attributes)
    assert (event.kind, event.data) == (kind, data)


@pytest.mark.parametrize(("type_", "about"), [(12, ""), (22, "Behavior Score"), (13, "Phone"), (10, "mail"), (46, "x")])
def test_what_nobody_asked_for_says_nothing(type_: int, about: str) -> None:
    assert logged(type_, about, New_Value="1") == []


def test_a_merge_joins_the_ids() -> None:
    (event,) = logged(32, "", Merge_IDs="[12, 13]")
    assert [known.value for known in event.lead] == ["1", "12", "13"]


# --- the API


@pytest.fixture
def account() -> Iterator[MarketoVendor]:
    vendor = MarketoVendor(lambda: NOW)
    with respx.mock(assert_all_called=False) as router:
        router.route(host=HOST).mock(side_effect=vendor.answer)
        yield vendor


def polled(credential: str = CREDENTIAL) -> list[CanonicalEvent]:
    found, cursor, more = [], MARKETO.start(NOW - timedelta(days=90)), True
    while more:
        page = MARKETO.poll(json.loads(json.dumps(cursor)), NOW, CONFIG, credential, httpx.Client())
        found += parse(page.body, method="POLL").events
        cursor, more = page.cursor, page.more
    assert cursor == {"since": NOW.isoformat()}
    return found


def test_short_pages_are_read_to_the_end_once(account: MarketoVendor) -> None:
    for number in range(5):
        account.person(f"lead-{number}", f"lead-{number}@example.jp", "佐藤")
        account.download(f"lead-{number}", "wp-1")
    downloads = [event.key for event in polled() if event.kind is EventKind.ACTIVITY]
    assert len(downloads) == len(set(downloads)) == 5
    assert downloads == [event.key for event in polled() if event.kind is EventKind.ACTIVITY]


@pytest.mark.parametrize(
    ("code", "words", "pause"),
    [
        ("607", "daily quota", 3600),
        ("603", "Read-Only Lead", None),
        ("1003", "refused the question .1003", None),
        ("", "refused the question", None),
    ],
)
def test_errors_inside_200(account: MarketoVendor, code: str, words: str, pause: float | None) -> None:
    account.refusals = [failed(code, "secret-never-shown")]
    with pytest.raises(AskFailed, match=words) as refused:
        MARKETO.check(CONFIG, CREDENTIAL, httpx.Client())
    assert refused.value.retry_after == pause
    assert "never-shown" not in str(refused.value)


def test_a_token_that_ended_is_fetched_anew_although_the_status_is_200(account: MarketoVendor) -> None:
    account.refusals = [failed("602", "Access token expired")]
    assert MARKETO.check(CONFIG, CREDENTIAL, httpx.Client()).problems == ()
    assert account.asked.count("/identity/oauth/token") >= 1


def test_a_wrong_secret_is_a_sentence_without_it(account: MarketoVendor) -> None:
    wrong = json.dumps({"client_id": "id", "client_secret": "wrong-0815"})
    with pytest.raises(AskFailed, match="no access token") as refused:
        MARKETO.check(CONFIG, wrong, httpx.Client())
    assert "0815" not in str(refused.value)


def test_check_names_fields_that_are_not_there(account: MarketoVendor) -> None:
    config = CONFIG.model_copy(update={"score_field": "mkto_Score"})
    (problem,) = MARKETO.check(config, CREDENTIAL, httpx.Client()).problems
    assert problem.place == "score_field"


class TestMarketoJourney(MarketingJourney):
    vendor = MarketoVendor
