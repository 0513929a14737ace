"""Feeds of the sources: their rhythm is learned, a silence that is too long is noticed, and its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.db import Database
from app.domain.calendar import Calendar
from app.domain.darkness import Hearing, Lasting, Why, complete_until, heard_again, why_dark
from app.domain.rhythm import Rhythm, hear, learned_gap, rhythm_as_json, rhythm_from_json
from app.flows import silences
from app.flows.policies import newest_calendar
from app.flows.silence_words import REMEDIES, message, still_true
from app.flows.silences import darkness, systems_of
from app.flows.tools import POLL
from app.models import Delivery, Feed, Silence, Source
from app.settings import Settings

__all__ = [
    "REMEDIES",
    "Standing",
    "darkness",
    "default_calendar",
    "message",
    "standings",
    "still_true",
    "systems_of",
    "watch",
]

#: Deliveries read in one go.
BATCH = 5_000
#: Deliveries are committed a little out of order: those of this last while are read again.
SETTLED = timedelta(minutes=1)

#: What has to be written; returns how many silences it began or ended.
Step = Callable[[Connection], int]


def watch(database: Database, settings: Settings, now: datetime) -> int:
    """Read what was delivered since the last look, and notice silences and their ends; returns how many.

    Safe to run anywhere, any number of times at once.
    """
    _listen(database, now)
    with database.read() as c:
        calendar = default_calendar(c)
        steps = [_step(c, standing, calendar, settings, now) for standing in standings(c, calendar)]
    return sum(_done(database, step) for step in steps if step is not None)


def _done(database: Database, step: Step) -> int:
    """Each in a transaction of its own: whoever locks a feed locks no handoff after it."""
    with database.write() as c:
        return step(c)


def default_calendar(c: Connection) -> Calendar:
    """In whose open time rhythms are measured."""
    return newest_calendar(c, "default")[2]


# --- listening


def _listen(database: Database, now: datetime) -> None:
    """Every feed's rhythm with the deliveries that it does not know yet; one walk along their ids serves all."""
    with database.read() as c:
        after = c.scalar(select(func.min(Feed.seen_delivery_id)).where(Feed.seen_delivery_id > 0)) or 0
    while True:
        with database.read() as c:
            rows = c.execute(_deliveries(after)).all()
        if rows:
            _learn(database, rows, now)
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def _deliveries(after: int) -> Any:
    columns = (Delivery.id, Delivery.source_id, Delivery.received_at, Delivery.method)
    return select(*columns).where(Delivery.id > after).order_by(Delivery.id).limit(BATCH)


def _learn(database: Database, rows: Sequence[Any], now: datetime) -> None:
    heard: dict[int, list[datetime]] = {}
    for row in rows:
        if row.method != POLL:  # our own questions say nothing of how often it speaks
            heard.setdefault(row.source_id, []).append(row.received_at)
    with database.write() as c:
        _open_feeds(c)
        calendar, seen = default_calendar(c), _settled(rows, now)
        feeds = select(Feed.source_id, Feed.heard_at, Feed.gaps, Feed.seen_delivery_id).order_by(Feed.source_id)
        for feed in c.execute(feeds.with_for_update()).all():
            known = rhythm_from_json(feed.gaps, feed.heard_at)
            rhythm = hear(known, sorted(heard.get(feed.source_id, ())), calendar)
            if rhythm != known or seen > feed.seen_delivery_id:
                _keep(c, feed, rhythm, max(seen, feed.seen_delivery_id))


def _open_feeds(c: Connection) -> None:
    """A row for every source, the disabled ones too, so that all of them are at the same place."""
    missing = select(Source.id).where(Source.id.not_in(select(Feed.source_id)))
    rows = [{"source_id": source_id} for source_id in c.execute(missing).scalars()]
    if rows:
        dialect = sqlite if c.dialect.name == "sqlite" else postgresql
        c.execute(dialect.insert(Feed).on_conflict_do_nothing(), rows)


def _settled(rows: Sequence[Any], now: datetime) -> int:
    """The last delivery before which no other can appear any more; 0: all of them are too fresh."""
    seen = 0
    for row in rows:
        if row.received_at > now - SETTLED:
            break
        seen = row.id
    return seen


def _keep(c: Connection, feed: Any, rhythm: Rhythm, seen: int) -> None:
    values = {"heard_at": rhythm.last_at, "gaps": rhythm_as_json(rhythm), "seen_delivery_id": seen}
    c.execute(update(Feed).where(Feed.source_id == feed.source_id).values(values))


# --- how feeds stand


@dataclass(frozen=True, slots=True)
class Standing:
    """A source and how its feed stands."""

    id: int
    name: str
    kind: str
    config: dict[str, Any]
    #: ma, sfa or both.
    role: str
    disabled: bool
    hearing: Hearing
    #: Where `hearing.expected` is from: set by a person, or learned.
    expected_from: Literal["set", "learned"] | None
    #: The next poll; None: its connector cannot poll, or it has no credential.
    poll_at: datetime | None
    #: Facts that only a poll brought.
    recovered: int
    poll_error: str | None
    silence_id: int | None
    #: The silence that lasts.
    silence: Lasting | None


def standings(c: Connection, calendar: Calendar) -> list[Standing]:
    """Of every source, by name. `calendar`: in whose open time its rhythm is measured."""
    lasting = (Silence.source_id == Source.id) & Silence.until.is_(None)
    query = select(*_COLUMNS).outerjoin(Feed, Feed.source_id == Source.id).outerjoin(Silence, lasting)
    return [_standing(row, calendar) for row in c.execute(query.order_by(Source.name))]


_COLUMNS = (
    Source.id,
    Source.name,
    Source.kind,
    Source.config,
    Source.created_at,
    Source.disabled_at,
    *(column for column in Feed.__table__.columns if column.key not in ("source_id", "cursor")),
    Silence.id.label("silence_id"),
    Silence.why,
    Silence.since,
    Silence.noticed_at,
    Silence.heard_again_at,
)


def _standing(row: Any, calendar: Calendar) -> Standing:
    config = silences.shared_config(row)
    agreed = config.silent_after_hours
    learned = learned_gap(rhythm_from_json(row.gaps or {}, row.heard_at), calendar)
    hearing = Hearing(
        added_at=row.created_at,
        heard_at=row.heard_at,
        polled_through=row.polled_through,
        poll_every=timedelta(minutes=config.poll_every_minutes) if row.poll_at else None,
        failures=row.failures or 0,
        failing_since=row.failing_since,
        expected=learned if agreed is None else timedelta(hours=agreed),
        reading_moved_at=silences.reading_moved_at(row.backfill),
    )
    return Standing(
        id=row.id,
        name=row.name,
        kind=row.kind,
        config=row.config,
        role=silences.role_of(row),
        disabled=row.disabled_at is not None,
        hearing=hearing,
        expected_from="set" if agreed is not None else "learned" if learned is not None else None,
        poll_at=row.poll_at,
        recovered=row.recovered or 0,
        poll_error=row.poll_error,
        silence_id=row.silence_id,
        silence=_lasting(row),
    )


def _lasting(row: Any) -> Lasting | None:
    if row.silence_id is None:
        return None
    return Lasting(Why(row.why), row.since, row.noticed_at, row.heard_again_at)


# --- noticing


def _step(c: Connection, standing: Standing, calendar: Calendar, settings: Settings, now: datetime) -> Step | None:
    if standing.silence is None:
        return _beginning(standing, calendar, settings, now)
    if standing.disabled:  # nobody waits for it any more
        return partial(_end, standing=standing, tell=False, now=now)
    dark = why_dark(standing.hearing, calendar, now)
    until = complete_until(standing.silence, standing.hearing, dark, now)
    if until is not None and not _unread(c, standing.id, until):
        return partial(_end, standing=standing, tell=True, now=now)
    return partial(_go_on, standing=standing, now=now)


def _beginning(standing: Standing, calendar: Calendar, settings: Settings, now: datetime) -> Step | None:
    dark = None if standing.disabled else why_dark(standing.hearing, calendar, now)
    if dark is None:
        return None
    asked = standing.poll_at is not None
    return partial(silences.begin, source=standing, dark=dark, routes=settings.admin_routes, now=now, asked=asked)


def _end(c: Connection, *, standing: Standing, tell: bool, now: datetime) -> int:
    assert standing.silence_id is not None
    return silences.end(c, standing, standing.silence_id, now, tell=tell)


def _go_on(c: Connection, *, standing: Standing, now: datetime) -> int:
    """It lasts: the first sign of its end is written down, and its tool is asked again."""
    assert standing.silence is not None
    sign = heard_again(standing.silence, standing.hearing)
    if sign != standing.silence.heard_again_at:
        lasting = update(Silence).where(Silence.id == standing.silence_id, Silence.heard_again_at.is_(None))
        c.execute(lasting.values(heard_again_at=sign))
    if standing.poll_at is not None:
        silences.ask_by(c, standing.id, now + silences.ASK_EVERY, now)
    return 0


def _unread(c: Connection, source_id: int, until: datetime) -> bool:
    """Whether something that the source told until then, or when it was asked, still waits to be applied."""
    waits = Delivery.state.in_(("waiting", "asking")), Delivery.source_id == source_id
    told = or_(Delivery.received_at <= until, Delivery.method == POLL)
    return c.execute(select(Delivery.id).where(*waits, told).limit(1)).first() is not None
