"""Agendas and minutes in every form: live, and as they were shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import Field

from app.api.auth import reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import locale_of
from app.api.schemas import Asked, Key, Nothing, Shown
from app.pages import papers
from app.pages.document import AGENDA, Document
from app.pages.formats import MEDIA, Form, fingerprint, written
from app.state import State

router = noun("/meetings", "Meetings")

Number = Annotated[int, Path(ge=1, le=100_000, description="Its number in the series.", examples=[4])]
AskedForm = Annotated[Form, Path(description="How it is written.", examples=["md"])]
EXAMPLE: dict[str, Any] = {
    "schema": AGENDA,
    "series": {"key": "default", "name": "営業×マーケ連携会議"},
    "locale": "ja",
    "title": "営業×マーケ連携会議 #4",
    "meeting": {
        "number": 4,
        "start": "2026-09-24T01:00:00Z",
        "end": "2026-09-24T02:00:00Z",
        "minutes": 60,
        "time_zone": "Asia/Tokyo",
        "planned": "2026-09-24",
        "moved": False,
        "moved_because": None,
    },
    "since": "2026-09-17T01:00:00Z",
    "as_of": "2026-09-23T06:00:00Z",
    "figures": {
        "mqls": 18,
        "mql_people": 17,
        "attainment": {"met": 41, "n": 52, "rate": 0.788, "interval_95": [0.66, 0.878], "weight": "solid"},
        "withdrawn": 1,
        "voided": 0,
        "unknown": 0,
    },
    "breaches": {"count": 11, "new": 9, "carried_over": 2, "groups": []},
    "kpis": [
        {
            "key": "mqls",
            "title": "MQL創出数",
            "owner": "マーケティング",
            "value": 76,
            "target": 80,
            "in_words": "76件(72名)",
            "basis": "期間内にMQLになった件数。かっこ内は人数",
            "rows": {"hit": 76},
        }
    ],
    "frozen_at": None,
    "notes": ["2026-09-24(木) 10:00–11:00"],
    "changes": [],
    "items": [
        {
            "number": 1,
            "block": "actions",
            "title": "前回アクションの確認",
            "minutes": 5,
            "begins": "10:00",
            "owner": "進行役",
            "question": "終わっていないものはどれか。理由と、新しい期限は。",
            "status": True,
            "tables": [
                {"title": "", "text": ["未完了のアクションはありません"], "columns": [], "lines": [], "more": ""}
            ],
        }
    ],
    "actions": [],
    "topics": [],
    "counting": {
        "since": "2026-06-24T15:00:00Z",
        "until": "2026-09-23T15:00:00Z",
        "now": "2026-09-23T06:00:00Z",
        "definition": {"window_days": 30},
    },
}


class AskedSeries(Asked):
    series: Key = Field("default", description="The series' key.")


class AskedAgenda(AskedSeries):
    live: bool = Field(False, description="As it stands now, although it is frozen.")


InSeries = Annotated[AskedSeries, Query()]


class Restated(Shown):
    """A figure that reads differently today, counted over the same time in the same way."""

    key: str
    title: str
    then: str
    now: str


def _answers(*forms: Form) -> dict[int | str, dict[str, Any]]:
    said: dict[Form, dict[str, Any]] = {
        Form.JSON: {"schema": Document.model_json_schema(mode="serialization"), "example": EXAMPLE},
        Form.MD: {"schema": {"type": "string"}, "example": "# 営業×マーケ連携会議 #4\n"},
        Form.HTML: {"schema": {"type": "string"}, "example": '<article lang="ja">…</article>'},
        Form.CSV: {"schema": {"type": "string"}, "example": ",営業×マーケ連携会議 #4\r\n"},
        Form.XLSX: {"schema": {"type": "string", "format": "binary"}, "example": "PK…"},
    }
    return {200: {"description": "The paper.", "content": {MEDIA[form]: said[form] for form in forms}}}


@router.get(
    "/next/agenda",
    operation_id="next_agenda",
    dependencies=[reads],
    response_class=Response,
    responses=_answers(Form.JSON, Form.MD, Form.HTML),
)
def next_agenda(asked: Annotated[AskedAgenda, Query()], state: Here, request: Request) -> Response:
    """The next meeting's agenda, live or as it was frozen; in the form that `Accept` and the language that
    Accept-Language ask for."""
    form = preferred(request.headers.get("accept", ""))
    return _answer(request, _next(state, request, asked), form, {"Vary": "Accept, Accept-Language"})


@router.get(
    "/next/agenda.{form}",
    operation_id="next_agenda_as",
    dependencies=[reads],
    response_class=Response,
    responses=_answers(*Form),
)
def next_agenda_as(form: AskedForm, asked: Annotated[AskedAgenda, Query()], state: Here, request: Request) -> Response:
    """The same in one form, for pasting and for spreadsheets."""
    return _answer(request, _next(state, request, asked), form)


@router.get(
    "/agenda.schema.json",
    operation_id="agenda_schema",
    dependencies=[reads],
    response_class=Response,
    responses={200: {"content": {"application/schema+json": {"schema": {"type": "object"}, "example": {}}}}},
)
def agenda_schema(_: Annotated[Nothing, Query()]) -> Response:
    """JSON Schema of agendas and minutes."""
    schema = Document.model_json_schema(mode="serialization")
    return Response(json.dumps(schema), media_type="application/schema+json")


@router.get(
    "/{number}/{paper}.{form}",
    operation_id="meeting_paper",
    dependencies=[reads],
    response_class=Response,
    responses=_answers(*Form),
)
def meeting_paper(
    number: Number,
    paper: Annotated[Literal["agenda", "minutes"], Path(description="Which paper.", examples=["minutes"])],
    form: AskedForm,
    asked: InSeries,
    state: Here,
    request: Request,
) -> Response:
    """The agenda as it was frozen, or the minutes as they were closed: the same months later."""
    with state.database.read() as c:
        shown = papers.kept(c, asked.series, number, paper, locale_of(request))
    return _answer(request, shown, form)


@router.get("/{number}/restatements", operation_id="meeting_restatements", dependencies=[reads])
def restatements(number: Number, asked: InSeries, state: Here, request: Request) -> Listing[Restated]:
    """What the frozen agenda would say differently by what is known today. The agenda itself is not changed."""
    with state.database.read() as c:
        found = papers.restatements(c, state.settings, asked.series, number, locale_of(request))
    return Listing(items=[Restated(**each) for each in found])


def _next(state: State, request: Request, asked: AskedAgenda) -> Document:
    read = papers.live_agenda if asked.live else papers.next_agenda
    with state.database.read() as c:
        return read(c, state.settings, state.clock(), asked.series, locale_of(request))


def _answer(request: Request, paper: Document, form: Form, headers: Mapping[str, str] | None = None) -> Response:
    """304 where the caller has a paper that says the same; the tag is weak, since spans of time go on growing."""
    tag = f'W/"{fingerprint(paper)}-{form.value}"'
    sent = {"Content-Language": paper.locale, "ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=sent)
    if form in (Form.CSV, Form.XLSX):
        sent["Content-Disposition"] = f'attachment; filename="meeting-{paper.meeting.number}.{form.value}"'
    return Response(written(paper, form), media_type=MEDIA[form], headers=sent)


def preferred(accept: str) -> Form:
    """The form of ours that an Accept header likes most; JSON where it has no opinion."""
    liked = {MEDIA[form]: (form, 0.0) for form in (Form.JSON, Form.MD, Form.HTML)}
    for part in accept.split(","):
        media, _, rest = part.strip().partition(";")
        if (known := media.strip().lower()) in liked:
            liked[known] = (liked[known][0], _quality(rest))
    best, weight = max(liked.values(), key=lambda one: one[1])
    return best if weight else Form.JSON


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 1.0
