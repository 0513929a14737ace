"""Files of visits and spend: read whole, and stored whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.db import Database
from app.domain import spend as spend_rows
from app.domain import website as visit_rows
from app.domain.channel import channel_written
from app.flows import channels, spend, website


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds."""

    rows: int
    #: The days, or the first days of the months, that it replaces.
    first: date
    last: date
    #: False: it was only read.
    stored: bool
    #: Words in its column of channels that mean no channel yet.
    unknown_channels: Sequence[str]


def visits(
    database: Database, content: bytes, *, by: str, now: datetime, today: date, dry_run: bool = False
) -> Imported:
    """Each day in the file is replaced. Raises Refused with every row that cannot be used."""
    days = visit_rows.read_sheet(content, today)
    if not dry_run:
        with database.write() as c:
            website.replace(c, days, by=by, now=now)
    return _told(database, days, stored=not dry_run)


def budget(
    database: Database, content: bytes, *, by: str, now: datetime, today: date, dry_run: bool = False
) -> Imported:
    """Each month in the file is replaced. Raises Refused with every row that cannot be used."""
    months = spend_rows.read_sheet(content, today)
    if not dry_run:
        with database.write() as c:
            spend.replace(c, months, by=by, now=now)
    return _told(database, months, stored=not dry_run)


def _told(database: Database, read: Mapping[date, Sequence[Any]], *, stored: bool) -> Imported:
    with database.read() as c:
        mapping = channels.mapping(c)
    words = {row.channel for rows in read.values() for row in rows if row.channel}
    unknown = sorted(word for word in words if channel_written(word, mapping) is None)
    return Imported(sum(map(len, read.values())), min(read), max(read), stored, unknown)
