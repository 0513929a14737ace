"""What a task or an event says: that somebody followed up, until the record is reopened or deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.contract import CanonicalEvent, EventKind, ExternalId
from connectors.records import Channel
from connectors.salesforce.snapshot import NotUnderstood, Snapshot, present

SUBTYPES: dict[str, Channel] = {"Call": "call", "Email": "email", "ListEmail": "email"}
TASK_TYPES: dict[str, Channel] = {"Call": "call", "Email": "email", "Meeting": "meeting"}
AUTOMATED_SUBTYPES = frozenset({"Cadence", "ListEmail"})
#: Fields that decide what a follow-up is; a message may have been set up without some of them.
DECISIVE = frozenset(
    "CompletedDateTime LastModifiedDate CreatedDate StartDateTime IsAllDayEvent TaskSubtype Type OwnerId CreatedById"
    " IsClosed".split()
)
#: Salesforce's stamps are whole seconds, so this only orders what was seen of one and the same revision.
FULLER = timedelta(microseconds=1)
#: A deletion comes last, even within the second of the last edit.
DELETION = timedelta(milliseconds=1)

Lead = tuple[ExternalId, ...]


def task(seen: Snapshot) -> CanonicalEvent | None:
    """A task is a follow-up from when it was completed; open again or deleted, it is none any more."""
    if seen.flag("IsDeleted"):
        return retracted(seen, "deleted", DELETION)
    if not is_done(seen):
        return retracted(seen, "reopened") if was_edited(seen) else None
    return follow_up(seen, task_channel(seen), done_at(seen))


def event(seen: Snapshot) -> CanonicalEvent | None:
    """A meeting counts from when it was booked: that is when somebody had reached the lead."""
    if seen.flag("IsDeleted"):
        return retracted(seen, "deleted", DELETION)
    return follow_up(seen, "meeting", reached_at(seen))


def done_at(seen: Snapshot) -> datetime | None:
    """When the task was completed, at the latest; None: when the message arrived.

    Never ActivityDate, the day it was due, and never CreatedDate: a task that was planned first and done later would
    count as done in time. One that was logged when it was done has both stamps from that moment.
    """
    return seen.first_instant("CompletedDateTime", "LastModifiedDate", "SystemModstamp")


def reached_at(seen: Snapshot) -> datetime | None:
    """When it was booked, or when it began if it was only written down afterwards. A whole day has no such time."""
    booked = seen.first_instant("CreatedDate", "LastModifiedDate", "SystemModstamp")
    began = seen.instant("StartDateTime") if seen.flag("IsAllDayEvent") is False else None
    return min(booked, began) if booked and began else booked


def is_done(seen: Snapshot) -> bool:
    closed, named = seen.flag("IsClosed"), seen.text("Status")
    if closed is None and named is None:
        raise NotUnderstood("IsClosed", "add the field IsClosed (or Status) to the outbound message of Task")
    return bool(closed) or named in seen.config.completed_task_statuses


def was_edited(seen: Snapshot) -> bool:
    """A task that is as it was created has never been done; without a time nothing says what came first."""
    changed, created = revised_at(seen), seen.instant("CreatedDate")
    return changed is not None and changed != created


def task_channel(seen: Snapshot) -> Channel:
    """TaskSubtype, and Type where the subtype is only Task."""
    by_subtype = SUBTYPES.get(seen.text("TaskSubtype") or "")
    return by_subtype or {**TASK_TYPES, **seen.config.task_types}.get(seen.text("Type") or "", "other")


def follow_up(seen: Snapshot, channel: Channel, at: datetime | None) -> CanonicalEvent | None:
    lead = who(seen)
    if lead is None:
        return None
    by = seen.reference("OwnerId")
    data = present(
        channel=channel,
        automated=is_automated(seen),
        by=by and seen.config.owners.get(by, by),
        outcome=seen.text("CallDisposition"),
        subject=seen.text("Subject"),
    )
    return seen.fact(
        EventKind.FOLLOW_UP,
        lead,
        data,
        value=[lead[0].value, at.isoformat() if at else None, *judged_by(seen)],
        at=at,
        recorded_at=recorded_at(seen, at) if at else None,
        record=record_of(seen),
        revised_at=ranked(seen),
    )


def retracted(seen: Snapshot, reason: str, rank: timedelta = timedelta()) -> CanonicalEvent | None:
    lead, changed = who(seen), revised_at(seen)
    if lead is None:
        return None
    return seen.fact(
        EventKind.RETRACTED,
        lead,
        {"reason": reason},
        value=[lead[0].value, reason],
        at=changed,
        record=record_of(seen),
        revised_at=changed and changed + rank,
    )


def gone(seen: Snapshot) -> CanonicalEvent:
    """Deleted, and nothing says any more whose it was: it is taken back from everybody of whom it was told."""
    at = revised_at(seen)
    said = {"reason": "deleted"}
    return seen.fact(
        EventKind.RETRACTED, [], said, value=["gone"], at=at, record=record_of(seen), revised_at=at and at + DELETION
    )


def record_of(seen: Snapshot) -> str:
    return f"{seen.record.type}:{seen.id}"


def revised_at(seen: Snapshot) -> datetime | None:
    """When the record was last changed, at the latest."""
    return seen.first_instant("SystemModstamp", "LastModifiedDate")


def ranked(seen: Snapshot) -> datetime | None:
    """The revision. Without a stamp of its change it is as old as it can be, so that any with one replaces it; of one
    revision that was seen twice, in a message with few fields and by the API, the sight of more fields counts."""
    changed = revised_at(seen) or seen.first_instant("CompletedDateTime", "CreatedDate")
    return changed and changed + FULLER * len(DECISIVE & seen.record.fields.keys())


def who(seen: Snapshot) -> Lead | None:
    """The lead or contact of an activity, or the person of the opportunity that it is about; None: nobody."""
    if "WhoId" not in seen.record.fields:
        advice = f"add the field WhoId to the outbound message of {seen.record.type}, if it is about a person at all"
        raise NotUnderstood("WhoId", f"the message does not say whom it is about: {advice}")
    if named := seen.lead_or_contact("WhoId"):
        address = seen.address("Who.Email")
        return (named, address) if address else (named,)
    on_opportunity = seen.person(f"What.{seen.config.opportunity_contact_field}")
    return (on_opportunity,) if on_opportunity else None


def judged_by(seen: Snapshot) -> list[str | None]:
    """What channel and automation are told from, as Salesforce has it: another configuration makes no other fact."""
    users = (seen.reference("OwnerId"), seen.reference("CreatedById"))
    return [seen.text("TaskSubtype"), seen.text("Type"), *users]


def is_automated(seen: Snapshot) -> bool:
    users = {seen.reference("OwnerId"), seen.reference("CreatedById")}
    return seen.text("TaskSubtype") in AUTOMATED_SUBTYPES or not users.isdisjoint(seen.config.integration_users)


def recorded_at(seen: Snapshot, done_at: datetime) -> datetime | None:
    """The first writing that can have told of it: nothing is written down before it is done."""
    written = (seen.instant("CreatedDate"), seen.instant("LastModifiedDate"))
    return min((at for at in written if at and at >= done_at), default=None)
