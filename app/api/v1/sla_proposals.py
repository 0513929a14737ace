"""Changes of the SLA that meetings decided: proposed, then adopted as a version of the policy, or withdrawn."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from app.api.auth import Admin, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.schemas import Nothing, RowId, Shown
from app.domain.roles import Right
from app.flows import reviews

router = noun("/sla-proposals", "Meetings", sees=Right.SEE_FIGURES, changes=Right.AGREE)

EXAMPLE: dict[str, Any] = {
    "id": 2,
    "series": "default",
    "meeting": 4,
    "policy": "mql",
    "document": {"key": "mql", "target": 48},
    "effective_on": "2026-10-01",
    "review_on": "2026-11-05",
    "state": "proposed",
    "version": None,
    "decided_by": None,
    "decided_at": None,
}


class Proposal(Shown):
    """A change of the SLA that a meeting decided."""

    id: int
    series: str
    meeting: int
    policy: str
    document: dict[str, Any]
    effective_on: date
    review_on: date
    state: Literal["proposed", "adopted", "withdrawn"]
    version: int | None = Field(description="The version of the policy that it became.")
    decided_by: str | None
    decided_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


@router.get("", operation_id="list_sla_proposals", dependencies=[reads])
def list_proposals(state: Here, _: Annotated[Nothing, Query()]) -> Listing[Proposal]:
    """Changes of the SLA that meetings decided, the newest first."""
    with state.database.read() as c:
        return Listing(items=[_proposal(row) for row in reviews.listed(c)])


@router.post("/{proposal_id}/adopt", operation_id="adopt_sla_proposal")
def adopt(proposal_id: RowId, token: Admin, state: Here, _: Annotated[Nothing, Query()]) -> Proposal:
    """It becomes the next version of its policy, in force from its day on."""
    zone = state.settings.zone
    reviews.adopt(state.database, state.versions, proposal_id, zone, by=token.name, now=state.clock())
    with state.database.read() as c:
        return _proposal(reviews.read(c, proposal_id))


@router.post("/{proposal_id}/withdraw", operation_id="withdraw_sla_proposal")
def withdraw(proposal_id: RowId, token: Admin, state: Here, _: Annotated[Nothing, Query()]) -> Proposal:
    """It is not wanted any more."""
    with state.database.write() as c:
        reviews.withdraw(c, proposal_id, by=token.name, now=state.clock())
        return _proposal(reviews.read(c, proposal_id))


def _proposal(row: Any) -> Proposal:
    names = ("id", "document", "effective_on", "review_on", "state", "version", "decided_by", "decided_at")
    known = {name: getattr(row, name) for name in names}
    return Proposal(**known, series=row.series_key, meeting=row.meeting_number, policy=row.policy_key)
