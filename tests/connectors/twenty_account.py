"""A Twenty workspace that is small enough to test with: it sends signed webhooks and answers the REST API.

twentyhq/twenty, packages/twenty-server/src: engine/core-modules/webhook, engine/api/rest, modules/timeline.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx

from tests.connectors.journey import Vendor

API_KEY = "twenty-api-key-never-shown-0123456789"
WORKSPACE = "872cfcf1-c79f-42bc-877d-5829f06eb3f9"
MEMBER = "20202020-0687-4c41-b707-ed1bfca972a7"
#: Fewer than the 60 that are asked for.
PAGE = 2
PLURALS = {
    "person": "people",
    "company": "companies",
    "opportunity": "opportunities",
    "task": "tasks",
    "note": "notes",
    "taskTarget": "taskTargets",
    "noteTarget": "noteTargets",
}
CONFIG: dict[str, Any] = {
    "workspace_id": WORKSPACE,
    "score_field": "leadScore",
    "status_field": "leadStatus",
    "owner_field": "salesOwner",
    "channels": {"電話": "call", "訪問": "meeting"},
    "family_name_first": True,
}


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


@dataclass
class SignedWhenSent:
    """As Twenty sends a webhook: what waits in its queue is signed when its turn comes."""

    body: bytes
    secret: str
    clock: Callable[[], datetime]
    query: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return signed(self.body, self.secret, self.clock())


class TwentyVendor(Vendor):
    kind = "twenty"

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.records: dict[str, dict[str, dict[str, Any]]] = {plural: {} for plural in PLURALS.values()}
        self.timeline: list[dict[str, Any]] = []
        self.people: dict[str, str] = {}
        self.asked: list[httpx.URL] = []
        self.numbers = count(1)
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []
        #: What newer versions call the person of a target.
        self.person_of_target = "personId"

    def config(self, base: str) -> dict[str, Any]:
        return CONFIG | {"api_base": base}

    def credential(self, base: str) -> str:
        return API_KEY

    # --- what people do

    def person(self, lead: str, email: str, name: str) -> None:
        company = self.add("company", name="株式会社みなと精機")
        full = {"firstName": name, "lastName": "見本"}
        emails = {"primaryEmail": email, "additionalEmails": []}
        self.people[lead] = self.add("person", name=full, emails=emails, companyId=company, salesOwnerId=None)

    def owner(self, lead: str, user: str) -> None:
        self.change("person", self.people[lead], salesOwnerId=user)

    def call(self, lead: str) -> None:
        """A task that is made, tied to the lead and ticked off, each by itself, as the pages of Twenty do it."""
        self.change("task", self.plan_call(lead), status="DONE")

    def plan_call(self, lead: str) -> str:
        due = stamp(self.clock() + timedelta(days=1))
        task = self.add("task", title="電話: 初回のご連絡", status="TODO", dueAt=due, assigneeId=MEMBER, bodyV2=SECRET)
        self.tie("task", task, lead)
        return task

    def delete_call(self, lead: str) -> None:
        for target in self.ties("taskTargets", self.people[lead]):
            self.delete("task", target["taskId"])
            self.delete("taskTarget", target["id"])

    def note(self, lead: str, title: str) -> str:
        """The title is typed after the note was made."""
        note = self.add("note", title="", bodyV2=SECRET)
        self.tie("note", note, lead)
        self.change("note", note, title=title)
        return note

    def tie(self, name: str, record: str, lead: str) -> str:
        return self.add(f"{name}Target", **{f"{name}Id": record, self.person_of_target: self.people[lead]})

    def ties(self, plural: str, person: str) -> list[dict[str, Any]]:
        known = [one for one in self.records[plural].values() if not one["deletedAt"]]
        return [one for one in known if person in (one.get("personId"), one.get("targetPersonId"))]

    # --- records

    def add(self, kind: str, /, **fields: Any) -> str:
        id_, at = str(UUID(int=next(self.numbers))), stamp(self.clock())
        by = {"source": "MANUAL", "workspaceMemberId": MEMBER, "name": "佐藤 花子"}
        record = {"id": id_, "createdAt": at, "updatedAt": at, "deletedAt": None, "createdBy": by} | fields
        self.records[PLURALS[kind]][id_] = record
        self.remember(kind, "created", record, {})
        self.tell(kind, "created", record)
        return id_

    def change(self, kind: str, id_: str, /, **fields: Any) -> None:
        record = self.records[PLURALS[kind]][id_]
        diff = {field: {"before": record.get(field), "after": value} for field, value in fields.items()}
        record |= fields | {"updatedAt": stamp(self.clock())}
        self.remember(kind, "updated", record, diff)
        self.tell(kind, "updated", record, list(fields))

    def delete(self, name: str, id_: str) -> None:
        record = self.records[PLURALS[name]][id_]
        self.tell(name, "deleted", record)
        record["deletedAt"] = stamp(self.clock())

    def restore(self, name: str, id_: str) -> None:
        record = self.records[PLURALS[name]][id_]
        record["deletedAt"] = None
        self.tell(name, "restored", record)

    def remember(self, name: str, action: str, record: dict[str, Any], diff: dict[str, Any]) -> None:
        """What a member does to a record within ten minutes is one entry."""
        now = self.clock()
        for entry in self.timeline:
            recent = datetime.fromisoformat(entry["createdAt"]) > now - timedelta(minutes=10)
            if entry["about"] == record["id"] and entry["name"] == f"{name}.{action}" and recent:
                known = entry["properties"]["diff"]
                for field, change in diff.items():
                    known[field] = change | {"before": known.get(field, change)["before"]}
                return
        told = {"name": f"{name}.{action}", "createdAt": stamp(now), "properties": {"diff": diff}}
        self.timeline.append({"id": str(UUID(int=next(self.numbers))), "about": record["id"]} | told)

    def tell(self, name: str, action: str, record: dict[str, Any], updated: list[str] | None = None) -> None:
        now = self.clock()
        said = {
            "targetUrl": "https://tasuki.example.jp/webhooks/tool",
            "eventName": f"{name}.{action}",
            "objectMetadata": {"id": str(UUID(int=1)), "nameSingular": name},
            "workspaceId": WORKSPACE,
            "webhookId": str(UUID(int=2)),
            "eventDate": stamp(now),
            "record": record,
        } | ({"updatedFields": updated} if updated else {})
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        self.sent.append(SignedWhenSent(body, self.secret, self.clock))

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return httpx.Response(401, json={"statusCode": 401, "error": "UnauthorizedException"})
        if request.url.path == "/rest/metadata/objects":
            options = [{"value": "NEW", "label": "未対応"}, {"value": "CONTACTED", "label": "架電済"}]
            fields = [{"name": "leadStatus", "type": "SELECT", "options": options}, {"name": "city", "type": "TEXT"}]
            objects = [{"nameSingular": "company", "fields": []}, {"nameSingular": "person", "fields": fields}]
            return httpx.Response(200, json={"data": {"objects": objects}})
        plural, asked = request.url.path.removeprefix("/rest/"), request.url.params
        found = [
            one for one in self.records[plural].values() if not one["deletedAt"] and fits(one, asked.get("filter"))
        ]
        found.sort(key=lambda one: (one["updatedAt"] if "order_by" in asked else "", one["id"]))
        if "starting_after" in asked:
            place = json.loads(base64.b64decode(asked["starting_after"]))
            found = [one for one in found if (one["updatedAt"], one["id"]) > (place["updatedAt"], place["id"])]
        page = found[: min(int(asked["limit"]), PAGE if "order_by" in asked else 60)]
        end = page and base64.b64encode(json.dumps({"updatedAt": page[-1]["updatedAt"], "id": page[-1]["id"]}).encode())
        info = {"hasNextPage": len(page) < len(found), "startCursor": None, "endCursor": end.decode() if end else None}
        shown = [self.with_relations(plural, one) if asked.get("depth") == "1" else one for one in page]
        return httpx.Response(200, json={"data": {plural: shown}, "totalCount": len(found), "pageInfo": info})

    def with_relations(self, plural: str, record: dict[str, Any]) -> dict[str, Any]:
        id_ = record["id"]
        if plural == "people":
            deals = [one for one in self.records["opportunities"].values() if one.get("pointOfContactId") == id_]
            known = {
                "company": self.records["companies"].get(record["companyId"]),
                "messageParticipants": [{"id": "1"}],
            }
            targets = {name: self.ties(name, id_) for name in ("taskTargets", "noteTargets")}
            return record | known | targets | {"pointOfContactForOpportunities": deals}
        name = plural.removesuffix("s")
        targets = [t for t in self.records[f"{name}Targets"].values() if t[f"{name}Id"] == id_ and not t["deletedAt"]]
        told = [entry for entry in self.timeline if entry["about"] == id_]
        member = {"id": MEMBER, "name": {"firstName": "花子", "lastName": "佐藤"}}
        return record | {f"{name}Targets": targets, "timelineActivities": told, "assignee": member}


SECRET = {"markdown": "社外秘のメモ", "blocknote": None}


def signed(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """call-webhook.job.ts"""
    sent = str(int(at.timestamp() * 1000))
    digest = hmac.new(secret.encode(), sent.encode() + b":" + body, hashlib.sha256).hexdigest()
    nonce = "00112233445566778899aabbccddeeff"
    names = ("x-twenty-webhook-timestamp", "x-twenty-webhook-signature", "x-twenty-webhook-nonce")
    return dict(zip(names, (sent, digest, nonce), strict=True)) | {"content-type": "application/json"}


def fits(record: dict[str, Any], written: str | None) -> bool:
    """`and(updatedAt[gte]:"…",updatedAt[lt]:"…")`, `id[in]:["…"]`, `emails.primaryEmail[ilike]:"…"`; nothing else."""
    if written is None:
        return True
    if wanted := re.fullmatch(r"id\[in\]:\[(.*)\]", written):
        return record["id"] in json.loads(f"[{wanted[1]}]")
    if wanted := re.fullmatch(r'emails\.primaryEmail\[ilike\]:"(.*)"', written):
        pattern = re.escape(wanted[1]).replace("_", ".").replace("%", ".*")
        return re.fullmatch(pattern, record["emails"]["primaryEmail"], re.IGNORECASE) is not None
    wanted = re.fullmatch(r'and\(updatedAt\[gte\]:"(.*)",updatedAt\[lt\]:"(.*)"\)', written)
    assert wanted, written
    at = datetime.fromisoformat(record["updatedAt"])
    return datetime.fromisoformat(wanted[1]) <= at < datetime.fromisoformat(wanted[2])
