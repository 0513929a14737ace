"""`tasuki identities …`: who is who, where only a person can know."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import Connection

from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson, Terminal
from app.domain.agenda import Lead
from app.flows import lists, people
from app.flows.messages import who
from app.flows.people import Decider, Question, Somebody, Whom
from app.pages.quality_cases import DOUBTS
from connectors.contract import ExternalId

app = typer.Typer(invoke_without_command=True, help="Who is who: what is in doubt, and deciding it.")

#: What a database key can be.
NUMBER = re.compile(r"[0-9]{1,18}")
Leads = Annotated[list[str], typer.Argument(help="Numbers of leads, or SYSTEM:ID such as salesforce:00Q….")]
Note = Annotated[str, typer.Option(help="Why, for whoever asks later.")]


@app.callback()
def identities(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What people have to decide about who is who."""
    if ctx.invoked_subcommand is not None:
        return
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = people.questions(c, limit=limit)
        if as_json:
            terminal.json([asdict(question) for question in found.rows])
        elif not found.rows:
            terminal.say("Nothing is in doubt.")
        else:
            _print(found, terminal)


def _print(found: lists.Page, terminal: Terminal) -> None:
    columns = ("Lead", "Known as", "In doubt", "Shared with")
    terminal.table(columns, [_row(question, terminal) for question in found.rows])
    terminal.say("Decide with `tasuki identities join`, `part` or `split`; --help says how.")
    if found.last:
        terminal.say("There are more; ask for them with --limit.")


def _row(question: Question, terminal: Terminal) -> list[object]:
    others = [f"{other.id} {_called(other, terminal)}".strip() for other in question.others]
    if question.count > len(others):
        others.append(terminal.words("and {count} more", count=question.count - len(others)))
    ids = "\n".join(people.spelled(one) for one in question.ids)
    return [question.lead.id, ids, terminal.words(DOUBTS[question.why]), "\n".join(others)]


def _called(lead: Somebody, terminal: Terminal) -> str:
    return who(Lead(lead.id, lead.name, lead.company), terminal.locale) if lead.name or lead.company else ""


@app.command()
def join(leads: Leads, note: Note = "") -> None:
    """These are one person; the oldest lead stays, with one clock."""
    _decide(lambda c, decider: people.join(c, _whom(leads), decider), note)


@app.command()
def part(leads: Leads, note: Note = "") -> None:
    """These are different people, whatever they share."""
    _decide(lambda c, decider: people.part(c, _whom(leads), decider), note)


@app.command()
def split(
    lead: Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="Number of the lead.")],
    ids: Annotated[list[str], typer.Argument(help="SYSTEM:ID of what is somebody else's.")],
    note: Note = "",
) -> None:
    """These ids of a lead are somebody else; their facts go with them."""
    _decide(lambda c, decider: people.split(c, lead, [_id(written) for written in ids], decider), note)


def _decide(decide: Callable[[Connection, Decider], Sequence[int]], note: str) -> None:
    with opened() as (state, terminal):
        try:
            with state.database.write() as c:
                leads = decide(c, Decider(operator(), state.clock(), state.versions.read(c), note))
                files = [lists.lead(c, lead_id) for lead_id in leads]
        except lists.NoSuchLead as unknown:
            raise CannotDo("There is no lead {key}.", key=unknown) from None
        rows = [(file.lead.id, "\n".join(f"{system}:{value}" for system, value in file.identities)) for file in files]
        terminal.table(("Lead", "Known as"), rows)


def _whom(written: Sequence[str]) -> Whom:
    numbers = [word for word in written if NUMBER.fullmatch(word)]
    return Whom(list(map(int, numbers)), [_id(word) for word in written if word not in numbers])


def _id(written: str) -> ExternalId:
    system, _, value = written.partition(":")
    if not system or not value.strip():
        raise CannotDo("Write system and id, such as salesforce:00Q5i000001Abcd.", USAGE)
    return people.meant(system, value)
