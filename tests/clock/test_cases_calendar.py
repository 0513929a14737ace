"""Cases 25 to 31 of the clock: calendars, and the deadline vectors."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.clock.world import WEEK, World

COMPANY_DAYS = {
    **{f"2026-08-{day}": "夏季休業" for day in (13, 14)},
    **{f"2026-12-{day}": "年末休業" for day in (29, 30, 31)},
    **{f"2027-01-0{day}": "年始休業" for day in (2, 3)},
}
THREE_SPANS = ["09:00-12:00", "13:00-17:00", "19:00-20:00"]
OFFICE, LUNCH = ("09:00-18:00",), ("09:00-12:00", "13:00-18:00")
FOUR_STARTS = ("2026-05-01 16:00", "2026-06-10 12:30", "2026-09-18 17:30", "2026-12-28 17:00")
#: Kind of clock, target, hours of a day, due for each of the four starts.
VECTORS = [
    ("elapsed", 24, OFFICE, ("2026-05-02 16:00", "2026-06-11 12:30", "2026-09-19 17:30", "2026-12-29 17:00")),
    ("business_days", 1, OFFICE, ("2026-05-07 16:00", "2026-06-11 12:30", "2026-09-24 17:30", "2027-01-04 17:00")),
    ("business_hours", 9, OFFICE, ("2026-05-07 16:00", "2026-06-11 12:30", "2026-09-24 17:30", "2027-01-04 17:00")),
    ("business_hours", 24, OFFICE, ("2026-05-11 13:00", "2026-06-15 09:30", "2026-09-28 14:30", "2027-01-06 14:00")),
    ("business_hours", 8, LUNCH, ("2026-05-07 16:00", "2026-06-11 12:00", "2026-09-24 17:30", "2027-01-04 17:00")),
    ("business_hours", 24, LUNCH, ("2026-05-11 16:00", "2026-06-15 12:00", "2026-09-28 17:30", "2027-01-06 17:00")),
]


@pytest.mark.parametrize(("kind", "target", "hours", "dues"), VECTORS)
def test_the_deadline_vectors_hold_from_the_webhook_to_the_receipt(world: World, kind, target, hours, dues) -> None:
    """The table at the end of clock.md: JST, Mon-Fri 09-18, public holidays, company days."""
    world.hours(*hours, target=target, clock=kind, country="JP", company_days=COMPANY_DAYS)
    for number, (start, due) in enumerate(zip(FOUR_STARTS, dues, strict=True)):
        lead = f"sato{number}"
        world.mql(lead, start)
        receipt = world.explain(lead)["receipt"]
        assert (start, world.due(lead)) == (start, due)
        assert (receipt["clock"], receipt["target"], receipt["calendar_version"]) == (kind, target, 2)
        whole = timedelta(days=target) if kind == "business_days" else timedelta(hours=target)
        assert sum(line["used_seconds"] for line in receipt["lines"]) == whole.total_seconds()
        asked = world.get("/v1/due", start=world.moment(start).isoformat(), policy="mql")
        assert asked["due_at"] == receipt["due_at"]
        world.call(lead)


@pytest.mark.parametrize(
    ("weekly", "target", "start", "due"),
    [
        # several spans a day: morning, afternoon, evening
        (
            {day: ["09:00-12:00", "13:00-17:00", "19:00-20:00"] for day in WEEK},
            8,
            "2026-06-09 09:00",
            "2026-06-09 20:00",
        ),
        (
            {day: ["09:00-12:00", "13:00-17:00", "19:00-20:00"] for day in WEEK},
            7.5,
            "2026-06-09 12:30",
            "2026-06-10 11:30",
        ),
        # a half day
        ({**{day: ["09:00-18:00"] for day in WEEK}, "sat": ["09:00-12:00"]}, 4, "2026-06-12 17:00", "2026-06-13 12:00"),
        # over midnight
        ({day: ["22:00-02:00"] for day in WEEK}, 3, "2026-06-09 23:30", "2026-06-10 22:30"),
        ({day: ["22:00-02:00"] for day in WEEK}, 1, "2026-06-13 01:00", "2026-06-13 02:00"),
        # 24/7: no hole at 24:00, and 23:59 is not special
        ({day: ["00:00-24:00"] for day in (*WEEK, "sat", "sun")}, 24, "2026-06-12 23:59", "2026-06-13 23:59"),
        ({day: ["00:00-24:00"] for day in (*WEEK, "sat", "sun")}, 72, "2026-06-12 15:00", "2026-06-15 15:00"),
        ({day: ["00:00-23:59"] for day in (*WEEK, "sat", "sun")}, 24, "2026-06-12 12:00", "2026-06-13 12:01"),
    ],
)
def test_case_25_spans_half_days_midnight_and_round_the_clock(world: World, weekly, target, start, due) -> None:
    """Several spans per day, half days, span over midnight, 24/7 with no hole at 24:00, 23:59 not special."""
    world.hours(target=target, weekly=weekly, country=None, holidays={})
    world.mql("sato", start)
    assert world.due("sato") == due
    world.at(world.moment(due))
    assert world.verdict("sato") == "at_risk"
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"
    assert world.on_agenda("sato") is not None


def open_met_and_overdue(world: World) -> None:
    """On Friday the 12th at 16:00: sato is due on Monday at 15:00, ito was met, kimura is overdue."""
    world.hours(*OFFICE, target=9)
    world.mql("kimura", "2026-06-11 10:00")
    world.mql("ito", "2026-06-11 15:00")
    world.at("2026-06-12 09:30")
    world.call("ito")
    world.mql("sato", "2026-06-12 15:00")
    world.at("2026-06-12 16:00")
    assert [world.verdict(lead) for lead in ("sato", "ito", "kimura")] == ["on_track", "met", "breached"]


def closed_on_monday(world: World) -> dict[str, object]:
    known = {entry["key"]: entry["calendar"] for entry in world.get("/v1/calendars")["items"]}
    return known["default"] | {"company_days": {"2026-06-15": "臨時休業"}}


def test_case_26_a_holiday_added_afterwards_moves_open_clocks_only(world: World) -> None:
    """Holiday added after the fact → open clocks re-due (audit row), closed ones untouched; preview first."""
    open_met_and_overdue(world)
    before = {lead: world.handoff(lead) for lead in ("sato", "ito", "kimura")}
    preview = world.tell("/v1/calendars/preview", calendar=closed_on_monday(world))
    (move,) = preview["moves"]
    assert move["handoff_id"] == before["sato"]["id"]
    assert [world.shown(move[at]) for at in ("due_before", "due_after")] == ["2026-06-15 15:00", "2026-06-16 15:00"]
    assert {lead: world.handoff(lead) for lead in before} == before, "a preview changes nothing"
    applied = world.tell("/v1/calendars", calendar=closed_on_monday(world))
    assert (applied["version"], applied["moved"]) == (3, 1)
    assert "calendar.applied" in [entry["action"] for entry in world.get("/v1/audit")["items"]]
    assert world.due("sato") == "2026-06-16 15:00"
    assert [world.handoff(lead) for lead in ("ito", "kimura")] == [before[lead] for lead in ("ito", "kimura")]
    receipt = world.explain("sato")["receipt"]
    assert (receipt["calendar_version"], receipt["lines"][-1]["day"]) == (3, "2026-06-16")
    assert any("臨時休業" in line for line in receipt["text_ja"])
    world.mql("mori", "2026-06-12 17:00")
    assert world.due("mori") == "2026-06-16 17:00"
    world.at("2026-06-15 15:30")
    assert world.verdict("sato") != "breached"
    world.at("2026-06-16 15:30")
    assert world.verdict("sato") == "breached"


def test_case_26_what_marketing_owes_moves_with_the_calendar(world: World) -> None:
    """The same engine times marketing: its open answers are due again, given ones stay."""
    world.policy(marketing={"answer_hours": 18, "clock": "business_hours"})
    open_met_and_overdue(world)
    for lead in ("sato", "ito"):
        world.disposition(lead, "rejected", "out_of_definition")
    world.record("ito", "answer", text="定義を見直します")
    owed, given = (world.handoff(lead, "answer") for lead in ("sato", "ito"))
    assert world.shown(owed["due_at"]) == "2026-06-16 16:00"
    (move,) = world.tell("/v1/calendars/preview", calendar=closed_on_monday(world))["moves"]
    assert (move["handoff_id"], move["duty"], world.shown(move["due_after"])) == (
        owed["id"],
        "answer",
        "2026-06-17 16:00",
    )
    assert world.tell("/v1/calendars", calendar=closed_on_monday(world))["moved"] == 1
    assert world.shown(world.handoff("sato", "answer")["due_at"]) == "2026-06-17 16:00"
    assert world.handoff("ito", "answer") == given
    world.at("2026-06-17 16:00")
    assert world.handoff("sato", "answer")["verdict"] != "breached"
    world.at("2026-06-17 16:30")
    assert world.handoff("sato", "answer")["verdict"] == "breached"


def test_case_26_open_clocks_can_be_left_as_they_are(world: World) -> None:
    """Explicit choice: only new leads are counted in the new version."""
    open_met_and_overdue(world)
    preview = world.tell("/v1/calendars/preview", calendar=closed_on_monday(world), keep_open=True)
    assert preview["moves"] == []
    assert world.tell("/v1/calendars", calendar=closed_on_monday(world), keep_open=True)["moved"] == 0
    assert world.due("sato") == "2026-06-15 15:00"
    world.mql("mori", "2026-06-12 17:00")
    assert world.due("mori") == "2026-06-16 17:00"
    world.at("2026-06-15 15:30")
    assert world.verdict("sato") == "breached"


def test_case_27_public_holidays_are_proposed_and_never_applied_blindly(world: World) -> None:
    """Feeds are proposed, never applied blindly (zammad #390)."""
    world.hours(*OFFICE, target=9, country="JP")
    world.at("2027-02-10 10:00")
    proposal = world.get("/v1/calendars/default/proposal")
    news = [change for change in proposal["changes"] if change["before"] is None]
    assert news
    assert all(change["day"].startswith("2030") for change in news)
    known = world.get("/v1/calendars/default")["items"][-1]
    assert known["version"] == proposal["version"]
    assert news[0]["day"] not in known["calendar"]["holidays"], "nothing changes by itself"
    assert world.tell("/v1/calendars/preview", calendar=proposal["calendar"])["differences"]
    world.tell("/v1/calendars", calendar=proposal["calendar"])
    assert world.get("/v1/calendars/default")["items"][-1]["calendar"]["holidays"][news[0]["day"]]
    assert world.get("/v1/calendars/default/proposal")["changes"] == []


@pytest.mark.parametrize(
    ("start", "due", "skipped"),
    [
        ("2026-05-05 10:00", "2026-05-07 18:00", "振替休日"),
        ("2026-09-18 18:00", "2026-09-24 18:00", "国民の休日"),
        ("2026-12-28 18:00", "2027-01-04 18:00", "年末休業"),
    ],
)
def test_case_27_substitute_sandwiched_and_company_holidays(world: World, start, due, skipped) -> None:
    """JP: substitute holiday, the sandwiched citizens' holiday, year-end closure."""
    world.hours(*OFFICE, target=9, country="JP", company_days=COMPANY_DAYS)
    world.mql("sato", start)
    assert world.due("sato") == due
    receipt = world.explain("sato")["receipt"]
    assert skipped in [line["skipped_because"] for line in receipt["lines"]]
    assert any(skipped in line for line in receipt["text_ja"])


@pytest.mark.parametrize(
    ("zone", "kind", "weekly", "target", "start", "due"),
    [
        # 9-18 on a day of 23 or 25 hours is nine hours of work
        ("Europe/Berlin", "business_hours", ["09:00-18:00"], 9, "2027-03-28 09:00", "2027-03-28 18:00"),
        ("Europe/Berlin", "business_hours", ["09:00-18:00"], 9, "2026-10-25 09:00", "2026-10-25 18:00"),
        ("America/New_York", "business_hours", ["09:00-18:00"], 9, "2027-03-14 09:00", "2027-03-14 18:00"),
        ("America/New_York", "business_hours", ["09:00-18:00"], 9, "2026-11-01 09:00", "2026-11-01 18:00"),
        # round the clock the day of 23 hours has 23, and the repeated hour counts once per wall span
        ("Europe/Berlin", "business_hours", ["00:00-24:00"], 24, "2027-03-28 00:00", "2027-03-29 01:00"),
        ("Europe/Berlin", "business_hours", ["00:00-24:00"], 24, "2026-10-25 00:00", "2026-10-25 23:00"),
        ("America/New_York", "business_hours", ["00:00-24:00"], 24, "2027-03-14 00:00", "2027-03-15 01:00"),
        # a deadline inside the skipped hour: the first valid instant
        ("Europe/Berlin", "business_days", ["00:00-24:00"], 1, "2027-03-27 02:30", "2027-03-28 03:00"),
        ("America/New_York", "business_days", ["00:00-24:00"], 1, "2027-03-13 02:30", "2027-03-14 03:00"),
        # elapsed hours are what the wall's clock skips
        ("Europe/Berlin", "elapsed", ["09:00-18:00"], 24, "2027-03-27 10:00", "2027-03-28 11:00"),
        ("America/New_York", "elapsed", ["09:00-18:00"], 24, "2026-10-31 10:00", "2026-11-01 09:00"),
    ],
)
def test_case_28_daylight_saving(world: World, zone, kind, weekly, target, start, due) -> None:
    """9-18 on a 23 h day is 9 h; a due inside the skipped hour → first valid instant; repeated hour once."""
    days = dict.fromkeys((*WEEK, "sat", "sun"), weekly)
    world.hours(target=target, clock=kind, weekly=days, country=None, holidays={}, time_zone=zone)
    world.zone = ZoneInfo(zone)
    world.mql("sato", start)
    assert world.due("sato") == due
    world.at(world.moment(due))
    assert world.verdict("sato") == "at_risk"
    world.later(seconds=1)
    assert world.verdict("sato") == "breached"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"weekly": {}}, "/calendar/weekly"),
        ({"weekly": {day: [] for day in WEEK}}, "/calendar/weekly"),
        ({"company_days": {f"{datetime(2026, 7, 1) + timedelta(n):%Y-%m-%d}": "休業" for n in range(70)}}, "/calendar"),
    ],
)
def test_case_29_a_calendar_that_is_never_open_is_refused_when_it_is_saved(world: World, wrong, pointer) -> None:
    """No open time in N days → configuration error at save, never a loop."""
    good = world.get("/v1/calendars")["items"][0]["calendar"]
    answer = world.ask("POST", "/v1/calendars", json={"calendar": good | wrong})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert len(world.get("/v1/calendars/default")["items"]) == 1
    world.mql("sato", "2026-06-09 10:00")
    assert world.due("sato") == "2026-06-10 10:00"


@pytest.mark.parametrize(
    ("kind", "target", "due", "first", "last"),
    [
        ("elapsed", 24, "2026-06-13 15:00", "6/12(金) 15:00–6/13(土) 15:00", "残り 0:00"),
        ("business_hours", 24, "2026-06-17 15:00", "6/12(金) 15:00–18:00", "残り 0:00"),
        ("business_days", 1, "2026-06-15 15:00", "6/12(金) 15:00", "残り"),
    ],
)
def test_case_30_24_hours_are_three_different_things(world: World, kind, target, due, first, last) -> None:
    """24 elapsed hours, 24 working hours (3 days of 8 h), next business day same time: chosen in words, shown."""
    world.hours("10:00-18:00", target=target, clock=kind)
    world.mql("sato", "2026-06-12 15:00")
    assert world.due("sato") == due
    receipt = world.explain("sato")["receipt"]
    assert receipt["clock"] == kind
    assert any(first in line for line in receipt["text_ja"])
    assert last in receipt["text_ja"][-1]


@pytest.mark.parametrize("weekly", [["09:00-18:00"], ["09:00-12:00", "13:00-18:00"], ["22:00-03:00"]])
def test_case_31_the_deadline_is_the_inverse_of_the_time_that_passes(world: World, weekly) -> None:
    """elapsed(start, due) == target: what the clock has left at the start, and has used at the deadline."""
    for target, start in ((0.5, "06-12"), (4, "06-26"), (9, "07-10"), (40, "07-24")):
        world.hours(*weekly, target=target)
        lead = f"sato{int(target * 10)}"
        handoff = world.get(f"/v1/handoffs/{world.mql(lead, f'2026-{start} 20:17')['id']}")
        assert handoff["remaining"]["policy_seconds"] == target * 3600
        world.at(datetime.fromisoformat(handoff["due_at"]))
        handoff = world.get(f"/v1/handoffs/{handoff['id']}")
        assert handoff["remaining"]["policy_seconds"] == 0
        assert world.explain(lead)["owners"][-1]["used_seconds"] == target * 3600
        world.call(lead)
