"""A webhook delivery's body: a list of at most 100 notifications, in no order, each about one record.

https://developers.hubspot.com/docs/api/webhooks and …/create-generic-webhook-subscriptions
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.contract import Problem
from connectors.hubspot.wire import record_id
from connectors.wire import entries, milliseconds, moment, plain, read_json

#: First half of `subscriptionType` → our name for the object.
TOPICS = {
    "contact": "contact",
    "deal": "deal",
    "call": "call",
    "email": "email",
    "meeting": "meeting",
    "meeting_event": "meeting",
    "task": "task",
}
#: `objectTypeId` of the generic `object.*` notifications → the same.
#: https://developers.hubspot.com/docs/guides/crm/using-object-apis
OBJECT_TYPES = {"0-1": "contact", "0-3": "deal", "0-47": "meeting", "0-48": "call", "0-49": "email", "0-27": "task"}
#: Subscriptions that make sense for others but say nothing about a follow-up: passed over in silence.
OF_NO_USE = {
    *("company", "ticket", "product", "line_item", "conversation", "note", "communication"),
    *("0-2", "0-5", "0-7", "0-8", "0-46", "0-18"),
}
COMMON = {"creation", "propertyChange", "deletion", "restore", "associationChange"}
#: All that can happen to a record that we know.
VERBS = {
    "contact": COMMON | {"merge", "privacyDeletion"},
    "deal": COMMON | {"merge"},
    "call": COMMON,
    "email": COMMON,
    "meeting": COMMON,
    "task": COMMON,
    "object": {"associationChange"},
}
#: Where a notification names its record, first found first; a merge may have made a new one.
RECORD = {"merge": ("newObjectId", "primaryObjectId", "objectId"), "associationChange": ("fromObjectId",)}


@dataclass(frozen=True, slots=True)
class Notification:
    """One entry whose outer fields made sense."""

    place: str
    subject: str
    verb: str
    record: str
    at: datetime
    entry: dict[str, Any]

    def text(self, name: str) -> str:
        return plain(self.entry.get(name))

    @property
    def key(self) -> str:
        """HubSpot's `eventId` is not unique by itself; this tuple is."""
        account = [plain(self.entry.get(name), 40) for name in ("portalId", "subscriptionId", "eventId")]
        return ":".join([*account, self.record, plain(self.entry.get("propertyName"), 120), str(milliseconds(self.at))])

    def former_ids(self) -> list[str]:
        """A merge: the contacts that became one."""
        given = [self.entry.get("primaryObjectId"), *entries(self.entry.get("mergedObjectIds"))]
        return [record for value in given if (record := record_id(value))]

    def ends(self) -> tuple[str, str]:
        """An association: the objects at both ends, from their type ids or from `DEAL_TO_CONTACT`; "" where unknown."""
        types = (self.text("fromObjectTypeId"), self.text("toObjectTypeId"))
        if all(types):
            return OBJECT_TYPES.get(types[0], ""), OBJECT_TYPES.get(types[1], "")
        near, _, far = self.text("associationType").lower().partition("_to_")
        return TOPICS.get(near, ""), TOPICS.get(far, "")


def notifications_of(body: bytes, portal: int | None) -> Iterator[Notification | Problem]:
    """Every entry that concerns us, and a Problem for every one that cannot be understood. Never raises."""
    try:
        payload = read_json(body)
    except ValueError:
        yield Problem("", "the body is not JSON; it should be HubSpot's list of notifications")
        return
    for number, entry in enumerate(payload if isinstance(payload, list) else [payload]):
        said = notification_of(f"[{number}]", entry, portal)
        if said:
            yield said


def notification_of(place: str, entry: object, portal: int | None) -> Notification | Problem | None:
    """None: a subscription of no use to us."""
    if not isinstance(entry, dict):
        return Problem(place, "a notification should be an object")
    if portal is not None and plain(entry.get("portalId")) != str(portal):
        return Problem(f"{place}.portalId", f"comes from another HubSpot account; ours is {portal}")
    subject, verb = what_about(entry)
    if subject in OF_NO_USE:
        return None
    if verb not in VERBS.get(subject, ()):
        named = f"{subject}.{verb}" if subject or verb else "what is not named"
        return Problem(f"{place}.subscriptionType", f"no meaning is known for {named}; remove the subscription")
    return with_record(place, subject, verb, entry)


def what_about(entry: dict[str, Any]) -> tuple[str, str]:
    """(object, verb) of `subscriptionType`, which one sample of HubSpot's guide calls `eventType`."""
    topic, _, verb = plain(entry.get("subscriptionType") or entry.get("eventType"), 80).partition(".")
    if topic == "object" and verb != "associationChange":
        topic = plain(entry.get("objectTypeId"), 40)
        return OBJECT_TYPES.get(topic, topic), verb
    return TOPICS.get(topic, topic), verb


def with_record(place: str, subject: str, verb: str, entry: dict[str, Any]) -> Notification | Problem:
    at = moment(entry.get("occurredAt"))
    if at is None:
        return Problem(f"{place}.occurredAt", "should be milliseconds since 1970")
    names = RECORD.get(verb, ("objectId",))
    record = next((known for name in names if (known := record_id(entry.get(name)))), None)
    if record is None:
        return Problem(f"{place}.{names[-1]}", f"{subject}.{verb} should name its record here")
    return Notification(place, subject, verb, record, at, entry)
