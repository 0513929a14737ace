"""The minutes' paper: who was there, what was said, decided and taken on, item by item."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.action import STEPS, StepKind
from app.domain.language import moment
from app.domain.run import Entry, Presence, Run, Said
from app.domain.template import Block, title_of
from app.domain.template import Item as Box
from app.flows.preparation import Closing
from app.flows.record import Record
from app.pages.agenda import Words, action_json, owner_in_words
from app.pages.document import MINUTES, Document, Item, Line, SeriesNamed, Table
from app.pages.document import read as read_paper
from app.pages.feeds import one_line

#: What is said of an item, and how it begins.
SAID = {
    Said.NOTE: "{text}",
    Said.NOTHING: "Nothing new.",
    Said.DECISION: "Decided: {text}",
    Said.TASK: "To do: {text}",
    Said.PARKED: "Put off: {text}",
}
OUTCOMES = {
    "keep": "The SLA stays as it is.",
    "change": "The SLA is changed.",
    "pilot": "The SLA is tried out in part.",
}


def document(held: Closing, locale: str, zone: ZoneInfo) -> Document:
    say, found = Words(locale, zone), held.record
    row, run = found.row, found.run
    frozen = read_paper(row.agenda[locale])
    ended = run.closed_at or row.ends_at
    return Document(
        schema_=MINUTES,
        locale=locale,
        title=say("{series} #{number}", series=one_line(found.series.name), number=row.number),
        series=SeriesNamed(key=row.series_key, name=found.series.name),
        meeting=frozen.meeting,
        since=frozen.since,
        as_of=ended,
        frozen_at=ended,
        notes=tuple(_notes(found, say)),
        items=tuple(_items(held, say)),
        figures=frozen.figures,
        breaches=frozen.breaches,
        kpis=frozen.kpis,
        actions=tuple(action_json(item) for item in held.made),
        counting=frozen.counting,
    )


def _notes(found: Record, say: Words) -> Iterator[str]:
    run, row = found.run, found.row
    began, ended = run.started_at or row.starts_at, run.closed_at or row.ends_at
    local = ended.astimezone(say.zone)
    yield f"{moment(began, say.zone, say.locale, year=True)}–{local:%H:%M}"
    over = int(((ended - began) - (row.ends_at - row.starts_at)).total_seconds()) // 60
    if over > 0:
        yield say("{minutes} minutes longer than planned", minutes=over)
    yield from _presence(found, say)
    if run.ratings:
        given = [rated.data["rating"] for rated in run.ratings.values()]
        yield say("Rating {rating} of 5 ({count} people)", rating=f"{sum(given) / len(given):.1f}", count=len(given))
    yield from (
        say("To improve: {text}", text=one_line(rated.text)) for rated in run.ratings.values() if rated.text.strip()
    )


def _presence(found: Record, say: Words) -> Iterator[str]:
    presence = found.run.presence
    absent = [each for each in found.series.attendees if presence.get(each.email.lower()) is Presence.ABSENT]
    there = [one_line(each.name) for each in found.series.attendees if each not in absent]
    if there:
        yield say("Present: {names}", names=say(", ").join(there))
    if absent:
        yield say("Absent: {names}", names=say(", ").join(one_line(each.name) for each in absent))


def _items(held: Closing, say: Words) -> Iterator[Item]:
    found = held.record
    for number, box in enumerate(found.template.items, 1):
        took = found.run.spent.get(number)
        yield Item(
            number=number,
            block=box.block.value,
            title=title_of(box, say.locale),
            minutes=round(took.total_seconds() / 60) if took else 0,
            begins=_taken_up(found.run, number, found.series.zone),
            owner=owner_in_words(box, found.series, say),
            tables=tuple(_tables(held, number, box, say)),
        )


def _taken_up(run: Run, number: int, zone: ZoneInfo) -> str:
    """Local time; empty: it was not."""
    visits = (e.at for e in run.of(Said.STARTED, Said.VISITED) if (e.item or 1) == number)
    first: datetime | None = next(visits, None)
    return f"{first.astimezone(zone):%H:%M}" if first else ""


def _tables(held: Closing, number: int, box: Box, say: Words) -> Iterator[Table]:
    run, is_end = held.record.run, box.block is Block.DECISIONS
    about = [e for e in run.of(*SAID) if e.item == number or (is_end and e.item is None)]
    if about:
        yield Table(text=tuple(_entry(e, say) for e in about))
    if box.block is Block.ACTIONS and held.answered:
        yield _answered(held, say)
    if is_end:
        yield from _read_back(held, say)


def _answered(held: Closing, say: Words) -> Table:
    return Table(
        columns=say.columns("Number", "Owner", "What", "Due", "State"),
        lines=tuple(_answer(item, say) for item in held.answered),
    )


def _answer(item: Any, say: Words) -> Line:
    """`持ち越し(休暇の代行が決まらず)`, due on its new date."""
    stands = say(STEPS[StepKind(item.kind)])
    told = say("{words} ({detail})", words=stands, detail=item.said) if item.said else stands
    cells = (f"#{item.id}", item.owner, item.text, say.day(item.due_on), told)
    return Line(cells=tuple(map(one_line, cells)))


def _entry(entry: Entry, say: Words) -> str:
    words = say(SAID[entry.kind], text=one_line(entry.text))
    outcome = OUTCOMES.get(entry.data.get("sla", ""), "")
    return f"{words} {say(outcome)}" if outcome else words


def _read_back(held: Closing, say: Words) -> Iterator[Table]:
    if held.made:
        yield Table(
            title=say("Action items"),
            columns=say.columns("Number", "Owner", "What", "Definition of done", "Due"),
            lines=tuple(_action(item, say) for item in held.made),
        )
    if held.proposals:
        yield Table(
            title=say("Changes of the SLA"),
            columns=say.columns("Policy", "Effective", "Review"),
            lines=tuple(
                Line(cells=(p.policy_key, say.day(p.effective_on), say.day(p.review_on))) for p in held.proposals
            ),
        )
    if exceptions := list(_exceptions(held.record, say)):
        yield Table(title=say("Exceptions"), text=tuple(exceptions))


def _action(item: Any, say: Words) -> Line:
    told = (f"#{item.id}", item.owner, item.text, item.done_when, say.day(item.due_on))
    return Line(cells=tuple(map(one_line, told)))


def _exceptions(found: Record, say: Words) -> Iterator[str]:
    """What somebody overrode, and why."""
    for number, entry in sorted(found.run.ticked.items()):
        yield say("Point {number} of the checklist: {text}", number=number, text=one_line(entry.text))
    for closed in found.run.of(Said.CLOSED):
        if closed.text:
            yield say("Closed although something is missing: {text}", text=one_line(closed.text))
