"""How a target is counted."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.domain.calendar import (
    WEEKDAYS,
    Calendar,
    ClockKind,
    is_open,
    japanese_office,
    windows_on,
    with_public_holidays,
    working_time,
)
from app.domain.deadline import before_deadline, deadline, from_json, receipt_lines, to_json

TOKYO, BERLIN, NEW_YORK = "Asia/Tokyo", "Europe/Berlin", "America/New_York"
ELAPSED, HOURS, DAYS = ClockKind.ELAPSED, ClockKind.BUSINESS_HOURS, ClockKind.BUSINESS_DAYS
HOUR = timedelta(hours=1)

OFFICE = with_public_holidays(
    japanese_office().model_copy(
        update={
            "company_days": {
                **dict.fromkeys(("2026-08-13", "2026-08-14"), "夏季休業"),
                **dict.fromkeys(("2026-12-29", "2026-12-30", "2026-12-31", "2027-01-02", "2027-01-03"), "年末年始休業"),
            }
        }
    ),
    range(2025, 2029),
)
LUNCH = OFFICE.model_copy(update={"weekly": {day: ["09:00-12:00", "13:00-18:00"] for day in WEEKDAYS[:5]}})

LONG_WINTER = OFFICE.model_copy(update={"company_days": [date(2026, 1, 5) + timedelta(days=n) for n in range(57)]})


def calendar(hours: str = "09:00-18:00", days: str = "mon tue wed thu fri", zone: str = TOKYO, **more) -> Calendar:
    return Calendar(time_zone=zone, weekly={day: hours.split() for day in days.split()}, **more)


def round_the_clock(zone: str = TOKYO) -> Calendar:
    return calendar("00:00-24:00", " ".join(WEEKDAYS), zone)


def saturday(hours: str) -> Calendar:
    """2026-06-20 is worked."""
    return calendar(extra_days={"2026-06-20": hours.split()})


def local(written: str, zone: str = TOKYO) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def due(start: str, clock: ClockKind, amount: float, office: Calendar) -> str:
    at = deadline(local(start, office.time_zone), clock, amount, office).due.astimezone(office.zone)
    return f"{at:%Y-%m-%d %H:%M:%S.%f}".removesuffix(".000000").removesuffix(":00")


# --- tables

TARGETS_OF_THE_TABLE = [
    (ELAPSED, 24, OFFICE),
    (DAYS, 1, OFFICE),
    (HOURS, 9, OFFICE),
    (HOURS, 24, OFFICE),
    (HOURS, 8, LUNCH),
    (HOURS, 24, LUNCH),
]
TABLE = {
    "2026-09-18 17:30": "09-19 17:30, 09-24 17:30, 09-24 17:30, 09-28 14:30, 09-24 17:30, 09-28 17:30",
    "2026-05-01 16:00": "05-02 16:00, 05-07 16:00, 05-07 16:00, 05-11 13:00, 05-07 16:00, 05-11 16:00",
    "2026-12-28 17:00": "12-29 17:00, 01-04 17:00, 01-04 17:00, 01-06 14:00, 01-04 17:00, 01-06 17:00",
    "2026-06-10 12:30": "06-11 12:30, 06-11 12:30, 06-11 12:30, 06-15 09:30, 06-11 12:00, 06-15 12:00",
}


@pytest.mark.parametrize(("start", "dues"), TABLE.items())
def test_three_kinds_of_clock(start: str, dues: str) -> None:
    assert ", ".join(due(start, *target)[5:] for target in TARGETS_OF_THE_TABLE) == dues


@pytest.mark.parametrize(
    ("start", "hours", "office", "expected"),
    [
        # outside hours; exactly at opening; exactly at closing
        ("2026-06-13 15:00", 4, calendar("10:00-18:00"), "2026-06-15 14:00"),
        ("2026-06-13 15:00", 4, OFFICE, "2026-06-15 13:00"),
        ("2026-06-15 09:00", 4, OFFICE, "2026-06-15 13:00"),
        ("2026-06-15 18:00", 4, OFFICE, "2026-06-16 13:00"),
        ("2026-06-15 17:59:59", 4, OFFICE, "2026-06-16 12:59:59"),
        # what exactly uses up a window is due at its end
        ("2026-06-15 09:00", 9, OFFICE, "2026-06-15 18:00"),
        ("2026-06-19 14:00", 4, OFFICE, "2026-06-19 18:00"),
        ("2026-06-15 09:00", 3, LUNCH, "2026-06-15 12:00"),
        ("2026-06-15 12:10", 3, LUNCH, "2026-06-15 16:00"),
        # parts of hours, to the microsecond
        ("2026-06-15 17:59:30.000001", 0.01, OFFICE, "2026-06-16 09:00:06.000001"),
        # a night belongs to the day on which it begins
        ("2026-06-19 23:00", 4, calendar("22:00-02:00"), "2026-06-22 23:00"),
        ("2026-06-20 01:30", 1, calendar("22:00-02:00"), "2026-06-22 22:30"),
        # half days and extra days
        ("2026-06-19 17:00", 4, saturday("09:00-12:00"), "2026-06-20 12:00"),
        ("2026-06-19 17:00", 5, saturday("09:00-12:00"), "2026-06-22 10:00"),
        # round the clock
        ("2026-06-19 23:30", 24, round_the_clock(), "2026-06-20 23:30"),
        ("2026-06-19 00:00", 24, round_the_clock(), "2026-06-20 00:00"),
        # days of 23 and 25 hours
        ("2026-03-27 17:00", 10, calendar(zone=BERLIN), "2026-03-30 18:00"),
        ("2026-03-28 17:00", 10, calendar("09:00-18:00", " ".join(WEEKDAYS), BERLIN), "2026-03-29 18:00"),
        ("2026-10-24 12:00", 24, round_the_clock(BERLIN), "2026-10-25 11:00"),
        ("2026-11-01 00:30", 2, round_the_clock(NEW_YORK), "2026-11-01 01:30"),
        # 59 closed days
        ("2026-01-02 17:00", 2, LONG_WINTER, "2026-03-03 10:00"),
    ],
)
def test_business_hours(start: str, hours: float, office: Calendar, expected: str) -> None:
    assert due(start, HOURS, hours, office) == expected


@pytest.mark.parametrize(
    ("start", "days", "office", "expected"),
    [
        ("2026-09-17 10:00", 1, OFFICE, "2026-09-18 10:00"),
        ("2026-09-17 10:00", 3, OFFICE, "2026-09-25 10:00"),
        # a start outside hours moves to the next opening first
        ("2026-09-23 11:00", 1, OFFICE, "2026-09-25 09:00"),
        ("2026-09-18 18:00", 1, OFFICE, "2026-09-25 09:00"),
        ("2026-09-18 08:59", 1, OFFICE, "2026-09-24 09:00"),
        ("2026-09-18 12:30", 1, LUNCH, "2026-09-24 13:00"),
        # a part of a day counts as a whole one
        ("2026-09-17 10:00", 0.5, OFFICE, "2026-09-18 10:00"),
        ("2026-09-17 10:00", 1.2, OFFICE, "2026-09-24 10:00"),
        # not open at that time: the closing before, or the day's first opening
        ("2026-06-19 17:00", 1, saturday("09:00-12:00"), "2026-06-20 12:00"),
        ("2026-06-19 17:00", 2, saturday("09:00-12:00"), "2026-06-22 17:00"),
        ("2026-06-19 12:30", 1, saturday("09:00-12:00 13:00-15:00"), "2026-06-20 12:00"),
        ("2026-06-19 10:00", 1, saturday("13:00-15:00"), "2026-06-20 13:00"),
        # a night belongs to the day on which it begins
        ("2026-06-18 01:00", 1, calendar("22:00-02:00"), "2026-06-19 01:00"),
        ("2026-06-20 01:00", 1, calendar("22:00-02:00"), "2026-06-23 01:00"),
        # round the clock, over days of 23 and 25 hours
        ("2026-03-28 02:30", 1, round_the_clock(BERLIN), "2026-03-29 03:00"),
        ("2026-03-28 12:00", 1, round_the_clock(BERLIN), "2026-03-29 12:00"),
        ("2026-10-24 12:00", 1, round_the_clock(BERLIN), "2026-10-25 12:00"),
        ("2026-06-19 09:00:00.000001", 1, OFFICE, "2026-06-22 09:00:00.000001"),
    ],
)
def test_business_days(start: str, days: float, office: Calendar, expected: str) -> None:
    assert due(start, DAYS, days, office) == expected


@pytest.mark.parametrize("amount", [0, -1, float("nan")])
@pytest.mark.parametrize("clock", ClockKind)
def test_a_target_is_more_than_zero(clock: ClockKind, amount: float) -> None:
    with pytest.raises(ValueError, match="more than zero"):
        deadline(local("2026-09-18 17:30"), clock, amount, OFFICE)


@pytest.mark.parametrize(
    ("at", "lead", "clock", "expected"),
    [
        ("2026-09-24 17:30", 6, ELAPSED, "2026-09-24 11:30"),
        ("2026-09-24 09:30", 6, ELAPSED, "2026-09-24 03:30"),
        ("2026-09-24 17:30", 6, HOURS, "2026-09-24 11:30"),
        # one working hour before a deadline after the holidays is before the holidays
        ("2026-09-24 09:30", 1, HOURS, "2026-09-18 17:30"),
        ("2026-09-24 09:30", 1, DAYS, "2026-09-18 17:30"),
        ("2026-09-24 09:00", 1, DAYS, "2026-09-18 17:00"),
        # people are there at the opening, not at the closing before it
        ("2026-09-24 18:00", 9, HOURS, "2026-09-24 09:00"),
        ("2026-09-24 12:00", 3, HOURS, "2026-09-24 09:00"),
        ("2026-09-24 09:00", 0, HOURS, "2026-09-24 09:00"),
        ("2026-09-24 18:00", 0, HOURS, "2026-09-24 18:00"),
        # a due of the elapsed clock may lie outside hours; so may this one of a calendar that has changed
        ("2026-09-20 12:00", 1, HOURS, "2026-09-18 17:00"),
    ],
)
def test_before_the_deadline(at: str, lead: float, clock: ClockKind, expected: str) -> None:
    assert before_deadline(local(at), lead * HOUR, clock, OFFICE) == local(expected)


def test_a_lead_is_not_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        before_deadline(local("2026-09-24 17:30"), -HOUR, HOURS, OFFICE)


# --- what holds for every calendar

SPANS = [
    [],
    ["09:00-18:00"],
    ["09:00-12:00", "13:00-18:00"],
    ["08:30-12:00"],
    ["00:00-24:00"],
    ["00:00-02:30", "02:30-24:00"],
    ["01:30-02:30"],
    ["02:10-02:50", "03:00-04:00"],
    ["22:00-02:00"],
    ["06:00-14:00", "14:00-22:00", "22:00-06:00"],
    ["23:59-24:00"],
]
#: A fortnight before the clocks are set, and the zone in which they are.
CHANGES = [
    (BERLIN, date(2026, 3, 18)),
    (BERLIN, date(2026, 10, 14)),
    (NEW_YORK, date(2026, 2, 25)),
    (NEW_YORK, date(2026, 10, 21)),
    (TOKYO, date(2026, 9, 10)),
]


@st.composite
def calendars_and_starts(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    zone, first = draw(st.sampled_from(CHANGES))
    days = st.integers(0, 30).map(lambda n: first + timedelta(days=n))
    spans = st.sampled_from(SPANS)
    usual = draw(spans)
    document = {
        "time_zone": zone,
        "weekly": {day: draw(st.one_of(st.just(usual), spans)) for day in WEEKDAYS},
        "company_days": sorted(draw(st.sets(days, max_size=12))),
        "extra_days": draw(st.dictionaries(days, spans.filter(bool), max_size=4)),
    }
    try:
        office = Calendar.model_validate(document)
    except ValueError:  # a night that runs into the next morning, a week without hours
        assume(False)
    seconds = draw(st.one_of(st.integers(0, 25 * 96).map(lambda quarter: quarter * 900.0), st.floats(0, 25 * 86400)))
    return office, local(f"{first}", zone) + timedelta(seconds=seconds)


TARGETS = st.one_of(st.integers(1, 200).map(lambda quarters: quarters / 4), st.floats(0.001, 200))
FALL_BACK = round_the_clock(BERLIN), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(calendars_and_starts(), TARGETS)
def test_open_time_until_the_deadline_is_the_target(case: tuple[Calendar, datetime], hours: float) -> None:
    office, start = case
    receipt = deadline(start, HOURS, hours, office)
    assert working_time(office, start, receipt.due) == timedelta(hours=hours)
    assert sum((line.used for line in receipt.lines), timedelta()) == timedelta(hours=hours)
    assert receipt.lines[-1].left == timedelta()
    # and not a moment later than needed
    assert working_time(office, start, receipt.due - timedelta(microseconds=1)) < timedelta(hours=hours)


@given(calendars_and_starts(), TARGETS)
def test_elapsed_time_until_the_deadline_is_the_target(case: tuple[Calendar, datetime], hours: float) -> None:
    office, start = case
    assert deadline(start, ELAPSED, hours, office).due - start == timedelta(hours=hours)


@given(calendars_and_starts(), TARGETS, st.floats(0, 1))
def test_before_the_deadline_so_much_is_left(case: tuple[Calendar, datetime], hours: float, share: float) -> None:
    office, start = case
    at = deadline(start, HOURS, hours, office).due
    lead = timedelta(hours=hours) * share
    warning = before_deadline(at, lead, HOURS, office)
    assert working_time(office, warning, at) == lead
    assert warning >= start or lead == timedelta(hours=hours)
    assert not lead or is_open(office, warning)


@given(calendars_and_starts(), st.sampled_from(ClockKind), st.integers(1, 30), st.integers(0, 30))
def test_more_time_is_never_due_earlier(case, clock: ClockKind, amount: int, more: int) -> None:
    office, start = case
    assert deadline(start, clock, amount, office).due <= deadline(start, clock, amount + more, office).due


@given(calendars_and_starts(), st.sampled_from(ClockKind), st.integers(1, 30), st.floats(0, 3 * 86400))
@example(FALL_BACK, DAYS, 1, 2400.0)  # 02:30, and 02:10 forty minutes later
def test_a_later_start_is_never_due_earlier(case, clock: ClockKind, amount: int, later: float) -> None:
    office, start = case
    after = start + timedelta(seconds=later)
    assert deadline(start, clock, amount, office).due <= deadline(after, clock, amount, office).due


@given(calendars_and_starts(), st.sampled_from([HOURS, DAYS]), st.integers(1, 30), st.integers(-2, 20))
def test_another_holiday_never_makes_it_due_earlier(case, clock: ClockKind, amount: int, ahead: int) -> None:
    office, start = case
    holiday = start.date() + timedelta(days=ahead)
    assume(holiday not in office.extra_days)
    more = office.model_copy(update={"holidays": {holiday: "新しい祝日"}})
    assert deadline(start, clock, amount, office).due <= deadline(start, clock, amount, more).due


@given(calendars_and_starts(), st.integers(1, 10))
def test_business_days_are_due_within_the_hours_of_the_n_th_open_day(case, days: int) -> None:
    office, start = case
    receipt = deadline(start, DAYS, days, office)
    counted = [line for line in receipt.lines if line.used]
    assert len(counted) == days
    for line in counted:
        windows = windows_on(office, line.day)
        assert any(opens <= line.ends <= closes for opens, closes in windows)


@given(calendars_and_starts(), st.sampled_from(ClockKind), st.integers(1, 30))
def test_a_receipt_comes_back_from_json(case, clock: ClockKind, amount: int) -> None:
    office, start = case
    receipt = deadline(start, clock, amount, office)
    assert from_json(json.loads(json.dumps(to_json(receipt)))) == receipt


# --- the receipt


@pytest.mark.parametrize(
    ("start", "clock", "amount", "ja", "en"),
    [
        (
            "2026-09-18 17:30",
            HOURS,
            9,
            [
                "9/18(金) 17:30–18:00  0:30 消費  残り 8:30",
                "9/19(土) 9/20(日) 9/21(月)敬老の日 9/22(火)国民の休日 9/23(水)秋分の日  停止",
                "9/24(木) 09:00–17:30  8:30 消費  残り 0:00  → 期限",
            ],
            [
                "Fri 9/18 17:30–18:00  0:30 used  8:30 left",
                "Sat 9/19, Sun 9/20, Mon 9/21 (敬老の日), Tue 9/22 (国民の休日), Wed 9/23 (秋分の日)  not counted",
                "Thu 9/24 09:00–17:30  8:30 used  0:00 left  → due",
            ],
        ),
        (
            "2026-09-18 18:00",
            DAYS,
            2,
            [
                "9/18(金)営業時間外 9/19(土) 9/20(日) 9/21(月)敬老の日 9/22(火)国民の休日 9/23(水)秋分の日  停止",
                "9/24(木) 09:00  計測開始  残り 2営業日",
                "9/25(金) 09:00  1営業日 消費  残り 1営業日",
                "9/26(土) 9/27(日)  停止",
                "9/28(月) 09:00  1営業日 消費  残り 0営業日  → 期限",
            ],
            [
                "Fri 9/18 (after hours), Sat 9/19, Sun 9/20, Mon 9/21 (敬老の日), Tue 9/22 (国民の休日), "
                "Wed 9/23 (秋分の日)  not counted",
                "Thu 9/24 09:00  count begins  2 business days left",
                "Fri 9/25 09:00  1 business day used  1 business day left",
                "Sat 9/26, Sun 9/27  not counted",
                "Mon 9/28 09:00  1 business day used  0 business days left  → due",
            ],
        ),
        (
            "2026-09-18 17:30",
            ELAPSED,
            24,
            ["9/18(金) 17:30–9/19(土) 17:30  24:00 消費  残り 0:00  → 期限"],
            ["Fri 9/18 17:30–Sat 9/19 17:30  24:00 used  0:00 left  → due"],
        ),
        # seconds are not shown; what is shown adds up all the same
        (
            "2026-08-12 17:30:04",
            HOURS,
            1,
            [
                "8/12(水) 17:30–18:00  0:30 消費  残り 0:30",
                "8/13(木)夏季休業 8/14(金)夏季休業 8/15(土) 8/16(日)  停止",
                "8/17(月) 09:00–09:30  0:30 消費  残り 0:00  → 期限",
            ],
            [
                "Wed 8/12 17:30–18:00  0:30 used  0:30 left",
                "Thu 8/13 (夏季休業), Fri 8/14 (夏季休業), Sat 8/15, Sun 8/16  not counted",
                "Mon 8/17 09:00–09:30  0:30 used  0:00 left  → due",
            ],
        ),
    ],
)
def test_receipts_in_words(start: str, clock: ClockKind, amount: float, ja: list[str], en: list[str]) -> None:
    receipt = deadline(local(start), clock, amount, OFFICE)
    assert receipt_lines(receipt, OFFICE.zone, "ja") == ja
    assert receipt_lines(receipt, OFFICE.zone, "en") == en


def test_a_receipt_of_nights_a_company_day_without_a_name_and_another_reader_s_zone() -> None:
    office = calendar("18:00-24:00", company_days=["2026-06-18"])
    receipt = deadline(local("2026-06-17 20:00"), HOURS, 5, office)
    assert receipt_lines(receipt, office.zone, "ja") == [
        "6/17(水) 20:00–24:00  4:00 消費  残り 1:00",
        "6/18(木)会社休業日  停止",
        "6/19(金) 18:00–19:00  1:00 消費  残り 0:00  → 期限",
    ]
    assert receipt_lines(receipt, ZoneInfo(NEW_YORK), "en")[0] == "Wed 6/17 07:00–11:00  4:00 used  1:00 left"
    assert receipt_lines(receipt, ZoneInfo("Australia/Brisbane"), "en") == [
        "Wed 6/17 21:00–Thu 6/18 01:00  4:00 used  1:00 left",
        "Thu 6/18 (company holiday)  not counted",
        "Fri 6/19 19:00–20:00  1:00 used  0:00 left  → due",
    ]


def test_a_receipt_as_json() -> None:
    receipt = deadline(local("2026-09-18 17:30"), HOURS, 0.75, OFFICE)
    document = to_json(receipt)
    assert [document[key] for key in ("start", "due", "clock", "amount", "calendar_key")] == [
        "2026-09-18T08:30:00Z",
        "2026-09-24T00:15:00Z",
        "business_hours",
        0.75,
        "default",
    ]
    assert document["lines"][0] == {
        "day": "2026-09-18",
        "begins": "2026-09-18T08:30:00Z",
        "ends": "2026-09-18T09:00:00Z",
        "used": "PT30M",
        "left": "PT15M",
        "reason": None,
        "note": None,
        "detail": None,
        "by_hours": False,
    }
    assert [line["reason"] for line in document["lines"]] == [None, "", "", "敬老の日", "国民の休日", "秋分の日", None]
