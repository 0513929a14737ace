"""What the routes of meetings and action items share: their keys, who acts, and what is said of nothing there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Path
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.refusals import Refused
from app.domain.roles import Right
from app.flows import actions, meetings, record
from app.pages import papers, session
from app.pages.forms import Attempt, Fields, attempt
from app.pages.rendering import Page, reader_of, render
from app.state import State

SeriesKey = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Number = Annotated[int, Path(ge=1, le=100_000)]
RowId = Annotated[int, Path(ge=1, le=2**63 - 1)]

#: What is said in meetings is for those who may see leads.
READS = Depends(session.may(Right.SEE_LEADS))
WRITES = Depends(session.may(Right.HOLD_MEETINGS))
AGREES = Depends(session.may(Right.AGREE))

#: What is answered with the page that says that nothing is there.
NOT_THERE = (
    record.NoSuchMeeting,
    meetings.NoSuchSeries,
    meetings.NoMeetingAhead,
    actions.NoSuchAction,
    papers.NotWritten,
    RequestValidationError,
)


class _NotThere(APIRoute):
    """Answers what is not there with a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def found(request: Request) -> Response:
            try:
                return await answer(request)
            except NOT_THERE:
                return render(request, "missing.html", 404)

        return found


class MeetingPage(Page, _NotThere):
    """A page whose address may name a meeting or an action item that is not there."""


def by(request: Request) -> str:
    """Who acts: the visitor who signed in."""
    return session.visitor(request).by


def person(request: Request) -> actions.Person:
    state: State = request.app.state.tasuki
    now = state.clock()
    return actions.Person(by(request), now, now.astimezone(state.settings.zone).date())


def done(request: Request, path: str, place: str = "") -> Response:
    """To the page that shows what was done; `place`: the id of what to look at."""
    return RedirectResponse(reader_of(request).href(path) + (f"#{place}" if place else ""), 303)


def attempted(fields: Fields, deed: Callable[[], Response], again: Callable[[Attempt, int], Response]) -> Response:
    """The deed's answer; where it is refused, the page once more with the reasons beside the fields."""
    try:
        return deed()
    except Refused as why:
        return again(attempt(fields, why), 422)
