"""Whether a series can be held as agreed beside all the others; asked in the transaction that saves it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from app.domain.booking import Held, check_apart, check_first, check_template
from app.domain.series import Series, meetings
from app.flows import templates
from app.flows.meetings import AHEAD, all_series
from app.flows.policies import newest_calendar


def check(c: Connection, key: str, series: Series, calendar_key: str, now: datetime) -> None:
    """Raises NoSuchCalendar, Refused."""
    templates.lock(c)
    _, _, calendar = newest_calendar(c, calendar_key)
    stored = {each.key: each for each in all_series(c)}
    before = stored.pop(key, None)

    check_first(series.first, before.series.first if before else None, now.astimezone(series.zone).date())
    check_template(series, templates.of_series(c, series))
    others = [Held(each.series, meetings(each.series, each.calendar, now, AHEAD)) for each in stored.values()]
    check_apart(Held(series, meetings(series, calendar, now, AHEAD)), others)
