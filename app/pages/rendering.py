"""A page for its reader: language, time zone, templates, and the headers that every page carries."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.domain.agenda import Lead as Person
from app.domain.language import LOCALES, known_locale, moment, span, text, translations
from app.domain.roles import RIGHT_NAMES, ROLE_NAMES
from app.domain.rules import Finding, explain_finding
from app.flows.messages import who
from app.pages import assets, posted, session, words
from app.pages.feeds import one_line, overdue_in_words
from app.pages.navigation import PLACES

#: No script, no style and no picture but our own; nobody may frame the pages, nothing is kept in caches.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it browsers send forms with `Origin: null`, and over plain http that is all they say.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Page(APIRoute):
    """A route whose answers carry HEADERS, which takes changes from our own pages alone, and which asks strangers to
    sign in: then they see what they asked for, and what they had typed is not lost."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                session.check_origin(request)
                response = await answer(request)
            except (session.SignInNeeded, session.NotAllowed, session.FromElsewhere, posted.TooLarge) as why:
                response = await turned_away(request, why)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return guarded


async def turned_away(request: Request, why: Exception) -> Response:
    match why:
        case session.SignInNeeded() if request.method in session.SAFE:
            return to_sign_in(request)
        case session.SignInNeeded():
            kept = await posted.kept(request)
            back = session.asked_page(request) if kept else session.page_of_form(request)
            return sign_in_page(request, 401, back=back, kept=kept, expired=True)
        case session.NotAllowed():
            return render(request, "forbidden.html", 403, lacking=RIGHT_NAMES[why.right])
        case session.FromElsewhere():
            return render(request, "elsewhere.html", 403)
        case _:
            return render(request, "too_large.html", 413)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at a page, and when."""

    locale: str
    #: The language was chosen by a link and stays chosen.
    chosen: bool
    zone: ZoneInfo
    now: datetime
    path: str
    query: tuple[tuple[str, str], ...]

    def href(self, path: str, **query: str) -> str:
        """A link to a page of ours, in the language that was chosen."""
        asked = query | ({"lang": self.locale} if self.chosen and "lang=" not in path else {})
        return f"{path}{'&' if '?' in path else '?'}{urlencode(asked)}" if asked else path

    def in_language(self, locale: str) -> str:
        """This page in another language."""
        kept = [(name, value) for name, value in self.query if name != "lang"]
        return f"{self.path}?{urlencode([*kept, ('lang', locale)])}"

    def moment(self, at: datetime, *, year: bool = False) -> str:
        return moment(at, self.zone, self.locale, year=year)

    def span(self, length: timedelta, working: bool = False) -> str:
        """`2時間10分`, in working time `営業2:10`."""
        return overdue_in_words(length, working, self.locale)

    def ago(self, at: datetime) -> str:
        """`2分前`."""
        passed = self.now - at
        if passed < timedelta(minutes=1):
            return text(self.locale, "just now")
        return text(self.locale, "{span} ago", span=span(passed, self.locale))

    def text(self, message: str, **values: object) -> str:
        return text(self.locale, message, **values)


def reader_of(request: Request) -> Reader:
    """Language by ?lang=, else the visitor's own, else as the browser asks, else as the settings say."""
    state, visitor = request.app.state.tasuki, session.visitor_or_none(request)
    asked = request.query_params.get("lang", "")
    chosen = asked in LOCALES
    own = visitor.locale if visitor and visitor.locale else request.headers.get("accept-language", "")
    wished = asked if chosen else f"{own},{state.settings.locale}"
    query = tuple(request.query_params.multi_items())
    return Reader(known_locale(wished), chosen, state.settings.zone, state.clock(), request.url.path, query)


def render(request: Request, name: str, status: int = 200, **content: object) -> HTMLResponse:
    """The template with `reader`, `settings`, `visitor` (None: nobody has signed in) and the content."""
    reader, settings = reader_of(request), request.app.state.tasuki.settings
    shown = {"reader": reader, "settings": settings, "visitor": session.visitor_or_none(request)}
    return HTMLResponse(templates(reader.locale).get_template(name).render(**shown | content), status)


def to_sign_in(request: Request) -> Response:
    back = session.asked_page(request)
    return RedirectResponse(reader_of(request).href("/sign-in", **({"next": back} if back != "/" else {})), 303)


def sign_in_page(request: Request, status: int = 200, **content: object) -> HTMLResponse:
    """`back`: where it leads. `kept`: fields of a form to send again, encoded. `refusal`: words, final."""
    provider = request.app.state.tasuki.provider
    nothing = {"back": "/", "kept": "", "email": "", "refusal": "", "expired": False}
    nothing["provider"] = provider.name if provider else ""
    return render(request, "sign_in.html", status, **nothing | content)


@cache
def templates(locale: str) -> Environment:
    """One locale's templates: `_()` for fixed words, `say()` for words with values."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations(locale))  # type: ignore[attr-defined]
    made.globals |= {
        "say": partial(text, locale),
        "who": partial(_who, locale),
        "words": words,
        "assets": assets,
        "places": PLACES,
        "roles": ROLE_NAMES,
    }
    made.globals["role_words"] = partial(_roles, locale)
    made.globals["explain"] = partial(_explain, locale)
    made.filters |= {"line": one_line, "web": _web_address, "written": _as_json}
    return made


def _who(locale: str, lead: Person) -> str:
    return one_line(who(lead, locale))


def _roles(locale: str) -> list[tuple[str, str]]:
    """For a field to choose from."""
    return [(role.value, text(locale, name)) for role, name in ROLE_NAMES.items()]


def _explain(locale: str, finding: Finding) -> str:
    return explain_finding(finding, locale)


def _web_address(url: str | None) -> str:
    """An address from outside, as it may stand in a link; empty for anything but http and https."""
    return url if url and url.startswith(("https://", "http://")) else ""


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
