"""What happens by itself around a meeting: the draft, the frozen agenda, the minutes.

What is shown is read and put into words outside of any transaction that writes; it is frozen only if nobody was faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, select

from app.db import Database
from app.domain import checklist as points
from app.domain.action import StepKind
from app.domain.agreement import AlertReason
from app.domain.ahead import draft_from, share_by
from app.domain.checklist import Evidence, Point
from app.domain.refusals import refused
from app.domain.run import Entry, Said, Stage, read_run
from app.domain.series import Meeting as Date
from app.flows import actions, agendas, audit, letters, meetings, record, reviews, templates
from app.flows.actions import Person
from app.flows.agendas import Prepared
from app.flows.meetings import NoMeetingAhead, StoredSeries
from app.flows.record import NoSuchMeeting, Record
from app.models import ActionStep, Meeting, Silence, Source
from app.notify.contract import Message
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Written:
    """A paper in every language, as JSON, and the message about it."""

    papers: Mapping[str, Any]
    letter: Message


@dataclass(frozen=True, slots=True)
class Closing:
    """What a meeting came to."""

    record: Record
    #: Earlier action items of which somebody said how they stand, since the draft or in the meeting.
    answered: Sequence[Any]
    #: The action items that it made, and what it proposed for the SLA.
    made: Sequence[Any]
    proposals: Sequence[Any]


class Words(Protocol):
    """Who puts papers into words (app.pages.papers)."""

    def agenda(self, shown: Prepared, settings: Settings) -> Written: ...

    def minutes(self, held: Closing, settings: Settings) -> Written: ...


# --- before


def turn(database: Database, settings: Settings, words: Words, now: datetime) -> int:
    """Draft and freeze what is due; returns how many agendas were frozen."""
    with database.read() as c:
        known = meetings.all_series(c)
    return sum(_prepare(database, settings, words, stored, now) for stored in known)


def _prepare(database: Database, settings: Settings, words: Words, stored: StoredSeries, now: datetime) -> bool:
    try:
        meeting = stored.next_meeting(now)
    except NoMeetingAhead:
        return False
    if now >= draft_from(stored.series, stored.calendar, meeting):
        drafted(database, stored, meeting, now)
    return now >= share_by(stored.series, stored.calendar, meeting) and _freeze(database, settings, words, stored, now)


def drafted(database: Database, stored: StoredSeries, meeting: Date, now: datetime) -> None:
    """The meeting has a row; the owners of open action items are asked, once."""
    with database.read() as c:
        if _exists(c, stored.key, meeting.number):
            return
    with database.write() as c:
        version, template = templates.template_for(c, stored, meeting.number)
        row, new = record.draft(c, stored, meeting, template, version, now)
        if new:
            letters.owe(c, row.id, AlertReason.STANDING, letters.owners(c, stored.series, stored.key), now)


def _exists(c: Connection, key: str, number: int, *more: Any) -> bool:
    mine = (Meeting.series_key == key, Meeting.number == number, *more)
    return c.scalar(select(Meeting.id).where(*mine)) is not None


def _freeze(database: Database, settings: Settings, words: Words, stored: StoredSeries, now: datetime) -> bool:
    """Whether this call froze it."""
    meeting = stored.next_meeting(now)
    with database.read() as c:
        if _exists(c, stored.key, meeting.number, Meeting.frozen_at.is_not(None)):
            return False
        shown, silent = agendas.prepare(c, settings, now, stored.key), _silent(c)
    written = words.agenda(shown, settings)
    kept = {
        "agenda": dict(written.papers),
        "silent": silent,
        "completeness": shown.completeness,
        "letters": {AlertReason.AGENDA.value: letters.to_json(written.letter)},
    }
    with database.write() as c:
        new = record.freeze(c, stored, meeting, shown.template, shown.template_version, kept, now)
        if new:
            found = record.read(c, stored.key, meeting.number, now)
            to = letters.attendees(found.series, found.run)
            letters.owe(c, found.row.id, AlertReason.AGENDA, to, now)
    return new


def _silent(c: Connection) -> list[str]:
    lasting = select(Source.name).join(Silence, Silence.source_id == Source.id).where(Silence.until.is_(None))
    return sorted(set(c.execute(lasting).scalars()))


def ready(database: Database, settings: Settings, words: Words, key: str, number: int, now: datetime) -> None:
    """The meeting is drafted and frozen, by this call if need be.

    Raises NoSuchSeries, NoMeetingAhead, NoSuchMeeting.
    """
    with database.read() as c:
        if _exists(c, key, number, Meeting.frozen_at.is_not(None)):
            return
        stored = meetings.read_series(c, key)
    _is_next(stored, number, now)
    drafted(database, stored, stored.next_meeting(now), now)
    _freeze(database, settings, words, stored, now)


def begun(database: Database, key: str, number: int, now: datetime) -> None:
    """The meeting has a row, so that something can be said of it. Raises like `ready`."""
    with database.read() as c:
        if _exists(c, key, number):
            return
        stored = meetings.read_series(c, key)
    _is_next(stored, number, now)
    drafted(database, stored, stored.next_meeting(now), now)


def _is_next(stored: StoredSeries, number: int, now: datetime) -> None:
    if stored.next_meeting(now).number != number:
        raise NoSuchMeeting(number)


# --- after

#: Why it cannot be closed; message ids.
NOT_RUNNING = {Stage.COMING: "Start the meeting first.", Stage.CLOSED: "The meeting is closed already."}


def close(
    database: Database, settings: Settings, words: Words, person: Person, key: str, number: int, note: str
) -> None:
    """The minutes stand and go to everybody. With a note it closes whatever is missing.

    Raises Refused, NoSuchMeeting.
    """
    said = Entry(0, person.now, person.by, Said.CLOSED, text=note.strip())
    while not _closed(database, settings, words, said, key, number):
        pass


def _closed(database: Database, settings: Settings, words: Words, said: Entry, key: str, number: int) -> bool:
    """False: somebody said something while the minutes were written; they are written again."""
    with database.read() as c:
        found = record.read(c, key, number, said.at)
        if found.run.stage is not Stage.RUNNING:
            message = (
                "The meeting is closed already." if found.run.stage is Stage.CLOSED else "Start the meeting first."
            )
            raise refused("", "not_now", message)
        points.check_closing(evidence(c, found), said.text)
        heard = record.entries(c, found.row.id)
        ended = replace(found, run=read_run([*heard, said], said.at))
        held = closing(c, ended)
    written = words.minutes(held, settings)
    with database.write() as c:
        again = record.read(c, key, number, said.at, lock=True)
        if len(record.entries(c, again.row.id)) != len(heard):
            return False
        letter = {AlertReason.MINUTES.value: letters.to_json(written.letter)}
        record.close(c, again, said, written.papers, letter)
        letters.owe(c, again.row.id, AlertReason.MINUTES, letters.attendees(again.series, again.run), said.at)
        audit.write(
            c, said.at, by=said.by, action="meeting.closed", subject=f"meeting:{key}#{number}",
            before=None, after={"override": said.text or None},
        )  # fmt: skip
    return True


def closing(c: Connection, found: Record) -> Closing:
    row = found.row
    proposals = [p for p in reviews.listed(c, series_key=row.series_key) if p.meeting_number == row.number]
    answered = actions.answered(c, row.series_key, row.number, row.drafted_at)
    return Closing(found, answered, record.made(c, row.series_key, row.number), proposals[::-1])


# --- the checklist

#: What says how an open item stands.
ANSWERS = (StepKind.REPORTED.value, StepKind.CARRIED.value, StepKind.REOPENED.value)


def evidence(c: Connection, found: Record) -> Evidence:
    row = found.row
    told = letters.delivered(c, row.id)
    return Evidence(
        number=row.number,
        template=found.template,
        run=found.run,
        share_by=row.share_by,
        agenda=letters.shared(told, AlertReason.AGENDA),
        minutes=letters.shared(told, AlertReason.MINUTES),
        frozen_at=row.frozen_at,
        silent=tuple(row.silent or ()),
        unanswered=tuple(_unanswered(c, found)),
        made=len(record.made(c, row.series_key, row.number)),
        completeness=row.completeness,
    )


def checklist(c: Connection, found: Record) -> list[Point]:
    return points.checklist(evidence(c, found))


def _unanswered(c: Connection, found: Record) -> list[int]:
    """Open items from before that were due by this meeting, and of which nobody said anything since the draft."""
    row = found.row
    day = row.starts_at.astimezone(found.series.zone).date()
    due = [item.id for item in actions.open_before(c, row.series_key, row.number) if item.due_on <= day]
    said = select(ActionStep.action_id).where(ActionStep.action_id.in_(due), ActionStep.at >= row.drafted_at)
    answered = set(c.execute(said.where(ActionStep.kind.in_(ANSWERS))).scalars())
    return [number for number in due if number not in answered]
