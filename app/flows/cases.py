"""The rows that each figure is made of: one query a figure, with what every row says to it.

A figure counts the rows of its query and nothing else, so that "which rows?" has one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, null, or_, select, union_all

from app.domain.clock import Verdict
from app.domain.history import RETURNED_WITHOUT_REASON
from app.domain.kpi import Definition, Kpi, State
from app.models import HANDED_OVER, Handoff, Lead, Opportunity, Progress
from app.models.columns import UtcTime, micros_between

SECOND = timedelta(seconds=1)
MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A period [since, until), as known at `now`."""

    since: datetime
    until: datetime
    now: datetime
    definition: Definition

    def within(self, column: Any) -> ColumnElement[bool]:
        return and_(column >= self.since, column < self.until)


Query = Select[Any]


def cases(kpi: Kpi, asked: Asked) -> Query:
    """Columns: subject, id, lead_id, owner, source, campaign, content, reason, began_at, reached_at, state, seconds,
    policy_id."""
    return CASES[kpi](asked)


# --- what rows have in common

#: People count once, and those who were taken out do not count.
_COUNTS = and_(Lead.excluded.is_(None), Lead.joined_into.is_(None))
#: It was handed over, whatever became of it: one that was given back without a word is void, and was an MQL.
_WAS_MQL = or_(Handoff.verdict != Verdict.VOIDED, Handoff.episode["void_reason"].as_string() == RETURNED_WITHOUT_REASON)
_OWNER = func.coalesce(Handoff.episode["owner_name"].as_string(), Handoff.owner)


def _row(subject: str, table: Any, *, began: Any, reached: Any, state: Any, seconds: Any = None, **more: Any) -> Query:
    columns = {"owner": null(), "content": null(), "reason": null(), "policy_id": null()} | more
    return select(
        literal(subject).label("subject"),
        table.id.label("id"),
        Lead.id.label("lead_id"),
        Lead.source.label("source"),
        Lead.campaign.label("campaign"),
        began.label("began_at"),
        (null() if reached is None else reached).label("reached_at"),
        state.label("state"),
        (null() if seconds is None else seconds).label("seconds"),
        *(column.label(name) for name, column in columns.items()),
    )


def _handoff(*, began: Any, reached: Any, state: Any, seconds: Any = None) -> Query:
    """Handoffs of people that count."""
    mine = and_(Progress.lead_id == Handoff.lead_id, Progress.number == Handoff.number)
    row = _row(
        "handoff",
        Handoff,
        began=began,
        reached=reached,
        state=state,
        seconds=seconds,
        owner=_OWNER,
        content=Progress.content,
        reason=Progress.reason,
        policy_id=Handoff.policy_id,
    )
    joined = row.select_from(Handoff).join(Lead, Lead.id == Handoff.lead_id).outerjoin(Progress, mine)
    return joined.where(HANDED_OVER, _COUNTS)


def _opportunity(*, began: Any, reached: Any, state: Any, seconds: Any = None) -> Query:
    """Opportunities of people that count, with the handoff that each came of, if any."""
    came_of = and_(Handoff.lead_id == Opportunity.lead_id, Handoff.number == Opportunity.number, HANDED_OVER)
    mine = and_(Progress.lead_id == Opportunity.lead_id, Progress.number == Opportunity.number)
    row = _row(
        "opportunity",
        Opportunity,
        began=began,
        reached=reached,
        state=state,
        seconds=seconds,
        owner=_OWNER,
        content=Progress.content,
    )
    joined = row.select_from(Opportunity).join(Lead, Lead.id == Opportunity.lead_id)
    return joined.outerjoin(Handoff, came_of).outerjoin(Progress, mine).where(_COUNTS)


def _state(*whens: tuple[Any, State], otherwise: State) -> ColumnElement[str]:
    return case(*((when, literal(state.value)) for when, state in whens), else_=literal(otherwise.value))


def _got_there(asked: Asked, began: Any, reached: Any, window: timedelta) -> ColumnElement[str]:
    """definitions.md 2.4: of the matured ones, those that got there within the window."""
    return _state(
        (began > asked.now - window, State.OBSERVING),
        (micros_between(began, reached) <= window // MICRO, State.HIT),
        otherwise=State.MISS,
    )


def _seconds(began: Any, ended: Any) -> ColumnElement[int]:
    return micros_between(began, ended) // (SECOND // MICRO)


def _first_opportunity(*of: ColumnElement[bool]) -> Any:
    return select(func.min(Opportunity.opened_at)).where(*of).scalar_subquery()


_OPENED_OF_HANDOFF = _first_opportunity(
    Opportunity.lead_id == Progress.lead_id, Opportunity.number == Progress.number
).label("opened_at")
_HIT = literal(State.HIT.value)


# --- one by one


def _new_leads(asked: Asked) -> Query:
    row = _row("lead", Lead, began=Lead.first_seen_at, reached=None, state=_HIT)
    return row.where(_COUNTS, asked.within(Lead.first_seen_at))


def _mqls(asked: Asked) -> Query:
    row = _handoff(began=Handoff.qualified_at, reached=None, state=_HIT)
    return row.where(_WAS_MQL, asked.within(Handoff.qualified_at))


def _mql_to_sql(asked: Asked) -> Query:
    state = _got_there(asked, Handoff.qualified_at, Progress.sql_at, asked.definition.window)
    row = _handoff(began=Handoff.qualified_at, reached=Progress.sql_at, state=state)
    return row.where(_WAS_MQL, asked.within(Handoff.qualified_at))


def _sqls(asked: Asked) -> Query:
    return _judged(Progress.sql_at, None, _HIT).where(asked.within(Progress.sql_at))


def _judged(began: Any, reached: Any, state: Any) -> Query:
    """SQLs; those that sales found by itself have no handoff."""
    came_of = and_(Handoff.lead_id == Progress.lead_id, Handoff.number == Progress.number, HANDED_OVER)
    row = _row("sql", Lead, began=began, reached=reached, state=state, owner=_OWNER, content=Progress.content)
    joined = row.select_from(Progress).join(Lead, Lead.id == Progress.lead_id).outerjoin(Handoff, came_of)
    return joined.where(_COUNTS)


def _opportunity_rate(asked: Asked) -> Query:
    """Of what it is a share is the company's choice."""
    window, opened = asked.definition.window, _OPENED_OF_HANDOFF
    match asked.definition.opportunity_of:
        case "mql":
            state = _got_there(asked, Handoff.qualified_at, opened, window)
            row = _handoff(began=Handoff.qualified_at, reached=opened, state=state)
            return row.where(_WAS_MQL, asked.within(Handoff.qualified_at))
        case "approached":
            state = _got_there(asked, Handoff.touched_at, opened, window)
            row = _handoff(began=Handoff.touched_at, reached=opened, state=state)
            return row.where(Handoff.verdict != Verdict.VOIDED, asked.within(Handoff.touched_at))
        case "sql":
            state = _got_there(asked, Progress.sql_at, opened, window)
            return _judged(Progress.sql_at, opened, state).where(asked.within(Progress.sql_at))
        case "lead":
            first = _first_opportunity(Opportunity.lead_id == Lead.id)
            state = _got_there(asked, Lead.first_seen_at, first, window)
            row = _row("lead", Lead, began=Lead.first_seen_at, reached=first, state=state)
            return row.where(_COUNTS, asked.within(Lead.first_seen_at))


def _win_rate(asked: Asked) -> Query:
    won = case((Opportunity.state == "won", Opportunity.closed_at))
    stale = and_(Opportunity.state == "open", Opportunity.opened_at < asked.now - _days(asked.definition.stale_days))
    if asked.definition.won_of == "created":
        state = _got_there(asked, Opportunity.opened_at, won, _days(asked.definition.win_days))
        row = _opportunity(began=Opportunity.opened_at, reached=won, state=state)
        return row.where(asked.within(Opportunity.opened_at))
    state = _state((stale, State.STALE), (Opportunity.state == "won", State.HIT), otherwise=State.MISS)
    row = _opportunity(began=Opportunity.opened_at, reached=Opportunity.closed_at, state=state)
    return row.where(or_(asked.within(Opportunity.closed_at), stale))


def _sales_cycle(asked: Asked) -> Query:
    """Lost ones leave at their loss: it is the time that winning takes, not how often one wins."""
    began = {
        "opportunity": Opportunity.opened_at,
        "mql": Handoff.qualified_at,
        "lead": Lead.first_seen_at,
    }[asked.definition.cycle_from]
    ended = func.coalesce(Opportunity.closed_at, literal(asked.now, UtcTime()))
    state = _state(
        (Opportunity.state == "won", State.HIT), (Opportunity.state == "lost", State.MISS), otherwise=State.WAITING
    )
    row = _opportunity(began=began, reached=Opportunity.closed_at, state=state, seconds=_seconds(began, ended))
    created = and_(
        Opportunity.opened_at >= asked.until - _days(asked.definition.cycle_days), Opportunity.opened_at < asked.until
    )
    return row.where(created, began.is_not(None))


def _attainment(asked: Asked) -> Query:
    late = or_(Handoff.verdict == Verdict.MET_LATE, Handoff.due_at < asked.now)
    state = _state(
        (Handoff.verdict == Verdict.VOIDED, State.VOIDED),
        (Handoff.verdict == Verdict.UNKNOWN, State.UNKNOWN),
        (Handoff.verdict == Verdict.MET, State.HIT),
        (late, State.MISS),
        otherwise=State.WAITING,
    )
    row = _handoff(began=Handoff.due_at, reached=Handoff.touched_at, state=state)
    return row.where(asked.within(Handoff.due_at))


def _first_follow_up(asked: Asked) -> Query:
    touched = Progress.touched_after.is_not(None)
    row = _handoff(
        began=Handoff.qualified_at,
        reached=Handoff.touched_at,
        state=_state((touched, State.HIT), otherwise=State.WAITING),
        seconds=Progress.touched_after,
    )
    return row.where(Handoff.verdict != Verdict.VOIDED, asked.within(Handoff.qualified_at))


def _untouched(asked: Asked) -> Query:
    window = asked.definition.window
    touched_in_time = micros_between(Handoff.qualified_at, Handoff.touched_at) <= window // MICRO
    state = _state(
        (touched_in_time, State.MISS),
        (Handoff.qualified_at > asked.now - window, State.OBSERVING),
        otherwise=State.HIT,
    )
    row = _handoff(began=Handoff.qualified_at, reached=Handoff.touched_at, state=state)
    return row.where(Handoff.verdict != Verdict.VOIDED, asked.within(Handoff.qualified_at))


def _logging_delay(asked: Asked) -> Query:
    in_time = Progress.logged_after <= int(asked.definition.logged_hours * 3600)
    state = _state((Progress.logged_after.is_(None), State.UNKNOWN), (in_time, State.HIT), otherwise=State.MISS)
    row = _handoff(began=Handoff.touched_at, reached=None, state=state, seconds=Progress.logged_after)
    return row.where(Handoff.verdict != Verdict.VOIDED, asked.within(Handoff.touched_at))


def _acceptance(asked: Asked) -> Query:
    accepted = and_(
        Progress.accepted_at.is_not(None),
        or_(Progress.rejected_at.is_(None), Progress.accepted_at <= Progress.rejected_at),
    )
    decided_at = case((accepted, Progress.accepted_at), else_=Progress.rejected_at)
    state = _state((accepted, State.HIT), (Progress.rejected_at.is_not(None), State.MISS), otherwise=State.WAITING)
    row = _handoff(began=Handoff.qualified_at, reached=decided_at, state=state).where(_WAS_MQL)
    either = or_(asked.within(Progress.accepted_at), asked.within(Progress.rejected_at))
    decided = row.where(either, asked.within(decided_at))
    pending = row.where(
        asked.within(Handoff.qualified_at),
        Handoff.verdict != Verdict.VOIDED,
        Progress.accepted_at.is_(None),
        Progress.rejected_at.is_(None),
    )
    return select(union_all(decided, pending).subquery())


def _returned(asked: Asked) -> Query:
    back = or_(Progress.rejected_at.is_not(None), Progress.returned_at.is_not(None))
    row = _handoff(
        began=Handoff.qualified_at,
        reached=func.coalesce(Progress.rejected_at, Progress.returned_at),
        state=_state((back, State.HIT), otherwise=State.MISS),
    )
    return row.where(_WAS_MQL, asked.within(Handoff.qualified_at))


def _days(number: int) -> timedelta:
    return timedelta(days=number)


CASES: Mapping[Kpi, Callable[[Asked], Query]] = {
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
