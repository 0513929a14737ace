"""How well sales writes down what it does: follow-ups that are a status alone, late entries, pauses without an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select
from sqlalchemy.orm import aliased

from app.domain.agenda import Lead as Person
from app.domain.clock import OPEN, Verdict
from app.domain.episode import Change, Event, episode_from_json
from app.domain.quality import Entry, Logging, Look, logging_delays, open_ended
from app.domain.revisions import in_force
from app.flows import lately
from app.flows.tools import POLL
from app.models import HANDED_OVER, Delivery, Handoff, Lead
from app.models import Event as EventRow
from connectors.contract import EventKind

Row = aliased(EventRow)
#: What somebody is called: name, id, e-mail address; the first is for people.
Names = tuple[str, ...]


# --- a status alone


@dataclass(frozen=True, slots=True)
class StatusOnly:
    """A handoff whose only follow-up is that somebody set a status."""

    handoff_id: int
    lead: Person
    owner: str | None
    status: str
    by: str | None
    at: datetime

    count = 1

    @property
    def oldest(self) -> datetime:
        return self.at


def status_only(c: Connection, look: Look) -> list[StatusOnly]:
    """Of the handoffs that began since then (`ix_handoffs_qualified_at`), the earliest follow-up first; where the
    follow-up is a status, the lead's ledger is looked at along its index."""
    touch = Handoff.episode["touch"]
    kind = touch["kind"].as_string()
    query = (
        select(
            Handoff.id,
            Handoff.lead_id,
            Handoff.owner,
            Handoff.episode["owner_name"].as_string().label("owner_name"),
            Handoff.touched_at,
            kind.label("kind"),
            touch["by"].as_string().label("by"),
            Lead.name,
            Lead.company,
        )
        .join(Lead, Lead.id == Handoff.lead_id)
        .where(HANDED_OVER, Handoff.qualified_at >= look.since, Handoff.verdict != Verdict.VOIDED)
        .where(kind.like("status:%"), ~_contact())
    )
    return [_status_only(row) for row in c.execute(query.order_by(Handoff.touched_at, Handoff.id))]


def _contact() -> ColumnElement[bool]:
    """Somebody wrote a contact down all the same, and did not take it back."""
    gone = exists().where(Row.record == EventRow.record, Row.kind == EventKind.RETRACTED.value)
    return exists().where(
        EventRow.lead_id == Handoff.lead_id,
        EventRow.kind == EventKind.FOLLOW_UP.value,
        EventRow.occurred_at >= Handoff.qualified_at,
        EventRow.data["automated"].as_boolean().is_not(True),
        ~gone,
    )


def _status_only(row: Any) -> StatusOnly:
    whom = Person(row.lead_id, row.name, row.company)
    owner, status = row.owner_name or row.owner, row.kind.removeprefix("status:")
    return StatusOnly(row.id, whom, owner, status, row.by, row.touched_at)


# --- late entries


def late_logging(c: Connection, look: Look) -> list[Logging]:
    """Of the follow-ups by people that were written down since then; costs what `lately.events` costs, and a look
    along `ix_events_record` for those that are late."""
    return logging_delays(_entries(c, look))


def _entries(c: Connection, look: Look) -> list[Entry]:
    told, teams = _told(c, look), look.policies.teams(look.now)
    entries = {event.id: _entry(event, owner, teams) for event, owner in told if _is_entry(event)}
    edited = {event.id: event.record for event, _ in told if event.record and event.id in entries}
    first = lately.first_written(c, (record for key, record in edited.items() if entries[key].late))
    for key, record in edited.items():
        if record in first:
            entries[key] = replace(entries[key], written_at=first[record])
    return [entry for entry in entries.values() if entry.written_at >= look.since]


def _told(c: Connection, look: Look) -> list[tuple[Event, Names]]:
    """Follow-ups that stand, with what the owner of their lead is called. When a poll heard of one says nothing about
    when it was written down, and what lay in our future says nothing about when it happened."""
    columns = (EventRow.id, EventRow.kind, EventRow.occurred_at, EventRow.received_at, EventRow.data)
    more = (EventRow.recorded_at, EventRow.record, EventRow.revised_at)
    owner = tuple(Lead.history[name].as_string() for name in ("owner_name", "owner", "owner_email"))
    kinds = (EventKind.FOLLOW_UP, EventKind.RETRACTED)
    query = lately.events(look, kinds, *columns, *more, *owner).outerjoin(Delivery, Delivery.id == EventRow.delivery_id)
    polled = EventRow.recorded_at.is_(None) & (Delivery.method == POLL)
    rows = c.execute(query.where(polled.is_not(True), EventRow.claimed_at.is_(None))).all()
    owners = {row.id: tuple(name for name in row[8:11] if name) for row in rows}
    return [(event, owners[event.id]) for event in in_force(Event(r.id, EventKind(r.kind), *r[2:8]) for r in rows)]


def _is_entry(event: Event) -> bool:
    return event.kind is EventKind.FOLLOW_UP and not event.data.get("automated")


def _entry(event: Event, owner: Names, teams: Mapping[str, str]) -> Entry:
    by = event.data.get("by")
    names = (by,) if by else owner
    mine = (teams[name] for name in names if name in teams)
    whose = next(mine, None) if teams else next(iter(names), None)
    return Entry(whose, event.occurred_at, event.recorded_at or event.received_at)


# --- pauses without an end


@dataclass(frozen=True, slots=True)
class Paused:
    handoff_id: int
    lead: Person
    pause: Change


@dataclass(frozen=True, slots=True)
class OwnersPauses:
    """Open handoffs of one owner whose clocks stand still until further notice."""

    owner: str | None
    paused: Sequence[Paused]

    @property
    def count(self) -> int:
        return len(self.paused)

    @property
    def oldest(self) -> datetime:
        return self.paused[0].pause.at


def open_ended_pauses(c: Connection, look: Look) -> list[OwnersPauses]:
    """By owner. However old: of the open handoffs (`ix_handoffs_verdict`) those with such a pause are read whole."""
    columns = (Handoff.id, Handoff.lead_id, Handoff.owner, Handoff.episode, Lead.name, Lead.company)
    waiting = (HANDED_OVER, Handoff.verdict.in_(sorted(OPEN)))
    noted = Handoff.episode["changes"].as_string().like('%"open_ended":%true%')
    by_owner: dict[str | None, list[Paused]] = {}
    for row in c.execute(select(*columns).join(Lead, Lead.id == Handoff.lead_id).where(*waiting, noted)):
        episode = episode_from_json(row.episode)
        if pause := open_ended(episode.changes, look.now):
            paused = Paused(row.id, Person(row.lead_id, row.name, row.company), pause)
            by_owner.setdefault(episode.owner_name or row.owner, []).append(paused)
    owners = sorted(by_owner, key=lambda owner: (owner is None, owner or ""))
    return [OwnersPauses(o, sorted(by_owner[o], key=lambda each: (each.pause.at, each.handoff_id))) for o in owners]
