"""What became of a lead after it was handed over: accepted or rejected, SQL, opportunities, won or lost.

Read from the ledger like the clock's history, but for figures only: no verdict depends on it. What sales found by
itself belongs to no handoff; its number is NO_HANDOFF.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from app.domain import revisions
from app.domain.episode import Event
from app.domain.follow_up import outcome_of
from connectors.contract import EventKind, Outcome

#: The kinds of event that the funnel is read from.
KINDS = frozenset({EventKind.LEAD, EventKind.DISPOSITION, EventKind.STATUS, EventKind.OPPORTUNITY, EventKind.RETRACTED})
#: The attribute of a lead that holds its first known origin.
SOURCE = "lead_source"
NO_HANDOFF = 0
#: Outcome → the milestone that it is.
DECISIONS: Mapping[Outcome, Literal["accepted", "rejected", "returned"]] = {
    Outcome.ACCEPTED: "accepted",
    Outcome.REJECTED: "rejected",
    Outcome.DISQUALIFIED: "returned",
    Outcome.RECYCLED: "returned",
}


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One of the SFA's, as it is now."""

    key: str
    #: The handoff that it came of, or NO_HANDOFF.
    number: int
    opened_at: datetime
    state: Literal["open", "won", "lost"]
    #: When it became won or lost, and stayed so; None: it is open.
    closed_at: datetime | None
    amount: float | None
    stage: str | None
    name: str | None


@dataclass(slots=True)
class Progress:
    """How far one handoff came; each is the first time."""

    number: int
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None
    #: Disqualified or recycled, after contact.
    returned_at: datetime | None = None
    #: Why it was rejected or returned.
    reason: str | None = None
    sql_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Funnel:
    """Of one lead."""

    progress: tuple[Progress, ...]
    opportunities: tuple[Opportunity, ...]
    #: Its first known origin, as the tools call it; set once.
    source: str | None
    #: Why it does not count: test, competitor, deleted …; None: it does.
    excluded: str | None


@dataclass(slots=True)
class _Reading:
    #: When the lead's handoffs qualified, ascending, and their numbers.
    moments: list[datetime]
    numbers: list[int]
    progress: dict[int, Progress] = field(default_factory=dict)
    told: dict[str, list[Event]] = field(default_factory=dict)
    status: str | None = None
    source: str | None = None
    excluded: str | None = None

    def at(self, moment: datetime) -> int:
        """The handoff that what sales did then belongs to: the last one until then."""
        place = bisect_right(self.moments, moment)
        return self.numbers[place - 1] if place else NO_HANDOFF


def read_funnel(events: Iterable[Event], handoffs: Sequence[tuple[int, datetime]]) -> Funnel:
    """`handoffs`: the number of each and when it qualified. Events in any order; of other kinds they say nothing."""
    begun = sorted(handoffs, key=lambda one: one[1])
    reading = _Reading([at for _, at in begun], [number for number, _ in begun])
    for event in sorted(revisions.in_force(events), key=lambda e: e.place):
        if event.kind is EventKind.OPPORTUNITY:
            reading.told.setdefault(event.data["opportunity"], []).append(event)
        elif (
            event.kind is not EventKind.STATUS or event.data["raw"] != reading.status
        ):  # tools repeat it with each edit
            _note(reading, event)
    opportunities = tuple(_opportunity(key, told, reading) for key, told in reading.told.items())
    for opportunity in opportunities:
        _note_sql(reading, opportunity.number, opportunity.opened_at)
    progress = tuple(reading.progress[number] for number in sorted(reading.progress))
    return Funnel(progress, opportunities, reading.source, reading.excluded)


def _note(reading: _Reading, event: Event) -> None:
    if event.kind is EventKind.LEAD:
        reading.source = reading.source or origin(event)
    if event.kind is EventKind.STATUS:
        reading.status = event.data["raw"]
    outcome, number = outcome_of(event), reading.at(event.occurred_at)
    if outcome is Outcome.EXCLUDED:
        reading.excluded = event.data.get("reason") or "excluded"
    elif outcome is Outcome.RESTORED:
        reading.excluded = None
    elif outcome is Outcome.SQL:
        _note_sql(reading, number, event.occurred_at)
    elif outcome is not None and outcome in DECISIONS and number != NO_HANDOFF:
        progress = reading.progress.setdefault(number, Progress(number))
        name = f"{DECISIONS[outcome]}_at"
        if getattr(progress, name) is None:
            setattr(progress, name, event.occurred_at)
            progress.reason = event.data.get("reason") or progress.reason


def origin(event: Event) -> str | None:
    """The origin that a profile names."""
    named = (event.data.get("attributes") or {}).get(SOURCE)
    return str(named)[:200] if named not in (None, "") else None


def says_something(event: Event) -> bool:
    """Of profiles, which come with every edit, only those that name an origin."""
    return event.kind in KINDS and (event.kind is not EventKind.LEAD or origin(event) is not None)


def _note_sql(reading: _Reading, number: int, at: datetime) -> None:
    """Who makes an opportunity of a lead has judged it. The first time counts, however often it goes to and fro."""
    progress = reading.progress.setdefault(number, Progress(number))
    progress.sql_at = min(progress.sql_at or at, at)


def _opportunity(key: str, told: Sequence[Event], reading: _Reading) -> Opportunity:
    """`told`: everything said of it, in order."""
    opened_at, state = told[0].occurred_at, told[-1].data["state"]
    closing = None
    for event in reversed(told):
        if event.data["state"] != state:
            break
        closing = event.occurred_at  # a closed one may be edited later: it closed when it was first said
    return Opportunity(
        key=key,
        number=reading.at(opened_at),
        opened_at=opened_at,
        state=state,
        closed_at=None if state == "open" else closing,
        amount=_last(told, "amount"),
        stage=_last(told, "stage"),
        name=_last(told, "name"),
    )


def _last(told: Sequence[Event], name: str) -> Any:
    return next((event.data[name] for event in reversed(told) if event.data.get(name) not in (None, "")), None)
