"""Tables that people export from spreadsheets and tools: CSV in UTF-8 or CP932, in the words of either tongue.

All or nothing: every row that cannot be used is named by its number in the spreadsheet (the header is row 1), its
column and what to mend.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any, TypeVar

from pydantic import BaseModel

from app.domain.cells import quoted, tidy
from app.domain.language import text
from app.domain.refusals import Refusal, Refused, refused, validated

Model = TypeVar("Model", bound=BaseModel)

#: Rows of one file, or of one day or month.
MOST_ROWS = 10_000
#: Refusals told at once.
MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Column:
    #: The field of the model, and one of the headings.
    name: str
    #: What a cell holds, tidy and not empty, as a value (raises Refused without a place); None: words as they stand.
    read: Callable[[str], Any] | None
    #: The other headings, apart by blanks; the first one is shown.
    also: str
    needed: bool = False

    @property
    def headings(self) -> list[str]:
        return [tidy(word).casefold() for word in (self.name, *self.also.split())]

    @property
    def shown(self) -> str:
        return f"{self.also.split()[0]} ({self.name})"


@dataclass(slots=True)
class _Faults:
    """What has to be mended, row by row."""

    #: Field → heading as it was written.
    headings: Mapping[str, str]
    found: list[Refusal] = field(default_factory=list)

    def add(self, row: int, refusals: Iterable[Refusal]) -> None:
        for refusal in refusals:
            name = refusal.place.strip("/").partition("/")[0]
            self.found.append(in_row(row, self.headings.get(name, name), refusal))

    def tell(self) -> None:
        """Raises Refused if there is anything."""
        more = len(self.found) - MOST_TOLD
        rest = refused("", "more", "{count} more cells have to be mended.", count=more).refusals if more > 0 else ()
        if self.found:
            raise Refused([*self.found[:MOST_TOLD], *rest])


def read(
    content: bytes,
    columns: Sequence[Column],
    model: type[Model],
    key: Callable[[Model], Hashable],
    judge: Callable[[Model], None],
) -> list[Model]:
    """The rows. `key`: no two rows have the same; `judge` raises Refused with the field. Raises Refused."""
    heading, rows = _table(content)
    placed = _placed(heading, columns)
    faults = _Faults({column.name: heading[place] for place, column in placed.items()})
    seen: dict[Hashable, int] = {}
    found: list[Model] = []
    for number, cells in rows:
        try:
            row = validated(model, _values(cells, placed, len(heading)))
            judge(row)
            if (first := seen.setdefault(key(row), number)) != number:
                raise refused("", "repeated", "Says the same as row {row}; every one may stand once.", row=first)
            found.append(row)
        except Refused as why:
            faults.add(number, why.refusals)
    faults.tell()
    return found


def different(keys: Iterable[Hashable], place: str) -> None:
    """Raises Refused at the entry of the list at `place` whose key stood before."""
    seen: dict[Hashable, int] = {}
    for index, key in enumerate(keys):
        if (first := seen.setdefault(key, index)) != index:
            message = "Says the same as entry {row}; every one may stand once."
            raise refused(f"{place}/{index}", "repeated", message, row=first)


def in_row(row: int, heading: str, refusal: Refusal) -> Refusal:
    """With the place in the file and in its words: 「17行目『日付』: …」."""
    message = "Row {row}, “{column}”: {why}" if heading else "Row {row}: {why}"
    said = {"row": row} | ({"column": heading} if heading else {})
    escaped = heading.replace("~", "~0").replace("/", "~1")
    return replace(
        refusal,
        place=f"/{row}/{escaped}".rstrip("/"),
        message_en=text("en", message, **said, why=refusal.message_en),
        message_ja=text("ja", message, **said, why=refusal.message_ja),
    )


# --- the file


def decoded(content: bytes) -> str:
    """UTF-8 with or without its mark, else CP932; what is neither is refused."""
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        for encoding in ("utf-8-sig", "cp932"):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise refused("", "encoding", "The file must be CSV in UTF-8 or Shift_JIS (CP932).")


def _table(content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The heading, and the rows that hold anything with their numbers."""
    try:
        # every kind of line break ends a row, and one inside quotation marks does not
        lines = list(csv.reader(StringIO(decoded(content), newline=""), strict=True))
    except csv.Error as why:
        raise refused("", "syntax", "This is not valid CSV: {problem}", problem=why) from None
    rows = [(number, cells) for number, cells in enumerate(lines, 1) if any(map(str.strip, cells))]
    if len(rows) < 2:
        raise refused("", "no_rows", "The file holds no rows below a heading.")
    if len(rows) > MOST_ROWS + 1:
        raise refused("", "too_many_rows", "A file may hold {most} rows at most.", most=f"{MOST_ROWS:,}")
    heading = [cell.strip() for cell in rows[0][1]]
    while not heading[-1]:
        heading.pop()
    return heading, rows[1:]


def _placed(heading: Sequence[str], columns: Sequence[Column]) -> dict[int, Column]:
    """Which column stands where. Raises Refused: one that is not known, stands twice or is missing."""
    known = {word: column for column in columns for word in column.headings}
    found: dict[int, Column] = {}
    wrong: list[Refusal] = []
    for place, written in enumerate(heading):
        column = known.get(tidy(written).casefold())
        if column is None:
            wrong.append(_unknown(written, known, columns))
        elif column in found.values():
            message = "The column {name} stands here twice."
            wrong += refused("/1", "repeated_column", message, name=column.shown).refusals
        else:
            found[place] = column
    for column in columns:
        if column.needed and column not in found.values():
            message = "The column {name} is missing."
            wrong += refused("/1", "missing_column", message, name=column.shown).refusals
    if wrong:
        raise Refused(wrong)
    return found


def _unknown(written: str, known: Mapping[str, Column], columns: Sequence[Column]) -> Refusal:
    message = "The column “{name}” is not known; possible: {names}."
    near = difflib.get_close_matches(tidy(written).casefold(), known, n=1)
    if near:
        message = "The column “{name}” is not known. Did you mean {near}?"
    said = {"name": quoted(written), "near": near[0]} if near else {"name": quoted(written), "names": _shown(columns)}
    (refusal,) = refused("/1", "unknown_column", message, **said).refusals
    return replace(refusal, suggestion=near[0] if near else None)


def _shown(columns: Sequence[Column]) -> str:
    return ", ".join(column.shown for column in columns)


def _values(cells: Sequence[str], placed: Mapping[int, Column], width: int) -> dict[str, Any]:
    """Field → value. Raises Refused with every cell that cannot be read."""
    if any(cell.strip() for cell in cells[width:]):
        message = "Has more cells than the heading; a number with separators needs quotation marks."
        raise refused("", "too_many_cells", message)
    values, wrong = {}, []
    for place, column in placed.items():
        try:
            if (cell := cells[place].strip() if place < len(cells) else "") or column.needed:
                values[column.name] = _value(column, cell)
        except Refused as why:
            wrong += [replace(refusal, place=f"/{column.name}") for refusal in why.refusals]
    if wrong:
        raise Refused(wrong)
    return values


def _value(column: Column, cell: str) -> Any:
    if not cell:
        raise refused("", "empty", "Must not be empty.")
    return column.read(tidy(cell)) if column.read else cell
