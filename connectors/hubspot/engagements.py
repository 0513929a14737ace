"""Calls, e-mails and meetings of the CRM API as follow-ups.

https://developers.hubspot.com/docs/api/crm/calls, …/email and …/meetings
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connectors.contract import CanonicalEvent, EventKind
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.records import Finding, Record
from connectors.hubspot.wire import milliseconds, moment

COMMON = ("hs_timestamp", "hs_createdate", "hubspot_owner_id", "hs_object_source")
PROPERTIES = {
    "call": (*COMMON, "hs_call_direction", "hs_call_status", "hs_call_disposition", "hs_call_title"),
    "email": (*COMMON, "hs_email_direction", "hs_email_status", "hs_email_subject", "hs_sequence_id"),
    "meeting": (*COMMON, "hs_meeting_start_time", "hs_meeting_outcome", "hs_meeting_title"),
}
SUBJECT = {"call": "hs_call_title", "email": "hs_email_subject", "meeting": "hs_meeting_title"}
#: Somebody dialled and it rang. A call by hand has no status; FAILED, CANCELED and calls under way reached nobody.
CALLED = {"", "COMPLETED", "NO_ANSWER", "BUSY"}
#: The call outcomes that every account has; an account's own ones stay without a name.
CALL_OUTCOMES = {
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "connected",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "no_answer",
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "busy",
    "17b47fee-58de-441e-a44c-c6300d46f273": "wrong_number",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "left_live_message",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "left_voicemail",
}


def follow_up(record: Record, config: HubSpotConfig) -> Iterator[Finding]:
    """One event per associated contact, if the engagement is something a person of ours did."""
    if not COUNTS[record.kind](record):
        return
    occurred_at = happened(record)
    if occurred_at is None:
        yield record.wrong("hs_timestamp", "does not say when it happened")
        return
    data = follow_up_data(record, config)
    recorded_at = record.time("hs_createdate") or moment(record.body.get("createdAt"))
    for contact in record.contacts():
        key = follow_up_key(record, contact, occurred_at)
        yield CanonicalEvent(key, EventKind.FOLLOW_UP, occurred_at, config.lead(contact), data, recorded_at)


def follow_up_key(record: Record, contact: str, occurred_at: datetime) -> str:
    """A corrected time or another outcome of a call is another fact; a meeting that was held is not."""
    result = [outcome(record)[:40]] if record.kind == "call" else []
    return ":".join([record.kind, record.id, contact, str(milliseconds(occurred_at)), *result])


def call_was_made(record: Record) -> bool:
    return record.text("hs_call_direction") != "INBOUND" and record.text("hs_call_status") in CALLED


def email_was_sent(record: Record) -> bool:
    """INCOMING_EMAIL is a reply, FORWARDED_EMAIL a copy into the CRM. A logged mail may have no status."""
    return record.text("hs_email_direction") == "EMAIL" and record.text("hs_email_status") in ("", "SENT")


def meeting_was_booked(_: Record) -> bool:
    """Also when it was cancelled later: somebody had arranged it with the lead."""
    return True


COUNTS = {"call": call_was_made, "email": email_was_sent, "meeting": meeting_was_booked}


def happened(record: Record) -> datetime | None:
    """A meeting happened as a follow-up when it was booked, or when it was held if it was only logged afterwards."""
    if record.kind != "meeting":
        return record.time("hs_timestamp")
    times = (record.time("hs_createdate"), record.time("hs_meeting_start_time") or record.time("hs_timestamp"))
    return min((at for at in times if at), default=None)


def follow_up_data(record: Record, config: HubSpotConfig) -> dict[str, Any]:
    by_machine = record.text("hs_object_source") in config.automated_sources or bool(record.text("hs_sequence_id"))
    owner = record.text("hubspot_owner_id")
    told = {
        "by": config.owners.get(owner, owner),
        "outcome": outcome(record),
        "subject": record.text(SUBJECT[record.kind]),
    }
    known = {word: value for word, value in told.items() if value}
    return {"channel": record.kind, "automated": by_machine, **known}


def outcome(record: Record) -> str:
    """What came of it, in small letters; a call logged by hand says it only in its disposition."""
    disposition = CALL_OUTCOMES.get(record.text("hs_call_disposition"), "")
    return disposition or (record.text("hs_call_status") or record.text("hs_meeting_outcome")).lower()
