"""Users for administrators: invite, role and team, disable, a new link, ending sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.refusals import Refused
from app.domain.roles import Right, Role
from app.flows import links, sessions, users
from app.flows.administer import Admin
from app.pages import posted, session
from app.pages.account_pages import as_id
from app.pages.posted import Sent
from app.pages.rendering import Page, reader_of, render
from app.state import State

router = APIRouter(
    prefix="/users",
    route_class=Page,
    include_in_schema=False,
    dependencies=[Depends(session.may(Right.ADMINISTER))],
)
#: An invitation before anything is typed.
EMPTY = {"email": "", "name": "", "role": Role.REP.value, "team": ""}
Change = Callable[[Connection, Admin], object]


@router.get("")
def listed(request: Request) -> Response:
    return listing(request)


def listing(request: Request, status: int = 200, **content: Any) -> Response:
    """`given`: a new link and whose it is, shown this once."""
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        found = users.listed(c)
    nothing: dict[str, Any] = {"typed": EMPTY, "wrong": {}, "given": None, "whose": None}
    return render(request, "users.html", status, users=found, **nothing | content)


@router.post("")
def invite(request: Request, form: Sent) -> Response:
    state, by = request.app.state.tasuki, admin(request)
    wanted = {name: form.get(name, "") for name in EMPTY}
    try:
        with state.database.write() as c:
            made = users.create(c, by, **wanted)
            given = links.give(c, by, made.id)
    except Refused as why:
        return listing(request, 422, typed=wanted, wrong=posted.wrong(why, reader_of(request).locale))
    return listing(request, 201, given=given, whose=made)


@router.get("/{number}")
def one(request: Request, number: str) -> Response:
    return file(request, number, done=request.query_params.get("done", ""))


def file(request: Request, number: str, status: int = 200, **content: Any) -> Response:
    """One user with the sessions that are open."""
    state: State = request.app.state.tasuki
    try:
        with state.database.read() as c:
            user = users.read(c, as_id(number))
            open_ones = sessions.of_user(c, user.id, state.clock())
    except users.NoSuchUser:
        return render(request, "missing.html", 404)
    nothing: dict[str, Any] = {"typed": {"role": user.role, "team": user.team or ""}, "wrong": {}, "given": None}
    return render(request, "user.html", status, user=user, sessions=open_ones, **{"done": ""} | nothing | content)


@router.post("/{number}")
def change(request: Request, number: str, form: Sent) -> Response:
    wanted = {name: form.get(name, "") for name in ("role", "team")}
    return _changed(request, number, wanted, lambda c, by: users.change(c, by, as_id(number), **wanted))


@router.post("/{number}/disable")
def disable(request: Request, number: str) -> Response:
    return _changed(request, number, None, lambda c, by: users.disable(c, by, as_id(number)))


@router.post("/{number}/enable")
def enable(request: Request, number: str) -> Response:
    return _changed(request, number, None, lambda c, by: users.enable(c, by, as_id(number)))


@router.post("/{number}/sessions/end")
def end_sessions(request: Request, number: str) -> Response:
    return _changed(request, number, None, lambda c, by: users.revoke_sessions(c, by, as_id(number)))


@router.post("/{number}/unlink")
def unlink(request: Request, number: str) -> Response:
    return _changed(request, number, None, lambda c, by: users.unlink(c, by, as_id(number)))


@router.post("/{number}/link")
def link(request: Request, number: str) -> Response:
    """A new one-time link; it is shown this once."""
    state: State = request.app.state.tasuki
    try:
        with state.database.write() as c:
            given = links.give(c, admin(request), as_id(number))
    except users.NoSuchUser:
        return render(request, "missing.html", 404)
    return file(request, number, 201, given=given)


def _changed(request: Request, number: str, typed: dict[str, str] | None, deed: Change) -> Response:
    state: State = request.app.state.tasuki
    try:
        with state.database.write() as c:
            deed(c, admin(request))
    except users.NoSuchUser:
        return render(request, "missing.html", 404)
    except Refused as why:
        content = {"typed": typed} if typed else {}
        return file(request, number, 422, wrong=posted.wrong(why, reader_of(request).locale), **content)
    return RedirectResponse(reader_of(request).href(f"/users/{as_id(number)}", done="saved"), 303)


def admin(request: Request) -> Admin:
    return Admin(session.visitor(request).by, request.app.state.tasuki.clock())
