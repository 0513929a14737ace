"""Calls, e-mails, meetings and tasks of the CRM API as follow-ups, until they are edited, untied or deleted.

https://developers.hubspot.com/docs/api/crm/calls, …/email, …/meetings and …/tasks
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connectors.contract import CanonicalEvent, EventKind
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.records import Finding, Record
from connectors.wire import milliseconds, moment

COMMON = ("hs_timestamp", "hs_createdate", "hs_lastmodifieddate", "hubspot_owner_id", "hs_object_source")
PROPERTIES = {
    "call": (*COMMON, "hs_call_direction", "hs_call_status", "hs_call_disposition", "hs_call_title"),
    "email": (*COMMON, "hs_email_direction", "hs_email_status", "hs_email_subject", "hs_sequence_id"),
    "meeting": (*COMMON, "hs_meeting_start_time", "hs_meeting_outcome", "hs_meeting_title"),
    "task": (*COMMON, "hs_task_type", "hs_task_status", "hs_task_completion_date", "hs_task_subject"),
}
SUBJECT = {
    "call": "hs_call_title",
    "email": "hs_email_subject",
    "meeting": "hs_meeting_title",
    "task": "hs_task_subject",
}
STATUS = {"call": "hs_call_status", "email": "hs_email_status", "task": "hs_task_status"}
#: Somebody dialled and it rang. A call by hand has no status; FAILED, CANCELED and calls under way reached nobody.
CALLED = {"", "COMPLETED", "NO_ANSWER", "BUSY"}
#: Not yet over, or not yet sent: nothing can be said of it, and it was never a follow-up before.
UNDER_WAY = {"CALLING_CRM_USER", "CONNECTING", "IN_PROGRESS", "QUEUED", "RINGING", "SCHEDULED", "SENDING"}
#: The call outcomes that every account has; an account's own ones stay without a name.
CALL_OUTCOMES = {
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "connected",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "no_answer",
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "busy",
    "17b47fee-58de-441e-a44c-c6300d46f273": "wrong_number",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "left_live_message",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "left_voicemail",
}


#: A record is tied to its contacts in the moments after its creation; what is tied later was tied again.
AT_ONCE = timedelta(minutes=1)
NOT_TIED: Mapping[str, datetime] = {}


def follow_up(
    record: Record,
    config: HubSpotConfig,
    restored_at: datetime | None = None,
    tied_at: Mapping[str, datetime] = NOT_TIED,
) -> Iterator[Finding]:
    """One event per associated contact: what a person of ours did, or that this is none any more.

    `restored_at`: it came back from HubSpot's bin, which changes nothing in it. `tied_at`: contact → when it was tied
    to it, perhaps after it had been taken off.
    """
    revised_at = max((at for at in (record.revised_at, restored_at) if at), default=None)
    if not COUNTS[record.kind](record, config):
        if might_have_counted(record) and revised_at:
            yield from taken_back(record, config, revised_at, why_not(record))
        return
    occurred_at = happened(record)
    if occurred_at is None:
        yield record.wrong("hs_timestamp", "does not say when it happened")
        return
    data = follow_up_data(record, config)
    recorded_at = record.time("hs_createdate") or moment(record.body.get("createdAt"))
    for contact in record.contacts():
        revision = tied_again(revised_at, tied_at.get(contact))
        key, lead = revision_key(record, contact, revision or occurred_at), config.lead(contact)
        yield CanonicalEvent(
            key, EventKind.FOLLOW_UP, occurred_at, lead, data, recorded_at, record_name(record), revision
        )


def tied_again(revised_at: datetime | None, tied_at: datetime | None) -> datetime | None:
    """The revision. A poll does not see when somebody was tied, so what is tied at once makes no other one."""
    return tied_at if revised_at and tied_at and tied_at - revised_at > AT_ONCE else revised_at


def untied(kind: str, id_: str, contact: str, config: HubSpotConfig, at: datetime) -> CanonicalEvent:
    """The engagement goes on without this contact: it was logged on the wrong person."""
    record, said = Record(kind, id_, {}), {"reason": "association removed"}
    key, lead = revision_key(record, contact, at, "untied:"), config.lead(contact)
    return CanonicalEvent(key, EventKind.RETRACTED, at, lead, said, record=record_name(record), revised_at=at)


def deleted(record: Record, config: HubSpotConfig, at: datetime) -> Iterator[Finding]:
    """The engagement is in HubSpot's bin; `record` still says whose it was."""
    return taken_back(record, config, at, "deleted", "deleted:")


def deleted_somebodys(record: Record, at: datetime) -> CanonicalEvent:
    """The same where HubSpot does not say any more whose it was: the ledger knows from whom it has the record."""
    key, said = revision_key(record, "", at, "deleted:"), {"reason": "deleted"}
    return CanonicalEvent(key, EventKind.RETRACTED, at, (), said, record=record_name(record), revised_at=at)


def taken_back(record: Record, config: HubSpotConfig, at: datetime, reason: str, mark: str = "") -> Iterator[Finding]:
    for contact in record.contacts():
        key, lead = revision_key(record, contact, at, mark), config.lead(contact)
        said = {"reason": reason}
        yield CanonicalEvent(key, EventKind.RETRACTED, at, lead, said, record=record_name(record), revised_at=at)


def record_name(record: Record) -> str:
    return f"{record.kind}s:{record.id}"


def revision_key(record: Record, contact: str, at: datetime, mark: str = "") -> str:
    """Each edit is a fact of its own; a webhook's answer and a poll see the same edit under the same key."""
    return f"{record.kind}:{record.id}:{contact}:{mark}{milliseconds(at)}"


def might_have_counted(record: Record) -> bool:
    """Replies of the lead never do, nor a task as it was planned. The direction of a call is often corrected later, so
    an inbound one might have."""
    if record.kind == "task":
        return record.revised_at != record.time("hs_createdate")
    incoming = record.kind == "email" and record.text("hs_email_direction") != "EMAIL"
    return status_of(record) not in UNDER_WAY and not incoming


def why_not(record: Record) -> str:
    """In HubSpot's word, in small letters."""
    inbound = record.text("hs_call_direction") == "INBOUND"
    word = "not completed" if record.kind == "task" else status_of(record)
    return "inbound" if inbound else word.lower()


def status_of(record: Record) -> str:
    return record.text(STATUS.get(record.kind, ""))


def call_was_made(record: Record, _: HubSpotConfig) -> bool:
    return record.text("hs_call_direction") != "INBOUND" and record.text("hs_call_status") in CALLED


def email_was_sent(record: Record, _: HubSpotConfig) -> bool:
    """INCOMING_EMAIL is a reply, FORWARDED_EMAIL a copy into the CRM. A logged mail may have no status."""
    return record.text("hs_email_direction") == "EMAIL" and record.text("hs_email_status") in ("", "SENT")


def meeting_was_booked(_: Record, __: HubSpotConfig) -> bool:
    """Also when it was cancelled later: somebody had arranged it with the lead."""
    return True


def task_was_done(record: Record, config: HubSpotConfig) -> bool:
    return status_of(record) == "COMPLETED" and record.text("hs_task_type") in config.task_types


COUNTS = {"call": call_was_made, "email": email_was_sent, "meeting": meeting_was_booked, "task": task_was_done}


def happened(record: Record) -> datetime | None:
    """A meeting happened as a follow-up when it was booked, or when it was held if it was only logged afterwards.

    A task was done when it was completed, at the latest when it last changed; `hs_timestamp` is when it was due.
    """
    if record.kind == "task":
        times = (record.time("hs_task_completion_date"), record.revised_at)
        return min((at for at in times if at), default=None)
    if record.kind != "meeting":
        return record.time("hs_timestamp")
    times = (record.time("hs_createdate"), record.time("hs_meeting_start_time") or record.time("hs_timestamp"))
    return min((at for at in times if at), default=None)


def follow_up_data(record: Record, config: HubSpotConfig) -> dict[str, Any]:
    by_machine = record.text("hs_object_source") in config.automated_sources or bool(record.text("hs_sequence_id"))
    a_task = record.kind == "task"  # whoever planned it: only a person ticks it off
    channel = config.task_types.get(record.text("hs_task_type"), "other") if a_task else record.kind
    owner = record.text("hubspot_owner_id")
    told = {
        "by": config.owners.get(owner, owner),
        "outcome": outcome(record),
        "subject": record.text(SUBJECT[record.kind]),
    }
    known = {word: value for word, value in told.items() if value}
    return {"channel": channel, "automated": by_machine and not a_task, **known}


def outcome(record: Record) -> str:
    """What came of it, in small letters; a call logged by hand says it only in its disposition."""
    disposition = CALL_OUTCOMES.get(record.text("hs_call_disposition"), "")
    return disposition or (record.text("hs_call_status") or record.text("hs_meeting_outcome")).lower()
