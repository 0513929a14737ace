"""Verdicts that are put right after weeks: whoever was told hears of it, and history is not news."""

from __future__ import annotations

import pytest

from app.domain.alerting import TOO_OLD
from tests.clock.world import World

START, DUE = "2026-06-09 10:00", "2026-06-10 10:00"
#: More than TOO_OLD after the deadline.
WEEKS_LATER = "2026-06-24 11:00"


def told(world: World, reason: str) -> list[str]:
    return sorted(channel for why, channel in world.told("sato") if why == reason)


def test_a_breach_that_was_told_is_withdrawn_however_late_the_call_is_known(world: World) -> None:
    world.mql("sato", START)
    world.at(WEEKS_LATER)
    assert told(world, "breached") == ["email", "slack"]
    world.call("sato", "2026-06-10 09:00")
    world.later(minutes=1)
    assert (world.verdict("sato"), told(world, "withdrawn")) == ("met", ["email", "slack"])
    assert "6/10(水) 09:00" in world.heard_of("sato")[-1].words


def test_a_breach_whose_late_call_turns_out_to_have_been_in_time_is_withdrawn(world: World) -> None:
    world.mql("sato", START)
    world.at("2026-06-10 12:00")
    said = world.record("sato", "follow_up", channel="call")
    world.later(minutes=1)
    assert (world.verdict("sato"), told(world, "breached")) == ("met_late", ["email", "slack"])
    in_time = {"occurred_at": world.moment("09:00").isoformat()}
    assert world.ask("PATCH", f"/v1/follow-ups/{said['event_id']}", json=in_time).status_code == 200
    world.later(minutes=1)
    assert (world.verdict("sato"), told(world, "withdrawn")) == ("met", ["email", "slack"])


def test_a_late_call_that_turns_out_to_have_been_in_time_withdraws_nothing_that_nobody_heard_of(world: World) -> None:
    world.mql("sato", START)
    world.clock.now = world.moment("2026-06-10 12:00")
    said = world.record("sato", "follow_up", channel="call")
    assert world.verdict("sato") == "met_late"
    world.later(minutes=1)
    in_time = {"occurred_at": world.moment("09:00").isoformat()}
    assert world.ask("PATCH", f"/v1/follow-ups/{said['event_id']}", json=in_time).status_code == 200
    world.later(minutes=1)
    assert world.verdict("sato") == "met"
    assert [each["reason"] for each in world.explain("sato")["alerts"]] == []


def test_a_breach_that_comes_about_weeks_later_is_told_once(world: World) -> None:
    """The call that met it is deleted in the tool."""
    record = {"record": "calls/1", "revised_at": world.moment("2026-06-09 15:00").isoformat()}
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    world.call("sato", **record)
    world.at(WEEKS_LATER)
    assert (world.verdict("sato"), world.heard) == ("met", [])
    world.send(world.fact("retracted", "sato", record="calls/1", revised_at=world.clock().isoformat()))
    world.later(minutes=1)
    assert (world.verdict("sato"), told(world, "breached")) == ("breached", ["email", "slack"])
    (slack,) = world.heard_of("sato")
    assert slack.message.title.startswith("【期限超過 14日1時間】")
    world.later(days=2)
    assert len(world.heard_of("sato")) == 1


@pytest.mark.parametrize(("before", "heard"), [(TOO_OLD, 1), (TOO_OLD * 2, 0)])
def test_what_was_long_over_when_the_tools_told_of_it_is_no_news(world: World, before, heard) -> None:
    now = world.at("2026-06-24 10:00")
    world.owner("sato", "tanaka", now - before * 2)
    world.becomes_mql("sato", now - before - (world.moment(DUE) - world.moment(START)))
    world.later(minutes=1)
    assert (world.verdict("sato"), len(world.heard_of("sato"))) == ("breached", heard)
    world.call("sato", now - before)
    world.later(minutes=1)
    assert (world.verdict("sato"), len(world.heard_of("sato"))) == ("met", heard * 2)
