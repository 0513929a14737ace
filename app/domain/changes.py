"""What moves the running clock of an episode: pauses, new owners, tiers, new terms. Collected by the fold;
`domain.course` walks them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.agreement import Duty
from app.domain.calendar import ClockKind
from app.domain.deadline import deadline
from app.domain.episode import Change, ChangeKind, Episode, Event
from app.domain.policy import Policies, Policy, PolicyVersion
from app.domain.rules import Facts, holds
from connectors.contract import EventKind

#: However long somebody says to be on it.
LONGEST_ON_IT = timedelta(days=7)


def note(episode: Episode, event: Event, policies: Policies) -> None:
    """What this event does to the clock of a running episode. A clock that a follow-up stopped moves no more."""
    match event.kind:
        case EventKind.PAUSE if not episode.touch:
            episode.changes.append(_pause(event, policies.by_id[episode.terms_id].policy))
        case EventKind.RESUME:
            episode.changes = [_resumed(change, event.occurred_at) for change in episode.changes]
        case EventKind.ACKNOWLEDGED:
            _acknowledge(episode, event, policies.by_id[episode.terms_id])
        case EventKind.TERMS if event.data.get("duty", Duty.FOLLOW_UP) == episode.duty:
            _new_terms(episode, event, policies)


def _pause(event: Event, policy: Policy) -> Change:
    latest = event.occurred_at + timedelta(days=policy.longest_pause_days)
    wanted = _instant(event, "until")
    return Change(
        ChangeKind.PAUSE,
        event.occurred_at,
        event.recorded_at or event.occurred_at,
        until=min(wanted or latest, latest),
        reason=event.data["reason"],
        by=event.data.get("by"),
        open_ended=wanted is None,
    )


def _resumed(change: Change, at: datetime) -> Change:
    if change.kind is ChangeKind.PAUSE and change.until and change.until > at:
        return replace(change, until=at, open_ended=False)
    return change


def _acknowledge(episode: Episode, event: Event, version: PolicyVersion) -> None:
    hours = version.policy.acknowledged_hours
    until = (
        _instant(event, "until") or deadline(event.occurred_at, ClockKind.BUSINESS_HOURS, hours, version.calendar).due
    )
    latest = event.occurred_at + LONGEST_ON_IT
    episode.acknowledged_by, episode.acknowledged_until = event.data.get("by"), min(until, latest)


def _new_terms(episode: Episode, event: Event, policies: Policies) -> None:
    said = event.data
    if said.get("burst") is not None:
        episode.burst = said["burst"]
    if said.get("policy") in policies.by_id:
        terms = Change(ChangeKind.TERMS, event.occurred_at, event.received_at, policy_id=said["policy"])
        episode.changes.append(replace(terms, by=said.get("by")))
    if said.get("void"):
        episode.ended_at, episode.void_reason = event.occurred_at, said["void"]
    if "start" in said:  # null: from its own start again
        start = _instant(event, "start")
        episode.changes.append(
            Change(ChangeKind.START, event.occurred_at, event.received_at, until=start, by=said.get("by"))
        )


def _instant(event: Event, name: str) -> datetime | None:
    written = event.data.get(name)
    return datetime.fromisoformat(written) if written else None


def note_owner(episode: Episode, event: Event, policies: Policies) -> None:
    """A new owner, where the policy gives that a meaning for the clock."""
    if not episode.touch and owners_matter(policies.by_id[episode.terms_id].policy):
        owner = event.data["owner"]
        episode.changes.append(Change(ChangeKind.OWNER, event.occurred_at, event.received_at, owner=owner))


def note_first_owner(episode: Episode) -> None:
    """In whose calendar the clock starts."""
    began = episode.qualified_at
    episode.changes.append(Change(ChangeKind.OWNER, began, began, owner=episode.owner))


def owners_matter(policy: Policy) -> bool:
    return bool(policy.owner_calendars) or policy.reassignment == "restart"


def note_tier(episode: Episode, event: Event, facts: Facts, policies: Policies) -> None:
    """A policy that is tried earlier came to hold, or the one that did holds no more."""
    if episode.touch:
        return
    now, began = policies.by_id[episode.terms_id], policies.by_id[episode.policy_id]
    better = _better(now, facts, event, policies)
    if better is None and now is not began and began.policy.tier_falls == "extend":
        better = None if holds(now.policy.rule, facts, event.occurred_at) else began
    if better is not None:
        episode.changes.append(Change(ChangeKind.TIER, event.occurred_at, event.received_at, policy_id=better.id))


def _better(now: PolicyVersion, facts: Facts, event: Event, policies: Policies) -> PolicyVersion | None:
    for version in policies.in_force(event.occurred_at):
        if version.policy.order >= now.policy.order:
            return None
        if holds(version.policy.rule, facts, event.occurred_at):
            return version
    return None
