"""A meeting's papers in every language, and the messages about them (flows.preparation.Words)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from app.domain.language import LOCALES, text
from app.flows import agendas, record
from app.flows.agendas import Prepared
from app.flows.preparation import Closing, Written
from app.pages import agenda as agenda_paper
from app.pages import formats
from app.pages import minutes as minutes_paper
from app.pages.changes import restated, since_frozen
from app.pages.document import Document, read
from app.settings import Settings


def agenda(shown: Prepared, settings: Settings) -> Written:
    papers = {locale: agenda_paper.document(shown, locale, settings.zone) for locale in LOCALES}
    frozen = {locale: paper.model_copy(update={"frozen_at": paper.as_of}) for locale, paper in papers.items()}
    return _written(frozen, settings)


def minutes(held: Closing, settings: Settings) -> Written:
    return _written({locale: minutes_paper.document(held, locale, settings.zone) for locale in LOCALES}, settings)


class NotWritten(LookupError):
    """The agenda is not frozen yet, or the meeting is not closed."""


def _written(papers: dict[str, Document], settings: Settings) -> Written:
    mine = papers[settings.locale]
    url = f"{settings.public_url}/meetings/{mine.series.key}/{mine.meeting.number}"
    footnote = text(settings.locale, "Sent to all attendees")
    return Written({locale: paper.plain() for locale, paper in papers.items()}, formats.message(mine, url, footnote))


def live_agenda(c: Connection, settings: Settings, now: datetime, key: str, locale: str) -> Document:
    """As it stands now, frozen or not. Raises NoSuchSeries, NoMeetingAhead."""
    return agenda_paper.document(agendas.prepare(c, settings, now, key), locale, settings.zone)


def next_agenda(c: Connection, settings: Settings, now: datetime, key: str, locale: str) -> Document:
    """As it stands, or as it was frozen, with what changed since. Raises NoSuchSeries, NoMeetingAhead."""
    live = live_agenda(c, settings, now, key, locale)
    try:
        row = record.find(c, key, live.meeting.number)
    except record.NoSuchMeeting:
        return live
    if not row.agenda:
        return live
    frozen = read(row.agenda[locale])
    return frozen.model_copy(update={"changes": since_frozen(frozen, live)})


def restatements(c: Connection, settings: Settings, key: str, number: int, locale: str) -> list[dict[str, str]]:
    """What a frozen agenda would say differently by what is known today. Raises NoSuchMeeting, NotWritten."""
    shown = kept(c, key, number, "agenda", locale)
    return restated(shown, agendas.recount(c, shown.counting, settings.zone))


def kept(c: Connection, key: str, number: int, paper: Literal["agenda", "minutes"], locale: str) -> Document:
    """As it was shown. Raises NoSuchMeeting, NotWritten."""
    row = record.find(c, key, number)
    if not getattr(row, paper):
        raise NotWritten(number)
    return read(getattr(row, paper)[locale])
