"""Ask the tools for what their webhooks left out: on a schedule, from a cursor that survives everything."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.db import Database
from app.domain.identity import named
from app.flows import tools
from app.flows.sight import ID, among
from app.flows.sources import Directory, OpenSource
from app.models import Delivery, Event, Feed, LeadIdentity
from connectors.contract import CanonicalEvent, ExternalId, Page, Polls

#: A worker that claimed a poll and died gives it back after this; longer than the slowest page.
LEASE = timedelta(minutes=2)
#: The first poll begins this long before the last webhook: what was on its way then was perhaps lost.
FIRST_REACH = timedelta(hours=1)
#: What a poll tells within this time was not missed: the webhook may still be on its way.
ON_ITS_WAY = timedelta(minutes=2)
#: A poll that went well has nothing to say against the feed.
WELL: dict[str, Any] = {"failures": 0, "failing_since": None, "poll_error": None}


def poll_due(
    database: Database, directory: Directory, http: httpx.Client, now: datetime, stored: threading.Event
) -> bool:
    """Ask the source whose poll is longest overdue for one page; whether there was one. Call it until there is none.

    `stored` is set when there is something for the ledger. No transaction is open while the tool is asked.
    """
    sources = tools.pollable(directory, now)
    _enrol(database, sources, now)
    claimed = _claim(database, sources, now)
    if claimed is None:
        return False
    source = sources[claimed.source_id]
    try:
        page = _ask(source, claimed, now, http)
        worth_keeping = tools.says_something(source, page, now)
    except Exception as failed:  # a connector's mistake must not stop the others
        note_failure(database, source, failed, now)
        return True
    if _write_down(database, source, claimed, page, now, worth_keeping=worth_keeping):
        stored.set()
    return True


def poll_now(c: Connection, source: OpenSource, now: datetime) -> None:
    """Its next poll is due at once."""
    ensure_feed(c, source.id)
    c.execute(update(Feed).where(Feed.source_id == source.id).values(poll_at=now))


def ensure_feed(c: Connection, source_id: int) -> None:
    dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
    c.execute(dialect.insert(Feed).values(source_id=source_id, gaps={}).on_conflict_do_nothing())


def _enrol(database: Database, sources: Mapping[int, OpenSource], now: datetime) -> None:
    """Every source that can be polled has its turn; one that no longer can is not failing either."""
    with database.read() as c:
        turns = {row.source_id: row.poll_at for row in c.execute(select(Feed.source_id, Feed.poll_at))}
    fresh = [source_id for source_id in sources if turns.get(source_id) is None]
    gone = [source_id for source_id, poll_at in turns.items() if poll_at is not None and source_id not in sources]
    if not fresh and not gone:
        return
    with database.write() as c:
        for source_id in sorted(fresh):
            poll_now(c, sources[source_id], now)
        c.execute(update(Feed).where(Feed.source_id.in_(gone)).values(WELL | {"poll_at": None}))


def _claim(database: Database, sources: Mapping[int, OpenSource], now: datetime) -> Any | None:
    due = (
        select(Feed.source_id, Feed.heard_at, Feed.cursor, Feed.polled_through)
        .where(Feed.source_id.in_(list(sources)), Feed.poll_at <= now)
        .order_by(Feed.poll_at, Feed.source_id)
        .limit(1)
    )
    with database.read() as c:
        if not sources or c.execute(due).first() is None:
            return None
    with database.write() as c:
        row = c.execute(due.with_for_update(skip_locked=True)).first()
        if row is not None:
            c.execute(update(Feed).where(Feed.source_id == row.source_id).values(poll_at=now + LEASE))
        return row


def _ask(source: OpenSource, claimed: Any, now: datetime, http: httpx.Client) -> Page:
    assert isinstance(source.connector, Polls)
    cursor = claimed.cursor or source.connector.start(min(claimed.heard_at or now, now) - FIRST_REACH)
    return source.connector.poll(cursor, now, source.config, source.credential, http)


def _write_down(
    database: Database, source: OpenSource, claimed: Any, page: Page, now: datetime, *, worth_keeping: bool
) -> bool:
    """The page and where to go on, together. Not if another worker read the same place meanwhile."""
    with database.write() as c:
        place = select(Feed.cursor, Feed.polled_through).where(Feed.source_id == source.id).with_for_update()
        if c.execute(place).one() != (claimed.cursor, claimed.polled_through):
            return False
        if worth_keeping:
            tools.keep(c, source, page, now)
        following = now if page.more else now + timedelta(minutes=source.config.poll_every_minutes)
        through = max(page.through, claimed.polled_through or page.through)
        moved = {"cursor": page.cursor, "polled_through": through, "poll_at": following}
        c.execute(update(Feed).where(Feed.source_id == source.id).values(WELL | moved))
    return worth_keeping


def note_failure(database: Database, source: OpenSource, failed: Exception, now: datetime) -> None:
    """The poll went wrong; `poll_at` says when it is tried again."""
    with database.write() as c:
        failures = count_failure(c, source, failed, now)
        again_at = now + tools.wait_after(failed, failures)
        c.execute(update(Feed).where(Feed.source_id == source.id).values(poll_at=again_at))


def count_failure(c: Connection, source: OpenSource, failed: Exception, now: datetime) -> int:
    """The tool could not be asked: how often in a row by now. The next poll that goes well ends it."""
    chosen = Feed.source_id == source.id
    row = c.execute(select(Feed.failures, Feed.failing_since).where(chosen).with_for_update()).one()
    failures = int(row.failures) + 1
    said = {"failing_since": row.failing_since or now, "poll_error": tools.in_words(failed, source)}
    c.execute(update(Feed).where(chosen).values(said | {"failures": failures}))
    return failures


# What only a poll brought


#: What a fact says: lead, kind, when, and its data as text.
Content = tuple[int | None, str, datetime, str]


def count_recovered(c: Connection, new: Iterable[tuple[int | None, CanonicalEvent, datetime]]) -> None:
    """Of the facts that were not known before, (delivery, fact, received at): those that no webhook told in time, and
    that say something. What a poll only repeats under another key was told.

    In the transaction that writes them down, last: whoever locks a feed locks nothing of leads after it.
    """
    late = [(delivery, fact) for delivery, fact, received_at in new if delivery and _is_late(fact, received_at)]
    asked = _asked_for(c, {delivery for delivery, _ in late}) if late else {}
    late = [(delivery, fact) for delivery, fact in late if delivery in asked]
    if not late:
        return
    leads = _leads_of(c, [fact for _, fact in late])
    told = {(asked[delivery], _content(leads, fact)) for delivery, fact in late}
    known = _told_before(c, {content for _, content in told}, asked)
    recovered = Counter(source_id for source_id, content in told if content not in known)
    for source_id, number in sorted(recovered.items()):
        c.execute(update(Feed).where(Feed.source_id == source_id).values(recovered=Feed.recovered + number))


def _asked_for(c: Connection, deliveries: Iterable[int]) -> dict[int, int]:
    """Those of the deliveries that polls brought, without readings of the past, and their sources."""
    polled = select(Delivery.id, Delivery.source_id, Delivery.headers).where(Delivery.method == tools.POLL)
    rows = c.execute(polled.where(Delivery.id.in_(deliveries)))
    return {row.id: row.source_id for row in rows if tools.READING not in row.headers}


def _leads_of(c: Connection, facts: Iterable[CanonicalEvent]) -> dict[ExternalId, int]:
    """The lead of whom each fact is about."""
    meant = among(ID, {named(fact.lead) for fact in facts})
    rows = c.execute(select(*ID, LeadIdentity.lead_id).where(meant))
    return {ExternalId(system, value): lead_id for system, value, lead_id in rows}


def _content(leads: Mapping[ExternalId, int], fact: CanonicalEvent) -> Content:
    return (leads.get(named(fact.lead)), fact.kind.value, fact.occurred_at, _as_text(fact.data))


def _as_text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)


def _told_before(c: Connection, contents: Iterable[Content], asked: Collection[int]) -> set[Content]:
    """What the ledger says of these leads and moments, but for these deliveries; along `ix_events_lead_id`."""
    leads, moments = ({content[place] for content in contents} for place in (0, 2))
    columns = (Event.lead_id, Event.kind, Event.occurred_at, Event.data)
    others = or_(Event.delivery_id.is_(None), Event.delivery_id.not_in(asked))
    rows = c.execute(select(*columns).where(Event.lead_id.in_(leads), Event.occurred_at.in_(moments), others))
    return {(lead_id, kind, at, _as_text(data)) for lead_id, kind, at, data in rows}


def _is_late(fact: CanonicalEvent, received_at: datetime) -> bool:
    """Whether a webhook would have been here: the tool knew of the fact since it was last written to."""
    known_since = max(at for at in (fact.occurred_at, fact.recorded_at, fact.revised_at) if at)
    return received_at - known_since > ON_ITS_WAY
