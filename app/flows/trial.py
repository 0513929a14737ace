"""A source tried out before anybody relies on it: what the tool lets us read, a sample, and which fields arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import Connection, select

from app.domain.quality import likely_status
from app.flows import tools
from app.flows.sources import Directory, NoSuchSource, OpenSource
from app.models import Delivery
from connectors.contract import (
    CanonicalEvent,
    EventKind,
    LeadStatus,
    Lookup,
    Parsed,
    Problem,
    Unverified,
    WebhookRequest,
)

#: Deliveries whose fields are counted, the newest.
COUNTED = 500


def open_source(directory: Directory, name: str, now: datetime) -> OpenSource:
    """The source as it is stored now. Raises NoSuchSource."""
    directory.refresh(now)
    source = next((s for s in directory.by_id(set(), now).values() if s.name == name), None)
    if source is None:
        raise NoSuchSource(name)
    return source


# What the tool lets us read


@dataclass(frozen=True, slots=True)
class UnmappedStatus:
    word: str
    #: What it probably means; a person decides. None: no idea.
    likely: LeadStatus | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the tool found."""

    #: Whom the credential speaks for; empty where the tool does not say, or could not be asked.
    account: str
    problems: tuple[Problem, ...]
    unmapped: tuple[UnmappedStatus, ...]

    @property
    def well(self) -> bool:
        return not self.problems and not self.unmapped


def look_at(source: OpenSource, http: httpx.Client) -> Look:
    """Ask the tool for a little of everything that the source needs. No transaction may be open."""
    try:
        checked = source.connector.check(source.config, source.credential, http)
    except Exception as failed:  # whatever it is, the person who asked wants to read it
        return Look("", (Problem("", tools.in_words(failed, source)),), ())
    unknown = [word for word in checked.statuses if source.config.status_of(word) is None]
    return Look(checked.account, checked.problems, tuple(unmapped(unknown)))


def unmapped(words: list[str]) -> Iterator[UnmappedStatus]:
    for word in dict.fromkeys(words):
        yield UnmappedStatus(word, likely_status(word))


# A sample


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would become of the tool's own sample; nothing of it is written down."""

    request: WebhookRequest
    #: Why the source would not believe it; None: it would.
    refused: str | None
    events: tuple[CanonicalEvent, ...]
    problems: tuple[Problem, ...]
    #: What the tool would be asked, because the sample leaves it open.
    lookups: tuple[Lookup, ...]
    unmapped: tuple[UnmappedStatus, ...]


def rehearse(source: OpenSource, url: str, now: datetime) -> Rehearsal:
    """Send the tool's own sample through the source as it is configured."""
    connector, secrets = source.connector, source.secrets
    request = connector.sample(source.config, next(iter(secrets), ""), url, now)
    if request.method != tools.POLL:
        try:
            connector.verify(request, secrets, source.config, now)
        except Unverified as why:
            return Rehearsal(request, str(why), (), (), (), ())
    parsed: Parsed = connector.parse(request, source.config)
    statuses = [e.data["raw"] for e in parsed.events if e.kind is EventKind.STATUS and e.data["status"] is None]
    told = (tuple(parsed.events), tuple(parsed.problems), tuple(parsed.lookups))
    return Rehearsal(request, None, *told, tuple(unmapped(statuses)))


def shown_event(event: CanonicalEvent) -> dict[str, Any]:
    """An event as people read it."""
    lead = [f"{known.system}:{known.value}" for known in event.lead]
    return {"kind": event.kind.value, "occurred_at": event.occurred_at, "lead": lead, "data": event.data}


# Which fields arrive


@dataclass(frozen=True, slots=True)
class FieldCount:
    """A field of the tool's, and how often it arrived with a value."""

    object: str
    field: str
    #: What Tasuki reads it as; None: nothing.
    meaning: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Schema:
    #: Deliveries that were looked at, the newest.
    deliveries: int
    #: Mapped ones first, then by count; mapped fields that never arrived have the count 0.
    fields: tuple[FieldCount, ...]


def schema(c: Connection, source: OpenSource) -> Schema:
    newest = select(Delivery.__table__).where(Delivery.source_id == source.id).order_by(Delivery.id.desc())
    rows = c.execute(newest.limit(COUNTED)).all()
    arrived: Counter[tuple[str, str]] = Counter()
    for row in rows:
        arrived.update(_fields_in(source, row))
    meanings = {
        (name, field): meaning
        for name, known in source.connector.mapped(source.config).items()
        for field, meaning in known.items()
    }
    counts = [FieldCount(*place, meanings.get(place), arrived[place]) for place in {*arrived, *meanings}]
    return Schema(len(rows), tuple(sorted(counts, key=_order)))


def _fields_in(source: OpenSource, row: Any) -> Iterator[tuple[str, str]]:
    request = WebhookRequest(row.method, row.url, row.headers, row.body, row.received_at)
    for shown in source.connector.shown(request, source.config):
        yield from ((shown.object, field) for field, value in shown.fields.items() if value not in (None, "", [], {}))


def _order(found: FieldCount) -> tuple[Any, ...]:
    return found.object, found.meaning is None, -found.count, found.field
