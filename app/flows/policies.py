"""Versions of policies and calendars: reading them, and adding the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from app.domain.calendar import Calendar, japanese_office, with_public_holidays
from app.domain.policy import Policies, Policy, PolicyVersion, default_policy
from app.domain.proposal import Proposal, propose
from app.models import CalendarVersion
from app.models import PolicyVersion as PolicyRow

#: Public holidays are written into a calendar version for these years around the one in which it is made.
YEARS_BACK, YEARS_AHEAD = 2, 3


#: The advisory lock of whoever publishes on PostgreSQL; any number that nothing else uses.
PUBLISHING = 7_472


class NoSuchCalendar(LookupError):
    """A policy names a calendar that does not exist."""


def lock(c: Connection) -> None:
    """Two people who publish at once do it one after the other."""
    if c.dialect.name == "postgresql":
        c.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PUBLISHING})


def all_versions(c: Connection) -> Policies:
    """Every version of every policy with the calendar versions it was made with."""
    columns = ("id", "version", "document", "effective_from", "calendar_id", "calendar_ids")
    rows = c.execute(select(*(getattr(PolicyRow, name) for name in columns))).all()
    calendars = _calendars(c, {key for row in rows for key in (row.calendar_id, *row.calendar_ids.values())})
    return Policies(_version(row, calendars) for row in rows)


#: Row id → (version, calendar). One object for all policies that use it: it remembers its windows.
Known = Mapping[int, tuple[int, Calendar]]


def _calendars(c: Connection, ids: set[int]) -> Known:
    table = CalendarVersion
    rows = c.execute(select(table.id, table.version, table.document).where(table.id.in_(sorted(ids))))
    return {row.id: (row.version, Calendar.model_validate(row.document)) for row in rows}


def _version(row: Any, calendars: Known) -> PolicyVersion:
    number, calendar = calendars[row.calendar_id]
    return PolicyVersion(
        id=row.id,
        version=row.version,
        policy=Policy.model_validate(row.document),
        calendar=calendar,
        calendar_version=number,
        effective_from=row.effective_from,
        calendars={key: calendars[row_id][1] for key, row_id in row.calendar_ids.items()},
    )


def still_all(c: Connection, known: Policies) -> Policies:
    """The versions, read again if there are more: somebody may have published since they were read."""
    count = c.scalar(select(func.count()).select_from(PolicyRow)) or 0
    return known if count == len(known.versions) else all_versions(c)


class Cache:
    """The versions as this process knows them; they never change, so how many there are and the newest one's moment
    say whether to read again."""

    def __init__(self) -> None:
        self._known: Any = None
        self._policies = Policies(())

    def read(self, c: Connection) -> Policies:
        known = c.execute(select(func.count(), func.max(PolicyRow.created_at)).select_from(PolicyRow)).one()
        if known != self._known:
            self._policies, self._known = all_versions(c), known
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
    return add_calendar(c, resolved(c, calendar, now), by=by, now=now)


def holiday_years(now: datetime) -> range:
    """Whose public holidays a calendar version made at `now` has."""
    return range(now.year - YEARS_BACK, now.year + YEARS_AHEAD + 1)


def proposal(c: Connection, key: str, now: datetime) -> tuple[int, Proposal]:
    """The calendar's newest version, and what today's list of public holidays would change. Raises NoSuchCalendar."""
    _, number, newest = newest_calendar(c, key)
    return number, propose(newest, holiday_years(now), now.astimezone(newest.zone).date())


def resolved(c: Connection, calendar: Calendar, now: datetime) -> Calendar:
    """With the public holidays of the years around `now`; those of other years stay as the newest version has them.

    Raises Refused for an unknown country or subdivision.
    """
    years = holiday_years(now)
    try:
        _, _, newest = newest_calendar(c, calendar.key)
    except NoSuchCalendar:
        newest = calendar
    if calendar.country and (calendar.country, calendar.subdivision) == (newest.country, newest.subdivision):
        kept = {day: name for day, name in newest.holidays.items() if day.year not in years}
        calendar = calendar.model_copy(update={"holidays": kept | calendar.holidays})
    return with_public_holidays(calendar, years)


def add_calendar(c: Connection, calendar: Calendar, *, by: str, now: datetime) -> int:
    """Add the calendar's next version as it is; returns the version."""
    version = _next(c, CalendarVersion, calendar.key)
    row = {
        "key": calendar.key,
        "version": version,
        "document": calendar.model_dump(mode="json"),
        "created_at": now,
        "created_by": by,
    }
    c.execute(insert(CalendarVersion).values(row))
    return version


def document_of(policy: Policy) -> dict[str, Any]:
    """As it is stored: without what is not said, except where saying nothing would mean something else."""
    document: dict[str, Any] = policy.model_dump(mode="json", by_alias=True, exclude_none=True)
    if policy.marketing.answer_hours is None:
        document["marketing"]["answer_hours"] = None
    return document


def calendars_of(policy: Policy) -> Sequence[str]:
    """Keys of the calendars that its owners' time is counted in, apart from its own."""
    return sorted(set(policy.owner_calendars.values()))


def apply_policy(
    c: Connection, policy: Policy, *, by: str, now: datetime, effective_from: datetime | None, note: str = ""
) -> int:
    """Add the policy's next version, on the newest versions of its calendars; returns the version.

    Handoffs that run keep the version they started under. Raises NoSuchCalendar.
    """
    calendar_id, _, _ = newest_calendar(c, policy.calendar)
    version = _next(c, PolicyRow, policy.key)
    row = {
        "key": policy.key,
        "version": version,
        "document": document_of(policy),
        "calendar_id": calendar_id,
        "calendar_ids": {key: newest_calendar(c, key)[0] for key in calendars_of(policy)},
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
