"""The company's own agenda templates in versions, and by which template a meeting is held."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, insert, select, text

from app.domain.booking import check_users
from app.domain.refusals import refused
from app.domain.series import Series
from app.domain.template import KEY, Template, built_in, for_meeting
from app.flows import meetings
from app.flows.meetings import StoredSeries
from app.models import AgendaTemplate

if TYPE_CHECKING:
    from app.flows.administer import Admin

#: Version of what comes with Tasuki.
AS_SHIPPED = 0
#: The advisory lock of whoever changes series or templates on PostgreSQL; any number that nothing else uses.
AGREEING = 7_483


class NoSuchTemplate(LookupError):
    """The company has no template of that key."""


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """One version of a template."""

    key: str
    version: int
    template: Template
    created_at: datetime
    by: str


def lock(c: Connection) -> None:
    """Two people who agree on series and templates at once do it one after the other."""
    if c.dialect.name == "postgresql":
        c.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": AGREEING})


def all_templates(c: Connection) -> Sequence[StoredTemplate]:
    """The newest version of each, by key."""
    table = AgendaTemplate
    last = select(table.key, func.max(table.version).label("version")).group_by(table.key).subquery()
    same = (table.key == last.c.key) & (table.version == last.c.version)
    return [_stored(row) for row in c.execute(select(table.__table__).join(last, same).order_by(table.key))]


def newest(c: Connection, key: str) -> StoredTemplate:
    """The version by which the next meetings are held. Raises NoSuchTemplate."""
    return versions(c, key)[0]


def versions(c: Connection, key: str) -> Sequence[StoredTemplate]:
    """All of them, the newest first. Raises NoSuchTemplate."""
    found = _versions(c, key)
    if not found:
        raise NoSuchTemplate(key)
    return found


def users(c: Connection, key: str) -> Sequence[StoredSeries]:
    """The series that are held by the template."""
    return [stored for stored in meetings.all_series(c) if stored.series.template == key]


def check_key(key: str) -> None:
    """Raises Refused."""
    if not re.fullmatch(KEY, key):
        raise refused("/key", "string_pattern_mismatch", "Does not have the form {pattern}.", pattern=f"^{KEY}$")


def save(c: Connection, admin: Admin, key: str, template: Template) -> int:
    """The version by which the next meetings are held; the same once more is no new one. Raises Refused."""
    check_key(key)
    lock(c)
    check_users(template, [stored.series for stored in users(c, key)])
    before = next(iter(_versions(c, key)), None)
    was = before.template.model_dump(mode="json") if before else None
    document = template.model_dump(mode="json")
    if before and was == document:
        return before.version
    version = before.version + 1 if before else 1
    row = {"key": key, "version": version, "document": document, "created_at": admin.now, "by": admin.by}
    c.execute(insert(AgendaTemplate).values(row))
    admin.did(c, "agenda_template.set", f"agenda_template:{key}", was, document)
    return version


def of_series(c: Connection, series: Series) -> Template | None:
    """The company's template that the series names; None: it has none of that key."""
    found = next(iter(_versions(c, series.template)), None)
    return found.template if found else None


def template_for(c: Connection, stored: StoredSeries, number: int) -> tuple[int, Template]:
    """The version (AS_SHIPPED: what comes with Tasuki) by which meeting `number` of the series is held, and its items.

    Raises NoSuchTemplate.
    """
    if not stored.series.template:
        return AS_SHIPPED, for_meeting(built_in(stored.series.minutes), number)
    found = newest(c, stored.series.template)
    return found.version, for_meeting(found.template, number)


def _versions(c: Connection, key: str) -> Sequence[StoredTemplate]:
    query = select(AgendaTemplate.__table__).where(AgendaTemplate.key == key)
    return [_stored(row) for row in c.execute(query.order_by(AgendaTemplate.version.desc()))]


def _stored(row: Any) -> StoredTemplate:
    return StoredTemplate(row.key, row.version, Template.model_validate(row.document), row.created_at, row.by)
