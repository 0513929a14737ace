"""What is known of one lead as of its last event: what the fold of its ledger carries from event to event."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from app.domain.episode import Episode, Touch
from app.domain.rules import Activity, Scored


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
    #: The last contact of each kind and person outside an episode.
    contacts: dict[str, Touch] = field(default_factory=dict)
    #: Why sales took the lead out; None: it is in.
    excluded: str | None = None
    #: All episodes when read from the start; from a checkpoint, its last one and the newer.
    episodes: list[Episode] = field(default_factory=list)
    #: What came of them besides: all when read from the start; from a checkpoint, the open and the newest ones.
    duties: list[Episode] = field(default_factory=list)

    @property
    def running(self) -> Episode | None:
        """The episode that has not ended."""
        return self.episodes[-1] if self.episodes and self.episodes[-1].ended_at is None else None

    @property
    def handoffs(self) -> list[Episode]:
        """Episodes and duties: each is one handoff."""
        return [*self.episodes, *self.duties]


#: The checkpoint of a lead whose ledger has to be read from the start: who it is has changed.
STALE: dict[str, Any] = {"policies": "stale"}

_history = TypeAdapter(History)


def checkpoint(history: History) -> dict[str, Any]:
    """The history as JSON, with its last episode and what it is owed only: enough to go on from."""
    newest = {duty.duty: duty for duty in history.duties}
    open_or_newest = [duty for duty in history.duties if duty.touch is None or newest[duty.duty] is duty]
    kept: dict[str, Any] = _history.dump_python(
        replace(history, episodes=history.episodes[-1:], duties=open_or_newest), mode="json"
    )
    return kept


def from_checkpoint(kept: dict[str, Any]) -> History:
    return _history.validate_python(kept)
