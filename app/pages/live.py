"""Tells an open page that what it shows has changed (server-sent events); the page then fetches itself anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

#: Streams that one process keeps open; a reader beyond them sees the page as it was fetched.
MOST = 200
#: Proxies must neither keep nor gather what is sent bit by bit.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds."""

    look: float = 1
    #: So that neither end takes the silence for a broken connection.
    heartbeat: float = 15
    #: Then the browser connects anew; nobody who has gone is served for long.
    whole: float = 300
    #: The browser waits so long before it does.
    again: float = 3


USUAL = Pace()


class _Streams:
    """How many are open in this process, and whether it is about to end."""

    def __init__(self) -> None:
        self.open = 0
        self.ending = False


streams = _Streams()


def stream(request: Request, version: Callable[[], str], pace: Pace = USUAL) -> Response:
    """An id whenever the version has changed since the one that the reader knows (`Last-Event-ID`, else `?seen=`).

    `version` is asked once a look on the thread pool and must not leave a transaction open. 503: too many streams.
    """
    if streams.open >= MOST:
        return PlainTextResponse("", 503, {"Retry-After": "60", **HEADERS})
    seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
    return _Counted(messages(version, seen, pace), media_type="text/event-stream", headers=HEADERS)


class _Counted(StreamingResponse):
    """A stream is open from its first byte until its reader has gone, however that happens."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streams.open += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            streams.open -= 1


async def messages(version: Callable[[], str], seen: str, pace: Pace) -> AsyncIterator[str]:
    """What is sent, message by message."""
    began = said = time.monotonic()
    yield f"retry: {int(pace.again * 1000)}\n\n"
    while not streams.ending and time.monotonic() - began < pace.whole:
        now = await run_in_threadpool(version)
        if now != seen:
            seen, said = now, time.monotonic()
            yield f"id: {now}\nevent: changed\ndata: {now}\n\n"
        elif time.monotonic() - said >= pace.heartbeat:
            said = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(pace.look)
