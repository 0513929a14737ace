"""A business unit of Account Engagement that is small enough to test with: it sends nothing, and asks for fields.

https://developer.salesforce.com/docs/marketing/pardot/guide/version5overview.html
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import httpx

from tests.connectors.journey import Vendor

UNIT = "0Uv0B0000004C92SAE"
CREDENTIAL = json.dumps(
    {"instance_url": "https://acme.my.salesforce.com", "client_id": "id-0815", "client_secret": "secret-never-shown"}
)
ZONE = ZoneInfo("Asia/Tokyo")


class PardotVendor(Vendor):
    kind = "pardot"
    pushes = False
    #: Rows a page at most, whatever is asked for.
    page: ClassVar[int] = 1000

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.rows: dict[str, list[dict[str, Any]]] = {"prospects": [], "visitor-activities": []}
        self.leads: dict[str, dict[str, Any]] = {}
        self.numbers = count(1)
        self.asked: list[dict[str, str]] = []
        self.token, self.token_until = "", clock()
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []

    def config(self, base: str) -> dict[str, Any]:
        return {"business_unit_id": UNIT, "api_base": base, "downloads": ["wp-0", "wp-1", "wp-2"]}

    def credential(self, base: str) -> str:
        return CREDENTIAL.replace("https://acme.my.salesforce.com", base)

    # --- what leads do

    def person(self, lead: str, email: str, name: str) -> None:
        shown = {"id": 565000 + next(self.numbers), "email": email, "firstName": "", "lastName": name, "score": 0}
        self.leads[lead] = shown | {"salesforceId": None, "company": None, "lastActivityAt": None, "isDeleted": False}
        self.leads[lead]["updatedAt"] = self.now()
        self.rows["prospects"].append(self.leads[lead])

    def download(self, lead: str, asset: str) -> None:
        """A form that stands for it: Pardot counts forms, not what they lead to."""
        self.did(lead, type=4, typeName="Form", formId=7, form={"id": 7, "name": asset})

    def score(self, lead: str, points: int) -> None:
        self.leads[lead] |= {"score": points, "updatedAt": self.now()}

    def did(self, lead: str, **said: Any) -> None:
        """The prospect's own record is not updated by it."""
        self.leads[lead]["lastActivityAt"] = self.now()
        about = {"id": next(self.numbers), "prospectId": self.leads[lead]["id"], "prospect": self.leads[lead]}
        nothing = {"details": None, "fileId": None, "formId": None}
        self.rows["visitor-activities"].append(
            nothing | about | {"createdAt": self.now(), "updatedAt": self.now()} | said
        )

    def now(self) -> str:
        return self.clock().astimezone(ZONE).isoformat(timespec="seconds")

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/services/oauth2/token":
            return self.grant(request)
        asked = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        self.asked.append(asked)
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("authorization") != f"Bearer {self.token}" or self.clock() >= self.token_until:
            return httpx.Response(401, json={"code": 184, "message": "access_token is invalid, unknown, or malformed"})
        if request.headers.get("pardot-business-unit-id") != UNIT:
            return httpx.Response(400, json={"code": 181, "message": "Invalid business unit"})
        if "fields" not in asked or ("nextPageToken" in asked and len(asked) > 2):
            return httpx.Response(400, json={"code": 109, "message": "Invalid parameter"})
        return self.list(request.url.path.rpartition("/")[2], asked)

    def grant(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if (form["grant_type"], form.get("client_secret")) != ("client_credentials", "secret-never-shown"):
            return httpx.Response(400, json={"error": "invalid_client", "error_description": str(form)})
        self.token, self.token_until = f"token-{next(self.numbers)}", self.clock() + timedelta(hours=1)
        return httpx.Response(200, json={"access_token": self.token, "token_type": "Bearer"})

    def list(self, name: str, asked: dict[str, str]) -> httpx.Response:
        since, until = (datetime.fromisoformat(asked[key]) for key in ("updatedAtAfterOrEqualTo", "updatedAtBefore"))
        assert asked["orderBy"] == "id"
        found = [
            row
            for row in sorted(self.rows[name], key=lambda row: row["id"])
            if since <= datetime.fromisoformat(row["updatedAt"]) < until and row["id"] > int(asked["idGreaterThan"])
        ]
        part = found[: min(int(asked["limit"]), self.page)]
        more = len(part) < len(found)
        shown = [chosen(row, asked["fields"].split(",")) for row in part]
        return httpx.Response(200, json={"values": shown, "nextPageToken": "opaque" if more else None})


def chosen(row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """`form.name` within the related object; nothing that was not asked for."""
    found: dict[str, Any] = {}
    for field in fields:
        name, _, inner = field.partition(".")
        if not inner:
            found[name] = row.get(name)
        elif related := row.get(name):
            found.setdefault(name, {})[inner] = related.get(inner)
    return found
