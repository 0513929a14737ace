"""What became of a lead after it was handed over: accepted or rejected, SQL, opportunities, won or lost.

Read from the ledger like the clock's history, but for figures only: no verdict depends on it. What sales found by
itself belongs to no handoff; its number is NO_HANDOFF.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from app.domain import revisions
from app.domain.episode import Event
from app.domain.follow_up import outcome_of
from connectors.contract import EventKind, Outcome

#: The kinds of event that the funnel is read from, besides the activities that made a lead MQL.
KINDS = frozenset({EventKind.LEAD, EventKind.DISPOSITION, EventKind.STATUS, EventKind.OPPORTUNITY, EventKind.RETRACTED})
#: The attributes of a lead that hold where it first came from.
SOURCE, CAMPAIGN = "lead_source", "campaign"
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
    #: Whether its lead counts: no test, no competitor.
    counts: bool
    opened_at: datetime
    state: Literal["open", "won", "lost"]
    #: When it became won or lost, and stayed so; None: it is open.
    closed_at: datetime | None
    amount: float | None
    stage: str | None
    name: str | None


class Standing(StrEnum):
    """Whether and how a handoff is counted."""

    COUNTED = "counted"
    #: Given back untouched and without a reason: it was an MQL, and there is no verdict about it.
    RETURNED = "returned"
    #: Void for another reason: no MQL.
    VOID = "void"
    #: Its lead does not count: a test, a competitor, joined into another.
    OUT = "out"
    #: No handoff: what sales found by itself.
    OWN = "own"


@dataclass(slots=True)
class Progress:
    """How far one handoff came; each is the first time."""

    number: int
    standing: Standing = Standing.OWN
    qualified_at: datetime | None = None
    due_at: datetime | None = None
    touched_at: datetime | None = None
    accepted_at: datetime | None = None
    rejected_at: datetime | None = None
    #: Disqualified or recycled, after contact.
    returned_at: datetime | None = None
    #: Why it was rejected or returned.
    reason: str | None = None
    sql_at: datetime | None = None
    #: Its first opportunity.
    opened_at: datetime | None = None
    #: Title or id of the last content among the evidence.
    content: str | None = None
    #: The version whose clock runs.
    policy_id: int | None = None
    #: Seconds from qualification to first touch on the policy's clock; None: not touched.
    touched_after: int | None = None
    #: Seconds from the first touch until somebody wrote it down; None: the tool does not tell.
    logged_after: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A handoff of the lead, as the clock knows it."""

    number: int
    qualified_at: datetime
    #: Ids of the events that made the lead MQL.
    evidence: frozenset[str] = frozenset()
    standing: Standing = Standing.COUNTED
    due_at: datetime | None = None
    touched_at: datetime | None = None
    policy_id: int | None = None
    touched_after: int | None = None
    logged_after: int | None = None

    def progress(self) -> Progress:
        """What the clock knows of it."""
        return Progress(
            self.number,
            standing=self.standing,
            qualified_at=self.qualified_at,
            due_at=self.due_at,
            touched_at=self.touched_at,
            policy_id=self.policy_id,
            touched_after=self.touched_after,
            logged_after=self.logged_after,
        )


@dataclass(frozen=True, slots=True)
class Funnel:
    """Of one lead."""

    progress: tuple[Progress, ...]
    opportunities: tuple[Opportunity, ...]
    #: Its first known origin, as the tools call it; set once.
    source: str | None
    #: The first known campaign, likewise.
    campaign: str | None
    #: Why it does not count: test, competitor, deleted …; None: it does.
    excluded: str | None


@dataclass(slots=True)
class _Reading:
    #: By `qualified_at`.
    begun: list[Begun]
    progress: dict[int, Progress] = field(default_factory=dict)
    told: dict[str, list[Event]] = field(default_factory=dict)
    status: str | None = None
    source: str | None = None
    campaign: str | None = None
    excluded: str | None = None

    def at(self, moment: datetime) -> int:
        """The handoff that what sales did then belongs to: the last one until then."""
        place = bisect_right(self.begun, moment, key=lambda one: one.qualified_at)
        return self.begun[place - 1].number if place else NO_HANDOFF

    def of(self, number: int) -> Progress:
        return self.progress.setdefault(number, Progress(number))


def read_funnel(events: Iterable[Event], handoffs: Iterable[Begun], *, joined: bool = False) -> Funnel:
    """Events in any order; of other kinds they say nothing. Every handoff has its progress, none is left out.

    `joined`: the lead has turned out to be another one, and does not count.
    """
    reading = _Reading(sorted(handoffs, key=lambda one: one.qualified_at))
    reading.progress.update((one.number, one.progress()) for one in reading.begun)
    for event in sorted(revisions.in_force(events), key=lambda e: e.place):
        if note := _NOTE.get(event.kind):
            note(reading, event)
    counts = not joined and reading.excluded is None
    opportunities = tuple(_opportunity(key, told, reading, counts=counts) for key, told in reading.told.items())
    for opportunity in opportunities:
        _note_opened(reading, opportunity)
    progress = tuple(reading.progress[number] for number in sorted(reading.progress))
    if not counts:
        progress = tuple(replace(one, standing=Standing.OUT) for one in progress)
    return Funnel(progress, opportunities, reading.source, reading.campaign, reading.excluded)


def _note_lead(reading: _Reading, event: Event) -> None:
    reading.source = reading.source or named(event, SOURCE)
    reading.campaign = reading.campaign or named(event, CAMPAIGN)


def _note_activity(reading: _Reading, event: Event) -> None:
    content = event.data.get("title") or event.data.get("asset")
    for one in reading.begun:
        if content and event.id in one.evidence:
            reading.of(one.number).content = content


def _note_opportunity(reading: _Reading, event: Event) -> None:
    reading.told.setdefault(event.data["opportunity"], []).append(event)


def _note_status(reading: _Reading, event: Event) -> None:
    if event.data["raw"] != reading.status:  # tools repeat it with each edit
        reading.status = event.data["raw"]
        _note_decision(reading, event)


def _note_decision(reading: _Reading, event: Event) -> None:
    outcome, number = outcome_of(event), reading.at(event.occurred_at)
    if outcome is Outcome.EXCLUDED:
        reading.excluded = event.data.get("reason") or "excluded"
    elif outcome is Outcome.RESTORED:
        reading.excluded = None
    elif outcome is Outcome.SQL:
        _note_sql(reading, number, event.occurred_at)
    elif outcome is not None and outcome in DECISIONS and number != NO_HANDOFF:
        progress = reading.of(number)
        name = f"{DECISIONS[outcome]}_at"
        if getattr(progress, name) is None:
            setattr(progress, name, event.occurred_at)
            progress.reason = event.data.get("reason") or progress.reason


def named(event: Event, attribute: str) -> str | None:
    """What a profile says of it."""
    value = (event.data.get("attributes") or {}).get(attribute)
    return str(value)[:200] if value not in (None, "") else None


def says_something(event: Event) -> bool:
    """Of profiles, which come with every edit, only those that say where a lead came from."""
    if event.kind is EventKind.LEAD:
        return named(event, SOURCE) is not None or named(event, CAMPAIGN) is not None
    return event.kind in KINDS


def _note_sql(reading: _Reading, number: int, at: datetime) -> None:
    """Who makes an opportunity of a lead has judged it. The first time counts, however often it goes to and fro."""
    progress = reading.of(number)
    progress.sql_at = min(progress.sql_at or at, at)


_NOTE: Mapping[EventKind, Callable[[_Reading, Event], None]] = {
    EventKind.LEAD: _note_lead,
    EventKind.ACTIVITY: _note_activity,
    EventKind.STATUS: _note_status,
    EventKind.DISPOSITION: _note_decision,
    EventKind.OPPORTUNITY: _note_opportunity,
}


def _note_opened(reading: _Reading, opportunity: Opportunity) -> None:
    _note_sql(reading, opportunity.number, opportunity.opened_at)
    progress = reading.of(opportunity.number)
    progress.opened_at = min(progress.opened_at or opportunity.opened_at, opportunity.opened_at)


def _opportunity(key: str, told: Sequence[Event], reading: _Reading, *, counts: bool) -> Opportunity:
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
        counts=counts,
        opened_at=opened_at,
        state=state,
        closed_at=None if state == "open" else closing,
        amount=_last(told, "amount"),
        stage=_last(told, "stage"),
        name=_last(told, "name"),
    )


def _last(told: Sequence[Event], name: str) -> Any:
    return next((event.data[name] for event in reversed(told) if event.data.get(name) not in (None, "")), None)
