"""`tasuki lead …`: what sales should know of a lead, what it says of that, and what marketing hears back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands.failures import USAGE, CannotDo
from app.commands.handoffs import NUMBER
from app.commands.opening import opened, operator
from app.commands.printing import LARGEST_KEY, AsJson, Terminal
from app.domain.completeness import Said, Wanted
from app.domain.refusals import validated
from app.flows import brief as briefs
from app.flows import brief_feedback, brief_fields, outcome_digests, reports, search
from app.flows.kpis import USUAL_DAYS
from app.flows.messages import who
from app.pages.brief import completeness_in_words, field_in_words, score_in_words, sections

app = typer.Typer(no_args_is_help=True, help="What sales should know of a lead, and what marketing hears back.")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, such as 2026-09-01.")]


@app.command()
def brief(
    lead: Annotated[str, typer.Argument(help="The lead's number, company/name, e-mail address or a tool's id.")],
    as_json: AsJson = False,
) -> None:
    """What to know before the first call: activities, topics, past touches, earlier handoffs, what is missing."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = briefs.read(c, _lead(c, lead, terminal))
        told = sections(found, terminal.locale, terminal.zone)
        if as_json:
            terminal.json({"lead_id": found.lead.id, "sections": [asdict(each) for each in told]} | _score(found))
            return
        terminal.line(who(found.lead, terminal.locale), style="bold")
        for section in told:
            terminal.line()
            terminal.line(section.title, style="bold")
            for line in section.lines:
                terminal.line(f"  {line}")
        terminal.line()
        terminal.say("Completeness {score}", score=score_in_words(found.score, terminal.locale))


def _score(found: briefs.Brief) -> dict[str, Any]:
    score = found.score
    return {"completeness": {"present": score.present, "wanted": score.wanted, "missing": list(score.missing)}}


def _lead(c: Connection, words: str, terminal: Terminal) -> int:
    if NUMBER.fullmatch(words) and not search.leads(c, words):
        return int(words)
    found = search.leads(c, words)
    if not found:
        raise CannotDo("No lead is known as {words}.", words=words)
    if len(found) > 1:
        terminal.table(("Lead", "Company", "Name"), [(row.id, row.company, row.name) for row in found])
        raise CannotDo("Several leads are called like that; name one by its number.")
    return int(found[0].id)


@app.command()
def helpful(
    handoff: Annotated[int, typer.Argument(min=1, max=LARGEST_KEY, help="The handoff's number.")],
    yes: Annotated[bool | None, typer.Option("--yes/--no", help="Whether the brief helped.")] = None,
    note: Annotated[str, typer.Option(help="What helped, or what was missing.")] = "",
    by: Annotated[str, typer.Option(help="Who says so; else you.")] = "",
) -> None:
    """Say whether the brief of a handoff helped; of each person the newest word counts."""
    if yes is None:
        raise CannotDo("Write --yes or --no.", USAGE)
    with opened() as (state, terminal):
        said = validated(Said, {"note": note, "by": by})
        with state.database.write() as c:
            who_says = said.by or operator()
            brief_feedback.rate(
                c, handoff, helpful=yes, note=said.note, by=who_says, actor=operator(), now=state.clock()
            )
        terminal.say("Thank you; marketing sees it in the completeness of briefs.")


@app.command()
def completeness(first: Day = None, last: Day = None, as_json: AsJson = False) -> None:
    """How complete the briefs of a period's MQLs are, the last thirteen weeks unless asked otherwise."""
    with opened() as (state, terminal):
        until = last.date() if last else state.clock().astimezone(state.settings.zone).date()
        since = first.date() if first else until - timedelta(days=USUAL_DAYS - 1)
        if until < since:
            raise CannotDo("The period ends before it begins.", USAGE)
        span = reports.period(since, until, state.settings.zone)
        with state.database.read() as c:
            found = briefs.completeness(c, span.since, span.until)
        if as_json:
            terminal.json(asdict(found))
            return
        terminal.pairs(completeness_in_words(found, terminal.locale))


@app.command()
def fields(as_json: AsJson = False) -> None:
    """What sales wants to find in a brief."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            version, wanted = brief_fields.newest(c)
        if as_json:
            terminal.json({"version": version, "fields": wanted.fields})
            return
        terminal.table(("Field", "Meaning"), [(name, field_in_words(name, terminal.locale)) for name in wanted.fields])


@app.command()
def want(
    names: Annotated[list[str], typer.Argument(help="company, topics, …, or attribute:industry; all of them.")],
) -> None:
    """Choose what sales wants to find in a brief, from now on."""
    with opened() as (state, terminal):
        chosen = validated(Wanted, {"fields": names})
        with state.database.write() as c:
            version = brief_fields.choose(c, chosen, by=operator(), now=state.clock())
        terminal.say("Completeness is counted by version {number} from now on.", number=version)


@app.command()
def outcomes(as_json: AsJson = False) -> None:
    """What the next digest tells marketing about its leads; nothing is sent."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            told = outcome_digests.untold(c, state.clock())
        if as_json:
            terminal.json([asdict(each) for each in told])
            return
        if not told:
            terminal.say("Nothing has become of the leads since the last digest.")
            return
        message = outcome_digests.in_words(told, "", state.settings, terminal.locale, named=True)
        terminal.line(message.title, style="bold")
        terminal.pairs(message.fields)
