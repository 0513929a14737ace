"""E-mail over SMTP: a message as text and HTML, and what a mail server's answers mean."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import SecretStr

from app.notify.contract import Message, TryLater, Undeliverable
from app.notify.plain import one_line, printable, web_links

#: What browsers accept as an address. It lets through what Japanese mobile carriers once gave out, e.g. `a..b.@…`.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
#: Bodies travel as base64 or quoted-printable: a relay without 8BITMIME cannot spoil them.
POLICY = SMTP.clone(cte_type="7bit")
TEMPLATES = Environment(loader=PackageLoader("app.notify", "."), autoescape=True, undefined=StrictUndefined)

REACH = "if this goes on, check TASUKI_SMTP_HOST, TASUKI_SMTP_PORT and TASUKI_SMTP_TLS"
#: Where the server said no (first match) → what a person can do.
ADVICE: tuple[tuple[type[smtplib.SMTPException], str], ...] = (
    (smtplib.SMTPRecipientsRefused, "check the address of the recipient"),
    (smtplib.SMTPAuthenticationError, "check TASUKI_SMTP_USER and TASUKI_SMTP_PASSWORD"),
    (smtplib.SMTPSenderRefused, "check TASUKI_MAIL_FROM, and TASUKI_SMTP_USER if the server wants a login"),
    (smtplib.SMTPDataError, "the server does not take this message; ask whoever runs it"),
    (smtplib.SMTPException, "check TASUKI_SMTP_HOST, TASUKI_SMTP_PORT and TASUKI_SMTP_TLS"),
)


class Email:
    """Recipients are mail addresses.

    There is no List-Unsubscribe: who gets an alert is decided by who owns the lead, so a link would promise too much.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        user: str | None = None,
        password: SecretStr | None = None,
        tls: Literal["none", "starttls", "tls"],
        sender: str,
        public_url: str,
        clock: Callable[[], datetime],
        timeout: float = 10.0,
    ) -> None:
        """`sender`: an address, or `Name <address>`. `clock`: for the Date header. `timeout`: seconds in all."""
        self.host, self.port, self.tls = host, port, tls
        self.user, self.password = user, password
        self.name, self.address = parseaddr(header_words(sender))
        self.public_url, self.clock, self.timeout = public_url, clock, timeout

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def deliver(self, message: Message, recipient: str) -> None:
        if not ADDRESS.fullmatch(self.address):
            raise Undeliverable("TASUKI_MAIL_FROM is not a mail address; write tasuki@example.com, a domain of yours")
        if not ADDRESS.fullmatch(recipient):
            raise Undeliverable("the recipient is not a mail address; correct it where the owner or team is set up")
        letter = self.letter(message, recipient)
        try:
            with self.conversation() as smtp:
                smtp.send_message(letter, self.address, [recipient])
        except (OSError, UnicodeError) as failure:  # smtplib's exceptions are OSErrors
            raise meaning(failure, recipient) from None

    def letter(self, message: Message, recipient: str) -> EmailMessage:
        """The mail. One message has one Message-ID however often it is sent."""
        letter = EmailMessage(POLICY)
        letter["From"] = mailbox(self.address, self.name or "Tasuki")
        letter["To"] = mailbox(recipient)
        letter["Subject"] = header_words(message.title)
        letter["Date"] = format_datetime(self.clock())
        letter["Message-ID"] = self.message_id(message.reference)
        if message.answers:
            letter["In-Reply-To"] = letter["References"] = self.message_id(message.answers)
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes back to us
        letter.set_content(as_text(message, self.public_url))
        letter.add_alternative(as_html(message, self.public_url), subtype="html")
        letter["Content-Language"] = message.locale  # last: set_content() forgets every Content-… header
        return letter

    def message_id(self, reference: str) -> str:
        """Made of the reference, and of this server's name so that a test server's `alert-42` is another one."""
        server = urlsplit(self.public_url).hostname or "tasuki"
        return f"<{re.sub(r'[^A-Za-z0-9.-]', '-', f'{reference}.{server}')}@{self.domain}>"

    @contextmanager
    def conversation(self) -> Iterator[smtplib.SMTP]:
        """An SMTP session, ready to send. It is over after `timeout` seconds, however slowly the server talks."""
        hang_up_at = time.monotonic() + self.timeout
        smtp = self.dial()
        if smtp.sock is not None:
            smtp.sock.settimeout(self.timeout)  # a server may think for long about a mail; the watchdog ends it in time
        watchdog = threading.Timer(max(0.0, hang_up_at - time.monotonic()), hang_up, (smtp,))
        watchdog.daemon = True
        watchdog.start()
        try:
            self.introduce(smtp)
            yield smtp
            with suppress(OSError):  # the mail is accepted: a failing goodbye must not send it again
                smtp.quit()
        finally:
            watchdog.cancel()
            smtp.close()

    def dial(self) -> smtplib.SMTP:
        # Half of the time for connecting, half for the greeting. Our own name is said, as looking it up may take long.
        if self.tls == "tls":
            trust = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, self.domain, timeout=self.timeout / 2, context=trust)
        return smtplib.SMTP(self.host, self.port, self.domain, timeout=self.timeout / 2)

    def introduce(self, smtp: smtplib.SMTP) -> None:
        if self.tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if self.user:
            smtp.login(self.user, self.password.get_secret_value() if self.password else "")


def hang_up(smtp: smtplib.SMTP) -> None:
    """End the connection under a waiting session, below TLS: shutting down the TLS layer would let plain text out."""
    with suppress(OSError):
        if smtp.sock is not None:
            socket.socket.shutdown(smtp.sock, socket.SHUT_RDWR)


def header_words(words: str) -> str:
    """Words that stay in their header. Python's email package decodes `=?utf-8?q?…=0A…?=` in what we give it and
    writes the line break out raw, so a company with such a name could add headers of its own."""
    return one_line(words).replace("=?", "= ?")


def mailbox(address: str, name: str = "") -> Address:
    user, _, domain = address.rpartition("@")
    return Address(name, user, domain)


def as_text(message: Message, public_url: str) -> str:
    """The whole message for readers without HTML."""
    fields = [f"{one_line(label)}: {indented(value)}" for label, value in message.fields]
    links = [f"{link.label}\n{link.url}\n" for link in web_links(message)]
    end = [*filter(None, [one_line(message.footnote)]), f"Tasuki {public_url}"]
    return "\n".join([one_line(message.title), "", *fields, "", *links, "-- ", *end, ""])


def indented(value: str) -> str:
    return printable(value).strip().replace("\n", "\n  ")


def as_html(message: Message, public_url: str) -> str:
    return TEMPLATES.get_template("message.html").render(
        locale=message.locale,
        title=one_line(message.title),
        fields=[(one_line(label), printable(value).strip()) for label, value in message.fields],
        links=web_links(message),
        footnote=one_line(message.footnote),
        public_url=public_url,
    )


def meaning(failure: OSError | UnicodeError, recipient: str) -> TryLater | Undeliverable:
    """What a failed conversation means to the alert: a lost connection and a 4xx pass, the rest needs a person."""
    code, said = answer(failure)
    words = f"the mail server said {code} {one_line(said.replace(recipient, '…'))[:200]}"
    if 400 <= code < 500:
        return TryLater(words)
    if code:
        return Undeliverable(f"{words}; {next(advice for where, advice in ADVICE if isinstance(failure, where))}")
    return without_answer(failure)


def answer(failure: Exception) -> tuple[int, str]:
    """The server's code and words; code 0 if it said nothing."""
    code, said = 0, b""
    if isinstance(failure, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(failure.recipients.values()))
    elif isinstance(failure, smtplib.SMTPResponseException):
        code, said = failure.smtp_code, failure.smtp_error  # type: ignore[assignment]
    return code, said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def without_answer(failure: OSError | UnicodeError) -> TryLater | Undeliverable:
    kind = type(failure).__name__
    if isinstance(failure, UnicodeError):
        return Undeliverable("TASUKI_SMTP_HOST, TASUKI_SMTP_USER and TASUKI_SMTP_PASSWORD can hold only ASCII letters")
    if isinstance(failure, ssl.SSLError) and not isinstance(failure, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Undeliverable(f"no trusted TLS connection to the mail server ({failure.reason}); check TASUKI_SMTP_TLS")
    if isinstance(failure, smtplib.SMTPException) and not isinstance(failure, smtplib.SMTPServerDisconnected):
        return Undeliverable(f"the mail server cannot do it: {failure} Check TASUKI_SMTP_TLS and TASUKI_SMTP_USER")
    return TryLater(f"no connection to the mail server ({kind}); {REACH}")
