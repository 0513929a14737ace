"""How complete the briefs of MQLs are, by what sales wants in them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field

from app.api.auth import Admin, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.problems import locale_of
from app.api.schemas import Asked, Day, Nothing, Shown, Written
from app.api.v1.briefs import MissingField
from app.api.v1.reports import ShownShare, shown_share
from app.domain.completeness import Wanted
from app.domain.refusals import refused
from app.domain.roles import Right
from app.flows import brief as briefs
from app.flows import brief_fields, reports
from app.flows.kpis import USUAL_DAYS
from app.pages.brief import field_in_words

router = noun("/brief", "Brief", sees=Right.SEE_FIGURES, changes=Right.AGREE)

FIELDS_EXAMPLE: dict[str, Any] = {"version": 0, "fields": list(Wanted().fields)}


class CompletenessAsked(Asked):
    first: Day | None = Field(
        None, description=f"First day; else {USUAL_DAYS} days up to the last one.", examples=["2026-07-01"]
    )
    last: Day | None = Field(None, description="Last day; it belongs to the period. Else today.")


class MissingOften(MissingField):
    mqls: int = Field(description="In the briefs of how many it is missing.")


class ShownCompleteness(Shown):
    """Of the MQLs of a period, as their briefs are now."""

    first: date
    last: date
    version: int = Field(description="Version of the wanted fields; 0: as shipped.")
    mqls: int
    average: float | None = Field(description="Mean of present ÷ wanted, 0 to 1; null: there is no MQL.")
    complete: ShownShare = Field(description="Briefs of which nothing is missing.")
    missing: list[MissingOften] = Field(description="Most often missing first.")
    helpful: ShownShare = Field(description="Of the people who said whether a brief helped.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "first": "2026-07-01",
                    "last": "2026-09-30",
                    "version": 2,
                    "mqls": 52,
                    "average": 0.8132,
                    "complete": {
                        "part": 12,
                        "whole": 52,
                        "rate": 0.2308,
                        "low": 0.137,
                        "high": 0.3613,
                        "weight": "solid",
                    },
                    "missing": [{"field": "attribute:industry", "name": "industry", "mqls": 31}],
                    "helpful": {"part": 7, "whole": 9, "rate": None, "low": None, "high": None, "weight": "count_only"},
                }
            ]
        }
    )


class ShownFields(Shown):
    version: int = Field(description="0: as shipped.")
    fields: tuple[str, ...]

    model_config = ConfigDict(json_schema_extra={"examples": [FIELDS_EXAMPLE]})


class FieldsWritten(Wanted, Written):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"fields": ["company", "topics", "attribute:employees"]}]}
    )


@router.get("/completeness", operation_id="brief_completeness", dependencies=[reads])
def brief_completeness(
    asked: Annotated[CompletenessAsked, Query()], state: Here, request: Request
) -> ShownCompleteness:
    """How complete the briefs of a period's MQLs are, and whether sales finds them helpful."""
    locale, zone = locale_of(request), state.settings.zone
    last = asked.last or state.clock().astimezone(zone).date()
    first = asked.first or last - timedelta(days=USUAL_DAYS - 1)
    if last < first:
        raise refused("parameter:last", "ends_before_it_begins", "The period ends before it begins.")
    span = reports.period(first, last, zone)
    with state.database.read() as c:
        found = briefs.completeness(c, span.since, span.until)
    return ShownCompleteness(
        first=first,
        last=last,
        version=found.version,
        mqls=found.mqls,
        average=None if found.average is None else round(found.average, 4),
        complete=shown_share(found.complete),
        missing=[MissingOften(field=f, name=field_in_words(f, locale), mqls=n) for f, n in found.missing],
        helpful=shown_share(found.helpful),
    )


@router.get("/fields", operation_id="get_brief_fields", dependencies=[reads])
def get_fields(state: Here, _: Annotated[Nothing, Query()]) -> ShownFields:
    """What sales wants to find in a brief."""
    with state.database.read() as c:
        version, wanted = brief_fields.newest(c)
    return ShownFields(version=version, fields=wanted.fields)


@router.put("/fields", operation_id="set_brief_fields")
def set_fields(body: FieldsWritten, token: Admin, state: Here, _: Annotated[Nothing, Query()]) -> ShownFields:
    """A new version, in force from now on."""
    chosen = Wanted(fields=body.fields)
    with state.database.write() as c:
        version = brief_fields.choose(c, chosen, by=token.name, now=state.clock())
    return ShownFields(version=version, fields=chosen.fields)
