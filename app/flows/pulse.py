"""Whether anything about a meeting has changed since somebody looked: one row, read along indexes."""

from __future__ import annotations

from sqlalchemy import Connection, func, select
from sqlalchemy.sql import literal

from app.flows.letters import subject
from app.models import ActionStep, Alert, Meeting, MeetingEntry


def read(c: Connection, key: str, number: int) -> str:
    """Another word after every entry, freeze, closing, delivery and step of an action item; the same until then."""
    mine = (Meeting.series_key == key, Meeting.number == number)
    row = c.execute(select(Meeting.id, Meeting.frozen_at, Meeting.closed_at).where(*mine)).first()
    if row is None:
        return f"0-{c.scalar(select(func.max(ActionStep.id))) or 0}"
    said = select(func.max(MeetingEntry.id)).where(MeetingEntry.meeting_id == row.id)
    told = select(func.count()).where(Alert.subject == subject(row.id), Alert.state != "owed")
    stepped = select(func.max(ActionStep.id))
    newest = c.execute(
        select(said.scalar_subquery(), stepped.scalar_subquery(), told.scalar_subquery(), literal(1))
    ).one()
    stage = "c" if row.closed_at else "f" if row.frozen_at else "d"
    return f"{newest[0] or 0}-{newest[1] or 0}-{newest[2]}{stage}"
