"""Health: alive, ready, and how far behind. Nothing personal, so no token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from app.api.here import Here
from app.api.problems import Problem
from app.api.schemas import Nothing, Shown, whole_seconds
from app.flows import schema, vital
from app.scheduler import LATE
from connectors import asking

router = APIRouter(prefix="/health", tags=["Health"])


class Live(Shown):
    status: Literal["live"]

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "live"}]})


class Ready(Shown):
    status: Literal["ready"]
    dark_feeds: int = Field(0, description="Sources that are silent for too long; left out when there is none.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready"}]})


class Job(Shown):
    """A job of the scheduler."""

    job: str
    beat_at: datetime = Field(description="When it last ended well.")
    lag_seconds: int
    late: bool = Field(description="It has not ended well for minutes.")
    failing: bool = Field(description="Its last turn failed; the log says why.")


class Queue(Shown):
    """What waits to be worked off."""

    count: int
    oldest_seconds: int | None = Field(description="null: nothing waits.")


EXAMPLE: dict[str, Any] = {
    "status": "well",
    "at": "2026-09-18T08:31:00Z",
    "dark_feeds": 0,
    "jobs": [{"job": "sweep", "beat_at": "2026-09-18T08:30:50Z", "lag_seconds": 10, "late": False, "failing": False}],
    "deliveries_waiting": {"count": 2, "oldest_seconds": 1},
    "deliveries_asking": {"count": 0, "oldest_seconds": None},
    "deliveries_quarantined": {"count": 0, "oldest_seconds": None},
    "alerts_owed": {"count": 1, "oldest_seconds": 4},
    "alerts_undeliverable": {"count": 0, "oldest_seconds": None},
    "circuits_open": 0,
}


class Health(Shown):
    status: Literal["well", "late"] = Field(description="late: a job has not ended well for minutes.")
    at: datetime
    dark_feeds: int = Field(description="Sources that are silent for too long or cannot be asked.")
    jobs: list[Job]
    deliveries_waiting: Queue
    deliveries_asking: Queue
    deliveries_quarantined: Queue
    alerts_owed: Queue
    alerts_undeliverable: Queue
    circuits_open: int = Field(
        description="Tools that this process leaves alone for a while, because their last answers all failed."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


@router.get("/live", operation_id="live")
async def live(_: Annotated[Nothing, Query()]) -> Live:
    """The process answers."""
    return Live(status="live")


@router.get("/ready", operation_id="ready", response_model_exclude_defaults=True)
def ready(state: Here, _: Annotated[Nothing, Query()]) -> Ready:
    """The database answers and has this program's schema; otherwise 503. A tool that is silent changes nothing."""
    with state.database.read() as c:
        if not schema.is_current(c):
            raise Problem(503, "unavailable", "The database does not have this program's schema.")
        return Ready(status="ready", dark_feeds=vital.dark_feeds(c))


@router.get("", operation_id="health")
def health(state: Here, _: Annotated[Nothing, Query()]) -> Health:
    """How far behind jobs, deliveries and alerts are."""
    now = state.clock()
    with state.database.read() as c:
        jobs = [_job(row, now) for row in vital.heartbeats(c)]
        deliveries = {name: _queue(vital.deliveries(c, name), now) for name in ("waiting", "asking", "quarantined")}
        alerts = {name: _queue(vital.alerts(c, name), now) for name in ("owed", "undeliverable")}
        dark_feeds = vital.dark_feeds(c)
    return Health(
        status="late" if any(job.late for job in jobs) else "well",
        at=now,
        dark_feeds=dark_feeds,
        jobs=jobs,
        deliveries_waiting=deliveries["waiting"],
        deliveries_asking=deliveries["asking"],
        deliveries_quarantined=deliveries["quarantined"],
        alerts_owed=alerts["owed"],
        alerts_undeliverable=alerts["undeliverable"],
        circuits_open=len(asking.CIRCUITS.open_ones()),
    )


def _job(row: Any, now: datetime) -> Job:
    lag = now - row.beat_at
    return Job(
        job=row.job,
        beat_at=row.beat_at,
        lag_seconds=whole_seconds(lag),
        late=lag > LATE,
        failing=row.error is not None,
    )


def _queue(found: vital.Queue, now: datetime) -> Queue:
    waited = max(0, whole_seconds(now - found.oldest)) if found.oldest else None
    return Queue(count=found.count, oldest_seconds=waited)
