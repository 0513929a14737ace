"""A fact of the ledger, and what one handoff is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from app.domain.agreement import Duty
from app.domain.rules import Finding
from connectors.contract import EventKind


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the ledger."""

    id: str
    kind: EventKind
    occurred_at: datetime
    received_at: datetime
    data: dict[str, Any]
    recorded_at: datetime | None = None
    #: The tool's record that it was read from; of one record the newest revision counts.
    record: str | None = None
    revised_at: datetime | None = None

    @property
    def place(self) -> tuple[datetime, str]:
        """Where the event stands in its lead's history; of one instant a cause stands before what came of it, whatever
        the ids are."""
        return (self.occurred_at, f"{_RANK.get(self.kind, _DECIDED)}{self.id}")

    @property
    def revision(self) -> tuple[datetime, str]:
        """Where it stands among the revisions of its record."""
        return (self.revised_at or self.received_at, self.id)


#: Facts of the same instant in this order: what makes a lead MQL, contact, decisions (all not named), replies to them.
_RANK = {
    EventKind.LEAD: 0,
    EventKind.OWNER: 1,
    EventKind.ACTIVITY: 2,
    EventKind.SCORE: 3,
    EventKind.FOLLOW_UP: 4,
    EventKind.ANSWER: 6,
}
_DECIDED = 5


@dataclass(frozen=True, slots=True)
class Touch:
    """A follow-up that counts."""

    at: datetime
    event_id: str
    #: call, email, meeting, other, opportunity, `disposition:<outcome>`, `status:<status>`; answer, brief
    kind: str
    by: str | None
    received_at: datetime
    #: When somebody wrote it down, if the tool tells.
    recorded_at: datetime | None = None


class ChangeKind(StrEnum):
    """What moves a running clock."""

    PAUSE = "pause"
    OWNER = "owner"
    #: A policy that is tried earlier came to hold, or holds no more.
    TIER = "tier"
    #: People moved it to another version.
    TERMS = "terms"
    #: A burst was staggered: it starts later.
    START = "start"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that moved the clock of an episode, in event time."""

    kind: ChangeKind
    at: datetime
    #: When Tasuki could know; pause: when it was set, which may be later than it begins.
    known_at: datetime
    #: pause: its end; start: the new start.
    until: datetime | None = None
    #: tier, terms: the version from then on.
    policy_id: int | None = None
    #: owner: the new one; None: nobody.
    owner: str | None = None
    #: pause: why.
    reason: str | None = None
    by: str | None = None
    #: pause: nobody said until when; it ends by itself.
    open_ended: bool = False


@dataclass(slots=True)
class Episode:
    """From becoming MQL to being met, returned or excluded; one handoff. Or a duty that came of it (`duty`)."""

    number: int
    policy_id: int
    #: When the clock starts.
    qualified_at: datetime
    #: When Tasuki could know: the last event that made it true was received.
    visible_at: datetime
    #: The event that completed the rule, or began the duty.
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
    duty: Duty = Duty.FOLLOW_UP
    #: In event time.
    changes: list[Change] = field(default_factory=list)
    acknowledged_by: str | None = None
    #: Until then nobody is reminded; the clock goes on.
    acknowledged_until: datetime | None = None
    #: The burst that it qualified in.
    burst: int | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Which of the lead's handoffs it is."""
        return (self.duty.value, self.number)

    @property
    def terms_id(self) -> int:
        """The policy version that it runs under now; `policy_id` is the one that it began under."""
        moved = [change.policy_id for change in self.changes if change.policy_id is not None]
        return moved[-1] if moved else self.policy_id


_episode = TypeAdapter(Episode)


def episode_as_json(episode: Episode) -> dict[str, Any]:
    kept: dict[str, Any] = _episode.dump_python(episode, mode="json")
    return kept


def episode_from_json(kept: dict[str, Any]) -> Episode:
    return _episode.validate_python(kept)


_changes = TypeAdapter(list[Change])


def changes_from_json(kept: list[Any]) -> list[Change]:
    """Of an episode that was kept, when nothing else of it is wanted."""
    return _changes.validate_python(kept)
