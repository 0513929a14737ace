"""Who visits a page: a session behind the cookie, checked with every request, and what the visitor's role allows."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from app.domain.roles import Right, Role, Visitor
from app.flows import sessions
from app.flows.sessions import Session
from app.settings import Settings
from app.state import State

#: A path of our own with its query: no second slash or backslash in front, no control characters.
OWN_PAGE = re.compile(r"/(?:[A-Za-z0-9_.~%-]+(?:/[A-Za-z0-9_.~%-]+)*)?(?:\?[A-Za-z0-9_.~%&=+:,;@/!*'()$-]*)?")
LONGEST_PAGE = 2000
#: Whoever returns there would be asked to sign in again, or out.
NO_WAY_BACK = ("/sign-in", "/sign-out", "/welcome")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Open pages have one visitor, who may do everything and has no account.
DEMO = Visitor(0, "", "demo", Role.ADMIN, None, None)


class SignInNeeded(Exception):
    """The page is for those who have signed in."""


class NotAllowed(Exception):
    """The visitor's role lacks the right."""

    def __init__(self, right: Right) -> None:
        super().__init__(right)
        self.right = right


class FromElsewhere(Exception):
    """The form was sent by another site's page."""


def needed(request: Request) -> None:
    """For a page that is not open to everybody; sets `request.state.visitor`. Raises SignInNeeded."""
    state: State = request.app.state.tasuki
    if state.settings.open_pages:
        request.state.visitor = DEMO
        return
    session = of(request)
    if session is None:
        raise SignInNeeded
    request.state.session, request.state.visitor = session, session.visitor


def may(right: Right) -> Callable[[Request], None]:
    """A dependency: for visitors whose role has the right. Raises SignInNeeded, NotAllowed."""

    def allowed(request: Request) -> None:
        needed(request)
        if not visitor(request).may(right):
            raise NotAllowed(right)

    return allowed


def visitor(request: Request) -> Visitor:
    """Of a page that wants one."""
    found: Visitor = request.state.visitor
    return found


def visitor_or_none(request: Request) -> Visitor | None:
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found


def of(request: Request) -> Session | None:
    """The session behind the cookie; that it is in use is written down once a minute."""
    state: State = request.app.state.tasuki
    token, now = request.cookies.get(cookie(state.settings), ""), state.clock()
    if not token:
        return None
    with state.database.read() as c:
        session = sessions.find(c, token, now)
    if session and now - session.seen_at >= sessions.GRAIN:
        with state.database.write() as c:
            sessions.seen(c, session, now)
    return session


# --- the cookie


def is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")


def cookie(settings: Settings) -> str:
    """Its name. `__Host-`: browsers take it from this host alone, over https, for all paths."""
    return "__Host-tasuki" if is_secure(settings) else "tasuki"


def keep(response: Response, token: str, settings: Settings) -> None:
    seconds = int(sessions.LONGEST.total_seconds())
    response.set_cookie(
        cookie(settings), token, seconds, path="/", httponly=True, samesite="lax", secure=is_secure(settings)
    )


def forget(response: Response, settings: Settings) -> None:
    response.delete_cookie(cookie(settings), path="/", httponly=True, samesite="lax", secure=is_secure(settings))


# --- where a request comes from, and where a visitor may be sent


def check_origin(request: Request) -> None:
    """Changes are accepted from our own pages alone. Browsers say where a request comes from; who says nothing at all
    is no browser, and then must not bring a cookie. Raises FromElsewhere."""
    if request.method in SAFE:
        return
    settings: Settings = request.app.state.tasuki.settings
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    elif origin is not None:
        ours = origin in own_origins(request, settings)
    else:
        ours = cookie(settings) not in request.cookies
    if not ours:
        raise FromElsewhere


def own_origins(request: Request, settings: Settings) -> set[str]:
    """As the world reaches us, and as this request did."""
    public = urlsplit(settings.public_url)
    host = request.headers.get("host", "")
    return {f"{public.scheme}://{public.netloc}", f"{'https' if is_secure(settings) else request.url.scheme}://{host}"}


def own_page(path: str) -> str:
    """The path with its query if it is a page of ours; otherwise the start page."""
    own = len(path) <= LONGEST_PAGE and OWN_PAGE.fullmatch(path) and not path.startswith(NO_WAY_BACK)
    return path if own else "/"


def asked_page(request: Request) -> str:
    """The page that was asked for, to come back to."""
    path, query = quote(request.url.path, safe="/%~"), request.url.query
    return own_page(f"{path}?{query}" if query else path)


def page_of_form(request: Request) -> str:
    """Where a form that cannot be sent again stood: the nearest page at or above its address. `/users/3/disable` is no
    page, `/users/3` is."""
    path = request.url.path
    while path and not _is_page(request, path):
        path = path.rpartition("/")[0]
    return own_page(quote(path, safe="/%~")) if path else "/"


def _is_page(request: Request, path: str) -> bool:
    asked = dict(request.scope) | {"method": "GET", "path": path}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.router.routes)
