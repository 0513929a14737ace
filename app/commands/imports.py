"""`tasuki import …`: visits to the website and the budget, from CSV files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from app.commands.documents import STDIN, RefusedFile
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.refusals import Refused, refused
from app.flows import imports
from app.flows.imports import Imported

app = typer.Typer(no_args_is_help=True, help="Web visits and the budget, from CSV files.")

#: Bytes; as many rows as a file may have are smaller.
LARGEST = 8 * 1024 * 1024
File = Annotated[str, typer.Argument(help="CSV file in UTF-8 or Shift_JIS; - is stdin.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and judge the file, store nothing.")]


@app.command()
def visits(file: File, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Visits; each day in the file is replaced. Columns: day, page, campaign, channel, sessions, users, conversions."""
    _run(file, imports.visits, dry_run=dry_run, as_json=as_json, form="%Y-%m-%d")


@app.command()
def spend(file: File, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """The budget; each month in the file is replaced. Columns: month, channel, campaign, planned, spent, currency."""
    _run(file, imports.budget, dry_run=dry_run, as_json=as_json, form="%Y-%m")


def _run(file: str, take_in: Callable[..., Imported], *, dry_run: bool, as_json: bool, form: str) -> None:
    """`form`: how a day or a month of the file is written."""
    with opened() as (state, terminal):
        now = state.clock()
        today = now.astimezone(state.settings.zone).date()
        try:
            content = _content(file)
            found = take_in(state.database, content, by=operator(), now=now, today=today, dry_run=dry_run)
        except Refused as why:  # the sentences name row and column themselves
            raise RefusedFile(_name(file), [(None, replace(r, place="")) for r in why.refusals]) from None
        if as_json:
            terminal.json(asdict(found))
        else:
            _say(found, terminal, form)


def _say(found: Imported, terminal: Terminal, form: str) -> None:
    stored = "Stored: {rows} rows, {first} to {last}; what was there before is replaced."
    read = "The file is right: {rows} rows, {first} to {last}. Nothing has been stored."
    first, last = (_written(at, form) for at in (found.first, found.last))
    terminal.say(stored if found.stored else read, rows=found.rows, first=first, last=last)
    if found.unknown_channels:
        message = "Not known as channels: {words}. `tasuki channel set WORD CHANNEL` says what they mean."
        terminal.say(message, words=", ".join(found.unknown_channels))


def _written(day: date, form: str) -> str:
    return day.strftime(form)


def _name(file: str) -> str:
    return "stdin" if file == STDIN else file


def _content(file: str) -> bytes:
    """Raises Refused, OSError."""
    try:
        with sys.stdin.buffer if file == STDIN else Path(file).open("rb") as opened_file:
            content = opened_file.read(LARGEST + 1)
    except FileNotFoundError:
        raise refused("", "no_file", "There is no such file.") from None
    if len(content) > LARGEST:
        raise refused("", "too_large", "The file is larger than {size} MiB.", size=LARGEST // 1024**2)
    return content
