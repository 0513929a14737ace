"""A message as plain words: what every channel needs before it dresses them in its own form."""

from __future__ import annotations

import re

import httpx

from app.notify.contract import Link, Message

UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def printable(words: str) -> str:
    """Without control characters and halves of surrogate pairs, which no channel can carry. Line breaks stay."""
    return UNPRINTABLE.sub(" ", words.replace("\r\n", "\n")).encode("utf-8", "replace").decode()


def one_line(words: str) -> str:
    """What goes into a subject, a header or a log: nothing in it can begin a second line."""
    return " ".join(printable(words).split())


def summary(message: Message) -> str:
    """Title and fields in one line, for notifications, screen readers and logs."""
    pairs = (f"{one_line(label)}: {one_line(value)}" for label, value in message.fields)
    return " | ".join((one_line(message.title), *pairs))


def web_links(message: Message) -> list[Link]:
    """The links that a browser may open. A lead's link comes from the sender of a webhook, so it may be anything."""
    checked = ((link.label, web_address(link.url)) for link in message.links)
    return [Link(one_line(label), url) for label, url in checked if url]


def web_address(url: str) -> str:
    """The URL in its ASCII form if it is a complete http or https one, otherwise nothing."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        return ""
    return str(parsed) if parsed.scheme in ("http", "https") and parsed.host else ""
