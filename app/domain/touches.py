"""What sales did about one handed-over lead, and which of it counts under the handoff's policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain import revisions
from app.domain.episode import Episode, Event
from app.domain.follow_up import touch_of
from app.domain.history import may_touch
from app.domain.policy import FollowUps
from connectors.contract import EventKind, LeadStatus

#: Kinds of event by which sales says that it did something.
ACTS = frozenset({EventKind.FOLLOW_UP, EventKind.STATUS, EventKind.DISPOSITION, EventKind.OPPORTUNITY})


class Standing(StrEnum):
    """Whether an act counts, and if not, why."""

    IN_TIME = "in_time"
    LATE = "late"
    #: It would count, but the clock had stopped already.
    AGAIN = "again"
    #: It happened before the lead became MQL.
    BEFORE = "before"
    AUTOMATED = "automated"
    NO_REASON = "no_reason"
    #: A status that no mapping explains.
    UNMAPPED = "unmapped"
    #: The policy does not list it.
    NOT_AGREED = "not_agreed"
    #: Somebody else did it, and the policy counts the owner's only.
    NOT_OWNER = "not_owner"
    #: The tool's record was edited: a newer revision stands in its place.
    REVISED = "revised"
    #: The tool's record was deleted, or the entry taken back.
    RETRACTED = "retracted"


#: Standings of acts that were a follow-up for the handoff.
COUNTED = frozenset({Standing.IN_TIME, Standing.LATE, Standing.AGAIN})


@dataclass(frozen=True, slots=True)
class Act:
    event: Event
    standing: Standing


def acts_of(
    events: Sequence[Event], episode: Episode, before: datetime | None, due_at: datetime, agreed: FollowUps
) -> list[Act]:
    """The acts for this handoff in event time. `before`: when the lead's handoff before it ended."""
    earliest = episode.qualified_at - timedelta(days=agreed.earlier_contact_days)
    told, gone = _told_anew(sorted(events, key=lambda e: e.place)), revisions.overtaken(events)
    mine = (e for e in told if earliest <= e.occurred_at and _between(e.occurred_at, before, episode.ended_at))
    return [
        Act(event, _overtaken(gone[event.id]) if event.id in gone else standing(event, episode, due_at, agreed))
        for event in mine
    ]


def attempts(events: Iterable[Event], after: datetime, until: datetime) -> int:
    """How often a person tried after the one moment and up to the other: calls, e-mails, meetings, and statuses that
    say so. `events`: all acts on the lead. Whether an attempt counts under a policy is not asked."""
    told = _told_anew(sorted(revisions.in_force(events), key=lambda e: e.place))
    return sum(_tried(event) for event in told if after < event.occurred_at <= until)


#: Statuses by which somebody says that they work on the lead.
TRYING = frozenset({LeadStatus.WORKING, LeadStatus.CONTACTED})


def _tried(event: Event) -> bool:
    if event.kind is EventKind.FOLLOW_UP:
        return not event.data.get("automated")
    return event.kind is EventKind.STATUS and event.data.get("status") in TRYING


def _overtaken(by: Event) -> Standing:
    return Standing.RETRACTED if revisions.taken_back(by) else Standing.REVISED


def _between(at: datetime, before: datetime | None, end: datetime | None) -> bool:
    """An act that ends a handoff belongs to it, not to the next."""
    return (before is None or before < at) and (end is None or at <= end)


def _told_anew(events: Iterable[Event]) -> Iterator[Event]:
    """Acts without what tools repeat with every edit of a record, and without the status every lead begins with."""
    status: str | None = None
    opportunities: set[str] = set()
    for event in events:
        if event.kind is EventKind.STATUS:
            repeated, status = event.data["raw"] == status, event.data["raw"]
            if repeated or event.data.get("status") == LeadStatus.NEW:
                continue
        if event.kind is EventKind.OPPORTUNITY:
            if event.data["opportunity"] in opportunities:
                continue
            opportunities.add(event.data["opportunity"])
        if event.kind in ACTS:
            yield event


def standing(event: Event, episode: Episode, due_at: datetime, agreed: FollowUps) -> Standing:
    if episode.touch and event.id == episode.touch.event_id:
        return Standing.IN_TIME if event.occurred_at <= due_at else Standing.LATE
    touch = touch_of(event, agreed)
    if touch is None:
        return _why_not(event, agreed)
    if not may_touch(touch, episode, agreed):
        return Standing.NOT_OWNER
    return Standing.BEFORE if event.occurred_at < episode.qualified_at else Standing.AGAIN


def _why_not(event: Event, agreed: FollowUps) -> Standing:
    match event.kind:
        case EventKind.FOLLOW_UP if event.data.get("automated"):
            return Standing.AUTOMATED
        case EventKind.STATUS if not event.data.get("status"):
            return Standing.UNMAPPED
        case EventKind.DISPOSITION if agreed.dispositions and not event.data.get("reason"):
            return Standing.NO_REASON
        case _:
            return Standing.NOT_AGREED
