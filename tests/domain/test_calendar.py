"""When we are open."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calendar import (
    COMPANY_DAY,
    WEEKDAYS,
    Calendar,
    is_open,
    japanese_office,
    next_opening,
    why_closed,
    windows_on,
    with_public_holidays,
    working_time,
)
from app.domain.refusals import Refused, validated
from app.domain.wallclock import instant_of, shown

TOKYO, BERLIN, NEW_YORK = "Asia/Tokyo", "Europe/Berlin", "America/New_York"
HOUR = timedelta(hours=1)


def calendar(hours: str = "09:00-18:00", days: str = "mon tue wed thu fri", zone: str = TOKYO, **more) -> Calendar:
    return Calendar(time_zone=zone, weekly={day: hours.split() for day in days.split()}, **more)


def local(written: str, zone: str = TOKYO) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def shown_windows(of: Calendar, day: str) -> list[str]:
    """What the office's own clock shows at the ends of the windows."""
    windows = windows_on(of, date.fromisoformat(day))
    return [f"{start.astimezone(of.zone):%d %H:%M}-{end.astimezone(of.zone):%d %H:%M}" for start, end in windows]


# --- which days


JAPAN = with_public_holidays(
    japanese_office().model_copy(
        update={
            "company_days": {"2026-08-13": "夏季休業", "2026-08-11": "夏季休業", "2026-12-29": ""},
            "extra_days": {"2026-09-22": ["10:00-12:00"], "2026-09-26": ["09:00-18:00"]},
        }
    ),
    range(2025, 2028),
)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-09-18", None),
        ("2026-09-19", ""),
        ("2026-09-21", "敬老の日"),
        ("2026-09-22", None),  # between two holidays, but opened by the company
        ("2026-09-26", None),  # a Saturday, opened by the company
        ("2026-05-06", "振替休日"),
        ("2026-08-11", "山の日"),  # the public holiday's name rather than the company's
        ("2026-08-13", "夏季休業"),
        ("2026-12-29", COMPANY_DAY),
        ("2027-03-22", "振替休日"),
    ],
)
def test_why_closed(day: str, reason: str | None) -> None:
    assert why_closed(JAPAN, date.fromisoformat(day)) == reason
    assert bool(windows_on(JAPAN, date.fromisoformat(day))) == (reason is None)


def test_the_day_between_two_holidays_is_one() -> None:
    assert JAPAN.holidays[date(2026, 9, 22)] == "国民の休日"


@pytest.mark.parametrize(
    ("country", "subdivision", "day", "name"),
    [
        ("jp", None, date(2026, 1, 1), "元日"),
        ("DE", None, date(2026, 10, 3), "Tag der Deutschen Einheit"),
        ("DE", "BY", date(2026, 1, 6), "Heilige Drei Könige"),
        ("DE", "BE", date(2026, 1, 6), None),
        ("US", None, date(2026, 7, 3), "Independence Day (observed)"),
    ],
)
def test_public_holidays_are_named_in_the_country_s_language(country, subdivision, day, name) -> None:
    named = with_public_holidays(calendar(country=country, subdivision=subdivision), [2026])
    assert named.holidays.get(day) == name
    assert named.country == country.upper()


def test_other_years_keep_the_holidays_they_were_made_with() -> None:
    law_of_2020 = calendar(country="JP", holidays={"2021-07-19": "海の日", "2026-07-21": "海の日"})
    named = with_public_holidays(law_of_2020, [2026])
    assert date(2021, 7, 19) in named.holidays
    assert {day for day in named.holidays if day.month == 7} == {date(2021, 7, 19), date(2026, 7, 20)}


def test_without_a_country_the_written_holidays_stay() -> None:
    written = calendar(holidays={"2026-07-21": "海の日"})
    assert with_public_holidays(written, [2026]) == written


@pytest.mark.parametrize(
    ("country", "subdivision", "place", "suggestion"),
    [
        ("JA", None, "/country", "JP"),
        ("Japan", None, "/country", "JP"),
        ("Q", None, "/country", None),
        ("DE", "BYR", "/subdivision", "BY"),
        ("JP", "東京", "/subdivision", None),
    ],
)
def test_unknown_countries(country, subdivision, place, suggestion) -> None:
    with pytest.raises(Refused) as refused:
        with_public_holidays(calendar(country=country, subdivision=subdivision), [2026])
    (refusal,) = refused.value.refusals
    assert (refusal.place, refusal.suggestion) == (place, suggestion)
    assert "祝日データはありません" in refusal.message_ja


# --- which hours


def test_hours_of_a_working_day() -> None:
    office = calendar("09:00-12:00 13:00-18:00")
    assert windows_on(office, date(2026, 9, 18)) == (
        (datetime(2026, 9, 18, 0, tzinfo=UTC), datetime(2026, 9, 18, 3, tzinfo=UTC)),
        (datetime(2026, 9, 18, 4, tzinfo=UTC), datetime(2026, 9, 18, 9, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    ("zone", "hours", "day", "windows"),
    [
        # the 23-hour day: 02:00 → 03:00
        (BERLIN, "09:00-18:00", "2026-03-29", ["29 09:00-29 18:00"]),
        (BERLIN, "02:30-04:00", "2026-03-29", ["29 03:00-29 04:00"]),
        (BERLIN, "01:00-02:30", "2026-03-29", ["29 01:00-29 03:00"]),
        (BERLIN, "02:15-02:45", "2026-03-29", []),
        (NEW_YORK, "02:30-04:00", "2026-03-08", ["08 03:00-08 04:00"]),
        # the 25-hour day: 03:00 → 02:00
        (BERLIN, "09:00-18:00", "2026-10-25", ["25 09:00-25 18:00"]),
        (BERLIN, "02:15-02:45", "2026-10-25", ["25 02:15-25 02:45"]),
        (NEW_YORK, "01:15-01:45", "2026-11-01", ["01 01:15-01 01:45"]),
        # over midnight, from the day on which it starts
        (TOKYO, "22:00-02:00", "2026-09-18", ["18 22:00-19 02:00"]),
        (TOKYO, "22:00-24:00", "2026-09-18", ["18 22:00-19 00:00"]),
        (BERLIN, "22:00-02:30", "2026-03-28", ["28 22:00-29 03:00"]),
        # a zone that left out a whole day
        ("Pacific/Apia", "09:00-18:00", "2011-12-30", []),
        # clocks set at midnight: the day begins at 01:00, or 23:00-24:00 comes twice
        ("America/Sao_Paulo", "00:00-24:00", "2018-11-04", ["04 01:00-05 00:00"]),
        ("America/Sao_Paulo", "00:00-24:00", "2018-02-17", ["17 00:00-18 00:00"]),
    ],
)
def test_windows(zone: str, hours: str, day: str, windows: list[str]) -> None:
    assert shown_windows(calendar(hours, " ".join(WEEKDAYS), zone), day) == windows


@pytest.mark.parametrize(
    ("zone", "hours", "day", "open_hours"),
    [
        (BERLIN, "09:00-18:00", date(2026, 3, 29), 9),
        (BERLIN, "09:00-18:00", date(2026, 10, 25), 9),
        (BERLIN, "00:00-24:00", date(2026, 3, 29), 23),
        (BERLIN, "00:00-24:00", date(2026, 10, 25), 25),
        (NEW_YORK, "00:00-24:00", date(2026, 11, 1), 25),
        (BERLIN, "02:00-02:30", date(2026, 10, 25), 0.5),  # the repeated half hour, once
        (BERLIN, "01:00-02:30 02:30-04:00", date(2026, 10, 25), 4),
        ("America/Sao_Paulo", "00:00-24:00", date(2018, 2, 17), 25),
    ],
)
def test_open_hours_of_a_day_on_which_the_clocks_are_set(zone, hours, day, open_hours) -> None:
    windows = windows_on(calendar(hours, " ".join(WEEKDAYS), zone), day)
    assert sum((end - start for start, end in windows), timedelta()) == open_hours * HOUR


@pytest.mark.parametrize(
    "hours", ["00:00-24:00", "00:00-02:30 02:30-24:00", "00:00-23:59 23:59-24:00", "08:00-20:00 20:00-08:00"]
)
@pytest.mark.parametrize(
    "zone", [TOKYO, BERLIN, NEW_YORK, "America/Sao_Paulo", "America/St_Johns", "Australia/Lord_Howe"]
)
def test_round_the_clock_leaves_no_hole(zone: str, hours: str) -> None:
    shop = calendar(hours, " ".join(WEEKDAYS), zone)
    days = [date(2010, 1, 1) + timedelta(days=n) for n in range(366)]
    windows = [window for day in days for window in windows_on(shop, day)]
    assert all(earlier.end == later.start for earlier, later in pairwise(windows))
    start, end = windows[0].start, windows[-1].end
    assert working_time(shop, start, end) == end - start


@pytest.mark.parametrize(
    ("at", "opened", "next_at"),
    [
        ("2026-09-18 08:59:59", False, "2026-09-18 09:00"),
        ("2026-09-18 09:00", True, "2026-09-18 09:00"),
        ("2026-09-18 12:00", False, "2026-09-18 13:00"),
        ("2026-09-18 13:30:00.000001", True, "2026-09-18 13:30:00.000001"),
        ("2026-09-18 17:59:59.999999", True, "2026-09-18 17:59:59.999999"),
        ("2026-09-18 18:00", False, "2026-09-21 09:00"),
        ("2026-09-19 15:00", False, "2026-09-21 09:00"),
    ],
)
def test_is_open_and_next_opening(at: str, opened: bool, next_at: str) -> None:
    office = calendar("09:00-12:00 13:00-18:00")
    assert is_open(office, local(at)) == opened
    assert next_opening(office, local(at)) == local(next_at)


@pytest.mark.parametrize(
    ("at", "opened"),
    [
        ("2026-09-19 01:59", True),  # Saturday, but Friday's night
        ("2026-09-19 02:00", False),
        ("2026-09-21 01:00", False),  # Sunday had no night
        ("2026-09-23 01:00", True),  # Tuesday's night runs into a closed Wednesday
        ("2026-09-24 01:00", False),  # the closed Wednesday had no night
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(at: str, opened: bool) -> None:
    night = calendar("22:00-02:00", company_days=["2026-09-23"])
    assert is_open(night, local(at)) == opened


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-09-18 17:30", "2026-09-18 18:00", 0.5),
        ("2026-09-18 17:30", "2026-09-24 17:30", 9),
        ("2026-09-18 10:15", "2026-09-18 10:45", 0.5),
        ("2026-09-18 18:00", "2026-09-24 09:00", 0),
        ("2026-09-18 17:00", "2026-09-18 10:00", 0),  # nothing backwards
        ("2026-09-18 17:00", "2026-09-01 10:00", 0),
    ],
)
def test_working_time(start: str, end: str, hours: float) -> None:
    office = with_public_holidays(japanese_office(), [2026])
    assert working_time(office, local(start), local(end)) == hours * HOUR


# An independent count: half hour by half hour, on the wall. Its spans keep off the hours that are skipped or repeated.


def _counted(office: Calendar, start: datetime, end: datetime) -> timedelta:
    moments = (start + n * HOUR / 2 for n in range(int((end - start) / (HOUR / 2))))
    return sum((HOUR / 2 for at in moments if _on_the_wall(office, at.astimezone(office.zone))), timedelta())


def _on_the_wall(office: Calendar, at: datetime) -> bool:
    hour = at.hour + at.minute / 60
    return any(
        float(opens[:2]) <= hour + 24 * ago < float(closes[:2]) + (24 if closes < opens else 0)
        for ago in (0, 1)
        for opens, closes in (span.split("-") for span in _written(office, at.date() - timedelta(days=ago)))
    )


def _written(office: Calendar, day: date) -> list[str]:
    if day in office.extra_days:
        return office.extra_days[day]
    return [] if day in office.company_days else office.weekly.get(WEEKDAYS[day.weekday()], [])


AROUND_A_CHANGE = {BERLIN: (date(2026, 3, 24), date(2026, 10, 20)), NEW_YORK: (date(2026, 3, 3), date(2026, 10, 27))}


@given(st.data())
def test_working_time_is_what_the_wall_shows(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from([BERLIN, NEW_YORK]))
    first = data.draw(st.sampled_from(AROUND_A_CHANGE[zone]))
    days = [first + timedelta(days=n) for n in range(10)]
    spans = data.draw(
        st.sampled_from([["09:00-18:00"], ["08:00-12:00", "13:00-19:00"], ["00:00-24:00"], ["18:00-05:00"]])
    )
    office = Calendar(
        time_zone=zone,
        weekly=dict.fromkeys(data.draw(st.sets(st.sampled_from(WEEKDAYS), min_size=1)), spans),
        company_days=list(data.draw(st.sets(st.sampled_from(days)))),
        extra_days=dict.fromkeys(data.draw(st.sets(st.sampled_from(days))), spans),
    )
    start = local(f"{first}", zone) + data.draw(st.integers(0, 300)) * HOUR / 2
    end = start + data.draw(st.integers(0, 200)) * HOUR / 2
    assert working_time(office, start, end) == _counted(office, start, end)


# --- the wall


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        (BERLIN, "2026-03-29 01:59", "2026-03-29 00:59"),
        (BERLIN, "2026-03-29 02:00", "2026-03-29 01:00"),
        (BERLIN, "2026-03-29 02:59:59.5", "2026-03-29 01:00"),
        (BERLIN, "2026-03-29 03:00", "2026-03-29 01:00"),
        (BERLIN, "2026-10-25 02:30", "2026-10-25 00:30"),
        (BERLIN, "2026-10-25 03:00", "2026-10-25 02:00"),
        (NEW_YORK, "2026-03-08 02:30", "2026-03-08 07:00"),
        (NEW_YORK, "2026-11-01 01:30", "2026-11-01 05:30"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),  # half an hour is skipped
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00"),
    ],
)
def test_skipped_times_are_the_first_instant_after_and_repeated_ones_the_first_pass(zone, wall, utc) -> None:
    assert instant_of(ZoneInfo(zone), datetime.fromisoformat(wall)) == datetime.fromisoformat(utc + "+00:00")


@pytest.mark.parametrize(
    ("utc", "wall"),
    [
        ("2026-10-25 00:30", "2026-10-25 02:30"),
        ("2026-10-25 01:10", "2026-10-25 03:00"),  # 02:10 once more
        ("2026-10-25 02:00", "2026-10-25 03:00"),
    ],
)
def test_a_repeated_hour_never_looks_earlier(utc: str, wall: str) -> None:
    assert shown(ZoneInfo(BERLIN), datetime.fromisoformat(utc + "+00:00")) == datetime.fromisoformat(wall)


# --- as it is written


def test_a_calendar_is_the_same_from_yaml_and_json() -> None:
    written = """
    key: night
    time_zone: Asia/Tokyo
    weekly:
      mon: [9:00〜12:00, "13:00 - 18:00"]
      fri: [22:00-02:00]
    country: JP
    company_days: [2026-08-13, 2026-08-14]
    extra_days:
      2026-09-26: [9:00-12:00]
    """
    office = validated(Calendar, yaml.safe_load(written))
    assert office.weekly == {"mon": ["09:00-12:00", "13:00-18:00"], "fri": ["22:00-02:00"]}
    assert office.company_days == {date(2026, 8, 13): COMPANY_DAY, date(2026, 8, 14): COMPANY_DAY}
    assert Calendar.model_validate(json.loads(json.dumps(office.model_dump(mode="json")))) == office
    assert Calendar.model_validate_json(office.model_dump_json()) == office


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"time_zone": "Asia/Tokio"}, "/time_zone", "Asia/Tokyo"),
        ({"time_zone": "Berlin"}, "/time_zone", "Europe/Berlin"),
        ({"time_zone": "JST"}, "/time_zone", "Asia/Tokyo"),
        ({"time_zone": "../etc/passwd"}, "/time_zone", "IANA"),
        ({"time_zone": ""}, "/time_zone", "IANA"),
        ({"weekly": {"mon": ["9-18"]}}, "/weekly/mon/0", "09:00-18:00"),
        ({"weekly": {"mon": ["09:00-12:00", "13:00-25:00"]}}, "/weekly/mon/1", "09:00-18:00"),
        ({"weekly": {"mon": ["24:00-02:00"]}}, "/weekly/mon/0", "09:00-18:00"),
        ({"weekly": {"mon": ["09:00-09:00"]}}, "/weekly/mon/0", "00:00-24:00"),
        ({"weekly": {"tue": ["09:00-12:00", "11:00-18:00"]}}, "/weekly/tue", "11:00-18:00"),
        ({"weekly": {"tue": ["13:00-18:00", "09:00-12:00"]}}, "/weekly/tue", "13:00-18:00"),
        ({"weekly": {"tue": ["22:00-02:00", "23:00-24:00"]}}, "/weekly/tue", "22:00-02:00"),
        ({"weekly": {"sun": ["22:00-06:00"], "mon": ["05:00-12:00"]}}, "/weekly", "05:00-12:00"),
        ({"weekly": {"monday": ["09:00-18:00"]}}, "/weekly/monday", "mon"),
        ({"weekly": {}}, "/weekly", "mon: [09:00-18:00]"),
        ({"weekly": {"mon": []}}, "/weekly", "mon: [09:00-18:00]"),
        ({"weekly": {"mon": []}, "extra_days": {"2026-09-26": ["09:00-18:00"]}}, "/weekly", "mon: [09:00-18:00]"),
        ({"extra_days": {"2026-09-26": []}}, "/extra_days/2026-09-26", ""),
        ({"extra_days": {"2026-09-26": ["18:00-09:30"], "2026-09-27": ["09:00-18:00"]}}, "", "2026-09-27"),
        ({"extra_days": {"2026-09-20": ["18:00-09:30"]}}, "", "2026-09-21"),
        ({"weekly": {"mon": ["22:00-06:00"]}, "extra_days": {"2026-09-22": ["05:00-12:00"]}}, "", "2026-09-22"),
        ({"company_days": {"22026-09-21": "x"}}, "/company_days/22026-09-21", "2026-09-24"),
        ({"company_days": {"2926-09-21": "x"}}, "/company_days/2926-09-21", "2199"),
        ({"company_days": [{"day": "2026-09-21"}]}, "/company_days", ""),
        ({"holiday": {}}, "/holiday", "holidays"),
    ],
)
def test_mistakes_are_named_with_their_place(changes: dict, place: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        validated(Calendar, {"weekly": {"mon": ["09:00-18:00"]}, **changes})
    (refusal,) = refused.value.refusals
    assert refusal.place == place
    assert said in refusal.message_en
    assert said in refusal.message_ja
    assert refusal.message_ja != refusal.message_en


def _days(first: str, count: int) -> list[date]:
    return [date.fromisoformat(first) + timedelta(days=n) for n in range(count)]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        # Friday 2026-01-02 is open, Saturday 3 to Sunday 4 are closed anyway: 2 + 57 days
        ({"company_days": _days("2026-01-05", 57)}, False),
        ({"company_days": _days("2026-01-05", 58)}, True),
        ({"holidays": dict.fromkeys(_days("2026-01-05", 30), "x"), "company_days": _days("2026-02-04", 28)}, True),
        ({"company_days": _days("2026-01-05", 300), "extra_days": {"2026-02-01": ["09:00-10:00"]}}, True),
        ({"company_days": _days("2026-01-05", 80), "extra_days": {"2026-02-14": ["09:00-10:00"]}}, False),
        ({"company_days": _days("2000-01-01", 50_000)}, True),
    ],
)
def test_a_calendar_that_stays_closed_is_refused(changes: dict, refused: bool) -> None:
    if not refused:
        office = calendar(**changes)
        assert next_opening(office, local("2026-01-02 18:00")) > local("2026-02-13")
        return
    with pytest.raises(Refused) as error:
        validated(Calendar, {**calendar().model_dump(), **changes})
    assert error.value.refusals[0].code == "closed_too_long"


def test_a_copy_with_other_values_has_its_own_windows_and_is_checked() -> None:
    office = calendar()
    assert windows_on(office, date(2026, 9, 18))
    closed = office.model_copy(update={"company_days": ["2026-09-18"]})
    assert not windows_on(closed, date(2026, 9, 18))
    assert windows_on(office, date(2026, 9, 18))
    with pytest.raises(ValueError, match="weekday"):
        office.model_copy(update={"weekly": {}})
