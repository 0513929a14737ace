"""Meetings as they are prepared, held and closed: what is said, by whom, and what the checklist makes of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from pydantic import AfterValidator, ConfigDict, Field

from app.api.auth import Writer, needs, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing, Page, Paged, after, page
from app.api.problems import locale_of
from app.api.schemas import Day, Key, Shown, Written, WrittenId, storable, whole_seconds
from app.api.v1.papers import InSeries, Number
from app.domain.checklist import Mark, Phase, Point
from app.domain.health import health
from app.domain.language import text
from app.domain.policy import BEGINNING
from app.domain.roles import Right
from app.domain.run import Entry, Presence, ReviewOutcome, Said, Stage
from app.domain.template import title_of
from app.flows import letters, preparation, record, sitting
from app.flows.actions import Person
from app.flows.record import Record
from app.flows.reviews import Wish
from app.flows.tokens import Token
from app.pages import papers
from app.pages.minutes import OUTCOMES
from app.state import State

router = noun("/meetings", "Meetings", changes=Right.HOLD_MEETINGS)

Words = Annotated[str, Field(max_length=4000), AfterValidator(storable)]
NOTE: dict[str, Any] = {
    "id": 41,
    "at": "2026-09-24T01:22:00Z",
    "by": "tanaka",
    "kind": "decision",
    "item": 3,
    "text": "未割当のMQLは当日中に営業責任者が割り当てる",
    "data": {},
}
MEETING: dict[str, Any] = {
    "series": "default",
    "number": 4,
    "start": "2026-09-24T01:00:00Z",
    "end": "2026-09-24T02:00:00Z",
    "stage": "running",
    "drafted_at": "2026-09-18T07:00:00Z",
    "share_by": "2026-09-18T07:00:00Z",
    "frozen_at": "2026-09-18T07:00:20Z",
    "started_at": "2026-09-24T01:01:00Z",
    "closed_at": None,
}
EXAMPLE: dict[str, Any] = MEETING | {
    "items": [
        {
            "number": 3,
            "title": "SLA違反と原因",
            "minutes": 12,
            "spent_seconds": 600,
            "left_seconds": 120,
            "current": True,
        }
    ],
    "overrun_seconds": 0,
    "hints": ["営業責任者が欠席のため、SLAの変更は保留をおすすめします。"],
    "entries": [NOTE],
    "actions": [7],
}
CHECK: dict[str, Any] = {
    "number": 14,
    "phase": "during",
    "title": "次回会議までのアクションアイテムを明確化する(担当者・期限・完了基準)",
    "mark": "open",
    "why": "アクションアイテムがありません",
    "note": None,
}


class Meeting(Shown):
    """A meeting from its draft on."""

    series: str
    number: int
    start: datetime
    end: datetime
    stage: Stage
    drafted_at: datetime
    share_by: datetime = Field(description="By when the agenda is out: 24 business hours ahead.")
    frozen_at: datetime | None
    started_at: datetime | None
    closed_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [MEETING]})


class ItemOnTheTable(Shown):
    number: int
    title: str
    minutes: int
    spent_seconds: int
    left_seconds: int = Field(description="Negative: over its time box.")
    current: bool


class Noted(Shown):
    """One thing that was said. Corrected ones show their last words."""

    id: int
    at: datetime
    by: str
    kind: Said
    item: int | None
    text: str
    data: dict[str, Any]

    model_config = ConfigDict(json_schema_extra={"examples": [NOTE]})


class MeetingFile(Meeting):
    """With its timer and everything that was said."""

    items: list[ItemOnTheTable]
    overrun_seconds: int = Field(description="How much longer than planned it takes so far.")
    hints: list[str]
    entries: list[Noted]
    actions: list[int] = Field(description="Numbers of the action items that it made.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class SlaChange(Written):
    """What is to be different, from when on, and when the meeting looks at what it did."""

    policy: Key = "mql"
    changes: dict[str, Any]
    effective_on: Day
    review_on: Day


#: What can be noted; the others have paths of their own.
Notable = Literal[
    Said.TOPIC, Said.VISITED, Said.EXTENDED, Said.NOTE, Said.NOTHING, Said.DECISION, Said.TASK, Said.PARKED,
    Said.ATTENDANCE, Said.RATED, Said.TICKED, Said.CORRECTED, Said.RETRACTED,
]  # fmt: skip


class EntryWritten(Written):
    """What is said. Which fields are needed depends on the kind."""

    kind: Notable
    item: Annotated[int, Field(ge=1, le=100)] | None = Field(None, description="null: the one on the table.")
    text: Words = ""
    email: Annotated[str, Field(max_length=320), AfterValidator(storable)] | None = Field(
        None, description="Of whom the attendance is."
    )
    presence: Presence | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    minutes: Annotated[int, Field(ge=1, le=60)] | None = Field(None, description="More time for the item.")
    point: Annotated[int, Field(ge=1, le=16)] | None = Field(None, description="Of the checklist.")
    entry: WrittenId | None = Field(None, description="Which entry is corrected or taken back.")
    sla: ReviewOutcome | None = Field(None, description="What the review of the SLA ended in.")
    sla_change: SlaChange | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "note", "item": 3, "text": "未割当は3件とも展示会のリード"},
                {
                    "kind": "decision",
                    "text": "期限を48時間にして1か月試す",
                    "sla": "pilot",
                    "sla_change": {
                        "policy": "mql",
                        "changes": {"target": 48},
                        "effective_on": "2026-10-01",
                        "review_on": "2026-11-05",
                    },
                },
                {"kind": "rated", "rating": 4, "text": "KPIの説明を短く"},
            ]
        }
    )

    def said(self) -> Entry:
        told = {"email": self.email, "presence": self.presence, "rating": self.rating, "point": self.point}
        told |= {"entry": self.entry, "sla": self.sla, "minutes": self.minutes}
        data = {name: str(v) if isinstance(v, str) else v for name, v in told.items() if v is not None}
        return Entry(0, BEGINNING, "", self.kind, self.item, self.text, data)


class Closed(Written):
    note: Words = Field("", description="Why it closes although something is missing; kept in the minutes.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": ""}, {"note": "完了基準は翌日までに決める"}]})


class Check(Shown):
    """A point of the checklist, ticked by evidence."""

    number: int
    phase: Phase
    title: str
    mark: Mark
    why: str
    note: str | None = Field(description="Why somebody counts it as done against the evidence.")

    model_config = ConfigDict(json_schema_extra={"examples": [CHECK]})


class Letter(Shown):
    """A message about the meeting, and whether it arrived."""

    reason: str
    channel: str
    recipient: str
    state: str
    sent_at: datetime | None
    error: str | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": "minutes",
                    "channel": "email",
                    "recipient": "tanaka@example.jp",
                    "state": "sent",
                    "sent_at": "2026-09-24T02:01:00Z",
                    "error": None,
                }
            ]
        }
    )


class Health(Shown):
    """How the last meetings went."""

    meetings: int
    in_time: int
    decisions: int
    actions_done: int
    actions: int
    rating: float | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"meetings": 6, "in_time": 5, "decisions": 11, "actions_done": 9, "actions": 12, "rating": 4.2}
            ]
        }
    )


class MeetingsAsked(Paged):
    series: Key | None = Field(None, description="Only of this series.")


@router.get("", operation_id="list_meetings", dependencies=[reads])
def list_meetings(
    asked: Annotated[MeetingsAsked, Query()], state: Here, request: Request, response: Response
) -> Page[Meeting]:
    """Meetings that were drafted, the newest first."""
    now = state.clock()
    with state.database.read() as c:
        found = record.listed(c, asked.series, after(asked, datetime, int), asked.limit)
        known = {row.id: record.of_row(c, row, now) for row in found.rows}
    return page(request, response, found, lambda row: Meeting(**_meeting(known[row.id])))


@router.get("/health", operation_id="meeting_health", dependencies=[needs(Right.SEE_FIGURES), reads])
def meeting_health(asked: InSeries, state: Here) -> Health:
    """Whether the meeting itself works: in time, deciding, its action items done, rated."""
    with state.database.read() as c:
        found = health(record.held(c, asked.series, state.clock()))
    return Health(
        meetings=found.meetings,
        in_time=found.in_time.part,
        decisions=found.decisions,
        actions_done=found.actions.part,
        actions=found.actions.whole,
        rating=found.rating,
    )


@router.get("/{number}", operation_id="get_meeting", dependencies=[reads])
def get_meeting(number: Number, asked: InSeries, state: Here, request: Request) -> MeetingFile:
    """One meeting with its timer and everything that was said."""
    return _file(state, request, asked.series, number)


@router.post("/{number}/start", operation_id="start_meeting")
def start_meeting(number: Number, asked: InSeries, token: Writer, state: Here, request: Request) -> MeetingFile:
    """The clock of its first item runs; an agenda that is not frozen yet is frozen now."""
    person = _person(token, state)
    preparation.ready(state.database, state.settings, papers, asked.series, number, person.now)
    with state.database.write() as c:
        record.say(c, person, asked.series, number, Entry(0, person.now, "", Said.STARTED, item=1))
    return _file(state, request, asked.series, number)


@router.post("/{number}/entries", operation_id="write_entry", status_code=201)
def write_entry(number: Number, body: EntryWritten, asked: InSeries, token: Writer, state: Here) -> Noted:
    """A note, a decision, a task, a rating … Nobody else's words change by it."""
    person = _person(token, state)
    preparation.begun(state.database, asked.series, number, person.now)
    said, change = body.said(), body.sla_change
    wish = Wish(change.policy, change.changes, change.effective_on, change.review_on) if change else None
    with state.database.write() as c:
        if said.kind is Said.DECISION:
            entry, _ = sitting.decide(c, person, asked.series, number, said, wish)
        else:
            entry = record.say(c, person, asked.series, number, said)
    return _noted(entry)


@router.post("/{number}/close", operation_id="close_meeting")
def close_meeting(
    number: Number, body: Closed, asked: InSeries, token: Writer, state: Here, request: Request
) -> MeetingFile:
    """The minutes stand and are sent. Refused while tasks are incomplete or due action items unanswered, unless a note
    says why."""
    preparation.close(state.database, state.settings, papers, _person(token, state), asked.series, number, body.note)
    return _file(state, request, asked.series, number)


@router.get("/{number}/checklist", operation_id="meeting_checklist", dependencies=[reads])
def checklist(number: Number, asked: InSeries, state: Here, request: Request) -> Listing[Check]:
    """The sixteen points, each with the evidence."""
    with state.database.read() as c:
        found = preparation.checklist(c, record.read(c, asked.series, number, state.clock()))
    return Listing(items=[_check(point, locale_of(request)) for point in found])


@router.get("/{number}/letters", operation_id="meeting_letters", dependencies=[reads])
def delivered(number: Number, asked: InSeries, state: Here) -> Listing[Letter]:
    """What was sent about it to whom, and what arrived."""
    with state.database.read() as c:
        rows = letters.delivered(c, record.find(c, asked.series, number).id)
    shown = [
        Letter(
            reason=row.reason, channel=row.channel, recipient=row.recipient, state=row.state, sent_at=row.sent_at,
            error=row.last_error,
        )
        for row in rows
    ]  # fmt: skip
    return Listing(items=shown)


def _file(state: State, request: Request, key: str, number: int) -> MeetingFile:
    now, locale = state.clock(), locale_of(request)
    with state.database.read() as c:
        found = record.read(c, key, number, now)
        made = record.made(c, key, number)
    return MeetingFile(
        **_meeting(found),
        items=_items(found, locale),
        overrun_seconds=whole_seconds(max(_overrun(found, now), timedelta())),
        hints=[text(locale, hint) for hint in record.hints(found)],
        entries=[_noted(entry) for entry in found.run.entries],
        actions=[row.id for row in made],
    )


def _overrun(found: Record, now: datetime) -> timedelta:
    planned: timedelta = found.row.ends_at - found.row.starts_at
    return (found.run.closed_at or now) - found.run.started_at - planned if found.run.started_at else timedelta()


def _items(found: Record, locale: str) -> list[ItemOnTheTable]:
    spent = found.run.spent
    return [
        ItemOnTheTable(
            number=number,
            title=title_of(box, locale),
            minutes=box.minutes,
            spent_seconds=whole_seconds(spent.get(number, timedelta())),
            left_seconds=whole_seconds(
                timedelta(minutes=box.minutes) + found.run.granted(number) - spent.get(number, timedelta())
            ),
            current=number == found.run.current,
        )
        for number, box in enumerate(found.template.items, 1)
    ]


def _meeting(found: Record) -> dict[str, Any]:
    row = found.row
    names = ("number", "drafted_at", "share_by", "frozen_at", "started_at", "closed_at")
    known = {name: getattr(row, name) for name in names}
    return known | {"series": row.series_key, "start": row.starts_at, "end": row.ends_at, "stage": found.run.stage}


def _noted(entry: Entry) -> Noted:
    return Noted(
        id=entry.id, at=entry.at, by=entry.by, kind=entry.kind, item=entry.item, text=entry.text, data=dict(entry.data)
    )


def _check(point: Point, locale: str) -> Check:
    values = dict(point.finding.values)
    if "outcome" in values:
        values["outcome"] = text(locale, OUTCOMES[values["outcome"]])
    return Check(
        number=point.number,
        phase=point.phase,
        title=text(locale, point.title),
        mark=point.mark,
        why=text(locale, point.finding.why, **values),
        note=point.override.text if point.override else None,
    )


def _person(token: Token, state: State) -> Person:
    now = state.clock()
    return Person(token.name, now, now.astimezone(state.settings.zone).date())
