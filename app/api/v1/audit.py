"""The audit log: every change by a person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from app.api.auth import administers
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.schemas import Moment, Shown, Word
from app.domain.roles import Right
from app.flows import audit

router = noun("/audit", "Audit log", [administers], sees=Right.ADMINISTER)

EXAMPLE: dict[str, Any] = {
    "id": 1204,
    "at": "2026-09-25T02:10:00Z",
    "by": "revops",
    "action": "meeting_series.set",
    "subject": "meeting_series:default",
    "before": {"series": {"weekday": "thu", "time": "10:00"}, "calendar": "default"},
    "after": {"series": {"weekday": "fri", "time": "10:00"}, "calendar": "default"},
}


class AuditEntry(Shown):
    """A change: who, when, what, before and after."""

    id: int
    at: datetime
    by: str = Field(description="The token's name, `cli:` and who ran the command, or `tasuki`.")
    action: str
    subject: str
    before: dict[str, Any] | None = Field(description="null: there was nothing, or it is secret.")
    after: dict[str, Any] | None = Field(description="null: there is nothing any more, or it is secret.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class AuditAsked(Paged):
    by: Word | None = Field(None, description="Only what this token or person did.", examples=["revops"])
    action: Word | None = Field(None, description="Only this.", examples=["source.configured"])
    subject: Word | None = Field(None, description="Only what was done to this.", examples=["source:hubspot"])
    since: Moment | None = Field(None, description="At this moment or later.", examples=["2026-09-18T00:00:00Z"])


@router.get("", operation_id="list_audit_entries")
def list_audit_entries(
    asked: Annotated[AuditAsked, Query()], state: Here, request: Request, response: Response
) -> Page[AuditEntry]:
    """Changes by people, the newest first."""
    wanted = asked.model_dump(exclude={"limit", "cursor"})
    with state.database.read() as c:
        rows = audit.entries(c, **wanted, after=after(asked, int), limit=asked.limit)
    return page(request, response, rows, lambda row: AuditEntry.model_validate(row, from_attributes=True))
