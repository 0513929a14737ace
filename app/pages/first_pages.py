"""The first administrator of an empty Tasuki, by the link that `tasuki serve` prints."""

from __future__ import annotations

import hmac

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.domain.refusals import Refused
from app.flows import sessions, setting_up
from app.pages import posted
from app.pages.account_pages import begun, new_password
from app.pages.posted import Sent
from app.pages.rendering import Page, reader_of, render
from app.state import State, secret_keys

router = APIRouter(prefix="/first", route_class=Page, include_in_schema=False)


@router.get("/{token}")
def first(request: Request, token: str) -> Response:
    if not _is_first(request, token):
        return render(request, "link_used.html", 404)
    return render(request, "first.html", token=token, typed={"email": "", "name": ""}, wrong={})


@router.post("/{token}")
def become_admin(request: Request, token: str, form: Sent) -> Response:
    state: State = request.app.state.tasuki
    typed = {name: form.get(name, "") for name in ("email", "name")}
    if not _is_first(request, token):
        return render(request, "link_used.html", 404)
    try:
        hashed, now = new_password(form, typed["email"]), state.clock()
        with state.database.write() as c:
            user = setting_up.first_admin(c, now, **typed, hashed=hashed)
            token = sessions.begin(c, user.id, request.headers.get("user-agent", ""), now)
    except setting_up.NotTheFirst:
        return render(request, "link_used.html", 404)
    except Refused as why:
        wrong = posted.wrong(why, reader_of(request).locale)
        return render(request, "first.html", 422, token=token, typed=typed, wrong=wrong)
    return begun(request, token, "/setup")


def _is_first(request: Request, token: str) -> bool:
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        empty = setting_up.is_empty(c)
    wanted = setting_up.invitation(secret_keys(state.settings))
    return empty and hmac.compare_digest(wanted.encode(), token.encode())
