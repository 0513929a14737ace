"""Requests made by the published packages of Standard Webhooks and of CloudEvents, not by ourselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http as sdk
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as OlderEvent
from cloudevents.v1.http import to_binary as older_binary
from cloudevents.v1.http import to_structured as older_structured
from security import NOW, assert_sound
from standardwebhooks import Webhook

from connectors.cloudevents.config import CloudEventsConfig
from connectors.cloudevents.connector import CONNECTOR as CLOUDEVENTS
from connectors.contract import CanonicalEvent, EventKind, ExternalId, Unverified, WebhookRequest
from connectors.standard.connector import CONNECTOR as STANDARD
from connectors.standard.connector import StandardConfig
from connectors.standard.examples import example_events

SECRET = "whsec_c2FtcGxlLXNlY3JldC1mb3ItdGVzdHMtb25seQ=="
AT = datetime(2026, 9, 24, 0, 40, tzinfo=UTC)
ATTRIBUTES: dict[str, Any] = {"id": "e-1", "source": "/crm/東京", "type": "jp.example.call", "time": AT}
CALL = {"lead": {"id": "L-1024"}, "channel": "call", "automated": False}
Sent = tuple[dict[str, str], bytes]
Sender = Callable[[dict[str, Any], Any], Sent]
EVERY_KIND = pytest.mark.parametrize("example", example_events(), ids=lambda event: event["id"])


def arrived(sent: Sent) -> WebhookRequest:
    """As a server reads it: the bytes of a header are no UTF-8 to it."""
    headers = {name.lower(): value.encode().decode("latin-1") for name, value in sent[0].items()}
    return WebhookRequest("POST", "https://tasuki.example.jp/webhooks/bus", headers, sent[1], NOW)


# --- CloudEvents: the package's present interface and its older one, which most senders still use


def new_binary(attributes: dict[str, Any], data: Any) -> Sent:
    message = sdk.to_binary_event(CloudEvent({**attributes, "datacontenttype": "application/json"}, data))
    return message.headers, message.body


def new_structured(attributes: dict[str, Any], data: Any) -> Sent:
    message = sdk.to_structured_event(CloudEvent({**attributes, "datacontenttype": "application/json"}, data))
    return message.headers, message.body


def old_binary(attributes: dict[str, Any], data: Any) -> Sent:
    headers, body = older_binary(OlderEvent(attributes | {"time": attributes["time"].isoformat()}, data))
    return dict(headers), bytes(body)


def old_structured(attributes: dict[str, Any], data: Any) -> Sent:
    headers, body = older_structured(OlderEvent(attributes | {"time": attributes["time"].isoformat()}, data))
    return dict(headers), bytes(body)


def batch(attributes: dict[str, Any], data: Any) -> Sent:
    """The package knows no batches: its structured event in a list."""
    _, body = new_structured(attributes, data)
    return {"content-type": "application/cloudevents-batch+json"}, b"[" + body + b"]"


SENDERS = [new_binary, new_structured, old_binary, old_structured, batch]


def told(sent: Sent, **config: Any) -> CanonicalEvent:
    parsed = CLOUDEVENTS.parse(arrived(sent), CloudEventsConfig(**config))
    assert_sound(parsed)
    assert not parsed.problems
    (event,) = parsed.events
    return event


@pytest.mark.parametrize("send", SENDERS)
@EVERY_KIND
def test_cloudevents_of_every_kind(send: Sender, example: dict[str, Any]) -> None:
    event = told(send(ATTRIBUTES, example))
    assert (event.key, event.kind) == (example["id"], example["kind"])
    assert event.occurred_at == datetime.fromisoformat(example["occurred_at"])


@pytest.mark.parametrize("send", SENDERS)
def test_what_the_data_leaves_out_stands_in_the_attributes(send: Sender) -> None:
    event = told(send(ATTRIBUTES, CALL), kinds={"jp.example.call": EventKind.FOLLOW_UP})
    assert (event.kind, event.occurred_at) == (EventKind.FOLLOW_UP, AT)
    assert event.lead == (ExternalId("cloudevents", "L-1024"),)


def test_one_cloudevent_has_one_key_whatever_mode_it_comes_in() -> None:
    def key(send: Sender, **changed: Any) -> str:
        return told(send(ATTRIBUTES | changed, CALL | {"kind": "follow_up"})).key

    assert len({key(send) for send in SENDERS}) == 1
    assert len({key(send, id="e-2") for send in SENDERS} | {key(new_binary)}) == 2
    assert len({key(send, source="/erp") for send in SENDERS} | {key(new_binary)}) == 2


# --- Standard Webhooks


@EVERY_KIND
@pytest.mark.parametrize("enveloped", [False, True])
def test_standard_webhooks_of_every_kind(example: dict[str, Any], enveloped: bool) -> None:
    said = {"type": "lead.changed", "timestamp": NOW.isoformat(), "data": example} if enveloped else example
    body = json.dumps(said, ensure_ascii=False)
    signature = Webhook(SECRET).sign("msg_1", NOW, body)
    stamp = str(int(NOW.timestamp()))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}
    request = arrived((headers, body.encode()))
    STANDARD.verify(request, [SECRET], StandardConfig(), NOW)
    with pytest.raises(Unverified):
        STANDARD.verify(arrived((headers, body.encode() + b" ")), [SECRET], StandardConfig(), NOW)
    (event,) = STANDARD.parse(request, StandardConfig()).events
    assert (event.key, event.kind) == (example["id"], example["kind"])
