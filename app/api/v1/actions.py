"""Action items: who does what until when, and how one sees that it is done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import AfterValidator, ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.problems import locale_of
from app.api.schemas import Day, Key, Nothing, RowId, Shown, Word, Written, WrittenId, storable
from app.domain import action as decide
from app.domain import criterion
from app.domain.action import ActionState, Promise, StepKind
from app.domain.kpi import Kpi
from app.domain.refusals import refused
from app.domain.roles import Right
from app.flows import actions, sitting
from app.flows.actions import Origin, Person
from app.flows.dossier import NoSuchHandoff
from app.flows.meetings import NoSuchSeries
from app.flows.policies import newest_calendar
from app.flows.tokens import Token
from app.state import State

router = noun("/actions", "Actions", changes=Right.HOLD_MEETINGS)

Words = Annotated[str, Field(max_length=2000), AfterValidator(storable)]
Name = Annotated[str, Field(max_length=200), AfterValidator(storable)]
Mail = Annotated[str, Field(max_length=320), AfterValidator(storable)]
EXAMPLE: dict[str, Any] = {
    "id": 7,
    "series": "default",
    "meeting": 4,
    "handoff": None,
    "owner": "伊藤 健",
    "owner_email": "ito@example.jp",
    "due_on": "2026-10-08",
    "text": "発信コンテンツ見直し案を営業責任者に共有し、フィードバックを得る",
    "done_when": "営業責任者のコメントが議事録に残っている",
    "sentence": "伊藤 健が、10/8(木)までに、発信コンテンツ見直し案を営業責任者に共有し、フィードバックを得る。"
    "完了基準: 営業責任者のコメントが議事録に残っている",
    "state": "open",
    "criterion": None,
    "overdue": False,
    "carried": 1,
    "version": 3,
    "created_at": "2026-09-24T01:40:00Z",
    "closed_at": None,
}
CRITERION: dict[str, Any] = {"kpi": "attainment", "at_least": True, "target": 0.9}
STEP: dict[str, Any] = {
    "at": "2026-10-01T02:00:00Z",
    "by": "ito",
    "kind": "carried",
    "text": "営業責任者が出張中のため",
    "due_before": "2026-10-01",
    "due_on": "2026-10-08",
}


class ActionWritten(Written):
    """Either the fields or a sentence that says them."""

    series: Key = "default"
    meeting: Annotated[int, Field(ge=1, le=100_000)] | None = Field(None, description="The meeting that decided it.")
    task: WrittenId | None = Field(None, description="The meeting's entry of the kind task that it makes complete.")
    handoff: WrittenId | None = Field(None, description="The handoff that it came of.")
    sentence: Words = Field("", description="「{owner}が、{due}までに、{text}。完了基準: {done_when}」")
    owner: Name = ""
    owner_email: Mail | None = None
    due_on: Day | None = None
    due: Name = Field(
        "", description="Instead of `due_on`, in words: 2週間以内, within 10 days; moved to the next open day."
    )
    text: Words = ""
    done_when: Words = Field(
        "",
        description="How one sees that it is done. A KPI and a threshold, such as 「SLA達成率 90%以上」 or "
        "`attainment >= 90%`, is checked by itself.",
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {name: EXAMPLE[name] for name in ("series", "meeting", "owner", "due_on", "text", "done_when")},
                {"sentence": EXAMPLE["sentence"]},
            ]
        }
    )


class ActionEdited(Written):
    """What is not named stays."""

    owner: Name | None = None
    owner_email: Mail | None = None
    due_on: Day | None = None
    text: Words | None = None
    done_when: Words | None = None
    version: WrittenId | None = Field(None, description="The version you saw; another one now is answered 409.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"owner": "田中 舞", "version": 3}]})


class Said(Written):
    said: Words = Field("", description="How it stands, or the reason.")
    version: WrittenId | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"said": "8割まで完了。残りは来週", "version": 3}]})


class Carried(Written):
    reason: Words = ""
    due_on: Day
    version: WrittenId | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": STEP["text"], "due_on": "2026-10-08"}]})


class Reasoned(Written):
    reason: Words = ""
    version: WrittenId | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "方針変更により不要になった"}]})


class Measure(Shown):
    kpi: Kpi
    at_least: bool = Field(description="To be this or more; false: this or less.")
    target: float = Field(description="A share (0 to 1), a number, or seconds of the median.")

    model_config = ConfigDict(json_schema_extra={"examples": [CRITERION]})


class Action(Shown):
    id: int
    series: str
    meeting: int | None
    handoff: int | None
    owner: str
    owner_email: str | None
    due_on: date
    text: str
    done_when: str
    sentence: str
    state: ActionState
    criterion: Measure | None = Field(
        description="What the definition of done says of a KPI; checked by itself on the due date. null: people judge."
    )
    overdue: bool = Field(description="Open, and its day is over.")
    carried: int = Field(description="How often it was carried over.")
    version: int
    created_at: datetime
    closed_at: datetime | None

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class Step(Shown):
    at: datetime
    by: str
    kind: StepKind
    text: str
    due_before: date | None = Field(description="null: the date stayed.")
    due_on: date

    model_config = ConfigDict(json_schema_extra={"examples": [STEP]})


class ActionFile(Shown):
    action: Action
    steps: list[Step]

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": EXAMPLE, "steps": [STEP]}]})


class ActionsAsked(Paged):
    state: ActionState | None = Field(None, description="Only those.")
    series: Key | None = Field(None, description="Only of this meeting series.")
    owner: Word | None = Field(None, description="Only this person's.")
    overdue: bool = Field(False, description="Only open ones whose day is over.")


@router.get("", operation_id="list_actions", dependencies=[reads])
def list_actions(
    asked: Annotated[ActionsAsked, Query()], state: Here, request: Request, response: Response
) -> Page[Action]:
    """Action items in the order in which they were made."""
    today, locale = _today(state), locale_of(request)
    with state.database.read() as c:
        found = actions.listed(
            c,
            state=ActionState.OPEN if asked.overdue else asked.state,
            series_key=asked.series,
            owner=asked.owner,
            due_before=today if asked.overdue else None,
            after=after(asked, int),
            limit=asked.limit,
        )
    return page(request, response, found, lambda row: shown_action(row, state, locale))


@router.post("", operation_id="add_action", status_code=201)
def add_action(
    body: ActionWritten, token: Writer, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> Action:
    """Owner, due date and definition of done are mandatory."""
    person = _person(token, state)
    with state.database.write() as c:
        promise = promise_of(c, body, person.today)
        origin = Origin(body.series, body.meeting, body.handoff)
        try:
            row = actions.add(c, person, promise, origin, body.owner_email)
            if body.task is not None:
                sitting.take(c, person, origin, body.task, row.id)
        except NoSuchSeries:
            raise refused("/series", "unknown", "There is no meeting series {key}.", key=body.series) from None
        except NoSuchHandoff:
            raise refused("/handoff", "unknown", "There is no handoff {key}.", key=body.handoff) from None
    return shown_action(row, state, locale_of(request))


@router.get("/{action_id}", operation_id="get_action", dependencies=[reads])
def get_action(action_id: RowId, state: Here, request: Request, _: Annotated[Nothing, Query()]) -> ActionFile:
    """One action item with everything that was said about it."""
    with state.database.read() as c:
        row, steps = actions.read(c, action_id)
    shown = [Step.model_validate(step, from_attributes=True) for step in steps]
    return ActionFile(action=shown_action(row, state, locale_of(request)), steps=shown)


@router.patch("/{action_id}", operation_id="edit_action")
def edit_action(
    action_id: RowId,
    body: ActionEdited,
    token: Writer,
    state: Here,
    request: Request,
    _: Annotated[Nothing, Query()],
) -> Action:
    """Put it right; a date that was not kept is carried over instead."""
    changes = body.model_dump(exclude_unset=True, exclude={"version"})
    return _said(state, request, lambda c, who: actions.edit(c, who, action_id, changes, seen=body.version), token)


@router.post("/{action_id}/reports", operation_id="report_action")
def report_action(
    action_id: RowId, body: Said, token: Writer, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> Action:
    """Its owner says how it stands."""
    return _said(state, request, lambda c, who: actions.report(c, who, action_id, body.said, seen=body.version), token)


@router.post("/{action_id}/carry", operation_id="carry_action")
def carry_action(
    action_id: RowId, body: Carried, token: Writer, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> Action:
    """Not done: the reason and the new date."""
    return _said(
        state,
        request,
        lambda c, who: actions.carry(c, who, action_id, body.reason, body.due_on, seen=body.version),
        token,
    )


@router.post("/{action_id}/done", operation_id="finish_action")
def finish_action(
    action_id: RowId, body: Reasoned, token: Writer, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> Action:
    """Its definition of done is fulfilled."""
    return _closed(action_id, StepKind.DONE, body, token, state, request)


@router.post("/{action_id}/drop", operation_id="drop_action")
def drop_action(
    action_id: RowId, body: Reasoned, token: Writer, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> Action:
    """Given up: a decision with a reason."""
    return _closed(action_id, StepKind.DROPPED, body, token, state, request)


@router.post("/{action_id}/reopen", operation_id="reopen_action")
def reopen_action(
    action_id: RowId, body: Reasoned, token: Writer, state: Here, request: Request, _: Annotated[Nothing, Query()]
) -> Action:
    """It was not done after all."""
    return _closed(action_id, StepKind.REOPENED, body, token, state, request)


def _closed(action_id: int, kind: StepKind, body: Reasoned, token: Token, state: State, request: Request) -> Action:
    return _said(
        state, request, lambda c, who: actions.close(c, who, action_id, kind, body.reason, seen=body.version), token
    )


def _said(state: State, request: Request, say: Callable[[Any, Person], Any], token: Token) -> Action:
    person = _person(token, state)
    with state.database.write() as c:
        row = say(c, person)
    return shown_action(row, state, locale_of(request))


def promise_of(c: Any, body: ActionWritten, today: date) -> Promise:
    """Raises Refused."""
    said = decide.Said(body.owner, body.due, body.text, body.done_when)
    if body.sentence:
        read = decide.read_sentence(body.sentence)
        said = decide.Said(read.owner, read.due, read.text, read.done_when or body.done_when)
    if body.due_on is None and not said.due:
        raise refused("/due_on", "needed", "Say until when.")
    due_on = body.due_on or decide.due_in_words(said.due, today, newest_calendar(c, "default")[2])
    return Promise(said.owner, due_on, said.text, said.done_when)


def _person(token: Token, state: State) -> Person:
    now = state.clock()
    return Person(token.name, now, now.astimezone(state.settings.zone).date())


def _today(state: State) -> date:
    return state.clock().astimezone(state.settings.zone).date()


def shown_action(row: Any, state: State, locale: str) -> Action:
    promise = Promise(row.owner, row.due_on, row.text, row.done_when)
    known = {name: getattr(row, name) for name in Action.model_fields if hasattr(row, name)}
    wanted = criterion.read(row.done_when)
    return Action(
        **known,
        series=row.series_key,
        meeting=row.meeting_number,
        handoff=row.handoff_id,
        sentence=decide.sentence(promise, state.settings.zone, locale),
        criterion=Measure.model_validate(wanted, from_attributes=True) if wanted else None,
        overdue=row.state == ActionState.OPEN and row.due_on < _today(state),
    )
