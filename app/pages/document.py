"""A meeting's paper, its words final in one language: every format is made of this, so all of them say the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.domain.language import text

AGENDA, MINUTES = "tasuki.agenda/2", "tasuki.minutes/1"


def in_utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(in_utc, return_type=str)]


class Part(BaseModel):
    """Every part is final and complete; what is empty is not there."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Line(Part):
    """A row of a table; the link belongs to the first cell."""

    cells: tuple[str, ...]
    link: str = ""


class Table(Part):
    """Lines of text, and below them rows of at most five columns."""

    title: str = ""
    text: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    #: How many are not written out.
    more: str = ""


class Item(Part):
    """An item of the agenda, with what is known about it, or with what was said."""

    number: int
    block: str
    title: str
    minutes: int
    #: Local time, `10:15`; empty: it was not taken up.
    begins: str
    owner: str
    question: str = ""
    #: Whether it only reports.
    status: bool = False
    tables: tuple[Table, ...] = ()

    def heading(self, locale: str) -> str:
        return text(locale, "{number}. {title} ({minutes} min)", **self._said())

    def facts(self, locale: str) -> str:
        """When and who, in a line."""
        when = "From {begins} · {owner}" if self.begins else "Not taken up · {owner}"
        return text(locale, when, **self._said())

    def _said(self) -> dict[str, Any]:
        return {"number": self.number, "title": self.title, "minutes": self.minutes} | {
            "begins": self.begins,
            "owner": self.owner,
        }


class SeriesNamed(Part):
    key: str
    name: str


class MeetingDated(Part):
    number: int
    start: Moment
    end: Moment
    minutes: int
    time_zone: str
    #: The day that the rhythm gives it, `2026-09-21`.
    planned: str
    moved: bool
    moved_because: str | None


class Document(Part):
    """The whole paper. Times are UTC, spans in seconds, shares from 0 to 1."""

    schema_: Literal["tasuki.agenda/2", "tasuki.minutes/1"] = Field(alias="schema")
    locale: str
    title: str
    series: SeriesNamed
    meeting: MeetingDated
    since: Moment
    as_of: Moment
    #: null: it still follows the facts.
    frozen_at: Moment | None = None
    notes: tuple[str, ...]
    #: What changed after it was frozen, in words.
    changes: tuple[str, ...] = ()
    items: tuple[Item, ...]
    #: The same for programs: counts since the last meeting, breaches by cause, the board, action items.
    figures: dict[str, Any]
    breaches: dict[str, Any]
    kpis: tuple[dict[str, Any], ...]
    actions: tuple[dict[str, Any], ...] = ()
    #: What people want to talk about.
    topics: tuple[str, ...] = ()
    #: How the board was counted: the time, the moment of knowledge, the company's definitions.
    counting: dict[str, Any]

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return self.model_dump(mode="json", by_alias=True)


def read(document: dict[str, Any]) -> Document:
    return Document.model_validate(document)
