"""Many leads at once: what was recognised, and how their deadlines are set."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Nothing, RowId, Shown, Written
from app.domain.roles import Right
from app.flows import bursts

router = noun("/bursts", "Bursts", changes=Right.ASSIGN)

Handling = Literal["normal", "stagger", "exclude"]
EXAMPLE: dict[str, Any] = {
    "id": 7,
    "source": "hubspot",
    "began_at": "2026-09-24T01:02:00Z",
    "ended_at": "2026-09-24T01:05:12Z",
    "leads": 312,
    "handling": "stagger",
    "noticed_at": "2026-09-24T01:05:20Z",
}


class BurstShown(Shown):
    """Leads of one source that qualified within minutes."""

    id: int
    source: str | None = Field(description="null: recorded by hand.")
    began_at: datetime
    ended_at: datetime = Field(description="When the last one so far qualified.")
    leads: int
    handling: Handling = Field(
        description="normal: due like any other; stagger: a share of them starts every business day; exclude: no clock."
    )
    noticed_at: datetime

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class Bursts(Shown):
    items: list[BurstShown]

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE]}]})


class Decision(Written):
    handling: Handling

    model_config = ConfigDict(json_schema_extra={"examples": [{"handling": "stagger"}]})


class Moved(Shown):
    moved: int = Field(description="Open handoffs whose deadline was set anew.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"moved": 298}]})


@router.get("", operation_id="list_bursts", dependencies=[reads])
def list_bursts(state: Here, _: Annotated[Nothing, Query()]) -> Bursts:
    """The newest bursts first, a hundred at most."""
    with state.database.read() as c:
        return Bursts(items=[BurstShown.model_validate(row._mapping, extra="ignore") for row in bursts.newest(c)])


@router.post("/{burst_id}/handling", operation_id="handle_burst")
def handle_burst(burst_id: RowId, body: Decision, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> Moved:
    """Time the open leads of a burst in another way. Excluded ones stay excluded."""
    with state.database.write() as c:
        policies = state.versions.read(c)
        moved = bursts.handle(c, burst_id, body.handling, by=token.name, policies=policies, now=state.clock())
    return Moved(moved=moved)
