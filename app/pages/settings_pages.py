"""Settings at a glance, and the tokens with which other programs ask."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.refusals import Refused
from app.domain.roles import Right
from app.flows import tokens
from app.flows.administer import Admin, create_token, revoke_token
from app.flows.tokens import Scope
from app.pages import posted, session
from app.pages.account_pages import as_id
from app.pages.posted import Sent
from app.pages.rendering import Page, reader_of, render
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False, dependencies=[Depends(session.may(Right.ADMINISTER))])
#: Scope → what it allows, a message id.
SCOPES = {
    Scope.READ: "read leads, handoffs, figures and papers",
    Scope.WRITE: "read, and record follow-ups, meetings and action items",
    Scope.ADMIN: "everything, including policies and sources",
}


@router.get("/settings")
def settings(request: Request) -> Response:
    state: State = request.app.state.tasuki
    return render(request, "settings.html", channels=sorted(set(state.channels) - {"log"}), provider=state.provider)


@router.get("/tokens")
def listed(request: Request) -> Response:
    return listing(request)


def listing(request: Request, status: int = 200, **content: Any) -> Response:
    """`given`: a new token, shown this once."""
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        found = sorted(tokens.listed(c), key=lambda token: (token.revoked_at is not None, -token.id))
    nothing: dict[str, Any] = {"typed": {"name": "", "scope": Scope.READ.value}, "wrong": {}, "given": ""}
    return render(request, "tokens.html", status, tokens=found, scopes=SCOPES, **nothing | content)


@router.post("/tokens")
def make(request: Request, form: Sent) -> Response:
    state: State = request.app.state.tasuki
    typed = {name: form.get(name, "") for name in ("name", "scope")}
    try:
        with state.database.write() as c:
            given = create_token(c, admin(request), typed["name"], [typed["scope"]])
    except Refused as why:
        return listing(request, 422, typed=typed, wrong=posted.wrong(why, reader_of(request).locale))
    return listing(request, 201, given=given)


@router.post("/tokens/{number}/revoke")
def revoke(request: Request, number: str) -> Response:
    state: State = request.app.state.tasuki
    try:
        with state.database.write() as c:
            revoke_token(c, admin(request), as_id(number))
    except tokens.NoSuchToken:
        return render(request, "missing.html", 404)
    return RedirectResponse(reader_of(request).href("/tokens"), 303)


def admin(request: Request) -> Admin:
    return Admin(session.visitor(request).by, request.app.state.tasuki.clock())
