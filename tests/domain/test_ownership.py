"""Who had a handoff when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.history import Episode, Event
from app.domain.ownership import tenures
from connectors.contract import EventKind

MQL = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
H = timedelta(hours=1)


def owner(hours: float, who: str | None) -> Event:
    at = MQL + hours * H
    return Event(f"{hours}-{who}", EventKind.OWNER, at, at, {"owner": who, "name": who and f"{who}さん"})


def episode(ended: float | None = None) -> Episode:
    rest: dict[str, Any] = dict.fromkeys(("owner", "owner_name", "owner_email", "assigned_at"))
    end = None if ended is None else MQL + ended * H
    return Episode(1, 1, MQL, MQL, "e", (), **rest, ended_at=end)


@pytest.mark.parametrize(
    ("events", "ended", "found"),
    [
        ([], None, [(None, 0, None)]),
        ([owner(-5, "a")], None, [("a", 0, None)]),
        ([owner(-5, "a"), owner(-1, "b")], None, [("b", 0, None)]),
        ([owner(0, "a")], None, [("a", 0, None)]),
        ([owner(2, "a")], None, [(None, 0, 2), ("a", 2, None)]),
        ([owner(-5, "a"), owner(3, "b")], None, [("a", 0, 3), ("b", 3, None)]),
        ([owner(3, "b"), owner(-5, "a")], None, [("a", 0, 3), ("b", 3, None)]),
        ([owner(-5, "a"), owner(3, "a")], None, [("a", 0, None)]),
        ([owner(-5, "a"), owner(3, None)], None, [("a", 0, 3), (None, 3, None)]),
        ([owner(-5, "a"), owner(9, "b")], 6, [("a", 0, 6)]),
        ([owner(-5, "a"), owner(2, "b")], 6, [("a", 0, 2), ("b", 2, 6)]),
    ],
)
def test_tenures(events: list[Event], ended: float | None, found: list[tuple[str | None, float, float | None]]) -> None:
    told = [
        (each.owner, (each.since - MQL) / H, None if each.until is None else (each.until - MQL) / H)
        for each in tenures(events, episode(ended))
    ]
    assert told == found
