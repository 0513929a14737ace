"""The brief of a lead for sales, and how complete the briefs of a period's MQLs are."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from app.domain import brief as decide
from app.domain import completeness as measure
from app.domain.agenda import Lead as Person
from app.domain.agreement import Duty
from app.domain.brief import Contents, Past
from app.domain.completeness import Completeness, Known, Score, Wanted
from app.domain.episode import Episode, episode_from_json
from app.domain.funnel import Standing
from app.flows import brief_feedback, brief_fields, identities, lately, lists, told
from app.models import Content, Event, Lead, LeadIdentity, Opportunity, Progress
from connectors.contract import EMAIL, EventKind

#: Standings of handoffs that were an MQL.
MQL = (Standing.COUNTED, Standing.RETURNED)


@dataclass(frozen=True, slots=True)
class Handover:
    """One handoff of the lead."""

    handoff_id: int
    episode: Episode


@dataclass(frozen=True, slots=True)
class Brief:
    """What sales should know before the first call. No phone number and no mail address is in it."""

    lead: Person
    #: The record in the SFA.
    url: str | None
    source: str | None
    campaign: str | None
    #: Name and value of what the tools told of the company.
    company: tuple[tuple[str, str], ...]
    past: Past
    #: The newest handoff; None: the lead has not become MQL.
    handover: Handover | None
    #: The newest first.
    earlier: tuple[Handover, ...]
    #: Opportunities, the newest first.
    opportunities: Sequence[Any]
    score: Score


def read(c: Connection, lead_id: int) -> Brief:
    """Of the lead that this one turned out to be. Raises NoSuchLead."""
    file = lists.lead(c, identities.current(c, lead_id))
    lead, (_, wanted) = file.lead, brief_fields.newest(c)
    origin = c.execute(select(Lead.source, Lead.campaign).where(Lead.id == lead.id)).one()
    past = decide.past(told.ledger_of(c, lead.id), contents(c))
    handed = [row for row in file.handoffs if row.duty == Duty.FOLLOW_UP]
    handovers = [Handover(row.id, episode_from_json(row.episode)) for row in reversed(handed)]
    return Brief(
        lead=Person(lead.id, lead.name, lead.company),
        url=lead.url,
        source=origin.source,
        campaign=origin.campaign,
        company=decide.company_context(file.attributes),
        past=past,
        handover=handovers[0] if handovers else None,
        earlier=tuple(handovers[1:]),
        opportunities=_opportunities(c, lead.id),
        score=measure.score(wanted, _known_of(file, origin, past)),
    )


def _known_of(file: lists.LeadFile, origin: Any, past: Past) -> Known:
    return Known(
        company=file.lead.company,
        name=file.lead.name,
        owner=file.lead.history.get("owner"),
        source=origin.source,
        campaign=origin.campaign,
        activities=bool(past.activities),
        topics=bool(past.topics),
        touches=bool(past.touches),
        email_known=any(system == EMAIL for system, _ in file.identities),
        attributes=file.attributes,
    )


def contents(c: Connection) -> Contents:
    """What the company has registered."""
    rows = c.execute(select(Content.asset, Content.title, Content.topic)).all()
    by_title = {row.title: row.topic for row in rows if row.title and row.topic}
    topics = by_title | {row.asset: row.topic for row in rows if row.topic}
    return Contents({row.asset: row.title for row in rows if row.title}, topics)


def _opportunities(c: Connection, lead_id: int) -> Sequence[Any]:
    mine = select(Opportunity.__table__).where(Opportunity.lead_id == lead_id)
    return c.execute(mine.order_by(Opportunity.opened_at.desc(), Opportunity.id.desc())).all()


# --- many at once


def completeness(c: Connection, since: datetime, until: datetime) -> Completeness:
    """Of the MQLs of that time (since <= qualified < until), as their briefs are now and by what is wanted now.

    A few queries, however many there are; a lead that became MQL twice counts twice.
    """
    version, wanted = brief_fields.newest(c)
    period = (Progress.qualified_at >= since, Progress.qualified_at < until, Progress.standing.in_(MQL))
    mine = select(Progress.lead_id).where(*period)
    having = _told(c, mine, wanted) | {"email_known": _with_mail(c, mine) if "email_known" in wanted.fields else set()}
    columns = (Progress.lead_id, Lead.company, Lead.name, Lead.source, Lead.campaign)
    more = (Lead.history["owner"].as_string().label("owner"), Lead.history["attributes"].label("attributes"))
    rows = c.execute(select(*columns, *more).join(Lead, Lead.id == Progress.lead_id).where(*period)).all()
    known = (_known(row, having) for row in rows)
    helpful = brief_feedback.helpful(c, since, until)
    return measure.completeness(version, wanted, known, helpful)


def _known(row: Any, having: Mapping[str, Container[int]]) -> Known:
    said = {name: value for name, value in row._mapping.items() if name != "lead_id"}
    return Known(**(said | {field: row.lead_id in leads for field, leads in having.items()}))


def _with_mail(c: Connection, leads: Select[Any]) -> set[int]:
    named = select(LeadIdentity.lead_id).where(LeadIdentity.system == EMAIL, LeadIdentity.lead_id.in_(leads))
    return set(c.execute(named).scalars())


def _told(c: Connection, leads: Select[Any], wanted: Wanted) -> dict[str, set[int]]:
    """Field → which of these leads have any, by events that still stand. Their events are walked once for all; what
    was read from records, of which a few are ever edited, is then looked at one by one."""
    asked = {field: which for field, which in _events().items() if field in wanted.fields}
    found: dict[str, set[int]] = {field: set() for field in asked}
    if not asked:
        return found
    one = case((Event.record.is_not(None), Event.id)).label("one")
    flags = (func.max(case((which, 1), else_=0)).label(field) for field, which in asked.items())
    query = select(Event.lead_id, one, func.max(Event.record).label("record"), *flags)
    rows = c.execute(query.where(Event.lead_id.in_(leads), Event.kind.in_(TOLD)).group_by(Event.lead_id, one)).all()
    gone = lately.overtaken(c, (row.record for row in rows if row.record))
    for row in rows:
        for field in asked:
            if getattr(row, field) and row.one not in gone:
                found[field].add(row.lead_id)
    return found


TOLD = (EventKind.ACTIVITY.value, EventKind.FOLLOW_UP.value)


def _events() -> dict[str, ColumnElement[bool]]:
    """Wanted field → the events that fill it."""
    activity, said = Event.kind == EventKind.ACTIVITY.value, Event.data
    grouped = select(Content.asset).where(Content.topic.is_not(None))
    titled = select(Content.title).where(Content.topic.is_not(None), Content.title.is_not(None))
    registered = or_(said["asset"].as_string().in_(grouped), said["title"].as_string().in_(titled))
    return {
        "activities": activity,
        "topics": and_(activity, or_(said["topics"][0].as_string() != "", registered)),
        "touches": and_(Event.kind == EventKind.FOLLOW_UP.value, said["automated"].as_boolean().is_not(True)),
    }
