"""The agenda of a meeting, read live: nothing in it is copied until it is frozen (flows.record)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, exists, func, select

from app.domain import agenda as decide
from app.domain.agenda import Agenda, Arrivals, Breach, Figures
from app.domain.clock import Verdict
from app.domain.health import Held
from app.domain.kpi import Definition, Figure
from app.domain.policy import Policies
from app.domain.run import Entry
from app.domain.template import Template
from app.flows import discussion, kpis, record, templates
from app.flows.cases import Asked
from app.flows.discussion import Discussion
from app.flows.meetings import DEFAULT, StoredSeries, read_series
from app.flows.policies import all_versions
from app.models import HANDED_OVER, Handoff, Lead, VerdictChange
from app.settings import Settings

#: Moments of qualification that lie closer together than this are read at once.
READ_TOGETHER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An agenda with its items, and with what is known about each."""

    agenda: Agenda
    template: Template
    template_version: int
    #: Over which time and how the figures were counted.
    counting: Asked
    discussion: Discussion
    #: What people want to talk about, and what the last meeting put off.
    topics: tuple[Entry, ...] = ()
    parked: tuple[Entry, ...] = ()
    #: The last meetings, for a look back.
    held: tuple[Held, ...] = ()
    #: How complete the customer information is that sales gets, from 0 to 1; None: nobody knows.
    completeness: float | None = None


def prepare(c: Connection, settings: Settings, now: datetime, key: str = DEFAULT) -> Prepared:
    """The next meeting, or the one being held, as it stands now. Raises NoSuchSeries, NoMeetingAhead."""
    stored, known = read_series(c, key), all_versions(c)
    counting = kpis.lately(c, settings.zone, now)
    board = tuple(kpis.board(c, known, counting))
    agenda = replace(_agenda(c, settings, stored, known, now), kpis=board, definition=counting.definition)
    meeting = agenda.meeting
    version, template = templates.template_for(c, stored, meeting.number)
    on = meeting.start.astimezone(stored.series.zone).date()
    return Prepared(
        agenda=agenda,
        template=template,
        template_version=version,
        counting=counting,
        discussion=discussion.gather(c, settings, stored, known, counting, agenda.since, on),
        topics=record.topics(c, key, meeting.number, now),
        parked=record.parked_before(c, key, meeting.number, now),
        held=record.held(c, key, now),
    )


def next_agenda(c: Connection, settings: Settings, now: datetime, key: str = DEFAULT) -> Agenda:
    """Its figures and breaches alone. Raises NoSuchSeries, NoMeetingAhead."""
    return _agenda(c, settings, read_series(c, key), all_versions(c), now)


def _agenda(c: Connection, settings: Settings, stored: StoredSeries, known: Policies, now: datetime) -> Agenda:
    meeting = stored.next_meeting(now)
    since = decide.period_start(stored.series, stored.calendar, meeting, now)
    breaches = _breaches(c, settings, since, now)
    arrivals = Arrivals(_qualified_around(c, [b.qualified_at for b in breaches]), known)
    return Agenda(
        series_key=stored.key,
        series=stored.series,
        meeting=meeting,
        since=since,
        as_of=now,
        figures=_figures(c, since, now),
        groups=decide.grouped(breaches, known, arrivals, since, now),
    )


def _breaches(c: Connection, settings: Settings, since: datetime, now: datetime) -> list[Breach]:
    """Open ones however old, and those since the last meeting that were followed up late."""
    still_open = _overdue().where(Handoff.verdict.in_(sorted(decide.OPEN_MISSED)), Handoff.due_at < now)
    late = _overdue().where(Handoff.verdict == Verdict.MET_LATE, Handoff.due_at >= since, Handoff.due_at < now)
    return [_breach(row, settings) for query in (still_open, late) for row in c.execute(query)]


def _overdue() -> Select[Any]:
    return (
        select(
            Handoff.id,
            Handoff.policy_id,
            Handoff.owner,
            Handoff.qualified_at,
            Handoff.visible_at,
            Handoff.due_at,
            Handoff.touched_at,
            Handoff.episode["owner_name"].as_string().label("owner_name"),
            Handoff.episode["assigned_at"].as_string().label("assigned_at"),
            Handoff.episode["automated_touches"].as_integer().label("automated_touches"),
            Lead.id.label("lead_id"),
            Lead.name,
            Lead.company,
            Handoff.burst_id,
        )
        .join(Lead, Lead.id == Handoff.lead_id)
        .where(HANDED_OVER)
    )


def _breach(row: Any, settings: Settings) -> Breach:
    return Breach(
        handoff_id=row.id,
        lead=decide.Lead(row.lead_id, row.name, row.company),
        policy_id=row.policy_id,
        owner=row.owner_name or row.owner,
        qualified_at=row.qualified_at,
        visible_at=row.visible_at,
        assigned_at=datetime.fromisoformat(row.assigned_at) if row.assigned_at else None,
        due_at=row.due_at,
        touched_at=row.touched_at,
        automated_touches=row.automated_touches,
        link=f"{settings.public_url}/handoffs/{row.id}",
    )


def _qualified_around(c: Connection, moments: Sequence[datetime]) -> Iterable[tuple[int, datetime]]:
    """Policy version and moment of every handoff that qualified near one of these moments."""
    for first, last in _spans(sorted(moments)):
        around = Handoff.qualified_at.between(first - decide.BULK_WITHIN, last + decide.BULK_WITHIN)
        yield from c.execute(select(Handoff.policy_id, Handoff.qualified_at).where(HANDED_OVER, around))


def _spans(moments: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    spans: list[tuple[datetime, datetime]] = []
    for at in moments:
        if spans and at - spans[-1][1] <= READ_TOGETHER:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return spans


def _figures(c: Connection, since: datetime, now: datetime) -> Figures:
    due = select(Handoff.verdict, func.count()).where(HANDED_OVER, Handoff.due_at >= since, Handoff.due_at < now)
    mqls, leads = c.execute(
        select(func.count(), func.count(Handoff.lead_id.distinct())).where(
            HANDED_OVER,
            Handoff.qualified_at >= since,
            Handoff.qualified_at < now,
            Handoff.verdict != Verdict.VOIDED,
        )
    ).one()
    by_verdict = {Verdict(verdict): count for verdict, count in c.execute(due.group_by(Handoff.verdict))}
    return decide.figures(by_verdict, mqls=mqls, leads=leads, withdrawn=_withdrawn(c, since, now))


def _withdrawn(c: Connection, since: datetime, now: datetime) -> int:
    """Breaches taken back since the last meeting, whenever they were due: that meeting may have seen them."""
    still_met = exists().where(HANDED_OVER, Handoff.id == VerdictChange.handoff_id, Handoff.verdict == Verdict.MET)
    taken_back = select(func.count(VerdictChange.handoff_id.distinct())).where(
        VerdictChange.previous == Verdict.BREACHED,
        VerdictChange.verdict == Verdict.MET,
        VerdictChange.known_at >= since,
        VerdictChange.known_at <= now,
        still_met,
    )
    return c.scalar(taken_back) or 0


def recount(c: Connection, counting: Mapping[str, Any], zone: ZoneInfo) -> list[Figure]:
    """The board of a paper once more, over its time and as of its moment, from what is known today."""
    moments = {name: datetime.fromisoformat(counting[name]).astimezone(zone) for name in ("since", "until", "now")}
    asked = Asked(**moments, definition=Definition.model_validate(counting["definition"]))
    return kpis.board(c, all_versions(c), asked)
