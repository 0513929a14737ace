"""What is said in a meeting and what it comes to: stages, times on items, corrections, what can be said when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.refusals import Refused
from app.domain.run import ALLOWED, NOTHING, Entry, Presence, Run, Said, Stage, check, read_run

START = datetime(2026, 9, 24, 1, tzinfo=UTC)
ITEMS = 9


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def entries(*said: tuple[float, str, dict[str, Any]]) -> list[Entry]:
    made = []
    for number, (minutes, kind, more) in enumerate(said, 1):
        known = {name: more.pop(name) for name in ("item", "text", "by") if name in more}
        made.append(Entry(number, at(minutes), known.pop("by", "伊藤"), Said(kind), data=more, **known))
    return made


def run(*said: tuple[float, str, dict[str, Any]], now: float = 30) -> Run:
    return read_run(entries(*said), at(now))


def minutes(found: Run) -> dict[int, float]:
    return {item: spent / timedelta(minutes=1) for item, spent in found.spent.items()}


@pytest.mark.parametrize(
    ("said", "stage", "current", "spent"),
    [
        ([], Stage.COMING, None, {}),
        ([(-60, "topic", {"text": "展示会"})], Stage.COMING, None, {}),
        ([(0, "started", {})], Stage.RUNNING, 1, {1: 30}),
        ([(0, "started", {}), (10, "visited", {"item": 2})], Stage.RUNNING, 2, {1: 10, 2: 20}),
        (
            [(0, "started", {}), (10, "visited", {"item": 2}), (12, "visited", {"item": 1})],
            Stage.RUNNING,
            1,
            {1: 28, 2: 2},
        ),
        (
            [(0, "started", {"item": 3}), (10, "visited", {"item": 7}), (25, "closed", {})],
            Stage.CLOSED,
            None,
            {3: 10, 7: 15},
        ),
        # Another process's clock is a little ahead of ours: no time is negative.
        ([(0, "started", {}), (40, "visited", {"item": 2})], Stage.RUNNING, 2, {1: 40, 2: 0}),
    ],
)
def test_how_far_it_is(said, stage, current, spent) -> None:
    found = run(*said)
    assert (found.stage, found.current, minutes(found)) == (stage, current, spent)


def test_what_stands_is_corrected_and_without_what_was_taken_back() -> None:
    found = run(
        (0, "started", {}),
        (1, "note", {"item": 1, "text": "MQLは12件"}),
        (2, "note", {"item": 1, "text": "消す"}),
        (3, "corrected", {"entry": 2, "text": "MQLは13件"}),
        (4, "corrected", {"entry": 2, "text": "MQLは14件"}),
        (5, "retracted", {"entry": 3}),
    )
    assert [(e.id, e.text, e.at) for e in found.of(Said.NOTE)] == [(2, "MQLは14件", at(1))]


def test_tasks_ratings_ticks_and_who_is_there() -> None:
    found = run(
        (0, "started", {}),
        (1, "task", {"text": "料金表を配る"}),
        (2, "task", {"text": "名寄せ"}),
        (3, "taken", {"entry": 2, "action": 12}),
        (4, "rated", {"rating": 3, "by": "伊藤"}),
        (5, "rated", {"rating": 5, "by": "伊藤"}),
        (6, "rated", {"rating": 2, "by": "田中"}),
        (7, "ticked", {"point": 11, "text": "別会議"}),
        (8, "attendance", {"email": "Ito@Example.jp", "presence": "absent"}),
        (9, "attendance", {"email": "ito@example.jp", "presence": "present"}),
    )
    assert [e.text for e in found.open_tasks] == ["名寄せ"]
    assert {who: e.data["rating"] for who, e in found.ratings.items()} == {"伊藤": 5, "田中": 2}
    assert {point: e.text for point, e in found.ticked.items()} == {11: "別会議"}
    assert found.presence == {"ito@example.jp": Presence.PRESENT}


RUNNING = run((0, "started", {}), (1, "note", {"item": 1, "text": "x"}), (2, "note", {"text": "y"}),
              (3, "retracted", {"entry": 3}))  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "more", "place"),
    [
        ("note", {"text": "ある"}, None),
        ("note", {"text": " \n"}, "/text"),
        ("visited", {}, "/item"),
        ("visited", {"item": 9}, None),
        ("visited", {"item": 10}, "/item"),
        ("note", {"text": "ある", "item": 0}, "/item"),
        ("nothing", {}, "/item"),
        ("corrected", {"text": "直し", "data": {"entry": 2}}, None),
        ("corrected", {"text": "", "data": {"entry": 2}}, "/text"),
        ("corrected", {"text": "直し", "data": {"entry": 3}}, "/entry"),
        ("retracted", {"data": {"entry": 99}}, "/entry"),
        ("rated", {"data": {"rating": 5}}, None),
        ("rated", {"data": {"rating": 6}}, "/rating"),
        ("rated", {"data": {"rating": "5"}}, "/rating"),
        ("ticked", {"text": "別会議", "data": {"point": 16}}, None),
        ("ticked", {"text": "別会議", "data": {"point": 17}}, "/point"),
        ("started", {}, "/kind"),
    ],
)
def test_what_can_be_said_while_it_runs(kind, more, place) -> None:
    entry = Entry(0, at(5), "伊藤", Said(kind), **more)
    if place is None:
        check(entry, RUNNING, ITEMS)
        return
    with pytest.raises(Refused) as why:
        check(entry, RUNNING, ITEMS)
    assert [r.place for r in why.value.refusals] == [place]


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("kind", list(Said))
def test_what_can_be_said_when(stage, kind) -> None:
    before = {
        Stage.COMING: [],
        Stage.RUNNING: [(0, "started", {})],
        Stage.CLOSED: [(0, "started", {}), (9, "closed", {})],
    }
    found = run(*[(0, "note", {"text": "x"}), *before[stage]])
    entry = Entry(0, at(10), "伊藤", kind, 1, "ある", {"entry": 1, "rating": 4, "point": 3, "minutes": 5})
    if kind in ALLOWED[stage]:
        check(entry, found, ITEMS)
        return
    with pytest.raises(Refused) as why:
        check(entry, found, ITEMS)
    assert why.value.refusals[0].place == "/kind"


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, ITEMS)), max_size=12), st.integers(0, 120))
def test_the_times_on_items_add_up_to_the_meeting(visits, end) -> None:
    visits = sorted((minutes, item) for minutes, item in visits if minutes <= end)
    said = [(0, "started", {}), *((minutes, "visited", {"item": item}) for minutes, item in visits)]
    found = run(*said, (end, "closed", {}))
    assert sum(found.spent.values(), NOTHING) == timedelta(minutes=end)
