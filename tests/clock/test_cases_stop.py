"""Cases 9 to 16 of the clock: when it stops."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.clock.world import SECOND, World

#: The lead becomes MQL then; it is due a day later.
START, DUE = "2026-06-09 10:00", "2026-06-10 10:00"


@pytest.mark.parametrize(
    ("kind", "said", "touch"),
    [
        ("follow_up", {"channel": "call", "automated": False}, "call"),
        ("follow_up", {"channel": "email", "automated": False}, "email"),
        ("follow_up", {"channel": "meeting", "automated": False}, "meeting"),
        ("disposition", {"outcome": "sql"}, "disposition:sql"),
        ("disposition", {"outcome": "disqualified", "reason": "no_need"}, "disposition:disqualified"),
        ("disposition", {"outcome": "recycled", "reason": "timing"}, "disposition:recycled"),
        ("disposition", {"outcome": "rejected", "reason": "out_of_definition"}, "disposition:rejected"),
        ("opportunity", {"opportunity": "opp-1", "state": "open"}, "opportunity"),
        ("status", {"status": "converted"}, "status:converted"),
    ],
)
def test_case_09_genuine_follow_up_stops_the_clock(world: World, kind, said, touch) -> None:
    """Human call, e-mail, meeting, explicit disposition, conversion → met."""
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    world.send(world.fact(kind, "sato", **said))
    handoff = world.handoff("sato")
    assert (handoff["verdict"], handoff["first_touch"]["kind"]) == ("met", touch)
    assert world.standings("sato") == ["in_time"]
    world.at("2026-06-10 12:00")
    assert (world.verdict("sato"), world.told("sato"), world.on_agenda("sato")) == ("met", [], None)


@pytest.mark.parametrize(
    ("kind", "said", "standing"),
    [
        ("follow_up", {"channel": "email", "automated": True}, "automated"),
        ("follow_up", {"channel": "call", "automated": True}, "automated"),
        ("follow_up", {"channel": "other", "automated": False}, "not_agreed"),
        ("owner", {"owner": "suzuki", "name": "鈴木 一郎", "email": "suzuki@example.com"}, None),
        ("lead", {"company": "山田製作所 本社", "attributes": {"industry": "製造"}}, None),
        ("status", {"status": "working"}, "not_agreed"),
        ("status", {"status": "検討中"}, "unmapped"),
        ("disposition", {"outcome": "rejected"}, "no_reason"),
        ("disposition", {"outcome": "accepted"}, "not_agreed"),
    ],
)
def test_case_09_what_is_no_follow_up_does_not_stop_it(world: World, kind, said, standing) -> None:
    """Not: sequence mail, MA mail, owner change, field edit, status flip without evidence."""
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    world.send(world.fact(kind, "sato", **said))
    assert world.handoff("sato")["first_touch"] is None
    if standing:
        (touch,) = world.explain("sato")["touches"]
        assert touch["counts"] is False
    if said.get("outcome") == "rejected":
        assert world.verdict("sato") == "voided"
        return
    world.at("2026-06-10 10:01")
    assert world.verdict("sato") == "breached"
    assert world.on_agenda("sato") is not None


@pytest.mark.parametrize(("statuses", "verdict"), [(None, "met"), ([], "on_track"), (["qualified"], "on_track")])
def test_case_09_status_alone_counts_as_agreed(world: World, statuses, verdict) -> None:
    """Policy switch `statuses`: a move into a contacted status counts by default; `[]`: none does."""
    if statuses is not None:
        world.policy(follow_ups={"statuses": statuses})
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    world.status("sato", "contacted")
    assert world.verdict("sato") == verdict
    assert world.standings("sato") == (["in_time"] if verdict == "met" else ["not_agreed"])


def test_case_10_of_two_touches_the_earliest_counts_whichever_came_first(world: World) -> None:
    """The later one is delivered first → earliest occurred_at wins; the later is a no-op."""
    world.mql("sato", START)
    world.at("2026-06-09 17:00")
    world.call("sato", "16:00")
    first_seen = world.explain("sato")["handoff"]["first_touch"]["at"]
    world.later(minutes=5)
    world.call("sato", "11:30")
    world.later(minutes=5)
    world.call("sato", "16:30")
    handoff = world.handoff("sato")
    assert [world.shown(at) for at in (first_seen, handoff["first_touch"]["at"])] == [
        "2026-06-09 16:00",
        "2026-06-09 11:30",
    ]
    assert (handoff["verdict"], world.shown(handoff["verdict_at"])) == ("met", "2026-06-09 11:30")
    assert world.standings("sato") == ["in_time", "again", "again"]
    assert world.verdicts("sato") == ["on_track", "met"]
    (owner,) = world.explain("sato")["owners"]
    assert owner["used_seconds"] == 90 * 60


def test_case_11_a_follow_up_in_time_that_arrives_late_withdraws_the_breach(world: World) -> None:
    """Touch at 11:59, due 12:00, arrives 12:05 after the alert → met; corrected where it was posted; both kept."""
    world.mql("sato", "2026-06-09 12:00")
    world.at("2026-06-10 12:02")
    assert world.verdict("sato") == "breached"
    assert world.on_agenda("sato") is not None
    breaches = [(channel, reason) for reason, channel in world.told("sato") if reason == "breached"]
    assert sorted(breaches) == [("email", "breached"), ("slack", "breached")]
    world.at("2026-06-10 12:05")
    world.call("sato", "11:59", recorded_at=world.moment("12:04").isoformat())
    world.later(minutes=1)
    handoff, explanation = world.handoff("sato"), world.explain("sato")
    assert (handoff["verdict"], world.shown(handoff["verdict_at"])) == ("met", "2026-06-10 11:59")
    assert explanation["withdrawn"] is True
    assert world.verdicts("sato")[-2:] == ["breached", "met"]
    assert [step["previous"] for step in explanation["verdicts"]][-1] == "breached"
    withdrawn = [channel for reason, channel in world.told("sato") if reason == "withdrawn"]
    assert sorted(withdrawn) == ["email", "slack"]
    assert "6/10(水) 11:59" in world.heard_of("sato")[-1].words
    assert world.on_agenda("sato") is None
    assert world.agenda()["figures"]["withdrawn"] == 1
    assert "違反の取消(期限内対応・後から記録) | 1" in world.agenda_text()
    assert explanation["journey"]["delays"]["logging_seconds"] == 5 * 60
    world.later(hours=5)
    assert [reason for reason, _ in world.told("sato")].count("breached") == 2, "told once a channel"


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(timedelta(), "met"), (timedelta(microseconds=1), "met_late"), (-SECOND, "met"), (SECOND, "met_late")],
)
def test_case_12_follow_up_exactly_at_the_deadline_is_in_time(world: World, after, verdict) -> None:
    """Touch exactly at due → met (<=); a breach is `now > due`, by the application's clock."""
    world.mql("sato", START)
    world.at(DUE)
    assert world.verdict("sato") == "at_risk", "at the deadline itself nothing is broken"
    assert world.on_agenda("sato") is None
    world.at(world.moment(DUE) + timedelta(seconds=2))
    assert world.verdict("sato") == "breached"
    world.call("sato", world.moment(DUE) + after)
    assert world.verdict("sato") == verdict
    assert world.handoff("sato")["due_at"] == world.explain("sato")["receipt"]["due_at"]
    assert (world.on_agenda("sato") is None) is (verdict == "met")


def test_case_13_a_time_in_the_future_is_taken_as_the_reception(world: World) -> None:
    """Clock skew: occurred_at beyond tolerance → clamped to received_at; a little ahead is believed."""
    world.mql("sato", START)
    world.mql("ito")
    world.at("2026-06-09 15:00")
    world.call("sato", "2026-06-11 15:00")
    world.call("ito", "15:04")
    assert world.shown(world.handoff("sato")["first_touch"]["at"]) == "2026-06-09 15:00"
    assert world.shown(world.handoff("ito")["first_touch"]["at"]) == "2026-06-09 15:04"
    assert [world.verdict(lead) for lead in ("sato", "ito")] == ["met", "met"]
    (flagged,) = world.to_mend("impossible_times")
    assert flagged["lead"]["name"] == "Sato"


def test_case_13_a_follow_up_before_anybody_knew_the_lead_is_flagged(world: World) -> None:
    """occurred_at before the lead existed → flag."""
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    world.call("sato", "2025-06-09 14:00")
    assert world.verdict("sato") == "on_track"
    (flagged,) = world.to_mend("impossible_times")
    assert flagged["lead"]["name"] == "Sato"


def test_case_14_a_follow_up_that_is_taken_back_is_judged_anew(world: World) -> None:
    """Touch deleted afterwards → verdict recomputed, trail kept."""
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    said = world.record("sato", "follow_up", channel="call")
    assert world.verdict("sato") == "met"
    world.at("2026-06-10 09:00")
    assert world.ask("DELETE", f"/v1/follow-ups/{said['event_id']}", params={"reason": "別件"}).status_code == 200
    assert world.verdict("sato") == "at_risk"
    world.at("2026-06-10 10:30")
    assert world.verdict("sato") == "breached"
    assert world.verdicts("sato") == ["on_track", "met", "at_risk", "breached"]
    (touch,) = world.explain("sato")["touches"]
    assert (touch["counts"], touch["standing"]) == (False, "retracted")
    assert world.on_agenda("sato") is not None
    assert [channel for reason, channel in world.told("sato") if reason == "breached"]


@pytest.mark.parametrize(
    ("to", "verdict"),
    [("2026-06-10 09:59", "met"), ("2026-06-10 10:00:01", "met_late"), ("2026-06-10 12:00", "met_late")],
)
def test_case_14_a_follow_up_that_is_put_right_is_judged_anew(world: World, to, verdict) -> None:
    """Touch edited afterwards → verdict recomputed, trail kept."""
    world.mql("sato", START)
    world.at("2026-06-10 13:00")
    said = world.record("sato", "follow_up", at="2026-06-10 09:30", channel="call")
    assert world.verdict("sato") == "met"
    world.later(minutes=1)
    answer = world.ask(
        "PATCH", f"/v1/follow-ups/{said['event_id']}", json={"occurred_at": world.moment(to).isoformat()}
    )
    assert answer.status_code == 200, answer.text
    assert world.verdict("sato") == verdict
    assert world.standings("sato").count("revised") == 1
    assert world.verdicts("sato")[-2:] == (["breached", "met"] if verdict == "met" else ["met", "met_late"])
    assert (world.on_agenda("sato") is None) is (verdict == "met")


def test_case_15_a_follow_up_by_somebody_else_counts(world: World) -> None:
    """Touch by somebody other than the owner → counts by default."""
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    world.call("sato", by="鈴木 一郎")
    handoff = world.handoff("sato")
    assert (handoff["verdict"], handoff["first_touch"]["by"], handoff["owner"]["id"]) == ("met", "鈴木 一郎", "tanaka")


def test_case_14_a_tools_record_that_is_edited_and_deleted_is_judged_anew(world: World) -> None:
    """The same from a tool: the newest revision of a record counts, whatever the order of arrival."""
    world.mql("sato", START)
    world.at("2026-06-10 13:00")
    revised = [{"record": "calls/1", "revised_at": world.moment(f"12:0{n}").isoformat()} for n in (1, 2, 3)]
    world.call("sato", "2026-06-09 15:00", **revised[0])
    assert world.verdict("sato") == "met"
    deleted = world.fact("retracted", "sato", reason="取引先違い", **revised[2])
    world.send(deleted)
    assert world.verdict("sato") == "breached"
    world.call("sato", "2026-06-09 16:00", **revised[1])
    assert world.verdict("sato") == "breached", "an older revision changes nothing"
    assert world.standings("sato") == ["retracted", "retracted"]
    assert world.on_agenda("sato") is not None


@pytest.mark.parametrize(
    ("by", "verdict"), [("鈴木 一郎", "on_track"), ("田中 舞", "met"), ("tanaka", "met"), (None, "met")]
)
def test_case_15_only_the_owner_counts_where_that_is_agreed(world: World, by, verdict) -> None:
    """Policy switch `owner_only`: what nobody signed counts as the owner's."""
    world.policy(follow_ups={"owner_only": True})
    world.mql("sato", START)
    world.at("2026-06-09 15:00")
    world.send(world.fact("follow_up", "sato", channel="call", automated=False, **({"by": by} if by else {})))
    assert world.verdict("sato") == verdict
    (touch,) = world.explain("sato")["touches"]
    assert touch["counts"] is (verdict == "met")
    world.later(minutes=30)
    world.call("sato", by="tanaka@example.com")
    assert world.verdict("sato") == "met"


@pytest.mark.parametrize(
    ("first", "second", "met"), [("tanaka", "suzuki", True), ("suzuki", None, True), ("suzuki", "kato", False)]
)
def test_case_15_before_the_lead_was_mql_too_only_the_owner_counts(world: World, first, second, met) -> None:
    """Somebody else's later call hides the owner's as little as it counts itself."""
    world.policy(follow_ups={"owner_only": True})
    world.at("2026-06-08 15:00")
    world.known("sato")
    for hour, by in ((13, first), (14, second)):
        at = f"2026-06-08 {hour}:00"
        world.send(world.fact("follow_up", "sato", at, channel="call", automated=False, **({"by": by} if by else {})))
    assert world.mql("sato", START)["verdict"] == ("met" if met else "on_track")


@pytest.mark.parametrize("told_by", ["ma", "sfa"])
def test_case_16_two_leads_that_turn_out_to_be_one_have_one_clock(world: World, told_by) -> None:
    """Merge → one clock: earliest start, earliest stop; the loser is voided."""
    world.at("2026-06-09 09:00")
    for n in (1, 2, 3):
        world.download("sato", f"a{n}", f"0{5 + n}:00")
    world.score("sato", 86, "09:00")
    other = {"lead": {"id": "s-other", "email": "other@example.jp"}}
    world.at("2026-06-09 11:00")
    world.send(*(world.downloaded("x", f"b{n}", f"0{6 + n}:30") | other for n in (1, 2, 3)))
    world.send(world.fact("score", "x", "10:40", score=90) | other, world.called("x", "10:50") | other)
    assert len(world.get("/v1/handoffs")["items"]) == 2
    assert world.verdict("sato") == "on_track"
    world.at("2026-06-09 12:00")
    world.call("sato", "11:30")
    world.at("2026-06-09 13:00")
    both = {"sfa": {"id": "s-other", "ids": {"ma": "m-sato"}}, "ma": {"id": "m-sato", "ids": {"sfa": "s-other"}}}
    world.send(world.fact("lead", "x", name="Sato") | {"lead": both[told_by]}, source=told_by)
    (handoff,) = (one for one in world.get("/v1/handoffs")["items"] if one["verdict"] != "voided")
    assert (handoff["id"], handoff["verdict"]) == (world.handoff("sato")["id"], "met")
    assert world.shown(handoff["qualified_at"]) == "2026-06-09 09:00"
    assert world.shown(handoff["first_touch"]["at"]) == "2026-06-09 10:50"
    world.at("2026-06-10 12:00")
    assert (world.heard, world.agenda()["breaches"]["count"]) == ([], 0)


def test_case_16_the_clock_follows_a_converted_lead_to_its_contact(world: World) -> None:
    """Lead converted to contact/deal → clock follows the id map."""
    begun = world.mql("sato", START)
    world.at("2026-06-09 15:00")
    contact = {"lead": {"ids": {"sfa_contact": "c-9", "sfa": "s-sato"}}}
    world.send(world.fact("lead", "sato", company="山田製作所") | contact)
    world.send(world.called("sato") | {"lead": {"ids": {"sfa_contact": "c-9"}}})
    handoff = world.handoff("sato")
    assert (handoff["id"], handoff["verdict"], len(world.handoffs("sato"))) == (begun["id"], "met", 1)
    assert world.lead("sato")["id"] == world.get("/v1/leads", known_as="sfa_contact:c-9")["items"][0]["id"]


def test_case_16_an_address_that_several_leads_share_is_for_a_person_to_decide(world: World) -> None:
    """Ambiguous ones are listed, never guessed; joining makes one clock, splitting takes it back."""
    world.mql("sato", START)
    world.at("2026-06-09 11:00")
    other = {"lead": {"id": "s-other", "email": "sato@example.jp"}}
    world.send(world.called("x", "10:30") | other)
    assert world.verdict("sato") == "on_track", "two records with one address: nobody guesses"
    (question,) = world.get("/v1/identities")["items"]
    assert question["why"] == "ambiguous"
    both = [world.lead_id("sato"), world.get("/v1/leads", known_as="sfa:s-other")["items"][0]["id"]]
    world.later(minutes=10)
    world.tell("/v1/identities/join", leads=both, note="本人に確認")
    assert world.verdict("sato") == "met"
    assert world.get("/v1/identities")["items"] == []
    world.later(minutes=10)
    world.tell(f"/v1/leads/{world.lead_id('sato')}/split", ids=[{"system": "sfa", "value": "s-other"}])
    assert world.verdict("sato") == "on_track"
    assert world.verdicts("sato") == ["on_track", "met", "on_track"]
    world.at("2026-06-10 10:01")
    assert world.verdict("sato") == "breached"
