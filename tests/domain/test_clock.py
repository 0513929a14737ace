"""The clock of one handoff as tables: when it warns, when it is due, and the verdict at every moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.calendar import Calendar, japanese_office, with_public_holidays
from app.domain.clock import OPEN, Status, Terms, Verdict, evaluate, plain_terms, terms
from app.domain.history import Episode, Touch
from app.domain.policy import Policies, Policy, PolicyVersion
from app.domain.rules import DEFAULT_RULE

#: Friday 17:30 in Tokyo, before five closed days.
QUALIFIED = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
H, TICK = timedelta(hours=1), timedelta(microseconds=1)
OFFICE: Calendar = with_public_holidays(japanese_office(), range(2026, 2028))


def episode(**changes: Any) -> Episode:
    plain: dict[str, Any] = {
        "number": 1,
        "policy_id": 1,
        "qualified_at": QUALIFIED,
        "visible_at": QUALIFIED,
        "completed_by": "e4",
        "findings": (),
        "owner": None,
        "owner_name": None,
        "owner_email": None,
        "assigned_at": None,
    }
    return Episode(**plain | changes)


def touched(after: timedelta) -> Touch:
    return Touch(QUALIFIED + after, "e9", "call", "rep-1", QUALIFIED + max(after, H))


DUE, WARN = 24 * H, 18 * H
TERMS = Terms(QUALIFIED + DUE, QUALIFIED + WARN)
UNWARNED = Terms(QUALIFIED + DUE, None)


@pytest.mark.parametrize(
    ("after", "verdict", "since", "look_again"),
    [
        (0 * H, "on_track", 0 * H, WARN),
        (WARN - TICK, "on_track", 0 * H, WARN),
        (WARN, "at_risk", WARN, DUE + TICK),
        (DUE, "at_risk", WARN, DUE + TICK),
        (DUE + TICK, "breached", DUE, None),
        (90 * 24 * H, "breached", DUE, None),
    ],
)
def test_nobody_follows_up(after: timedelta, verdict: str, since: timedelta, look_again: timedelta | None) -> None:
    expected = Status(Verdict(verdict), QUALIFIED + since, None if look_again is None else QUALIFIED + look_again)
    assert evaluate(episode(), TERMS, QUALIFIED + after) == expected


@pytest.mark.parametrize(
    ("after", "verdict", "look_again"),
    [(0 * H, "on_track", DUE + TICK), (DUE, "on_track", DUE + TICK), (DUE + TICK, "breached", None)],
)
def test_without_a_warning(after: timedelta, verdict: str, look_again: timedelta | None) -> None:
    status = evaluate(episode(), UNWARNED, QUALIFIED + after)
    assert (status.verdict, status.check_again_at) == (verdict, None if look_again is None else QUALIFIED + look_again)


@pytest.mark.parametrize("now", [QUALIFIED, QUALIFIED + 20 * H, QUALIFIED + 99 * H])
@pytest.mark.parametrize(
    ("changes", "verdict", "since"),
    [
        ({"touch": touched(H)}, "met", H),
        ({"touch": touched(DUE)}, "met", DUE),
        ({"touch": touched(DUE + TICK)}, "met_late", DUE + TICK),
        ({"touch": touched(-3 * H)}, "met", 0 * H),
        ({"touch": touched(H), "void_reason": "competitor", "ended_at": QUALIFIED + 2 * H}, "voided", 2 * H),
        ({"void_reason": "not_qualified"}, "voided", 0 * H),
        ({"touch": touched(H), "ended_at": QUALIFIED + 2 * H}, "met", H),
    ],
)
def test_what_is_over_stays_as_it_is(changes: dict[str, Any], verdict: str, since: timedelta, now: datetime) -> None:
    assert evaluate(episode(**changes), TERMS, now) == Status(Verdict(verdict), QUALIFIED + since, None)


def test_every_moment_to_look_again_changes_the_verdict() -> None:
    """From look to look: no moment is looked at twice, and the last one is the breach."""
    for agreed in (TERMS, UNWARNED):
        now, seen = QUALIFIED, []
        while (status := evaluate(episode(), agreed, now)).check_again_at:
            assert status.check_again_at > now
            seen.append(status.verdict)
            now = status.check_again_at
        assert status.verdict is Verdict.BREACHED
        assert len(set(seen)) == len(seen)
        assert set(seen) <= OPEN


@pytest.mark.parametrize(
    ("policy", "due", "warn"),
    [
        ({"target": 24}, QUALIFIED + 24 * H, QUALIFIED + 18 * H),
        ({"target": 24, "warn_when_left": 0}, QUALIFIED + 24 * H, None),
        ({"target": 0.5, "warn_when_left": 0.5}, QUALIFIED + H / 2, QUALIFIED + H / 4),
        # Nine hours of work from Friday 17:30: half an hour that day, the rest on Thursday the 24th.
        ({"target": 9, "clock": "business_hours"}, "2026-09-24T17:30+09:00", "2026-09-24T15:15+09:00"),
        ({"target": 24, "clock": "business_hours"}, "2026-09-28T14:30+09:00", "2026-09-25T17:30+09:00"),
        ({"target": 1, "clock": "business_days"}, "2026-09-24T17:30+09:00", "2026-09-24T15:15+09:00"),
    ],
)
def test_until_when(policy: dict[str, Any], due: datetime | str, warn: datetime | str | None) -> None:
    version = PolicyVersion(1, 1, Policy(key="mql", name="MQL", rule=DEFAULT_RULE, **policy), OFFICE, 1, None)
    assert plain_terms(QUALIFIED, version) == terms(episode(), Policies([version]))
    assert plain_terms(QUALIFIED, version) == Terms(_at(due), None if warn is None else _at(warn))


def _at(written: datetime | str) -> datetime:
    return written if isinstance(written, datetime) else datetime.fromisoformat(written).astimezone(UTC)
