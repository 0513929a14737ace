"""The pages: today at `/`, one handoff at `/handoffs/{id}`. Nothing comes from another host."""

from __future__ import annotations

import re

from fastapi import APIRouter, Depends
from markupsafe import Markup
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.domain.agenda import Agenda
from app.domain.deadline import receipt_lines
from app.domain.roles import Right
from app.flows import agendas, dossier, meetings, today
from app.flows import brief as briefs
from app.pages import (
    account_pages,
    assets,
    brief,
    calendar_pages,
    delivery_pages,
    feeds,
    first_pages,
    formats,
    papers,
    policy_editor,
    provider_pages,
    quality_pages,
    session,
    settings_pages,
    setup_pages,
    source_changes,
    source_pages,
    user_pages,
)
from app.pages.document import Document
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False)
router.include_router(account_pages.router)
router.include_router(provider_pages.router)
router.include_router(first_pages.router)
router.include_router(quality_pages.router)
router.include_router(settings_pages.router)
router.include_router(setup_pages.router)
router.include_router(source_pages.router)
router.include_router(source_changes.router)
router.include_router(delivery_pages.router)
router.include_router(user_pages.router)
router.include_router(policy_editor.router)
router.include_router(calendar_pages.router)
NUMBER = re.compile(r"[0-9]{1,18}")
#: Breaches per cause beside the lists; the others are counted.
AGENDA_ROWS = 10
#: The agenda for pasting carries its few styles in itself.
OWN_STYLES = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


@router.get("/", dependencies=[Depends(session.needed)])
def home(request: Request, owner: str = "") -> Response:
    """`?owner=none`: only handoffs that nobody owns. Whoever may not see leads sees how many there are."""
    state: State = request.app.state.tasuki
    reader, ownerless = reader_of(request), owner == "none"
    with state.database.read() as c:
        shown = today.read(c, state.versions.read(c), reader.zone, reader.now, ownerless=ownerless)
        if not session.visitor(request).may(Right.SEE_LEADS):
            return render(request, "home_in_figures.html", today=shown)
        agenda = _next_agenda(c, state, reader)
    sheet = feeds.sheet(agenda, reader.locale, reader.zone) if agenda else None
    return render(request, "home.html", today=shown, agenda=agenda, sheet=sheet, ownerless=ownerless, rows=AGENDA_ROWS)


def _next_agenda(c: Connection, state: State, reader: Reader) -> Agenda | None:
    """None: no meeting is planned."""
    try:
        return agendas.next_agenda(c, state.settings, reader.now)
    except (meetings.NoSuchSeries, meetings.NoMeetingAhead):
        return None


@router.get("/agenda.{form}", dependencies=[Depends(session.may(Right.SEE_LEADS))])
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


@router.get("/handoffs/{number}", dependencies=[Depends(session.may(Right.SEE_LEADS))])
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


@router.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    asset = assets.BY_NAME.get(name)
    return asset.answer(request) if asset else render(request, "missing.html", 404)
