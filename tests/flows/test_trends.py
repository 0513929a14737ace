"""Figures over time and over parts, each against the same figure asked for plainly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.kpi import Definition, Kpi, State
from app.flows import arrivals, channel_board, cohorts, funnel, kpis, policies, sweep, trends, waits
from app.flows.cases import Asked
from app.flows.cohorts import Stage
from app.flows.policies import Cache
from app.flows.waits import Part
from tests.flows.company import DAY, HOUR, NOW, START, company, told
from tests.flows.conftest import fact, mql

TOKYO = ZoneInfo("Asia/Tokyo")
PEOPLE = company(seed=20261124, people=120)


@pytest.fixture
def played(database, apply):
    facts = sorted((one for person in PEOPLE for one in told(person)), key=lambda one: one.event.occurred_at)
    apply(facts, NOW)
    sweep.run(database, Cache(), NOW)
    while funnel.catch_up(database):
        pass
    return database


def asked(first: date, last: date, definition: Definition | None = None) -> Asked:
    since, until = (datetime.combine(day, time(), TOKYO) for day in (first, last + timedelta(days=1)))
    return Asked(since, until, NOW, definition or Definition())


LAST = NOW.astimezone(TOKYO).date()
QUARTER = asked(LAST - timedelta(days=90), LAST)


def of_the_week(figure: kpis.Figure) -> kpis.Figure:
    """An open opportunity that is stale belongs to every period and to no week."""
    states = {state: count for state, count in figure.states.items() if state is not State.STALE}
    return replace(figure, states=states, times=figure.times)


@pytest.mark.parametrize("definition", [Definition(), Definition(won_of="created", opportunity_of="lead")])
def test_every_week_of_a_trend_is_the_figure_of_that_week(played, definition) -> None:
    with played.read() as c:
        known = policies.all_versions(c)
        for kpi in Kpi:
            weeks = trends.weekly(c, known, kpi, replace(QUARTER, definition=definition), TOKYO)
            assert [week.first.weekday() for week in weeks] == [0] * trends.WEEKS
            assert weeks[-1].first <= LAST <= weeks[-1].last
            for week in weeks:
                plain = kpis.figure(c, known, kpi, asked(week.first, week.last, definition))
                assert week.figure == of_the_week(plain), (kpi, week.first)


def test_a_week_is_over_when_its_sunday_is(played) -> None:
    with played.read() as c:
        weeks = trends.weekly(c, policies.all_versions(c), Kpi.MQLS, QUARTER, TOKYO)
    assert [week.over for week in weeks] == [True] * 12 + [False]


def test_arrivals_are_the_mqls_by_the_half_hour_in_which_they_began(played) -> None:
    begun = [one.qualified_at for person in PEOPLE if not person.excluded for one in person.tries]
    within = [at.astimezone(TOKYO) for at in begun if QUARTER.since <= at < QUARTER.until]
    plain = Counter(at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0) for at in within)
    with played.read() as c:
        found = arrivals.by_half_hour(c, QUARTER)
        mqls = kpis.figure(c, policies.all_versions(c), Kpi.MQLS, QUARTER).count
    assert found == plain
    assert found.total() == mqls > 30


def test_a_month_of_mqls_comes_as_far_as_each_of_them_came_in_its_days(played) -> None:
    tries = [one for person in PEOPLE if not person.excluded for one in person.tries]
    with played.read() as c:
        found = cohorts.by_month(c, QUARTER, TOKYO)
    assert [cohort.month.day for cohort in found] == [1] * len(found)
    for cohort in found:
        mine = [
            one
            for one in tries
            if QUARTER.since <= one.qualified_at < QUARTER.until
            and one.qualified_at.astimezone(TOKYO).date().replace(day=1) == cohort.month
        ]

        def within(*moments: datetime | None, mine: list = mine) -> int:
            pairs = zip(mine, moments, strict=True)
            return sum(at is not None and at - one.qualified_at <= 30 * DAY for one, at in pairs)

        assert cohort.reached == {
            Stage.MQL: len(mine),
            Stage.TOUCHED: within(*(one.touched_at for one in mine)),
            Stage.SQL: within(*(one.judged_at for one in mine)),
            Stage.OPPORTUNITY: within(*(one.opened_at for one in mine)),
            Stage.WON: sum(any(deal.won_at for deal in one.deals) for one in mine),
        }
        assert cohort.observing == (cohort is found[-1] or cohort is found[-2])


def test_whose_time_it_took_adds_up_to_all_of_it(database, apply) -> None:
    at, who = START + 3 * DAY, (company(seed=1, people=1)[0].ids)
    apply(
        [
            *mql(at, lead=who),
            fact("owner", at + 2 * HOUR, lead=who, owner="tanaka"),
            fact("follow_up", at + 10 * HOUR, lead=who, channel="call", automated=False),
        ],
        at + 11 * HOUR,
    )
    with database.read() as c:
        found = waits.read(c, replace(QUARTER, since=START, until=NOW))
        nobody = waits.read(c, replace(QUARTER, since=START - 30 * DAY, until=START))
    assert (found.n, found.waiting) == (1, 0)
    assert sum(found.total.values(), timedelta()) == 10 * HOUR
    assert sum(found.share(part) for part in Part) == pytest.approx(1)
    assert (nobody.n, nobody.share(Part.HUMAN), nobody.half[Part.MA]) == (0, 0.0, timedelta())


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2026-09-01", "2026-09-30", ["2026-09"]),
        ("2026-08-02", "2026-10-30", ["2026-09"]),
        ("2026-08-02", "2026-09-29", []),
        ("2025-12-01", "2026-02-28", ["2025-12", "2026-01", "2026-02"]),
        ("2026-09-05", "2026-09-06", []),
    ],
)
def test_a_budget_is_told_of_whole_months(first, last, months) -> None:
    found = channel_board.whole_months(date.fromisoformat(first), date.fromisoformat(last))
    assert [f"{month:%Y-%m}" for month in found] == months
