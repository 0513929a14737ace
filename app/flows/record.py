"""One meeting's record: drafted, frozen, said entry by entry, closed. What was shown and said is never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.domain import run as decide
from app.domain.ahead import share_by
from app.domain.health import Held
from app.domain.refusals import refused
from app.domain.run import Entry, Presence, Run, Said
from app.domain.series import Meeting as Date
from app.domain.series import Series
from app.domain.statistics import Share
from app.domain.template import Role, Template
from app.flows import audit
from app.flows.actions import Person
from app.flows.lists import Key, Page, page
from app.flows.meetings import StoredSeries
from app.models import ActionItem, Meeting, MeetingEntry

#: Meetings that a look back shows.
LOOK_BACK = 8
#: Who began a meeting and never closed it means the next one by now; the old one can still be closed by its number.
FORGOTTEN = timedelta(hours=24)
#: What goes on with an item where nobody says which.
ABOUT_THE_ITEM = frozenset({Said.NOTE, Said.DECISION, Said.TASK, Said.PARKED, Said.NOTHING, Said.EXTENDED})
#: Without whom nothing should be decided about the SLA.
QUORUM = {
    Role.SALES_LEAD: "The head of sales is absent: better put off changes of the SLA.",
    Role.MARKETING_LEAD: "The head of marketing is absent: better put off changes of the SLA.",
}


class NoSuchMeeting(LookupError):
    """No meeting of that number has been drafted in the series."""


@dataclass(frozen=True, slots=True)
class Record:
    """A meeting's row with what it says."""

    row: Any
    series: Series
    template: Template
    run: Run

    @property
    def items(self) -> int:
        return len(self.template.items)


def draft(
    c: Connection, stored: StoredSeries, meeting: Date, template: Template, version: int, now: datetime
) -> tuple[Any, bool]:
    """The meeting's row, and whether it is new."""
    dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
    row = _as_planned(stored, meeting, template, version) | {
        "series_key": stored.key,
        "number": meeting.number,
        "drafted_at": now,
        "letters": {},
    }
    new = c.execute(dialect.insert(Meeting).values(row).on_conflict_do_nothing().returning(Meeting.id)).first()
    return find(c, stored.key, meeting.number), new is not None


def _as_planned(stored: StoredSeries, meeting: Date, template: Template, version: int) -> dict[str, Any]:
    return {
        "starts_at": meeting.start,
        "ends_at": meeting.end,
        "series": stored.series.model_dump(mode="json"),
        "template": template.model_dump(mode="json"),
        "template_version": version,
        "share_by": share_by(stored.series, stored.calendar, meeting),
    }


def freeze(
    c: Connection,
    stored: StoredSeries,
    meeting: Date,
    template: Template,
    version: int,
    shown: Mapping[str, Any],
    now: datetime,
) -> bool:
    """What the agenda shows from now on: `agenda`, `silent`, `completeness`, `letters`. False: it is frozen already."""
    frozen = _as_planned(stored, meeting, template, version) | {"frozen_at": now} | dict(shown)
    mine = (Meeting.series_key == stored.key, Meeting.number == meeting.number, Meeting.frozen_at.is_(None))
    return c.execute(update(Meeting).where(*mine).values(frozen)).rowcount == 1


def hints(found: Record) -> list[str]:
    """What speaks for being careful; message ids."""
    absent = {address for address, presence in found.run.presence.items() if presence is Presence.ABSENT}
    missing = {each.role for each in found.series.attendees if each.email.lower() in absent}
    return [said for role, said in QUORUM.items() if role in missing]


# --- saying


def say(c: Connection, person: Person, key: str, number: int, entry: Entry) -> Entry:
    """Write the entry as said by this person now. Raises Refused, NoSuchMeeting."""
    found = read(c, key, number, person.now, lock=True)
    about = entry.item if entry.item is not None or entry.kind not in ABOUT_THE_ITEM else found.run.current
    said = replace(entry, at=person.now, by=person.by, item=about, text=entry.text.strip())
    decide.check(said, found.run, found.items)
    _check_attendee(said, found.series)
    written = write(c, found.row.id, said)
    told = {"entry": written.id, "item": said.item, "text": said.text, **said.data}
    after = {name: value for name, value in told.items() if value}
    action, subject = f"meeting.{said.kind.value}", f"meeting:{key}#{number}"
    audit.write(c, person.now, by=person.by, action=action, subject=subject, before=None, after=after)
    return written


def _check_attendee(said: Entry, series: Series) -> None:
    if said.kind is not Said.ATTENDANCE:
        return
    if said.data.get("email", "").lower() not in {each.email.lower() for each in series.attendees}:
        raise refused("/email", "unknown", "This is no attendee of the series.")
    if said.data.get("presence") not in set(Presence):
        raise refused("/presence", "needed", "Say whether they are present or absent.")


def write(c: Connection, meeting_id: int, said: Entry) -> Entry:
    row = {
        "meeting_id": meeting_id,
        "at": said.at,
        "by": said.by,
        "kind": said.kind.value,
        "item": said.item,
        "text": said.text,
        "data": dict(said.data),
    }
    number = c.execute(insert(MeetingEntry).values(row).returning(MeetingEntry.id)).scalar_one()
    if said.kind is Said.STARTED:
        c.execute(update(Meeting).where(Meeting.id == meeting_id).values(started_at=said.at))
    return replace(said, id=number)


def close(c: Connection, found: Record, said: Entry, minutes: Mapping[str, Any], letters: Mapping[str, Any]) -> None:
    """Its minutes stand from now on."""
    write(c, found.row.id, said)
    closed = {"closed_at": said.at, "minutes": dict(minutes), "letters": dict(found.row.letters) | dict(letters)}
    c.execute(update(Meeting).where(Meeting.id == found.row.id).values(closed))


# --- reading


def read(c: Connection, key: str, number: int, now: datetime, *, lock: bool = False) -> Record:
    """Raises NoSuchMeeting."""
    return of_row(c, find(c, key, number, lock=lock), now)


def of_row(c: Connection, row: Any, now: datetime) -> Record:
    series, template = Series.model_validate(row.series), Template.model_validate(row.template)
    return Record(row, series, template, decide.read_run(entries(c, row.id), now))


def find(c: Connection, key: str, number: int, *, lock: bool = False) -> Any:
    """Raises NoSuchMeeting."""
    query = select(Meeting.__table__).where(Meeting.series_key == key, Meeting.number == number)
    row = c.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NoSuchMeeting(number)
    return row


def entries(c: Connection, meeting_id: int) -> list[Entry]:
    rows = c.execute(
        select(MeetingEntry.__table__).where(MeetingEntry.meeting_id == meeting_id).order_by(MeetingEntry.id)
    )
    return [Entry(row.id, row.at, row.by, Said(row.kind), row.item, row.text, row.data) for row in rows]


def listed(c: Connection, key: str | None, after: Key | None, limit: int) -> Page:
    """Meetings that were drafted, the newest first."""
    query = select(Meeting.__table__)
    query = query if key is None else query.where(Meeting.series_key == key)
    return page(c, query, (Meeting.starts_at, Meeting.id), after, limit, newest_first=True)


def running(c: Connection, key: str, now: datetime) -> int | None:
    """The number of the meeting of the series that is being held, whatever its planned end was."""
    begun = Meeting.started_at > now - FORGOTTEN
    now_held = (Meeting.series_key == key, begun, Meeting.closed_at.is_(None))
    return c.scalar(select(func.max(Meeting.number)).where(*now_held))


def topics(c: Connection, key: str, number: int, now: datetime) -> tuple[Entry, ...]:
    """What people want to talk about in that meeting."""
    try:
        return tuple(read(c, key, number, now).run.of(Said.TOPIC))
    except NoSuchMeeting:
        return ()


def frozen_before(c: Connection, key: str, number: int) -> datetime | None:
    """When the agenda of the last meeting before that one was frozen."""
    before = (Meeting.series_key == key, Meeting.number < number, Meeting.frozen_at.is_not(None))
    return c.scalar(select(Meeting.frozen_at).where(*before).order_by(Meeting.number.desc()).limit(1))


def parked_before(c: Connection, key: str, number: int, now: datetime) -> tuple[Entry, ...]:
    """What the last meeting before that one put off."""
    closed = (Meeting.series_key == key, Meeting.number < number, Meeting.closed_at.is_not(None))
    row = c.execute(select(Meeting.__table__).where(*closed).order_by(Meeting.number.desc()).limit(1)).first()
    return tuple(of_row(c, row, now).run.of(Said.PARKED)) if row else ()


def held(c: Connection, key: str, now: datetime) -> tuple[Held, ...]:
    """The last meetings of the series that were closed, the first one first."""
    closed = select(Meeting.__table__).where(Meeting.series_key == key, Meeting.closed_at.is_not(None))
    rows = c.execute(closed.order_by(Meeting.number.desc()).limit(LOOK_BACK)).all()
    return tuple(_held(c, of_row(c, row, now)) for row in reversed(rows))


def _held(c: Connection, found: Record) -> Held:
    row, run = found.row, found.run
    states = made(c, row.series_key, row.number)
    began, ended = run.started_at or row.starts_at, run.closed_at or row.ends_at
    return Held(
        number=row.number,
        late=began - row.starts_at,
        overrun=(ended - began) - (row.ends_at - row.starts_at),
        decisions=len(run.of(Said.DECISION)),
        actions=Share(sum(each.state == "done" for each in states), len(states)),
        ratings=tuple(rated.data["rating"] for rated in run.ratings.values()),
        improvements=tuple(rated.text for rated in run.ratings.values() if rated.text),
    )


def made(c: Connection, key: str, number: int) -> Sequence[Any]:
    """The action items that a meeting made."""
    mine = (ActionItem.series_key == key, ActionItem.meeting_number == number)
    return c.execute(select(ActionItem.__table__).where(*mine).order_by(ActionItem.id)).all()
