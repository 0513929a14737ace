"""The pages of figures: the board at `/kpi`, one figure at `/kpi/{key}`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from app.domain.calendar import Calendar
from app.domain.kpi import Kpi
from app.domain.policy import Policies
from app.domain.roles import Right
from app.flows import arrivals, channel_board, channels, cohorts, definitions, kpis, policies, reports, trends, waits
from app.flows.cases import Asked
from app.flows.kpis import By
from app.pages import boards, channel_words, details, panels, periods, session
from app.pages.boards import Known
from app.pages.kpis import title
from app.pages.panels import Panel
from app.pages.periods import Chosen
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False, dependencies=[Depends(session.needed)])
#: The status of a page whose form has to be corrected.
TO_CORRECT = 422
#: Rows a page.
ROWS = 50
#: Groups that are written out; the others are counted.
PARTS = 100


@router.get("/kpi")
def board(request: Request) -> Response:
    """`?from=2026-07-01&to=2026-09-30`."""
    state: State = request.app.state.tasuki
    reader, chosen = reader_of(request), chosen_in(request)
    with state.database.read() as c:
        known = state.versions.read(c)
        asked, before = asked_for(c, chosen, reader), asked_for(c, chosen, reader, chosen.before)
        told = [_known(c, known, kpi, asked, before, reader) for kpi in Kpi]
        charts = list(_of_the_board(c, known, asked, told, reader))
    rows = list(boards.rows(told, asked.definition, reader.locale))
    parts = {"article": rows[: len(boards.ARTICLE)], "sla": rows[len(boards.ARTICLE) :]}
    return page(request, "kpi.html", chosen, panels=charts, **parts)


def _known(c: Connection, known: Policies, kpi: Kpi, asked: Asked, before: Asked, reader: Reader) -> Known:
    return Known(
        kpis.figure(c, known, kpi, asked),
        kpis.figure(c, known, kpi, before),
        trends.weekly(c, known, kpi, asked, reader.zone),
    )


def _of_the_board(c: Connection, known: Policies, asked: Asked, told: list[Known], reader: Reader) -> Iterator[Panel]:
    weeks = next(one.weeks for one in told if one.figure.kpi is Kpi.ATTAINMENT)
    yield panels.trend(Kpi.ATTAINMENT, weeks, asked.definition, reader.locale)
    yield _follow_up(c, known, asked, reader)
    yield _reasons(c, known, asked, reader)


@router.get("/kpi/{key}")
def figure(request: Request, key: str, by: str = "", group: str | None = None, after: str = "") -> Response:
    """`?by=owner` splits it, `&group=…` lists the rows of one group, `&after=…` goes on. Whoever may not see leads sees
    neither rows nor owners."""
    if key not in set(Kpi):
        return render(request, "missing.html", 404)
    state: State = request.app.state.tasuki
    reader, chosen, kpi = reader_of(request), chosen_in(request), Kpi(key)
    personal = session.visitor(request).may(Right.SEE_LEADS)
    split, group = _split(kpi, by, personal=personal), _storable(group)
    with state.database.read() as c:
        known, asked = state.versions.read(c), asked_for(c, chosen, reader)
        told = _known(c, known, kpi, asked, asked_for(c, chosen, reader, chosen.before), reader)
        parts = _parts(c, known, kpi, asked, split, reader) | {"splits": details.splits(kpi, personal=personal)}
        rows = _rows(c, known, kpi, asked, split, group, after, reader) if personal else {}
        charts = [panels.trend(kpi, told.weeks, asked.definition, reader.locale)]
        charts += [draw(c, known, asked, reader) for draw in MORE.get(kpi, ())]
    facts = list(details.definition_in_words(kpi, asked.definition, reader.locale))
    return page(
        request, "kpi_one.html", chosen, key=key, title=title(kpi, reader.locale), facts=facts, panels=charts,
        row=boards.row(told, asked.definition, reader.locale), **parts, **rows,
    )  # fmt: skip


def _storable(group: str | None) -> str | None:
    """No database stores NUL, and no group has a longer name."""
    return None if group is None else group.replace("\0", "")[:500]


def _parts(c: Connection, known: Policies, kpi: Kpi, asked: Asked, split: By, reader: Reader) -> dict[str, object]:
    groups = kpis.grouped(c, known, kpi, asked, split)
    shown = details.parts(groups[:PARTS], split, asked.definition, reader.locale)
    return {"by": split, "parts": shown, "more": len(groups[PARTS:])}


def _rows(
    c: Connection, known: Policies, kpi: Kpi, asked: Asked, split: By, group: str | None, after: str, reader: Reader
) -> dict[str, object]:
    wanted = None if group is None else (split, group or None)
    found = kpis.rows(c, known, kpi, asked, group=wanted, after=details.place_at(after), limit=ROWS)
    return {
        "group": group,
        "group_name": None if wanted is None else details.name_in_words(*wanted, reader.locale),
        "lines": details.lines(found.rows, kpi, reader),
        "beginning": details.beginning_in_words(kpi, reader.locale),
        "after": after,
        "further": details.place_of(found.last),
    }


def _split(kpi: Kpi, by: str, *, personal: bool) -> By:
    """The wanted one if there is such a thing, else the first."""
    known = [split for split, _ in details.splits(kpi, personal=personal)]
    return next((split for split in known if split == by), known[0])


@router.get("/channels")
def channel_page(request: Request) -> Response:
    """Channel by channel: the funnel, what it cost, content, and sources that nobody explained."""
    state: State = request.app.state.tasuki
    reader, chosen = reader_of(request), chosen_in(request)
    with state.database.read() as c:
        asked = asked_for(c, chosen, reader)
        board = channel_board.read(c, state.versions.read(c), asked, reader.zone)
        listing = channels.listing(c)
        charts = [channel_words.rates(board, reader.locale), _arrivals(c, state.versions.read(c), asked, reader)]
    locale, counted = reader.locale, asked.definition
    told = list(channel_words.contents(board, counted, reader))
    return page(
        request, "channels.html", chosen,
        funnel=list(channel_words.funnel(board, counted, locale)), costs=list(channel_words.costs(board, locale)),
        months=board.months, by_month=list(channel_words.by_month(board, locale)),
        contents=told[:PARTS], more_contents=len(told[PARTS:]), listing=listing,
        unknown=list(channel_words.unknown(listing.unmapped, locale)), panels=charts,
        **channel_words.columns(locale),
    )  # fmt: skip


# --- charts that ask the database


def _follow_up(c: Connection, known: Policies, asked: Asked, reader: Reader) -> Panel:
    return panels.follow_up(kpis.lengths(c, known, Kpi.FIRST_FOLLOW_UP, asked), reader.locale)


def _reasons(c: Connection, known: Policies, asked: Asked, reader: Reader) -> Panel:
    return panels.reasons(kpis.grouped(c, known, Kpi.RETURNED, asked, By.REASON), reader.locale)


def _arrivals(c: Connection, known: Policies, asked: Asked, reader: Reader) -> Panel:
    return panels.arrivals(arrivals.by_half_hour(c, asked), _calendar(c, known, reader), reader.locale)


def _calendar(c: Connection, known: Policies, reader: Reader) -> Calendar:
    """Of the policy that is tried first."""
    return next((v.calendar for v in known.in_force(reader.now)), None) or policies.newest_calendar(c, "default")[2]


def _waits(c: Connection, known: Policies, asked: Asked, reader: Reader) -> Panel:  # noqa: ARG001 called like the others
    return panels.waits(waits.read(c, asked), reader.locale)


def _cohorts(c: Connection, known: Policies, asked: Asked, reader: Reader) -> Panel:  # noqa: ARG001
    found = cohorts.by_month(c, asked, reader.zone)
    return panels.cohorts(found, asked.definition.window_days, reader.locale)


#: What answers more about a figure than its weeks do.
MORE = {
    Kpi.MQLS: (_arrivals,),
    Kpi.MQL_TO_SQL: (_cohorts,),
    Kpi.OPPORTUNITY_RATE: (_cohorts,),
    Kpi.ATTAINMENT: (_waits,),
    Kpi.FIRST_FOLLOW_UP: (_follow_up, _waits),
    Kpi.UNTOUCHED: (_follow_up,),
    Kpi.RETURNED: (_reasons,),
    Kpi.ACCEPTANCE: (_reasons,),
}


# --- the period


def chosen_in(request: Request) -> Chosen:
    return periods.chosen(request, _today(reader_of(request)))


def asked_for(c: Connection, chosen: Chosen, reader: Reader, days: tuple[date, date] | None = None) -> Asked:
    """The chosen period, or other days, by the newest definitions."""
    span = reports.period(*(days or (chosen.first, chosen.last)), reader.zone)
    return Asked(span.since, span.until, reader.now, definitions.newest(c)[1])


def page(request: Request, name: str, chosen: Chosen, **content: object) -> Response:
    """A page that tells of a period, with the form that chooses it."""
    ways = list(periods.choices(_today(reader_of(request))))
    return render(request, name, TO_CORRECT if chosen.wrong else 200, period=chosen, ways=ways, **content)


def _today(reader: Reader) -> date:
    return reader.now.astimezone(reader.zone).date()
