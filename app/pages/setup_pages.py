"""The first run: where one stands, one question after the other, and demo data to look around in before."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.demo import inside
from app.domain.refusals import Refused
from app.domain.roles import Right
from app.flows import setting_up
from app.flows.setting_up import Step
from app.pages import forms, session
from app.pages.forms import Sent
from app.pages.rendering import Page, reader_of, render
from app.pages.setup_steps import DECIDES, SHOWN, TITLES, agreed
from app.state import State

router = APIRouter(
    prefix="/setup",
    route_class=Page,
    include_in_schema=False,
    dependencies=[Depends(session.may(Right.ADMINISTER))],
)


@router.get("")
def overview(request: Request) -> Response:
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        progress = setting_up.progress(c)
        standing = inside.standing(c)
    return render(
        request, "setup.html", progress=progress, steps=TITLES, standing=standing, playing=inside.playing(state)
    )


@router.post("/demo")
def bring_demo(request: Request) -> Response:
    """It is played beside the running service and then appears at once."""
    inside.bring(request.app.state.tasuki, session.visitor(request).by)
    return RedirectResponse(reader_of(request).href("/setup"), 303)


@router.post("/demo/remove")
def remove_demo(request: Request) -> Response:
    inside.remove(request.app.state.tasuki, session.visitor(request).by)
    return RedirectResponse(reader_of(request).href("/setup"), 303)


@router.get("/{step}")
def question(request: Request, step: str) -> Response:
    if step not in set(Step):
        return render(request, "missing.html", 404)
    return asked(request, Step(step))


def asked(request: Request, step: Step, status: int = 200, **more: Any) -> Response:
    """`more`: what stands there besides, and in the place of what the page shows at first."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    version = agreed(state)
    shown = SHOWN[step](state, version, reader)
    with state.database.read() as c:
        progress = setting_up.progress(c)
    nothing: dict[str, Any] = {"attempt": forms.NOTHING, "tested": "", "given": None}
    return render(
        request, f"setup_{step.name.lower()}.html", status,
        step=step, steps=TITLES, progress=progress, version=version, **nothing | shown | more,
    )  # fmt: skip


@router.post("/{step}")
def answer(request: Request, step: str, sent: Sent) -> Response:
    if step not in set(Step):
        return render(request, "missing.html", 404)
    known, form = Step(step), dict(sent) | {"form": step}
    try:
        again = DECIDES[known](request, form)
    except Refused as why:
        return asked(request, known, 422, attempt=forms.attempt(form, why))
    if again is not None:
        return asked(request, known, **again)
    following = known.following
    return RedirectResponse(reader_of(request).href(f"/setup/{following}" if following else "/setup"), 303)
