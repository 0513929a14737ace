"""Whose time a handoff took: every part is somebody's, and together they are all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.delays import Journey, delays

START = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
M = timedelta(minutes=1)


def at(minutes: int | None) -> datetime | None:
    return None if minutes is None else START + minutes * M


def journey(
    received: int, decided: int, assigned: int | None, touched: int | None, recorded: int | None = None
) -> Journey:
    return Journey(START, START + received * M, START + decided * M, None, at(assigned), at(touched), at(recorded))


@pytest.mark.parametrize(
    ("went", "expected"),
    [
        pytest.param(journey(2, 3, 10, 60, 90), (2, 1, 7, 50, 30), id="in order"),
        pytest.param(journey(2, 3, None, None), (2, 1, 97, 0, None), id="nobody has it, a hundred minutes on"),
        pytest.param(journey(2, 3, 10, None), (2, 1, 7, 90, None), id="not followed up yet"),
        pytest.param(journey(2, 3, -50, 60, 60), (2, 1, 0, 57, 0), id="theirs before it was MQL"),
        pytest.param(journey(30, 31, 10, 20, 40), (20, 0, 0, 0, 20), id="followed up before the tools told us"),
        pytest.param(journey(0, 0, 0, -5, 8), (0, 0, 0, 0, 13), id="contacted before it was MQL"),
        pytest.param(journey(0, 0, 0, 30, 20), (0, 0, 0, 30, 0), id="recorded ahead of time"),
    ],
)
def test_whose_time_it_took(went: Journey, expected: tuple[int | None, ...]) -> None:
    took = delays(went, START + 100 * M, lambda a, b: b - a)
    parts = (took.ma, took.own, took.routing, took.human, took.logging)
    assert tuple(None if part is None else part // M for part in parts) == expected
    assert took.system == took.ma + took.own + took.routing
    end = max(went.touched_at or START + 100 * M, START)
    assert took.system + took.human == end - START
