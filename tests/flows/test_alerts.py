"""The outbox: every alert once, whatever becomes of Slack, the mail server, the sender or the handoff meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import respx
from aiosmtpd.controller import Controller
from pydantic import SecretStr
from sqlalchemy import select, update

from app.db import Database
from app.domain.policy import AlertRoute, default_policy
from app.flows import alerts, policies, sources, sweep
from app.flows.policies import Cache
from app.main import create_app
from app.models import Alert, Handoff
from app.notify.contract import Channel, Message
from app.notify.email import Email
from app.notify.slack import Slack
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql
from tests.flows.test_intake import SECRET, signed

H, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
OVERDUE = FRIDAY + 25 * H
HOOK = "https://hooks.slack.example/services/T0/B0/secret"


class Recorder:
    """A channel that remembers; `then` happens while it delivers."""

    def __init__(self, then: Callable[[Message], None] = lambda _: None) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.then = then

    def deliver(self, message: Message, recipient: str) -> None:
        self.sent.append((message.reference, message.title, recipient))
        self.then(message)


def at_any_hour(database: Database, **changes: Any) -> None:
    routes = (AlertRoute(channel="slack", to="default", page=True), AlertRoute(channel="email", page=True))
    policy = default_policy().model_copy(update={"alerts": routes} | changes)
    with database.write() as c:
        policies.apply_policy(c, policy, by="test", now=FRIDAY, effective_from=FRIDAY - 24 * H)


def slack() -> Slack:
    return Slack({"default": SecretStr(HOOK)}, httpx.Client())


@pytest.fixture
def breached(database, apply):
    """So many leads with an owner, all overdue and nobody told; alerts go out at any hour."""

    def run(number: int) -> None:
        at_any_hour(database)
        facts = []
        for n in range(number):
            lead = (ExternalId("ma", str(n)),)
            owner = {"owner": f"rep-{n}", "name": f"営業 {n}", "email": f"rep-{n}@example.com"}
            name = {"name": f"佐藤 {n}", "company": "山田製作所"}
            facts += [*mql(FRIDAY, lead=lead), fact("owner", FRIDAY, lead=lead, **owner)]
            facts += [fact("lead", FRIDAY, lead=lead, **name)]
        apply(facts, FRIDAY)
        sweep.run(database, Cache(), OVERDUE)

    return run


@pytest.fixture
def call(apply, database):
    """Somebody called that lead, at that time."""

    def run(n: int, at: datetime, heard_at: datetime) -> None:
        lead = (ExternalId("ma", str(n)),)
        apply([fact("follow_up", at, lead=lead, channel="call", automated=False)], heard_at)
        sweep.run(database, Cache(), heard_at)

    return run


@pytest.fixture
def send(database, settings):
    """One turn of the sender."""
    cache = Cache()

    def run(channels: dict[str, Channel], now: datetime) -> int:
        return alerts.send_owed(database, cache, channels, settings, now)

    return run


def states(database: Database) -> Counter[tuple[str, str, str]]:
    with database.read() as c:
        return Counter(tuple(row) for row in c.execute(select(Alert.reason, Alert.channel, Alert.state)))


def rows(database: Database) -> list[Any]:
    with database.read() as c:
        return list(c.execute(select(Alert.__table__).order_by(Alert.id)))


# --- a channel is down


class Mailbox:
    """A mail server on a port of its own that can be down."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.taken: list[tuple[str, str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        letter = message_from_bytes(envelope.content)
        self.taken.append((envelope.rcpt_tos[0], str(letter["Message-ID"])))
        return "250 OK"

    @contextmanager
    def up(self) -> Iterator[None]:
        server = Controller(self, hostname="127.0.0.1", port=self.port)
        server.start()
        try:
            yield
        finally:
            server.stop()

    def channel(self, clock: Callable[[], datetime]) -> Email:
        url = "https://tasuki.example.com"
        return Email("127.0.0.1", self.port, tls="none", sender="tasuki@example.com", public_url=url, clock=clock)


def run_until(send: Any, channels: dict[str, Channel], now: datetime, end: datetime) -> None:
    while now < end:
        send(channels, now)
        now += 30 * SECOND


def test_an_hour_without_slack_and_mail_and_then_every_alert_once(database, breached, send, clock) -> None:
    breached(3)
    mailbox = Mailbox()
    channels: dict[str, Channel] = {"slack": slack(), "email": mailbox.channel(clock)}
    with respx.mock() as wire:
        wire.post(HOOK).mock(side_effect=httpx.ConnectError("refused"))
        run_until(send, channels, OVERDUE, OVERDUE + H)
    assert states(database) == {("breached", "slack", "owed"): 3, ("breached", "email", "owed"): 3}
    assert all(5 <= row.attempts <= 12 for row in rows(database)), "patient, and not too patient"
    assert {"could not be reached" in row.last_error for row in rows(database) if row.channel == "slack"} == {True}
    assert {"no connection" in row.last_error for row in rows(database) if row.channel == "email"} == {True}
    with respx.mock() as wire, mailbox.up():
        hook = wire.post(HOOK).respond(200, text="ok")
        run_until(send, channels, OVERDUE + H, OVERDUE + 2 * H)
        told = Counter(call.request.content for call in hook.calls)
    assert states(database) == {("breached", "slack", "sent"): 3, ("breached", "email", "sent"): 3}
    assert list(told.values()) == [1, 1, 1]
    assert sorted(to for to, _ in mailbox.taken) == ["rep-0@example.com", "rep-1@example.com", "rep-2@example.com"]
    assert {row.last_error for row in rows(database)} == {None}


def test_the_waits_between_tries_grow_up_to_a_quarter_of_an_hour(database, breached, send) -> None:
    breached(1)
    tries = []
    with respx.mock() as wire:
        wire.post(HOOK).respond(500)
        now = OVERDUE
        for _ in range(9):
            tries.append(send({"slack": slack(), "email": Recorder()}, now) and now)
            now = max(row.not_before for row in rows(database) if row.channel == "slack")
    assert [(later - earlier) / SECOND for earlier, later in itertools.pairwise(tries)] == [
        15, 30, 60, 120, 240, 480, 900, 900,
    ]  # fmt: skip


def test_slack_says_when_to_come_back(database, breached, send) -> None:
    breached(1)
    channels: dict[str, Channel] = {"slack": slack(), "email": Recorder()}
    with respx.mock() as wire:
        hook = wire.post(HOOK)
        hook.side_effect = [httpx.Response(429, headers={"Retry-After": "120"}), httpx.Response(200, text="ok")]
        assert send(channels, OVERDUE) == 2
        assert send(channels, OVERDUE + 119 * SECOND) == 0
        assert send(channels, OVERDUE + 120 * SECOND) == 1
        assert hook.call_count == 2
    (row,) = (row for row in rows(database) if row.channel == "slack")
    assert (row.state, row.attempts, row.sent_at) == ("sent", 2, OVERDUE + 120 * SECOND)


# --- it will never arrive, until a person does something


def test_what_slack_does_not_accept_is_undeliverable_says_why_and_waits_for_a_person(database, breached, send) -> None:
    breached(2)
    channels: dict[str, Channel] = {"slack": slack(), "email": Recorder()}
    with respx.mock() as wire:
        wire.post(HOOK).respond(404, text="no_service")
        send(channels, OVERDUE)
        assert send(channels, OVERDUE + 48 * H) == 0
        with database.write() as c:
            assert alerts.retry(c, None, OVERDUE + 48 * H) == 2
        assert send(channels, OVERDUE + 48 * H) == 2, "at once, and refused again"
        with database.write() as c:
            assert alerts.retry(c, None, OVERDUE + 48 * H + SECOND) == 2
        assert send(channels, OVERDUE + 48 * H + SECOND) == 2
    refused = [row for row in rows(database) if row.channel == "slack"]
    assert {row.state for row in refused} == {"undeliverable"}
    assert all("TASUKI_SLACK_WEBHOOKS" in row.last_error for row in refused)
    with database.write() as c:
        assert alerts.retry(c, [refused[0].id], OVERDUE + 49 * H) == 1
    with respx.mock() as wire:
        hook = wire.post(HOOK).respond(200, text="ok")
        assert send(channels, OVERDUE + 49 * H) == 1
        with database.write() as c:
            assert alerts.retry(c, None, OVERDUE + 50 * H) == 1
        assert send(channels, OVERDUE + 50 * H) == 1
        assert hook.call_count == 2
    assert states(database) == {("breached", "slack", "sent"): 2, ("breached", "email", "sent"): 2}
    with database.write() as c:
        assert alerts.retry(c, None, OVERDUE + 51 * H) == 0, "what was sent is not sent again"


def test_a_retry_of_what_is_no_longer_true_is_dropped(database, breached, send, call) -> None:
    breached(1)
    send({"email": Recorder()}, OVERDUE)
    call(0, OVERDUE, OVERDUE + H)
    with database.write() as c:
        assert alerts.retry(c, None, OVERDUE + 2 * H) == 1
    channel = Recorder()
    send({"slack": channel, "email": Recorder()}, OVERDUE + 2 * H)
    assert not channel.sent
    assert states(database)["breached", "slack", "dropped"] == 1


@pytest.mark.parametrize(
    ("channels", "which", "why"),
    [
        ({"email": Recorder()}, "slack", "TASUKI_SLACK_WEBHOOKS"),
        ({"slack": Recorder()}, "email", "TASUKI_SMTP_HOST"),
    ],
)
def test_a_channel_that_is_not_set_up(database, breached, send, channels, which, why) -> None:
    breached(1)
    send(channels, OVERDUE)
    (row,) = (row for row in rows(database) if row.channel == which)
    assert (row.state, why in row.last_error) == ("undeliverable", True)
    assert states(database)["breached", next(iter(channels)), "sent"] == 1


def test_an_owner_without_an_address(database, apply, send) -> None:
    at_any_hour(database)
    apply(mql(FRIDAY), FRIDAY)
    sweep.run(database, Cache(), OVERDUE)
    send({"slack": Recorder(), "email": Recorder()}, OVERDUE)
    (row,) = (row for row in rows(database) if row.channel == "email")
    assert (row.state, "owner" in row.last_error) == ("undeliverable", True)


def test_a_channel_with_a_mistake_in_it_loses_nothing(database, breached, send) -> None:
    breached(1)

    def mistake(_: Message) -> None:
        raise ZeroDivisionError("a mistake")

    send({"slack": Recorder(mistake), "email": Recorder()}, OVERDUE)
    (row,) = (row for row in rows(database) if row.channel == "slack")
    assert (row.state, row.last_error) == ("owed", "ZeroDivisionError: a mistake")
    send({"slack": Recorder(), "email": Recorder()}, OVERDUE + MINUTE)
    assert states(database) == {("breached", "slack", "sent"): 1, ("breached", "email", "sent"): 1}


def test_an_alert_that_cannot_be_written_stops_nobody_else(database, breached, send) -> None:
    breached(3)
    with database.write() as c:
        first = c.scalar(select(Handoff.id).order_by(Handoff.id).limit(1))
        c.execute(update(Handoff).where(Handoff.id == first).values(episode={}))
    channel = Recorder()
    while send({"slack": channel, "email": channel}, OVERDUE):
        pass
    assert len(channel.sent) == 4
    (said,) = {row.last_error for row in rows(database) if row.handoff_id == first and row.state == "undeliverable"}
    assert "ValidationError" in said


# --- who sends


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_senders_at_once_send_each_once(database, database_url, settings, breached, monkeypatch) -> None:
    monkeypatch.setattr(alerts, "BATCH", 2)
    breached(60)
    channel = Recorder()
    start = threading.Barrier(4)
    took: list[int] = []

    def work() -> None:
        own, cache = Database(database_url), Cache()
        start.wait(timeout=30)
        while number := alerts.send_owed(own, cache, {"slack": channel, "email": channel}, settings, OVERDUE):
            took.append(number)
        own.close()

    senders = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(timeout=60)
    assert sum(took) == 120
    told = rows(database)
    assert Counter(row.state for row in told) == {"sent": 120}
    messages = {f"alert-{row.id}" for row in told if row.told_in is None}
    assert sorted(reference for reference, *_ in channel.sent) == sorted(messages), "each message once"
    assert {row.channel for row in told if row.told_in} == {"slack"}, "sixty for one recipient are few messages"


def test_a_sender_that_died_gives_its_alerts_back_after_its_lease(database, breached, send, clock) -> None:
    """It dies between sending and writing down: once too often, and the Message-ID says that it is the same mail."""
    breached(1)
    mailbox = Mailbox()

    class MailsAndDies:
        def deliver(self, message: Message, recipient: str) -> None:
            mailbox.channel(clock).deliver(message, recipient)
            raise KeyboardInterrupt

    slack = Recorder()
    with mailbox.up():
        with pytest.raises(KeyboardInterrupt):
            send({"slack": slack, "email": MailsAndDies()}, OVERDUE)
        channels: dict[str, Channel] = {"slack": slack, "email": mailbox.channel(clock)}
        assert send(channels, OVERDUE + alerts.LEASE - SECOND) == 0
        assert send(channels, OVERDUE + alerts.LEASE) == 1
    assert len(slack.sent) == 1, "what was written down is not sent again"
    assert len(mailbox.taken) == 2
    assert len(set(mailbox.taken)) == 1
    assert states(database) == {("breached", "slack", "sent"): 1, ("breached", "email", "sent"): 1}


# --- what became true meanwhile


def test_answered_between_claim_and_send_is_dropped(database, breached, send, call, monkeypatch) -> None:
    """While the first of six claimed alerts is sent, somebody calls everybody; late, so nothing has to be withdrawn."""
    monkeypatch.setattr(alerts, "BATCH", 6)
    breached(3)
    once = iter([True])

    def everybody_is_called(_: Message) -> None:
        if next(once, False):
            for n in range(3):
                call(n, OVERDUE, OVERDUE)

    channel = Recorder(everybody_is_called)
    assert send({"slack": channel, "email": channel}, OVERDUE) == 6
    assert len(channel.sent) == 1
    assert Counter(row.state for row in rows(database)) == {"sent": 1, "dropped": 5}


def test_a_breach_that_was_told_is_withdrawn_where_it_was_told(database, breached, send, call) -> None:
    breached(1)
    channel = Recorder()
    send({"slack": channel}, OVERDUE)
    assert states(database) == {("breached", "slack", "sent"): 1, ("breached", "email", "undeliverable"): 1}
    call(0, FRIDAY + 23 * H, OVERDUE + H)
    mail = Recorder()
    send({"slack": channel, "email": mail}, OVERDUE + H)
    titles = [title for _, title, _ in channel.sent]
    assert ["佐藤 0" in title for title in titles] == [True, True]
    assert titles[0] != titles[1]
    assert not mail.sent
    assert states(database)["withdrawn", "slack", "sent"] == 1
    assert states(database)["withdrawn", "email", "dropped"] == 1


def test_a_breach_nobody_was_told_of_is_not_withdrawn(database, breached, send, call) -> None:
    breached(1)
    call(0, FRIDAY + 23 * H, OVERDUE + H)
    channel = Recorder()
    send({"slack": channel, "email": channel}, OVERDUE + H)
    assert not channel.sent
    assert {state for _, _, state in states(database)} == {"dropped"}


def test_a_withdrawal_waits_for_the_sender_that_has_the_breach_in_hand(database, breached, send, call) -> None:
    """On PostgreSQL that may be another process. While it sends, the call becomes known."""
    breached(1)
    other = Recorder()

    def call_and_withdraw(_: Message) -> None:
        call(0, FRIDAY + 23 * H, OVERDUE)
        send({"slack": other, "email": other}, OVERDUE)

    slack = Recorder(call_and_withdraw)
    send({"slack": slack, "email": Recorder()}, OVERDUE)
    assert (len(slack.sent), other.sent) == (1, [])
    send({"slack": other, "email": other}, OVERDUE + MINUTE)
    assert [to for *_, to in other.sent] == ["default"]


def test_one_reason_is_told_once(database, breached, send) -> None:
    """Even if a handoff becomes overdue a second time, say after a correction in the tool."""
    breached(1)
    channel = Recorder()
    send({"slack": channel, "email": channel}, OVERDUE)
    with database.write() as c:
        c.execute(update(Handoff).values(verdict="on_track", check_again_at=OVERDUE))
    sweep.run(database, Cache(), OVERDUE + H)
    send({"slack": channel, "email": channel}, OVERDUE + H)
    assert len(channel.sent) == 2
    assert states(database) == {("breached", "slack", "sent"): 1, ("breached", "email", "sent"): 1}


# --- a slow Slack


class SlowSlack:
    """Takes a message at once and answers when it is let, or after three seconds."""

    def __init__(self) -> None:
        self.asked, self.go_on, self.answered = threading.Event(), threading.Event(), threading.Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                slow.asked.set()
                slow.go_on.wait(timeout=3)
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")
                slow.answered.set()

            def log_message(self, *_: Any) -> None:
                """Nothing to say."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @contextmanager
    def up(self) -> Iterator[Slack]:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        host, port = self.server.server_address[:2]
        try:
            yield Slack({"default": SecretStr(f"http://{host!s}:{port}/")}, httpx.Client())
        finally:
            self.go_on.set()
            self.server.shutdown()
            self.server.server_close()


@pytest.fixture
def source(database, state) -> None:
    with database.write() as c:
        sources.add(c, state.vault, name="ma", kind="standard", config={}, secret=SECRET, now=FRIDAY)


def test_a_slow_slack_never_slows_a_webhook(database, state, settings, clock, breached, send, source) -> None:
    """Webhooks are answered, applied and swept while Slack keeps the sender waiting."""
    breached(1)
    clock.now = OVERDUE
    slow = SlowSlack()

    async def post_all() -> list[int]:
        state.intake.start()
        transport = httpx.ASGITransport(create_app(settings, scheduled=False, state=state))
        async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            answers = await asyncio.gather(*(client.post("/webhooks/ma", **signed(n, OVERDUE)) for n in range(40)))
        state.intake.stop()
        return [answer.status_code for answer in answers]

    with slow.up() as channel:
        sender = threading.Thread(target=send, args=({"slack": channel, "email": Recorder()}, OVERDUE), daemon=True)
        sender.start()
        assert slow.asked.wait(timeout=10)
        began = time.monotonic()
        assert asyncio.run(post_all()) == [202] * 40
        state.ledger.drain(OVERDUE)
        sweep.run(database, Cache(), OVERDUE)
        assert time.monotonic() - began < 3
        assert not slow.answered.is_set(), "all of it happened while Slack had not answered yet"
        slow.go_on.set()
        sender.join(timeout=10)
    assert states(database)["breached", "slack", "sent"] == 1
