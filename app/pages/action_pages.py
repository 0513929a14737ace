"""The pages of action items: the list, one item with its history, and what its people say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.domain.action import STATES, STEPS, ActionState, Promise, StepKind, sentence
from app.domain.refusals import refused
from app.flows import actions, meetings
from app.flows.actions import Overtaken, Person
from app.pages import forms, meeting_words, session
from app.pages.forms import Attempt, Fields, Sent
from app.pages.meeting_decisions import act, promise
from app.pages.meeting_routes import READS, WRITES, MeetingPage, RowId, attempted, done, person
from app.pages.rendering import Reader, reader_of, render
from app.state import State

router = APIRouter(route_class=MeetingPage, include_in_schema=False, dependencies=[READS])
#: Action items a page.
LISTED = 50
#: Which ones the list shows; message ids.
WHOSE = {"open": "Open ones", "mine": "Mine", "overdue": "Overdue", "all": "All"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    whose: str
    owner: str
    after: int | None

    @property
    def state(self) -> ActionState | None:
        return None if self.whose == "all" else ActionState.OPEN


def _asked(request: Request) -> Asked:
    query = request.query_params
    whose = query.get("whose", "open")
    whose = whose if whose in WHOSE else "open"
    owner = session.visitor(request).name if whose == "mine" else query.get("owner", "").replace("\x00", "")[:200]
    return Asked(whose, owner, forms.whole(query, "after"))


@router.get("/actions")
def all_actions(request: Request) -> Response:
    """`?whose=open|mine|overdue|all`, `?owner=`, `?after=`: the number after which the page begins."""
    return list_page(request)


def list_page(request: Request, attempt: Attempt = forms.NOTHING, status: int = 200) -> Response:
    state: State = request.app.state.tasuki
    asked, today = _asked(request), person(request).today
    with state.database.read() as c:
        found = actions.listed(
            c,
            state=asked.state,
            owner=asked.owner or None,
            due_before=today if asked.whose == "overdue" else None,
            after=(asked.after,) if asked.after is not None else None,
            limit=LISTED,
        )
        series = [(stored.key, stored.series.name) for stored in meetings.all_series(c)]
    shown: dict[str, Any] = {
        "found": found,
        "asked": asked,
        "series": series,
        "today": today,
        "attempt": attempt,
        "said": meeting_words,
    }
    return render(request, "actions.html", status, **shown, whose=WHOSE, states=STATES)


@router.post("/actions", dependencies=[WRITES])
def add(request: Request, sent: Sent) -> Response:
    """Owner, due date and definition of done are mandatory."""

    def deed() -> Response:
        try:
            number = act(request, forms.words(sent, "series", 64), None, sent)
        except meetings.NoSuchSeries:
            raise refused("/series", "unknown", "There is no meeting series {key}.", key=sent.get("series")) from None
        return done(request, f"/actions/{number}")

    return attempted(sent, deed, lambda attempt, status: list_page(request, attempt, status))


@router.get("/actions/{number:int}")
def action(request: Request, number: RowId) -> Response:
    """One item with everything that was said about it."""
    return action_page(request, number)


def action_page(request: Request, number: int, attempt: Attempt = forms.NOTHING, status: int = 200) -> Response:
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        row, steps = actions.read(c, number)
    shown: dict[str, Any] = {"row": row, "steps": steps, "attempt": attempt, "states": STATES, "step_words": STEPS}
    shown["said"] = meeting_words
    overdue = row.state == ActionState.OPEN and row.due_on < person(request).today
    return render(request, "action.html", status, **shown, overdue=overdue, sentence=in_words(row, reader))


def in_words(row: Any, reader: Reader) -> str:
    return sentence(Promise(row.owner, row.due_on, row.text, row.done_when), reader.zone, reader.locale)


# --- what is said about one

#: What ends an item, or opens it again.
ENDS = {"done": StepKind.DONE, "drop": StepKind.DROPPED, "reopen": StepKind.REOPENED}
Deed = Callable[[Connection, Person], Any]


@router.post("/actions/{number:int}/report", dependencies=[WRITES])
def report(request: Request, number: RowId, sent: Sent) -> Response:
    """How it stands."""
    return _said(
        request,
        number,
        sent,
        lambda c, who: actions.report(c, who, number, forms.words(sent, "said", 2000), seen=_seen(sent)),
    )


@router.post("/actions/{number:int}/carry", dependencies=[WRITES])
def carry(request: Request, number: RowId, sent: Sent) -> Response:
    """Not done: the reason and the new date."""

    def deed(c: Connection, who: Person) -> Any:
        reason, due_on = forms.words(sent, "reason", 2000), forms.day(sent, "due_on", "Say until when.")
        return actions.carry(c, who, number, reason, due_on, seen=_seen(sent))

    return _said(request, number, sent, deed)


@router.post("/actions/{number:int}/edit", dependencies=[WRITES])
def edit(request: Request, number: RowId, sent: Sent) -> Response:
    """Put right what was written."""

    def deed(c: Connection, who: Person) -> Any:
        said = promise(sent)
        changes = {"owner": said.owner, "due_on": said.due_on, "text": said.text, "done_when": said.done_when}
        return actions.edit(c, who, number, changes, seen=_seen(sent))

    return _said(request, number, sent, deed)


@router.post("/actions/{number:int}/{end}", dependencies=[WRITES])
def close(request: Request, number: RowId, end: str, sent: Sent) -> Response:
    """Done, given up, or not done after all."""
    if end not in ENDS:
        raise actions.NoSuchAction(number)
    reason = sent.get("reason", sent.get("said", ""))
    return _said(
        request, number, sent, lambda c, who: actions.close(c, who, number, ENDS[end], reason, seen=_seen(sent))
    )


def _seen(sent: Fields) -> int | None:
    """The version that the page showed."""
    return forms.whole(sent, "version")


def _said(request: Request, number: int, sent: Fields, deed: Deed) -> Response:
    state: State = request.app.state.tasuki

    def do() -> Response:
        with state.database.write() as c:
            deed(c, person(request))
        back = session.own_page(sent.get("back", ""))
        return done(request, back if back != "/" else f"/actions/{number}")

    def again(attempt: Attempt, status: int) -> Response:
        return action_page(request, number, attempt, status)

    try:
        return attempted(sent, do, again)
    except Overtaken as meanwhile:
        theirs = in_words(meanwhile.now, reader_of(request))
        return again(Attempt(sent.get("form", ""), sent, theirs=theirs), 409)
