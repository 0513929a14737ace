"""A Pipedrive company that is small enough to test with: it sends webhooks v2 and answers the REST API v2.

https://pipedrive.readme.io/docs/webhooks-v2-migration-guide, https://developers.pipedrive.com/docs/api/v1
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import httpx

from tests.connectors.journey import Sent, Vendor

TOKEN = "pipedrive-api-token-0123456789"
COMPANY = "8087566"
#: Fewer than the 500 that are asked for: short pages with a cursor are allowed.
PAGE = 2
PLURALS = {"person": "persons", "activity": "activities", "deal": "deals"}


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


class PipedriveVendor(Vendor):
    kind = "pipedrive"

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.records: dict[str, dict[int, dict[str, Any]]] = {plural: {} for plural in PLURALS.values()}
        self.people: dict[str, int] = {}
        self.asked: list[str] = []
        self.numbers = count(1)
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []

    def config(self, base: str) -> dict[str, Any]:
        return {"api_base": base, "company_id": COMPANY}

    def credential(self, base: str) -> str:
        return TOKEN

    # --- what people do

    def person(self, lead: str, email: str, name: str) -> None:
        addresses = [{"value": "old@example.jp", "primary": False}, {"value": email, "primary": True}]
        self.people[lead] = self.add("person", {"name": name, "emails": addresses, "owner_id": 1})

    def owner(self, lead: str, user: str) -> None:
        self.change("person", self.people[lead], {"owner_id": int(user.rpartition("-")[2])})

    def call(self, lead: str) -> None:
        self.activity(lead, done=True, marked_as_done_time=stamp(self.clock()))

    def plan_call(self, lead: str) -> None:
        self.activity(lead, done=False, due_date="2026-04-02")

    def delete_call(self, lead: str) -> None:
        (known,) = [id_ for id_, a in self.records["activities"].items() if a["person_id"] == self.people[lead]]
        former = self.records["activities"].pop(known)
        self.tell("delete", "activity", known, None, former)

    def activity(self, lead: str, **said: Any) -> int:
        about = {"type": "call", "subject": "初回のご連絡", "person_id": self.people[lead], "owner_id": 1}
        return self.add("activity", about | said)

    def add(self, entity: str, fields: dict[str, Any]) -> int:
        known, at = next(self.numbers), stamp(self.clock())
        record = {"id": known, "custom_fields": {}, "add_time": at, "update_time": at} | fields
        self.records[PLURALS[entity]][known] = record
        self.tell("create", entity, known, record, None)
        return known

    def change(self, entity: str, known: int, fields: dict[str, Any]) -> None:
        record = self.records[PLURALS[entity]][known]
        before = {name: record.get(name) for name in fields}
        record |= fields | {"update_time": stamp(self.clock())}
        self.tell("change", entity, known, record, before)

    def tell(self, action: str, entity: str, known: int, data: Any, previous: Any) -> None:
        meta = {
            "action": action,
            "entity": entity,
            "entity_id": str(known),
            "company_id": COMPANY,
            "id": str(UUID(int=next(self.numbers))),
            "timestamp": f"{self.clock():%Y-%m-%dT%H:%M:%S.461Z}",
            "version": "2.0",
            "attempt": 1,
        }
        body = json.dumps({"data": data, "previous": previous, "meta": meta}).encode()
        proof = base64.b64encode(f"tasuki:{self.secret}".encode()).decode()
        self.sent.append(Sent(body, {"authorization": f"Basic {proof}"}))

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.raw_path.decode())
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("x-api-token") != TOKEN:
            return httpx.Response(401, json={"success": False, "error": "unauthorized access"})
        asked = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        _, _, version, name, *rest = request.url.path.split("/")
        if rest == ["search"]:
            return self.search(asked)
        if name == "activities" and "ids" in asked:
            known = [self.records[name].get(int(id_)) for id_ in asked["ids"].split(",")]
            return httpx.Response(200, json={"success": True, "data": [one for one in known if one]})
        if version == "v1" and name == "users":
            return httpx.Response(200, json={"success": True, "data": {"company_name": "山田商事"}})
        if version == "v1" and name == "personFields":
            options = [{"id": 24, "label": "接触済み"}, {"id": 25, "label": "未対応"}]
            return httpx.Response(200, json={"success": True, "data": {"options": options}})
        return self.list(name, asked)

    def list(self, name: str, asked: dict[str, str]) -> httpx.Response:
        since, until = asked["updated_since"], asked.get("updated_until", "9999")
        found = [record for record in self.records[name].values() if since <= record["update_time"] < until]
        if "person_id" in asked:
            found = [record for record in found if str(record.get("person_id")) == asked["person_id"]]
        found.sort(key=lambda record: (record["update_time"], record["id"]))
        first = int(asked.get("cursor", "0"))
        following = str(first + PAGE) if first + PAGE < len(found) else None
        page = {"data": found[first : first + PAGE], "additional_data": {"next_cursor": following}}
        return httpx.Response(200, json={"success": True} | page)

    def search(self, asked: dict[str, str]) -> httpx.Response:
        found = [p for p in self.records["persons"].values() if asked["term"] in str(p["emails"])]
        items = [{"item": {"id": person["id"], "name": person["name"]}} for person in found]
        return httpx.Response(200, json={"success": True, "data": {"items": items}})
