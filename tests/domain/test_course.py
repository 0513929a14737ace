"""What moves a running clock, as tables: pauses, owners, tiers, new terms; and the laws that hold for all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.calendar import Calendar, ClockKind, japanese_office, with_public_holidays, working_time
from app.domain.clock import plain_receipt, receipt, terms
from app.domain.deadline import Receipt, receipt_lines
from app.domain.episode import Change, ChangeKind, Episode
from app.domain.policy import Policies, Policy, PolicyVersion
from app.domain.rules import DEFAULT_RULE

JST = ZoneInfo("Asia/Tokyo")
H = timedelta(hours=1)
OFFICE = with_public_holidays(japanese_office(), range(2026, 2028))
BERLIN = Calendar(
    key="berlin",
    time_zone="Europe/Berlin",
    weekly={day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
)


def at(written: str) -> datetime:
    """`10 17:30` in September 2026, Tokyo."""
    day, time = written.split()
    return datetime.fromisoformat(f"2026-09-{int(day):02}T{time}+09:00").astimezone(UTC)


def version(id: int = 1, *, number: int = 1, calendar: Calendar = OFFICE, **policy: Any) -> PolicyVersion:
    given: dict[str, Any] = {"key": "mql", "name": "MQL", "clock": "business_hours", "target": 9}
    agreed = Policy(rule=DEFAULT_RULE, **given | policy)
    return PolicyVersion(id, number, agreed, calendar, 1, None, calendars={"berlin": BERLIN})


def pause(since: str, until: str, reason: str = "折り返し") -> Change:
    return Change(ChangeKind.PAUSE, at(since), at(since), until=at(until), reason=reason)


def owner(since: str, who: str | None) -> Change:
    return Change(ChangeKind.OWNER, at(since), at(since), owner=who)


def moved(kind: str, since: str, policy_id: int) -> Change:
    return Change(ChangeKind(kind), at(since), at(since), policy_id=policy_id)


def episode(start: str, *changes: Change) -> Episode:
    return Episode(
        number=1,
        policy_id=1,
        qualified_at=at(start),
        visible_at=at(start),
        completed_by="e4",
        findings=(),
        owner=None,
        owner_name=None,
        owner_email=None,
        assigned_at=None,
        changes=list(changes),
    )


def due(start: str, *changes: Change, versions: list[PolicyVersion] | None = None, **policy: Any) -> str:
    agreed = terms(episode(start, *changes), Policies(versions or [version(**policy)]))
    return f"{agreed.due_at.astimezone(JST):%-d %H:%M}"


# Office: Monday to Friday 9 to 18. 9/14 is a Monday; 9/21 to 9/23 are holidays.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param([], "15 10:00", id="nine hours from ten"),
        pytest.param([pause("14 12:00", "14 14:00")], "15 12:00", id="two hours"),
        pytest.param([pause("14 12:00", "16 12:00")], "17 10:00", id="over two nights"),
        pytest.param([pause("14 18:00", "15 09:00")], "15 10:00", id="outside hours adds nothing"),
        pytest.param([pause("14 17:00", "15 10:00")], "15 12:00", id="only its open part counts"),
        pytest.param([pause("15 10:00", "17 10:00")], "15 10:00", id="set at the deadline it heals nothing"),
        pytest.param([pause("15 11:00", "17 10:00")], "15 10:00", id="set after it neither"),
        pytest.param([pause("14 12:00", "14 14:00"), pause("14 13:00", "14 15:00")], "15 13:00", id="overlaps once"),
        pytest.param([pause("14 12:00", "14 15:00"), pause("14 13:00", "14 14:00")], "15 13:00", id="inside another"),
        pytest.param(
            [pause("14 12:00", "14 13:00"), pause("15 10:30", "15 12:00")],
            "15 12:30",
            id="the second in what the first gave",
        ),
        pytest.param(
            [pause("14 12:00", "14 13:00"), pause("15 11:00", "15 12:00")], "15 11:00", id="the second too late"
        ),
        pytest.param([pause("14 08:00", "14 11:00")], "15 11:00", id="begun before the start"),
    ],
)
def test_a_pause_adds_its_open_time(changes: list[Change], expected: str) -> None:
    assert due("14 10:00", *changes) == expected


@pytest.mark.parametrize(
    ("policy", "changes", "expected"),
    [
        ({"clock": "elapsed", "target": 24}, [pause("14 20:00", "14 23:00")], "15 13:00"),
        ({"clock": "business_days", "target": 1}, [], "15 10:00"),
        ({"clock": "business_days", "target": 1}, [pause("14 12:00", "14 14:00")], "15 12:00"),
        ({"clock": "business_days", "target": 1}, [pause("14 18:30", "15 08:00")], "15 10:00"),
        ({"clock": "business_days", "target": 3}, [pause("14 12:00", "16 12:00")], "24 10:00"),
    ],
)
def test_on_the_other_clocks(policy: dict[str, Any], changes: list[Change], expected: str) -> None:
    assert due("14 10:00", *changes, **policy) == expected


@pytest.mark.parametrize(
    ("policy", "changes", "expected"),
    [
        ({}, [owner("14 10:00", "a"), owner("14 13:00", "b")], "15 10:00"),
        ({"reassignment": "restart"}, [owner("14 10:00", "a"), owner("14 13:00", "b")], "15 13:00"),
        ({"reassignment": "restart"}, [owner("14 10:00", None), owner("14 13:00", "b")], "15 10:00"),
        ({"reassignment": "restart"}, [owner("14 10:00", "a"), owner("14 13:00", None)], "15 10:00"),
        (
            {"reassignment": "restart"},
            [owner("14 10:00", "a"), owner("14 13:00", "b"), owner("14 15:00", "c")],
            "15 13:00",
        ),
        (
            {"reassignment": "restart", "restarts_at_most": 2},
            [owner("14 10:00", "a"), owner("14 13:00", "b"), owner("14 15:00", "c")],
            "15 15:00",
        ),
        ({"reassignment": "restart"}, [owner("14 10:00", "a"), owner("15 10:00", "b")], "15 10:00"),
        # Two hours used in Tokyo until noon (05:00 in Berlin); the other seven from 9:00 in Berlin (16:00) on.
        ({"owner_calendars": {"b": "berlin"}}, [owner("14 10:00", "a"), owner("14 12:00", "b")], "14 23:00"),
        # The whole clock in Berlin: nine hours from 9:00 (16:00 in Tokyo), eight of them on the first day.
        ({"owner_calendars": {"b": "berlin"}}, [owner("14 10:00", "b")], "15 17:00"),
        # There and back: two hours in Tokyo, two in Berlin, the rest in Tokyo the next day.
        (
            {"owner_calendars": {"b": "berlin"}},
            [owner("14 10:00", "a"), owner("14 12:00", "b"), owner("14 18:00", "a")],
            "15 14:00",
        ),
    ],
)
def test_a_new_owner(policy: dict[str, Any], changes: list[Change], expected: str) -> None:
    assert due("14 10:00", *changes, **policy) == expected


ENTERPRISE = {"key": "enterprise", "rank": 1, "target": 4, "notice_minutes": 60}


@pytest.mark.parametrize(
    ("changes", "began", "expected"),
    [
        pytest.param([moved("tier", "14 11:00", 2)], {}, "14 14:00", id="start plus the new target"),
        pytest.param([moved("tier", "14 13:30", 2)], {}, "14 14:30", id="an hour to notice"),
        pytest.param([moved("tier", "15 09:30", 2)], {}, "15 10:00", id="never later than before"),
        pytest.param([moved("tier", "15 10:30", 2)], {}, "15 10:00", id="too late to matter"),
        pytest.param(
            [moved("tier", "14 11:00", 2), moved("tier", "14 12:00", 1)],
            {"tier_falls": "extend"},
            "15 10:00",
            id="falls again",
        ),
        pytest.param([moved("tier", "14 11:00", 2), pause("14 12:00", "14 13:00")], {}, "14 15:00", id="then a pause"),
        pytest.param([pause("14 10:30", "14 11:00"), moved("tier", "14 11:30", 2)], {}, "14 14:30", id="after a pause"),
    ],
)
def test_a_tier(changes: list[Change], began: dict[str, Any], expected: str) -> None:
    assert due("14 10:00", *changes, versions=[version(**began), version(2, **ENTERPRISE)]) == expected


HOLIDAY = OFFICE.model_copy(update={"company_days": (*OFFICE.company_days, "2026-09-15")})


@pytest.mark.parametrize(
    ("changed", "moment", "expected"),
    [
        pytest.param({"calendar": HOLIDAY}, "14 12:00", "16 10:00", id="a company day announced on the day before"),
        pytest.param({"calendar": HOLIDAY}, "15 10:00", "15 10:00", id="announced when it was due"),
        pytest.param({"target": 18}, "14 12:00", "16 10:00", id="more time"),
        pytest.param({"target": 4}, "14 12:00", "14 14:00", id="less time"),
        pytest.param({"target": 1}, "14 12:00", "14 13:00", id="overdue at once: an hour to notice"),
        pytest.param({"target": 1}, "15 09:30", "15 10:00", id="… but never more than there was"),
    ],
)
def test_new_terms(changed: dict[str, Any], moment: str, expected: str) -> None:
    versions = [version(), version(2, number=2, **changed)]
    assert due("14 10:00", moved("terms", moment, 2), versions=versions) == expected


def test_a_pause_survives_new_terms() -> None:
    versions = [version(), version(2, number=2, target=18)]
    changes = [pause("14 12:00", "14 13:00"), moved("terms", "14 14:00", 2)]
    assert due("14 10:00", *changes, versions=versions) == "16 11:00"


def test_a_staggered_start() -> None:
    later = Change(ChangeKind.START, at("14 10:05"), at("14 10:05"), until=at("17 09:00"))
    assert due("14 10:00", later) == "17 18:00"


@pytest.mark.parametrize(
    ("policy", "changes", "expected"),
    [
        ({"target": 8}, [], "14 16:00"),
        ({"target": 8}, [pause("14 11:00", "14 12:00")], "14 17:00"),
        pytest.param({"target": 8}, [pause("14 16:30", "14 17:30")], "14 17:30", id="nobody is warned in a pause"),
        ({"target": 8, "warn_hours_before": 1}, [], "14 17:00"),
        ({"target": 9, "warn_hours_before": 3}, [], "14 16:00"),
        pytest.param(
            {"target": 2, "warn_hours_before": 3}, [], "14 10:00", id="shorter than the warning: at the start"
        ),
        ({"target": 8, "warn_when_left": 0}, [], None),
    ],
)
def test_the_warning(policy: dict[str, Any], changes: list[Change], expected: str | None) -> None:
    warn_at = terms(episode("14 10:00", *changes), Policies([version(**policy)])).warn_at
    assert (f"{warn_at.astimezone(JST):%-d %H:%M}" if warn_at else None) == expected


def test_the_receipt_tells_it_line_by_line() -> None:
    found = receipt(episode("14 10:00", pause("14 12:00", "14 14:00", "折り返しのご希望")), Policies([version()]))
    assert receipt_lines(found, JST, "ja") == [
        "9/14(月) 10:00–12:00  2:00 消費  残り 7:00",
        "9/14(月) 12:00–14:00  一時停止(折り返しのご希望)  残り 7:00",
        "9/14(月) 14:00–18:00  4:00 消費  残り 3:00",
        "9/15(火) 09:00–12:00  3:00 消費  残り 0:00  → 期限",
    ]


def used(found: Receipt) -> timedelta:
    return sum((line.used for line in found.lines), timedelta())


MINUTES = st.integers(0, 14 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@given(
    start=MINUTES,
    target=st.integers(1, 60),
    pauses=st.lists(st.tuples(MINUTES, st.integers(1, 5000)), max_size=4),
    clock=st.sampled_from(["elapsed", "business_hours"]),
    calendar=st.sampled_from([OFFICE, BERLIN]),
)
@settings(max_examples=200, deadline=None)
def test_the_time_that_runs_is_the_target(
    start: timedelta, target: int, pauses: list[tuple[timedelta, int]], clock: str, calendar: Calendar
) -> None:
    """Elapsed time between start and deadline, without the union of the pauses, is the target; and the receipt adds
    up to it."""
    base = at("7 00:00")
    changes = [
        Change(ChangeKind.PAUSE, base + since, base + since, until=base + since + timedelta(minutes=length), reason="x")
        for since, length in sorted(pauses)
    ]
    agreed = version(clock=clock, target=target, calendar=calendar)
    one = replace(episode("7 00:00", *changes), qualified_at=base + start)
    found = receipt(one, Policies([agreed]))
    assert used(found) == target * H
    running = _length(agreed, found.start, found.due) - sum(
        (_length(agreed, b, e) for b, e in _union(changes, found.start, found.due)), timedelta()
    )
    assert running == target * H
    assert found.due >= plain_receipt(base + start, agreed).due


def _length(agreed: PolicyVersion, earlier: datetime, later: datetime) -> timedelta:
    if agreed.policy.clock is ClockKind.ELAPSED:
        return later - earlier
    return working_time(agreed.calendar, earlier, later)


def _union(changes: list[Change], start: datetime, due: datetime) -> list[tuple[datetime, datetime]]:
    """The pauses between start and deadline, without what they share."""
    covered: list[tuple[datetime, datetime]] = []
    for change in changes:
        assert change.until is not None
        begins = max(change.at, start, covered[-1][1] if covered else start)
        ends = min(change.until, due)
        if change.at < due and begins < ends:
            covered.append((begins, ends))
    return covered
