"""Rules that the teams agreed on are kept in versions, and the data says whether they are kept."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app.db import Database
from app.domain.process_rule import Agreed, RuleState
from app.domain.quality import Kind
from app.domain.refusals import Refused
from app.flows import policies, process_rules
from app.flows.actions import Overtaken, Person
from app.flows.process_rules import NoSuchProcessRule, Standing
from app.settings import Settings
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H, DAY = timedelta(hours=1), timedelta(days=1)
#: Friday 9/18 17:30 in Tokyo.
ME = Person("ito", FRIDAY, date(2026, 9, 18))
RULE = Agreed("対応後2時間以内に記録する", Kind.LATE_LOGGING, 0, ME.today)
NOBODY = Agreed("担当者のいないMQLを残さない", Kind.OWNERLESS, 0, ME.today)


def add(database: Database, key: str = "in-2h", agreed: Agreed = RULE, person: Person = ME) -> Any:
    with database.write() as c:
        return process_rules.add(c, person, key, agreed)


def standing(database: Database, settings: Settings, now: datetime, **more: Any) -> list[Standing]:
    with database.read() as c:
        return process_rules.standing(c, policies.all_versions(c), settings.zone, now, **more)


def state(database: Database, settings: Settings, now: datetime) -> tuple[str, int | None]:
    (only,) = standing(database, settings, now)
    return only.state.value, only.cases


def recorded(at: datetime, after: timedelta, number: int = 1) -> list[Any]:
    """A call, and when it was written down."""
    lead = (ExternalId("hubspot", str(500 + number)),)
    return [fact("follow_up", at, lead=lead, channel="call", automated=False, received_at=at + after)]


def test_late_entries_against_the_rule(database, settings, apply) -> None:
    apply(mql(FRIDAY), FRIDAY)
    apply(recorded(FRIDAY - 30 * H, 9 * H), FRIDAY)  # before the agreement
    add(database)
    assert state(database, settings, FRIDAY + H) == ("in_grace", 0)
    apply(recorded(FRIDAY + DAY, 3 * H), FRIDAY + 2 * DAY)
    assert state(database, settings, FRIDAY + 2 * DAY) == ("in_grace", 1)
    # Still looked at, with the seven days over: not kept.
    late = recorded(FRIDAY + 5 * DAY, 3 * H)
    apply(late, FRIDAY + 6 * DAY)
    assert state(database, settings, FRIDAY + 7 * DAY) == ("violated", 2)
    # Nobody was late since: kept again, once somebody was heard.
    apply(recorded(FRIDAY + 11 * DAY, H), FRIDAY + 12 * DAY)
    assert state(database, settings, FRIDAY + 13 * DAY) == ("reflected", 0)
    assert state(database, settings, FRIDAY + 30 * DAY) == ("unchecked", 0)


def test_as_many_as_are_tolerated(database, settings, apply) -> None:
    apply(mql(FRIDAY), FRIDAY)
    add(database, agreed=replace(RULE, most=2))
    for n in (1, 2):
        apply(recorded(FRIDAY + (3 + n) * DAY, 3 * H), FRIDAY + 6 * DAY)
    assert state(database, settings, FRIDAY + 7 * DAY) == ("reflected", 2)
    apply(recorded(FRIDAY + 6 * DAY, 3 * H), FRIDAY + 7 * DAY)
    assert state(database, settings, FRIDAY + 7 * DAY) == ("violated", 3)


def test_what_waits_for_somebody_counts_however_old(database, settings, apply) -> None:
    apply(mql(FRIDAY), FRIDAY)
    add(database, "owned", NOBODY)
    add(database, "words", replace(NOBODY, text="商談化の定義をそろえる", check=None))
    owned, words = standing(database, settings, FRIDAY + 20 * DAY)
    assert (owned.rule.key, owned.state, owned.cases, owned.days) == ("owned", RuleState.VIOLATED, 1, 20)
    assert (words.rule.key, words.state, words.cases) == ("words", RuleState.UNCHECKED, None)
    assert owned.since == FRIDAY + 13 * DAY


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_can_be_a_check(database, settings, apply, kind) -> None:
    apply(mql(FRIDAY), FRIDAY)
    add(database, agreed=replace(RULE, check=kind, most=9))
    (only,) = standing(database, settings, FRIDAY + 6 * DAY + 20 * H)
    assert (only.state, only.cases is not None) == (RuleState.REFLECTED, True)


def test_a_change_is_a_new_version_with_its_own_seven_days(database, settings, apply) -> None:
    apply(mql(FRIDAY), FRIDAY)
    add(database, "owned", NOBODY)
    later = Person("tanaka", FRIDAY + 10 * DAY, ME.today + 10 * DAY)
    with database.write() as c:
        changed = process_rules.change(c, later, "owned", {"most": 1, "agreed_on": later.today}, seen=1)
        first = process_rules.versions(c, "owned")[-1]
    assert (changed.version, changed.text, changed.most, changed.by) == (2, NOBODY.text, 1, "tanaka")
    assert (first.version, first.most, first.agreed_on, first.by) == (1, 0, ME.today, "ito")
    assert state(database, settings, later.now) == ("in_grace", 1)
    apply(recorded(FRIDAY + 16 * DAY, H, number=2), FRIDAY + 17 * DAY)  # somebody else was called
    assert state(database, settings, FRIDAY + 17 * DAY) == ("reflected", 1)


def test_withdrawn_and_agreed_on_again(database, settings) -> None:
    add(database)
    with database.write() as c:
        gone = process_rules.withdraw(c, ME, "in-2h", " 自動化した ")
    assert (gone.withdrawn_by, gone.withdrawn_reason, gone.withdrawn_at) == ("ito", "自動化した", FRIDAY)
    assert standing(database, settings, FRIDAY) == []
    (shown,) = standing(database, settings, FRIDAY, withdrawn=True)
    assert (shown.state, shown.cases) == (RuleState.WITHDRAWN, None)
    with database.write() as c, pytest.raises(Refused):
        process_rules.withdraw(c, ME, "in-2h", "もう一度")
    with database.write() as c:
        process_rules.change(c, ME, "in-2h", asdict(RULE))
    assert state(database, settings, FRIDAY) == ("in_grace", 0)


@pytest.mark.parametrize(
    ("key", "changes", "place"),
    [
        ("in-2h", {}, "/key"),
        ("In 2h", {}, "/key"),
        ("other", {"text": ""}, "/text"),
        ("other", {"series_key": "nowhere", "meeting_number": 1}, "/series"),
        ("other", {"agreed_on": ME.today + DAY}, "/agreed_on"),
    ],
)
def test_what_is_refused_names_the_field(database, key, changes, place) -> None:
    add(database)
    with pytest.raises(Refused) as refused:
        add(database, key, replace(RULE, **changes))
    assert [refusal.place for refusal in refused.value.refusals] == [place]


def test_a_reason_is_mandatory_and_the_version_seen_is_compared(database) -> None:
    add(database)
    with database.write() as c:
        with pytest.raises(Refused) as refused:
            process_rules.withdraw(c, ME, "in-2h", " ")
        with pytest.raises(Overtaken):
            process_rules.change(c, ME, "in-2h", {"most": 3}, seen=2)
        with pytest.raises(NoSuchProcessRule):
            process_rules.change(c, ME, "other", {"most": 3})
        with pytest.raises(NoSuchProcessRule):
            process_rules.versions(c, "other")
    assert refused.value.refusals[0].place == "/reason"


def test_two_people_at_once_make_two_versions(database) -> None:
    add(database)
    together, failed = threading.Barrier(4), []

    def change(number: int) -> None:
        together.wait()
        try:
            with database.write() as c:
                process_rules.change(c, ME, "in-2h", {"most": number})
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as c:
        rows = process_rules.versions(c, "in-2h")
    assert failed == []
    assert [row.version for row in rows] == [5, 4, 3, 2, 1]
    assert {row.most for row in rows} == {0, 1, 2, 3, 4}
