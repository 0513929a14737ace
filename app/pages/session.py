"""Who may read the pages: who signs in with an API token that may read. A cookie keeps it; every request checks it."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.flows import tokens
from app.settings import Settings

COOKIE = "tasuki_token"
#: Seconds; the browser forgets the token after a month without signing in again.
KEPT = 30 * 24 * 3600
#: A sign-in form is a token and a path.
LARGEST_FORM = 8 * 1024
#: Where a reader may be sent after signing in: pages of our own, nothing else.
OWN_PAGE = re.compile(r"/([a-z0-9_.-]+(/[a-z0-9_.-]+)*)?")


class SignInNeeded(Exception):
    """The page is for readers who have signed in."""


class TooLarge(Exception):
    """What was sent is no sign-in form."""


def needed(request: Request) -> None:
    """For a page that is not open to everybody. Raises SignInNeeded."""
    state = request.app.state.tasuki
    if state.settings.open_pages:
        return
    with state.database.read() as c:
        if not may_read(c, request.cookies.get(COOKIE, "")):
            raise SignInNeeded


def may_read(c: Connection, token: str) -> bool:
    found = tokens.find(c, token) if token else None
    return found is not None and tokens.Scope.READ in found.scopes


def keep(response: Response, token: str, settings: Settings) -> None:
    response.set_cookie(
        COOKIE, token, KEPT, httponly=True, samesite="lax", secure=settings.public_url.startswith("https://")
    )


def forget(response: Response, settings: Settings) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=settings.public_url.startswith("https://"))


def own_page(path: str) -> str:
    """The path if it is a page of ours; otherwise the start page."""
    return path if OWN_PAGE.fullmatch(path) else "/"


def from_elsewhere(request: Request) -> bool:
    """A form of another site. Browsers say so; who sends no such header is no browser with our cookie."""
    return request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


async def form(request: Request) -> dict[str, str]:
    """A small form's fields, each once. Raises TooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise TooLarge
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
