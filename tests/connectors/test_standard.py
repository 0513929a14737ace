"""Standard Webhooks vectors are the specification's own; `standardwebhooks` is the independent sender."""

from __future__ import annotations

import hmac
import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound
from standardwebhooks import Webhook

from connectors.contract import (
    AskFailed,
    CanonicalEvent,
    EventKind,
    ExternalId,
    LeadStatus,
    Outcome,
    Parsed,
    Unverified,
    WebhookRequest,
)
from connectors.standard.connector import CONNECTOR, PROBLEMS_PER_ITEM, StandardConfig
from connectors.standard.connector import __file__ as CONNECTOR_FILE
from connectors.standard.examples import example_events
from connectors.standard.schema import DATA, EVENT, ID_LENGTH, check_canonical

FIXTURES = Path(__file__).parents[1] / "fixtures" / "standard-webhooks"
URL = "https://tasuki.example.jp/webhooks/crm"
SECRET = "whsec_c2FtcGxlLXNlY3JldC1mb3ItdGVzdHMtb25seQ=="
BODY = json.dumps(example_events(), ensure_ascii=False).encode()


def posted(body: bytes, headers: dict[str, str] | None = None) -> WebhookRequest:
    return WebhookRequest("POST", URL, headers or {}, body, NOW)


def signed(at: datetime, body: bytes = BODY, secret: str = SECRET, prefix: str = "webhook") -> WebhookRequest:
    """Signed by the published package."""
    headers = {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": str(int(at.timestamp())),
        f"{prefix}-signature": Webhook(secret).sign("msg_1", at, body.decode()),
        "content-type": "application/json",
    }
    return posted(body, headers)


def verify(request: WebhookRequest, secrets: list[str], at: datetime = NOW, **config: Any) -> None:
    CONNECTOR.verify(request, secrets, StandardConfig(**config), at)


def parse(value: Any, **config: Any) -> Parsed:
    parsed = CONNECTOR.parse(posted(json.dumps(value).encode()), StandardConfig(**config))
    for event in parsed.events:
        check_canonical(event)
    return parsed


def only(value: Any, **config: Any) -> CanonicalEvent:
    parsed = parse(value, **config)
    assert parsed.problems == []
    (event,) = parsed.events
    return event


def event(like: str = "score", /, **changes: Any) -> dict[str, Any]:
    """The example of this kind with some keys changed; `...` removes one."""
    example = next(example for example in example_events() if example["kind"] == like)
    return {key: value for key, value in {**example, **changes}.items() if value is not ...}


# --- proof ------------------------------------------------------------------------------------------------------


class TestSignatureSecurity(SecurityTests):
    connector = CONNECTOR

    def genuine(self, now: datetime) -> Genuine:
        return signed(now), [SECRET], StandardConfig()


class TestSvixSecurity(SecurityTests):
    connector = CONNECTOR

    def genuine(self, now: datetime) -> Genuine:
        return signed(now, prefix="svix"), [SECRET], StandardConfig()


class TestBearerSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return posted(BODY, {"authorization": f"Bearer {SECRET}"}), [SECRET], StandardConfig(auth="token")


class TestHeaderTokenSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        config = StandardConfig(auth="token", token_header="X-Tasuki-Token")
        return posted(BODY, {"x-tasuki-token": "合言葉"}), ["合言葉"], config


@pytest.mark.parametrize("vector", sorted(FIXTURES.glob("vector_*.json")), ids=lambda file: file.stem)
def test_vectors(vector: Path) -> None:
    known = json.loads(vector.read_text(encoding="utf-8"))
    request = posted(known["body"].encode(), known["headers"])
    now = datetime.fromtimestamp(known["now_for_test"], UTC)
    verify(request, [known["secret"]], now)
    with pytest.raises(Unverified, match="no v1 signature"):
        verify(posted(request.body + b" ", known["headers"]), [known["secret"]], now)


def test_official_delivery_as_raw_request() -> None:
    head, _, body = (FIXTURES / "delivery_v1_official.http").read_bytes().partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode().splitlines()[1:]]
    request = posted(body, {name.lower(): value for name, _, value in lines})
    verify(request, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], datetime.fromtimestamp(1614265340, UTC))


@given(body=st.text(st.characters(exclude_categories=["Cs"])), key=st.binary(min_size=24, max_size=64))
@FUZZ
def test_whatever_the_published_package_signs_is_accepted(body: str, key: bytes) -> None:
    secret = Webhook(key)
    request = posted(body.encode(), {"webhook-id": "m", "webhook-timestamp": str(int(NOW.timestamp()))})
    headers = {**request.headers, "webhook-signature": secret.sign("m", NOW, body)}
    whsec = "whsec_" + b64encode(key).decode()
    verify(posted(request.body, headers), [whsec.rstrip("=")])
    verify(posted(request.body, headers), [whsec])
    verify(posted(request.body, headers), [whsec.removeprefix("whsec_")])


GOOD = signed(NOW).headers["webhook-signature"]


@pytest.mark.parametrize(
    ("signature", "accepted"),
    [
        (GOOD, True),
        (f"nonsense {GOOD}", True),
        (f"v1 v1, ,x v1,,{GOOD} {GOOD}", True),
        (f"v1a,AAAA v2,BBBB   {GOOD}", True),
        (f"{GOOD} v1,山田", True),
        (GOOD.replace("v1,", "v2,"), False),
        (GOOD.replace("v1,", "v1a,"), False),
        (GOOD.replace("v1,", "V1,"), False),
        (GOOD.removeprefix("v1,"), False),
        (GOOD[:-4], False),
        (f"{GOOD}=", False),
        (f"{GOOD},x", False),
    ],
)
def test_signature_lists(signature: str, accepted: bool) -> None:
    request = signed(NOW)
    request = posted(request.body, {**request.headers, "webhook-signature": signature})
    if accepted:
        verify(request, [SECRET])
        return
    with pytest.raises(Unverified, match="no v1 signature"):
        verify(request, [SECRET])


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"webhook-id": ""}, "the header webhook-id is missing"),
        ({"webhook-timestamp": ""}, "the header webhook-timestamp is missing"),
        ({"webhook-signature": ""}, "the header webhook-signature is missing"),
        ({"webhook-id": "msg.1"}, "must not contain a full stop"),
        ({"webhook-timestamp": "1790238600.5"}, "whole seconds"),
        ({"webhook-timestamp": "99999999999"}, "in the future"),
        ({"webhook-timestamp": "999999999999"}, "whole seconds"),
        ({"webhook-timestamp": "0"}, "days ago"),
        ({"webhook-id": "msg_2"}, "no v1 signature"),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, "no v1 signature"),
    ],
)
def test_signature_refusals(headers: dict[str, str], reason: str) -> None:
    request = signed(NOW)
    with pytest.raises(Unverified, match=reason):
        verify(posted(request.body, {**request.headers, **headers}), [SECRET])


def test_a_full_stop_cannot_move_the_border_between_id_and_timestamp() -> None:
    """`msg.1790000000` + `.` + old body would be signed alike as `msg` + `1790000000`."""
    stamp = str(int(NOW.timestamp()))
    signature = Webhook(SECRET).sign("msg.1", NOW, "{}")
    with pytest.raises(Unverified, match="full stop"):
        verify(
            posted(b"{}", {"webhook-id": "msg.1", "webhook-timestamp": stamp, "webhook-signature": signature}), [SECRET]
        )


@pytest.mark.parametrize("secret", ["whsec_", "whsec_%%%", "whsec_====", "山田"])
def test_a_malformed_secret_is_no_empty_key(secret: str) -> None:
    stamp = str(int(NOW.timestamp()))
    forged = b64encode(hmac.digest(b"", f"m.{stamp}.{{}}".encode(), "sha256")).decode()
    headers = {"webhook-id": "m", "webhook-timestamp": stamp, "webhook-signature": f"v1,{forged}"}
    with pytest.raises(Unverified, match="no v1 signature"):
        verify(posted(b"{}", headers), [secret])


@pytest.mark.parametrize(
    ("config", "headers", "refusal"),
    [
        ({"auth": "token"}, {"authorization": f"Bearer {SECRET}"}, None),
        ({"auth": "token"}, {"authorization": f"bearer  {SECRET} "}, None),
        ({"auth": "token"}, {"authorization": SECRET}, "must be: Bearer"),
        ({"auth": "token"}, {"authorization": f"Basic {SECRET}"}, "must be: Bearer"),
        ({"auth": "token"}, {"authorization": "Bearer"}, "not the source's secret"),
        ({"auth": "token"}, {"authorization": f"Bearer {SECRET}x"}, "not the source's secret"),
        ({"auth": "token"}, {"x-tasuki-token": SECRET}, "Authorization is missing"),
        ({"auth": "token", "token_header": "X-Tasuki-Token"}, {"x-tasuki-token": SECRET}, None),
        ({"auth": "token", "token_header": "x-tasuki-token"}, {"x-tasuki-token": f" {SECRET} "}, None),
        ({"auth": "token", "token_header": "X-Tasuki-Token"}, {"x-tasuki-token": f"Bearer {SECRET}"}, "not the"),
        ({"auth": "token", "token_header": "X-Tasuki-Token"}, {"authorization": f"Bearer {SECRET}"}, "is missing"),
        ({"auth": "token"}, dict(signed(NOW).headers), "Authorization is missing"),
        ({"auth": "signature"}, {"authorization": f"Bearer {SECRET}"}, "webhook-id is missing"),
        ({}, {"authorization": f"Bearer {SECRET}", "x-tasuki-token": SECRET}, "webhook-id is missing"),
    ],
)
def test_exactly_the_configured_proof_counts(
    config: dict[str, Any], headers: dict[str, str], refusal: str | None
) -> None:
    if refusal is None:
        verify(posted(BODY, headers), [SECRET], **config)
        return
    with pytest.raises(Unverified, match=refusal):
        verify(posted(BODY, headers), [SECRET], **config)


@pytest.mark.parametrize("config", [{"auth": "none"}, {"token_header": ""}, {"token_header": "X Y"}, {"tokn": "x"}])
def test_config_refuses_nonsense(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StandardConfig(**config)


# --- content ----------------------------------------------------------------------------------------------------


class TestContent(ContentTests):
    connector = CONNECTOR
    config = StandardConfig(statuses={"対応中": LeadStatus.WORKING}, owners={"u-204": "佐藤"})

    def parse(self, body: bytes) -> Parsed:
        """What can be parsed can be shown."""
        assert all(isinstance(one.object, str) for one in CONNECTOR.shown(self.request(body), self.config))
        return super().parse(body)

    @FUZZ
    @given(st.data())
    def test_examples_with_any_value_anywhere(self, data: st.DataObject) -> None:
        """Deeper than random JSON gets: one known event in which one value became another."""
        item = deepcopy(data.draw(st.sampled_from(example_events())))
        target = data.draw(st.sampled_from([item, item["lead"]]))
        target[data.draw(st.sampled_from(sorted(target)) | st.text(max_size=5))] = data.draw(JSON)
        parsed = self.parse(json.dumps([item, event()]).encode())
        assert parsed.events[-1].key == event()["id"]
        assert len(parsed.events) == 2 or parsed.problems


def test_every_example_becomes_an_event() -> None:
    parsed = parse(example_events(), statuses={"対応中": "working"})
    assert parsed.problems == []
    assert parsed.lookups == []
    assert {event.kind for event in parsed.events} == set(DATA)
    assert [event.key for event in parsed.events] == [example["id"] for example in example_events()]


LEAD = (
    ExternalId("standard", "L-1024"),
    ExternalId("email", "yamada@example.co.jp"),
)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (
            "lead",
            {
                "name": "山田 太郎",
                "company": "株式会社みなと精機",
                "attributes": {"industry": "製造", "employees": 320},
                "url": "https://crm.example.jp/leads/L-1024",
            },
        ),
        (
            "activity",
            {
                "activity": "download",
                "asset": "wp-07",
                "title": "原価管理 導入事例集 2026",
                "topics": ["原価管理"],
            },
        ),
        ("score", {"score": 82}),
        ("owner", {"owner": "u-204", "name": "佐藤 花子", "email": "sato@example.jp"}),
        ("follow_up", {"channel": "call", "automated": False, "by": "佐藤 花子", "outcome": "connected"}),
        ("status", {"status": None, "raw": "対応中"}),
        ("disposition", {"outcome": "sql", "by": "佐藤 花子"}),
        (
            "opportunity",
            {
                "opportunity": "opp-9001",
                "state": "open",
                "stage": "提案",
                "amount": 1200000,
                "name": "みなと精機 原価管理",
            },
        ),
        ("retracted", {"reason": "取引先違い", "by": "佐藤 花子"}),
        ("acknowledged", {"by": "佐藤 花子", "until": "2026-09-25T04:00:00Z"}),
        (
            "pause",
            {
                "reason": "20日に改めて電話してほしいとのこと",
                "until": "2026-10-20T01:00:00Z",
                "by": "佐藤 花子",
            },
        ),
        ("resume", {"by": "佐藤 花子"}),
        ("answer", {"text": "予算は来期に確保予定とのこと。事例集を送りました", "by": "鈴木 一郎"}),
    ],
)
def test_data_of_each_kind(kind: str, data: dict[str, Any]) -> None:
    found = only(event(kind))
    assert (found.kind, found.data) == (EventKind(kind), data)
    assert tuple(one for one in found.lead if one.system != "hubspot") == LEAD


def test_times_become_utc() -> None:
    found = only(event("follow_up"))
    assert found.occurred_at == datetime(2026, 9, 24, 0, 40, tzinfo=UTC)
    assert found.occurred_at.tzinfo is UTC
    assert found.recorded_at == datetime(2026, 9, 24, 0, 52, 31, tzinfo=UTC)


@pytest.mark.parametrize("kind", sorted(DATA))
def test_every_kind_may_name_the_record_behind_it(kind: str) -> None:
    found = only(event(kind, record=" calls/3310 ", revised_at="2026-09-24T18:20:00+09:00"))
    assert (found.record, found.revised_at) == ("calls/3310", datetime(2026, 9, 24, 9, 20, tzinfo=UTC))
    if kind != "retracted":
        without = only(event(kind, record="", revised_at=""))
        assert (without.record, without.revised_at) == (None, None)


def test_a_revision_without_an_id_is_another_fact() -> None:
    call = event("follow_up", id=...)
    later = {**call, "revised_at": "2026-09-24T20:00:00+09:00"}
    assert len({only(call).key, only(later).key, only({**call, "record": "calls/9"}).key}) == 3
    assert only(later).key == only(dict(reversed(later.items()))).key


@pytest.mark.parametrize("kind", ["pause", "acknowledged"])
def test_an_end_is_optional_and_stored_in_utc(kind: str) -> None:
    assert "until" not in only(event(kind, until=...)).data
    assert "until" not in only(event(kind, until="")).data
    assert only(event(kind, until="2026-10-31T09:00:00.5+09:00")).data["until"] == "2026-10-31T00:00:00.500000Z"
    for key in ("until", "occurred_at"):
        first = {key: event(kind)[key], **event(kind)}  # whichever of the two is read first
        assert only(first).data["until"].endswith("Z")
        (problem,) = parse({**first, "until": first["occurred_at"]}).problems
        assert (problem.place, problem.reason) == ("until", TOO_EARLY)


def test_terms_are_never_taken_from_outside() -> None:
    (problem,) = parse(event(kind="terms", policy=1, by="somebody")).problems
    assert (problem.place, problem.reason) == ("kind", KINDS)


@pytest.mark.parametrize(
    "shape",
    [
        lambda one: one,
        lambda one: [one],
        lambda one: {"type": "lead.score", "timestamp": "2026-09-24T08:30:00Z", "data": one},
        lambda one: {"type": "lead.score", "timestamp": "2026-09-24T08:30:00Z", "data": [one], "extra": 1},
    ],
    ids=["event", "list", "envelope", "envelope of a list"],
)
def test_the_shapes_of_a_body(shape: Any) -> None:
    assert only(shape(event())).data == {"score": 82}


@pytest.mark.parametrize("body", [[], {"type": "t", "timestamp": "x", "data": []}])
def test_nothing_is_no_problem(body: Any) -> None:
    assert parse(body) == Parsed()


NO_ZONE = "has no time zone; write it like 2026-09-24T17:30:00+09:00 or 2026-09-24T08:30:00Z"
NO_TIME = "must be a time like 2026-09-24T17:30:00+09:00"
NO_TEXT = "must be a time written as text, like 2026-09-24T17:30:00+09:00"
NO_NUMBER = "must be a number"
KINDS = (
    "must be one of lead, score, activity, owner, status, follow_up, disposition, opportunity, "
    "retracted, pause, resume, answer, acknowledged"
)
TOO_LONG = f"String should have at most {ID_LENGTH} characters"
TOO_EARLY = "must be later than occurred_at"
MISSPELT = "is not a key of this kind of event; check the spelling"
NOBODY = "needs at least one of id, email and ids"


@pytest.mark.parametrize(
    ("wrong", "place", "reason"),
    [
        (event(occurred_at="2026-09-24T17:30:00"), "occurred_at", NO_ZONE),
        (event(occurred_at="2026-09-24"), "occurred_at", NO_ZONE),
        (event(occurred_at="yesterday"), "occurred_at", NO_TIME),
        (event(occurred_at=""), "occurred_at", NO_TIME),
        (event(occurred_at=1790238600), "occurred_at", NO_TEXT),
        (event(occurred_at="0001-01-01T00:00:00+09:00"), "occurred_at", "must be a time between the years 1 and 9999"),
        (event(occurred_at=...), "occurred_at", "is missing"),
        (event("follow_up", recorded_at="2026-09-24T17:30:00"), "recorded_at", NO_ZONE),
        (event(kind="scores"), "kind", KINDS),
        (event(kind=...), "kind", KINDS),
        (event(kind=["score"]), "kind", KINDS),
        (event(scor=5), "scor", MISSPELT),
        (event(score=...), "score", "is missing"),
        (event(score="eighty"), "score", NO_NUMBER),
        (event(score=""), "score", NO_NUMBER),
        (event(score=True), "score", NO_NUMBER),
        (event(score=None), "score", NO_NUMBER),
        (event(score="1_000"), "score", NO_NUMBER),
        (event(score=10**400), "score", "must be a number between -1e18 and 1e18"),
        (event(score=1e300), "score", "must be a number between -1e18 and 1e18"),
        (event(lead={}), "lead", NOBODY),
        (event(lead={"id": " ", "email": "", "ids": {"hubspot": ""}}), "lead", NOBODY),
        (event(lead=...), "lead", "is missing"),
        (event(lead=51), "lead", "must be an object"),
        (event(lead={"id": "1", "mail": "a@example.jp"}), "lead.mail", MISSPELT),
        (event(lead={"email": "yamada"}), "lead.email", "must be an e-mail address like sato@example.jp"),
        (event(lead={"email": "a b@example.jp"}), "lead.email", "must be an e-mail address like sato@example.jp"),
        (event(lead={"ids": {"email": "a@example.jp"}}), "lead", "names an address in ids; write it as email"),
        (event(lead={"ids": {" ": "51"}}), "lead.ids. ", "must not be blank"),
        (event(lead={"id": True}), "lead.id", "Input should be a valid string"),
        (event(id="x" * (ID_LENGTH + 1)), "id", TOO_LONG),
        (event(id=10**ID_LENGTH), "id", f"an id has at most {ID_LENGTH} characters"),
        (event("activity", title="a\x00b"), "title", "holds a NUL character, which cannot be stored"),
        (event("activity", title="\ud83d"), "title", "holds half of a surrogate pair, which is not a character"),
        (event("activity", activity=""), "activity", "must not be blank"),
        (event("activity", topics=["a", 5]), "topics[1]", "Input should be a valid string"),
        (event("lead", attributes={"a": [1]}), "attributes.a", "must be text, a number, true, false or null"),
        (event("lead", url="javascript:alert(1)"), "url", "must be an address that begins with https:// or http://"),
        (event("lead", url="https://[x"), "url", "must be an address that begins with https:// or http://"),
        (event("owner", owner=...), "owner", "is missing"),
        (event("status", status=""), "status", "must not be blank"),
        (event("follow_up", automated=...), "automated", "is missing"),
        (event("follow_up", channel="fax"), "channel", "Input should be 'call', 'email', 'meeting' or 'other'"),
        (event("opportunity", state="closed"), "state", "Input should be 'open', 'won' or 'lost'"),
        (event("retracted", record=...), "record", "is missing"),
        (event("retracted", record=" "), "record", "must not be blank"),
        (event("retracted", record=None), "record", "Input should be a valid string"),
        (event("follow_up", record="r" * (ID_LENGTH + 1)), "record", TOO_LONG),
        (event("follow_up", revised_at="2026-09-24T17:30:00"), "revised_at", NO_ZONE),
        (event("pause", reason=...), "reason", "is missing"),
        (event("pause", reason=" \u3000"), "reason", "must not be blank"),
        (event("pause", until="2026-09-25T09:59:59+09:00"), "until", TOO_EARLY),
        (event("pause", until="2026-10-20"), "until", NO_ZONE),
        (event("acknowledged", until="2026-09-25T00:00:00Z"), "until", TOO_EARLY),
        (event("resume", until="2026-10-20T10:00:00Z"), "until", MISSPELT),
        (event("answer", reason="x"), "reason", MISSPELT),
    ],
)  # fmt: skip
def test_one_wrong_item_does_not_stop_the_others(wrong: dict[str, Any], place: str, reason: str) -> None:
    parsed = parse([event(), wrong, event(id="next")])
    assert [event.key for event in parsed.events] == [event()["id"], "next"]
    assert [(problem.place, problem.reason) for problem in parsed.problems] == [(f"[1].{place}", reason)]
    (alone,) = parse(wrong).problems
    assert alone.place == place
    (wrapped,) = parse({"type": "t", "data": [wrong]}).problems
    assert wrapped.place == f"data[0].{place}"


def test_items_that_are_no_objects() -> None:
    parsed = parse([5, None, event(), [event()]])
    assert len(parsed.events) == 1
    assert [(problem.place, problem.reason) for problem in parsed.problems] == [
        (place, "must be an object") for place in ("[0]", "[1]", "[3]")
    ]


def test_an_event_with_a_data_key_is_no_envelope() -> None:
    (problem,) = parse(event(data=event())).problems
    assert (problem.place, problem.reason) == ("data", MISSPELT)


def test_the_problems_of_one_item_are_bounded() -> None:
    wrong = {**event(), **{f"k{n}": n for n in range(1000)}}
    assert len(parse([wrong, {**wrong}]).problems) == 2 * PROBLEMS_PER_ITEM


def test_places_are_short_and_printable() -> None:
    (problem,) = parse({**event(), "\x00\n" + "k" * 500: 1}).problems
    assert problem.place == "??" + "k" * 58


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[NaN]", "is not JSON: NaN is no JSON number"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"5", "must be an event, a list of events, or an envelope with either in data"),
        (b"null", "must be an event, a list of events, or an envelope with either in data"),
        (b'{"type":"t","data":"x"}', "must be an event, a list of events, or an envelope with either in data"),
    ],
)
def test_an_unreadable_body_is_one_problem(body: bytes, reason: str) -> None:
    (problem,) = CONNECTOR.parse(posted(body), StandardConfig()).problems
    assert (problem.place, problem.reason) == ("body", reason)


def test_the_specification_s_thin_payload_is_a_problem_not_an_event() -> None:
    parsed = CONNECTOR.parse(posted((FIXTURES / "spec_payload_thin.json").read_bytes()), StandardConfig())
    assert [(problem.place, problem.reason) for problem in parsed.problems] == [("data.kind", KINDS)]
    assert parsed.events == []


# --- identity ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lead", "system", "ids"),
    [
        ({"id": "L-1"}, "", [("standard", "L-1")]),
        ({"id": 51}, "crm-osaka", [("crm-osaka", "51")]),
        ({"email": " Yamada@Example.CO.JP "}, "", [("email", "yamada@example.co.jp")]),
        (
            {"email": "a@example.jp", "ids": {"hubspot": 51, "mautic": ""}, "id": " L-1 "},
            "",
            [("standard", "L-1"), ("hubspot", "51"), ("email", "a@example.jp")],
        ),
        ({"id": "1", "ids": {"crm": "1", "ma": "1"}}, "crm", [("crm", "1"), ("ma", "1")]),
        ({"id": "", "email": None, "ids": {"ma": "7"}}, "", [("ma", "7")]),
    ],
)
def test_ids_of_a_lead(lead: dict[str, Any], system: str, ids: list[tuple[str, str]]) -> None:
    assert [(one.system, one.value) for one in only(event(lead=lead), system=system).lead] == ids


def test_the_key_is_the_sender_s_own_or_made_of_the_content() -> None:
    assert only(event(id=9120)).key == "9120"
    nameless = only(event(id=...))
    assert nameless.key.startswith("sha256:")
    assert only(dict(reversed(event(id=...).items()))).key == nameless.key
    assert only(event(id=..., score=83)).key != nameless.key
    assert only(event(id="")).key.startswith("sha256:")


def test_a_replay_under_another_configuration_is_the_same_fact() -> None:
    before, after = only(event("status", id=...)), only(event("status", id=...), statuses={"対応中": "working"})
    assert before.key == after.key
    assert before.data != after.data


# --- what the configuration adds --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "statuses", "data"),
    [
        ({"status": "working"}, {}, {"status": "working", "raw": "working"}),
        ({"status": "対応中"}, {"対応中": "working"}, {"status": "working", "raw": "対応中"}),
        ({"status": " 対応中 "}, {"対応中": "working"}, {"status": "working", "raw": "対応中"}),
        ({"status": "対応中"}, {}, {"status": None, "raw": "対応中"}),
        ({"status": "Working"}, {}, {"status": None, "raw": "Working"}),
        ({"status": "working", "raw": "電話中"}, {}, {"status": "working", "raw": "電話中"}),
        ({"status": "qualified"}, {"qualified": "working"}, {"status": "working", "raw": "qualified"}),
        ({"status": 4}, {"4": "recycled"}, {"status": "recycled", "raw": "4"}),
    ],
)
def test_statuses(sent: dict[str, Any], statuses: dict[str, str], data: dict[str, Any]) -> None:
    assert only(event("status", **sent), statuses=statuses).data == data


@pytest.mark.parametrize(
    ("sent", "data"),
    [
        ({"owner": "u-1"}, {"owner": "u-1", "name": "佐藤", "email": "sato@example.jp"}),
        ({"owner": "u-1", "name": "佐藤 花子"}, {"owner": "u-1", "name": "佐藤 花子", "email": "sato@example.jp"}),
        ({"owner": "u-1", "email": "Hanako@b.jp"}, {"owner": "u-1", "name": "佐藤", "email": "hanako@b.jp"}),
        ({"owner": 7}, {"owner": "7"}),
        ({"owner": None}, {"owner": None}),
        ({"owner": ""}, {"owner": None}),
    ],
)
def test_owners(sent: dict[str, Any], data: dict[str, Any]) -> None:
    config = {"owners": {"u-1": "佐藤"}, "owner_emails": {"u-1": "Sato@example.jp"}}
    assert only(event("owner", **{"name": ..., "email": ..., **sent}), **config).data == data


def test_attributes_take_the_names_that_rules_use() -> None:
    sent = event("lead", attributes={"業種": "製造", "bant": None, "予算": 1.5, "既存": False})
    assert only(sent, attributes={"業種": "industry"}).data["attributes"] == {
        "industry": "製造",
        "bant": None,
        "予算": 1.5,
        "既存": False,
    }


@pytest.mark.parametrize(
    ("sent", "score"), [(82, 82), (82.5, 82.5), ("82", 82), (" 82.5 ", 82.5), ("-3", -3), (0, 0), (1e15, 1e15)]
)
def test_numbers_may_come_as_text(sent: Any, score: float) -> None:
    found = only(event(score=sent)).data["score"]
    assert (found, type(found)) == (score, type(score))


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-09-24T17:30:00+09:00", "2026-09-24T08:30:00+00:00"),
        ("2026-09-24T17:30:00+0900", "2026-09-24T08:30:00+00:00"),
        ("2026-09-24 17:30:00+09:00", "2026-09-24T08:30:00+00:00"),
        ("2026-09-24T08:30:00Z", "2026-09-24T08:30:00+00:00"),
        ("2026-09-24t08:30:00.25z", "2026-09-24T08:30:00.250000+00:00"),
        ("2026-09-24T00:00:00.123456789-08:00", "2026-09-24T08:00:00.123456+00:00"),
    ],
)
def test_times(written: str, utc: str) -> None:
    assert only(event(occurred_at=written)).occurred_at.isoformat() == utc


# --- the two READMEs ---------------------------------------------------------------------------------------------

README = Path(CONNECTOR_FILE).parent
PAGES = [README / "README.md", README / "README.ja.md"]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced code of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_readme_examples_are_understood(page: Path) -> None:
    examples = [json.loads(block) for block in blocks(page, "json")]
    assert examples
    for example in examples:
        parsed = parse(example)
        assert parsed.events
        assert parsed.problems == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_readme_table_names_every_key_and_word(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    words = {str(word) for known in (DATA, LeadStatus, Outcome) for word in known}
    words |= {"call", "email", "meeting", "other", "open", "won", "lost"}
    words |= {name for model in EVENT.json_schema()["$defs"].values() for name in model.get("properties", {})}
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_readme_python_signs_what_is_accepted(page: Path) -> None:
    (program,) = blocks(page, "python")
    sent: dict[str, Any] = {}
    given = {"SECRET": SECRET, "body": BODY, "post": lambda headers: sent.update(headers)}
    exec(program, given)
    at = datetime.fromtimestamp(int(sent["webhook-timestamp"]), UTC)
    verify(posted(BODY, sent), [SECRET], at)


@pytest.mark.skipif(not all(map(which, ("sh", "openssl", "xxd"))), reason="needs sh, openssl and xxd")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_readme_shell_signs_what_is_accepted(page: Path, tmp_path: Path) -> None:
    """`curl` becomes a function that prints its arguments, one a line."""
    program = next(block for block in blocks(page, "sh") if "openssl" in block)
    (tmp_path / "events.json").write_bytes(BODY)
    script = f"curl() {{ printf '%s\\n' \"$@\"; }}\nSECRET={SECRET}\n{program}"
    done = subprocess.run(["sh", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    headers = dict(line.split(": ", 1) for line in done.stdout.splitlines() if line.startswith("webhook-"))
    assert "--data-binary\n@events.json" in done.stdout
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    verify(posted(BODY, headers), [SECRET], at)


# --- the rest of the contract -----------------------------------------------------------------------------------


def test_the_body_is_stored_as_it_came() -> None:
    assert CONNECTOR.to_store(BODY) == BODY


def test_there_is_nothing_to_ask() -> None:
    with httpx.Client() as http, pytest.raises(AskFailed, match="have no API to ask") as failure:
        CONNECTOR.fetch([], StandardConfig(), "", http)
    assert failure.value.retry_after is None


def test_the_json_schema_describes_every_kind_and_key() -> None:
    schema = EVENT.json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(DATA) == set(EventKind) - {EventKind.TERMS}
    for model in schema["$defs"].values():
        if "kind" not in model.get("properties", {}):
            continue
        assert model["additionalProperties"] is False
        undescribed = {name for name, key in model["properties"].items() if "description" not in key}
        assert undescribed == {"kind", "lead"}


GENUINE = CanonicalEvent("k", EventKind.SCORE, NOW, (ExternalId("crm", "51"),), {"score": 82})


def wrong_events() -> Iterator[Any]:
    ids = GENUINE.lead

    def of(kind: EventKind, data: dict[str, Any]) -> CanonicalEvent:
        return CanonicalEvent("k", kind, NOW, ids, data)

    score: dict[str, Any] = {"score": 82}
    naive = NOW.replace(tzinfo=None)
    tokyo = NOW.astimezone(ZoneInfo("Asia/Tokyo"))
    yield "no key", CanonicalEvent("", EventKind.SCORE, NOW, ids, score)
    yield "blank around the key", CanonicalEvent("k ", EventKind.SCORE, NOW, ids, score)
    yield "long key", CanonicalEvent("k" * (ID_LENGTH + 1), EventKind.SCORE, NOW, ids, score)
    yield "NUL in the key", CanonicalEvent("k\x00", EventKind.SCORE, NOW, ids, score)
    yield "naive", CanonicalEvent("k", EventKind.SCORE, naive, ids, score)
    yield "not UTC", CanonicalEvent("k", EventKind.SCORE, tokyo, ids, score)
    yield "recorded_at not UTC", CanonicalEvent("k", EventKind.SCORE, NOW, ids, score, tokyo)
    yield "nobody", CanonicalEvent("k", EventKind.SCORE, NOW, (), score)
    yield "the same id twice", CanonicalEvent("k", EventKind.SCORE, NOW, (*ids, *ids), score)
    yield "capitals in an address", CanonicalEvent("k", EventKind.SCORE, NOW, (ExternalId("email", "A@b.jp"),), score)
    yield "no address", CanonicalEvent("k", EventKind.SCORE, NOW, (ExternalId("email", "ab.jp"),), score)
    yield "blank system", CanonicalEvent("k", EventKind.SCORE, NOW, (ExternalId("", "51"),), score)
    yield "blank id", CanonicalEvent("k", EventKind.SCORE, NOW, (ExternalId("crm", ""),), score)
    yield "unknown key", of(EventKind.SCORE, {"score": 82, "scor": 1})
    yield "missing key", of(EventKind.SCORE, {})
    yield "number as text", of(EventKind.SCORE, {"score": "82"})
    yield "no JSON", of(EventKind.SCORE, {"score": NOW})
    yield "infinite", of(EventKind.SCORE, {"score": float("inf")})
    yield "owner as number", of(EventKind.OWNER, {"owner": 51})
    yield "blank owner", of(EventKind.OWNER, {"owner": ""})
    yield "status without raw", of(EventKind.STATUS, {"status": "new"})
    yield "status of the tool's own", of(EventKind.STATUS, {"status": "対応中", "raw": "対応中"})
    yield "follow-up without automated", of(EventKind.FOLLOW_UP, {"channel": "call"})
    yield "automated as text", of(EventKind.FOLLOW_UP, {"channel": "call", "automated": "no"})
    yield "attributes too deep", of(EventKind.LEAD, {"attributes": {"a": {"b": 1}}})
    yield "blank record", replace(GENUINE, record="")
    yield "long record", replace(GENUINE, record="r" * (ID_LENGTH + 1))
    yield "revised_at naive", replace(GENUINE, revised_at=naive)
    yield "revised_at not UTC", replace(GENUINE, revised_at=tokyo)
    yield "retracted without its record", of(EventKind.RETRACTED, {})
    yield "pause without a reason", of(EventKind.PAUSE, {})
    yield "pause with a blank reason", of(EventKind.PAUSE, {"reason": " "})
    yield "pause that ends as it begins", of(EventKind.PAUSE, {"reason": "later", "until": "2026-09-24T08:30:00Z"})
    yield "until not in UTC", of(EventKind.PAUSE, {"reason": "later", "until": "2026-10-24T08:30:00+09:00"})
    yield "terms", of(EventKind.TERMS, {"policy": 1, "by": "somebody"})
    yield "script as link", of(EventKind.LEAD, {"url": "javascript:alert(1)"})


@pytest.mark.parametrize(
    ("why", "wrong"), list(wrong_events()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_check_canonical_refuses(why: str, wrong: CanonicalEvent) -> None:
    with pytest.raises((ValueError, TypeError)):
        check_canonical(wrong)


def test_check_canonical_accepts_what_the_contract_promises() -> None:
    check_canonical(GENUINE)
    accepted: list[tuple[EventKind, dict[str, Any]]] = [
        (EventKind.OWNER, {"owner": None}),
        (EventKind.STATUS, {"status": LeadStatus.NEW, "raw": "NEW"}),
        (EventKind.STATUS, {"status": None, "raw": "対応中"}),
        (EventKind.LEAD, {}),
        (EventKind.LEAD, {"name": "", "attributes": {"a": None, "b": True, "c": 1.5}}),
        (EventKind.FOLLOW_UP, {"channel": "email", "automated": True, "subject": " "}),
        (EventKind.RETRACTED, {"reason": "deleted"}),
        (EventKind.PAUSE, {"reason": "later", "until": "2026-10-20T01:00:00Z"}),
        (EventKind.RESUME, {}),
        (EventKind.ANSWER, {"text": "yes"}),
        (EventKind.ACKNOWLEDGED, {"until": "2026-10-20T01:00:00Z"}),
    ]
    for kind, data in accepted:
        at, before = NOW, NOW - timedelta(days=1)
        check_canonical(CanonicalEvent("k", kind, at, GENUINE.lead, data, before, record="calls:1", revised_at=before))


# --- setting it up ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        StandardConfig(),
        StandardConfig(auth="token"),
        StandardConfig(auth="token", token_header="X-Tasuki-Token"),
        StandardConfig(statuses={"対応中": LeadStatus.WORKING}, attributes={"業種": "industry"}, system="crm"),
    ],
    ids=["signed", "bearer", "header", "own words"],
)
def test_the_sample_proves_itself_and_says_something(config: StandardConfig) -> None:
    url = "https://tasuki.example.jp/webhooks/crm"
    sample = CONNECTOR.sample(config, SECRET, url, NOW)
    CONNECTOR.verify(sample, [SECRET], config, NOW)
    with pytest.raises(Unverified):
        CONNECTOR.verify(sample, ["whsec_d3Jvbmc="], config, NOW)
    parsed = CONNECTOR.parse(sample, config)
    assert_sound(parsed)
    assert parsed.problems == []
    assert [event.kind.value for event in parsed.events] == [
        *("lead", "activity", "score", "owner", "follow_up", "status")
    ]
    assert parsed.events[-1].data["status"] == "working"
    assert parsed.events[0].data.get("attributes") == ({"industry": "製造"} if config.attributes else None)
    assert all(NOW - timedelta(hours=2) < event.occurred_at < NOW for event in parsed.events)


def test_what_is_shown_is_mapped_unless_it_is_misspelt() -> None:
    sample = CONNECTOR.sample(StandardConfig(attributes={"業種": "industry"}), SECRET, "https://t.example/w", NOW)
    mapped = CONNECTOR.mapped(StandardConfig())
    shown = list(CONNECTOR.shown(sample, StandardConfig()))
    assert [one.object for one in shown][:2] == ["lead", "activity"]
    assert [name for one in shown for name in one.fields if name not in mapped[one.object]] == []
    odd = posted(b'[{"kind": "score", "scoer": 5}, 7, {}]', {})
    assert [(one.object, dict(one.fields)) for one in CONNECTOR.shown(odd, StandardConfig())] == [
        ("score", {"scoer": 5}),
        ("", {}),
        ("", {}),
    ]
    assert list(CONNECTOR.shown(posted(b"{", {}), StandardConfig())) == []


def test_a_check_says_that_there_is_nothing_to_ask() -> None:
    with httpx.Client() as http, pytest.raises(AskFailed, match="no API"):
        CONNECTOR.check(StandardConfig(), "", http)
