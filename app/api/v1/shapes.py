"""How a handoff looks wherever it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from app.api.schemas import Shown
from app.domain.agreement import Duty
from app.domain.clock import Verdict
from app.domain.episode import ChangeKind, episode_from_json

LEAD_EXAMPLE: dict[str, Any] = {
    "id": 512,
    "name": "佐藤 翔太",
    "company": "山田製作所",
    "url": "https://sfa.example.jp/leads/00Q5i000001Abcd",
}
EXAMPLE: dict[str, Any] = {
    "id": 812,
    "duty": "follow_up",
    "number": 1,
    "lead": LEAD_EXAMPLE,
    "verdict": "at_risk",
    "verdict_at": "2026-09-19T02:30:00Z",
    "policy": {"key": "mql", "version": 3},
    "qualified_at": "2026-09-18T08:30:00Z",
    "visible_at": "2026-09-18T08:30:04Z",
    "due_at": "2026-09-19T08:30:00Z",
    "warn_at": "2026-09-19T02:30:00Z",
    "owner": {"id": "0055i000001TaNA", "name": "田中 舞"},
    "assigned_at": "2026-09-18T08:33:10Z",
    "paused_until": None,
    "acknowledged_until": None,
    "burst_id": None,
    "first_touch": None,
    "outcome": None,
    "outcome_reason": None,
    "void_reason": None,
    "updated_at": "2026-09-19T02:30:12Z",
    "links": {
        "self": "/v1/handoffs/812",
        "explain": "/v1/handoffs/812/explain",
        "page": "https://tasuki.example.com/handoffs/812",
    },
}


class LeadRef(Shown):
    id: int
    name: str | None
    company: str | None
    url: str | None = Field(description="The record in the SFA.")


class PolicyRef(Shown):
    key: str
    version: int


class Owner(Shown):
    id: str = Field(description="The tool's id or name of the user.")
    name: str | None


class Touch(Shown):
    """The follow-up that stopped the clock."""

    at: datetime
    kind: str = Field(description="call, email, meeting, other, opportunity, disposition:<outcome>, status:<status>")
    by: str | None
    received_at: datetime


class HandoffLinks(Shown):
    self: str
    explain: str
    page: str


class Handoff(Shown):
    """One MQL handed to sales, with its clock; or another duty that came of it."""

    id: int
    duty: Duty = Field(
        description="follow_up: sales follows up; next_response: sales answers a lead that came back; answer, brief:"
        " marketing answers a rejection, hands over a complete brief."
    )
    number: int = Field(description="1 for the lead's first handoff, 2 after a recycling, …")
    lead: LeadRef
    verdict: Verdict
    verdict_at: datetime = Field(description="When the verdict became true: for a breach the deadline itself.")
    policy: PolicyRef
    qualified_at: datetime
    visible_at: datetime = Field(description="When Tasuki could know.")
    due_at: datetime
    warn_at: datetime | None
    owner: Owner | None
    assigned_at: datetime | None
    paused_until: datetime | None = Field(description="The end of the newest pause, also of one that is over.")
    acknowledged_until: datetime | None = Field(description="Somebody is on it: no reminders until then.")
    burst_id: int | None = Field(description="The burst that it qualified in.")
    first_touch: Touch | None
    outcome: str | None
    outcome_reason: str | None
    void_reason: str | None
    updated_at: datetime
    links: HandoffLinks

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


def shown(row: Any, public_url: str) -> Handoff:
    """A row of `lists.handoffs`."""
    episode = episode_from_json(row.episode)
    touch = episode.touch
    return Handoff(
        id=row.id,
        duty=Duty(row.duty),
        number=row.number,
        lead=LeadRef(id=row.lead_id, name=row.lead_name, company=row.company, url=row.url),
        verdict=Verdict(row.verdict),
        verdict_at=row.verdict_at,
        policy=PolicyRef(key=row.policy_key, version=row.policy_version),
        qualified_at=row.qualified_at,
        visible_at=row.visible_at,
        due_at=row.due_at,
        warn_at=row.warn_at,
        owner=Owner(id=row.owner, name=episode.owner_name) if row.owner else None,
        assigned_at=episode.assigned_at,
        paused_until=max((c.until for c in episode.changes if c.kind is ChangeKind.PAUSE and c.until), default=None),
        acknowledged_until=episode.acknowledged_until,
        burst_id=row.burst_id,
        first_touch=Touch(at=touch.at, kind=touch.kind, by=touch.by, received_at=touch.received_at) if touch else None,
        outcome=episode.outcome,
        outcome_reason=episode.outcome_reason,
        void_reason=episode.void_reason,
        updated_at=row.updated_at,
        links=_links(row.id, public_url),
    )


def _links(handoff_id: int, public_url: str) -> HandoffLinks:
    here = f"/v1/handoffs/{handoff_id}"
    return HandoffLinks(self=here, explain=f"{here}/explain", page=f"{public_url}/handoffs/{handoff_id}")
