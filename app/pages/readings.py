"""What a chart shows, in one sentence and both tongues. Where the data cannot tell, the sentence says that."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from app.domain.kpi import Figure
from app.domain.language import text
from app.domain.statistics import Share, Weight


class Difference(StrEnum):
    """What may be said about two shares."""

    NOTHING = "nothing"
    FEW = "few"
    OVERLAP = "overlap"
    HIGHER = "higher"
    LOWER = "lower"


#: Message ids.
DIFFERENCES = {
    Difference.NOTHING: "",
    Difference.FEW: "Too few cases to compare.",
    Difference.OVERLAP: "The difference cannot be judged: the intervals overlap.",
    Difference.HIGHER: "Higher than before.",
    Difference.LOWER: "Lower than before.",
}


def difference(now: Share | None, before: Share | None) -> Difference:
    """Intervals that overlap say nothing; that is stricter than a test at 95 %, so it never claims too much."""
    if now is None or before is None or not now.whole or not before.whole:
        return Difference.NOTHING
    if Weight.COUNT_ONLY in (now.weight, before.weight):
        return Difference.FEW
    here, there = now.interval, before.interval
    if here and there and here.low > there.high:
        return Difference.HIGHER
    return Difference.LOWER if here and there and here.high < there.low else Difference.OVERLAP


def difference_in_words(now: Share | None, before: Share | None, locale: str) -> str:
    message = DIFFERENCES[difference(now, before)]
    return text(locale, message) if message else ""


def weight_in_words(share: Share | None, locale: str) -> str:
    """Why no percentage is printed; empty where one is."""
    few = share is not None and share.whole and share.weight is Weight.COUNT_ONLY
    return text(locale, "Too few cases for a rate.") if few else ""


def summed(figures: Sequence[Figure]) -> Share:
    """Weeks put together."""
    shares = [figure.share for figure in figures if figure.share]
    return Share(sum(share.part for share in shares), sum(share.whole for share in shares))
