"""Handoffs: in pages, one, and one explained."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from app.api.auth import reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.schemas import Id, Key, Moment, Nothing, RowId, Shown, Word, whole_seconds
from app.api.v1.explaining import explained
from app.api.v1.explanations import Explanation
from app.api.v1.shapes import EXAMPLE, Handoff, shown
from app.domain.agreement import Duty
from app.domain.clock import OPEN, Verdict
from app.flows import lists
from app.flows.dossier import NoSuchHandoff
from app.flows.explain import TimeLeft, explain, time_left
from app.flows.lists import HandoffFilter

router = noun("/handoffs", "Handoffs", [reads])


class Remaining(Shown):
    """Time until the deadline, negative after it; as the clock of the wall and of the policy count."""

    wall_seconds: int
    policy_seconds: int


class HandoffsAsked(Paged):
    duty: Duty = Field(Duty.FOLLOW_UP, description="What is owed, and by whom.", examples=["follow_up"])
    verdict: list[Verdict] = Field([], description="One or several.", examples=[["breached", "at_risk"]])
    owner: Word | None = Field(None, description="The owner's id.", examples=["0055i000001TaNA"])
    unowned: bool | None = Field(None, description="true: only handoffs that nobody owns; false: only owned ones.")
    policy: Key | None = Field(None, description="The policy's key.", examples=["mql"])
    lead_id: Id | None = Field(None, examples=[512])
    due_from: Moment | None = Field(None, description="Due at this moment or later.", examples=["2026-09-18T00:00:00Z"])
    due_before: Moment | None = Field(None, description="Due before it.", examples=["2026-09-25T00:00:00Z"])
    updated_since: Moment | None = Field(None, description="Changed since then.", examples=["2026-09-18T00:00:00Z"])

    def as_filter(self) -> HandoffFilter:
        named = self.model_dump(exclude={"limit", "cursor", "verdict"})
        return HandoffFilter(verdicts=frozenset(v.value for v in self.verdict), **named)


@router.get("", operation_id="list_handoffs")
def list_handoffs(
    asked: Annotated[HandoffsAsked, Query()], state: Here, request: Request, response: Response
) -> Page[Handoff]:
    """Handoffs by deadline, the earliest first."""
    with state.database.read() as c:
        rows = lists.handoffs(c, asked.as_filter(), after=after(asked, datetime, int), limit=asked.limit)
    return page(request, response, rows, lambda row: shown(row, state.settings.public_url))


class HandoffNow(Handoff):
    """A handoff and what is left of its time."""

    remaining: Remaining | None = Field(description="null: the clock does not run any more.")

    model_config = ConfigDict(
        json_schema_extra={"examples": [EXAMPLE | {"remaining": {"wall_seconds": 7800, "policy_seconds": 7800}}]}
    )


@router.get("/{handoff_id}", operation_id="get_handoff")
def get_handoff(handoff_id: RowId, _: Annotated[Nothing, Query()], state: Here) -> HandoffNow:
    """One handoff, with the time that is left."""
    now = state.clock()
    with state.database.read() as c:
        row = lists.handoff(c, handoff_id)
        if row is None:
            raise NoSuchHandoff(handoff_id)
        version = state.versions.read(c).by_id[row.policy_id]
    remaining = _remaining(time_left(version, row.due_at, now)) if row.verdict in OPEN else None
    return HandoffNow(**dict(shown(row, state.settings.public_url)), remaining=remaining)


def _remaining(left: TimeLeft) -> Remaining:
    return Remaining(wall_seconds=whole_seconds(left.wall), policy_seconds=whole_seconds(left.policy))


@router.get("/{handoff_id}/explain", operation_id="explain_handoff")
def explain_handoff(handoff_id: RowId, _: Annotated[Nothing, Query()], state: Here) -> Explanation:
    """Why it is so: the qualification, the deadline's receipt, what sales did, the owners, the verdicts, the alerts."""
    now = state.clock()
    with state.database.read() as c:
        found = explain(c, state.versions.read(c), handoff_id, now)
    return explained(found, shown(found.handoff, state.settings.public_url))
