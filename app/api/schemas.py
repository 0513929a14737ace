"""What bodies, queries and answers have in common."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict

from app.domain.refusals import complaint

#: The largest number that a database key can be.
LARGEST = 2**63 - 1
#: Calendars know the holidays of their years only, and no lead is older.
FIRST_YEAR, LAST_YEAR = 2000, 2099
#: In a query `+` means a blank: `…T17:30:00+09:00` arrives like this.
BLANK_FOR_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


def storable(text: str) -> str:
    if "\x00" in text:
        raise complaint("not_storable", "Holds a character or a number that cannot be stored, such as U+0000.")
    return text


def moment(value: Any) -> Any:
    """RFC 3339 with its zone, as UTC; neither zone nor date is guessed."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(BLANK_FOR_PLUS.sub("+", value.strip()))
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise complaint("moment", "Write date, time and time zone, such as 2026-09-24T17:30:00+09:00.")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise complaint("year", "The years {first} to {last} are known.", first=FIRST_YEAR, last=LAST_YEAR)
    return value.astimezone(UTC)


def day(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise complaint("year", "The years {first} to {last} are known.", first=FIRST_YEAR, last=LAST_YEAR)
    return value


def whole_seconds(span: timedelta) -> int:
    return int(span.total_seconds())


Moment = Annotated[datetime, BeforeValidator(moment)]
Day = Annotated[date, AfterValidator(day)]
Id = Annotated[int, Field(ge=1, le=LARGEST)]
RowId = Annotated[int, Path(ge=1, le=LARGEST, description="Its number.", examples=[812])]
Word = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(storable)]
Key = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(storable)]
#: In a body: `true` and "512" are no numbers.
WrittenId = Annotated[int, Strict(), Field(ge=1, le=LARGEST)]


class Shown(BaseModel):
    """Part of an answer. Times are UTC; spans of time end in `_seconds`."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)


class Written(BaseModel):
    """A body. An unknown key is an error, never a silently missing value."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Asked(BaseModel):
    """The parameters of a query. An unknown one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Asked):
    """For paths that have no parameters."""
