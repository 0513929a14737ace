"""What the clock on the wall shows, and the instants behind it."""

from __future__ import annotations

import difflib
import re
import unicodedata
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.domain.refusals import complaint

TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d"
#: `9:00-18:00`, with any of the dashes that Japanese and English keyboards make.
SPAN = re.compile(rf"({TIME})\s*[-–—−~〜]\s*({TIME}|24:00)")
ALL_DAY = 24 * 60
#: What people write for a zone that has no such name.
COLLOQUIAL = {"JST": "Asia/Tokyo", "Japan Standard Time": "Asia/Tokyo"}


# --- as it is written


def known_zone(name: str) -> str:
    """The IANA name, or a complaint that names the nearest one."""
    names = (resources.files("tzdata") / "zones").read_text(encoding="utf-8").split()
    if name in names:
        return name
    if meant := COLLOQUIAL.get(name) or _nearest(name, names):
        raise complaint("time_zone", "There is no time zone `{name}`; did you mean `{word}`?", name=name, word=meant)
    raise complaint("time_zone", "There is no time zone `{name}`; write an IANA name such as Asia/Tokyo.", name=name)


def _nearest(name: str, names: list[str]) -> str | None:
    """By the whole name or by the city alone."""
    spoken = {part.casefold(): zone for zone in names for part in (zone.rpartition("/")[2], zone)}
    close = difflib.get_close_matches(name.strip().replace(" ", "_").casefold(), spoken, n=1, cutoff=0.7)
    return spoken[close[0]] if close else None


def read_span(written: str) -> str:
    """`9:00〜18:00` → `09:00-18:00`. All day is `00:00-24:00`; `22:00-02:00` runs over midnight."""
    parts = SPAN.fullmatch(unicodedata.normalize("NFKC", written).strip())
    if not parts:
        raise complaint(
            "span", "Write a span of time like 09:00-18:00; all day is 00:00-24:00, over midnight 22:00-02:00."
        )
    opens, closes = (time_of_day.zfill(5) for time_of_day in parts.groups())
    if opens == closes:
        raise complaint(
            "span_without_length", "{span} has no length; all day is 00:00-24:00.", span=f"{opens}-{closes}"
        )
    return f"{opens}-{closes}"


def minutes_of(span: str) -> tuple[int, int]:
    """`22:00-02:00` → (1320, 1560): minutes since the midnight of the day on which the span begins."""
    opens, closes = (int(at[:2]) * 60 + int(at[3:]) for at in span.split("-"))
    return opens, closes if closes > opens else closes + ALL_DAY


def in_order(spans: list[str]) -> list[str]:
    """The spans of one day, or a complaint if one begins before the one in front of it is over."""
    for earlier, later in pairwise(spans):
        if overlap(earlier, later):
            raise complaint(
                "spans_overlap",
                "{later} begins before {earlier} is over; write the spans of a day in order and without overlap.",
                earlier=earlier,
                later=later,
            )
    return spans


def overlap(earlier: str, later: str, days_between: int = 0) -> bool:
    return minutes_of(earlier)[1] > minutes_of(later)[0] + days_between * ALL_DAY


# --- as it is


def midnight(day: date) -> datetime:
    """What the wall shows as the day begins; without a zone."""
    return datetime.combine(day, time())


def instant(zone: ZoneInfo, day: date, minutes: int) -> datetime:
    """The instant, in UTC, so many minutes past the day's midnight by the wall. See `instant_of`."""
    return instant_of(zone, midnight(day) + timedelta(minutes=minutes))


def instant_of(zone: ZoneInfo, wall: datetime) -> datetime:
    """The instant, in UTC, at which the wall shows that time.

    A skipped time is the first instant after the skip; of a repeated time the first pass counts.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _offset_change(zone, wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first)


def shown(zone: ZoneInfo, at: datetime) -> datetime:
    """What the wall shows at the instant; without a zone.

    While an hour is repeated, the latest that it has shown: a later instant never looks earlier.
    """
    local = at.astimezone(zone)
    if not local.fold:
        return local.replace(tzinfo=None)
    first = local.replace(fold=0)
    change = _offset_change(zone, first.astimezone(UTC), at)
    return (change + (first.utcoffset() or timedelta())).replace(tzinfo=None)


def _offset_change(zone: ZoneInfo, before: datetime, until: datetime) -> datetime:
    """The instant after `before` and not after `until` at which the zone's clocks are set; found by halving."""
    start = before.replace(microsecond=0)
    offset = start.astimezone(zone).utcoffset()
    seconds = range(int((until - start).total_seconds()))
    changed = bisect_left(
        seconds, True, key=lambda s: (start + timedelta(seconds=s)).astimezone(zone).utcoffset() != offset
    )
    return start + timedelta(seconds=changed)
