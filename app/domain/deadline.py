"""How a target is counted from its start to its deadline, line by line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from app.domain import language
from app.domain.calendar import COMPANY_DAY, DAY, Calendar, ClockKind, openings, why_closed, windows_on
from app.domain.language import text
from app.domain.wallclock import instant_of, midnight, shown

#: Reason of a day that was open, but not any more; a message id.
AFTER_HOURS = "after hours"
NOTHING = timedelta()
#: In which a civil day is written as it is.
NO_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A piece of time that was used, or a day on which nothing was."""

    #: Civil day in the calendar's zone.
    day: date
    #: The piece that was used, UTC; None: a skipped day. On business_days from the same time of the open day before,
    #: and the first piece, without length, is where the count begins.
    begins: datetime | None = None
    ends: datetime | None = None
    #: What it took off the target and what is then left; on business_days each business day is timedelta(days=1).
    used: timedelta = NOTHING
    left: timedelta = NOTHING
    #: Why the day was skipped: name of the holiday or company day, AFTER_HOURS, "" for a weekday without hours.
    reason: str | None = None
    #: What moved the clock here (domain.course), and a word about it: why it paused, whose it is now.
    note: str | None = None
    detail: str | None = None
    #: On business_days: counted by open time, because something moved the clock before.
    by_hours: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a deadline was computed."""

    start: datetime
    due: datetime
    clock: ClockKind
    #: Hours; days for business_days.
    amount: float
    calendar_key: str
    lines: tuple[ReceiptLine, ...]


def deadline(start: datetime, clock: ClockKind, amount: float, calendar: Calendar) -> Receipt:
    """When a target that starts at `start` falls due.

    elapsed: `amount` hours later, whatever the calendar says.
    business_hours: after `amount` hours of open time; what exactly uses up a window is due at that window's end.
    business_days: at the same time of day on the n-th next open day, a part of a day counting as a whole one. A start
    outside hours first moves to the next opening. If that day is not open at that time, the closing before it counts
    (a half day ends at noon), or, before the day opens, its first opening; so a later start is never due earlier.
    Raises ValueError unless `amount` is more than zero.
    """
    if not amount > 0:
        raise ValueError(f"a target must be more than zero, not {amount}")
    start = start.astimezone(UTC)
    if clock is ClockKind.BUSINESS_DAYS:
        lines = tuple(_business_days(start, math.ceil(amount), calendar))
    else:
        lines = spend(start, timedelta(hours=amount), clock, calendar)
    return Receipt(start, end_of(lines), clock, amount, calendar.key, lines)


def spend(start: datetime, left: timedelta, clock: ClockKind, calendar: Calendar) -> tuple[ReceiptLine, ...]:
    """Use up a length of time from `start` on: any time on the elapsed clock, open time on the others."""
    if clock is ClockKind.ELAPSED:
        return (_elapsed(start, left, calendar),)
    return tuple(_business_hours(start, left, calendar))


def end_of(lines: tuple[ReceiptLine, ...]) -> datetime:
    end = lines[-1].ends
    assert end is not None, "a receipt ends with a piece of time"
    return end


def _elapsed(start: datetime, target: timedelta, calendar: Calendar) -> ReceiptLine:
    return ReceiptLine(start.astimezone(calendar.zone).date(), start, start + target, target)


def _business_hours(start: datetime, target: timedelta, calendar: Calendar) -> Iterator[ReceiptLine]:
    left = target
    for day, windows in openings(calendar, start):
        if not windows:
            yield _skipped(calendar, day)
        for opens, closes in windows:
            begins = max(opens, start)
            used = min(left, closes - begins)
            left -= used
            yield ReceiptLine(day, begins, begins + used, used, left)
            if not left:
                return


def _business_days(start: datetime, days: int, calendar: Calendar) -> Iterator[ReceiptLine]:
    left = days * DAY
    mark, time_of_day = None, NOTHING
    for day, windows in openings(calendar, start):
        if not windows:
            yield _skipped(calendar, day)
        elif mark is None:
            mark = max(windows[0].start, start)
            time_of_day = shown(calendar.zone, mark) - midnight(day)
            yield ReceiptLine(day, mark, mark, NOTHING, left)
        else:
            left -= DAY
            before, mark = mark, _same_time(calendar, day, time_of_day)
            yield ReceiptLine(day, before, mark, DAY, left)
            if not left:
                return


def _same_time(calendar: Calendar, day: date, time_of_day: timedelta) -> datetime:
    """The instant at which the open day shows the time, moved into its hours as `deadline` says."""
    wanted = instant_of(calendar.zone, midnight(day) + time_of_day)
    windows = windows_on(calendar, day)
    begun = [window for window in windows if window.start <= wanted]
    return min(wanted, begun[-1].end) if begun else windows[0].start


def _skipped(calendar: Calendar, day: date) -> ReceiptLine:
    closed = why_closed(calendar, day)
    return ReceiptLine(day, reason=AFTER_HOURS if closed is None else closed)


def before_deadline(due: datetime, lead: timedelta, clock: ClockKind, calendar: Calendar) -> datetime:
    """The latest instant at which `lead` is left until `due`: open time on the business clocks. May precede the start.

    Raises ValueError for a negative `lead`.
    """
    if lead < NOTHING:
        raise ValueError(f"a lead must not be negative, not {lead}")
    due = due.astimezone(UTC)
    if clock is ClockKind.ELAPSED or not lead:
        return due - lead
    day = due.astimezone(calendar.zone).date() + DAY
    while True:
        for opens, closes in reversed(windows_on(calendar, day)):
            usable = max(NOTHING, min(closes, due) - opens)
            if lead <= usable:
                return opens + usable - lead
            lead -= usable
        day -= DAY


# --- the receipt for others to read

_RECEIPT = TypeAdapter(Receipt)


def to_json(receipt: Receipt) -> dict[str, Any]:
    """Times as RFC 3339 in UTC, lengths as ISO 8601 (`PT8H30M`; a business day is `P1D`)."""
    document: dict[str, Any] = _RECEIPT.dump_python(receipt, mode="json")
    return document


def from_json(document: dict[str, Any]) -> Receipt:
    return _RECEIPT.validate_python(document)


def receipt_lines(receipt: Receipt, zone: ZoneInfo, locale: str) -> list[str]:
    """`9/18(金) 17:30–18:00  0:30 消費  残り 8:30`; skipped days in a row share a line; the last one is due."""
    lines: list[str] = []
    for skipped, run in groupby(receipt.lines, key=lambda line: line.begins is None):
        if skipped:
            lines.append(_pause(run, locale))
        else:
            lines += (_piece(line, receipt.clock, zone, locale) for line in run)
    return [*lines[:-1], text(locale, "{line}  → due", line=lines[-1])]


def _pause(run: Iterable[ReceiptLine], locale: str) -> str:
    days = (" " if locale == "ja" else ", ").join(_closed_day(line, locale) for line in run)
    return text(locale, "{days}  not counted", days=days)


def _closed_day(line: ReceiptLine, locale: str) -> str:
    day = language.day(midnight(line.day).replace(tzinfo=NO_ZONE), NO_ZONE, locale)
    if not line.reason:
        return day
    reason = text(locale, line.reason) if line.reason in (COMPANY_DAY, AFTER_HOURS) else line.reason
    return text(locale, "{day} ({reason})", day=day, reason=reason)


def _piece(line: ReceiptLine, clock: ClockKind, zone: ZoneInfo, locale: str) -> str:
    assert line.begins is not None, "only asked for pieces of time"
    assert line.ends is not None, "a piece of time has an end"
    if line.note is not None:
        return _mark(line, zone, locale)
    by_days = clock is ClockKind.BUSINESS_DAYS and not line.by_hours
    when = language.moment(line.ends, zone, locale) if by_days else _from_to(line.begins, line.ends, zone, locale)
    # The difference of two rounded figures, so that what is shown adds up.
    left = _to_the_minute(line.left)
    used = _to_the_minute(line.used + line.left) - left
    message = "{when}  {used} used  {left} left" if line.used else "{when}  count begins  {left} left"
    amount = _days if by_days else _hours
    return text(locale, message, when=when, used=amount(used, locale), left=amount(left, locale))


_MARKS = {
    "paused": "{when}  paused ({detail})  {left} left",
    "new owner": "{when}  {detail} takes over; counted in their calendar  {left} left",
    "begun again": "{when}  {detail} takes over; the clock begins again",
    "higher tier": "{when}  {detail} holds as well; the shorter deadline counts",
    "tier fell": "{when}  back to {detail}",
    "new terms": "{when}  moved to the new version of {detail}",
    "staggered": "{when}  start moved, many leads came at once",
}


def _mark(line: ReceiptLine, zone: ZoneInfo, locale: str) -> str:
    """What moved the clock at this point."""
    assert line.begins is not None, "only asked for pieces of time"
    assert line.ends is not None, "a piece of time has an end"
    moved = line.ends > line.begins
    when = _from_to(line.begins, line.ends, zone, locale) if moved else language.moment(line.ends, zone, locale)
    detail = line.detail or text(locale, "nobody")
    return text(locale, _MARKS[line.note or ""], when=when, detail=detail, left=_hours(line.left, locale))


def _from_to(begins: datetime, ends: datetime, zone: ZoneInfo, locale: str) -> str:
    """`9/18(金) 17:30–18:00`, over midnight `9/18(金) 22:00–9/19(土) 02:00`."""
    first, last = begins.astimezone(zone), ends.astimezone(zone)
    if last.date() == first.date():
        until = f"{last:%H:%M}"
    elif last.time() == time() and last.date() - first.date() == DAY:
        until = "24:00"
    else:
        until = language.moment(ends, zone, locale)
    return f"{language.moment(begins, zone, locale)}–{until}"


def _to_the_minute(length: timedelta) -> timedelta:
    return timedelta(minutes=round(length / timedelta(minutes=1)))


def _hours(length: timedelta, _: str) -> str:
    """`8:30`."""
    minutes = length // timedelta(minutes=1)
    return f"{minutes // 60}:{minutes % 60:02d}"


def _days(length: timedelta, locale: str) -> str:
    return text(locale, "{n} business days" if length != DAY else "1 business day", n=length.days)
