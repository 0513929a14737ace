"""The agenda of a meeting, read live: nothing in it is copied until it is frozen (flows.record)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, exists, func, select

from app.domain import agenda as decide
from app.domain.agenda import Agenda, Figures
from app.domain.clock import Verdict
from app.domain.health import Held
from app.domain.kpi import Definition, Figure
from app.domain.policy import Policies
from app.domain.run import Entry
from app.domain.template import Template
from app.flows import breaches, discussion, kpis, record, templates
from app.flows.cases import Asked
from app.flows.discussion import Discussion
from app.flows.meetings import DEFAULT, StoredSeries, read_series
from app.flows.policies import all_versions
from app.models import HANDED_OVER, Handoff, VerdictChange
from app.settings import Settings


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

    @property
    def completeness(self) -> float | None:
        """How complete the customer information is that sales gets, from 0 to 1; None: nobody knows."""
        return self.discussion.completeness.average


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
    if shown_until := record.frozen_before(c, stored.key, meeting.number):
        since = min(since, shown_until)  # what came up after the last agenda was frozen belongs into this one
    missed, arrivals = breaches.read(c, settings, known, since, now)
    return Agenda(
        series_key=stored.key,
        series=stored.series,
        meeting=meeting,
        since=since,
        as_of=now,
        figures=_figures(c, since, now),
        groups=decide.grouped(missed, known, arrivals, since, now),
    )


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
