"""What one record of an outbound message says about a lead. Salesforce's words end here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import CanonicalEvent, EventKind, ExternalId, LeadStatus
from connectors.salesforce import ids
from connectors.salesforce.config import Channel, DealState
from connectors.salesforce.snapshot import NotUnderstood, Snapshot

#: Lead statuses of an organisation that was created in English. Everything else is the source's configuration.
STATUSES = {
    "Open - Not Contacted": LeadStatus.NEW,
    "Working - Contacted": LeadStatus.CONTACTED,
    "Closed - Converted": LeadStatus.CONVERTED,
    "Closed - Not Converted": LeadStatus.DISQUALIFIED,
}
STAGES: dict[str, DealState] = {
    "Prospecting": "open",
    "Qualification": "open",
    "Needs Analysis": "open",
    "Value Proposition": "open",
    "Id. Decision Makers": "open",
    "Perception Analysis": "open",
    "Proposal/Price Quote": "open",
    "Negotiation/Review": "open",
    "Closed Won": "won",
    "Closed Lost": "lost",
}
SUBTYPES: dict[str, Channel] = {"Call": "call", "Email": "email", "ListEmail": "email"}
TASK_TYPES: dict[str, Channel] = {"Call": "call", "Email": "email", "Meeting": "meeting"}
AUTOMATED_SUBTYPES = frozenset({"Cadence", "ListEmail"})


def present(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


# Leads and contacts


def modified_at(seen: Snapshot) -> datetime | None:
    """When the record became what the snapshot shows, at the latest."""
    return seen.first_instant("SystemModstamp", "LastModifiedDate")


def identity(seen: Snapshot) -> tuple[ExternalId, ...]:
    """The record's own id, its e-mail address, and the contact that a converted lead became."""
    contact = seen.reference("ConvertedContactId")
    known = [seen.known_as(seen.id), seen.address("Email"), contact and seen.known_as(contact)]
    return tuple(dict.fromkeys(one for one in known if isinstance(one, ExternalId)))


def complain_of_address(seen: Snapshot) -> None:
    """An unusable address links the record to nobody, which somebody should know; it says nothing else."""
    if seen.text("Email") and not seen.address("Email"):
        raise NotUnderstood("Email", "this is not an e-mail address; correct it in Salesforce")


def person(seen: Snapshot) -> CanonicalEvent:
    lead = identity(seen)
    data = present(
        name=name_of(seen),
        company=seen.text("Company"),
        attributes=attributes_of(seen) or None,
        url=url_of(seen),
    )
    value = [data, [[known.system, known.value] for known in lead]]
    return seen.fact(EventKind.LEAD, lead, data, value=value, at=modified_at(seen))


def name_of(seen: Snapshot) -> str | None:
    family, given = seen.text("LastName"), seen.text("FirstName")
    parts = (family, given) if seen.config.name_order == "ja" else (given, family)
    return " ".join(part for part in parts if part) or seen.text("Name")


def attributes_of(seen: Snapshot) -> dict[str, str | None]:
    wanted = {"LeadSource": "lead_source", **seen.config.attributes}
    return {name: seen.text(field) for field, name in wanted.items() if field in seen.record.fields}


def url_of(seen: Snapshot) -> str | None:
    """The record's page, on the host that the message names; only Salesforce's own hosts become a link."""
    try:
        url = urlsplit(seen.enterprise_url)
        host = url.hostname or ""
    except ValueError:
        return None
    if url.scheme != "https" or not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.salesforce\.com", host, re.ASCII):
        return None
    return f"https://{host}/lightning/r/{seen.record.type}/{seen.id}/view"


def status(seen: Snapshot) -> CanonicalEvent | None:
    raw, converted = seen.text("Status"), bool(seen.flag("IsConverted"))
    if raw is None and not converted:
        return None
    mapped = LeadStatus.CONVERTED if converted else {**STATUSES, **seen.config.statuses}.get(raw or "")
    data = {"status": mapped and mapped.value, "raw": raw or "IsConverted"}
    return seen.fact(EventKind.STATUS, identity(seen), data, value=[raw, converted], at=modified_at(seen))


def owner(seen: Snapshot) -> CanonicalEvent | None:
    """A queue owns nothing: nobody in particular will call."""
    holder = seen.reference("OwnerId")
    if holder is None:
        return None
    config = seen.config
    if holder.startswith(ids.QUEUE):
        data: dict[str, Any] = {"owner": None, "name": config.owners.get(holder, holder)}
    else:
        data = {"owner": holder, **present(name=config.owners.get(holder), email=config.owner_emails.get(holder))}
    return seen.fact(EventKind.OWNER, identity(seen), data, value=holder, at=modified_at(seen))


def score(seen: Snapshot) -> CanonicalEvent | None:
    value = seen.number(seen.config.score_field)
    if value is None:
        return None
    return seen.fact(EventKind.SCORE, identity(seen), {"score": value}, value=value, at=modified_at(seen))


# What sales did


def completed_task(seen: Snapshot) -> CanonicalEvent | None:
    """ActivityDate is when the task was due, so it says nothing about when it was done."""
    if not is_done(seen):
        return None
    done_at = seen.first_instant("CompletedDateTime", "LastModifiedDate", "CreatedDate")
    return follow_up(seen, task_channel(seen), done_at)


def is_done(seen: Snapshot) -> bool:
    closed, named = seen.flag("IsClosed"), seen.text("Status")
    if closed is None and named is None:
        raise NotUnderstood("IsClosed", "add the field IsClosed (or Status) to the outbound message of Task")
    return bool(closed) or named in seen.config.completed_task_statuses


def task_channel(seen: Snapshot) -> Channel:
    """TaskSubtype, and Type where the subtype is only Task."""
    by_subtype = SUBTYPES.get(seen.text("TaskSubtype") or "")
    return by_subtype or {**TASK_TYPES, **seen.config.task_types}.get(seen.text("Type") or "", "other")


def booked_meeting(seen: Snapshot) -> CanonicalEvent | None:
    """A meeting counts from when it was booked: that is when somebody had reached the lead."""
    return follow_up(seen, "meeting", seen.instant("CreatedDate"))


def follow_up(seen: Snapshot, channel: Channel, at: datetime | None) -> CanonicalEvent | None:
    whom = who(seen)
    if whom is None:
        return None
    by = seen.reference("OwnerId")
    data = present(
        channel=channel,
        automated=is_automated(seen),
        by=by and seen.config.owners.get(by, by),
        outcome=seen.text("CallDisposition"),
        subject=seen.text("Subject"),
    )
    written = recorded_at(seen, at) if at else None
    return seen.fact(EventKind.FOLLOW_UP, [whom], data, value=whom.value, at=at, recorded_at=written)


def who(seen: Snapshot) -> ExternalId | None:
    """The lead or contact of an activity; None when it is about nobody."""
    if "WhoId" not in seen.record.fields:
        advice = f"add the field WhoId to the outbound message of {seen.record.type}, if it is about a person at all"
        raise NotUnderstood("WhoId", f"the message does not say whom it is about: {advice}")
    return seen.lead_or_contact("WhoId")


def is_automated(seen: Snapshot) -> bool:
    users = {seen.reference("OwnerId"), seen.reference("CreatedById")}
    return seen.text("TaskSubtype") in AUTOMATED_SUBTYPES or not users.isdisjoint(seen.config.integration_users)


def recorded_at(seen: Snapshot, done_at: datetime) -> datetime | None:
    """The first writing that can have told of it: nothing is written down before it is done."""
    written = (seen.instant("CreatedDate"), seen.instant("LastModifiedDate"))
    return min((at for at in written if at and at >= done_at), default=None)


def opportunity(seen: Snapshot) -> CanonicalEvent:
    whom = deal_contact(seen)
    state, amount = deal_state(seen), seen.number("Amount")
    data = {"opportunity": seen.id, "state": state}
    data |= present(stage=seen.text("StageName"), amount=amount, name=seen.text("Name"))
    return seen.fact(EventKind.OPPORTUNITY, [whom], data, value=[data, whom.value], at=modified_at(seen))


def deal_contact(seen: Snapshot) -> ExternalId:
    field = seen.config.opportunity_contact_field
    if not field:
        raise NotUnderstood("", "set opportunity_contact_field of the source to the field with the Contact or Lead")
    whom = seen.address(field) or seen.lead_or_contact(field)
    if whom is None:
        advice = f"fill in {field}, and choose it in the outbound message of Opportunity"
        raise NotUnderstood(field, f"there is no person on the opportunity: {advice}")
    return whom


def deal_state(seen: Snapshot) -> DealState:
    """IsClosed and IsWon where the message has them, because stages have the names that a company gave them."""
    closed, won, stage = seen.flag("IsClosed"), seen.flag("IsWon"), seen.text("StageName")
    if won:
        return "won"
    if closed is False:
        return "open"
    if closed and won is False:
        return "lost"
    named = {**STAGES, **seen.config.stages}.get(stage or "")
    if named is None:
        advice = "add IsClosed and IsWon to the outbound message, or the stage to stages of the source"
        raise NotUnderstood("StageName", f"the stage does not say whether it is open, won or lost: {advice}")
    return named


#: What each kind of record is read for.
FACTS: dict[str, tuple[Callable[[Snapshot], CanonicalEvent | None], ...]] = {
    "Lead": (person, status, owner, score, complain_of_address),
    "Contact": (person, complain_of_address),
    "Task": (completed_task,),
    "Event": (booked_meeting,),
    "Opportunity": (opportunity,),
}
