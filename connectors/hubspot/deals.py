"""A deal of the CRM API as an opportunity: every stage it went through.

https://developers.hubspot.com/docs/api/crm/deals
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import CanonicalEvent, EventKind
from connectors.hubspot.config import DealState, HubSpotConfig
from connectors.hubspot.records import Entry, Finding, Record
from connectors.wire import milliseconds, moment, number

PROPERTIES = ("dealstage", "dealname", "amount", "hs_is_closed", "hs_is_closed_won")


def opportunity(record: Record, config: HubSpotConfig) -> Iterator[Finding]:
    """Every stage the deal went through, with its own time, for each associated contact."""
    stages = record.history("dealstage") or current_stage(record)
    if not stages:
        yield record.wrong("dealstage", "the deal has no stage")
    for entry in stages:
        state = deal_state(record, entry, config, newest=entry is stages[-1])
        known = {"stage": entry.value, "name": record.text("dealname"), "amount": number(record.text("amount"))}
        told = {word: value for word, value in known.items() if value not in ("", None)}
        for contact in record.contacts():
            key = f"deal:{record.id}:{contact}:{entry.value[:120]}:{milliseconds(entry.at)}"
            data = {"opportunity": record.id, "state": state, **told}
            yield CanonicalEvent(key, EventKind.OPPORTUNITY, entry.at, config.lead(contact), data)


def current_stage(record: Record) -> list[Entry]:
    """Without a history the last change of the record is the earliest time that is certain."""
    at = moment(record.body.get("updatedAt"))
    return [Entry(record.text("dealstage"), at, ())] if at and record.text("dealstage") else []


def deal_state(record: Record, entry: Entry, config: HubSpotConfig, *, newest: bool) -> DealState:
    """By the configured stage; HubSpot's closed marks speak of the newest stage only."""
    if entry.value in config.deal_stages:
        return config.deal_stages[entry.value]
    if newest and record.text("hs_is_closed_won") == "true":
        return "won"
    return "lost" if newest and record.text("hs_is_closed") == "true" else "open"
