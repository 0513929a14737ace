"""The sweep: each handoff once, however many sweep at once, and a handoff that cannot be read stops nobody else."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from app.db import Database
from app.domain.clock import Verdict
from app.flows import rebuild, settle, sweep
from app.flows.policies import Cache
from app.models import Alert, Event, Handoff, VerdictChange
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import mql

H = timedelta(hours=1)
OVERDUE = FRIDAY + 25 * H


@pytest.fixture
def handed_over(apply):
    """So many leads become MQL, a minute each after the other."""

    def run(number: int) -> None:
        facts = [mql(FRIDAY + n * timedelta(minutes=1) / 60, lead=(ExternalId("ma", str(n)),)) for n in range(number)]
        apply([fact for facts_of_one in facts for fact in facts_of_one], FRIDAY + H)

    return run


def verdicts(database: Database) -> Counter[str]:
    with database.read() as c:
        return Counter(c.execute(select(Handoff.verdict)).scalars())


def check_each_told_once(database: Database, number: int) -> None:
    """One change of verdict and one alert for each route, for each handoff."""
    with database.read() as c:
        changes = c.execute(select(VerdictChange.handoff_id).where(VerdictChange.verdict == "breached")).scalars()
        alerts = c.execute(select(Alert.handoff_id, Alert.channel, Alert.recipient)).all()
    assert Counter(Counter(changes).values()) == {1: number}
    assert len(alerts) == len(set(alerts)) == 2 * number


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_eight_sweepers_at_once_flag_each_exactly_once(database, database_url, handed_over, monkeypatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 10)
    handed_over(400)
    start, looked_at = threading.Barrier(8), []

    def work() -> None:
        own, cache = Database(database_url), Cache()
        start.wait(timeout=30)
        while sweep_once := sweep.run(own, cache, OVERDUE):
            looked_at.append(sweep_once)
        own.close()

    sweepers = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join(timeout=60)
    assert sum(looked_at) == 400
    assert verdicts(database) == {"breached": 400}
    check_each_told_once(database, 400)


def test_more_than_a_batch_is_swept_in_one_go(database, handed_over, monkeypatch) -> None:
    monkeypatch.setattr(sweep, "BATCH", 7)
    handed_over(20)
    assert sweep.run(database, Cache(), OVERDUE) == 20
    assert sweep.run(database, Cache(), OVERDUE) == 0
    check_each_told_once(database, 20)


def test_a_crash_in_the_middle_leaves_nothing_half_said(database, handed_over, monkeypatch) -> None:
    handed_over(3)

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(settle, "_insert_alert", crash)
        with pytest.raises(KeyboardInterrupt):
            sweep.run(database, Cache(), OVERDUE)
    assert verdicts(database) == {"on_track": 3}
    sweep.run(database, Cache(), OVERDUE)
    check_each_told_once(database, 3)


#: How an episode can be broken: none at all, something else, a policy that does not exist.
BROKEN = ("{}", '"gone"', "no such policy")


def poison(database: Database, broken: str) -> int:
    """The third handoff cannot be read any more; its id."""
    with database.write() as c:
        row = c.execute(select(Handoff.id, Handoff.episode).order_by(Handoff.id).offset(2).limit(1)).one()
        text_of = json.dumps(row.episode | {"policy_id": 99}) if broken == "no such policy" else broken
        cast = "" if database.is_sqlite else "::jsonb"
        said = {"id": row.id, "broken": text_of}
        c.execute(text(f"UPDATE handoffs SET episode = (:broken){cast} WHERE id = :id"), said)
    return row.id


@pytest.mark.parametrize("broken", BROKEN)
def test_a_handoff_that_cannot_be_read_is_written_anew_and_the_others_go_on(database, handed_over, broken) -> None:
    handed_over(5)
    poison(database, broken)
    assert sweep.run(database, Cache(), OVERDUE) == 5
    assert verdicts(database) == {"breached": 5}
    check_each_told_once(database, 5)
    assert rebuild.check(database, OVERDUE) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_text_that_is_no_json_stops_nobody_else(database, handed_over) -> None:
    """PostgreSQL does not take it in the first place."""
    handed_over(5)
    poison(database, "{")
    sweep.run(database, Cache(), OVERDUE)
    assert verdicts(database) == {"breached": 4, "unknown": 1}


@pytest.mark.parametrize("broken", BROKEN)
def test_without_its_ledger_it_is_set_aside_where_people_see_it(database, handed_over, broken) -> None:
    handed_over(5)
    poisoned = poison(database, broken)
    with database.write() as c:
        lead_id = c.scalar(select(Handoff.lead_id).where(Handoff.id == poisoned))
        kept = c.execute(select(Event.id, Event.data).where(Event.lead_id == lead_id)).all()
        c.execute(update(Event).where(Event.lead_id == lead_id).values(data={}))
    sweep.run(database, Cache(), OVERDUE)
    assert verdicts(database) == {"breached": 4, "unknown": 1}
    assert sweep.run(database, Cache(), OVERDUE + settle.AGAIN / 2) == 0, "it does not come up at every sweep"
    assert sweep.run(database, Cache(), OVERDUE + settle.AGAIN) == 1
    with database.write() as c:
        changes = c.execute(select(VerdictChange.verdict).where(VerdictChange.handoff_id == poisoned)).scalars().all()
        assert changes == ["on_track", "unknown"]
        for event_id, data in kept:
            c.execute(update(Event).where(Event.id == event_id).values(data=data))
    assert rebuild.check(database, OVERDUE) != []
    assert sweep.run(database, Cache(), OVERDUE + 2 * settle.AGAIN) == 1, "once it can be read it is settled"
    assert verdicts(database) == {Verdict.BREACHED: 5}
    check_each_told_once(database, 5)
    assert rebuild.check(database, OVERDUE + 2 * settle.AGAIN) == []


def test_the_databases_trouble_is_not_the_handoffs(database, handed_over, monkeypatch) -> None:
    handed_over(3)

    def gone(*_: Any) -> None:
        raise OperationalError("", None, Exception("the connection is lost"))

    with monkeypatch.context() as broken:
        broken.setattr(settle, "write", gone)
        with pytest.raises(OperationalError):
            sweep.run(database, Cache(), OVERDUE)
    assert verdicts(database) == {"on_track": 3}
