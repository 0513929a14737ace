"""The article's checklist: sixteen points, each ticked by evidence. A person may override one, with a note."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.refusals import Refused, refused
from app.domain.run import Entry, Run, Said
from app.domain.template import Block, Template

#: The agenda goes out at its time; mail then takes its own.
SENDING = timedelta(minutes=15)


class Phase(StrEnum):
    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class Mark(StrEnum):
    DONE = "done"
    #: Done, but later than it helps.
    LATE = "late"
    OPEN = "open"
    #: Against the evidence, with a note.
    OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class Shared:
    """How far a document came: to how many people it is owed, who got it, and when the last one did."""

    owed: int
    sent: int
    last_at: datetime | None

    @property
    def complete(self) -> bool:
        return 0 < self.owed == self.sent


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a meeting. Times are UTC."""

    number: int
    template: Template
    run: Run
    #: By when the agenda had to be out.
    share_by: datetime
    agenda: Shared
    minutes: Shared
    #: When the figures were frozen; None: they are not.
    frozen_at: datetime | None
    #: Sources that were silent at that moment.
    silent: tuple[str, ...]
    #: Action items from before that were due and of which nobody said how they stand.
    unanswered: tuple[int, ...]
    #: Action items that this meeting made.
    made: int
    #: Share of the wanted customer information that sales got; None: nobody knows.
    completeness: float | None

    def item(self, block: Block) -> int | None:
        """Its number on the agenda."""
        return next((n for n, each in enumerate(self.template.items, 1) if each.block is block), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the evidence says of a point; `why` is a message id."""

    mark: Mark
    why: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    number: int
    phase: Phase
    #: A message id.
    title: str
    finding: Finding
    #: Who overrode it, and the note.
    override: Entry | None

    @property
    def mark(self) -> Mark:
        return Mark.OVERRIDDEN if self.override and self.finding.mark is not Mark.DONE else self.finding.mark


def _done(why: str, **values: Any) -> Finding:
    return Finding(Mark.DONE, why, values)


def _open(why: str, **values: Any) -> Finding:
    return Finding(Mark.OPEN, why, values)


# --- before


def _structured(e: Evidence) -> Finding:
    return _done("{minutes} minutes in {count} items", minutes=e.template.minutes, count=len(e.template.items))


def _shared_ahead(e: Evidence) -> Finding:
    if not e.agenda.owed:
        return _open("The series names no attendees to send it to.")
    if not e.agenda.complete or e.agenda.last_at is None:
        return _open("Sent to {sent} of {owed}", sent=e.agenda.sent, owed=e.agenda.owed)
    late = e.agenda.last_at > e.share_by + SENDING
    return Finding(Mark.LATE, "Sent, but only shortly before", {}) if late else _done("Sent to all in time")


def _extracted(e: Evidence) -> Finding:
    if e.frozen_at is None:
        return _open("The figures are not frozen yet.")
    if e.silent:
        return _open("Silent when the figures were frozen: {sources}", sources=", ".join(e.silent))
    return _done("Figures frozen, all sources heard")


def _dashboard(e: Evidence) -> Finding:
    return _done("The board is part of the agenda") if e.frozen_at else _open("The figures are not frozen yet.")


def _followed_up(e: Evidence) -> Finding:
    if e.unanswered:
        return _open("Nobody said how these stand: {numbers}", numbers=", ".join(f"#{n}" for n in e.unanswered))
    return _done("Every item that was due has been answered for")


# --- during


def _talked(block: Block, *, needs: frozenset[Said]) -> Callable[[Evidence], Finding]:
    """Taken up, and one of these was said of it."""

    def look(e: Evidence) -> Finding:
        item = e.item(block)
        if item is None:
            return _open("Not on this agenda.")
        if not e.run.visited(item):
            return _open("Not taken up yet.")
        if said := len(e.run.of(*needs, item=item)):
            return _done("Taken up, {count} entries", count=said)
        return _open("Taken up, but nothing is written down.")

    return look


WORDS = frozenset({Said.NOTE, Said.DECISION, Said.TASK, Said.NOTHING})
NO_NOTHING = WORDS - {Said.NOTHING}


def _informed(e: Evidence) -> Finding:
    if e.completeness is None:
        return _open("Nobody knows how complete the customer information is.")
    return _talked(Block.CONTENT_CHANNELS, needs=WORDS)(e)


def _reviewed(e: Evidence) -> Finding:
    outcomes = [d.data["sla"] for d in e.run.of(Said.DECISION) if d.data.get("sla")]
    return _done("Outcome: {outcome}", outcome=outcomes[-1]) if outcomes else _open("No outcome is recorded.")


def _clear_actions(e: Evidence) -> Finding:
    if tasks := e.run.open_tasks:
        return _open("Incomplete: {count}", count=len(tasks))
    nothing = e.run.of(Said.NOTHING, item=e.item(Block.DECISIONS))
    if not e.made and not nothing:
        return _open("No action item was made.")
    return _done("{count} action items", count=e.made)


# --- after


def _minutes_shared(e: Evidence) -> Finding:
    if not e.minutes.owed:
        return _open("The minutes are not sent yet.")
    if not e.minutes.complete:
        return _open("Sent to {sent} of {owed}", sent=e.minutes.sent, owed=e.minutes.owed)
    return _done("Sent to all")


def _improved(e: Evidence) -> Finding:
    if not e.run.ratings:
        return _open("Nobody has rated the meeting.")
    if not any(rated.text.strip() for rated in e.run.ratings.values()):
        return _open("Nobody said what to improve.")
    item = e.item(Block.RETROSPECTIVE)
    if item is not None and not e.run.visited(item):
        return _open("The retrospective was not taken up.")
    return _done("{count} ratings", count=len(e.run.ratings))


#: The article's sixteen, in its order: when, the title (a message id), and what ticks it.
CHECKLIST: tuple[tuple[Phase, str, Callable[[Evidence], Finding]], ...] = (
    (Phase.BEFORE, "The meeting takes 60 to 90 minutes and its agenda is structured", _structured),
    (Phase.BEFORE, "The agenda template is shared ahead, so that all can prepare", _shared_ahead),
    (Phase.BEFORE, "The KPIs of lead generation are extracted from MA and SFA", _extracted),
    (Phase.BEFORE, "A dashboard shows how MQLs become SQLs", _dashboard),
    (Phase.BEFORE, "The action items of the last meeting are checked", _followed_up),
    (Phase.DURING, "KPIs of lead generation are reviewed (new leads, MQLs, website visits and conversion)",
     _talked(Block.KPI_REVIEW, needs=WORDS)),
    (Phase.DURING, "MQL to SQL conversion and what keeps leads from becoming opportunities are discussed",
     _talked(Block.CONVERSION, needs=NO_NOTHING)),
    (Phase.DURING, "It is checked whether sales gets detailed customer information", _informed),
    (Phase.DURING, "The review of published content is reported", _talked(Block.CONTENT_CHANNELS, needs=WORDS)),
    (Phase.DURING, "Progress with channels of a high win rate is checked",
     _talked(Block.CONTENT_CHANNELS, needs=WORDS)),
    (Phase.DURING, "The budget is discussed (advertising, moving it between measures)",
     _talked(Block.BUDGET, needs=WORDS)),
    (Phase.DURING, "Use of the MA and SFA tools and its problems are shared", _talked(Block.DATA_QUALITY, needs=WORDS)),
    (Phase.DURING, "The SLA (criteria for handing over leads) is reviewed", _reviewed),
    (Phase.DURING, "Action items until the next meeting are clear (owner, due date, definition of done)",
     _clear_actions),
    (Phase.AFTER, "Minutes and action items are shared with all attendees", _minutes_shared),
    (Phase.AFTER, "The way of meeting is looked at regularly, and what to improve is found", _improved),
)  # fmt: skip


def checklist(e: Evidence) -> list[Point]:
    ticked = e.run.ticked
    return [
        Point(number, phase, title, look(e), ticked.get(number))
        for number, (phase, title, look) in enumerate(CHECKLIST, 1)
    ]


def check_closing(e: Evidence, note: str) -> None:
    """Whether the meeting can be closed; with a note it can be, whatever is missing. Raises Refused."""
    if note.strip():
        return
    wrong = [
        *refusals(e.run.open_tasks, "/tasks", "Task {number} has no owner, due date or definition of done yet."),
    ]
    if e.unanswered:
        numbers = ", ".join(f"#{n}" for n in e.unanswered)
        message = "Action items that were due need an answer: done, carried over with a reason, or given up: {numbers}."
        wrong += refused("/actions", "unanswered", message, numbers=numbers).refusals
    if wrong:
        raise Refused(tuple(wrong))


def refusals(tasks: list[Entry], place: str, message: str) -> list[Any]:
    return [r for task in tasks for r in refused(f"{place}/{task.id}", "incomplete", message, number=task.id).refusals]
