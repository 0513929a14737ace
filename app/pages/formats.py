"""A paper as Markdown, HTML, CSV, a workbook and a message. All of them say the same, because they say all of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import xlsxwriter
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.domain.language import text
from app.notify.contract import Link, Message
from app.pages.document import MINUTES, Document, Item, Table

#: What Markdown could take for markup inside a line.
MARKUP = re.compile(r"[\\`*_\[\]<>|~&!#]|:(?=//)")
#: At the beginning of a line it would begin a list.
LIST = re.compile(r"^(\d+)([.)])|^([-+=])")
#: A spreadsheet takes text that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Lines of a table that a message shows; the paper has all of them.
IN_A_MESSAGE = 5
templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Form(StrEnum):
    """How a paper is written down."""

    JSON = "json"
    MD = "md"
    HTML = "html"
    CSV = "csv"
    XLSX = "xlsx"


MEDIA = {
    Form.JSON: "application/json",
    Form.MD: "text/markdown",
    Form.HTML: "text/html",
    Form.CSV: "text/csv",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def written(paper: Document, form: Form) -> bytes:
    """In UTF-8."""
    match form:
        case Form.JSON:
            return json.dumps(paper.plain(), ensure_ascii=False).encode()
        case Form.MD:
            return markdown(paper).encode()
        case Form.HTML:
            return html(paper).encode()
        case Form.CSV:
            return comma_separated(paper).encode()
        case Form.XLSX:
            return workbook(paper)


#: What says when it was read, and what grows with every minute.
PASSING = {"as_of", "counting", "notes", "overdue_seconds", "cells"}


def fingerprint(paper: Document) -> str:
    """The same for papers that say the same, whenever they were read."""
    lasting = json.dumps(_lasting(paper.plain()), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(lasting.encode()).hexdigest()[:32]


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in PASSING}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


# --- Markdown


def markdown(paper: Document) -> str:
    """For pasting into documents and chats: headings, and tables of five columns at most."""
    blocks = [f"# {escaped(paper.title)}", _bullets(paper.notes)]
    if paper.changes:
        blocks += [f"## {escaped(changes_title(paper))}", _bullets(paper.changes)]
    for item in paper.items:
        blocks += _item(item, paper.locale)
    return "\n\n".join(blocks) + "\n"


def changes_title(paper: Document) -> str:
    return text(paper.locale, "Changed since the agenda was sent")


def _item(item: Item, locale: str) -> Iterator[str]:
    yield f"## {escaped(item.heading(locale))}"
    yield paragraph(item.facts(locale))
    if item.question:
        yield f"> {paragraph(item.question)}"
    for table in item.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"### {escaped(table.title)}"
    yield from (paragraph(words) for words in table.text)
    if table.lines:
        rows = [[_cell(line.cells[0], line.link), *map(escaped, line.cells[1:])] for line in table.lines]
        lines = [list(map(escaped, table.columns)), ["---"] * len(table.columns), *rows]
        yield "\n".join(f"| {' | '.join(line)} |" for line in lines)
    if table.more:
        yield paragraph(table.more)


def _cell(words: str, link: str) -> str:
    return f"[{escaped(words)}](<{link}>)" if link else escaped(words)


def _bullets(lines: tuple[str, ...]) -> str:
    return "\n".join(f"- {paragraph(line)}" for line in lines)


def escaped(words: str) -> str:
    """Words that Markdown shows as they are."""
    return MARKUP.sub(r"\\\g<0>", words)


def paragraph(words: str) -> str:
    """… also at the beginning of a line, where they could begin a list."""
    return LIST.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", escaped(words))


# --- HTML


def html(paper: Document) -> str:
    """A fragment for a page or the clipboard; needs nothing from other hosts."""
    return templates.get_template("agenda.html").render(paper=paper, changes_title=changes_title(paper))


# --- tables


def rows(paper: Document) -> Iterator[tuple[str, ...]]:
    """Everything in reading order; the first column says which item it belongs to."""
    yield "", paper.title
    yield from (("", note) for note in paper.notes)
    yield from ((changes_title(paper), change) for change in paper.changes)
    for item in paper.items:
        heading = item.heading(paper.locale)
        yield heading, item.facts(paper.locale)
        if item.question:
            yield heading, item.question
        for table in item.tables:
            yield from ((heading, *line) for line in _rows(table))


def _rows(table: Table) -> Iterator[tuple[str, ...]]:
    if table.title:
        yield (table.title,)
    yield from ((words,) for words in table.text)
    if table.lines:
        yield table.columns
        yield from ((*line.cells, line.link) if line.link else line.cells for line in table.lines)
    if table.more:
        yield (table.more,)


def comma_separated(paper: Document) -> str:
    """RFC 4180 with a byte order mark, so that Excel reads it as UTF-8; no cell is taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([harmless(cell) for cell in row] for row in rows(paper))
    return "\ufeff" + out.getvalue()


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def workbook(paper: Document) -> bytes:
    """One sheet; cells are text and nothing else."""
    out = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, plain) as book:
        # of the frozen figures' moment, so that the same paper is the same file
        book.set_properties({"title": paper.title, "created": paper.as_of.replace(tzinfo=None)})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        page = book.add_worksheet(text(paper.locale, SHEETS[paper.schema_]))
        page.set_column(0, 0, 32, wrapped)
        page.set_column(1, 6, 28, wrapped)
        for number, row in enumerate(rows(paper)):
            for column, cell in enumerate(row):
                page.write_string(number, column, cell, wrapped)
    return out.getvalue()


SHEETS = {"tasuki.agenda/2": "Agenda", "tasuki.minutes/1": "Minutes of the meeting"}


# --- a message


def message(paper: Document, url: str, footnote: str) -> Message:
    """For mail and chat: the whole minutes, or every item of an agenda in short; and where the paper is. Its reference
    is given when it is sent."""
    when, *others = paper.notes
    most = None if paper.schema_ == MINUTES else IN_A_MESSAGE
    return Message(
        reference="",
        title=text(paper.locale, TITLES[paper.schema_], title=paper.title, when=when),
        fields=(
            *((text(paper.locale, "Notes"), note) for note in others),
            *((changes_title(paper), change) for change in paper.changes),
            *((item.heading(paper.locale), _in_words(item, paper.locale, most)) for item in paper.items),
        ),
        links=(Link(text(paper.locale, "Open it"), url),),
        footnote=footnote,
        locale=paper.locale,
    )


TITLES = {
    "tasuki.agenda/2": "Agenda: {title}, {when}",
    "tasuki.minutes/1": "Minutes: {title}, {when}",
}


def _in_words(item: Item, locale: str, most: int | None) -> str:
    """`most`: rows of each table; None: all of them."""
    lines = [item.question] if item.question else []
    for table in item.tables:
        lines += [*([table.title] if table.title else []), *table.text]
        lines += ["・" + " / ".join(line.cells) for line in table.lines[:most]]
        if most is not None and len(table.lines) > most:
            lines.append(text(locale, "and {count} more", count=len(table.lines) - most))
    return "\n".join(lines)
