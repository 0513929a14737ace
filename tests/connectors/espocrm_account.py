"""An EspoCRM instance that is small enough to test with: webhooks of one event each, lists by nested filters.

https://docs.espocrm.com/administration/webhooks/, https://docs.espocrm.com/development/api-search-params/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC
from itertools import count, pairwise
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import httpx

from tests.connectors.journey import Sent, Vendor

KEY = "espo-api-key-0123456789abcdef"
#: Records a list at most; more are refused.
LARGEST = 200
USER = "user00000000rep1"


class EspoVendor(Vendor):
    kind = "espocrm"
    #: Every webhook of EspoCRM has a key of its own.
    keys: ClassVar = {
        "Lead": "key-of-leads-01234",
        "Call": "key-of-calls-01234",
        "Other": "key-of-all-others-01",
    }
    secret = ",".join(keys.values())

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.records: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in ("Lead", "Contact", "Call", "Meeting", "Email", "Opportunity")
        }
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.ids: dict[str, str] = {}
        self.numbers = count(1)
        self.asked: list[str] = []
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []

    def config(self, base: str) -> dict[str, Any]:
        return {"base": base}

    def credential(self, base: str) -> str:
        return KEY

    # --- what people do

    def person(self, lead: str, email: str, name: str) -> None:
        self.ids[lead] = self.add("Lead", {"name": name, "emailAddress": email, "status": "New"})

    def owner(self, lead: str, user: str) -> None:
        self.change("Lead", self.ids[lead], {"assignedUserId": user, "assignedUserName": user.capitalize()})

    def status(self, lead: str, word: str) -> None:
        known = self.ids[lead]
        data = {"field": "status", "value": word, "style": "default"}
        note = {"id": self.new_id(), "type": "Status", "parentType": "Lead", "parentId": known, "data": data}
        self.notes.setdefault(known, []).insert(0, note | {"createdAt": self.now()})
        self.change("Lead", known, {"status": word})

    def call(self, lead: str) -> None:
        self.activity("Call", lead, status="Held", dateStart=self.now())

    def plan_call(self, lead: str) -> None:
        self.activity("Call", lead, status="Planned", dateStart="2026-04-02 01:00:00")

    def activity(self, kind: str, lead: str, **said: Any) -> str:
        about = {"name": "初回のご連絡", "parentType": "Lead", "parentId": self.ids[lead], "description": "内緒の話"}
        invited = {} if kind == "Email" else {"direction": "Outbound", "leadsIds": [self.ids[lead]], "contactsIds": []}
        return self.add(kind, about | invited | {"assignedUserId": USER, "assignedUserName": "佐藤 花子"} | said)

    def delete_call(self, lead: str) -> None:
        (known,) = [id_ for id_, call in self.records["Call"].items() if call["parentId"] == self.ids[lead]]
        self.delete("Call", known)

    def add(self, kind: str, fields: dict[str, Any]) -> str:
        known, at = self.new_id(), self.now()
        made = {"id": known, "createdAt": at, "modifiedAt": at, "createdById": USER}
        self.records[kind][known] = made | fields
        self.tell(f"{kind}.create", self.records[kind][known])
        return known

    def change(self, kind: str, known: str, fields: dict[str, Any]) -> None:
        """An update tells what changed and who did it, but not when."""
        self.records[kind][known] |= fields | {"modifiedAt": self.now()}
        self.tell(f"{kind}.update", {"id": known, "modifiedById": USER} | fields)

    def delete(self, kind: str, known: str) -> None:
        del self.records[kind][known]
        self.tell(f"{kind}.delete", {"id": known})

    def tell(self, event: str, record: dict[str, Any]) -> None:
        body = json.dumps([record], ensure_ascii=False).encode()
        key = self.keys.get(event.partition(".")[0], self.keys["Other"])
        digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        proof = base64.b64encode(f"65f1a2b3c4d5e6f70:{digest}".encode()).decode()
        headers = {"signature": proof, "content-type": "application/json"}
        self.sent.append(Sent(body, headers, f"event={event}"))

    def new_id(self) -> str:
        return f"{next(self.numbers):017x}"

    def now(self) -> str:
        return f"{self.clock().astimezone(UTC):%Y-%m-%d %H:%M:%S}"

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.url.path}?{request.url.query.decode()}")
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("x-api-key") != KEY:
            return httpx.Response(401)
        _, _, _, name, *rest = request.url.path.split("/")
        asked = nested(request.url.query.decode())
        if name == "App":
            return httpx.Response(200, json={"user": {"userName": "tasuki"}})
        if name == "Metadata":
            return httpx.Response(200, json=["New", "Assigned", "In Process", "検討中"])
        if rest[1:] == ["stream"]:
            notes = [{"id": self.new_id(), "type": "Post", "post": "内緒の話"}, *self.notes.get(rest[0], [])]
            return httpx.Response(200, json={"list": notes, "total": len(notes)})
        if rest:
            record = self.records[name].get(rest[0])
            return httpx.Response(200, json=record) if record else httpx.Response(404)
        return self.list(name, asked)

    def list(self, name: str, asked: dict[str, Any]) -> httpx.Response:
        found = [
            record for record in self.records[name].values() if all(self.fits(record, one) for one in asked["where"])
        ]
        found.sort(key=lambda record: (record[asked.get("orderBy", "createdAt")], record["id"]))
        first, size = int(asked.get("offset", 0)), int(asked["maxSize"])
        if size > LARGEST:
            return httpx.Response(403, headers={"X-Status-Reason": "Max size should not exceed 200"})
        if "select" in asked:
            chosen = asked["select"].split(",")
            found = [{name: record[name] for name in chosen if name in record} for record in found]
        return httpx.Response(200, json={"list": found[first : first + size], "total": len(found)})

    def fits(self, record: dict[str, Any], filter_: dict[str, Any]) -> bool:
        value, known = filter_["value"], record.get(filter_.get("attribute", ""), "")
        match filter_["type"]:
            case "or":
                return any(self.fits(record, one) for one in value)
            case "in":
                return known in value
            case "linkedWith":
                return bool(set(record.get(f"{filter_['attribute']}Ids", [])) & set(value))
            case "greaterThanOrEquals":
                return bool(known >= value)
            case "lessThan":
                return bool(known < value)
            case other:
                raise AssertionError(other)


def nested(query: str) -> dict[str, Any]:
    """As PHP reads `where[0][value][]=a`."""
    found: dict[str, Any] = {"where": {}}
    for name, value in parse_qsl(query, keep_blank_values=True):
        steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        place = found
        for step, after in pairwise(steps):
            place = place.setdefault(step, [] if after == "" else {})
        if isinstance(place, list):
            place.append(value)
        else:
            place[steps[-1]] = value
    return listed(found)


def listed(value: Any) -> Any:
    """What is numbered is a list."""
    if not isinstance(value, dict):
        return value
    inner = {key: listed(one) for key, one in value.items()}
    return list(inner.values()) if inner and all(key.isdigit() for key in inner) else inner if inner else []
