"""The SLA as data: which leads, until when, what counts as follow-up, who is told."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.domain.calendar import Calendar, ClockKind
from app.domain.refusals import complaint
from app.domain.rules import DEFAULT_RULE, Rule, activities_needed, longest_window
from connectors.contract import LeadStatus


class AlertReason(StrEnum):
    HANDED_OVER = "handed_over"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    WITHDRAWN = "withdrawn"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FollowUps(_Document):
    """What stops the clock. Automated mail, owner changes and field edits never do."""

    channels: tuple[Literal["call", "email", "meeting", "other"], ...] = ("call", "email", "meeting")
    #: SQL, opportunity, rejected or recycled with a reason, disqualified.
    dispositions: bool = True
    #: A move into one of these counts although nothing else was recorded (status-only evidence).
    statuses: tuple[LeadStatus, ...] = (
        LeadStatus.CONTACTED,
        LeadStatus.QUALIFIED,
        LeadStatus.CONVERTED,
        LeadStatus.RECYCLED,
        LeadStatus.DISQUALIFIED,
    )
    #: A contact this many days before the lead became MQL meets the SLA: the rep was quicker.
    earlier_contact_days: Annotated[float, Field(ge=0, le=365)] = 30


class AlertRoute(_Document):
    """One recipient and what they hear of."""

    channel: Literal["slack", "email", "log"]
    #: e-mail: `owner` or an address; Slack: the name of a webhook in TASUKI_SLACK_WEBHOOKS.
    to: Annotated[str, Field(min_length=1, max_length=320)] = "owner"
    on: tuple[AlertReason, ...] = (AlertReason.AT_RISK, AlertReason.BREACHED, AlertReason.WITHDRAWN)


class Policy(_Document):
    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    enabled: bool = True
    #: Policies are tried by rank, then key; the first whose rule holds wins.
    rank: int = 100
    rule: Rule
    clock: ClockKind = ClockKind.ELAPSED
    #: Hours for elapsed and business_hours, days for business_days.
    target: Annotated[float, Field(gt=0, le=8760)] = 24
    calendar: str = "default"
    follow_ups: FollowUps = FollowUps()
    #: Warn when this share of the time is left; 0: no warning.
    warn_when_left: Annotated[float, Field(ge=0, lt=1)] = 0.25
    alerts: tuple[AlertRoute, ...] = (AlertRoute(channel="slack", to="default"), AlertRoute(channel="email"))

    @model_validator(mode="after")
    def days_are_whole(self) -> Policy:
        if self.clock is ClockKind.BUSINESS_DAYS and self.target != int(self.target):
            raise complaint("whole_days", "A target in business days is a whole number; use business_hours for less.")
        return self


def default_policy() -> Policy:
    """The article's SLA: score ≥ 80 and 3 or more downloads, follow-up within 24 hours."""
    return Policy(key="mql", name="MQL 24時間", rule=DEFAULT_RULE)


@dataclass(frozen=True)
class PolicyVersion:
    """A policy as it stood from a moment on. `effective_from` None: since ever."""

    id: int
    version: int
    policy: Policy
    calendar: Calendar
    calendar_version: int
    effective_from: datetime | None


class Policies:
    """All versions of all policies, and which are in force when."""

    def __init__(self, versions: Iterable[PolicyVersion]) -> None:
        self.versions = sorted(versions, key=lambda v: (v.policy.key, v.version))
        self.by_id = {v.id: v for v in self.versions}
        self._changes = sorted({v.effective_from or BEGINNING for v in self.versions})
        self._in_force = [_in_force(self.versions, at) for at in self._changes]

    def in_force(self, at: datetime) -> Sequence[PolicyVersion]:
        """The enabled policies at that moment, in the order in which they are tried."""
        position = bisect_right(self._changes, at)
        return self._in_force[position - 1] if position else ()

    @cached_property
    def activities(self) -> frozenset[str] | None:
        """The kinds of activity that some version's rule looks at; None: all of them."""
        needed: set[str] = set()
        for version in self.versions:
            kinds = activities_needed(version.policy.rule)
            if kinds is None:
                return None
            needed |= kinds
        return frozenset(needed)

    @cached_property
    def memory(self) -> timedelta | None:
        """How long an activity can matter; None: for ever."""
        windows = [longest_window(v.policy.rule) for v in self.versions]
        return None if None in windows or not windows else max(w for w in windows if w is not None)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a checkpoint folded under other versions can no longer be continued."""
        text = "\n".join(f"{v.id} {v.effective_from} {v.policy.model_dump_json()}" for v in self.versions)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


def _in_force(versions: Sequence[PolicyVersion], at: datetime) -> tuple[PolicyVersion, ...]:
    newest = {v.policy.key: v for v in versions if (v.effective_from or BEGINNING) <= at}
    return tuple(sorted((v for v in newest.values() if v.policy.enabled), key=lambda v: (v.policy.rank, v.policy.key)))
