"""What became of the leads that marketing handed over, as a feed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from app.api.auth import reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.problems import locale_of
from app.api.schemas import Moment, Shown
from app.domain.language import text
from app.domain.outcomes import REASONED, WORDS, Became, Milestone, reason_in_words
from app.flows import outcomes

router = noun("/leads/outcomes", "Leads", [reads])

MILESTONE: dict[str, Any] = {
    "handoff_id": 812,
    "became": "rejected",
    "at": "2026-09-19T08:00:00Z",
    "reason": "out_of_definition",
    "in_words": "営業が差戻し(基準外)",
    "opportunity": None,
}
EXAMPLE: dict[str, Any] = {
    "lead_id": 512,
    "name": "佐藤 翔太",
    "company": "山田製作所",
    "updated_at": "2026-09-19T08:00:03Z",
    "outcomes": [MILESTONE],
}


class OutcomesAsked(Paged):
    since: Moment | None = Field(None, description="Leads that changed since then.", examples=["2026-09-18T00:00:00Z"])


class ShownMilestone(Shown):
    handoff_id: int
    became: Became
    at: datetime
    reason: str | None = Field(description="Why sales gave it back: a code of ours or the tool's words.")
    in_words: str
    opportunity: str | None = Field(description="The SFA's id of it.")


class LeadOutcomes(Shown):
    """A lead that was handed over, and what became of it."""

    lead_id: int
    name: str | None
    company: str | None
    updated_at: datetime
    outcomes: list[ShownMilestone] = Field(description="In the order in which they happened; none: it still waits.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


@router.get("", operation_id="list_outcomes")
def list_outcomes(
    asked: Annotated[OutcomesAsked, Query()], state: Here, request: Request, response: Response
) -> Page[LeadOutcomes]:
    """Handed-over leads by their last change: whoever pages on from the end misses no outcome."""
    locale = locale_of(request)
    with state.database.read() as c:
        found, milestones = outcomes.feed(c, since=asked.since, after=after(asked, datetime, int), limit=asked.limit)
    return page(request, response, found, lambda row: _shown(row, milestones[row.id], locale))


def _shown(row: Any, milestones: list[Milestone], locale: str) -> LeadOutcomes:
    told = [_milestone(each, locale) for each in milestones]
    return LeadOutcomes(lead_id=row.id, name=row.name, company=row.company, updated_at=row.updated_at, outcomes=told)


def _milestone(each: Milestone, locale: str) -> ShownMilestone:
    words = text(locale, WORDS[each.became])
    if each.became in REASONED:
        words = text(locale, "{words} ({detail})", words=words, detail=reason_in_words(each.reason, locale))
    return ShownMilestone(
        handoff_id=each.handoff_id,
        became=each.became,
        at=each.at,
        reason=each.reason,
        in_words=words,
        opportunity=each.opportunity,
    )
