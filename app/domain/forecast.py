"""What new terms do to the clocks that run, and until when a lead would have that qualified now."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.domain import changes
from app.domain.agreement import Duty
from app.domain.calendar import ClockKind
from app.domain.clock import TICK, plain_terms, terms
from app.domain.deadline import deadline
from app.domain.episode import Episode, Event
from app.domain.policy import Policies, PolicyVersion
from connectors.contract import EventKind

#: A tool's clock may be ahead of ours by this much.
TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Running:
    """The clock of an open handoff: no follow-up yet, and its deadline is ahead."""

    handoff_id: int
    lead_id: int
    name: str | None
    company: str | None
    due_at: datetime
    episode: Episode


@dataclass(frozen=True, slots=True)
class Move:
    """A deadline that changes."""

    handoff_id: int
    duty: Duty
    lead_id: int
    name: str | None
    company: str | None
    #: Name or id; None: nobody.
    owner: str | None
    due_before: datetime
    due_after: datetime
    #: By the new terms it would be overdue at once; the policy's `notice_minutes` are left.
    overdue: bool


@dataclass(frozen=True, slots=True)
class First:
    """Until when a lead has time that becomes MQL at `start`. None: no clock."""

    policy: str
    start: datetime
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True, slots=True)
class Kind:
    """The same target on one kind of clock."""

    clock: ClockKind
    #: Hours; days for business_days.
    target: float
    due: datetime


#: Row id of the version that a clock runs under → the version that it is moved to.
Destinations = Mapping[int, PolicyVersion]


def foresee(clocks: Iterable[Running], to: Destinations, policies: Policies, now: datetime) -> Iterator[Move]:
    """The deadlines that change if the clocks are moved at `now`. `policies` hold the destinations."""
    unnoticed = _without_notice(policies, to)
    for clock in clocks:
        if version := to.get(clock.episode.terms_id):
            due = _due(clock.episode, version, policies, now)
            if due != clock.due_at:
                yield _move(
                    clock, due, overdue=_due(clock.episode, version, unnoticed, now) <= moves_at(clock.episode, now)
                )


def _without_notice(policies: Policies, to: Destinations) -> Policies:
    ids = {version.id for version in to.values()}
    hasty = (replace(v, policy=v.policy.model_copy(update={"notice_minutes": 0})) for v in to.values())
    return Policies([*(v for v in policies.versions if v.id not in ids), *{v.id: v for v in hasty}.values()])


def _due(episode: Episode, version: PolicyVersion, policies: Policies, now: datetime) -> datetime:
    """As the fold of the ledger would have it after the event that moves the clock."""
    moved, at = replace(episode, changes=list(episode.changes)), moves_at(episode, now)
    changes.note(moved, Event("", EventKind.TERMS, at, now, new_terms(episode, version.id)), policies)
    return terms(moved, policies).due_at


def new_terms(episode: Episode, policy_id: int) -> dict[str, Any]:
    """What the event says that moves this clock."""
    return {"policy": policy_id} if episode.duty is Duty.FOLLOW_UP else {"policy": policy_id, "duty": episode.duty}


def moves_at(episode: Episode, now: datetime) -> datetime:
    """When a move that is decided now happens: after what happened to the clock, by a tool's clock that is ahead."""
    known = (episode.qualified_at, *(change.at for change in episode.changes))
    return max(now, *(at + TICK for at in known if at < now + TOLERANCE))


def _move(clock: Running, due: datetime, *, overdue: bool) -> Move:
    owner = clock.episode.owner_name or clock.episode.owner
    return Move(
        clock.handoff_id,
        clock.episode.duty,
        clock.lead_id,
        clock.name,
        clock.company,
        owner,
        clock.due_at,
        due,
        overdue,
    )


def first(start: datetime, before: PolicyVersion | None, after: PolicyVersion) -> First:
    """`before`: the version that would be in force then, if any."""
    return First(after.policy.key, start, _due_of(start, before), _due_of(start, after))


def _due_of(start: datetime, version: PolicyVersion | None) -> datetime | None:
    return plain_terms(start, version).due_at if version and version.policy.enabled else None


def three_kinds(start: datetime, version: PolicyVersion) -> list[Kind]:
    """What "24 hours" would mean on each kind of clock, from the same start."""
    targets = same_target(version.policy.clock, version.policy.target)
    return [Kind(kind, n, deadline(start, kind, n, version.calendar).due) for kind, n in targets.items()]


def same_target(clock: ClockKind, amount: float) -> dict[ClockKind, float]:
    """The target on every kind of clock; a business day stands beside 24 hours."""
    hours = amount * 24 if clock is ClockKind.BUSINESS_DAYS else amount
    days = amount if clock is ClockKind.BUSINESS_DAYS else math.ceil(hours / 24)
    return {ClockKind.ELAPSED: hours, ClockKind.BUSINESS_HOURS: hours, ClockKind.BUSINESS_DAYS: days}
