"""What people type into the forms of a lead, as entries for its ledger. Each raises Refused, naming the field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from app.domain import reasons
from app.domain.agreement import STORABLE
from app.domain.refusals import Refused, refused, validated
from app.domain.wallclock import instant_of
from connectors.contract import EventKind, Outcome

Short = Annotated[str, Field(max_length=500), STORABLE]
#: Form and place that a flow names → the form's field.
FIELDS = {
    ("follow-up", "occurred_at"): "at",
    ("follow-up", "subject"): "note",
    ("give-back", "outcome"): "choice",
    ("give-back", "reason"): "choice",
}


class _Typed(BaseModel):
    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class Contact(_Typed):
    channel: Literal["call", "email", "meeting", "other"]
    at: str = ""
    outcome: Short = ""
    note: Short = ""


class Return(_Typed):
    #: `rejected:routing`; `recycled:` with the reason in `detail`.
    choice: str = ""
    detail: Short = ""
    again_on: str = ""


class Wait(_Typed):
    reason: Short = ""
    until: str = ""


#: Kind, data and when it happened (None: now).
Told = tuple[EventKind, dict[str, Any], datetime | None]


def follow_up(typed: Mapping[str, str], zone: ZoneInfo) -> Told:
    said = validated(Contact, dict(typed))
    data = {"channel": said.channel, "automated": False, "outcome": said.outcome or None, "subject": said.note or None}
    return EventKind.FOLLOW_UP, data, _instant("at", said.at, zone)


def give_back(typed: Mapping[str, str]) -> Told:
    said = validated(Return, dict(typed))
    outcome, code = _chosen(said.choice)
    again_on = _day("again_on", said.again_on)
    data = {"outcome": outcome.value, "reason": code, "detail": said.detail or None, "again_on": again_on}
    if outcome is Outcome.RECYCLED:
        data |= {"reason": said.detail or None, "detail": None}
    return EventKind.DISPOSITION, data, None


def _chosen(choice: str) -> tuple[Outcome, str | None]:
    if not choice:
        raise refused("/choice", "reason_needed", "Say why; marketing learns from it.")
    outcome, _, code = choice.partition(":")
    if choice == f"{Outcome.RECYCLED}:":
        return Outcome.RECYCLED, None
    if code not in reasons.REASONS or reasons.REASONS[code].outcome != outcome:
        raise refused("/choice", "unknown_reason", "Choose a reason from the list.")
    return reasons.REASONS[code].outcome, code


def pause(typed: Mapping[str, str], zone: ZoneInfo) -> Told:
    said = validated(Wait, dict(typed))
    until = _instant("until", said.until, zone)
    return EventKind.PAUSE, {"reason": said.reason, "until": until.isoformat() if until else None}, None


def by_field(refusal: Refused, form: str, typed: Mapping[str, str], locale: str) -> dict[str, list[str]]:
    """Field → what to mend there; "" for what no field of the form can mend."""
    found: dict[str, list[str]] = {}
    for each in refusal.refusals:
        place = each.place.removeprefix("/")
        name = FIELDS.get((form, place), place)
        if name == "choice" and typed.get("choice") == f"{Outcome.RECYCLED}:":
            name = "detail"
        found.setdefault(name if name in _OF[form] else "", []).append(each.message(locale))
    return found


_OF: dict[str, frozenset[str]] = {
    "follow-up": frozenset(Contact.model_fields),
    "give-back": frozenset(Return.model_fields),
    "pause": frozenset(Wait.model_fields),
    "brief": frozenset({"note"}),
    "": frozenset(),
}


def _instant(name: str, written: str, zone: ZoneInfo) -> datetime | None:
    """By the wall of the place; None: nothing was written."""
    if not written:
        return None
    try:
        at = datetime.fromisoformat(written.replace("/", "-"))
        return instant_of(zone, at.replace(tzinfo=None)) if at.tzinfo is None else at
    except (ValueError, OverflowError):
        raise refused(f"/{name}", "moment", "Write a date and a time, such as 2026-09-24 17:30.") from None


def _day(name: str, written: str) -> str | None:
    if not written:
        return None
    try:
        return date.fromisoformat(written.replace("/", "-")).isoformat()
    except ValueError:
        raise refused(f"/{name}", "day", "Write a date, such as 2026-09-24.") from None
