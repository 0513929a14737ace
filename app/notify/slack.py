"""Slack by incoming webhooks: a message as Block Kit, and what Slack's answers mean."""

from __future__ import annotations

import json
import logging
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import httpx
from pydantic import SecretStr

from app.notify.contract import Message, TryLater, Undeliverable
from app.notify.plain import one_line, printable, summary, web_address, web_links

# Slack's limits in characters and pieces (docs.slack.dev/reference/block-kit). Text is counted as it is sent,
# escapes included, because nobody says which way Slack counts.
HEADER = 150
FIELD = 2000
FIELDS_OF_A_SECTION = 10
BUTTONS = 25
BUTTON_TEXT = 75
BUTTON_URL = 3000
#: Slack refuses longer messages as `msg_blocks_too_long` and does not say what it counts: some with 11,300
#: characters of text were refused (slackapi/bolt-js#2509, #2867). So the whole JSON is kept below the known limit.
TOTAL = 13_200

# Shares of the total, ours to choose: whatever else is long, at least 3,000 characters stay for the fields.
NOTICE = 2000
FOOTNOTE = 1000
ALL_BUTTONS = 6000
LABEL = 200

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
MARKUP = frozenset("*_~`")
#: Slack refuses empty text.
NOTHING = "–"

NEW_WEBHOOK = "make a new webhook in Slack and put its URL into TASUKI_SLACK_WEBHOOKS"
OTHER_CHANNEL = "make a webhook for another channel and put its URL into TASUKI_SLACK_WEBHOOKS"
REPORT = "please report this as a fault of Tasuki"
#: Slack's word → what a person can do (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
ADVICE = {
    "invalid_payload": f"Slack could not read the message; {REPORT}",
    "invalid_blocks": f"Slack refuses the form of the message; {REPORT}",
    "no_text": f"Slack found no text in the message; {REPORT}",
    "user_not_found": f"the webhook writes to a person who is not there; {OTHER_CHANNEL}",
    "action_prohibited": f"an administrator of the workspace forbids posting there; ask them, or {OTHER_CHANNEL}",
    "channel_not_found": f"the channel does not exist any more; {OTHER_CHANNEL}",
    "channel_is_archived": f"the channel is archived; unarchive it, or {OTHER_CHANNEL}",
    "invalid_token": f"the URL is not valid any more; {NEW_WEBHOOK}",
    "no_service": f"the webhook was removed or switched off; {NEW_WEBHOOK}",
    "no_team": f"the workspace does not exist any more; {NEW_WEBHOOK}",
}
PASSING = frozenset({408, 425, 429})


class Slack:
    """Recipients are the names of configured incoming webhooks.

    A webhook has no key against repeats: if Slack took a message and its answer was lost, the retry shows it twice.
    """

    def __init__(self, webhooks: Mapping[str, SecretStr], http: httpx.Client, *, timeout: float = 10.0) -> None:
        """`timeout`: seconds for a whole delivery, shared out to its steps (connecting counts twice: TCP and TLS)."""
        self.webhooks = webhooks
        self.http = http
        self.timeout = httpx.Timeout(
            connect=0.25 * timeout, read=0.4 * timeout, write=0.05 * timeout, pool=0.05 * timeout
        )
        logging.getLogger("httpx").addFilter(without_paths)

    def deliver(self, message: Message, recipient: str) -> None:
        answer = self.post(recipient, payload(message))
        if answer.is_success:
            return
        word = slack_word(answer.text)
        said = " ".join(filter(None, (f'Slack webhook "{recipient}" answered {answer.status_code}', word)))
        if answer.is_server_error or answer.status_code in PASSING:
            raise TryLater(said, after=seconds(answer.headers.get("Retry-After", "")))
        raise Undeliverable(f"{said}: {ADVICE.get(word, f'Slack does not accept it; {NEW_WEBHOOK}')}")

    def post(self, name: str, body: dict[str, Any]) -> httpx.Response:
        url = self.url(name)
        try:
            return self.http.post(url, json=body, timeout=self.timeout, follow_redirects=False)
        except httpx.RequestError as failure:
            broken = type(failure).__name__
        # Raised only here: an exception of httpx carries the URL, which is a secret, and would come along as context.
        raise TryLater(f'Slack webhook "{name}" could not be reached ({broken})')

    def url(self, name: str) -> str:
        if name not in self.webhooks:
            known = ", ".join(sorted(self.webhooks)) or "none"
            raise Undeliverable(f'TASUKI_SLACK_WEBHOOKS has no webhook called "{one_line(name)}" (it has: {known})')
        url = web_address(self.webhooks[name].get_secret_value())
        if not url:
            raise Undeliverable(f'TASUKI_SLACK_WEBHOOKS: the value of "{name}" is not a web address; {NEW_WEBHOOK}')
        return url


def without_paths(record: logging.LogRecord) -> bool:
    """A logging filter. httpx logs every URL; a webhook's path is its password, so only the host stays."""
    if isinstance(record.args, tuple):
        record.args = tuple(f"{a.scheme}://{a.host}/…" if isinstance(a, httpx.URL) else a for a in record.args)
    return True


def slack_word(body: str) -> str:
    """Slack's reason, e.g. `no_service`; nothing if the answer is anything else, such as the page of a proxy."""
    return body.strip() if re.fullmatch(r"[a-z_]{1,60}", body.strip()) else ""


def seconds(retry_after: str) -> float | None:
    """Slack writes whole seconds; the date form of the header counts as not said."""
    return float(retry_after) if re.fullmatch(r"[0-9]{1,6}", retry_after.strip()) else None


def payload(message: Message) -> dict[str, Any]:
    """The body for a webhook, within all of Slack's limits. What is too long ends in …

    Names of companies and people stand in `plain_text` only: Slack's markup knows no escape for * _ ~ `.
    """
    shell = {"text": cut(summary(message), NOTICE), "mrkdwn": False}
    header = {"type": "header", "text": plain(one_line(message.title), HEADER)}
    closing = [*buttons(message), *small_print(message)]
    room = TOTAL - size({**shell, "blocks": [header, *closing]})
    return {**shell, "blocks": [header, *table(message.fields, room), *closing]}


def table(fields: Sequence[tuple[str, str]], room: int) -> list[dict[str, Any]]:
    """Sections whose two columns are label and value, in reading order, as many as fit into `room`."""
    cells: list[dict[str, Any]] = []
    more = plain("…", 1)
    for label, value in fields:
        name = bold(label)
        left = room - size(sections([*cells, name, plain("", 1), more]))
        if left < 1:
            return sections([*cells, more])
        cells += [name, plain(value, min(FIELD, left))]
    return sections(cells)


def sections(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    starts = range(0, len(cells), FIELDS_OF_A_SECTION)
    return [{"type": "section", "fields": list(cells[start : start + FIELDS_OF_A_SECTION])} for start in starts]


def buttons(message: Message) -> list[dict[str, Any]]:
    """Link buttons. A URL that is too long is left out, because half of it would lead elsewhere."""
    possible = [
        {"type": "button", "text": plain(link.label, BUTTON_TEXT), "url": link.url}
        for link in web_links(message)
        if len(link.url) <= BUTTON_URL
    ]
    sizes = accumulate(map(size, possible))
    shown = [button for button, so_far in zip(possible, sizes, strict=True) if so_far <= ALL_BUTTONS][:BUTTONS]
    return [{"type": "actions", "elements": shown}] if shown else []


def small_print(message: Message) -> list[dict[str, Any]]:
    footnote = one_line(message.footnote)
    return [{"type": "context", "elements": [plain(footnote, FOOTNOTE)]}] if footnote else []


def bold(label: str) -> dict[str, Any]:
    """A label in bold, unless it contains markup itself."""
    if MARKUP & set(label):
        return plain(one_line(label), LABEL)
    return {"type": "mrkdwn", "text": f"*{cut(one_line(label), LABEL)}*", "verbatim": True}


def plain(words: str, limit: int) -> dict[str, Any]:
    """`emoji` off: a company called `:beer:` stays a company."""
    return {"type": "plain_text", "text": cut(words, limit), "emoji": False}


def cut(words: str, limit: int) -> str:
    """Escaped for Slack and at most `limit` characters of JSON, the last of them … if something is missing."""
    written = [ESCAPES.get(c, c) for c in printable(words).strip() or NOTHING]
    ends = list(accumulate(len(c) + (c in '"\\\n') for c in written))
    if ends[-1] <= limit:
        return "".join(written)
    return "".join(written[: bisect_left(ends, limit)]) + "…"


def size(part: object) -> int:
    return len(json.dumps(part, ensure_ascii=False))
