"""Who is who is asked once: what people decided is in doubt no more, and old numbers of leads still work."""

from __future__ import annotations

from sqlalchemy import select

from app.models import Event, LeadIdentity
from tests.clock.world import Said, World


def meet(world: World, about: Said, source: str = "sfa") -> None:
    """A tool names somebody."""
    world.send(world.fact("lead", "nobody") | {"lead": about, "name": "佐藤"}, source=source)


def lead_of(world: World, system: str, value: str) -> int:
    known = (LeadIdentity.system == system) & (LeadIdentity.value == value)
    with world.state.database.read() as c:
        return c.execute(select(LeadIdentity.lead_id).where(known)).scalar_one()


def asked(world: World) -> list[str]:
    return [each["why"] for each in world.get("/v1/identities")["items"]]


def test_leads_that_were_joined_over_a_shared_address_are_not_asked_about_again(world: World) -> None:
    for number in "12":
        meet(world, {"id": number, "email": "info@example.jp"})
    assert asked(world) == ["ambiguous"]
    world.tell("/v1/identities/join", leads=[lead_of(world, "sfa", number) for number in "12"])
    assert asked(world) == []
    meet(world, {"id": "2", "email": "info@example.jp"})
    assert asked(world) == []


def test_a_record_that_was_joined_with_one_of_two_who_differ_is_not_asked_about_again(world: World) -> None:
    """The tool calls both one person; people have said that they differ, and now whose the record is."""
    for number in "12":
        meet(world, {"id": number})
    world.tell("/v1/identities/part", leads=[lead_of(world, "sfa", number) for number in "12"])
    for number in "12":
        meet(world, {"id": "9", "ids": {"sfa": number}}, source="ma")
    assert asked(world) == ["contradictory"]
    world.tell("/v1/identities/join", leads=[lead_of(world, "sfa", "1"), lead_of(world, "ma", "9")])
    assert lead_of(world, "ma", "9") == lead_of(world, "sfa", "1") != lead_of(world, "sfa", "2")
    assert asked(world) == []


def joined(world: World) -> tuple[int, int]:
    """The lead that stays, and the one that was joined into it while its clock runs."""
    world.mql("sato", "2026-06-09 10:00")
    world.mql("ito", "2026-06-09 10:30")
    stays, gone = world.lead_id("sato"), world.lead_id("ito")
    world.tell("/v1/identities/join", leads=[stays, gone])
    return stays, gone


def test_what_is_recorded_about_a_lead_that_was_joined_counts_for_the_one_it_is_now(world: World) -> None:
    stays, gone = joined(world)
    world.later(minutes=5)
    call = {"lead_id": gone, "kind": "follow_up", "channel": "call"}
    first, again = (
        world.ask("POST", "/v1/follow-ups", json=call, headers={"Idempotency-Key": "call-1"}) for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert (first.json()["lead_id"], first.json()["handoff"]["verdict"]) == (stays, "met")
    assert (first.json()["new"], again.json()["new"]) == (True, False)
    assert world.verdict("sato") == "met"
    (entry,) = world.get("/v1/audit", action="lead.follow_up")["items"]
    assert entry["subject"] == f"lead:{stays}"


def test_a_pause_for_a_lead_that_was_joined_holds_the_clock_of_the_one_it_is_now(world: World) -> None:
    _, gone = joined(world)
    due = world.due("sato")
    until = world.moment("2026-06-11 10:00").isoformat()
    world.tell("/v1/follow-ups", lead_id=gone, kind="pause", reason="折り返しのご希望", until=until)
    assert world.due("sato") > due


def test_a_clock_that_is_moved_is_known_by_a_tools_id_and_not_by_an_address(world: World) -> None:
    """An address may turn out to be somebody else's."""
    world.source("crm", system="crm", role="ma")
    about = {"lead": {"id": "77", "email": "sato@example.jp"}}
    world.at("2026-06-09 10:00")
    world.send(*(fact | about for fact in world.evidence("sato", "10:00")), source="crm")
    (handoff,) = world.get("/v1/handoffs")["items"]
    world.tell("/v1/policies", policy=world.policies["mql"] | {"target": 30}, migrate_open=True)
    with world.state.database.read() as c:
        moved = c.execute(select(Event.about).where(Event.kind == "terms")).scalar_one()
    assert (moved, world.get("/v1/handoffs")["items"][0]["due_at"] > handoff["due_at"]) == ([["crm", "77"]], True)
