"""`tasuki content …`: what content there is, and what has to be reviewed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.content import MOST_MONTHS, STAGES, STALE_AFTER, Described, Stage
from app.domain.refusals import validated
from app.flows import contents
from app.flows.contents import NoSuchContent, Registered

app = typer.Typer(no_args_is_help=True, help="Content, who keeps it up to date, and what has to be reviewed.")

Asset = Annotated[str, typer.Argument(help="Its id, as activities name it.")]


@app.command("list")
def list_(
    stale: Annotated[
        bool, typer.Option("--stale", help="Only what nobody has reviewed for long, or ever; the most used first.")
    ] = False,
    months: Annotated[int, typer.Option(min=1, max=MOST_MONTHS, help="How long that is.")] = STALE_AFTER,
    as_json: AsJson = False,
) -> None:
    """All content, or what has to be reviewed."""
    with opened() as (state, terminal):
        now = state.clock()
        today = now.astimezone(state.settings.zone).date()
        with state.database.read() as c:
            found = contents.stale(c, now, today, months) if stale else contents.listed(c, now)
        if as_json:
            terminal.json([_entry(one) for one in found])
            return
        columns = ("Asset", "Title", "Topic", "Funnel stage", "Owner", "Last reviewed", "Uses in 90 days")
        terminal.table(columns, [_row(one, terminal) for one in found])


def _entry(one: Registered) -> dict[str, Any]:
    return {"asset": one.asset, "content": one.described.model_dump(mode="json"), "activities_90_days": one.lately}


def _row(one: Registered, terminal: Terminal) -> list[object]:
    known = one.described
    stage = terminal.words(STAGES[known.stage]) if known.stage else None
    return [one.asset, known.title, known.topic, stage, known.owner, known.last_reviewed, one.lately]


@app.command("set")
def set_(
    asset: Asset,
    title: Annotated[str | None, typer.Option(help="Its title.")] = None,
    topic: Annotated[str | None, typer.Option(help="What it is about.")] = None,
    stage: Annotated[Stage | None, typer.Option(help="Where in the funnel it helps.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who keeps it up to date.")] = None,
    reviewed: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day on which somebody reviewed it.")
    ] = None,
) -> None:
    """Register content, or change what is known of it; what is not named stays."""
    given = {"title": title, "topic": topic, "stage": stage, "owner": owner}
    changes = {name: value for name, value in given.items() if value is not None}
    if reviewed:
        changes["last_reviewed"] = reviewed.date()  # type: ignore[assignment]
    if not changes:
        raise CannotDo("Say what is known of it, for instance --owner Sato.", USAGE)
    with opened() as (state, terminal):
        now = state.clock()
        today = now.astimezone(state.settings.zone).date()
        with state.database.write() as c:
            described = validated(Described, _before(c, asset) | changes)
            key = contents.describe(c, asset, described, by=operator(), now=now, today=today)
        terminal.say("Registered: {asset}.", asset=key)


def _before(c: Any, asset: str) -> dict[str, Any]:
    try:
        return contents.read(c, asset.strip()).model_dump()
    except NoSuchContent:
        return {}


@app.command()
def remove(asset: Asset) -> None:
    """It is not kept any more."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            contents.remove(c, asset, by=operator(), now=state.clock())
        terminal.say("{asset} is not kept any more.", asset=asset)
