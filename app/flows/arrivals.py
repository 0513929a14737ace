"""When leads become MQL: by half hours of the period, in one pass."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, literal, select

from app.domain.kpi import Kpi
from app.flows.cases import MICRO, Asked, cases
from app.models.columns import UtcTime, micros_between

#: Calendars open and close at full and half hours.
STEP = timedelta(minutes=30)


def by_half_hour(c: Connection, asked: Asked) -> Counter[datetime]:
    """Beginning of the half hour, in the zone of the period → MQLs that began in it."""
    rows = cases(Kpi.MQLS, asked).counted().subquery()
    place = micros_between(literal(asked.since, UtcTime()), rows.c.began_at) // (STEP // MICRO)
    placed = select(place.label("place")).subquery()
    counted = select(placed.c.place, func.count()).group_by(placed.c.place)
    zone, since = asked.since.tzinfo, asked.since.astimezone(UTC)  # time goes on evenly in UTC alone
    return Counter({(since + STEP * int(n)).astimezone(zone): count for n, count in c.execute(counted)})
