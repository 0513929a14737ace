"""A Salesforce organisation that is small enough to test with: it answers SOQL, and tells what changed by outbound
messages or by change events of a relay.

Shapes: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm and the fixtures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import httpx
from journey import Sent, Vendor

from connectors.salesforce import access, api, soql
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.ids import normal_id

FIXTURES = Path(__file__).parent.parent / "fixtures" / "salesforce"
HOST = "https://minato.my.salesforce.com"
ERRORS = json.loads((FIXTURES / "rest_errors.derived.json").read_text())


def error(name: str, **headers: str) -> httpx.Response:
    return httpx.Response(ERRORS[name]["status"], json=ERRORS[name]["body"], headers=headers)


def record(kind: str, fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The record of an outbound message as the API shows it: typed, with the zone in Salesforce's way."""
    typed = {name: as_json(value) for name, value in {**fields, **more}.items()}
    known = normal_id(str(typed["Id"]))
    url = f"/services/data/{api.VERSION}/sobjects/{kind}/{known}"
    return {"attributes": {"type": kind, "url": url}, "IsDeleted": False, **typed, "Id": known}


def as_json(value: Any) -> Any:
    if value in ("true", "false"):
        return value == "true"
    if isinstance(value, str) and re.fullmatch(r"\d+\.\d+|\d\.\dE\d", value):
        return float(value)
    return value.replace("Z", "+0000") if isinstance(value, str) and re.match(r"2026-..-..T", value) else value


def stamped(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.000+0000}"


@dataclass
class Organisation:
    """A Salesforce that answers SOQL: ranges of a stamp, lists of ids, and pages of what it found."""

    records: list[dict[str, Any]] = field(default_factory=list)
    page: int = 2000
    #: Answered with instead, one after the other; None: as usual.
    refusals: list[httpx.Response | None] = field(default_factory=list)
    #: Objects that the user may not read.
    unreadable: set[str] = field(default_factory=set)
    #: Every question's SOQL or path, and every form posted for a token.
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    #: The token that is good now.
    token: str = "00Dxx!token-1-never-shown"
    locators: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    clock: datetime | None = None
    timeouts: list[Mapping[str, float]] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.timeouts.append(request.extensions.get("timeout", {}))
        if request.url.path == access.TOKEN_PATH:
            self.forms.append(parse_qs(request.content.decode()))
            return self.refusals.pop(0) or self.grant() if self.refusals else self.grant()
        if refusal := self.refusals.pop(0) if self.refusals else None:
            return refusal
        if request.headers["authorization"] not in (f"Bearer {self.token}", "Bearer 00Dxx!bare-token-never-shown"):
            return error("session")
        headers = {"Date": f"{self.clock:%a, %d %b %Y %H:%M:%S GMT}"} if self.clock else {}
        status, body = self.data(request)
        return httpx.Response(status, json=body, headers=headers)

    def grant(self) -> httpx.Response:
        return httpx.Response(200, json={"access_token": self.token, "instance_url": HOST, "token_type": "Bearer"})

    def data(self, request: httpx.Request) -> tuple[int, Any]:
        path = request.url.path.removeprefix(api.DATA)
        if path in ("/queryAll", "/query"):
            return self.query(request.url.params["q"], everything=path == "/queryAll")
        if path == "/composite/batch":
            asked = [unquote(one["url"].partition("?q=")[2]) for one in json.loads(request.content)["batchRequests"]]
            results = [{"statusCode": status, "result": body} for status, body in map(self.query, asked)]
            return 200, {"hasErrors": any(r["statusCode"] >= 400 for r in results), "results": results}
        self.asked.append(request.url.path)
        if path not in self.locators:
            return ERRORS["locator"]["status"], ERRORS["locator"]["body"]
        return 200, self.paged(self.locators.pop(path))

    def query(self, asked: str, *, everything: bool = True) -> tuple[int, Any]:
        """Everything: also what is archived, or in the recycle bin."""
        self.asked.append(asked)
        kind = re.search(r" FROM (\w+)", re.sub(r"\(SELECT[^()]*(\([^()]*\))?[^()]*\)", "(…)", asked))[1]  # type: ignore[index]
        if kind in self.unreadable:
            body = json.dumps(ERRORS["object"]["body"]).replace("LeadHistory", kind)
            return ERRORS["object"]["status"], json.loads(body)
        found = [one for one in self.records if one["attributes"]["type"] == kind and matches(one, asked)]
        if not everything:
            found = [one for one in found if not (one.get("IsDeleted") or one.get("IsArchived"))]
        found.sort(key=lambda one: (one.get(soql.stamp(kind), ""), one["Id"]))
        return 200, self.paged([selected(one, asked) for one in found])

    def paged(self, found: list[dict[str, Any]]) -> dict[str, Any]:
        if len(found) <= self.page:
            return {"totalSize": len(found), "done": True, "records": found}
        rest = f"/query/01g5g00000Rest{len(self.asked)}AAA-{self.page}"
        self.locators[rest] = found[self.page :]
        return {"totalSize": 9, "done": False, "nextRecordsUrl": api.DATA + rest, "records": found[: self.page]}


def matches(one: Mapping[str, Any], asked: str) -> bool:
    if "IsDeleted = false" in asked and one.get("IsDeleted"):
        return False
    for name, sign, value in re.findall(r"(\w+) (>=|<) (2[\d:TZ-]+)", asked):
        at, limit = datetime.fromisoformat(one[name]), datetime.fromisoformat(value)
        if (at < limit) if sign == ">=" else (at >= limit):
            return False
    lists = re.findall(r"(\w+) IN \(('[^)]*)\)", re.sub(r"IN \(SELECT.*?\)\)", "", asked))
    named = all(f"'{one.get(name)}'" in values for name, values in lists)
    return named and ("(SELECT" not in asked or bool(one.get("reached")))


def selected(one: Mapping[str, Any], asked: str) -> dict[str, Any]:
    head = asked.partition(" FROM ")[0]
    names = {"attributes", *re.findall(r"\w+", re.sub(r"TYPEOF.*?END", "", head))}
    names |= {name for name in ("Who", "What") if f"TYPEOF {name}" in head}
    return {name: one.get(name) for name in sorted(names - {"SELECT"})}


# --- what it sends, in the harness of journeys

TOKEN = "00Dxx!bare-token-never-shown"
USER = normal_id("005000000000001")
MESSAGE_HEAD, _, MESSAGE_REST = (FIXTURES / "om_account.xml").read_text().partition("<Notification>")
MESSAGE_TAIL = MESSAGE_REST.partition("</Notification>")[2]


def outbound_message(kind: str, fields: Mapping[str, Any], number: int) -> bytes:
    """DERIVED: the envelope of the real message around another record."""
    chosen = dict.fromkeys(name for name in soql.columns(kind, SalesforceConfig()) if " " not in name) | fields
    inner = "".join(
        f'<sf:{name} xsi:nil="true"/>' if value is None else f"<sf:{name}>{as_text(value)}</sf:{name}>"
        for name, value in chosen.items()
    )
    sobject = f'<sObject xmlns:sf="urn:sobject.enterprise.soap.sforce.com" xsi:type="sf:{kind}">{inner}</sObject>'
    notification = f"<Notification><Id>{normal_id(f'04l{number:012}')}</Id>{sobject}</Notification>"
    return (MESSAGE_HEAD + notification + MESSAGE_TAIL).encode()


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def change_event(kind: str, what: str, ids: list[str], at: datetime, fields: Mapping[str, Any]) -> dict[str, Any]:
    """DERIVED: the envelope of the captured events around another record. Events have no SystemModstamp, IsDeleted or
    fields of other records, and of a new record only what is not empty."""
    message: dict[str, Any] = json.loads((FIXTURES / "cdc_create.json").read_text())
    header = message["data"]["payload"]["ChangeEventHeader"]
    header |= {"entityName": kind, "changeType": what, "recordIds": ids, "commitTimestamp": int(at.timestamp() * 1000)}
    left_out = {"Id", "attributes", "SystemModstamp", "IsDeleted", "Who", "What", "IsClosed"}
    told = {name: value for name, value in fields.items() if name not in left_out}
    if what != "UPDATE":
        told = {name: value for name, value in told.items() if value is not None}
    halves = {name: told.pop(name) for name in ("FirstName", "LastName") if name in told}
    message["data"]["payload"] = {"ChangeEventHeader": header, **told, **({"Name": halves} if halves else {})}
    return message | {"channel": f"/data/{kind}ChangeEvent"}


class SalesforceVendor(Vendor):
    """Tells by outbound messages, which know no deletions."""

    kind = "salesforce"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.organisation = Organisation()
        self.people: dict[str, str] = {}
        self.numbers = count(1)

    def config(self, base: str) -> dict[str, Any]:
        return {}

    def credential(self, base: str) -> str:
        return json.dumps({"instance_url": base, "access_token": TOKEN})

    def answer(self, request: httpx.Request) -> httpx.Response:
        return self.organisation.answer(request)

    def person(self, lead: str, email: str, name: str) -> None:
        self.people[lead] = normal_id(f"00Q{next(self.numbers):012}")
        known = {"LastName": name, "Email": email, "Status": "Open - Not Contacted", "OwnerId": USER}
        self.add("Lead", self.people[lead], known | {"IsConverted": False})

    def owner(self, lead: str, user: str) -> None:
        self.change("Lead", self.people[lead], {"OwnerId": normal_id(f"005{user[-1]:0>12}")})

    def call(self, lead: str) -> None:
        done = {"Status": "Completed", "IsClosed": True, "CompletedDateTime": stamped(self.clock())}
        self.task(lead, done)

    def plan_call(self, lead: str) -> None:
        self.task(lead, {"Status": "Not Started", "IsClosed": False, "ActivityDate": "2026-04-02"})

    def task(self, lead: str, said: Mapping[str, Any]) -> None:
        at = stamped(self.clock())
        known = {"WhoId": self.people[lead], "OwnerId": USER, "CreatedById": USER, "TaskSubtype": "Call"}
        times = {"CreatedDate": at, "LastModifiedDate": at}
        self.add("Task", normal_id(f"00T{next(self.numbers):012}"), known | times | said)

    def delete_call(self, lead: str) -> None:
        (known,) = [one for one in self.organisation.records if one.get("WhoId") == self.people[lead]]
        known |= {"IsDeleted": True, "SystemModstamp": stamped(self.clock())}
        self.tell("DELETE", "Task", known["Id"], {})

    def add(self, kind: str, known: str, fields: Mapping[str, Any]) -> None:
        at = stamped(self.clock())
        made = record(kind, {"Id": known, "SystemModstamp": at, "LastModifiedDate": at, **fields})
        self.organisation.records.append(made)
        self.tell("CREATE", kind, known, made)

    def change(self, kind: str, known: str, fields: Mapping[str, Any]) -> None:
        (there,) = [one for one in self.organisation.records if one["Id"] == known]
        stamps = {"LastModifiedDate": stamped(self.clock()), "SystemModstamp": stamped(self.clock())}
        there |= {**fields, **stamps}
        self.tell("UPDATE", kind, known, {**fields, **stamps})

    def tell(self, what: str, kind: str, known: str, fields: Mapping[str, Any]) -> None:
        if what == "DELETE":
            return
        simple = {name: value for name, value in fields.items() if not isinstance(value, dict)}
        body = outbound_message(kind, simple | {"Id": known}, next(self.numbers))
        self.sent.append(Sent(body, {"content-type": "text/xml"}, f"token={quote(self.secret, safe='')}"))


class SalesforceRelayVendor(SalesforceVendor):
    """Tells by change events that a relay passes on."""

    def tell(self, what: str, kind: str, known: str, fields: Mapping[str, Any]) -> None:
        event = change_event(kind, what, [known], self.clock(), fields)
        self.sent.append(Sent(json.dumps(event).encode(), {"authorization": f"Bearer {self.secret}"}))
