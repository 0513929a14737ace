"""A contact of the CRM API as facts about a lead."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from connectors.contract import CanonicalEvent, EventKind
from connectors.hubspot.changes import Change, event_of, full_name
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.records import Entry, Finding, Record
from connectors.hubspot.wire import mail_address, milliseconds, moment, record_id

PROFILE = ("email", "firstname", "lastname", "company")
#: A contact's own list of the ids it swallowed, parted by semicolons.
MERGED_IDS = "hs_merged_object_ids"


def contact_properties(config: HubSpotConfig) -> list[str]:
    stateful = (config.score_property, config.owner_property, config.status_property, config.lifecycle_property)
    return [name for name in dict.fromkeys((*PROFILE, *stateful, *config.attributes)) if name]


def contact_facts(record: Record, config: HubSpotConfig, portal: str, told: Collection[str]) -> Iterator[Finding]:
    """Who it is, and the newest score, owner, status and stage unless the webhook just `told` them.

    Activities are left to the webhooks: told twice they would count twice.
    """
    who = profile(record, config, portal)
    if who:
        yield who
    for name in (config.score_property, config.owner_property, config.status_property, config.lifecycle_property):
        newest = record.history(name)[-1:] if name not in told else []
        for found in (event_of(as_change(record, name, entry), config) for entry in newest):
            if found:
                yield found


def profile(record: Record, config: HubSpotConfig, portal: str) -> CanonicalEvent | None:
    """As of the newest change of what it says, so that the same profile is the same event however often it is read."""
    names = [*PROFILE, *config.attributes]
    changes = [entry.at for name in names for entry in record.history(name)]
    at = max(changes, default=moment(record.body.get("updatedAt")))
    if at is None:
        return None
    former = [known for part in record.text(MERGED_IDS).split(";") if (known := record_id(part))]
    lead = config.lead(record.id, *former, email=mail_address(record.text("email")))
    data = described(record, config) | config.record_url(portal, record.id)
    return CanonicalEvent(f"contact:{record.id}:profile:{milliseconds(at)}", EventKind.LEAD, at, lead, data)


def described(record: Record, config: HubSpotConfig) -> dict[str, Any]:
    called = {"name": full_name(record.text("firstname"), record.text("lastname")), "company": record.text("company")}
    attributes = {ours: record.text(theirs) or None for theirs, ours in config.attributes.items()}
    data: dict[str, Any] = {word: value for word, value in called.items() if value}
    return data | ({"attributes": attributes} if attributes else {})


def as_change(record: Record, name: str, entry: Entry) -> Change:
    key = f"contact:{record.id}:{name[:120]}:{milliseconds(entry.at)}"
    return Change(key, record.id, name, entry.value, entry.at, entry.sources, f"contact {record.id}: {name}")
