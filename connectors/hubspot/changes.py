"""One property of one contact got a value: which fact that is.

The same reading serves a webhook's propertyChange and the entries of a property's history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.contract import CanonicalEvent, EventKind, ExternalId, LeadStatus, Outcome, Problem
from connectors.hubspot.config import HubSpotConfig
from connectors.wire import full_name, mail_address, milliseconds, number


@dataclass(frozen=True, slots=True)
class Change:
    """A contact's property with its new value, in the tool's words."""

    contact: str
    name: str
    value: str
    at: datetime
    #: `changeSource` and `sourceId`: who or what wrote it.
    sources: tuple[str, ...]
    #: Where it stands in the payload, for a Problem.
    place: str
    #: Properties of the same contact that changed in the same delivery.
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same whether a webhook told it or the property's history: both name the moment of the change."""
        return f"contact:{self.contact}:{self.name[:120]}:{milliseconds(self.at)}"

    def wrong(self, reason: str) -> Problem:
        return Problem(self.place, reason)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a change means; the lead's ids are the contact's own unless the change brought another."""

    kind: EventKind
    data: dict[str, Any]
    lead: tuple[ExternalId, ...] = ()


#: None: the change says nothing that Tasuki asks for.
Meaning = Fact | Problem | None


def event_of(change: Change, config: HubSpotConfig) -> CanonicalEvent | Problem | None:
    """The canonical event of a change, None where there is none, a Problem where the value makes no sense."""
    if not set(change.sources).isdisjoint(config.ignore_changes_by):
        return None
    fact = meaning_of(change, config)
    if not isinstance(fact, Fact):
        return fact
    return CanonicalEvent(change.key, fact.kind, change.at, fact.lead or config.lead(change.contact), fact.data)


def meaning_of(change: Change, config: HubSpotConfig) -> Meaning:
    """The first of these that knows the property: score, owner, status, lifecycle, identity, activity, attribute."""
    readers: dict[str, Callable[[Change, HubSpotConfig], Meaning]] = {
        **dict.fromkeys(config.attributes, attribute),
        **dict.fromkeys(config.activity_properties, activity),
        **{"email": address, "firstname": name, "lastname": name, "company": company},
        config.lifecycle_property: lifecycle_stage,
        config.status_property: status,
        config.owner_property: owner,
        config.score_property: score,
    }
    reader = readers.get(change.name)
    return reader(change, config) if reader else None


def score(change: Change, _: HubSpotConfig) -> Meaning:
    if not change.value:
        return None
    points = number(change.value)
    if points is None:
        return change.wrong(f"the score property {change.name} holds no number; name another as score_property")
    return Fact(EventKind.SCORE, {"score": points})


def owner(change: Change, config: HubSpotConfig) -> Meaning:
    """Emptied means that nobody owns the contact any more."""
    email = mail_address(config.owner_emails.get(change.value))
    known = {"name": config.owners.get(change.value), "email": email}
    told = {word: value for word, value in known.items() if value}
    return Fact(EventKind.OWNER, {"owner": change.value or None, **told})


def status(change: Change, config: HubSpotConfig) -> Meaning:
    if not change.value:
        return None
    return Fact(EventKind.STATUS, {"status": config.status_of(change.value), "raw": change.value})


def lifecycle_stage(change: Change, config: HubSpotConfig) -> Meaning:
    """Only what sales decided. Tasuki itself says who is an MQL, so that stage is passed over."""
    if change.value in config.statuses:
        return Fact(EventKind.STATUS, {"status": config.statuses[change.value], "raw": change.value})
    if change.value in ("opportunity", "customer"):
        return Fact(EventKind.STATUS, {"status": LeadStatus.CONVERTED, "raw": change.value})
    if change.value != "salesqualifiedlead":
        return None
    if not set(change.sources).isdisjoint(config.automated_sources):
        return Fact(EventKind.STATUS, {"status": LeadStatus.QUALIFIED, "raw": change.value})
    return Fact(EventKind.DISPOSITION, {"outcome": Outcome.SQL})


def address(change: Change, config: HubSpotConfig) -> Meaning:
    if not change.value:
        return None
    email = mail_address(change.value)
    if not email:
        return change.wrong("the contact's e-mail is not an address; correct it in HubSpot")
    return Fact(EventKind.LEAD, {}, config.lead(change.contact, email=email))


def name(change: Change, _: HubSpotConfig) -> Meaning:
    """A name only when both halves came together; one half alone would overwrite the other."""
    given, family = change.beside.get("firstname", ""), change.beside.get("lastname", "")
    return Fact(EventKind.LEAD, {"name": full_name(given, family)}) if given and family else None


def company(change: Change, _: HubSpotConfig) -> Meaning:
    return Fact(EventKind.LEAD, {"company": change.value}) if change.value else None


def activity(change: Change, config: HubSpotConfig) -> Meaning:
    """The value names what was downloaded or filled in, unless the property only counts."""
    if not change.value:
        return None
    asset = {} if number(change.value) is not None else {"asset": change.value, "title": change.value}
    return Fact(EventKind.ACTIVITY, {"activity": config.activity_properties[change.name], **asset})


def attribute(change: Change, config: HubSpotConfig) -> Meaning:
    return Fact(EventKind.LEAD, {"attributes": {config.attributes[change.name]: change.value or None}})
