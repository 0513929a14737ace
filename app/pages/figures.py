"""The pages of figures: the board at `/kpi`."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.domain.kpi import Kpi
from app.domain.policy import Policies
from app.flows import definitions, kpis, reports, trends
from app.flows.cases import Asked
from app.pages import boards, periods, session
from app.pages.boards import Known
from app.pages.periods import Chosen
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False, dependencies=[Depends(session.needed)])
#: The status of a page whose form has to be corrected.
TO_CORRECT = 422


@router.get("/kpi")
def board(request: Request) -> Response:
    """`?from=2026-07-01&to=2026-09-30`."""
    state: State = request.app.state.tasuki
    reader, chosen = reader_of(request), _chosen(request)
    with state.database.read() as c:
        asked, before = asked_for(c, chosen, reader), asked_for(c, chosen, reader, chosen.before)
        known = [_known(c, state.versions.read(c), kpi, asked, before, reader) for kpi in Kpi]
    rows = list(boards.rows(known, asked.definition, reader.locale))
    parts = {"article": rows[: len(boards.ARTICLE)], "sla": rows[len(boards.ARTICLE) :]}
    return _figures(request, "kpi.html", chosen, **parts)


def _known(c: Connection, policies: Policies, kpi: Kpi, asked: Asked, before: Asked, reader: Reader) -> Known:
    return Known(
        kpis.figure(c, policies, kpi, asked),
        kpis.figure(c, policies, kpi, before),
        trends.weekly(c, policies, kpi, asked, reader.zone),
    )


def _chosen(request: Request) -> Chosen:
    reader = reader_of(request)
    return periods.chosen(request, reader.now.astimezone(reader.zone).date())


def asked_for(c: Connection, chosen: Chosen, reader: Reader, days: tuple[date, date] | None = None) -> Asked:
    """The chosen period, or other days, by the newest definitions."""
    span = reports.period(*(days or (chosen.first, chosen.last)), reader.zone)
    return Asked(span.since, span.until, reader.now, definitions.newest(c)[1])


def _figures(request: Request, name: str, chosen: Chosen, **content: object) -> Response:
    """A page that tells of a period, with the form that chooses it."""
    today = _today(request)
    ways = [(weeks, query) for weeks, query in periods.choices(today)]
    return render(request, name, TO_CORRECT if chosen.wrong else 200, period=chosen, ways=ways, **content)


def _today(request: Request) -> date:
    reader = reader_of(request)
    return reader.now.astimezone(reader.zone).date()
