"""Kaplan–Meier against a published example, and what follows from its definition."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.survival import Waited, kaplan_meier, quantile

WEEK = timedelta(weeks=1)
#: Weeks in remission under 6-mercaptopurine; a minus: still in remission. E. J. Freireich et al., Blood 21 (1963),
#: 699–716; the estimate as in D. G. Kleinbaum, M. Klein, Survival Analysis, table 2.1.
REMISSION = (6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35)


def cases(weeks: tuple[int, ...]) -> list[Waited]:
    return [Waited(abs(week) * WEEK, week > 0) for week in weeks]


def test_a_published_example() -> None:
    steps = kaplan_meier(cases(REMISSION))
    found = [(step.length // WEEK, step.at_risk, round(step.waiting, 4)) for step in steps]
    assert found == [
        (6, 21, 0.8571),
        (7, 17, 0.8067),
        (10, 15, 0.7529),
        (13, 12, 0.6902),
        (16, 11, 0.6275),
        (22, 7, 0.5378),
        (23, 6, 0.4482),
    ]
    assert quantile(steps, 0.5) == 23 * WEEK
    assert quantile(steps, 0.9) is None


@pytest.mark.parametrize(
    ("weeks", "median"),
    [((), None), ((-1, -2), None), ((3,), 3), ((1, 3), 1), ((1, -2), 1), ((-2, 1), 1), ((-1, 2), 2), ((1, 1, -1), 1)],
)
def test_the_median(weeks: tuple[int, ...], median: int | None) -> None:
    assert quantile(kaplan_meier(cases(weeks)), 0.5) == (None if median is None else median * WEEK)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_without_open_cases_it_is_the_plain_share(weeks: list[int]) -> None:
    for step in kaplan_meier(Waited(week * WEEK, True) for week in weeks):
        assert step.waiting == pytest.approx(sum(week * WEEK > step.length for week in weeks) / len(weeks))


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=60))
def test_leaving_out_those_who_wait_would_improve_it(told: list[tuple[int, bool]]) -> None:
    """Why open handoffs count: without them the estimate is never slower."""
    everybody = [Waited(week * WEEK, happened) for week, happened in told]
    done = quantile(kaplan_meier(case for case in everybody if case.happened), 0.5)
    honest = quantile(kaplan_meier(everybody), 0.5)
    assert honest is None or (done is not None and done <= honest)
