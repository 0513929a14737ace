"""Sources that are asked: their past page by page, and what is new at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import ConfigDict, Field

from app.api.auth import Admin, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.problems import Problem
from app.api.schemas import Nothing, Shown, Written
from app.api.v1.sources import Name
from app.domain.roles import Right
from app.flows import administer, lists, tools
from app.flows import backfill as flow
from app.flows.backfill import Reading

router = noun("/sources", "Sources", sees=Right.ADMINISTER)

Asked = Annotated[Nothing, Query()]
EXAMPLE: dict[str, Any] = {
    "source": "hubspot",
    "state": "reading",
    "since": "2026-06-20T08:30:00Z",
    "until": "2026-09-18T08:30:00Z",
    "reached": "2026-08-01T02:14:00Z",
    "share": 0.4636,
    "pages": 112,
    "started_at": "2026-09-18T08:30:00Z",
    "done_at": None,
    "next_try_at": None,
    "error": None,
}


class Backfill(Shown):
    """How far a source's history has been read."""

    source: str
    state: Literal["reading", "waiting", "done"] = Field(description="waiting: the tool could not be asked just now.")
    since: datetime
    until: datetime
    reached: datetime = Field(description="Everything before it has been read.")
    share: float = Field(description="Of the time asked for: 0 to 1.")
    pages: int
    started_at: datetime
    done_at: datetime | None
    next_try_at: datetime | None = Field(description="When the tool is asked again, after an error.")
    error: str | None = Field(description="What the tool, or the way to it, said last.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class History(Written):
    days: int = Field(90, ge=1, le=flow.MOST_DAYS, description="How many days back.")
    again: bool = Field(False, description="Read once more what was read to its end.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"days": 90}]})


class Poll(Shown):
    """The tool will be asked for what is new."""

    source: str
    due_at: datetime

    model_config = ConfigDict(json_schema_extra={"examples": [{"source": "hubspot", "due_at": "2026-09-18T08:30:00Z"}]})


@router.post("/{name}/backfill", operation_id="backfill_source", status_code=202)
def backfill_source(
    name: Name, state: Here, token: Admin, response: Response, _: Asked, body: History | None = None
) -> Backfill:
    """Read the source's history from its tool, in the background; one that was not finished goes on."""
    now, wanted = state.clock(), body or History()
    source = tools.polled_source(state.directory, name, now)
    with state.database.write() as c:
        reading = flow.begin(c, source, wanted.days, now, by=token.name, again=wanted.again)
    response.headers["Location"] = f"/v1/sources/{name}/backfill"
    return _shown(name, reading)


@router.get("/{name}/backfill", operation_id="get_backfill", dependencies=[reads])
def get_backfill(name: Name, state: Here, _: Asked) -> Backfill:
    """How far the source's history has been read."""
    with state.database.read() as c:
        reading = flow.reading_of(c, lists.source_id(c, name))
    if reading is None:
        raise Problem(404, "not_found", "Nobody has asked for the history of {name} yet.", values={"name": name})
    return _shown(name, reading)


@router.post("/{name}/poll", operation_id="poll_source", status_code=202)
def poll_source(name: Name, token: Admin, state: Here, _: Asked) -> Poll:
    """Ask the source's tool for what is new within seconds, not only when its turn comes."""
    now = state.clock()
    source = tools.polled_source(state.directory, name, now)
    with state.database.write() as c:
        administer.poll_source(c, administer.Admin(token.name, now), source)
    return Poll(source=name, due_at=now)


def _shown(name: str, reading: Reading) -> Backfill:
    return Backfill(
        source=name,
        state=reading.state,
        since=reading.since,
        until=reading.until,
        reached=reading.reached,
        share=round(reading.share, 4),
        pages=reading.pages,
        started_at=reading.started_at,
        done_at=reading.done_at,
        next_try_at=reading.turn_at if reading.error else None,
        error=reading.error,
    )
