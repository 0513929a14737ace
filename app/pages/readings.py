"""What a chart shows, in one sentence and both tongues. Where the data cannot tell, the sentence says that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from app.domain.kpi import Figure, happened_by
from app.domain.language import WEEKDAYS, span, text
from app.domain.statistics import Share, Weight, share_in_words
from app.domain.survival import Step, quantile
from app.flows.cohorts import Cohort, Stage
from app.flows.trends import Week
from app.flows.waits import Part, Waits


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


def _one_after_the_other(locale: str, *sentences: str) -> str:
    """Japanese sentences follow each other without a blank."""
    return ("" if locale == "ja" else " ").join(sentences)


def summed(figures: Sequence[Figure]) -> Share:
    """Weeks put together."""
    shares = [figure.share for figure in figures if figure.share]
    return Share(sum(share.part for share in shares), sum(share.whole for share in shares))


# --- week by week

#: Weeks that are held against those before them.
RECENT = 4


def recent_in_words(weeks: Sequence[Week], locale: str) -> str:
    """The last weeks that can be judged against those before."""
    judged = [week.figure for week in weeks if week.over and week.figure.share and week.figure.share.whole]
    if not judged:
        return text(locale, "No week can be judged yet.")
    recent, earlier = summed(judged[-RECENT:]), summed(judged[:-RECENT])
    told = text(
        locale, "Last {n} judged weeks: {share}.", n=len(judged[-RECENT:]), share=share_in_words(recent, locale)
    )
    if not earlier.whole:
        return told
    before = text(locale, "The {n} before: {share}.", n=len(judged) - RECENT, share=share_in_words(earlier, locale))
    return _one_after_the_other(locale, told, before, difference_in_words(recent, earlier, locale))


# --- how soon

DAY_SECONDS = 24 * 3600


def curve_in_words(steps: Sequence[Step[int]], n: int, waiting: int, locale: str) -> str:
    """After how long half of them were reached, and how many after 24 hours."""
    if not n:
        return text(locale, "Nobody became MQL in this period.")
    half = quantile(steps, 0.5)
    first = (
        text(locale, "Half were touched within {half}", half=span(timedelta(seconds=half), locale))
        if half is not None
        else text(locale, "Fewer than half were touched so far")
    )
    by_then = happened_by(steps, timedelta(seconds=DAY_SECONDS))
    more = text(
        locale, "{share} after 24 hours on the SLA's clock (n {n}, {waiting} still wait).",
        share=f"{by_then:.0%}", n=f"{n:,}", waiting=f"{waiting:,}",
    )  # fmt: skip
    return text(locale, "{first}; {more}", first=first, more=more)


# --- when they come


def arrivals_in_words(counts: Mapping[tuple[int, int], int], closed: int, locale: str) -> str:
    """The hour of the week with the most, and how many came while sales was closed."""
    total = sum(counts.values())
    if not total:
        return text(locale, "Nobody became MQL in this period.")
    (day, hour), most = max(counts.items(), key=lambda one: (one[1], -one[0][0], -one[0][1]))
    return text(
        locale, "Most came on {day} from {hour}:00 ({most} of {total}); {closed} while sales was closed.",
        day=WEEKDAYS[locale][day], hour=hour, most=f"{most:,}", total=f"{total:,}",
        closed=share_in_words(Share(closed, total), locale),
    )  # fmt: skip


# --- whose time


def waits_in_words(waits: Waits, names: Mapping[Part, str], locale: str) -> str:
    if not waits.n:
        return text(locale, "Nobody was followed up in this period.")
    largest = max(Part, key=waits.share)
    return text(
        locale, "Of all the time until the follow-up, {share} was: {part} (n {n}, {waiting} still wait).",
        share=f"{waits.share(largest):.0%}", part=names[largest], n=f"{waits.n:,}", waiting=f"{waits.waiting:,}",
    )  # fmt: skip


# --- how far


def cohorts_in_words(cohorts: Sequence[Cohort], locale: str) -> str:
    """Only months whose days are over can be held against each other."""
    over = [cohort for cohort in cohorts if not cohort.observing and cohort.reached[Stage.MQL]]
    if not over:
        return text(locale, "The days of these MQLs are not over: all of them are still observed.")
    last = over[-1]
    share = Share(last.reached[Stage.OPPORTUNITY], last.reached[Stage.MQL])
    told = text(
        locale, "Of the MQLs of {month}, {share} became an opportunity.",
        month=f"{last.month:%Y-%m}", share=share_in_words(share, locale),
    )  # fmt: skip
    if len(over) < 2:
        return told
    before = Share(over[-2].reached[Stage.OPPORTUNITY], over[-2].reached[Stage.MQL])
    said = text(locale, "{month}: {share}.", month=f"{over[-2].month:%Y-%m}", share=share_in_words(before, locale))
    return _one_after_the_other(locale, told, said, difference_in_words(share, before, locale))


# --- why not


def reasons_in_words(reasons: Sequence[tuple[str, int]], locale: str) -> str:
    """`reasons`: the most frequent first."""
    total = sum(count for _, count in reasons)
    if not total:
        return text(locale, "No lead was given back in this period.")
    name, most = reasons[0]
    return text(
        locale, "The most frequent reason is “{reason}”: {share}.",
        reason=name, share=share_in_words(Share(most, total), locale),
    )  # fmt: skip


# --- which of them


def best_in_words(told: Sequence[tuple[str, Share]], locale: str) -> str:
    """The highest rate among those with cases enough, against all the others together."""
    able = [(name, share) for name, share in told if share.weight is not Weight.COUNT_ONLY]
    if not able:
        return text(locale, "No group has cases enough for a rate.")
    name, best = max(able, key=lambda one: one[1].rate or 0)
    others = Share(sum(s.part for _, s in told) - best.part, sum(s.whole for _, s in told) - best.whole)
    first = text(locale, "Highest: {name}, {share}.", name=name, share=share_in_words(best, locale))
    if not others.whole:
        return first
    second = text(locale, "All the others: {share}.", share=share_in_words(others, locale))
    return _one_after_the_other(locale, first, second, text(locale, AGAINST_OTHERS[difference(best, others)]))


#: Message ids.
AGAINST_OTHERS = {
    Difference.FEW: "Too few cases to compare.",
    Difference.OVERLAP: "The difference cannot be judged: the intervals overlap.",
    Difference.HIGHER: "The intervals do not overlap.",
    Difference.LOWER: "The intervals do not overlap.",
}
