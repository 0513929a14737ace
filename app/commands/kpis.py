"""`tasuki kpi`: the board, one figure by group, its rows, and how the company counts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands.documents import as_data, as_yaml, read_document
from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.kpi import LINES, Definition, Figure, Kpi, State
from app.domain.refusals import validated
from app.flows import cases, definitions, kpis, reports
from app.flows.kpis import USUAL_DAYS, By
from app.flows.visits import VisitRow
from app.pages.kpis import ROWS, basis_in_words, figure_in_words, group_in_words, title
from app.state import State as Tasuki

app = typer.Typer(no_args_is_help=True, help="The figures that sales and marketing look at together.")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, such as 2026-09-01.")]
Key = Annotated[Kpi, typer.Argument(help="Which figure.")]


def _wanted(c: Connection, state: Tasuki, first: datetime | None, last: datetime | None) -> cases.Asked:
    now = state.clock()
    until = last.date() if last else now.astimezone(state.settings.zone).date()
    since = first.date() if first else until - timedelta(days=USUAL_DAYS - 1)
    if until < since:
        raise CannotDo("The period ends before it begins.", USAGE)
    span = reports.period(since, until, state.settings.zone)
    return cases.Asked(span.since, span.until, now, definitions.newest(c)[1])


@app.command()
def board(first: Day = None, last: Day = None, as_json: AsJson = False) -> None:
    """All figures of a period, the last thirteen weeks unless asked otherwise."""
    with opened() as (state, terminal), state.database.read() as c:
        asked = _wanted(c, state, first, last)
        found = kpis.board(c, state.versions.read(c), asked)
        if as_json:
            terminal.json([_entry(figure, asked.definition, terminal) for figure in found])
            return
        columns = ("KPI", "Responsible", "Value", "Target", "Basis")
        terminal.table(columns, [_line(figure, asked.definition, terminal) for figure in found])
        terminal.say("`tasuki kpi rows KEY` lists what a figure is made of; the key is in the brackets.")


def _line(figure: Figure, definition: Definition, terminal: Terminal) -> list[object]:
    kpi, locale = figure.kpi, terminal.locale
    name = f"{title(kpi, locale)} [{kpi}]"
    told, basis = figure_in_words(figure, definition, locale), basis_in_words(kpi, definition, locale)
    return [name, terminal.words(LINES[kpi].owner), told, definition.targets.get(kpi), basis]


def _entry(figure: Figure, definition: Definition, terminal: Terminal) -> dict[str, Any]:
    return {
        "key": figure.kpi,
        "title": title(figure.kpi, terminal.locale),
        "value": figure.value,
        "target": definition.targets.get(figure.kpi),
        "rows": dict(figure.states),
        "people": figure.leads,
        "basis": basis_in_words(figure.kpi, definition, terminal.locale),
    }


@app.command()
def show(
    key: Key,
    by: Annotated[By, typer.Option(help="Broken down by this.")] = By.CHANNEL,
    first: Day = None,
    last: Day = None,
    as_json: AsJson = False,
) -> None:
    """One figure, whole and broken down."""
    with opened() as (state, terminal), state.database.read() as c:
        asked, policies = _wanted(c, state, first, last), state.versions.read(c)
        whole, groups = kpis.figure(c, policies, key, asked), kpis.grouped(c, policies, key, asked, by)
        if as_json:
            entries = [{"name": g.name, **_entry(g.figure, asked.definition, terminal)} for g in groups]
            terminal.json({**_entry(whole, asked.definition, terminal), "groups": entries})
            return
        terminal.line(title(key, terminal.locale), style="bold")
        terminal.line(basis_in_words(key, asked.definition, terminal.locale))
        lines = [
            (terminal.words("all"), whole),
            *((group_in_words(by, g.name, terminal.locale), g.figure) for g in groups),
        ]
        cells = [[name, figure_in_words(each, asked.definition, terminal.locale)] for name, each in lines]
        terminal.table(("Group", "Value"), cells)


@app.command()
def rows(
    key: Key,
    first: Day = None,
    last: Day = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The rows that a figure is made of, with what each says to it."""
    with opened() as (state, terminal), state.database.read() as c:
        found = kpis.rows(c, state.versions.read(c), key, _wanted(c, state, first, last), limit=limit)
        if as_json:
            terminal.json([asdict(row) if isinstance(row, VisitRow) else dict(row._mapping) for row in found.rows])
            return
        if key is Kpi.VISITS:
            days = [[terminal.moment(row.began_at), row.sessions, row.conversions] for row in found.rows]
            terminal.table(("Day", "Sessions", "Conversions"), days)
            return
        cells = [
            [
                f"{row.subject} {row.id}",
                row.company or row.name,
                row.owner,
                terminal.moment(row.began_at),
                terminal.moment(row.reached_at),
                terminal.words(ROWS[State(row.state)]),
            ]
            for row in found.rows
        ]
        terminal.table(("Row", "Lead", "Owner", "Begun", "Reached", "Counts as"), cells)
        if found.last:
            terminal.say("There are more; ask for them with --limit.")


@app.command("definition")
def definition_(as_json: AsJson = False) -> None:
    """How the company counts where the same word means different things, as a file for `define`."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            number, found = definitions.newest(c)
        if as_json:
            terminal.json({"version": number, "definition": as_data(found)})
            return
        terminal.line(f"# v{number}")
        terminal.raw(as_yaml(found.model_dump(mode="json")))


@app.command()
def define(
    file: Annotated[str, typer.Argument(help="YAML or JSON; - is stdin. What it does not name is as shipped.")],
) -> None:
    """Count like this from now on; figures name the version that they were counted by."""
    document = read_document(file)
    with opened() as (state, terminal), document.answerable():
        chosen = validated(Definition, document.data)
        with state.database.write() as c:
            number = definitions.choose(c, chosen, by=operator(), now=state.clock())
        terminal.say("Figures are counted by version {number} from now on.", number=number)
