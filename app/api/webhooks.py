"""POST /webhooks/{source}: straight on ASGI, because a framework's layers would double the cost of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.problems import problem
from app.flows.intake import Full
from app.flows.receive import verified
from app.flows.sources import OpenSource
from app.state import State
from connectors.contract import GrantsSenders, Unverified, WebhookRequest


class TooLarge(Exception):
    """The body is larger than the settings allow."""


PREFIX = "/webhooks/"


async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind PREFIX; `scope["app"]` is the web application."""
    request = Request(scope, receive)
    if scope["method"] == "POST":
        answer = await answer_to(request)
    elif scope["method"] == "OPTIONS" and (granted := await _handshake(request)) is not None:
        answer = Response(headers=dict(granted))
    else:
        answer = problem(request, 405, "method_not_allowed", headers={"Allow": "POST"})
    await answer(scope, receive, send)


async def answer_to(request: Request) -> Response:
    """Verify the raw bytes, store them durably, answer as the sender needs it."""
    state: State = request.app.state.tasuki
    now = state.clock()
    source = await _source(request, state, now)
    if source is None and not state.directory.fresh(now):
        return problem(request, 503, "not_stored", detail="try again", headers={"Retry-After": "10"})
    if source is None:
        name = _name(request)
        return problem(request, 404, "no_such_source", detail=f"no active source is called {name!r}")
    try:
        body = await _body(request, state.settings.max_body_bytes)
        arrival = verified(source, _as_webhook(request, body, state, now), now)
        await state.intake.put(arrival)
    except TooLarge:
        return problem(request, 413, "too_large", detail=f"at most {state.settings.max_body_bytes} bytes are taken")
    except ClientDisconnect:
        return Response(status_code=400)
    except Unverified as why:
        return problem(request, 401, "unverified", detail=str(why))
    except Full:
        return problem(request, 503, "busy", detail="too many deliveries are waiting", headers={"Retry-After": "5"})
    except Exception:  # the database: whatever it was, the sender must try again
        state.trouble("a delivery could not be stored and was answered 503")
        return problem(request, 503, "not_stored", detail="try again", headers={"Retry-After": "10"})
    answer = source.connector.answer
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type)


def _name(request: Request) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(PREFIX)


async def _source(request: Request, state: State, now: datetime) -> OpenSource | None:
    """The source that the path names, if it is there and enabled."""
    if not state.directory.fresh(now):
        await to_thread.run_sync(_refresh, state, now)
    return state.directory.find(_name(request))


async def _handshake(request: Request) -> Mapping[str, str] | None:
    """What a sender that asks first is told (CloudEvents' http-webhook.md); None: nothing."""
    state: State = request.app.state.tasuki
    source = await _source(request, state, state.clock())
    if source is None or not isinstance(source.connector, GrantsSenders):
        return None
    return source.connector.handshake({name.lower(): value for name, value in request.headers.items()})


def _refresh(state: State, now: datetime) -> None:
    try:
        state.directory.refresh(now)
    except Exception:  # the database is down: what was known stays known, and the intake will say 503
        state.trouble("sources could not be read")


async def _body(request: Request, limit: int) -> bytes:
    """The raw bytes; gives up as soon as the limit is passed."""
    if int(request.headers.get("content-length") or 0) > limit:
        raise TooLarge
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _as_webhook(request: Request, body: bytes, state: State, now: datetime) -> WebhookRequest:
    scope = request.scope
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    url = state.settings.public_url + path + (f"?{query}" if query else "")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return WebhookRequest(request.method, url, headers, body, now)
