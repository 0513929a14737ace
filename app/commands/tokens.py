"""`tasuki token …`: bearer tokens for the REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson
from app.flows import administer, tokens
from app.flows.administer import Admin
from app.flows.tokens import Scope

app = typer.Typer(no_args_is_help=True, help="Tokens for the REST API.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    scope: Annotated[list[Scope], typer.Option(help="What it allows: write holds read, admin holds all.")],
    as_json: AsJson = False,
) -> None:
    """Make a token; it is printed this once."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            secret = administer.create_token(c, Admin(operator(), state.clock()), name, scope)
        if as_json:
            terminal.json({"name": name, "scopes": sorted(set(scope)), "token": secret})
            return
        terminal.say("Token for {name}, shown only now:", name=name)
        terminal.line(f"  {secret}", style="bold")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """All tokens, the revoked ones too."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = tokens.listed(c)
        if as_json:
            terminal.json([{name: getattr(t, name) for name in t.__slots__} for t in found])
            return
        rows = [
            (t.id, t.name, " ".join(sorted(t.scopes)), terminal.moment(t.created_at), terminal.moment(t.revoked_at))
            for t in found
        ]
        terminal.table(("Number", "Name", "Scopes", "Made", "Revoked"), rows)


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="Its number in `tasuki token list`.")],
) -> None:
    """From the next request on the token opens nothing."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            administer.revoke_token(c, Admin(operator(), state.clock()), number)
        terminal.say("Token {number} is revoked.", number=number)
