"""How long before a meeting its draft is made and its agenda goes out."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.domain.calendar import Calendar, ClockKind
from app.domain.deadline import before_deadline, deadline
from app.domain.series import Meeting, Series, previous_meeting

#: The agenda is out this much open time ahead.
AHEAD = timedelta(hours=24)
#: The draft is made this long ahead, and this many open hours before the agenda goes out, so that owners can answer.
DRAFT_AHEAD, HOURS_TO_ANSWER = timedelta(days=3), 8


def share_by(series: Series, calendar: Calendar, meeting: Meeting) -> datetime:
    """When the agenda is frozen and sent. A week of holidays would put that before the last meeting: so not before
    owners had HOURS_TO_ANSWER after it."""
    wanted = before_deadline(meeting.start, AHEAD, ClockKind.BUSINESS_HOURS, calendar)
    last = previous_meeting(series, calendar, meeting)
    if last is None:
        return wanted
    soonest = deadline(last.end, ClockKind.BUSINESS_HOURS, HOURS_TO_ANSWER, calendar).due
    return min(max(wanted, soonest), meeting.start)


def draft_from(series: Series, calendar: Calendar, meeting: Meeting) -> datetime:
    """When the draft is made and owners are asked how their action items stand."""
    to_answer = timedelta(hours=HOURS_TO_ANSWER)
    out = share_by(series, calendar, meeting)
    return min(meeting.start - DRAFT_AHEAD, before_deadline(out, to_answer, ClockKind.BUSINESS_HOURS, calendar))
