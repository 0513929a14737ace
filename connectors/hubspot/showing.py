"""A source's own sample, and which properties of which objects are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from connectors.contract import Shown, WebhookRequest
from connectors.hubspot import deals, engagements
from connectors.hubspot.answers import OBJECTS, parts_in
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.contacts import PROFILE
from connectors.hubspot.notifications import TOPICS, what_about
from connectors.hubspot.records import results_in
from connectors.hubspot.signature import signed
from connectors.wire import compact, entries, mapping, milliseconds, plain, read_json

TIMES = {"hs_timestamp": "occurred at", "hs_createdate": "recorded at", "hs_lastmodifieddate": "revision"}
BY = {"hubspot_owner_id": "by", "hs_object_source": "automated"}
NAMES = {
    "hs_call_disposition": "outcome",
    "hs_meeting_outcome": "outcome",
    "hs_meeting_start_time": "occurred at",
    "hs_task_completion_date": "occurred at",
    "hs_task_type": "channel",
    "hs_sequence_id": "automated",
    "dealstage": "stage",
    "dealname": "name",
    "amount": "amount",
    "hs_is_closed": "state",
    "hs_is_closed_won": "state",
}
NAMES |= dict.fromkeys(engagements.SUBJECT.values(), "subject")
#: A task's `hs_timestamp` is when it was due, which says nothing.
IGNORED = {("task", "hs_timestamp")}
#: Object → property → what it is read as.
FIELDS: Mapping[str, Mapping[str, str]] = {
    kind: {name: (TIMES | BY | NAMES).get(name, "counts or not") for name in names if (kind, name) not in IGNORED}
    for kind, names in {**engagements.PROPERTIES, "deal": deals.PROPERTIES}.items()
} | {
    "contact": {**dict(zip(PROFILE, ("email", "name", "name", "company"), strict=True)), "lastmodifieddate": "revision"}
}


def own_fields(config: HubSpotConfig) -> Mapping[str, Mapping[str, str]]:
    standing = {
        config.score_property: "score",
        config.owner_property: "owner",
        config.status_property: "status",
        config.lifecycle_property: "lifecycle stage",
    }
    named = {**config.attributes, **config.activity_properties, **standing}
    return {"contact": {name: word for name, word in named.items() if name}}


def shown(request: WebhookRequest, config: HubSpotConfig) -> Iterator[Shown]:
    """Notifications show one property each, answers whole records."""
    with suppress(ValueError):
        yield from in_answer(request.body) if request.method == "POLL" else in_notifications(request.body)


def in_answer(body: bytes) -> Iterator[Shown]:
    for told in parts_in(body):
        kind = OBJECTS.get(plain(told.get("object")), "")
        for answer in entries(told.get("answers")):
            for record in results_in(answer, kind):
                yield Shown(kind, mapping(record.body.get("properties")))


def in_notifications(body: bytes) -> Iterator[Shown]:
    payload = read_json(body)
    for entry in map(mapping, payload if isinstance(payload, list) else [payload]):
        name, (subject, _) = plain(entry.get("propertyName"), 120), what_about(entry)
        if name and subject in TOPICS.values():
            yield Shown(subject, {name: entry.get("propertyValue")})


def sample(config: HubSpotConfig, secret: str, url: str, now: datetime) -> WebhookRequest:
    """A new contact that downloaded something, was scored and got an owner and a status."""
    values = {
        config.owner_property: next(iter(config.owners), "77"),
        config.score_property: "82",
        **dict.fromkeys(config.attributes, "製造"),
        **dict.fromkeys(config.activity_properties, "導入事例集"),
        config.status_property: next(iter(config.statuses), "CONNECTED"),
    }
    changes = [{"propertyName": name, "propertyValue": value} for name, value in values.items() if name]
    body = compact(notices([{"changeFlag": "CREATED"}, *changes], config, now))
    return signed(WebhookRequest("POST", url, {"content-type": "application/json"}, body, now), secret, now)


def notices(said: Sequence[dict[str, str]], config: HubSpotConfig, now: datetime) -> list[dict[str, Any]]:
    """As HubSpot writes them, a second apart; the last one is of now."""
    common: dict[str, Any] = {"portalId": config.portal_id or 62515, "appId": 54321, "subscriptionId": 12345}
    common |= {"objectId": 51, "changeSource": "CRM_UI", "sourceId": "userId:9", "attemptNumber": 0}
    first = milliseconds(now - timedelta(seconds=len(said) - 1))
    return [
        common
        | {
            "eventId": number + 1,
            "subscriptionType": "contact.propertyChange" if "propertyName" in one else "contact.creation",
            "occurredAt": first + 1000 * number,
        }
        | one
        for number, one in enumerate(said)
    ]
