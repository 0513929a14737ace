"""Sources: which tools send, how each is heard, what lies in its inbox, and how its fields are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.domain.quality import mapping_line
from app.domain.refusals import Refused
from app.domain.roles import Right
from app.domain.written import as_yaml
from app.flows import feeds, inbox, lists, sources, today, trial
from app.flows.administer import Admin
from app.flows.feeds import Standing
from app.flows.lists import SourceEntry
from app.flows.sources import NoSuchSource, OpenSource
from app.pages import agreement_words, forms, session, source_forms, source_words
from app.pages.forms import Sent
from app.pages.rendering import Page, render
from app.pages.source_words import DELIVERIES
from app.state import State
from connectors import registry

router = APIRouter(
    prefix="/sources",
    route_class=Page,
    include_in_schema=False,
    dependencies=[Depends(session.may(Right.ADMINISTER))],
)
#: Deliveries a page.
ROWS = 50


def admin(request: Request) -> Admin:
    return Admin(session.visitor(request).by, request.app.state.tasuki.clock())


# --- all sources, and a further one


@dataclass(frozen=True, slots=True)
class Row:
    source: SourceEntry
    standing: Standing
    #: Its newest delivery; None: nothing came yet, or long ago.
    heard_at: datetime | None
    #: State → deliveries that are not done with.
    backlog: Mapping[str, int]


def rows(c: Connection, state: State) -> list[Row]:
    standings = {each.name: each for each in feeds.standings(c, feeds.default_calendar(c))}
    fresh = {each.name: each.heard_at for each in today.freshness(c)}
    backlog = inbox.backlog(c)

    def row(source: SourceEntry) -> Row:
        standing = standings[source.name]
        heard_at = fresh.get(source.name) or standing.hearing.heard_at
        return Row(source, standing, heard_at, backlog.get(source.name, {}))

    return [row(source) for source in lists.all_sources(c, state.vault)]


@router.get("")
def listed(request: Request) -> Response:
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        found = rows(c, state)
    return render(request, "sources.html", rows=found, said=source_words)


@router.get("/new")
def new(request: Request) -> Response:
    return new_page(request)


def new_page(request: Request, status: int = 200, **content: Any) -> Response:
    """`given`: what is to be entered in the tool, shown this once."""
    nothing: dict[str, Any] = {"attempt": forms.NOTHING, "given": None}
    return render(request, "source_new.html", status, kinds=registry.kinds(), **nothing | content)


@router.post("")
def add(request: Request, sent: Sent) -> Response:
    state: State = request.app.state.tasuki
    try:
        wanted = source_forms.new_source(sent)
        with state.database.write() as c:
            source_forms.add(c, state, admin(request), wanted)
    except Refused as why:
        return new_page(request, 422, attempt=forms.attempt(dict(sent) | {"form": "source"}, why))
    state.directory.forget()
    given = source_forms.to_enter(state, wanted.name, wanted.kind, wanted.secret, ours=wanted.ours)
    return new_page(request, 201, given=given)


# --- one source: how it is heard, and its inbox


@router.get("/{name}")
def one(request: Request, name: str) -> Response:
    return source_page(request, name)


def source_page(request: Request, name: str, status: int = 200, **content: Any) -> Response:
    """`given`: a new secret, shown this once."""
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        row = next((each for each in rows(c, state) if each.source.name == name), None)
        if row is None:
            return render(request, "missing.html", 404)
        shown = {"row": row, "rate": inbox.rate(c, name, state.clock())} | _inbox(c, request, name)
    nothing: dict[str, Any] = {
        "attempt": forms.NOTHING,
        "given": None,
        "done": request.query_params.get("done", ""),
        "replayed": forms.whole(request.query_params, "replayed"),
        "url": source_forms.webhook_url(state, name),
    }
    words = {"said": source_words, "remedies": feeds.REMEDIES}
    return render(request, "source.html", status, **words | shown | nothing | content)


def _inbox(c: Connection, request: Request, name: str) -> dict[str, Any]:
    """`?state=`, `?after=`: which deliveries, and the number after which the page begins."""
    asked, after = request.query_params.get("state", ""), forms.whole(request.query_params, "after")
    wanted = {asked} & set(DELIVERIES)
    page = lists.deliveries(c, states=wanted, source=name, after=(after,) if after else None, limit=ROWS)
    return {
        "deliveries": page.rows,
        "next": page.last[0] if page.last else None,
        "asked": asked if wanted else "",
        "first": not after,
    }


# --- one source: how its fields are read


@router.get("/{name}/mapping")
def mapping(request: Request, name: str) -> Response:
    return mapping_page(request, name)


def mapping_page(request: Request, name: str, status: int = 200, **content: Any) -> Response:
    """`look`, `rehearsal`: what the tool and its sample said, if they were asked."""
    state: State = request.app.state.tasuki
    try:
        opened = _opened(state, known_name(name))
        with state.database.read() as c:
            source = lists.source(c, state.vault, name)
            schema = trial.schema(c, opened) if opened else None
    except NoSuchSource:
        return render(request, "missing.html", 404)
    nothing: dict[str, Any] = {"attempt": forms.NOTHING, "look": None, "rehearsal": None, "conflict": None}
    shown = {
        "source": source,
        "schema": schema,
        "written": as_yaml(source.config) if source.config else "",
        "print": sources.fingerprint(source.config),
        "statuses": agreement_words.STATUSES,
        "mapping_line": mapping_line,
        "done": request.query_params.get("done", ""),
    }
    return render(request, "source_mapping.html", status, **shown | nothing | content)


def _opened(state: State, name: str) -> OpenSource | None:
    """None: there is none, or its configuration is of an older version and has to be mended first."""
    try:
        return trial.open_source(state.directory, name, state.clock())
    except NoSuchSource:
        return None


def known_name(name: str) -> str:
    """Raises NoSuchSource for what no source can be called."""
    if not sources.NAME.fullmatch(name):
        raise NoSuchSource(name)
    return name
