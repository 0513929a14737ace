"""What happened to one lead, as a pure function of its events in event time and of the policies in force.

The events are folded in the order (occurred_at, id). A fold can be continued from a checkpoint when the new events
come after everything it has seen; otherwise the whole ledger of the lead is read again. Both give the same history.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from app.domain.memory import worth_remembering
from app.domain.policy import FollowUps, Policies, PolicyVersion
from app.domain.rules import Activity, Facts, Finding, Scored, holds, judge
from connectors.contract import EventKind, LeadStatus, Outcome


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the ledger."""

    id: str
    kind: EventKind
    occurred_at: datetime
    received_at: datetime
    data: dict[str, Any]
    recorded_at: datetime | None = None

    @property
    def place(self) -> tuple[datetime, str]:
        """Where the event stands in its lead's history."""
        return (self.occurred_at, self.id)


@dataclass(frozen=True, slots=True)
class Touch:
    """A follow-up that counts."""

    at: datetime
    event_id: str
    #: call, email, meeting, other, opportunity, `disposition:<outcome>`, `status:<status>`
    kind: str
    by: str | None
    received_at: datetime


@dataclass(slots=True)
class Episode:
    """From becoming MQL to being met, returned or excluded; one handoff."""

    number: int
    policy_id: int
    qualified_at: datetime
    #: When Tasuki could know: the last event that made it true was received.
    visible_at: datetime
    #: The event that completed the rule.
    completed_by: str
    findings: tuple[Finding, ...]
    owner: str | None
    owner_name: str | None
    owner_email: str | None
    assigned_at: datetime | None
    touch: Touch | None = None
    automated_touches: int = 0
    outcome: str | None = None
    outcome_reason: str | None = None
    ended_at: datetime | None = None
    #: Why it does not count (excluded, returned without a reason); such a handoff is voided.
    void_reason: str | None = None


@dataclass(slots=True)
class History:
    """Everything the clock needs to know about one lead, as of its last event."""

    #: Fingerprint of the policies it was read under; empty before the first event.
    policies: str = ""
    #: The last event's place; None before the first.
    through: tuple[datetime, str] | None = None
    name: str | None = None
    company: str | None = None
    url: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    owner: str | None = None
    owner_name: str | None = None
    owner_email: str | None = None
    assigned_at: datetime | None = None
    #: Score and activities since the last return to marketing: the evidence for the next qualification.
    score: Scored | None = None
    activities: list[Activity] = field(default_factory=list)
    #: The newest reception among that evidence.
    visible_at: datetime | None = None
    #: The sales status in the tool's own word; tools repeat it with every edit of the record.
    status: str | None = None
    #: Opportunities seen so far; the first sight of one is a follow-up, its later edits are not.
    opportunities: list[str] = field(default_factory=list)
    #: The last human contact outside an episode.
    contact: Touch | None = None
    #: All episodes when read from the start; from a checkpoint, its last one and the newer.
    episodes: list[Episode] = field(default_factory=list)

    @property
    def running(self) -> Episode | None:
        """The episode that has not ended."""
        return self.episodes[-1] if self.episodes and self.episodes[-1].ended_at is None else None


#: The checkpoint of a lead whose ledger has to be read from the start: it was joined with another.
STALE: dict[str, Any] = {"policies": "stale"}

_history = TypeAdapter(History)
_episode = TypeAdapter(Episode)


def checkpoint(history: History) -> dict[str, Any]:
    """The history as JSON, with its last episode only: enough to go on from."""
    kept: dict[str, Any] = _history.dump_python(replace(history, episodes=history.episodes[-1:]), mode="json")
    return kept


def from_checkpoint(kept: dict[str, Any]) -> History:
    return _history.validate_python(kept)


def episode_as_json(episode: Episode) -> dict[str, Any]:
    kept: dict[str, Any] = _episode.dump_python(episode, mode="json")
    return kept


def episode_from_json(kept: dict[str, Any]) -> Episode:
    return _episode.validate_python(kept)


def can_continue(history: History, events: Iterable[Event], policies: Policies) -> bool:
    """Whether these events can be folded onto the checkpoint: same policies, nothing late."""
    through = history.through
    if history.policies not in ("", policies.fingerprint):
        return False
    return through is None or all(e.place > through for e in events)


def read_history(events: Iterable[Event], policies: Policies, known: History | None = None) -> History:
    """Fold events, in any order, onto `known` or onto nothing."""
    history = known or History()
    history.policies = policies.fingerprint
    for event in sorted(events, key=lambda e: e.place):
        if not _said_before(history, event):
            _NOTE[event.kind](history, event, policies)
            _follow(history, event, policies)
        history.through = event.place
    return history


def _said_before(history: History, event: Event) -> bool:
    """A snapshot that repeats what is known says nothing new: it must not stop the clock of a newer handoff."""
    match event.kind:
        case EventKind.STATUS:
            return bool(event.data["raw"] == history.status)
        case EventKind.OPPORTUNITY:
            return event.data["opportunity"] in history.opportunities
        case _:
            return False


# What an event says about the lead


def _note_lead(history: History, event: Event, _policies: Policies) -> None:
    said = event.data
    history.name = said.get("name") or history.name
    history.company = said.get("company") or history.company
    history.url = said.get("url") or history.url
    history.attributes.update(said.get("attributes") or {})


def _note_score(history: History, event: Event, _policies: Policies) -> None:
    if history.running is None:
        history.score = Scored(value=event.data["score"], at=event.occurred_at, event_id=event.id)
        _note_reception(history, event)


def _note_activity(history: History, event: Event, policies: Policies) -> None:
    said, needed = event.data, policies.activities
    if history.running is not None or (needed is not None and said["activity"] not in needed):
        return
    done = Activity(
        at=event.occurred_at,
        event_id=event.id,
        activity=said["activity"],
        asset=said.get("asset"),
        title=said.get("title"),
        topics=tuple(said.get("topics") or ()),
    )
    if done_again(history.activities, done):
        return
    history.activities.append(done)
    _note_reception(history, event)
    if policies.memory is not None:
        oldest = event.occurred_at - policies.memory
        history.activities = [a for a in history.activities if a.at > oldest]
    history.activities = worth_remembering(history.activities, policies)


def done_again(earlier: list[Activity], done: Activity) -> bool:
    """The same content sent twice under two ids is one fact."""
    same_moment = (a for a in reversed(earlier) if a.at == done.at)
    return any((a.activity, a.asset, a.title) == (done.activity, done.asset, done.title) for a in same_moment)


def _note_reception(history: History, event: Event) -> None:
    history.visible_at = max(history.visible_at or event.received_at, event.received_at)


def _note_owner(history: History, event: Event, _policies: Policies) -> None:
    said = event.data
    if said["owner"] != history.owner:
        history.assigned_at = event.occurred_at if said["owner"] else None
    # A queue has a name and owns nothing: nobody in particular will call.
    name, email = (said.get("name"), said.get("email")) if said["owner"] else (None, None)
    history.owner, history.owner_name, history.owner_email = said["owner"], name, email
    if episode := history.running:
        _assign(episode, history)


def _note_status(history: History, event: Event, _policies: Policies) -> None:
    history.status = event.data["raw"]


def _note_opportunity(history: History, event: Event, _policies: Policies) -> None:
    history.opportunities.append(event.data["opportunity"])


def _note_nothing(_history: History, _event: Event, _policies: Policies) -> None:
    """What sales did is followed, not noted."""


_NOTE = {
    EventKind.LEAD: _note_lead,
    EventKind.SCORE: _note_score,
    EventKind.ACTIVITY: _note_activity,
    EventKind.OWNER: _note_owner,
    EventKind.STATUS: _note_status,
    EventKind.FOLLOW_UP: _note_nothing,
    EventKind.DISPOSITION: _note_nothing,
    EventKind.OPPORTUNITY: _note_opportunity,
}


# What it means for the episode


def _follow(history: History, event: Event, policies: Policies) -> None:
    outcome = outcome_of(event)
    if episode := history.running:
        _follow_episode(episode, event, outcome, policies.by_id[episode.policy_id].policy.follow_ups)
    elif event.kind is EventKind.FOLLOW_UP and not event.data.get("automated"):
        history.contact = touch_of(event, ANY_CONTACT)
    else:
        _qualify(history, event, policies)
    if outcome in RETURNS:
        _start_over(history)


def _follow_episode(episode: Episode, event: Event, outcome: Outcome | None, follow_ups: FollowUps) -> None:
    touch = touch_of(event, follow_ups)
    if touch and episode.touch is None:
        episode.touch = touch
    if event.kind is EventKind.FOLLOW_UP and event.data.get("automated"):
        episode.automated_touches += 1
    if outcome is None:
        return
    episode.outcome, episode.outcome_reason = outcome.value, event.data.get("reason")
    if outcome in RETURNS:
        episode.ended_at = event.occurred_at
        episode.void_reason = _why_void(episode, outcome)


def _why_void(episode: Episode, outcome: Outcome) -> str | None:
    if outcome is Outcome.EXCLUDED:
        return episode.outcome_reason or "excluded"
    return None if episode.touch else "returned_without_reason"


def _start_over(history: History) -> None:
    """Evidence from before a return to marketing does not qualify the lead again."""
    history.score, history.activities, history.visible_at, history.contact = None, [], None, None


def _qualify(history: History, event: Event, policies: Policies) -> None:
    if event.kind not in EVIDENCE:
        return
    facts = Facts(score=history.score, activities=history.activities, attributes=history.attributes)
    for version in policies.in_force(event.occurred_at):
        if holds(version.policy.rule, facts, event.occurred_at):
            history.episodes.append(_episode_begins(history, event, version, facts))
            return


def _episode_begins(history: History, event: Event, version: PolicyVersion, facts: Facts) -> Episode:
    episode = Episode(
        number=history.episodes[-1].number + 1 if history.episodes else 1,
        policy_id=version.id,
        qualified_at=event.occurred_at,
        visible_at=max(history.visible_at or event.received_at, event.received_at),
        completed_by=event.id,
        findings=judge(version.policy.rule, facts, event.occurred_at).findings,
        owner=None,
        owner_name=None,
        owner_email=None,
        assigned_at=None,
        touch=_earlier_contact(history.contact, event.occurred_at, version.policy.follow_ups),
    )
    _assign(episode, history)
    history.activities = []  # the findings have named them, and only a return to marketing asks for new ones
    return episode


def _assign(episode: Episode, history: History) -> None:
    episode.owner, episode.owner_name = history.owner, history.owner_name
    episode.owner_email, episode.assigned_at = history.owner_email, history.assigned_at


def _earlier_contact(contact: Touch | None, at: datetime, follow_ups: FollowUps) -> Touch | None:
    if contact is None or contact.kind not in follow_ups.channels:
        return None
    return contact if at - contact.at <= timedelta(days=follow_ups.earlier_contact_days) else None


# What counts

#: Kinds of event that can make a rule true.
EVIDENCE = frozenset({EventKind.LEAD, EventKind.SCORE, EventKind.ACTIVITY})
#: Outcomes that give the lead back to marketing, or take it out.
RETURNS = frozenset({Outcome.REJECTED, Outcome.RECYCLED, Outcome.DISQUALIFIED, Outcome.EXCLUDED})
#: Outcomes that are a follow-up by themselves; those of the second set only with a reason.
CONTACT_OUTCOMES = frozenset({Outcome.SQL, Outcome.DISQUALIFIED})
REASONED_OUTCOMES = frozenset({Outcome.REJECTED, Outcome.RECYCLED})
ANY_CONTACT = FollowUps(channels=("call", "email", "meeting", "other"))
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


def touch_of(event: Event, follow_ups: FollowUps) -> Touch | None:
    """The event as a follow-up, if the policy counts it."""
    kind = _touch_kind(event, follow_ups)
    if kind is None:
        return None
    return Touch(
        at=event.occurred_at, event_id=event.id, kind=kind, by=event.data.get("by"), received_at=event.received_at
    )


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
