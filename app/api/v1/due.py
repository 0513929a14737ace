"""When something that qualifies at a moment would be due, with the receipt."""

from __future__ import annotations

import difflib
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import ConfigDict, Field

from app.api.auth import reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Asked, Key, Moment, Shown
from app.api.v1 import explaining, explanations
from app.api.v1.explanations import Receipt
from app.api.v1.shapes import PolicyRef
from app.domain.policy import PolicyVersion
from app.domain.refusals import Refused, listed, refused
from app.domain.roles import Right
from app.flows.explain import Deadline, deadline_of, version_at

router = noun("/due", "Deadlines", [reads], sees=Right.SEE_FIGURES)

EXAMPLE: dict[str, Any] = {
    "policy": {"key": "mql", "version": 3},
    "start": "2026-09-18T08:30:00Z",
    "due_at": "2026-09-19T08:30:00Z",
    "warn_at": "2026-09-19T02:30:00Z",
    "receipt": explanations.EXAMPLE["receipt"],
}


class DueAsked(Asked):
    start: Moment = Field(description="When the lead qualifies.", examples=["2026-09-18T17:30:00+09:00"])
    policy: Key = Field(description="The policy's key; the version in force at `start` counts.", examples=["mql"])


class Due(Shown):
    """A deadline that would be, and how it is computed."""

    policy: PolicyRef
    start: datetime
    due_at: datetime
    warn_at: datetime | None
    receipt: Receipt

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


@router.get("", operation_id="compute_deadline")
def compute_deadline(asked: Annotated[DueAsked, Query()], state: Here) -> Due:
    """The deadline of a lead that would qualify at `start`, under the version in force then."""
    with state.database.read() as c:
        known = state.versions.read(c)
    version = version_at(known, asked.policy, asked.start)
    if version is None:
        raise _unknown(asked.policy, sorted({version.policy.key for version in known.versions}))
    return _shown(deadline_of(asked.start, version), version)


def _unknown(key: str, known: list[str]) -> Refused:
    message = "There is no policy {key}; there are {known}."
    (refusal,) = refused("parameter:policy", "unknown_policy", message, key=key, known=listed(known)).refusals
    near = difflib.get_close_matches(key, known, n=1)
    return Refused([replace(refusal, suggestion=near[0] if near else None)])


def _shown(computed: Deadline, version: PolicyVersion) -> Due:
    return Due(
        policy=PolicyRef(key=version.policy.key, version=version.version),
        start=computed.receipt.start,
        due_at=computed.terms.due_at,
        warn_at=computed.terms.warn_at,
        receipt=explaining.receipt(computed.receipt, version.calendar_version, computed.words),
    )
