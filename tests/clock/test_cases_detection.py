"""Cases 32 to 43 of the clock: finding out, and telling."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import update

from app.models import Handoff
from app.scheduler import Scheduler
from tests.clock.world import SECOND, H, World

START, DUE = "2026-06-09 10:00", "2026-06-10 10:00"


def test_case_32_a_breach_is_dated_by_its_deadline_not_by_its_discovery(world: World) -> None:
    """Breach instant = due, not detection time; the latency of detection is its own figure."""
    world.mql("sato", START)
    world.down_until("2026-06-10 14:30")
    handoff = world.handoff("sato")
    assert (handoff["verdict"], world.shown(handoff["verdict_at"])) == ("breached", DUE)
    last = world.explain("sato")["verdicts"][-1]
    assert [world.shown(last[known]) for known in ("true_at", "known_at")] == [DUE, "2026-06-10 14:30"]
    entry = world.on_agenda("sato")
    assert entry is not None
    assert (world.shown(entry["due_at"]), entry["overdue_seconds"]) == (DUE, 4.5 * 3600)


def test_case_34_two_schedulers_make_one_breach_and_one_message_a_channel(world: World) -> None:
    """Exactly one breach row and one message per channel, whoever sweeps and sends."""
    world.mql("sato", START)
    world.clock.now = world.moment("2026-06-10 10:01")
    others = [Scheduler(world.state) for _ in range(2)]
    both = threading.Barrier(2)

    def works(scheduler: Scheduler) -> None:
        both.wait()
        for _ in range(2):
            for _, job, _ in scheduler._jobs():
                job()

    threads = [threading.Thread(target=works, args=(scheduler,)) for scheduler in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.verdicts("sato").count("breached") == 1
    assert sorted(world.told("sato")) == [("breached", "email"), ("breached", "slack")]
    assert sorted((each.channel, each.to) for each in world.heard) == [
        ("email", "tanaka@example.com"),
        ("slack", "default"),
    ]


def test_case_34_a_message_is_tried_until_the_channel_takes_it(world: World) -> None:
    """Retried until acknowledged by the channel; meanwhile it is owed, visibly."""
    world.ears["slack"].deaf = True
    world.mql("sato", START)
    world.at("2026-06-10 10:05")
    assert [reason for reason, channel in world.told("sato") if channel == "slack"] == []
    (owed,) = world.get("/v1/alerts", state="owed", reason="breached")["items"]
    assert (owed["channel"], owed["last_error"]) == ("slack", "nobody answers")
    world.ears["slack"].deaf = False
    world.at("2026-06-10 11:00")
    assert ("breached", "slack") in world.told("sato")
    assert [each.channel for each in world.heard if each.at >= world.moment(DUE)].count("slack") == 1


def test_case_35_a_poison_record_is_set_aside_and_the_others_go_on(world: World) -> None:
    """Poison record → quarantined, others continue, shown in health."""
    world.mql("sato", START)
    world.mql("ito")
    poisoned = world.handoff("sato")["id"]
    with world.state.database.write() as c:
        c.execute(update(Handoff).where(Handoff.id == poisoned).values(episode={"number": "poison"}))
    world.down_until("2026-06-10 10:01")
    assert world.verdict("ito") == "breached"
    assert world.verdict("sato") == "breached", "written anew from the ledger"
    world.send(world.fact("scroe", "ito") | {"score": 90}, world.called("ito"))
    assert world.verdict("ito") == "met_late"
    (quarantined,) = world.get("/v1/deliveries", state="quarantined")["items"]
    assert quarantined["reasons"][0].startswith("[0].kind")
    assert world.get("/health")["deliveries_quarantined"]["count"] == 1


def silent_sales_tool(world: World) -> None:
    """The sales tool speaks every four open hours, and has been silent since Tuesday 10:00. Now Wednesday noon."""
    world.mql("sato", START)
    world.mql("ito")
    world.configure("sfa", silent_after_hours=4)
    world.at("2026-06-10 12:00")


def test_case_36_on_a_dark_feed_there_is_no_verdict(world: World) -> None:
    """Source feed silent → unknown, no blame; admins are told once."""
    silent_sales_tool(world)
    assert [world.verdict(lead) for lead in ("sato", "ito")] == ["unknown", "unknown"]
    assert [reason for reason, _ in world.told("sato")] != ["breached"]
    assert "breached" not in world.verdicts("sato")
    feed = next(each for each in world.get("/v1/feeds")["items"] if each["source"] == "sfa")
    assert (feed["silence"]["why"], world.shown(feed["silence"]["since"])) == ("silent", START)
    assert world.agenda()["breaches"]["count"] == 0
    assert world.agenda()["figures"]["unknown"] == 2
    told = [each for each in world.heard if each.channel == "log"]
    assert [each.to for each in told] == ["admins"]
    assert "sfa" in told[0].words


def test_case_36_after_catching_up_it_is_judged_with_the_true_instants(world: World) -> None:
    """Catch-up before judging; resume, then judge."""
    silent_sales_tool(world)
    world.at("2026-06-10 13:00")
    world.call("sato", "2026-06-09 16:00")
    assert world.verdict("sato") == "met"
    assert world.verdict("ito") == "unknown", "what comes in a moment may tell of ito"
    for _ in range(4):
        world.later(minutes=10)
    handoff = world.handoff("ito")
    assert (handoff["verdict"], world.shown(handoff["verdict_at"])) == ("breached", DUE)
    assert sorted(channel for reason, channel in world.told("ito") if reason == "breached") == ["email", "slack"]
    assert "breached" not in [reason for reason, _ in world.told("sato")]
    assert world.verdicts("sato")[-1] == "met"
    assert "breached" not in world.verdicts("sato")
    assert world.on_agenda("ito") is not None
    assert [each.to for each in world.heard if each.channel == "log"] == ["admins", "admins"], "dark, and back"


def test_case_36_a_silent_marketing_tool_hides_no_follow_up(world: World) -> None:
    """Only the feed that would tell of a follow-up matters."""
    world.mql("sato", START)
    world.configure("ma", silent_after_hours=4)
    for at in ("2026-06-09 16:00", "2026-06-10 09:30"):
        world.at(at)
        world.status("ito", f"検討中 {at}")
    world.at("2026-06-10 10:01")
    assert world.verdict("sato") == "breached"


def test_case_38_answered_between_claim_and_send_is_not_sent(world: World) -> None:
    """Re-check at send time; drop."""
    world.mql("sato", START)
    world.mql("ito")
    world.ears["slack"].deaf = True
    world.down_until("2026-06-10 10:01")
    world.ears["slack"].deaf = False
    world.call("sato", "10:00")
    world.later(minutes=30)
    assert [(reason, channel) for reason, channel in world.told("sato") if channel == "slack"] == []
    assert world.heard_of("sato") == []
    assert [each.channel for each in world.heard_of("ito")] == ["slack"]
    states = {(each["reason"], each["channel"]): each["state"] for each in world.explain("sato")["alerts"]}
    assert states["breached", "slack"] == "dropped"
    assert world.on_agenda("sato") is None


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, "2026-06-09 16:45"),  # a quarter of nine hours
        ({"warn_when_left": 0.5}, "2026-06-09 14:30"),
        ({"warn_hours_before": 1}, "2026-06-10 09:00"),
        ({"warn_hours_before": 1.5}, "2026-06-09 17:30"),
        ({"warn_when_left": 0}, None),
    ],
)
def test_case_40_the_warning_is_computed_in_the_calendar(world: World, changes, warned) -> None:
    """Warning, 75 % or an hour of working time before due, computed in the calendar (GLPI PR #22678)."""
    world.policy(clock="business_hours", target=9, **changes)
    handoff = world.mql("sato", START)
    assert world.due("sato") == DUE
    assert (handoff["warn_at"] and world.shown(handoff["warn_at"])) == warned
    world.at("2026-06-10 09:59")
    assert world.verdict("sato") == ("at_risk" if warned else "on_track")
    assert sorted(world.told("sato")) == ([("at_risk", "email"), ("at_risk", "slack")] if warned else [])
    assert [world.shown(each.at) for each in world.heard_of("sato")] == ([warned] if warned else [])


def test_case_40_a_target_shorter_than_the_warning_warns_at_its_start_once(world: World) -> None:
    """If the target is shorter than the warning lead, send at start, once."""
    world.policy(clock="business_hours", target=1, warn_hours_before=2)
    world.mql("sato", START)
    assert world.verdict("sato") == "at_risk"
    world.at("2026-06-09 10:59")
    assert [world.shown(each.at) for each in world.heard_of("sato")] == [START]


def overdue(world: World, at: str, **changes: object) -> None:
    """Sato is breached then, to the minute."""
    world.policy(**changes)
    world.mql("sato", world.moment(at) - 24 * H)
    world.at(world.moment(at) + SECOND)
    assert world.verdict("sato") == "breached"


def heard_at(world: World, to: str) -> list[str]:
    return [world.shown(each.at) for each in world.heard if each.to == to]


ESCALATION = [
    {"after_hours": 1, "channel": "slack", "to": "managers"},
    {"after_hours": 4, "channel": "email", "to": "head@example.com"},
]


def test_case_33_down_for_hours_over_forty_deadlines_people_get_one_digest(world: World) -> None:
    """Every verdict has its true instant; one digest per channel and recipient; passed warnings collapse."""
    leads = [f"lead{n:02}" for n in range(40)]
    world.at("2026-06-09 11:30")
    for n, lead in enumerate(leads):
        world.post(world.owned(lead, "tanaka", "09:00"))
        world.post(*world.evidence(lead, f"10:{n:02}"), source="ma")
    world.drain()
    world.down_until("2026-06-10 16:00")
    for _ in range(3):
        world.later(minutes=1)
    handoffs = [world.handoff(lead) for lead in (leads[0], leads[17], leads[39])]
    assert [one["verdict"] for one in handoffs] == ["breached"] * 3
    assert [world.shown(one["verdict_at"]) for one in handoffs] == [
        "2026-06-10 10:00",
        "2026-06-10 10:17",
        "2026-06-10 10:39",
    ]
    assert sorted((each.channel, each.to) for each in world.heard) == [
        ("email", "tanaka@example.com"),
        ("slack", "default"),
    ]
    assert "40" in world.heard[0].words
    assert sorted(world.told(leads[17])) == [("breached", "email"), ("breached", "slack")]
    assert world.agenda()["breaches"]["count"] == 40


@pytest.mark.parametrize(("page", "heard"), [(False, "2026-06-10 09:00"), (True, "2026-06-09 22:00")])
def test_case_37_at_night_nobody_is_told_unless_the_tier_pages(world: World, page, heard) -> None:
    """Alerts outside working hours → held to the next opening unless the tier says page."""
    world.policy(alerts=[{"channel": "slack", "to": "default", "on": ["breached"], "page": page}])
    world.mql("sato", "2026-06-08 22:00")
    world.at("2026-06-10 12:00")
    assert heard_at(world, "default") == [heard]


def test_case_39_acknowledging_stops_the_escalation_and_not_the_clock(world: World) -> None:
    """Acknowledged → escalation stops, clock does not; the acknowledgement expires if nothing happens."""
    overdue(world, DUE, escalation=ESCALATION[:1])
    world.at("2026-06-10 10:30")
    world.record("sato", "acknowledged")
    world.at("2026-06-10 12:29")
    assert (heard_at(world, "managers"), world.verdict("sato")) == ([], "breached")
    world.at("2026-06-10 13:00")
    assert heard_at(world, "managers") == ["2026-06-10 12:30"]


def test_case_39_how_long_an_acknowledgement_holds_is_agreed(world: World) -> None:
    """Policy switch `acknowledged_hours`."""
    overdue(world, DUE, escalation=ESCALATION[:1], acknowledged_hours=4)
    world.at("2026-06-10 10:30")
    world.record("sato", "acknowledged")
    world.at("2026-06-10 14:29")
    assert heard_at(world, "managers") == []
    world.call("sato")
    world.at("2026-06-10 17:00")
    assert heard_at(world, "managers") == [], "followed up meanwhile"


def test_case_41_escalation_steps_are_counted_in_working_time_from_the_breach(world: World) -> None:
    """Breach on Tuesday at 17:30: an hour later is Wednesday 09:30, four hours are 12:30."""
    overdue(world, "2026-06-09 17:30", escalation=ESCALATION)
    world.at("2026-06-10 18:00")
    assert heard_at(world, "managers") == ["2026-06-10 09:30"]
    assert heard_at(world, "head@example.com") == ["2026-06-10 12:30"]


@pytest.mark.parametrize(("delegate", "hears"), [("kato@example.com", "kato@example.com"), ("", "intake@example.com")])
def test_case_41_for_an_owner_who_is_away_the_delegate_hears(world: World, delegate, hears) -> None:
    """Owner absent → delegate, else the intake; the clock goes on."""
    world.policy(intake_email="intake@example.com")
    away = {"since": "2026-06-09T00:00:00+09:00", "until": "2026-06-20T00:00:00+09:00"}
    world.tell("/v1/absences", owner="tanaka", delegate=delegate, **away)
    world.mql("sato", START)
    world.at("2026-06-10 10:01")
    assert world.verdict("sato") == "breached"
    assert {each.to for each in world.heard if each.channel == "email"} == {hears}


def test_case_41_without_agreed_steps_nothing_escalates(world: World) -> None:
    """Policy switch `escalation`, left out."""
    overdue(world, "2026-06-09 17:30")
    world.at("2026-06-11 18:00")
    assert [reason for reason, _ in world.told("sato") if reason.startswith("escalated")] == []


def owed_and_stuck(world: World) -> None:
    """Sato is overdue, and Slack takes no message."""
    world.mql("sato", START)
    world.ears["slack"].deaf = True
    world.down_until("2026-06-10 10:01")
    assert [each["channel"] for each in world.get("/v1/alerts", state="owed")["items"]] == ["slack"]


@pytest.mark.parametrize("how", ["policy_off", "excluded"])
def test_case_42_what_is_switched_off_or_excluded_cancels_its_alerts_at_once(world: World, how) -> None:
    """SLA disabled or lead excluded → pending alerts cancelled at once."""
    owed_and_stuck(world)
    if how == "policy_off":
        world.policy(enabled=False)
    else:
        world.disposition("sato", "excluded", "テスト")
    owed = {each["reason"] for each in world.get("/v1/alerts", state="owed")["items"]}
    assert owed <= {"withdrawn"}, "who heard of the breach by mail hears that it was none"
    world.ears["slack"].deaf = False
    world.later(hours=8)
    assert world.heard_of("sato") == []


def test_case_43_a_new_version_leaves_running_clocks_alone(world: World) -> None:
    """Policy edit → new version; running clocks keep theirs; nothing re-judges the closed past."""
    world.mql("ito", "2026-06-08 09:00")
    world.mql("sato", START)
    world.at("2026-06-09 12:00")
    past = world.handoff("ito")
    assert past["verdict"] == "breached"
    applied = world.policy(target=48)
    assert (applied["version"], applied["moved"]) == (2, 0)
    assert (world.due("sato"), world.handoff("ito")) == (DUE, past)
    world.mql("mori", "2026-06-09 13:00")
    assert world.due("mori") == "2026-06-11 13:00"
    assert [world.handoff(lead)["policy"]["version"] for lead in ("ito", "sato", "mori")] == [1, 1, 2]
    world.at("2026-06-10 10:01")
    assert world.verdict("sato") == "breached"
    versions = world.report("2026-06-08", "2026-06-11")["now"]["by_version"]
    assert [(one["version"], one["counts"]["breached"]) for one in versions if one["counts"]["breached"]] == [(1, 2)]


@pytest.mark.parametrize(("target", "due", "overdue"), [(48, "2026-06-11 10:00", False), (1, "2026-06-09 13:00", True)])
def test_case_43_running_clocks_are_moved_by_explicit_choice_with_a_preview(world: World, target, due, overdue) -> None:
    """… unless migrated by explicit choice with preview; what is overdue or met stays."""
    world.mql("ito", "2026-06-08 09:00")
    world.mql("sato", START)
    world.at("2026-06-09 12:00")
    past = world.handoff("ito")
    wanted = {"policy": world.get("/v1/policies")["items"][0]["policy"] | {"target": target}, "migrate_open": True}
    (move,) = world.tell("/v1/policies/preview", **wanted)["moves"]
    assert (move["handoff_id"], world.shown(move["due_after"])) == (world.handoff("sato")["id"], due)
    assert move["overdue"] is overdue
    assert world.due("sato") == DUE
    assert world.tell("/v1/policies", **wanted)["moved"] == 1
    assert (world.due("sato"), world.handoff("sato")["policy"]["version"]) == (due, 2)
    assert world.handoff("ito") == past
    assert any("の新しい版に切り替え" in line for line in world.explain("sato")["receipt"]["text_ja"])
    world.at(world.moment(due))
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"
