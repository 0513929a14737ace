"""`tasuki doctor`: what is as it should be, what is not, and what mends it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from cryptography.fernet import Fernet
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.commands.failures import in_words, settings_in_words
from app.commands.opening import terminal_for
from app.commands.printing import AsJson, Terminal, asked_language, language_before_settings
from app.db import Database
from app.domain.calendar import japanese_office
from app.domain.language import text
from app.flows import checkup, policies, schema
from app.flows.checkup import Sign
from app.flows.sources import Vault, WrongKey
from app.scheduler import LATE
from app.settings import BadSettings, Settings, read_settings
from app.state import secret_keys, wall_clock


def doctor(
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what is wrong.")] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Print a fresh key for TASUKI_SECRET_KEY and end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at everything and say what is wrong and what mends it; exit code 1 if anything is."""
    if new_key:
        typer.echo(Fernet.generate_key().decode())
        return
    try:
        settings = read_settings()
        terminal = terminal_for(settings)
        signs = list(examine(settings, wall_clock(), terminal.locale))
    except BadSettings as wrong:
        terminal = Terminal(asked_language.get() or language_before_settings(), japanese_office().zone)
        fix = "Correct the variable and start again."
        signs = [Sign("{why}", fix, {"why": why}) for why in settings_in_words(wrong, terminal.locale)]
    shown = [sign for sign in signs if not (quiet and sign.well)]
    if as_json:
        terminal.json([_as_json(sign, terminal) for sign in shown])
    else:
        _print(shown, terminal)
    raise typer.Exit(0 if all(sign.well for sign in signs) else 1)


def examine(settings: Settings, now: datetime, locale: str) -> Iterator[Sign]:
    """Everything that can be looked at; what a missing or broken database hides is left out."""
    yield Sign("The settings make sense.")
    yield from unknown_variables(os.environ)
    yield from checkup.settings_signs(settings)
    there = checkup.database_is_there(settings)
    yield there
    if there.well:
        database = Database(settings.url_of_database)
        yield from _in_database(database, settings, now, locale)
        database.close()


def unknown_variables(environment: Iterable[str]) -> Iterator[Sign]:
    """A misspelt setting is silently not set."""
    known = {f"TASUKI_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(n for n in environment if n.startswith("TASUKI_") and n not in known):
        near = difflib.get_close_matches(name, sorted(known), n=1)
        fix = "Did you mean {near}?" if near else "Remove it; .env.example lists the settings there are."
        yield Sign("There is no setting {name}.", fix, {"name": name, "near": near[0] if near else ""})


def _in_database(database: Database, settings: Settings, now: datetime, locale: str) -> Iterator[Sign]:
    try:
        with database.read() as c:
            if not schema.is_current(c):
                yield Sign(
                    "The database's schema is not this program's.", "Restart `tasuki serve`: it brings it up to date."
                )
                return
            yield Sign("The database answers, and its schema is current.")
            yield from _contents(c, settings, now, locale)
    except DBAPIError as down:
        why = " ".join(in_words(down, locale))
        yield Sign("{why}", "Start the database, or correct TASUKI_DATABASE_URL.", {"why": why})


def _contents(c: Connection, settings: Settings, now: datetime, locale: str) -> Iterator[Sign]:
    yield from _sources(c, settings, now, locale)
    yield from checkup.delivery_signs(c, now)
    yield from checkup.job_signs(c, LATE, now)
    yield from checkup.alert_signs(c)
    yield from checkup.policy_signs(policies.all_versions(c), settings, now)
    yield checkup.clock_sign(c, now)


def _sources(c: Connection, settings: Settings, now: datetime, locale: str) -> Iterator[Sign]:
    try:
        yield from checkup.source_signs(c, Vault(secret_keys(settings)), now)
    except WrongKey as wrong:
        yield Sign("{why}", "Until then no webhook is taken.", {"why": text(locale, str(wrong))})


# --- lines


def _words(sign: Sign, terminal: Terminal) -> Callable[[str], str]:
    shown = {name: terminal.moment(v) if isinstance(v, datetime) else v for name, v in sign.values.items()}
    return lambda message: terminal.words(message, **shown) if shown else terminal.words(message)


def _print(signs: list[Sign], terminal: Terminal) -> None:
    for sign in signs:
        say = _words(sign, terminal)
        terminal.line(f"{'✓' if sign.well else '✗'} {say(sign.message)}", style="green" if sign.well else "red")
        if sign.fix:
            terminal.line(f"    → {say(sign.fix)}")


def _as_json(sign: Sign, terminal: Terminal) -> dict[str, Any]:
    say = _words(sign, terminal)
    return {"ok": sign.well, "what": say(sign.message), "fix": say(sign.fix) if sign.fix else None}
