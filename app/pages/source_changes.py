"""What an administrator changes about a source: its secrets, its configuration, whether it may send; and trying it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.differences import differences
from app.domain.refusals import Refused
from app.domain.roles import Right
from app.domain.written import as_yaml
from app.flows import administer, lists, sources, trial
from app.flows.administer import Admin
from app.flows.sources import NoSuchSource, Overtaken
from app.pages import forms, session, source_forms
from app.pages.forms import Sent
from app.pages.rendering import Page, reader_of, render
from app.pages.source_pages import admin, known_name, mapping_page, source_page
from app.state import State

router = APIRouter(
    prefix="/sources/{name}",
    route_class=Page,
    include_in_schema=False,
    dependencies=[Depends(session.may(Right.ADMINISTER))],
)
Change = Callable[[Connection, Admin], object]


def _change(request: Request, change: Change) -> None:
    """Committed, and seen by this process's webhooks; other processes see it within seconds."""
    state: State = request.app.state.tasuki
    with state.database.write() as c:
        change(c, admin(request))
    state.directory.forget()


def _done(request: Request, name: str, change: Change) -> Response:
    try:
        _change(request, change)
    except NoSuchSource:
        return render(request, "missing.html", 404)
    return RedirectResponse(reader_of(request).href(f"/sources/{name}", done="saved"), 303)


@router.post("/disable")
def disable(request: Request, name: str) -> Response:
    return _done(request, name, lambda c, by: administer.disable_source(c, by, known_name(name)))


@router.post("/enable")
def enable(request: Request, name: str) -> Response:
    return _done(request, name, lambda c, by: administer.enable_source(c, by, known_name(name)))


@router.post("/rotate")
def rotate(request: Request, name: str, sent: Sent) -> Response:
    """A new secret; one that Tasuki makes is shown this once."""
    state: State = request.app.state.tasuki
    try:
        given = source_forms.secret(sent)
        with state.database.read() as c:
            kind = lists.source(c, state.vault, known_name(name)).kind
        secret = sources.secret_for(kind, given)
        _change(request, lambda c, by: administer.rotate_source(c, state.vault, by, name, secret))
    except NoSuchSource:
        return render(request, "missing.html", 404)
    except Refused as why:
        return source_page(request, name, 422, attempt=forms.attempt({"form": "rotate"}, why))
    return source_page(request, name, 201, given=source_forms.to_enter(state, name, kind, secret, ours=not given))


@router.post("/credential")
def credential(request: Request, name: str, sent: Sent) -> Response:
    """It is never shown again."""
    state: State = request.app.state.tasuki
    try:
        given = source_forms.credential(sent, needed=True)
    except Refused as why:
        return source_page(request, name, 422, attempt=forms.attempt({"form": "credential"}, why))
    return _done(request, name, lambda c, by: administer.set_credential(c, state.vault, by, known_name(name), given))


@router.post("/replay")
def replay(request: Request, name: str) -> Response:
    """Everything that this source has in quarantine is read again."""
    state: State = request.app.state.tasuki
    try:
        with state.database.write() as c:
            count = administer.replay_quarantined(c, admin(request), known_name(name))
    except NoSuchSource:
        return render(request, "missing.html", 404)
    state.stored.set()
    return RedirectResponse(reader_of(request).href(f"/sources/{name}", replayed=str(count)), 303)


# --- configuration


@dataclass(frozen=True, slots=True)
class Conflict:
    """What somebody else saved meanwhile, and how what was typed differs from it."""

    theirs: str
    differences: tuple[Any, ...]


@router.post("/config")
def configure(request: Request, name: str, sent: Sent) -> Response:
    """The configuration as YAML or JSON; one that was based on another than the stored one is not saved."""
    state: State = request.app.state.tasuki
    typed = dict(sent) | {"form": "config"}
    try:
        with state.database.read() as c:
            kind = lists.source(c, state.vault, known_name(name)).kind
        wanted = source_forms.configuration(kind, sent.get("config", ""))
        _change(request, lambda c, by: administer.configure_source(c, by, name, wanted, sent.get("print", "")))
    except NoSuchSource:
        return render(request, "missing.html", 404)
    except Refused as why:
        # Once mended it is still based on what it was based on.
        return mapping_page(request, name, 422, attempt=forms.attempt(typed, why), print=sent.get("print", ""))
    except Overtaken as why:
        conflict = Conflict(as_yaml(why.config), tuple(differences(why.config, wanted)))
        return mapping_page(request, name, 409, attempt=forms.Attempt("config", typed), conflict=conflict)
    return RedirectResponse(reader_of(request).href(f"/sources/{name}/mapping", done="saved"), 303)


# --- trying it; nothing is changed


@router.post("/check")
def check(request: Request, name: str) -> Response:
    """The tool is asked for a little of everything that the source needs."""
    state: State = request.app.state.tasuki
    try:
        source = trial.open_source(state.directory, known_name(name), state.clock())
    except NoSuchSource:
        return mapping_page(request, name)
    return mapping_page(request, name, look=trial.look_at(source, state.http))


@router.post("/test")
def rehearse(request: Request, name: str) -> Response:
    """The tool's own sample goes through the source as it is configured; nothing is written down."""
    state, now = request.app.state.tasuki, request.app.state.tasuki.clock()
    try:
        source = trial.open_source(state.directory, known_name(name), now)
    except NoSuchSource:
        return mapping_page(request, name)
    found = trial.rehearse(source, source_forms.webhook_url(state, name), now)
    return mapping_page(request, name, rehearsal=found)
