"""Deliveries: what the tools sent, what became of it, and once more."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from app.api.auth import Writer, administers, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.schemas import Key, Nothing, RowId, Shown, Written
from app.domain.roles import Right
from app.flows import administer, lists

router = noun("/deliveries", "Deliveries", sees=Right.ADMINISTER)

EXAMPLE: dict[str, Any] = {
    "id": 90210,
    "source": "hubspot",
    "received_at": "2026-09-18T08:30:04Z",
    "state": "quarantined",
    "reasons": ["[0].propertyValue: `高い` is no score; send a number."],
    "bytes": 312,
    "attempts": 0,
    "next_try_at": None,
    "applied_at": "2026-09-18T08:30:05Z",
}


class DeliveryState(StrEnum):
    """waiting: for the ledger; asking: the tool, for what it left out; quarantined: not, or not wholly, understood."""

    WAITING = "waiting"
    ASKING = "asking"
    APPLIED = "applied"
    QUARANTINED = "quarantined"


class Delivery(Shown):
    """One webhook request as it arrived."""

    id: int
    source: str
    received_at: datetime
    state: DeliveryState
    reasons: list[str] = Field(description="Why it waits or is quarantined.")
    bytes: int
    attempts: int
    next_try_at: datetime | None
    applied_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class DeliveriesAsked(Paged):
    state: list[DeliveryState] = Field([], description="One or several.", examples=[["quarantined"]])
    source: Key | None = Field(None, description="The source's name.", examples=["hubspot"])


class Replay(Written):
    source: Key | None = Field(None, description="Only this source's; left out: every source's.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"source": "hubspot"}]})


class Replayed(Shown):
    replayed: int = Field(description="How many deliveries will be read again.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"replayed": 14}]})


@router.get("", operation_id="list_deliveries", dependencies=[reads])
def list_deliveries(
    asked: Annotated[DeliveriesAsked, Query()], state: Here, request: Request, response: Response
) -> Page[Delivery]:
    """Deliveries, the newest first."""
    with state.database.read() as c:
        rows = lists.deliveries(
            c,
            states=frozenset(each.value for each in asked.state),
            source=asked.source,
            after=after(asked, int),
            limit=asked.limit,
        )
    return page(request, response, rows, _shown)


@router.get("/{delivery_id}", operation_id="get_delivery", dependencies=[reads])
def get_delivery(delivery_id: RowId, state: Here, _: Annotated[Nothing, Query()]) -> Delivery:
    """One delivery and why it is where it is."""
    with state.database.read() as c:
        return _shown(lists.delivery(c, delivery_id))


@router.get(
    "/{delivery_id}/payload",
    operation_id="get_delivery_payload",
    dependencies=[administers],
    response_class=Response,
    responses={200: {"description": "The bytes.", "content": {"text/plain": {"example": '[{"eventId": 1}]'}}}},
)
def get_delivery_payload(delivery_id: RowId, state: Here, _: Annotated[Nothing, Query()]) -> Response:
    """The body as it was stored; it may hold personal data."""
    with state.database.read() as c:
        body = lists.payload(c, delivery_id)
    return Response(body, media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


@router.post("/{delivery_id}/replay", operation_id="replay_delivery", status_code=202)
def replay_delivery(delivery_id: RowId, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> Delivery:
    """Read this delivery again, after a mapping or a credential was mended. Known facts change nothing."""
    with state.database.write() as c:
        administer.replay(c, administer.Admin(token.name, state.clock()), delivery_id)
        row = lists.delivery(c, delivery_id)
    state.stored.set()
    return _shown(row)


@router.post("/replay", operation_id="replay_deliveries", status_code=202)
def replay_deliveries(
    token: Writer, state: Here, _: Annotated[Nothing, Query()], body: Replay | None = None
) -> Replayed:
    """Read everything in quarantine again, or what one source has there."""
    source = body.source if body else None
    with state.database.write() as c:
        count = administer.replay_quarantined(c, administer.Admin(token.name, state.clock()), source)
    state.stored.set()
    return Replayed(replayed=count)


def _shown(row: Any) -> Delivery:
    waits = row.state in (DeliveryState.WAITING, DeliveryState.ASKING)
    return Delivery(
        id=row.id,
        source=row.source,
        received_at=row.received_at,
        state=DeliveryState(row.state),
        reasons=row.reason.split("\n") if row.reason else [],
        bytes=row.bytes,
        attempts=row.attempts,
        next_try_at=row.not_before if waits else None,
        applied_at=row.applied_at,
    )
