"""Which of the things that sales did count for a handoff, and why the others do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.history import Episode, Event, Touch
from app.domain.policy import FollowUps
from app.domain.touches import Standing, acts_of, attempts
from connectors.contract import EventKind

MQL = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
DUE = MQL + timedelta(hours=24)
H = timedelta(hours=1)
CALL: dict[str, Any] = {"channel": "call", "automated": False}


def act(kind: str, at: datetime, key: str = "e", **data: Any) -> Event:
    return Event(key, EventKind(kind), at, at, data)


def episode(touched: Event | None = None, ended_at: datetime | None = None) -> Episode:
    touch = Touch(touched.occurred_at, touched.id, "call", None, touched.received_at) if touched else None
    return Episode(
        number=1,
        policy_id=1,
        qualified_at=MQL,
        visible_at=MQL,
        completed_by="score",
        findings=(),
        owner=None,
        owner_name=None,
        owner_email=None,
        assigned_at=None,
        touch=touch,
        ended_at=ended_at,
    )


def standings(events: list[Event], mine: Episode, before: datetime | None = None, **agreed: Any) -> list[str]:
    return [a.standing for a in acts_of(events, mine, before, DUE, FollowUps(**agreed))]


@pytest.mark.parametrize(
    ("at", "standing"), [(MQL - H, "in_time"), (DUE, "in_time"), (DUE + timedelta(microseconds=1), "late")]
)
def test_the_act_that_stopped_the_clock(at, standing) -> None:
    call = act("follow_up", at, **CALL)
    assert standings([call], episode(call)) == [standing]


@pytest.mark.parametrize(
    ("event", "standing"),
    [
        (act("follow_up", MQL + H, channel="email", automated=True), Standing.AUTOMATED),
        (act("follow_up", MQL + H, channel="other", automated=False), Standing.NOT_AGREED),
        (act("status", MQL + H, status=None, raw="温度高"), Standing.UNMAPPED),
        (act("status", MQL + H, status="working", raw="Working"), Standing.NOT_AGREED),
        (act("disposition", MQL + H, outcome="rejected"), Standing.NO_REASON),
        (act("disposition", MQL + H, outcome="accepted", reason="?"), Standing.NOT_AGREED),
        (act("follow_up", MQL - H, **CALL), Standing.BEFORE),
        (act("follow_up", MQL + 2 * H, **CALL), Standing.AGAIN),
    ],
)
def test_acts_that_did_not_stop_it(event, standing) -> None:
    assert standings([event], episode()) == [standing]


def test_what_the_policy_leaves_out_does_not_count() -> None:
    done = [
        act("disposition", MQL + H, outcome="rejected"),
        act("opportunity", MQL + H, "o", opportunity="1", state="open"),
    ]
    assert standings(done, episode(), dispositions=False) == [Standing.NOT_AGREED, Standing.NOT_AGREED]


def test_what_a_tool_repeats_and_the_first_status_are_no_acts() -> None:
    told = [
        act("status", MQL + 1 * H, "a", status="new", raw="Open"),
        act("status", MQL + 2 * H, "b", status="contacted", raw="Contacted"),
        act("status", MQL + 3 * H, "c", status="contacted", raw="Contacted"),
        act("opportunity", MQL + 4 * H, "d", opportunity="006", state="open"),
        act("opportunity", MQL + 5 * H, "e", opportunity="006", state="won"),
        act("owner", MQL + 6 * H, "f", owner="x"),
    ]
    assert [a.event.id for a in acts_of(reversed(told), episode(), None, DUE, FollowUps())] == ["b", "d"]


@pytest.mark.parametrize(
    ("at", "mine"),
    [
        (MQL - timedelta(days=31), False),
        (MQL - timedelta(days=30), True),
        (DUE, True),
        (DUE + timedelta(microseconds=1), False),
    ],
)
def test_a_handoff_has_the_acts_between_the_earlier_contact_and_its_end(at, mine) -> None:
    assert len(standings([act("follow_up", at, **CALL)], episode(ended_at=DUE))) == mine


@pytest.mark.parametrize(
    ("at", "mine"), [(MQL - 2 * H, False), (MQL - H, False), (MQL - H + timedelta(seconds=1), True)]
)
def test_what_ended_the_handoff_before_belongs_to_that_one(at, mine) -> None:
    assert len(standings([act("follow_up", at, **CALL)], episode(), before=MQL - H)) == mine


@pytest.mark.parametrize(
    ("events", "tried"),
    [
        ([], 0),
        ([act("follow_up", MQL + H, **CALL)], 1),
        ([act("follow_up", MQL + n * H, f"e{n}", channel="other", automated=False) for n in (1, 2, 3)], 3),
        ([act("follow_up", MQL + H, channel="email", automated=True)], 0),
        # after the lead became MQL, up to the deadline
        ([act("follow_up", MQL, **CALL), act("follow_up", DUE + H, "e2", **CALL)], 0),
        ([act("follow_up", DUE, **CALL)], 1),
        ([act("status", MQL + H, status="working", raw="対応中")], 1),
        (
            [
                act("status", MQL - H, status="working", raw="W"),
                act("status", MQL + H, "e2", status="working", raw="W"),
            ],
            0,
        ),
        ([act("status", MQL + H, status="new", raw="New"), act("status", MQL + 2 * H, "e2", status=None, raw="?")], 0),
        ([act("disposition", MQL + H, outcome="accepted"), act("opportunity", MQL + H, "e2", opportunity="1")], 0),
    ],
)
def test_attempts(events, tried) -> None:
    assert attempts(events, MQL, DUE) == tried


def test_an_attempt_that_was_taken_back_is_none() -> None:
    called = replace(act("follow_up", MQL + H, **CALL), record="call:1")
    gone = replace(act("retracted", MQL + 2 * H, "e2"), record="call:1")
    assert (attempts([called], MQL, DUE), attempts([called, gone], MQL, DUE)) == (1, 0)
