"""A Mautic instance that is small enough to test with.

https://devdocs.mautic.org/en/5.x/rest_api/contacts.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import httpx

from tests.connectors.journey import Sent, Vendor

CREDENTIAL = json.dumps({"user": "tasuki", "password": "secret-never-shown"})


class MauticVendor(Vendor):
    kind = "mautic"

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.contacts: dict[int, dict[str, Any]] = {}
        self.ids: dict[str, int] = {}
        self.events: list[dict[str, Any]] = []
        self.numbers = count(1)
        self.asked: list[dict[str, str]] = []
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []

    def config(self, base: str) -> dict[str, Any]:
        return {"base": base, "downloads": ["wp-0", "wp-1", "wp-2"]}

    def credential(self, base: str) -> str:
        return CREDENTIAL

    # --- what leads do

    def person(self, lead: str, email: str, name: str) -> None:
        self.ids[lead] = known = next(self.numbers)
        fields = {"email": {"alias": "email", "value": email}, "lastname": {"alias": "lastname", "value": name}}
        shown = {"id": known, "points": 0, "dateAdded": self.now(), "dateModified": self.now(), "owner": None}
        self.contacts[known] = shown | {"fields": {"core": fields, "social": [], "personal": []}}
        self.tell("mautic.lead_post_save_new", contact=self.contacts[known], timestamp=self.now())

    def download(self, lead: str, asset: str) -> None:
        """By a form that stands for it."""
        number, contact = next(self.numbers), self.contacts[self.ids[lead]]
        contact["lastActive"] = self.now()
        event = {"event": "form.submitted", "eventId": f"form.submitted{number}", "eventLabel": {"label": asset}}
        self.events.append(event | {"timestamp": self.now(), "contactId": contact["id"], "details": {}})
        submission = {"id": number, "form": {"id": 4, "name": asset}, "lead": contact, "dateSubmitted": self.now()}
        self.tell("mautic.form_on_submit", submission=submission, timestamp=self.now())

    def score(self, lead: str, points: int) -> None:
        contact = self.contacts[self.ids[lead]]
        points_told = {"old_points": contact["points"], "new_points": points}
        contact |= {"points": points, "lastActive": self.now()}
        self.tell("mautic.lead_points_change", contact=contact, points=points_told, timestamp=self.now())

    def tell(self, event: str, **entry: Any) -> None:
        """PHP escapes slashes and everything that is not ASCII."""
        body = json.dumps({event: [entry]}).replace("/", "\\/").encode()
        proof = base64.b64encode(hmac.digest(self.secret.encode(), body, hashlib.sha256)).decode()
        self.sent.append(Sent(body, {"webhook-signature": proof, "content-type": "application/json"}))

    def now(self) -> str:
        return f"{self.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%S+00:00}"

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = dict(parse_qsl(request.url.query.decode()))
        self.asked.append(asked)
        if self.refusals:
            return self.refusals.pop(0)
        right = "Basic " + base64.b64encode(b"tasuki:secret-never-shown").decode()
        if request.headers.get("authorization") != right:
            return httpx.Response(401, json={"errors": [{"message": f"denied {request.headers}", "code": 401}]})
        if request.url.path == "/api/contacts":
            return self.list_contacts(asked)
        assert request.url.path == "/api/contacts/activity"
        return self.list_events(asked)

    def list_contacts(self, asked: dict[str, str]) -> httpx.Response:
        since, after = read(asked["where[1][val][0][val]"]), int(asked["where[0][val]"])
        assert asked["where[1][expr]"] == "orX"
        stamps = ("dateModified", "lastActive", "dateAdded")
        changed = [
            contact
            for number, contact in sorted(self.contacts.items())
            if number > after and any(read(contact.get(name)) >= since for name in stamps if contact.get(name))
        ]
        page = changed[: int(asked["limit"])]
        shown: Any = {str(contact["id"]): contact for contact in page} or []
        return httpx.Response(200, json={"total": str(len(changed)), "contacts": shown})

    def list_events(self, asked: dict[str, str]) -> httpx.Response:
        wanted = {value for name, value in asked.items() if name.startswith("filters[includeEvents]")}
        first, last = (read(asked[f"filters[{name}]"]) for name in ("dateFrom", "dateTo"))
        found = [e for e in self.events if e["event"] in wanted and first <= read(e["timestamp"]) <= last]
        page, limit = int(asked["page"]), int(asked["limit"])
        part = found[(page - 1) * limit : page * limit]
        pages = max(1, -(-len(found) // limit))
        return httpx.Response(
            200, json={"events": part, "total": str(len(found)), "page": str(page), "maxPages": pages}
        )


def read(told: Any) -> datetime:
    at = datetime.fromisoformat(str(told))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
