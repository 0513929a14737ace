"""What became of leads: which handoff a decision belongs to, and what counts once however often it is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.episode import Event
from app.domain.funnel import NO_HANDOFF, Begun, Funnel, read_funnel, says_something
from connectors.contract import EventKind

MONDAY = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
#: Two handoffs: on day 0 and on day 20.
HANDOFFS = [Begun(1, MONDAY, frozenset({"d1", "d2"})), Begun(2, MONDAY + timedelta(days=20))]
NUMBERS = count(1)


def day(number: float) -> datetime:
    return MONDAY + timedelta(days=number)


def said(kind: str, at: float, record: str | None = None, **data: Any) -> Event:
    return Event(f"e{next(NUMBERS):04}", EventKind(kind), day(at), day(at), data, record=record, revised_at=None)


def decided(outcome: str, at: float, **data: Any) -> Event:
    return said("disposition", at, outcome=outcome, **data)


def deal(key: str, state: str, at: float, **data: Any) -> Event:
    return said("opportunity", at, opportunity=key, state=state, **data)


def status(raw: str, meaning: str | None, at: float) -> Event:
    return said("status", at, raw=raw, status=meaning)


def sqls(funnel: Funnel) -> dict[int, datetime]:
    return {one.number: one.sql_at for one in funnel.progress if one.sql_at}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([decided("sql", 3)], {1: day(3)}),
        ([decided("sql", 25)], {2: day(25)}),
        ([decided("sql", -1)], {NO_HANDOFF: day(-1)}),
        ([decided("sql", 3), decided("sql", 5)], {1: day(3)}),
        ([status("SQL", "qualified", 4)], {1: day(4)}),
        ([status("SQL", "qualified", 4), status("戻し", "working", 5), status("SQL", "qualified", 6)], {1: day(4)}),
        ([status("SQL", "qualified", 4), status("SQL", "qualified", 22)], {1: day(4)}),  # the tool repeats it
        ([status("何か", None, 4)], {}),
        ([deal("D1", "open", 7)], {1: day(7)}),
        ([decided("sql", 9), deal("D1", "open", 7)], {1: day(7)}),
        ([decided("accepted", 2), decided("rejected", 3, reason="routing")], {}),
    ],
)
def test_a_handoff_becomes_sql_once(events: list[Event], expected: dict[int, datetime]) -> None:
    assert sqls(read_funnel(events, HANDOFFS)) == expected


def test_decisions_with_their_reasons() -> None:
    events = [
        decided("accepted", 1),
        decided("recycled", 4, reason="timing"),
        decided("rejected", 21, reason="routing"),
    ]
    first, second = read_funnel(events, HANDOFFS).progress
    assert (first.accepted_at, first.returned_at, first.reason) == (day(1), day(4), "timing")
    assert (second.rejected_at, second.reason, second.returned_at) == (day(21), "routing", None)


@pytest.mark.parametrize(
    ("events", "state", "closed"),
    [
        ([deal("D", "open", 3)], "open", None),
        ([deal("D", "open", 3), deal("D", "won", 8)], "won", day(8)),
        ([deal("D", "won", 8)], "won", day(8)),
        ([deal("D", "open", 3), deal("D", "won", 8), deal("D", "won", 11, stage="edited")], "won", day(8)),
        ([deal("D", "won", 8), deal("D", "open", 9)], "open", None),
        ([deal("D", "won", 8), deal("D", "open", 9), deal("D", "won", 12)], "won", day(12)),
        ([deal("D", "lost", 5)], "lost", day(5)),
    ],
)
def test_an_opportunity_closed_when_it_was_first_said_to_be(
    events: list[Event], state: str, closed: datetime | None
) -> None:
    (found,) = read_funnel(events, HANDOFFS).opportunities
    assert (found.state, found.closed_at, found.number) == (state, closed, 1)


def test_an_opportunity_keeps_what_it_was_last_called_and_belongs_to_the_handoff_before_it() -> None:
    events = [
        deal("A", "open", 21, amount=100.0, name="原価管理"),
        deal("A", "won", 30, amount=120.0),
        deal("B", "open", -3),
    ]
    by_key = {one.key: one for one in read_funnel(events, HANDOFFS).opportunities}
    assert (by_key["A"].amount, by_key["A"].name, by_key["A"].number) == (120.0, "原価管理", 2)
    assert by_key["B"].number == NO_HANDOFF


def test_the_content_of_a_handoff_is_the_last_of_its_evidence() -> None:
    """What was read besides, or after, did not make the lead MQL."""
    read = [
        Event(name, EventKind.ACTIVITY, day(at), day(at), {"activity": "download", **data})
        for name, at, data in (
            ("d1", -2, {"title": "料金表"}),
            ("d2", -1, {"asset": "wp-2"}),
            ("other", -0.5, {"title": "会社案内"}),
        )
    ]
    assert [one.content for one in read_funnel(read, HANDOFFS).progress] == ["wp-2", None]
    assert [one.content for one in read_funnel(read[:1], HANDOFFS).progress] == ["料金表", None]


def test_the_first_known_origin_stays() -> None:
    profiles = [said("lead", at, attributes={"lead_source": word}) for at, word in ((2, "Web"), (1, "展示会"), (3, ""))]
    found = read_funnel([*profiles, said("lead", 4, attributes={"campaign": "秋の展示会"})], HANDOFFS)
    assert (found.source, found.campaign) == ("展示会", "秋の展示会")
    assert [says_something(profile) for profile in profiles] == [True, True, False]
    assert not says_something(said("lead", 1, name="佐藤"))


def test_who_is_out_does_not_count_until_taken_back() -> None:
    out = decided("excluded", 2, reason="competitor")
    assert read_funnel([out], HANDOFFS).excluded == "competitor"
    assert read_funnel([out, decided("restored", 3)], HANDOFFS).excluded is None


def test_a_record_that_was_edited_or_deleted_counts_as_it_is_now() -> None:
    first, later = (said("disposition", at, record="r1", outcome="sql") for at in (3, 6))
    later = Event(later.id, later.kind, later.occurred_at, day(7), later.data, record="r1")
    assert sqls(read_funnel([first, later], HANDOFFS)) == {1: day(6)}
    gone = Event("gone", EventKind.RETRACTED, day(8), day(8), {}, record="r1")
    assert sqls(read_funnel([first, later, gone], HANDOFFS)) == {}


@given(st.permutations(range(9)))
def test_the_order_of_arrival_does_not_matter(order: list[int]) -> None:
    made = [
        Event(f"e{number}", EventKind(kind), day(at), day(at), data)
        for number, (kind, at, data) in enumerate(
            [
                ("lead", 0, {"attributes": {"lead_source": "Web"}}),
                ("disposition", 1, {"outcome": "accepted"}),
                ("status", 2, {"raw": "SQL", "status": "qualified"}),
                ("opportunity", 3, {"opportunity": "A", "state": "open"}),
                ("opportunity", 9, {"opportunity": "A", "state": "lost"}),
                ("disposition", 10, {"outcome": "recycled", "reason": "timing"}),
                ("status", 21, {"raw": "再", "status": "working"}),
                ("opportunity", 22, {"opportunity": "B", "state": "open"}),
                ("opportunity", 29, {"opportunity": "B", "state": "won"}),
            ]
        )
    ]
    found, usual = read_funnel([made[place] for place in order], HANDOFFS), read_funnel(made, HANDOFFS)
    assert found.progress == usual.progress
    assert sorted(found.opportunities, key=lambda one: one.key) == sorted(usual.opportunities, key=lambda one: one.key)
    assert (found.source, found.excluded) == (usual.source, usual.excluded)
