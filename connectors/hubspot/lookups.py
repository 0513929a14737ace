"""Asks HubSpot's CRM API what the thin webhooks left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import httpx

from connectors.contract import CanonicalEvent, Lookup, Parsed, Problem
from connectors.hubspot import deals, engagements
from connectors.hubspot.api import SCOPES, Api
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.contacts import contact_facts
from connectors.hubspot.records import Finding, Record, results_in
from connectors.hubspot.wire import record_id
from connectors.records import sorted_out
from connectors.wire import moment

NO_RECORD = "HubSpot knows contacts, deals, calls, emails, meetings and tasks, each by a number"
PROPERTIES = {**engagements.PROPERTIES, "deal": deals.PROPERTIES}


def fetch(lookups: Sequence[Lookup], config: HubSpotConfig, credential: str, http: httpx.Client) -> Parsed:
    """The facts behind the lookups; a record that is gone has none. Raises AskFailed.

    The contacts of calls and deals are read as well: only their e-mail ties them to a lead that another tool knows.
    """
    api = Api(config, credential, http)
    known = [lookup for lookup in lookups if lookup.object_type in SCOPES and record_id(lookup.object_id)]
    contacts = [lookup for lookup in known if lookup.object_type == "contact"]
    others = {(asked.object_type, asked.object_id): dict(asked.context) for asked in known if asked not in contacts}
    strange = [Problem(f"lookup {lookup.object_type}", NO_RECORD) for lookup in lookups if lookup not in known]
    found = [finding for about, context in others.items() for finding in record_answers(*about, context, api)]
    told = [finding for finding in found if isinstance(finding, CanonicalEvent) and finding.lead]
    tied = [Lookup("contact", event.lead[0].value) for event in told]
    return sorted_out([*strange, *contact_answers([*tied, *contacts], api), *found])


def contact_answers(lookups: Sequence[Lookup], api: Api) -> Iterator[Finding]:
    """Of two lookups of one contact the later one's context counts."""
    context = {lookup.object_id: dict(lookup.context) for lookup in lookups}
    for answer in api.contacts(list(context)):
        for record in results_in(answer, "contact"):
            asked = context.get(record.id, {})
            told = asked.get("told", "").split(",")
            yield from contact_facts(record, api.config, asked.get("portal", ""), told)


def record_answers(kind: str, id_: str, context: Mapping[str, str], api: Api) -> Iterator[Finding]:
    deleted_at, restored_at = moment(context.get("deletion")), moment(context.get("restore"))
    record = asked_for(kind, id_, api)
    if record is None:
        yield from deletion(kind, id_, deleted_at, api) if deleted_at else ()
    elif kind == "deal":
        yield from deals.opportunity(record, api.config)
    else:
        yield from engagements.follow_up(record, api.config, restored_at, contacts_with_times(context.get("tied", "")))
        for contact, at in contacts_with_times(context.get("untied", "")).items():
            if contact not in record.contacts() and is_still_there(contact, api):
                yield engagements.untied(kind, id_, contact, api.config, at)


def contacts_with_times(written: str) -> dict[str, datetime]:
    """`51:1790000000000 52:…`"""
    pairs = (pair.partition(":") for pair in written.split())
    return {contact: at for contact, _, told in pairs if (at := moment(told))}


def is_still_there(contact: str, api: Api) -> bool:
    """One that was merged into another lives on under the other's id, and so do its calls."""
    return any(known.id == contact for answer in api.contacts([contact]) for known in results_in(answer, "contact"))


def deletion(kind: str, id_: str, at: datetime, api: Api) -> Iterator[Finding]:
    """The notification does not say whose it was; the record in HubSpot's bin may."""
    record = asked_for(kind, id_, api, archived="true")
    if record is not None and record.contacts():
        yield from engagements.deleted(record, api.config, at)
    else:
        yield engagements.deleted_somebodys(Record(kind, id_, {}), at)


def asked_for(kind: str, id_: str, api: Api, **parameters: str) -> Record | None:
    parameters |= {"properties": ",".join(PROPERTIES[kind]), "associations": "contacts"}
    if kind == "deal":
        parameters["propertiesWithHistory"] = "dealstage"
    body = api.record(kind, id_, **parameters)
    return None if body is None else Record(kind, id_, body)
