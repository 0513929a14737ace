"""`tasuki bursts …`: many leads at once, and how their deadlines are set."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson
from app.flows import bursts

app = typer.Typer(no_args_is_help=True, help="Many leads that qualified at once.")


class Handling(StrEnum):
    NORMAL = "normal"
    STAGGER = "stagger"
    EXCLUDE = "exclude"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """The newest bursts first."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            rows = bursts.newest(c)
        if as_json:
            terminal.json([dict(row._mapping) for row in rows])
            return
        columns = ("Number", "Source", "Since", "Until", "Leads", "Deadlines")
        terminal.table(
            columns,
            [
                [
                    row.id,
                    row.source or "",
                    terminal.moment(row.began_at),
                    terminal.moment(row.ended_at),
                    row.leads,
                    terminal.words(bursts.DEADLINES[row.handling]),
                ]
                for row in rows
            ],
        )


@app.command()
def handle(
    number: Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="Its number in `tasuki bursts list`.")],
    handling: Annotated[Handling, typer.Argument(help="normal, stagger (a share every business day) or exclude.")],
) -> None:
    """Time the open leads of a burst in another way."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            policies = state.versions.read(c)
            try:
                moved = bursts.handle(c, number, handling.value, by=operator(), policies=policies, now=state.clock())
            except bursts.NoSuchBurst:
                raise CannotDo("There is no burst {number}.", USAGE, number=number) from None
        terminal.say("{n} deadlines were set anew.", n=moved)
