"""A lead's history: the same whatever order, duplication and batches its events come in; and what makes an episode."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.calendar import Calendar
from app.domain.history import (
    STALE,
    Event,
    History,
    can_continue,
    checkpoint,
    episode_as_json,
    episode_from_json,
    from_checkpoint,
    read_history,
)
from app.domain.memory import ROOM
from app.domain.policy import FollowUps, Policies, Policy, PolicyVersion
from app.domain.rules import read_rule
from connectors.contract import EventKind

T0 = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
H = timedelta(hours=1)
WEEK_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPEN_ALWAYS = Calendar(weekly={day: ["00:00-24:00"] for day in WEEK_DAYS})
ARTICLE = {"all": [{"score": {"at_least": 80}}, {"count": {"activity": "download", "at_least": 3}}]}
SCORE_60 = {"score": {"at_least": 60}}
SEMINAR = {"count": {"activity": "seminar", "at_least": 1}}
WEEK = {"count": {"activity": "download", "at_least": 2, "within_days": 7}}


def version(
    id: int, rule: dict[str, Any], *, key: str = "mql", number: int = 1, since: timedelta | None = None, **more: Any
) -> PolicyVersion:
    policy = Policy(key=key, name=key, rule=read_rule(rule), **{"cool_down_days": 0} | more)
    return PolicyVersion(id, number, policy, OPEN_ALWAYS, 1, None if since is None else T0 + since)


POLICIES = Policies([version(1, ARTICLE)])
#: Two kinds of lead, and a stricter second version of one of them from the fifth hour on.
SEVERAL = Policies(
    [
        version(1, SCORE_60, key="hot", rank=10),
        version(2, {"score": {"at_least": 90}}, key="hot", number=2, rank=10, since=5 * H),
        version(3, SEMINAR, key="seminar", rank=20),
        version(4, WEEK, key="warm", rank=30, follow_ups=FollowUps(channels=("meeting",), statuses=())),
    ]
)
ANSWERING = Policies([version(1, ARTICLE, marketing={"answer_hours": 72})])
#: Everything that a policy can want, and a better one above it.
DEMANDING = Policies(
    [
        version(
            1,
            SCORE_60,
            rank=50,
            exclude=read_rule({"attribute": {"name": "industry", "is": "製造"}}),
            reassignment="restart",
            owner_calendars={"rep-2": "other"},
            cool_down_days=0.25,
            next_response_hours=4,
            longest_pause_days=0.5,
            marketing={"answer_hours": 72, "brief": ["name", "owner", "industry"], "brief_hours": 2},
            follow_ups=FollowUps(owner_only=True),
        ),
        version(3, {"score": {"at_least": 95}}, key="enterprise", rank=5, tier_falls="extend"),
    ]
)

_numbers = itertools.count(1)


def event(kind: str, at: timedelta, *, id: str = "", received: timedelta | None = None, **data: Any) -> Event:
    return Event(id or f"e{next(_numbers):04}", EventKind(kind), T0 + at, T0 + (received or at), data)


def download(at: timedelta, n: int = 0, **more: Any) -> Event:
    return event("activity", at, activity="download", asset=f"wp-{n or int(at / H)}", **more)


def score(at: timedelta, value: float, **more: Any) -> Event:
    return event("score", at, score=value, **more)


def follow_up(at: timedelta, channel: str = "call", *, automated: bool = False) -> Event:
    return event("follow_up", at, channel=channel, automated=automated)


def disposition(at: timedelta, outcome: str, reason: str | None = None) -> Event:
    return event("disposition", at, outcome=outcome, **({"reason": reason} if reason else {}))


def status(at: timedelta, canonical: str | None, raw: str = "") -> Event:
    return event("status", at, status=canonical, raw=raw or canonical or "謎")


def owner(at: timedelta, who: str | None) -> Event:
    return event("owner", at, owner=who, **({"name": f"営業 {who}"} if who else {}))


def mql(at: timedelta = 0 * H) -> list[Event]:
    return [*(download(at - n * H, n) for n in (1, 2, 3)), score(at, 86)]


# --- any order, any duplication, any cut

WHAT_IS_SAID: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.one_of(
    st.tuples(st.just("score"), st.fixed_dictionaries({"score": st.sampled_from([20, 59, 60, 79, 80, 95])})),
    st.tuples(
        st.just("activity"),
        st.fixed_dictionaries(
            {"activity": st.sampled_from(["download", "seminar", "visit"]), "asset": st.sampled_from(["a", "b", None])}
        ),
    ),
    st.tuples(st.just("owner"), st.fixed_dictionaries({"owner": st.sampled_from(["rep-1", "rep-2", None])})),
    st.tuples(
        st.just("lead"),
        st.fixed_dictionaries({"name": st.sampled_from(["佐藤", "鈴木"]), "attributes": st.just({"industry": "製造"})}),
    ),
    st.tuples(
        st.just("status"),
        st.sampled_from(["new", "working", "contacted", "qualified", "recycled", "disqualified"]).map(
            lambda word: {"status": word, "raw": word}
        ),
    ),
    st.tuples(
        st.just("follow_up"),
        st.fixed_dictionaries({"channel": st.sampled_from(["call", "meeting", "other"]), "automated": st.booleans()}),
    ),
    st.tuples(
        st.just("disposition"),
        st.fixed_dictionaries(
            {"outcome": st.sampled_from(["accepted", "sql", "rejected", "recycled", "excluded", "restored"])},
            optional={"reason": st.sampled_from(["timing", "budget", "duplicate"])},
        ),
    ),
    st.tuples(
        st.just("opportunity"),
        st.fixed_dictionaries({"opportunity": st.sampled_from(["006-1", "006-2"]), "state": st.just("open")}),
    ),
    st.tuples(
        st.just("pause"),
        st.fixed_dictionaries({"reason": st.just("折り返し")}, optional={"until": st.just((T0 + 30 * H).isoformat())}),
    ),
    st.tuples(st.sampled_from(["resume", "answer", "acknowledged", "retracted"]), st.just({})),
    st.tuples(
        st.just("terms"),
        st.sampled_from([{"policy": 1}, {"policy": 3}, {"burst": 7}, {"start": (T0 + 20 * H).isoformat()}]),
    ),
)
#: Facts that were read from a record: an edit of the record replaces them.
RECORDED = {"follow_up", "retracted"}


@st.composite
def ledgers(draw: st.DrawFn) -> list[Event]:
    """Few hours and many events, so that moments coincide. An id names one fact."""
    said = draw(st.lists(st.tuples(st.integers(0, 40), WHAT_IS_SAID), min_size=1, max_size=25))
    ids = draw(st.permutations(range(len(said))))
    records = draw(st.lists(st.sampled_from([None, "call-1", "call-2"]), min_size=len(said), max_size=len(said)))
    told = [
        event(kind, hours * H, id=f"{number:04}", received=(hours + hours % 3) * H, **data)
        for number, (hours, (kind, data)) in zip(ids, said, strict=True)
    ]
    return [
        replace(e, record=record or f"of {e.id}") if e.kind in RECORDED else e
        for e, record in zip(told, records, strict=True)
    ]


def whole(history: History) -> tuple[Any, ...]:
    return checkpoint(history), [episode_as_json(episode) for episode in history.handoffs]


EITHER = pytest.mark.parametrize("policies", [POLICIES, SEVERAL, DEMANDING], ids=["article", "several", "demanding"])


@EITHER
@given(data=st.data(), events=ledgers())
@settings(max_examples=150, deadline=None)
def test_any_order_gives_the_same_history(policies: Policies, data: st.DataObject, events: list[Event]) -> None:
    assert whole(read_history(data.draw(st.permutations(events)), policies)) == whole(read_history(events, policies))


@EITHER
@given(data=st.data(), events=ledgers())
@settings(max_examples=150, deadline=None)
def test_continued_from_checkpoints_it_is_the_same_history(
    policies: Policies, data: st.DataObject, events: list[Event]
) -> None:
    """As the ledger does it: duplicates stop at their ids, checkpoints are JSON, late events read everything again."""
    arriving = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=5))))
    stored: dict[str, Event] = {}
    kept: dict[str, Any] = {}
    handoffs: dict[tuple[str, int], Any] = {}
    while arriving:
        size = data.draw(st.integers(1, 6))
        new = {e.id: e for e in arriving[:size] if e.id not in stored}
        arriving, stored = arriving[size:], stored | new
        known = from_checkpoint(json.loads(json.dumps(kept)))
        edited = any(e.record and sum(e.record == s.record for s in stored.values()) > 1 for e in new.values())
        if can_continue(known, list(new.values()), policies) and not edited:
            history = read_history(new.values(), policies, known)
        else:
            history, handoffs = read_history(stored.values(), policies), {}
        handoffs |= {e.key: episode_as_json(e) for e in history.handoffs}
        kept = checkpoint(history)
    straight = read_history(events, policies)
    assert kept == checkpoint(straight)
    assert handoffs == {e.key: episode_as_json(e) for e in straight.handoffs}


@given(events=ledgers(), position=st.integers(0, 24))
@settings(max_examples=150, deadline=None)
def test_the_same_activity_under_a_second_id_is_no_second_fact(events: list[Event], position: int) -> None:
    activities = [e for e in events if e.kind is EventKind.ACTIVITY]
    returned = {e.occurred_at for e in events if e.kind in (EventKind.DISPOSITION, EventKind.STATUS)}
    if not activities or (original := activities[position % len(activities)]).occurred_at in returned:
        return
    again = Event(f"{original.id}-again", original.kind, original.occurred_at, original.received_at, original.data)
    once, twice = (read_history(ledger, SEVERAL) for ledger in (events, [*events, again]))
    assert [episode_as_json(e) for e in once.episodes] == [episode_as_json(e) for e in twice.episodes]
    assert once.activities == twice.activities


@given(events=ledgers())
@settings(max_examples=80, deadline=None)
def test_an_episode_survives_json(events: list[Event]) -> None:
    for episode in read_history(events, SEVERAL).episodes:
        assert episode_from_json(json.loads(json.dumps(episode_as_json(episode)))) == episode


def test_a_checkpoint_is_continued_only_in_order_and_under_the_same_policies() -> None:
    first, second = download(1 * H, id="b"), download(2 * H)
    history = read_history([first], POLICIES)
    same_moment = (download(1 * H, id="a"), download(1 * H, id="c"))
    assert can_continue(history, [second], POLICIES)
    assert can_continue(history, [same_moment[1]], POLICIES)
    assert can_continue(history, [], POLICIES)
    assert not can_continue(history, [second, same_moment[0]], POLICIES)
    assert not can_continue(history, [second], SEVERAL)
    assert not can_continue(from_checkpoint(STALE), [], POLICIES)
    assert can_continue(from_checkpoint({}), [first], POLICIES)


# --- what makes an episode

Row = tuple[int, float, str | None, str | None, str | None]


def rows(*events: Event, policies: Policies = POLICIES) -> list[Row]:
    """Each episode: its policy's id, the hour it began, what touched it, its outcome and why it is void."""
    return [
        (e.policy_id, (e.qualified_at - T0) / H, e.touch.kind if e.touch else None, e.outcome, e.void_reason)
        for e in read_history(events, policies).episodes
    ]


BEGUN: Row = (1, 0, None, None, None)
AGAIN = mql(48 * H)
SECOND: Row = (1, 48, None, None, None)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([*mql()[:3]], [], id="no score yet"),
        pytest.param([*mql()[1:]], [], id="two downloads"),
        pytest.param([*mql()], [BEGUN], id="score completes it"),
        pytest.param([score(-9 * H, 80), *mql()[:3]], [(1, -1, None, None, None)], id="a download completes it"),
        pytest.param([*mql(), score(H, 75), score(2 * H, 90)], [BEGUN], id="a dip in between is no second one"),
        pytest.param([score(-9 * H, 90), score(-8 * H, 40), *mql()[:3]], [], id="the score in force counts"),
        pytest.param([*mql(), *AGAIN], [BEGUN], id="not again while it runs"),
        pytest.param([*mql(), follow_up(H), *AGAIN], [(1, 0, "call", None, None)], id="not again after a follow-up"),
        pytest.param(
            [*mql(), disposition(H, "recycled", "timing"), *AGAIN],
            [(1, 0, "disposition:recycled", "recycled", None), SECOND],
            id="again after a return",
        ),
        pytest.param(
            [*mql(), disposition(H, "recycled", "timing"), score(2 * H, 95)],
            [(1, 0, "disposition:recycled", "recycled", None)],
            id="old downloads do not count again",
        ),
        pytest.param(
            [*mql(), disposition(H, "recycled", "timing"), *(download(n * H, n) for n in (2, 3, 4))],
            [(1, 0, "disposition:recycled", "recycled", None)],
            id="the old score does not count again",
        ),
        pytest.param(
            [*mql(), disposition(H, "rejected"), *AGAIN],
            [(1, 0, None, "rejected", "returned_without_reason"), SECOND],
            id="returned without a reason is void",
        ),
        pytest.param(
            [*mql(), follow_up(H), disposition(2 * H, "rejected")],
            [(1, 0, "call", "rejected", None)],
            id="returned without a reason after a call is met",
        ),
        pytest.param(
            [*mql(), disposition(H, "excluded", "competitor")],
            [(1, 0, None, "excluded", "competitor")],
            id="excluded is void",
        ),
        pytest.param(
            [*mql(), follow_up(H), disposition(2 * H, "excluded")],
            [(1, 0, "call", "excluded", "excluded")],
            id="excluded is void even after a call",
        ),
        pytest.param(
            [*mql(), disposition(H, "sql"), disposition(2 * H, "recycled", "timing"), *AGAIN],
            [(1, 0, "disposition:sql", "recycled", None), SECOND],
            id="SQL first, returned later",
        ),
        pytest.param(
            [*mql(), disposition(H, "accepted")], [(1, 0, None, "accepted", None)], id="accepting alone is no contact"
        ),
        pytest.param(
            [*mql(), status(H, "recycled"), *AGAIN],
            [(1, 0, "status:recycled", "recycled", None), SECOND],
            id="a status can return it",
        ),
        pytest.param(
            [*mql()[:3], disposition(-H / 2, "recycled", "timing"), score(0 * H, 86)],
            [],
            id="returned before it was MQL: evidence starts over",
        ),
        pytest.param(
            [
                *mql(),
                event("opportunity", H, opportunity="006", state="open"),
                event("opportunity", 2 * H, opportunity="006", state="won"),
            ],
            [(1, 0, "opportunity", "sql", None)],
            id="an opportunity",
        ),
        pytest.param(
            [
                status(-5 * H, "contacted"),
                *mql(),
                status(H, "contacted"),
            ],
            [BEGUN],
            id="a repeated status says nothing new",
        ),
    ],
)
def test_episodes(events: list[Event], expected: list[Row]) -> None:
    assert rows(*events) == expected


def test_of_one_instant_a_reply_comes_after_what_it_replies_to() -> None:
    """Whatever the ids say: tools tell seconds, and within one a call, the rejection after it and the answer fit."""
    told = [
        event("answer", H, id="a"),
        event("disposition", H, id="b", outcome="rejected", reason="timing"),
        event("follow_up", H, id="c", channel="call", automated=False),
    ]
    history = read_history([*mql(), *told], ANSWERING)
    (handoff,), (owed,) = history.episodes, history.duties
    assert handoff.touch is not None
    assert handoff.touch.event_id == "c"
    assert handoff.outcome == "rejected"
    assert owed.touch is not None
    assert owed.touch.event_id == "a"


@pytest.mark.parametrize(
    ("earlier", "policy", "touch"),
    [
        ([follow_up(-2 * H)], {}, "call"),
        ([follow_up(-30 * 24 * H)], {}, "call"),
        ([follow_up(-30 * 24 * H - timedelta(microseconds=1))], {}, None),
        ([follow_up(-2 * H, "other")], {}, None),
        ([follow_up(-2 * H, automated=True)], {}, None),
        ([follow_up(-50 * H), follow_up(-2 * H, "email")], {}, "email"),
        ([follow_up(-2 * H)], {"earlier_contact_days": 0}, None),
        ([follow_up(-3 * H), follow_up(-2 * H, "other")], {}, "call"),
        ([event("opportunity", -2 * H, opportunity="006", state="open")], {}, "opportunity"),
        ([event("opportunity", -2 * H, opportunity="006", state="open")], {"dispositions": False}, None),
        ([disposition(-2 * H, "sql")], {}, "disposition:sql"),
        ([disposition(-2 * H, "accepted")], {}, None),
        ([status(-2 * H, "contacted")], {}, None),
        ([follow_up(-2 * H)], {"channels": ("meeting",)}, None),
        ([follow_up(-9 * H), disposition(-8 * H, "recycled", "timing")], {}, None),
    ],
)
def test_contact_before_it_was_mql(earlier: list[Event], policy: dict[str, Any], touch: str | None) -> None:
    policies = Policies([version(1, ARTICLE, follow_ups=FollowUps(**policy))])
    assert rows(*earlier, *mql(), policies=policies) == [(1, 0, touch, None, None)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], (None, None, None)),
        ([owner(-5 * H, "rep-1")], ("rep-1", "営業 rep-1", -5)),
        ([owner(3 * H, "rep-1")], ("rep-1", "営業 rep-1", 3)),
        ([owner(-5 * H, "rep-1"), owner(3 * H, "rep-2")], ("rep-2", "営業 rep-2", 3)),
        ([owner(-5 * H, "rep-1"), owner(3 * H, "rep-1")], ("rep-1", "営業 rep-1", -5)),
        ([owner(-5 * H, "rep-1"), owner(3 * H, None)], (None, None, None)),
        ([disposition(2 * H, "recycled", "timing"), owner(3 * H, "rep-1")], (None, None, None)),
    ],
)
def test_whose_it_is(events: list[Event], expected: tuple[str | None, str | None, float | None]) -> None:
    (episode,) = read_history([*mql(), *events], POLICIES).episodes
    hour = (episode.assigned_at - T0) / H if episode.assigned_at else None
    assert (episode.owner, episode.owner_name, hour) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([score(0 * H, 60)], [(1, 0)], id="the first version"),
        pytest.param([score(5 * H - timedelta(microseconds=1), 60)], [(1, 5)], id="just before the second"),
        pytest.param([score(5 * H, 60)], [], id="the second version is stricter"),
        pytest.param([score(5 * H, 90)], [(2, 5)], id="the second version"),
        pytest.param([event("activity", H, activity="seminar")], [(3, 1)], id="another policy"),
        pytest.param(
            [score(5 * H, 60), event("activity", 6 * H, activity="seminar")], [(3, 6)], id="another, after all"
        ),
        pytest.param(
            [event("activity", 6 * H, activity="seminar", id="a"), score(6 * H, 90, id="b")],
            [(3, 6)],
            id="who holds first begins; the other does not take over",
        ),
        pytest.param(
            [score(6 * H, 60), download(6 * H, 1), download(7 * H, 2), score(8 * H, 95)],
            [(4, 7)],
            id="the third policy",
        ),
        pytest.param([download(0 * H, 1), download(7 * 24 * H, 2)], [], id="outside of the window"),
        pytest.param([download(H, 1), download(7 * 24 * H, 2)], [(4, 168)], id="inside of the window"),
        pytest.param(
            [score(0 * H, 60), score(9 * H, 95), disposition(10 * H, "recycled", "x"), score(11 * H, 95)],
            [(1, 0), (2, 11)],
            id="a running handoff keeps its version, the next has the newest",
        ),
    ],
)
def test_the_policy_in_force_by_the_time_of_the_event(events: list[Event], expected: list[tuple[int, float]]) -> None:
    found = [(policy, round(hour, 6)) for policy, hour, *_ in rows(*events, policies=SEVERAL)]
    assert found == expected


def test_of_several_policies_that_hold_the_lowest_rank_wins() -> None:
    both = {"any": [SCORE_60, SEMINAR]}
    policies = Policies(
        [version(1, both, key="b", rank=2), version(2, both, key="a", rank=2), version(3, both, rank=9)]
    )
    assert [row[0] for row in rows(score(0 * H, 60), policies=policies)] == [2]
    disabled = Policies([version(1, both, key="a", enabled=False), version(2, both, key="b")])
    assert [row[0] for row in rows(score(0 * H, 60), policies=disabled)] == [2]


def test_a_running_handoff_is_followed_by_the_rules_of_its_own_version() -> None:
    strict = FollowUps(channels=("meeting",))
    policies = Policies([version(1, ARTICLE), version(2, ARTICLE, number=2, since=H, follow_ups=strict)])
    assert [row[2] for row in rows(*mql(), follow_up(2 * H), policies=policies)] == ["call"]
    assert [row[2] for row in rows(*mql(3 * H), follow_up(4 * H), policies=policies)] == [None]


def test_evidence_names_the_events_and_when_tasuki_could_know() -> None:
    events = [*mql()[:3], score(0 * H, 86, received=2 * H)]
    events[0] = Event("d1", events[0].kind, events[0].occurred_at, T0 + 5 * H, events[0].data)
    (episode,) = read_history(events, POLICIES).episodes
    assert (episode.completed_by, episode.visible_at) == (events[3].id, T0 + 5 * H)
    assert [finding.held for finding in episode.findings] == [True, True]
    assert episode.findings[0].event_ids == (events[3].id,)
    assert set(episode.findings[1].event_ids) == {e.id for e in events[:3]}


# --- how much of the past is kept


def test_a_checkpoint_does_not_grow_with_the_past() -> None:
    quiet = [download(n * H, n) for n in range(2, 2002)]
    short, long = (read_history(quiet[:n], POLICIES) for n in (2 * ROOM, 2000))
    assert len(json.dumps(checkpoint(long))) < 1.1 * len(json.dumps(checkpoint(short)))


@pytest.mark.parametrize(
    ("condition", "needed"),
    [
        ({"activity": "download", "at_least": 3, "asset": "pricing"}, 3),
        ({"activity": "download", "at_least": 3, "topic": "料金"}, 3),
        ({"activity": "seminar", "at_least": 1}, 1),
        ({"activity": "download", "at_least": 4, "distinct": True}, 4),
    ],
)
def test_what_a_rule_asks_for_is_not_forgotten_among_other_things(condition: dict[str, Any], needed: int) -> None:
    """Long ago what counts, then hundreds of the same kind that do not, and clicks of a machine."""
    policies = Policies([version(1, {"all": [{"score": {"at_least": 80}}, {"count": condition}]})])
    assets = ["pricing"] * 4 if "asset" in condition else ["a", "b", "c", "d"]
    counts = [
        event("activity", n * H, activity=condition["activity"], asset=assets[n], topics=["料金"])
        for n in range(needed)
    ]
    noise = [event("activity", (10 + n) * H, activity="download", asset="a", topics=["採用"]) for n in range(300)]
    clicks = [
        event("activity", 400 * H + n * timedelta(seconds=1), activity="download", asset=assets[0]) for n in range(200)
    ]
    (episode,) = read_history([*counts, *noise, *clicks, score(500 * H, 90)], policies).episodes
    assert episode.findings[1].held


def test_a_rule_that_asks_for_more_than_usual_is_answered() -> None:
    policies = Policies([version(1, {"count": {"activity": "visit", "at_least": 3 * ROOM}})])
    visits = [event("activity", n * H, activity="visit") for n in range(3 * ROOM)]
    assert [e.qualified_at for e in read_history(visits, policies).episodes] == [visits[-1].occurred_at]
