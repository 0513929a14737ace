"""The pages where sales works: the queue, a lead, all handoffs."""

from __future__ import annotations

from uuid import uuid4

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.domain.bands import Section
from app.domain.roles import Right
from app.flows import queue
from app.flows.queue import Look
from app.pages import live, session, work_words
from app.pages.rendering import Page, reader_of, render
from app.pages.work_asked import NOBODY, Asked, asked
from app.pages.work_handoffs import show_handoffs
from app.pages.work_lead import show_lead
from app.pages.work_said import person, said_by
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False, dependencies=[Depends(session.may(Right.SEE_LEADS))])


@router.get("/queue")
def work_list(request: Request) -> Response:
    """`?band=`, `page=`, `owner=` (`none`: nobody), `team=`, `policy=`, `q=`."""
    return show_queue(request, asked(request.query_params.multi_items()))


def show_queue(request: Request, wanted: Asked, *, refusals: tuple[str, ...] = (), lead: int | None = None) -> Response:
    """`refusals`: why nothing was recorded about that lead."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        look = Look(state.versions.read(c), reader.zone, reader.now)
        content = {
            "version": queue.version(c),
            "parts": _parts(c, look, wanted),
            "choices": queue.choices(c, look),
            "done": said_by(c, request.query_params),
            "refused": person(c, lead) if lead else None,
            "refusals": refusals,
            "asked": wanted,
            "once": uuid4().hex,
        }
    known = {"sections": work_words.SECTIONS, "NOBODY": NOBODY, "DONE": work_words.DONE}
    return render(request, "queue.html", 422 if refusals else 200, **content, **known)


def _parts(c: Connection, look: Look, wanted: Asked) -> list[queue.Part]:
    if wanted.band is None:
        return queue.parts(c, look, wanted.wanted)
    return [queue.part(c, look, wanted.wanted, Section(wanted.band), wanted.page)]


@router.get("/queue/events")
def work_list_events(request: Request) -> Response:
    """Says when the queue may have changed."""
    state: State = request.app.state.tasuki

    def version() -> str:
        with state.database.read() as c:
            return queue.version(c)

    return live.stream(request, version)


@router.get("/leads/{number}")
def lead(request: Request, number: str) -> Response:
    """`?show=` a chapter of the timeline, `page=` of it."""
    return show_lead(request, number)


@router.get("/handoffs")
def handoffs(request: Request) -> Response:
    """`?verdict=`, `policy=`, `owner=`, `due_from=` and `due_to=` (days), `sort=earliest`, `after=` the last one."""
    return show_handoffs(request)
