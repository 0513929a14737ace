"""What the same clock does besides: leads that arrive in bulk, and what marketing owes in return."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.clock.world import World

START = "2026-06-09 10:00"


@pytest.mark.parametrize(
    ("handling", "dues"),
    [
        (None, {"2026-06-10": 9}),
        ("normal", {"2026-06-10": 9}),
        ("stagger", {"2026-06-10": 4, "2026-06-11": 4, "2026-06-12": 1}),
        ("exclude", {}),
    ],
)
def test_leads_that_arrive_in_bulk_are_one_burst_timed_as_agreed(world: World, handling, dues) -> None:
    """Recognised, announced once, due dates as the policy says (switch `bursts`)."""
    agreed = {"leads": 5, "minutes": 10, "per_day": 4} | ({"handling": handling} if handling else {})
    world.policy(bursts=agreed)
    world.at(START)
    leads = [f"lead{n}" for n in range(9)]
    world.send(*(world.owned(lead, "tanaka", "09:00") for lead in leads))
    world.send(*(fact for n, lead in enumerate(leads) for fact in world.evidence(lead, f"09:5{n}")), source="ma")
    for _ in range(3):
        world.later(minutes=2)
    (burst,) = world.get("/v1/bursts")["items"]
    assert (burst["leads"], burst["source"], burst["handling"]) == (9, "ma", handling or "normal")
    handoffs = [world.handoff(lead) for lead in leads]
    running = Counter(world.shown(one["due_at"])[:10] for one in handoffs if one["verdict"] != "voided")
    assert running == dues
    announced = [each for each in world.heard if "9" in each.words and each.channel == "log"]
    assert len(announced) == 1


@pytest.mark.parametrize(("hours", "due"), [(None, "2026-06-12 11:00"), (4, "2026-06-09 15:00")])
def test_marketing_answers_a_rejection_on_the_same_clock(world: World, hours, due) -> None:
    """An answer to a rejection within 72 hours (switch `marketing.answer_hours`)."""
    if hours:
        world.policy(marketing={"answer_hours": hours})
    world.mql("sato", START)
    world.at("2026-06-09 11:00")
    world.disposition("sato", "rejected", "out_of_definition")
    owed = world.handoff("sato", "answer")
    assert (owed["verdict"], world.shown(owed["due_at"])) == ("on_track", due)
    world.at(world.moment(due))
    world.record("sato", "answer", text="定義を見直します")
    assert world.handoff("sato", "answer")["verdict"] == "met"
    assert world.verdict("sato") == "met"


def test_marketing_owes_no_answer_where_none_is_agreed(world: World) -> None:
    world.policy(marketing={"answer_hours": None})
    world.mql("sato", START)
    world.at("2026-06-09 11:00")
    world.disposition("sato", "rejected", "out_of_definition")
    assert world.handoffs("sato", "answer") == []


@pytest.mark.parametrize(("filled_at", "verdict"), [("12:00", "met"), ("15:00", "met_late")])
def test_marketing_completes_the_brief_in_time(world: World, filled_at, verdict) -> None:
    """A brief complete at hand-over, or soon after it (switches `marketing.brief` and `brief_hours`)."""
    world.policy(marketing={"brief": ["company", "industry"], "brief_hours": 4})
    world.mql("sato", START)
    assert world.handoff("sato", "brief")["verdict"] == "on_track"
    world.at(f"2026-06-09 {filled_at}")
    world.known("sato", attributes={"industry": "製造"})
    assert world.handoff("sato", "brief")["verdict"] == verdict
    assert world.verdict("sato") == "on_track"
