"""Signing in with the company's account: to the provider, and back."""

from __future__ import annotations

import hmac
import logging
from dataclasses import asdict
from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.flows import accounts
from app.flows.sources import WrongKey
from app.openid import RETURN_PATH, Errand, Provider, Untrusted
from app.pages import session
from app.pages.account_pages import begun
from app.pages.rendering import Page, reader_of, render, sign_in_page
from app.state import State

log = logging.getLogger("tasuki")
router = APIRouter(route_class=Page, include_in_schema=False)
#: For signing in at the provider.
LASTS = timedelta(minutes=10)
#: What could not be done → status, words.
REFUSALS = {
    "late": (400, "Signing in was begun too long ago, or in another browser. Begin again."),
    "declined": (401, "{provider} did not sign you in."),
    "silent": (502, "{provider} does not answer as it should. Try again later, or sign in with your password."),
    "unvouched": (403, "{provider} does not say that your e-mail address is yours. Have it confirmed there."),
    "unknown": (403, "Your account at {provider} was not invited here. An administrator of your Tasuki can do that."),
    "another": (403, "Another account at {provider} had your e-mail address before. An administrator can part them."),
}


class Refusal(Exception):
    """`why`: of REFUSALS."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@router.get("/sign-in/provider")
def to_provider(request: Request, next: str = "/") -> Response:
    state: State = request.app.state.tasuki
    if state.provider is None:
        return render(request, "missing.html", 404)
    errand, back = Errand.new(), session.own_page(next)
    try:
        answer = RedirectResponse(state.provider.address(errand), 303)
    except Untrusted as why:
        log.warning("Signing in with the provider: %s", why)
        return not_entered(request, state.provider, "silent", back)
    kept = asdict(errand) | {"back": back, "until": (state.clock() + LASTS).timestamp()}
    _keep(answer, state, state.vault.lock(kept).decode(), int(LASTS.total_seconds()))
    return answer


@router.get(RETURN_PATH)
def from_provider(request: Request, code: str = "", state: str = "") -> Response:
    held: State = request.app.state.tasuki
    if held.provider is None:
        return render(request, "missing.html", 404)
    errand, back = _kept(request, held)
    if errand is None or not hmac.compare_digest(errand.state.encode(), state.encode()):
        return not_entered(request, held.provider, "late", back)
    try:
        token = _entered(request, held, held.provider, code, errand)
    except Refusal as why:
        return not_entered(request, held.provider, why.why, back)
    answer = begun(request, token, back)
    _keep(answer, held, "", 0)
    return answer


def _entered(request: Request, state: State, provider: Provider, code: str, errand: Errand) -> str:
    """The token of a new session. Raises Refusal."""
    if not code:
        raise Refusal("declined")
    agent, now = request.headers.get("user-agent", ""), state.clock()
    try:
        identity = provider.identity(code, errand)
        with state.database.write() as c:
            return accounts.enter(c, identity, agent, now)
    except Untrusted as why:
        log.warning("Signing in with the provider: %s", why)
        raise Refusal("silent") from why
    except accounts.Unvouched as why:
        raise Refusal("unvouched") from why
    except accounts.Unknown as why:
        raise Refusal("unknown") from why
    except accounts.Another as why:
        raise Refusal("another") from why


def not_entered(request: Request, provider: Provider, why: str, back: str) -> Response:
    status, words = REFUSALS[why]
    said = reader_of(request).text(words, provider=provider.name)
    return sign_in_page(request, status, back=back, refusal=said)


# --- what the browser keeps meanwhile; nobody but us can read or write it


def _cookie(state: State) -> str:
    return f"{session.cookie(state.settings)}-errand"


def _keep(answer: Response, state: State, value: str, seconds: int) -> None:
    secure = session.is_secure(state.settings)
    answer.set_cookie(_cookie(state), value, seconds, path="/", httponly=True, samesite="lax", secure=secure)


def _kept(request: Request, state: State) -> tuple[Errand | None, str]:
    """The errand, and where the visitor wanted to go; None: there is none, or it took too long."""
    try:
        kept = state.vault.unlock(request.cookies.get(_cookie(state), "").encode())
        errand, back = Errand(kept["state"], kept["nonce"], kept["verifier"]), session.own_page(kept["back"])
    except (WrongKey, KeyError):
        return None, "/"
    return (errand if kept["until"] > state.clock().timestamp() else None), back
