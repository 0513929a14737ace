"""A Dataverse environment that is small enough to test with: webhooks with the execution context, Web API v9.2.

https://learn.microsoft.com/power-apps/developer/data-platform/use-webhooks and …/webapi/overview
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote
from uuid import UUID

import httpx

from tests.connectors.journey import Sent, Vendor

TENANT, ORGANIZATION = "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "4ef5b371-e89e-e711-8122-000d3aa2331c"
CLIENT = {"client_id": "b5a2c0de-0000-4000-8000-000000000001", "client_secret": "dataverse~client~secret~01"}
#: Fewer than the 1000 that are asked for.
PAGE = 2
KEYS = {"lead": "leadid", "contact": "contactid", "opportunity": "opportunityid"}
SETS = {
    "leads": "lead",
    "contacts": "contact",
    "phonecalls": "phonecall",
    "emails": "email",
    "appointments": "appointment",
    "tasks": "task",
    "opportunities": "opportunity",
}
LOOKUPS = ("ownerid", "regardingobjectid", "parentcontactid", "originatingleadid", "masterid", "customerid")
COLUMNS = (
    "fullname companyname emailaddress1 statecode statuscode subject directioncode actualend senton scheduledstart "
    "isworkflowcreated category name stepname estimatedvalue actualvalue createdon modifiedon new_score new_industry"
).split()
COLUMNS += [*LOOKUPS, "leadid", "contactid", "opportunityid", "activityid"]
CHOICES = ("statecode", "statuscode")
TIMES = ("createdon", "modifiedon", "actualend", "senton", "scheduledstart")
Values = dict[str, Any]


def stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def ref(table: str, id_: str) -> tuple[str, str]:
    return table, id_


class DynamicsVendor(Vendor):
    kind = "dynamics"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.rows: dict[str, dict[str, Values]] = {table: {} for table in SETS.values()}
        self.people: dict[str, str] = {}
        self.numbers = count(1)
        self.asked: list[str] = []
        self.tokens: list[str] = []
        #: The steps have a post-image with all columns.
        self.images = True
        #: More than 256 KB: everything but the name of the row is left out.
        self.oversize = False
        #: Tables with Track changes; each change as (table, row) in their order.
        self.tracks: set[str] = set()
        self.changes: list[tuple[str, str]] = []
        self.refusals: list[httpx.Response] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def config(self, base: str) -> Values:
        return {"api_base": base, "organization_id": ORGANIZATION}

    def credential(self, base: str) -> str:
        return json.dumps(CLIENT | {"tenant_id": TENANT, "login_url": base})

    # --- what people do

    def person(self, lead: str, email: str, name: str) -> None:
        about = {"fullname": name, "companyname": "株式会社みなと精機", "emailaddress1": email}
        state = {"statecode": 0, "statuscode": 1, "ownerid": self.user("rep-0")}
        self.people[lead] = self.add("lead", about | state)

    def owner(self, lead: str, user: str) -> None:
        self.change("lead", self.people[lead], {"ownerid": self.user(user)}, "Assign")

    def call(self, lead: str, **said: Any) -> str:
        done = {"statecode": 1, "statuscode": 2, "actualend": stamp(self.clock()), "directioncode": True}
        return self.add("phonecall", self.tied(lead) | done | said)

    def plan_call(self, lead: str) -> None:
        tomorrow = stamp(self.clock() + timedelta(days=1))
        self.call(lead, statecode=0, statuscode=1, actualend=None, scheduledend=tomorrow)

    def delete_call(self, lead: str) -> None:
        whose = ref("lead", self.people[lead])
        (known,) = [id_ for id_, one in self.rows["phonecall"].items() if one["regardingobjectid"] == whose]
        self.delete("phonecall", known)

    def tied(self, lead: str) -> Values:
        about = {"regardingobjectid": ref("lead", self.people[lead]), "ownerid": self.user("rep-1")}
        return about | {"subject": "初回のご連絡", "isworkflowcreated": False}

    def user(self, name: str) -> tuple[str, str]:
        return ref("systemuser", str(UUID(int=900 + int(name[-1]))))

    def add(self, table: str, fields: Values) -> str:
        known, at = str(UUID(int=next(self.numbers) << 64)), stamp(self.clock())
        key = KEYS.get(table, "activityid")
        self.rows[table][known] = {key: known, "createdon": at, "modifiedon": at} | fields
        self.tell(table, known, "Create", fields)
        return known

    def change(self, table: str, known: str, fields: Values, message: str = "Update") -> None:
        changed = fields | {"modifiedon": stamp(self.clock())}
        self.rows[table][known] |= changed
        self.tell(table, known, message, changed)

    def delete(self, table: str, known: str) -> None:
        del self.rows[table][known]
        self.tell(table, known, "Delete", {})

    def tell(self, table: str, known: str, message: str, changed: Values) -> None:
        now = int(self.clock().timestamp() * 1000)
        self.changes.append((table, known))
        context: Values = {
            "MessageName": message,
            "Mode": 1,
            "OperationCreatedOn": f"/Date({now}+0900)/",
            "OperationId": str(UUID(int=next(self.numbers))),
            "OrganizationId": ORGANIZATION,
            "PrimaryEntityId": known,
            "PrimaryEntityName": table,
            "Stage": 40,
        }
        if not self.oversize:
            target = {"key": "Target", "value": {"Attributes": pairs(changed), "Id": known, "LogicalName": table}}
            automatic = {"key": "AsynchronousStepPrimaryName", "value": {"Attributes": pairs({"fullname": "x"})}}
            context |= {"InputParameters": [target], "PreEntityImages": [], "PostEntityImages": [automatic]}
            if self.images and message != "Delete":
                whole = {"Attributes": pairs(self.rows[table][known]), "Id": known, "LogicalName": table}
                context["PostEntityImages"].append({"key": "row", "value": whole})
        headers = {"x-ms-dynamics-entity-name": table, "x-ms-dynamics-request-name": message}
        headers |= {"x-ms-dynamics-msg-size-exceeded": "true"} if self.oversize else {}
        self.sent.append(Sent(json.dumps(context).encode(), headers, f"code={quote(self.secret, safe='')}"))

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        if path == f"/{TENANT}/oauth2/v2.0/token":
            return self.grant(request)
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return httpx.Response(401)
        rest = path.removeprefix("/api/data/v9.2/")
        asked = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        if rest == "WhoAmI":
            return httpx.Response(200, json={"OrganizationId": ORGANIZATION, "UserId": str(UUID(int=1))})
        if rest.startswith("EntityDefinitions"):
            options = [{"Value": 1, "State": 0}, {"Value": 100000001, "State": 0}, {"Value": 100000002, "State": 2}]
            return httpx.Response(200, json={"LogicalName": "statuscode", "OptionSet": {"Options": options}})
        return self.list(rest, asked, request)

    def grant(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        scope = form.pop("scope", "")
        if form != CLIENT | {"grant_type": "client_credentials"} or not scope.endswith("/.default"):
            told = f"AADSTS7000215: Invalid client secret {form.get('client_secret')}"
            return httpx.Response(401, json={"error": "invalid_client", "error_description": told})
        self.tokens.append(f"token-{len(self.tokens)}")
        return httpx.Response(200, json={"access_token": self.tokens[-1], "expires_in": 3599, "token_type": "Bearer"})

    def list(self, name: str, asked: Values, request: httpx.Request) -> httpx.Response:
        assert request.headers["odata-version"] == "4.0"
        if "$deltatoken" in asked or "odata.track-changes" in request.headers["prefer"]:
            return self.tracked(SETS[name], asked, request)
        prefer = request.headers["prefer"]
        assert 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"' in prefer
        columns = asked["$select"].split(",")
        for column in columns:
            if bare(column) not in COLUMNS or (bare(column) in LOOKUPS) != column.startswith("_"):
                said = f"Could not find a property named '{column}' on type 'Microsoft.Dynamics.CRM.{SETS[name]}'."
                return httpx.Response(400, json={"error": {"code": "0x80060888", "message": said}})
        found = [one for one in self.rows[SETS[name]].values() if matches(one, asked["$filter"])]
        key = KEYS.get(SETS[name], "activityid")
        found.sort(key=lambda one: (one["modifiedon"], one[key]))
        first, size = int(asked.get("$skiptoken", 0)), PAGE if "$orderby" in asked else 1000
        assert size <= int(re.search(r"odata.maxpagesize=(\d+)", prefer)[1]) <= 5000
        page = [shown(one, columns) for one in found[first : first + size]]
        answer: Values = {"@odata.context": "…", "value": page}
        if first + size < len(found):
            answer["@odata.nextLink"] = str(request.url.copy_set_param("$skiptoken", str(first + size)))
        self.meanwhile()
        return httpx.Response(200, json=answer)

    def tracked(self, table: str, asked: Values, request: httpx.Request) -> httpx.Response:
        """Changed rows first, then the ids of deleted ones; the first time everything that is there."""
        assert not set(asked) & {"$filter", "$orderby", "$expand", "$top"}
        token, key = asked.get("$deltatoken", ""), KEYS.get(table, "activityid")
        if table not in self.tracks or token == "forgotten":
            said = f"Change Tracking is not possible for {table} with this token."
            return httpx.Response(400, json={"error": {"code": "0x80044183", "message": said}})
        since = dict.fromkeys(id_ for kind, id_ in self.changes[int(token) :] if kind == table) if token else {}
        there = [one for one in self.rows[table].values() if not token or one[key] in since]
        found = [shown(one, asked["$select"].split(",")) for one in there]
        context = f"{request.url.copy_with(path='/api/data/v9.2/$metadata', query=None)}#{table}s/$deletedEntity"
        gone = [id_ for id_ in since if id_ not in self.rows[table]]
        found += [{"@odata.context": context, "id": id_, "reason": "deleted"} for id_ in gone]
        first = int(asked.get("$skiptoken", 0))
        answer: Values = {"value": found[first : first + PAGE]}
        if first + PAGE < len(found):
            answer["@odata.nextLink"] = str(request.url.copy_set_param("$skiptoken", str(first + PAGE)))
        else:
            url = request.url.copy_remove_param("$skiptoken")
            answer["@odata.deltaLink"] = str(url.copy_set_param("$deltatoken", str(len(self.changes))))
        return httpx.Response(200, json=answer)


def pairs(fields: Values) -> list[Values]:
    """Empty columns are left out, as in images."""
    return [{"key": name, "value": in_context(name, value)} for name, value in fields.items() if value is not None]


def in_context(name: str, value: Any) -> Any:
    if name in LOOKUPS:
        about = {"__type": "EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts", "Name": None}
        return about | {"LogicalName": value[0], "Id": value[1]}
    if name in CHOICES:
        return {"__type": "OptionSetValue:http://schemas.microsoft.com/xrm/2011/Contracts", "Value": value}
    if name in ("estimatedvalue", "actualvalue"):
        return {"__type": "Money:http://schemas.microsoft.com/xrm/2011/Contracts", "Value": value}
    if name in TIMES:
        return f"/Date({int(datetime.fromisoformat(value).timestamp() * 1000)})/"
    return value


def bare(column: str) -> str:
    return column.removeprefix("_").removesuffix("_value")


def shown(row: Values, columns: list[str]) -> Values:
    told: Values = {"@odata.etag": 'W/"1"'}
    for column in columns:
        value = row.get(bare(column))
        if value is not None and column.startswith("_"):
            told[f"{column}@Microsoft.Dynamics.CRM.lookuplogicalname"], value = value
        told[column] = value
    return told


def matches(row: Values, filter_: str) -> bool:
    """`(a or b) and c`, `a and b`, `a or b` of comparisons."""
    if inner := re.fullmatch(r"\((.*)\) and (.*)", filter_):
        return matches(row, inner[1]) and matches(row, inner[2])
    if " or " in filter_:
        return any(matches(row, one) for one in filter_.split(" or "))
    return all(compares(row, one) for one in filter_.split(" and "))


def compares(row: Values, said: str) -> bool:
    column, how, wanted = said.split(" ", 2)
    value = row.get(bare(column))
    if column.startswith("_"):
        value = value and value[1]
    wanted = wanted.strip("'").replace("''", "'")
    return value is not None and {"eq": value == wanted, "ge": value >= wanted, "le": value <= wanted}[how]
