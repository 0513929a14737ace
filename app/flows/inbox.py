"""What each source delivered: what lies in its inbox, and how much comes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from app.flows import lists
from app.flows.today import LOOKED_AT
from app.flows.tools import POLL
from app.models import Delivery, Source

#: States of deliveries that are not done with.
PENDING = ("waiting", "asking", "quarantined")
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rate:
    """Deliveries that the tool sent by itself; polls are ours."""

    last_day: int
    last_week: int
    #: So many came in from all sources that no more of them are counted.
    at_least: bool


def backlog(c: Connection) -> Mapping[str, Mapping[str, int]]:
    """Source → state → deliveries that are not done with; what is missing is none."""
    columns = (Source.name, Delivery.state, func.count().label("number"))
    query = select(*columns).join(Source, Source.id == Delivery.source_id).where(Delivery.state.in_(PENDING))
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in c.execute(query.group_by(Source.name, Delivery.state)):
        found[row.name][row.state] = row.number
    return found


def rate(c: Connection, name: str, now: datetime) -> Rate:
    """Among the newest LOOKED_AT deliveries of all sources. Raises NoSuchSource."""
    beyond = (c.scalar(select(func.max(Delivery.id))) or 0) - LOOKED_AT
    mine = Delivery.source_id == lists.source_id(c, name), Delivery.method != POLL
    count = select(
        func.count().filter(Delivery.received_at > now - DAY).label("last_day"),
        func.count().label("last_week"),
    ).where(Delivery.id > beyond, Delivery.received_at > now - WEEK, *mine)
    row = c.execute(count).one()
    edge = c.scalar(select(Delivery.received_at).where(Delivery.id == beyond)) if beyond > 0 else None
    return Rate(row.last_day, row.last_week, edge is not None and edge > now - WEEK)
