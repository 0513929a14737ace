"""CloudEvents 1.0 over HTTP, with Tasuki's own events as their data.

Proof and handshake: cloudevents/spec, cloudevents/http-webhook.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from connectors.cloudevents.config import CloudEventsConfig
from connectors.cloudevents.modes import BATCH, VERSION, CloudEvent, cloud_events
from connectors.contract import Connector, LeadStatus, Problem, Shown, WebhookRequest
from connectors.records import Finding
from connectors.signatures import same, usable
from connectors.standard.connector import FIELDS, canonical, check_token, items_of, proof_of, shown
from connectors.standard.connector import problems_of as problems_of_item
from connectors.standard.examples import sample_events
from connectors.tool import Tool, query_values
from connectors.wire import compact, mapping, plain

#: A sender that asks whether it may send: a host name, or a list or pattern of them.
ORIGIN, RATE = re.compile(r"[\w.*:/, -]{1,300}", re.ASCII), re.compile(r"[1-9]\d{0,8}", re.ASCII)


class CloudEvents(Tool[CloudEventsConfig]):
    kind = "cloudevents"
    config_model = CloudEventsConfig
    role = "both"
    fields = FIELDS

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: CloudEventsConfig, now: datetime) -> None:
        """The secret as a bearer token (RFC 6750): in the header, or as `access_token` in the URL."""
        known = usable(secrets)
        in_url = query_values(request.url, "access_token")
        if not any(same(token, secret) for token in in_url for secret in known):
            check_token(request.headers, known, config.token_header)

    def handshake(self, headers: Mapping[str, str]) -> Mapping[str, str] | None:
        """http-webhook.md, 4: granted to whoever asks as it says. What is sent must still prove itself."""
        origin, rate = headers.get("webhook-request-origin", ""), headers.get("webhook-request-rate", "")
        if not ORIGIN.fullmatch(origin):
            return None
        granted = {"Allow": "POST", "WebHook-Allowed-Origin": origin}
        return granted | ({"WebHook-Allowed-Rate": rate if RATE.fullmatch(rate) else "*"} if rate else {})

    def read(self, request: WebhookRequest, config: CloudEventsConfig) -> Iterator[Finding]:
        for event in cloud_events(request):
            if isinstance(event, Problem):
                yield event
            else:
                yield from self.told(event, config)

    def told(self, event: CloudEvent, config: CloudEventsConfig) -> Iterator[Finding]:
        """One event in the data, or a list of them."""
        try:
            items = list(items_of(event.data))
        except ValueError as error:
            yield Problem(f"{event.place}.data".removeprefix("."), str(error))
            return
        for number, (place, item) in enumerate(items):
            try:
                yield canonical(completed(item, event, number, config), config, self.system(config))
            except ValidationError as error:
                yield from problems_of_item(error, f"{event.place}.data{place.removeprefix('data')}".removeprefix("."))

    def sample(self, config: CloudEventsConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
        """A lead that downloads something and is called, in a batch."""
        status = next(iter(config.statuses), "") or LeadStatus.WORKING
        body = compact([wrapped(event) for event in sample_events(now, status=status, attributes=[*config.attributes])])
        headers = proof_of(body, secret, config, now) | {"content-type": f"{BATCH}+json; charset=utf-8"}
        return WebhookRequest("POST", url, headers, body, now)

    def shown(self, request: WebhookRequest, config: CloudEventsConfig) -> Iterator[Shown]:
        with suppress(ValueError):
            for event in cloud_events(request):
                if isinstance(event, CloudEvent):
                    for number, (_, item) in enumerate(items_of(event.data)):
                        fields = mapping(completed(item, event, number, config))
                        yield Shown(shown(plain(fields.pop("kind", ""))), fields)


def completed(item: Any, event: CloudEvent, number: int, config: CloudEventsConfig) -> Any:
    """What the data leaves out stands in the attributes: `id` and `source`, `time`, `type`."""
    if not isinstance(item, dict):
        return item
    around = {"id": key_of(event, number), "occurred_at": event.time, "kind": config.kinds.get(event.type)}
    return item | {name: value for name, value in around.items() if value and item.get(name) in (None, "")}


def key_of(event: CloudEvent, number: int) -> str:
    """Two with the same source and id are the same event, sent twice."""
    said = json.dumps([event.source, event.id, number]).encode("utf-8", "replace")
    return f"ce:{hashlib.sha256(said).hexdigest()}"


def wrapped(event: Mapping[str, Any]) -> dict[str, Any]:
    data = {name: value for name, value in event.items() if name not in ("id", "occurred_at")}
    attributes = {"id": event["id"], "source": "https://crm.example.jp", "type": f"jp.example.lead.{event['kind']}"}
    return {"specversion": VERSION, **attributes, "time": event["occurred_at"], "data": data}


CONNECTOR: Connector[CloudEventsConfig] = CloudEvents()
