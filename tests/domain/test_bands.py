"""How pressing a handoff is, at a quarter to midnight and at any other time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.bands import Clock, band, paused_until, tomorrow
from app.domain.clock import Verdict
from app.domain.episode import Change, ChangeKind

TOKYO = ZoneInfo("Asia/Tokyo")
#: A Friday, 17:30 in Tokyo; the day ends six and a half hours later.
NOW = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
H, M, TICK = timedelta(hours=1), timedelta(minutes=1), timedelta(microseconds=1)
NEVER = None


@pytest.mark.parametrize(
    ("verdict", "due_in", "paused_for", "wanted"),
    [
        ("on_track", 6.4 * H, NEVER, "today"),
        ("on_track", 6.5 * H - TICK, NEVER, "today"),
        ("on_track", 6.5 * H, NEVER, "later"),
        ("on_track", 0 * H, NEVER, "today"),
        ("on_track", -TICK, NEVER, "overdue"),
        ("at_risk", 6.6 * H, NEVER, "at_risk"),
        ("at_risk", 0 * H, NEVER, "at_risk"),
        ("at_risk", -M, NEVER, "overdue"),
        ("breached", -M, NEVER, "overdue"),
        ("breached", H, NEVER, "overdue"),
        ("unknown", -M, NEVER, "unknown"),
        ("unknown", H, NEVER, "unknown"),
        ("on_track", 30 * H, H, "paused"),
        ("at_risk", 3 * H, H, "paused"),
        ("on_track", 30 * H, 0 * H, "later"),
        ("breached", -H, H, "overdue"),
        ("on_track", -H, H, "overdue"),
    ],
)
def test_the_band_says_how_pressing_it_is(verdict, due_in, paused_for, wanted) -> None:
    clock = Clock(Verdict(verdict), NOW + due_in, None if paused_for is None else NOW + paused_for)
    assert band(clock, TOKYO, NOW) == wanted


@pytest.mark.parametrize(
    ("zone", "now", "ends"),
    [
        ("Asia/Tokyo", "2026-09-18T14:59:59+00:00", "2026-09-18T15:00:00+00:00"),
        ("Asia/Tokyo", "2026-09-18T15:00:00+00:00", "2026-09-19T15:00:00+00:00"),
        ("Europe/Berlin", "2026-10-24T23:00:00+00:00", "2026-10-25T23:00:00+00:00"),
        ("America/New_York", "2026-03-08T12:00:00+00:00", "2026-03-09T04:00:00+00:00"),
    ],
)
def test_a_day_ends_at_the_midnight_of_its_wall(zone, now, ends) -> None:
    assert tomorrow(ZoneInfo(zone), datetime.fromisoformat(now)) == datetime.fromisoformat(ends)


def pause(begins: timedelta, ends: timedelta) -> Change:
    return Change(ChangeKind.PAUSE, NOW + begins, NOW + begins, until=NOW + ends)


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ([], None),
        ([pause(-H, H)], H),
        ([pause(-H, 0 * H)], None),
        ([pause(0 * H, H)], H),
        ([pause(H, 2 * H)], None),
        ([pause(-3 * H, -2 * H), pause(-H, 2 * H), pause(-H, H)], 2 * H),
        ([Change(ChangeKind.START, NOW - H, NOW - H, until=NOW + H)], None),
    ],
)
def test_a_clock_stands_still_while_a_pause_holds_it(changes, until) -> None:
    assert paused_until(changes, NOW) == (until and NOW + until)
