"""What is said and done in a meeting: entries that nobody changes afterwards, and what they come to.

Two people who write at once make two entries; a correction is an entry too, so nobody's words are ever lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.refusals import refused

NOTHING = timedelta()
#: Points of the checklist, and what a rating may be.
POINTS, RATINGS = range(1, 17), range(1, 6)
#: Minutes by which an item is extended at once.
EXTENSIONS = range(1, 61)


class Said(StrEnum):
    """What an entry is."""

    #: Somebody wants to talk about it.
    TOPIC = "topic"
    STARTED = "started"
    #: An item of the agenda is taken up.
    VISITED = "visited"
    #: It gets more time than its box has.
    EXTENDED = "extended"
    NOTE = "note"
    #: Looked at, and there is nothing to say: 変化なし.
    NOTHING = "nothing"
    DECISION = "decision"
    #: Somebody has to do something, not all of owner, due date and definition of done are known yet.
    TASK = "task"
    #: A task became an action item.
    TAKEN = "taken"
    #: Put off, so that it is not forgotten.
    PARKED = "parked"
    ATTENDANCE = "attendance"
    #: How good the meeting was, and what would make it better.
    RATED = "rated"
    #: A point of the checklist, against the evidence.
    TICKED = "ticked"
    CORRECTED = "corrected"
    RETRACTED = "retracted"
    CLOSED = "closed"


class Presence(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"


class ReviewOutcome(StrEnum):
    """What a review of the SLA ended in; to keep it is an outcome too."""

    KEEP = "keep"
    CHANGE = "change"
    PILOT = "pilot"


class Stage(StrEnum):
    COMING = "coming"
    RUNNING = "running"
    CLOSED = "closed"


#: What can be said when.
ALLOWED: Mapping[Stage, frozenset[Said]] = {
    Stage.COMING: frozenset(
        {Said.TOPIC, Said.NOTE, Said.PARKED, Said.ATTENDANCE, Said.TICKED, Said.STARTED, Said.CORRECTED, Said.RETRACTED}
    ),
    Stage.RUNNING: frozenset(Said) - {Said.STARTED},
    Stage.CLOSED: frozenset({Said.RATED, Said.TICKED}),
}
#: What needs words; message ids.
WORDS_NEEDED = {
    Said.TOPIC: "Say what it is about.",
    Said.NOTE: "Write the note.",
    Said.DECISION: "Write what was decided.",
    Said.TASK: "Say what is to be done.",
    Said.PARKED: "Say what is put off.",
    Said.TICKED: "Say why it counts as done against the evidence.",
    Said.CORRECTED: "Write how it should read.",
}
#: What is about an item of the agenda.
ITEM_NEEDED = frozenset({Said.VISITED, Said.NOTHING, Said.EXTENDED})
#: What is about another entry.
POINTING = frozenset({Said.CORRECTED, Said.RETRACTED, Said.TAKEN})


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was said. `at` is UTC; `item` counts from 1; `data` depends on the kind."""

    id: int
    at: datetime
    by: str
    kind: Said
    item: int | None = None
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """How far a meeting has come."""

    stage: Stage
    started_at: datetime | None
    closed_at: datetime | None
    #: The item on the table.
    current: int | None
    #: Time on each item so far, those not taken up left out.
    spent: Mapping[int, timedelta]
    #: What stands, in the order in which it was said: corrected, and without what was taken back.
    entries: tuple[Entry, ...]

    def of(self, *kinds: Said, item: int | None = None) -> list[Entry]:
        return [e for e in self.entries if e.kind in kinds and item in (None, e.item)]

    def visited(self, item: int) -> bool:
        return item in self.spent

    def granted(self, item: int) -> timedelta:
        """What the item was given beyond its box."""
        return timedelta(minutes=sum(e.data["minutes"] for e in self.of(Said.EXTENDED, item=item)))

    @property
    def presence(self) -> Mapping[str, Presence]:
        """By address, in lower case."""
        return {e.data["email"].lower(): Presence(e.data["presence"]) for e in self.of(Said.ATTENDANCE)}

    @property
    def ratings(self) -> Mapping[str, Entry]:
        """The last one of each person."""
        return {e.by: e for e in self.of(Said.RATED)}

    @property
    def ticked(self) -> Mapping[int, Entry]:
        """Points that somebody overrode."""
        return {e.data["point"]: e for e in self.of(Said.TICKED)}

    @property
    def open_tasks(self) -> list[Entry]:
        taken = {e.data["entry"] for e in self.of(Said.TAKEN)}
        return [e for e in self.of(Said.TASK) if e.id not in taken]


def read_run(entries: Sequence[Entry], now: datetime) -> Run:
    """`entries` in the order in which they were written."""
    started = next((e.at for e in entries if e.kind is Said.STARTED), None)
    closed = next((e.at for e in entries if e.kind is Said.CLOSED), None)
    stage = Stage.CLOSED if closed else Stage.RUNNING if started else Stage.COMING
    visits = [(e.item or 1, e.at) for e in entries if e.kind in (Said.STARTED, Said.VISITED)]
    spent: dict[int, timedelta] = {}
    ends = [at for _, at in visits[1:]] + [closed or max([now, *(at for _, at in visits)])]
    for (item, at), end in zip(visits, ends, strict=False):
        spent[item] = spent.get(item, NOTHING) + max(end - at, NOTHING)
    current = visits[-1][0] if visits and not closed else None
    return Run(stage, started, closed, current, spent, tuple(_standing(entries)))


def _standing(entries: Iterable[Entry]) -> Iterable[Entry]:
    known = list(entries)
    words = {e.data["entry"]: e.text for e in known if e.kind is Said.CORRECTED}
    gone = {e.data["entry"] for e in known if e.kind is Said.RETRACTED}
    for entry in known:
        if entry.id not in gone and entry.kind not in (Said.CORRECTED, Said.RETRACTED):
            yield replace(entry, text=words.get(entry.id, entry.text))


def check(entry: Entry, run: Run, items: int) -> None:
    """Whether that can be said now, of a meeting with so many items. Raises Refused, with the field."""
    if entry.kind not in ALLOWED[run.stage]:
        raise refused("/kind", "not_now", NOT_NOW[run.stage])
    if entry.kind in WORDS_NEEDED and not entry.text.strip():
        raise refused("/text", "needed", WORDS_NEEDED[entry.kind])
    if entry.kind in ITEM_NEEDED and entry.item is None:
        raise refused("/item", "needed", "Say which item of the agenda, by its number.")
    if entry.item is not None and not 1 <= entry.item <= items:
        raise refused("/item", "unknown", "The agenda has the items 1 to {last}.", last=items)
    if entry.kind in POINTING and entry.data.get("entry") not in {e.id for e in run.entries}:
        raise refused("/entry", "unknown", "This meeting has no such entry, or it was taken back.")
    if entry.kind is Said.RATED and entry.data.get("rating") not in RATINGS:
        raise refused("/rating", "needed", "Rate the meeting from 1 to 5.")
    if entry.kind is Said.EXTENDED and entry.data.get("minutes") not in EXTENSIONS:
        raise refused("/minutes", "needed", "Say by how many minutes, from 1 to 60.")
    if entry.kind is Said.TICKED and entry.data.get("point") not in POINTS:
        raise refused("/point", "unknown", "The checklist has the points 1 to 16.")


#: Message ids.
NOT_NOW = {
    Stage.COMING: "The meeting has not begun; start it first.",
    Stage.RUNNING: "The meeting is running already.",
    Stage.CLOSED: "The meeting is closed; what is missing belongs into the next one.",
}
