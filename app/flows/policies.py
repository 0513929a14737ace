"""Versions of policies and calendars: reading them, and adding the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from app.domain.calendar import Calendar, japanese_office, with_public_holidays
from app.domain.policy import Policies, Policy, PolicyVersion, default_policy
from app.models import CalendarVersion
from app.models import PolicyVersion as PolicyRow

#: Public holidays are written into a calendar version for these years around the one in which it is made.
YEARS_BACK, YEARS_AHEAD = 2, 3


class NoSuchCalendar(LookupError):
    """A policy names a calendar that does not exist."""


def all_versions(c: Connection) -> Policies:
    """Every version of every policy with the calendar version it was made with."""
    rows = c.execute(
        select(
            PolicyRow.id,
            PolicyRow.version,
            PolicyRow.document,
            PolicyRow.effective_from,
            CalendarVersion.document.label("calendar"),
            CalendarVersion.version.label("calendar_version"),
        ).join(CalendarVersion, CalendarVersion.id == PolicyRow.calendar_id)
    )
    return Policies(_version(row) for row in rows)


def _version(row: Any) -> PolicyVersion:
    return PolicyVersion(
        id=row.id,
        version=row.version,
        policy=Policy.model_validate(row.document),
        calendar=Calendar.model_validate(row.calendar),
        calendar_version=row.calendar_version,
        effective_from=row.effective_from,
    )


class Cache:
    """The versions as this process knows them; they only grow, so their number says whether to read again."""

    def __init__(self) -> None:
        self._count = -1
        self._policies = Policies(())

    def read(self, c: Connection) -> Policies:
        count = c.scalar(select(func.count()).select_from(PolicyRow)) or 0
        if count != self._count:
            self._policies, self._count = all_versions(c), count
        return self._policies


def newest_calendar(c: Connection, key: str) -> tuple[int, int, Calendar]:
    """Row id, version and document of a calendar. Raises NoSuchCalendar."""
    row = c.execute(
        select(CalendarVersion.id, CalendarVersion.version, CalendarVersion.document)
        .where(CalendarVersion.key == key)
        .order_by(CalendarVersion.version.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NoSuchCalendar(key)
    return row.id, row.version, Calendar.model_validate(row.document)


def apply_calendar(c: Connection, calendar: Calendar, *, by: str, now: datetime) -> int:
    """Add the calendar's next version, its public holidays resolved; returns the version."""
    resolved = with_public_holidays(calendar, range(now.year - YEARS_BACK, now.year + YEARS_AHEAD + 1))
    version = _next(c, CalendarVersion, calendar.key)
    row = {
        "key": calendar.key,
        "version": version,
        "document": resolved.model_dump(mode="json"),
        "created_at": now,
        "created_by": by,
    }
    c.execute(insert(CalendarVersion).values(row))
    return version


def apply_policy(
    c: Connection, policy: Policy, *, by: str, now: datetime, effective_from: datetime | None, note: str = ""
) -> int:
    """Add the policy's next version, on the newest version of its calendar; returns the version.

    Handoffs that run keep the version they started under.
    """
    calendar_id, _, _ = newest_calendar(c, policy.calendar)
    version = _next(c, PolicyRow, policy.key)
    row = {
        "key": policy.key,
        "version": version,
        "document": policy.model_dump(mode="json", by_alias=True, exclude_none=True),
        "calendar_id": calendar_id,
        "effective_from": effective_from,
        "created_at": now,
        "created_by": by,
        "note": note,
    }
    c.execute(insert(PolicyRow).values(row))
    return version


def _next(c: Connection, table: type[CalendarVersion] | type[PolicyRow], key: str) -> int:
    newest = c.scalar(select(func.max(table.version)).where(table.key == key))
    return (newest or 0) + 1


def ensure_defaults(c: Connection, now: datetime) -> None:
    """A fresh database starts with the article's SLA on a Japanese office calendar."""
    if c.scalar(select(func.count()).select_from(CalendarVersion)) == 0:
        apply_calendar(c, japanese_office(), by="tasuki", now=now)
    if c.scalar(select(func.count()).select_from(PolicyRow)) == 0:
        apply_policy(c, default_policy(), by="tasuki", now=now, effective_from=None)
