"""Cases 1 to 8 of the clock: when it starts."""

from __future__ import annotations

import pytest

from tests.clock.world import Said, World

TUESDAY = "2026-06-09"


def four_facts(world: World) -> list[Said]:
    """Two downloads, the score at 10:00, the third download at 10:20."""
    return [
        world.downloaded("sato", "a1", f"{TUESDAY} 09:00"),
        world.downloaded("sato", "a2", f"{TUESDAY} 09:30"),
        world.marketing_fact("score", "sato", f"{TUESDAY} 10:00", score=82),
        world.downloaded("sato", "a3", f"{TUESDAY} 10:20"),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 1, 3, 2), (3, 2, 1, 0), (2, 3, 0, 1), (3, 0, 2, 1)])
def test_case_01_mql_when_all_conditions_held_whatever_the_arrival_order(world: World, order) -> None:
    """Score at 10:00, third download at 10:20, arriving in any order → MQL at 10:20, in event time."""
    world.at(f"{TUESDAY} 10:30")
    facts = four_facts(world)
    for position in order:
        world.send(facts[position], source="ma")
        world.later(seconds=10)
    handoff, explanation = world.handoff("sato"), world.explain("sato")
    assert world.shown(handoff["qualified_at"]) == f"{TUESDAY} 10:20"
    assert (world.verdict("sato"), world.due("sato")) == ("on_track", "2026-06-10 10:20")
    score, downloads = explanation["qualification"]["findings"]
    assert (score["value"], downloads["value"]) == (82, 3)
    assert explanation["qualification"]["completed_by"] == downloads["evidence"][-1]["event_id"]
    assert "6/9(火) 10:20" in explanation["receipt"]["text_ja"][0]
    assert world.told("sato") == []
    assert world.on_agenda("sato") is None


@pytest.mark.parametrize("how", ["same_id", "new_id", "other_tool"])
def test_case_02_a_duplicate_is_no_second_download_and_no_second_clock(world: World, how) -> None:
    """Same event id, or the same content with a new id → no second download, no second clock."""
    world.at(f"{TUESDAY} 10:00")
    second = world.downloaded("sato", "a2", f"{TUESDAY} 09:30")
    again = {"same_id": second, "new_id": second | {"id": "sent-anew"}, "other_tool": second | {"id": "sent-by-sfa"}}[
        how
    ]
    world.send(world.downloaded("sato", "a1", f"{TUESDAY} 09:00"), second, source="ma")
    world.score("sato", 82)
    world.send(again, source="sfa" if how == "other_tool" else "ma")
    assert world.handoffs("sato") == [], "two downloads, not three"
    world.later(minutes=20)
    third = world.downloaded("sato", "a3")
    world.send(third, source="ma")
    world.later(minutes=5)
    world.send(third, third | {"id": "third-anew"}, again, source="ma")
    (handoff,) = world.handoffs("sato")
    assert world.shown(handoff["qualified_at"]) == f"{TUESDAY} 10:20"
    assert world.explain("sato")["qualification"]["findings"][1]["value"] == 3


def test_case_03_a_dip_of_the_score_inside_an_episode_restarts_nothing(world: World) -> None:
    """Score dips to 75 and returns to 85 inside one episode → same clock, no restart."""
    begun = world.mql("sato", f"{TUESDAY} 10:00")
    world.at(f"{TUESDAY} 13:00")
    world.score("sato", 75)
    world.at(f"{TUESDAY} 16:00")
    world.score("sato", 85)
    world.download("sato", "a9")
    (handoff,) = world.handoffs("sato")
    assert (handoff["id"], handoff["due_at"]) == (begun["id"], begun["due_at"])
    assert world.verdicts("sato") == ["on_track"]
    world.at("2026-06-10 10:01")
    assert world.verdict("sato") == "breached"
    entry = world.on_agenda("sato")
    assert entry is not None
    assert world.shown(entry["due_at"]) == "2026-06-10 10:00"


def test_case_04_a_late_event_moves_the_deadline_earlier(world: World) -> None:
    """A late event moves the MQL moment earlier → due moves earlier; one handoff all the same."""
    world.at(f"{TUESDAY} 14:00")
    world.known("sato")
    world.send(*(world.downloaded("sato", f"a{n}", f"0{8 + n}:00") for n in (0, 1)), source="ma")
    world.send(world.marketing_fact("score", "sato", "08:30", score=86), world.downloaded("sato", "a9"), source="ma")
    assert world.due("sato") == "2026-06-10 14:00"
    world.at(f"{TUESDAY} 15:00")
    world.download("sato", "a2", "10:00")
    (handoff,) = world.handoffs("sato")
    assert [world.shown(handoff[at]) for at in ("qualified_at", "due_at")] == [f"{TUESDAY} 10:00", "2026-06-10 10:00"]
    assert world.verdict("sato") == "on_track"
    assert world.explain("sato")["receipt"]["due_at"] == handoff["due_at"]


@pytest.mark.parametrize(("grace", "effective"), [(60, "13:00"), (0, "12:00"), (240, "16:00")])
def test_case_04_a_breach_that_was_past_when_it_became_known_is_told_as_such(world: World, grace, effective) -> None:
    """Breached (discovered late): one alert marked as such, charged to the feed; due_effective beside the due."""
    world.policy(grace_minutes=grace)
    world.at(f"{TUESDAY} 09:00")
    world.owner("sato", "tanaka")
    world.at("2026-06-10 12:00")
    world.becomes_mql("sato", f"{TUESDAY} 10:00")
    world.later(minutes=5)
    assert (world.verdict("sato"), world.due("sato")) == ("breached", "2026-06-10 10:00")
    journey = world.explain("sato")["journey"]
    assert world.shown(journey["due_effective_at"]) == f"2026-06-10 {effective}"
    assert journey["delays"]["ma_seconds"] == 26 * 3600
    assert journey["delays"]["human_seconds"] <= 5 * 60
    assert sorted(world.told("sato")) == [("breached", "email"), ("breached", "slack")]
    (message,) = world.heard_of("sato")
    assert "6/10(水) 12:00" in message.words, "when the tools told"
    entry = world.on_agenda("sato")
    assert entry is not None
    assert entry["cause"] == "handover_delay"


def test_case_05_contacted_before_it_became_mql_is_met_with_nothing_elapsed(world: World) -> None:
    """The rep was quicker → met with 0 elapsed, not negative, not breached."""
    world.at("2026-06-08 15:00")
    world.known("sato")
    world.call("sato")
    handoff = world.mql("sato", f"{TUESDAY} 10:00")
    assert (handoff["verdict"], handoff["verdict_at"]) == ("met", handoff["qualified_at"])
    assert world.shown(handoff["first_touch"]["at"]) == "2026-06-08 15:00"
    (owner,) = world.explain("sato")["owners"]
    assert owner["used_seconds"] == 0
    world.at("2026-06-10 10:01")
    assert (world.verdict("sato"), world.told("sato"), world.on_agenda("sato")) == ("met", [], None)
    assert world.agenda()["figures"]["attainment"]["met"] == 1


@pytest.mark.parametrize(("days", "verdict"), [(0.5, "on_track"), (1, "met"), (0, "on_track")])
def test_case_05_how_long_an_earlier_contact_counts_is_agreed(world: World, days, verdict) -> None:
    """Policy switch `earlier_contact_days`: the call was 19 hours before the lead became MQL."""
    world.policy(follow_ups={"earlier_contact_days": days})
    world.at("2026-06-08 15:00")
    world.call("sato")
    assert world.mql("sato", f"{TUESDAY} 10:00")["verdict"] == verdict


@pytest.mark.parametrize(
    ("start", "due", "first_line"),
    [
        ("2026-06-13 15:00", "2026-06-15 14:00", "6/15(月) 10:00"),  # a Saturday
        ("2026-06-12 18:00", "2026-06-15 14:00", "6/15(月) 10:00"),  # exactly at closing
        ("2026-06-15 10:00", "2026-06-15 14:00", "6/15(月) 10:00"),  # exactly at opening
        ("2026-06-12 17:00", "2026-06-15 13:00", "6/12(金) 17:00"),  # an hour before closing
        ("2026-06-12 07:30", "2026-06-12 14:00", "6/12(金) 10:00"),  # before opening
    ],
)
def test_case_06_outside_hours_the_clock_starts_at_the_next_opening(world: World, start, due, first_line) -> None:
    """4 h on Mon-Fri 10-18: Sat 15:00 → Mon 14:00; at closing → next opening; at opening → counts."""
    world.hours("10:00-18:00", target=4)
    world.mql("sato", start)
    assert world.due("sato") == due
    lines = world.explain("sato")["receipt"]["text_ja"]
    assert any(line.startswith(first_line) for line in lines)
    world.at(world.moment(due))
    assert world.verdict("sato") == "at_risk"
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"
    world.later(minutes=30)
    entry = world.on_agenda("sato")
    assert entry is not None
    assert (entry["overdue_seconds"], entry["overdue_in"]) == (1801, "working_time")


@pytest.mark.parametrize("intake", ["intake@example.com", ""])
def test_case_07_no_owner_the_clock_runs_and_the_intake_hears_of_it(world: World, intake) -> None:
    """No owner when MQL → clock still runs, alert to the intake owner, time until assignment is system delay."""
    world.policy(intake_email=intake)
    world.mql("sato", f"{TUESDAY} 10:00", owner=None)
    assert world.due("sato") == "2026-06-10 10:00"
    world.at("2026-06-10 10:05")
    assert world.verdict("sato") == "breached"
    mail = [each.to for each in world.heard if each.channel == "email"]
    assert set(mail) == ({intake} if intake else set())
    entry = world.on_agenda("sato")
    assert entry is not None
    assert (entry["cause"], entry["owner"]) == ("no_owner", None)
    world.at("2026-06-10 11:00")
    world.owner("sato", "tanaka")
    world.at("2026-06-10 12:00")
    world.call("sato")
    delays = world.explain("sato")["journey"]["delays"]
    assert (delays["routing_seconds"], delays["human_seconds"]) == (25 * 3600, 3600)
    assert world.verdict("sato") == "met_late"


def test_case_08_an_excluded_lead_is_voided_with_its_reason_and_never_met(world: World) -> None:
    """Test, competitor, deleted → clock voided with reason, never counted as met."""
    world.mql("sato", f"{TUESDAY} 10:00")
    world.mql("ito")
    world.at(f"{TUESDAY} 11:00")
    world.disposition("sato", "excluded", "競合")
    assert (world.verdict("sato"), world.handoff("sato")["void_reason"]) == ("voided", "競合")
    world.at(f"{TUESDAY} 12:00")
    world.call("sato")
    world.at("2026-06-10 12:00")
    assert world.verdict("sato") == "voided"
    assert (world.told("sato"), world.heard_of("sato"), world.on_agenda("sato")) == ([], [], None)
    figures = world.agenda()["figures"]
    assert (figures["voided"], figures["attainment"]["met"], figures["attainment"]["n"]) == (1, 0, 1)
    assert "集計対象外" in world.agenda_text()


@pytest.mark.parametrize("why", ["test", "competitor", "imported", "opted_out", "deleted"])
def test_case_08_a_lead_that_is_left_out_by_agreement_gets_no_clock(world: World, why) -> None:
    """Imported, test, competitor, opted-out, deleted → no clock, or voided when it turns out later."""
    world.at(f"{TUESDAY} 09:00")
    world.known("sato", attributes={why: True})
    world.at(f"{TUESDAY} 10:00")
    world.becomes_mql("sato", "10:00")
    assert world.handoffs("sato") == []
    world.mql("ito")
    world.at(f"{TUESDAY} 12:00")
    world.known("ito", attributes={why: "true"})
    assert world.verdict("ito") == "voided"
    assert world.handoff("ito")["void_reason"]
    world.at("2026-06-10 12:00")
    assert (world.heard, world.agenda()["breaches"]["count"]) == ([], 0)
    assert world.agenda()["figures"]["attainment"]["n"] == 0


def test_case_08_who_is_left_out_is_agreed(world: World) -> None:
    """Policy switch `exclude`: None: nobody is; another rule: whoever it holds of."""
    world.policy(exclude=None)
    world.at(f"{TUESDAY} 09:00")
    world.known("sato", attributes={"competitor": True})
    assert world.mql("sato", f"{TUESDAY} 10:00")["verdict"] == "on_track"
    world.policy(exclude={"attribute": {"name": "industry", "is": "学校"}})
    world.at(f"{TUESDAY} 11:00")
    world.known("ito", attributes={"industry": "学校"}, at="10:30")
    world.becomes_mql("ito", "11:00")
    world.known("kimura", attributes={"industry": "製造"}, at="10:30")
    world.becomes_mql("kimura", "11:00")
    assert (world.handoffs("ito"), len(world.handoffs("kimura"))) == ([], 1)


def test_case_08_a_lead_that_is_taken_back_in_has_a_clock_again(world: World) -> None:
    """An exclusion that was a mistake is taken back: the evidence still holds."""
    world.mql("sato", f"{TUESDAY} 10:00")
    world.at(f"{TUESDAY} 11:00")
    world.disposition("sato", "excluded", "テスト")
    world.at(f"{TUESDAY} 15:00")
    world.disposition("sato", "restored")
    assert [one["verdict"] for one in world.handoffs("sato")] == ["voided", "on_track"]
    assert world.due("sato") == "2026-06-10 15:00"
