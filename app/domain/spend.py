"""The budget: what was planned and spent by month, channel and campaign. Missing is not known, never nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Self

from babel.numbers import is_currency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, field_validator, model_validator

from app.domain import cells, sheet
from app.domain.channel import ChannelKey
from app.domain.labels import one_line
from app.domain.refusals import complaint, refused
from app.domain.sheet import Column
from app.domain.website import Named

#: Of the smallest unit; more than any company's budget.
MOST = 10**13
FIRST_MONTH, LAST_MONTH = date(2000, 1, 1), date(2099, 12, 1)
YEN = "JPY"
Amount = Annotated[int, Strict(), Field(ge=0, le=MOST)]


class Line(BaseModel):
    """One line of a month's budget. Amounts are whole numbers of the currency's smallest unit: yen, cents."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]
    campaign: Named = ""
    planned: Amount | None = Field(None, description="null: not known.")
    spent: Amount | None = Field(None, description="null: not known.")
    currency: str = YEN

    @field_validator("channel")
    @classmethod
    def named(cls, channel: str) -> str:
        if not channel:
            raise complaint("empty", "Must not be empty.")
        return channel

    @field_validator("currency")
    @classmethod
    def exists(cls, currency: str) -> str:
        if not is_currency(currency):
            raise complaint("currency", "There is no such currency; write three letters such as JPY.")
        return currency

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if self.planned is None and self.spent is None:
            raise complaint("no_amount", "Say what was planned, or what was spent.")
        return self

    @property
    def key(self) -> tuple[str, str]:
        return self.channel, self.campaign


class DatedLine(Line):
    """A row of a file."""

    month: date


def _currency(cell: str) -> str:
    return {"円": YEN, "¥": YEN}.get(cell, cell.upper())


COLUMNS = (
    Column("month", cells.month, "月 年月", needed=True),
    Column("channel", None, "チャネル チャンネル", needed=True),
    Column("campaign", None, "キャンペーン 施策"),
    Column("planned", cells.amount, "予算 budget"),
    Column("spent", cells.amount, "実績 金額 費用 actual amount"),
    Column("currency", _currency, "通貨"),
)


@dataclass(frozen=True, slots=True)
class ChannelSpend:
    """What a channel cost in some months."""

    #: None: the budget's word for it means no channel that anybody decided on.
    channel: ChannelKey | None
    currency: str
    #: None: no line says it.
    planned: int | None
    spent: int | None
    #: Lines that do not say what was spent, so that `spent` is too little.
    without_spent: int


def check_month(month: date, place: str) -> None:
    """Raises Refused at that place."""
    if not FIRST_MONTH <= month <= LAST_MONTH:
        raise refused(place, "year", "The years {first} to {last} are known.", first=2000, last=2099)


def check_spent(line: Line, month: date, today: date, place: str) -> None:
    """Raises Refused at that place: a month to come can be planned, not spent."""
    if line.spent is not None and month > today:
        raise refused(place, "in_the_future", "This month has not come yet; only what is planned can be given.")


def read_sheet(content: bytes, today: date) -> dict[date, list[Line]]:
    """The lines of a CSV file by month. Raises Refused with every row that cannot be used."""

    def judge(line: DatedLine) -> None:
        check_month(line.month, "/month")
        check_spent(line, line.month, today, "/spent")

    by_month: dict[date, list[Line]] = {}
    for row in sheet.read(content, COLUMNS, DatedLine, lambda line: (line.month, *line.key), judge):
        by_month.setdefault(row.month, []).append(row)
    return by_month
