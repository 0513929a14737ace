"""How a command speaks: lines, tables, JSON and progress, in the reader's tongue."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, TextIO
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from app.commands.failures import USAGE, CannotDo
from app.domain.language import LOCALES, moment, text
from app.notify.plain import one_line, printable

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs instead of text.")]
#: What a database key can be.
LARGEST_KEY = 2**63 - 1
#: How a workbook begins (ZIP).
WORKBOOK = b"PK\x03\x04"
#: `--lang`, while a command runs; None: as the settings say.
asked_language: ContextVar[str | None] = ContextVar("asked_language", default=None)
#: A pipe has no width: a table is then as wide as its words, so that no cell is broken.
WIDTH_OF_A_PIPE = 400
#: Cells of a terminal: a date and time of day is never broken; between two columns.
LEAST, BETWEEN = 22, 3


def language_before_settings() -> str:
    """The tongue for whoever cannot ask the settings yet, or whose settings are wrong."""
    given = os.environ.get("TASUKI_LOCALE", "")
    return asked_language.get() or (given if given in LOCALES else LOCALES[0])


@dataclass(frozen=True)
class Terminal:
    """Where a command writes. Nothing it is given is taken as markup or reaches the terminal as a control code."""

    locale: str
    zone: ZoneInfo

    @cached_property
    def out(self) -> Console:
        return _console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        return _console(sys.stderr)

    def words(self, message: str, **values: object) -> str:
        return text(self.locale, message, **values) if message else ""

    def moment(self, at: datetime | None) -> str:
        """`2026-09-24(木) 17:30`; a dash for never."""
        return moment(at, self.zone, self.locale, year=True) if at else "–"

    def say(self, message: str, **values: object) -> None:
        """A message id in the reader's tongue."""
        self.line(self.words(message, **values))

    def line(self, words: str = "", style: str = "") -> None:
        """Words as they are; a long line is left for the terminal to break, so that it can be copied whole."""
        self.out.print(Text(printable(words), style=style), soft_wrap=True)

    def warn(self, message: str, **values: object) -> None:
        complain(self.words(message, **values))

    def raw(self, document: str) -> None:
        """A document for another program or file, byte for byte."""
        sys.stdout.write(document)

    def file(self, document: bytes) -> None:
        """A document of any kind, byte for byte; what is no text is not for a terminal. Raises CannotDo."""
        if document.startswith(WORKBOOK) and sys.stdout.isatty():
            raise CannotDo("A workbook is not for a terminal: write it into a file with > agenda.xlsx.", USAGE)
        sys.stdout.flush()
        sys.stdout.buffer.write(document)

    def json(self, value: Any) -> None:
        self.raw(in_json(value))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """`columns`: message ids. What does not fit is broken, never cut; where a table is too narrow, records."""
        headings = [self.words(column) for column in columns]
        cells = [[_cell(value) for value in row] for row in rows]
        widths = fitted([max(map(_width, column)) for column in zip(headings, *cells, strict=True)], self.out.width)
        if widths is None:
            self._records(headings, cells)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for number, (heading, width) in enumerate(zip(headings, widths, strict=True)):
            numbers = bool(rows) and all(isinstance(row[number], int) for row in rows)
            table.add_column(heading, overflow="fold", justify="right" if numbers else "left", width=width)
        for row in cells:
            table.add_row(*map(Text, row))
        self.out.print(table)

    def _records(self, headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
        for number, row in enumerate(cells):
            if number:
                self.line()
            self.pairs(list(zip(headings, row, strict=True)))

    def pairs(self, rows: Sequence[tuple[str, object]]) -> None:
        """Labels, final, and what stands behind them."""
        indent = max((cell_len(label) for label, _ in rows), default=0) + 2
        for label, value in rows:
            blank = " " * (indent - cell_len(label))
            self.line(label + blank + ("\n" + " " * indent).join(_cell(value).split("\n")))

    @contextmanager
    def progress(self, message: str) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr while the block runs; yields what to call with (done, all). Nothing where nobody watches."""
        parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*parts, console=self.err, transient=True, disable=not self.err.is_terminal) as bar:
            task = bar.add_task(self.words(message), total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def complain(words: str) -> None:
    """On stderr."""
    _console(sys.stderr).print(Text(printable(words)), soft_wrap=True)


def _console(stream: TextIO) -> Console:
    watched = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=None if watched else WIDTH_OF_A_PIPE)


def fitted(widths: Sequence[int], room: int) -> list[int] | None:
    """The columns' widths in a terminal of `room` cells: the widest give way. None: they would become too narrow."""
    fit = list(widths)
    while sum(fit) + BETWEEN * (len(fit) - 1) > room:
        widest = fit.index(max(fit))
        if fit[widest] <= LEAST:
            return None
        fit[widest] -= 1
    return fit


def _width(cell: str) -> int:
    return max(map(cell_len, cell.split("\n")))


def _cell(value: object) -> str:
    if value is None or value == "":
        return "–"
    return "\n".join(one_line(part) for part in str(value).split("\n"))


def in_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n"


def _plain(value: object) -> object:
    """What JSON has no word for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
