"""Signing in and out, choosing a password by a one-time link, and one's own account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.passwords import check, same
from app.domain.refusals import Refused, refused
from app.flows import links, passwords, sessions, sign_in, users
from app.flows.administer import Admin
from app.pages import posted, session
from app.pages.posted import Sent
from app.pages.rendering import Page, reader_of, render, sign_in_page
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False)
signed_in = [Depends(session.needed)]


@router.get("/sign-in")
def sign_in_form(request: Request) -> Response:
    back = session.own_page(request.query_params.get("next", "/"))
    if request.app.state.tasuki.settings.open_pages or session.of(request):
        return RedirectResponse(reader_of(request).href(back), 303)
    return sign_in_page(request, back=back)


@router.post("/sign-in")
def enter(request: Request, form: Sent) -> Response:
    """Back to where the visitor wanted to go; with a form that came too late, to send it again."""
    state: State = request.app.state.tasuki
    back, kept = session.own_page(form.get("next", "/")), form.get("kept", "")
    if "signed_in" in form and session.of(request):
        return send_again(request, back, posted.again(kept))
    try:
        token = sign_in.run(state.database, attempt(request, form.get("email", ""), form), state.clock())
    except (sign_in.Wrong, sign_in.Wait) as why:
        status, refusal, headers = refusal_of(request, why)
        content = {"back": back, "kept": kept, "email": form.get("email", ""), "refusal": refusal}
        answer: Response = sign_in_page(request, status, **content)
        answer.headers.update(headers)
        return answer
    return begun(request, token, back, posted.again(kept))


def attempt(request: Request, email: str, form: dict[str, str]) -> sign_in.Attempt:
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    return sign_in.Attempt(email, form.get("password", ""), address, agent)


def refusal_of(request: Request, why: Exception) -> tuple[int, str, dict[str, str]]:
    """Status, words, headers. An unknown login gets what a wrong password gets."""
    reader = reader_of(request)
    if not isinstance(why, sign_in.Wait):
        return 401, reader.text("E-mail address or password is wrong."), {}
    minutes = minutes_until(why.until, reader.now)
    said = reader.text("Too many attempts. Try again in {n} minutes.", n=minutes)
    return 429, said, {"Retry-After": str(60 * minutes)}


def minutes_until(until: datetime, now: datetime) -> int:
    return max(1, -(-int((until - now).total_seconds()) // 60))


def begun(request: Request, token: str, back: str, fields: list[tuple[str, str]] | None = None) -> Response:
    """A session began: it is kept, and the one that this browser had before ends."""
    state: State = request.app.state.tasuki
    with state.database.write() as c:
        sessions.end(c, request.cookies.get(session.cookie(state.settings), ""), state.clock())
    answer: Response = RedirectResponse(reader_of(request).href(back), 303)
    if fields:
        answer = send_again(request, back, fields)
    session.keep(answer, token, state.settings)
    return answer


def send_again(request: Request, back: str, fields: list[tuple[str, str]]) -> Response:
    """What was typed before the session ended, to be sent with one press."""
    return render(request, "send_again.html", back=back, fields=fields)


@router.post("/sign-out")
def leave(request: Request) -> Response:
    state: State = request.app.state.tasuki
    with state.database.write() as c:
        sessions.end(c, request.cookies.get(session.cookie(state.settings), ""), state.clock())
    answer = RedirectResponse(reader_of(request).href("/sign-in"), 303)
    session.forget(answer, state.settings)
    return answer


# --- the one-time link


@router.get("/welcome/{token}")
def welcome(request: Request, token: str) -> Response:
    state: State = request.app.state.tasuki
    try:
        with state.database.read() as c:
            known = links.find(c, token, state.clock())
    except links.NoSuchLink:
        return render(request, "link_used.html", 404)
    return render(request, "welcome.html", known=known, token=token, wrong={})


@router.post("/welcome/{token}")
def choose_password(request: Request, token: str, form: Sent) -> Response:
    state, now = request.app.state.tasuki, reader_of(request).now
    try:
        with state.database.read() as c:
            known = links.find(c, token, now)
        hashed = new_password(form, known.email)
        with state.database.write() as c:
            links.choose_password(c, token, hashed, now)
            begins = sessions.begin(c, known.user_id, request.headers.get("user-agent", ""), now)
    except links.NoSuchLink:
        return render(request, "link_used.html", 404)
    except Refused as why:
        wrong = posted.wrong(why, reader_of(request).locale)
        return render(request, "welcome.html", 422, known=known, token=token, wrong=wrong)
    return begun(request, begins, "/")


def new_password(form: dict[str, str], email: str) -> str:
    """Its hash. Raises Refused."""
    password = form.get("password", "")
    check(password, email)
    same(password, form.get("password_again", ""))
    return passwords.hashed(password)


# --- one's own account


@router.get("/account", dependencies=signed_in)
def account(request: Request) -> Response:
    return shown(request, done=request.query_params.get("done", ""))


def shown(request: Request, status: int = 200, **content: Any) -> Response:
    """The account; open pages have none."""
    state: State = request.app.state.tasuki
    visitor = session.visitor(request)
    if not visitor.id:
        return render(request, "missing.html", 404)
    with state.database.read() as c:
        open_ones = sessions.of_user(c, visitor.id, state.clock())
    nothing = {"typed": {"name": visitor.name, "locale": visitor.locale or ""}, "wrong": {}, "done": ""}
    here = request.state.session.id
    return render(request, "account.html", status, sessions=open_ones, here=here, **nothing | content)


def done(request: Request, what: str) -> Response:
    """After a change: the account, with a sentence about it."""
    return RedirectResponse(reader_of(request).href("/account", done=what), 303)


@router.post("/account", dependencies=signed_in)
def rename(request: Request, form: Sent) -> Response:
    state, visitor = request.app.state.tasuki, session.visitor(request)
    wanted = {name: form.get(name, "") for name in ("name", "locale")}
    try:
        with state.database.write() as c:
            users.rename(c, Admin(visitor.by, state.clock()), visitor.id, **wanted)
    except Refused as why:
        return shown(request, 422, typed=wanted, wrong=posted.wrong(why, reader_of(request).locale))
    except users.NoSuchUser:
        return render(request, "missing.html", 404)
    return done(request, "saved")


@router.post("/account/password", dependencies=signed_in)
def change_password(request: Request, form: Sent) -> Response:
    """All sessions end, and this browser gets a new one."""
    state, visitor, now = request.app.state.tasuki, session.visitor(request), reader_of(request).now
    try:
        _prove(request, form)
        hashed = new_password(form, visitor.email)
    except Refused as why:
        return shown(request, 422, wrong=posted.wrong(why, reader_of(request).locale))
    with state.database.write() as c:
        users.set_password(c, Admin(visitor.by, now), visitor.id, hashed)
        token = sessions.begin(c, visitor.id, request.headers.get("user-agent", ""), now)
    return begun(request, token, "/account?done=password")


def _prove(request: Request, form: dict[str, str]) -> None:
    """The present password, as often as when signing in. Raises Refused."""
    state: State = request.app.state.tasuki
    given = attempt(request, session.visitor(request).email, {"password": form.get("present_password", "")})
    try:
        sign_in.prove(state.database, given, state.clock())
    except sign_in.Wrong:
        raise refused("/present_password", "wrong_password", "This is not your present password.") from None
    except sign_in.Wait as why:
        said, minutes = "Too many attempts. Try again in {n} minutes.", minutes_until(why.until, state.clock())
        raise refused("/present_password", "wait", said, n=minutes) from None


@router.post("/account/sessions/{number}/end", dependencies=signed_in)
def end_one(request: Request, number: str) -> Response:
    state, visitor = request.app.state.tasuki, session.visitor(request)
    try:
        with state.database.write() as c:
            sessions.revoke(c, visitor.id, as_id(number), state.clock())
    except sessions.NoSuchSession:
        return render(request, "missing.html", 404)
    return done(request, "ended")


@router.post("/account/sessions/end", dependencies=signed_in)
def end_others(request: Request) -> Response:
    state, visitor = request.app.state.tasuki, session.visitor(request)
    with state.database.write() as c:
        here = getattr(request.state, "session", None)
        sessions.revoke_all(c, visitor.id, state.clock(), but=here.id if here else None)
    return done(request, "ended")


def as_id(number: str) -> int:
    """0, which nothing has, for what no database can hold."""
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
