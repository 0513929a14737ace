"""What was raised, as an answer: every error leaves as a problem document, and none says more than the caller needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_type_hints

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.api import openapi
from app.api.problems import Problem, locale_of, problem, request_id
from app.api.schemas import Asked
from app.domain.language import text
from app.domain.refusals import Refusal, Refused, refusals_in, refused
from app.flows import (
    absences,
    actions,
    bursts,
    channels,
    contents,
    definitions,
    dossier,
    follow_ups,
    lists,
    meetings,
    policies,
    process_rules,
    record,
    reviews,
    sources,
    templates,
)
from app.pages import papers

log = logging.getLogger("tasuki")


def install(app: FastAPI) -> None:
    """Every error leaves as a problem document, and the OpenAPI document says so."""
    for raised, answer in ANSWERS.items():
        app.add_exception_handler(raised, answer)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]


async def _said(request: Request, raised: Exception) -> Response:
    assert isinstance(raised, Problem)
    detail = text(locale_of(request), raised.detail, **raised.values) if raised.detail else ""
    return problem(request, raised.status, raised.code, detail=detail, errors=raised.errors, headers=raised.headers)


async def _refused(request: Request, raised: Exception) -> Response:
    assert isinstance(raised, Refused)
    return problem(request, 422, "refused", errors=raised.refusals)


async def _invalid(request: Request, raised: Exception) -> Response:
    assert isinstance(raised, RequestValidationError)
    refusals = tuple(_refusals(raised, *_models_of(request.scope["endpoint"])))
    if strange := [r for r in refusals if r.code == "extra_forbidden" and r.place.startswith("parameter:")]:
        return problem(request, 400, "unknown_parameter", errors=strange)
    return problem(request, 422, "refused", errors=refusals)


def _models_of(endpoint: Any) -> tuple[type[BaseModel] | None, type[BaseModel] | None]:
    """The models of an endpoint's query and of its body, for what they know about misspelt names."""
    hints = {name: hint for name, hint in get_type_hints(endpoint).items() if name != "return"}
    models = [hint for hint in hints.values() if isinstance(hint, type) and issubclass(hint, BaseModel)]
    asked = next((model for model in models if issubclass(model, Asked)), None)
    return asked, next((model for model in models if not issubclass(model, Asked)), None)


def _refusals(
    raised: RequestValidationError, asked: type[BaseModel] | None, written: type[BaseModel] | None
) -> Iterator[Refusal]:
    errors = raised.errors()
    if isinstance(raised.body, bytes) or any(
        error["loc"] == ("body",) and error["type"] == "missing" for error in errors
    ):
        yield from refused("", "not_json", "Send the body as JSON, with `Content-Type: application/json`.").refusals
        return
    yield from refusals_in(_within(errors, "body"), written)
    for place, kind, model in (("query", "parameter", asked), ("path", "parameter", None), ("header", "header", None)):
        for refusal in refusals_in(_within(errors, place), model):
            yield replace(refusal, place=f"{kind}:{refusal.place.split('/')[1]}")


def _within(errors: Sequence[Any], place: str) -> list[dict[str, Any]]:
    """The errors of one part of the request; where JSON is broken, its place is a character and no key."""
    mine = [error for error in errors if error["loc"][0] == place]
    return [error | {"loc": () if error["type"] == "json_invalid" else error["loc"][1:]} for error in mine]


NOT_THERE: dict[type[Exception], str] = {
    lists.NoSuchLead: "There is no lead {key}.",
    follow_ups.NoSuchFollowUp: "No follow-up that was recorded by hand has the id {key}.",
    dossier.NoSuchHandoff: "There is no handoff {key}.",
    lists.NoSuchDelivery: "There is no delivery {key}.",
    bursts.NoSuchBurst: "There is no burst {key}.",
    absences.NoSuchAbsence: "There is no absence {key}.",
    lists.NoSuchAlert: "There is no alert {key}.",
    lists.NoSuchPolicy: "There is no policy {key}.",
    policies.NoSuchCalendar: "There is no calendar {key}.",
    sources.NoSuchSource: "There is no source called {key}.",
    actions.NoSuchAction: "There is no action item {key}.",
    process_rules.NoSuchProcessRule: "There is no process rule {key}.",
    definitions.NoSuchDefinition: "The definitions have no version {key}.",
    channels.NoSuchWord: "Nobody has decided which channel {key} means.",
    contents.NoSuchContent: "No content has the id {key}.",
    meetings.NoSuchSeries: "There is no meeting series {key}.",
    record.NoSuchMeeting: "There is no meeting {key} yet: only the next one can be prepared.",
    papers.NotWritten: "Meeting {key} has no such paper yet: the agenda is frozen 24 business hours ahead, the minutes "
    "are written when it is closed.",
    reviews.NoSuchProposal: "There is no proposal {key}.",
    templates.NoSuchTemplate: "There is no agenda template {key}.",
    meetings.NoMeetingAhead: "The series {key} has no meeting ahead: its calendar has no open day for it.",
}


async def _not_there(request: Request, raised: Exception) -> Response:
    said = text(locale_of(request), NOT_THERE[type(raised)], key=raised)
    return problem(request, 404, "not_found", detail=said)


#: Status of an error that the framework raises → our code.
FRAMEWORK = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


async def _framework(request: Request, raised: Exception) -> Response:
    assert isinstance(raised, HTTPException)
    code = FRAMEWORK.get(raised.status_code, "refused" if raised.status_code < 500 else "failed")
    limit = request.app.state.tasuki.settings.max_body_bytes
    detail = text(locale_of(request), "At most {n} bytes are taken.", n=limit) if code == "too_large" else ""
    return problem(request, raised.status_code, code, detail=detail, headers=raised.headers)


async def _unavailable(request: Request, raised: Exception) -> Response:
    _write_down(request, raised)
    return problem(request, 503, "unavailable", headers={"Retry-After": "10"})


async def _unstorable(request: Request, raised: Exception) -> Response:
    _write_down(request, raised)
    said = "Holds a character or a number that cannot be stored, such as U+0000."
    return problem(request, 422, "refused", errors=refused("", "not_storable", said).refusals)


async def _overtaken(request: Request, raised: Exception) -> Response:
    _write_down(request, raised)
    said = text(locale_of(request), "Somebody else changed the same thing at this moment.")
    return problem(request, 409, "conflict", detail=said)


async def _seen_before(request: Request, raised: Exception) -> Response:
    assert isinstance(raised, actions.Overtaken)
    said = text(
        locale_of(request), "Somebody else changed it: it is version {version} now.", version=raised.now.version
    )
    return problem(request, 409, "conflict", detail=said)


async def _failed(request: Request, raised: Exception) -> Response:
    _write_down(request, raised)
    return problem(request, 500, "failed")


def _write_down(request: Request, raised: Exception) -> None:
    """The kind of error alone: its words may hold personal data."""
    what = f"{type(raised).__module__}.{type(raised).__name__}"
    log.error("%s %s: %s (request %s)", request.method, request.url.path, what, request_id(request))


ANSWERS = {
    **dict.fromkeys(NOT_THERE, _not_there),
    Problem: _said,
    Refused: _refused,
    RequestValidationError: _invalid,
    HTTPException: _framework,
    OperationalError: _unavailable,
    InterfaceError: _unavailable,
    NoConnectionFree: _unavailable,
    DataError: _unstorable,
    IntegrityError: _overtaken,
    actions.Overtaken: _seen_before,
    Exception: _failed,
}
