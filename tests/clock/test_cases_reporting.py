"""Cases 44 to 47 of the clock: what is reported."""

from __future__ import annotations

from tests.clock.world import World

TUESDAY = "2026-06-09"


def test_case_44_attainment_counts_what_fell_due(world: World) -> None:
    """met / (met + breached) by due date; open-not-due out, open-overdue breached, voided apart."""
    for lead, at in (("met", "10:00"), ("late", "10:30"), ("overdue", "11:00"), ("void", "11:30"), ("open", "13:00")):
        world.mql(lead, f"{TUESDAY} {at}")
    world.at(f"{TUESDAY} 14:00")
    world.call("met")
    world.disposition("void", "excluded", "テスト")
    world.at("2026-06-10 12:00")
    world.call("late")
    assert [world.verdict(lead) for lead in ("met", "late", "overdue", "void", "open")] == [
        "met",
        "met_late",
        "breached",
        "voided",
        "at_risk",
    ]
    figures = world.agenda()["figures"]
    assert (figures["attainment"]["met"], figures["attainment"]["n"], figures["voided"]) == (1, 3, 1)
    assert figures["mqls"] == 4
    counts = world.report("2026-06-10")["now"]["counts"]
    named = ("met", "breached", "open_overdue", "not_due", "voided", "unknown")
    assert [counts[name] for name in named] == [1, 2, 1, 1, 1, 0]
    assert (counts["attainment"]["part"], counts["attainment"]["whole"]) == (1, 3)
    assert world.report(TUESDAY)["now"]["counts"]["attainment"]["whole"] == 0, "nothing fell due on Tuesday"


def test_case_44_leads_without_a_policy_are_shown_apart(world: World) -> None:
    """MQLs without any policy are shown as "uncovered"."""
    world.policy(enabled=False)
    world.at(f"{TUESDAY} 10:00")
    world.becomes_mql("sato", "10:00")
    (handoff,) = world.handoffs("sato")
    assert (handoff["verdict"], handoff["void_reason"]) == ("voided", "uncovered")
    world.at("2026-06-10 12:00")
    report = world.report(TUESDAY, "2026-06-10")["now"]
    assert (report["uncovered"], report["counts"]["attainment"]["whole"]) == (1, 0)


def test_case_45_leads_that_still_wait_are_not_left_out_of_the_time_to_first_touch(world: World) -> None:
    """p50/p90 include still-open ones (censored): ignoring leads does not improve the number."""
    for lead in ("a1", "b2", "c3", "d4"):
        world.mql(lead, f"{TUESDAY} 10:00")
    for lead, at in (("a1", "11:00"), ("b2", "12:00")):
        world.at(f"{TUESDAY} {at}")
        world.call(lead)
    world.at("2026-06-11 10:00")
    report = world.report(TUESDAY)["now"]
    assert (report["followed_up"]["part"], report["followed_up"]["whole"]) == (2, 4)
    assert (report["half_after_seconds"], report["nine_tenths_after_seconds"]) == (2 * 3600, None)
    world.call("c3")
    world.call("d4")
    report = world.report(TUESDAY)["now"]
    assert (report["half_after_seconds"], report["nine_tenths_after_seconds"]) == (2 * 3600, 48 * 3600)


def test_case_46_periods_end_at_midnight_of_the_organisation(world: World) -> None:
    """Period boundaries in the organisation's time zone: 00:30 in Tokyo is the day before in UTC."""
    world.mql("late", f"{TUESDAY} 00:30")
    world.mql("early", f"{TUESDAY} 23:30")
    world.at("2026-06-12 10:00")
    whole = [world.report(f"2026-06-{day}")["now"]["counts"]["breached"] for day in ("09", "10", "11")]
    assert whole == [0, 2, 0]


def test_case_46_a_number_that_was_shown_is_kept_and_a_correction_is_a_restatement(world: World) -> None:
    """A number once shown is as it was known then; later corrections show as a restatement."""
    world.mql("sato", f"{TUESDAY} 10:00")
    shown_at = world.at("2026-06-11 10:00")
    assert world.report("2026-06-10", known_at=shown_at.isoformat())["restated"] is False
    world.at("2026-06-11 12:00")
    world.call("sato", "2026-06-10 09:00")
    report = world.report("2026-06-10", known_at=shown_at.isoformat())
    assert (report["restated"], report["now"]["withdrawn"]) == (True, 1)
    assert [report[known]["counts"]["met"] for known in ("then", "now")] == [0, 1]
    assert [report[known]["counts"]["breached"] for known in ("then", "now")] == [1, 0]


def test_case_47_the_time_is_split_from_the_fact_to_the_first_touch(world: World) -> None:
    """occurred → received → MQL decided → visible in SFA → assigned → first touch."""
    world.at(f"{TUESDAY} 10:30")
    world.becomes_mql("sato", f"{TUESDAY} 10:00")
    world.at(f"{TUESDAY} 11:00")
    world.status("sato", "new")
    world.at(f"{TUESDAY} 11:30")
    world.owner("sato", "tanaka")
    world.at(f"{TUESDAY} 14:30")
    world.call("sato", "14:00")
    journey = world.explain("sato")["journey"]
    names = ("occurred_at", "received_at", "decided_at", "in_sfa_at", "assigned_at", "touched_at")
    assert [world.shown(journey[name])[-5:] for name in names] == ["10:00", "10:30", "10:30", "11:00", "11:30", "14:00"]
    delays = journey["delays"]
    assert [delays[f"{whose}_seconds"] / 3600 for whose in ("ma", "own", "routing", "human")] == [0.5, 0, 1, 2.5]
    assert delays["logging_seconds"] == 30 * 60
