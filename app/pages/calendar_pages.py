"""Calendars: the year at a glance, and a form that shows which deadlines a change moves before it is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.calendar import WEEKDAYS, Calendar
from app.domain.refusals import Refused
from app.domain.roles import Right
from app.flows import drafts, lists, publish
from app.flows.drafts import Preview
from app.pages import agreement_calendar, calendar_typed, calendar_year, forms, session
from app.pages.agreement_text import Change
from app.pages.agreement_words import Say
from app.pages.calendar_typed import FORM
from app.pages.forms import Attempt, Fields, Sent
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(
    prefix="/calendars",
    route_class=Page,
    include_in_schema=False,
    dependencies=[Depends(session.may(Right.SEE_FIGURES))],
)
CHANGES = Depends(session.may(Right.ADMINISTER))


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a calendar."""

    number: int
    row: Any
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Shown:
    """What publishing would do."""

    preview: Preview
    change: Change
    #: Public holidays that are called otherwise now.
    holidays: Sequence[tuple[str, str | None, str | None]]
    keep_open: bool


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Somebody published while the form was open: what they changed of `base`, and what is changed here."""

    theirs: Version
    base: Version
    by_them: Change
    here: Change


@router.get("")
def listing(request: Request) -> Response:
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        newest = {row.key: _version(row) for row in lists.calendar_versions(c)}
        agreements = state.versions.read(c).in_force(reader.now)
    using = {key: [v.policy.name for v in agreements if key in {v.calendar.key, *v.calendars}] for key in newest}
    say = Say(reader.locale)
    hours = {key: list(agreement_calendar.hours(version.calendar, say)) for key, version in newest.items()}
    return render(request, "calendars.html", calendars=list(newest.values()), hours=hours, using=using)


def _version(row: Any) -> Version:
    return Version(row.version, row, Calendar.model_validate(row.document))


@router.get("/{key}")
def one(request: Request, key: str) -> Response:
    """`?year=2027`: that year instead of this one."""
    versions = _versions(request, key)
    if not versions:
        return render(request, "missing.html", 404)
    newest = versions[-1]
    return _page(request, newest, Attempt(FORM, calendar_typed.as_typed(newest.calendar, newest.number)))


def _versions(request: Request, key: str) -> list[Version]:
    """The newest last."""
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        return [_version(row) for row in lists.calendar_versions(c, key)]


def _page(request: Request, newest: Version, attempt: Attempt, status: int = 200, **more: Any) -> Response:
    """`shown`: what publishing would do. `meanwhile`: what somebody else did."""
    reader = reader_of(request)
    today = reader.now.astimezone(newest.calendar.zone).date()
    asked = forms.whole(request.query_params, "year") or 0
    number = asked if calendar_year.FIRST <= asked <= calendar_year.LAST else today.year
    nothing: dict[str, Any] = {"shown": None, "meanwhile": None}
    return render(
        request, "calendar.html", status,
        version=newest, attempt=attempt, fields=calendar_typed.FIELDS, weekdays=WEEKDAYS,
        year=calendar_year.year_of(newest.calendar, number, today), kinds=calendar_year.KINDS,
        first=calendar_year.FIRST, last=calendar_year.LAST, **nothing | more,
    )  # fmt: skip


@router.post("/{key}", dependencies=[CHANGES])
def answer(request: Request, key: str, sent: Sent) -> Response:
    """`as=publish`: it counts from now on. Otherwise nothing is written, and what it would do stands under the form."""
    versions, form = _versions(request, key), {"based_on": ""} | sent | {"form": FORM}
    if not versions:
        return render(request, "missing.html", 404)
    base = _base(versions, form)
    try:
        written = calendar_typed.read(form, base.calendar)
        if sent.get("as") == "publish":
            return _published(request, written, base.number, keep_open="keep_open" in sent)
        return _previewed(request, key, form)
    except Refused as why:
        if any(refusal.code == "overtaken" for refusal in why.refusals):
            return _previewed(request, key, form)
        return _page(request, versions[-1], forms.attempt(form, calendar_typed.beside(why)), 422)


def _base(versions: Sequence[Version], form: Fields) -> Version:
    """The version that the form began with; the first for a form that names none."""
    number = forms.whole(form, "based_on")
    return next((version for version in versions if version.number == number), versions[0])


def _published(request: Request, written: Calendar, based_on: int, *, keep_open: bool) -> Response:
    """Raises Refused."""
    state: State = request.app.state.tasuki
    publish.calendar(
        state.database, state.versions, written,
        by=session.visitor(request).by, now=state.clock(), keep_open=keep_open, based_on=based_on,
    )  # fmt: skip
    return RedirectResponse(reader_of(request).href(f"/calendars/{written.key}"), 303)


def _previewed(request: Request, key: str, form: Fields) -> Response:
    """Nothing is written. Who began with an older version sees both, and goes on from the newest. Raises Refused."""
    state: State = request.app.state.tasuki
    reader, versions = reader_of(request), _versions(request, key)
    newest, base = versions[-1], _base(versions, form)
    with state.database.read() as c:
        shown = _shown(c, newest, form, reader)
    meanwhile = _meanwhile(newest, base, form, reader) if base.number != newest.number else None
    typed = dict(form) | {"based_on": f"{newest.number}"}
    return _page(
        request, newest, Attempt(FORM, typed), 409 if meanwhile else 200, shown=shown, meanwhile=meanwhile
    )  # fmt: skip


def _shown(c: Connection, newest: Version, form: Fields, reader: Reader) -> Shown:
    written, keep_open = calendar_typed.read(form, newest.calendar), "keep_open" in form
    preview = drafts.preview_calendar(c, written, now=reader.now, keep_open=keep_open)
    start = "/holidays/"
    holidays = [
        (d.place.removeprefix(start), d.before, d.after) for d in preview.differences if d.place.startswith(start)
    ]
    return Shown(preview, _change(newest.calendar, written, reader), holidays, keep_open)


def _meanwhile(newest: Version, base: Version, form: Fields, reader: Reader) -> Meanwhile:
    here = calendar_typed.read(form, base.calendar)
    return Meanwhile(
        newest, base, _change(base.calendar, newest.calendar, reader), _change(base.calendar, here, reader)
    )  # fmt: skip


def _change(before: Calendar, after: Calendar, reader: Reader) -> Change:
    """In the words of the agreement."""
    say = Say(reader.locale)
    was, now = (
        (say("Time zone: {zone}", zone=each.time_zone), *agreement_calendar.hours(each, say))
        for each in (before, after)
    )
    return Change(
        say("Working calendar"), tuple(p for p in was if p not in now), tuple(p for p in now if p not in was)
    )  # fmt: skip
