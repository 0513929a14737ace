"""`tasuki deliveries …`: what the tools sent, why some of it was not understood, and once more."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson, Terminal
from app.flows import administer, lists
from app.flows.administer import Admin

app = typer.Typer(no_args_is_help=True, help="What the tools sent, and what became of it.")


class State(StrEnum):
    WAITING = "waiting"
    ASKING = "asking"
    APPLIED = "applied"
    QUARANTINED = "quarantined"


Source = Annotated[str | None, typer.Option(help="Only those of this source.")]


@app.command("list")
def list_(
    state_: Annotated[list[State] | None, typer.Option("--state", help="Only those in this state.")] = None,
    source: Source = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest deliveries first."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            page = lists.deliveries(c, states=state_ or (), source=source, limit=limit)
        if as_json:
            terminal.json([_entry(row) for row in page.rows])
            return
        columns = ("Number", "Received", "Source", "State", "Bytes", "Why")
        terminal.table(columns, [_row(row, terminal) for row in page.rows])
        if page.last:
            terminal.say("There are more; ask for them with --limit.")


def _entry(row: Any) -> dict[str, Any]:
    return dict(row._mapping) | {"reason": row.reason.split("\n") if row.reason else []}


def _row(row: Any, terminal: Terminal) -> list[object]:
    return [row.id, terminal.moment(row.received_at), row.source, terminal.words(row.state), row.bytes, row.reason]


@app.command()
def show(
    number: Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="Its number in `tasuki deliveries list`.")],
    as_json: AsJson = False,
) -> None:
    """One delivery with its body, as it was stored."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            row, body = lists.delivery(c, number), lists.payload(c, number)
        written = body.decode("utf-8", "backslashreplace")
        if as_json:
            terminal.json(_entry(row) | {"body": written})
            return
        terminal.line(
            f"#{row.id}  {terminal.moment(row.received_at)}  {row.source}  {terminal.words(row.state)}", style="bold"
        )
        for reason in (row.reason or "").split("\n"):
            terminal.line(f"  {reason}")
        terminal.line(written)


@app.command()
def replay(
    number: Annotated[
        int | None, typer.Argument(min=1, max=LARGEST_KEY, help="One delivery; else everything in quarantine.")
    ] = None,
    source: Source = None,
) -> None:
    """Read deliveries again from the bytes that were kept, after a mapping or a credential was mended."""
    if number is not None and source is not None:
        raise CannotDo("Give a number or --source, not both.", USAGE)
    with opened() as (state, terminal):
        admin, count = Admin(operator(), state.clock()), 1
        with state.database.write() as c:
            if number is not None:
                administer.replay(c, admin, number)
            else:
                count = administer.replay_quarantined(c, admin, source)
        terminal.say(
            "{count} deliveries will be read again as soon as `tasuki serve` or `tasuki worker` runs.", count=count
        )
