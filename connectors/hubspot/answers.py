"""What Tasuki asked HubSpot for by itself, as it is kept: parts with the raw answers about one kind of object each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connectors.contract import Parsed, Problem
from connectors.hubspot import deals, engagements
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.contacts import contact_story
from connectors.hubspot.records import Finding, Record, results_in
from connectors.hubspot.wire import record_id
from connectors.records import sorted_out
from connectors.wire import EPOCH, compact, entries, mapping, moment, plain, read_json

#: HubSpot's name of the objects, in the order in which they are read: people first.
OBJECTS = {
    "contacts": "contact",
    "calls": "call",
    "emails": "email",
    "meetings": "meeting",
    "tasks": "task",
    "deals": "deal",
}
Raw = Mapping[str, Any]


def part(
    objects: str, since: datetime, answers: Iterable[Raw], associations: Raw | None = None, contact: str = ""
) -> dict[str, Any]:
    """JSON. `answers` hold records that changed `since`; their contacts are in `associations`, or all are `contact`."""
    told = {"object": objects, "since": since.astimezone(UTC).isoformat(), "answers": list(answers)}
    whose = {"associations": associations, "contact": contact}
    return told | {name: value for name, value in whose.items() if value}


def gone(objects: str, ids: Iterable[str], at: datetime) -> dict[str, Any]:
    """A part as well: records that were asked for `at` that time and were not there any more."""
    return {"object": objects, "since": at.astimezone(UTC).isoformat(), "gone": list(ids)}


def page_body(parts: Iterable[Any]) -> bytes:
    return compact({"parts": list(parts)})


def read(body: bytes, config: HubSpotConfig) -> Parsed:
    """Never raises."""
    try:
        return sorted_out(finding for told in parts_in(body) for finding in facts_in(told, config))
    except ValueError:
        return Parsed(problems=[Problem("", "the kept answer is not JSON; poll again")])


def parts_in(body: bytes) -> list[dict[str, Any]]:
    """Raises ValueError when it is no JSON."""
    return [mapping(told) for told in entries(mapping(read_json(body)).get("parts"))]


def facts_in(told: Mapping[str, Any], config: HubSpotConfig) -> Iterator[Finding]:
    kind = OBJECTS.get(plain(told.get("object")), "")
    since = moment(told.get("since")) or EPOCH
    tied, contact = contacts_by_record(told.get("associations")), record_id(told.get("contact"))
    everybody = [contact] if contact else []
    for one in entries(told.get("gone")):
        if kind in engagements.PROPERTIES and (known := record_id(one)):
            yield engagements.deleted_somebodys(Record(kind, known, {}), since)
    for answer in entries(told.get("answers")):
        for record in results_in(answer, kind):
            yield from facts_of(with_contacts(record, tied.get(record.id, everybody)), config, since)


def facts_of(record: Record, config: HubSpotConfig, since: datetime) -> Iterator[Finding]:
    if record.kind == "contact":
        return contact_story(record, config, since)
    if record.kind == "deal":
        return deals.opportunity(record, config)
    return engagements.follow_up(record, config) if record.kind in engagements.PROPERTIES else iter(())


def contacts_by_record(associations: object) -> dict[str, list[str]]:
    """https://developers.hubspot.com/docs/api/crm/associations (batch read)"""
    tied: dict[str, list[str]] = {}
    for found in entries(mapping(associations).get("results")):
        known = record_id(mapping(mapping(found).get("from")).get("id"))
        ends = (record_id(mapping(end).get("toObjectId")) for end in entries(mapping(found).get("to")))
        if known:
            tied.setdefault(known, []).extend(end for end in ends if end)
    return tied


def with_contacts(record: Record, contacts: Iterable[str]) -> Record:
    """In the form in which a record that is read by its id names them."""
    tied = {"contacts": {"results": [{"id": contact} for contact in contacts]}}
    return replace(record, body=record.body | {"associations": tied}) if record.kind != "contact" else record
