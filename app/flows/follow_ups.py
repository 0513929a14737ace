"""What people say by hand: follow-ups, decisions, pauses, answers. Facts like any other, from people instead of a
tool; what was said can be put right or taken back, and stays in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select

from app.domain import reasons
from app.domain.episode import episode_from_json
from app.domain.follow_up import REASONED_OUTCOMES
from app.domain.policy import Policies
from app.domain.reasons import Needs
from app.domain.refusals import refused
from app.flows import audit, identities, ledger, lists
from app.models import Event
from connectors.contract import CanonicalEvent, EventKind, ExternalId, Outcome

#: Nobody recorded a follow-up in a tool before.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
#: Whoever gives a lead back says why.
NEEDS_REASON = REASONED_OUTCOMES | {Outcome.DISQUALIFIED}
#: Follow-ups that are contact with the lead: after one of them a lead is disqualified, not rejected.
CONTACT = frozenset({"call", "email", "meeting", "other"})


class NoSuchFollowUp(LookupError):
    """No follow-up by hand has that id."""


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
    #: The entry that this one puts right or takes back.
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    event_id: str
    occurred_at: datetime
    #: False: it was recorded before under the same key.
    new: bool


def record(c: Connection, entry: Entry, policies: Policies, now: datetime, *, actor: str) -> Recorded:
    """Write it into the ledger and settle the lead's handoff, in the caller's transaction.

    `actor`: whose token or command it is, for the audit log; the entry says whose call it was. What is said of a lead
    that was joined into another is about that one. Raises NoSuchLead, Refused.
    """
    _check(entry, now)
    entry = replace(entry, lead_id=identities.current(c, entry.lead_id))
    about = (one_id(c, entry.lead_id),)
    identities.lock(c, [about])  # so that the same entry sent twice at once finds itself
    fact = _fact(entry, about, now)
    known = _known(c, fact.id)
    if known is not None:
        return _again(known, fact, entry)
    _check_against(c, entry, policies, now)
    ledger.apply(c, [fact], policies, now)
    said = {"kind": entry.kind.value, "occurred_at": fact.event.occurred_at.isoformat(), **fact.event.data}
    audit.write(c, now, by=actor, action=f"lead.{entry.kind}", subject=f"lead:{entry.lead_id}", after=said)
    return Recorded(fact.id, fact.event.occurred_at, new=True)


def revise(
    c: Connection,
    event_id: str,
    data: dict[str, Any],
    *,
    at: datetime | None,
    by: str,
    policies: Policies,
    now: datetime,
) -> Recorded:
    """Put an entry right: `data` replaces its keys, `at` its time; whose call it was stays.

    `by`: who puts it right. Raises NoSuchFollowUp, Refused.
    """
    first = _by_hand(c, event_id)
    if EventKind(first.kind) not in REVISABLE:
        raise refused("", "not_revisable", "This cannot be put right; take it back and record it anew.")
    said = {name: value for name, value in (first.data | data).items() if name != "by"}
    whose = first.data.get("by", by)
    entry = Entry(first.lead_id, EventKind(first.kind), said, whose, at or first.occurred_at, record=first.record)
    return record(c, entry, policies, now, actor=by)


def retract(
    c: Connection, event_id: str, *, by: str, reason: str | None, policies: Policies, now: datetime
) -> Recorded:
    """Take an entry back. Raises NoSuchFollowUp."""
    first = _by_hand(c, event_id)
    entry = Entry(first.lead_id, EventKind.RETRACTED, {"reason": reason}, by, record=first.record)
    return record(c, entry, policies, now, actor=by)


def _by_hand(c: Connection, event_id: str) -> Any:
    columns = (Event.lead_id, Event.kind, Event.occurred_at, Event.data, Event.record)
    mine = select(*columns).where(Event.id == event_id, Event.source_id.is_(None), Event.record.is_not(None))
    row = c.execute(mine).first()
    if row is None:
        raise NoSuchFollowUp(event_id)
    newest = select(*columns).where(Event.record == row.record).order_by(Event.revised_at.desc(), Event.id.desc())
    stands = c.execute(newest.limit(1)).one()
    if stands.kind == EventKind.RETRACTED:
        raise NoSuchFollowUp(event_id)
    return stands


def lead_of(c: Connection, event_id: str) -> int:
    """Whom the event is about. Raises NoSuchFollowUp."""
    lead_id = c.scalar(select(Event.lead_id).where(Event.id == event_id))
    if lead_id is None:
        raise NoSuchFollowUp(event_id)
    return lead_id


def one_id(c: Connection, lead_id: int) -> ExternalId:
    """The id that stands for the lead. Raises NoSuchLead."""
    known = [ExternalId(system, value) for system, value in lists.identities(c, lead_id)]
    if not known:
        raise lists.NoSuchLead(lead_id)
    return identities.one_of(known)


def _check(entry: Entry, now: datetime) -> None:
    at = entry.occurred_at or now
    if at > now + ledger.TOLERANCE:
        raise refused(
            "/occurred_at", "in_the_future", "This lies in the future; record a follow-up when it has happened."
        )
    if at < EARLIEST:
        raise refused("/occurred_at", "too_early", "This lies before the year {year}.", year=EARLIEST.year)
    if entry.kind is EventKind.DISPOSITION:
        _check_reason(Outcome(entry.data["outcome"]), entry.data)
    if entry.kind is EventKind.PAUSE:
        _check_pause(entry.data, at)


def _check_reason(outcome: Outcome, said: dict[str, Any]) -> None:
    reason = (said.get("reason") or "").strip()
    if outcome in NEEDS_REASON and not reason:
        raise refused("/reason", "reason_needed", "Say why; marketing learns from it.")
    codes = reasons.of(outcome)
    if reason and codes and reason not in codes:
        message = "Choose one of {codes}; what else there is to say goes into `detail`."
        raise refused("/reason", "unknown_reason", message, codes=", ".join(codes))
    needed = reasons.REASONS[reason].needs if reason in reasons.REASONS else None
    if needed is Needs.AGAIN_ON and not said.get("again_on"):
        raise refused("/again_on", "again_on_needed", "Say from when on it makes sense to try again.")
    if needed is Needs.DETAIL and not (said.get("detail") or "").strip():
        raise refused("/detail", "detail_needed", "Say what does not fit; the rule learns from it.")


def _check_pause(said: dict[str, Any], at: datetime) -> None:
    if not (said.get("reason") or "").strip():
        raise refused("/reason", "pause_reason_needed", "Say why the customer wants to wait.")
    if said.get("until") and datetime.fromisoformat(said["until"]) <= at:
        raise refused("/until", "ends_before_it_begins", "A pause ends after it begins.")


def _check_against(c: Connection, entry: Entry, policies: Policies, now: datetime) -> None:
    """What only makes sense at this point of the lead's handoff. Raises Refused."""
    outcome = entry.data.get("outcome") if entry.kind is EventKind.DISPOSITION else None
    row = lists.newest_handoff(c, entry.lead_id) if outcome == Outcome.REJECTED or entry.kind in HANDLING else None
    episode = episode_from_json(row.episode) if row else None
    if outcome == Outcome.REJECTED and episode and episode.touch and episode.touch.kind in CONTACT:
        message = "There was contact already: use disqualified, or recycled."
        raise refused("/outcome", "rejected_after_contact", message)
    if entry.kind in HANDLING and (episode is None or episode.touch or episode.ended_at):
        raise refused("/lead_id", "no_running_clock", "No clock runs for this lead; there is nothing to hold.")
    if entry.kind is EventKind.PAUSE and episode:
        _check_length(entry.data, policies.by_id[episode.terms_id].policy.longest_pause_days, entry.occurred_at or now)


def _check_length(said: dict[str, Any], most: float, at: datetime) -> None:
    until = datetime.fromisoformat(said["until"]) if said.get("until") else None
    if until and until - at > timedelta(days=most):
        raise refused("/until", "pause_too_long", "A pause lasts {days} days at most.", days=f"{most:g}")


#: What can be put right: a pause counts from when it was set, so another one is another pause.
REVISABLE = frozenset({EventKind.FOLLOW_UP, EventKind.DISPOSITION})
#: What needs a running clock.
HANDLING = frozenset({EventKind.PAUSE, EventKind.RESUME, EventKind.ACKNOWLEDGED})


def _fact(entry: Entry, about: tuple[ExternalId, ...], now: datetime) -> ledger.Fact:
    key = f"hand:{entry.key or uuid4().hex}"
    said = {name: value for name, value in entry.data.items() if value is not None} | {"by": entry.by}
    at = min(entry.occurred_at or now, now)
    record = (entry.record or key).removeprefix(":")
    event = CanonicalEvent(key, entry.kind, at, about, said, recorded_at=now, record=record, revised_at=now)
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
