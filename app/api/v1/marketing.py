"""What the paths and bodies of visits, spend, channels and content have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import AfterValidator, BeforeValidator, Field

from app.api.schemas import FIRST_YEAR, LAST_YEAR, Asked
from app.domain.channel import NAMES, ChannelKey
from app.domain.labels import one_line
from app.domain.language import text
from app.domain.refusals import Refused, complaint
from app.state import State


def iso_day(value: Any) -> Any:
    """`2026-10-05` and no other way of writing it, no number of seconds."""
    return _date(value, r"\d{4}-\d\d-\d\d", "", "Must be a date, such as 2026-09-24.")


def iso_month(value: Any) -> Any:
    """`2026-10` as its first day."""
    return _date(value, r"\d{4}-\d\d", "-01", "Must be a month, such as 2026-10.")


def _date(value: Any, form: str, rest: str, message: str) -> date:
    try:
        day = date.fromisoformat(value + rest) if isinstance(value, str) and re.fullmatch(form, value) else None
    except ValueError:
        day = None
    if day is None:
        raise complaint("date", message)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise complaint("year", "The years {first} to {last} are known.", first=FIRST_YEAR, last=LAST_YEAR)
    return day


Day = Annotated[date, BeforeValidator(iso_day, json_schema_input_type=str)]
Month = Annotated[date, BeforeValidator(iso_month, json_schema_input_type=str)]
#: In a path, which cannot be empty.
Line = Annotated[str, AfterValidator(one_line)]


class ImportAsked(Asked):
    dry_run: bool = Field(False, description="Read and judge the file, store nothing.")


async def _body(request: Request) -> bytes:
    return await request.body()


#: A body that is no JSON, as it came; `csv_body` describes it.
Raw = Annotated[bytes, Depends(_body)]


def csv_body(example: str) -> dict[str, Any]:
    content = {"text/csv": {"schema": {"type": "string", "format": "binary"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def today(state: State) -> date:
    """In the office."""
    return state.clock().astimezone(state.settings.zone).date()


def names(channel: ChannelKey | None) -> dict[str, str | None]:
    """The channel and its names; None: it is not known."""
    known = {"channel": channel.value if channel else None}
    return known | {f"name_{locale}": text(locale, NAMES[channel] if channel else "Unknown") for locale in ("ja", "en")}


@contextmanager
def of_parameter(name: str) -> Iterator[None]:
    """What is refused without a place inside the block is the path's."""
    try:
        yield
    except Refused as why:
        found = [r if r.place else replace(r, place=f"parameter:{name}") for r in why.refusals]
        raise Refused(found) from None
