"""Feeds: a silence that is too long is noticed, told once, caught up and over; nobody is judged meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from app.db import Database
from app.domain.darkness import CATCH_UP, Darkness
from app.flows import feeds, policies, silences
from app.flows.feeds import Standing
from app.flows.tools import POLL
from app.models import Alert, Delivery, Feed, Handoff, LeadIdentity, Silence, Source
from app.scheduler import Scheduler
from app.settings import BadSettings, Settings, read_settings
from connectors.contract import ExternalId
from tests.domain.test_rhythm import MINUTE, H, at, hourly
from tests.flows.conftest import MA, mql

SECOND = timedelta(seconds=1)
#: The last webhook of the silent Tuesday, and when it is noticed: one and a half hours of open time later.
LAST, NOTICED = at("6/16 10:00"), at("6/16 11:30") + 30 * SECOND
ADMINS = ["slack:ops", "email:admin@example.jp"]


@dataclass
class Tools:
    """What the tools send, and what watching makes of it."""

    database: Database
    settings: Settings

    def source(self, name: str, role: str = "sfa", **config: object) -> int:
        row = {"name": name, "kind": "standard", "config": {"system": name, "role": role} | config, "secrets": b""}
        with self.database.write() as c:
            made = insert(Source).values(row | {"created_at": at("5/1 10:00")}).returning(Source.id)
            return c.execute(made).scalar_one()

    def sends(self, source_id: int, moments: Iterable[datetime], **changes: object) -> None:
        row = {"source_id": source_id, "method": "POST", "url": "/", "headers": {}, "body": b"x", "state": "applied"}
        rows = [row | {"received_at": moment, "not_before": moment} | changes for moment in moments]
        if rows:
            with self.database.write() as c:
                c.execute(insert(Delivery), rows)

    def two_weeks(self, *source_ids: int) -> None:
        for source_id in source_ids:
            self.sends(source_id, hourly("6/1", 12))

    def watch(self, now: datetime) -> int:
        return feeds.watch(self.database, self.settings, now)

    def standing(self, name: str) -> Standing:
        with self.database.read() as c:
            return next(each for each in feeds.standings(c, feeds.default_calendar(c)) if each.name == name)

    def set_feed(self, source_id: int, **values: object) -> None:
        with self.database.write() as c:
            c.execute(update(Feed).where(Feed.source_id == source_id).values(values))

    def feed(self, source_id: int) -> Any:
        with self.database.read() as c:
            return c.execute(select(Feed.__table__).where(Feed.source_id == source_id)).one()

    def silences(self) -> list[tuple[str, str, datetime, datetime | None]]:
        """(source, why, since, until)"""
        query = select(Source.name, Silence.why, Silence.since, Silence.until)
        with self.database.read() as c:
            rows = c.execute(query.join(Source, Source.id == Silence.source_id).order_by(Silence.id))
            return [tuple(row) for row in rows]

    def darkness(self) -> Darkness:
        with self.database.read() as c:
            return feeds.darkness(c)

    def alerts(self) -> list[Any]:
        with self.database.read() as c:
            return list(c.execute(select(Alert.__table__).where(Alert.handoff_id.is_(None)).order_by(Alert.id)))

    def reasons(self) -> list[tuple[str, str, str]]:
        return sorted((alert.reason, alert.channel, alert.state) for alert in self.alerts())

    def sent(self) -> None:
        """Everything that is owed reaches the admins."""
        with self.database.write() as c:
            c.execute(update(Alert).where(Alert.state == "owed").values(state="sent", sent_at=NOTICED))


@pytest.fixture
def tools(database: Database, settings: Settings) -> Tools:
    return Tools(database, settings.model_copy(update={"admin_alerts": tuple(ADMINS)}))


@pytest.fixture
def silent(tools: Tools) -> int:
    """A sales tool that spoke every hour for two weeks, and on the Tuesday after stopped at ten."""
    source_id = tools.source("sf")
    tools.two_weeks(source_id)
    tools.sends(source_id, [*hourly("6/15", 1), at("6/16 09:00"), LAST])
    return source_id


# --- a silence, from its beginning to its end


def test_a_weekend_and_nights_pass_without_alarm_and_five_silent_hours_do_not(tools) -> None:
    source_id = tools.source("sf")
    sent = [*hourly("6/1", 15), at("6/16 09:00"), LAST]
    now = at("6/1 08:00")
    while now < at("6/16 11:30"):
        tools.sends(source_id, [moment for moment in sent if now <= moment < now + 30 * MINUTE])
        now += 30 * MINUTE
        assert tools.watch(now) == 0, now
    assert tools.silences() == []
    assert tools.watch(at("6/16 11:30") + SECOND) == 1
    assert tools.watch(at("6/16 15:00")) == 0
    assert tools.silences() == [("sf", "silent", LAST, None)]


def test_what_it_learned_is_shown(tools, silent) -> None:
    tools.watch(LAST + MINUTE)
    standing = tools.standing("sf")
    assert (standing.hearing.expected, standing.expected_from) == (1.5 * H, "learned")
    assert (standing.hearing.heard_at, standing.silence, standing.role) == (LAST, None, "sfa")


def test_it_is_over_once_the_sender_has_had_time_to_repeat_what_it_could_not_deliver(tools, silent) -> None:
    tools.watch(NOTICED)
    back = at("6/16 15:00")
    tools.sends(silent, [back])
    tools.watch(back + 20 * SECOND)
    assert tools.standing("sf").silence.heard_again_at == back
    tools.sends(silent, [back + 5 * MINUTE])
    tools.watch(back + CATCH_UP - SECOND)
    assert tools.silences() == [("sf", "silent", LAST, None)]
    assert tools.watch(back + CATCH_UP) == 1
    assert tools.silences() == [("sf", "silent", LAST, back + CATCH_UP)]
    assert tools.watch(back + H) == 0
    assert tools.darkness() == Darkness()


def test_it_is_over_only_when_everything_has_been_read(tools, silent) -> None:
    tools.watch(NOTICED)
    back = at("6/16 15:00")
    tools.sends(silent, [back], state="waiting")
    tools.watch(back + 20 * SECOND)
    tools.sends(silent, [back + CATCH_UP + MINUTE], state="asking")
    tools.watch(back + CATCH_UP + 2 * MINUTE)
    assert tools.darkness()
    with tools.database.write() as c:
        c.execute(update(Delivery).where(Delivery.state == "waiting").values(state="applied"))
    assert tools.watch(back + CATCH_UP + 3 * MINUTE) == 1, "what came after it was caught up may wait"


def test_a_restart_in_between_forgets_nothing(tools, silent, database_url) -> None:
    tools.watch(LAST + MINUTE)
    tools.database.close()
    tools.database = Database(database_url)
    assert tools.watch(NOTICED) == 1
    tools.database.close()
    tools.database = Database(database_url)
    back = at("6/16 15:00")
    tools.sends(silent, [back])
    tools.watch(back + MINUTE)
    tools.database.close()
    tools.database = Database(database_url)
    assert tools.watch(back + CATCH_UP) == 1
    tools.database.close()


def test_down_over_the_whole_silence_it_is_noticed_at_the_first_look(tools, silent) -> None:
    assert tools.watch(at("6/17 09:00")) == 1
    assert tools.silences() == [("sf", "silent", LAST, None)]


def test_a_process_that_starts_knows_of_silences_before_it_judges(tools, silent, state, clock) -> None:
    clock.now = at("6/17 09:00")
    scheduler = Scheduler(state)
    scheduler.start()
    try:
        assert tools.silences() == [("sf", "silent", LAST, None)]
    finally:
        scheduler.stop()


def test_one_silence_for_one_source_however_many_watch(tools, silent) -> None:
    tools.watch(LAST + MINUTE)
    both, begun = threading.Barrier(4), []

    def watches() -> None:
        both.wait()
        begun.append(tools.watch(NOTICED))

    threads = [threading.Thread(target=watches) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == [0, 0, 0, 1]
    assert len(tools.silences()) == 1
    assert tools.reasons() == [("feed_dark", "email", "owed"), ("feed_dark", "slack", "owed")]


# --- which sources


@pytest.mark.parametrize(("hours", "noticed"), [(0.5, at("6/16 10:30")), (4, at("6/16 14:00"))])
def test_a_set_threshold_counts_instead_of_what_was_learned(tools, hours, noticed) -> None:
    source_id = tools.source("sf", silent_after_hours=hours)
    tools.two_weeks(source_id)
    tools.sends(source_id, [*hourly("6/15", 1), LAST])
    assert tools.watch(noticed) == 0
    assert tools.watch(noticed + SECOND) == 1
    standing = tools.standing("sf")
    assert (standing.hearing.expected, standing.expected_from) == (hours * H, "set")


def test_a_longer_threshold_ends_a_silence(tools, silent) -> None:
    tools.watch(NOTICED)
    with tools.database.write() as c:
        config = {"system": "sf", "role": "sfa", "silent_after_hours": 20}
        c.execute(update(Source).where(Source.id == silent).values(config=config))
    assert tools.watch(NOTICED + MINUTE) == 1
    assert not tools.darkness()


def test_a_source_that_was_never_heard_is_dark_only_if_a_person_said_so(tools) -> None:
    tools.source("quiet")
    tools.source("sf", silent_after_hours=4)
    tools.watch(NOTICED)
    assert tools.silences() == [("sf", "silent", at("5/1 10:00"), None)]


def test_a_source_that_is_not_known_well_is_not_judged(tools) -> None:
    source_id = tools.source("sf")
    tools.sends(source_id, hourly("6/15", 1))
    tools.watch(at("6/30 12:00"))
    assert tools.silences() == []
    assert tools.standing("sf").expected_from is None


def test_a_disabled_source_is_never_dark(tools, silent) -> None:
    with tools.database.write() as c:
        c.execute(update(Source).values(disabled_at=LAST))
    tools.watch(NOTICED)
    assert tools.silences() == []


def test_disabling_ends_a_silence_without_a_word(tools, silent) -> None:
    tools.watch(NOTICED)
    tools.sent()
    with tools.database.write() as c:
        c.execute(update(Source).values(disabled_at=NOTICED))
    assert not tools.darkness(), "at once"
    assert tools.watch(NOTICED + MINUTE) == 1
    assert tools.reasons() == [("feed_dark", "email", "sent"), ("feed_dark", "slack", "sent")]


def test_of_two_sources_only_the_silent_one_is_dark(tools, silent) -> None:
    other = tools.source("kintone")
    tools.two_weeks(other)
    tools.sends(other, [*hourly("6/15", 2)])
    tools.watch(NOTICED)
    assert tools.silences() == [("sf", "silent", LAST, None)]
    darkness = tools.darkness()
    assert (darkness.since, darkness.sales) == ({"sf": LAST}, frozenset({"sf", "kintone"}))
    assert [darkness.since_for(known) for known in ({"sf"}, {"kintone"}, {"ma"})] == [LAST, None, LAST]


@pytest.mark.parametrize(("role", "dark"), [("ma", False), ("sfa", True), ("both", True), ("", True)])
def test_only_the_tools_of_sales_hide_what_sales_did(tools, role, dark) -> None:
    source_id = tools.source("sf", role)
    tools.two_weeks(source_id)
    tools.watch(NOTICED)
    assert len(tools.silences()) == 1
    assert bool(tools.darkness()) is dark


def test_the_system_of_a_source_without_one_is_its_kind(tools) -> None:
    source_id = tools.source("sf", system="")
    tools.two_weeks(source_id)
    tools.watch(NOTICED)
    assert set(tools.darkness().since) == {"standard"}


def test_a_source_whose_connector_is_gone_does_not_stop_the_others(tools, silent) -> None:
    broken = tools.source("broken", poll_every_minutes="often")
    with tools.database.write() as c:
        c.execute(update(Source).where(Source.id == broken).values(kind="gone"))
    assert tools.watch(NOTICED) == 1


# --- reading deliveries


def test_each_delivery_is_read_once_in_any_batches(tools, silent, monkeypatch) -> None:
    monkeypatch.setattr(feeds, "BATCH", 7)
    other = tools.source("other")
    tools.sends(other, hourly("6/1", 12))
    tools.watch(LAST + 5 * MINUTE)
    with tools.database.read() as c:
        newest = c.scalar(select(func.max(Delivery.id)))
        sent = dict(c.execute(select(Delivery.source_id, func.count()).group_by(Delivery.source_id)).tuples().all())
    for source_id in (silent, other):
        row = tools.feed(source_id)
        assert (row.gaps["heard"], row.seen_delivery_id) == (sent[source_id], newest)
    before = tools.feed(silent)
    tools.watch(LAST + 6 * MINUTE)
    assert tools.feed(silent) == before


def test_a_delivery_that_was_committed_late_is_still_heard(tools, silent) -> None:
    other = tools.source("other")
    tools.sends(other, [LAST + H], id=9_000)
    tools.watch(LAST + H + 30 * SECOND)
    tools.sends(silent, [LAST + H + SECOND], id=8_999)
    tools.watch(LAST + H + 45 * SECOND)
    assert tools.standing("sf").hearing.heard_at == LAST + H + SECOND


def test_a_new_source_does_not_make_everything_be_read_again(tools, silent, monkeypatch) -> None:
    tools.watch(LAST + 5 * MINUTE)
    added = tools.source("added")
    with tools.database.write() as c:
        c.execute(insert(Feed).values(source_id=added, gaps={}))
    tools.sends(added, [LAST + 6 * MINUTE])
    read: list[Any] = []
    monkeypatch.setattr(feeds, "_learn", lambda _, rows, now: read.extend(rows))
    tools.watch(LAST + 8 * MINUTE)
    assert [row.source_id for row in read] == [added]


def test_our_own_questions_are_no_rhythm(tools, silent) -> None:
    tools.sends(silent, [LAST + H], method=POLL)
    assert tools.watch(NOTICED) == 1


# --- polled sources


@pytest.fixture
def polled(tools, silent) -> int:
    """The same source, polled every ten minutes; at the last webhook for the last time."""
    tools.watch(LAST + MINUTE)
    tools.set_feed(silent, polled_through=LAST, poll_at=LAST + 10 * MINUTE)
    return silent


def test_what_polling_knows_is_no_silence(tools, polled) -> None:
    tools.set_feed(polled, polled_through=NOTICED - 5 * MINUTE, poll_at=NOTICED + 5 * MINUTE)
    assert tools.watch(NOTICED) == 0


def test_polling_that_lags_is_dark_and_over_once_it_has_passed_the_moment_of_noticing(tools, polled) -> None:
    assert tools.watch(LAST + H) == 0
    noticed = LAST + H + SECOND
    assert tools.watch(noticed) == 1
    assert tools.silences() == [("sf", "behind", LAST, None)]
    tools.set_feed(polled, polled_through=noticed - SECOND)
    assert tools.watch(noticed + MINUTE) == 0
    tools.set_feed(polled, polled_through=noticed + MINUTE)
    tools.sends(polled, [noticed + 2 * MINUTE], method=POLL, state="waiting")
    assert tools.watch(noticed + 2 * MINUTE) == 0, "the page has not been read"
    with tools.database.write() as c:
        c.execute(update(Delivery).values(state="applied"))
    assert tools.watch(noticed + 3 * MINUTE) == 1


def test_polling_that_fails_is_dark_until_it_works_again(tools, polled) -> None:
    failing = {"failures": 3, "failing_since": LAST + 10 * MINUTE, "poll_error": "401: the token was revoked"}
    tools.set_feed(polled, **failing | {"failures": 2})
    assert tools.watch(LAST + 20 * MINUTE) == 0
    tools.set_feed(polled, **failing)
    assert tools.watch(LAST + 20 * MINUTE) == 1
    assert tools.silences() == [("sf", "failing", LAST, None)]
    tools.sends(polled, [LAST + 21 * MINUTE])
    tools.watch(LAST + 40 * MINUTE)
    assert tools.darkness(), "webhooks do not mend it"
    well = {"failures": 0, "failing_since": None, "poll_error": None, "polled_through": LAST + 41 * MINUTE}
    tools.set_feed(polled, **well)
    assert tools.watch(LAST + 42 * MINUTE) == 1
    assert not tools.darkness()


@pytest.mark.parametrize(
    ("poll_at", "failures", "planned"),
    [
        (2 * H, 0, timedelta()),
        (2 * MINUTE, 0, 2 * MINUTE),  # a poll that runs holds its lease
        (timedelta(), 0, timedelta()),
        (2 * H, 1, 2 * H),  # the wait after a failure is not cut short
    ],
)
def test_a_dark_feed_is_asked_at_once(tools, polled, poll_at, failures, planned) -> None:
    tools.set_feed(polled, poll_at=NOTICED + poll_at, failures=failures)
    assert tools.watch(NOTICED) == 1
    assert tools.feed(polled).poll_at == NOTICED + planned


def test_while_it_lasts_it_is_asked_every_two_minutes(tools, polled) -> None:
    tools.watch(NOTICED)
    for seconds in (30, 60, 90):
        now = NOTICED + seconds * SECOND
        tools.set_feed(polled, poll_at=now + 10 * MINUTE)
        tools.watch(now)
        assert tools.feed(polled).poll_at == now + 2 * MINUTE


def test_a_source_that_cannot_be_polled_is_not_asked(tools, silent) -> None:
    tools.watch(NOTICED)
    assert tools.feed(silent).poll_at is None


# --- what admins hear


def test_admins_are_told_once_and_once_more_when_it_is_back(tools, silent) -> None:
    tools.watch(NOTICED)
    tools.watch(NOTICED + MINUTE)
    dark = tools.alerts()
    (subject,) = {alert.subject for alert in dark}
    assert [(a.channel, a.recipient, a.not_before) for a in dark] == [
        ("slack", "ops", NOTICED),
        ("email", "admin@example.jp", NOTICED),
    ]
    tools.sent()
    back = at("6/16 15:00")
    tools.sends(silent, [back])
    tools.watch(back + CATCH_UP)
    told = [alert for alert in tools.alerts() if alert.reason == "feed_back"]
    assert [(a.subject, a.channel, a.state, a.not_before) for a in told] == [
        (subject, "slack", "owed", back + CATCH_UP),
        (subject, "email", "owed", back + CATCH_UP),
    ]


def test_without_admins_nobody_is_told(tools, silent) -> None:
    tools.settings = tools.settings.model_copy(update={"admin_alerts": ()})
    assert tools.watch(NOTICED) == 1
    tools.sends(silent, [at("6/16 15:00")])
    assert tools.watch(at("6/16 15:10")) == 1
    assert tools.alerts() == []


def test_a_silence_that_asking_ended_is_not_worth_a_word(tools, polled) -> None:
    tools.watch(NOTICED)
    assert {alert.not_before for alert in tools.alerts()} == {NOTICED + silences.PATIENCE}
    tools.set_feed(polled, polled_through=NOTICED + MINUTE)
    assert tools.watch(NOTICED + MINUTE + SECOND) == 1
    assert tools.reasons() == [("feed_dark", "email", "dropped"), ("feed_dark", "slack", "dropped")]


def test_a_word_that_may_be_under_way_is_followed_by_the_next(tools, silent) -> None:
    tools.watch(NOTICED)
    back = at("6/16 15:00")
    with tools.database.write() as c:
        c.execute(update(Alert).where(Alert.channel == "slack").values(attempts=3, not_before=back + H))
        c.execute(update(Alert).where(Alert.channel == "email").values(state="undeliverable"))
    tools.sends(silent, [back])
    tools.watch(back + CATCH_UP)
    (told,) = [alert for alert in tools.alerts() if alert.reason == "feed_back"]
    assert (told.channel, told.not_before) == ("slack", back + H)


def test_an_alert_is_true_while_it_lasts_and_its_end_for_who_was_told(tools, silent) -> None:
    tools.watch(NOTICED)
    slack, email = tools.alerts()

    def still_true(alert: Any) -> bool:
        with tools.database.read() as c:
            return feeds.still_true(c, alert)

    assert (still_true(slack), still_true(email)) == (True, True)
    with tools.database.write() as c:
        c.execute(update(Alert).where(Alert.id == slack.id).values(state="sent"))
    back = at("6/16 15:00")
    tools.sends(silent, [back])
    tools.watch(back + CATCH_UP)
    assert still_true(email) is False
    ended = {alert.channel: alert for alert in tools.alerts() if alert.reason == "feed_back"}
    assert (still_true(ended["slack"]), still_true(ended["email"])) == (True, False)


def worded(tools: Tools, alert: Any, locale: str = "ja", now: datetime = NOTICED) -> tuple[str, dict[str, str]]:
    settings = tools.settings.model_copy(update={"locale": locale})
    with tools.database.read() as c:
        message = feeds.message(c, alert, settings, now)
    assert (message.reference, message.locale) == (f"alert-{alert.id}", locale)
    return message.title, dict(message.fields)


def test_the_words_of_a_silence(tools, silent, apply) -> None:
    apply(mql(at("6/15 11:00")), at("6/15 11:00"))
    tools.watch(NOTICED)
    alert = tools.alerts()[0]
    assert worded(tools, alert) == (
        "【受信停止】sfからのデータが6/16(火) 10:00を最後に届いていません",
        {
            "連携元": "sf (standard)",
            "最後に正常だった時刻": "6/16(火) 10:00",
            "影響": "期限が来た1件は判定を保留しています。復旧するまで期限超過の通知は送りません。",
            "対処": "ツール側でWebhookが有効か、最新のシークレットを使っているかを確認してください。",
        },
    )
    title, fields = worded(tools, alert, "en")
    assert title == "Nothing from sf since Tue 6/16 10:00"
    assert fields["What it means"].startswith("1 overdue leads have no verdict until it is back")
    assert worded(tools, alert, "en", now=at("6/16 10:59"))[1]["What it means"].startswith("What falls due from now")


def test_the_words_of_its_end(tools, silent) -> None:
    tools.watch(NOTICED)
    tools.sent()
    back = at("6/16 15:00")
    tools.sends(silent, [back])
    tools.watch(back + CATCH_UP)
    ended = tools.alerts()[-1]
    assert worded(tools, ended, now=back + H) == (
        "【復旧】sfのデータが再び届くようになりました",
        {
            "連携元": "sf (standard)",
            "途絶えていた期間": "6/16(火) 10:00 – 6/16(火) 15:10 (5時間10分)",
            "影響": "保留していたリードは、実際の対応時刻にもとづいて判定します。",
        },
    )
    assert worded(tools, ended, "en")[0] == "sf is heard again"


@pytest.mark.parametrize(
    ("failures", "title", "error"),
    [
        (3, "sf cannot be asked since Tue 6/16 10:00", "401: the token was revoked"),
        (0, "What sf told is read only up to Tue 6/16 10:00", None),
    ],
)
def test_the_words_of_polling_that_does_not_work(tools, polled, failures, title, error) -> None:
    tools.set_feed(polled, failures=failures, failing_since=LAST, poll_error=error)
    tools.watch(NOTICED)
    said, fields = worded(tools, tools.alerts()[0], "en")
    assert (said, fields.get("Error")) == (title, error)
    assert "`tasuki " in fields["What to do"]


def test_the_words_of_a_marketing_tool_blame_no_deadline(tools) -> None:
    tools.two_weeks(tools.source("ma", "ma"))
    tools.watch(NOTICED)
    meaning = worded(tools, tools.alerts()[0])[1]["影響"]
    assert meaning == "新しいMQLの判定が遅れることがあります。期限は実際に条件を満たした時刻から数えます。"


# --- handoffs


def next_looks(tools: Tools) -> list[datetime | None]:
    with tools.database.read() as c:
        return list(c.execute(select(Handoff.check_again_at).order_by(Handoff.due_at)).scalars())


@pytest.fixture
def handed_over(tools, apply) -> None:
    """Due before the silence, in it, and after it was noticed; none of them will be looked at by itself."""
    for number, qualified in enumerate(("6/15 09:30", "6/15 11:00", "6/15 11:20", "6/15 16:00")):
        apply(mql(at(qualified), lead=(ExternalId("sf", str(number)),)), at(qualified))
    with tools.database.write() as c:
        c.execute(update(Handoff).values(check_again_at=None))


def test_what_fell_due_in_the_silence_is_judged_again(tools, silent, handed_over) -> None:
    with tools.database.write() as c:
        c.execute(update(Handoff).where(Handoff.due_at < at("6/16 11:10")).values(verdict="breached"))
    tools.watch(NOTICED)
    assert next_looks(tools) == [None, NOTICED, NOTICED, None]


def test_once_it_is_over_what_had_no_verdict_is_judged(tools, silent, handed_over) -> None:
    tools.watch(NOTICED)
    with tools.database.write() as c:
        c.execute(update(Handoff).values(check_again_at=None))
        c.execute(update(Handoff).where(Handoff.due_at < at("6/16 11:10")).values(verdict="unknown"))
    back = at("6/16 15:00")
    tools.sends(silent, [back])
    tools.watch(back + CATCH_UP)
    assert next_looks(tools) == [back + CATCH_UP, back + CATCH_UP, None, None]


def test_a_marketing_tool_changes_no_verdict(tools, handed_over) -> None:
    tools.two_weeks(tools.source("ma", "ma"))
    tools.watch(NOTICED)
    assert next_looks(tools) == [None] * 4


def test_the_systems_that_know_a_lead(tools, apply, monkeypatch) -> None:
    monkeypatch.setattr(silences, "LEADS", 1)
    apply(mql(at("6/15 09:30"), lead=(MA, ExternalId("sf", "1"))), at("6/15 09:30"))
    apply(mql(at("6/15 09:30"), lead=(ExternalId("sf", "2"),)), at("6/15 09:30"))
    with tools.database.read() as c:
        ids = dict(c.execute(select(LeadIdentity.value, LeadIdentity.lead_id)).tuples().all())
        known = feeds.systems_of(c, [ids["1"], ids["2"], 999])
    assert known == {ids["1"]: {"hubspot", "sf"}, ids["2"]: {"sf"}, 999: set()}


# --- settings


def test_admins_have_a_default_and_are_checked_at_the_start() -> None:
    assert read_settings(_env_file=None).admin_routes == [("log", "admins")]
    asked = read_settings(_env_file=None, admin_alerts=["email:a@example.jp", "slack:ops", "slack:ops"])
    assert asked.admin_routes == [("email", "a@example.jp"), ("slack", "ops")]
    assert read_settings(_env_file=None, admin_alerts=[]).admin_routes == []


@pytest.mark.parametrize("wrong", ["fax:1", "email:", "email:admin", "slack:", "slack", "log:a b"])
def test_admins_who_cannot_be_reached_stop_the_start(wrong) -> None:
    with pytest.raises(BadSettings, match="TASUKI_ADMIN_ALERTS: write "):
        read_settings(_env_file=None, admin_alerts=["log:admins", wrong])


def test_the_default_calendar_is_the_newest(tools) -> None:
    with tools.database.write() as c:
        policies.apply_calendar(
            c, feeds.default_calendar(c).model_copy(update={"weekly": {"sun": ["10:00-12:00"]}}), by="test", now=LAST
        )
    with tools.database.read() as c:
        assert feeds.default_calendar(c).weekly == {"sun": ["10:00-12:00"]}
