"""The pages of meetings: all series, the preparation of one meeting, the meeting itself, its minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.action import STATES
from app.domain.checklist import Mark
from app.domain.run import Said, Stage
from app.domain.series import Meeting as Date
from app.domain.template import ROLE_NAMES
from app.flows import meetings, preparation, record
from app.flows.meetings import NoMeetingAhead, StoredSeries
from app.flows.policies import all_versions
from app.pages import formats, forms, meeting_sight, meeting_table, meeting_words, minutes_pages, papers
from app.pages.document import Document
from app.pages.forms import Attempt
from app.pages.meeting_routes import READS, MeetingPage, Number, SeriesKey
from app.pages.meeting_sight import Sight
from app.pages.meeting_words import ENTRIES
from app.pages.rendering import Reader, reader_of, render
from app.pages.routes import OWN_STYLES
from app.pages.words import Status
from app.state import State

router = APIRouter(route_class=MeetingPage, include_in_schema=False, dependencies=[READS])
#: Meetings that the list shows; older ones are counted by nobody.
PAST = 30


@dataclass(frozen=True, slots=True)
class Coming:
    """A series with its next meeting."""

    stored: StoredSeries
    #: None: its calendar leaves it no open day.
    meeting: Date | None
    state: Status
    #: Points of the checklist that are fulfilled; None: nothing was prepared yet.
    done: int | None


@dataclass(frozen=True, slots=True)
class Past:
    """What became of a meeting."""

    row: Any
    name: str
    state: Status
    decisions: int
    actions: int
    ratings: list[int]


@router.get("/meetings")
def all_meetings(request: Request) -> Response:
    """Every series with its next meeting, and what earlier ones came to."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        coming = [_coming(c, stored, reader) for stored in meetings.all_series(c)]
        ahead = {(each.stored.key, each.meeting.number) for each in coming if each.meeting}
        rows = record.listed(c, None, None, PAST).rows
        past = [_past(c, row, reader) for row in rows if (row.series_key, row.number) not in ahead or row.closed_at]
    return render(request, "meetings.html", coming=coming, past=past, said=meeting_words)


def _coming(c: Connection, stored: StoredSeries, reader: Reader) -> Coming:
    try:
        following = stored.next_meeting(reader.now)
    except NoMeetingAhead:
        return Coming(stored, None, meeting_words.PLANNED, None)
    found = meeting_sight.drafted(c, stored.key, following.number, reader.now)
    if found is None:
        return Coming(stored, following, meeting_words.PLANNED, None)
    done = sum(point.mark is not Mark.OPEN for point in preparation.checklist(c, found))
    return Coming(stored, following, meeting_words.state_of(found.row, found.run.stage), done)


def _past(c: Connection, row: Any, reader: Reader) -> Past:
    found = record.of_row(c, row, reader.now)
    return Past(
        row=row,
        name=found.series.name,
        state=meeting_words.state_of(row, found.run.stage),
        decisions=len(found.run.of(Said.DECISION)),
        actions=len(record.made(c, row.series_key, row.number)),
        ratings=[rated.data["rating"] for rated in found.run.ratings.values()],
    )


# --- before


@router.get("/meetings/{key}/{number:int}")
def meeting(request: Request, key: SeriesKey, number: Number) -> Response:
    """Its agenda with everything that is known, the checklist, who comes, and what is still owed to it."""
    return meeting_page(request, key, number)


def meeting_page(
    request: Request, key: str, number: int, attempt: Attempt = forms.NOTHING, status: int = 200
) -> Response:
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        sight = meeting_sight.read(c, state, key, number, reader)
    shown: dict[str, Any] = {"sight": sight, "attempt": attempt, "said": meeting_words}
    shown |= {"states": STATES, "roles": ROLE_NAMES}
    return render(request, "meeting.html", status, **shown, boxes=_boxes(sight.paper), hints=_hints(sight))


@dataclass(frozen=True, slots=True)
class Boxes:
    """Whether the time boxes make a meeting of it. Minutes."""

    total: int
    status: int

    @property
    def fit(self) -> bool:
        return 60 <= self.total <= 90

    @property
    def discusses(self) -> bool:
        """No more than a third of the time goes to reports."""
        return self.status * 3 <= self.total


def _boxes(paper: Document | None) -> Boxes | None:
    if paper is None:
        return None
    return Boxes(sum(i.minutes for i in paper.items), sum(i.minutes for i in paper.items if i.status))


def _hints(sight: Sight) -> list[str]:
    return record.hints(sight.found) if sight.found else []


@router.get("/meetings/{key}/{number:int}/{paper}.{form}")
def paper_along(request: Request, key: SeriesKey, number: Number, paper: str, form: str) -> Response:
    """The agenda or the minutes to take along."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    if paper not in ("agenda", "minutes") or form not in set(formats.Form):
        return render(request, "missing.html", 404)
    with state.database.read() as c:
        if paper == "minutes":
            shown = papers.kept(c, key, number, "minutes", reader.locale)
        elif (live := meeting_sight.read(c, state, key, number, reader).paper) is not None:
            shown = live
        else:
            raise papers.NotWritten(number)
    return written(request, shown, formats.Form(form))


def written(request: Request, paper: Document, form: formats.Form) -> Response:
    if form is formats.Form.HTML:
        fragment = Markup(formats.html(paper))  # noqa: S704 its template escapes
        answer: Response = render(request, "handout.html", title=paper.title, agenda=fragment)
        answer.headers.update(OWN_STYLES)
        return answer
    media = "text/plain" if form is formats.Form.MD else formats.MEDIA[form]
    return Response(formats.written(paper, form), media_type=media)


# --- in the meeting


@router.get("/meetings/{key}/{number:int}/run")
def meeting_mode(request: Request, key: SeriesKey, number: Number) -> Response:
    """One item a screen, for the projector."""
    return mode_page(request, key, number)


def mode_page(request: Request, key: str, number: int, attempt: Attempt = forms.NOTHING, status: int = 200) -> Response:
    """Before it begins: its preparation. After it: its minutes."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        found = record.read(c, key, number, reader.now)
        running = found.run.stage is Stage.RUNNING
        if not running and attempt.form:  # it was closed while they wrote: what they wrote is shown once more
            return minutes_pages.minutes_page(request, key, number, attempt, status)
        if not running:
            return RedirectResponse(reader.href(f"/meetings/{key}/{number}/minutes"), 303)
        table = meeting_table.read(c, key, found, reader)
        policies = sorted({version.policy.key for version in all_versions(c).in_force(reader.now)})
    shown: dict[str, Any] = {"attempt": attempt, "said": meeting_words, "policies": policies, "kinds": ENTRIES}
    return render(request, "meeting_mode.html", status, table=table, timer=meeting_table.timer, **shown)
