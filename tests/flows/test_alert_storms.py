"""Many messages for one recipient become one; nobody is woken; who is on it, or away, is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.db import Database
from app.domain.policy import AlertRoute, Escalation, default_policy
from app.flows import absences, alerts, policies, sweep
from app.flows.policies import Cache
from app.models import Alert, Handoff
from app.notify.contract import Message
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H, MINUTE = timedelta(hours=1), timedelta(minutes=1)
#: Thursday 9:00 after the holidays; what became MQL on Friday at 17:30 was due on Saturday.
THURSDAY = datetime.fromisoformat("2026-09-24T09:00+09:00")


class Recorder:
    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []

    def deliver(self, message: Message, recipient: str) -> None:
        self.sent.append((recipient, message))


def agree(database: Database, *routes: AlertRoute, **changes: Any) -> None:
    policy = default_policy().model_copy(update={"alerts": routes} | changes)
    with database.write() as c:
        policies.apply_policy(c, policy, by="test", now=FRIDAY, effective_from=FRIDAY - 24 * H)


MAIL = AlertRoute(channel="email", to="team@example.com")
ANY_HOUR = AlertRoute(channel="email", to="team@example.com", page=True)
OWNER = AlertRoute(channel="email", page=True)


@pytest.fixture
def leads(apply, database):
    """So many leads that became MQL on Friday at 17:30; those of `rep` if anybody's."""

    def run(count: int, rep: str | None = "rep-1", email: str | None = "rep-1@example.com") -> None:
        facts = []
        for n in range(count):
            lead = (ExternalId("ma", f"{rep}-{n}"),)
            facts += mql(FRIDAY, lead=lead)
            facts += [fact("owner", FRIDAY, lead=lead, owner=rep, name="田中", email=email)] if rep else []
        apply(facts, FRIDAY)

    return run


@pytest.fixture
def at(database, settings):
    """Sweep and send until nothing is left at that moment; what was sent."""

    def run(now: datetime) -> list[tuple[str, Message]]:
        channel = Recorder()
        sweep.run(database, Cache(), now)
        while alerts.send_owed(database, Cache(), {"email": channel, "slack": channel}, settings, now):
            pass
        return channel.sent

    return run


def states(database: Database) -> list[tuple[str, str]]:
    with database.read() as c:
        return [(row.reason, row.state) for row in c.execute(select(Alert.reason, Alert.state).order_by(Alert.id))]


def test_forty_deadlines_while_we_were_down_are_one_message(database, leads, at) -> None:
    agree(database, ANY_HOUR)
    leads(40)
    ((to, digest),) = at(FRIDAY + 30 * H)
    assert (to, digest.title) == ("team@example.com", "まとめてお知らせ: 期限超過 40")
    assert len(digest.fields) == 20
    assert digest.footnote == "ほか 20件"
    assert digest.fields[0][1] == "期限超過・期限 9/19(土) 17:30・担当 田中"
    assert states(database) == [("breached", "sent")] * 40
    assert at(FRIDAY + 31 * H) == []


def test_five_are_told_one_by_one_and_what_follows_waits_and_comes_together(database, leads, at) -> None:
    agree(database, ANY_HOUR)
    leads(5)
    assert len(at(FRIDAY + 25 * H)) == 5
    leads(7, rep="rep-2")
    assert at(FRIDAY + 25 * H + MINUTE) == []
    ((_, digest),) = at(FRIDAY + 25 * H + 10 * MINUTE)
    assert digest.title == "まとめてお知らせ: 期限超過 7"


def test_nobody_is_woken(database, leads, at) -> None:
    agree(database, MAIL)
    leads(1)
    assert at(FRIDAY + 25 * H) == [], "Saturday evening"
    assert at(THURSDAY - MINUTE) == []
    ((_, message),) = at(THURSDAY)
    assert "期限超過" in message.title


def test_a_call_before_the_office_opens_leaves_nothing_to_tell(database, apply, leads, at) -> None:
    agree(database, MAIL)
    leads(1)
    assert at(FRIDAY + 25 * H) == []
    lead = (ExternalId("ma", "rep-1-0"),)
    apply([fact("follow_up", FRIDAY + 2 * H, lead=lead, channel="call", automated=False)], FRIDAY + 40 * H)
    assert at(THURSDAY) == []
    assert states(database) == [("breached", "dropped"), ("withdrawn", "dropped")]


def test_a_withdrawal_is_never_held_back_and_answers_the_breach(database, apply, leads, at) -> None:
    agree(database, ANY_HOUR)
    leads(5)
    told = at(FRIDAY + 25 * H)
    lead = (ExternalId("ma", "rep-1-2"),)
    apply([fact("follow_up", FRIDAY + 2 * H, lead=lead, channel="call", automated=False)], FRIDAY + 25 * H)
    ((_, message),) = at(FRIDAY + 25 * H + MINUTE)
    assert message.answers in [breach.reference for _, breach in told]


def test_who_is_on_it_is_left_alone_until_it_expires(database, apply, leads, at) -> None:
    agree(database, ANY_HOUR)
    leads(1)
    lead = (ExternalId("ma", "rep-1-0"),)
    until = FRIDAY + 26 * H
    apply([fact("acknowledged", FRIDAY + 23 * H, lead=lead, until=until.isoformat(), by="田中")], FRIDAY + 23 * H)
    assert at(FRIDAY + 23 * H + MINUTE) == []
    assert at(FRIDAY + 25 * H) == [], "overdue, and still on it"
    ((_, message),) = at(until)
    assert "期限超過" in message.title
    with database.read() as c:
        assert c.execute(select(Handoff.verdict)).scalar_one() == "breached", "the clock went on"


def test_escalation_in_open_time_stops_with_the_call(database, apply, leads, at) -> None:
    steps = (
        Escalation(after_hours=2, channel="email", to="lead@example.com"),
        Escalation(after_hours=4, channel="email", to="head@example.com"),
    )
    agree(database, escalation=steps)
    leads(1)
    sweep_only = at(FRIDAY + 25 * H)
    assert sweep_only == []
    assert at(THURSDAY + 2 * H - MINUTE) == []
    ((to, message),) = at(THURSDAY + 2 * H)
    assert (to, message.title.startswith("期限超過が続いています")) == ("lead@example.com", True)
    lead = (ExternalId("ma", "rep-1-0"),)
    apply([fact("follow_up", THURSDAY + 3 * H, lead=lead, channel="call", automated=False)], THURSDAY + 3 * H)
    assert at(THURSDAY + 4 * H) == []
    assert ("escalated_2", "dropped") in states(database)


@pytest.mark.parametrize(
    ("delegate", "intake", "expected"),
    [
        ("suzuki@example.com", "desk@example.com", "suzuki@example.com"),
        ("", "desk@example.com", "desk@example.com"),
    ],
)
def test_who_is_away_has_a_delegate(database, leads, at, delegate, intake, expected) -> None:
    agree(database, OWNER, intake_email=intake)
    leads(1)
    with database.write() as c:
        absences.add(c, owner="rep-1", since=FRIDAY, until=FRIDAY + 48 * H, delegate=delegate, by="test", now=FRIDAY)
    assert [to for to, _ in at(FRIDAY + 25 * H)] == [expected]


def test_an_absence_that_is_over_changes_nothing(database, leads, at) -> None:
    agree(database, OWNER)
    leads(1)
    with database.write() as c:
        absences.add(
            c, owner="rep-1", since=FRIDAY, until=FRIDAY + 2 * H, delegate="s@example.com", by="test", now=FRIDAY
        )
    assert [to for to, _ in at(FRIDAY + 25 * H)] == ["rep-1@example.com"]


def test_what_nobody_owns_goes_to_the_intake(database, leads, at) -> None:
    agree(database, OWNER, intake_email="desk@example.com")
    leads(1, rep=None)
    assert [to for to, _ in at(FRIDAY + 25 * H)] == ["desk@example.com"]


def test_an_sla_that_is_switched_off_is_silent_at_once(database, leads, at) -> None:
    agree(database, ANY_HOUR)
    leads(1)
    sweep.run(database, Cache(), FRIDAY + 25 * H)
    agree(database, ANY_HOUR, enabled=False)
    assert at(FRIDAY + 25 * H) == []
    assert states(database) == [("breached", "dropped")]


def test_a_sender_that_died_may_have_told_so_its_breach_is_withdrawn(database, apply, leads, at) -> None:
    agree(database, ANY_HOUR)
    leads(1)
    sweep.run(database, Cache(), FRIDAY + 25 * H)
    with database.write() as c:
        c.execute(update(Alert).values(last_error=alerts.IN_HAND))
    lead = (ExternalId("ma", "rep-1-0"),)
    apply([fact("follow_up", FRIDAY + 2 * H, lead=lead, channel="call", automated=False)], FRIDAY + 26 * H)
    sent = at(FRIDAY + 27 * H)
    assert [message.answers for _, message in sent] == ["alert-1"]
