"""Owners who are away, and who hears of their leads meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Moment, Nothing, RowId, Shown, Word, Written
from app.domain.roles import Right
from app.flows import absences

router = noun("/absences", "Absences", changes=Right.ASSIGN)

EXAMPLE: dict[str, Any] = {
    "owner": "0055i000001TaNA",
    "since": "2026-09-24T00:00:00Z",
    "until": "2026-09-28T00:00:00Z",
    "delegate": "suzuki@example.jp",
}


class AbsenceWritten(Written):
    owner: Word = Field(description="The tool's id of the owner.")
    since: Moment
    until: Moment = Field(description="After `since`.")
    delegate: Annotated[str, Field(max_length=320)] = Field(
        "", description="E-mail address that hears of the owner's leads; empty: the policy's intake address."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class AbsenceShown(Shown):
    """Alerts for the owner go to the delegate meanwhile. The clock goes on."""

    id: int
    owner: str
    since: datetime
    until: datetime
    delegate: str
    by: str = Field(description="Who entered it.")

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE | {"id": 4, "by": "ops"}]})


class Absences(Shown):
    items: list[AbsenceShown]

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE | {"id": 4, "by": "ops"}]}]})


@router.get("", operation_id="list_absences", dependencies=[reads])
def list_absences(state: Here, _: Annotated[Nothing, Query()]) -> Absences:
    """Absences that are not over, the earliest first."""
    with state.database.read() as c:
        rows = absences.current(c, state.clock())
    return Absences(items=[AbsenceShown.model_validate(row._mapping) for row in rows])


@router.post("", status_code=201, operation_id="add_absence")
def add_absence(body: AbsenceWritten, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> AbsenceShown:
    """From then on alerts for the owner go to the delegate."""
    with state.database.write() as c:
        made = absences.add(c, **body.model_dump(), by=token.name, now=state.clock())
    return AbsenceShown(id=made, **body.model_dump(), by=token.name)


@router.delete("/{absence_id}", status_code=204, operation_id="remove_absence")
def remove_absence(absence_id: RowId, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> None:
    """The owner is back."""
    with state.database.write() as c:
        absences.remove(c, absence_id, by=token.name, now=state.clock())
