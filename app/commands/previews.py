"""What applying a policy or a calendar would change, on the terminal; and the question before it does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from app.commands.documents import Document
from app.commands.due import target_in_words
from app.commands.printing import Terminal
from app.domain.forecast import First, Kind, Move
from app.domain.refusals import Refused
from app.flows.drafts import Preview

AsPreview = Annotated[bool, typer.Option("--preview", help="Show what would change, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before deadlines of running clocks change.")]
#: Deadlines written out on a terminal; JSON has them all.
MOST = 100


@contextmanager
def answers_for(document: Document, place: str) -> Iterator[None]:
    """Refusals at that place of the request are about the file; others are about the command's options."""
    try:
        yield
    except Refused as why:
        if not all(refusal.place.startswith(place) for refusal in why.refusals):
            raise
        with document.answerable():
            raise Refused([replace(r, place=r.place.removeprefix(place)) for r in why.refusals]) from None


def ask(moves: int, yes: bool, terminal: Terminal) -> None:
    """Nobody's deadline changes by an oversight. Raises Abort; a pipe is not asked."""
    if moves and not yes and sys.stdin.isatty():
        question = terminal.words("Deadlines of running clocks change ({count}). Go on?", count=moves)
        typer.confirm(question, abort=True, err=True)


def show_policy(preview: Preview, terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json(asdict(preview))
        return
    _say_what(preview, terminal)
    for first in preview.firsts:
        _say_first(first, terminal)
    _say_kinds(preview.kinds, terminal)
    if preview.running:
        terminal.say("Clocks that run under other versions: {running}", running=preview.running)
        _say_moves(
            preview.moves,
            "Deadlines that change with --migrate-open: {count} ({earlier} earlier, {later} later)",
            terminal,
        )
    else:
        terminal.say("No clock that runs can be moved to it.")


def show_calendar(preview: Preview, terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json(asdict(preview))
        return
    _say_what(preview, terminal)
    for each in preview.policies:
        terminal.say(
            "Policy {key}: v{number} would say the same as v{before}, on this calendar.",
            key=each.policy,
            number=each.version,
            before=each.before,
        )
    for first in preview.firsts:
        _say_first(first, terminal)
    _say_moves(
        preview.moves, "Deadlines of running clocks that change: {count} ({earlier} earlier, {later} later)", terminal
    )


def _say_what(preview: Preview, terminal: Terminal) -> None:
    if preview.before == preview.after:
        terminal.say("Nothing would change: {key} v{number} says the same.", key=preview.key, number=preview.after)
        return
    terminal.say("Preview of {key} v{number}; nothing has been changed.", key=preview.key, number=preview.after)
    rows = [(each.place, _value(each.before), _value(each.after)) for each in preview.differences]
    terminal.table(("Place", "Before", "After"), rows)


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:g}"
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _say_first(first: First, terminal: Terminal) -> None:
    terminal.say(
        "A lead that becomes MQL {start} under {policy}: due {after}; so far {before}.",
        start=terminal.moment(first.start),
        policy=first.policy,
        before=terminal.moment(first.before),
        after=terminal.moment(first.after),
    )


def _say_kinds(kinds: Iterable[Kind], terminal: Terminal) -> None:
    terminal.say("The target on each kind of clock, from the same start:")
    for kind in kinds:
        terminal.line(f"  {target_in_words(kind.clock, kind.target, terminal)}  {terminal.moment(kind.due)}")


def _say_moves(moves: tuple[Move, ...], message: str, terminal: Terminal) -> None:
    if not moves:
        terminal.say("No deadline of a running clock changes; what is overdue or met stays as it is.")
        return
    earlier = sum(move.due_after < move.due_before for move in moves)
    terminal.say(message, count=len(moves), earlier=earlier, later=len(moves) - earlier)
    if overdue := sum(move.overdue for move in moves):
        terminal.say("Of them overdue at once, so that the policy's notice is left instead: {count}", count=overdue)
    columns = ("Handoff", "Lead", "Owner", "Due", "New deadline", "Remark")
    terminal.table(columns, [_row(move, terminal) for move in moves[:MOST]])
    if len(moves) > MOST:
        terminal.say("Not shown: {count}; --json lists them all.", count=len(moves) - MOST)


def _row(move: Move, terminal: Terminal) -> list[object]:
    lead = " ".join(part for part in (move.company, move.name) if part)
    due = [terminal.moment(at) for at in (move.due_before, move.due_after)]
    return [move.handoff_id, lead, move.owner, *due, terminal.words("overdue at once" if move.overdue else "")]
