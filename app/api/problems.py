"""Errors as RFC 9457 problem documents, in the caller's language, naming the field where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.domain.language import known_locale, text
from app.domain.refusals import Refusal, Refused

MEDIA_TYPE = "application/problem+json"

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
    "wrong_role": "Your role may not do this",
    "from_elsewhere": "The request does not come from a page of this Tasuki",
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
    "wrong_role": "Ask an administrator of your Tasuki for another role.",
    "from_elsewhere": "Changes with a session cookie are accepted from our own pages; other programs send a token.",
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
