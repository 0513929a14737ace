"""An agreement in a form of its own: what a change would do is shown before anybody agrees on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.calendar import ClockKind
from app.domain.policy import Policies, PolicyVersion
from app.domain.refusals import Refused
from app.domain.roles import Right
from app.flows import drafts, lists, policies, publish
from app.flows.lists import PolicyEntry
from app.pages import agreement_text, agreement_words, forms, policy_preview, policy_typed, rule_typed, session
from app.pages.agreement_text import Change
from app.pages.forms import Attempt, Fields, Sent
from app.pages.policy_typed import FORM, Wanted
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(
    prefix="/sla/{key}/edit",
    route_class=Page,
    include_in_schema=False,
    dependencies=[Depends(session.may(Right.AGREE))],
)
#: Message ids.
CLOCKS = {
    ClockKind.ELAPSED: "hours, day and night",
    ClockKind.BUSINESS_HOURS: "business hours",
    ClockKind.BUSINESS_DAYS: "business days",
}


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Somebody published while the form was open."""

    theirs: PolicyEntry
    #: The version that the form began with.
    base: PolicyVersion
    #: What they changed of it, and what is changed here.
    by_them: Sequence[Change]
    here: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Opened:
    """An agreement in its versions, the newest last, among all the others."""

    known: Policies
    entries: Sequence[PolicyEntry]

    @property
    def newest(self) -> PolicyVersion:
        return self.entries[-1].version

    def base(self, sent: Fields) -> PolicyVersion:
        """The version that the form began with; the first for a form that names none."""
        number = forms.whole(sent, "based_on")
        return next((e.version for e in self.entries if e.version.version == number), self.entries[0].version)


@router.get("")
def editor(request: Request, key: str) -> Response:
    """`?rule=text`: the rule as JSON, whatever it says."""
    state: State = request.app.state.tasuki
    try:
        with state.database.read() as c:
            opened = _opened(c, key)
    except lists.NoSuchPolicy:
        return render(request, "missing.html", 404)
    as_text = request.query_params.get("rule") == "text"
    return _form(request, opened, Attempt(FORM, policy_typed.as_typed(opened.newest, rule_as_text=as_text)))


def _opened(c: Connection, key: str) -> Opened:
    """Raises NoSuchPolicy."""
    known = policies.all_versions(c)
    entries = lists.policy_versions(c, known, key)
    if not entries:
        raise lists.NoSuchPolicy(key)
    return Opened(known, entries)


def _form(request: Request, opened: Opened, attempt: Attempt, status: int = 200, **more: Any) -> Response:
    """`shown`: what it would do. `meanwhile`: what somebody else did."""
    nothing: dict[str, Any] = {"shown": None, "meanwhile": None}
    return render(
        request, "policy_editor.html", status,
        version=opened.newest, attempt=attempt, fields=policy_typed.FIELDS, clocks=CLOCKS,
        channels=agreement_words.CHANNELS, activities=rule_typed.activities(attempt.typed), **nothing | more,
    )  # fmt: skip


@router.post("")
def answer(request: Request, key: str, sent: Sent) -> Response:
    """`as=publish`: it is agreed on. Otherwise nothing is written, and what it would do stands under the form."""
    state: State = request.app.state.tasuki
    reader, form = reader_of(request), {"based_on": "", "shape": "text"} | sent | {"form": FORM}
    try:
        with state.database.read() as c:
            opened = _opened(c, key)
    except lists.NoSuchPolicy:
        return render(request, "missing.html", 404)
    try:
        wanted = policy_typed.read(form, opened.base(form).policy, reader.zone)
        if sent.get("as") == "publish":
            return _published(request, key, wanted, opened.base(form).version)
        return _previewed(request, key, form)
    except Refused as why:
        if any(refusal.code == "overtaken" for refusal in why.refusals):
            return _previewed(request, key, form)
        return _form(request, opened, forms.attempt(form, policy_typed.beside(why)), 422)


def _published(request: Request, key: str, wanted: Wanted, based_on: int) -> Response:
    """To what is different now. Raises Refused."""
    state: State = request.app.state.tasuki
    made = publish.policy(
        state.database, state.versions, wanted.policy, by=session.visitor(request).by, now=state.clock(),
        effective_from=wanted.effective_from, note=wanted.note, migrate_open=wanted.migrate_open, based_on=based_on,
    )  # fmt: skip
    asked = {"policy": key, "from": f"{made.version - 1}", "to": f"{made.version}"} if made.new else {}
    return RedirectResponse(reader_of(request).href("/sla", **asked) + ("#compared" if made.new else f"#{key}"), 303)


def _previewed(request: Request, key: str, form: Fields) -> Response:
    """Nothing is written. Who began with an older version sees both, and goes on from the newest. Raises Refused."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        opened = _opened(c, key)
        wanted = policy_typed.read(form, opened.newest.policy, reader.zone)
        shown = policy_preview.shown(c, opened.known, opened.newest, wanted, reader)
        meanwhile = _meanwhile(c, opened, form, reader)
    typed = dict(form) | {"based_on": f"{opened.newest.version}"}
    return _form(request, opened, Attempt(FORM, typed), 409 if meanwhile else 200, shown=shown, meanwhile=meanwhile)


def _meanwhile(c: Connection, opened: Opened, form: Fields, reader: Reader) -> Meanwhile | None:
    """None: nobody."""
    base, newest = opened.base(form), opened.newest
    if base.version == newest.version:
        return None
    here = drafts.draft_of(c, opened.known, policy_typed.read(form, base.policy, reader.zone).policy, reader.now)
    by_them, mine = (agreement_text.changes(base, each, reader.now, reader.locale) for each in (newest, here))
    return Meanwhile(opened.entries[-1], base, by_them, mine)
