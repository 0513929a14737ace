"""What the tools told that does not fit: jumping scores, unreadable deliveries, unknown words, impossible times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, exists, func, select
from sqlalchemy.orm import aliased

from app.domain.agenda import Lead as Person
from app.domain.quality import (
    TOO_EARLY,
    Jump,
    Look,
    Rescoring,
    Scoring,
    cause,
    known_activities,
    likely_status,
    mapping_line,
    score_jumps,
)
from app.flows import lately
from app.models import Delivery, Event
from connectors.contract import EventKind

Known = aliased(Event)


# --- scores


@dataclass(frozen=True, slots=True)
class JumpRow:
    """One lead's score moved far, or those of many at once (`lead` None)."""

    jump: Jump | Rescoring
    lead: Person | None
    source: str | None

    count = 1

    @property
    def oldest(self) -> datetime:
        return self.jump.began_at


def jumps(c: Connection, look: Look) -> list[JumpRow]:
    """Oldest first. Every score that was set since then is read, at the cost of `lately.events`."""
    score = Event.data["score"].as_float().label("score")
    columns = (Event.lead_id, Event.source_id, Event.occurred_at, score)
    told = lately.events(look, [EventKind.SCORE], *columns).where(Event.occurred_at >= look.since)
    rows = c.execute(told.order_by(Event.lead_id, Event.occurred_at, Event.id))
    found = score_jumps(Scoring(*row) for row in rows)
    known = lately.people(c, (jump.lead_id for jump in found if isinstance(jump, Jump)))
    return [JumpRow(jump, _whose(jump, known), name) for jump, name in _named(c, found)]


def _whose(jump: Jump | Rescoring, known: dict[int, Person]) -> Person | None:
    return known[jump.lead_id] if isinstance(jump, Jump) else None


def _named(c: Connection, found: Iterable[Any]) -> Iterator[tuple[Any, str | None]]:
    """Each with the name of its source; None: by hand."""
    sources = lately.sources(c)
    return ((each, sources[each.source_id].name if each.source_id else None) for each in found)


# --- deliveries


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Deliveries of one source that could not be read for one reason."""

    source: str
    cause: str
    count: int
    oldest: datetime
    newest: datetime
    #: The newest of them.
    delivery_id: int


def quarantined(c: Connection, _look: Look) -> list[Quarantine]:
    """Most first. However old: what is quarantined waits for a person. Along `ix_deliveries_state`."""
    reasons = select(
        Delivery.source_id,
        Delivery.reason,
        func.count().label("count"),
        func.min(Delivery.received_at).label("oldest"),
        func.max(Delivery.received_at).label("newest"),
        func.max(Delivery.id).label("delivery_id"),
    ).where(Delivery.state == "quarantined")
    by_cause: dict[tuple[str, str], list[Any]] = {}
    for row, name in _named(c, c.execute(reasons.group_by(Delivery.source_id, Delivery.reason)).all()):
        by_cause.setdefault((name or "", cause(row.reason)), []).append(row)
    found = [_quarantine(*key, rows) for key, rows in by_cause.items()]
    return sorted(found, key=lambda each: (-each.count, each.source, each.cause))


def _quarantine(source: str, why: str, rows: list[Any]) -> Quarantine:
    oldest, newest = min(row.oldest for row in rows), max(row.newest for row in rows)
    count = sum(row._mapping["count"] for row in rows)  # `row.count` is the tuple's own
    return Quarantine(source, why, count, oldest, newest, max(row.delivery_id for row in rows))


# --- words


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word of a tool that nothing explains."""

    #: None: by hand.
    source: str | None
    word: str
    count: int
    oldest: datetime
    newest: datetime
    #: The line that would explain it in the source's configuration; None: the rule or the tool has to change.
    line: str | None


def unmapped_statuses(c: Connection, look: Look) -> list[UnknownWord]:
    """Most first; without those that the source's configuration explains by now. Costs what `lately.events` does."""
    word, unexplained = Event.data["raw"].as_string(), Event.data["status"].as_string().is_(None)
    sources = lately.sources(c)
    found = [
        _unknown(row, name, mapping_line(row.word, likely_status(row.word)))
        for row, name in _named(c, _words(c, look, EventKind.STATUS, word, unexplained))
        if row.word not in _explained(sources.get(row.source_id))
    ]
    return sorted(found, key=_most_first)


def _explained(source: Any) -> Iterable[str]:
    """Words that the configuration explains by now; what is in the ledger stays as it was told."""
    return (source.config.get("statuses") or {}) if source else {}


def unmapped_channels(c: Connection, look: Look) -> list[UnknownWord]:
    """Kinds of activity that no rule in force looks at and that have no words of their own, most first. Costs what
    `lately.events` does."""
    known = known_activities(look)
    if known is None:
        return []
    word = Event.data["activity"].as_string()
    rows = _words(c, look, EventKind.ACTIVITY, word, word.not_in(sorted(known)))
    return sorted((_unknown(row, name, None) for row, name in _named(c, rows)), key=_most_first)


def _words(c: Connection, look: Look, kind: EventKind, word: Any, which: Any) -> list[Any]:
    columns = (
        Event.source_id,
        word.label("word"),
        func.count().label("count"),
        func.min(Event.occurred_at).label("oldest"),
        func.max(Event.occurred_at).label("newest"),
    )
    return list(c.execute(lately.events(look, [kind], *columns).where(which).group_by(Event.source_id, word)))


def _unknown(row: Any, source: str | None, line: str | None) -> UnknownWord:
    return UnknownWord(source, row.word, row._mapping["count"], row.oldest, row.newest, line)


def _most_first(each: UnknownWord) -> tuple[int, str, str]:
    return (-each.count, each.source or "", each.word)


# --- times


@dataclass(frozen=True, slots=True)
class ImpossibleTime:
    """An event that cannot have happened when its tool says."""

    event_id: str
    lead: Person
    source: str | None
    kind: EventKind
    #: future: it was still to come when we heard of it; too_early: a follow-up before any tool knew the lead.
    why: Literal["future", "too_early"]
    said: datetime
    #: future: when we heard of it, which counts instead; too_early: since when the lead is known.
    against: datetime
    received_at: datetime

    count = 1

    @property
    def oldest(self) -> datetime:
        return self.received_at


@dataclass(frozen=True, slots=True)
class _Suspect:
    row: Any
    why: Literal["future", "too_early"]
    said: datetime
    against: datetime


def impossible_times(c: Connection, look: Look) -> list[ImpossibleTime]:
    """In the order in which they came in. Costs what `lately.events` does, twice."""
    suspects = [*_from_the_future(c, look), *_too_early(c, look)]
    gone = lately.overtaken(c, (suspect.row.record for suspect in suspects if suspect.row.record))
    standing = [suspect for suspect in suspects if suspect.row.id not in gone]
    people, sources = lately.people(c, (suspect.row.lead_id for suspect in standing)), lately.sources(c)
    found = [_impossible(each, people[each.row.lead_id], sources.get(each.row.source_id)) for each in standing]
    return sorted(found, key=lambda each: (each.received_at, each.event_id))


def _impossible(suspect: _Suspect, lead: Person, source: Any) -> ImpossibleTime:
    row, name = suspect.row, source.name if source else None
    told = (suspect.why, suspect.said, suspect.against, row.received_at)
    return ImpossibleTime(row.id, lead, name, EventKind(row.kind), *told)


_TIMED = (
    Event.id,
    Event.lead_id,
    Event.source_id,
    Event.kind,
    Event.occurred_at,
    Event.received_at,
    Event.claimed_at,
    Event.record,
)


def _from_the_future(c: Connection, look: Look) -> Iterator[_Suspect]:
    told = lately.events(look, EventKind, *_TIMED).where(Event.claimed_at.is_not(None))
    return (_Suspect(row, "future", row.claimed_at, row.occurred_at) for row in c.execute(told).all())


def _too_early(c: Connection, look: Look) -> Iterator[_Suspect]:
    """Follow-ups that nothing else precedes, by so much that it cannot be the order in which the tools told it."""
    nobody = ~exists().where(
        Known.lead_id == Event.lead_id, Known.occurred_at <= Event.occurred_at, Known.kind.not_in(_UNKNOWING)
    )
    told = lately.events(look, [EventKind.FOLLOW_UP], *_TIMED)
    rows = c.execute(told.where(nobody, Event.data["automated"].as_boolean().is_not(True))).all()
    known = _known_since(c, {row.lead_id for row in rows})
    for row in rows:
        since = known.get(row.lead_id)
        if since and since - row.occurred_at > TOO_EARLY:
            yield _Suspect(row, "too_early", row.occurred_at, since)


#: Kinds of event that do not say that a tool knew the lead.
_UNKNOWING = (EventKind.FOLLOW_UP.value, EventKind.RETRACTED.value)


def _known_since(c: Connection, lead_ids: Iterable[int]) -> dict[int, datetime]:
    earliest = select(Event.lead_id, func.min(Event.occurred_at).label("at")).where(Event.kind.not_in(_UNKNOWING))
    return {
        row.lead_id: row.at
        for chunk in lately.chunks(lead_ids)
        for row in c.execute(earliest.where(Event.lead_id.in_(chunk)).group_by(Event.lead_id))
    }
