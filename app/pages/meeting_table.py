"""The meeting as the people around the table see it: what is on it, for how long, and what was said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.domain.checklist import Mark, Point, check_closing
from app.domain.language import text
from app.domain.refusals import Refused
from app.domain.run import Entry, Presence, Said
from app.domain.template import title_of
from app.flows import preparation, pulse, record
from app.flows.record import Record
from app.pages.document import Document, Item
from app.pages.document import read as read_paper
from app.pages.rendering import Reader

#: What is written down about an item.
WRITTEN = (Said.NOTE, Said.NOTHING, Said.DECISION, Said.TASK, Said.PARKED)


@dataclass(frozen=True, slots=True)
class Box:
    """One item of the agenda."""

    number: int
    title: str
    current: bool
    taken_up: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One meeting while it is held."""

    key: str
    found: Record
    paper: Document
    #: The item on the table, as the agenda shows it.
    item: Item
    boxes: Sequence[Box]
    #: What was written down about it.
    entries: Sequence[Entry]
    parked: Sequence[Entry]
    #: Tasks that are no action items yet.
    tasks: Sequence[Entry]
    #: Action items that the meeting made.
    made: Sequence[Any]
    open_points: Sequence[Point]
    #: Why it could not be closed without a note.
    missing: Sequence[str]
    hints: Sequence[str]
    pulse: str
    now: datetime

    @property
    def path(self) -> str:
        return f"/meetings/{self.key}/{self.found.row.number}"

    @property
    def current(self) -> int:
        return self.item.number

    @property
    def box(self) -> timedelta:
        """The time that the item has."""
        minutes = self.found.template.items[self.current - 1].minutes
        return timedelta(minutes=minutes) + self.found.run.granted(self.current)

    @property
    def left(self) -> timedelta:
        """Negative: over its time."""
        return self.box - self.found.run.spent.get(self.current, timedelta())

    @property
    def whole(self) -> timedelta:
        length: timedelta = self.found.row.ends_at - self.found.row.starts_at
        return length

    @property
    def whole_left(self) -> timedelta:
        """Of the whole meeting, from when it really began."""
        return self.whole - (self.now - (self.found.run.started_at or self.now))

    @property
    def presence(self) -> dict[str, Presence]:
        return dict(self.found.run.presence)


def read(c: Connection, key: str, found: Record, reader: Reader) -> Table:
    """Of a meeting that is being held."""
    paper, run = read_paper(found.row.agenda[reader.locale]), found.run
    current = run.current or 1
    return Table(
        key=key,
        found=found,
        paper=paper,
        item=paper.items[current - 1],
        boxes=[
            Box(number, title_of(box, reader.locale), number == current, run.visited(number))
            for number, box in enumerate(found.template.items, 1)
        ],
        entries=run.of(*WRITTEN, item=current),
        parked=run.of(Said.PARKED),
        tasks=run.open_tasks,
        made=record.made(c, key, found.row.number),
        open_points=[point for point in preparation.checklist(c, found) if point.mark is Mark.OPEN],
        missing=_missing(c, found, reader.locale),
        hints=[text(reader.locale, hint) for hint in record.hints(found)],
        pulse=pulse.read(c, key, found.row.number),
        now=reader.now,
    )


def _missing(c: Connection, found: Record, locale: str) -> list[str]:
    try:
        check_closing(preparation.evidence(c, found), "")
    except Refused as why:
        return [refusal.message(locale) for refusal in why.refusals]
    return []


def timer(left: timedelta) -> str:
    """`8:42`, `-2:05` when it is over."""
    seconds = abs(int(left.total_seconds()))
    return f"{'-' if left < timedelta() else ''}{seconds // 60}:{seconds % 60:02}"
