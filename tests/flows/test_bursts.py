"""Bursts: recognised however the leads come in, announced once, timed as agreed, decided otherwise by people."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.policy import default_policy
from app.flows import bursts, policies, rebuild
from app.flows.policies import Cache
from app.models import HANDED_OVER, Alert, AuditEntry, Burst, Handoff
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import mql

MINUTE, H = timedelta(minutes=1), timedelta(hours=1)
NOW = FRIDAY + 10 * MINUTE


@pytest.fixture
def arrive(database, apply, settings):
    """`arrive(n)` → n leads that qualify ten seconds apart; then the watch looks."""

    def run(count: int, *, first: int = 0, apart: timedelta = timedelta(seconds=10)) -> int:
        for number in range(first, first + count):
            apply(mql(FRIDAY + number * apart, lead=(ExternalId("hubspot", f"b{number}"),)), NOW)
        return bursts.watch(database, Cache(), settings, NOW)

    return run


def agree(database: Any, **rule: Any) -> None:
    policy = default_policy().model_copy(update={"bursts": default_policy().bursts.model_copy(update=rule)})
    with database.write() as c:
        policies.apply_policy(c, policy, by="test", now=FRIDAY, effective_from=FRIDAY - 9 * H)


def handoffs(database: Any) -> list[Any]:
    with database.read() as c:
        return list(c.execute(select(Handoff.__table__).where(HANDED_OVER).order_by(Handoff.qualified_at)))


def rows(database: Any, table: Any) -> list[Any]:
    with database.read() as c:
        return list(c.execute(select(table.__table__).order_by(table.id)))


def test_twenty_are_no_burst_and_one_more_is(database, arrive) -> None:
    assert arrive(20) == 0
    assert rows(database, Burst) == []
    assert arrive(1, first=20) == 21
    (burst,) = rows(database, Burst)
    assert (burst.leads, burst.handling, burst.began_at) == (21, "normal", FRIDAY)
    assert {row.burst_id for row in handoffs(database)} == {burst.id}
    assert rebuild.check(database, NOW) == []


def test_leads_that_trickle_in_are_no_burst(database, arrive) -> None:
    assert arrive(40, apart=timedelta(seconds=31)) == 0


def test_it_grows_and_is_announced_once(database, arrive) -> None:
    assert arrive(25) == 25
    assert arrive(10, first=25) == 10
    assert arrive(0) == 0
    (burst,) = rows(database, Burst)
    assert burst.leads == 35
    told = [alert for alert in rows(database, Alert) if alert.reason == "burst"]
    assert [(alert.subject, alert.channel, alert.state) for alert in told] == [
        ("burst:1", "log", "owed"),
        ("burst:1", "slack", "owed"),
    ]
    assert rebuild.check(database, NOW) == []


def test_staggered_by_capacity(database, arrive) -> None:
    agree(database, handling="stagger", per_day=10)
    arrive(25)
    starts = Counter(row.due_at - row.qualified_at for row in handoffs(database))
    days = sorted(round(length / timedelta(days=1)) for length in starts.elements())
    # Friday: ten are due a day later; ten start on Thursday after the holidays, five on the Friday after it.
    assert Counter(days) == {1: 10, 7: 10, 8: 5}
    assert rebuild.check(database, NOW) == []


def test_excluded_they_have_no_clock(database, arrive) -> None:
    agree(database, handling="exclude")
    arrive(25)
    assert {(row.verdict, row.episode["void_reason"]) for row in handoffs(database)} == {("voided", "burst")}
    assert rebuild.check(database, NOW) == []


def test_a_person_decides_otherwise_and_back(database, arrive) -> None:
    arrive(25)
    before = [row.due_at for row in handoffs(database)]
    for handling, moved in (("stagger", 25), ("normal", 25)):
        with database.write() as c:
            known = policies.all_versions(c)
            assert bursts.handle(c, 1, handling, by="管理者", policies=known, now=NOW) == moved
    assert [row.due_at for row in handoffs(database)] == before
    log = [(row.by, row.before, row.after) for row in rows(database, AuditEntry) if row.action == "burst.handled"]
    assert log[0] == ("管理者", {"handling": "normal"}, {"handling": "stagger", "moved": 25})
    assert len(log) == 2
    assert rebuild.check(database, NOW) == []


def test_the_announcement(database, arrive, settings) -> None:
    arrive(25)
    with database.read() as c:
        alert = c.execute(select(Alert.__table__, Alert.id.label("alert_id")).where(Alert.reason == "burst")).first()
        message = bursts.message(c, alert, settings, NOW)
    assert message.title == "一括流入: 短時間に 25件が MQL 基準を満たしました"
    assert dict(message.fields)["期限の扱い"] == "通常どおり"
    assert "9/18(金) 17:30–17:34" in dict(message.fields).values()


def test_the_api(client, token, database, arrive) -> None:
    arrive(25)
    shown = client.get("/v1/bursts", headers=token("read")).json()["items"]
    assert [(burst["leads"], burst["handling"], burst["source"]) for burst in shown] == [(25, "normal", None)]
    answer = client.post("/v1/bursts/1/handling", json={"handling": "stagger"}, headers=token("write"))
    assert (answer.status_code, answer.json()) == (200, {"moved": 25})
    refused = client.post("/v1/bursts/1/handling", json={"handling": "later"}, headers=token("write"))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/handling")
    assert client.post("/v1/bursts/9/handling", json={"handling": "normal"}, headers=token("write")).status_code == 404
