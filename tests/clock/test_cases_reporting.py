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
