"""What counts as a follow-up, and what sales decided by an event."""

from __future__ import annotations

from app.domain.agreement import FollowUps
from app.domain.episode import Event, Touch
from connectors.contract import EventKind, LeadStatus, Outcome

#: Outcomes that give the lead back to marketing, or take it out.
RETURNS = frozenset({Outcome.REJECTED, Outcome.RECYCLED, Outcome.DISQUALIFIED, Outcome.EXCLUDED})
#: Outcomes that are a follow-up by themselves; those of the second set only with a reason.
CONTACT_OUTCOMES = frozenset({Outcome.SQL, Outcome.DISQUALIFIED})
REASONED_OUTCOMES = frozenset({Outcome.REJECTED, Outcome.RECYCLED})
ANY_CONTACT = FollowUps(channels=("call", "email", "meeting", "other"))
#: Besides contacts, what shows that sales works on a lead before it is MQL.
WORKED_ON = frozenset({"opportunity", "disposition:sql"})
STATUS_OUTCOMES = {
    LeadStatus.QUALIFIED: Outcome.SQL,
    LeadStatus.CONVERTED: Outcome.SQL,
    LeadStatus.RECYCLED: Outcome.RECYCLED,
    LeadStatus.DISQUALIFIED: Outcome.DISQUALIFIED,
}


def outcome_of(event: Event) -> Outcome | None:
    """What sales decided by this event: a disposition, or a status that says as much."""
    match event.kind:
        case EventKind.DISPOSITION:
            return Outcome(event.data["outcome"])
        case EventKind.STATUS if event.data.get("status"):
            return STATUS_OUTCOMES.get(LeadStatus(event.data["status"]))
        case EventKind.OPPORTUNITY:
            return Outcome.SQL
        case _:
            return None


def contact_of(event: Event) -> Touch | None:
    """What sales did about a lead that is no MQL yet. A bare status is not enough: it may be years old."""
    touch = touch_of(event, ANY_CONTACT)
    return touch if touch and (event.kind is EventKind.FOLLOW_UP or touch.kind in WORKED_ON) else None


def touch_of(event: Event, follow_ups: FollowUps) -> Touch | None:
    """The event as a follow-up, if the policy counts it."""
    kind = _touch_kind(event, follow_ups)
    return None if kind is None else touched(event, kind)


def touched(event: Event, kind: str) -> Touch:
    return Touch(event.occurred_at, event.id, kind, event.data.get("by"), event.received_at, event.recorded_at)


def _touch_kind(event: Event, follow_ups: FollowUps) -> str | None:
    said = event.data
    match event.kind:
        case EventKind.FOLLOW_UP:
            counts = said["channel"] in follow_ups.channels and not said.get("automated")
            return str(said["channel"]) if counts else None
        case EventKind.STATUS:
            return f"status:{said['status']}" if said.get("status") in follow_ups.statuses else None
        case EventKind.OPPORTUNITY if follow_ups.dispositions:
            return "opportunity"
        case EventKind.DISPOSITION if follow_ups.dispositions:
            return _disposition_kind(Outcome(said["outcome"]), said.get("reason"))
        case _:
            return None


def _disposition_kind(outcome: Outcome, reason: str | None) -> str | None:
    counts = outcome in CONTACT_OUTCOMES or (outcome in REASONED_OUTCOMES and reason)
    return f"disposition:{outcome.value}" if counts else None
