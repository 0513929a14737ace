"""Who had a handoff when. A reassignment does not restart the clock; the time is split per owner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.history import Episode, Event
from connectors.contract import EventKind


@dataclass(frozen=True, slots=True)
class Tenure:
    """One owner's time with the handoff."""

    #: None: nobody.
    owner: str | None
    name: str | None
    #: From the qualification on, even if the lead was theirs before.
    since: datetime
    #: None: they still have it.
    until: datetime | None


def tenures(events: Iterable[Event], episode: Episode) -> list[Tenure]:
    """The owners of the handoff in event time, from the lead's events."""
    found = [Tenure(None, None, episode.qualified_at, None)]
    for event in sorted(events, key=lambda e: e.place):
        if event.kind is EventKind.OWNER and (episode.ended_at is None or event.occurred_at <= episode.ended_at):
            _hand_on(found, event)
    return [*found[:-1], replace(found[-1], until=episode.ended_at)]


def _hand_on(found: list[Tenure], event: Event) -> None:
    last, said = found[-1], event.data
    at = max(event.occurred_at, found[0].since)
    following = Tenure(said["owner"], said.get("name"), at, None)
    if said["owner"] == last.owner or at == last.since:
        found[-1] = replace(following, since=last.since)
    else:
        found[-1:] = [replace(last, until=at), following]
