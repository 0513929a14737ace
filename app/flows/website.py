"""Visits to the website as they were reported: a day's rows are replaced, never added to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select, text

from app.domain.channel import channel_written
from app.domain.website import Visit, Visits
from app.flows import audit, channels
from app.models import WebDay

#: The advisory lock of whoever replaces days on PostgreSQL; any number that nothing else uses.
REPLACING = 7_481
By = Literal["day", "page", "campaign", "channel"]


@dataclass(frozen=True, slots=True)
class Group:
    """The visits of one day, page, campaign or channel."""

    #: None: not named; of a channel: not known.
    name: str | None
    visits: Visits


def replace(c: Connection, days: Mapping[date, Sequence[Visit]], *, by: str, now: datetime) -> None:
    """These rows are all that is known of each of the days; a day without rows is forgotten."""
    if c.dialect.name == "postgresql":
        c.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": REPLACING})
    first, last = min(days), max(days)
    before = _counted(c, days)
    c.execute(delete(WebDay).where(WebDay.day.in_(sorted(days))))
    columns = {"page", "campaign", "channel", "sessions", "users", "conversions"}
    rows = [{"day": day, **visit.model_dump(include=columns)} for day, visits in days.items() for visit in visits]
    if rows:
        c.execute(insert(WebDay), rows)
    subject = f"web_visits:{first}" if first == last else f"web_visits:{first}..{last}"
    audit.write(c, now, by=by, action="web_visits.set", subject=subject, before=before, after=_counted(c, days))


def _counted(c: Connection, days: Mapping[date, Sequence[Visit]]) -> dict[str, Any] | None:
    """How much is known of the days, for the audit log; None: nothing."""
    rows, sessions, conversions = c.execute(
        select(func.count(), func.sum(WebDay.sessions), func.sum(WebDay.conversions)).where(
            WebDay.day.in_(sorted(days))
        )
    ).one()
    return {"rows": rows, "sessions": int(sessions), "conversions": int(conversions)} if rows else None


def rows_of(c: Connection, day: date) -> Sequence[Any]:
    """The rows of that day."""
    order = (WebDay.sessions.desc(), WebDay.page, WebDay.campaign, WebDay.channel)
    return c.execute(select(WebDay.__table__).where(WebDay.day == day).order_by(*order)).all()


def totals(c: Connection, first: date, last: date) -> Visits:
    """Of all days from `first` to `last`, both included."""
    return _visits(c.execute(_sums(first, last)).one())


def grouped(c: Connection, first: date, last: date, by: By) -> list[Group]:
    """Days in order, anything else with most sessions first."""
    column = getattr(WebDay, by)
    if by == "channel":
        return _by_channel(c, first, last)
    rows = c.execute(_sums(first, last).add_columns(column.label("name")).group_by(column).order_by(column)).all()
    groups = [Group(str(row.name) or None, _visits(row)) for row in rows]
    return groups if by == "day" else _most_first(groups)


def _by_channel(c: Connection, first: date, last: date) -> list[Group]:
    """Words of one channel are put together day by day, so that a day counts once."""
    mapping = channels.mapping(c)
    per_day = _sums(first, last).add_columns(WebDay.day, WebDay.channel).group_by(WebDay.day, WebDay.channel)
    told: dict[str | None, list[Any]] = {}
    for row in c.execute(per_day):
        told.setdefault(channel_written(row.channel, mapping), []).append(row)
    return _most_first([Group(name, _together(rows)) for name, rows in told.items()])


def _together(rows: Sequence[Any]) -> Visits:
    found = [_visits(row) for row in rows]
    users = [visits.users for visits in found]
    return Visits(
        sessions=sum(visits.sessions for visits in found),
        users=None if None in users else sum(number or 0 for number in users),
        conversions=sum(visits.conversions for visits in found),
        days_with_data=len({row.day for row in rows}),
    )


def _most_first(groups: list[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.visits.sessions, group.name or ""))


def _sums(first: date, last: date) -> Any:
    return select(
        func.coalesce(func.sum(WebDay.sessions), 0).label("sessions"),
        func.sum(WebDay.users).label("users"),
        (func.count() - func.count(WebDay.users)).label("without_users"),
        func.coalesce(func.sum(WebDay.conversions), 0).label("conversions"),
        func.count(WebDay.day.distinct()).label("days"),
    ).where(WebDay.day >= first, WebDay.day <= last)


def _visits(row: Any) -> Visits:
    users = None if row.without_users or row.users is None else int(row.users)
    return Visits(int(row.sessions), users, int(row.conversions), row.days)
