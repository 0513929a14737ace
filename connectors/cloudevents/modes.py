"""The three ways in which CloudEvents come over HTTP: binary, structured, batch; all of them with JSON as data.

cloudevents/spec, cloudevents/bindings/http-protocol-binding.md and cloudevents/formats/json-format.md (1.0).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from connectors.contract import Problem, WebhookRequest
from connectors.wire import plain, read_json

#: The longer prefix comes first: it begins with the shorter one.
BATCH, STRUCTURED = "application/cloudevents-batch", "application/cloudevents"
REQUIRED = ("id", "source", "type")
VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """`data` is what the sender's JSON said; its attributes are texts."""

    #: Where it stands in the body: `[3]` in a batch, else empty.
    place: str
    id: str
    source: str
    type: str
    #: RFC 3339, as it was sent; empty: the sender did not say.
    time: str
    data: Any


def cloud_events(request: WebhookRequest) -> Iterator[CloudEvent | Problem]:
    """Everything in the request. Raises ValueError with a sentence when it is no CloudEvent in JSON at all."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media.startswith(BATCH):
        only_json(media, BATCH)
        events = read_json(request.body)
        if not isinstance(events, list):
            raise ValueError("a batch must be a list of CloudEvents")
        yield from (structured(event, f"[{number}]") for number, event in enumerate(events))
    elif media.startswith(STRUCTURED):
        only_json(media, STRUCTURED)
        yield structured(read_json(request.body), "")
    else:
        yield binary(request, media)


def only_json(media: str, prefix: str) -> None:
    if media not in (prefix, f"{prefix}+json"):
        raise ValueError(f"the content type {media[:80]!r} is not read; send {prefix}+json")


def structured(event: Any, place: str) -> CloudEvent | Problem:
    if not isinstance(event, Mapping):
        return Problem(place or "body", "must be a CloudEvent, which is an object")
    try:
        return checked(event, place, data_in(event))
    except ValueError as error:
        return Problem(place or "body", str(error))


def data_in(event: Mapping[str, Any]) -> Any:
    if "data_base64" in event:
        return read_json(b64decode(plain(event["data_base64"], limit=10**7), validate=True))
    if "data" not in event:
        raise ValueError("holds no data; put Tasuki's event into data")
    json_media(plain(event.get("datacontenttype")).lower())
    return event["data"]


def binary(request: WebhookRequest, media: str) -> CloudEvent | Problem:
    attributes = {name[3:]: decoded(name, text) for name, text in request.headers.items() if name.startswith("ce-")}
    if not attributes:
        raise ValueError(
            f"the content type {media[:80]!r} is no CloudEvent: send {STRUCTURED}+json, {BATCH}+json or ce- headers"
        )
    json_media(media)
    return checked(attributes, "", read_json(request.body))


def json_media(media: str) -> None:
    """Absent: JSON."""
    known = media.partition(";")[0].strip()
    if known and not re.fullmatch(r"[\w.+-]+/([\w.-]+\+)?json", known, re.ASCII):
        raise ValueError(f"the data is {known[:80]!r}; only JSON is read")


def decoded(name: str, text: str) -> str:
    """Without the quotes that some senders put around it, and after one round of percent-decoding (3.1.3.2)."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeError:
        raise ValueError(f"the header {name} is not percent-encoded UTF-8") from None


def checked(attributes: Mapping[str, Any], place: str, data: Any) -> CloudEvent:
    """ValueError: an attribute that CloudEvents require is missing."""
    if plain(attributes.get("specversion")) != VERSION:
        raise ValueError(f"specversion must be {VERSION}")
    told = {name: plain(attributes.get(name)) for name in REQUIRED}
    if missing := [name for name, value in told.items() if not value]:
        raise ValueError(f"{' and '.join(missing)} must not be empty")
    return CloudEvent(place, **told, time=plain(attributes.get("time")), data=data)
