"""Records that a tool edited or deleted: of the facts read from one record the newest revision counts."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.episode import Event
from connectors.contract import EventKind


def in_force(events: Iterable[Event]) -> list[Event]:
    """The events without those that a newer revision of their record replaced or took back."""
    told = list(events)
    gone = overtaken(told)
    return [event for event in told if event.id not in gone] if gone else told


def overtaken(events: Iterable[Event]) -> dict[str, Event]:
    """Event id → the revision that replaced it (of its own kind) or took it back (RETRACTED)."""
    told = [event for event in events if event.record is not None]
    newest: dict[str | None, Event] = {}
    for event in told:
        if event.record not in newest or event.revision > newest[event.record].revision:
            newest[event.record] = event
    return {event.id: newest[event.record] for event in told if event is not newest[event.record]}


def taken_back(event: Event) -> bool:
    return event.kind is EventKind.RETRACTED
