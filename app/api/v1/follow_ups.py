"""Follow-ups recorded by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Header, Query, Response
from pydantic import ConfigDict, Field, RootModel

from app.api.auth import Writer
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Moment, Nothing, Shown, Word, Written, WrittenId
from app.api.v1 import shapes
from app.api.v1.shapes import Handoff, shown
from app.flows import follow_ups, lists
from app.flows.follow_ups import Entry
from connectors.contract import EventKind, Outcome

router = noun("/follow-ups", "Follow-ups")


class _Entry(Written):
    lead_id: WrittenId = Field(description="Whom it is about.", examples=[512])
    occurred_at: Moment | None = Field(
        None, description="When it happened; left out: now.", examples=["2026-09-19T16:30:00+09:00"]
    )
    by: Word | None = Field(None, description="Who did it; left out: the token's name.", examples=["田中 舞"])


class Contact(_Entry):
    """Somebody spoke or wrote to the lead."""

    kind: Literal["follow_up"]
    channel: Literal["call", "email", "meeting", "other"]
    outcome: Word | None = Field(None, description="What came of it, in your words.", examples=["つながった"])
    subject: Word | None = Field(None, description="What it was about.", examples=["料金のご案内"])


class Decision(_Entry):
    """Sales decided about the lead."""

    kind: Literal["disposition"]
    outcome: Outcome
    reason: Word | None = Field(
        None, description="Why; needed for rejected, recycled and disqualified.", examples=["予算が来期"]
    )


class FollowUp(RootModel[Annotated[Contact | Decision, Field(discriminator="kind")]]):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "follow_up",
                    "lead_id": 512,
                    "channel": "call",
                    "occurred_at": "2026-09-19T16:30:00+09:00",
                    "by": "田中 舞",
                    "outcome": "つながった",
                },
                {"kind": "disposition", "lead_id": 512, "outcome": "recycled", "reason": "予算が来期"},
            ]
        }
    )


class Recorded(Shown):
    event_id: str
    lead_id: int
    occurred_at: datetime
    new: bool = Field(description="false: it was recorded before under the same Idempotency-Key.")
    handoff: Handoff | None = Field(description="The lead's newest handoff as it stands now; null: there is none.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "0d4be1a1c2f34bb59c4d8a6f2b7e9c30",
                    "lead_id": 512,
                    "occurred_at": "2026-09-19T07:30:00Z",
                    "new": True,
                    "handoff": shapes.EXAMPLE,
                }
            ]
        }
    )


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Your id of this entry: sent again with the same key, it is recorded once.",
        examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ),
]


@router.post("", status_code=201, operation_id="record_follow_up")
def record_follow_up(
    body: FollowUp,
    token: Writer,
    state: Here,
    response: Response,
    _: Annotated[Nothing, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Recorded:
    """Record what sales did outside the tools; the handoff's verdict follows at once."""
    now = state.clock()
    entry = _entry(body.root, by=token.name, key=f"{token.name}:{idempotency_key}" if idempotency_key else None)
    with state.database.write() as c:
        recorded = follow_ups.record(c, entry, state.versions.read(c), now)
        handoff = lists.newest_handoff(c, entry.lead_id)
    if handoff:
        response.headers["Location"] = f"/v1/handoffs/{handoff.id}/explain"
    return Recorded(
        event_id=recorded.event_id,
        lead_id=entry.lead_id,
        occurred_at=recorded.occurred_at,
        new=recorded.new,
        handoff=shown(handoff, state.settings.public_url) if handoff else None,
    )


def _entry(said: Contact | Decision, *, by: str, key: str | None) -> Entry:
    data: dict[str, Any] = said.model_dump(mode="json", exclude={"lead_id", "occurred_at", "by", "kind"})
    if isinstance(said, Contact):
        data["automated"] = False
    return Entry(said.lead_id, EventKind(said.kind), data, said.by or by, said.occurred_at, key)
