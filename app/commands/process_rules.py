"""`tasuki process-rule …`: rules about the data that the teams agreed on, and whether the data shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.process_rule import Agreed
from app.domain.quality import Kind
from app.flows import process_rules
from app.flows.actions import Person
from app.flows.process_rules import Standing
from app.state import State

app = typer.Typer(no_args_is_help=True, help="Rules about the data that the teams agreed on, and whether it is so.")

Key = Annotated[str, typer.Argument(help="Its key, such as log-within-2h.")]
Check = Annotated[Kind | None, typer.Option(help="The kind of `tasuki quality` whose cases violate it.")]
Most = Annotated[int | None, typer.Option(min=0, max=10**6, help="How many cases are tolerated.")]
AgreedOn = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When it was agreed on; else today.")]
Series = Annotated[str | None, typer.Option(help="The series of the meeting that decided it.")]
Meeting = Annotated[int | None, typer.Option(min=1, max=100_000, help="The number of that meeting.")]


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Withdrawn ones as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Rules that apply, with what the data of the last seven days says of each."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            policies, zone = state.versions.read(c), state.settings.zone
            found = process_rules.standing(c, policies, zone, state.clock(), withdrawn=everything)
        if as_json:
            terminal.json([_plain(each) for each in found])
            return
        columns = ("Key", "Version", "Rule", "Check", "Agreed on", "State")
        terminal.table(columns, [_cells(each, terminal) for each in found])


def _cells(each: Standing, terminal: Terminal) -> list[object]:
    row = each.rule
    return [row.key, row.version, row.text, row.check, row.agreed_on, each.in_words(terminal.locale)]


def _plain(each: Standing) -> dict[str, Any]:
    seen = {"state": each.state, "cases": each.cases, "since": each.since, "days": each.days}
    return dict(each.rule._mapping) | seen


@app.command()
def show(key: Key, as_json: AsJson = False) -> None:
    """One rule with all its versions."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            rows = process_rules.versions(c, key)
            standing = _standing(c, rows[0], state)
        if as_json:
            terminal.json(_plain(standing) | {"versions": [dict(row._mapping) for row in rows]})
            return
        _say(standing, terminal)
        cells = [
            [row.version, row.text, row.check, row.most, row.agreed_on, row.by, row.withdrawn_reason] for row in rows
        ]
        columns = ("Version", "Rule", "Check", "Tolerated", "Agreed on", "By", "Withdrawn because")
        terminal.table(columns, cells)


@app.command()
def add(
    key: Key,
    text: Annotated[str, typer.Argument(help="The rule as you agreed on it.")],
    check: Check = None,
    most: Most = None,
    agreed_on: AgreedOn = None,
    series: Series = None,
    meeting: Meeting = None,
) -> None:
    """A new rule."""

    def agree(c: Connection, person: Person) -> Any:
        day = agreed_on.date() if agreed_on else person.today
        return process_rules.add(c, person, key, Agreed(text, check, most or 0, day, series, meeting))

    _write(agree)


@app.command()
def change(
    key: Key,
    text: Annotated[str | None, typer.Argument(help="The rule as you agreed on it.")] = None,
    check: Check = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="No query shows it.")] = False,
    most: Most = None,
    agreed_on: AgreedOn = None,
    series: Series = None,
    meeting: Meeting = None,
) -> None:
    """Its next version, agreed on today; what is not given stays. A rule that was withdrawn applies again."""

    def agree(c: Connection, person: Person) -> Any:
        given = {"text": text, "check": check, "most": most, "series_key": series, "meeting_number": meeting}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if no_check:
            changes["check"] = None
        changes["agreed_on"] = agreed_on.date() if agreed_on else person.today
        return process_rules.change(c, person, key, changes)

    _write(agree)


@app.command()
def withdraw(key: Key, reason: Annotated[str, typer.Option(help="Why it applies no more.")]) -> None:
    """It applies no more; why is kept."""
    _write(lambda c, person: process_rules.withdraw(c, person, key, reason))


def _write(change_it: Callable[[Connection, Person], Any]) -> None:
    with opened() as (state, terminal):
        with state.database.write() as c:
            standing = _standing(c, change_it(c, _person(state)), state)
        _say(standing, terminal)


def _person(state: State) -> Person:
    now = state.clock()
    return Person(operator(), now, now.astimezone(state.settings.zone).date())


def _standing(c: Connection, row: Any, state: State) -> Standing:
    return process_rules.standing_of(c, row, state.versions.read(c), state.settings.zone, state.clock())


def _say(standing: Standing, terminal: Terminal) -> None:
    row = standing.rule
    terminal.line(f"{row.key} v{row.version}: {row.text}", style="bold")
    terminal.line(standing.in_words(terminal.locale))
