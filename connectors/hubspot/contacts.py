"""A contact of the CRM API as facts about a lead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from connectors.contract import CanonicalEvent, EventKind
from connectors.hubspot.changes import Change, event_of
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.records import Entry, Finding, Record
from connectors.hubspot.wire import record_id
from connectors.wire import full_name, mail_address, milliseconds, moment

PROFILE = ("email", "firstname", "lastname", "company")
#: A contact's own list of the ids it swallowed, parted by semicolons.
MERGED_IDS = "hs_merged_object_ids"


def standing(config: HubSpotConfig) -> tuple[str, ...]:
    """The properties that say where a lead stands."""
    return (config.score_property, config.owner_property, config.status_property, config.lifecycle_property)


def contact_properties(config: HubSpotConfig) -> list[str]:
    names = (*PROFILE, *standing(config), *config.attributes, *config.activity_properties)
    return [name for name in dict.fromkeys(names) if name]


def contact_facts(record: Record, config: HubSpotConfig, portal: str, told: Collection[str]) -> Iterator[Finding]:
    """Who it is, and the newest score, owner, status and stage unless the webhook just `told` them.

    Activities are left to the webhooks and to polls: without a time to begin from they would be a whole past.
    """
    yield from who(record, config, portal)
    for name in standing(config):
        yield from changes(record, name, record.history(name)[-1:] if name not in told else [], config)


def contact_story(record: Record, config: HubSpotConfig, since: datetime) -> Iterator[Finding]:
    """Who it is, what its properties were `since` then, and every change of them: what the webhooks told, or lost.

    Names are in the profile alone: a change of one half of a name is no fact.
    """
    yield from who(record, config)
    for name in contact_properties(config):
        if name not in ("firstname", "lastname"):
            yield from changes(record, name, from_then_on(record.history(name), since), config)


def from_then_on(history: list[Entry], since: datetime) -> list[Entry]:
    """The entries since then, and the one before them that was in force."""
    earlier = sum(entry.at < since for entry in history)
    return history[max(0, earlier - 1) :]


def changes(record: Record, name: str, entries: Iterable[Entry], config: HubSpotConfig) -> Iterator[Finding]:
    for entry in entries:
        found = event_of(as_change(record, name, entry), config)
        if found:
            yield found


def as_change(record: Record, name: str, entry: Entry) -> Change:
    return Change(record.id, name, entry.value, entry.at, entry.sources, f"contact {record.id}: {name}")


def who(record: Record, config: HubSpotConfig, portal: str = "") -> Iterator[CanonicalEvent]:
    for found in (
        appearance(record.id, moment(record.body.get("createdAt")), config, portal),
        profile(record, config, portal),
    ):
        if found:
            yield found


def appearance(contact: str, at: datetime | None, config: HubSpotConfig, portal: str) -> CanonicalEvent | None:
    """The contact was created; None: nobody says when."""
    if at is None:
        return None
    key = f"contact:{contact}:creation:{milliseconds(at)}{config.told_by(portal)}"
    return CanonicalEvent(key, EventKind.LEAD, at, config.lead(contact), config.record_url(portal, contact))


def profile(record: Record, config: HubSpotConfig, portal: str) -> CanonicalEvent | None:
    """As of the newest change of what it says, so that the same profile is the same event however often it is read."""
    names = [*PROFILE, *config.attributes]
    changed = [entry.at for name in names for entry in record.history(name)]
    at = max(changed, default=moment(record.body.get("updatedAt")))
    if at is None:
        return None
    former = [known for part in record.text(MERGED_IDS).split(";") if (known := record_id(part))]
    lead = config.lead(record.id, *former, email=mail_address(record.text("email")))
    data = described(record, config) | config.record_url(portal, record.id)
    # a merge changes no property, but it makes another profile
    key = f"contact:{record.id}:profile:{milliseconds(at)}:{len(former)}{config.told_by(portal)}"
    return CanonicalEvent(key, EventKind.LEAD, at, lead, data)


def described(record: Record, config: HubSpotConfig) -> dict[str, Any]:
    called = {"name": full_name(record.text("firstname"), record.text("lastname")), "company": record.text("company")}
    attributes = {ours: record.text(theirs) or None for theirs, ours in config.attributes.items()}
    data: dict[str, Any] = {word: value for word, value in called.items() if value}
    return data | ({"attributes": attributes} if attributes else {})
