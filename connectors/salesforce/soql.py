"""The questions: which fields of which records, in Salesforce's query language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.salesforce import ids
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.people import in_history

LEAD = (
    "Id IsDeleted MasterRecordId SystemModstamp LastName FirstName Company Email LeadSource"
    " IsConverted ConvertedContactId"
).split()
CONTACT = "Id IsDeleted MasterRecordId SystemModstamp LastName FirstName Email LeadSource".split()
ACTIVITY = "Id IsDeleted SystemModstamp WhoId OwnerId CreatedById Subject CreatedDate LastModifiedDate".split()
TASK = [*ACTIVITY, *"Status IsClosed TaskSubtype Type CallDisposition CompletedDateTime".split()]
EVENT = [*ACTIVITY, "StartDateTime", "IsAllDayEvent"]
OPPORTUNITY = "Id IsDeleted SystemModstamp CreatedDate Name StageName IsClosed IsWon Amount".split()
LEAD_HISTORY = "Id IsDeleted LeadId Field NewValue CreatedDate".split()
DEAL_HISTORY = "Id IsDeleted OpportunityId Field NewValue CreatedDate".split()

#: In the order in which a poll reads them: who somebody is comes before what was done about them.
OBJECTS = ("Lead", "LeadHistory", "Contact", "Task", "Event", "Opportunity", "OpportunityFieldHistory")
#: A row of these is about a record of another object: the field with its id.
HISTORIES = {"LeadHistory": "LeadId", "OpportunityFieldHistory": "OpportunityId"}
#: Readable only where field history is on; without it the snapshots have to do.
OPTIONAL = frozenset(HISTORIES)


def literal(value: str) -> str:
    """The text in quotes, so that nothing in it ends them."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "".join(character for character in escaped if character.isprintable()) + "'"


def one_of(values: Iterable[str]) -> str:
    return f"({', '.join(map(literal, values))})"


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def select(kind: str, config: SalesforceConfig, condition: str) -> str:
    only = f"Field IN {one_of(tracked(kind, config))} AND " if kind in HISTORIES else ""
    return f"SELECT {', '.join(columns(kind, config))} FROM {kind} WHERE {only}{condition}"  # noqa: S608 - SOQL; texts by literal()


def columns(kind: str, config: SalesforceConfig) -> list[str]:
    person = config.opportunity_contact_field
    match kind:
        case "Lead":
            return distinct([*LEAD, config.status_field, config.owner_field, config.score_field, *config.attributes])
        case "Contact":
            return CONTACT
        case "LeadHistory":
            return LEAD_HISTORY
        case "OpportunityFieldHistory":
            return [*DEAL_HISTORY, *([f"Opportunity.{person}"] if person else [])]
        case "Opportunity":
            return distinct([*OPPORTUNITY, person])
        case _:
            return [*(TASK if kind == "Task" else EVENT), *about(person)]


def distinct(names: Iterable[str]) -> list[str]:
    """Salesforce refuses a field that is asked for twice, and cares for no case."""
    first: dict[str, str] = {}
    for name in names:
        if name:
            first.setdefault(name.lower(), name)
    return list(first.values())


def about(person: str) -> list[str]:
    """The address of the person that an activity names, and the person of the opportunity that it names instead."""
    who = "TYPEOF Who WHEN Lead THEN Email WHEN Contact THEN Email END"
    return [who, f"TYPEOF What WHEN Opportunity THEN {person} END"] if person else [who]


def tracked(history: str, config: SalesforceConfig) -> list[str]:
    """The fields whose changes are read from a history, as it names them."""
    if history == "OpportunityFieldHistory":
        return ["StageName"]
    return distinct([config.status_field, in_history(config.owner_field), config.score_field])


def stamp(kind: str) -> str:
    """The field that moves with every change, and by which a poll goes on."""
    return "CreatedDate" if kind in HISTORIES else "SystemModstamp"


def changed_between(kind: str, config: SalesforceConfig, since: datetime, until: datetime) -> str:
    by = stamp(kind)
    between = f"{by} >= {moment(since)} AND {by} < {moment(until)}"
    return f"{select(kind, config, between)} ORDER BY {by}, Id"


# Records by their ids

#: Ids a question; its text has a limited length.
MOST_IDS = 200


def by_ids(kind: str, config: SalesforceConfig, ids: Sequence[str]) -> str:
    return select(kind, config, f"Id IN {one_of(ids)}")


def still_there(kind: str, ids: Sequence[str]) -> str:
    return f"SELECT Id FROM {kind} WHERE IsDeleted = false AND Id IN {one_of(ids)}"  # noqa: S608 - SOQL; texts by literal()


# What was done about one person


@dataclass(frozen=True, slots=True)
class Question:
    soql: str
    #: Without an answer to it nobody can say that nothing was done. Others only reach further.
    needed: bool


def about_person(
    record_ids: Sequence[str], addresses: Sequence[str], since: datetime, config: SalesforceConfig
) -> Iterator[Question]:
    """What there is about these leads, contacts and e-mail addresses; at most 25 questions."""
    leads = [known for known in record_ids if known.startswith(ids.LEAD)]
    contacts = [known for known in record_ids if known.startswith(ids.CONTACT)]
    recently = f"SystemModstamp >= {moment(since)}"
    if leads:
        yield Question(select("Lead", config, f"Id IN {one_of(leads)}"), needed=True)
        changes = f"LeadId IN {one_of(leads)} AND CreatedDate >= {moment(since)}"
        yield Question(select("LeadHistory", config, changes), needed=False)
    for condition, needed in ways_to_activities(leads, contacts, addresses, config):
        for kind in ("Task", "Event"):
            yield Question(select(kind, config, f"{condition} AND {recently}"), needed)
    field = config.opportunity_contact_field
    if field and record_ids:
        yield Question(select("Opportunity", config, f"{field} IN {one_of(record_ids)} AND {recently}"), needed=False)


def ways_to_activities(
    leads: Sequence[str], contacts: Sequence[str], addresses: Sequence[str], config: SalesforceConfig
) -> Iterator[tuple[str, bool]]:
    """Conditions on tasks and events. Salesforce takes a subquery only by itself, never beside another in an OR."""
    if leads or contacts:
        yield f"WhoId IN {one_of([*leads, *contacts])}", True
    if leads:
        converted = f"FROM Lead WHERE Id IN {one_of(leads)}"
        yield f"WhoId IN (SELECT ConvertedContactId {converted})", False
        yield f"WhatId IN (SELECT ConvertedOpportunityId {converted})", False
    if contacts and config.opportunity_contact_field:
        deals = f"FROM Opportunity WHERE {config.opportunity_contact_field} IN {one_of(contacts)}"
        yield f"WhatId IN (SELECT Id {deals})", False
    if addresses:
        for kind in ("Lead", "Contact"):
            yield f"WhoId IN (SELECT Id FROM {kind} WHERE Email IN {one_of(addresses)})", False  # noqa: S608
