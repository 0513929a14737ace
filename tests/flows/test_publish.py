"""New versions of policies and calendars: what applies from now on, which clocks move, and what a preview promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.db import Database
from app.domain.calendar import Calendar
from app.domain.policy import Policy, default_policy
from app.domain.refusals import Refused
from app.flows import ledger, moving, policies, publish, rebuild, sweep
from app.flows.drafts import Preview
from app.flows.publish import Published
from app.models import Alert, AuditEntry, Event, Handoff
from connectors.contract import ExternalId
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
#: A Wednesday noon in Tokyo; the Thursday after it is the example's company day.
WEDNESDAY = datetime(2026, 10, 7, 3, tzinfo=UTC)
THURSDAY = date(2026, 10, 8)
BY = "revops"


def agreed(**more: Any) -> Policy:
    document = default_policy().model_dump(mode="json", by_alias=True, exclude_none=True)
    return Policy.model_validate(document | {"name": "SLA"} | more)


def in_hours(n: float, **more: Any) -> Policy:
    return agreed(clock="business_hours", target=n, **more)


class Office:
    """Leads, and what people publish."""

    def __init__(self, database: Database) -> None:
        self.database, self.cache, self.now = database, policies.Cache(), WEDNESDAY

    def publishes(self, policy: Policy, **more: Any) -> Published:
        return publish.policy(self.database, self.cache, policy, by=BY, now=self.now, **more)

    def opens(self, calendar: Calendar, **more: Any) -> Published:
        return publish.calendar(self.database, self.cache, calendar, by=BY, now=self.now, **more)

    def foresees(self, policy: Policy, **more: Any) -> Preview:
        with self.database.read() as c:
            return publish.preview_policy(c, policy, now=self.now, **more)

    def foresees_calendar(self, calendar: Calendar) -> Preview:
        with self.database.read() as c:
            return publish.preview_calendar(c, calendar, now=self.now)

    def closed_on(self, *days: date, key: str = "default") -> Calendar:
        with self.database.read() as c:
            _, _, calendar = policies.newest_calendar(c, key)
        return calendar.model_copy(update={"company_days": dict.fromkeys(days, "創立記念日")})

    def happens(self, facts: Sequence[ledger.Fact]) -> None:
        with self.database.write() as c:
            ledger.apply(c, list(facts), policies.all_versions(c), self.now)

    def becomes_mql(self, number: int, ago: timedelta = timedelta()) -> None:
        who = (ExternalId("hubspot", str(number)),)
        at = self.now - ago
        self.happens([fact("owner", at - 9 * H, lead=who, owner="tanaka", name="田中 舞"), *mql(at, lead=who)])

    def called(self, number: int) -> None:
        who = (ExternalId("hubspot", str(number)),)
        self.happens([fact("follow_up", self.now, lead=who, channel="call", automated=False)])

    def passes(self, time: timedelta) -> None:
        self.now += time
        sweep.run(self.database, self.cache, self.now)

    def dues(self) -> list[datetime]:
        with self.database.read() as c:
            return list(c.execute(select(Handoff.due_at).order_by(Handoff.id)).scalars())

    def verdicts(self) -> list[str]:
        with self.database.read() as c:
            return list(c.execute(select(Handoff.verdict).order_by(Handoff.id)).scalars())

    def audited(self, action: str) -> list[Any]:
        with self.database.read() as c:
            return list(c.execute(select(AuditEntry.__table__).where(AuditEntry.action == action)))

    def versions(self) -> list[tuple[int, float, int]]:
        with self.database.read() as c:
            return [(v.version, v.policy.target, v.calendar_version) for v in policies.all_versions(c).versions]

    def in_force(self, at: datetime | None = None) -> list[int]:
        with self.database.read() as c:
            return [v.version for v in policies.all_versions(c).in_force(at or self.now)]

    def is_what_the_ledger_says(self) -> bool:
        assert rebuild.check(self.database, self.now) == []
        return True


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def jst(day: int, hour: int, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - 9 * H


def promised(preview: Preview) -> list[tuple[int, datetime, datetime]]:
    return [(m.handoff_id, m.due_before, m.due_after) for m in preview.moves]


def done(published: Published) -> list[tuple[int, datetime, datetime]]:
    return [(m.handoff_id, m.due_before, m.due_after) for m in published.moves]


# --- case 43: a policy edit makes a new version; running clocks keep theirs


def test_case_43_running_clocks_keep_their_version(office: Office) -> None:
    office.becomes_mql(1)
    preview = office.foresees(in_hours(9))
    published = office.publishes(in_hours(9), note="会議 #18")
    assert (published.version, published.new, published.moves) == (2, True, ())
    assert (preview.before, preview.after, preview.running) == (1, 2, 1)
    office.now += H
    office.becomes_mql(2)
    assert office.dues() == [WEDNESDAY + 24 * H, jst(8, 13)]
    (entry,) = office.audited("policy.applied")
    assert (entry.by, entry.subject, entry.before["policy"]["target"], entry.after["policy"]["target"]) == (
        BY,
        "policy:mql",
        24,
        9,
    )
    assert (entry.after["version"], entry.after["note"]) == (2, "会議 #18")
    assert office.audited("handoff.moved") == []
    assert office.is_what_the_ledger_says()


def test_case_43_moved_by_choice_and_the_past_is_not_judged_again(office: Office) -> None:
    office.becomes_mql(1, ago=30 * H)  # breached an age ago
    office.becomes_mql(2, ago=2 * H)
    office.called(2)
    office.becomes_mql(3, ago=2 * H)
    office.passes(timedelta(minutes=1))
    before = office.dues()
    preview = office.foresees(in_hours(18))
    published = office.publishes(in_hours(18), migrate_open=True)
    assert promised(preview) == done(published) == [(3, before[2], jst(9, 10))]
    assert office.dues() == [*before[:2], jst(9, 10)]
    assert office.verdicts() == ["breached", "met", "on_track"]
    (entry,) = office.audited("handoff.moved")
    assert (entry.subject, entry.after["version"], entry.after["clocks"], entry.after["count"]) == (
        "policy:mql",
        2,
        1,
        1,
    )
    assert [each["handoff"] for each in entry.after["handoffs"]] == [3]
    assert office.is_what_the_ledger_says()


def test_nobody_is_overdue_because_of_a_new_target(office: Office) -> None:
    """The new target would have passed: what is left is the policy's notice."""
    office.becomes_mql(1, ago=5 * H)
    tighter = agreed(target=4, notice_minutes=90)
    (move,) = office.foresees(tighter).moves
    assert move.overdue
    (moved,) = office.publishes(tighter, migrate_open=True).moves
    assert moved == move
    assert office.dues() == [WEDNESDAY + timedelta(minutes=90)]
    assert office.is_what_the_ledger_says()


@pytest.mark.parametrize(
    ("ago", "notice", "due_in", "overdue"),
    [
        (3.5, 60, 1, False),  # half an hour would be left: the notice gives an hour
        (4, 60, 1, True),
        (23.75, 60, 0.25, True),  # it was due in a quarter of an hour anyway
        (1, 60, 3, False),
        (4, 0, 0, True),
    ],
)
def test_what_notice_leaves(office: Office, ago: float, notice: float, due_in: float, overdue: bool) -> None:
    office.becomes_mql(1, ago=ago * H)
    changed = agreed(target=4, notice_minutes=notice)
    moves = office.foresees(changed).moves
    assert office.publishes(changed, migrate_open=True).moves == moves
    assert office.dues() == [WEDNESDAY + due_in * H]
    assert [move.overdue for move in moves] == ([overdue] if due_in != 0.25 else [])


def test_moving_twice_moves_once(office: Office) -> None:
    office.becomes_mql(1)
    assert len(office.publishes(in_hours(18), migrate_open=True).moves) == 1
    again = office.publishes(in_hours(18), migrate_open=True)
    assert (again.version, again.new, again.moves) == (2, False, ())
    with office.database.read() as c:
        assert len(c.execute(select(Event.id).where(Event.kind == "terms")).all()) == 1
    assert len(office.audited("policy.applied")) == 1


def test_an_interrupted_move_is_gone_on_with(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is committed first; the clocks follow in portions."""
    monkeypatch.setattr(moving, "LEADS", 2)
    for number in range(5):
        office.becomes_mql(number)
    foreseen = promised(office.foresees(in_hours(18)))
    write_down: Any = moving._write_down
    portions: list[Any] = []

    def power_cut(*given: Any) -> None:
        if portions:
            raise KeyboardInterrupt
        portions.append(given)
        write_down(*given)

    with monkeypatch.context() as cut:
        cut.setattr(moving, "_write_down", power_cut)
        with pytest.raises(KeyboardInterrupt):
            office.publishes(in_hours(18), migrate_open=True)
    assert office.dues() == [jst(9, 12)] * 2 + [WEDNESDAY + 24 * H] * 3
    office.passes(timedelta(minutes=5))
    rest = office.publishes(in_hours(18), migrate_open=True)
    assert (rest.version, done(rest)) == (2, foreseen[2:])
    assert office.dues() == [jst(9, 12)] * 5
    assert sum(entry.after["count"] for entry in office.audited("handoff.moved")) == 5
    assert office.is_what_the_ledger_says()


def test_a_preview_changes_nothing(office: Office) -> None:
    office.becomes_mql(1)
    before = (office.dues(), office.versions())
    preview = office.foresees(in_hours(9))
    office.foresees_calendar(office.closed_on(THURSDAY))
    assert (office.dues(), office.versions(), office.audited("policy.applied")) == (*before, [])
    assert {each.place: (each.before, each.after) for each in preview.differences} == {
        "/name": ("MQL 24時間", "SLA"),
        "/clock": ("elapsed", "business_hours"),
        "/target": (24.0, 9.0),
    }
    (first,) = preview.firsts
    assert (first.start, first.before, first.after) == (WEDNESDAY, WEDNESDAY + 24 * H, jst(8, 12))


def test_case_30_the_same_target_on_three_clocks(office: Office) -> None:
    kinds = {kind.clock.value: (kind.target, kind.due) for kind in office.foresees(agreed(target=24)).kinds}
    assert kinds == {
        "elapsed": (24, jst(8, 12)),
        "business_hours": (24, jst(9, 18)),
        "business_days": (1, jst(8, 12)),
    }


def test_a_version_in_the_future_moves_no_clock_now(office: Office) -> None:
    office.becomes_mql(1)
    later = WEDNESDAY + timedelta(days=7)
    preview = office.foresees(in_hours(9), effective_from=later)
    assert (preview.running, preview.moves, preview.firsts[0].start) == (0, (), later)
    assert refusal(office.publishes, in_hours(9), effective_from=later, migrate_open=True) == "/migrate_open"
    office.publishes(in_hours(9), effective_from=later)
    assert office.in_force() == [1]
    assert office.in_force(later) == [2]


def test_the_same_said_now_although_it_was_to_hold_later(office: Office) -> None:
    office.publishes(in_hours(9), effective_from=WEDNESDAY + timedelta(days=7))
    assert office.publishes(in_hours(9)).new
    assert office.in_force() == [3]


# --- what is refused


def refusal(do: Callable[..., Any], *given: Any, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        do(*given, **more)
    (only,) = refused.value.refusals
    return only.place


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"calendar": "mars"}, "/policy/calendar"),
        ({"owner_calendars": {"tanaka": "default", "a/b": "mars"}}, "/policy/owner_calendars/a~1b"),
        (
            {"rule": {"any": [{"score": {"at_least": 1}}, {"attribute": {"name": "x\0", "is": "y"}}]}},
            "/policy/rule/any/1/attribute/name",
        ),
    ],
)
def test_a_policy_that_cannot_be_kept_names_its_place(office: Office, changed: dict[str, Any], place: str) -> None:
    written = agreed(**changed)
    assert refusal(office.foresees, written) == place
    assert refusal(office.publishes, written) == place
    assert office.versions() == [(1, 24, 1)]


def test_a_name_that_no_database_stores_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        agreed(name="MQL\0")


def test_the_name_of_a_company_day_is_stored_as_well(office: Office) -> None:
    written = office.closed_on(THURSDAY).model_copy(update={"company_days": {THURSDAY: "a\0"}})
    assert refusal(office.foresees_calendar, written) == "/company_days/2026-10-08"
    assert refusal(office.opens, written) == "/company_days/2026-10-08"


def test_a_clock_is_not_moved_to_a_policy_that_is_switched_off(office: Office) -> None:
    assert refusal(office.publishes, agreed(enabled=False), migrate_open=True) == "/migrate_open"


# --- case 42: switched off


def test_case_42_a_policy_that_is_switched_off_owes_no_alerts(office: Office) -> None:
    office.becomes_mql(1)
    with office.database.write() as c:
        row = {"subject": "handoff:1", "handoff_id": 1, "reason": "at_risk", "channel": "log", "recipient": "owner"}
        c.execute(insert(Alert).values(row | {"state": "owed", "owed_at": office.now, "not_before": office.now}))
        sent = row | {"reason": "handed_over", "state": "sent", "owed_at": office.now, "not_before": office.now}
        c.execute(insert(Alert).values(sent))
    office.now += H
    office.publishes(agreed(enabled=False))
    assert office.in_force() == []
    with office.database.read() as c:
        states = {alert.reason: alert.state for alert in c.execute(select(Alert.reason, Alert.state))}
    assert (states["at_risk"], states["handed_over"]) == ("dropped", "sent")
    assert office.dues() == [WEDNESDAY + 24 * H]


# --- case 26: a calendar


def test_case_26_thursday_becomes_a_company_day_on_wednesday(office: Office) -> None:
    """Open clocks on business hours move, elapsed ones do not, and what is over stays."""
    office.becomes_mql(1, ago=26 * H)  # 24 hours elapsed: breached two hours ago
    office.becomes_mql(2, ago=2 * H)  # 24 hours elapsed
    office.publishes(in_hours(9))
    office.now += timedelta(minutes=1)
    office.becomes_mql(3)
    office.passes(H)
    before = office.dues()
    closed = office.closed_on(THURSDAY)
    preview, published = office.foresees_calendar(closed), office.opens(closed)
    assert promised(preview) == done(published) == [(3, jst(8, 12, 1), jst(9, 12, 1))]
    assert office.dues() == [*before[:2], jst(9, 12, 1)]
    assert office.verdicts() == ["breached", "on_track", "on_track"]
    assert [(each.policy, each.before, each.version) for each in published.policies] == [("mql", 1, 3), ("mql", 2, 4)]
    assert preview.policies == published.policies
    assert (preview.before, preview.after, published.version) == (1, 2, 2)
    assert [(first.before, first.after) for first in preview.firsts] == [(jst(8, 13, 1), jst(9, 13, 1))]
    (entry,) = office.audited("handoff.moved")
    assert (entry.subject, entry.after["count"]) == ("calendar:default", 1)
    (applied,) = office.audited("calendar.applied")
    assert (applied.before["version"], applied.after["version"], applied.after["policies"]) == (
        1,
        2,
        ["mql v3", "mql v4"],
    )
    assert applied.after["calendar"]["company_days"] == {"2026-10-08": "創立記念日"}
    assert office.is_what_the_ledger_says()


def test_a_holiday_changes_nobodys_target(office: Office) -> None:
    """A clock of an older version keeps what that version says; new leads get the newest."""
    office.publishes(in_hours(9))
    office.becomes_mql(1)
    office.now += H
    office.publishes(in_hours(18))
    office.opens(office.closed_on(THURSDAY))
    assert office.versions() == [(1, 24, 1), (2, 9, 1), (3, 18, 1), (4, 9, 2), (5, 18, 2)]
    assert office.in_force() == [5]
    assert office.dues() == [jst(9, 12)]
    office.becomes_mql(2)
    assert office.dues()[1] == jst(13, 13)
    assert office.is_what_the_ledger_says()


def test_open_clocks_may_be_left_alone(office: Office) -> None:
    office.publishes(in_hours(9))
    office.becomes_mql(1)
    published = office.opens(office.closed_on(THURSDAY), keep_open=True)
    assert (published.moves, office.dues()) == ((), [jst(8, 12)])
    assert office.versions()[-1] == (3, 9, 2)
    office.now += H
    office.becomes_mql(2)
    assert office.dues()[1] == jst(9, 13)
    later = office.opens(office.closed_on(THURSDAY))
    assert (later.new, later.policies, done(later)) == (False, (), [(1, jst(8, 12), jst(9, 12))])
    assert office.is_what_the_ledger_says()


def test_a_holiday_that_is_taken_back_shortens(office: Office) -> None:
    office.opens(office.closed_on(THURSDAY))
    office.publishes(in_hours(9))
    office.becomes_mql(1)
    assert office.dues() == [jst(9, 12)]
    office.now += H
    preview, published = office.foresees_calendar(office.closed_on()), office.opens(office.closed_on())
    assert promised(preview) == done(published) == [(1, jst(9, 12), jst(8, 12))]
    assert office.is_what_the_ledger_says()


def test_a_day_that_is_past_changes_nothing(office: Office) -> None:
    office.publishes(in_hours(9))
    office.becomes_mql(1)
    past = office.closed_on(date(2026, 9, 1))
    preview, published = office.foresees_calendar(past), office.opens(past)
    assert (preview.running, preview.moves, published.moves) == (1, (), ())
    assert published.version == 2


def test_the_same_calendar_makes_no_version(office: Office) -> None:
    office.opens(office.closed_on())  # this year's list of public holidays is longer than the first version's
    versions = office.versions()
    again = office.opens(office.closed_on())
    assert (again.new, again.policies, office.versions()) == (False, (), versions)
    preview = office.foresees_calendar(office.closed_on())
    assert (preview.before, preview.after, preview.differences) == (again.version, again.version, ())


def test_a_version_that_waits_is_said_again_and_still_waits(office: Office) -> None:
    later = WEDNESDAY + timedelta(days=7)
    office.publishes(in_hours(18), effective_from=later)
    office.opens(office.closed_on(THURSDAY))
    assert office.versions()[2:] == [(3, 24, 2), (4, 18, 2)]
    assert (office.in_force(), office.in_force(later)) == ([3], [4])


def test_a_version_that_waits_on_another_calendar_still_comes_into_force(office: Office) -> None:
    later = WEDNESDAY + timedelta(days=7)
    office.opens(office.closed_on().model_copy(update={"key": "osaka"}))
    office.publishes(in_hours(18, calendar="osaka"), effective_from=later)
    office.opens(office.closed_on(THURSDAY))
    assert [(number, target) for number, target, _ in office.versions()[2:]] == [(3, 24), (4, 18)]
    assert (office.in_force(), office.in_force(later)) == ([3], [4])
    assert office.opens(office.closed_on(THURSDAY)).policies == ()


def test_what_fell_due_before_the_sweep_looked_does_not_move(office: Office) -> None:
    office.becomes_mql(1, ago=23 * H)
    office.now += 2 * H
    assert office.verdicts() == ["at_risk"]
    assert office.foresees(in_hours(18)).running == 0
    office.publishes(in_hours(18), migrate_open=True)
    with office.database.read() as c:
        assert c.execute(select(Event.id).where(Event.kind == "terms")).all() == []


def test_a_calendar_of_an_owner_counts_as_well(office: Office) -> None:
    osaka = office.closed_on().model_copy(update={"key": "osaka"})
    office.opens(osaka)
    office.publishes(in_hours(9, owner_calendars={"tanaka": "osaka"}))
    office.becomes_mql(1)
    closed = osaka.model_copy(update={"company_days": {THURSDAY: ""}})
    preview, published = office.foresees_calendar(closed), office.opens(closed)
    assert promised(preview) == done(published)
    assert [each.version for each in published.policies] == [3]
    assert office.dues() == [jst(9, 12)]
    assert office.is_what_the_ledger_says()


def test_a_calendar_that_no_policy_uses_moves_nothing(office: Office) -> None:
    office.becomes_mql(1)
    preview = office.foresees_calendar(office.closed_on(THURSDAY).model_copy(update={"key": "plant"}))
    assert (preview.before, preview.after, preview.policies, preview.moves) == (None, 1, (), ())


def test_two_policies_keep_their_own_clocks(office: Office) -> None:
    office.publishes(in_hours(9))
    office.publishes(in_hours(4, key="vip", rank=1, rule={"score": {"at_least": 999}}))
    office.becomes_mql(1)
    assert office.publishes(in_hours(2, key="vip", rank=1), migrate_open=True).moves == ()
    office.opens(office.closed_on(THURSDAY))
    assert office.dues() == [jst(9, 12)]
    assert office.is_what_the_ledger_says()


# --- case 27: public holidays are proposed


def test_case_27_holidays_are_proposed_and_not_applied(office: Office) -> None:
    with office.database.read() as c:
        number, proposal = policies.proposal(c, "default", office.now)
    assert number == 1
    assert {change.day.year for change in proposal.changes} == {2029}
    assert proposal.provisional_years == (2028, 2029)
    assert all(change.before is None and change.provisional for change in proposal.changes)
    assert office.versions() == [(1, 24, 1)]
    office.opens(proposal.calendar)
    with office.database.read() as c:
        assert policies.proposal(c, "default", office.now)[1].changes == ()


# --- many at once


def test_two_people_who_publish_at_once_make_two_versions(office: Office) -> None:
    with ThreadPoolExecutor() as people:
        made = list(people.map(office.publishes, [in_hours(n) for n in range(1, 9)]))
    assert sorted(published.version for published in made) == list(range(2, 10))
    assert len(office.audited("policy.applied")) == 8


def test_portions_are_small_and_the_audit_log_names_every_move(office: Office) -> None:
    facts = [f for n in range(250) for f in mql(office.now, lead=(ExternalId("hubspot", str(n)),))]
    office.happens(facts)
    foreseen = office.foresees(in_hours(18))
    published = office.publishes(in_hours(18), migrate_open=True)
    assert promised(foreseen) == done(published)
    portions = [entry.after["count"] for entry in office.audited("handoff.moved")]
    assert (sum(portions), max(portions) <= moving.LEADS) == (250, True)
    assert set(office.dues()) == {jst(9, 12)}
