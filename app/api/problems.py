"""Errors as RFC 9457 problem documents, in the caller's language, naming the field where there is one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, get_type_hints
from uuid import uuid4

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.api import openapi
from app.api.schemas import Asked
from app.domain.language import known_locale, text
from app.domain.refusals import Refusal, Refused, refusals_in, refused
from app.flows import dossier, lists, meetings, policies, sources

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("tasuki")

#: Code → title. `type` of a problem is the page /problems/{code}, which prints the title and the advice.
TITLES = {
    "no_such_source": "No such source",
    "unverified": "The request does not prove where it comes from",
    "too_large": "The body is too large",
    "busy": "Too many deliveries at once",
    "not_stored": "The delivery could not be stored",
    "unavailable": "The database does not answer",
    "not_found": "Not found",
    "refused": "The request cannot be accepted as it is",
    "unknown_parameter": "Unknown parameter",
    "not_signed_in": "A valid token is needed",
    "not_allowed": "The token may not do this",
    "conflict": "This does not fit the present state",
    "method_not_allowed": "The method is not allowed here",
    "failed": "Something failed on our side",
}
ADVICE = {
    "no_such_source": "Check the webhook's URL; `tasuki source list` prints the names and which of them are disabled.",
    "unverified": "Check that tool and source have the same secret, and that the sender's clock is right.",
    "too_large": "Send smaller batches, or raise TASUKI_MAX_BODY_BYTES.",
    "busy": "Send the same request again after the seconds in Retry-After.",
    "not_stored": "The database does not answer. Send the same request again later; nothing was accepted.",
    "unavailable": "Send the same request again after the seconds in Retry-After; nothing was changed.",
    "not_found": "Check the id or the path; /docs lists what there is.",
    "refused": "Mend the fields that `errors` names and send it again.",
    "unknown_parameter": "Leave the parameter out or correct its name.",
    "not_signed_in": "Send `Authorization: Bearer …` with a token made by `tasuki token create`.",
    "not_allowed": "Make a token with the scope that `detail` names.",
    "conflict": "Read the present state again, then decide.",
    "method_not_allowed": "/docs lists the methods of every path.",
    "failed": "Try again; if it stays, give the operator the request id.",
}


class Problem(Exception):
    """Raised by an endpoint; answered as a problem document. `detail` is an English message id."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        values: Mapping[str, object] | None = None,
        errors: Iterable[Refusal] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or TITLES[code])
        self.status, self.code, self.detail, self.values = status, code, detail, dict(values or {})
        self.errors, self.headers = tuple(errors), headers


def problem(
    request: Request,
    status: int,
    code: str,
    *,
    detail: str = "",
    errors: Iterable[Refusal] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    locale = locale_of(request)
    content: dict[str, Any] = {
        "type": str(request.base_url).rstrip("/") + f"/problems/{code}",
        "title": text(locale, TITLES[code]),
        "status": status,
        "instance": request.url.path,
        "request_id": request_id(request),
    }
    if detail:
        content["detail"] = detail
    if named := [_error(refusal) for refusal in errors]:
        content["errors"] = named
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def request_id(request: Request) -> str:
    """By which the operator finds the request's line in the log."""
    known: str = request.scope.setdefault("tasuki.request_id", uuid4().hex)
    return known


def _error(refusal: Refusal) -> dict[str, Any]:
    """Where: `pointer` into the body (RFC 6901), or the name of a `parameter` or `header`."""
    kind, _, name = (
        refusal.place.rpartition(":") if refusal.place[:1] not in ("", "/") else ("pointer", "", refusal.place)
    )
    said = {
        kind: name,
        "code": refusal.code,
        "message_en": refusal.message_en,
        "message_ja": refusal.message_ja,
    }
    return said | ({"suggestion": refusal.suggestion} if refusal.suggestion else {})


def locale_of(request: Request) -> str:
    return known_locale(request.headers.get("accept-language") or request.app.state.tasuki.settings.locale)


@contextmanager
def under(place: str) -> Iterator[None]:
    """What is refused inside the block stands at that place of the body."""
    try:
        yield
    except Refused as why:
        raise Refused([replace(refusal, place=place + refusal.place) for refusal in why.refusals]) from None


async def describe(request: Request) -> Response:
    """GET /problems/{code}: what the code means and what to do."""
    code = request.path_params["code"]
    if code not in TITLES:
        return problem(request, 404, "not_found")
    locale = locale_of(request)
    return PlainTextResponse(f"{text(locale, TITLES[code])}\n\n{text(locale, ADVICE[code])}\n")


# --- what was raised, as an answer


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
    dossier.NoSuchHandoff: "There is no handoff {key}.",
    lists.NoSuchDelivery: "There is no delivery {key}.",
    lists.NoSuchAlert: "There is no alert {key}.",
    lists.NoSuchPolicy: "There is no policy {key}.",
    policies.NoSuchCalendar: "There is no calendar {key}.",
    sources.NoSuchSource: "There is no source called {key}.",
    meetings.NoSuchSeries: "There is no meeting series {key}.",
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
    Exception: _failed,
}
