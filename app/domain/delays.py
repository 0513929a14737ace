"""Whose time a handoff took: the tools' until they told us, ours until we decided, the routing's until somebody had it,
the owner's until the follow-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from app.domain.episode import Episode

#: Time between two moments, on the policy's clock.
OnClock = Callable[[datetime, datetime], timedelta]
NOTHING = timedelta()


@dataclass(frozen=True, slots=True)
class Journey:
    """The moments of a handoff in the order in which they should come. None: not yet, or nobody told us."""

    #: The lead fulfilled the rule, in event time.
    occurred_at: datetime
    #: The last piece of evidence reached us.
    received_at: datetime
    #: Tasuki made it a handoff.
    decided_at: datetime
    #: A tool of sales first told us of the lead.
    in_sfa_at: datetime | None
    assigned_at: datetime | None
    touched_at: datetime | None
    #: Somebody wrote the follow-up down.
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delays:
    """What each took of the time until the follow-up, or until now; together they are all of it."""

    ma: timedelta
    own: timedelta
    routing: timedelta
    human: timedelta
    #: From the follow-up until it was recorded, as time goes by; None: no follow-up yet.
    logging: timedelta | None

    @property
    def system(self) -> timedelta:
        """What no person of sales can be asked about."""
        return self.ma + self.own + self.routing


def journey(episode: Episode, decided_at: datetime, in_sfa_at: datetime | None) -> Journey:
    touch = episode.touch
    return Journey(
        occurred_at=episode.qualified_at,
        received_at=episode.visible_at,
        decided_at=decided_at,
        in_sfa_at=in_sfa_at,
        assigned_at=episode.assigned_at,
        touched_at=touch.at if touch else None,
        recorded_at=(touch.recorded_at or touch.received_at) if touch else None,
    )


def delays(went: Journey, now: datetime, on_clock: OnClock) -> Delays:
    """Split the time from the qualification to the follow-up or `now`. A moment out of order takes nothing."""
    start, end = went.occurred_at, max(went.touched_at or now, went.occurred_at)
    marks = [start]
    for at in (went.received_at, went.decided_at, went.assigned_at or end, end):
        marks.append(min(max(at, marks[-1]), end))
    ma, own, routing, human = (on_clock(a, b) if b > a else NOTHING for a, b in pairwise(marks))
    return Delays(ma, own, routing, human, _logged(went))


def _logged(went: Journey) -> timedelta | None:
    if went.touched_at is None or went.recorded_at is None:
        return None
    return max(went.recorded_at - went.touched_at, NOTHING)
