"""An account of HubSpot's that is small enough to test with: it sends notifications and answers the CRM API.

Shapes: the guides for webhooks, search, batch read and associations at https://developers.hubspot.com/docs/api/crm.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import httpx
from journey import Vendor

HOST = "api.hubapi.com"
PORTAL = 62515
TYPE_IDS = {
    "contacts": "0-1",
    "deals": "0-3",
    "meetings": "0-47",
    "calls": "0-48",
    "emails": "0-49",
    "tasks": "0-27",
}
MOST_RESULTS, MOST_A_PAGE = 10_000, 200


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


@dataclass
class Thing:
    """A record with the history of its properties, oldest first."""

    id: int
    created_at: datetime
    changed_at: datetime
    history: dict[str, list[tuple[str, datetime]]] = field(default_factory=dict)
    contacts: list[int] = field(default_factory=list)
    archived: bool = False


class Account:
    """Every act is told by notifications; `sent` collects them until somebody takes them."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.records: dict[str, dict[int, Thing]] = {objects: {} for objects in TYPE_IDS}
        self.sent: list[dict[str, Any]] = []
        self.asked: list[tuple[str, Any]] = []
        #: Path → the answer that it gives instead.
        self.refusals: dict[str, httpx.Response] = {}
        #: Whether the bin still says whose a deleted record was.
        self.bin_knows_contacts = True
        #: Called with every search, before it is answered.
        self.meanwhile: Any = lambda: None
        #: What contacts can be asked for; the options of `hs_lead_status`.
        self.properties = {"email", "hubspotscore", "hubspot_owner_id", "hs_lead_status", "lifecyclestage"}
        self.statuses = ["NEW", "CONNECTED", "見積中"]
        self._numbers = count(1)

    # --- what people do

    def add(self, objects: str, id_: int, properties: Mapping[str, str], contacts: Iterable[int] = ()) -> None:
        self.records[objects][id_] = Thing(id_, self.now, self.now, contacts=list(contacts))
        self.notify("object.creation", objectId=id_, objectTypeId=TYPE_IDS[objects], changeFlag="CREATED")
        self.set(objects, id_, properties)
        for contact in contacts:
            ends = {"fromObjectId": id_, "toObjectId": contact, "toObjectTypeId": "0-1", "associationRemoved": False}
            self.notify("object.associationChange", fromObjectTypeId=TYPE_IDS[objects], **ends)

    def set(self, objects: str, id_: int, properties: Mapping[str, str]) -> None:
        thing = self.records[objects][id_]
        thing.changed_at = self.now
        for name, value in properties.items():
            thing.history.setdefault(name, []).append((value, self.now))
            told = {"propertyName": name, "propertyValue": value, "changeSource": "CRM_UI", "sourceId": "userId:9"}
            self.notify("object.propertyChange", objectId=id_, objectTypeId=TYPE_IDS[objects], **told)

    def delete(self, objects: str, id_: int) -> None:
        self.records[objects][id_].archived = True
        self.notify("object.deletion", objectId=id_, objectTypeId=TYPE_IDS[objects], changeFlag="DELETED")

    def restore(self, objects: str, id_: int) -> None:
        self.records[objects][id_].archived = False
        self.notify("object.restore", objectId=id_, objectTypeId=TYPE_IDS[objects])

    def tie(self, objects: str, id_: int, contact: int, *, removed: bool = False) -> None:
        known = self.records[objects][id_].contacts
        known[:] = [one for one in known if one != contact] + ([] if removed else [contact])
        ends = {"fromObjectId": id_, "toObjectId": contact, "toObjectTypeId": "0-1", "associationRemoved": removed}
        self.notify("object.associationChange", fromObjectTypeId=TYPE_IDS[objects], **ends)

    def merge(self, primary: int, other: int) -> None:
        """The primary lives on, with everything that belonged to the other."""
        gone = self.records["contacts"].pop(other)
        kept = self.records["contacts"][primary]
        kept.changed_at = self.now
        kept.history.setdefault("hs_merged_object_ids", []).append((str(gone.id), self.now))
        for objects in TYPE_IDS:
            for thing in self.records[objects].values():
                if other in thing.contacts:
                    self.tie(objects, thing.id, other, removed=True)
                    self.tie(objects, thing.id, primary)
        about = {"primaryObjectId": primary, "mergedObjectIds": [other], "newObjectId": primary}
        self.notify("object.merge", objectTypeId="0-1", numberOfPropertiesMoved=3, **about)

    def erase(self, contact: int) -> None:
        del self.records["contacts"][contact]
        for objects in TYPE_IDS:
            for thing in self.records[objects].values():
                thing.contacts = [known for known in thing.contacts if known != contact]
        self.notify("contact.privacyDeletion", objectId=contact)

    def notify(self, kind: str, **rest: Any) -> None:
        outer = {"eventId": next(self._numbers), "subscriptionId": 12345, "portalId": PORTAL, "appId": 54321}
        self.sent.append({**outer, "occurredAt": ms(self.now), "subscriptionType": kind, "attemptNumber": 0, **rest})

    def taken(self) -> list[dict[str, Any]]:
        told, self.sent = self.sent, []
        return told

    # --- what the API answers

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/crm/").removeprefix("/")
        question = json.loads(request.content) if request.content else parse_qs(request.url.query.decode())
        self.asked.append((path, question))
        if path in self.refusals:
            return self.refusals[path]
        match path.split("/"):
            case ["account-info", "v3", "details"]:
                return httpx.Response(200, json={"portalId": PORTAL, "timeZone": "Asia/Tokyo"})
            case ["v3", "properties", "contacts"]:
                return self.described()
            case ["v3", "objects", objects, "search"]:
                return self.found(objects, question)
            case ["v3", "objects", objects, "batch", "read"]:
                return self.read(objects, question)
            case ["v3", "objects", objects, id_]:
                return self.one(objects, int(id_), question)
            case ["v4", "associations", objects, "contacts", "batch", "read"]:
                return self.tied(objects, question)
        return httpx.Response(404, json={"status": "error", "message": f"no such path: {path}"})

    def described(self) -> httpx.Response:
        options = [{"value": word, "label": word, "hidden": False} for word in self.statuses]
        options.append({"value": "OLD", "label": "old", "hidden": True})
        results = [{"name": name, "options": options if name == "hs_lead_status" else []} for name in self.properties]
        return httpx.Response(200, json={"results": results})

    def found(self, objects: str, question: dict[str, Any]) -> httpx.Response:
        self.meanwhile()
        offset, limit = int(question.get("after", 0)), question.get("limit", 10)
        if limit > MOST_A_PAGE or offset + limit > MOST_RESULTS or len(question.get("sorts", [])) > 1:
            return httpx.Response(400, json={"status": "error", "category": "VALIDATION_ERROR", "message": "too far"})
        known = [thing for thing in self.records[objects].values() if not thing.archived]
        groups = [group["filters"] for group in question["filterGroups"]] or [[]]
        hits = [thing for thing in known if any(all(fits(objects, thing, one) for one in group) for group in groups)]
        for sort in question["sorts"]:
            name, backwards = sort["propertyName"], sort["direction"] == "DESCENDING"
            hits.sort(key=lambda thing: worth(objects, thing, name), reverse=backwards)
        page = hits[offset : offset + limit]
        results = [self.shown(objects, thing, question["properties"]) for thing in page]
        more = {"paging": {"next": {"after": str(offset + limit)}}} if len(hits) > offset + limit else {}
        return httpx.Response(200, json={"total": len(hits), "results": results} | more)

    def read(self, objects: str, question: dict[str, Any]) -> httpx.Response:
        histories = question.get("propertiesWithHistory", [])
        assert len(question["inputs"]) <= (50 if histories else 100)
        wanted = [one["id"] for one in question["inputs"]]
        if question.get("idProperty") == "email":
            known = [t for t in self.records[objects].values() if newest(t, "email").lower() in wanted]
        else:
            known = [t for id_ in wanted if (t := self.records[objects].get(int(id_)))]
        results = [
            self.shown(objects, thing, question["properties"]) | {"propertiesWithHistory": told(thing, histories)}
            for thing in known
            if not thing.archived
        ]
        return httpx.Response(200, json={"status": "COMPLETE", "results": results})

    def one(self, objects: str, id_: int, question: dict[str, Any]) -> httpx.Response:
        thing, archived = self.records[objects].get(id_), question.get("archived") == ["true"]
        if thing is None or thing.archived != archived:
            return httpx.Response(404, json={"status": "error", "category": "OBJECT_NOT_FOUND"})
        body = self.shown(objects, thing, question["properties"][0].split(","))
        body["propertiesWithHistory"] = told(thing, question.get("propertiesWithHistory", []))
        if thing.contacts and (self.bin_knows_contacts or not archived):
            ends = [{"id": str(contact), "type": "x_to_contact"} for contact in thing.contacts]
            body["associations"] = {"contacts": {"results": ends}}
        return httpx.Response(200, json=body)

    def tied(self, objects: str, question: dict[str, Any]) -> httpx.Response:
        assert len(question["inputs"]) <= 1000
        kind = [{"category": "HUBSPOT_DEFINED", "typeId": 194, "label": None}]
        results = [
            {"from": {"id": one["id"]}, "to": [{"toObjectId": c, "associationTypes": kind} for c in thing.contacts]}
            for one in question["inputs"]
            if (thing := self.records[objects].get(int(one["id"]))) and thing.contacts
        ]
        status = 200 if len(results) == len(question["inputs"]) else 207
        return httpx.Response(status, json={"status": "COMPLETE", "results": results})

    def shown(self, objects: str, thing: Thing, wanted: Iterable[str]) -> dict[str, Any]:
        own = {
            "hs_object_id": str(thing.id),
            stamp(objects): iso(thing.changed_at),
            "hs_createdate": iso(thing.created_at),
        }
        properties = {name: own.get(name) or newest(thing, name) or None for name in (*wanted, "hs_object_id")}
        times = {"createdAt": iso(thing.created_at), "updatedAt": iso(thing.changed_at)}
        return {"id": str(thing.id), "properties": properties, **times, "archived": thing.archived}


def stamp(objects: str) -> str:
    return "lastmodifieddate" if objects == "contacts" else "hs_lastmodifieddate"


def newest(thing: Thing, name: str) -> str:
    return thing.history.get(name, [("", thing.created_at)])[-1][0]


def told(thing: Thing, names: Iterable[str]) -> dict[str, Any]:
    """Newest first, as HubSpot writes it."""
    return {
        name: [
            {"value": value, "timestamp": iso(at), "sourceType": "CRM_UI", "sourceId": "userId:9"}
            for value, at in reversed(thing.history.get(name, []))
        ]
        for name in names
    }


def worth(objects: str, thing: Thing, name: str) -> int:
    if name == "hs_object_id":
        return thing.id
    assert name == stamp(objects), f"{objects} have no {name}"
    return ms(thing.changed_at)


def fits(objects: str, thing: Thing, condition: Mapping[str, str]) -> bool:
    name, value = condition["propertyName"], int(condition["value"])
    if name == "associations.contact":
        return value in thing.contacts
    own = worth(objects, thing, name)
    return {"GTE": own >= value, "LTE": own <= value, "EQ": own == value, "GT": own > value}[condition["operator"]]


MORNING = datetime(2026, 9, 24, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


# --- the same account, in the harness of journeys


class Attempt:
    """A delivery. HubSpot signs every attempt anew, at its time."""

    query = ""

    def __init__(self, body: bytes, secret: str, clock: Callable[[], datetime]) -> None:
        self.body, self.secret, self.clock = body, secret, clock

    @property
    def headers(self) -> dict[str, str]:
        timestamp = str(ms(self.clock()))
        message = f"POSThttps://tasuki.example.com/webhooks/tool{self.body.decode()}{timestamp}".encode()
        proof = base64.b64encode(hmac.digest(self.secret.encode(), message, hashlib.sha256)).decode()
        return {"x-hubspot-signature-v3": proof, "x-hubspot-request-timestamp": timestamp}


class HubSpotVendor(Vendor):
    kind = "hubspot"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.account = Account(clock())
        self.people: dict[str, int] = {}
        self.numbers = count(101)

    def config(self, base: str) -> dict[str, Any]:
        return {"api_base": base, "portal_id": PORTAL}

    def credential(self, base: str) -> str:
        return "pat-na1-0123456789"

    def answer(self, request: httpx.Request) -> httpx.Response:
        return self.account.answer(request)

    def person(self, lead: str, email: str, name: str) -> None:
        self.people[lead] = next(self.numbers)
        self.act("add", "contacts", self.people[lead], {"email": email, "lastname": name})

    def owner(self, lead: str, user: str) -> None:
        self.act("set", "contacts", self.people[lead], {"hubspot_owner_id": user})

    def call(self, lead: str) -> None:
        done = {"hs_timestamp": iso(self.clock()), "hs_call_direction": "OUTBOUND", "hs_call_status": "COMPLETED"}
        self.act("add", "calls", next(self.numbers), done, [self.people[lead]])

    def plan_call(self, lead: str) -> None:
        due = iso(self.clock() + timedelta(days=1))
        task = {"hs_timestamp": due, "hs_task_type": "CALL", "hs_task_status": "NOT_STARTED"}
        self.act("add", "tasks", next(self.numbers), task, [self.people[lead]])

    def delete_call(self, lead: str) -> None:
        (known,) = [c.id for c in self.account.records["calls"].values() if c.contacts == [self.people[lead]]]
        self.act("delete", "calls", known)

    def act(self, what: str, *about: Any) -> None:
        self.account.now = self.clock()
        getattr(self.account, what)(*about)
        self.sent.append(Attempt(json.dumps(self.account.taken()).encode(), self.secret, self.clock))  # type: ignore[arg-type]
