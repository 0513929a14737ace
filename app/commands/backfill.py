"""`tasuki source backfill` and `tasuki source poll`: ask a tool for its past, or for what is new, now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import typer

from app.commands.failures import BROKEN, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.commands.sources import Name
from app.domain.language import day
from app.flows import administer, tools, vital
from app.flows import backfill as flow
from app.flows.backfill import Reading
from app.flows.sources import OpenSource
from app.state import State

#: A server whose job beat within this time reads the pages itself.
SERVED = timedelta(minutes=1)
#: Seconds between two looks at what others do.
LOOK_EVERY = 1.0
#: What a shell reports of a command that Ctrl+C ended.
INTERRUPTED = 130


def backfill(
    name: Name,
    days: Annotated[int, typer.Option("--days", min=1, max=flow.MOST_DAYS, help="How many days back.")] = 90,
    again: Annotated[bool, typer.Option("--again", help="Read once more what was read to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a source's history from its tool. Ctrl+C loses nothing: the same command goes on where it stopped."""
    with opened() as (state, terminal):
        source = tools.polled_source(state.directory, name, state.clock())
        with state.database.read() as c:
            known = flow.reading_of(c, source.id)
        if known is None or not known.done_at or again:
            known = _read(state, terminal, source, days, again=again)
        elif not as_json:
            terminal.say("It was read before; --again reads it once more.")
        _report(name, known, terminal, as_json=as_json)


def poll(name: Name) -> None:
    """Ask a source's tool for what is new at once, not only when its turn comes."""
    with opened() as (state, terminal):
        now = state.clock()
        source = tools.polled_source(state.directory, name, now)
        with state.database.write() as c:
            administer.poll_source(c, administer.Admin(operator(), now), source)
        terminal.say("{name} is asked within seconds, as soon as `tasuki serve` or `tasuki worker` runs.", name=name)


def _report(name: str, reading: Reading, terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json(shown(name, reading))
        return
    values = {"since": _day(reading, terminal), "pages": reading.pages, "at": terminal.moment(reading.done_at)}
    terminal.say("{name}: read from {since} on, {pages} pages, finished {at}.", name=name, **values)


def _day(reading: Reading, terminal: Terminal) -> str:
    return day(reading.since, terminal.zone, terminal.locale, year=True)


def shown(name: str, reading: Reading) -> dict[str, Any]:
    """For programs. Without the cursor, which is the connector's own."""
    return {
        "source": name,
        "state": reading.state,
        "since": reading.since,
        "until": reading.until,
        "reached": reading.reached,
        "share": round(reading.share, 4),
        "pages": reading.pages,
        "started_at": reading.started_at,
        "done_at": reading.done_at,
        "error": reading.error,
    }


# --- reading, or watching who reads


def _read(state: State, terminal: Terminal, source: OpenSource, days: int, *, again: bool) -> Reading:
    """To its end. Raises CannotDo when a person has to mend something first."""
    with state.database.write() as c:
        begun = flow.begin(c, source, days, state.clock(), by=operator(), again=again)
    if begun.pages:
        terminal.warn("Goes on with the history from {since} on.", since=_day(begun, terminal))
    try:
        with terminal.progress("Days of history") as progress:
            return _to_the_end(state, terminal, source, progress)
    except KeyboardInterrupt:
        terminal.warn("Stopped. Nothing is lost: the same command goes on where it stopped.")
        raise typer.Exit(INTERRUPTED) from None


def _to_the_end(state: State, terminal: Terminal, source: OpenSource, progress: Callable[[int, int], None]) -> Reading:
    said = None
    while True:
        with state.database.read() as c:
            reading = flow.reading_of(c, source.id)
        assert reading is not None
        progress(reading.days_read, reading.days)
        if reading.done_at:
            return reading
        if reading.stuck:
            message = "{name} could not be asked: {why} Mend it; the same command goes on where it stopped."
            raise CannotDo(message, BROKEN, name=source.name, why=_sentence(reading.error))
        if reading.error and reading.error != said:
            said = reading.error
            terminal.warn("{why} Trying again from {at} on.", why=_sentence(said), at=terminal.moment(reading.turn_at))
        if not _next_page(state, source):
            tools.polled_source(state.directory, source.name, state.clock())  # it may have been disabled meanwhile
            time.sleep(LOOK_EVERY)


def _sentence(why: str | None) -> str:
    return f"{(why or '').rstrip('.')}."


def _next_page(state: State, source: OpenSource) -> bool:
    """Read one, unless a server does; whether one was read."""
    now = state.clock()
    with state.database.read() as c:
        beats = [row.beat_at for row in vital.heartbeats(c) if row.job == "backfill"]
    if any(now - at < SERVED for at in beats):
        return False
    worked = flow.turn(state.database, state.directory, state.http, now, state.stored, only=source.id)
    while worked and state.ledger.drain(state.clock()):
        pass
    return worked
