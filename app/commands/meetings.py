"""`tasuki agenda` and `tasuki meeting …`: what the next meeting talks about, and when it is held."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands import held, running, templates
from app.commands.documents import read_document
from app.commands.failures import USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.previews import answers_for
from app.commands.printing import AsJson, Terminal
from app.domain.calendar import Weekday
from app.domain.refusals import validated
from app.domain.series import Series, warnings
from app.flows import administer, agendas, meetings
from app.flows import templates as agenda_templates
from app.flows.administer import Admin
from app.flows.meetings import DEFAULT, NoMeetingAhead, NoSuchSeries, StoredSeries
from app.pages import formats, ics, papers
from app.settings import Settings
from app.state import State

app = typer.Typer(no_args_is_help=True, help="Meetings: prepared, held and closed; series and their calendar feeds.")
series = typer.Typer(no_args_is_help=True, help="When the sales and marketing meeting is held.")
feed = typer.Typer(
    no_args_is_help=True, help="The meeting in Outlook, Google Calendar and others, by a secret address."
)
app.add_typer(series, name="series")
app.add_typer(templates.app, name="template")
app.add_typer(feed, name="feed")
app.command("list")(held.list_)
app.command("run")(running.run)
for command in (
    held.show,
    held.start,
    held.note,
    held.decide,
    held.rate,
    held.tick,
    held.close,
    held.checklist,
    held.paper,
    held.restated,
    held.health,
):
    app.command()(command)

Key = Annotated[str, typer.Option("--key", help="The series' key.")]


class Format(StrEnum):
    MD = "md"
    HTML = "html"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    ICS = "ics"


def agenda(
    next_: Annotated[bool, typer.Option("--next", help="The next meeting, or the one being held; always so.")] = True,  # noqa: ARG001
    format_: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.MD,
    live: Annotated[bool, typer.Option("--live", help="As it stands now, although it is frozen.")] = False,
    key: Annotated[str, typer.Option("--series", help="The series' key.")] = DEFAULT,
) -> None:
    """The agenda of the next meeting as it stands now: figures, and breaches by cause."""
    with opened() as (state, terminal):
        terminal.file(_written(state, terminal, key, format_, live=live))


def _written(state: State, terminal: Terminal, key: str, form: Format, *, live: bool) -> bytes:
    now, locale = state.clock(), terminal.locale
    with state.database.read() as c:
        if form is not Format.ICS:
            read = papers.live_agenda if live else papers.next_agenda
            return formats.written(read(c, state.settings, now, key, locale), formats.Form(form))
        stored, found = meetings.read_series(c, key), agendas.next_agenda(c, state.settings, now, key)
        _, template = agenda_templates.template_for(c, stored, found.meeting.number)
    around, url = stored.meetings_around(now), f"{state.settings.public_url}/"
    sequence, items = stored.sequence, template.items
    return ics.series_ics(key, stored.series, around, found, locale, url, sequence=sequence, items=items).encode()


# --- series


@series.command("show")
def show(
    key: Annotated[str | None, typer.Option("--key", help="Only this series.")] = None, as_json: AsJson = False
) -> None:
    """All series, and when each is held next."""
    with opened() as (state, terminal):
        now = state.clock()
        with state.database.read() as c:
            found = [meetings.read_series(c, key)] if key else meetings.all_series(c)
        if as_json:
            terminal.json([_entry(stored, terminal, now) for stored in found])
            return
        columns = ("Key", "Name", "When", "Minutes", "Room", "Attendees", "Template", "Calendar", "Next", "Feed")
        terminal.table(columns, [_row(stored, terminal, now) for stored in found])
        for stored in found:
            _warn(stored.series, terminal)


def _entry(stored: StoredSeries, terminal: Terminal, now: datetime) -> dict[str, Any]:
    document = stored.series.model_dump(mode="json")
    return {
        "key": stored.key,
        **document,
        "calendar": stored.calendar_key,
        "next": _next(stored, now),
        "feed": stored.has_feed,
        "warnings": [terminal.words(said) for said in warnings(stored.series)],
    }


def _next(stored: StoredSeries, now: datetime) -> datetime | None:
    try:
        return stored.next_meeting(now).start
    except NoMeetingAhead:
        return None


def _row(stored: StoredSeries, terminal: Terminal, now: datetime) -> list[object]:
    one = stored.series
    when = terminal.words(RHYTHMS[one.every_weeks], weekday=terminal.words(one.weekday), time=one.time)
    feed_state = terminal.words("active" if stored.has_feed else "none")
    coming = terminal.moment(_next(stored, now))
    who = len(one.attendees)
    return [
        stored.key, one.name, when, one.minutes, one.room, who, one.template, stored.calendar_key, coming, feed_state,
    ]  # fmt: skip


#: Message ids.
RHYTHMS = {
    1: "{weekday} {time}, every week",
    2: "{weekday} {time}, every two weeks",
    4: "{weekday} {time}, every four weeks",
}


def _warn(one: Series, terminal: Terminal) -> None:
    for said in warnings(one):
        terminal.warn("{name}: {warning}", name=one.name, warning=terminal.words(said))


@series.command("set")
def set_(
    key: Key = DEFAULT,
    name: Annotated[str | None, typer.Option(help="What the meeting is called.")] = None,
    weekday: Annotated[Weekday | None, typer.Option(help="The day of the week.")] = None,
    time: Annotated[str | None, typer.Option(help="When it begins, 10:00.")] = None,
    minutes: Annotated[int | None, typer.Option(help="How long it takes: 60, 75 or 90.")] = None,
    every_weeks: Annotated[int | None, typer.Option(help="1: every week; 2: every two weeks; 4: every four.")] = None,
    first: Annotated[
        str | None, typer.Option(help="Meeting 1 is the first such weekday from this date on, 2026-10-01.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="IANA name, such as Asia/Tokyo.")] = None,
    calendar: Annotated[
        str | None, typer.Option(help="Key of the calendar that it is moved off closed days by.")
    ] = None,
    room: Annotated[str | None, typer.Option(help="Where it is held; no two series at once in one room.")] = None,
    template: Annotated[
        str | None, typer.Option(help='Key of a template of the company; "": the one that comes with Tasuki.')
    ] = None,
    attendees: Annotated[
        str | None,
        typer.Option(
            help="Who comes: a YAML or JSON list of name, email, role, and if need be duty and delegate; - is stdin."
        ),
    ] = None,
) -> None:
    """Add a series or change it: what is not given stays as it is."""
    people = read_document(attendees) if attendees else None
    given = {
        "name": name, "weekday": weekday, "time": time, "minutes": minutes,
        "every_weeks": every_weeks, "first": first, "time_zone": time_zone, "room": room, "template": template,
        "attendees": people.data if people else None,
    }  # fmt: skip
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes and not calendar:
        raise CannotDo("Say what to change, for instance --weekday fri.", USAGE)
    answering = answers_for(people, "/attendees") if people else nullcontext()
    with opened() as (state, terminal), answering:
        now = state.clock()
        with state.database.write() as c:
            before, calendar_key = _before(c, key, state.settings, now)
            agreed = validated(Series, before.model_dump(mode="json") | changes)
            administer.set_series(c, Admin(operator(), now), key, agreed, calendar or calendar_key)
            stored = meetings.read_series(c, key)
        coming = terminal.moment(_next(stored, now))
        terminal.say("{name}: the next meeting is {time}.", name=agreed.name, time=coming)
        _warn(agreed, terminal)


def _before(c: Connection, key: str, settings: Settings, now: datetime) -> tuple[Series, str]:
    """The series and its calendar's key; a new one begins as the default one."""
    try:
        stored = meetings.read_series(c, key)
    except NoSuchSeries:
        return meetings.default_series(settings, now.astimezone(settings.zone).date()), "default"
    return stored.series, stored.calendar_key


# --- feeds


@feed.command()
def new(key: Key = DEFAULT) -> None:
    """A secret address to subscribe to; an older one ends."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            secret = administer.new_feed(c, Admin(operator(), state.clock()), key)
        terminal.say("Address of the calendar, shown only now; whoever has it sees times and counts, no leads:")
        terminal.line(f"  {feed_url(state.settings.public_url, secret)}", style="bold")
        terminal.say("With `?due_dates=true` behind it, it shows the due dates of action items as well.")


def feed_url(public_url: str, secret: str) -> str:
    return f"{public_url}/feeds/{secret}.ics"


@feed.command()
def revoke(key: Key = DEFAULT) -> None:
    """End the series' address."""
    with opened() as (state, terminal):
        with state.database.write() as c:
            administer.revoke_feed(c, Admin(operator(), state.clock()), key)
        terminal.say("The calendar's address opens nothing any more.")
