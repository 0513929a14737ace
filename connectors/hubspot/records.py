"""A record of the CRM API, read without ever raising."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.contract import CanonicalEvent, Problem
from connectors.hubspot.wire import record_id
from connectors.wire import entries, mapping, moment, plain

#: What a record has to say, piece by piece.
Finding = CanonicalEvent | Problem


@dataclass(frozen=True, slots=True)
class Entry:
    """One value in a property's history."""

    value: str
    at: datetime
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the API returned it."""

    kind: str
    id: str
    body: dict[str, Any]

    def text(self, name: str) -> str:
        return plain(mapping(self.body.get("properties")).get(name))

    def time(self, name: str) -> datetime | None:
        return moment(self.text(name))

    def history(self, name: str) -> list[Entry]:
        """Oldest first."""
        kept = [mapping(entry) for entry in entries(mapping(self.body.get("propertiesWithHistory")).get(name))]
        known = [
            Entry(plain(entry.get("value")), at, (plain(entry.get("sourceType")), plain(entry.get("sourceId"))))
            for entry in kept
            if (at := moment(entry.get("timestamp")))
        ]
        return sorted(known, key=lambda entry: entry.at)

    @property
    def revised_at(self) -> datetime | None:
        """When somebody, or HubSpot itself, last changed it."""
        changed = (self.time(name) for name in ("hs_lastmodifieddate", "lastmodifieddate"))
        return next((at for at in changed if at), None) or moment(self.body.get("updatedAt"))

    def contacts(self) -> list[str]:
        tied = mapping(mapping(self.body.get("associations")).get("contacts"))
        found = (record_id(mapping(end).get("id")) for end in entries(tied.get("results")))
        return list(dict.fromkeys(contact for contact in found if contact))

    def wrong(self, place: str, reason: str) -> Problem:
        return Problem(f"{self.kind} {self.id}: {place}", reason)


def results_in(answer: object, kind: str) -> Iterator[Record]:
    """The records of a search's or a batch's answer."""
    for body in entries(mapping(answer).get("results")):
        known = record_id(mapping(body).get("id"))
        if known:
            yield Record(kind, known, mapping(body))
