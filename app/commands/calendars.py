"""`tasuki calendar …`: when the office is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands.documents import as_data, as_yaml, read_document
from app.commands.failures import CannotDo
from app.commands.opening import opened
from app.commands.policies import BY, File
from app.commands.printing import AsJson, Terminal
from app.domain.calendar import Calendar, why_closed, with_public_holidays
from app.domain.policy import Policies, PolicyVersion
from app.domain.refusals import validated
from app.flows import lists, policies, publish

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
    with_policies: Annotated[
        bool, typer.Option("--policies", help="Also make a new version of every policy that uses the calendar.")
    ] = False,
) -> None:
    """A new version of a calendar, its country's public holidays written into it."""
    document = read_document(file)
    with opened() as (state, terminal):
        now = state.clock()
        with document.answerable(), state.database.write() as c:
            calendar = validated(Calendar, document.data)
            number = policies.apply_calendar(c, calendar, by="tasuki calendar apply", now=now)
            using = [v for v in _newest(state.versions.read(c)) if v.policy.calendar == calendar.key]
            moved = [(v, _move(c, v, number, now)) for v in using] if with_policies else []
        terminal.say("Calendar {key} v{number} is made.", key=calendar.key, number=number)
        for version, policy_number in moved:
            terminal.say("Policy {key} v{number} uses it from now on.", key=version.policy.key, number=policy_number)
        if using and not moved:
            keys = ", ".join(version.policy.key for version in using)
            terminal.say(
                "Policies keep the calendar they were made with ({keys}): apply them again, or use --policies.",
                keys=keys,
            )


def _newest(known: Policies) -> list[PolicyVersion]:
    return list({version.policy.key: version for version in known.versions}.values())


def _move(c: Connection, version: PolicyVersion, calendar_number: int, now: datetime) -> int:
    note = f"{version.policy.calendar} v{calendar_number}"
    return publish.policy(c, version.policy, by=BY, now=now, note=note)


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
            message = "Public holidays that the calendar does not know: {names}. Write them down: `tasuki calendar show {key} | tasuki calendar apply - --policies`."  # noqa: E501
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
