"""What happened to one lead, as a pure function of its events in event time and of the policies in force.

The events are folded in the order (occurred_at, id). A fold can be continued from a checkpoint when the new events
come after everything it has seen; otherwise the whole ledger of the lead is read again. Both give the same history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from app.domain import changes, duties, reasons, revisions
from app.domain.agreement import FollowUps
from app.domain.episode import Episode, Event, Touch, episode_as_json, episode_from_json
from app.domain.follow_up import REASONED_OUTCOMES, RETURNS, WORKED_ON, contact_of, outcome_of, touch_of
from app.domain.memory import worth_remembering
from app.domain.past import STALE, History, checkpoint, from_checkpoint
from app.domain.policy import BEGINNING, Policies, PolicyVersion
from app.domain.rules import Activity, Facts, Scored, holds, judge
from connectors.contract import EventKind, Outcome

__all__ = [
    "LEFT_OUT",
    "REASONED_OUTCOMES",
    "STALE",
    "UNCOVERED",
    "Episode",
    "Event",
    "History",
    "Touch",
    "can_continue",
    "checkpoint",
    "episode_as_json",
    "episode_from_json",
    "from_checkpoint",
    "read_history",
    "touch_of",
]

#: Kinds of event that can make a rule true.
EVIDENCE = frozenset({EventKind.LEAD, EventKind.SCORE, EventKind.ACTIVITY})
#: Why a handoff is void whose lead the policy leaves out.
LEFT_OUT = "left_out_by_policy"
#: … and whose lead fulfilled the rule of a policy that was turned off: no clock, but not nothing either.
UNCOVERED = "uncovered"
#: Sales gave it back untouched and did not say why.
RETURNED_WITHOUT_REASON = "returned_without_reason"


def can_continue(history: History, events: Sequence[Event], policies: Policies) -> bool:
    """Whether these events can be folded onto the checkpoint: same policies, nothing late, nothing taken back.

    The caller knows besides whether one of them is a newer revision of a record.
    """
    through = history.through
    if history.policies not in ("", policies.fingerprint) or any(revisions.taken_back(e) for e in events):
        return False
    return through is None or all(e.place > through for e in events)


def read_history(events: Iterable[Event], policies: Policies, known: History | None = None) -> History:
    """Fold events, in any order, onto `known` or onto nothing."""
    history = known or History()
    history.policies = policies.fingerprint
    for event in sorted(revisions.in_force(events), key=lambda e: e.place):
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


def _note_score(history: History, event: Event, policies: Policies) -> None:
    if _gathers(history, policies):
        history.score = Scored(value=event.data["score"], at=event.occurred_at, event_id=event.id)
        _note_reception(history, event)


def _note_activity(history: History, event: Event, policies: Policies) -> None:
    said, needed = event.data, policies.activities
    if not _gathers(history, policies) or (needed is not None and said["activity"] not in needed):
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


def _gathers(history: History, policies: Policies) -> bool:
    """Evidence matters before an episode, and within one if it can rise to another policy."""
    return history.running is None or policies.tiered


def done_again(earlier: list[Activity], done: Activity) -> bool:
    """The same content sent twice under two ids is one fact."""
    same_moment = (a for a in reversed(earlier) if a.at == done.at)
    return any((a.activity, a.asset, a.title) == (done.activity, done.asset, done.title) for a in same_moment)


def _note_reception(history: History, event: Event) -> None:
    history.visible_at = max(history.visible_at or event.received_at, event.received_at)


def _note_owner(history: History, event: Event, policies: Policies) -> None:
    said = event.data
    if said["owner"] != history.owner:
        history.assigned_at = event.occurred_at if said["owner"] else None
    # A queue has a name and owns nothing: nobody in particular will call.
    name, email = (said.get("name"), said.get("email")) if said["owner"] else (None, None)
    history.owner, history.owner_name, history.owner_email = said["owner"], name, email
    if episode := history.running:
        if said["owner"] != episode.owner:
            changes.note_owner(episode, event, policies)
        _assign(episode, history)


def _note_status(history: History, event: Event, _policies: Policies) -> None:
    history.status = event.data["raw"]


def _note_opportunity(history: History, event: Event, _policies: Policies) -> None:
    history.opportunities.append(event.data["opportunity"])


def _note_nothing(_history: History, _event: Event, _policies: Policies) -> None:
    """What sales did is followed, not noted."""


_NOTE = dict.fromkeys(EventKind, _note_nothing) | {
    EventKind.LEAD: _note_lead,
    EventKind.SCORE: _note_score,
    EventKind.ACTIVITY: _note_activity,
    EventKind.OWNER: _note_owner,
    EventKind.STATUS: _note_status,
    EventKind.OPPORTUNITY: _note_opportunity,
}


# What it means for the episode


def _follow(history: History, event: Event, policies: Policies) -> None:
    outcome = outcome_of(event)
    _note_exclusion(history, event, outcome)
    if episode := history.running:
        _follow_episode(history, episode, event, outcome, policies)
    elif contact := contact_of(event):
        history.contacts[f"{contact.kind} {contact.by or ''}"] = contact
    else:
        _qualify(history, event, policies)
    duties.follow(history, event, policies)
    duties.reopened(history, event, policies)
    if outcome in RETURNS and outcome is not Outcome.EXCLUDED:
        _start_over(history)


def _note_exclusion(history: History, event: Event, outcome: Outcome | None) -> None:
    if outcome is Outcome.EXCLUDED:
        history.excluded = event.data.get("reason") or "excluded"
        duties.void(history, history.excluded, event.occurred_at)
    elif outcome is Outcome.RESTORED:
        history.excluded = None


def _follow_episode(
    history: History, episode: Episode, event: Event, outcome: Outcome | None, policies: Policies
) -> None:
    follow_ups = policies.by_id[episode.terms_id].policy.follow_ups
    touch = touch_of(event, follow_ups)
    if touch and episode.touch is None and may_touch(touch, episode, follow_ups):
        episode.touch = touch
    if event.kind is EventKind.FOLLOW_UP and event.data.get("automated"):
        episode.automated_touches += 1
    changes.note(episode, event, policies)
    if episode.ended_at is not None:
        _start_over(history)
    if event.kind in EVIDENCE:
        _note_evidence(history, episode, event, policies)
    if outcome is not None and outcome is not Outcome.RESTORED:
        _note_outcome(history, episode, event, outcome, policies)


def may_touch(touch: Touch, episode: Episode, follow_ups: FollowUps) -> bool:
    """Whether it counts who did it."""
    owners = (episode.owner, episode.owner_name, episode.owner_email)
    return not follow_ups.owner_only or touch.by is None or touch.by in owners


def _note_evidence(history: History, episode: Episode, event: Event, policies: Policies) -> None:
    facts = _facts(history)
    if policies.tiered:
        changes.note_tier(episode, event, facts, policies)
    if episode.touch is None and _left_out(policies.by_id[episode.terms_id], facts, event.occurred_at):
        episode.ended_at, episode.void_reason = event.occurred_at, LEFT_OUT
        duties.void(history, LEFT_OUT, event.occurred_at)


def _note_outcome(history: History, episode: Episode, event: Event, outcome: Outcome, policies: Policies) -> None:
    episode.outcome, episode.outcome_reason = outcome.value, event.data.get("reason")
    if outcome in RETURNS:
        episode.ended_at = event.occurred_at
        episode.void_reason = _why_void(episode, outcome)
        duties.begin_answer(history, episode, event, policies)


def _why_void(episode: Episode, outcome: Outcome) -> str | None:
    if outcome is Outcome.EXCLUDED:
        return episode.outcome_reason or "excluded"
    if outcome is Outcome.REJECTED and episode.outcome_reason in reasons.NOT_COUNTED:
        return episode.outcome_reason
    return None if episode.touch else RETURNED_WITHOUT_REASON


def _start_over(history: History) -> None:
    """Evidence from before a return to marketing does not qualify the lead again."""
    history.score, history.activities, history.visible_at, history.contacts = None, [], None, {}


def _facts(history: History) -> Facts:
    return Facts(score=history.score, activities=history.activities, attributes=history.attributes)


def _left_out(version: PolicyVersion, facts: Facts, at: datetime) -> bool:
    return version.policy.exclude is not None and holds(version.policy.exclude, facts, at)


def _qualify(history: History, event: Event, policies: Policies) -> None:
    if history.excluded is not None or not (event.kind in EVIDENCE or _restored(event)):
        return
    facts = _facts(history)
    for version in policies.in_force(event.occurred_at):
        if holds(version.policy.rule, facts, event.occurred_at):
            left_out = _left_out(version, facts, event.occurred_at)
            if not left_out and event.occurred_at >= _cooled_down(history, version):
                _begin(history, event, version, facts, policies)
            return
    _note_uncovered(history, event, facts, policies)


def _note_uncovered(history: History, event: Event, facts: Facts, policies: Policies) -> None:
    """An MQL without a policy is counted once, until a policy takes it up."""
    if history.episodes and history.episodes[-1].void_reason == UNCOVERED:
        return
    for version in policies.turned_off(event.occurred_at):
        if holds(version.policy.rule, facts, event.occurred_at) and not _left_out(version, facts, event.occurred_at):
            episode = _episode_begins(history, event, version, facts)
            episode.ended_at, episode.void_reason = event.occurred_at, UNCOVERED
            history.episodes.append(episode)
            return


def _restored(event: Event) -> bool:
    return outcome_of(event) is Outcome.RESTORED


def _begin(history: History, event: Event, version: PolicyVersion, facts: Facts, policies: Policies) -> None:
    episode = _episode_begins(history, event, version, facts)
    history.episodes.append(episode)
    if changes.owners_matter(version.policy):
        changes.note_first_owner(episode)
    duties.begin_brief(history, episode, event, policies)


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
    )
    _assign(episode, history)
    episode.touch = _earlier_contact(history.contacts, episode, version.policy.follow_ups)
    return episode


def _cooled_down(history: History, version: PolicyVersion) -> datetime:
    """A lead that sales gave back qualifies again only from then on; its evidence counts from the return on."""
    last = history.episodes[-1] if history.episodes else None
    returned = last is not None and last.outcome in RETURNS and last.outcome != Outcome.EXCLUDED
    if last is None or last.ended_at is None or not returned:
        return BEGINNING
    return last.ended_at + timedelta(days=version.policy.cool_down_days)


def _assign(episode: Episode, history: History) -> None:
    episode.owner, episode.owner_name = history.owner, history.owner_name
    episode.owner_email, episode.assigned_at = history.owner_email, history.assigned_at


def _earlier_contact(contacts: dict[str, Touch], episode: Episode, follow_ups: FollowUps) -> Touch | None:
    """The rep was quicker: the last contact that the policy counts, unless it is too long ago."""
    counting = [c for c in contacts.values() if _counts(c.kind, follow_ups) and may_touch(c, episode, follow_ups)]
    last = max(counting, key=lambda contact: contact.at, default=None)
    lately = last is not None and episode.qualified_at - last.at <= timedelta(days=follow_ups.earlier_contact_days)
    return last if lately else None


def _counts(kind: str, follow_ups: FollowUps) -> bool:
    return kind in follow_ups.channels or (kind in WORKED_ON and follow_ups.dispositions)
