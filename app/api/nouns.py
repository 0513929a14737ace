"""A router for one noun of the API, whose routes read no more of a body than the settings allow."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from app.api.auth import Needs
from app.domain.roles import Right


class Bounded(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            limit = request.app.state.tasuki.settings.max_body_bytes
            return await answer(Request(request.scope, _at_most(limit, request.receive)))

        return bounded


def _at_most(limit: int, receive: Receive) -> Receive:
    """Raises HTTPException 413 as soon as more comes; the framework passes no other class on from there."""
    left = limit

    async def received() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return received


def noun(
    path: str,
    tag: str,
    dependencies: Sequence[Depends] = (),
    *,
    sees: Right = Right.SEE_LEADS,
    changes: Right = Right.ADMINISTER,
) -> APIRouter:
    """`sees`, `changes`: the rights that people need who come with a session; tokens have scopes."""
    rights = Depends(Needs(sees, changes))
    return APIRouter(prefix=path, tags=[tag], dependencies=[rights, *dependencies], route_class=Bounded)
