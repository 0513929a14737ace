"""A definition of done that is a KPI's threshold: what is read as one, and when it holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.criterion import Criterion, Judgement, is_due, judge, judged_until, measured, read
from app.domain.kpi import Figure, Kpi, State, times
from app.domain.website import Visits

HOUR = 3600


@pytest.mark.parametrize(
    ("words", "criterion"),
    [
        ("SLA達成率 90%以上", Criterion(Kpi.ATTAINMENT, True, 0.9)),
        ("SLA達成率が90%以上。", Criterion(Kpi.ATTAINMENT, True, 0.9)),
        ("SLA達成率90%以上", Criterion(Kpi.ATTAINMENT, True, 0.9)),
        ("attainment >= 90%", Criterion(Kpi.ATTAINMENT, True, 0.9)),
        ("SLA attainment at least 92.5 %.", Criterion(Kpi.ATTAINMENT, True, 0.925)),
        ("mql_to_sql>=30%", Criterion(Kpi.MQL_TO_SQL, True, 0.3)),
        ("MQL→SQL転換率 30%以上", Criterion(Kpi.MQL_TO_SQL, True, 0.3)),
        ("未接触率は5%以下", Criterion(Kpi.UNTOUCHED, False, 0.05)),
        ("never touched at most 5%", Criterion(Kpi.UNTOUCHED, False, 0.05)),
        ("初回対応時間 4時間以内", Criterion(Kpi.FIRST_FOLLOW_UP, False, 4 * HOUR)),
        ("time to first touch within 4 hours", Criterion(Kpi.FIRST_FOLLOW_UP, False, 4 * HOUR)),
        ("記録遅れを30分以内", Criterion(Kpi.LOGGING_DELAY, False, 1800)),
        ("sales_cycle <= 60 days", Criterion(Kpi.SALES_CYCLE, False, 60 * 24 * HOUR)),
        ("MQL創出数 1,200件以上", Criterion(Kpi.MQLS, True, 1200)),
        ("new_leads ≥ 80", Criterion(Kpi.NEW_LEADS, True, 80)),
        # Words that only people can judge stay words.
        ("SLA達成率 90%", None),
        ("SLA達成率を90%以上にする案ができた", None),
        ("担当者なしの引き渡しが1週間0件", None),
        ("参加者30名以上", None),
        ("attainment >= 90", None),
        ("attainment >= 4 hours", None),
        ("mqls >= 80%", None),
        ("初回対応時間 4件以内", None),
        ("90%以上", None),
        ("", None),
    ],
)
def test_what_is_read_as_a_threshold(words, criterion) -> None:
    assert read(words) == criterion


def share(hit: int, miss: int) -> Figure:
    return Figure(Kpi.ATTAINMENT, {State.HIT: hit, State.MISS: miss, State.WAITING: 50}, hit)


def lasting(*hours: float, waiting: int = 0) -> Figure:
    seconds = [int(each * HOUR) for each in hours]
    happened = {each: seconds.count(each) for each in seconds}
    ended = happened | ({1_000_000: waiting} if waiting else {})
    return Figure(Kpi.FIRST_FOLLOW_UP, {State.HIT: len(hours), State.WAITING: waiting}, 0, times(happened, ended))


NINETY = Criterion(Kpi.ATTAINMENT, True, 0.9)
FOUR_HOURS = Criterion(Kpi.FIRST_FOLLOW_UP, False, 4 * HOUR)


@pytest.mark.parametrize(
    ("criterion", "figure", "judgement"),
    [
        (NINETY, share(9, 1), Judgement.HOLDS),
        (NINETY, share(89, 11), Judgement.FAILS),
        # Nine of nine are too few to say: one more could undo it.
        (NINETY, share(9, 0), Judgement.TOO_FEW),
        (NINETY, share(0, 0), Judgement.TOO_FEW),
        (Criterion(Kpi.ATTAINMENT, False, 0.9), share(9, 1), Judgement.HOLDS),
        (FOUR_HOURS, lasting(*[4] * 10), Judgement.HOLDS),
        (FOUR_HOURS, lasting(*[4.01] * 10), Judgement.FAILS),
        (FOUR_HOURS, lasting(*[1] * 9), Judgement.TOO_FEW),
        # Those who still wait count: half of them have not been touched yet.
        (FOUR_HOURS, lasting(*[1] * 10, waiting=11), Judgement.TOO_FEW),
        (Criterion(Kpi.MQLS, True, 3), Figure(Kpi.MQLS, {State.HIT: 3}, 3), Judgement.HOLDS),
        (Criterion(Kpi.MQLS, True, 4), Figure(Kpi.MQLS, {State.HIT: 3}, 3), Judgement.FAILS),
        (
            Criterion(Kpi.VISITS, True, 0.02),
            Figure(Kpi.VISITS, {}, 0, visits=Visits(sessions=1000, users=None, conversions=20, days_with_data=7)),
            Judgement.HOLDS,
        ),
    ],
)
def test_when_it_holds(criterion, figure, judgement) -> None:
    assert judge(criterion, figure) is judgement


def test_what_was_measured_is_told_with_its_n() -> None:
    assert measured(share(48, 4), "ja") == "48/52 92.3% [81.8–97.0]"
    assert measured(lasting(*[3.5] * 12), "ja") == "中央値 3時間30分・n 12"
    assert measured(lasting(*[3.5] * 12), "en") == "median 3h30m · n 12"
    assert measured(Figure(Kpi.MQLS, {State.HIT: 1200}, 1100), "en") == "1,200"
    assert measured(share(0, 0), "ja") == "該当なし"
    assert timedelta(hours=4).total_seconds() == FOUR_HOURS.target


@pytest.mark.parametrize(
    ("criterion", "due", "today", "is_it"),
    [
        (NINETY, 25, 24, False),
        (NINETY, 25, 25, True),
        (Criterion(Kpi.NEW_LEADS, True, 80), 25, 25, True),
        # It may still grow until the day is over.
        (Criterion(Kpi.NEW_LEADS, False, 80), 25, 25, False),
        (Criterion(Kpi.NEW_LEADS, False, 80), 25, 26, True),
    ],
)
def test_when_it_is_judged(criterion, due, today, is_it) -> None:
    assert is_due(criterion, date(2026, 9, due), date(2026, 9, today)) is is_it


def test_bad_news_is_waited_for() -> None:
    """Who was touched is known at once, who never was only when the days are over."""
    now, window = datetime(2026, 9, 25, tzinfo=UTC), timedelta(days=30)
    assert judged_until(Criterion(Kpi.UNTOUCHED, False, 0.05), now, window) == now - window
    assert judged_until(Criterion(Kpi.RETURNED, False, 0.05), now, window) == now - window
    assert judged_until(NINETY, now, window) == now
