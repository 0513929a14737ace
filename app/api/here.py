"""What endpoints are given: this process's state."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from app.state import State


async def here(request: Request) -> State:
    state: State = request.app.state.tasuki
    return state


Here = Annotated[State, Depends(here)]
