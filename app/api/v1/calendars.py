"""Calendars: opening hours and closed days, version by version."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import ConfigDict, Field, Strict

from app.api.auth import Admin, needs, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.problems import under
from app.api.schemas import Nothing, Shown, Written
from app.api.v1 import previews
from app.api.v1.previews import Preview, Repetition
from app.domain.calendar import Calendar
from app.domain.roles import Right
from app.flows import lists, policies, publish

router = noun("/calendars", "Calendars", sees=Right.SEE_FIGURES)

CalendarKey = Annotated[str, Path(max_length=64, description="The calendar's key.", examples=["default"])]
DOCUMENT: dict[str, Any] = {
    "key": "default",
    "time_zone": "Asia/Tokyo",
    "weekly": {day: ["09:00-12:00", "13:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    "country": "JP",
    "company_days": {"2026-12-29": "年末休業", "2026-12-30": "年末休業", "2026-12-31": "年末休業"},
}
EXAMPLE: dict[str, Any] = {
    "key": "default",
    "version": 2,
    "created_at": "2026-09-25T02:05:00Z",
    "created_by": "revops",
    "calendar": DOCUMENT
    | {"holidays": {"2026-09-21": "敬老の日", "2026-09-22": "国民の休日", "2026-09-23": "秋分の日"}},
}


class CalendarVersion(Shown):
    """A version of a calendar."""

    key: str
    version: int
    created_at: datetime
    created_by: str
    calendar: Calendar

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class Publication(Written):
    """The next version of a calendar; the country's public holidays are written into it."""

    calendar: Calendar
    keep_open: Annotated[bool, Strict()] = Field(
        False, description="Leave the clocks that run as they are; only new leads are counted in this version."
    )

    model_config = ConfigDict(json_schema_extra={"examples": [{"calendar": DOCUMENT}]})


class AppliedCalendar(CalendarVersion):
    """The version that now is the newest, who took it up, and what became of the clocks that ran."""

    new: bool = Field(description="false: the newest version says the same, and none was made.")
    policies: list[Repetition] = Field(description="The last version of a key is the one in force.")
    moved: int = Field(description="Deadlines that changed; the audit log names them.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                EXAMPLE | {"new": True, "policies": [{"policy": "mql", "before": 2, "version": 3}], "moved": 4}
            ]
        }
    )


class HolidayChange(Shown):
    day: date
    before: str | None = Field(description="null: no public holiday so far.")
    after: str | None = Field(description="null: no public holiday any more.")
    provisional: bool = Field(description="Nothing official has been said about its year yet.")


class HolidayProposal(Shown):
    """Public holidays as they are known today, against a calendar's newest version."""

    key: str
    version: int
    years: list[int]
    provisional_years: list[int]
    changes: list[HolidayChange] = Field(description="By day; empty: nothing to do.")
    calendar: Calendar = Field(description="With the changes; the `calendar` to apply.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "key": "default",
                    "version": 2,
                    "years": [2025, 2026, 2027],
                    "provisional_years": [],
                    "changes": [{"day": "2027-01-01", "before": None, "after": "元日", "provisional": False}],
                    "calendar": DOCUMENT | {"holidays": {"2027-01-01": "元日"}},
                }
            ]
        }
    )


@router.get("", operation_id="list_calendars", dependencies=[reads])
def list_calendars(state: Here, _: Annotated[Nothing, Query()]) -> Listing[CalendarVersion]:
    """The newest version of every calendar."""
    with state.database.read() as c:
        newest = {row.key: row for row in lists.calendar_versions(c)}
    return Listing(items=[_shown(row) for row in newest.values()])


@router.post(
    "",
    operation_id="apply_calendar",
    status_code=201,
    responses={200: {"model": AppliedCalendar, "description": "The newest version says the same."}},
)
def apply_calendar(
    body: Publication, token: Admin, state: Here, response: Response, _: Annotated[Nothing, Query()]
) -> AppliedCalendar:
    """Add the calendar's next version, and one of every policy that uses it.

    Clocks that run are counted anew, unless `keep_open`. What is overdue or met stays as it is.
    """
    database, versions, now = state.database, state.versions, state.clock()
    with under("/calendar"):
        published = publish.calendar(
            database, versions, body.calendar, by=token.name, now=now, keep_open=body.keep_open
        )
    response.headers["Location"] = f"/v1/calendars/{body.calendar.key}/versions/{published.version}"
    response.status_code = 201 if published.new else 200
    with state.database.read() as c:
        version = _shown(lists.calendar_version(c, body.calendar.key, published.version))
    taken_up = previews.repetitions(published.policies)
    return AppliedCalendar(**dict(version), new=published.new, policies=taken_up, moved=len(published.moves))


@router.post("/preview", operation_id="preview_calendar", dependencies=[needs(Right.SEE_LEADS), reads])
def preview_calendar(body: Publication, state: Here, _: Annotated[Nothing, Query()]) -> Preview:
    """What applying it would change: days, deadlines of new leads, and those of the clocks that run.

    Nothing is written.
    """
    with under("/calendar"), state.database.read() as c:
        found = publish.preview_calendar(c, body.calendar, now=state.clock(), keep_open=body.keep_open)
    return previews.shown(found)


@router.get("/{key}", operation_id="list_calendar_versions", dependencies=[reads])
def list_calendar_versions(key: CalendarKey, state: Here, _: Annotated[Nothing, Query()]) -> Listing[CalendarVersion]:
    """All versions of one calendar, the oldest first."""
    with state.database.read() as c:
        rows = lists.calendar_versions(c, key)
    if not rows:
        raise policies.NoSuchCalendar(key)
    return Listing(items=[_shown(row) for row in rows])


@router.get("/{key}/proposal", operation_id="propose_holidays", dependencies=[reads])
def propose_holidays(key: CalendarKey, state: Here, _: Annotated[Nothing, Query()]) -> HolidayProposal:
    """What today's list of public holidays would change in the calendar's newest version. Applying it is up to you."""
    with state.database.read() as c:
        number, found = policies.proposal(c, key, state.clock())
    return HolidayProposal(
        key=key,
        version=number,
        years=list(found.years),
        provisional_years=list(found.provisional_years),
        changes=[HolidayChange.model_validate(change, from_attributes=True) for change in found.changes],
        calendar=found.calendar,
    )


@router.get("/{key}/versions/{number}", operation_id="get_calendar_version", dependencies=[reads])
def get_calendar_version(
    key: CalendarKey,
    number: Annotated[int, Path(ge=1, le=10**6, description="The version.", examples=[2])],
    state: Here,
    _: Annotated[Nothing, Query()],
) -> CalendarVersion:
    """One version of a calendar."""
    with state.database.read() as c:
        return _shown(lists.calendar_version(c, key, number))


def _shown(row: Any) -> CalendarVersion:
    return CalendarVersion(
        key=row.key,
        version=row.version,
        created_at=row.created_at,
        created_by=row.created_by,
        calendar=Calendar.model_validate(row.document),
    )
