"""What people write on the pages of a meeting; every form is answered with the page it came from, or shown again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.domain.policy import BEGINNING
from app.domain.run import Entry, Said, Stage
from app.flows import corrections, letters, preparation, record
from app.flows.administer import Admin, retry_alerts
from app.pages import forms, meeting_pages, minutes_pages, papers
from app.pages.forms import Attempt, Fields, Sent
from app.pages.meeting_decisions import act, decided
from app.pages.meeting_routes import WRITES, MeetingPage, Number, SeriesKey, attempted, by, done, person
from app.state import State

router = APIRouter(route_class=MeetingPage, include_in_schema=False, dependencies=[WRITES])

#: Where a form stood → the page that shows it once more.
PAGES: Mapping[str, Callable[..., Response]] = {
    "": meeting_pages.meeting_page,
    "run": meeting_pages.mode_page,
    "minutes": minutes_pages.minutes_page,
}
#: What a form may say that needs words alone.
PLAIN = {"topic": Said.TOPIC, "note": Said.NOTE, "parked": Said.PARKED, "nothing": Said.NOTHING}


def answered(request: Request, key: str, number: int, sent: Fields, deed: Callable[[], str]) -> Response:
    """`deed` returns the id of what it made. To the page where the form stood."""
    place = sent.get("page", "") if sent.get("page", "") in PAGES else ""
    path = f"/meetings/{key}/{number}" + (f"/{place}" if place else "")

    def again(attempt: Attempt, status: int) -> Response:
        return PAGES[place](request, key, number, attempt, status)

    try:
        return attempted(sent, lambda: done(request, path, deed()), again)
    except corrections.Overtaken as meanwhile:
        both = Attempt(sent.get("form", ""), sent, theirs=meanwhile.now.text)
        return again(both, 409)


def _say(request: Request, key: str, number: int, said: Entry) -> Entry:
    """Raises Refused, NoSuchMeeting."""
    state: State = request.app.state.tasuki
    preparation.begun(state.database, key, number, state.clock())
    with state.database.write() as c:
        return record.say(c, person(request), key, number, said)


def entry(kind: Said, text: str = "", item: int | None = None, **data: Any) -> Entry:
    """Who says it and when is added where it is written."""
    return Entry(0, BEGINNING, "", kind, item, text, data)


@router.post("/meetings/{key}/{number:int}/say")
def say(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """A topic, a note, what is put off, or that there is nothing new; with `kind`, and `item` if it is about one."""

    def deed() -> str:
        kind = PLAIN.get(sent.get("kind", ""), Said.NOTE)
        said = entry(kind, forms.words(sent, "text"), forms.whole(sent, "item"))
        return f"e{_say(request, key, number, said).id}"

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/freeze")
def freeze(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """The agenda is frozen and goes to everybody."""
    state: State = request.app.state.tasuki

    def deed() -> str:
        preparation.ready(state.database, state.settings, papers, key, number, state.clock())
        return "pre-read"

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/start")
def start(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:  # noqa: ARG001 read in any case
    """The clock of its first item runs; an agenda that is not frozen yet is frozen now."""
    state: State = request.app.state.tasuki
    preparation.ready(state.database, state.settings, papers, key, number, state.clock())
    with state.database.read() as c:
        begun = record.read(c, key, number, state.clock()).run.stage is not Stage.COMING
    if not begun:  # somebody else may have begun it while the page was open
        _say(request, key, number, entry(Said.STARTED, item=1))
    return done(request, f"/meetings/{key}/{number}/run")


@router.post("/meetings/{key}/{number:int}/visit")
def visit(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """An item is taken up. Two people who press at once mean the same item, and it is taken up once."""
    state: State = request.app.state.tasuki

    def deed() -> str:
        item = forms.whole(sent, "item")
        with state.database.read() as c:
            there = record.read(c, key, number, state.clock()).run.current == item
        if not there:
            _say(request, key, number, entry(Said.VISITED, item=item))
        return ""

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/extend")
def extend(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """More minutes for an item."""

    def deed() -> str:
        said = entry(Said.EXTENDED, item=forms.whole(sent, "item"), minutes=forms.whole(sent, "minutes"))
        _say(request, key, number, said)
        return ""

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/decide")
def decide(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    return answered(request, key, number, sent, lambda: f"e{decided(request, key, number, sent)}")


@router.post("/meetings/{key}/{number:int}/act")
def take_on(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """Who does what until when. With `as=task` it is kept although something is still missing."""

    def deed() -> str:
        if sent.get("as") != "task":
            return f"a{act(request, key, number, sent)}"
        said = entry(Said.TASK, forms.words(sent, "text"), forms.whole(sent, "item"))
        return f"e{_say(request, key, number, said).id}"

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/correct")
def correct(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """An entry put right or taken back; who saw it otherwise is shown both versions."""
    state: State = request.app.state.tasuki

    def deed() -> str:
        which, seen = forms.whole(sent, "entry") or 0, sent.get("seen", "")
        with state.database.write() as c:
            if sent.get("as") == "retracted":
                corrections.retract(c, person(request), key, number, which, seen=seen)
                return "said"
            corrections.correct(c, person(request), key, number, which, forms.words(sent, "text"), seen=seen)
            return f"e{which}"

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/attendance")
def attendance(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    def deed() -> str:
        email, presence = forms.words(sent, "email"), sent.get("presence", "")
        _say(request, key, number, entry(Said.ATTENDANCE, email=email, presence=presence))
        return "attendees"

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/rate")
def rate(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    def deed() -> str:
        _say(request, key, number, entry(Said.RATED, forms.words(sent, "text"), rating=forms.whole(sent, "rating")))
        return "rating"

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/tick")
def tick(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """A point of the checklist counts as done against the evidence."""

    def deed() -> str:
        point = forms.whole(sent, "point")
        _say(request, key, number, entry(Said.TICKED, forms.words(sent, "text"), point=point))
        return f"point{point}"

    return answered(request, key, number, sent, deed)


@router.post("/meetings/{key}/{number:int}/close")
def close(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """The minutes stand and are sent."""
    state: State = request.app.state.tasuki

    def deed() -> Response:
        note = forms.words(sent, "text")
        preparation.close(state.database, state.settings, papers, person(request), key, number, note)
        return done(request, f"/meetings/{key}/{number}/minutes")

    return attempted(sent, deed, lambda attempt, status: PAGES["run"](request, key, number, attempt, status))


@router.post("/meetings/{key}/{number:int}/retry")
def retry(request: Request, key: SeriesKey, number: Number, sent: Sent) -> Response:
    """What could not be delivered is owed once more."""
    state: State = request.app.state.tasuki

    def deed() -> str:
        with state.database.write() as c:
            rows = letters.delivered(c, record.find(c, key, number).id)
            failed = [row.id for row in rows if row.state == "undeliverable"]
            if failed:
                retry_alerts(c, Admin(by(request), state.clock()), failed)
        return "letters"

    return answered(request, key, number, sent, deed)
