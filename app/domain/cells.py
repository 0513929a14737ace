"""What stands in one cell of a spreadsheet, as people write numbers, yen, days and months."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

from app.domain.refusals import refused

#: Characters of a cell that are quoted.
QUOTED = 40
NUMBER = re.compile(r"[-+]?([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4})")
DAY = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})")
MONTH = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})月?|([0-9]{4})([0-9]{2})|([0-9]{4})[-/]([0-9]{1,2})[-/]0?1")


def tidy(cell: str) -> str:
    """Full-width letters and digits become plain ones, as a spreadsheet's reader means them."""
    return unicodedata.normalize("NFKC", cell).strip()


def quoted(cell: str) -> str:
    return cell if len(cell) <= QUOTED else cell[:QUOTED] + "…"


def number(cell: str) -> int:
    if not NUMBER.fullmatch(cell):
        raise refused("", "no_number", "{cell} cannot be read as a whole number, such as 1200.", cell=quoted(cell))
    return int(cell.replace(",", ""))


def amount(cell: str) -> int:
    """Also as spreadsheets show yen: `¥1,200,000`, `1,200,000円`; in CP932 the sign and the backslash are one."""
    return number(cell.removeprefix("¥").removeprefix("\\").removesuffix("円").strip())


def day(cell: str) -> date:
    return _date(DAY, cell, "{cell} cannot be read as a date, such as 2026/10/05.")


def month(cell: str) -> date:
    """Its first day."""
    return _date(MONTH, cell, "{cell} cannot be read as a month, such as 2026/10.")


def _date(form: re.Pattern[str], cell: str, message: str) -> date:
    try:
        year, month_, *day_ = _parts(form, cell)
        return date(year, month_, *(day_ or [1]))
    except ValueError:
        raise refused("", "no_date", message, cell=quoted(cell)) from None


def _parts(form: re.Pattern[str], cell: str) -> Iterator[int]:
    """The numbers of whichever way of writing was used; none, if none was."""
    matched = form.fullmatch(cell)
    return (int(part) for part in (matched.groups() if matched else ()) if part)
