"""Follow-ups recorded by hand: facts like any other, from people instead of a tool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from app.domain.history import REASONED_OUTCOMES
from app.domain.policy import Policies
from app.domain.refusals import refused
from app.flows import identities, ledger, lists
from app.models import Event
from connectors.contract import CanonicalEvent, EventKind, ExternalId, Outcome

#: Nobody recorded a follow-up in a tool before.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
#: Whoever gives a lead back says why.
NEEDS_REASON = REASONED_OUTCOMES | {Outcome.DISQUALIFIED}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person says they did: a contact, or what they decided."""

    lead_id: int
    kind: EventKind
    #: The event's data without `by`.
    data: dict[str, Any]
    by: str
    #: None: now.
    occurred_at: datetime | None = None
    #: The caller's id of this entry: sent twice, it is recorded once.
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    event_id: str
    occurred_at: datetime
    #: False: it was recorded before under the same key.
    new: bool


def record(c: Connection, entry: Entry, policies: Policies, now: datetime) -> Recorded:
    """Write it into the ledger and settle the lead's handoff, in the caller's transaction.

    Raises NoSuchLead, Refused.
    """
    _check(entry, now)
    about = tuple(ExternalId(system, value) for system, value in lists.identities(c, entry.lead_id))
    if not about:
        raise lists.NoSuchLead(entry.lead_id)
    identities.lock(c, [about])  # so that the same entry sent twice at once finds itself
    fact = _fact(entry, about, now)
    known = _known(c, fact.id)
    if known is not None:
        return _again(known, fact, entry)
    ledger.apply(c, [fact], policies, now)
    return Recorded(fact.id, fact.event.occurred_at, new=True)


def _check(entry: Entry, now: datetime) -> None:
    at = entry.occurred_at or now
    if at > now + ledger.TOLERANCE:
        raise refused(
            "/occurred_at", "in_the_future", "This lies in the future; record a follow-up when it has happened."
        )
    if at < EARLIEST:
        raise refused("/occurred_at", "too_early", "This lies before the year {year}.", year=EARLIEST.year)
    outcome = entry.data.get("outcome") if entry.kind is EventKind.DISPOSITION else None
    if outcome in NEEDS_REASON and not (entry.data.get("reason") or "").strip():
        raise refused("/reason", "reason_needed", "Say why; marketing learns from it.")


def _fact(entry: Entry, about: tuple[ExternalId, ...], now: datetime) -> ledger.Fact:
    key = f"hand:{entry.key or uuid4().hex}"
    said = {name: value for name, value in entry.data.items() if value is not None} | {"by": entry.by}
    at = min(entry.occurred_at or now, now)
    event = CanonicalEvent(key, entry.kind, at, about, said, recorded_at=now)
    return ledger.Fact(ledger.event_id(None, key), event, now, source_id=None, delivery_id=None)


def _known(c: Connection, event_id: str) -> Any | None:
    columns = (Event.id, Event.lead_id, Event.kind, Event.occurred_at, Event.data)
    return c.execute(select(*columns).where(Event.id == event_id)).first()


def _again(known: Any, fact: ledger.Fact, entry: Entry) -> Recorded:
    """The same entry once more. Raises Refused where another one came under its key."""
    same = (known.lead_id, known.kind, known.data) == (entry.lead_id, entry.kind.value, fact.event.data)
    if not same or (entry.occurred_at and known.occurred_at != fact.event.occurred_at):
        raise refused(
            "header:Idempotency-Key", "key_reused", "Another follow-up was recorded under this key; use a new key."
        )
    return Recorded(known.id, known.occurred_at, new=False)
