"""Tools that can be asked: which they are, what went wrong, and how an answer is kept (a delivery like any other)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from app.domain.refusals import refused
from app.flows.sources import Directory, NoSuchSource, OpenSource
from app.models import Delivery, Feed, Source
from connectors import registry
from connectors.contract import AskFailed, AsksAboutLead, Connector, Page, Polls, WebhookRequest

#: The method of a delivery that was asked for, in its row and in what `Connector.parse` gets.
POLL = "POLL"
#: Headers of such a delivery: the reading of the past that it belongs to; the lead that was asked about.
READING, LEAD = "tasuki-reading", "tasuki-lead"
NO_REASON: Mapping[str, str] = {}
#: Waits after failures: doubled from the first to the longest. A tool may name a longer one, up to a day.
FIRST_WAIT, LONGEST_WAIT, MOST = timedelta(seconds=5), timedelta(minutes=15), timedelta(days=1)
#: Names under which a credential of several parts holds what is secret.
SECRET = re.compile(r"token|secret|password|key|assertion", re.IGNORECASE)
#: A shorter word is not looked for in what tools answer: it would be found everywhere.
SHORTEST_SECRET = 6


# Which tools


def pollable(directory: Directory, now: datetime) -> dict[int, OpenSource]:
    """The sources that can be asked for everything that changed, by id."""
    return {source.id: source for source in directory.by_id(set(), now).values() if can_be_polled(source)}


def can_be_polled(source: OpenSource) -> bool:
    return not source.disabled and bool(source.credential) and isinstance(source.connector, Polls)


def polled_source(directory: Directory, name: str, now: datetime) -> OpenSource:
    """The source of that name, as it is stored now. Raises NoSuchSource, and Refused if it cannot be polled."""
    directory.refresh(now)
    source = next((s for s in directory.by_id(set(), now).values() if s.name == name), None)
    if source is None:
        raise NoSuchSource(name)
    if not isinstance(source.connector, Polls):
        raise refused(
            "",
            "cannot_be_asked",
            "A source of the kind {kind} sends by itself; it cannot be asked.",
            kind=source.connector.kind,
        )
    if not source.credential:
        raise refused("", "no_credential", "{name} has no API token yet: `tasuki source credential {name}`.", name=name)
    if source.disabled:
        raise refused("", "disabled", "{name} is disabled: `tasuki source enable {name}`.", name=name)
    return source


def asked_about_leads(directory: Directory, now: datetime) -> list[OpenSource]:
    """The sales tools that can be asked what was done about one lead."""
    return [s for s in pollable(directory, now).values() if _is_asked(s.connector, s.config.role)]


def askable(c: Connection) -> frozenset[str]:
    """The systems whose ids those tools know; without opening any secret, for whoever has a transaction alone.

    A source is among them once polling has taken it up, within seconds after it got its credential.
    """
    polled = select(Source.kind, Source.config).join(Feed, Feed.source_id == Source.id)
    rows = c.execute(polled.where(Source.disabled_at.is_(None), Feed.poll_at.is_not(None)))
    return frozenset(row.config.get("system") or row.kind for row in rows if _asked(row))


def _asked(row: Any) -> bool:
    return row.kind in registry.kinds() and _is_asked(registry.connector(row.kind), row.config.get("role", ""))


def _is_asked(connector: Connector[Any], role: str) -> bool:
    usual_role = connector.role
    return isinstance(connector, AsksAboutLead) and (role or usual_role) != "ma"


def system_of(source: OpenSource) -> str:
    """The system name of the ids that it gives its people."""
    return source.config.system or source.connector.kind


# What they answer


def keep(
    c: Connection,
    source: OpenSource,
    page: Page,
    now: datetime,
    *,
    why: Mapping[str, str] = NO_REASON,
    lease: timedelta = timedelta(),
) -> int:
    """Store a page for the ledger; the delivery's id. `why` it was asked for become its headers.

    `lease`: for how long the ledger leaves it to the caller.
    """
    row = {
        "source_id": source.id,
        "received_at": now,
        "method": POLL,
        "url": without_secrets(page.url, source.credential),
        "headers": dict(why),
        "body": body_of(source, page),
        "state": "waiting",
        "not_before": now + lease,
        "attempts": 0,
    }
    return c.execute(insert(Delivery).values(row).returning(Delivery.id)).scalar_one()


def body_of(source: OpenSource, page: Page) -> bytes:
    body = source.connector.to_store(page.body)
    for secret in secrets_in(source.credential):
        body = body.replace(secret.encode(), "…".encode())
    return body


def says_something(source: OpenSource, page: Page, now: datetime) -> bool:
    """Most polls find nothing; keeping those would bury the deliveries that people look at."""
    try:
        parsed = source.connector.parse(WebhookRequest(POLL, page.url, {}, page.body, now), source.config)
    except Exception:  # the ledger puts it into quarantine, with the reason
        return True
    return bool(parsed.events or parsed.problems or parsed.lookups)


# What went wrong


def in_words(failed: Exception, source: OpenSource) -> str:
    """One sentence for whoever mends it, without anything secret."""
    words = str(failed) if isinstance(failed, AskFailed) else f"{type(failed).__name__}: {failed}"
    return without_secrets(words, source.credential)[:500]


def wait_after(failed: Exception, failures: int) -> timedelta:
    """Until the next try, after so many failures in a row."""
    doubled: timedelta = min(FIRST_WAIT * 2 ** min(failures, 10), LONGEST_WAIT)
    if not isinstance(failed, AskFailed):
        return doubled
    if failed.retry_after is None:
        return LONGEST_WAIT
    asked_for = timedelta(seconds=min(failed.retry_after, MOST.total_seconds()))
    return max(doubled, asked_for)


def needs_a_person(failed: Exception) -> bool:
    return isinstance(failed, AskFailed) and failed.retry_after is None


def without_secrets(words: str, credential: str) -> str:
    for secret in secrets_in(credential):
        words = words.replace(secret, "…")
    return words


def secrets_in(credential: str) -> list[str]:
    """The credential whole, and its secret parts where it is JSON."""
    found = [credential, *_secret_parts(credential)]
    return sorted({word for word in found if len(word) >= SHORTEST_SECRET}, key=len, reverse=True)


def _secret_parts(credential: str) -> list[str]:
    try:
        parts = json.loads(credential)
    except ValueError:
        return []
    if not isinstance(parts, dict):
        return []
    return [value for name, value in parts.items() if isinstance(value, str) and SECRET.search(name)]
