"""The web application: webhooks, REST, pages, and in `tasuki serve` the scheduler beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.api import health, v1, webhooks
from app.api.problems import describe, install
from app.pages import routes as pages
from app.scheduler import Scheduler
from app.settings import Settings
from app.state import State, open_state


class Application(FastAPI):
    """FastAPI, with the webhooks in front of its layers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(webhooks.PREFIX):
            scope["app"] = self
            await webhooks.endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    settings: Settings, *, scheduled: bool = True, state: State | None = None, on_start: Callable[[], None] | None = None
) -> FastAPI:
    """`scheduled=False`: web alone, for a deployment whose `tasuki worker` processes do the rest."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        own: State = app.state.tasuki
        own.intake.start()
        scheduler = Scheduler(own) if scheduled else None
        if scheduler:
            scheduler.start()
        if on_start:
            on_start()
        yield
        own.intake.stop()
        if scheduler:
            scheduler.stop()
        own.close()

    app = Application(
        title="Tasuki",
        description="No lead handed from marketing to sales is dropped.",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.tasuki = state or open_state(settings)
    app.router.routes.append(Route("/problems/{code}", describe, methods=["GET"]))
    app.include_router(health.router)
    app.include_router(v1.router)
    app.include_router(pages.router)
    install(app)
    return app
