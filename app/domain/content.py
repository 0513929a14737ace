"""Content that marketing keeps, and when it has to be looked at again."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.domain.labels import one_line
from app.domain.refusals import refused

#: Characters of an asset's id.
LONGEST = 300
#: Months after which a review is old, unless somebody asks otherwise.
STALE_AFTER = 6
MOST_MONTHS = 120
FIRST_DAY = date(2000, 1, 1)
Words = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]


class Stage(StrEnum):
    """Where in the funnel it helps."""

    AWARENESS = "awareness"
    CONSIDERATION = "consideration"
    DECISION = "decision"


#: Message ids.
STAGES = {Stage.AWARENESS: "Awareness", Stage.CONSIDERATION: "Consideration", Stage.DECISION: "Decision stage"}


class Described(BaseModel):
    """What is known of an asset; null: not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Words | None = None
    topic: Words | None = None
    stage: Stage | None = Field(None, description="Where in the funnel it helps.")
    owner: Words | None = Field(None, description="Who keeps it up to date.")
    last_reviewed: date | None = Field(None, description="null: never.")


def check_reviewed(reviewed: date | None, today: date) -> None:
    """Raises Refused: nothing was reviewed in the future."""
    if reviewed is not None and reviewed > today:
        raise refused("/last_reviewed", "in_the_future", "This day has not come yet.")
    if reviewed is not None and reviewed < FIRST_DAY:
        raise refused("/last_reviewed", "year", "The years {first} to {last} are known.", first=2000, last=2099)


def is_stale(reviewed: date | None, today: date, months: int) -> bool:
    """Not reviewed for that many months, or never."""
    return reviewed is None or reviewed < months_before(today, months)


def months_before(day: date, months: int) -> date:
    """The same day that many months earlier; the month's last one where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
