"""Visits to the website, day by day, and how many of them became something (definitions.md, KPI-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from app.domain import cells, sheet
from app.domain.labels import one_line
from app.domain.refusals import refused
from app.domain.sheet import Column
from app.domain.statistics import Interval, wilson

#: Nobody has more visits in a day.
MOST = 1_000_000_000
#: Before it nothing is known.
FIRST_DAY = date(2000, 1, 1)
Count = Annotated[int, Strict(), Field(ge=0, le=MOST)]
Named = Annotated[str, Field(max_length=100), AfterValidator(one_line)]


class Visit(BaseModel):
    """Visits of one day that began on one page, from one campaign and channel; a session counts once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: Annotated[str, Field(max_length=400, description="The landing page."), AfterValidator(one_line)] = ""
    campaign: Named = ""
    channel: Named = ""
    sessions: Count
    users: Count | None = Field(None, description="null: the tool does not say.")
    conversions: Count

    @property
    def key(self) -> tuple[str, str, str]:
        return self.page, self.campaign, self.channel


class DatedVisit(Visit):
    """A row of a file."""

    day: date


COLUMNS = (
    Column("day", cells.day, "日付 日 date", needed=True),
    Column("page", None, "ページ ランディングページ"),
    Column("campaign", None, "キャンペーン 施策"),
    Column("channel", None, "チャネル チャンネル"),
    Column("sessions", cells.number, "セッション セッション数", needed=True),
    Column("users", cells.number, "ユーザー ユーザー数"),
    Column("conversions", cells.number, "CV コンバージョン CV数 コンバージョン数", needed=True),
)


class Unit(StrEnum):
    """What a conversion rate is per."""

    SESSIONS = "sessions"
    USERS = "users"


#: Message ids: the rate is never told without its unit.
LABELS = {Unit.SESSIONS: "CVR (per session)", Unit.USERS: "CVR (per user)"}


@dataclass(frozen=True, slots=True)
class Visits:
    """Sums over some days."""

    sessions: int
    #: Of each day added up: who came on two days counts twice. None: not known for every row.
    users: int | None
    conversions: int
    days_with_data: int


@dataclass(frozen=True, slots=True)
class ConversionRate:
    """A session can convert twice, so the rate can be above 1; it then has no interval."""

    conversions: int
    #: More than 0.
    visits: int
    per: Unit

    @property
    def label(self) -> str:
        """A message id."""
        return LABELS[self.per]

    @property
    def rate(self) -> float:
        return self.conversions / self.visits

    @property
    def interval(self) -> Interval | None:
        return wilson(self.conversions, self.visits) if self.conversions <= self.visits else None


def conversion_rate(visits: Visits, per: Unit = Unit.SESSIONS) -> ConversionRate | None:
    """None where nobody came, or where it is not known how many: "—"."""
    whole = visits.sessions if per is Unit.SESSIONS else visits.users
    return ConversionRate(visits.conversions, whole, per) if whole else None


def check_day(day: date, today: date, place: str) -> None:
    """Raises Refused at that place: visits are counted when they are over."""
    if day > today:
        raise refused(place, "in_the_future", "This day has not come yet.")
    if day < FIRST_DAY:
        raise refused(place, "year", "The years {first} to {last} are known.", first=FIRST_DAY.year, last=2099)


def read_sheet(content: bytes, today: date) -> dict[date, list[Visit]]:
    """The visits of a CSV file by day. Raises Refused with every row that cannot be used."""
    read = sheet.read(
        content, COLUMNS, DatedVisit, lambda v: (v.day, *v.key), lambda v: check_day(v.day, today, "/day")
    )
    by_day: dict[date, list[Visit]] = {}
    for row in read:
        by_day.setdefault(row.day, []).append(row)
    return by_day
