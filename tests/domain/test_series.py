"""When meetings are held: the rhythm, closed days, clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.calendar import Calendar, japanese_office, with_public_holidays
from app.domain.language import text
from app.domain.refusals import Refused, validated
from app.domain.series import Series, meetings, meetings_before, previous_meeting, warnings

JAPAN = with_public_holidays(japanese_office(), range(2025, 2029))
TOKYO = ZoneInfo("Asia/Tokyo")


SATO = {"name": "佐藤", "email": "sato@example.jp", "role": "marketing_lead"}
ITO = {"name": "伊藤", "email": "ito@example.jp", "role": "sales_lead"}
TANAKA = {"name": "田中", "email": "tanaka@example.jp", "role": "inside_sales"}


def series(**changes: Any) -> Series:
    written = {"name": "連携会議", "weekday": "mon", "time": "10:00", "first": "2026-09-07"}
    return validated(Series, written | changes)


def closed(*days: str) -> Calendar:
    """Open every weekday except on these days, `2026-09-21` or `2026-09-21/2026-09-25`."""
    spans = [list(map(date.fromisoformat, day.split("/"))) for day in days]
    each = {s[0] + timedelta(n): "" for s in spans for n in range((s[-1] - s[0]).days + 1)}
    return Calendar(weekly={d: ["09:00-18:00"] for d in ("mon", "tue", "wed", "thu", "fri")}, company_days=each)


def held(found: Series, calendar: Calendar, after: str, count: int) -> list[str]:
    """`2 9/24` for each meeting."""
    days = meetings(found, calendar, datetime.fromisoformat(after).replace(tzinfo=TOKYO), count)
    return [f"{m.number} {m.start.astimezone(TOKYO):%-m/%-d}" for m in days]


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"minutes": 45}, "/minutes", "`60`, `75`, `90`"),
        ({"minutes": 70}, "/minutes", "`60`, `75`, `90`"),
        ({"every_weeks": 3}, "/every_weeks", "`1`, `2`, `4`"),
        ({"time": "24:00"}, "/time", ""),
        ({"time": "10:00:30"}, "/time", ""),
        ({"weekday": "monday"}, "/weekday", "mon"),
        ({"time_zone": "Asia/Tokio"}, "/time_zone", "Asia/Tokyo"),
        ({"time_zone": "../etc/passwd"}, "/time_zone", "Asia/Tokyo"),
        ({"name": "  "}, "/name", "empty"),
        ({"room": "A\nB"}, "/room", "one line"),
        ({"room": "A" * 101}, "/room", "100"),
        ({"template": "../x"}, "/template", "form"),
        ({"attendees": [SATO | {"email": "sato"}]}, "/attendees/0/email", "suzuki@example.jp"),
        ({"attendees": [SATO | {"email": "a@b.example\r\nBcc: c@d.example"}]}, "/attendees/0/email", "e-mail address"),
        ({"attendees": [SATO | {"delegate": "ito"}]}, "/attendees/0/delegate", "e-mail address"),
        ({"attendees": [SATO | {"name": " "}]}, "/attendees/0/name", "empty"),
        ({"attendees": [SATO | {"role": "boss"}]}, "/attendees/0/role", "`marketing_lead`"),
        ({"attendees": [SATO | {"duty": "boss"}]}, "/attendees/0/duty", "`note_taker`"),
        ({"attendees": [SATO, SATO | {"email": "SATO@example.jp"}]}, "/attendees", "sato@example.jp stands here twice"),
        ({"attendees": [SATO | {"duty": "facilitator"}, ITO | {"duty": "facilitator"}]}, "/attendees", "facilitator"),
        ({"attendees": [SATO | {"duty": "note_taker"}, ITO | {"duty": "note_taker"}]}, "/attendees", "note taker"),
        ({"attendees": [SATO | {"email": f"s{n}@example.jp"} for n in range(51)]}, "/attendees", "50"),
        ({"name": "a\r\nBEGIN:VEVENT"}, "/name", "one line"),
        ({"place": "room 1"}, "/place", "not known"),
    ],
)
def test_a_series_that_makes_no_sense_is_refused_at_its_place(changes: Any, place: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        series(**changes)
    (refusal,) = refused.value.refusals
    assert refusal.place == place
    assert words in refusal.message_en


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"every_weeks": 2}, []),
        ({"every_weeks": 4}, ["月次では間隔が空きすぎて施策の軌道修正が遅れるリスクがあります。"]),
        ({"attendees": [SATO, ITO, TANAKA]}, []),
        ({"attendees": [SATO, TANAKA]}, ["参加者に営業責任者がいません。"]),
        (
            {"attendees": [ITO]},
            ["参加者にマーケティング責任者がいません。", "参加者にインサイドセールス担当がいません。"],
        ),
    ],
)
def test_what_speaks_against_a_series(changes: Any, said: list[str]) -> None:
    assert [text("ja", each) for each in warnings(series(**changes))] == said


def test_what_was_stored_before_there_were_attendees_is_still_read() -> None:
    before = {"name": "会議", "weekday": "thu", "time": "10:00", "minutes": 75, "every_weeks": 2}
    found = Series.model_validate(before | {"first": "2026-09-03", "time_zone": "Asia/Tokyo"})
    assert (found.room, found.template, found.attendees) == ("", "", ())


@pytest.mark.parametrize("minutes", [60, 75, 90])
def test_sixty_to_ninety_minutes_are_fine(minutes: int) -> None:
    (meeting,) = meetings(series(minutes=minutes), JAPAN, datetime(2026, 9, 1, tzinfo=UTC), 1)
    assert meeting.end - meeting.start == timedelta(minutes=minutes)


def test_a_series_survives_its_own_json() -> None:
    written = series(every_weeks=2, minutes=75, room="会議室A", attendees=[SATO | {"duty": "facilitator"}, ITO])
    assert Series.model_validate(written.model_dump(mode="json")) == written


@pytest.mark.parametrize(
    ("changes", "calendar", "after", "expected"),
    [
        # 9/21 to 9/23 are holidays: the biweekly Monday moves to Thursday
        ({"every_weeks": 2}, JAPAN, "2026-09-08", ["2 9/24", "3 10/5", "4 10/19"]),
        ({}, JAPAN, "2026-09-08", ["2 9/14", "3 9/24", "4 9/28"]),
        # the rhythm is anchored at the first weekday on or after `first`
        ({"first": "2026-09-09", "every_weeks": 2}, JAPAN, "2026-09-01", ["1 9/14", "2 9/28"]),
        ({"first": "2026-09-14", "every_weeks": 2}, JAPAN, "2026-10-01", ["3 10/13", "4 10/26"]),  # 10/12 is a holiday
        # no open day is left before the next planned one: the last open day before
        ({}, closed("2026-09-21/2026-09-25"), "2026-09-15", ["3 9/18", "4 9/28"]),
        # two weeks closed: one moves before, the next to the first open day after
        ({"weekday": "thu"}, closed("2026-09-17/2026-09-29"), "2026-09-12", ["2 9/16", "3 9/30", "4 10/1"]),
        # the day before is taken by the meeting that was moved there: it falls out
        ({}, closed("2026-09-14/2026-09-17", "2026-09-21/2026-09-25"), "2026-09-08", ["2 9/18", "4 9/28"]),
        # three weeks closed: the middle one falls out, and its number with it
        ({}, closed("2026-09-14/2026-10-02"), "2026-09-08", ["2 9/11", "5 10/5"]),
        # a meeting that is running is still the next; one that is over is not
        ({}, JAPAN, "2026-09-14T10:59:59", ["2 9/14"]),
        ({}, JAPAN, "2026-09-14T11:00", ["3 9/24"]),
        # every four weeks
        ({"every_weeks": 4}, JAPAN, "2026-09-08", ["2 10/5", "3 11/2", "4 11/30"]),
        # long before the first
        ({}, JAPAN, "2020-01-01", ["1 9/7", "2 9/14"]),
    ],
)
def test_held(changes: Any, calendar: Calendar, after: str, expected: list[str]) -> None:
    assert held(series(**changes), calendar, after, len(expected)) == expected


def test_a_moved_meeting_says_why() -> None:
    second, third = meetings(series(every_weeks=2), JAPAN, datetime(2026, 9, 8, tzinfo=UTC), 2)
    assert (second.planned, second.moved_because) == (date(2026, 9, 21), "敬老の日")
    assert third.moved_because is None
    (saturday,) = meetings(series(weekday="sat"), JAPAN, datetime(2026, 9, 8, tzinfo=UTC), 1)
    assert (saturday.planned, saturday.moved_because) == (date(2026, 9, 12), "")


def test_the_meeting_before_is_the_one_that_was_held() -> None:
    calendar = closed("2026-09-14/2026-10-02")
    (fifth,) = meetings(series(), calendar, datetime(2026, 10, 3, tzinfo=UTC), 1)
    before = previous_meeting(series(), calendar, fifth)
    assert before is not None
    assert (fifth.number, before.number) == (5, 2)
    assert [m.number for m in meetings_before(series(), calendar, fifth, 4)] == [1, 2]
    first = meetings_before(series(), calendar, fifth, 4)[0]
    assert previous_meeting(series(), calendar, first) is None


@pytest.mark.parametrize("every_weeks", [1, 2, 4])
@pytest.mark.parametrize("weekday", ["mon", "wed", "fri", "sun"])
def test_years_of_meetings_keep_their_order_on_open_days(weekday: str, every_weeks: int) -> None:
    calendar = JAPAN.model_copy(
        update={"company_days": closed("2026-12-26/2027-01-05", "2027-04-26/2027-05-14").company_days}
    )
    found = meetings(series(weekday=weekday, every_weeks=every_weeks), calendar, datetime(2026, 9, 1, tzinfo=UTC), 60)
    days = [m.start.astimezone(TOKYO).date() for m in found]
    assert all(a.number < b.number and a.end < b.start for a, b in pairwise(found))
    assert not [d for d in days if d in calendar.holidays or d in calendar.company_days or d.weekday() > 4]
    assert [
        previous_meeting(series(weekday=weekday, every_weeks=every_weeks), calendar, m) for m in found[1:]
    ] == found[:-1]


def test_the_local_time_stays_when_the_clocks_change() -> None:
    calendar = Calendar(time_zone="Europe/Berlin", weekly={"mon": ["09:00-17:00"]})
    berlin = series(time_zone="Europe/Berlin", first="2026-10-19")
    found = meetings(berlin, calendar, datetime(2026, 10, 19, tzinfo=UTC), 2)
    assert [f"{m.start:%m-%d %H:%M}" for m in found] == ["10-19 08:00", "10-26 09:00"]
