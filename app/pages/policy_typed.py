"""An agreement in a form: what stands in its fields, and the policy that they ask for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.policy import Policy, PolicyVersion
from app.domain.refusals import Refusal, Refused, refused, validated
from app.pages import agreement_words, forms, rule_typed
from app.pages.forms import Fields

FORM = "policy"
#: Fields of the form; what is to be mended elsewhere stands above it.
FIELDS = (
    "name", "target", "clock", "warn", "warn_percent", "warn_hours", "score", "count", "activity", "days", "rule",
    "channels", "effective_from", "note", "migrate_open",
)  # fmt: skip
#: Beginning of a place in the policy → field.
PLACES = {
    "/policy/warn_when_left": "/warn_percent",
    "/policy/warn_hours_before": "/warn_hours",
    "/policy/follow_ups/channels": "/channels",
    "/policy/rule": "/rule",
    "/policy/target": "/target",
    "/policy/clock": "/clock",
    "/policy/name": "/name",
}
LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the form asks for."""

    policy: Policy
    #: None: from now on.
    effective_from: datetime | None
    note: str
    migrate_open: bool


def as_typed(version: PolicyVersion, *, rule_as_text: bool) -> dict[str, str]:
    """The form of a version that nobody has changed yet."""
    policy = version.policy
    typed = {
        "based_on": f"{version.version}",
        "name": policy.name,
        "clock": policy.clock.value,
        "target": agreement_words.amount(policy.target).replace(",", ""),
        "warn": "hours" if policy.warn_hours_before is not None else "percent",
        "warn_percent": agreement_words.amount(policy.warn_when_left * 100),
        "warn_hours": agreement_words.amount(policy.warn_hours_before) if policy.warn_hours_before else "",
    }
    ticked = {f"channel-{channel}": "on" for channel in policy.follow_ups.channels}
    if policy.enabled:
        ticked["enabled"] = "on"
    return typed | ticked | rule_typed.as_typed(policy.rule, in_fields=not rule_as_text)


def read(sent: Fields, base: Policy, zone: ZoneInfo) -> Wanted:
    """`base`: says what the form has no field for. Raises Refused; places are the form's fields."""
    rule = rule_typed.read(sent)
    document = base.model_dump(mode="json", by_alias=True) | _document(sent, base)
    try:
        policy = validated(Policy, document | {"rule": rule.model_dump()}, under="/policy")
    except Refused as why:
        raise beside(why) from None
    note = forms.words(sent, "note", LONGEST_NOTE)
    return Wanted(policy, _moment(sent, zone), note, "migrate_open" in sent)


def _document(sent: Fields, base: Policy) -> dict[str, Any]:
    channels = [channel for channel in agreement_words.CHANNELS if f"channel-{channel}" in sent]
    follow_ups = base.follow_ups.model_dump(mode="json") | {"channels": channels}
    return {
        "name": forms.words(sent, "name"),
        "enabled": "enabled" in sent,
        "clock": sent.get("clock", ""),
        "target": forms.words(sent, "target", 20),
        "follow_ups": follow_ups,
    } | _warning(sent)


def _warning(sent: Fields) -> dict[str, Any]:
    """Hours before, or a share of the time; the share that is not asked for stays as it was."""
    if sent.get("warn") == "hours":
        return {"warn_hours_before": forms.words(sent, "warn_hours", 20)}
    percent = forms.words(sent, "warn_percent", 20)
    try:
        share = float(percent) / 100
    except ValueError:
        raise refused("/warn_percent", "needed", "Write a number from 0 to 99.") from None
    if not 0 <= share < 1:
        raise refused("/warn_percent", "needed", "Write a number from 0 to 99.")
    return {"warn_hours_before": None, "warn_when_left": share}


def _moment(sent: Fields, zone: ZoneInfo) -> datetime | None:
    """On the reader's clock."""
    said = forms.words(sent, "effective_from", 40)
    if not said:
        return None
    try:
        return datetime.fromisoformat(said).replace(tzinfo=zone)
    except ValueError:
        raise refused("/effective_from", "no_moment", "Write a date and a time, such as 2026-10-08T09:00.") from None


def beside(why: Refused) -> Refused:
    """Each in the field that it is about."""
    return Refused([replace(each, place=_field(each)) for each in why.refusals])


def _field(refusal: Refusal) -> str:
    if refusal.code == "whole_days":
        return "/target"
    return next((field for place, field in PLACES.items() if refusal.place.startswith(place)), refusal.place)
