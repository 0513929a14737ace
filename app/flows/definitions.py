"""How the company counts, in versions: what was shown once names the version that it was counted by."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from app.domain.kpi import Definition
from app.flows import audit
from app.models import KpiDefinition

#: Before anybody chose anything.
AS_SHIPPED = 0


class NoSuchDefinition(LookupError):
    """The definitions have no such version."""


def newest(c: Connection) -> tuple[int, Definition]:
    """The version in force; AS_SHIPPED while nobody has chosen."""
    row = c.execute(select(KpiDefinition.__table__).order_by(KpiDefinition.version.desc()).limit(1)).first()
    return (AS_SHIPPED, Definition()) if row is None else (row.version, Definition.model_validate(row.document))


def version(c: Connection, number: int) -> Definition:
    """Raises NoSuchDefinition."""
    if number == AS_SHIPPED:
        return Definition()
    document = c.scalar(select(KpiDefinition.document).where(KpiDefinition.version == number))
    if document is None:
        raise NoSuchDefinition(number)
    return Definition.model_validate(document)


def choose(c: Connection, chosen: Definition, *, by: str, now: datetime) -> int:
    """From now on it is counted like this; the number of the version. The same once more is no new one."""
    number, before = newest(c)
    if chosen == before:
        return number
    number = (c.scalar(select(func.max(KpiDefinition.version))) or AS_SHIPPED) + 1
    document = chosen.model_dump(mode="json")
    c.execute(insert(KpiDefinition).values(version=number, document=document, created_at=now, created_by=by))
    audit.write(
        c, now, by=by, action="kpis.defined", subject=f"kpis:{number}",
        before=before.model_dump(mode="json"), after=document,
    )  # fmt: skip
    return number
