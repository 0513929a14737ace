"""What people say by hand: follow-ups, decisions, pauses, answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query, Response
from pydantic import ConfigDict, Field, RootModel
from sqlalchemy import Connection

from app.api.auth import Writer
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Asked, Moment, Nothing, Shown, Word, Written, WrittenId
from app.api.v1 import shapes
from app.api.v1.shapes import Handoff, shown
from app.domain.roles import Right
from app.flows import follow_ups, lists
from app.flows.follow_ups import Entry
from app.state import State
from connectors.contract import EventKind, Outcome

router = noun("/follow-ups", "Follow-ups", changes=Right.WORK_LEADS)


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
        None,
        description="Why; needed for rejected (routing, incomplete, out_of_definition, duplicate), disqualified"
        " (unreachable, no_need, timing, no_budget, no_fit, competitor) and recycled (any text).",
        examples=["timing"],
    )
    detail: Word | None = Field(None, description="What else there is to say; needed for no_fit.")
    again_on: date | None = Field(
        None, description="From when on it makes sense to try again; needed for timing.", examples=["2026-10-15"]
    )


class Pause(_Entry):
    """The customer asked to wait: the clock stands still. It never heals a deadline that has passed."""

    kind: Literal["pause"]
    reason: Word = Field(description="Why.", examples=["20日に折り返しのご希望"])
    until: Moment | None = Field(
        None,
        description="Until when; left out: until somebody resumes, at most the policy's longest pause.",
        examples=["2026-09-25T10:00:00+09:00"],
    )


class Resume(_Entry):
    """The wait is over."""

    kind: Literal["resume"]


class Acknowledgement(_Entry):
    """Somebody is on it: reminders are held back for a while. The clock goes on."""

    kind: Literal["acknowledged"]
    until: Moment | None = Field(None, description="Until when; left out: as long as the policy says.")


class Reply(_Entry):
    """Marketing answers a rejection."""

    kind: Literal["answer"]
    text: Word | None = Field(None, description="What marketing makes of it.", examples=["定義を見直します"])


AnyAct = Contact | Decision | Pause | Resume | Acknowledgement | Reply


class FollowUp(RootModel[Annotated[AnyAct, Field(discriminator="kind")]]):
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
                {
                    "kind": "pause",
                    "lead_id": 512,
                    "reason": "20日に折り返しのご希望",
                    "until": "2026-09-25T10:00:00+09:00",
                },
            ]
        }
    )


class Recorded(Shown):
    event_id: str
    lead_id: int = Field(description="Whom it is about; another one than was named, if that was joined into it.")
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
        recorded = follow_ups.record(c, entry, state.versions.read(c), now, actor=token.name)
        stands = _stands(c, recorded, state)
    if stands.handoff:
        response.headers["Location"] = f"/v1/handoffs/{stands.handoff.id}/explain"
    return stands


class Revision(Written):
    """What to put right; what is left out stays as it was."""

    occurred_at: Moment | None = Field(None, description="When it really happened.")
    channel: Literal["call", "email", "meeting", "other"] | None = None
    outcome: Word | None = None
    subject: Word | None = None
    reason: Word | None = None
    detail: Word | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-09-19T16:10:00+09:00"}]})


EventId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$", description="`event_id` of the entry.", examples=["0d4be1a1c2f34bb59c4d8a6f2b7e9c30"]
    ),
]


@router.patch("/{event_id}", operation_id="revise_follow_up")
def revise_follow_up(
    event_id: EventId, body: Revision, token: Writer, state: Here, _: Annotated[Nothing, Query()]
) -> Recorded:
    """Put an entry right; the verdict follows, and what was said before stays in the ledger."""
    said = body.model_dump(mode="json", exclude={"occurred_at"}, exclude_none=True)
    with state.database.write() as c:
        policies = state.versions.read(c)
        recorded = follow_ups.revise(
            c, event_id, said, at=body.occurred_at, by=token.name, policies=policies, now=state.clock()
        )
        return _stands(c, recorded, state)


class Retraction(Asked):
    reason: Word | None = Field(None, description="Why.", examples=["別のリードの記録でした"])


@router.delete("/{event_id}", operation_id="retract_follow_up")
def retract_follow_up(
    event_id: EventId,
    token: Writer,
    state: Here,
    asked: Annotated[Retraction, Query()],
) -> Recorded:
    """Take an entry back; the verdict follows, and what was said stays in the ledger."""
    with state.database.write() as c:
        policies = state.versions.read(c)
        recorded = follow_ups.retract(
            c, event_id, by=token.name, reason=asked.reason, policies=policies, now=state.clock()
        )
        return _stands(c, recorded, state)


def _stands(c: Connection, recorded: follow_ups.Recorded, state: State) -> Recorded:
    lead_id = follow_ups.lead_of(c, recorded.event_id)
    handoff = lists.newest_handoff(c, lead_id)
    return Recorded(
        event_id=recorded.event_id,
        lead_id=lead_id,
        occurred_at=recorded.occurred_at,
        new=recorded.new,
        handoff=shown(handoff, state.settings.public_url) if handoff else None,
    )


def _entry(said: AnyAct, *, by: str, key: str | None) -> Entry:
    data: dict[str, Any] = said.model_dump(mode="json", exclude={"lead_id", "occurred_at", "by", "kind"})
    if isinstance(said, Contact):
        data["automated"] = False
    return Entry(said.lead_id, EventKind(said.kind), data, said.by or by, said.occurred_at, key)
