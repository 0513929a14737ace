"""Facts end in settled handoffs, in whatever order they come."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.db import Database
from app.flows import rebuild, sweep
from app.flows.policies import Cache
from app.models import HANDED_OVER, Alert, Handoff, Lead, LeadIdentity, VerdictChange
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import MA, fact, mql

H = timedelta(hours=1)
SFA = ExternalId("salesforce", "00Q5i000001AbcdEAA")
MAIL = ExternalId("email", "sato@yamada.example")


def handoffs(database: Database) -> list:
    with database.read() as c:
        return list(c.execute(select(Handoff.__table__).where(HANDED_OVER).order_by(Handoff.lead_id, Handoff.number)))


def test_a_lead_becomes_mql_nobody_follows_up_and_it_breaches_at_the_deadline(database, apply) -> None:
    apply(mql(FRIDAY), FRIDAY)
    (handoff,) = handoffs(database)
    assert (handoff.verdict, handoff.qualified_at, handoff.due_at) == ("on_track", FRIDAY, FRIDAY + 24 * H)
    assert sweep.run(database, Cache(), FRIDAY + 17 * H) == 0
    sweep.run(database, Cache(), FRIDAY + 18 * H)
    assert handoffs(database)[0].verdict == "at_risk"
    sweep.run(database, Cache(), FRIDAY + 24 * H)
    assert handoffs(database)[0].verdict == "at_risk", "exactly at the deadline there is still time"
    sweep.run(database, Cache(), FRIDAY + 30 * H)
    (handoff,) = handoffs(database)
    assert (handoff.verdict, handoff.verdict_at, handoff.check_again_at) == ("breached", FRIDAY + 24 * H, None)
    with database.read() as c:
        changes = c.execute(select(VerdictChange.previous, VerdictChange.verdict).order_by(VerdictChange.id)).all()
        owed = c.execute(select(Alert.reason, Alert.channel, Alert.recipient).order_by(Alert.id)).all()
    assert changes == [(None, "on_track"), ("on_track", "at_risk"), ("at_risk", "breached")]
    assert set(owed) == {
        (reason, channel, to)
        for reason in ("at_risk", "breached")
        for channel, to in (("slack", "default"), ("email", "owner"))
    }
    assert rebuild.check(database, FRIDAY + 30 * H) == []


@pytest.mark.parametrize(
    ("follow_up", "verdict"),
    [
        ({"kind": "follow_up", "channel": "call", "automated": False}, "met"),
        ({"kind": "follow_up", "channel": "email", "automated": True}, "breached"),
        ({"kind": "owner", "owner": "rep-1"}, "breached"),
        ({"kind": "status", "status": "contacted", "raw": "Working - Contacted"}, "met"),
        ({"kind": "status", "status": "working", "raw": "Working"}, "breached"),
        ({"kind": "status", "status": None, "raw": "謎"}, "breached"),
        ({"kind": "disposition", "outcome": "accepted"}, "breached"),
        ({"kind": "disposition", "outcome": "sql"}, "met"),
        ({"kind": "disposition", "outcome": "rejected", "reason": "routing"}, "met"),
        ({"kind": "disposition", "outcome": "rejected"}, "voided"),
        ({"kind": "disposition", "outcome": "excluded", "reason": "competitor"}, "voided"),
        ({"kind": "opportunity", "opportunity": "006", "state": "open"}, "met"),
    ],
)
def test_what_stops_the_clock(database, apply, follow_up, verdict) -> None:
    apply(mql(FRIDAY), FRIDAY)
    apply([fact(at=FRIDAY + H, **follow_up)], FRIDAY + H)
    sweep.run(database, Cache(), FRIDAY + 25 * H)
    assert handoffs(database)[0].verdict == verdict
    assert rebuild.check(database, FRIDAY + 25 * H) == []


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(23 * H, "met"), (24 * H, "met"), (24 * H + timedelta(microseconds=1), "met_late"), (-3 * H, "met")],
)
def test_when_it_was_in_time(database, apply, after, verdict) -> None:
    apply(mql(FRIDAY), FRIDAY)
    apply([fact("follow_up", FRIDAY + after, channel="call", automated=False)], FRIDAY + max(after, H))
    assert handoffs(database)[0].verdict == verdict


def test_a_call_that_was_logged_late_withdraws_the_breach(database, apply) -> None:
    apply(mql(FRIDAY), FRIDAY)
    sweep.run(database, Cache(), FRIDAY + 25 * H)
    apply([fact("follow_up", FRIDAY + 23 * H, channel="call", automated=False)], FRIDAY + 26 * H)
    assert handoffs(database)[0].verdict == "met"
    with database.read() as c:
        assert c.execute(select(Alert.id).where(Alert.reason == "withdrawn")).all()
    assert rebuild.check(database, FRIDAY + 26 * H) == []


def test_recycled_and_qualified_again_is_a_second_handoff(database, apply) -> None:
    apply(mql(FRIDAY), FRIDAY)
    apply([fact("disposition", FRIDAY + H, outcome="recycled", reason="timing")], FRIDAY + H)
    apply([fact("score", FRIDAY + 2 * H, score=90)], FRIDAY + 2 * H)
    assert len(handoffs(database)) == 1, "the old downloads do not count again"
    apply(mql(FRIDAY + 300 * H), FRIDAY + 300 * H)
    first, second = handoffs(database)
    assert (first.verdict, first.number, second.verdict, second.number) == ("met", 1, "on_track", 2)


def test_a_repeated_status_is_no_follow_up_of_the_next_handoff(database, apply) -> None:
    said = {"kind": "status", "status": "contacted", "raw": "Working - Contacted"}
    apply(mql(FRIDAY), FRIDAY)
    apply([fact(at=FRIDAY + H, **said)], FRIDAY + H)
    apply([fact("disposition", FRIDAY + 2 * H, outcome="recycled", reason="timing")], FRIDAY + 2 * H)
    apply(mql(FRIDAY + 300 * H), FRIDAY + 300 * H)
    apply([fact(at=FRIDAY + 301 * H, **said)], FRIDAY + 301 * H)
    assert [row.verdict for row in handoffs(database)] == ["met", "on_track"]


def test_a_late_event_moves_the_moment_and_the_deadline(database, apply) -> None:
    facts = mql(FRIDAY)
    apply(facts[:3], FRIDAY)
    apply([fact("score", FRIDAY, score=86)], FRIDAY)
    apply([fact("score", FRIDAY - 30 * H, score=82)], FRIDAY + H)
    (handoff,) = handoffs(database)
    assert handoff.qualified_at == FRIDAY - H, "the third download completed it"
    assert handoff.due_at == FRIDAY + 23 * H


def test_two_tools_one_address_one_person(database, apply) -> None:
    apply([fact("lead", FRIDAY, lead=(MA, MAIL), name="佐藤 翔太", company="山田製作所")], FRIDAY)
    apply([fact("lead", FRIDAY, lead=(SFA, MAIL), url="https://sfa.example/00Q")], FRIDAY)
    with database.read() as c:
        leads = c.execute(select(Lead.name, Lead.company, Lead.url)).all()
        assert len(set(c.execute(select(LeadIdentity.lead_id)).scalars())) == 1
    assert leads == [("佐藤 翔太", "山田製作所", "https://sfa.example/00Q")]


def story() -> list:
    """One lead's events in two tools, with a return, a second qualification and links between the ids."""
    first = mql(FRIDAY)
    again = mql(FRIDAY + 260 * H, lead=(SFA,))
    return [
        *first,
        *again,
        fact("lead", FRIDAY - 9 * H, lead=(MA, MAIL), name="佐藤"),
        fact("lead", FRIDAY - 8 * H, lead=(SFA, MAIL), company="山田製作所"),
        fact("owner", FRIDAY + H, lead=(SFA,), owner="rep-1", name="田中"),
        fact("follow_up", FRIDAY + 3 * H, lead=(SFA,), channel="call", automated=False, by="rep-1"),
        fact("disposition", FRIDAY + 30 * H, lead=(SFA,), outcome="recycled", reason="timing"),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_any_order_and_any_duplication_end_in_the_same_state(database, apply, seed) -> None:
    chance, facts = random.Random(seed), story()
    shuffled = facts + chance.choices(facts, k=6)
    chance.shuffle(shuffled)
    now = FRIDAY + 300 * H
    while shuffled:
        size = chance.randint(1, 4)
        apply(shuffled[:size], now)
        del shuffled[:size]
    sweep.run(database, Cache(), now)
    assert [outcome(row) for row in handoffs(database) if row.verdict != "voided"] == [
        (1, "met", FRIDAY, FRIDAY + 24 * H, "rep-1", FRIDAY + 3 * H),
        (2, "breached", FRIDAY + 260 * H, FRIDAY + 284 * H, "rep-1", None),
    ]
    assert rebuild.check(database, now) == []


def outcome(row) -> tuple[int, str, datetime, datetime, str, datetime | None]:
    number = row.episode["number"]
    return (number, row.verdict, row.qualified_at, row.due_at, row.owner, row.touched_at)


def test_a_record_that_was_deleted_without_saying_whose_it_was_is_taken_back_from_everybody(database, apply) -> None:
    other = ExternalId("hubspot", "502")
    for lead in (MA, other):
        apply(mql(FRIDAY, lead=(lead,)), FRIDAY)
        call = fact("follow_up", FRIDAY + H, lead=(lead,), channel="call", automated=False)
        apply([replace(call, event=replace(call.event, record="calls:9", revised_at=FRIDAY + H))], FRIDAY + H)
    assert [row.verdict for row in handoffs(database)] == ["met", "met"]
    gone = fact("retracted", FRIDAY + 2 * H, lead=(), reason="deleted")
    apply([replace(gone, event=replace(gone.event, record="calls:9", revised_at=FRIDAY + 2 * H))], FRIDAY + 2 * H)
    assert [row.verdict for row in handoffs(database)] == ["on_track", "on_track"]
    unknown = fact("retracted", FRIDAY + 2 * H, lead=())
    assert apply([replace(unknown, event=replace(unknown.event, record="calls:404"))], FRIDAY + 2 * H) == 0
    assert rebuild.check(database, FRIDAY + 2 * H) == []
