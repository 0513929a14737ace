"""`tasuki action …`: who does what until when."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson, Terminal
from app.domain import action as decide
from app.domain.action import ActionState, Promise, StepKind
from app.domain.refusals import refused
from app.flows import actions
from app.flows.actions import Origin, Person
from app.flows.meetings import DEFAULT
from app.flows.policies import newest_calendar
from app.state import State

app = typer.Typer(no_args_is_help=True, help="What meetings decided that somebody does.")

Number = Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="Its number in `tasuki action list`.")]
Due = Annotated[str, typer.Option("--due", help="2026-10-08, 10/8, 2週間以内, within 10 days.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
#: Items that a list shows.
LISTED = 200


def _person(state: State) -> Person:
    now = state.clock()
    return Person(operator(), now, now.astimezone(state.settings.zone).date())


def _due(c: Connection, words: str, person: Person) -> date:
    return decide.due_in_words(words, person.today, newest_calendar(c, "default")[2])


@app.command()
def add(
    sentence: Annotated[
        str, typer.Argument(help="「伊藤が、2週間以内に、提案書を見直す。完了基準: …」, or the options below.")
    ] = "",
    owner: Annotated[str, typer.Option(help="Who does it: one person.")] = "",
    due: Due = "",
    text: Annotated[str, typer.Option(help="What is to be done.")] = "",
    done_when: Annotated[
        str, typer.Option(help="How one sees that it is done. 'attainment >= 90%' is checked by itself.")
    ] = "",
    email: Annotated[str | None, typer.Option(help="The owner's address.")] = None,
    series: Annotated[str, typer.Option(help="The meeting series.")] = DEFAULT,
    meeting: Annotated[int | None, typer.Option(min=1, help="The meeting that decided it.")] = None,
) -> None:
    """A new action item; owner, due date and definition of done are mandatory."""
    with opened() as (state, terminal):
        person = _person(state)
        said = decide.read_sentence(sentence) if sentence else decide.Said(owner, due, text, "")
        if not said.due:
            raise refused("/due", "needed", "Say until when.")
        with state.database.write() as c:
            promise = Promise(said.owner, _due(c, said.due, person), said.text, said.done_when or done_when)
            row = actions.add(c, person, promise, Origin(series, meeting), email)
        terminal.say("Action item {number} is entered: {sentence}", number=row.id, sentence=_sentence(row, terminal))


@app.command("list")
def list_(
    state_: Annotated[ActionState | None, typer.Option("--state", help="Only these.")] = ActionState.OPEN,
    everything: Annotated[bool, typer.Option("--all", help="Closed ones as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Action items, the open ones unless asked otherwise."""
    with opened() as (state, terminal):
        today = _person(state).today
        with state.database.read() as c:
            found = actions.listed(c, state=None if everything else state_, limit=LISTED)
        if as_json:
            terminal.json([dict(row._mapping) for row in found.rows])
            return
        columns = ("Number", "Owner", "Due", "What", "Definition of done", "State")
        terminal.table(columns, [_cells(row, terminal, today) for row in found.rows])


def _cells(row: Any, terminal: Terminal, today: date) -> list[object]:
    return [row.id, row.owner, row.due_on, row.text, row.done_when, standing(row, terminal, today)]


def standing(row: Any, terminal: Terminal, today: date) -> str:
    told = [terminal.words(decide.STATES[ActionState(row.state)])]
    if row.state == ActionState.OPEN and row.due_on < today:
        told.append(terminal.words("overdue"))
    if row.carried:
        told.append(terminal.words("carried over {count} times", count=row.carried))
    return terminal.words(", ").join(told)


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """One action item with everything that was said about it."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            row, steps = actions.read(c, number)
        if as_json:
            terminal.json(dict(row._mapping) | {"steps": [dict(step._mapping) for step in steps]})
            return
        terminal.line(_sentence(row, terminal), style="bold")
        terminal.line(standing(row, terminal, _person(state).today))
        cells = [
            [terminal.moment(s.at), s.by, terminal.words(decide.STEPS[StepKind(s.kind)]), s.due_on, s.text]
            for s in steps
        ]
        terminal.table(("When", "Who", "What", "Due", "Said"), cells)


def _sentence(row: Any, terminal: Terminal) -> str:
    return decide.sentence(Promise(row.owner, row.due_on, row.text, row.done_when), terminal.zone, terminal.locale)


@app.command()
def edit(
    number: Number,
    owner: Annotated[str | None, typer.Option(help="Who does it: one person.")] = None,
    due: Due = "",
    text: Annotated[str | None, typer.Option(help="What is to be done.")] = None,
    done_when: Annotated[str | None, typer.Option(help="How one sees that it is done.")] = None,
) -> None:
    """Put it right; what is not given stays."""
    with opened() as (state, terminal):
        person = _person(state)
        given = {"owner": owner, "text": text, "done_when": done_when}
        with state.database.write() as c:
            changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
            if due:
                changes["due_on"] = _due(c, due, person)
            row = actions.edit(c, person, number, changes)
        terminal.line(_sentence(row, terminal))


@app.command()
def report(number: Number, said: Annotated[str, typer.Argument(help="How it stands.")]) -> None:
    """Say how it stands."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            actions.report(c, _person(state), number, said)
        terminal.say("Noted.")


@app.command()
def carry(number: Number, due: Due, reason: Reason) -> None:
    """Not done: the reason and the new date."""
    with opened() as (state, terminal):
        person = _person(state)
        with state.database.write() as c:
            row = actions.carry(c, person, number, reason, _due(c, due, person))
        terminal.line(_sentence(row, terminal))


@app.command()
def done(number: Number, reason: Reason = "") -> None:
    """Its definition of done is fulfilled."""
    _close(number, StepKind.DONE, reason)


@app.command()
def drop(number: Number, reason: Reason) -> None:
    """Give it up, with the reason."""
    _close(number, StepKind.DROPPED, reason)


@app.command()
def reopen(number: Number, reason: Reason) -> None:
    """It was not done after all."""
    _close(number, StepKind.REOPENED, reason)


def _close(number: int, kind: StepKind, reason: str) -> None:
    with opened() as (state, terminal):
        with state.database.write() as c:
            row = actions.close(c, _person(state), number, kind, reason)
        terminal.line(standing(row, terminal, _person(state).today))
