"""Alerts: the messages that were owed, and what became of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.problems import Problem
from app.api.schemas import Id, Nothing, RowId, Shown
from app.domain.policy import AlertReason
from app.flows import administer, lists

router = noun("/alerts", "Alerts")

EXAMPLE: dict[str, Any] = {
    "id": 77,
    "handoff_id": 812,
    "reason": "breached",
    "channel": "email",
    "recipient": "owner",
    "state": "undeliverable",
    "owed_at": "2026-09-19T08:30:12Z",
    "next_try_at": None,
    "attempts": 1,
    "last_error": "the handoff has no owner with an e-mail address",
    "sent_at": None,
}


class AlertState(StrEnum):
    """asking: the SFA is asked first; withdrawn: sent, and taken back by another message; dropped: no longer true when
    its turn came; undeliverable: a person has to mend something, then retry."""

    ASKING = "asking"
    OWED = "owed"
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    DROPPED = "dropped"
    UNDELIVERABLE = "undeliverable"


class Alert(Shown):
    """A message owed, and why."""

    id: int
    handoff_id: int | None = Field(description="null: it is about a source or a burst.")
    reason: str = Field(description="As in the policy; the steps of an escalation are escalated_1, escalated_2, …")
    channel: str
    recipient: str = Field(description="As the policy says it.")
    state: AlertState
    owed_at: datetime
    next_try_at: datetime | None
    attempts: int
    last_error: str | None
    sent_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class AlertsAsked(Paged):
    state: list[AlertState] = Field([], description="One or several.", examples=[["undeliverable"]])
    reason: AlertReason | None = Field(None, examples=["breached"])
    handoff_id: Id | None = Field(None, examples=[812])


class Retried(Shown):
    retried: int = Field(description="How many alerts are owed again.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"retried": 3}]})


@router.get("", operation_id="list_alerts", dependencies=[reads])
def list_alerts(
    asked: Annotated[AlertsAsked, Query()], state: Here, request: Request, response: Response
) -> Page[Alert]:
    """Alerts, the newest first."""
    with state.database.read() as c:
        rows = lists.alerts(
            c,
            states=frozenset(each.value for each in asked.state),
            reason=asked.reason,
            handoff_id=asked.handoff_id,
            after=after(asked, int),
            limit=asked.limit,
        )
    return page(request, response, rows, _shown)


@router.get("/{alert_id}", operation_id="get_alert", dependencies=[reads])
def get_alert(alert_id: RowId, state: Here, _: Annotated[Nothing, Query()]) -> Alert:
    """One alert."""
    with state.database.read() as c:
        return _shown(lists.alert(c, alert_id))


@router.post(
    "/{alert_id}/retry",
    operation_id="retry_alert",
    responses={409: {"description": "It is not undeliverable."}},
)
def retry_alert(alert_id: RowId, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> Alert:
    """Owe an undeliverable alert again; it is sent if it is still true."""
    with state.database.write() as c:
        row = lists.alert(c, alert_id)
        if not administer.retry_alerts(c, administer.Admin(token.name, state.clock()), [alert_id]):
            raise Problem(
                409,
                "conflict",
                "Only undeliverable alerts are retried; this one is {state}.",
                values={"state": row.state},
            )
        return _shown(lists.alert(c, alert_id))


@router.post("/retry", operation_id="retry_alerts")
def retry_alerts(token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> Retried:
    """The same for all undeliverable alerts."""
    with state.database.write() as c:
        return Retried(retried=administer.retry_alerts(c, administer.Admin(token.name, state.clock())))


def _shown(row: Any) -> Alert:
    owed = row.state == AlertState.OWED
    return Alert(
        id=row.id,
        handoff_id=row.handoff_id,
        reason=AlertReason(row.reason),
        channel=row.channel,
        recipient=row.recipient,
        state=AlertState(row.state),
        owed_at=row.owed_at,
        next_try_at=row.not_before if owed else None,
        attempts=row.attempts,
        last_error=row.last_error,
        sent_at=row.sent_at,
    )
