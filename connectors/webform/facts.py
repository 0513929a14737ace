"""What a message says, in the words that the source's configuration gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from connectors.contract import CanonicalEvent, EventKind, Problem
from connectors.records import Channel, Finding, Lead, Record, digest
from connectors.webform.config import WebFormConfig
from connectors.webform.times import When, when
from connectors.wire import milliseconds, plain, present

NOBODY = "the message holds neither an id nor an address; name their fields as fields.id and fields.email"
NO_TIME = "is no time; send it like 2026-10-05 14:30, or with its zone"
WEB = re.compile(r"https?://[\w.-]+(:\d+)?(/\S*)?")


def message(seen: Record, config: WebFormConfig) -> Iterator[Finding]:
    """Who it is about, its score, status and owner, and what happened. Sent twice, it is the same facts."""
    names = config.fields
    lead, word = seen.person(seen.fields.get(names.id), seen.fields.get(names.email)), seen.text(names.event)
    said, written = config.meaning(word), seen.text(names.at)
    at = when(written, config.zone, seen.received_at) if written else now(seen)
    if said == "ignore":
        return
    if said is None:
        yield seen.wrong(names.event, f"nobody said what {word[:80]!r} is; add it to events")
    elif at is None:
        yield seen.wrong(names.at, f"{written[:80]!r} {NO_TIME}")
    elif not lead:
        yield seen.wrong(names.email, NOBODY)
    else:
        yield from dated(seen, lead, said, at, config)


def now(seen: Record) -> When:
    return When(seen.received_at, f"received {milliseconds(seen.received_at)}")


def dated(seen: Record, lead: Lead, said: str, at: When, config: WebFormConfig) -> Iterator[Finding]:
    """`sign`: the message's own id, else its time, tells its facts from others."""
    sign = seen.text(config.fields.key) or at.sign
    then = replace(seen, id=digest([lead[0].value, said, sign]), changed_at=at.at)
    for found in (*standing(then, lead, config), *happened(then, lead, said, config)):
        if isinstance(found, CanonicalEvent):
            key = f"message:{found.kind}:{digest([sign, said, lead[0].value, found.data])}"
            yield replace(found, key=key, revised_at=None)  # of two revisions the one that came later counts
        elif isinstance(found, Problem):
            yield replace(found, place=found.place.replace(then.id, seen.id))


def standing(seen: Record, lead: Lead, config: WebFormConfig) -> Iterator[Finding]:
    names, url = config.fields, seen.text(config.fields.url)
    name = " ".join(filter(None, (seen.text(field) for field in names.name)))
    page = url if WEB.fullmatch(url) else None
    yield from seen.profile(lead, name=name, company=seen.fields.get(names.company), url=page)
    if owner := seen.text(names.owner):
        yield from seen.owner(lead, owner)
    yield from seen.score(lead, seen.text(names.score))
    yield from seen.status(lead, seen.text(names.status))


def happened(seen: Record, lead: Lead, said: str, config: WebFormConfig) -> Iterator[Finding]:
    kind, _, detail = said.partition(" ")
    names = config.fields
    asset, by = seen.text(names.asset), seen.text(names.by)
    title = seen.text(names.title) or asset
    if kind == "activity":
        yield from seen.activity(lead, detail.strip(), seen.at, key=seen.id, asset=asset, title=title)
    elif kind == "follow_up":
        yield from seen.follow_up([lead], cast("Channel", detail), seen.at, by=by, subject=title)
    elif kind == "disposition":
        told = present({"outcome": detail, "reason": seen.text(names.reason), "by": by})
        yield from seen.fact(EventKind.DISPOSITION, lead, told)
    elif kind == "status":
        word = plain(seen.fields.get(names.event)) or detail
        yield from seen.fact(EventKind.STATUS, lead, {"status": detail, "raw": word})
