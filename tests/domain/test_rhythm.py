"""The rhythm of a source, and when its silence is dark: nights, weekends and holidays do not count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.calendar import japanese_office, with_public_holidays
from app.domain.darkness import (
    CATCH_UP,
    Dark,
    Darkness,
    Hearing,
    Lasting,
    Why,
    complete_until,
    heard_again,
    why_dark,
)
from app.domain.rhythm import LEAST_HEARD, Rhythm, hear, learned_gap, rhythm_as_json, rhythm_from_json

JST = ZoneInfo("Asia/Tokyo")
OFFICE = with_public_holidays(japanese_office(), [2026])
H, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def at(told: str) -> datetime:
    """`6/8 10:00` in Tokyo, 2026. The eighth of June is a Monday."""
    return datetime.strptime(f"2026/{told}", "%Y/%m/%d %H:%M").replace(tzinfo=JST).astimezone(UTC)


def office_days(first: date, days: int) -> Iterator[date]:
    return (day for n in range(days) if (day := first + timedelta(n)).weekday() < 5)


def hourly(first: str, days: int) -> list[datetime]:
    """Webhooks on the hour, 9 to 18, Monday to Friday."""
    start = at(f"{first} 00:00").astimezone(JST).date()
    return [at(f"{day:%m/%d} {hour}:00") for day in office_days(start, days) for hour in range(9, 19)]


TWO_WEEKS = hear(Rhythm(), hourly("6/1", 12), OFFICE)


# --- learning


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([], None),
        (hourly("6/1", 4), None),  # forty deliveries on four days
        (hourly("6/1", 5), 1.5 * H),
        (hourly("6/4", 5), None),  # Thursday to Monday: three open days
        (hourly("6/4", 7), 1.5 * H),  # Thursday to Wednesday
        (hourly("6/1", 12)[::5], 5 * 1.5 * H),
        (hourly("6/1", 5)[::3], None),  # seventeen deliveries
        ([at("6/1 10:00") + n * MINUTE for n in range(60)], None),  # an hour is no history
        (
            [at(f"6/{day} 10:{minute}") for day in (1, 2, 3, 4, 5) for minute in range(10, 50)],
            1.5 * (9 * H - 39 * MINUTE),
        ),
        ([at(f"6/{day} 02:{minute}") for day in range(1, 13) for minute in range(10, 30)], 1.5 * 9 * H),  # by night
        ([at("6/1 10:00") + n * MINUTE for n in range(0, 24 * 60 * 9, 2)], H),  # never less than an hour
    ],
)
def test_what_is_usual(moments, expected) -> None:
    assert learned_gap(hear(Rhythm(), moments, OFFICE), OFFICE) == expected


def test_holidays_are_no_gap() -> None:
    golden_week = hear(Rhythm(), [*hourly("4/20", 10), at("5/1 18:00"), at("5/7 10:00")], OFFICE)
    assert golden_week.longest["2026-W19"] == H


def test_only_the_last_four_weeks_count() -> None:
    slow = [at(f"5/{day} 17:00") for day in (4, 5, 6, 7, 8)]
    rhythm = hear(Rhythm(), hourly("4/27", 5) + slow, OFFICE)
    assert learned_gap(rhythm, OFFICE) > 3 * H
    for week in ("5/11", "5/18", "5/25"):
        rhythm = hear(rhythm, hourly(week, 5), OFFICE)
    assert "2026-W19" in rhythm.longest
    rhythm = hear(rhythm, hourly("6/1", 5), OFFICE)
    assert list(rhythm.longest) == ["2026-W20", "2026-W21", "2026-W22", "2026-W23"]
    assert learned_gap(rhythm, OFFICE) < 10 * H


def test_a_batch_says_the_same_as_one_by_one_and_again_changes_nothing() -> None:
    moments = hourly("6/1", 12)
    one_by_one = Rhythm()
    for moment in moments:
        one_by_one = hear(one_by_one, [moment], OFFICE)
        assert hear(one_by_one, [moment], OFFICE) == one_by_one
    assert one_by_one == TWO_WEEKS
    assert hear(TWO_WEEKS, moments, OFFICE) == TWO_WEEKS
    assert TWO_WEEKS.heard == len(moments)


def test_it_survives_being_stored() -> None:
    stored = json.loads(json.dumps(rhythm_as_json(TWO_WEEKS)))
    assert rhythm_from_json(stored, TWO_WEEKS.last_at) == TWO_WEEKS
    assert rhythm_from_json({}, None) == Rhythm()


def test_one_outage_does_not_hide_the_next_but_a_slower_source_is_understood() -> None:
    after_outage = hear(TWO_WEEKS, [at("6/19 18:00")], OFFICE)  # Monday to Friday nothing
    assert learned_gap(after_outage, OFFICE) == 1.5 * 1.5 * H
    slower = TWO_WEEKS
    for day in ("6/15", "6/16", "6/17", "6/18", "6/19", "6/22"):
        slower = hear(slower, [at(f"{day} 13:00")], OFFICE)
    assert learned_gap(slower, OFFICE) >= 9 * H


def test_before_it_is_known_every_gap_is_believed() -> None:
    few = hear(Rhythm(), [at(f"6/1 10:{n}") for n in range(10, 10 + LEAST_HEARD - 2)], OFFICE)
    assert hear(few, [at("6/5 18:00")], OFFICE).longest["2026-W23"] > 40 * H


# --- dark


def feed(**changes: object) -> Hearing:
    """A source that speaks every hour and was heard on Friday at 18:00."""
    known = Hearing(
        added_at=at("5/1 10:00"),
        heard_at=at("6/12 18:00"),
        polled_through=None,
        poll_every=10 * MINUTE,
        failures=0,
        failing_since=None,
        expected=1.5 * H,
    )
    return replace(known, **changes)


SILENT_SINCE_FRIDAY = Dark(Why.SILENT, at("6/12 18:00"))


@pytest.mark.parametrize(
    ("now", "changes", "dark"),
    [
        ("6/12 18:30", {}, None),
        ("6/15 09:00", {}, None),  # a weekend passes without alarm
        ("6/15 10:30", {}, None),
        ("6/15 10:31", {}, SILENT_SINCE_FRIDAY),
        ("6/15 10:31", {"expected": None}, None),
        ("6/30 10:31", {"expected": None}, None),
        ("6/15 10:31", {"expected": 4 * H}, None),
        ("6/15 13:01", {"expected": 4 * H}, SILENT_SINCE_FRIDAY),
        ("6/15 10:31", {"heard_at": None, "expected": 4 * H}, Dark(Why.SILENT, at("5/1 10:00"))),
        # what was asked for is known, whatever webhooks do
        ("6/15 10:31", {"polled_through": at("6/15 10:20")}, None),
        ("6/15 10:31", {"polled_through": at("6/12 17:00")}, Dark(Why.BEHIND, at("6/12 17:00"))),
        # polling lags: three intervals, an hour at least; it goes on by night
        ("6/15 10:59", {"polled_through": at("6/15 10:00"), "expected": None}, None),
        ("6/15 11:01", {"polled_through": at("6/15 10:00"), "expected": None}, Dark(Why.BEHIND, at("6/15 10:00"))),
        ("6/15 12:59", {"polled_through": at("6/15 10:00"), "expected": None, "poll_every": H}, None),
        ("6/13 03:00", {"polled_through": at("6/13 01:30")}, Dark(Why.BEHIND, at("6/13 01:30"))),
        ("6/15 11:01", {"polled_through": at("6/15 10:00"), "expected": None, "poll_every": None}, None),
        # the third failure in a row
        ("6/12 18:30", {"failures": 2, "failing_since": at("6/12 18:10"), "polled_through": at("6/12 18:00")}, None),
        (
            "6/12 18:30",
            {"failures": 3, "failing_since": at("6/12 18:10"), "polled_through": at("6/12 18:00")},
            Dark(Why.FAILING, at("6/12 18:00")),
        ),
        (
            "6/12 18:30",
            {"failures": 3, "failing_since": at("6/12 18:10"), "heard_at": at("6/12 18:25")},
            Dark(Why.FAILING, at("6/12 18:25")),
        ),
        (
            "6/12 18:30",
            {"failures": 3, "failing_since": at("6/12 18:10"), "heard_at": None},
            Dark(Why.FAILING, at("6/12 18:10")),
        ),
        # the reading of its past hangs, however well it is polled
        ("6/13 00:00", {"reading_moved_at": at("6/12 18:00")}, None),
        ("6/13 00:01", {"reading_moved_at": at("6/12 18:00")}, Dark(Why.STALLED, at("6/12 18:00"))),
    ],
)
def test_when_a_feed_is_dark(now, changes, dark) -> None:
    assert why_dark(feed(**changes), OFFICE, at(now)) == dark


# --- over

NOTICED, BACK = at("6/15 10:31"), at("6/15 14:00")
SILENT = Lasting(Why.SILENT, at("6/12 18:00"), NOTICED, None)
SIGNED = replace(SILENT, heard_again_at=BACK)
FAILING, BEHIND = replace(SILENT, why=Why.FAILING), replace(SILENT, why=Why.BEHIND)


@pytest.mark.parametrize(
    ("lasting", "changes", "now", "until"),
    [
        (SILENT, {}, BACK, None),
        # heard again: its sender repeats what it could not deliver
        (SILENT, {"heard_at": BACK}, BACK, None),
        (SIGNED, {"heard_at": BACK + 9 * MINUTE}, BACK + 9 * MINUTE, None),
        (SIGNED, {"heard_at": BACK + 9 * MINUTE}, BACK + CATCH_UP, BACK + CATCH_UP),
        (SILENT, {"heard_at": BACK}, BACK + CATCH_UP, BACK + CATCH_UP),
        # … or it was asked
        (SIGNED, {"heard_at": BACK, "polled_through": BACK}, BACK + MINUTE, BACK),
        (SIGNED, {"heard_at": BACK, "polled_through": BACK - MINUTE}, BACK + MINUTE, None),
        (SIGNED, {"heard_at": BACK, "polled_through": BACK - MINUTE}, BACK + CATCH_UP, BACK + CATCH_UP),
        (SILENT, {"polled_through": NOTICED + MINUTE}, NOTICED + 2 * MINUTE, NOTICED + MINUTE),
        # asking does not work any more
        (SIGNED, {"heard_at": BACK, "failures": 3, "failing_since": NOTICED}, BACK + CATCH_UP, None),
        # a longer silence is expected of it by now
        (SILENT, {"expected": 90 * H}, NOTICED + MINUTE, NOTICED),
        # webhooks do not mend polling
        (FAILING, {"heard_at": BACK, "failures": 0}, BACK + CATCH_UP, None),
        (FAILING, {"polled_through": NOTICED - MINUTE}, NOTICED + MINUTE, None),
        (FAILING, {"polled_through": NOTICED + MINUTE}, NOTICED + 2 * MINUTE, NOTICED + MINUTE),
        (FAILING, {"polled_through": NOTICED + MINUTE, "failures": 4, "failing_since": NOTICED}, BACK, None),
        (FAILING, {"heard_at": BACK, "poll_every": None}, BACK, NOTICED),
        (BEHIND, {"polled_through": NOTICED + MINUTE}, NOTICED + 2 * H, None),
        (BEHIND, {"polled_through": NOTICED + MINUTE}, NOTICED + H, NOTICED + MINUTE),
    ],
)
def test_when_it_is_over(lasting, changes, now, until) -> None:
    known = feed(**changes)
    assert complete_until(lasting, known, why_dark(known, OFFICE, now), now) == until


def test_the_first_sign_stays() -> None:
    assert heard_again(SILENT, feed()) is None
    assert heard_again(SILENT, feed(heard_at=BACK)) == BACK
    assert heard_again(SIGNED, feed(heard_at=BACK + H)) == BACK
    assert heard_again(FAILING, feed(heard_at=BACK)) is None


# --- whom it hides

SINCE, LATER = at("6/12 18:00"), at("6/15 10:00")
SALES = frozenset({"sf", "kintone"})
ONE, BOTH = Darkness({"sf": SINCE}, SALES), Darkness({"sf": LATER, "kintone": SINCE}, SALES)


@pytest.mark.parametrize(
    ("darkness", "systems", "since"),
    [
        (Darkness(), {"sf"}, None),
        (ONE, {"sf", "ma"}, SINCE),
        (ONE, {"kintone", "ma"}, None),
        (ONE, {"sf", "kintone"}, SINCE),
        (ONE, {"ma", "email"}, SINCE),  # it may be in the dark tool by now
        (ONE, set(), SINCE),
        (BOTH, {"sf"}, LATER),
        (BOTH, {"kintone", "sf"}, SINCE),
        (BOTH, {"ma"}, SINCE),
    ],
)
def test_whom_it_hides(darkness, systems, since) -> None:
    assert darkness.since_for(systems) == since
    assert bool(darkness) is bool(darkness.since)
