"""The web application: webhooks, REST, pages, and in `tasuki serve` the scheduler beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.api import health, v1, webhooks
from app.api.failures import install
from app.api.problems import describe
from app.pages import figures, meeting_site, sla, work_forms, work_pages
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


def create_app(settings: Settings, *, scheduled: bool = True, state: State | None = None) -> FastAPI:
    """`scheduled=False`: web alone, for a deployment whose `tasuki worker` processes do the rest."""
    app = Application(
        title="Tasuki",
        description="No lead handed from marketing to sales is dropped.",
        version="0.1.0",
        lifespan=_with_scheduler if scheduled else _web_alone,
        docs_url=None,
        redoc_url=None,
    )
    app.state.tasuki = state or open_state(settings)
    app.router.routes.append(Route("/problems/{code}", describe, methods=["GET"]))
    work = (work_pages.router, work_forms.router)
    site = (pages.router, *work, *meeting_site.ROUTERS, figures.router, sla.router)
    for router in (health.router, v1.router, *site):
        app.include_router(router)
    install(app)
    return app


@asynccontextmanager
async def _web_alone(app: FastAPI) -> AsyncIterator[None]:
    state: State = app.state.tasuki
    state.intake.start()
    yield
    state.intake.stop()
    state.close()


@asynccontextmanager
async def _with_scheduler(app: FastAPI) -> AsyncIterator[None]:
    scheduler = Scheduler(app.state.tasuki)
    async with _web_alone(app):
        scheduler.start()
        yield
        scheduler.stop()
