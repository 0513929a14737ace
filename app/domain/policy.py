"""The SLA as data: which leads, until when, what counts as follow-up, who is told."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from app.domain.agreement import (
    STORABLE,
    AlertReason,
    AlertRoute,
    Bursts,
    Document,
    Duty,
    Escalation,
    FollowUps,
    MarketingDuties,
    Text,
)
from app.domain.calendar import Calendar, ClockKind
from app.domain.refusals import complaint
from app.domain.rules import DEFAULT_RULE, Rule, activities_needed, longest_window, read_rule

__all__ = [
    "AlertReason",
    "AlertRoute",
    "Bursts",
    "Duty",
    "Escalation",
    "FollowUps",
    "MarketingDuties",
    "Policies",
    "Policy",
    "PolicyVersion",
    "default_policy",
]


class Policy(Document):
    key: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    name: Annotated[str, Field(min_length=1, max_length=100), STORABLE]
    enabled: bool = True
    #: Policies are tried by rank, then key; the first whose rule holds wins.
    rank: int = 100
    rule: Rule
    clock: ClockKind = ClockKind.ELAPSED
    #: Hours for elapsed and business_hours, days for business_days.
    target: Annotated[float, Field(gt=0, le=8760)] = 24
    calendar: Text = "default"
    follow_ups: FollowUps = FollowUps()
    #: Warn when this share of the time is left; 0: no warning.
    warn_when_left: Annotated[float, Field(ge=0, lt=1)] = 0.25
    #: Warn this many hours before instead; a target that is shorter warns at its start.
    warn_hours_before: Annotated[float, Field(gt=0, le=8760)] | None = None
    #: For leads of which this holds there is no clock: imported, test, competitor, opted out.
    exclude: Rule | None = None
    #: The clock of a new owner: go on, or begin again, at most `restarts_at_most` times.
    reassignment: Literal["continue", "restart"] = "continue"
    restarts_at_most: Annotated[int, Field(ge=0, le=10)] = 1
    #: Owner → calendar in which that owner's time is counted from the assignment on.
    owner_calendars: dict[Text, Text] = Field(default_factory=dict)
    #: Team → who is in it, as the tools call them (id, name or e-mail); reports tell teams and not people.
    teams: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    #: A pause without an end, or with a later one, ends after this many days.
    longest_pause_days: Annotated[float, Field(gt=0, le=365)] = 30
    #: A lead that was given back qualifies again after this many days, on evidence from after the return.
    cool_down_days: Annotated[float, Field(ge=0, le=365)] = 7
    #: A lead that was met and comes back (status new again) is answered within this; None: no clock for that.
    next_response_hours: Annotated[float, Field(gt=0, le=8760)] | None = None
    #: A policy tried earlier that comes to hold shortens a running deadline, but leaves at least this much time.
    notice_minutes: Annotated[float, Field(ge=0, le=1440)] = 60
    #: When that policy no longer holds: keep the deadline, or go back to the longer one.
    tier_falls: Literal["keep", "extend"] = "keep"
    #: What the tools told late: this long after we could know, a person had a chance. Shown beside the deadline.
    grace_minutes: Annotated[float, Field(ge=0, le=1440)] = 60
    #: E-mail address that hears of leads without an owner in the owner's place.
    intake_email: Annotated[str, Field(max_length=320), STORABLE] = ""
    escalation: tuple[Escalation, ...] = ()
    #: Who acknowledged is left alone for this many hours of open time.
    acknowledged_hours: Annotated[float, Field(gt=0, le=1000)] = 2
    bursts: Bursts = Bursts()
    marketing: MarketingDuties = MarketingDuties()
    alerts: tuple[AlertRoute, ...] = (AlertRoute(channel="slack", to="default"), AlertRoute(channel="email"))

    @model_validator(mode="after")
    def days_are_whole(self) -> Policy:
        if self.clock is ClockKind.BUSINESS_DAYS and self.target != int(self.target):
            raise complaint("whole_days", "A target in business days is a whole number; use business_hours for less.")
        return self

    @model_validator(mode="after")
    def nobody_is_in_two_teams(self) -> Policy:
        members = Counter(member for team in self.teams.values() for member in set(team))
        if twice := sorted(member for member, teams in members.items() if teams > 1):
            raise complaint("two_teams", "{who} is in two teams; name everybody once.", who=twice[0])
        return self

    @property
    def rules(self) -> list[Rule]:
        """Everything that looks at a lead's evidence."""
        return [self.rule, self.exclude] if self.exclude is not None else [self.rule]

    @property
    def order(self) -> tuple[int, str]:
        """Where it stands among the policies that are tried."""
        return (self.rank, self.key)


#: Attributes that take a lead out of the default policy when they are true; a source's configuration names the
#: tool's own properties for them.
OUT = ("test", "competitor", "imported", "opted_out", "deleted")


def default_policy() -> Policy:
    """The article's SLA: score ≥ 80 and 3 or more downloads, follow-up within 24 hours."""
    out = read_rule({"any": [{"attribute": {"name": name, "is": "true"}} for name in OUT]})
    return Policy(key="mql", name="MQL 24時間", rule=DEFAULT_RULE, exclude=out)


@dataclass(frozen=True)
class PolicyVersion:
    """A policy as it stood from a moment on. `effective_from` None: since ever."""

    id: int
    version: int
    policy: Policy
    calendar: Calendar
    calendar_version: int
    effective_from: datetime | None
    #: Calendars that `Policy.owner_calendars` names, by key.
    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    def calendar_of(self, owner: str | None) -> Calendar:
        """In which this owner's time is counted."""
        return self.calendars.get(self.policy.owner_calendars.get(owner or "", ""), self.calendar)


#: Changes with what the fold keeps, so that checkpoints of an older program are not gone on from.
FOLD = "3 "


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

    def is_off(self, key: str, at: datetime) -> bool:
        """Whether that policy is switched off at that moment."""
        return any(version.policy.key == key for version in self.turned_off(at))

    def turned_off(self, at: datetime) -> Sequence[PolicyVersion]:
        """The policies that were disabled at that moment."""
        if all(version.policy.enabled for version in self.versions):
            return ()
        return [version for version in _newest(self.versions, at) if not version.policy.enabled]

    def teams(self, at: datetime) -> dict[str, str]:
        """Who is in which team at that moment; the policy that is tried first has the say."""
        said = [version.policy.teams for version in reversed(self.in_force(at))]  # what is put in last stays
        return {member: team for teams in said for team, members in teams.items() for member in members}

    @cached_property
    def tiered(self) -> bool:
        """Whether a running handoff can rise to another policy."""
        return len({version.policy.key for version in self.versions}) > 1

    @cached_property
    def activities(self) -> frozenset[str] | None:
        """The kinds of activity that some version's rule looks at; None: all of them."""
        needed: set[str] = set()
        for version in self.versions:
            for rule in version.policy.rules:
                kinds = activities_needed(rule)
                if kinds is None:
                    return None
                needed |= kinds
        return frozenset(needed)

    @cached_property
    def memory(self) -> timedelta | None:
        """How long an activity can matter; None: for ever."""
        windows = [longest_window(rule) for version in self.versions for rule in version.policy.rules]
        return None if None in windows or not windows else max(w for w in windows if w is not None)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a checkpoint folded under other versions can no longer be continued."""
        text = FOLD + "\n".join(f"{v.id} {v.effective_from} {v.policy.model_dump_json()}" for v in self.versions)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


def _in_force(versions: Sequence[PolicyVersion], at: datetime) -> tuple[PolicyVersion, ...]:
    return tuple(version for version in _newest(versions, at) if version.policy.enabled)


def _newest(versions: Sequence[PolicyVersion], at: datetime) -> list[PolicyVersion]:
    """Of each policy the version of that moment, in the order in which they are tried."""
    newest = {v.policy.key: v for v in versions if (v.effective_from or BEGINNING) <= at}
    return sorted(newest.values(), key=lambda v: v.policy.order)
