"""A Marketo instance that is small enough to test with: a log of activities, short pages, errors inside 200.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/rest-api
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import httpx

from tests.connectors.journey import Sent, Vendor

CREDENTIAL = json.dumps({"client_id": "id-0815", "client_secret": "secret-never-shown"})
JST = ZoneInfo("Asia/Tokyo")


def failed(code: str, message: str = "no") -> httpx.Response:
    return httpx.Response(200, json={"success": False, "errors": [{"code": code, "message": message}]})


class MarketoVendor(Vendor):
    kind = "marketo"
    #: Activities a page.
    page = 2

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.leads: dict[int, dict[str, Any]] = {}
        self.ids: dict[str, int] = {}
        self.log: list[dict[str, Any]] = []
        self.numbers = count(1)
        self.tokens = count(1)
        self.asked: list[str] = []
        self.token, self.token_until = "", clock()
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []

    def config(self, base: str) -> dict[str, Any]:
        return {"base": base, "downloads": ["wp-0", "wp-1", "wp-2"], "activities_from": "api"}

    def credential(self, base: str) -> str:
        return CREDENTIAL

    # --- what leads do

    def person(self, lead: str, email: str, name: str) -> None:
        self.ids[lead] = known = 318580 + next(self.numbers)
        self.leads[known] = {"id": known, "email": email, "firstName": "", "lastName": name, "leadScore": 0}
        self.did(lead, 12, "")

    def download(self, lead: str, asset: str) -> None:
        self.did(lead, 2, asset)
        self.call_webhook(lead, activity="download", asset=asset)

    def score(self, lead: str, points: int) -> None:
        old = self.leads[self.ids[lead]]["leadScore"]
        self.leads[self.ids[lead]]["leadScore"] = points
        self.did(lead, 22, "Lead Score", **{"New Value": str(points), "Old Value": str(old)})
        self.call_webhook(lead)

    def did(self, lead: str, type_: int, about: str, **attributes: str) -> None:
        number, at = next(self.numbers), f"{self.clock():%Y-%m-%dT%H:%M:%SZ}"
        self.leads[self.ids[lead]]["updatedAt"] = at
        activity = {"id": number, "marketoGUID": str(number), "leadId": self.ids[lead], "activityDate": at}
        told = [{"name": name, "value": value} for name, value in attributes.items()]
        self.log.append(activity | {"activityTypeId": type_, "primaryAttributeValue": about, "attributes": told})

    def call_webhook(self, lead: str, **said: str) -> None:
        known = self.leads[self.ids[lead]]
        who = {"leadId": known["id"], "email": known["email"], "lastName": known["lastName"]}
        at = f"{self.clock().astimezone(JST):%Y-%m-%d %H:%M:%S}"
        body = json.dumps(who | {"score": str(known["leadScore"]), "sentAt": at} | said).encode()
        self.sent.append(Sent(body, {"x-tasuki-token": self.secret}))

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        asked = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        if path == "/identity/oauth/token":
            return self.grant(asked)
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("authorization") != f"Bearer {self.token}" or self.clock() >= self.token_until:
            return failed("602", "Access token expired")
        if path == "/rest/v1/activities/pagingtoken.json":
            return httpx.Response(200, json={"success": True, "nextPageToken": f"T{asked['sinceDatetime']}|0"})
        if path == "/rest/v1/activities.json":
            return self.activities(asked)
        if path == "/rest/v1/leads/describe.json":
            names = [{"rest": {"name": name}} for name in ("leadScore", "leadStatus", "email")]
            return httpx.Response(200, json={"success": True, "result": names})
        assert path == "/rest/v1/leads.json"
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        found = [self.leads[int(known)] for known in form["filterValues"].split(",") if int(known) in self.leads]
        shown = [{name: lead[name] for name in form["fields"].split(",") if lead.get(name)} for lead in found]
        return httpx.Response(200, json={"success": True, "result": shown})

    def grant(self, asked: dict[str, str]) -> httpx.Response:
        if asked.get("client_secret") != "secret-never-shown":
            return httpx.Response(401, json={"error": "unauthorized", "error_description": str(asked)})
        self.token, self.token_until = f"token-{next(self.tokens)}", self.clock() + timedelta(hours=1)
        return httpx.Response(200, json={"access_token": self.token, "token_type": "bearer", "expires_in": 3599})

    def activities(self, asked: dict[str, str]) -> httpx.Response:
        since, first = asked["nextPageToken"][1:].split("|")
        types = {int(known) for known in asked["activityTypeIds"].split(",")}
        assert len(types) <= 10
        later = [one for one in self.log if one["activityDate"] >= since]
        part = later[int(first) : int(first) + self.page]
        following = int(first) + len(part)
        # a page holds what is of these types among the next entries: it may be short, and there is more all the same
        page = {"result": [one for one in part if one["activityTypeId"] in types], "moreResult": following < len(later)}
        return httpx.Response(200, json={"success": True, "nextPageToken": f"T{since}|{following}"} | page)


def until(vendor: MarketoVendor) -> datetime:
    return vendor.clock() + timedelta(minutes=1)
