"""What a webhook says by itself, and what it leaves open: whom a task is about, what a company is called.

twentyhq/twenty, packages/twenty-server/src/engine/core-modules/webhook: transform-event-batch-to-webhook-events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from connectors.contract import Lookup, Problem
from connectors.records import Record
from connectors.twenty.config import TwentyConfig
from connectors.wire import entries, moment, plain

#: `deleted`: into the bin; `destroyed`: for good. The record is its former state.
DELETIONS = ("deleted", "destroyed")
#: What ties a person to a task or a note → the record that it belongs to.
TIES = {"taskTarget": "task", "noteTarget": "note"}
NO_WEBHOOK = "it is no webhook of Twenty's: eventName and record are missing"


def records_in(
    notice: Mapping[str, Any], record: Callable[[str, Mapping[str, Any]], Record], config: TwentyConfig
) -> Iterator[Record | Lookup | Problem]:
    """`record` makes one of its object's name and its fields."""
    name, action = event_of(notice)
    if not action or not isinstance(notice.get("record"), dict):
        yield Problem("eventName", NO_WEBHOOK)
        return
    seen, sent_at = record(name, notice["record"]), moment(notice.get("eventDate"))
    if action in DELETIONS:
        yield replace(seen, changed_at=moment(seen.fields.get("deletedAt")) or sent_at, deleted=True)
        return
    yield seen if seen.changed_at else replace(seen, changed_at=sent_at)
    changed = {plain(field) for field in entries(notice.get("updatedFields"))}
    if name == "person" and seen.text("companyId") and (action != "updated" or changed & {"company", "companyId"}):
        yield Lookup(name, seen.id, optional=True)
    elif config.channels and name in TIES.values():
        yield Lookup(name, seen.id, (("restored", plain(notice.get("eventDate"))),) if action == "restored" else ())
    elif config.channels and name in TIES and whose(seen.fields):
        yield Lookup(TIES[name], seen.text(f"{TIES[name]}Id"))


def event_of(notice: Mapping[str, Any]) -> tuple[str, str]:
    """`person.updated` → person, updated."""
    name, _, action = plain(notice.get("eventName"), 200).rpartition(".")
    return name, action if name else ""


def untied(seen: Record) -> Record:
    """The task or note that somebody was taken off, as of then."""
    name = TIES[seen.type]
    return replace(seen, type=name, id=seen.text(f"{name}Id"))


def whose(target: Mapping[str, Any]) -> str:
    """The person of a target; newer versions write `targetPersonId`."""
    return plain(target.get("targetPersonId")) or plain(target.get("personId"))
