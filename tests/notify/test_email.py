import asyncio
import base64
import email
import email.policy
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from app.notify.contract import Link, Message, TryLater, Undeliverable
from app.notify.email import Email

NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)
BREACH = Message(
    reference="alert-42",
    title="【期限超過 営業0:30】山田製作所 佐藤様(スコア86)",
    fields=(("期限", "9/24(木) 17:30"), ("直近", "料金表 2026\n導入事例「製造業」")),
    links=(
        Link("対応を記録", "https://tasuki.example.com/handoffs/7?a=1&b=2"),
        Link("SFAで開く", "https://sfa.example.com/leads/7"),
    ),
    footnote="方針 v3「MQL 1営業日」",
)


class Postmaster:
    """What the server answers and what it took in."""

    def __init__(self) -> None:
        self.rcpt = self.data = self.mail = "250 OK"
        self.before_data = 0.0
        self.taken: list[Envelope] = []

    async def handle_MAIL(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.mail

    async def handle_RCPT(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.before_data)
        if self.data == "drop":
            assert server.transport is not None
            server.transport.close()
            return "451 never read"
        self.taken.append(envelope)
        return self.data

    def letters(self) -> list[EmailMessage]:
        """What arrived, read as a mail program reads it."""
        return [read(envelope.content) for envelope in self.taken]


def read(content: Any) -> EmailMessage:
    letter = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(letter, EmailMessage)
    return letter


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(master: Postmaster, **options: Any) -> Iterator[int]:
    controller = Controller(master, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def open_relay() -> Iterator[tuple[Postmaster, int]]:
    master = Postmaster()
    with mail_server(master) as port:
        yield master, port


@pytest.fixture
def relay(open_relay: tuple[Postmaster, int]) -> tuple[Postmaster, int]:
    """A server that takes everything until the test tells it otherwise."""
    master, port = open_relay
    vars(master).update(vars(Postmaster()))
    return master, port


def channel(port: int, **options: Any) -> Email:
    usual: dict[str, Any] = {
        "tls": "none",
        "sender": "tasuki@example.com",
        "public_url": "https://tasuki.example.com",
        "clock": lambda: NOW,
        "timeout": 2.0,
    }
    return Email("127.0.0.1", port, **{**usual, **options})


def part(letter: EmailMessage, kind: str) -> str:
    found = letter.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def test_the_received_mail(relay: tuple[Postmaster, int]) -> None:
    master, port = relay
    channel(port).deliver(BREACH, "tanaka@example.co.jp")
    (letter,) = master.letters()
    assert {name: value for name, value in letter.items() if name != "Content-Type"} == {
        "From": "Tasuki <tasuki@example.com>",
        "To": "tanaka@example.co.jp",
        "Subject": BREACH.title,
        "Date": "Thu, 24 Sep 2026 08:30:00 +0000",
        "Message-ID": "<alert-42.tasuki.example.com@example.com>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": "ja",
        "MIME-Version": "1.0",
    }
    assert letter.get_content_type() == "multipart/alternative"
    (envelope,) = master.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("tasuki@example.com", ["tanaka@example.co.jp"])


def test_the_text_part_says_everything(relay: tuple[Postmaster, int]) -> None:
    master, port = relay
    channel(port).deliver(BREACH, "tanaka@example.co.jp")
    assert part(master.letters()[0], "plain") == (
        "【期限超過 営業0:30】山田製作所 佐藤様(スコア86)\n"
        "\n"
        "期限: 9/24(木) 17:30\n"
        "直近: 料金表 2026\n"
        "  導入事例「製造業」\n"
        "\n"
        "対応を記録\n"
        "https://tasuki.example.com/handoffs/7?a=1&b=2\n"
        "\n"
        "SFAで開く\n"
        "https://sfa.example.com/leads/7\n"
        "\n"
        "-- \n"
        "方針 v3「MQL 1営業日」\n"
        "Tasuki https://tasuki.example.com\n"
    )


class Page(HTMLParser):
    """What an HTML part shows: language, table cells, where its links lead, all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.lang, self.cells, self.links, self.tags = "", [""], [""], set[str]()
        self.cells.clear()
        self.links.clear()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if tag == "html":
            self.lang = given.get("lang") or ""
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag in ("th", "td"):
            self.cells.append("")
            self.in_cell = True

    in_cell = False

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self.in_cell:
            self.cells[-1] += data


def test_the_html_part_has_language_table_and_links(relay: tuple[Postmaster, int]) -> None:
    master, port = relay
    channel(port).deliver(BREACH, "tanaka@example.co.jp")
    html = part(master.letters()[0], "html")
    page = Page(html)
    assert page.lang == "ja"
    assert page.cells == ["期限", "9/24(木) 17:30", "直近", "料金表 2026\n導入事例「製造業」"]
    assert page.links == [*(link.url for link in BREACH.links), "https://tasuki.example.com"]
    assert BREACH.title in html
    assert BREACH.footnote in html


def test_a_hostile_name_stays_a_name(relay: tuple[Postmaster, int]) -> None:
    master, port = relay
    hostile = '"><script>alert(1)</script><img src=x>'
    links = (Link(hostile, "javascript:alert(1)"), Link(hostile, 'https://a.example/"onclick="x'))
    channel(port).deliver(Message("r", hostile, ((hostile, hostile),), links, hostile, "en"), "a@example.com")
    (letter,) = master.letters()
    page = Page(part(letter, "html"))
    assert not page.tags & {"script", "img"}
    assert page.cells == [hostile, hostile]
    assert page.links == ["https://a.example/%22onclick=%22x", "https://tasuki.example.com"]
    assert (page.lang, letter["Content-Language"]) == ("en", "en")
    assert "javascript:" not in part(letter, "plain")


@pytest.mark.parametrize(
    "newline", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00", "\n "]
)
def test_no_name_can_add_a_header(relay: tuple[Postmaster, int], newline: str) -> None:
    master, port = relay
    bad = f"山田{newline}Bcc: victim@example.com{newline}{newline}body"
    message = Message(f"alert{newline}X-Evil: 1", bad, ((bad, bad),), (), bad)
    channel(port, sender=f"Tasuki{newline}X-Evil: 1 <tasuki@example.com>").deliver(message, "a@example.com")
    assert master.letters()[0]["Subject"] == "山田 Bcc: victim@example.com body"
    assert_only_our_headers(master)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("=?utf-8?q?=E5=B1=B1=0ABcc:_victim@example.com?=", "= ?utf-8?q?=E5=B1=B1=0ABcc:_victim@example.com?="),
        ("山田 =?utf-8?b?eA0KQmNjOiBhQGIuYw0KDQpib2R5?=", "山田 = ?utf-8?b?eA0KQmNjOiBhQGIuYw0KDQpib2R5?="),
        ("==??utf-8?q?x?=", "== ??utf-8?q?x?="),
    ],
)
def test_no_encoded_name_can_add_a_header(relay: tuple[Postmaster, int], title: str, shown: str) -> None:
    master, port = relay
    channel(port, sender=f'"{title}" <tasuki@example.com>').deliver(replace(BREACH, title=title), "a@example.com")
    assert master.letters()[0]["Subject"] == shown
    assert_only_our_headers(master)


OURS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "Content-Type"}


def assert_only_our_headers(master: Postmaster) -> None:
    (letter,), (envelope,) = master.letters(), master.taken
    assert set(letter.keys()) == OURS | {"MIME-Version"}
    assert envelope.rcpt_tos == ["a@example.com"]
    assert "期限" in part(letter, "html") or "山田" in part(letter, "html"), "the body is still ours"


@pytest.mark.parametrize(
    "title",
    [
        "【残り2時間】山田製作所 佐藤様(スコア86)",
        "期限超過 30 分 ACME Manufacturing Japan 株式会社 a long name Inc. 佐藤 様 スコア 86 資料DL 3 回目 料金表",
        "字" * 400,
        "x" * 1200,
        "⏰🟡 half \ud83d",
        "2 spaces,  “quotes”, commas",
    ],
)
def test_every_subject_comes_back_as_it_was(relay: tuple[Postmaster, int], title: str) -> None:
    master, port = relay
    channel(port).deliver(replace(BREACH, title=title), "a@example.com")
    content = master.taken[0].content
    assert isinstance(content, bytes)
    assert read(content)["Subject"] == " ".join(title.replace("\ud83d", "?").split())
    assert max(map(len, content.splitlines())) <= 998, "the longest line that SMTP allows"
    assert content.isascii()


def test_a_retry_is_the_same_mail_and_another_alert_another(relay: tuple[Postmaster, int]) -> None:
    master, port = relay
    later = channel(port, clock=lambda: NOW + timedelta(minutes=5))
    channel(port).deliver(BREACH, "a@example.com")
    later.deliver(BREACH, "a@example.com")
    later.deliver(replace(BREACH, reference="alert-43"), "a@example.com")
    channel(port, public_url="http://test.example.com:8000").deliver(BREACH, "a@example.com")
    assert [letter["Message-ID"] for letter in master.letters()] == [
        "<alert-42.tasuki.example.com@example.com>",
        "<alert-42.tasuki.example.com@example.com>",
        "<alert-43.tasuki.example.com@example.com>",
        "<alert-42.test.example.com@example.com>",
    ]


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("tasuki@localhost", "Tasuki <tasuki@localhost>"),
        ("営業の襷 <sla@example.com>", "営業の襷 <sla@example.com>"),
        ('"Sales, Japan" <sla@example.com>', '"Sales, Japan" <sla@example.com>'),
    ],
)
def test_who_it_comes_from(relay: tuple[Postmaster, int], sender: str, shown: str) -> None:
    master, port = relay
    channel(port, sender=sender).deliver(BREACH, "a@example.com")
    assert master.letters()[0]["From"] == shown


@pytest.mark.parametrize(
    "address", ["a..b.@docomo.example.ne.jp", "o'brien+tasuki@example.com", "root@localhost", "a@xn--wgv71a.example"]
)
def test_odd_addresses_that_exist_get_their_mail(relay: tuple[Postmaster, int], address: str) -> None:
    master, port = relay
    channel(port).deliver(BREACH, address)
    assert master.taken[0].rcpt_tos == [address]
    assert address in str(master.letters()[0]["To"])


@pytest.mark.parametrize(
    "address",
    ["", "tanaka", "@example.com", "a@", "a b@example.com", "a@example.com\nBcc: b@example.com", "a@b@example.com",
     "<a@example.com>", "a@example.com,b@example.com", "a@example.com ", "田中@example.com", "a@日本語.example",
     "a@-example.com", "a" * 65 + "@example.com", "a@example.com>\r\nRCPT TO:<b@example.com"],
)  # fmt: skip
def test_what_is_no_address_is_undeliverable_and_not_repeated(relay: tuple[Postmaster, int], address: str) -> None:
    master, port = relay
    with pytest.raises(Undeliverable, match="not a mail address") as raised:
        channel(port).deliver(BREACH, address)
    assert "example.com" not in str(raised.value)
    assert not master.taken


def test_a_sender_that_is_no_address_names_the_setting(relay: tuple[Postmaster, int]) -> None:
    with pytest.raises(Undeliverable, match="TASUKI_MAIL_FROM"):
        channel(relay[1], sender="Tasuki").deliver(BREACH, "a@example.com")


ANSWERS = [
    ("rcpt", "450 mailbox busy", TryLater, "450 mailbox busy"),
    ("rcpt", "451 greylisted, come back", TryLater, "451 greylisted"),
    ("rcpt", "421 closing", TryLater, "421 closing"),
    ("rcpt", "550 no such user here", Undeliverable, "550 no such user here; check the address of the recipient"),
    ("rcpt", "550 <a@example.com>: rejected", Undeliverable, "550 <…>: rejected; check the address of the recipient"),
    ("mail", "451 try again", TryLater, "451 try again"),
    ("mail", "530 authentication required", Undeliverable, "TASUKI_MAIL_FROM, and TASUKI_SMTP_USER"),
    ("data", "452 disk full", TryLater, "452 disk full"),
    ("data", "554 looks like spam", Undeliverable, "554 looks like spam; the server does not take this message"),
    ("data", "drop", TryLater, "no connection to the mail server (SMTPServerDisconnected)"),
]


@pytest.mark.parametrize(("step", "answer", "expected", "words"), ANSWERS)
def test_every_answer_of_a_mail_server(
    relay: tuple[Postmaster, int], step: str, answer: str, expected: type[Exception], words: str
) -> None:
    master, port = relay
    setattr(master, step, answer)
    with pytest.raises(expected, match=re.escape(words)) as raised:
        channel(port).deliver(BREACH, "a@example.com")
    assert "a@example.com" not in str(raised.value)
    assert raised.value.__suppress_context__, "smtplib's own words hold the address"


def test_a_slow_server_is_left_after_the_timeout(relay: tuple[Postmaster, int]) -> None:
    master, port = relay
    master.before_data = 3.0
    with took_at_most(2.0), pytest.raises(TryLater):
        channel(port, timeout=0.6).deliver(BREACH, "a@example.com")


@contextmanager
def took_at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def test_nobody_listens() -> None:
    with pytest.raises(TryLater, match=r"ConnectionRefusedError.*TASUKI_SMTP_PORT"):
        channel(free_port()).deliver(BREACH, "a@example.com")


@contextmanager
def script(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server for one connection that says what no well-behaved server says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(5)
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            thread.join(timeout=10)


@pytest.mark.parametrize(
    ("greeting", "expected", "words"),
    [
        (b"421 too many connections\r\n", TryLater, "421 too many connections"),
        (b"554 no SMTP service here\r\n", Undeliverable, "554 no SMTP service here; check TASUKI_SMTP_HOST"),
        (b"HTTP/1.1 400 Bad Request\r\n", Undeliverable, "check TASUKI_SMTP_HOST"),
        (b"", TryLater, "no connection to the mail server"),
    ],
)
def test_who_answers_the_door(greeting: bytes, expected: type[Exception], words: str) -> None:
    with script(lambda door: door.sendall(greeting)) as port, pytest.raises(expected, match=re.escape(words)):
        channel(port, timeout=0.6).deliver(BREACH, "a@example.com")


def test_a_server_that_never_ends_its_answer_cannot_hold_us() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"220 hi\r\n")
        with suppress(OSError):
            for _ in range(30):
                time.sleep(0.1)
                connection.sendall(b"250-and more\r\n")

    with script(drip) as port, took_at_most(2.0), pytest.raises(TryLater):
        channel(port, timeout=0.6).deliver(BREACH, "a@example.com")


@pytest.mark.parametrize("goodbye", [b"500 what is QUIT\r\n", b"421 closing\r\n", b"gibberish\r\n", b"", None])
def test_a_failing_goodbye_does_not_send_the_mail_again(goodbye: bytes | None) -> None:
    """None: the server says nothing and keeps the line open."""

    def takes_it_and_goes(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        connection.sendall(b"220 hi\r\n")
        for reply in (b"250 hello", b"250 sender", b"250 recipient", b"354 go on"):
            lines.readline()
            connection.sendall(reply + b"\r\n")
        while lines.readline() != b".\r\n":
            pass
        connection.sendall(b"250 taken\r\n")
        lines.readline()
        if goodbye is None:
            lines.readline()
        else:
            connection.sendall(goodbye)

    with script(takes_it_and_goes) as port:
        channel(port, timeout=0.6).deliver(BREACH, "a@example.com")


def doorman(server: Server, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"tasuki", b"right")
    return AuthResult(success=right, handled=False)


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
@pytest.mark.parametrize(
    ("user", "password", "expected", "words"),
    [
        ("tasuki", "right", None, ""),
        ("tasuki", "wrong", Undeliverable, "check TASUKI_SMTP_USER and TASUKI_SMTP_PASSWORD"),
        ("tasuki", None, Undeliverable, "check TASUKI_SMTP_USER and TASUKI_SMTP_PASSWORD"),
        ("tasuki", "合言葉", Undeliverable, "TASUKI_SMTP_PASSWORD can hold only ASCII"),
        (None, None, Undeliverable, "530"),
        ("", "right", Undeliverable, "530"),
    ],
)
def test_login(user: str | None, password: str | None, expected: type[Exception] | None, words: str) -> None:
    master, secret = Postmaster(), SecretStr(password) if password else None
    with mail_server(master, authenticator=doorman, auth_required=True, auth_require_tls=False) as port:
        mail = channel(port, user=user, password=secret)
        if expected is None:
            mail.deliver(BREACH, "a@example.com")
        else:
            with pytest.raises(expected, match=words) as raised:
                mail.deliver(BREACH, "a@example.com")
            assert str(password) not in str(raised.value)
            assert base64.b64encode(str(password).encode()).decode() not in str(raised.value)
    assert len(master.taken) == (0 if expected else 1)


def test_a_login_that_the_server_does_not_know(relay: tuple[Postmaster, int]) -> None:
    with pytest.raises(Undeliverable, match=r"AUTH extension not supported by server.*TASUKI_SMTP_USER"):
        channel(relay[1], user="tasuki", password=SecretStr("right")).deliver(BREACH, "a@example.com")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key for 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@contextmanager
def tls_server(master: Postmaster, certificate: Path, tls: str) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if tls == "starttls":
        with mail_server(master, tls_context=context, require_starttls=True) as port:
            yield port
        return
    # The controller's own knock at the door would need to trust the certificate, so the loop is run here.
    loop, port = asyncio.new_event_loop(), free_port()
    loop.run_until_complete(loop.create_server(lambda: Server(master, loop=loop), "127.0.0.1", port, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_tls_with_a_certificate(certificate: Path, tls: str, trusted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    master = Postmaster()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with tls_server(master, certificate, tls) as port:
        if trusted:
            channel(port, tls=tls).deliver(BREACH, "a@example.com")
        else:
            with pytest.raises(Undeliverable, match=r"no trusted TLS connection .*TASUKI_SMTP_TLS"):
                channel(port, tls=tls).deliver(BREACH, "a@example.com")
    assert len(master.taken) == int(trusted)


@pytest.mark.parametrize(
    ("tls", "words"),
    [("starttls", "STARTTLS extension not supported by server.*TASUKI_SMTP_TLS"), ("tls", "TASUKI_SMTP_TLS")],
)
def test_a_server_without_tls_gets_nothing(relay: tuple[Postmaster, int], tls: str, words: str) -> None:
    master, port = relay
    with pytest.raises(Undeliverable, match=words):
        channel(port, tls=tls, user="tasuki", password=SecretStr("right")).deliver(BREACH, "a@example.com")
    assert not master.taken
