"""One record as Salesforce showed it, and what its fields hold: everything is text, whichever way it came."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.contract import EMAIL, CanonicalEvent, EventKind, ExternalId
from connectors.salesforce import ids
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.soap import Record
from connectors.standard.schema import ID_LENGTH, LARGEST_NUMBER, address

FLAGS = {"true": True, "1": True, "false": False, "0": False}
NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?", re.ASCII)


class NotUnderstood(Exception):
    """A field says something that cannot be read, or is missing. The message says what would mend it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One record as an outbound message or the API showed it."""

    record: Record
    #: The id of the record that the facts are about, 18 characters.
    id: str
    #: None: no notification told of it, it was asked for.
    notification_id: str | None
    #: Any address of the organisation; its host is where people find the record.
    host_url: str
    received_at: datetime
    config: SalesforceConfig

    @property
    def asked_for(self) -> bool:
        """The API shows everything that was asked for, of all records: a gap is nobody's mistake."""
        return self.notification_id is None

    def text(self, field: str) -> str | None:
        return self.record.fields.get(field)

    def flag(self, field: str) -> bool | None:
        """True or false; None when the message does not say."""
        value = self.text(field)
        if value is None:
            return None
        if value not in FLAGS:
            raise NotUnderstood(field, f"{value[:40]!r} is neither true nor false")
        return FLAGS[value]

    def number(self, field: str) -> int | float | None:
        value = self.text(field)
        if value is None:
            return None
        number = float(value) if NUMBER.fullmatch(value) else math.inf
        if abs(number) > LARGEST_NUMBER:
            raise NotUnderstood(field, f"{value[:40]!r} is not a number between -1e18 and 1e18")
        return int(number) if number.is_integer() else number

    def instant(self, field: str) -> datetime | None:
        value = self.text(field)
        if value is None:
            return None
        try:
            at = datetime.fromisoformat(value)
            if at.tzinfo is not None:
                return at.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise NotUnderstood(field, f"{value[:40]!r} is not a date and time with its zone, as 2026-09-24T08:30:00.000Z")

    def first_instant(self, *fields: str) -> datetime | None:
        return next((at for field in fields if (at := self.instant(field))), None)

    def reference(self, field: str) -> str | None:
        """The id of another record, 18 characters."""
        value = self.text(field)
        if value is None:
            return None
        try:
            return ids.normal_id(value)
        except ids.NotAnId as error:
            raise NotUnderstood(field, str(error)) from None

    def address(self, field: str) -> ExternalId | None:
        """The e-mail address in the field; None when there is none, or nothing that is one."""
        try:
            found = address(self.text(field) or "")
        except ValueError:
            return None
        return ExternalId(EMAIL, found) if len(found) <= ID_LENGTH else None

    def lead_or_contact(self, field: str) -> ExternalId | None:
        value = self.reference(field)
        if value is None:
            return None
        if not value.startswith((ids.LEAD, ids.CONTACT)):
            raise NotUnderstood(field, f"{value} is neither a Lead (00Q…) nor a Contact (003…)")
        return self.known_as(value)

    def person(self, field: str) -> ExternalId | None:
        """Whoever the field names, by an e-mail address or by the id of a lead or contact."""
        return self.address(field) or self.lead_or_contact(field)

    def known_as(self, record_id: str) -> ExternalId:
        return ExternalId(self.config.system or "salesforce", record_id)

    def fact(
        self,
        kind: EventKind,
        lead: Sequence[ExternalId],
        data: dict[str, Any],
        *,
        value: object,
        at: datetime | None,
        recorded_at: datetime | None = None,
        record: str | None = None,
        revised_at: datetime | None = None,
    ) -> CanonicalEvent:
        """The event. `value` is what makes it another fact than the record's last one of this kind.

        Without a time of its own it happened when it was received; the notification then tells repeats apart.
        """
        last = revised_at or at
        when = last.isoformat() if last else self.reference_of_notification()
        key = f"{self.id}/{kind}/{digest(value)}/{when}"
        happened_at = at or self.received_at
        return CanonicalEvent(key, kind, happened_at, tuple(lead), data, recorded_at, record, revised_at)

    def reference_of_notification(self) -> str:
        try:
            return ids.normal_id(self.notification_id or "")
        except ids.NotAnId:
            reason = "the record has no time and its notification no Id: add SystemModstamp to the outbound message"
            raise NotUnderstood("", reason) from None


def present(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
