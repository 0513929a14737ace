"""What a lead or a contact says: who it is, its status, its owner, its score. Salesforce's words end here."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.contract import CanonicalEvent, EventKind, ExternalId, LeadStatus, Outcome
from connectors.salesforce import ids
from connectors.salesforce.snapshot import NotUnderstood, Snapshot, present

#: As LeadHistory names the field OwnerId.
HISTORY = {"OwnerId": "Owner"}


def modified_at(seen: Snapshot) -> datetime | None:
    """When the record became what the snapshot shows, at the latest."""
    return seen.first_instant("SystemModstamp", "LastModifiedDate")


def identity(seen: Snapshot) -> tuple[ExternalId, ...]:
    """The record's own id, its e-mail address, the contact that a converted lead became, and the record that a
    merged one went into."""
    others = (seen.reference("ConvertedContactId"), seen.reference("MasterRecordId"))
    known = [seen.known_as(seen.id), seen.address("Email"), *(seen.known_as(other) for other in others if other)]
    return tuple(dict.fromkeys(one for one in known if one))


def complain_of_address(seen: Snapshot) -> None:
    """An unusable address links the record to nobody, which somebody should know; it says nothing else."""
    if seen.text("Email") and not seen.address("Email") and not seen.flag("IsDeleted"):
        raise NotUnderstood("Email", "this is not an e-mail address; correct it in Salesforce")


def person(seen: Snapshot) -> CanonicalEvent:
    """Who it is. A record that was merged into another says only which: its fields are the past."""
    lead = identity(seen)
    if seen.flag("IsDeleted"):
        return merged(seen, lead) if seen.reference("MasterRecordId") else deleted(seen, lead)
    data = present(name=name_of(seen), company=seen.text("Company"), attributes=attributes_of(seen) or None)
    value = [data, [[known.system, known.value] for known in lead]]
    return seen.fact(EventKind.LEAD, lead, data | present(url=url_of(seen)), value=value, at=modified_at(seen))


def merged(seen: Snapshot, lead: tuple[ExternalId, ...]) -> CanonicalEvent:
    into = seen.reference("MasterRecordId")
    return seen.fact(EventKind.LEAD, lead, {}, value=["merged", into], at=modified_at(seen))


def deleted(seen: Snapshot, lead: tuple[ExternalId, ...]) -> CanonicalEvent:
    data = {"outcome": Outcome.EXCLUDED.value, "reason": "deleted"}
    return seen.fact(EventKind.DISPOSITION, lead, data, value=data, at=modified_at(seen))


def restored(seen: Snapshot) -> CanonicalEvent:
    """It came back from the recycle bin."""
    data = {"outcome": Outcome.RESTORED.value}
    return seen.fact(EventKind.DISPOSITION, identity(seen), data, value=data, at=modified_at(seen))


def name_of(seen: Snapshot) -> str | None:
    family, given = seen.text("LastName"), seen.text("FirstName")
    parts = (family, given) if seen.config.name_order == "ja" else (given, family)
    return " ".join(part for part in parts if part) or seen.text("Name")


def attributes_of(seen: Snapshot) -> dict[str, str | None]:
    wanted = {"LeadSource": "lead_source", **seen.config.attributes}
    return {name: seen.text(field) for field, name in wanted.items() if field in seen.record.fields}


def url_of(seen: Snapshot) -> str | None:
    """The record's page, on the organisation's host; only Salesforce's own hosts become a link."""
    try:
        url = urlsplit(seen.host_url)
        host = url.hostname or ""
    except ValueError:
        return None
    if url.scheme != "https" or not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.salesforce\.com", host, re.ASCII):
        return None
    return f"https://{host}/lightning/r/{seen.record.type}/{seen.id}/view"


def status(seen: Snapshot) -> CanonicalEvent | None:
    raw, converted = seen.text(seen.config.status_field), bool(seen.flag("IsConverted"))
    if seen.flag("IsDeleted") or (raw is None and not converted):
        return None
    return status_fact(seen, raw, converted, modified_at(seen))


def status_fact(seen: Snapshot, raw: str | None, converted: bool, at: datetime | None) -> CanonicalEvent:
    mapped = LeadStatus.CONVERTED if converted else seen.config.status_of(raw or "")
    data = {"status": mapped and mapped.value, "raw": raw or "IsConverted"}
    return seen.fact(EventKind.STATUS, identity(seen), data, value=[raw, converted], at=at)


def owner(seen: Snapshot) -> CanonicalEvent | None:
    holder = seen.reference(seen.config.owner_field)
    if holder is None or seen.flag("IsDeleted"):
        return None
    return owner_fact(seen, holder, modified_at(seen))


def owner_fact(seen: Snapshot, holder: str, at: datetime | None) -> CanonicalEvent:
    """A queue owns nothing: nobody in particular will call."""
    config = seen.config
    if holder.startswith(ids.QUEUE):
        data: dict[str, Any] = {"owner": None, "name": config.owners.get(holder, holder)}
    else:
        data = {"owner": holder, **present(name=config.owners.get(holder), email=config.owner_emails.get(holder))}
    return seen.fact(EventKind.OWNER, identity(seen), data, value=holder, at=at)


def score(seen: Snapshot) -> CanonicalEvent | None:
    if seen.flag("IsDeleted"):
        return None
    return score_fact(seen, seen.number(seen.config.score_field), modified_at(seen))


def score_fact(seen: Snapshot, value: float | None, at: datetime | None) -> CanonicalEvent | None:
    if value is None:
        return None
    return seen.fact(EventKind.SCORE, identity(seen), {"score": value}, value=value, at=at)


def in_history(field: str) -> str:
    return HISTORY.get(field, field)


def change(seen: Snapshot) -> CanonicalEvent | None:
    """A row of LeadHistory: what one field became, and exactly when. The keys are those of a snapshot that was taken
    at that moment, so whichever comes second is no news."""
    at, field = seen.instant("CreatedDate"), seen.text("Field")
    value, config = seen.text("NewValue"), seen.config
    if value is None or at is None:
        return None
    if field == config.status_field:
        return status_fact(seen, value, converted=False, at=at)
    if field == in_history(config.owner_field) and ids.is_id(value):  # every new owner has a second row with the name
        return owner_fact(seen, ids.normal_id(value), at)
    if field == config.score_field:
        return score_fact(seen, seen.number("NewValue"), at)
    return None
