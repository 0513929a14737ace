"""What sales wants in a brief, in versions: a score names the version that it was counted by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select

from app.domain.completeness import Wanted
from app.flows import audit
from app.models import BriefFields

#: Before anybody chose anything.
AS_SHIPPED = 0


def newest(c: Connection) -> tuple[int, Wanted]:
    """The version in force; AS_SHIPPED while nobody has chosen."""
    row = c.execute(select(BriefFields.__table__).order_by(BriefFields.version.desc()).limit(1)).first()
    return (AS_SHIPPED, Wanted()) if row is None else (row.version, Wanted.model_validate(row.document))


def choose(c: Connection, chosen: Wanted, *, by: str, now: datetime) -> int:
    """From now on this is wanted; the number of the version. The same once more is no new one."""
    number, before = newest(c)
    if chosen == before:
        return number
    document = chosen.model_dump(mode="json")
    c.execute(insert(BriefFields).values(version=number + 1, document=document, created_at=now, created_by=by))
    audit.write(
        c, now, by=by, action="brief.fields_set", subject=f"brief_fields:{number + 1}",
        before=before.model_dump(mode="json"), after=document,
    )  # fmt: skip
    return number + 1
