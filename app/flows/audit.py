"""The audit log: every change by a person, with what was there before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

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
