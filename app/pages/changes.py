"""What is different from what was shown: after an agenda was frozen, and months later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.domain.kpi import Definition, Figure
from app.domain.language import text
from app.pages.document import Document
from app.pages.feeds import kpi_json

#: Breaches that are named one by one.
NAMED = 5


def since_frozen(shown: Document, now: Document) -> tuple[str, ...]:
    """In words of the paper that was shown: new breaches, those that are none any more, action items, topics."""
    return tuple(_changes(shown, now, shown.locale))


def _changes(shown: Document, now: Document, locale: str) -> Iterator[str]:
    before, after = _waiting(shown), _waiting(now)
    new, gone = [e for n, e in after.items() if n not in before], [e for n, e in before.items() if n not in after]
    if new:
        yield text(locale, "Breaches that came up: {count} ({names})", count=len(new), names=_names(new, locale))
    if gone:
        yield text(locale, "Breaches no longer open: {count} ({names})", count=len(gone), names=_names(gone, locale))
    known = {each["id"]: each for each in shown.actions}
    for each in now.actions:
        if each != known.get(each["id"]):
            message = "Action item #{id} changed: {text}" if each["id"] in known else "New action item #{id}: {text}"
            yield text(locale, message, id=each["id"], text=each["text"])
    new_topics = (words for words in now.topics if words not in shown.topics)
    yield from (text(locale, "To talk about: {text}", text=words) for words in new_topics)


def _waiting(paper: Document) -> dict[int, dict[str, Any]]:
    """Open breaches by handoff."""
    entries = (entry for group in paper.breaches["groups"] for entry in group["entries"])
    return {entry["handoff_id"]: entry for entry in entries if entry["still_open"]}


def _names(entries: Sequence[dict[str, Any]], locale: str) -> str:
    names = text(locale, ", ").join(entry["lead"]["label"] for entry in entries[:NAMED])
    left = len(entries) - NAMED
    return names + " " + text(locale, "and {count} more", count=left) if left > 0 else names


def restated(shown: Document, now: Sequence[Figure]) -> list[dict[str, str]]:
    """Figures that read differently today, counted over the same time in the same way."""
    definition = Definition.model_validate(shown.counting["definition"])
    known = {each["key"]: each for each in shown.kpis}
    told = (kpi_json(figure, definition, shown.locale) for figure in now)
    return [
        {"key": each["key"], "title": each["title"], "then": known[each["key"]]["in_words"], "now": each["in_words"]}
        for each in told
        if each["key"] in known and each["in_words"] != known[each["key"]]["in_words"]
    ]
