"""Asks HubSpot what was done about one lead, and whether what was done is still there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import httpx

from connectors.contract import EMAIL, ExternalId, Page
from connectors.hubspot import engagements
from connectors.hubspot.answers import OBJECTS, gone, page_body, part
from connectors.hubspot.api import Api
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.records import results_in
from connectors.hubspot.wire import record_id
from connectors.wire import milliseconds

#: Seconds in which it is answered or given up.
PATIENCE = 5.0
#: The same for a question whether records are still there.
AGAIN_PATIENCE = 30.0
#: Contacts of one lead that are asked about: HubSpot takes so many alternatives in one search.
MOST = 5
#: Calls, e-mails, meetings and tasks each, the newest.
LIMIT = 100


def ask_about(
    lead: Sequence[ExternalId], since: datetime, config: HubSpotConfig, credential: str, http: httpx.Client
) -> Page:
    """Five requests; some more where HubSpot knows the lead as several contacts."""
    api = Api(config, credential, http, PATIENCE)
    known = people(lead, api)
    contacts = list(dict.fromkeys(record.id for answer in known for record in results_in(answer, "contact")))[:MOST]
    parts = [part("contacts", since, known)]
    if contacts:
        parts += [follow_ups(kind, contacts, since, api) for kind in engagements.PROPERTIES]
    url = f"{config.api_base}/crm/v3/objects/contacts?about={','.join(contacts)}"
    return Page(url, page_body(parts), {}, since)


def people(lead: Sequence[ExternalId], api: Api) -> list[dict[str, Any]]:
    """Raw answers with the contacts that the lead is; by address only where no tool gave it an id of HubSpot's."""
    system = api.config.system or "hubspot"
    ids = [known for one in lead if one.system == system and (known := record_id(one.value))]
    addresses = [one.value for one in lead if one.system == EMAIL]
    return list(api.contacts(ids[:MOST]) if ids else api.contacts(addresses[:MOST], known_by="email"))


def follow_ups(kind: str, contacts: Sequence[str], since: datetime, api: Api) -> Any:
    """A part of the page. What happened since then was written down since then, so edits are found as well."""
    answer = api.search(kind, question(kind, contacts, since))
    ids = [record.id for record in results_in(answer, kind)]
    if len(contacts) == 1 or not ids:
        return part(f"{kind}s", since, [answer], contact=contacts[0])
    return part(f"{kind}s", since, [answer], api.contacts_of(kind, ids))


def question(kind: str, contacts: Sequence[str], since: datetime) -> dict[str, Any]:
    changed = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(milliseconds(since))}
    tied = ({"propertyName": "associations.contact", "operator": "EQ", "value": contact} for contact in contacts)
    return {
        "filterGroups": [{"filters": [one, changed]} for one in tied],
        "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "DESCENDING"}],
        "properties": [*engagements.PROPERTIES[kind]],
        "limit": LIMIT,
    }


# What is gone


def ask_again(
    records: Sequence[str], config: HubSpotConfig, credential: str, http: httpx.Client, now: datetime
) -> Page:
    """A search leaves out what is in the bin, so the records are read by their ids."""
    api = Api(config, credential, http, AGAIN_PATIENCE)
    parts = [gone(objects, missing(objects, records, api), now) for objects in OBJECTS if named(objects, records)]
    return Page(f"{config.api_base}/crm/v3/objects?again={len(records)}", page_body(parts), {}, now)


def named(objects: str, records: Sequence[str]) -> list[str]:
    """The ids among names like `calls:900`."""
    names = (name.partition(":") for name in records)
    return [known for kind, _, id_ in names if kind == objects and (known := record_id(id_))]


def missing(objects: str, records: Sequence[str], api: Api) -> Iterator[str]:
    kind, ids = OBJECTS[objects], named(objects, records)
    there = {record.id for answer in api.there(kind, ids) for record in results_in(answer, kind)}
    return (known for known in ids if known not in there)
