"""The pages: today at `/`, one handoff at `/handoffs/{id}`, signing in and out. Nothing comes from another host."""

from __future__ import annotations

import re

from fastapi import APIRouter, Depends
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.agenda import Agenda
from app.domain.deadline import receipt_lines
from app.flows import agendas, dossier, meetings, today
from app.flows import brief as briefs
from app.pages import assets, brief, feeds, formats, papers, session
from app.pages.document import Document
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False)
NUMBER = re.compile(r"[0-9]{1,18}")
#: Breaches per cause beside the lists; the others are counted.
AGENDA_ROWS = 10
#: The agenda for pasting carries its few styles in itself.
OWN_STYLES = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


@router.get("/", dependencies=[Depends(session.needed)])
def home(request: Request, owner: str = "") -> Response:
    """`?owner=none`: only handoffs that nobody owns."""
    state: State = request.app.state.tasuki
    reader, ownerless = reader_of(request), owner == "none"
    with state.database.read() as c:
        shown = today.read(c, state.versions.read(c), reader.zone, reader.now, ownerless=ownerless)
        agenda = _next_agenda(c, state, reader)
    sheet = feeds.sheet(agenda, reader.locale, reader.zone) if agenda else None
    return render(request, "home.html", today=shown, agenda=agenda, sheet=sheet, ownerless=ownerless, rows=AGENDA_ROWS)


def _next_agenda(c: Connection, state: State, reader: Reader) -> Agenda | None:
    """None: no meeting is planned."""
    try:
        return agendas.next_agenda(c, state.settings, reader.now)
    except (meetings.NoSuchSeries, meetings.NoMeetingAhead):
        return None


@router.get("/agenda.{form}", dependencies=[Depends(session.needed)])
def agenda(request: Request, form: str) -> Response:
    """The next meeting's agenda to take along. Other programs get it from /v1 with a token."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    try:
        with state.database.read() as c:
            paper = papers.next_agenda(c, state.settings, reader.now, meetings.DEFAULT, reader.locale)
        as_asked = formats.Form(form)
    except (meetings.NoSuchSeries, meetings.NoMeetingAhead, ValueError):
        return render(request, "missing.html", 404)
    if as_asked is formats.Form.HTML:
        return _page(request, paper)
    media = "text/plain" if as_asked is formats.Form.MD else formats.MEDIA[as_asked]
    return Response(formats.written(paper, as_asked), media_type=media)


def _page(request: Request, paper: Document) -> Response:
    fragment = Markup(formats.html(paper))  # noqa: S704 its template escapes
    answer = render(request, "handout.html", title=paper.title, agenda=fragment)
    answer.headers.update(OWN_STYLES)
    return answer


@router.get("/handoffs/{number}", dependencies=[Depends(session.needed)])
def handoff(request: Request, number: str) -> Response:
    """Who, the clock, why MQL, the deadline's receipt, what sales did, the verdicts."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    try:
        with state.database.read() as c:
            found = dossier.read(c, state.versions.read(c), _as_id(number), reader.now)
            known = briefs.read(c, found.lead.id)
    except dossier.NoSuchHandoff:
        return render(request, "missing.html", 404)
    receipt = receipt_lines(found.receipt, reader.zone, reader.locale)
    told = brief.background(known, reader.locale, reader.zone)
    score = brief.score_in_words(known.score, reader.locale)
    return render(request, "handoff.html", handoff=found, receipt=receipt, rows=today.ROWS, brief=told, score=score)


def _as_id(number: str) -> int:
    """Raises NoSuchHandoff for what no database can hold."""
    if not NUMBER.fullmatch(number):
        raise dossier.NoSuchHandoff(number)
    return int(number)


@router.get("/sign-in")
def sign_in_form(request: Request) -> Response:
    if request.app.state.tasuki.settings.open_pages:
        return RedirectResponse("/", 303)
    return render(request, "sign_in.html", back=session.own_page(request.query_params.get("next", "/")), refusal="")


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    if session.from_elsewhere(request):
        return render(request, "sign_in.html", 403, back="/", refusal="Please sign in on this page.")
    try:
        form = await session.form(request)
    except session.TooLarge:
        return render(request, "sign_in.html", 413, back="/", refusal="This is not a token.")
    return await run_in_threadpool(_sign_in, request, form.get("token", "").strip(), form.get("next", "/"))


def _sign_in(request: Request, token: str, back: str) -> Response:
    state: State = request.app.state.tasuki
    back = session.own_page(back)
    with state.database.read() as c:
        welcome = session.may_read(c, token)
    if not welcome:
        refusal = "This token is not valid, was revoked, or lacks the scope read."
        return render(request, "sign_in.html", 401, back=back, refusal=refusal)
    answer = RedirectResponse(reader_of(request).href(back), 303)
    session.keep(answer, token, state.settings)
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    answer = RedirectResponse(reader_of(request).href("/sign-in"), 303)
    if not session.from_elsewhere(request):
        session.forget(answer, request.app.state.tasuki.settings)
    return answer


@router.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    asset = assets.BY_NAME.get(name)
    return asset.answer(request) if asset else render(request, "missing.html", 404)
