"""When a source's feed is dark, when that is over, and of which leads nobody could tell us meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.calendar import Calendar, working_time

#: After the first delivery its sender gets this long to repeat what it could not deliver.
CATCH_UP = timedelta(minutes=10)
#: Failed polls in a row that are more than a hiccup.
FAILED_OFTEN = 3
#: Polling lags when it is so many intervals behind, and at least LAG.
MISSED_POLLS, LAG = 3, timedelta(hours=1)
#: A reading of the past that has not come on for longer hangs, whatever it says.
STALLED = timedelta(hours=6)


class Why(StrEnum):
    """Why a feed is dark."""

    #: No word for longer than it is ever silent.
    SILENT = "silent"
    #: The tool cannot be asked.
    FAILING = "failing"
    #: Polling has not read what is older than it should be.
    BEHIND = "behind"
    #: The reading of its past does not come on.
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class Hearing:
    """How a source's feed stands."""

    added_at: datetime
    #: The newest delivery.
    heard_at: datetime | None
    #: Up to when polling has read everything; None: it never was polled.
    polled_through: datetime | None
    #: None: it is not polled any more, or cannot be.
    poll_every: timedelta | None
    #: Failed polls in a row.
    failures: int
    failing_since: datetime | None
    #: Open time without a word that is usual; None: not known.
    expected: timedelta | None
    #: When the reading of its past last came on; None: none goes on.
    reading_moved_at: datetime | None = None

    @property
    def known_until(self) -> datetime:
        """The last moment of which we know that the feed worked."""
        return max(filter(None, (self.added_at, self.heard_at, self.polled_through)))


@dataclass(frozen=True, slots=True)
class Dark:
    why: Why
    since: datetime


@dataclass(frozen=True, slots=True)
class Lasting:
    """A silence that has been noticed."""

    why: Why
    since: datetime
    noticed_at: datetime
    #: The first delivery after it.
    heard_again_at: datetime | None


def why_dark(feed: Hearing, calendar: Calendar, now: datetime) -> Dark | None:
    """Why nothing can be said on the word of this feed, and since when; None: it is as it should be."""
    through = feed.polled_through
    if feed.failures >= FAILED_OFTEN and feed.failing_since:
        return Dark(Why.FAILING, through or feed.heard_at or feed.failing_since)
    if through and feed.poll_every and now - through > max(MISSED_POLLS * feed.poll_every, LAG):
        return Dark(Why.BEHIND, through)
    if feed.reading_moved_at and now - feed.reading_moved_at > STALLED:
        return Dark(Why.STALLED, feed.reading_moved_at)
    if feed.expected is not None and working_time(calendar, feed.known_until, now) > feed.expected:
        return Dark(Why.SILENT, feed.known_until)
    return None


def heard_again(lasting: Lasting, feed: Hearing) -> datetime | None:
    """The sign that its sender is back. A tool that cannot be asked may send webhooks all the while: they are none."""
    if lasting.heard_again_at or lasting.why is not Why.SILENT:
        return lasting.heard_again_at
    return feed.heard_at if feed.heard_at and feed.heard_at > lasting.since else None


def complete_until(lasting: Lasting, feed: Hearing, dark: Dark | None, now: datetime) -> datetime | None:
    """Up to when everything has been delivered or asked for, once the silence can end; None: it lasts."""
    if dark is not None:
        return None
    sign, through = heard_again(lasting, feed), feed.polled_through
    if lasting.why is not Why.SILENT and feed.poll_every is None:  # nobody waits for polling any more
        return lasting.noticed_at
    if lasting.why is not Why.SILENT:
        return through if through and through > lasting.noticed_at else None
    if sign is None:  # it was asked, or a longer silence is expected of it by now
        return through or lasting.noticed_at
    if through and through >= sign:
        return through
    return sign + CATCH_UP if now >= sign + CATCH_UP else None


@dataclass(frozen=True, slots=True)
class Darkness:
    """The dark feeds of sales at one moment. Empty: none is dark."""

    #: System of the dark source's ids → since when.
    since: Mapping[str, datetime] = field(default_factory=dict)
    #: The systems of all sources that tell us what sales does.
    sales: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.since)

    def since_for(self, systems: Collection[str]) -> datetime | None:
        """Since when nobody could tell us about a lead with ids in these systems; None: somebody could.

        A lead that no tool of sales knows may be in the dark one by now.
        """
        elsewhere = not self.sales.isdisjoint(systems)
        hidden = [at for system, at in self.since.items() if system in systems or not elsewhere]
        return min(hidden, default=None)
