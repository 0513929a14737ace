"""The web applications that benchmarks/intake.py compares, each started by uvicorn in a process of its own."""

from __future__ import annotations

import os

from anyio import to_thread
from fastapi import FastAPI, Request

from app.commands.web import answer_before_computing
from app.db import Database
from app.flows.intake import Arrival, store
from app.main import create_app
from app.settings import read_settings
from app.state import open_state


def empty() -> FastAPI:
    """The base: FastAPI's own route, which reads the same body and does nothing."""
    app = FastAPI()

    @app.post("/webhooks/ma", status_code=202)
    async def receive(request: Request) -> dict[str, str]:
        await request.body()
        return {"status": "accepted"}

    return app


def tasuki() -> FastAPI:
    """The product's web process; TASUKI_* settings choose the database."""
    app = create_app(read_settings(), scheduled=os.environ.get("BENCH_SCHEDULED") == "1")
    answer_before_computing()
    return app


class CommitEach:
    """In the place of the intake: one transaction a request, in a thread of the pool."""

    busy = False

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self) -> None: ...

    def stop(self) -> None: ...

    async def put(self, arrival: Arrival) -> None:
        await to_thread.run_sync(self._write, arrival)

    def _write(self, arrival: Arrival) -> None:
        with self._database.write() as c:
            store(c, [arrival])


def commit_each() -> FastAPI:
    """The same application, verification and row, with a commit a request."""
    state = open_state(read_settings())
    state.intake = CommitEach(state.database)  # type: ignore[assignment]
    return create_app(state.settings, scheduled=False, state=state)
