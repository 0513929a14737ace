"""The rows that each figure is made of: one query a figure, with what every row says to it.

A figure counts the rows of its query and nothing else, so that "which rows?" has one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, null, or_, select

from app.domain.clock import Verdict
from app.domain.funnel import NO_HANDOFF, Standing
from app.domain.kpi import Definition, Kpi, State
from app.models import HANDED_OVER, Handoff, Lead, Opportunity, Progress
from app.models.columns import UtcTime, micros_between

SECOND, MICRO = timedelta(seconds=1), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A period [since, until), as it was at `now`: what happened later counts as not yet happened, so that an old
    meeting's figures, read anew, differ only where the past was corrected."""

    since: datetime
    until: datetime
    now: datetime
    definition: Definition

    @property
    def days(self) -> tuple[date, date]:
        """The first and last civil day, in the zone of `since` and `until`."""
        return self.since.date(), (self.until - MICRO).date()

    def within(self, column: Any) -> ColumnElement[bool]:
        return and_(column >= self.since, column < self.until)

    def happened(self, column: Any) -> ColumnElement[bool]:
        """Within the period, and by then."""
        return and_(column >= self.since, column < min(self.until, self.now + MICRO))

    def by_then(self, column: Any, value: Any = None) -> ColumnElement[Any]:
        """The moment if it was not after `now`, or the value that it brought with it; otherwise NULL."""
        return case((column <= self.now, column if value is None else value))


@dataclass(frozen=True, slots=True)
class Cases:
    """Which rows, and what each says."""

    table: type[Progress | Opportunity | Lead]
    where: tuple[Any, ...]
    began: Any
    reached: Any = None
    #: None: every row is counted.
    state: Any = None
    #: Of a time: how long it took; NULL: it has not happened.
    seconds: Any = None
    #: The moment by which it belongs to a period; None: where it began.
    placed: Any = None

    def counted(self) -> Select[Any]:
        """What counting needs: state, seconds, began_at, placed_at, policy_id, lead_id. Read along an index alone."""
        table: Any = self.table
        lead = table.id if table is Lead else table.lead_id
        policy = Progress.policy_id if self.table is Progress else null()
        placed = (self.began if self.placed is None else self.placed).label("placed_at")
        query = select(*self._said(), placed, policy.label("policy_id"), lead.label("lead_id"))
        return query.where(*self.where)

    def told(self) -> Select[Any]:
        """The rows with all that a reader or a group needs besides: subject, id, owner, source, campaign, content,
        reason, reached_at."""
        mine = select(*self._said(), *self._names()).select_from(self.table)
        return self._joined(mine).where(*self.where)

    def _said(self) -> tuple[Any, ...]:
        seconds = null() if self.seconds is None else self.seconds
        state = literal(State.HIT.value) if self.state is None else self.state
        return (state.label("state"), seconds.label("seconds"), self.began.label("began_at"))

    def _names(self) -> tuple[Any, ...]:
        known = self.table is not Lead
        subject, key = _SUBJECTS[self.table]
        return (
            subject.label("subject"),
            key.label("id"),
            (Progress.policy_id if self.table is Progress else null()).label("policy_id"),
            Lead.id.label("lead_id"),
            (_OWNER if known else null()).label("owner"),
            Lead.source.label("source"),
            Lead.campaign.label("campaign"),
            (Progress.content if known else null()).label("content"),
            (Progress.reason if known else null()).label("reason"),
            (null() if self.reached is None else self.reached).label("reached_at"),
        )

    def _joined(self, query: Select[Any]) -> Select[Any]:
        if self.table is Lead:
            return query
        table: Any = self.table
        handed = and_(Handoff.lead_id == table.lead_id, Handoff.number == table.number, HANDED_OVER)
        query = query.join(Lead, Lead.id == table.lead_id).outerjoin(Handoff, handed)
        if table is Progress:
            return query
        return query.outerjoin(Progress, and_(Progress.lead_id == table.lead_id, Progress.number == table.number))


_OWNER = func.coalesce(Handoff.episode["owner_name"].as_string(), Handoff.owner)
#: What a row is about, and its number.
_SUBJECTS: Mapping[Any, tuple[Any, Any]] = {
    Lead: (literal("lead"), Lead.id),
    Progress: (
        case((Progress.number == NO_HANDOFF, "lead"), else_="handoff"),
        case((Progress.number == NO_HANDOFF, Lead.id), else_=Handoff.id),
    ),
    Opportunity: (literal("opportunity"), Opportunity.id),
}


def cases(kpi: Kpi, asked: Asked) -> Cases:
    return CASES[kpi](asked)


# --- what conditions have in common

#: People count once, and those who were taken out do not count.
_PERSON = (Lead.excluded.is_(None), Lead.joined_into.is_(None))
_COUNTED = Progress.standing == Standing.COUNTED
#: It was handed over, whatever became of it.
_WAS_MQL = Progress.standing.in_((Standing.COUNTED, Standing.RETURNED))
_IN_PLAY = Progress.standing.in_((Standing.COUNTED, Standing.RETURNED, Standing.OWN))


def _state(*whens: tuple[Any, State], otherwise: State) -> ColumnElement[str]:
    return case(*((when, literal(state.value)) for when, state in whens), else_=literal(otherwise.value))


def _got_there(asked: Asked, began: Any, reached: Any, window: timedelta) -> ColumnElement[str]:
    """definitions.md 2.4: of the matured ones, those that got there within the window, which has passed."""
    return _state(
        (began > asked.now - window, State.OBSERVING),
        (micros_between(began, reached) <= window // MICRO, State.HIT),
        otherwise=State.MISS,
    )


def _cohort(asked: Asked, table: Any, began: Any, reached: Any, window: timedelta, *where: Any) -> Cases:
    state = _got_there(asked, began, reached, window)
    return Cases(table, (*where, asked.happened(began)), began, asked.by_then(reached), state)


# --- one by one


def _new_leads(asked: Asked) -> Cases:
    return Cases(Lead, (*_PERSON, asked.happened(Lead.first_seen_at)), Lead.first_seen_at)


def _mqls(asked: Asked) -> Cases:
    return Cases(Progress, (_WAS_MQL, asked.happened(Progress.qualified_at)), Progress.qualified_at)


def _mql_to_sql(asked: Asked) -> Cases:
    window = asked.definition.window
    return _cohort(asked, Progress, Progress.qualified_at, Progress.sql_at, window, _WAS_MQL)


def _sqls(asked: Asked) -> Cases:
    return Cases(Progress, (_IN_PLAY, asked.happened(Progress.sql_at)), Progress.sql_at)


def _opportunity_rate(asked: Asked) -> Cases:
    """Of what it is a share is the company's choice."""
    window = asked.definition.window
    match asked.definition.opportunity_of:
        case "mql":
            return _cohort(asked, Progress, Progress.qualified_at, Progress.opened_at, window, _WAS_MQL)
        case "approached":
            return _cohort(asked, Progress, Progress.touched_at, Progress.opened_at, window, _COUNTED)
        case "sql":
            return _cohort(asked, Progress, Progress.sql_at, Progress.opened_at, window, _IN_PLAY)
        case "lead":
            first = select(func.min(Opportunity.opened_at)).where(Opportunity.lead_id == Lead.id).scalar_subquery()
            return _cohort(asked, Lead, Lead.first_seen_at, first, window, *_PERSON)


def _win_rate(asked: Asked) -> Cases:
    opened, closed, chosen = Opportunity.opened_at, Opportunity.closed_at, asked.definition
    if chosen.won_of == "created":
        won = case((Opportunity.state == "won", closed))
        return _cohort(asked, Opportunity, opened, won, timedelta(days=chosen.win_days), Opportunity.counts)
    open_then = or_(Opportunity.state == "open", closed > asked.now)
    stale = and_(open_then, opened < asked.now - timedelta(days=chosen.stale_days))
    state = _state((stale, State.STALE), (Opportunity.state == "won", State.HIT), otherwise=State.MISS)
    where = (Opportunity.counts, or_(asked.happened(closed), stale))
    return Cases(Opportunity, where, opened, asked.by_then(closed), state, placed=asked.by_then(closed))


def _sales_cycle(asked: Asked) -> Cases:
    """Lost ones leave at their loss: it is the time that winning takes, not how often one wins."""
    began, closed = _CYCLE_FROM[asked.definition.cycle_from], Opportunity.closed_at
    ended = func.coalesce(asked.by_then(closed), literal(asked.now, UtcTime()))
    state = _state(
        (closed > asked.now, State.WAITING),
        (Opportunity.state == "won", State.HIT),
        (Opportunity.state == "lost", State.MISS),
        otherwise=State.WAITING,
    )
    recent = replace(asked, since=asked.until - timedelta(days=asked.definition.cycle_days))
    seconds = micros_between(began, ended) // (SECOND // MICRO)
    where = (Opportunity.counts, recent.happened(Opportunity.opened_at), began.is_not(None))
    return Cases(Opportunity, where, began, asked.by_then(closed), state, seconds, Opportunity.opened_at)


_CYCLE_FROM = {
    "opportunity": Opportunity.opened_at,
    "mql": select(Progress.qualified_at)
    .where(Progress.lead_id == Opportunity.lead_id, Progress.number == Opportunity.number)
    .correlate(Opportunity)
    .scalar_subquery(),
    "lead": select(Lead.first_seen_at).where(Lead.id == Opportunity.lead_id).correlate(Opportunity).scalar_subquery(),
}


def _attainment(asked: Asked) -> Cases:
    touched = Progress.touched_at
    not_judged = select(Handoff.id).where(
        HANDED_OVER,
        Handoff.verdict == Verdict.UNKNOWN,
        Handoff.lead_id == Progress.lead_id,
        Handoff.number == Progress.number,
    )
    state = _state(
        (Progress.standing != Standing.COUNTED, State.VOIDED),
        (and_(touched <= Progress.due_at, touched <= asked.now), State.HIT),
        (touched <= asked.now, State.MISS),
        (Progress.due_at >= asked.now, State.WAITING),
        (not_judged.correlate(Progress).exists(), State.UNKNOWN),
        otherwise=State.MISS,
    )
    counts = Progress.standing.in_((Standing.COUNTED, Standing.RETURNED, Standing.VOID))
    where = (counts, asked.within(Progress.due_at), Progress.qualified_at <= asked.now)
    return Cases(Progress, where, Progress.due_at, asked.by_then(touched), state)


def _first_follow_up(asked: Asked) -> Cases:
    touched, waited = Progress.touched_at, asked.by_then(Progress.touched_at, Progress.touched_after)
    state = _state((waited.is_not(None), State.HIT), otherwise=State.WAITING)
    where = (_COUNTED, asked.happened(Progress.qualified_at))
    return Cases(Progress, where, Progress.qualified_at, asked.by_then(touched), state, waited)


def _untouched(asked: Asked) -> Cases:
    window, touched = asked.definition.window, Progress.touched_at
    in_window = micros_between(Progress.qualified_at, touched) <= window // MICRO
    state = _state(
        (and_(in_window, touched <= asked.now), State.MISS),
        (Progress.qualified_at > asked.now - window, State.OBSERVING),
        otherwise=State.HIT,
    )
    where = (_COUNTED, asked.happened(Progress.qualified_at))
    return Cases(Progress, where, Progress.qualified_at, asked.by_then(touched), state)


def _logging_delay(asked: Asked) -> Cases:
    in_time = Progress.logged_after <= int(asked.definition.logged_hours * 3600)
    state = _state((Progress.logged_after.is_(None), State.UNKNOWN), (in_time, State.HIT), otherwise=State.MISS)
    where = (_COUNTED, asked.happened(Progress.touched_at))
    return Cases(Progress, where, Progress.touched_at, None, state, Progress.logged_after)


def _acceptance(asked: Asked) -> Cases:
    accepted_at, rejected_at = asked.by_then(Progress.accepted_at), asked.by_then(Progress.rejected_at)
    accepted = and_(accepted_at.is_not(None), or_(rejected_at.is_(None), accepted_at <= rejected_at))
    state = _state((accepted, State.HIT), (rejected_at.is_not(None), State.MISS), otherwise=State.WAITING)
    decided = or_(
        and_(asked.happened(Progress.accepted_at), accepted),
        and_(asked.happened(Progress.rejected_at), or_(accepted_at.is_(None), rejected_at < accepted_at)),
    )
    pending = and_(asked.happened(Progress.qualified_at), _COUNTED, accepted_at.is_(None), rejected_at.is_(None))
    reached = case((accepted, accepted_at), else_=rejected_at)
    where, placed = (_WAS_MQL, or_(decided, pending)), func.coalesce(reached, Progress.qualified_at)
    return Cases(Progress, where, Progress.qualified_at, reached, state, placed=placed)


def _returned(asked: Asked) -> Cases:
    back = func.coalesce(asked.by_then(Progress.rejected_at), asked.by_then(Progress.returned_at))
    state = _state((back.is_not(None), State.HIT), otherwise=State.MISS)
    return Cases(Progress, (_WAS_MQL, asked.happened(Progress.qualified_at)), Progress.qualified_at, back, state)


CASES: Mapping[Kpi, Callable[[Asked], Cases]] = {
    Kpi.NEW_LEADS: _new_leads,
    Kpi.MQLS: _mqls,
    Kpi.MQL_TO_SQL: _mql_to_sql,
    Kpi.SQLS: _sqls,
    Kpi.OPPORTUNITY_RATE: _opportunity_rate,
    Kpi.WIN_RATE: _win_rate,
    Kpi.SALES_CYCLE: _sales_cycle,
    Kpi.ATTAINMENT: _attainment,
    Kpi.FIRST_FOLLOW_UP: _first_follow_up,
    Kpi.UNTOUCHED: _untouched,
    Kpi.LOGGING_DELAY: _logging_delay,
    Kpi.ACCEPTANCE: _acceptance,
    Kpi.RETURNED: _returned,
}
