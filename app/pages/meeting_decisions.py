"""Decisions and action items as a meeting's forms say them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from app.domain.action import MISSING, Promise
from app.domain.policy import BEGINNING
from app.domain.refusals import Refusal, Refused, refused
from app.domain.run import Entry, ReviewOutcome, Said
from app.flows import actions, sitting
from app.flows.actions import Origin
from app.flows.reviews import Wish
from app.pages import forms
from app.pages.forms import Fields
from app.pages.meeting_routes import person
from app.state import State

#: What a decision may change about a policy in this form; more can be done with the API.
TARGET = "sla_change-changes-target"


def decided(request: Request, key: str, number: int, sent: Fields) -> int:
    """The number of the decision. Raises Refused, NoSuchMeeting."""
    state: State = request.app.state.tasuki
    outcome = sent.get("sla", "")
    data = {"sla": outcome} if outcome in set(ReviewOutcome) else {}
    said = Entry(0, BEGINNING, "", Said.DECISION, forms.whole(sent, "item"), forms.words(sent, "text"), data)
    wish = _wish(sent) if sent.get(TARGET, "").strip() else None
    with state.database.write() as c:
        return sitting.decide(c, person(request), key, number, said, wish)[0].id


def _wish(sent: Fields) -> Wish:
    """Raises Refused."""
    effective = forms.day(sent, "sla_change-effective_on", "Say from when on it applies.")
    review = forms.day(sent, "sla_change-review_on", "Say when it is reviewed.")
    try:
        target = float(sent[TARGET])
    except ValueError:
        raise refused("/sla_change/changes/target", "no_number", "Write a number.") from None
    return Wish(forms.words(sent, "sla_change-policy"), {"target": target}, effective, review)


def act(request: Request, key: str, number: int | None, sent: Fields) -> int:
    """The number of the action item; `task`: the meeting's task that it completes. Raises Refused, NoSuchMeeting."""
    state: State = request.app.state.tasuki
    said = promise(sent)
    origin = Origin(key, number)
    with state.database.write() as c:
        row = actions.add(c, person(request), said, origin, forms.words(sent, "owner_email", 320) or None)
        if (task := forms.whole(sent, "task")) is not None:
            sitting.take(c, person(request), origin, task, row.id)
    return int(row.id)


def promise(sent: Fields) -> Promise:
    """Raises Refused, with everything that is missing at once."""
    wrong: list[Refusal] = []
    told: dict[str, Any] = {}
    for name, longest in (("owner", 200), ("text", 2000), ("done_when", 2000)):
        told[name] = _collected(wrong, lambda name=name, longest=longest: forms.words(sent, name, longest))
        if told[name] == "":
            wrong += refused(f"/{name}", "needed", MISSING[name]).refusals
    told["due_on"] = _collected(wrong, lambda: forms.day(sent, "due_on", "Say until when."))
    if wrong:
        raise Refused(wrong)
    return Promise(**told)


def _collected(wrong: list[Refusal], read: Any) -> Any:
    try:
        return read()
    except Refused as why:
        wrong += why.refusals
        return None
