"""Asks HubSpot's CRM API what the thin webhooks left open."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.asking import LATER, Limiter, ask, body_of, wanted_scopes
from connectors.contract import AskFailed, CanonicalEvent, Lookup, Parsed, Problem
from connectors.hubspot import deals, engagements
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.contacts import MERGED_IDS, contact_facts, contact_properties
from connectors.hubspot.records import Finding, Record
from connectors.hubspot.wire import entries, mapping, record_id

#: HubSpot allows a private app 100 requests in 10 seconds; this leaves some to the account's other tools.
LIMITER = Limiter(rate=8, burst=10)
#: HubSpot takes 100 ids in one question, but only 50 when histories are asked for.
BATCH = 50
#: Engagements are read with the permission for contacts; HubSpot redacts an e-mail's subject without the second one.
SCOPES = {
    "contact": "crm.objects.contacts.read",
    "call": "crm.objects.contacts.read",
    "email": "crm.objects.contacts.read and sales-email-read",
    "meeting": "crm.objects.contacts.read",
    "deal": "crm.objects.deals.read",
}
NO_RECORD = "HubSpot knows contacts, deals, calls, emails and meetings, each by a number"
PROPERTIES = {**engagements.PROPERTIES, "deal": deals.PROPERTIES}


@dataclass(frozen=True, slots=True)
class Api:
    """One account's API."""

    config: HubSpotConfig
    credential: str
    http: httpx.Client

    def record(self, kind: str, id_: str, **parameters: str) -> dict[str, Any] | None:
        """None: deleted meanwhile."""
        return self.answer(kind, self.request("GET", f"{kind}s/{id_}", params=parameters))

    def contacts(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those that still exist. A body with problems of single contacts (207) still holds the others."""
        names = contact_properties(self.config)
        question = {
            "inputs": [{"id": known} for known in ids],
            "properties": [*names, MERGED_IDS],
            "propertiesWithHistory": names,
        }
        content = json.dumps(question).encode()
        found = self.answer("contact", self.request("POST", "contacts/batch/read", content=content)) or {}
        return [mapping(contact) for contact in entries(found.get("results"))]

    def request(self, method: str, path: str, **rest: Any) -> httpx.Request:
        # as bytes: a credential with a stray character is then refused by HubSpot, not by the client
        headers = {b"Authorization": f"Bearer {self.credential.strip()}".encode(), b"Content-Type": b"application/json"}
        return self.http.build_request(method, f"{self.config.api_base}/crm/v3/objects/{path}", headers=headers, **rest)

    def answer(self, kind: str, request: httpx.Request) -> dict[str, Any] | None:
        response = ask(self.http, request, limiter=LIMITER, answers=(403, 404))
        if response.status_code == 403:
            scope = ", ".join(wanted_scopes(response)) or SCOPES[kind]
            raise AskFailed(f"HubSpot does not let the app read a {kind} (403): grant it the scope {scope}")
        if response.status_code == 404:
            return None
        body = body_of(response)
        if not isinstance(body, dict):
            raise AskFailed(f"{request.url.host} answered something else than JSON; check api_base", retry_after=LATER)
        return body


def fetch(lookups: Sequence[Lookup], config: HubSpotConfig, credential: str, http: httpx.Client) -> Parsed:
    """The facts behind the lookups; a record that is gone has none. Raises AskFailed.

    The contacts of calls and deals are read as well: only their e-mail ties them to a lead that another tool knows.
    """
    api = Api(config, credential, http)
    known = [lookup for lookup in lookups if lookup.object_type in SCOPES and record_id(lookup.object_id)]
    contacts = [lookup for lookup in known if lookup.object_type == "contact"]
    others = [lookup for lookup in known if lookup.object_type != "contact"]
    strange = [Problem(f"lookup {lookup.object_type}", NO_RECORD) for lookup in lookups if lookup not in known]
    found = list(record_answers(others, api))
    tied = [Lookup("contact", event.lead[0].value) for event in found if isinstance(event, CanonicalEvent)]
    return sorted_out([*strange, *contact_answers([*tied, *contacts], api), *found])


def sorted_out(findings: Iterable[Finding]) -> Parsed:
    parsed = Parsed()
    for finding in findings:
        if isinstance(finding, CanonicalEvent):
            parsed.events.append(finding)
        else:
            parsed.problems.append(finding)
    return parsed


def contact_answers(lookups: Sequence[Lookup], api: Api) -> Iterator[Finding]:
    """Of two lookups of one contact the later one's context counts."""
    context = {lookup.object_id: dict(lookup.context) for lookup in lookups}
    ids = list(context)
    for first in range(0, len(ids), BATCH):
        for body in api.contacts(ids[first : first + BATCH]):
            known = record_id(body.get("id"))
            if known:
                asked = context.get(known, {})
                told = asked.get("told", "").split(",")
                yield from contact_facts(Record("contact", known, body), api.config, asked.get("portal", ""), told)


def record_answers(lookups: Sequence[Lookup], api: Api) -> Iterator[Finding]:
    for kind, id_ in dict.fromkeys((lookup.object_type, lookup.object_id) for lookup in lookups):
        wanted = {"properties": ",".join(PROPERTIES[kind]), "associations": "contacts"}
        if kind == "deal":
            wanted["propertiesWithHistory"] = "dealstage"
        body = api.record(kind, id_, **wanted)
        if body is not None:
            yield from FACTS[kind](Record(kind, id_, body), api.config)


FACTS = {**dict.fromkeys(engagements.PROPERTIES, engagements.follow_up), "deal": deals.opportunity}
