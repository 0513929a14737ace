"""Every figure against a straightforward computation over what truly happened, and its rows against the figure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from statistics import median_low

import pytest

from app.domain.kpi import Definition, Kpi, State, Times
from app.domain.survival import Waited, kaplan_meier, quantile
from app.flows import funnel, kpis, policies, rebuild, sweep
from app.flows.cases import CASES, Asked
from app.flows.kpis import By
from app.flows.policies import Cache
from tests.flows.company import DAY, HOUR, NOW, START, Deal, Person, Try, company, told

PEOPLE = company(seed=20260301, people=160)
COUNTING = [person for person in PEOPLE if not person.excluded]
PERIODS = [
    (START - DAY, NOW),
    (START + 40 * DAY, START + 101 * DAY),
    (NOW - 7 * DAY, NOW),
    (START - 60 * DAY, START - DAY),
]
#: Moments of the past, within the last periods.
EARLIER = (NOW - 3 * DAY, START + 90 * DAY + 7 * HOUR)
TARGET, MONTH, SECOND = 24 * HOUR, 30 * DAY, timedelta(seconds=1)
Period = tuple[datetime, datetime]
States = dict[State, int]


@pytest.fixture
def played(database, apply):
    """What the tools told, in the order in which it happened, worked off."""
    facts = sorted((fact for person in PEOPLE for fact in told(person)), key=lambda fact: fact.event.occurred_at)
    apply(facts, NOW)
    sweep.run(database, Cache(), NOW)
    while funnel.catch_up(database):
        pass
    assert rebuild.check(database, NOW) == []
    return database


# --- the same, counted plainly


@dataclass(frozen=True)
class Truth:
    """What had happened by `now`."""

    now: datetime
    people: list[Person]

    def tries(self) -> Iterator[Try]:
        return (one for person in self.people for one in person.tries)

    def deals(self) -> Iterator[Deal]:
        return (deal for person in self.people for deal in person.deals)


def by(now: datetime) -> Truth:
    """The truth without what happened later."""

    def cut(it, **parts):
        moments = {f.name: getattr(it, f.name) for f in fields(it) if f.name.endswith("_at") and f.name != "written_at"}
        return replace(it, **{name: at if at and at <= now else None for name, at in moments.items()}, **parts)

    def so_far(some: list[Deal]) -> list[Deal]:
        return [cut(deal) for deal in some if deal.opened_at <= now]

    def whole(person: Person) -> Person:
        tried = [cut(one, deals=so_far(one.deals)) for one in person.tries if one.qualified_at <= now]
        return cut(person, tries=tried, own_deals=so_far(person.own_deals))

    return Truth(now, [whole(person) for person in COUNTING if person.first_seen_at <= now])


def within(at: datetime | None, period: Period) -> bool:
    return at is not None and period[0] <= at < period[1]


def plain_new_leads(true: Truth, period: Period) -> States:
    return {State.HIT: sum(within(person.first_seen_at, period) for person in true.people)}


def plain_mqls(true: Truth, period: Period) -> States:
    return {State.HIT: sum(within(one.qualified_at, period) for one in true.tries())}


def cohort(now: datetime, began: datetime, reached: datetime | None, window: timedelta = MONTH) -> State:
    if now - began < window:
        return State.OBSERVING
    return State.HIT if reached is not None and reached - began <= window else State.MISS


def plain_mql_to_sql(true: Truth, period: Period) -> States:
    return Counter(
        cohort(true.now, one.qualified_at, one.judged_at) for one in true.tries() if within(one.qualified_at, period)
    )


def plain_sqls(true: Truth, period: Period) -> States:
    judged = [one.judged_at for one in true.tries()]
    found = [min(d.opened_at for d in person.own_deals) for person in true.people if person.own_deals]
    return {State.HIT: sum(within(at, period) for at in [*judged, *found])}


def plain_opportunity_rate(true: Truth, period: Period) -> States:
    return Counter(
        cohort(true.now, one.qualified_at, one.opened_at) for one in true.tries() if within(one.qualified_at, period)
    )


def plain_win_rate(true: Truth, period: Period) -> States:
    def state(deal: Deal) -> State | None:
        if within(deal.won_at or deal.lost_at, period):
            return State.HIT if deal.won_at else State.MISS
        is_open = not (deal.won_at or deal.lost_at)
        return State.STALE if is_open and deal.opened_at < true.now - 180 * DAY else None

    return Counter(filter(None, map(state, true.deals())))


def plain_sales_cycle(true: Truth, period: Period) -> States:
    recent = [deal for deal in true.deals() if period[1] - 365 * DAY <= deal.opened_at < period[1]]
    return Counter(State.HIT if d.won_at else State.MISS if d.lost_at else State.WAITING for d in recent)


def plain_attainment(true: Truth, period: Period) -> States:
    def state(one: Try) -> State:
        if one.touched_at and one.touched_at <= one.qualified_at + TARGET:
            return State.HIT
        return State.MISS if one.touched_at or one.qualified_at + TARGET < true.now else State.WAITING

    return Counter(state(one) for one in true.tries() if within(one.qualified_at + TARGET, period))


def plain_first_follow_up(true: Truth, period: Period) -> States:
    mine = [one for one in true.tries() if within(one.qualified_at, period)]
    return Counter(State.HIT if one.touched_at else State.WAITING for one in mine)


def plain_untouched(true: Truth, period: Period) -> States:
    def state(one: Try) -> State:
        if one.touched_at and one.touched_at - one.qualified_at <= MONTH:
            return State.MISS
        return State.OBSERVING if true.now - one.qualified_at < MONTH else State.HIT

    return Counter(state(one) for one in true.tries() if within(one.qualified_at, period))


def plain_logging_delay(true: Truth, period: Period) -> States:
    def state(one: Try) -> State:
        if one.written_at is None or one.touched_at != one.called_at:
            return State.UNKNOWN
        return State.HIT if one.written_at - one.called_at <= 2 * HOUR else State.MISS

    return Counter(state(one) for one in true.tries() if within(one.touched_at, period))


def plain_acceptance(true: Truth, period: Period) -> States:
    def state(one: Try) -> State | None:
        decided = min(filter(None, [one.accepted_at, one.rejected_at]), default=None)
        if decided is None:
            return State.WAITING if within(one.qualified_at, period) else None
        if not within(decided, period):
            return None
        return State.HIT if decided == one.accepted_at else State.MISS

    return Counter(filter(None, map(state, true.tries())))


def plain_returned(true: Truth, period: Period) -> States:
    mine = [one for one in true.tries() if within(one.qualified_at, period)]
    return Counter(State.HIT if one.rejected_at or one.recycled_at else State.MISS for one in mine)


PLAIN = {
    Kpi.NEW_LEADS: plain_new_leads,
    Kpi.MQLS: plain_mqls,
    Kpi.MQL_TO_SQL: plain_mql_to_sql,
    Kpi.SQLS: plain_sqls,
    Kpi.OPPORTUNITY_RATE: plain_opportunity_rate,
    Kpi.WIN_RATE: plain_win_rate,
    Kpi.SALES_CYCLE: plain_sales_cycle,
    Kpi.ATTAINMENT: plain_attainment,
    Kpi.FIRST_FOLLOW_UP: plain_first_follow_up,
    Kpi.UNTOUCHED: plain_untouched,
    Kpi.LOGGING_DELAY: plain_logging_delay,
    Kpi.ACCEPTANCE: plain_acceptance,
    Kpi.RETURNED: plain_returned,
}


def test_every_figure_is_what_one_counts_plainly(played) -> None:
    """Also of a past moment: what happened since then had not happened, although the ledger knows it today."""
    with played.read() as c:
        known = policies.all_versions(c)
        for now, period in itertools.product([NOW, *EARLIER], PERIODS):
            truth = by(now)
            for kpi, plain in PLAIN.items():
                found = kpis.figure(c, known, kpi, Asked(*period, now, Definition()))
                true = {state: count for state, count in plain(truth, period).items() if count}
                assert dict(found.states) == true, (kpi, period, now)


CHOSEN = {
    "of the SQLs": (Kpi.OPPORTUNITY_RATE, {"opportunity_of": "sql"}),
    "of the leads": (Kpi.OPPORTUNITY_RATE, {"opportunity_of": "lead", "window_days": 45}),
    "of those approached": (Kpi.OPPORTUNITY_RATE, {"opportunity_of": "approached"}),
    "won of those created": (Kpi.WIN_RATE, {"won_of": "created", "win_days": 60}),
}


def plainly_chosen(which: str, true: Truth, period: Period) -> States:
    whole = list(true.tries())
    match which:
        case "of the SQLs":
            judged = [(one.judged_at, one.opened_at) for one in whole]
            own = [min(deal.opened_at for deal in p.own_deals) for p in true.people if p.own_deals]
            began = [*judged, *((at, at) for at in own)]
        case "of the leads":
            began = [(p.first_seen_at, min((d.opened_at for d in p.deals), default=None)) for p in true.people]
        case "of those approached":
            began = [(one.touched_at, one.opened_at) for one in whole]
        case _:
            began = [(deal.opened_at, deal.won_at) for deal in true.deals()]
    days = CHOSEN[which][1].get("window_days") or CHOSEN[which][1].get("win_days") or 30
    return Counter(cohort(true.now, at, reached, days * DAY) for at, reached in began if within(at, period))


def test_what_the_company_chose(played) -> None:
    """The same word with another denominator is another figure."""
    with played.read() as c:
        known = policies.all_versions(c)
        for which, (kpi, chosen) in CHOSEN.items():
            for now, period in itertools.product([NOW, *EARLIER], PERIODS):
                found = kpis.figure(c, known, kpi, Asked(*period, now, Definition(**chosen)))
                assert dict(found.states) == plainly_chosen(which, by(now), period), (which, period, now)


def test_times_count_those_who_still_wait(played) -> None:
    """Against the estimator that takes single cases, which is checked against published values."""
    asked = Asked(START - DAY, NOW, NOW, Definition())
    of_mql = replace(asked, definition=Definition(cycle_from="mql"))
    true = by(NOW)
    first = [Waited((one.touched_at or NOW) - one.qualified_at, one.touched_at is not None) for one in true.tries()]
    cycle = [won_after(deal, deal.opened_at) for deal in true.deals()]
    from_mql = [won_after(deal, one.qualified_at) for one in true.tries() for deal in one.deals]
    logged = [
        one.written_at - one.called_at for one in true.tries() if one.written_at and one.touched_at == one.called_at
    ]
    with played.read() as c:
        known = policies.all_versions(c)
        assert_times(kpis.figure(c, known, Kpi.FIRST_FOLLOW_UP, asked).times, first)
        assert_times(kpis.figure(c, known, Kpi.SALES_CYCLE, asked).times, cycle)
        assert_times(kpis.figure(c, known, Kpi.SALES_CYCLE, of_mql).times, from_mql)
        assert kpis.figure(c, known, Kpi.LOGGING_DELAY, asked).times.half == median_low(logged)


def won_after(deal: Deal, since: datetime) -> Waited:
    return Waited((deal.won_at or deal.lost_at or NOW) - since, deal.won_at is not None)


def assert_times(found: Times, waited: list[Waited]) -> None:
    steps = kaplan_meier(waited)
    assert (found.n, found.waiting) == (len(waited), sum(not one.happened for one in waited))
    for about, share in ((found.half, 0.5), (found.three_quarters, 0.75), (found.nine_tenths, 0.9)):
        exact = quantile(steps, share)
        assert (about is None) == (exact is None)
        assert about is None or timedelta() <= exact - about < SECOND
    for each in found.within:
        waiting = [step.waiting for step in steps if step.length <= each.length]
        assert each.share == pytest.approx(1 - waiting[-1] if waiting else 0)


def test_the_rows_of_every_figure_add_up_to_it(played) -> None:
    """Also of each of its groups, whose rows are all its rows; also in pages."""
    asked = Asked(*PERIODS[1], NOW, Definition())
    with played.read() as c:
        known = policies.all_versions(c)
        for kpi in CASES:
            whole = kpis.figure(c, known, kpi, asked)
            assert whole.states, f"{kpi} has no row to add up"
            assert added_up(c, known, kpi, asked) == whole.states, kpi
            for by in By:
                groups = kpis.grouped(c, known, kpi, asked, by)
                for group in groups:
                    assert added_up(c, known, kpi, asked, (by, group.name)) == group.figure.states, (kpi, group)
                assert sum((group.figure.states for group in groups), Counter()) == whole.states


def added_up(c, known, kpi: Kpi, asked: Asked, group=None) -> Counter[State]:
    states: Counter[State] = Counter()
    after = None
    while True:
        page = kpis.rows(c, known, kpi, asked, group=group, after=after, limit=7)
        states.update(State(row.state) for row in page.rows)
        if (after := page.last) is None:
            return states
