"""What a channel gets and what it may answer. A channel sees no table and no domain type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient, in the recipient's language, with its words final."""

    #: Stable over retries, e.g. `alert-42`: an e-mail's Message-ID is made of it, so a repeat can be recognised.
    reference: str
    #: One line: who and how late. E-mail subject, Slack header.
    title: str
    #: Label and value, in reading order.
    fields: tuple[tuple[str, str], ...] = ()
    links: tuple[Link, ...] = ()
    #: Small print, e.g. which policy version.
    footnote: str = ""
    #: `ja` or `en`; for the language tag of HTML.
    locale: str = "ja"
    #: The reference of the message that this one corrects; a mail lands in its thread.
    answers: str | None = None


class TryLater(Exception):
    """Not delivered now. `after` is the seconds the other side asked for, if it did."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Undeliverable(Exception):
    """Will not be delivered until a person mends the reason it gives."""


class Channel(Protocol):
    def deliver(self, message: Message, recipient: str) -> None:
        """Send now or raise TryLater or Undeliverable. Bounded in time (10 s)."""
