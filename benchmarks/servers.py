"""The web applications that benchmarks/intake.py compares, each started by uvicorn in a process of its own."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from fastapi import FastAPI, Request
from starlette.requests import Request as PlainRequest
from starlette.responses import Response
from starlette.routing import Route

from app.api.webhooks import _as_webhook, _body
from app.flows.intake import store
from app.flows.receive import verified
from app.main import create_app
from app.settings import read_settings
from app.state import open_state


def empty() -> FastAPI:
    """The base: FastAPI's own route, which reads the same body and does nothing."""
    app = FastAPI()

    @app.post("/webhooks/{source}", status_code=202)
    async def receive(source: str, request: Request) -> dict[str, str]:
        await request.body()
        return {"status": "accepted"}

    return app


def tasuki() -> FastAPI:
    """The product's web process; TASUKI_* settings choose the database."""
    return create_app(read_settings(), scheduled=os.environ.get("BENCH_SCHEDULED") == "1")


def commit_each() -> FastAPI:
    """The same verification and the same row, with one transaction a request."""
    app = FastAPI()
    app.state.tasuki = state = open_state(read_settings())

    def write(arrival):  # type: ignore[no-untyped-def]
        with state.database.write() as c:
            store(c, [arrival])

    async def receive(request: PlainRequest) -> Response:
        from anyio import to_thread

        now = datetime.now(UTC)
        if not state.directory.fresh(now):
            await to_thread.run_sync(state.directory.refresh, now)
        source = state.directory.find(request.path_params["source"])
        assert source is not None
        body = await _body(request, state.settings.max_body_bytes)
        arrival = verified(source, _as_webhook(request, body, state, now), now)
        await to_thread.run_sync(write, arrival)
        return Response(b'{"status":"accepted"}', 202, media_type="application/json")

    app.router.routes.append(Route("/webhooks/{source}", receive, methods=["POST"]))
    return app
