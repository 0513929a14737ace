"""What the pages show of one meeting: read in one go, nothing counted anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.domain.agreement import AlertReason
from app.domain.checklist import Mark, Point
from app.domain.run import Stage
from app.domain.series import Meeting as Date
from app.domain.series import Series
from app.flows import actions, letters, meetings, preparation, pulse, record
from app.flows.record import NoSuchMeeting, Record
from app.pages import papers
from app.pages.document import Document
from app.pages.document import read as read_paper
from app.pages.meeting_words import state_of
from app.pages.rendering import Reader
from app.pages.words import Status
from app.state import State


@dataclass(frozen=True, slots=True)
class Sight:
    """One meeting as it stands."""

    key: str
    number: int
    series: Series
    start: datetime
    end: datetime
    state: Status
    #: None: it is planned and nothing has been prepared yet.
    found: Record | None
    #: The agenda: live until it is frozen, then as it was shown. None: the meeting was never prepared to its end.
    paper: Document | None
    points: Sequence[Point]
    #: Action items that it goes through, open ones first.
    owed: Sequence[Any]
    sent: Sequence[Any]
    pulse: str

    @property
    def path(self) -> str:
        return f"/meetings/{self.key}/{self.number}"

    @property
    def stage(self) -> Stage:
        return self.found.run.stage if self.found else Stage.COMING

    @property
    def frozen_at(self) -> datetime | None:
        return self.found.row.frozen_at if self.found else None

    @property
    def done(self) -> int:
        """Points of the checklist that are fulfilled, or counted so."""
        return sum(point.mark is not Mark.OPEN for point in self.points)

    @property
    def pre_read(self) -> Any:
        return letters.shared(self.sent, AlertReason.AGENDA)


def read(c: Connection, state: State, key: str, number: int, reader: Reader) -> Sight:
    """Raises NoSuchMeeting."""
    found, coming = drafted(c, key, number, reader.now), _coming(c, key, number, reader.now)
    if found is None and coming is None:
        raise NoSuchMeeting(number)
    series, start, end = _planned(found, coming)
    paper = _paper(c, state, found, coming is not None, key, reader)
    return Sight(
        key=key,
        number=number,
        series=series,
        start=start,
        end=end,
        state=state_of(found.row if found else None, found.run.stage if found else None),
        found=found,
        paper=paper,
        points=preparation.checklist(c, found) if found else (),
        owed=actions.for_meeting(c, key, paper.since if paper else start - timedelta(days=7)),
        sent=letters.delivered(c, found.row.id) if found else (),
        pulse=pulse.read(c, key, number),
    )


def drafted(c: Connection, key: str, number: int, now: datetime) -> Record | None:
    try:
        return record.read(c, key, number, now)
    except NoSuchMeeting:
        return None


def _coming(c: Connection, key: str, number: int, now: datetime) -> tuple[Series, Date] | None:
    """None: it is not the next one of its series."""
    try:
        stored = meetings.read_series(c, key)
        following = stored.next_meeting(now)
    except (meetings.NoSuchSeries, meetings.NoMeetingAhead):
        return None
    return (stored.series, following) if following.number == number else None


def _planned(found: Record | None, coming: tuple[Series, Date] | None) -> tuple[Series, datetime, datetime]:
    """What is frozen stands; before that the series may still be changed."""
    if coming and not (found and found.row.frozen_at):
        return coming[0], coming[1].start, coming[1].end
    assert found is not None
    return found.series, found.row.starts_at, found.row.ends_at


def _paper(
    c: Connection, state: State, found: Record | None, coming: bool, key: str, reader: Reader
) -> Document | None:
    ended = found is not None and found.run.stage is Stage.CLOSED
    if coming and not ended:
        return papers.next_agenda(c, state.settings, reader.now, key, reader.locale)
    kept = found.row.agenda if found else None
    return read_paper(kept[reader.locale]) if kept else None
