"""The channel that only writes down: for the demo and for trying Tasuki out before Slack or mail is set up."""

from __future__ import annotations

from collections.abc import Callable

from app.notify.contract import Message
from app.notify.plain import one_line, summary, web_links


class Log:
    """One readable line a message. A mail address is shortened to its domain: logs hold no personal address."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self.write = write

    def deliver(self, message: Message, recipient: str) -> None:
        links = (f"{link.label} <{link.url}>" for link in web_links(message))
        parts = (summary(message), *links, one_line(message.footnote))
        said = " | ".join(part for part in parts if part)
        self.write(f"{one_line(message.reference)} to {without_mailbox(recipient)}: {said}")


def without_mailbox(recipient: str) -> str:
    """`rep@example.com` → `…@example.com`; the name of a Slack webhook stays as it is."""
    _mailbox, at, domain = one_line(recipient).rpartition("@")
    return f"…@{domain}" if at else domain
