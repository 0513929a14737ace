"""`tasuki source check|test|schema`: a source tried out before anybody relies on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import typer

from app.commands.opening import opened
from app.commands.printing import AsJson, Terminal
from app.commands.sources import Name, webhook_url
from app.domain.quality import mapping_line
from app.flows import trial
from connectors.contract import CanonicalEvent, Problem


def check(name: Name, as_json: AsJson = False) -> None:
    """Ask the tool whether the source may read what it needs; exit code 1 if something is to be mended."""
    with opened() as (state, terminal):
        found = trial.look_at(trial.open_source(state.directory, name, state.clock()), state.http)
        if as_json:
            terminal.json(asdict(found))
        else:
            _show_look(terminal, name, found)
    if not found.well:
        raise typer.Exit(1)


def _show_look(terminal: Terminal, name: str, found: trial.Look) -> None:
    if found.account:
        terminal.say("{name} speaks for {account}.", name=name, account=found.account)
    _show_problems(terminal, found.problems)
    _show_unmapped(terminal, name, found.unmapped)
    if found.well:
        terminal.say("Everything that the source needs can be read.")


def rehearse(name: Name, as_json: AsJson = False) -> None:
    """Send the tool's own sample through the source and show what comes out. Nothing is written down."""
    with opened() as (state, terminal):
        now = state.clock()
        source = trial.open_source(state.directory, name, now)
        found = trial.rehearse(source, webhook_url(state.settings, name), now)
        if as_json:
            terminal.json(_as_json(found))
        else:
            _show_rehearsal(terminal, name, found)
    if found.refused or found.problems:
        raise typer.Exit(1)


def _as_json(found: trial.Rehearsal) -> dict[str, Any]:
    events = [trial.shown_event(event) for event in found.events]
    rest = {key: value for key, value in asdict(found).items() if key not in ("request", "events")}
    return {"events": events, **rest}


def _show_rehearsal(terminal: Terminal, name: str, found: trial.Rehearsal) -> None:
    if found.refused:
        terminal.say("The sample would be answered 401: {why}", why=found.refused)
        return
    rows = [_event_row(terminal, event) for event in found.events]
    if rows:
        terminal.table(("Event", "When", "Lead", "What"), rows)
    for lookup in found.lookups:
        terminal.say("The tool would be asked about {what}.", what=f"{lookup.object_type} {lookup.object_id}")
    _show_problems(terminal, found.problems)
    _show_unmapped(terminal, name, found.unmapped)
    terminal.say("This was a rehearsal: nothing was written down.")


def _event_row(terminal: Terminal, event: CanonicalEvent) -> list[object]:
    said = ", ".join(f"{key}={value}" for key, value in event.data.items() if value is not None)
    lead = ", ".join(f"{known.system}:{known.value}" for known in event.lead)
    return [event.kind.value, terminal.moment(event.occurred_at), lead, said]


def _show_problems(terminal: Terminal, problems: Sequence[Problem]) -> None:
    for problem in problems:
        terminal.line(f"✗ {problem.place}: {problem.reason}" if problem.place else f"✗ {problem.reason}")


def _show_unmapped(terminal: Terminal, name: str, unmapped: Sequence[trial.UnmappedStatus]) -> None:
    """As lines to be put into the configuration: nothing is ever guessed."""
    if not unmapped:
        return
    terminal.say("These statuses have no meaning yet. Decide, and add them to the configuration of {name}:", name=name)
    terminal.line("statuses:")
    for status in unmapped:
        terminal.line("  " + mapping_line(status.word, status.likely))


def schema(name: Name, as_json: AsJson = False) -> None:
    """Which of the tool's fields arrived in the newest 500 deliveries, and what each is read as."""
    with opened() as (state, terminal):
        source = trial.open_source(state.directory, name, state.clock())
        with state.database.read() as c:
            found = trial.schema(c, source)
        if as_json:
            terminal.json(asdict(found))
            return
        rows = [[f.object, f.field, f.meaning or "—", f.count] for f in found.fields]
        terminal.table(("Object", "Field", "Read as", "Arrived"), rows)
        terminal.say("Counted in the newest {count} deliveries.", count=found.deliveries)
