"""What relayed events mean. They hold what changed and nothing else, so records are read again where that is too
little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.contract import Lookup, Parsed, Problem, WebhookRequest
from connectors.salesforce import activities, people, soql
from connectors.salesforce.answers import gone_snapshot
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.events import Change, said_in
from connectors.salesforce.facts import FACTS, Readers, read_facts
from connectors.salesforce.snapshot import Snapshot
from connectors.salesforce.soap import Record
from connectors.wire import milliseconds

#: What a lead or a contact is known by; a change of one of them is worth another look.
PROFILE = frozenset({"LastName", "FirstName", "Company", "Email", "LeadSource", "ConvertedContactId"})
PEOPLE, ACTIVITIES = ("Lead", "Contact"), ("Task", "Event")
#: Each reads one field of a lead, and says nothing where the event does not have it.
LEADS: Readers = (people.status, people.owner, people.score)


def read(request: WebhookRequest, config: SalesforceConfig) -> Parsed:
    """Never raises."""
    try:
        found = list(said_in(request.body, config))
    except ValueError as unreadable:
        return Parsed(problems=[Problem("body", str(unreadable))])
    parsed, lookups = Parsed(), dict[tuple[str, str], Lookup]()
    for place, said in found:
        match said:
            case Problem():
                parsed.problems.append(said)
            case Lookup():
                add(lookups, said)
            case Change():
                tell(said, place, request, config, parsed)
                for lookup in another_look(said, config):
                    add(lookups, lookup)
    parsed.lookups = list(lookups.values())
    return parsed


def add(lookups: dict[tuple[str, str], Lookup], lookup: Lookup) -> None:
    """One question for each record: the last one, unless an earlier one cannot be done without."""
    about = (lookup.object_type, lookup.object_id)
    known = lookups.get(about, lookup)
    optional = known.optional and lookup.optional
    lookups[about] = Lookup(*about, lookup.context, optional=optional)


# The facts that stand in the event itself


def tell(change: Change, place: str, request: WebhookRequest, config: SalesforceConfig, parsed: Parsed) -> None:
    if change.gap and change.what != "DELETE":
        return
    if change.what == "DELETE":
        if change.kind in ACTIVITIES:
            parsed.events.append(activities.gone(gone_snapshot(change.kind, change.id, change.at, config)))
        return
    readers = tuple(told_by(change, config))
    if readers:
        read_facts(snapshot_of(change, request, config), place, parsed, readers)


def snapshot_of(change: Change, request: WebhookRequest, config: SalesforceConfig) -> Snapshot:
    """An event has no SystemModstamp; LastModifiedDate is the same stamp, except where Salesforce itself acts."""
    stamp = change.fields.get("LastModifiedDate") if change.what != "UNDELETE" else None
    known = change.fields | {"Id": change.id, "SystemModstamp": stamp or change.at.isoformat()}
    if change.what != "UPDATE":  # what is not there is empty
        known = dict.fromkeys(soql.columns(change.kind, config), None) | known
    return Snapshot(Record(change.kind, known), change.id, None, "", request.received_at, config)


def told_by(change: Change, config: SalesforceConfig) -> Iterable[Any]:
    """Readers that need no field that the event may lack."""
    if change.kind in ACTIVITIES and change.what != "UPDATE":
        yield from FACTS[change.kind]
    if change.kind in PEOPLE:
        if change.what == "UNDELETE":
            yield people.restored
        if change.what != "UPDATE" or is_whole(change, config):
            yield people.person
        if change.kind == "Lead":
            yield from LEADS


def is_whole(change: Change, config: SalesforceConfig) -> bool:
    """What somebody is called is one fact: half of a name would be another name."""
    halves = {"LastName", "FirstName"} & change.fields.keys()
    return len(halves) != 1 and bool(worth_a_look(change, config) & (PROFILE | config.attributes.keys()))


def worth_a_look(change: Change, config: SalesforceConfig) -> frozenset[str]:
    """The changed fields of a lead or a contact that Tasuki reads."""
    standing = {config.status_field, config.owner_field, config.score_field, "IsConverted"}
    return (PROFILE | standing | config.attributes.keys()) & change.fields.keys()


# What it leaves out


def another_look(change: Change, config: SalesforceConfig) -> Iterator[Lookup]:
    """At what the event leaves out. Who was deleted may have been merged, and a change of a task names nobody."""
    standing = not change.gap and change.what in ("CREATE", "UPDATE", "UNDELETE")
    told = change.kind in PEOPLE and standing
    if told and change.what == "UPDATE" and not worth_a_look(change, config):
        return
    told |= change.kind in ACTIVITIES and (change.what == "DELETE" or (standing and change.what != "UPDATE"))
    context = (("at", str(milliseconds(change.at))), ("change", change.what))
    yield Lookup(change.kind, change.id, context, optional=told)
