"""How well the meeting itself works: in time, decided, done, rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean

from app.domain.statistics import Share

#: A meeting that begins or ends within this is in time.
GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Held:
    """A meeting that was closed."""

    number: int
    #: How much later than planned it began, and how much longer it took; negative: earlier, shorter.
    late: timedelta
    overrun: timedelta
    decisions: int
    #: Action items that it made, and how many of them are done.
    actions: Share
    #: 1 to 5, one for each who rated.
    ratings: tuple[int, ...]
    improvements: tuple[str, ...]

    @property
    def rating(self) -> float | None:
        return fmean(self.ratings) if self.ratings else None


@dataclass(frozen=True, slots=True)
class Health:
    """Several meetings together."""

    meetings: int
    #: How many began and ended in time.
    in_time: Share
    decisions: int
    actions: Share
    #: The mean of the meetings' ratings; None: nobody rated any.
    rating: float | None


def health(held: Sequence[Held]) -> Health:
    rated = [meeting.rating for meeting in held if meeting.rating is not None]
    return Health(
        meetings=len(held),
        in_time=Share(sum(m.late <= GRACE and m.overrun <= GRACE for m in held), len(held)),
        decisions=sum(m.decisions for m in held),
        actions=Share(sum(m.actions.part for m in held), sum(m.actions.whole for m in held)),
        rating=fmean(rated) if rated else None,
    )
