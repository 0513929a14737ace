"""The budget: what was planned and spent, by month, channel and campaign."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Asked, Nothing, Shown, Written
from app.api.v1.marketing import ImportAsked, Month, Raw, csv_body, names, today
from app.domain.refusals import refused
from app.domain.roles import Right
from app.domain.sheet import MOST_ROWS, different
from app.domain.spend import ChannelSpend, Line, check_month, check_spent
from app.flows import imports, spend

router = noun("/spend", "Spend", sees=Right.SEE_FIGURES, changes=Right.MARKETING)

ROW: dict[str, Any] = {
    "channel": "exhibition",
    "campaign": "autumn-fair",
    "planned": 3000000,
    "spent": 2840000,
    "currency": "JPY",
}
CHANNEL: dict[str, Any] = {
    "channel": "exhibition",
    "name_ja": "展示会",
    "name_en": "Exhibition",
    "currency": "JPY",
    "planned": 3000000,
    "spent": 2840000,
    "without_spent": 0,
}
IMPORTED: dict[str, Any] = {
    "rows": 14,
    "first": "2026-08",
    "last": "2026-09",
    "stored": True,
    "unknown_channels": ["リスティング"],
}
FILE = '月,チャネル,キャンペーン,予算,実績,通貨\n2026/09,展示会,秋の展示会,"3,000,000","2,840,000",JPY\n'
MonthKey = Annotated[Month, Path(description="The month.", examples=["2026-09"])]


class MonthWritten(Written):
    rows: Annotated[list[Line], Field(max_length=MOST_ROWS)] = Field(description="Empty: the month is forgotten.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"rows": [ROW]}]})


class MonthShown(Shown):
    """All that is known of a month's budget."""

    month: str
    rows: list[Line]

    model_config = ConfigDict(json_schema_extra={"examples": [{"month": "2026-09", "rows": [ROW]}]})


class ChannelShown(Shown):
    """Amounts are in the currency's smallest unit; null: not known, which is not nothing."""

    channel: str | None = Field(description="null: the budget's word for it means no channel yet.")
    name_ja: str
    name_en: str
    currency: str
    planned: int | None
    spent: int | None
    without_spent: int = Field(description="Lines that do not say what was spent; `spent` lacks them.")

    model_config = ConfigDict(json_schema_extra={"examples": [CHANNEL]})


class SpendShown(Shown):
    """What every channel cost; currencies are not added up."""

    first: str
    last: str
    items: list[ChannelShown]

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"first": "2026-07", "last": "2026-09", "items": [CHANNEL]}]}
    )


class ImportedSpend(Shown):
    """What a file held."""

    rows: int
    first: str
    last: str
    stored: bool = Field(description="False: it was only read.")
    unknown_channels: list[str] = Field(description="Words for channels that mean none yet; /v1/channels decides.")

    model_config = ConfigDict(json_schema_extra={"examples": [IMPORTED]})


class SpendAsked(Asked):
    first: Month | None = Field(None, description="From this month on; else the last one alone.", examples=["2026-07"])
    last: Month | None = Field(None, description="To this month, included; else this one.", examples=["2026-09"])


@router.get("", operation_id="sum_spend", dependencies=[reads])
def sum_spend(asked: Annotated[SpendAsked, Query()], state: Here) -> SpendShown:
    """What was planned and spent for every channel."""
    last = asked.last or today(state).replace(day=1)
    first = asked.first or last
    if first > last:
        raise refused("parameter:last", "before_first", "Must not be before `first`.")
    with state.database.read() as c:
        found = spend.by_channel(c, first, last)
    return SpendShown(first=_month(first), last=_month(last), items=[_shown(one) for one in found])


@router.get("/{month}", operation_id="get_spend", dependencies=[reads])
def get_spend(month: MonthKey, state: Here, _: Annotated[Nothing, Query()]) -> MonthShown:
    """The lines of one month; none: nothing is known."""
    with state.database.read() as c:
        rows = spend.lines_of(c, month)
    lines = [Line.model_validate({name: getattr(row, name) for name in Line.model_fields}) for row in rows]
    return MonthShown(month=_month(month), rows=lines)


@router.put("/{month}", operation_id="set_spend")
def set_spend(
    month: MonthKey, body: MonthWritten, token: Writer, state: Here, _: Annotated[Nothing, Query()]
) -> MonthShown:
    """Replaces what was known of the month: sent twice it counts once."""
    check_month(month, "parameter:month")
    for number, line in enumerate(body.rows):
        check_spent(line, month, today(state), f"/rows/{number}/spent")
    different((line.key for line in body.rows), "/rows")
    with state.database.write() as c:
        spend.replace(c, {month: body.rows}, by=token.name, now=state.clock())
    return MonthShown(month=_month(month), rows=body.rows)


@router.post("/import", operation_id="import_spend", openapi_extra=csv_body(FILE))
def import_spend(asked: Annotated[ImportAsked, Query()], token: Writer, state: Here, content: Raw) -> ImportedSpend:
    """A CSV file in UTF-8 or Shift_JIS, with headings in Japanese or English; each month in it is replaced. Nothing is
    stored unless every row is right; of a wrong one `errors` point to row and column: `/17/実績`."""
    found = imports.budget(
        state.database, content, by=token.name, now=state.clock(), today=today(state), dry_run=asked.dry_run
    )
    return ImportedSpend.model_validate(asdict(found) | {"first": _month(found.first), "last": _month(found.last)})


def _month(first_day: date) -> str:
    return f"{first_day:%Y-%m}"


def _shown(cost: ChannelSpend) -> ChannelShown:
    return ChannelShown.model_validate(asdict(cost) | names(cost.channel))
