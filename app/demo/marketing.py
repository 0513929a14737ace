"""What the invented company's marketing enters by hand: channels, visits to the website, the budget."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from app.domain.channel import ChannelKey
from app.domain.spend import Line
from app.domain.website import Visit

#: Which channel a word of the tools means. One of them nobody has decided about yet.
CHANNELS: Mapping[str, ChannelKey] = {
    "ORGANIC_SEARCH": ChannelKey.SEARCH,
    "PAID_SEARCH": ChannelKey.ADS,
    "EMAIL_MARKETING": ChannelKey.EMAIL,
    "展示会": ChannelKey.EXHIBITION,
    "ウェビナー": ChannelKey.WEBINAR,
    "パートナー紹介": ChannelKey.REFERRAL,
}
#: Sessions on a working day, and of how many there is one conversion.
VISITED = {"ORGANIC_SEARCH": (180, 60), "PAID_SEARCH": (90, 40), "EMAIL_MARKETING": (40, 25)}
#: Yen a month: planned, and the share of it that is usually spent.
BUDGET = {
    "PAID_SEARCH": (600_000, 0.97),
    "展示会": (900_000, 1.04),
    "ウェビナー": (200_000, 0.8),
    "EMAIL_MARKETING": (80_000, 1.0),
}


def visits(first: date, last: date) -> dict[date, Sequence[Visit]]:
    """Of every day; fewer at weekends."""
    chance = random.Random(20260105)  # noqa: S311 - a story, no secret
    days = [first + timedelta(days=n) for n in range((last - first).days)]
    return {day: [_visit(chance, day, word, *usual) for word, usual in VISITED.items()] for day in days}


def _visit(chance: random.Random, day: date, channel: str, sessions: int, each: int) -> Visit:
    count = round(sessions * chance.uniform(0.8, 1.2) * (0.4 if day.weekday() > 4 else 1))
    return Visit(channel=channel, sessions=count, users=round(count * 0.85), conversions=count // each)


def budget(first: date, last: date) -> dict[date, Sequence[Line]]:
    """Of every month; what was spent is known when the month is over."""
    months = sorted({(first + timedelta(days=n)).replace(day=1) for n in range((last - first).days + 1)})
    return {month: [_line(word, over=month < last.replace(day=1)) for word in BUDGET] for month in months}


def _line(channel: str, *, over: bool) -> Line:
    planned, share = BUDGET[channel]
    return Line(channel=channel, planned=planned, spent=round(planned * share) if over else None)
