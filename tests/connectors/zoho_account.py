"""A Zoho CRM that is small enough to test with: it sends notifications and answers the REST API v7.

https://www.zoho.com/crm/developer/docs/api/v7/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import httpx

from tests.connectors.journey import Sent, Vendor

CLIENT = {
    "client_id": "1000.CLIENT",
    "client_secret": "zoho-client-secret-01",
    "refresh_token": "1000.refresh-token-01",
}
SCOPES = ("modules", "coql", "settings", "notifications", "org")
#: Fewer than the 200 that are asked for.
PAGE = 2
JST = timezone(timedelta(hours=9))
Values = dict[str, Any]


def stamp(at: datetime) -> str:
    return at.astimezone(JST).isoformat(timespec="seconds")


class ZohoVendor(Vendor):
    kind = "zoho"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        modules = ("Leads", "Contacts", "Calls", "Events", "Tasks", "Deals")
        self.records: dict[str, dict[str, Values]] = {module: {} for module in modules}
        self.bins: dict[str, list[Values]] = {module: [] for module in modules}
        self.people: dict[str, str] = {}
        self.numbers = count(5725767000003000001)
        self.asked: list[str] = []
        self.scopes = set(SCOPES)
        #: The access tokens that are alive.
        self.tokens: list[str] = []
        #: channel_id → channel, as it was made.
        self.channels: dict[str, Values] = {}
        #: Send only what a living channel has asked for.
        self.forgets = False
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []
        #: Called after each page of a list: what happens while somebody reads.
        self.meanwhile: Callable[[], None] = lambda: None

    def config(self, base: str) -> Values:
        return {"api_base": base}

    def credential(self, base: str) -> str:
        return json.dumps(CLIENT | {"accounts_url": base})

    # --- what people do

    def person(self, lead: str, email: str, name: str) -> None:
        about = {"Full_Name": name, "Company": "株式会社みなと精機", "Email": email, "Owner": self.user("rep-0")}
        self.people[lead] = self.add("Leads", about | {"Lead_Status": "Not Contacted", "Converted__s": False})

    def owner(self, lead: str, user: str) -> None:
        self.change("Leads", self.people[lead], {"Owner": self.user(user)})

    def call(self, lead: str, **said: Any) -> str:
        about = {"Call_Type": "Outbound", "Outgoing_Call_Status": "Completed", "Call_Start_Time": stamp(self.clock())}
        return self.add("Calls", self.tied(lead) | about | said)

    def plan_call(self, lead: str) -> None:
        self.call(lead, Outgoing_Call_Status="Scheduled", Call_Start_Time=stamp(self.clock() + timedelta(days=1)))

    def delete_call(self, lead: str) -> None:
        (known,) = [id_ for id_, one in self.records["Calls"].items() if one["What_Id"]["id"] == self.people[lead]]
        self.delete("Calls", known)

    def tied(self, lead: str) -> Values:
        what = {"What_Id": {"id": self.people[lead], "name": lead}, "$se_module": "Leads", "Who_Id": None}
        return what | {"Subject": "初回のご連絡", "Owner": self.user("rep-1")}

    def user(self, name: str) -> Values:
        return {"id": f"57257670000004{name[-1]}", "name": name, "email": f"{name}@example.jp"}

    def convert(self, lead: str) -> str:
        old = self.records["Leads"][self.people[lead]]
        contact = self.add("Contacts", {name: old[name] for name in ("Full_Name", "Email", "Owner")})
        became = {"Converted__s": True, "Converted_Contact": {"id": contact, "name": "x"}}
        self.change("Leads", self.people[lead], became | {"Converted_Date_Time": stamp(self.clock())})
        return contact

    def add(self, module: str, fields: Values) -> str:
        known, at = str(next(self.numbers)), stamp(self.clock())
        self.records[module][known] = {"id": known, "Created_Time": at, "Modified_Time": at} | fields
        self.tell(module, "insert", known)
        return known

    def change(self, module: str, known: str, fields: Values) -> None:
        self.records[module][known] |= {"Modified_Time": stamp(self.clock())} | fields
        self.tell(module, "update", known)

    def delete(self, module: str, known: str) -> None:
        del self.records[module][known]
        self.bins[module].append({"id": known, "type": "recycle", "deleted_time": stamp(self.clock())})
        self.tell(module, "delete", known)

    def tell(self, module: str, operation: str, *ids: str) -> None:
        if self.forgets and not any(datetime.fromisoformat(c["channel_expiry"]) > self.clock() for c in self.alive()):
            return
        told = {
            "server_time": int(self.clock().timestamp() * 1000),
            "query_params": {},
            "module": module,
            "resource_uri": "https://www.zohoapis.jp/crm/v7/Leads",
            "ids": list(ids),
            "affected_fields": [],
            "operation": operation,
            "channel_id": 1000000068001,
            "token": self.secret,
        }
        self.sent.append(Sent(json.dumps(told).encode()))

    def alive(self) -> list[Values]:
        return list(self.channels.values())

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        if path == "/oauth/v2/token":
            return self.grant(request)
        if self.refusals:
            return self.refusals.pop(0)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Zoho-oauthtoken" or token not in self.tokens:
            return refusal(401, "INVALID_TOKEN")
        _, _, version, *rest = path.split("/")
        assert version == "v7"
        scopes = {"coql": "coql", "settings": "settings", "actions": "notifications", "org": "org"}
        if scopes.get(rest[0], "modules") not in self.scopes:
            return refusal(401, "OAUTH_SCOPE_MISMATCH")
        return self.routed(rest, request)

    def routed(self, rest: list[str], request: httpx.Request) -> httpx.Response:
        asked = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        match rest:
            case ["org"]:
                return httpx.Response(200, json={"org": [{"company_name": "山田商事"}]})
            case ["settings", "fields"]:
                return self.fields(asked["module"])
            case ["actions", "watch"]:
                return self.watch(request)
            case ["coql"]:
                return self.query(json.loads(request.content)["select_query"])
            case [module, "deleted"]:
                return self.deleted(module, asked, request)
        return self.list(rest[0], asked, request)

    def grant(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        if form != CLIENT | {"grant_type": "refresh_token"}:
            return httpx.Response(200, json={"error": "invalid_code"})  # Zoho's way of saying no
        self.tokens.append(f"1000.access-token-{len(self.tokens)}")
        return httpx.Response(200, json={"access_token": self.tokens[-1], "expires_in": 3600})

    def list(self, module: str, asked: Values, request: httpx.Request) -> httpx.Response:
        names = asked["fields"].split(",")
        assert len(names) <= 50
        assert int(asked["per_page"]) <= 200
        found = [one for one in self.records[module].values() if asked.get("converted") or not one.get("Converted__s")]
        if "ids" in asked:
            found = [one for one in found if one["id"] in asked["ids"].split(",")]
        since = request.headers.get("if-modified-since")
        if since:
            at = datetime.fromisoformat(since)
            found = [one for one in found if datetime.fromisoformat(one["Modified_Time"]) > at]
            assert asked["sort_by"] == "Modified_Time"
            assert asked["sort_order"] == "asc"
        found.sort(key=lambda one: (datetime.fromisoformat(one["Modified_Time"]), one["id"]))
        first = int(asked.get("page_token", "offset-0").removeprefix("offset-"))
        answer = self.paged(found, first, PAGE if since else 200, names, since)
        self.meanwhile()
        return answer

    def paged(
        self, found: list[Values], first: int, size: int, names: list[str] | None, since: str | None
    ) -> httpx.Response:
        page = found[first : first + size]
        if not page:
            return httpx.Response(304 if since else 204)
        shown = [{n: one.get(n) for n in ["id", *names]} for one in page] if names else page
        more = first + size < len(found)
        token = f"offset-{first + size}" if more else None
        info = {"per_page": size, "count": len(page), "more_records": more, "next_page_token": token}
        return httpx.Response(200, json={"data": shown, "info": info})

    def deleted(self, module: str, asked: Values, request: httpx.Request) -> httpx.Response:
        since = datetime.fromisoformat(request.headers["if-modified-since"])
        found = [one for one in self.bins[module] if datetime.fromisoformat(one["deleted_time"]) >= since]
        return self.paged(found, (int(asked["page"]) - 1) * PAGE, PAGE, None, None)

    def query(self, coql: str) -> httpx.Response:
        module = re.search(r"from (\w+) ", coql)[1]
        if address := re.search(r"Email = '([^']+)'", coql):
            found = [one for one in self.records[module].values() if one["Email"] == address[1]]
        else:
            people = re.findall(r"'(\d+)'", re.search(r"Who_Id in \(([^)]*)\)", coql)[1])
            since = datetime.fromisoformat(re.search(r"Modified_Time >= '([^']+)'", coql)[1])
            found = [
                one
                for one in self.records[module].values()
                if {(one.get(n) or {}).get("id") for n in ("Who_Id", "What_Id")} & set(people)
                and datetime.fromisoformat(one["Modified_Time"]) >= since
            ]
        if not found:
            return httpx.Response(204)
        return httpx.Response(200, json={"data": [{"id": one["id"]} for one in found], "info": {"more_records": False}})

    def fields(self, module: str) -> httpx.Response:
        words = {
            "Leads": ("Lead_Status", ["-None-", "Not Contacted", "Contacted", "架電済"]),
            "Deals": ("Stage", ["Qualification", "Closed Won", "内示"]),
        }
        name, values = words[module]
        choices = [{"actual_value": word, "display_value": word} for word in values]
        return httpx.Response(200, json={"fields": [{"api_name": name, "pick_list_values": choices}]})

    def watch(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"watch": self.alive()}) if self.channels else httpx.Response(204)
        (channel,) = json.loads(request.content)["watch"]
        known, now = channel["channel_id"], self.clock()
        assert len(channel["token"]) <= 50
        if (request.method == "PUT") != (known in self.channels):
            return httpx.Response(400, json={"watch": [{"code": "INVALID_DATA", "status": "error"}]})
        until = datetime.fromisoformat(channel["channel_expiry"])
        if until > now + timedelta(days=7):
            until = now + timedelta(hours=1)  # as documented
        self.channels[known] = channel | {"channel_expiry": stamp(until)}
        events = [{"channel_id": known, "channel_expiry": stamp(until), "resource_name": "Leads"}]
        said = {"code": "SUCCESS", "details": {"events": events}, "status": "success"}
        return httpx.Response(200, json={"watch": [said]})


def refusal(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "details": {}, "message": code.lower(), "status": "error"})
