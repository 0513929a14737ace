"""Times as forms and Japanese tools write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from connectors.wire import milliseconds, moment, seconds

#: 2026/10/5 9:30, 2026-10-05 09:30:00, 2026.10.5, 2026年10月5日 9時30分
WRITTEN = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]\s*(\d{1,2})[:時](\d{1,2})(?:[:分](\d{1,2})?(?:\.\d+)?秒?)?)?",
    re.ASCII,
)
#: Since 1970.
SECONDS, MILLISECONDS = re.compile(r"\d{9,10}", re.ASCII), re.compile(r"\d{12,13}", re.ASCII)


class When(NamedTuple):
    """In UTC, and what tells it from other times however often it is sent."""

    at: datetime
    sign: str


def when(written: str, zone: str, received_at: datetime) -> When | None:
    """None: it is no time. Nothing happened later than it was told. A day alone counts from its end."""
    known = WRITTEN.fullmatch(written.replace("\u3000", " "))
    if known is None:
        at = other(written, ZoneInfo(zone))
        return When(min(at, received_at), str(milliseconds(at))) if at else None
    year, month, day, hour, minute, second = (int(part) if part else 0 for part in known.groups())
    try:
        there = datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        end = there + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    if known[4] is None:
        return When(min(end, received_at), f"{year}-{month}-{day}")
    return When(min(there, received_at), str(milliseconds(there)))


def other(written: str, zone: ZoneInfo) -> datetime | None:
    """A number, or ISO 8601 with its zone. A short number is none: 20261005 may be a day as well."""
    if SECONDS.fullmatch(written):
        return seconds(written)
    return moment(written, zone) if MILLISECONDS.fullmatch(written) or not written.isdecimal() else None
