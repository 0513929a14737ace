"""The KPI board: each figure with its basis, n and interval, by group, and the rows that it is made of."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import ConfigDict, Field
from sqlalchemy import Connection

from app.api.auth import Admin, demand, needs, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.problems import locale_of
from app.api.schemas import Asked, Day, Nothing, Shown, Written, whole_seconds
from app.api.v1.reports import ShownShare, shown_share
from app.domain.kpi import LINES, Definition, Figure, Kpi, State, Times, Unit
from app.domain.language import text
from app.domain.refusals import refused
from app.domain.roles import Right
from app.flows import cases, definitions, kpis, reports
from app.flows.kpis import USUAL_DAYS, By, Group
from app.flows.visits import VisitRow
from app.pages.kpis import basis_in_words, figure_in_words, title
from app.state import State as Tasuki

router = noun("/kpis", "KPIs", sees=Right.SEE_FIGURES, changes=Right.AGREE)

KpiKey = Annotated[Kpi, Path(description="Which figure.", examples=["mql_to_sql"])]
SHARE: dict[str, Any] = {"part": 12, "whole": 52, "rate": 0.2308, "low": 0.137, "high": 0.3613, "weight": "solid"}
FIGURE: dict[str, Any] = {
    "key": "mql_to_sql",
    "title": "MQL→SQL転換率",
    "owner": "両部門共通",
    "agenda": "リード引き渡し基準(SLA)の見直し",
    "source": "MA + SFA",
    "basis": "対MQL・30日以内・発生月。30日に満たないものは観測中",
    "unit": "share",
    "value": 0.2308,
    "target": 0.25,
    "in_words": "12/52 23.1% [13.7–36.1] · 観測中 9件",
    "count": 12,
    "people": 12,
    "share": SHARE,
    "times": None,
    "rows": {"hit": 12, "miss": 40, "observing": 9},
}
BOARD: dict[str, Any] = {
    "first": "2026-07-01",
    "last": "2026-09-30",
    "as_of": "2026-10-01T00:00:00Z",
    "definition": 2,
    "items": [FIGURE],
}
ROW: dict[str, Any] = {
    "subject": "handoff",
    "id": 512,
    "lead_id": 204,
    "lead": "佐藤 翔太",
    "company": "山田製作所",
    "owner": "田中 舞",
    "source": "展示会",
    "campaign": None,
    "content": "料金表 2026",
    "reason": None,
    "began_at": "2026-08-18T08:30:00Z",
    "reached_at": "2026-08-25T02:00:00Z",
    "state": "hit",
    "sessions": None,
    "conversions": None,
    "seconds": None,
}


class PeriodAsked(Asked):
    first: Day | None = Field(
        None,
        description=f"First day, in the organisation's time zone; else {USUAL_DAYS} days up to the last one.",
        examples=["2026-07-01"],
    )
    last: Day | None = Field(None, description="Last day; it belongs to the period. Else today.")
    definition: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        None, description="Count by this version of the definitions instead of by the newest."
    )


class FigureAsked(PeriodAsked):
    by: By | None = Field(None, description="Besides, broken down by this.")


class RowsAsked(PeriodAsked, Paged):
    by: By | None = Field(None, description="Only the rows of one group: of what.")
    group: Annotated[str, Field(max_length=500)] | None = Field(
        None, description="… and which; empty: those of whom nobody knows it."
    )


class ShownWithin(Shown):
    hours: float
    share: float = Field(description="Kaplan–Meier, 0 to 1.")


class ShownTimes(Shown):
    """How long it takes. Who still waits counts as waiting (Kaplan–Meier); null: not to so many yet."""

    n: int
    waiting: int
    half_after_seconds: int | None
    three_quarters_after_seconds: int | None
    nine_tenths_after_seconds: int | None
    within: list[ShownWithin]


class ShownFigure(Shown):
    key: Kpi
    title: str
    owner: str
    agenda: str
    source: str
    basis: str = Field(description="How it is counted: of what, within which time.")
    unit: Unit
    value: float | None = Field(description="A number, a share (0 to 1) or seconds; null: there is none yet.")
    target: float | None
    in_words: str
    count: int
    people: int = Field(description="People behind what is counted.")
    share: ShownShare | None = Field(description="With n and Wilson's 95 % interval.")
    times: ShownTimes | None
    rows: dict[State, int] = Field(description="How many rows say what; `/rows` lists them.")

    model_config = ConfigDict(json_schema_extra={"examples": [FIGURE]})


class Board(Shown):
    """All figures of a period, the article's eight first."""

    first: date
    last: date
    as_of: datetime
    definition: int = Field(description="Version of the definitions that it was counted by.")
    items: list[ShownFigure]

    model_config = ConfigDict(json_schema_extra={"examples": [BOARD]})


class ShownGroup(Shown):
    name: str | None = Field(description="null: nobody knows it.")
    figure: ShownFigure


class OneFigure(Shown):
    first: date
    last: date
    as_of: datetime
    definition: int
    figure: ShownFigure
    groups: list[ShownGroup] | None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {name: BOARD[name] for name in ("first", "last", "as_of", "definition")}
                | {"figure": FIGURE, "groups": [{"name": "展示会", "figure": FIGURE}]}
            ]
        }
    )


class ShownRow(Shown):
    subject: Literal["lead", "handoff", "opportunity", "day"]
    id: int
    lead_id: int | None = None
    lead: str | None = None
    company: str | None = None
    owner: str | None = None
    source: str | None = None
    campaign: str | None = None
    content: str | None = None
    reason: str | None = None
    began_at: datetime
    reached_at: datetime | None = None
    state: State
    sessions: int | None = Field(None, description="Of visits: a row is a day.")
    conversions: int | None = None
    seconds: int | None = Field(None, description="Of a time: how long it took; null: it has not happened.")

    model_config = ConfigDict(json_schema_extra={"examples": [ROW]})


class ShownDefinition(Shown):
    version: int = Field(description="0: as shipped.")
    definition: Definition

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": 2, "definition": Definition().model_dump(mode="json")}]}
    )


class DefinitionWritten(Written):
    definition: Definition

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"definition": {"opportunity_of": "sql", "targets": {"mql_to_sql": 0.25}}}]}
    )


@router.get("", operation_id="kpi_board", dependencies=[reads])
def kpi_board(asked: Annotated[PeriodAsked, Query()], state: Here, request: Request) -> Board:
    """All figures of a period."""
    locale, now = locale_of(request), state.clock()
    with state.database.read() as c:
        first, last, number, wanted = _wanted(c, asked, state, now)
        found = kpis.board(c, state.versions.read(c), wanted)
    items = [_shown(figure, wanted.definition, locale) for figure in found]
    return Board(first=first, last=last, as_of=now, definition=number, items=items)


@router.get("/definition", operation_id="get_kpi_definition", dependencies=[reads])
def get_definition(state: Here, _: Annotated[Nothing, Query()]) -> ShownDefinition:
    """How the company counts where the same word means different things."""
    with state.database.read() as c:
        number, definition = definitions.newest(c)
    return ShownDefinition(version=number, definition=definition)


@router.put("/definition", operation_id="set_kpi_definition")
def set_definition(
    body: DefinitionWritten, token: Admin, state: Here, _: Annotated[Nothing, Query()]
) -> ShownDefinition:
    """A new version, in force from now on; what is not named is as shipped."""
    with state.database.write() as c:
        number = definitions.choose(c, body.definition, by=token.name, now=state.clock())
    return ShownDefinition(version=number, definition=body.definition)


@router.get("/{key}", operation_id="get_kpi", dependencies=[reads])
def get_kpi(key: KpiKey, asked: Annotated[FigureAsked, Query()], state: Here, request: Request) -> OneFigure:
    """One figure of a period, whole and by group."""
    if asked.by is By.OWNER:  # figures of one person are no aggregates
        demand(request, Right.SEE_LEADS)
    locale, now = locale_of(request), state.clock()
    with state.database.read() as c:
        first, last, number, wanted = _wanted(c, asked, state, now)
        policies = state.versions.read(c)
        figure = kpis.figure(c, policies, key, wanted)
        groups = None if asked.by is None else kpis.grouped(c, policies, key, wanted, asked.by)
    shown = None if groups is None else [_group(group, wanted.definition, locale) for group in groups]
    whole = _shown(figure, wanted.definition, locale)
    return OneFigure(first=first, last=last, as_of=now, definition=number, figure=whole, groups=shown)


@router.get("/{key}/rows", operation_id="list_kpi_rows", dependencies=[needs(Right.SEE_LEADS), reads])
def list_rows(
    key: KpiKey, asked: Annotated[RowsAsked, Query()], state: Here, request: Request, response: Response
) -> Page[ShownRow]:
    """Every row of the figure, or of one of its groups; what they say adds up to it."""
    now = state.clock()
    group = None if asked.by is None else (asked.by, asked.group or None)
    start = after(asked, datetime, int)
    with state.database.read() as c:
        _, _, _, wanted = _wanted(c, asked, state, now)
        found = kpis.rows(c, state.versions.read(c), key, wanted, group=group, after=start, limit=asked.limit)
    return page(request, response, found, _row)


def _wanted(c: Connection, asked: PeriodAsked, state: Tasuki, now: datetime) -> tuple[date, date, int, cases.Asked]:
    """First and last day, version of the definitions, and what to count. Raises Refused, NoSuchDefinition."""
    last = asked.last or now.astimezone(state.settings.zone).date()
    first = asked.first or last - timedelta(days=USUAL_DAYS - 1)
    if last < first:
        raise refused("parameter:last", "ends_before_it_begins", "The period ends before it begins.")
    number, definition = definitions.newest(c)
    if asked.definition is not None:
        number, definition = asked.definition, definitions.version(c, asked.definition)
    span = reports.period(first, last, state.settings.zone)
    return first, last, number, cases.Asked(span.since, span.until, now, definition)


def _shown(figure: Figure, definition: Definition, locale: str) -> ShownFigure:
    line = LINES[figure.kpi]
    return ShownFigure(
        key=figure.kpi,
        title=title(figure.kpi, locale),
        owner=text(locale, line.owner),
        agenda=text(locale, line.agenda),
        source=line.source,
        basis=basis_in_words(figure.kpi, definition, locale),
        unit=figure.unit,
        value=None if figure.value is None else round(figure.value, 4),
        target=definition.targets.get(figure.kpi),
        in_words=figure_in_words(figure, definition, locale),
        count=figure.count,
        people=figure.leads,
        share=None if figure.share is None else shown_share(figure.share),
        times=None if figure.times is None else _times(figure.times),
        rows=dict(figure.states),
    )


def _group(group: Group, definition: Definition, locale: str) -> ShownGroup:
    return ShownGroup(name=group.name, figure=_shown(group.figure, definition, locale))


def _times(found: Times) -> ShownTimes:
    half, three_quarters, nine_tenths = (
        None if length is None else whole_seconds(length)
        for length in (found.half, found.three_quarters, found.nine_tenths)
    )
    return ShownTimes(
        n=found.n,
        waiting=found.waiting,
        half_after_seconds=half,
        three_quarters_after_seconds=three_quarters,
        nine_tenths_after_seconds=nine_tenths,
        within=[
            ShownWithin(hours=each.length / timedelta(hours=1), share=round(each.share, 4)) for each in found.within
        ],
    )


def _row(row: Any) -> ShownRow:
    if isinstance(row, VisitRow):
        return ShownRow(subject="day", state=State.HIT, **asdict(row))
    known = {name: value for name, value in row._mapping.items() if name != "policy_id"}
    return ShownRow(lead=known.pop("name"), **known)
