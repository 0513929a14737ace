"""A meeting's papers in every language, and the messages about them (flows.preparation.Words)."""

from __future__ import annotations

from app.domain.language import LOCALES, text
from app.flows.agendas import Prepared
from app.flows.preparation import Closing, Written
from app.pages import agenda as agenda_paper
from app.pages import formats
from app.pages import minutes as minutes_paper
from app.pages.document import Document
from app.settings import Settings


def agenda(shown: Prepared, settings: Settings) -> Written:
    papers = {locale: agenda_paper.document(shown, locale, settings.zone) for locale in LOCALES}
    frozen = {locale: paper.model_copy(update={"frozen_at": paper.as_of}) for locale, paper in papers.items()}
    return _written(frozen, settings)


def minutes(held: Closing, settings: Settings) -> Written:
    return _written({locale: minutes_paper.document(held, locale, settings.zone) for locale in LOCALES}, settings)


def _written(papers: dict[str, Document], settings: Settings) -> Written:
    mine = papers[settings.locale]
    url = f"{settings.public_url}/meetings/{mine.series.key}/{mine.meeting.number}"
    footnote = text(settings.locale, "Sent to all attendees")
    return Written({locale: paper.plain() for locale, paper in papers.items()}, formats.message(mine, url, footnote))
