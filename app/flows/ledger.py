"""From stored deliveries to facts in the ledger, and from facts to settled handoffs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
from sqlalchemy import Connection, bindparam, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from app.db import Database
from app.domain.funnel import says_something
from app.domain.history import STALE, Event, History, can_continue, checkpoint, from_checkpoint, read_history
from app.domain.policy import Policies
from app.flows import funnel, identities, reconcile, settle, told
from app.flows import policies as versions
from app.flows.pace import Pace
from app.flows.sources import Directory, OpenSource
from app.models import Delivery, Lead
from app.models import Event as EventRow
from connectors.contract import AskFailed, CanonicalEvent, ExternalId, Parsed, Problem, WebhookRequest

#: Deliveries a transaction.
BATCH = 200
#: Facts a transaction at most: a delivery may hold thousands, and PostgreSQL's table of locks is shared with others.
FACTS = 250
#: Ledgers read in one go when they have to be read from the start.
LEDGERS = 100
#: Deliveries whose tool is asked in one go; few, because each question may take seconds of the lease.
BATCH_OF_QUESTIONS = 5
#: A worker that claimed deliveries and died gives them back after this.
LEASE = timedelta(seconds=60)
#: Tries to ask a tool's API before the delivery goes into quarantine.
MOST_ATTEMPTS = 8
#: A source's clock may run ahead of ours by this much; a later time than that is not believed.
TOLERANCE = timedelta(minutes=5)


@dataclass(slots=True)
class Reading:
    """One delivery and what its connector, and perhaps its tool's API, said."""

    delivery: Any
    #: None: it cannot be opened.
    source: OpenSource | None
    parsed: Parsed
    #: applied, or asking: the tool's API has to be asked for what a thin payload left out.
    state: str
    #: When to try again, if the tool could not be asked, and why.
    again_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A canonical event on its way into the ledger."""

    id: str
    event: CanonicalEvent
    received_at: datetime
    source_id: int | None
    delivery_id: int | None


class Ledger:
    """Works deliveries off. Any number of processes may do it at once on PostgreSQL."""

    def __init__(self, database: Database, directory: Directory, cache: versions.Cache, http: httpx.Client) -> None:
        self._database, self._directory, self._cache, self._http = database, directory, cache, http
        self._pace = Pace(FACTS, one_writer=database.is_sqlite)

    def drain(self, now: datetime) -> int:
        """Apply one batch of waiting deliveries; returns how many were claimed."""
        readings = self._claim("waiting", BATCH, now)
        self._take_in(readings, now)
        return len(readings)

    def take_in(self, delivery_id: int, now: datetime) -> None:
        """Apply a waiting delivery out of turn; the caller holds its lease."""
        with self._database.read() as c:
            row = c.execute(select(Delivery.__table__).where(Delivery.id == delivery_id)).one()
        self._take_in([_read(row, self._directory.by_id({row.source_id}, now).get(row.source_id))], now)

    def _take_in(self, readings: list[Reading], now: datetime) -> None:
        for reading in readings:
            reading.state = "asking" if reading.parsed.lookups else "applied"
        if readings:
            self._apply(readings, now)

    def ask(self, now: datetime) -> int:
        """Ask the tools what one batch of thin deliveries left open; returns how many were claimed.

        Apart from `drain`, so that a slow API holds up nobody else's events; outside any transaction.
        """
        readings = self._claim("asking", BATCH_OF_QUESTIONS, now)
        for reading in readings:
            self._fetch(reading, now)
            self._apply([reading], now)
        return len(readings)

    def _claim(self, state: str, limit: int, now: datetime) -> list[Reading]:
        with self._database.read() as c:
            if not c.execute(_due(state, now).limit(1)).first():
                return []
        with self._database.write() as c:
            rows = c.execute(_due(state, now).limit(limit).with_for_update(skip_locked=True)).all()
            lease = update(Delivery).where(Delivery.id.in_([r.id for r in rows])).values(not_before=now + LEASE)
            c.execute(lease)
        sources = self._directory.by_id({row.source_id for row in rows}, now)
        return [_read(row, sources.get(row.source_id)) for row in rows]

    def _apply(self, readings: list[Reading], now: datetime) -> None:
        try:
            self._apply_together(readings, now)
        except OperationalError:
            raise  # the database's trouble, not the delivery's: the lease gives it back
        except Exception:
            for reading in readings:
                self._apply_alone(reading, now)

    def _apply_together(self, readings: list[Reading], now: datetime) -> None:
        """Many facts take several transactions; the last one closes the deliveries, and what an earlier one wrote
        down is known if they are applied again."""
        facts = [fact for reading in readings for fact in _facts(reading)]
        while len(facts) > (size := self._pace.size):
            with self._database.write() as c, self._pace.timed(size):
                apply(c, facts[:size], self._cache.read(c), now)
            del facts[:size]
        with self._database.write() as c, self._pace.timed(len(facts)):
            apply(c, facts, self._cache.read(c), now)
            _close(c, readings, now)

    def _apply_alone(self, reading: Reading, now: datetime) -> None:
        """One poisonous delivery does not hold up the others."""
        try:
            self._apply_together([reading], now)
        except OperationalError:
            raise
        except Exception as broken:
            reading.parsed = Parsed(problems=[Problem("", f"could not be applied: {type(broken).__name__}: {broken}")])
            self._apply_together([reading], now)

    def _fetch(self, reading: Reading, now: datetime) -> None:
        source, parsed = reading.source, reading.parsed
        if source is None:
            return
        reading.state, parsed.events = "applied", []
        try:
            if source.credential:
                answered = source.connector.fetch(parsed.lookups, source.config, source.credential, self._http)
                parsed.events, parsed.problems = answered.events, parsed.problems + answered.problems
            elif needed := [lookup for lookup in parsed.lookups if not lookup.optional]:
                parsed.problems.append(Problem("", _no_credential(source.name, needed[0].object_type)))
        except AskFailed as failed:
            _try_again_or_not(reading, failed, now)
        except Exception as broken:  # a connector's mistake must not stop the others
            parsed.problems.append(
                Problem("", f"the connector failed ({type(broken).__name__}) while it asked the tool")
            )


def _no_credential(source: str, object_type: str) -> str:
    return (
        f"the tool must be asked about a {object_type}, and the source has no credential;"
        f" give it one with `tasuki source credential {source}`, then replay"
    )


def _try_again_or_not(reading: Reading, failed: AskFailed, now: datetime) -> None:
    if failed.retry_after is None or reading.delivery.attempts + 1 >= MOST_ATTEMPTS:
        reading.parsed.problems.append(Problem("", str(failed)))
        return
    wait = max(failed.retry_after, 5 * 2**reading.delivery.attempts)
    reading.state, reading.reason, reading.again_at = "asking", str(failed), now + timedelta(seconds=wait)


def _due(state: str, now: datetime) -> Any:
    return (
        select(Delivery.__table__)
        .where(Delivery.state == literal_column(f"'{state}'"), Delivery.not_before <= now)
        .order_by(Delivery.not_before, Delivery.id)
    )


def _read(row: Any, source: OpenSource | None) -> Reading:
    if source is None:
        why = "the source cannot be opened; mend what `tasuki doctor` says about it, then replay"
        return Reading(row, None, Parsed(problems=[Problem("", why)]), state="applied")
    request = WebhookRequest(row.method, row.url, row.headers, row.body, row.received_at)
    try:
        parsed = source.connector.parse(request, source.config)
    except Exception as broken:  # a connector's mistake must not stop the others
        parsed = Parsed(problems=[Problem("", f"the connector failed: {type(broken).__name__}: {broken}")])
    return Reading(row, source, parsed, state="applied")


def _facts(reading: Reading) -> list[Fact]:
    return [
        Fact(
            id=event_id(reading.delivery.source_id, event.key),
            event=event,
            received_at=reading.delivery.received_at,
            source_id=reading.delivery.source_id,
            delivery_id=reading.delivery.id,
        )
        for event in reading.parsed.events
    ]


def event_id(source_id: int | None, key: str) -> str:
    """The same fact of the same source has the same id, whenever and however often it comes."""
    return hashlib.blake2b(f"{source_id or ''}:{key}".encode(), digest_size=16).hexdigest()


def _close(c: Connection, readings: Iterable[Reading], now: datetime) -> None:
    done = [_closing(reading, now) for reading in readings]
    c.execute(
        update(Delivery)
        .where(Delivery.id == bindparam("row_id"))
        .values(
            state=bindparam("state"),
            reason=bindparam("reason"),
            applied_at=bindparam("applied_at"),
            not_before=bindparam("not_before"),
            attempts=bindparam("attempts"),
        ),
        done,
    )


def _closing(reading: Reading, now: datetime) -> dict[str, Any]:
    problems = [f"{p.place}: {p.reason}".removeprefix(": ") for p in reading.parsed.problems]
    state = "quarantined" if problems and reading.state == "applied" else reading.state
    return {
        "row_id": reading.delivery.id,
        "state": state,
        "reason": "\n".join([*problems, reading.reason]).strip() or None,
        "applied_at": None if state == "asking" else now,
        "not_before": reading.again_at or now,
        "attempts": reading.delivery.attempts + (1 if reading.again_at else 0),
    }


# Facts → ledger → handoffs, in the caller's transaction


def apply(c: Connection, facts: Sequence[Fact], policies: Policies, now: datetime) -> int:
    """Write new facts down and settle what they change; facts that are known already change nothing.

    Returns how many were new.
    """
    facts = _with_leads(c, facts)
    if not facts:
        return 0
    about = [fact.event.lead for fact in facts]
    identities.lock(c, about)
    resolved = identities.resolve(c, about, now)
    lead_ids = resolved.leads
    told_before = _told_of_records(c, facts)
    leads = _locked_leads(c, [*lead_ids, *resolved.disturbed, *told_before])
    policies = versions.still_all(c, policies)
    known = _insert(c, facts, lead_ids)
    arrived: dict[int, list[Event]] = {lead_id: [] for lead_id, lead in leads.items() if lead.history == STALE}
    for fact_id, (fact, lead_id) in {f.id: (f, lead) for f, lead in zip(facts, lead_ids, strict=True)}.items():
        if fact_id in known:
            arrived.setdefault(lead_id, []).append(_event(fact))
    for lead_id in _revised(c, [fact for fact in facts if fact.id in known]) & leads.keys():
        leads[lead_id] = _stale(leads[lead_id])
        arrived.setdefault(lead_id, [])
    settle_leads(c, leads, arrived, policies, now)
    reconcile.count_recovered(c, [(f.delivery_id, f.event, f.received_at) for f in facts if f.id in known])
    return len(known)


def _with_leads(c: Connection, facts: Sequence[Fact]) -> Sequence[Fact]:
    """A record that was deleted, and of which the tool does not say any more whose it was, is taken back from
    everybody of whom it was told."""
    orphans = [fact for fact in facts if not fact.event.lead]
    if not orphans:
        return facts
    records = select(EventRow.record, EventRow.about).where(EventRow.record.in_([_record(fact) for fact in orphans]))
    told: dict[str | None, set[tuple[ExternalId, ...]]] = {}
    for record, about in c.execute(records):
        told.setdefault(record, set()).add(tuple(ExternalId(system, value) for system, value in about))
    found = [_of(fact, lead) for fact in orphans for lead in sorted(told.get(_record(fact), ()), key=str)]
    return [*(fact for fact in facts if fact.event.lead), *found]


def _of(fact: Fact, lead: tuple[ExternalId, ...]) -> Fact:
    event = replace(fact.event, key=f"{fact.event.key}:{lead[0].system}:{lead[0].value}", lead=lead)
    return replace(fact, id=event_id(fact.source_id, event.key), event=event)


def _revised(c: Connection, new: Sequence[Fact]) -> set[int]:
    """Leads of which a record was told before: another revision counts now."""
    records = sorted({record for fact in new if (record := _record(fact))})
    if not records:
        return set()
    told = select(EventRow.record, EventRow.lead_id).where(EventRow.record.in_(records))
    leads_of: dict[str | None, list[int]] = {}
    for record, lead_id in c.execute(told):
        leads_of.setdefault(record, []).append(lead_id)
    return {lead_id for leads in leads_of.values() if len(leads) > 1 for lead_id in leads}


def _told_of_records(c: Connection, facts: Sequence[Fact]) -> set[int]:
    """The leads of which these facts' records were told before: a record can move from one to another."""
    records = sorted({record for fact in facts if (record := _record(fact))})
    if not records:
        return set()
    return set(c.execute(select(EventRow.lead_id).where(EventRow.record.in_(records))).scalars())


def _stale(lead: Any) -> Any:
    """The lead's row, to be read from the start."""
    return SimpleNamespace(**lead._asdict() | {"history": STALE}) if lead.history != STALE else lead


def reread(c: Connection, lead_ids: Sequence[int], policies: Policies, now: datetime) -> None:
    """Fold the leads' ledgers from the start and settle what comes out."""
    leads = {lead_id: _stale(row) for lead_id, row in _locked_leads(c, lead_ids).items()}
    settle_leads(c, leads, {lead_id: [] for lead_id in leads}, policies, now, deadlines_too=True)


def settle_leads(
    c: Connection,
    leads: dict[int, Any],
    arrived: dict[int, list[Event]],
    policies: Policies,
    now: datetime,
    *,
    deadlines_too: bool = False,
) -> None:
    """Fold what arrived into each lead's history and settle its handoffs.

    `deadlines_too`: compute them again, even where nothing that they depend on has changed.
    """
    rows, dark = settle.locked_handoffs(c, arrived), settle.dark_since(c, arrived)
    batch, updates, due = settle.Batch(deadlines_too, settle.askable(c, arrived)), [], set[int]()
    for lead_id, history, complete in _histories(c, leads, arrived, policies):
        handoffs, settled = rows.get(lead_id, {}), batch.size
        for episode in history.handoffs:
            settle.settle(batch, handoffs.get(episode.key), lead_id, episode, policies, now, dark.get(lead_id))
        if complete:
            known = {episode.key for episode in history.handoffs}
            why = settle.JOINED if leads[lead_id].joined_into else settle.NOT_QUALIFIED
            gone = [row for key, row in handoffs.items() if key not in known]
            settle.void_rest(batch, gone, why, policies, now)
        updates.append(_lead_values(lead_id, leads[lead_id], arrived[lead_id], history, now))
        if complete or batch.size > settled or any(map(says_something, arrived[lead_id])):
            due.add(lead_id)
    settle.write(c, batch)
    if updates:
        c.execute(_UPDATE_LEAD, updates)
        funnel.owe(c, due)


def _histories(
    c: Connection, leads: dict[int, Any], arrived: dict[int, list[Event]], policies: Policies
) -> Iterator[tuple[int, History, bool]]:
    """Each lead's history with what arrived, and whether it was read from the start."""
    whole: list[int] = []
    for lead_id, events in arrived.items():
        known = from_checkpoint(leads[lead_id].history)
        if can_continue(known, events, policies):
            yield lead_id, read_history(events, policies, known), False
        else:
            whole.append(lead_id)
    for start in range(0, len(whole), LEDGERS):
        for lead_id, events in told.ledgers_of(c, whole[start : start + LEDGERS]).items():
            yield lead_id, read_history(events, policies), True


def _event(fact: Fact) -> Event:
    event = fact.event
    return Event(
        fact.id,
        event.kind,
        _believed(fact),
        fact.received_at,
        event.data,
        event.recorded_at,
        _record(fact),
        _revised_at(fact),
    )


def _revised_at(fact: Fact) -> datetime | None:
    """No edit happens after it was told: a clock that runs ahead must not outdo every later revision."""
    revised_at = fact.event.revised_at
    return None if revised_at is None else min(revised_at, fact.received_at)


def _record(fact: Fact) -> str | None:
    """The record under a name that no other source's record has."""
    record = fact.event.record
    return None if record is None else f"{fact.source_id or ''}:{record}"


def _believed(fact: Fact) -> datetime:
    """When it happened; a time in our future is a wrong clock, and the reception is the best we have."""
    occurred_at = fact.event.occurred_at
    return fact.received_at if occurred_at > fact.received_at + TOLERANCE else occurred_at


def _locked_leads(c: Connection, lead_ids: Iterable[int]) -> dict[int, Any]:
    rows = c.execute(
        select(Lead.id, Lead.history, Lead.first_seen_at, Lead.name, Lead.company, Lead.url, Lead.joined_into)
        .where(Lead.id.in_(sorted(set(lead_ids))))
        .order_by(Lead.id)
        .with_for_update()
    )
    return {row.id: row for row in rows}


def _insert(c: Connection, facts: Sequence[Fact], lead_ids: Sequence[int]) -> set[str]:
    """Insert the facts; the ids of those that were not known yet."""
    rows = {fact.id: _row(fact, lead_id) for fact, lead_id in zip(facts, lead_ids, strict=True)}
    dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(EventRow).on_conflict_do_nothing().returning(EventRow.id)
    return set(c.execute(statement, [rows[key] for key in sorted(rows)]).scalars())


def _row(fact: Fact, lead_id: int) -> dict[str, Any]:
    believed = _believed(fact)
    return {
        "id": fact.id,
        "lead_id": lead_id,
        "source_id": fact.source_id,
        "delivery_id": fact.delivery_id,
        "kind": fact.event.kind.value,
        "occurred_at": believed,
        "received_at": fact.received_at,
        "recorded_at": fact.event.recorded_at,
        "claimed_at": None if believed == fact.event.occurred_at else fact.event.occurred_at,
        "record": _record(fact),
        "revised_at": _revised_at(fact),
        "about": [[i.system, i.value] for i in fact.event.lead],
        "data": fact.event.data,
    }


def _lead_values(lead_id: int, lead: Any, events: list[Event], history: History, now: datetime) -> dict[str, Any]:
    return {
        "row_id": lead_id,
        "name": history.name,
        "company": history.company,
        "url": history.url,
        "first_seen_at": min([lead.first_seen_at, *(e.occurred_at for e in events)]),
        "history": checkpoint(history),
        "updated_at": now,
    }


_UPDATE_LEAD = (
    update(Lead)
    .where(Lead.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in ("name", "company", "url", "first_seen_at", "history", "updated_at")})
)
