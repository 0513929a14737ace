"""What sales writes down on its pages. Every form works without script and leads back to where it was sent from."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.completeness import Said
from app.domain.language import text
from app.domain.refusals import Refused, validated
from app.domain.roles import Right
from app.flows import brief_feedback, follow_ups, lists
from app.flows.dossier import NoSuchHandoff
from app.flows.follow_ups import Entry
from app.pages import session, work_typed
from app.pages.forms import Sent
from app.pages.rendering import Page, reader_of, render
from app.pages.work_asked import asked_again
from app.pages.work_lead import Form, show_lead
from app.pages.work_pages import show_queue
from app.pages.work_said import EVENT, NUMBER
from app.pages.work_typed import Told, by_field
from app.state import State
from connectors.contract import EventKind

router = APIRouter(route_class=Page, include_in_schema=False, dependencies=[Depends(session.may(Right.WORK_LEADS))])
#: Where on the list the reader goes on.
LINE = re.compile(r"line-[0-9]{1,18}")
ONCE = re.compile(r"[0-9a-f]{32}")


def by(request: Request) -> str:
    """Who acts, as the audit log names them."""
    return session.visitor(request).by


@router.post("/leads/{number}/act")
def act(request: Request, number: str, typed: Sent) -> Response:
    """One tap: `act` is acknowledged, called or reached; `list`: where on the queue it was tapped."""
    done = typed.get("act", "")
    if done not in ONE_TAP or not NUMBER.fullmatch(number):
        return render(request, "missing.html", 404)
    kind, data = ONE_TAP[done]
    said = {"outcome": text(reader_of(request).locale, "Reached them")} if done == "reached" else {}
    return record(
        request, Entry(int(number), kind, data | said, by(request), key=_once(number, done, typed)), done, typed
    )


#: Button → what it records.
ONE_TAP: dict[str, tuple[EventKind, dict[str, Any]]] = {
    "acknowledged": (EventKind.ACKNOWLEDGED, {}),
    "called": (EventKind.FOLLOW_UP, {"channel": "call", "automated": False}),
    "reached": (EventKind.FOLLOW_UP, {"channel": "call", "automated": False}),
}


def _once(number: str, done: str, typed: dict[str, str]) -> str | None:
    """A form that is sent twice is recorded once."""
    once = typed.get("once", "")
    return f"page:{once}:{number}:{done}" if ONCE.fullmatch(once) else None


def record(request: Request, entry: Entry, done: str, typed: dict[str, str], form: str = "") -> Response:
    state: State = request.app.state.tasuki
    try:
        with state.database.write() as c:
            policies = state.versions.read(c)
            recorded = follow_ups.record(c, entry, policies, state.clock(), actor=by(request))
    except lists.NoSuchLead:
        return render(request, "missing.html", 404)
    except Refused as refused:
        return refuse(request, entry.lead_id, refused, typed, form)
    return back(request, entry.lead_id, done, typed, recorded.event_id)


def refuse(request: Request, lead_id: int, refused: Refused, typed: dict[str, str], form: str = "") -> Response:
    """The page that the form was on, which says what to mend and keeps what was typed."""
    locale = reader_of(request).locale
    if "list" in typed:
        said = tuple(each.message(locale) for each in refused.refusals)
        return show_queue(request, asked_again(typed["list"]), refusals=said, lead=lead_id)
    return show_lead(request, str(lead_id), Form(form, typed, by_field(refused, form, typed, locale)))


def back(request: Request, lead_id: int, done: str, typed: dict[str, str], event_id: str = "") -> Response:
    """To the page that the form was on, which says what was done."""
    reader = reader_of(request)
    said = {"done": done, "lead": str(lead_id)} | ({"event": event_id} if event_id else {})
    if "list" not in typed:
        return RedirectResponse(reader.href(f"/leads/{lead_id}", **said), 303)
    place = typed.get("next", "")
    anchor = f"#{place}" if LINE.fullmatch(place) else ""
    return RedirectResponse(reader.href("/queue", **asked_again(typed["list"]).query(), **said) + anchor, 303)


@router.post("/leads/{number}/follow-up")
def follow_up(request: Request, number: str, typed: Sent) -> Response:
    return _written(request, number, typed, "follow-up")


@router.post("/leads/{number}/give-back")
def give_back(request: Request, number: str, typed: Sent) -> Response:
    return _written(request, number, typed, "give-back")


@router.post("/leads/{number}/pause")
def pause(request: Request, number: str, typed: Sent) -> Response:
    return _written(request, number, typed, "pause")


@router.post("/leads/{number}/resume")
def resume(request: Request, number: str, typed: Sent) -> Response:
    return _written(request, number, typed, "")


def _written(request: Request, number: str, typed: dict[str, str], form: str) -> Response:
    if not NUMBER.fullmatch(number):
        return render(request, "missing.html", 404)
    try:
        kind, data, at = _told(form, typed, reader_of(request).zone)
    except Refused as refused:
        return refuse(request, int(number), refused, typed, form)
    entry = Entry(int(number), kind, data, by(request), at, _once(number, form or "resume", typed))
    return record(request, entry, kind.value, typed, form)


def _told(form: str, typed: dict[str, str], zone: ZoneInfo) -> Told:
    match form:
        case "follow-up":
            return work_typed.follow_up(typed, zone)
        case "give-back":
            return work_typed.give_back(typed)
        case "pause":
            return work_typed.pause(typed, zone)
        case _:
            return EventKind.RESUME, {}, None


@router.post("/leads/{number}/brief")
def rate_brief(request: Request, number: str, typed: Sent) -> Response:
    """`helpful`: yes or no."""
    state: State = request.app.state.tasuki
    handoff, helpful = typed.get("handoff", ""), typed.get("helpful") == "yes"
    if not NUMBER.fullmatch(number) or not NUMBER.fullmatch(handoff):
        return render(request, "missing.html", 404)
    try:
        note = validated(Said, {"note": typed.get("note", "").strip()}).note
        with state.database.write() as c:
            said: dict[str, Any] = {"helpful": helpful, "note": note, "by": by(request)}
            brief_feedback.rate(c, int(handoff), **said, actor=by(request), now=state.clock())
    except NoSuchHandoff:
        return render(request, "missing.html", 404)
    except Refused as refused:
        return refuse(request, int(number), refused, typed, "brief")
    return back(request, int(number), "brief", typed)


@router.post("/leads/{number}/take-back")
def take_back(request: Request, number: str, typed: Sent) -> Response:
    """What was recorded by hand a moment ago."""
    state: State = request.app.state.tasuki
    event_id = typed.get("event", "")
    if not EVENT.fullmatch(event_id) or not NUMBER.fullmatch(number):
        return render(request, "missing.html", 404)
    try:
        with state.database.write() as c:
            follow_ups.retract(
                c, event_id, by=by(request), reason=None, policies=state.versions.read(c), now=state.clock()
            )
    except follow_ups.NoSuchFollowUp:
        return render(request, "missing.html", 404)
    return back(request, int(number), "retracted", typed)
