"""A series as a form: when it is held, for how long, where, and who comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.domain.refusals import refused, validated
from app.domain.series import Series, warnings
from app.domain.template import LENGTHS, ROLE_NAMES, Duty, Role
from app.flows import lists, meetings, templates
from app.flows.administer import Admin, set_series
from app.flows.policies import NoSuchCalendar
from app.pages import forms, meeting_words
from app.pages.forms import Attempt, Fields, Sent
from app.pages.meeting_routes import AGREES, MeetingPage, SeriesKey, attempted, by, done
from app.pages.rendering import reader_of, render
from app.state import State

router = APIRouter(route_class=MeetingPage, include_in_schema=False, dependencies=[AGREES])
FORM = "series"
KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
#: What is written about an attendee.
PERSON = ("name", "email", "role", "duty", "delegate")
#: Lines for attendees that are to come; more follow when these are filled in.
EMPTY_LINES = 4


@router.get("/meetings/new")
def new(request: Request) -> Response:
    return form_page(request, None)


@router.get("/meetings/{key}/edit")
def change(request: Request, key: SeriesKey) -> Response:
    return form_page(request, key)


def form_page(request: Request, key: str | None, attempt: Attempt = forms.NOTHING, status: int = 200) -> Response:
    """`key`: None for a new series. Raises NoSuchSeries."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        stored = meetings.read_series(c, key) if key else None
        calendars = sorted({row.key for row in lists.calendar_versions(c)})
        own = [found.key for found in templates.all_templates(c)]
    today = reader.now.astimezone(reader.zone).date()
    series = stored.series if stored else meetings.default_series(state.settings, today)
    typed = attempt.typed if attempt.form else _typed(series, stored.calendar_key if stored else "default")
    lines = _lines(typed) + EMPTY_LINES
    shown: dict[str, Any] = {"key": key, "typed": Attempt(FORM, typed, attempt.refusals), "lines": lines}
    choices = {"calendars": calendars, "own": own, "lengths": LENGTHS, "roles": list(Role), "duties": list(Duty)}
    warned = warnings(series) if stored else ()
    return render(
        request, "series_form.html", status, **shown, **choices, said=meeting_words, names=ROLE_NAMES, warned=warned
    )


def _typed(series: Series, calendar: str) -> dict[str, str]:
    """The series as its form shows it."""
    plain = series.model_dump(mode="json")
    people = plain.pop("attendees")
    told = {name: str(value) for name, value in plain.items()} | {"calendar": calendar}
    for number, each in enumerate(people):
        told |= {f"attendees-{number}-{name}": each[name] or "" for name in PERSON}
    return told


def _lines(typed: Mapping[str, str]) -> int:
    """How many attendees are written down."""
    known = [int(found[1]) for name in typed if (found := re.fullmatch(r"attendees-(\d{1,3})-email", name))]
    return max(known, default=-1) + 1


@router.post("/meetings/new")
def add(request: Request, sent: Sent) -> Response:
    """A series under a key of its own."""
    return _save(request, None, _close_ranks(sent))


@router.post("/meetings/{key}/edit")
def save(request: Request, key: SeriesKey, sent: Sent) -> Response:
    return _save(request, key, _close_ranks(sent))


def _close_ranks(sent: Fields) -> dict[str, str]:
    """The form without attendees' lines in which nothing is written."""
    kept = {name: value for name, value in sent.items() if not name.startswith("attendees-")}
    place = 0
    for number in range(_lines(sent)):
        line = {name: sent.get(f"attendees-{number}-{name}", "").strip() for name in PERSON}
        if line["name"] or line["email"]:
            kept |= {f"attendees-{place}-{name}": value for name, value in line.items()}
            place += 1
    return kept | {"form": FORM}


def _save(request: Request, key: str | None, sent: Fields) -> Response:
    state: State = request.app.state.tasuki

    def deed() -> Response:
        name = key or _new_key(request, sent)
        agreed = validated(Series, _document(sent))
        calendar = sent.get("calendar", "default")
        try:
            with state.database.write() as c:
                set_series(c, Admin(by(request), state.clock()), name, agreed, calendar)
        except NoSuchCalendar:
            raise refused("/calendar", "unknown_calendar", "There is no calendar {key}.", key=calendar) from None
        return done(request, "/meetings")

    return attempted(sent, deed, lambda attempt, status: form_page(request, key, attempt, status))


def _new_key(request: Request, sent: Fields) -> str:
    """Raises Refused."""
    key, state = sent.get("key", "").strip(), request.app.state.tasuki
    if not KEY.fullmatch(key) or key == "new":
        raise refused("/key", "string_pattern_mismatch", "Write a short name of small letters, digits, - and _.")
    with state.database.read() as c:
        if key in {stored.key for stored in meetings.all_series(c)}:
            raise refused("/key", "taken", "There is a series of that name already.")
    return key


def _document(sent: Fields) -> dict[str, Any]:
    """As domain.series.Series takes it."""
    plain: dict[str, Any] = {name: sent.get(name, "").strip() for name in Series.model_fields if name != "attendees"}
    plain |= {name: number for name in ("minutes", "every_weeks") if (number := forms.whole(sent, name)) is not None}
    people = [{name: sent.get(f"attendees-{n}-{name}", "") for name in PERSON} for n in range(_lines(sent))]
    plain["attendees"] = [each | {"duty": each["duty"] or None} for each in people]
    return plain
