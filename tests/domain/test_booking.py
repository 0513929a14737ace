"""When a series cannot be held as agreed: begun in the past, by no such template, somebody or a room taken twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.domain.booking import Held, check_apart, check_first, check_template, check_users, clash
from app.domain.calendar import japanese_office, with_public_holidays
from app.domain.refusals import Refused, validated
from app.domain.series import Meeting, Series, meetings
from app.domain.template import built_in

JAPAN = with_public_holidays(japanese_office(), range(2025, 2029))
NOW = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
TODAY = date(2026, 9, 18)
SATO = {"name": "佐藤", "email": "sato@example.jp", "role": "marketing_lead"}
ITO = {"name": "伊藤", "email": "ito@example.jp", "role": "sales_lead"}


def series(**changes: Any) -> Series:
    written = {"name": "東日本会議", "weekday": "thu", "time": "10:00", "first": "2026-09-24"}
    return validated(Series, written | changes)


def held(**changes: Any) -> Held:
    return Held(series(**changes), meetings(series(**changes), JAPAN, NOW, 8))


def meeting(start: str, minutes: int = 60) -> Meeting:
    begins = datetime.fromisoformat(f"2026-09-24T{start}+00:00")
    return Meeting(1, begins.date(), begins, begins + timedelta(minutes=minutes), None)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([("01:00", 60)], [("01:30", 60)], "01:30"),
        ([("01:30", 60)], [("01:00", 60)], "01:30"),
        ([("01:00", 90)], [("01:15", 60)], "01:15"),
        ([("01:00", 60)], [("01:00", 60)], "01:00"),
        ([("01:00", 60)], [("02:00", 60)], None),  # one ends as the other begins
        ([("02:00", 60)], [("01:00", 60)], None),
        ([("01:00", 60), ("05:00", 60)], [("03:00", 60), ("05:59", 60)], "05:59"),
        ([("05:00", 60), ("01:00", 60)], [("05:00", 60), ("01:00", 60)], "01:00"),  # the first of two
        ([], [("01:00", 60)], None),
    ],
)
def test_when_two_meet_first(a: Any, b: Any, expected: str | None) -> None:
    found = clash([meeting(*each) for each in a], [meeting(*each) for each in b])
    assert (found and f"{found:%H:%M}") == expected


def places(mine: Held, *others: Held) -> list[tuple[str, str]]:
    try:
        check_apart(mine, others)
    except Refused as why:
        return [(refusal.place, refusal.code) for refusal in why.refusals]
    return []


BOTH = {"attendees": [ITO, SATO], "room": "会議室A"}


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [
        (BOTH, {"attendees": [SATO]}, [("/attendees/1/email", "person_taken")]),
        (BOTH, {"attendees": [SATO | {"email": "Sato@Example.jp"}]}, [("/attendees/1/email", "person_taken")]),
        (
            BOTH, {"attendees": [SATO, ITO]},
            [("/attendees/0/email", "person_taken"), ("/attendees/1/email", "person_taken")],
        ),
        (BOTH, {"room": "会議室 Ａ"}, [("/room", "room_taken")]),
        (BOTH, {"room": "会議室B"}, []),
        (BOTH, {}, []),
        ({}, {}, []),  # no room is no room that could be taken
        (BOTH, {"attendees": [SATO], "time": "11:00"}, []),
        (BOTH, {"attendees": [SATO], "time": "10:59"}, [("/attendees/1/email", "person_taken")]),
        (BOTH, {"attendees": [SATO], "time": "09:00"}, []),
        (BOTH, {"attendees": [SATO], "time": "09:00", "minutes": 75}, [("/attendees/1/email", "person_taken")]),
        (BOTH, {"attendees": [SATO], "weekday": "fri"}, []),
        # the 23rd is a holiday: that Wednesday's meeting moves to Thursday
        (BOTH, {"room": "会議室A", "weekday": "wed", "first": "2026-09-18"}, [("/room", "room_taken")]),
        # every other week, in the weeks between
        (BOTH | {"every_weeks": 2}, {"attendees": [SATO], "every_weeks": 2, "first": "2026-10-01"}, []),
        # the same moment in another time zone
        (
            BOTH, {"attendees": [SATO], "time": "03:00", "time_zone": "Europe/Berlin"},
            [("/attendees/1/email", "person_taken")],
        ),
    ],
)  # fmt: skip
def test_nobody_and_no_room_is_in_two_meetings_at_once(mine: Any, other: Any, expected: Any) -> None:
    assert places(held(**mine), held(name="西日本会議", **other)) == expected


def test_the_refusal_names_the_other_series_and_the_day() -> None:
    with pytest.raises(Refused) as why:
        check_apart(held(**BOTH), [held(), held(name="西日本会議", **BOTH)])
    said = [(refusal.message_ja, refusal.message_en) for refusal in why.value.refusals]
    assert said[0] == (
        "2026-09-24(木) 10:00 に、この参加者は「西日本会議」の予定があります。",
        "This person is in “西日本会議” at the same time: Thu 2026-09-24 10:00.",
    )
    assert "同じ会議室で「西日本会議」" in said[2][0]
    assert len(said) == 3


@pytest.mark.parametrize(
    ("first", "before", "code"),
    [
        (TODAY, None, None),
        (date(2026, 9, 17), None, "in_the_past"),
        (date(2026, 9, 17), date(2026, 9, 17), None),  # as it is stored
        (date(2026, 9, 16), date(2026, 9, 17), "in_the_past"),
        (date(2026, 9, 25), date(2026, 9, 17), None),
        (date(2099, 12, 31), None, None),
        (date(2100, 1, 1), None, "year"),
        (date(1, 1, 1), None, "year"),
        (date(9999, 12, 31), TODAY, "year"),
    ],
)
def test_a_series_begins_today_or_later(first: date, before: date | None, code: str | None) -> None:
    if code is None:
        check_first(first, before, TODAY)
        return
    with pytest.raises(Refused) as why:
        check_first(first, before, TODAY)
    assert [(refusal.place, refusal.code) for refusal in why.value.refusals] == [("/first", code)]


def test_a_series_is_held_by_a_template_of_its_length() -> None:
    check_template(series(), None)
    check_template(series(template="own", minutes=75), built_in(75))
    for found, code in ((None, "unknown_template"), (built_in(75), "another_length")):
        with pytest.raises(Refused) as why:
            check_template(series(template="own"), found)
        assert [(refusal.place, refusal.code) for refusal in why.value.refusals] == [("/template", code)]


def test_a_template_keeps_the_length_of_the_series_that_are_held_by_it() -> None:
    check_users(built_in(75), [series(minutes=75)])
    with pytest.raises(Refused) as why:
        check_users(built_in(60), [series(), series(name="西日本会議", minutes=75)])
    (refusal,) = why.value.refusals
    assert (refusal.place, refusal.code) == ("/minutes", "in_use")
    assert "75分の定例会議「西日本会議」" in refusal.message_ja
