"""Causes of missed deadlines, what is new and what is carried over, and the figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.agenda import LISTED, figures, grouped, period_start
from app.domain.bursts import spans
from app.domain.calendar import ClockKind, japanese_office, with_public_holidays
from app.domain.causes import CAPACITY, FIXES, TITLES, Arrivals, Backlog, Breach, Cause, Lead, cause_of
from app.domain.clock import Verdict
from app.domain.language import text
from app.domain.policy import Policies, PolicyVersion, default_policy
from app.domain.series import Series, meetings

H, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OFFICE = with_public_holidays(japanese_office(), range(2026, 2028))
#: Thursday 9/24 10:00 in Tokyo, an open day.
QUALIFIED = datetime(2026, 9, 24, 1, tzinfo=UTC)


def version(number: int, clock: ClockKind, target: float, key: str = "mql") -> PolicyVersion:
    policy = default_policy().model_copy(update={"key": key, "clock": clock, "target": target})
    return PolicyVersion(number, number, policy, OFFICE, 1, None)


ELAPSED = version(1, ClockKind.ELAPSED, 24)
HOURS = version(2, ClockKind.BUSINESS_HOURS, 9)
DAYS = version(3, ClockKind.BUSINESS_DAYS, 1)
OTHER = version(4, ClockKind.ELAPSED, 24, key="other")
POLICIES = Policies([ELAPSED, HOURS, DAYS, OTHER])
CALM = Arrivals([], POLICIES)


def breach(**changes: object) -> Breach:
    """Nothing is special about it: due Friday 10:00, while open."""
    plain = Breach(
        handoff_id=1,
        lead=Lead(1, "佐藤", "山田製作所"),
        policy_id=1,
        owner="田中",
        qualified_at=QUALIFIED,
        visible_at=QUALIFIED + timedelta(seconds=4),
        assigned_at=QUALIFIED + 3 * MINUTE,
        due_at=QUALIFIED + 24 * H,
        touched_at=None,
        automated_touches=0,
        link="https://tasuki.example.com/handoffs/1",
    )
    return replace(plain, **changes)


BULK = Arrivals([(1, QUALIFIED + n * timedelta(seconds=20)) for n in range(21)], POLICIES)
LATE = {"assigned_at": QUALIFIED + 13 * H}
NIGHT = {"qualified_at": QUALIFIED + 12 * H, "visible_at": QUALIFIED + 12 * H, "due_at": QUALIFIED + 36 * H}
MAILED = {"automated_touches": 2}
DUE = QUALIFIED + 24 * H
AWAY = {"away": ((DUE - H, DUE + H),)}
LOADED = {"waiting": CAPACITY + 1}
TRIED = {"attempts": 1}


def absent(*hours: tuple[float, float]) -> dict[str, object]:
    """Away from and until so many hours after becoming MQL."""
    return {"away": tuple((QUALIFIED + since * H, QUALIFIED + until * H) for since, until in hours)}


@pytest.mark.parametrize(
    ("changes", "agreed", "arrivals", "cause"),
    [
        ({}, ELAPSED, CALM, Cause.UNEXPLAINED),
        # the first that is true wins, in the order of Cause
        ({"owner": None, **AWAY, **LATE, **MAILED, **LOADED, **TRIED}, ELAPSED, BULK, Cause.NO_OWNER),
        ({**AWAY, **LATE, **MAILED, **LOADED, **TRIED}, ELAPSED, BULK, Cause.OWNER_ABSENT),
        ({**LATE, **MAILED, **LOADED, **TRIED}, ELAPSED, BULK, Cause.BULK),
        ({**LATE, **MAILED, **LOADED, **TRIED}, ELAPSED, CALM, Cause.HANDOVER_DELAY),
        ({**NIGHT, **MAILED, **LOADED, **TRIED, "assigned_at": None}, ELAPSED, CALM, Cause.CLOSED_PERIOD),
        ({**MAILED, **LOADED, **TRIED}, ELAPSED, CALM, Cause.ONLY_AUTO_TOUCH),
        ({**LOADED, **TRIED}, ELAPSED, CALM, Cause.CAPACITY),
        (TRIED, ELAPSED, CALM, Cause.UNREACHABLE_ATTEMPTS),
        # away at the deadline, which is before coming back …
        (absent((23.9, 24.1)), ELAPSED, CALM, Cause.OWNER_ABSENT),
        (absent((24, 30)), ELAPSED, CALM, Cause.OWNER_ABSENT),
        (absent((20, 24)), ELAPSED, CALM, Cause.UNEXPLAINED),
        (absent((25, 90)), ELAPSED, CALM, Cause.UNEXPLAINED),
        # … or for over half of the time: only that within the time, and no hour twice
        (absent((-90, 12)), ELAPSED, CALM, Cause.UNEXPLAINED),
        (absent((-90, 12.1)), ELAPSED, CALM, Cause.OWNER_ABSENT),
        (absent((1, 8), (10, 16)), ELAPSED, CALM, Cause.OWNER_ABSENT),
        (absent((1, 8), (2, 9), (3, 4), (8, 10)), ELAPSED, CALM, Cause.UNEXPLAINED),
        (absent((1, 13.1), (2, 9)), ELAPSED, CALM, Cause.OWNER_ABSENT),
        # on the policy's clock: Thursday 10:00 to Friday 10:00 has nine hours, of which the night is none
        ({"policy_id": 2, **absent((5, 23))}, HOURS, CALM, Cause.UNEXPLAINED),
        ({"policy_id": 2, **absent((3, 23))}, HOURS, CALM, Cause.OWNER_ABSENT),
        # a burst of its source, whatever else arrived
        ({"burst": True}, ELAPSED, CALM, Cause.BULK),
        # more than it, not as many
        ({"waiting": CAPACITY}, ELAPSED, CALM, Cause.UNEXPLAINED),
        # followed up late after what did not count
        ({**TRIED, "touched_at": DUE + 5 * H}, ELAPSED, CALM, Cause.UNREACHABLE_ATTEMPTS),
        # bulk: of this policy, at this time
        ({}, OTHER, BULK, Cause.UNEXPLAINED),
        ({"qualified_at": QUALIFIED - MINUTE}, ELAPSED, BULK, Cause.UNEXPLAINED),
        ({"qualified_at": QUALIFIED + 20 * timedelta(seconds=20)}, ELAPSED, BULK, Cause.BULK),
        ({}, ELAPSED, Arrivals([(1, QUALIFIED)] * 20, POLICIES), Cause.UNEXPLAINED),
        # versions of one policy are one policy
        ({}, ELAPSED, Arrivals([(1, QUALIFIED)] * 11 + [(2, QUALIFIED)] * 10, POLICIES), Cause.BULK),
        # over half of the time, not half
        ({"assigned_at": QUALIFIED + 12 * H}, ELAPSED, CALM, Cause.UNEXPLAINED),
        ({"assigned_at": QUALIFIED + 12 * H + MINUTE}, ELAPSED, CALM, Cause.HANDOVER_DELAY),
        ({"visible_at": QUALIFIED + 13 * H}, ELAPSED, CALM, Cause.HANDOVER_DELAY),
        ({"visible_at": QUALIFIED + 13 * H, "assigned_at": None}, ELAPSED, CALM, Cause.HANDOVER_DELAY),
        ({"assigned_at": QUALIFIED + 900 * H}, ELAPSED, CALM, Cause.HANDOVER_DELAY),
        # owned long before it became MQL
        ({"assigned_at": QUALIFIED - 90 * H}, ELAPSED, CALM, Cause.UNEXPLAINED),
        # on a business clock nights do not count: 19:00 to 09:00 is no delay, Friday 09:31 is
        ({"policy_id": 2, "assigned_at": QUALIFIED + 8 * H}, HOURS, CALM, Cause.HANDOVER_DELAY),
        (
            {
                "policy_id": 2,
                "qualified_at": QUALIFIED + 7 * H,
                "assigned_at": QUALIFIED + 23 * H,
                "due_at": QUALIFIED + 31 * H,
            },
            HOURS,
            CALM,
            Cause.UNEXPLAINED,
        ),
        ({"policy_id": 3, "assigned_at": QUALIFIED + 5 * H}, DAYS, CALM, Cause.HANDOVER_DELAY),
        # closed hours matter to a clock that runs through them
        ({**NIGHT, "assigned_at": None, "policy_id": 2}, HOURS, CALM, Cause.UNEXPLAINED),
        ({"due_at": QUALIFIED + 32 * H}, ELAPSED, CALM, Cause.UNEXPLAINED),  # Friday 18:00, closing time
        ({"due_at": QUALIFIED + 32 * H + MINUTE}, ELAPSED, CALM, Cause.CLOSED_PERIOD),
        ({"due_at": QUALIFIED + 23 * H}, ELAPSED, CALM, Cause.UNEXPLAINED),  # Friday 09:00, opening time
        ({"due_at": QUALIFIED + 23 * H - MINUTE}, ELAPSED, CALM, Cause.CLOSED_PERIOD),
        # somebody did follow up, if late
        ({**MAILED, "touched_at": QUALIFIED + 40 * H}, ELAPSED, CALM, Cause.UNEXPLAINED),
    ],
)
def test_cause(changes: dict, agreed: PolicyVersion, arrivals: Arrivals, cause: Cause) -> None:
    assert cause_of(breach(**changes), agreed, arrivals) is cause


@pytest.mark.parametrize(
    ("owner", "hours", "waiting"),
    [
        ("tanaka", -0.1, 0),
        ("tanaka", 0, 1),  # it waits from its first moment …
        ("tanaka", 2, 2),
        ("tanaka", 2.9, 2),
        ("tanaka", 3, 1),  # … and no more when it is followed up
        ("tanaka", 90, 1),
        ("suzuki", 2, 1),
        ("nobody", 2, 0),
    ],
)
def test_how_many_wait_for_an_owner(owner: str, hours: float, waiting: int) -> None:
    waits = [
        ("tanaka", QUALIFIED + H, QUALIFIED + 3 * H),
        ("tanaka", QUALIFIED, None),
        ("suzuki", QUALIFIED, QUALIFIED + 9 * H),
    ]
    assert Backlog(waits).waiting(owner, QUALIFIED + hours * H) == waiting


def test_the_fix_says_how_many_are_too_many() -> None:
    assert str(CAPACITY) in FIXES[Cause.CAPACITY]
    assert str(CAPACITY) in text("ja", FIXES[Cause.CAPACITY])


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (list(range(20)), []),
        (list(range(21)), [(0, 20)]),
        ([30 * n for n in range(21)], [(0, 600)]),  # ten minutes exactly
        ([30 * n for n in range(20)] + [601], []),
        ([30 * n for n in range(30)], [(0, 870)]),  # two windows that meet are one arrival
        ([*range(21), *range(5000, 5021)], [(0, 20), (5000, 5020)]),
        ([0] * 21, [(0, 0)]),
        ([], []),
    ],
)
def test_bursts(seconds: list[int], expected: list[tuple[int, int]]) -> None:
    def at(second: int) -> datetime:
        return QUALIFIED + timedelta(seconds=second)

    assert spans([at(s) for s in seconds], 20, timedelta(minutes=10)) == [
        (at(first), at(last)) for first, last in expected
    ]


def test_every_cause_has_a_title_and_a_fix_in_both_tongues() -> None:
    assert list(TITLES) == list(FIXES) == list(Cause)
    for words in (*TITLES.values(), *FIXES.values()):
        assert text("ja", words) != words


def test_groups_stand_in_the_order_of_causes_and_count_new_and_carried_over() -> None:
    since, now = QUALIFIED + 24 * H, QUALIFIED + 100 * H
    breaches = [
        breach(handoff_id=1, due_at=QUALIFIED + 26 * H),
        breach(handoff_id=2, due_at=QUALIFIED + 2 * H, assigned_at=None),
        breach(handoff_id=3, due_at=QUALIFIED + 25 * H, touched_at=QUALIFIED + 26 * H),
        breach(handoff_id=4, due_at=since, owner=None),
    ]
    no_owner, unexplained = grouped(breaches, POLICIES, CALM, since, now)
    assert (no_owner.cause, no_owner.count, no_owner.new) == (Cause.NO_OWNER, 1, 1)
    assert no_owner.entries[0].new, "due at the start of the last meeting, which could not know yet"
    assert (unexplained.cause, unexplained.count, unexplained.new) == (Cause.UNEXPLAINED, 3, 2)
    shown = [(e.breach.handoff_id, e.new, e.breach.still_open, e.overdue) for e in unexplained.entries]
    assert shown == [(3, True, False, H), (1, True, True, 74 * H), (2, False, True, 98 * H)]


def test_overdue_is_counted_on_the_policys_clock() -> None:
    due, now = datetime(2026, 9, 18, 8, 30, tzinfo=UTC), datetime(2026, 9, 24, 1, 0, tzinfo=UTC)
    late = [breach(handoff_id=n, policy_id=n, due_at=due) for n in (1, 2, 3)]
    ((group,)) = grouped(late, POLICIES, CALM, due, now)
    assert [(e.overdue, e.working) for e in group.entries] == [
        (now - due, False),
        (90 * MINUTE, True),
        (90 * MINUTE, True),
    ]


def test_of_very_many_the_newest_meeting_business_is_listed_and_the_rest_counted() -> None:
    old = [breach(handoff_id=n, due_at=QUALIFIED + 5 * H) for n in range(LISTED)]
    new = [breach(handoff_id=LISTED + n, due_at=QUALIFIED + 24 * H) for n in range(3)]
    (group,) = grouped(old + new, POLICIES, CALM, QUALIFIED + 10 * H, QUALIFIED + 90 * H)
    assert (group.count, group.new, len(group.entries)) == (LISTED + 3, 3, LISTED)
    assert [e.new for e in group.entries[:4]] == [True, True, True, False]


@pytest.mark.parametrize(
    ("by_verdict", "attainment", "voided", "unknown"),
    [
        ({}, (0, 0), 0, 0),
        ({Verdict.MET: 41, Verdict.BREACHED: 8, Verdict.MET_LATE: 3}, (41, 52), 0, 0),
        # overdue, and the sweep is yet to say so
        ({Verdict.MET: 1, Verdict.ON_TRACK: 1, Verdict.AT_RISK: 1}, (1, 3), 0, 0),
        # counted apart
        ({Verdict.MET: 1, Verdict.VOIDED: 5, Verdict.UNKNOWN: 2}, (1, 1), 5, 2),
    ],
)
def test_attainment_is_met_of_met_and_breached(
    by_verdict: dict[Verdict, int], attainment: tuple[int, int], voided: int, unknown: int
) -> None:
    counted = figures(by_verdict, mqls=9, leads=8, withdrawn=1)
    assert (counted.attainment.part, counted.attainment.whole) == attainment
    assert (counted.voided, counted.unknown, counted.withdrawn, counted.mqls) == (voided, unknown, 1, 9)


@pytest.mark.parametrize(
    ("now", "since"),
    [
        # Meeting 3 is planned for 9/21 and held on 9/24; meeting 2 was on 9/14, meeting 4 is on 9/28
        (datetime(2026, 9, 22, tzinfo=UTC), datetime(2026, 9, 14, 1, tzinfo=UTC)),
        (datetime(2026, 9, 24, 1, 30, tzinfo=UTC), datetime(2026, 9, 14, 1, tzinfo=UTC)),  # it is being held
        (datetime(2026, 9, 24, 2, 0, tzinfo=UTC), datetime(2026, 9, 24, 1, tzinfo=UTC)),
        # before the first: one rhythm back
        (datetime(2026, 9, 7, 1, 30, tzinfo=UTC), datetime(2026, 8, 31, 1, tzinfo=UTC)),
        (datetime(2026, 9, 2, 1, tzinfo=UTC), datetime(2026, 8, 26, 1, tzinfo=UTC)),
        (datetime(2026, 1, 8, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_period_begins_with_the_meeting_before(now: datetime, since: datetime) -> None:
    series = Series(name="連携会議", weekday="mon", time="10:00", first=date(2026, 9, 7))
    (meeting,) = meetings(series, OFFICE, now, 1)
    assert period_start(series, OFFICE, meeting, now) == since
