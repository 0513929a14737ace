"""What the agenda says kept a follow-up from being made, from what the databases know."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from app.db import Database
from app.domain.causes import CAPACITY
from app.flows import absences, agendas, meetings, policies, sweep
from app.flows.policies import Cache
from app.models import Burst, Handoff
from app.settings import Settings
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
#: Thursday 16:30 in Tokyo; a day later is open as well.
AT = FRIDAY - 25 * H
NOW = FRIDAY + 5 * 24 * H


def person(name: str) -> tuple[ExternalId, ...]:
    return (ExternalId("hubspot", name),)


def handed_over(name: str, at: datetime = AT, owner: str = "tanaka") -> list[Any]:
    lead = person(name)
    return [fact("owner", at - 4 * H, lead=lead, owner=owner, name=f"{owner} さん"), *mql(at, lead=lead)]


def call(name: str, at: datetime, **more: Any) -> list[Any]:
    return [fact("follow_up", at, lead=person(name), **{"channel": "call", "automated": False} | more)]


def causes(database: Database, settings: Settings, now: datetime = NOW) -> dict[str, int]:
    sweep.run(database, Cache(), now)
    with database.write() as c:
        meetings.ensure_default_series(c, settings, FRIDAY - timedelta(days=30))
    with database.read() as c:
        return {group.cause.value: group.count for group in agendas.next_agenda(c, settings, now).groups}


@pytest.fixture
def only_the_owner_counts(database) -> None:
    """The usual policy, which from long ago on counts what the owner did, and no bare status."""
    with database.write() as c:
        newest = policies.all_versions(c).versions[0].policy
        strict = newest.follow_ups.model_copy(update={"owner_only": True, "statuses": ()})
        changed = newest.model_copy(update={"follow_ups": strict})
        policies.apply_policy(c, changed, by="test", now=AT, effective_from=AT - 720 * H)


@pytest.mark.parametrize(
    ("owner", "since", "until", "cause"),
    [
        ("tanaka", 20, 30, "owner_absent"),
        ("tanaka", -100, 13, "owner_absent"),
        ("tanaka", -100, 11, "unexplained"),
        ("tanaka", 25, 90, "unexplained"),
        ("suzuki", 20, 30, "unexplained"),
    ],
)
def test_the_owner_was_away(database, settings, apply, owner, since, until, cause) -> None:
    apply(handed_over("a"), AT)
    with database.write() as c:
        span = {"since": AT + since * H, "until": AT + until * H}
        absences.add(c, owner=owner, **span, delegate="", by="test", now=AT)
    assert causes(database, settings) == {cause: 1}


@pytest.mark.parametrize(("more", "cause"), [(CAPACITY - 1, "unexplained"), (CAPACITY, "capacity")])
def test_the_owner_had_too_many_waiting(database, settings, apply, more, cause) -> None:
    """Others of theirs waited at the deadline of one, and were called within their own time."""
    apply(handed_over("a"), AT)
    for n in range(more):
        began = AT + H + n * 20 * timedelta(minutes=1)
        apply(handed_over(f"b{n}", began) + call(f"b{n}", began + 23.5 * H + n * timedelta(minutes=1)), AT + 60 * H)
    # Of another owner; followed up before the deadline; came after it: none of them waited.
    apply(handed_over("other", AT + H, owner="suzuki") + call("other", AT + 24.5 * H), AT + 60 * H)
    apply(handed_over("done", AT + H) + call("done", AT + 2 * H), AT + 60 * H)
    apply(handed_over("later", AT + 24.5 * H) + call("later", AT + 30 * H), AT + 60 * H)
    assert causes(database, settings) == {cause: 1}


@pytest.mark.parametrize(
    ("tried", "cause"),
    [
        ({"by": "suzuki"}, "unreachable_attempts"),
        ({"channel": "other"}, "unreachable_attempts"),
        ({"by": "suzuki", "automated": True}, "only_auto_touch"),
    ],
)
def test_attempts_that_do_not_count(database, settings, apply, only_the_owner_counts, tried, cause) -> None:
    apply(handed_over("a") + call("a", AT + 2 * H, **tried), AT + 3 * H)
    assert causes(database, settings) == {cause: 1}


def test_a_status_that_the_policy_does_not_list_is_an_attempt(database, settings, apply, only_the_owner_counts) -> None:
    status = fact("status", AT + H, lead=person("a"), status="working", raw="対応中")
    apply([*handed_over("a"), status], AT + 3 * H)
    apply(handed_over("b"), AT + 3 * H)
    assert causes(database, settings) == {"unreachable_attempts": 1, "unexplained": 1}


def test_followed_up_late_after_a_try_in_time(database, settings, apply, only_the_owner_counts) -> None:
    tried = call("a", AT + 2 * H, by="suzuki") + call("a", AT + 30 * H, by="tanaka")
    apply(handed_over("a") + tried, AT + 31 * H)
    apply(handed_over("b") + call("b", AT + 30 * H, by="tanaka"), AT + 31 * H)
    assert causes(database, settings, AT + 48 * H) == {"unreachable_attempts": 1, "unexplained": 1}


def test_a_burst_that_was_recorded_is_a_bulk_arrival(database, settings, apply) -> None:
    apply(handed_over("a"), AT)
    sweep.run(database, Cache(), NOW)
    with database.write() as c:
        row = {"began_at": AT, "ended_at": AT, "leads": 2, "handling": "normal", "noticed_at": AT}
        burst = c.execute(insert(Burst).values(row).returning(Burst.id)).scalar_one()
        c.execute(Handoff.__table__.update().values(burst_id=burst))
    assert causes(database, settings) == {"bulk": 1}


def test_the_number_of_queries_does_not_grow_with_the_breaches(database, settings, apply) -> None:
    def asked() -> int:
        statements: list[str] = []
        with database.read() as c:
            event.listen(c, "before_cursor_execute", lambda _c, _cur, said, *_: statements.append(said))
            agendas.next_agenda(c, settings, NOW)
        return len(statements)

    apply(handed_over("a"), AT)
    causes(database, settings)
    few = asked()
    apply([each for n in range(8) for each in handed_over(f"b{n}")], AT)
    assert causes(database, settings) == {"unexplained": 9}
    assert asked() == few
