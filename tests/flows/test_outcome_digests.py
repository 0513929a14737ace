"""What became of leads is told to marketing once, in the evening, whatever crashes meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.domain.agreement import MarketingDuties
from app.domain.policy import AlertReason, AlertRoute, default_policy
from app.domain.refusals import Refused, validated
from app.domain.rules import read_rule
from app.flows import alerts, funnel, outcome_digests, outcomes, policies
from app.flows.policies import Cache
from app.models import Alert, Lead, OutcomeDigest, ToldOutcome
from app.notify.contract import Message, TryLater
from app.scheduler import Scheduler
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

TOKYO = ZoneInfo("Asia/Tokyo")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: The first two evenings on which people work; between them lie the weekend and three holidays.
FIVE, NEXT = datetime(2026, 9, 18, 17, 31, tzinfo=TOKYO), datetime(2026, 9, 24, 17, tzinfo=TOKYO)
MARKETING, HOOK = "mkt@example.jp", "marketing"


class Recorder:
    """A channel that remembers whole messages; the first `fails` go wrong."""

    def __init__(self, fails: int = 0) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.fails = fails

    def deliver(self, message: Message, recipient: str) -> None:
        if self.fails:
            self.fails -= 1
            raise TryLater("busy")
        self.sent.append((recipient, message))


class Company:
    def __init__(self, database: Any, settings: Any, apply: Any) -> None:
        self.database, self.settings, self.apply = database, settings, apply
        self.email, self.slack = Recorder(), Recorder()

    def agree(self, **changes: Any) -> None:
        routes = (AlertRoute(channel="slack", to=HOOK, on=(AlertReason.OUTCOMES,)),)
        said = {"marketing": MarketingDuties(email=MARKETING), "alerts": routes} | changes
        policy = default_policy().model_copy(update=said)
        with self.database.write() as c:
            policies.apply_policy(c, policy, by="test", now=FRIDAY, effective_from=FRIDAY - 24 * HOUR)

    def lead(self, number: int, at: datetime = FRIDAY - 8 * HOUR, **attributes: str) -> None:
        who = (ExternalId("ma", str(number)), ExternalId("email", f"sato{number}@yamada.example"))
        about = fact(
            "lead",
            at,
            lead=who,
            name=f"佐藤 {number}",
            company="山田製作所",
            attributes={"phone": "0312345678"} | attributes,
        )
        self.apply([about, *mql(at, lead=who[:1], prefix=str(number))], at)

    def happens(self, number: int, kind: str, at: datetime = FRIDAY, now: datetime | None = None, **data: Any) -> None:
        self.apply([fact(kind, at, lead=(ExternalId("ma", str(number)),), **data)], now or at)
        funnel.catch_up(self.database)

    def rejected(self, number: int, reason: str | None = None, at: datetime = FRIDAY) -> None:
        said = {"reason": reason} if reason else {}
        self.happens(number, "disposition", at, outcome="rejected", by="田中", **said)

    def evening(self, now: datetime = FIVE, minutes: int = 1) -> int:
        """The digest is owed, and what is owed is sent."""
        made = outcome_digests.owe(self.database, Cache(), self.settings, now)
        channels = {"email": self.email, "slack": self.slack}
        while alerts.send_owed(self.database, Cache(), channels, self.settings, now + minutes * timedelta(minutes=1)):
            pass
        return made

    def rows(self, table: Any) -> list[Any]:
        with self.database.read() as c:
            return list(c.execute(select(table.__table__)))

    def mails(self) -> list[dict[str, str]]:
        digests = (message for _, message in self.email.sent if "リードの結果" in message.title)
        return [dict(message.fields) for message in digests]


@pytest.fixture
def firm(database, settings, apply) -> Company:
    made = Company(database, settings, apply)
    made.agree()
    for number in (1, 2, 3):
        made.lead(number)
    return made


def test_marketing_hears_once_what_became_of_its_leads(firm) -> None:
    firm.rejected(1, "out_of_definition")
    firm.rejected(2)
    firm.happens(3, "follow_up", channel="call", automated=False)
    assert (firm.evening(), firm.evening(), firm.evening(FIVE + HOUR)) == (2, 0, 0)
    ((to, mail),) = firm.email.sent
    assert to == MARKETING
    assert mail.title == "引き渡したリードの結果: 差戻し 2・対応済み 1"
    named = "山田製作所 佐藤 1 様(基準外)\n山田製作所 佐藤 2 様(理由の記載なし)"
    assert dict(mail.fields) == {
        "差戻し": f"2件(基準外 1・理由の記載なし 1)\n{named}",
        "対応済み": "1件\n山田製作所 佐藤 3 様",
    }


def test_only_the_e_mail_names_the_leads(firm) -> None:
    firm.rejected(1, "03-1234-5678 は現在使われていない")
    firm.evening()
    ((hook, slack),) = firm.slack.sent
    assert (hook, dict(slack.fields)) == (HOOK, {"差戻し": "1件(… は現在使われていない 1)"})
    assert "佐藤" in repr(firm.email.sent)
    assert not [word for word in ("1234", "yamada.example") if word in repr(firm.email.sent + firm.slack.sent)]


def test_nothing_to_tell_is_no_message_and_the_day_is_over(firm) -> None:
    assert firm.evening() == 0
    firm.rejected(1, "routing", FIVE + 2 * HOUR)
    assert firm.evening(FIVE + 3 * HOUR) == 0
    assert (firm.email.sent, [row.day.day for row in firm.rows(OutcomeDigest)]) == ([], [18])
    assert firm.evening(NEXT) == 2
    assert len(firm.email.sent) == 1


def test_over_closed_days_nothing_gets_lost(firm) -> None:
    firm.evening()
    firm.rejected(1, "routing", FIVE + DAY)
    assert [firm.evening(FIVE + days * DAY) for days in range(1, 6)] == [0] * 5
    assert firm.evening(NEXT) == 2


def test_what_the_tools_tell_late_is_told_next_time(firm) -> None:
    firm.rejected(1, "routing")
    firm.evening()
    firm.happens(2, "disposition", FRIDAY, NEXT - HOUR, outcome="recycled", reason="予算が来期")
    firm.evening(NEXT)
    first, second = firm.mails()
    assert [list(first), list(second)] == [["差戻し"], ["ナーチャリングへ戻し"]]


def test_a_reason_that_comes_later_is_told(firm) -> None:
    firm.rejected(1)
    firm.evening()
    firm.happens(1, "disposition", FRIDAY - HOUR, NEXT - HOUR, outcome="rejected", reason="routing")
    firm.evening(NEXT)
    assert [mail["差戻し"].split("\n")[0] for mail in firm.mails()] == ["1件(理由の記載なし 1)", "1件(担当違い 1)"]


def test_a_mail_server_that_is_down_and_a_crash_lose_and_double_nothing(firm) -> None:
    firm.rejected(1, "routing")
    firm.email.fails = 1
    firm.evening()
    assert firm.email.sent == []
    assert firm.evening(FIVE, minutes=10) == 0
    ((_, mail),) = firm.email.sent
    assert {row.state for row in firm.rows(Alert) if row.reason == "outcomes"} == {"sent"}
    assert mail.reference == f"alert-{next(row.id for row in firm.rows(Alert) if row.channel == 'email')}"


def test_what_turned_out_not_to_be_so_is_not_told(firm) -> None:
    firm.rejected(1, "routing")
    assert outcome_digests.owe(firm.database, Cache(), firm.settings, FIVE) == 2
    firm.happens(1, "disposition", FRIDAY, FRIDAY, outcome="excluded", reason="invalid")
    firm.evening()
    assert firm.email.sent == []
    assert {row.state for row in firm.rows(Alert) if row.reason == "outcomes"} == {"dropped"}


def test_a_student_or_a_test_is_told_with_its_reason(firm) -> None:
    firm.happens(1, "disposition", outcome="accepted")
    firm.happens(1, "disposition", FRIDAY, outcome="excluded", reason="invalid")
    assert firm.evening() == 2
    (mail,) = firm.mails()
    assert mail == {"集計から除外": "1件(学生・同業・採用・テスト 1)\n山田製作所 佐藤 1 様(学生・同業・採用・テスト)"}


def test_opportunities_to_their_end(firm) -> None:
    for number, state in ((1, "won"), (2, "lost"), (3, "open")):
        firm.happens(number, "opportunity", FRIDAY - HOUR, opportunity=f"o{number}", state="open")
        firm.happens(number, "opportunity", FRIDAY, opportunity=f"o{number}", state=state)
    firm.evening()
    assert firm.email.sent[0][1].title == "引き渡したリードの結果: 受注 1・失注 1・商談化 1"


def test_nobody_to_tell_marks_nothing_as_told(firm) -> None:
    firm.agree(marketing=MarketingDuties(), alerts=())
    firm.rejected(1, "routing")
    assert firm.evening() == 0
    assert (firm.rows(OutcomeDigest), firm.rows(ToldOutcome)) == ([], [])
    firm.agree()
    assert firm.evening(FIVE + HOUR / 2) == 2


def test_each_marketing_team_hears_of_its_own_leads(firm) -> None:
    """And what becomes of leads of a policy that nobody hears about is not told to others."""
    for team, email in (("b", "b@example.jp"), ("c", "")):
        rule = read_rule({"all": [{"attribute": {"name": "team", "is": team}}, {"score": {"at_least": 80}}]})
        said = {"key": team, "rank": 1, "rule": rule, "marketing": MarketingDuties(email=email), "alerts": ()}
        with firm.database.write() as c:
            policy = default_policy().model_copy(update=said)
            policies.apply_policy(c, policy, by="test", now=FRIDAY, effective_from=FRIDAY - 24 * HOUR)
    for number, team in ((8, "b"), (9, "c")):
        firm.lead(number, team=team)
    for number in (1, 8, 9):
        firm.rejected(number, "routing")
    assert firm.evening() == 3
    told = {to: dict(message.fields)["差戻し"].split("\n")[1] for to, message in firm.email.sent}
    assert told == {MARKETING: "山田製作所 佐藤 1 様(担当違い)", "b@example.jp": "山田製作所 佐藤 8 様(担当違い)"}


def test_what_happened_long_ago_is_history(firm) -> None:
    firm.lead(9, FRIDAY - 60 * DAY)
    firm.happens(9, "opportunity", FRIDAY - 31 * DAY, opportunity="o9", state="open")
    assert firm.evening() == 0
    firm.happens(9, "opportunity", FRIDAY + DAY, opportunity="o9", state="won")
    assert firm.evening(NEXT) == 2
    assert len(firm.rows(ToldOutcome)) == 1


def test_what_comes_after_the_digest_was_made_is_for_the_next_one(firm) -> None:
    firm.happens(1, "disposition", outcome="accepted")
    assert outcome_digests.owe(firm.database, Cache(), firm.settings, FIVE) == 2
    firm.happens(1, "disposition", FRIDAY, outcome="sql")
    firm.evening()
    firm.evening(NEXT)
    assert [list(mail) for mail in firm.mails()] == [["受領"], ["SQL化"]]


def test_a_late_start_waits_for_the_morning(firm) -> None:
    firm.rejected(1, "routing")
    assert firm.evening(FIVE + 4 * HOUR) == 2
    assert firm.email.sent == []
    (owed,) = {row.not_before for row in firm.rows(Alert) if row.reason == "outcomes"}
    assert owed == NEXT.replace(hour=9)


def test_two_processes_make_one_digest(firm) -> None:
    import threading

    firm.rejected(1, "routing")
    made: list[int] = []
    work = lambda: made.append(outcome_digests.owe(firm.database, Cache(), firm.settings, FIVE))  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 0, 2]
    assert len(firm.rows(ToldOutcome)) == len({(r.lead_id, r.number, r.key) for r in firm.rows(ToldOutcome)}) == 2


def test_outcomes_are_not_for_owners() -> None:
    with pytest.raises(Refused) as raised:
        validated(AlertRoute, {"channel": "email", "on": ["outcomes"]})
    assert [refusal.code for refusal in raised.value.refusals] == ["outcomes_to_owner"]


def test_it_happens_by_itself(firm, state, clock) -> None:
    firm.rejected(1, "routing")
    clock.now = FIVE
    jobs = {name: job for name, job, _ in Scheduler(state)._jobs()}
    jobs["outcomes"]()
    assert {row.channel for row in firm.rows(Alert) if row.reason == "outcomes"} == {"email", "slack"}


# --- the feed


def test_who_pages_on_misses_no_outcome(firm) -> None:
    firm.lead(8)
    firm.rejected(1, "routing")
    firm.happens(2, "opportunity", opportunity="o2", state="open")
    firm.happens(2, "opportunity", FRIDAY + HOUR, opportunity="o2", state="won")
    seen, after = [], None
    while True:
        with firm.database.read() as c:
            found, milestones = outcomes.feed(c, since=None, after=after, limit=1)
        seen += [(row.name, [each.became.value for each in milestones[row.id]]) for row in found.rows]
        if found.last is None:
            break
        after = found.last
    assert sorted(seen) == [
        ("佐藤 1", ["followed_up", "rejected"]),
        ("佐藤 2", ["followed_up", "opportunity", "sql", "won"]),
        ("佐藤 3", []),
        ("佐藤 8", []),
    ]
    with firm.database.read() as c:
        lately, _ = outcomes.feed(c, since=FRIDAY + HOUR, after=None, limit=9)
    assert [row.name for row in lately.rows] == ["佐藤 2"]


def test_what_is_still_to_be_read_comes_in_its_turn(firm) -> None:
    firm.happens(3, "opportunity", opportunity="o3", state="open")
    firm.apply([fact("disposition", FRIDAY, lead=(ExternalId("ma", "1"),), outcome="rejected", reason="x")], FRIDAY)
    with firm.database.write() as c:
        c.execute(Lead.__table__.update().where(Lead.name == "佐藤 3").values(updated_at=FRIDAY + HOUR))
        names = [row.name for row in outcomes.feed(c, since=FRIDAY, after=None, limit=9)[0].rows]
        assert names == []
    funnel.catch_up(firm.database)
    with firm.database.read() as c:
        names = [row.name for row in outcomes.feed(c, since=FRIDAY, after=None, limit=9)[0].rows]
    assert names == ["佐藤 1", "佐藤 3"]
