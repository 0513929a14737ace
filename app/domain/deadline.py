"""How a target becomes a deadline, with a receipt that names every window used and every day skipped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from app.domain.calendar import (
    Calendar,
    ClockKind,
    civil_day,
    instant,
    next_opening,
    why_closed,
    windows_from,
    windows_on,
    windows_until,
)
from app.domain.language import day as written_day
from app.domain.language import moment, text

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A span of the clock that was used, or a day on which it stood still."""

    day: date
    #: The span used, in UTC; None on a skipped day.
    start: datetime | None = None
    end: datetime | None = None
    #: What is left of the target after this line; None where the clock counts days.
    left: timedelta | None = None
    #: Why the day was skipped: a holiday's or company day's name, "" for a weekday without windows.
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a deadline came about."""

    start: datetime
    due: datetime
    clock: ClockKind
    #: Hours; days for business_days.
    amount: float
    calendar_key: str
    lines: tuple[ReceiptLine, ...]


def deadline(start: datetime, clock: ClockKind, amount: float, calendar: Calendar) -> Receipt:
    """When a target that starts at `start` is due.

    business_hours: a deadline that exactly uses up a window is that window's end. business_days: the same time of day
    on the n-th next open day (a part of a day counts whole); a start outside hours first moves to the next opening;
    where that time is not open on that day, the opening after it counts, or the day's last closing.
    Raises calendar.NeverOpen.
    """
    if clock is ClockKind.ELAPSED:
        due = start + timedelta(hours=amount)
        lines: tuple[ReceiptLine, ...] = (ReceiptLine(civil_day(calendar, start), start, due, timedelta()),)
    elif clock is ClockKind.BUSINESS_HOURS:
        lines = tuple(_hours(start, timedelta(hours=amount), calendar))
        due = lines[-1].end or start
    else:
        due, lines = _days(start, math.ceil(amount), calendar)
    return Receipt(start, due, clock, amount, calendar.key, lines)


def _hours(start: datetime, target: timedelta, calendar: Calendar) -> Iterator[ReceiptLine]:
    """The windows that the target uses up, with the closed days between them."""
    left, day = target, civil_day(calendar, start)
    for window in windows_from(calendar, start):
        opened = civil_day(calendar, window.start)
        yield from _skipped(calendar, day, opened)
        begun = max(window.start, start)
        used = min(left, window.end - begun)
        left, day = left - used, opened + DAY
        yield ReceiptLine(opened, begun, begun + used, left)
        if not left:
            return


def _skipped(calendar: Calendar, first: date, until: date) -> Iterator[ReceiptLine]:
    for n in range((until - first).days):
        day = first + n * DAY
        reason = why_closed(calendar, day)
        if reason is not None:
            yield ReceiptLine(day, reason=reason)


def _days(start: datetime, days: int, calendar: Calendar) -> tuple[datetime, tuple[ReceiptLine, ...]]:
    opened = next_opening(calendar, start)
    first = civil_day(calendar, opened)
    lines = [*_skipped(calendar, civil_day(calendar, start), first), ReceiptLine(first, opened, opened)]
    day = first
    for _ in range(days):
        following = civil_day(calendar, next_opening(calendar, instant(calendar.zone, day + DAY, 0)))
        lines += [*_skipped(calendar, day + DAY, following), ReceiptLine(following)]
        day = following
    wall = opened.astimezone(calendar.zone)
    due = _open_moment(calendar, day, instant(calendar.zone, day, wall.hour * 60 + wall.minute), wall)
    lines[-1] = ReceiptLine(day, windows_on(calendar, day)[0].start, due)
    return due, tuple(lines)


def _open_moment(calendar: Calendar, day: date, at: datetime, wall: datetime) -> datetime:
    """The same time on that day, with its seconds, moved into the day's windows."""
    at += timedelta(seconds=wall.second, microseconds=wall.microsecond)
    windows = windows_on(calendar, day)
    following = [window for window in windows if window.end >= at]
    return max(at, following[0].start) if following else windows[-1].end


def before_deadline(due: datetime, lead: timedelta, clock: ClockKind, calendar: Calendar) -> datetime:
    """The instant that lies `lead` before `due`: of open time on the business clocks."""
    if clock is ClockKind.ELAPSED:
        return due - lead
    for window in windows_until(calendar, due):
        begun, ended = window.start, min(window.end, due)
        if ended - begun >= lead:
            return ended - lead
        lead -= ended - begun
    raise AssertionError("windows_until ends by raising")


def receipt_lines(receipt: Receipt, zone: ZoneInfo, locale: str) -> list[str]:
    """The receipt in words, a line for each span used and for each run of skipped days."""
    lines = [text(locale, "Starts {time}", time=moment(receipt.start, zone, locale))]
    for skipped, run in groupby(receipt.lines, key=lambda line: line.reason is not None):
        lines += [_pause(run, zone, locale)] if skipped else [_used(line, zone, locale) for line in run]
    return [*lines, text(locale, "Due {time}", time=moment(receipt.due, zone, locale))]


def _pause(run: Iterable[ReceiptLine], zone: ZoneInfo, locale: str) -> str:
    days = (_on(line.day, zone, locale) + (line.reason or "") for line in run)
    return text(locale, "{days}: closed", days=" ".join(days))


def _on(day: date, zone: ZoneInfo, locale: str) -> str:
    return written_day(instant(zone, day, 12 * 60), zone, locale)


def _used(line: ReceiptLine, zone: ZoneInfo, locale: str) -> str:
    if line.start is None or line.end is None:
        return _on(line.day, zone, locale)
    if line.left is None:
        return f"{_on(line.day, zone, locale)} {line.end.astimezone(zone):%H:%M}"
    same_day = line.start.astimezone(zone).date() == line.end.astimezone(zone).date()
    until = f"{line.end.astimezone(zone):%H:%M}" if same_day else moment(line.end, zone, locale)
    span = f"{moment(line.start, zone, locale)}–{until}"
    used, left = hours(line.end - line.start), hours(line.left)
    return text(locale, "{span}  {used} used  {left} left", span=span, used=used, left=left)


def hours(length: timedelta) -> str:
    """`8:30`."""
    minutes = int(length.total_seconds()) // 60
    return f"{minutes // 60}:{minutes % 60:02d}"
