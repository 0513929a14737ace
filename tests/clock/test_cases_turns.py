"""Cases 17 to 24 of the clock: pause, reassign, reopen, recycle."""

from __future__ import annotations

import pytest

from tests.clock.world import WEEK, World

START, DUE = "2026-06-09 10:00", "2026-06-10 10:00"


def shares(world: World, lead: str) -> list[tuple[str | None, float]]:
    """Hours of each owner who had some."""
    owners = world.explain(lead)["owners"]
    return [(each["owner"], each["used_seconds"] / 3600) for each in owners if each["used_seconds"]]


@pytest.mark.parametrize(
    ("begins", "until", "due"),
    [
        ("2026-06-09 14:00", "2026-06-09 16:00", "2026-06-10 12:00"),  # two hours inside
        ("2026-06-09 17:00", "2026-06-10 10:00", "2026-06-10 12:00"),  # over night: an hour each
        ("2026-06-09 20:00", "2026-06-10 07:00", "2026-06-10 10:00"),  # outside hours it adds nothing
        ("2026-06-09 16:00", "2026-06-20 12:00", "2026-06-22 12:00"),  # to a Saturday
    ],
)
def test_case_17_a_pause_is_counted_in_working_time(world: World, begins, until, due) -> None:
    """Paused time is measured in working time and added to the target; outside hours it adds 0."""
    world.policy(clock="business_hours", target=9)
    world.mql("sato", START)
    assert world.due("sato") == DUE
    world.at(begins)
    world.pause("sato", until)
    assert world.due("sato") == due
    lines = world.explain("sato")["receipt"]["text_ja"]
    assert any("一時停止(折り返しのご希望)" in line for line in lines)
    world.at(world.moment(due))
    assert world.verdict("sato") == "at_risk"
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"until": "2026-06-09T18:00:00+09:00"}, "/reason"),
        ({"reason": " ", "until": "2026-06-09T18:00:00+09:00"}, "/reason"),
        ({"reason": "折り返し", "until": "2026-06-09T10:30:00+09:00"}, "/until"),
        ({"reason": "折り返し", "until": "明日"}, "/until"),
    ],
)
def test_case_17_a_pause_needs_a_reason_and_an_end_after_its_beginning(world: World, said, pointer) -> None:
    """Needs reason and end; what makes no sense is refused with a problem document, and nothing moves."""
    world.mql("sato", START)
    world.at("2026-06-09 11:00")
    answer = world.ask("POST", "/v1/follow-ups", json={"lead_id": world.lead("sato")["id"], "kind": "pause"} | said)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert world.due("sato") == DUE


def test_case_17_a_wait_that_ends_early_gives_back_only_what_was_waited(world: World) -> None:
    """Resume: the clock goes on before the pause's own end."""
    world.policy(clock="business_hours", target=9)
    world.mql("sato", START)
    world.at("2026-06-09 14:00")
    world.pause("sato", "2026-06-12 10:00")
    world.at("2026-06-09 15:00")
    world.record("sato", "resume")
    assert world.due("sato") == "2026-06-10 11:00"


@pytest.mark.parametrize("set_back", [False, True])
def test_case_18_a_pause_that_is_set_after_the_deadline_heals_nothing(world: World, set_back) -> None:
    """Pause set after the deadline → cannot heal the breach, whatever time it is said to have begun."""
    world.mql("sato", START)
    world.at("2026-06-10 11:00")
    assert world.verdict("sato") == "breached"
    world.pause("sato", "2026-06-10 16:00", at="2026-06-10 09:00" if set_back else None)
    assert (world.verdict("sato"), world.due("sato")) == ("breached", DUE)
    assert world.on_agenda("sato") is not None
    world.at("2026-06-10 15:00")
    world.call("sato")
    assert world.verdict("sato") == "met_late"


def test_case_18_overlapping_pauses_are_one(world: World) -> None:
    """Overlapping pauses are unioned: 14-16 and 15-17 are three hours."""
    world.policy(clock="business_hours", target=9)
    world.mql("sato", START)
    world.at("2026-06-09 14:00")
    world.pause("sato", "16:00")
    world.at("2026-06-09 15:00")
    world.pause("sato", "17:00")
    assert world.due("sato") == "2026-06-10 13:00"
    world.pause("sato", "16:30")
    assert world.due("sato") == "2026-06-10 13:00", "one inside another adds nothing"


@pytest.mark.parametrize(("longest", "due"), [(30, "2026-07-10 10:00"), (2, "2026-06-12 10:00")])
def test_case_19_a_pause_without_an_end_ends_by_itself(world: World, longest, due) -> None:
    """Pause without end → auto-resume after max (policy switch `longest_pause_days`)."""
    world.policy(longest_pause_days=longest)
    world.mql("sato", START)
    world.at("2026-06-09 14:00")
    world.pause("sato")
    assert world.due("sato") == due
    (reported,) = world.to_mend("open_ended_pauses")
    assert [each["handoff_id"] for each in reported["handoffs"]] == [world.handoff("sato")["id"]]
    assert reported["owner"] == "田中 舞"
    world.at(world.moment(due))
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"


def test_case_20_a_reassignment_goes_on_and_the_time_is_split(world: World) -> None:
    """Reassign → continue (default; the customer's view), elapsed split per owner."""
    begun = world.mql("sato", START)
    world.at("2026-06-09 16:00")
    world.owner("sato", "suzuki")
    handoff = world.handoff("sato")
    assert (handoff["due_at"], handoff["owner"]["id"]) == (begun["due_at"], "suzuki")
    world.at("2026-06-10 09:00")
    world.call("sato", by="鈴木 一郎")
    assert shares(world, "sato") == [("tanaka", 6.0), ("suzuki", 17.0)]
    assert world.verdict("sato") == "met"


@pytest.mark.parametrize(("at_most", "dues"), [(1, ["10 16:00", "10 16:00"]), (2, ["10 16:00", "10 20:00"])])
def test_case_20_a_new_owner_begins_again_where_that_is_agreed(world: World, at_most, dues) -> None:
    """Policy switch `reassignment: restart` with its cap; the elapsed time is split per owner all the same."""
    world.policy(reassignment="restart", restarts_at_most=at_most)
    world.mql("sato", START)
    for at, owner, due in zip(("16:00", "20:00"), ("suzuki", "kato"), dues, strict=True):
        world.at(f"2026-06-09 {at}")
        world.owner("sato", owner)
        assert world.due("sato") == f"2026-06-{due}"
    lines = world.explain("sato")["receipt"]["text_ja"]
    assert len([line for line in lines if "に交代、計測し直し" in line]) == at_most
    world.at("2026-06-10 09:00")
    world.call("sato")
    assert shares(world, "sato") == [("tanaka", 6.0), ("suzuki", 4.0), ("kato", 13.0)]


def test_case_20_a_first_owner_is_no_reassignment(world: World) -> None:
    """Whoever gets a lead that nobody had begins no second time."""
    world.policy(reassignment="restart")
    world.mql("sato", START, owner=None)
    world.at("2026-06-09 16:00")
    world.owner("sato", "suzuki")
    assert world.due("sato") == DUE


def test_case_21_what_is_left_is_used_in_the_new_owners_calendar(world: World) -> None:
    """Reassign across zones → remaining working time carried over; past consumption is not re-valued."""
    world.calendar(
        key="berlin", time_zone="Europe/Berlin", weekly={d: ["09:00-17:00"] for d in WEEK}, country=None, holidays={}
    )
    world.policy(clock="business_hours", target=8, owner_calendars={"kato": "berlin"})
    world.mql("sato", "2026-06-09 09:00")
    assert world.due("sato") == "2026-06-09 17:00"
    world.at("2026-06-09 12:00")
    world.owner("sato", "kato")
    assert world.due("sato") == "2026-06-09 21:00", "5 h are left, from 09:00 (16:00 in Tokyo) on"
    world.at("2026-06-09 18:00")
    world.owner("sato", "suzuki")
    assert world.due("sato") == "2026-06-10 12:00", "3 h are left, in Tokyo from 09:00 on"
    receipt = world.explain("sato")["receipt"]
    assert sum(line["used_seconds"] for line in receipt["lines"]) == 8 * 3600
    world.at("2026-06-10 12:00")
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"
    assert shares(world, "sato")[:2] == [("tanaka", 3.0), ("kato", 2.0)]


def test_case_21_without_calendars_of_owners_nothing_moves(world: World) -> None:
    """Policy switch `owner_calendars`, left out: everybody's time is counted in the policy's calendar."""
    world.policy(clock="business_hours", target=8)
    world.mql("sato", "2026-06-09 09:00")
    world.at("2026-06-09 12:00")
    world.owner("sato", "kato")
    assert world.due("sato") == "2026-06-09 17:00"


def recycled(world: World) -> None:
    """Called on Tuesday the 2nd and given back an hour later."""
    world.mql("sato", "2026-06-01 10:00")
    world.at("2026-06-02 09:00")
    world.call("sato")
    world.at("2026-06-02 10:00")
    world.disposition("sato", "recycled", "timing")


def test_case_22_a_recycled_lead_that_qualifies_again_has_a_new_clock(world: World) -> None:
    """Recycled → nurtured → MQL again → new episode, new clock; the old verdict is frozen."""
    recycled(world)
    old = world.handoff("sato")
    assert old["verdict"] == "met"
    world.at("2026-06-16 10:00")
    world.score("sato", 90)
    assert len(world.handoffs("sato")) == 1, "the downloads from before the return do not count"
    world.becomes_mql("sato", "10:00", score=91)
    first, second = world.handoffs("sato")
    assert {**first, "updated_at": 0} == {**old, "updated_at": 0}
    assert (second["number"], second["verdict"], world.due("sato")) == (2, "on_track", "2026-06-17 10:00")
    world.at("2026-06-17 10:01")
    assert [one["verdict"] for one in world.handoffs("sato")] == ["met", "breached"]


def test_case_22_within_the_cool_down_it_is_the_same_episode(world: World) -> None:
    """Re-MQL within the cool-down (7 days) → same episode."""
    recycled(world)
    told = world.told("sato")
    world.at("2026-06-04 10:00")
    world.becomes_mql("sato", "10:00")
    (handoff,) = world.handoffs("sato")
    assert handoff["verdict"] == "met"
    world.at("2026-06-06 10:00")
    assert (len(world.handoffs("sato")), world.told("sato"), world.on_agenda("sato")) == (1, told, None)


def test_case_22_how_long_it_cools_down_is_agreed(world: World) -> None:
    """Policy switch `cool_down_days`: 0 → a new clock at once, on evidence from after the return."""
    world.policy(cool_down_days=0)
    recycled(world)
    world.at("2026-06-04 14:00")
    world.becomes_mql("sato", "14:00")
    assert [one["verdict"] for one in world.handoffs("sato")] == ["met", "on_track"]
    assert world.due("sato") == "2026-06-05 14:00"


def test_case_23_reopened_after_it_was_met_is_no_breach(world: World) -> None:
    """Reopened after met → no instant breach, and without a "next response" target no new clock."""
    world.mql("sato", START)
    world.at("2026-06-09 11:00")
    world.call("sato")
    world.status("sato", "working")
    world.at("2026-06-15 10:00")
    world.status("sato", "new")
    world.at("2026-06-17 10:00")
    assert [one["verdict"] for one in world.lead("sato")["handoffs"]] == ["met"]
    assert (world.told("sato"), world.on_agenda("sato")) == ([], None)


def test_case_23_the_next_response_is_timed_where_that_is_agreed(world: World) -> None:
    """Policy switch `next_response_hours`: a new clock, starting at the reopening."""
    world.policy(next_response_hours=4)
    world.mql("sato", START)
    world.at("2026-06-09 11:00")
    world.call("sato")
    world.status("sato", "working")
    world.at("2026-06-15 10:00")
    world.status("sato", "new")
    owed = world.handoff("sato", "next_response")
    assert (owed["verdict"], world.shown(owed["due_at"])) == ("on_track", "2026-06-15 14:00")
    world.at("2026-06-15 13:00")
    world.call("sato")
    assert (world.handoff("sato", "next_response")["verdict"], world.verdict("sato")) == ("met", "met")
    world.at("2026-06-15 15:00")
    world.status("sato", "working")
    world.status("sato", "new", "15:00:30")
    world.at("2026-06-15 20:00")
    assert [one["verdict"] for one in world.handoffs("sato", "next_response")] == ["met", "breached"]
    assert world.verdict("sato") == "met"


def tiers(world: World, *, notice_minutes: float = 60, tier_falls: str = "keep") -> None:
    """24 hours for every MQL, four for those with a score of 120."""
    world.policy(tier_falls=tier_falls)
    rule = {"score": {"at_least": 120}}
    world.policy(key="hot", name="至急", rank=10, rule=rule, target=4, notice_minutes=notice_minutes)


@pytest.mark.parametrize(
    ("rises", "notice", "due"),
    [
        ("12:00", 60, "14:00"),  # start + 4 h
        ("13:30", 60, "14:30"),  # … but an hour's notice
        ("20:00", 60, "21:00"),
        ("13:30", 0, "14:00"),
        ("13:30", 120, "15:30"),
    ],
)
def test_case_24_a_higher_tier_shortens_but_leaves_time_to_notice(world: World, rises, notice, due) -> None:
    """Tier rises mid-clock → min(old due, start + new target), never before now + minimum notice."""
    tiers(world, notice_minutes=notice)
    world.mql("sato", START)
    assert world.due("sato") == DUE
    world.at(f"2026-06-09 {rises}")
    world.score("sato", 130)
    assert world.due("sato") == f"2026-06-09 {due}"
    assert len(world.handoffs("sato")) == 1
    assert world.handoff("sato")["policy"]["key"] == "hot"
    world.at(world.moment(f"2026-06-09 {due}"))
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"


def test_case_24_a_higher_tier_never_lengthens(world: World) -> None:
    """The old deadline is nearer than the notice → it stays."""
    tiers(world, notice_minutes=60)
    world.mql("sato", START)
    world.at("2026-06-10 09:40")
    world.score("sato", 130)
    assert world.due("sato") == DUE


@pytest.mark.parametrize(("tier_falls", "due"), [("keep", "2026-06-09 14:00"), ("extend", DUE)])
def test_case_24_a_tier_that_falls_gives_no_more_time_unless_agreed(world: World, tier_falls, due) -> None:
    """Policy switch `tier_falls`: keep (default) or extend."""
    tiers(world, tier_falls=tier_falls)
    world.mql("sato", START)
    world.at("2026-06-09 12:00")
    world.score("sato", 130)
    world.at("2026-06-09 12:30")
    world.score("sato", 90)
    assert world.due("sato") == due
