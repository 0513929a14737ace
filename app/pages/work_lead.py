"""A lead's page: who it is, the running handoff, what to know before the call, what happened, what to write down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain import reasons
from app.domain.bands import paused_until
from app.domain.deadline import receipt_lines
from app.domain.timeline import Chapter
from app.flows import brief as briefs
from app.flows import brief_feedback, explain, identities, lists, timeline
from app.pages import brief, work_words
from app.pages import timeline as chapters
from app.pages.rendering import reader_of, render
from app.pages.words import CHANNELS
from app.pages.work_asked import PAGE
from app.pages.work_said import NUMBER, said_by
from app.state import State
from connectors.contract import Outcome

#: Groups of reasons for giving a lead back, in the order in which people think of them.
GIVE_BACK = (Outcome.REJECTED, Outcome.DISQUALIFIED, Outcome.EXCLUDED)


@dataclass(frozen=True, slots=True)
class Form:
    """A form that could not be used: what was typed, and what to mend, by field; "" for the whole."""

    name: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, list[str]] = field(default_factory=dict)


def show_lead(request: Request, number: str, form: Form | None = None) -> Response:
    """`form`: shown again, with what was typed."""
    state: State = request.app.state.tasuki
    if not NUMBER.fullmatch(number):
        return render(request, "missing.html", 404)
    try:
        with state.database.read() as c:
            if (current := identities.current(c, int(number))) != int(number):
                return RedirectResponse(reader_of(request).href(f"/leads/{current}"), 303)
            content = _content(c, request, int(number))
    except lists.NoSuchLead:
        return render(request, "missing.html", 404)
    forms = {"form": form or Form(), "once": uuid4().hex, "DONE": work_words.DONE, "channels": CHANNELS}
    return render(request, "lead.html", 422 if form else 200, **content, **forms, give_back=_reasons())


def _content(c: Connection, request: Request, lead_id: int) -> dict[str, Any]:
    reader = reader_of(request)
    known = briefs.read(c, lead_id)
    chapter, page = _asked(request)
    return {
        "known": known,
        "brief": brief.sections(known, reader.locale, reader.zone),
        "score": brief.score_in_words(known.score, reader.locale),
        "timeline": timeline.read(c, lead_id, chapter, page),
        "chapter": chapter,
        "chapters": chapters,
        "done": said_by(c, request.query_params),
        "earlier": lists.handoffs(c, lists.HandoffFilter(lead_id=lead_id), limit=timeline.PAGE).rows,
    } | _handover(c, request, known)


def _handover(c: Connection, request: Request, known: briefs.Brief) -> dict[str, Any]:
    """The newest handoff; nothing of a lead that has not become MQL."""
    if known.handover is None:
        return {"handoff": None, "ratings": (), "paused": None}
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    told = explain.explain(c, state.versions.read(c), known.handover.handoff_id, reader.now)
    return {
        "handoff": told.dossier,
        "delays": told.delays,
        "receipt": receipt_lines(told.dossier.receipt, reader.zone, reader.locale),
        "ratings": brief_feedback.of_handoff(c, known.handover.handoff_id),
        "paused": paused_until(told.dossier.episode.changes, reader.now),
    }


def _asked(request: Request) -> tuple[Chapter | None, int]:
    chapter, page = (request.query_params.get(name, "") for name in ("show", "page"))
    return Chapter(chapter) if chapter in set(Chapter) else None, int(page) if PAGE.fullmatch(page) else 1


def _reasons() -> list[tuple[Outcome, list[tuple[str, str]]]]:
    """Outcome → value of the choice and its label."""
    return [
        (outcome, [(f"{outcome}:{code}", reasons.REASONS[code].label) for code in reasons.of(outcome)])
        for outcome in GIVE_BACK
    ]
