"""CloudEvents 1.0 in its three modes, with the specification's own examples.

What the published package sends: test_independent_senders.py.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors.cloudevents.config import CloudEventsConfig
from connectors.cloudevents.connector import CONNECTOR, CloudEvents
from connectors.contract import CanonicalEvent, EventKind, ExternalId, GrantsSenders, LeadStatus, Parsed, WebhookRequest

FIXTURES = Path(__file__).parents[1] / "fixtures" / "cloudevents"
URL = "https://tasuki.example.jp/webhooks/bus"
SECRET = "a-token+of/ours="
CALL = {"kind": "follow_up", "lead": {"id": "L-1024"}, "channel": "call", "automated": False}
ATTRIBUTES = {"id": "e-1", "source": "/crm/東京", "type": "jp.example.call"}
AT = datetime(2026, 9, 24, 0, 40, tzinfo=UTC)
JSON_EVENT, JSON_BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
WITH_CHARSET = "Application/CloudEvents+JSON; charset=UTF-8"
Headers = dict[str, str]


def parse(body: bytes, headers: Headers, **config: Any) -> Parsed:
    lower = {name.lower(): value for name, value in headers.items()}
    parsed = CONNECTOR.parse(WebhookRequest("POST", URL, lower, body, NOW), CloudEventsConfig(**config))
    assert_sound(parsed)
    return parsed


def only(body: bytes, headers: Headers, **config: Any) -> CanonicalEvent:
    parsed = parse(body, headers, **config)
    assert parsed.problems == []
    (event,) = parsed.events
    return event


def reason(body: bytes, headers: Headers, **config: Any) -> str:
    parsed = parse(body, headers, **config)
    assert parsed.events == []
    (problem,) = parsed.problems
    return f"{problem.place}: {problem.reason}"


def structured(**changes: Any) -> bytes:
    """`...` removes an attribute."""
    event = {"specversion": "1.0", **ATTRIBUTES, "time": "2026-09-24T09:40:00+09:00", "data": CALL} | changes
    return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()


def binary(**changes: Any) -> Headers:
    told = {"specversion": "1.0", "id": "e-1", "source": "/crm", "type": "t", "time": "2026-09-24T00:40:00Z"} | changes
    return {f"ce-{name}": value for name, value in told.items() if value} | {"content-type": "application/json"}


# --- proof


class TestCloudEventsSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        request = CONNECTOR.sample(CloudEventsConfig(), SECRET, URL, now)
        return request, [SECRET], CloudEventsConfig()


class TestTokenInTheUrlSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        headers = {"content-type": JSON_EVENT}
        request = WebhookRequest("POST", f"{URL}?access_token={SECRET}", headers, structured(), now)
        return request, [SECRET], CloudEventsConfig()

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        return WebhookRequest("POST", URL, request.headers, request.body, request.received_at)


class TestHeaderOfOnesOwnSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        request = WebhookRequest("POST", URL, {"x-tasuki-token": SECRET}, structured(), now)
        return request, [SECRET], CloudEventsConfig(token_header="X-Tasuki-Token")


def test_there_is_no_signature_to_choose() -> None:
    with pytest.raises(ValidationError):
        CloudEventsConfig(auth="signature")  # type: ignore[arg-type]


# --- content


class _Content(ContentTests):
    connector = CONNECTOR
    config = CloudEventsConfig(kinds={"t": EventKind.SCORE})

    @FUZZ
    @given(st.sampled_from(["id", "source", "type", "time", "specversion", "data", "data_base64"]), JSON)
    def test_any_attribute_parses(self, name: str, value: Any) -> None:
        self.parse(structured(**{name: value}))
        self.parse(b"[" + structured(**{name: value}) + b"]")

    @FUZZ
    @given(st.dictionaries(st.sampled_from(["kind", "id", "lead", "channel", "occurred_at", "score", "data"]), JSON))
    def test_any_data_parses(self, data: Any) -> None:
        self.parse(structured(data=data))
        self.parse(b"[" + structured(data=[data, data]) + b"]")
        self.parse(json.dumps(data).encode())


class TestBinaryContent(_Content):
    headers: ClassVar[Headers] = binary()


class TestStructuredContent(_Content):
    headers: ClassVar[Headers] = {"content-type": f"{JSON_EVENT}; charset=utf-8"}


class TestBatchContent(_Content):
    headers: ClassVar[Headers] = {"content-type": JSON_BATCH}


class TestContentWithoutAMode(_Content):
    headers: ClassVar[Headers] = {"content-type": "application/json"}


@FUZZ
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_header_parses(media: str, source: str) -> None:
    parse(structured(), {"content-type": media})
    parse(json.dumps(CALL).encode(), binary(source=source))


# --- the specification's own examples


def raw(name: str) -> tuple[Headers, bytes]:
    head, _, body = (FIXTURES / name).read_bytes().partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode().splitlines()[1:]]
    return {header.lower(): value for header, _, value in lines}, body


def test_official_binary_example_is_a_cloud_event_and_no_event_of_ours() -> None:
    headers, body = raw("binary_mode.http")
    assert reason(body, headers) == "data.kind: must be one of " + ", ".join(k for k in EventKind if k != "terms")


def test_official_structured_example_holds_a_number() -> None:
    body = (FIXTURES / "structured_json.json").read_bytes()
    assert reason(body, {"content-type": JSON_EVENT}).startswith("data: must be an event")


def test_official_handshake() -> None:
    assert isinstance(CONNECTOR, GrantsSenders)
    asked, _ = raw("validation_handshake.http")
    wanted, _ = raw("validation_handshake.response.http")
    granted = CONNECTOR.handshake(asked)
    assert granted is not None
    assert {name.lower(): value for name, value in granted.items()} == wanted


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ({}, None),
        ({"webhook-request-origin": ""}, None),
        ({"webhook-request-origin": "a\r\nSet-Cookie: x"}, None),
        ({"webhook-request-origin": "京都"}, None),
        ({"webhook-request-origin": "x" * 301}, None),
        ({"webhook-request-origin": "a.example"}, {"Allow": "POST", "WebHook-Allowed-Origin": "a.example"}),
        (
            {"webhook-request-origin": "a.example", "webhook-request-rate": "a lot"},
            {"Allow": "POST", "WebHook-Allowed-Origin": "a.example", "WebHook-Allowed-Rate": "*"},
        ),
    ],
)
def test_who_asks_as_the_specification_says_is_granted(asked: Headers, granted: Headers | None) -> None:
    assert CloudEvents().handshake(asked) == granted


# --- modes


@pytest.mark.parametrize("media", [JSON_EVENT, WITH_CHARSET, "application/cloudevents"])
def test_structured_mode(media: str) -> None:
    event = only(structured(), {"content-type": media})
    assert (event.kind, event.occurred_at) == (EventKind.FOLLOW_UP, AT)


def test_a_batch_may_be_empty_and_one_wrong_event_spoils_no_other() -> None:
    assert parse(b"[]", {"content-type": JSON_BATCH}) == Parsed()
    wrong = structured(id="e-2", data=[CALL, CALL | {"chanel": "call"}])
    parsed = parse(
        b"[" + b",".join([structured(), wrong, b"7", structured(id=" ")]) + b"]", {"content-type": JSON_BATCH}
    )
    assert len(parsed.events) == 2
    assert [problem.place for problem in parsed.problems] == ["[1].data[1].chanel", "[2]", "[3]"]


def test_several_events_in_one_keep_keys_of_their_own() -> None:
    parsed = parse(structured(data=[CALL, CALL | {"channel": "email"}]), {"content-type": JSON_EVENT})
    assert len({event.key for event in parsed.events}) == 2


def test_data_may_be_base64() -> None:
    encoded = base64.b64encode(json.dumps(CALL).encode()).decode()
    event = only(structured(data=..., data_base64=encoded, datacontenttype="text/plain"), {"content-type": JSON_EVENT})
    assert event.kind is EventKind.FOLLOW_UP


@pytest.mark.parametrize(
    "source", ["/crm/%E6%9D%B1%E4%BA%AC", '"/crm/%E6%9D%B1%E4%BA%AC"', "/crm/東京".encode().decode("latin-1")]
)
def test_headers_are_percent_decoded_once(source: str) -> None:
    told = only(json.dumps(CALL).encode(), binary(source=source))
    assert told.key == only(structured(), {"content-type": JSON_EVENT}).key
    twice = only(json.dumps(CALL).encode(), binary(source="/crm/%25E6%259D%25B1"))
    assert twice.key == only(structured(source="/crm/%E6%9D%B1"), {"content-type": JSON_EVENT}).key


@pytest.mark.parametrize(
    ("body", "headers", "wanted"),
    [
        (structured(), {"content-type": "application/json"}, "is no CloudEvent: send application/cloudevents+json"),
        (structured(), {"content-type": "application/cloudevents+avro"}, "send application/cloudevents+json"),
        (b"[]", {"content-type": "application/cloudevents-batch+protobuf"}, "send application/cloudevents-batch+json"),
        (structured(), {"content-type": JSON_BATCH}, "a batch must be a list"),
        (structured(specversion="0.3"), {"content-type": JSON_EVENT}, "specversion must be 1.0"),
        (structured(id=..., type=""), {"content-type": JSON_EVENT}, "id and type must not be empty"),
        (structured(data=...), {"content-type": JSON_EVENT}, "holds no data"),
        (structured(datacontenttype="text/xml"), {"content-type": JSON_EVENT}, "only JSON is read"),
        (structured(time=...), {"content-type": JSON_EVENT}, "data.occurred_at: is missing"),
        (structured(time="2026-09-24T09:40:00"), {"content-type": JSON_EVENT}, "has no time zone"),
        (b"{}", binary(source="%FF"), "the header ce-source is not percent-encoded UTF-8"),
        (b"{}", binary(id=""), "id must not be empty"),
        (b"<a/>", binary() | {"content-type": "application/xml"}, "only JSON is read"),
        (b"{", binary(), "the body is not JSON"),
    ],
)
def test_what_is_not_understood_is_a_sentence(body: bytes, headers: Headers, wanted: str) -> None:
    assert wanted in reason(body, headers)


# --- setting it up


def test_statuses_and_owners_are_explained_as_in_a_standard_source() -> None:
    about = {"lead": {"id": "L-1"}, "kind": "status", "status": "架電済"}
    event = only(structured(data=about), {"content-type": JSON_EVENT}, statuses={"架電済": "contacted"}, system="bus")
    assert event.data == {"status": LeadStatus.CONTACTED, "raw": "架電済"}
    assert event.lead == (ExternalId("bus", "L-1"),)


def test_sample_and_schema() -> None:
    config = CloudEventsConfig(attributes={"industry": "業種"}, statuses={"対応中": LeadStatus.WORKING})
    request = CONNECTOR.sample(config, SECRET, URL, NOW)
    parsed = CONNECTOR.parse(request, config)
    assert not parsed.problems
    assert {event.kind for event in parsed.events} >= {EventKind.LEAD, EventKind.FOLLOW_UP, EventKind.STATUS}
    shown = {one.object: one.fields for one in CONNECTOR.shown(request, config)}
    assert set(shown["follow_up"]) <= set(CONNECTOR.mapped(config)["follow_up"])
    assert list(CONNECTOR.shown(WebhookRequest("POST", URL, {}, b"\xff", NOW), config)) == []
