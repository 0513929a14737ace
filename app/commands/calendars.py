"""`tasuki calendar …`: when the office is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer

from app.commands import previews
from app.commands.documents import as_data, as_yaml, read_document
from app.commands.failures import CannotDo
from app.commands.opening import opened, operator
from app.commands.policies import File
from app.commands.printing import AsJson, Terminal
from app.domain.calendar import Calendar, why_closed, with_public_holidays
from app.domain.policy import PolicyVersion
from app.domain.proposal import HolidayChange, Proposal
from app.domain.refusals import validated
from app.flows import lists, policies, publish
from app.flows.publish import Published

app = typer.Typer(no_args_is_help=True, help="When the office is open.")
Key = Annotated[str, typer.Argument(help="The calendar's key.")]


@app.command("list")
def list_calendars(as_json: AsJson = False) -> None:
    """All versions of all calendars."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            rows = lists.calendar_versions(c)
            used = state.versions.read(c).in_force(state.clock())
        shown = [_entry(row, used) for row in rows]
        if as_json:
            terminal.json(shown)
            return
        columns = ("Key", "Version", "Made", "Made by", "Used by policies")
        terminal.table(columns, [_row(entry, terminal) for entry in shown])


def _entry(row: Any, in_force: Sequence[PolicyVersion]) -> dict[str, Any]:
    using = [v.policy.key for v in in_force if (v.calendar.key, v.calendar_version) == (row.key, row.version)]
    return {
        "key": row.key,
        "version": row.version,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "policies_in_force": using,
    }


def _row(entry: dict[str, Any], terminal: Terminal) -> list[object]:
    used_by = " ".join(entry["policies_in_force"])
    return [entry["key"], f"v{entry['version']}", terminal.moment(entry["created_at"]), entry["created_by"], used_by]


@app.command("show")
def show_calendar(key: Key = "default", as_json: AsJson = False) -> None:
    """A calendar's newest version as a file for `apply`; public holidays are filled in by `apply`."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            _, number, calendar = policies.newest_calendar(c, key)
        if as_json:
            terminal.json({"key": key, "version": number, "calendar": as_data(calendar)})
            return
        terminal.line(f"# {key} v{number}")
        written = {name: value for name, value in as_data(calendar).items() if value}
        if calendar.country:
            written.pop("holidays", None)
        terminal.raw(as_yaml(written))


@app.command("apply")
def apply_calendar(
    file: File,
    preview: previews.AsPreview = False,
    keep_open: Annotated[
        bool, typer.Option("--keep-open", help="Leave the clocks that run as they are; only new leads are affected.")
    ] = False,
    yes: previews.Yes = False,
    as_json: AsJson = False,
) -> None:
    """A new version of a calendar with its country's public holidays, and of every policy that uses it."""
    document = read_document(file)
    with opened() as (state, terminal), document.answerable():
        calendar, now = validated(Calendar, document.data), state.clock()
        with state.database.read() as c:
            foreseen = publish.preview_calendar(c, calendar, now=now, keep_open=keep_open)
        if preview:
            previews.show_calendar(foreseen, terminal, as_json=as_json)
            return
        previews.ask(len(foreseen.moves), yes, terminal)
        published = publish.calendar(
            state.database, state.versions, calendar, by=operator(), now=now, keep_open=keep_open
        )
        if as_json:
            terminal.json(_applied(calendar.key, published))
            return
        _say_applied(calendar.key, published, terminal, keep_open=keep_open)


def _applied(key: str, published: Published) -> dict[str, Any]:
    taken_up = [{"key": each.policy, "version": each.version} for each in published.policies]
    moved = len(published.moves)
    return {"key": key, "version": published.version, "changed": published.new, "policies": taken_up, "moved": moved}


def _say_applied(key: str, published: Published, terminal: Terminal, *, keep_open: bool) -> None:
    made = "Calendar {key} v{number} is made." if published.new else "Nothing changed: {key} v{number} says the same."
    terminal.say(made, key=key, number=published.version)
    for policy, number in {each.policy: each.version for each in published.policies}.items():
        terminal.say("Policy {key} v{number} uses it from now on.", key=policy, number=number)
    if keep_open:
        terminal.say("Clocks that run stay as they are.")
    else:
        terminal.say("Deadlines of running clocks that changed: {count}", count=len(published.moves))


@app.command()
def propose(key: Key = "default", as_json: AsJson = False) -> None:
    """What today's list of public holidays would change in a calendar; nothing is applied."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            number, proposal = policies.proposal(c, key, state.clock())
        if as_json:
            changes = [asdict(change) for change in proposal.changes]
            years = {"years": proposal.years, "provisional_years": proposal.provisional_years}
            terminal.json({"key": key, "version": number, **years, "changes": changes})
            return
        if not proposal.changes:
            terminal.say(
                "Calendar {key} v{number} has the public holidays of {years}.", **_years(key, number, proposal)
            )
            return
        columns = ("Day", "Before", "After", "Remark")
        terminal.table(columns, [_change_row(change, terminal) for change in proposal.changes])
        terminal.say(
            "Nothing has been applied. `tasuki calendar show {key} | tasuki calendar apply - --preview` shows what it would change.",  # noqa: E501
            key=key,
        )


def _years(key: str, number: int, proposal: Proposal) -> dict[str, object]:
    return {"key": key, "number": number, "years": f"{proposal.years[0]}–{proposal.years[-1]}"}


def _change_row(change: HolidayChange, terminal: Terminal) -> list[object]:
    remark = terminal.words("not announced yet" if change.provisional else "")
    return [_day(change.day.isoformat(), terminal), change.before, change.after, remark]


@app.command()
def check(
    year: Annotated[int, typer.Argument(min=1990, max=2100, help="The year.")],
    key: Annotated[str, typer.Option("--calendar", help="The calendar's key.")] = "default",
    as_json: AsJson = False,
) -> None:
    """The days of a year on which the calendar is closed, weekends apart; exit code 3 if holidays are missing."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            _, number, calendar = policies.newest_calendar(c, key)
        closed, missing = closed_days(calendar, year), missing_holidays(calendar, year)
        if as_json:
            terminal.json({"key": key, "version": number, "year": year, "closed": closed, "missing": missing})
        else:
            terminal.say(
                "Calendar {key} v{number}, {year}: {count} closed days",
                key=key,
                number=number,
                year=year,
                count=len(closed),
            )
            if closed:
                terminal.table(("Day", "Why closed"), [(_day(day, terminal), why) for day, why in closed.items()])
        if missing:
            names = ", ".join(f"{_day(day, terminal)} {why}" for day, why in missing.items())
            message = "Public holidays that the calendar does not know: {names}. Write them down: `tasuki calendar show {key} | tasuki calendar apply -`."  # noqa: E501
            raise CannotDo(message, names=names, key=key)


def closed_days(calendar: Calendar, year: int) -> dict[str, str]:
    """Day → why it is closed; weekdays without opening hours are left out."""
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))
    reasons = ((day.isoformat(), why_closed(calendar, day)) for day in days)
    return {day: reason for day, reason in reasons if reason}


def missing_holidays(calendar: Calendar, year: int) -> dict[str, str]:
    """Public holidays of that year as they are known now, and not by the calendar."""
    known = with_public_holidays(calendar, [year]).holidays if calendar.country else {}
    return {d.isoformat(): name for d, name in known.items() if d not in calendar.holidays and d.year == year}


def _day(day: str, terminal: Terminal) -> str:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=terminal.zone)
    return terminal.moment(noon).rpartition(" ")[0]
