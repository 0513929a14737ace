"""`tasuki channel …`: which channel a source's word means."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.channel import NAMES, ChannelKey
from app.flows import channels
from app.flows.channels import Listing

app = typer.Typer(no_args_is_help=True, help="Which channel a lead's source means.")

Raw = Annotated[str, typer.Argument(help="The word as a tool or a budget writes it.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """What the words mean, and which ones wait for a decision."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = channels.listing(c)
        if as_json:
            terminal.json(asdict(found))
            return
        _show_decided(found, terminal)
        _show_unmapped(found, terminal)


def _show_decided(found: Listing, terminal: Terminal) -> None:
    cells = [
        [one.raw, terminal.words(NAMES[one.channel]), one.leads, terminal.moment(one.set_at), one.set_by]
        for one in found.decided
    ]
    if cells:
        terminal.table(("Word", "Marketing channel", "Leads", "Set at", "Set by"), cells)


def _show_unmapped(found: Listing, terminal: Terminal) -> None:
    terminal.say(
        "The channel of {unknown} of {leads} leads is unknown; of {bare} of them no source is known.",
        unknown=found.unknown,
        leads=found.leads,
        bare=found.without_source,
    )
    if not found.unmapped:
        return
    cells = [
        [one.raw, one.leads, one.visits, one.spend, f"{one.suggestion} ({terminal.words(NAMES[one.suggestion])})"]
        if one.suggestion
        else [one.raw, one.leads, one.visits, one.spend, None]
        for one in found.unmapped
    ]
    terminal.table(("Word without a channel", "Leads", "Rows of visits", "Lines of spend", "Usually means"), cells)
    terminal.say("`tasuki channel set WORD CHANNEL` says what a word means.")


@app.command("set")
def set_(raw: Raw, channel: Annotated[ChannelKey, typer.Argument(help="The channel.")]) -> None:
    """From now on the word means that channel, in past figures too."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            key = channels.decide(c, raw, channel, by=operator(), now=state.clock())
            leads = channels.one(c, key).leads
        name = terminal.words(NAMES[channel])
        terminal.say("{word} means the channel {channel}: {count} leads.", word=key, channel=name, count=leads)


@app.command()
def remove(raw: Raw) -> None:
    """The word means no channel again."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            channels.remove(c, raw, by=operator(), now=state.clock())
        terminal.say("{word} means no channel any more.", word=raw)
