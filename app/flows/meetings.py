"""Meeting series and their feeds, and the agenda of the next meeting, read live: nothing in it is copied."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, select, update

from app.domain import agenda as decide
from app.domain.agenda import Agenda, Arrivals, Breach, Figures
from app.domain.calendar import Calendar, Weekday
from app.domain.clock import Verdict
from app.domain.series import Meeting, Series, meetings, meetings_before
from app.flows import kpis
from app.flows.policies import all_versions, newest_calendar
from app.models import HANDED_OVER, CalendarVersion, Handoff, Lead, MeetingSeries, VerdictChange
from app.settings import Settings

DEFAULT = "default"
#: Meetings in a feed.
AHEAD, BACK = 8, 4
#: Moments of qualification that lie closer together than this are read at once.
READ_TOGETHER = timedelta(days=1)
#: SEQUENCE of RFC 5545 counts from here, in seconds.
SEQUENCE_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class NoSuchSeries(LookupError):
    """There is no meeting series of that key."""


class NoMeetingAhead(LookupError):
    """The calendar leaves the series no open day for more than a year; mend the calendar or the series."""


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A series with the newest version of its calendar."""

    key: str
    series: Series
    calendar_key: str
    calendar: Calendar
    #: Grows whenever a meeting may have changed: the series or its calendar was.
    sequence: int
    has_feed: bool

    def next_meeting(self, now: datetime) -> Meeting:
        """The first that is not over. Raises NoMeetingAhead."""
        if ahead := meetings(self.series, self.calendar, now, 1):
            return ahead[0]
        raise NoMeetingAhead(self.key)

    def meetings_around(self, now: datetime) -> list[Meeting]:
        """What a feed shows: BACK meetings that are over and AHEAD that are not."""
        ahead = meetings(self.series, self.calendar, now, AHEAD)
        return meetings_before(self.series, self.calendar, ahead[0], BACK) + ahead if ahead else []


# --- series


def read_series(c: Connection, key: str = DEFAULT) -> StoredSeries:
    """Raises NoSuchSeries."""
    row = c.execute(select(MeetingSeries.__table__).where(MeetingSeries.key == key)).first()
    if row is None:
        raise NoSuchSeries(key)
    return _stored(c, row)


def all_series(c: Connection) -> list[StoredSeries]:
    rows = c.execute(select(MeetingSeries.__table__).order_by(MeetingSeries.key)).all()
    return [_stored(c, row) for row in rows]


def set_series(c: Connection, key: str, series: Series, calendar_key: str, now: datetime) -> None:
    """Add the series or change it; its feed keeps its secret. Raises NoSuchCalendar."""
    newest_calendar(c, calendar_key)
    document = series.model_dump(mode="json") | {"changed_at": now.isoformat()}
    row = {"key": key, "document": document, "calendar_key": calendar_key, "created_at": now}
    changed = {"document": document, "calendar_key": calendar_key}
    c.execute(_insert(c).values(row).on_conflict_do_update(index_elements=["key"], set_=changed))


def remove_series(c: Connection, key: str) -> None:
    """Its feed ends with it. Raises NoSuchSeries."""
    if c.execute(delete(MeetingSeries).where(MeetingSeries.key == key)).rowcount == 0:
        raise NoSuchSeries(key)


def ensure_default_series(c: Connection, settings: Settings, now: datetime) -> None:
    """A fresh database has a weekly meeting, Thursdays at 10:00, one hour."""
    if c.scalar(select(MeetingSeries.id).limit(1)) is None:
        set_series(c, DEFAULT, default_series(settings, now.astimezone(settings.zone).date()), "default", now)


def default_series(settings: Settings, today: date) -> Series:
    name = {"ja": "営業×マーケ連携会議", "en": "Sales × marketing meeting"}[settings.locale]
    return Series(name=name, weekday=Weekday.THU, time="10:00", first=today, time_zone=settings.time_zone)


def _stored(c: Connection, row: Any) -> StoredSeries:
    document = dict(row.document)
    changed_at = datetime.fromisoformat(document.pop("changed_at"))
    calendar_id, _, calendar = newest_calendar(c, row.calendar_key)
    calendar_from = c.execute(select(CalendarVersion.created_at).where(CalendarVersion.id == calendar_id)).scalar_one()
    return StoredSeries(
        key=row.key,
        series=Series.model_validate(document),
        calendar_key=row.calendar_key,
        calendar=calendar,
        sequence=max(0, (max(changed_at, calendar_from) - SEQUENCE_EPOCH) // timedelta(seconds=1)),
        has_feed=row.feed_hash is not None,
    )


def _insert(c: Connection) -> Any:
    from sqlalchemy.dialects import postgresql, sqlite

    dialect = sqlite if c.dialect.name == "sqlite" else postgresql
    return dialect.insert(MeetingSeries)


# --- feeds


def new_feed_secret(c: Connection, key: str) -> str:
    """The secret of the series' ICS feed, shown this once; an older one ends. Raises NoSuchSeries."""
    secret = secrets.token_urlsafe(32)
    _set_feed_hash(c, key, _hash(secret))
    return secret


def revoke_feed(c: Connection, key: str) -> None:
    """Raises NoSuchSeries."""
    _set_feed_hash(c, key, None)


def series_by_feed_secret(c: Connection, secret: str) -> StoredSeries | None:
    """None: never given out, or revoked."""
    row = c.execute(select(MeetingSeries.__table__).where(MeetingSeries.feed_hash == _hash(secret))).first()
    return _stored(c, row) if row else None


def _set_feed_hash(c: Connection, key: str, feed_hash: str | None) -> None:
    if c.execute(update(MeetingSeries).where(MeetingSeries.key == key).values(feed_hash=feed_hash)).rowcount == 0:
        raise NoSuchSeries(key)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


# --- the agenda


def next_agenda(c: Connection, settings: Settings, now: datetime, key: str = DEFAULT) -> Agenda:
    """The agenda of the next meeting, or of the one being held, as it stands now.

    Raises NoSuchSeries, NoMeetingAhead.
    """
    stored, policies = read_series(c, key), all_versions(c)
    meeting = stored.next_meeting(now)
    since = decide.period_start(stored.series, stored.calendar, meeting, now)
    breaches = _breaches(c, settings, since, now)
    arrivals = Arrivals(_qualified_around(c, [b.qualified_at for b in breaches]), policies)
    counting = kpis.lately(c, settings.zone, now)
    return Agenda(
        series_key=key,
        series=stored.series,
        meeting=meeting,
        since=since,
        as_of=now,
        figures=_figures(c, since, now),
        groups=decide.grouped(breaches, policies, arrivals, since, now),
        kpis=tuple(kpis.board(c, policies, counting)),
        definition=counting.definition,
    )


def _breaches(c: Connection, settings: Settings, since: datetime, now: datetime) -> list[Breach]:
    """Open ones however old, and those since the last meeting that were followed up late."""
    still_open = _overdue().where(Handoff.verdict.in_(sorted(decide.OPEN_MISSED)), Handoff.due_at < now)
    late = _overdue().where(Handoff.verdict == Verdict.MET_LATE, Handoff.due_at >= since, Handoff.due_at < now)
    return [_breach(row, settings) for query in (still_open, late) for row in c.execute(query)]


def _overdue() -> Select[Any]:
    return (
        select(
            Handoff.id,
            Handoff.policy_id,
            Handoff.owner,
            Handoff.qualified_at,
            Handoff.visible_at,
            Handoff.due_at,
            Handoff.touched_at,
            Handoff.episode["owner_name"].as_string().label("owner_name"),
            Handoff.episode["assigned_at"].as_string().label("assigned_at"),
            Handoff.episode["automated_touches"].as_integer().label("automated_touches"),
            Lead.id.label("lead_id"),
            Lead.name,
            Lead.company,
            Handoff.burst_id,
        )
        .join(Lead, Lead.id == Handoff.lead_id)
        .where(HANDED_OVER)
    )


def _breach(row: Any, settings: Settings) -> Breach:
    return Breach(
        handoff_id=row.id,
        lead=decide.Lead(row.lead_id, row.name, row.company),
        policy_id=row.policy_id,
        owner=row.owner_name or row.owner,
        qualified_at=row.qualified_at,
        visible_at=row.visible_at,
        assigned_at=datetime.fromisoformat(row.assigned_at) if row.assigned_at else None,
        due_at=row.due_at,
        touched_at=row.touched_at,
        automated_touches=row.automated_touches,
        link=f"{settings.public_url}/handoffs/{row.id}",
    )


def _qualified_around(c: Connection, moments: Sequence[datetime]) -> Iterable[tuple[int, datetime]]:
    """Policy version and moment of every handoff that qualified near one of these moments."""
    for first, last in _spans(sorted(moments)):
        around = Handoff.qualified_at.between(first - decide.BULK_WITHIN, last + decide.BULK_WITHIN)
        yield from c.execute(select(Handoff.policy_id, Handoff.qualified_at).where(HANDED_OVER, around))


def _spans(moments: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    spans: list[tuple[datetime, datetime]] = []
    for at in moments:
        if spans and at - spans[-1][1] <= READ_TOGETHER:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return spans


def _figures(c: Connection, since: datetime, now: datetime) -> Figures:
    due = select(Handoff.verdict, func.count()).where(HANDED_OVER, Handoff.due_at >= since, Handoff.due_at < now)
    mqls, leads = c.execute(
        select(func.count(), func.count(Handoff.lead_id.distinct())).where(
            HANDED_OVER,
            Handoff.qualified_at >= since,
            Handoff.qualified_at < now,
            Handoff.verdict != Verdict.VOIDED,
        )
    ).one()
    by_verdict = {Verdict(verdict): count for verdict, count in c.execute(due.group_by(Handoff.verdict))}
    return decide.figures(by_verdict, mqls=mqls, leads=leads, withdrawn=_withdrawn(c, since, now))


def _withdrawn(c: Connection, since: datetime, now: datetime) -> int:
    """Breaches taken back since the last meeting, whenever they were due: that meeting may have seen them."""
    still_met = exists().where(HANDED_OVER, Handoff.id == VerdictChange.handoff_id, Handoff.verdict == Verdict.MET)
    taken_back = select(func.count(VerdictChange.handoff_id.distinct())).where(
        VerdictChange.previous == Verdict.BREACHED,
        VerdictChange.verdict == Verdict.MET,
        VerdictChange.known_at >= since,
        VerdictChange.known_at <= now,
        still_met,
    )
    return c.scalar(taken_back) or 0
