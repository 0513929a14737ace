"""A meeting series as a calendar to subscribe to (RFC 5545, RFC 7986): times, counts and a link, no names of leads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard
from icalendar.prop import vDuration, vText

from app.domain.agenda import TITLES, Agenda
from app.domain.language import moment, text
from app.domain.series import Meeting, Series
from app.domain.template import Item, title_of
from app.pages.feeds import breaches_in_words, figures_in_words, moved_in_words, one_line

#: How often subscribers should ask again; Outlook listens to it, Google does not.
REFRESH = timedelta(hours=6)
ONE_SECOND, ONE_DAY, ONE_YEAR = timedelta(seconds=1), timedelta(days=1), timedelta(days=366)


def series_ics(
    series_key: str,
    series: Series,
    meetings: Sequence[Meeting],
    agenda: Agenda,
    locale: str,
    url: str,
    *,
    sequence: int,
    items: Sequence[Item] = (),
    due: Sequence[Any] = (),
) -> str:
    """One VEVENT a meeting; the agenda's items and counts stand in that of its meeting. `url`: where people read it.

    `sequence` grows when the series or its calendar changes; ids of meetings stay as they are. `due`: open action items
    that are shown as days of their own, by number and owner: their words may name a lead.
    """
    calendar = _calendar(series_key, series)
    zone = series.zone
    if meetings and series.time_zone != "UTC":
        calendar.add_component(time_zone(zone, meetings[0].start - ONE_YEAR, meetings[-1].end + ONE_DAY))
    for meeting in meetings:
        event = _event(series_key, series, meeting, locale)
        event.add("DTSTAMP", agenda.as_of.astimezone(UTC))
        event.add("SEQUENCE", sequence)
        event.add("DESCRIPTION", "\n".join([*_told(agenda, items, meeting, locale), url]))
        event.add("URL", url)
        calendar.add_component(event)
    for action in due:
        calendar.add_component(_due(action, agenda.as_of, locale, url))
    return str(calendar.to_ical(), "utf-8")


def _calendar(series_key: str, series: Series) -> Calendar:
    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", "-//Tasuki//Meetings//EN")
    calendar.add("UID", f"{series_key}@meetings.tasuki")
    for name in ("NAME", "X-WR-CALNAME"):
        calendar.add(name, vText(series.name))
    calendar.add("REFRESH-INTERVAL", vDuration(REFRESH, params={"VALUE": "DURATION"}))
    calendar.add("X-PUBLISHED-TTL", vDuration(REFRESH))
    return calendar


def _event(series_key: str, series: Series, meeting: Meeting, locale: str) -> Event:
    event = Event()
    event.add("UID", f"{series_key}-{meeting.number}@meetings.tasuki")
    event.add("SUMMARY", text(locale, "{series} #{number}", series=series.name, number=meeting.number))
    event.add("DTSTART", meeting.start.astimezone(series.zone))
    event.add("DTEND", meeting.end.astimezone(series.zone))
    if series.room:
        event.add("LOCATION", series.room)
    return event


def _due(action: Any, as_of: datetime, locale: str, url: str) -> Event:
    """A day of an action item; SEQUENCE is its version, which grows when the day moves."""
    event = Event()
    event.add("UID", f"{action.id}@actions.tasuki")
    summary = text(locale, "Action item #{number} is due ({owner})", number=action.id, owner=one_line(action.owner))
    event.add("SUMMARY", summary)
    event.add("DTSTART", action.due_on)
    event.add("DTEND", action.due_on + ONE_DAY)
    event.add("DTSTAMP", as_of.astimezone(UTC))
    event.add("SEQUENCE", action.version)
    event.add("TRANSP", "TRANSPARENT")
    event.add("URL", url)
    return event


def _told(agenda: Agenda, items: Sequence[Item], meeting: Meeting, locale: str) -> Iterator[str]:
    if meeting.number != agenda.meeting.number:
        return
    for number, item in enumerate(items, 1):
        said = {"number": number, "title": title_of(item, locale), "minutes": item.minutes}
        yield text(locale, "{number}. {title} ({minutes} min)", **said)
    if moved := moved_in_words(agenda, locale):
        yield moved
    yield from (f"{label}: {value}" for label, value in figures_in_words(agenda.figures, locale))
    yield breaches_in_words(agenda, locale)
    for group in agenda.groups:
        yield f"- {text(locale, '{cause}: {count}', cause=text(locale, TITLES[group.cause]), count=group.count)}"
    yield text(locale, "As of {moment}", moment=moment(agenda.as_of, agenda.series.zone, locale))


# --- time zones: `icalendar.Timezone.from_tzid` tells the onset of summer time an hour late (by the new clock)


def time_zone(zone: ZoneInfo, first: datetime, last: datetime) -> Timezone:
    """The zone's VTIMEZONE, right between the two moments: one observance for every change of the offset."""
    component = Timezone()
    component.add("TZID", zone.key)
    onsets = [first.astimezone(UTC), *_changes(zone, first, last)]
    for before, onset in pairwise([onsets[0], *onsets]):
        component.add_component(_observance(zone, before, onset))
    return component


def _observance(zone: ZoneInfo, before: datetime, onset: datetime) -> TimezoneStandard | TimezoneDaylight:
    """From `onset` on; its local time is told by the clock that was in force until then."""
    old, new = before.astimezone(zone), onset.astimezone(zone)
    offset_before, offset = old.utcoffset() or timedelta(), new.utcoffset() or timedelta()
    observance = TimezoneDaylight() if new.dst() else TimezoneStandard()
    observance.add("DTSTART", (onset + offset_before).replace(tzinfo=None))
    observance.add("TZOFFSETFROM", offset_before)
    observance.add("TZOFFSETTO", offset)
    observance.add("TZNAME", new.tzname() or zone.key)
    return observance


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The seconds at which the zone's offset changes; two changes within a day are not told apart."""
    at = first.astimezone(UTC).replace(microsecond=0)
    while at < last:
        if at.astimezone(zone).utcoffset() != (at + ONE_DAY).astimezone(zone).utcoffset():
            yield _change_within(zone, at, at + ONE_DAY)
        at += ONE_DAY


def _change_within(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while after - before > ONE_SECOND:
        middle = before + ((after - before) // 2 // ONE_SECOND) * ONE_SECOND
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after
