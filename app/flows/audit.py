"""The audit log: every change by a person, with what was there before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from app.flows.lists import Key, Page
from app.models import AuditEntry


def write(
    c: Connection,
    now: datetime,
    *,
    by: str,
    action: str,
    subject: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """In the transaction of the change itself. `before` and `after` are JSON without secrets; None: nothing was there.

    `by`: the token's name, `cli:<user>`, or `tasuki`. `action` like `policy.applied`, `subject` like `policy:mql`.
    """
    row = {"at": now, "by": by, "action": action, "subject": subject, "before": before, "after": after}
    c.execute(insert(AuditEntry).values(row))


def entries(
    c: Connection,
    *,
    by: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    after: Key | None = None,
    limit: int,
) -> Page:
    """The newest first; what is None is not asked for."""
    query = select(AuditEntry.__table__)
    for column, value in ((AuditEntry.by, by), (AuditEntry.action, action), (AuditEntry.subject, subject)):
        if value is not None:
            query = query.where(column == value)
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if after:
        query = query.where(AuditEntry.id < after[0])
    rows = c.execute(query.order_by(AuditEntry.id.desc()).limit(limit + 1)).all()
    return Page(rows[:limit], (rows[limit - 1].id,) if len(rows) > limit else None)
