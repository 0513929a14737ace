"""Rules about the data that the teams agreed on, and whether the data shows that they are kept."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from fastapi import Request as Asking
from pydantic import ConfigDict, Field, Strict

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import locale_of
from app.api.schemas import Asked, Day, Key, Nothing, Shown, Written, WrittenId
from app.domain.process_rule import LONGEST, Agreed, RuleState
from app.domain.quality import Kind
from app.domain.roles import Right
from app.flows import process_rules
from app.flows.actions import Person
from app.flows.process_rules import Standing
from app.flows.tokens import Token
from app.state import State

router = noun("/process-rules", "Process rules", sees=Right.SEE_FIGURES, changes=Right.AGREE)

RuleKey = Annotated[
    str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="The rule's key.", examples=["log-within-2h"])
]
Words = Annotated[str, Field(max_length=LONGEST)]
AGREED: dict[str, Any] = {
    "text": "架電・メールの結果は、対応後2時間以内にSFAへ記録する",
    "check": "late_logging",
    "most": 3,
    "agreed_on": "2026-09-10",
    "series": "default",
    "meeting": 2,
}
VERSION: dict[str, Any] = AGREED | {
    "key": "log-within-2h",
    "version": 2,
    "by": "ito",
    "created_at": "2026-09-10T02:10:00Z",
    "withdrawn_at": None,
    "withdrawn_by": None,
    "withdrawn_reason": None,
}
EXAMPLE: dict[str, Any] = VERSION | {
    "state": "violated",
    "cases": 5,
    "since": "2026-09-17T01:00:00Z",
    "days": 14,
    "told": "守られていません(直近7日間に5件)",
    "rows": "/v1/quality/late_logging?days=7",
}


class ProcessRuleWritten(Written):
    text: Words = Field("", description="The rule as you agreed on it.")
    check: Kind | None = Field(
        None, description="The data-quality query whose cases violate the rule (`/v1/quality`); null: none shows it."
    )
    most: Annotated[int, Strict(), Field(ge=0, le=10**6)] = Field(0, description="How many cases are tolerated.")
    agreed_on: Day | None = Field(None, description="null: today.")
    series: Key | None = Field(None, description="The series of the meeting that decided it.")
    meeting: Annotated[int, Strict(), Field(ge=1, le=100_000)] | None = Field(None, description="That meeting.")

    model_config = ConfigDict(json_schema_extra={"examples": [AGREED]})


class ProcessRuleAdded(ProcessRuleWritten):
    key: Annotated[str, Field(max_length=64)] = Field(description="Small letters, digits, `-` and `_`.")

    model_config = ConfigDict(json_schema_extra={"examples": [AGREED | {"key": "log-within-2h"}]})


class ProcessRuleChanged(ProcessRuleWritten):
    version: WrittenId | None = Field(None, description="The version you saw; another one now is answered 409.")

    model_config = ConfigDict(json_schema_extra={"examples": [AGREED | {"version": 1}]})


class Withdrawal(Written):
    reason: Words = Field("", description="Why it applies no more.")
    version: WrittenId | None = Field(None, description="The version you saw; another one now is answered 409.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "SFAが自動で記録するようになった"}]})


class RuleVersion(Shown):
    key: str
    version: int
    text: str
    check: Kind | None
    most: int
    agreed_on: date
    series: str | None
    meeting: int | None
    by: str
    created_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_reason: str | None

    model_config = ConfigDict(json_schema_extra={"examples": [VERSION]})


class ProcessRule(RuleVersion):
    """The newest version of a rule, and what the data says of it."""

    state: RuleState = Field(
        description="reflected: the data of the last seven days keeps it; in_grace: agreed on less than seven days "
        "ago; violated: there are still cases; unchecked: no check, or no tool reported anything; withdrawn."
    )
    cases: int | None = Field(description="Cases since `since`; null: no check goes with it, or it is withdrawn.")
    since: datetime = Field(description="From when on cases count: seven days back, never before it was agreed on.")
    days: int = Field(description="Whole days since it was agreed on.")
    told: str = Field(description="The state in the language of Accept-Language.")
    rows: str | None = Field(description="Where the cases are listed.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class RuleFile(Shown):
    rule: ProcessRule
    versions: list[RuleVersion] = Field(description="The newest first.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"rule": EXAMPLE, "versions": [VERSION]}]})


class RulesAsked(Asked):
    withdrawn: bool = Field(False, description="Those that were withdrawn as well.")


@router.get("", operation_id="list_process_rules", dependencies=[reads])
def list_process_rules(asked: Annotated[RulesAsked, Query()], state: Here, request: Asking) -> Listing[ProcessRule]:
    """Every rule that applies, by key, with what the data says of it today."""
    locale = locale_of(request)
    with state.database.read() as c:
        policies, zone = state.versions.read(c), state.settings.zone
        found = process_rules.standing(c, policies, zone, state.clock(), withdrawn=asked.withdrawn)
    return Listing(items=[_rule(each, locale) for each in found])


@router.post("", operation_id="add_process_rule", status_code=201)
def add_process_rule(
    body: ProcessRuleAdded, token: Writer, state: Here, request: Asking, _: Annotated[Nothing, Query()]
) -> ProcessRule:
    """The first version of a rule."""
    person = _person(token, state)
    with state.database.write() as c:
        row = process_rules.add(c, person, body.key, _agreed(body, person))
        return _standing(c, row, state, request)


@router.get("/{key}", operation_id="get_process_rule", dependencies=[reads])
def get_process_rule(key: RuleKey, state: Here, request: Asking, _: Annotated[Nothing, Query()]) -> RuleFile:
    """One rule with all its versions."""
    with state.database.read() as c:
        rows = process_rules.versions(c, key)
        return RuleFile(rule=_standing(c, rows[0], state, request), versions=[_version(row) for row in rows])


@router.put("/{key}", operation_id="change_process_rule")
def change_process_rule(
    key: RuleKey,
    body: ProcessRuleChanged,
    token: Writer,
    state: Here,
    request: Asking,
    _: Annotated[Nothing, Query()],
) -> ProcessRule:
    """Its next version; the earlier ones stay as they are. A rule that was withdrawn applies again."""
    person = _person(token, state)
    with state.database.write() as c:
        row = process_rules.change(c, person, key, asdict(_agreed(body, person)), seen=body.version)
        return _standing(c, row, state, request)


@router.post("/{key}/withdraw", operation_id="withdraw_process_rule")
def withdraw_process_rule(
    key: RuleKey, body: Withdrawal, token: Writer, state: Here, request: Asking, _: Annotated[Nothing, Query()]
) -> ProcessRule:
    """It applies no more; why is kept."""
    with state.database.write() as c:
        row = process_rules.withdraw(c, _person(token, state), key, body.reason, seen=body.version)
        return _standing(c, row, state, request)


def _agreed(body: ProcessRuleWritten, person: Person) -> Agreed:
    return Agreed(body.text, body.check, body.most, body.agreed_on or person.today, body.series, body.meeting)


def _person(token: Token, state: State) -> Person:
    now = state.clock()
    return Person(token.name, now, now.astimezone(state.settings.zone).date())


def _standing(c: Any, row: Any, state: State, request: Asking) -> ProcessRule:
    policies, zone = state.versions.read(c), state.settings.zone
    return _rule(process_rules.standing_of(c, row, policies, zone, state.clock()), locale_of(request))


def _rule(standing: Standing, locale: str) -> ProcessRule:
    checked = f"/v1/quality/{standing.rule.check}?days=7" if standing.rule.check else None
    return ProcessRule(
        **_version(standing.rule).model_dump(),
        state=standing.state,
        cases=standing.cases,
        since=standing.since,
        days=standing.days,
        told=standing.in_words(locale),
        rows=checked,
    )


def _version(row: Any) -> RuleVersion:
    known = {name: getattr(row, name) for name in RuleVersion.model_fields if hasattr(row, name)}
    return RuleVersion(**known, series=row.series_key, meeting=row.meeting_number)
