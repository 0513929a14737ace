"""The brief of a lead for sales, and what sales says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field, Strict

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import locale_of
from app.api.schemas import Nothing, RowId, Shown, Written
from app.domain.completeness import Said
from app.domain.roles import Right
from app.flows import brief as briefs
from app.flows import brief_feedback
from app.flows.brief import Brief, Handover
from app.pages.brief import field_in_words, sections

router = noun("", "Brief", changes=Right.WORK_LEADS)

SCORE_EXAMPLE: dict[str, Any] = {
    "present": 6,
    "wanted": 7,
    "missing": [{"field": "attribute:industry", "name": "industry"}],
}
EXAMPLE: dict[str, Any] = {
    "lead_id": 512,
    "name": "佐藤 翔太",
    "company": "山田製作所",
    "url": "https://sfa.example.jp/leads/00Q5i000001Abcd",
    "handoff_id": 812,
    "qualified_at": "2026-09-18T08:30:00Z",
    "activities": [{"at": "2026-09-18T05:12:00Z", "activity": "download", "title": "料金表 2026"}],
    "topics": [{"name": "料金", "times": 3, "last_at": "2026-09-18T05:12:00Z"}],
    "touches": [
        {
            "at": "2025-11-05T02:00:00Z",
            "channel": "call",
            "by": "鈴木 健",
            "result": "不在",
            "before_handoff": True,
        }
    ],
    "earlier": [
        {
            "handoff_id": 377,
            "qualified_at": "2026-03-02T01:00:00Z",
            "ended_at": "2026-03-09T04:00:00Z",
            "outcome": "recycled",
            "reason": "timing",
        }
    ],
    "opportunities": [],
    "attributes": {"employees": "320"},
    "source": "展示会",
    "campaign": None,
    "completeness": SCORE_EXAMPLE,
    "sections": [
        {"key": "topics", "title": "関心トピック", "lines": ["料金(3件)"], "known": True},
        {"key": "opportunities", "title": "商談", "lines": ["情報なし"], "known": False},
    ],
}


class BriefActivity(Shown):
    at: datetime
    activity: str
    title: str | None


class BriefTopic(Shown):
    name: str
    times: int
    last_at: datetime


class BriefTouch(Shown):
    """Somebody spoke or wrote to the lead."""

    at: datetime
    channel: str
    by: str | None
    result: str | None
    before_handoff: bool = Field(description="Before the lead became MQL this time.")


class EarlierHandoff(Shown):
    handoff_id: int
    qualified_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None


class BriefOpportunity(Shown):
    name: str | None
    state: str
    stage: str | None
    amount: float | None
    opened_at: datetime
    closed_at: datetime | None


class MissingField(Shown):
    field: str
    name: str = Field(description="In the caller's language.")


class BriefScore(Shown):
    present: int
    wanted: int
    missing: list[MissingField]


class BriefSection(Shown):
    """A part of the brief in the caller's language."""

    key: str
    title: str
    lines: list[str]
    known: bool = Field(description="false: the line says that there is no information.")


class ShownBrief(Shown):
    """What sales should know before the first call. No phone number and no mail address is in it."""

    lead_id: int
    name: str | None
    company: str | None
    url: str | None = Field(description="The record in the SFA.")
    handoff_id: int | None = Field(description="The newest handoff; /v1/handoffs/{id}/explain says why. null: none.")
    qualified_at: datetime | None
    activities: list[BriefActivity] = Field(description="The last ten, the newest first.")
    topics: list[BriefTopic] = Field(description="The most frequent first.")
    touches: list[BriefTouch] = Field(description="The last ten, the newest first.")
    earlier: list[EarlierHandoff] = Field(description="The newest first.")
    opportunities: list[BriefOpportunity]
    attributes: dict[str, str] = Field(description="What the tools told of the company.")
    source: str | None
    campaign: str | None
    completeness: BriefScore
    sections: list[BriefSection]

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class FeedbackWritten(Said, Written):
    """`by`: who says so; left out, the token's name."""

    helpful: Annotated[bool, Strict()]

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"helpful": True, "note": "関心トピックが会話の糸口になった", "by": "田中 舞"}]}
    )


class Feedback(Shown):
    id: int
    handoff_id: int
    by: str
    at: datetime
    helpful: bool
    note: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 3,
                    "handoff_id": 812,
                    "by": "田中 舞",
                    "at": "2026-09-19T08:00:00Z",
                    "helpful": True,
                    "note": "",
                }
            ]
        }
    )


@router.get("/leads/{lead_id}/brief", operation_id="get_brief", dependencies=[reads])
def get_brief(lead_id: RowId, state: Here, request: Request, _: Annotated[Nothing, Query()]) -> ShownBrief:
    """What sales should know of a lead; `sections` says it in the language of Accept-Language."""
    locale = locale_of(request)
    with state.database.read() as c:
        found = briefs.read(c, lead_id)
    told = [
        BriefSection.model_validate(each, from_attributes=True) for each in sections(found, locale, state.settings.zone)
    ]
    return _shown(found, told, locale)


@router.post("/handoffs/{handoff_id}/brief-feedback", operation_id="rate_brief", status_code=201)
def rate_brief(
    handoff_id: RowId, body: FeedbackWritten, token: Writer, state: Here, _: Annotated[Nothing, Query()]
) -> Feedback:
    """Whether the brief of a handoff helped; of each person the newest word counts."""
    by, now = body.by or token.name, state.clock()
    said: dict[str, Any] = {"helpful": body.helpful, "note": body.note.strip(), "by": by}
    with state.database.write() as c:
        number = brief_feedback.rate(c, handoff_id, **said, actor=token.name, now=now)
    return Feedback(id=number, handoff_id=handoff_id, at=now, **said)


@router.get("/handoffs/{handoff_id}/brief-feedback", operation_id="list_brief_feedback", dependencies=[reads])
def list_feedback(handoff_id: RowId, state: Here, _: Annotated[Nothing, Query()]) -> Listing[Feedback]:
    """What each person said last about the brief of a handoff, the newest first."""
    with state.database.read() as c:
        rows = brief_feedback.of_handoff(c, handoff_id)
    return Listing(items=[Feedback.model_validate(row, from_attributes=True) for row in rows])


def _shown(found: Brief, told: list[BriefSection], locale: str) -> ShownBrief:
    handover, since = found.handover, found.handover.episode.qualified_at if found.handover else None
    missing = [MissingField(field=name, name=field_in_words(name, locale)) for name in found.score.missing]
    return ShownBrief(
        lead_id=found.lead.id,
        name=found.lead.name,
        company=found.lead.company,
        url=found.url,
        handoff_id=handover.handoff_id if handover else None,
        qualified_at=since,
        activities=[BriefActivity.model_validate(each, from_attributes=True) for each in found.past.activities],
        topics=[BriefTopic.model_validate(each, from_attributes=True) for each in found.past.topics],
        touches=[_touch(each, since) for each in found.past.touches],
        earlier=[_earlier(each) for each in found.earlier],
        opportunities=[BriefOpportunity.model_validate(each, from_attributes=True) for each in found.opportunities],
        attributes=dict(found.company),
        source=found.source,
        campaign=found.campaign,
        completeness=BriefScore(present=found.score.present, wanted=found.score.wanted, missing=missing),
        sections=told,
    )


def _touch(each: Any, since: datetime | None) -> BriefTouch:
    before = since is not None and each.at < since
    return BriefTouch(at=each.at, channel=each.channel, by=each.by, result=each.result, before_handoff=before)


def _earlier(each: Handover) -> EarlierHandoff:
    episode = each.episode
    return EarlierHandoff(
        handoff_id=each.handoff_id,
        qualified_at=episode.qualified_at,
        ended_at=episode.ended_at,
        outcome=episode.outcome,
        reason=episode.outcome_reason,
    )
