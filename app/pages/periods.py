"""The period that a page of figures tells of: chosen by `?from=` and `?to=`, both days included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.requests import Request

from app.flows.kpis import USUAL_DAYS

#: Weeks that a link chooses, up to today.
CHOICES = (4, 13, 26, 52)
FIRST_YEAR, LAST_YEAR = 2000, 2099


@dataclass(frozen=True, slots=True)
class Field:
    """A day as it was written; `error` is a message id, empty where nothing is wrong."""

    name: str
    written: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The days that are shown. Where a field is wrong, they are the usual ones."""

    first: date
    last: date
    fields: tuple[Field, Field]

    @property
    def wrong(self) -> bool:
        return any(field.error for field in self.fields)

    @property
    def before(self) -> tuple[date, date]:
        """As many days just before it."""
        return self.first - (self.last - self.first) - timedelta(days=1), self.first - timedelta(days=1)

    @property
    def query(self) -> dict[str, str]:
        """For links that stay in the period."""
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


def chosen(request: Request, today: date) -> Chosen:
    """The usual days up to today where nothing is asked for."""
    written = [request.query_params.get(name, "").strip()[:40] for name in ("from", "to")]
    last = _day(written[1]) if written[1] else today
    first = _day(written[0]) if written[0] else (last or today) - timedelta(days=USUAL_DAYS - 1)
    errors = _errors(first, last)
    fields = tuple(Field(name, said, error) for name, said, error in zip(("from", "to"), written, errors, strict=True))
    if first is None or last is None or any(errors):
        first, last = today - timedelta(days=USUAL_DAYS - 1), today
    return Chosen(first, last, (fields[0], fields[1]))


def _day(written: str) -> date | None:
    """None: it is no day of the years that are known."""
    try:
        day = date.fromisoformat(written)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _errors(first: date | None, last: date | None) -> tuple[str, str]:
    wrong = tuple("Write a day like 2026-09-01." if day is None else "" for day in (first, last))
    if first and last and last < first:
        return "", "The period ends before it begins."
    return wrong[0], wrong[1]


def choices(today: date) -> Iterator[tuple[int, dict[str, str]]]:
    """Weeks up to today, and the query that chooses them."""
    for weeks in CHOICES:
        yield weeks, {"from": (today - timedelta(days=7 * weeks - 1)).isoformat(), "to": today.isoformat()}
