"""Which of a lead's activities are worth remembering, so that an event costs the same however long the past is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from app.domain.conditions import REPEAT, Activity
from app.domain.policy import Policies

#: Of what a condition looks at, this many are remembered, or as many as it asks for. A count beyond says the limit.
ROOM = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one condition of some rule looks at. `activity` None: any."""

    activity: str | None
    asset: str | None
    topic: str | None
    room: int

    def covers(self, done: Activity) -> bool:
        return (
            self.activity in (None, done.activity)
            and self.asset in (None, done.asset)
            and (self.topic is None or self.topic in done.topics)
        )


def worth_remembering(activities: list[Activity], policies: Policies) -> list[Activity]:
    """Without those that change no rule's answer any more. `activities` are in order, and so is the result."""
    if len(activities) <= ROOM:
        return activities
    kept = {done.event_id for wanted in _wanted(policies) for done in _needed(activities, wanted)}
    return [done for done in activities if done.event_id in kept]


def _needed(activities: list[Activity], wanted: Wanted) -> list[Activity]:
    """The newest that count, and the newest of each asset for conditions that count different ones."""
    covered = [done for done in activities if wanted.covers(done)]
    newest = set({done.asset: done.event_id for done in covered}.values())
    of_each_asset = [done for done in covered if done.event_id in newest]
    return [*list(_without_repeats(covered))[-wanted.room :], *of_each_asset[-wanted.room :]]


def _without_repeats(activities: list[Activity]) -> Iterator[Activity]:
    last: dict[str | None, datetime] = {}
    for done in activities:
        if done.asset is None or done.asset not in last or done.at - last[done.asset] > REPEAT:
            last[done.asset] = done.at
            yield done


@lru_cache(maxsize=8)
def _wanted(policies: Policies) -> frozenset[Wanted]:
    leaves = [leaf for version in policies.versions for rule in version.policy.rules for leaf in rule.leaves()]
    counts = [Wanted(c.activity, c.asset, c.topic, max(ROOM, c.at_least)) for leaf in leaves if (c := leaf.count)]
    recent = [Wanted(leaf.recency.activity, None, None, ROOM) for leaf in leaves if leaf.recency]
    return frozenset(counts + recent)
