"""`tasuki absence …`: owners who are away, and who hears of their leads meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson
from app.flows import absences

app = typer.Typer(no_args_is_help=True, help="Owners who are away, and who hears of their leads.")

FORMATS = ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M%z"]
Moment = Annotated[datetime, typer.Argument(formats=FORMATS, help="Such as 2026-09-24 or `2026-09-24 13:00`.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Absences that are not over, the earliest first."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            rows = absences.current(c, state.clock())
        if as_json:
            terminal.json([dict(row._mapping) for row in rows])
            return
        cells = [
            [row.id, row.owner, terminal.moment(row.since), terminal.moment(row.until), row.delegate] for row in rows
        ]
        terminal.table(("Number", "Owner", "Since", "Until", "Delegate"), cells)


@app.command()
def add(
    owner: Annotated[str, typer.Argument(help="The tool's id of the owner.")],
    since: Moment,
    until: Moment,
    delegate: Annotated[str, typer.Option(help="Address that hears of the leads; else the policy's intake.")] = "",
) -> None:
    """Alerts for the owner go to the delegate meanwhile. The clock goes on."""
    with opened() as (state, terminal):
        zone = state.settings.zone
        first, last = (at if at.tzinfo else at.replace(tzinfo=zone) for at in (since, until))
        with state.database.write() as c:
            made = absences.add(
                c, owner=owner, since=first, until=last, delegate=delegate, by=operator(), now=state.clock()
            )
        terminal.say("Absence {number} is entered.", number=made)


@app.command()
def remove(
    number: Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="Its number in `tasuki absence list`.")],
) -> None:
    """The owner is back."""
    with opened() as (state, terminal):
        try:
            with state.database.write() as c:
                absences.remove(c, number, by=operator(), now=state.clock())
        except absences.NoSuchAbsence:
            raise CannotDo("There is no absence {number}.", USAGE, number=number) from None
        terminal.say("Absence {number} is removed.", number=number)
