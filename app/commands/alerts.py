"""`tasuki alerts …`: the messages that were owed, and what became of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson, Terminal
from app.flows import administer, lists
from app.flows.administer import Admin

app = typer.Typer(no_args_is_help=True, help="Messages that are owed, and what became of them.")


class State(StrEnum):
    OWED = "owed"
    SENT = "sent"
    DROPPED = "dropped"
    UNDELIVERABLE = "undeliverable"


@app.command("list")
def list_(
    state_: Annotated[list[State] | None, typer.Option("--state", help="Only those in this state.")] = None,
    handoff: Annotated[int | None, typer.Option(min=1, max=LARGEST_KEY, help="Only those about this handoff.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest alerts first."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            page = lists.alerts(c, states=state_ or (), handoff_id=handoff, limit=limit)
        if as_json:
            terminal.json([dict(row._mapping) for row in page.rows])
            return
        columns = ("Number", "Handoff", "Reason", "To", "State", "When", "Last error")
        terminal.table(columns, [_row(row, terminal) for row in page.rows])
        if page.last:
            terminal.say("There are more; ask for them with --limit.")


def _row(row: Any, terminal: Terminal) -> list[object]:
    reason, state, when = (
        terminal.words(row.reason),
        terminal.words(row.state),
        terminal.moment(row.sent_at or row.owed_at),
    )
    return [row.id, row.handoff_id, reason, f"{row.channel}: {row.recipient}", state, when, row.last_error]


@app.command()
def retry(
    numbers: Annotated[
        list[int] | None, typer.Argument(min=1, max=LARGEST_KEY, help="Their numbers; else all that are undeliverable.")
    ] = None,
) -> None:
    """Owe undeliverable alerts again; each is sent if it is still true."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            count = administer.retry_alerts(c, Admin(operator(), state.clock()), numbers or None)
        terminal.say("{count} alerts are owed again.", count=count)
