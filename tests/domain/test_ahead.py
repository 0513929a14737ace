"""When the draft is made and the agenda goes out, in open time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.ahead import draft_from, share_by
from app.domain.calendar import japanese_office, with_public_holidays
from app.domain.refusals import validated
from app.domain.series import Meeting, Series, meetings

JAPAN = with_public_holidays(japanese_office(), range(2025, 2029))
TOKYO = ZoneInfo("Asia/Tokyo")


def series(**changes: Any) -> Series:
    written = {"name": "連携会議", "weekday": "thu", "time": "10:00", "first": "2026-09-03"}
    return validated(Series, written | changes)


def meeting(found: Series, on: str) -> Meeting:
    day = datetime.fromisoformat(on).replace(tzinfo=TOKYO)
    (first,) = list(meetings(found, JAPAN, day.astimezone(UTC), 1))
    return first


def local(at: datetime) -> str:
    there = at.astimezone(TOKYO)
    return f"{there.month}/{there.day} {there:%H:%M}"


@pytest.mark.parametrize(
    ("changes", "on", "draft", "out"),
    [
        # Thursday 9/10 10:00; 24 open hours ahead is Monday 13:00 (office 9 to 18: 1 + 9 + 9 + 5).
        ({}, "2026-09-10", "9/4 14:00", "9/7 13:00"),
        # Thursday 9/24: Monday to Wednesday are holidays, so it goes out on Thursday 9/17 – but that is the day of the
        # last meeting, which ends at 11:00: owners get eight open hours after it.
        ({}, "2026-09-24", "9/17 11:00", "9/18 10:00"),
        # Every two weeks there is time.
        ({"every_weeks": 2}, "2026-09-17", "9/11 14:00", "9/14 13:00"),
    ],
)
def test_open_time_ahead(changes, on, draft, out) -> None:
    found = series(**changes)
    held = meeting(found, on)
    assert (local(draft_from(found, JAPAN, held)), local(share_by(found, JAPAN, held))) == (draft, out)


def test_owners_are_asked_before_the_agenda_goes_out_and_it_goes_out_before_the_meeting() -> None:
    for weeks in (1, 2, 4):
        found = series(every_weeks=weeks)
        for held in meetings(found, JAPAN, datetime(2026, 9, 1, tzinfo=UTC), 60):
            assert draft_from(found, JAPAN, held) <= share_by(found, JAPAN, held) <= held.start
