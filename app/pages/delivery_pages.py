"""One delivery: what a tool sent, what became of it and why; and reading it again."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.roles import Right
from app.flows import administer, lists
from app.flows.lists import NoSuchDelivery
from app.pages import session, source_words
from app.pages.account_pages import as_id
from app.pages.rendering import Page, reader_of, render
from app.pages.source_pages import admin
from app.state import State

router = APIRouter(
    prefix="/deliveries",
    route_class=Page,
    include_in_schema=False,
    dependencies=[Depends(session.may(Right.ADMINISTER))],
)
#: Characters of a body that are shown, and bytes that are read for it.
SHOWN, READ = 20_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Body:
    text: str
    #: There is more of it.
    cut: bool


def readable(body: bytes) -> Body:
    """JSON line by line, everything else as it is; what is no UTF-8 is replaced."""
    written = _as_json(body) if len(body) <= READ else None
    text = written if written is not None else body[: 4 * SHOWN].decode("utf-8", "replace")
    return Body(text[:SHOWN], len(text) > SHOWN or (written is None and len(body) > 4 * SHOWN))


def _as_json(body: bytes) -> str | None:
    """None: it is none."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2).encode("utf-8", "replace").decode()
    except (ValueError, RecursionError):
        return None


@router.get("/{number}")
def one(request: Request, number: str) -> Response:
    state: State = request.app.state.tasuki
    try:
        with state.database.read() as c:
            found = lists.delivery(c, as_id(number))
            body = readable(lists.payload(c, found.id))
    except NoSuchDelivery:
        return render(request, "missing.html", 404)
    done = request.query_params.get("done", "")
    return render(request, "delivery.html", delivery=found, body=body, said=source_words, done=done)


@router.post("/{number}/replay")
def replay(request: Request, number: str) -> Response:
    """It is read again from the bytes that were kept; known facts change nothing."""
    state: State = request.app.state.tasuki
    try:
        with state.database.write() as c:
            administer.replay(c, admin(request), as_id(number))
    except NoSuchDelivery:
        return render(request, "missing.html", 404)
    state.stored.set()
    return RedirectResponse(reader_of(request).href(f"/deliveries/{as_id(number)}", done="replayed"), 303)
