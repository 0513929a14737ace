"""Meeting series and their feeds, and the agenda of the next meeting, read live: nothing in it is copied."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select, update

from app.domain import agenda as decide
from app.domain.agenda import Agenda, Figures
from app.domain.calendar import Calendar, Weekday
from app.domain.clock import Verdict
from app.domain.series import Meeting, Series, meetings, meetings_before
from app.flows import breaches, kpis
from app.flows.policies import all_versions, newest_calendar
from app.models import HANDED_OVER, CalendarVersion, Handoff, MeetingSeries, VerdictChange
from app.settings import Settings

DEFAULT = "default"
#: Meetings in a feed.
AHEAD, BACK = 8, 4
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
    missed, arrivals = breaches.read(c, settings, policies, since, now)
    counting = kpis.lately(c, settings.zone, now)
    return Agenda(
        series_key=key,
        series=stored.series,
        meeting=meeting,
        since=since,
        as_of=now,
        figures=_figures(c, since, now),
        groups=decide.grouped(missed, policies, arrivals, since, now),
        kpis=tuple(kpis.board(c, policies, counting)),
        definition=counting.definition,
    )


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
