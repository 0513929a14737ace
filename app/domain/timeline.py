"""What happened with a lead, in one line of time: what tools and people told, what was judged, who was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain import revisions
from app.domain.clock import Verdict
from app.domain.episode import Event
from connectors.contract import EventKind


class Chapter(StrEnum):
    ACTIVITIES = "activities"
    FOLLOW_UPS = "follow_ups"
    ALERTS = "alerts"
    CHANGES = "changes"


_CHAPTERS = {
    EventKind.ACTIVITY: Chapter.ACTIVITIES,
    EventKind.SCORE: Chapter.ACTIVITIES,
    EventKind.FOLLOW_UP: Chapter.FOLLOW_UPS,
    EventKind.DISPOSITION: Chapter.FOLLOW_UPS,
    EventKind.OPPORTUNITY: Chapter.FOLLOW_UPS,
    EventKind.ACKNOWLEDGED: Chapter.FOLLOW_UPS,
    EventKind.ANSWER: Chapter.FOLLOW_UPS,
}
#: How the ledger calls the records of what people write down in Tasuki: of no source.
BY_HAND = ":hand:"


@dataclass(frozen=True, slots=True)
class Judged:
    handoff_id: int
    previous: Verdict | None
    verdict: Verdict
    true_at: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """One of the three is there."""

    at: datetime
    #: When we knew.
    known_at: datetime
    chapter: Chapter
    event: Event | None = None
    judged: Judged | None = None
    #: A row of alerts.
    alert: Any = None
    #: Edited or taken back afterwards.
    overtaken: bool = False

    @property
    def can_be_taken_back(self) -> bool:
        """Said by hand in Tasuki, and still standing."""
        event = self.event
        if event is None or self.overtaken or event.kind is EventKind.RETRACTED:
            return False
        return (event.record or "").startswith(BY_HAND)


def timeline(
    events: Sequence[Event], standing: Sequence[Event], judged: Iterable[Judged], alerts: Iterable[Any]
) -> list[Moment]:
    """The newest first. `standing`: those of the events that no newer revision has overtaken."""
    gone = {event.id for event in events} - {event.id for event in revisions.in_force(standing)}
    told = [Moment(e.occurred_at, e.received_at, chapter_of(e.kind), event=e, overtaken=e.id in gone) for e in events]
    verdicts = [Moment(j.true_at, j.known_at, Chapter.CHANGES, judged=j) for j in judged]
    owed = [Moment(a.sent_at or a.owed_at, a.owed_at, Chapter.ALERTS, alert=a) for a in alerts]
    return sorted([*told, *verdicts, *owed], key=lambda m: (m.at, m.known_at), reverse=True)


def chapter_of(kind: EventKind) -> Chapter:
    """Statuses, owners, pauses and edits are changes."""
    return _CHAPTERS.get(kind, Chapter.CHANGES)
