"""When a rule that was agreed on counts as kept, and what can be agreed on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.language import text
from app.domain.process_rule import (
    GRACE,
    STATES,
    Agreed,
    Observed,
    RuleState,
    agreed_at,
    check,
    check_key,
    in_words,
    state_of,
    watched_since,
)
from app.domain.quality import Kind
from app.domain.refusals import Refused

DAY = timedelta(days=1)
TODAY = date(2026, 9, 24)
BEGAN = datetime(2026, 9, 9, 15, tzinfo=UTC)
RULE = Agreed("対応後2時間以内に記録する", Kind.LATE_LOGGING, 2, date(2026, 9, 10))


@pytest.mark.parametrize(
    ("cases", "heard", "age", "state"),
    [
        (0, True, GRACE, RuleState.REFLECTED),
        (2, True, 90 * DAY, RuleState.REFLECTED),  # as many as are tolerated
        (3, True, GRACE, RuleState.VIOLATED),
        (3, True, GRACE - timedelta(seconds=1), RuleState.IN_GRACE),
        (0, True, timedelta(), RuleState.IN_GRACE),
        (0, False, 2 * DAY, RuleState.IN_GRACE),
        # of silence nothing follows, of cases it does
        (0, False, GRACE, RuleState.UNCHECKED),
        (3, False, GRACE, RuleState.VIOLATED),
        # no data shows it, however long ago
        (None, True, 2 * DAY, RuleState.UNCHECKED),
        (None, True, 90 * DAY, RuleState.UNCHECKED),
    ],
)
def test_state(cases: int | None, heard: bool, age: timedelta, state: RuleState) -> None:
    assert state_of(RULE, BEGAN, Observed(cases, heard), BEGAN + age) is state


@pytest.mark.parametrize(
    ("age", "since"), [(2 * DAY, timedelta()), (GRACE, timedelta()), (GRACE + DAY, DAY), (90 * DAY, 83 * DAY)]
)
def test_the_last_seven_days_are_looked_at_and_nothing_before_the_agreement(age: timedelta, since: timedelta) -> None:
    assert watched_since(BEGAN, BEGAN + age) == BEGAN + since


def test_a_rule_applies_from_the_local_beginning_of_its_day() -> None:
    assert agreed_at(date(2026, 9, 10), ZoneInfo("Asia/Tokyo")) == BEGAN
    assert agreed_at(date(2026, 3, 8), ZoneInfo("America/New_York")) == datetime(2026, 3, 8, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        ({"text": "  \n"}, "/text", "needed"),
        ({"text": "x" * 2001}, "/text", "string_too_long"),
        ({"text": "a\x00b"}, "/text", "not_storable"),
        ({"text": "a\x1b[2Jb"}, "/text", "not_storable"),
        ({"agreed_on": date(2026, 9, 25)}, "/agreed_on", "in_the_future"),
        ({"agreed_on": date(2026, 9, 8)}, "/agreed_on", "before_last"),
        ({"agreed_on": date(1999, 12, 31)}, "/agreed_on", "year"),
        ({"meeting_number": 3}, "/series", "needed"),
    ],
)
def test_what_cannot_be_agreed_on(changes: dict, place: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check(replace(RULE, **changes), TODAY, date(2026, 9, 9))
    assert [(refusal.place, refusal.code) for refusal in refused.value.refusals] == [(place, code)]
    assert refused.value.refusals[0].message_ja != refused.value.refusals[0].message_en


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({}, None),
        ({"text": "1行目\n2行目", "agreed_on": TODAY}, None),
        ({"agreed_on": date(2026, 9, 9)}, date(2026, 9, 9)),  # twice in one meeting
        ({"series_key": "default", "meeting_number": 3}, None),
    ],
)
def test_what_can(changes: dict, last: date | None) -> None:
    check(replace(RULE, **changes), TODAY, last)


@pytest.mark.parametrize("key", ["", "In-2h", "-x", "a b", "記録", "a\n", "x" * 65])
def test_keys_that_cannot_be(key: str) -> None:
    with pytest.raises(Refused):
        check_key(key)


def test_keys_that_can() -> None:
    for key in ("log-within-2h", "2h", "x" * 64):
        check_key(key)


def test_every_state_has_words_in_both_tongues() -> None:
    assert list(STATES) == list(RuleState)
    assert all(text("ja", words) != words for words in STATES.values())
    assert in_words(RuleState.VIOLATED, 5, "en") == "not kept; cases in 7 days: 5"
    unheard, unshown = (in_words(RuleState.UNCHECKED, cases, "ja") for cases in (0, None))
    assert unheard != unshown
