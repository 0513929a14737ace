"""What changes in a meeting, told at once to everybody who has it open (server-sent events).

A stream sends the meeting's pulse whenever it is another one; the page then reads itself again. It ends by itself after
a while, and browsers come back: so a restarted server and a forgotten tab need no care.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.flows import pulse
from app.pages.meeting_routes import READS, MeetingPage, Number, SeriesKey
from app.state import State

router = APIRouter(route_class=MeetingPage, include_in_schema=False, dependencies=[READS])
#: Seconds between two looks at the database, between two signs of life, and until a stream ends.
LOOK_EVERY, HEARTBEAT_EVERY, ENDS_AFTER = 1.0, 15.0, 240.0
#: Milliseconds after which a browser comes back.
COME_BACK_AFTER = 2000
#: Open streams of one process; whoever comes beyond is told to come back.
MOST = 100

Pause = Callable[[float], Awaitable[None]]


class Seats:
    """The streams that this process has open."""

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, 0

    @property
    def full(self) -> bool:
        return self.taken >= self.most

    @contextmanager
    def one(self) -> Iterator[None]:
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


SEATS = Seats(MOST)


@router.get("/meetings/{key}/{number:int}/events")
async def events(request: Request, key: SeriesKey, number: Number) -> Response:
    """Never ends a transaction late: each look is one of its own."""
    state: State = request.app.state.tasuki

    def look() -> str:
        with state.database.read() as c:
            return pulse.read(c, key, number)

    if SEATS.full:
        return Response(status_code=503, headers={"Retry-After": "30"})
    seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")
    stream = _seated(told(lambda: run_in_threadpool(look), seen, asyncio.sleep, lambda: is_ending(request.app)))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _seated(stream: AsyncIterator[str]) -> AsyncIterator[str]:
    """Its seat is free again however it ends."""
    with SEATS.one():
        async for line in stream:
            yield line


def is_ending(app: FastAPI) -> bool:
    """The server waits for open answers before it ends; a stream need not be waited for."""
    return bool(getattr(app.state, "ending", False))


async def told(
    look: Callable[[], Awaitable[str]], seen: str, pause: Pause, ending: Callable[[], bool]
) -> AsyncIterator[str]:
    """The lines of one stream; `seen`: the pulse that the browser knows already."""
    yield f"retry: {COME_BACK_AFTER}\n\n"
    beat = math.ceil(HEARTBEAT_EVERY / LOOK_EVERY)
    for turn in range(math.ceil(ENDS_AFTER / LOOK_EVERY)):
        if ending():
            return
        now = await look()
        if now != seen:
            seen = now
            yield f"id: {now}\nevent: changed\ndata: {now}\n\n"
        elif turn % beat == beat - 1:
            yield ": still here\n\n"
        await pause(LOOK_EVERY)
