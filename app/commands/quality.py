"""`tasuki quality`: what the data leaves to be mended, as a list of things to do, and every case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

import typer

from app.commands.opening import opened
from app.commands.printing import AsJson, Terminal
from app.domain.quality import Kind, Logging, Look
from app.flows import quality
from app.flows.lists import Page
from app.pages.quality_cases import CASES


def quality_(
    kind: Annotated[Kind | None, typer.Argument(help="List every case of this kind; else what there is to do.")] = None,
    days: Annotated[int, typer.Option(min=1, max=quality.MOST_DAYS, help="How many days back.")] = quality.DAYS,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What the data leaves to be mended: a list of things to do, or every case of one kind."""
    with opened() as (state, terminal), state.database.read() as c:
        look = Look(state.clock(), days, state.versions.read(c))
        if kind is None:
            _to_do(quality.tasks(c, look), terminal, as_json=as_json)
        else:
            _cases(kind, quality.rows(c, kind, look, limit=limit), terminal, as_json=as_json)


def _to_do(tasks: Sequence[quality.Task], terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json([{"kind": t.kind, "count": t.tally.count, "oldest_at": t.tally.oldest} for t in tasks])
        return
    terminal.table(("Kind", "What", "Count", "Oldest", "To do"), [_task(task, terminal) for task in tasks])
    terminal.say("`tasuki quality KIND` lists every case.")


def _task(task: quality.Task, terminal: Terminal) -> list[object]:
    remedy = terminal.words(task.remedy) if task.tally.count else ""
    return [task.kind, terminal.words(task.title), task.tally.count, terminal.moment(task.tally.oldest), remedy]


def _cases(kind: Kind, page: Page, terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json([_plain(row) for row in page.rows])
        return
    if not page.rows:
        terminal.say("Nothing to mend here.")
        return
    columns, cells = CASES[kind]
    terminal.table(columns, [cells(row, terminal) for row in page.rows])
    terminal.line(terminal.words(quality.WORDS[kind][1]))
    if page.last:
        terminal.say("There are more; ask for them with --limit.")


def _plain(row: Any) -> Any:
    """As it was found; times of a length in seconds."""
    if isinstance(row, Logging):
        counted = {"whose": row.whose, "everybody": row.everybody, "recorded": row.late.whole, "late": row.late.part}
        spans = {"median_seconds": row.median.total_seconds(), "p90_seconds": row.p90.total_seconds()}
        return counted | spans | {"oldest_at": row.oldest}
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else dict(row._mapping)
