"""What else is owed about a lead, timed by the same clock: marketing's answer to a rejection, a complete brief at
hand-over, and sales' next response when a lead that was met comes back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from app.domain import changes
from app.domain.agreement import Duty
from app.domain.episode import Episode, Event
from app.domain.follow_up import touch_of, touched
from app.domain.past import History
from app.domain.policy import Policies, Policy
from connectors.contract import EventKind, LeadStatus, Outcome

#: What a brief may ask for besides attributes.
FIELDS = ("name", "company", "owner", "url")


def begin_brief(history: History, episode: Episode, event: Event, policies: Policies) -> None:
    """At the hand-over, if the policy asks for a brief."""
    if policies.by_id[episode.policy_id].policy.marketing.brief:
        _begin(history, Duty.BRIEF, episode, event, episode.qualified_at)
        follow(history, event, policies)


def begin_answer(history: History, episode: Episode, event: Event, policies: Policies) -> None:
    """Sales rejected the lead: marketing says what it makes of that."""
    if episode.outcome == Outcome.REJECTED and policies.by_id[episode.terms_id].policy.marketing.answer_hours:
        _begin(history, Duty.ANSWER, episode, event, event.occurred_at)


def reopened(history: History, event: Event, policies: Policies) -> None:
    """A lead that was met and whose status is new again waits for the next response, if the policy wants one."""
    if event.kind is not EventKind.STATUS or event.data.get("status") != LeadStatus.NEW or not history.episodes:
        return
    last = history.episodes[-1]
    met = last.touch is not None and last.touch.at < event.occurred_at and not last.void_reason
    wanted = policies.by_id[last.terms_id].policy.next_response_hours
    if met and wanted and not _open(history.duties, Duty.NEXT_RESPONSE):
        _begin(history, Duty.NEXT_RESPONSE, last, event, event.occurred_at)


def _begin(history: History, duty: Duty, of: Episode, event: Event, at: datetime) -> None:
    earlier = [known.number for known in history.duties if known.duty is duty]
    history.duties.append(
        Episode(
            number=max(earlier, default=0) + 1,
            policy_id=of.terms_id,
            qualified_at=at,
            visible_at=event.received_at,
            completed_by=event.id,
            findings=(),
            owner=history.owner,
            owner_name=history.owner_name,
            owner_email=history.owner_email,
            assigned_at=history.assigned_at,
            duty=duty,
        )
    )


def _open(duties: Iterable[Episode], duty: Duty) -> list[Episode]:
    return [owed for owed in duties if owed.duty is duty and owed.touch is None and owed.void_reason is None]


def follow(history: History, event: Event, policies: Policies) -> None:
    """What this event fulfils, or moves."""
    if event.kind is EventKind.TERMS:
        for owed in history.duties:
            if owed.touch is None and owed.void_reason is None:
                changes.note(owed, event, policies)
    if event.kind is EventKind.ANSWER:
        for owed in _open(history.duties, Duty.ANSWER):
            owed.touch = touched(event, "answer")
    for owed in _open(history.duties, Duty.BRIEF):
        if not missing(history, policies.by_id[owed.policy_id].policy):
            owed.touch = touched(event, "brief")
    for owed in _open(history.duties, Duty.NEXT_RESPONSE):
        if event.id != owed.completed_by:
            owed.touch = touch_of(event, policies.by_id[owed.policy_id].policy.follow_ups)


def missing(history: History, policy: Policy) -> list[str]:
    """The fields of the brief that nobody has filled."""
    return [name for name in policy.marketing.brief if not _filled(history, name)]


def _filled(history: History, name: str) -> bool:
    value = getattr(history, name) if name in FIELDS else history.attributes.get(name)
    return value is not None and str(value).strip() != ""


def void(history: History, reason: str, at: datetime) -> None:
    """The lead was taken out: nothing is owed about it any more."""
    for owed in history.duties:
        if owed.touch is None and owed.void_reason is None:
            owed.void_reason, owed.ended_at = reason, at
