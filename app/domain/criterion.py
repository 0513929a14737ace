"""A definition of done that is a KPI's threshold, such as 「SLA達成率 90%以上」: read from its words.

The words stay what people agreed on; what they mean is worked out anew each time, so that text and rule cannot differ.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.domain.kpi import LINES, UNITS, Figure, Kpi, Unit
from app.domain.language import LOCALES, span, text
from app.domain.statistics import COUNT_ONLY_BELOW, share_in_words

NUMBER = r"(?P<number>\d{1,9}(?:,\d{3})*(?:\.\d+)?)"
UNIT = r" ?(?P<unit>%|パーセント|件|名|人|時間|分|日|hours?|h|minutes?|min|days?|d)?"
AT_LEAST, AT_MOST = r"(?P<least>>=|≥|at least|not below)", r"(?P<most><=|≤|at most|within|not above)"
#: `attainment >= 90%`, `SLA attainment at least 90 %`, 「SLA達成率が90%以上」,「初回対応時間 4時間以内」.
FORMS = (
    re.compile(rf"(?P<name>.+?) ?(?:{AT_LEAST}|{AT_MOST}) ?{NUMBER}{UNIT}", re.IGNORECASE),
    re.compile(rf"(?P<name>.+?) ?[がはを]? ?{NUMBER}{UNIT} ?(?:(?P<least>以上)|(?P<most>以下|以内))"),
)
#: Seconds of a unit of time.
SECONDS = {
    **dict.fromkeys(("日", "d", "day", "days"), 86400),
    **dict.fromkeys(("時間", "h", "hour", "hours"), 3600),
    **dict.fromkeys(("分", "min", "minute", "minutes"), 60),
}
UNITS_OF = {
    Unit.SHARE: frozenset({"%", "パーセント"}),
    Unit.COUNT: frozenset({"", "件", "名", "人"}),
    Unit.TIME: frozenset(SECONDS),
}


class Judgement(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    #: Fewer cases than a percentage or a median may be said of, or none at all.
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Criterion:
    kpi: Kpi
    #: It is to be this or more; otherwise this or less.
    at_least: bool
    #: A share (0 to 1), a number, or seconds of the median.
    target: float


def read(done_when: str) -> Criterion | None:
    """None: the words are something else than a KPI and a threshold; then people judge."""
    plain = unicodedata.normalize("NFKC", done_when).strip().rstrip("。.")
    found = next(filter(None, (form.fullmatch(plain) for form in FORMS)), None)
    kpi = _named().get(_folded(found["name"])) if found else None
    if found is None or kpi is None:
        return None
    unit = (found["unit"] or "").lower()
    if unit not in UNITS_OF[UNITS[kpi]]:
        return None
    return Criterion(kpi, bool(found["least"]), _target(float(found["number"].replace(",", "")), unit))


def _target(number: float, unit: str) -> float:
    return number / 100 if unit in UNITS_OF[Unit.SHARE] else number * SECONDS.get(unit, 1)


def _named() -> Mapping[str, Kpi]:
    """Key and title in every language → KPI."""
    titles = {_folded(text(locale, LINES[kpi].title)): kpi for kpi in Kpi for locale in LOCALES}
    return titles | {_folded(kpi.value): kpi for kpi in Kpi}


def _folded(name: str) -> str:
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", name)).casefold()


def judge(criterion: Criterion, figure: Figure) -> Judgement:
    """`figure`: of the time since it was agreed on."""
    value = figure.value
    if value is None or _cases(figure) < COUNT_ONLY_BELOW:
        return Judgement.TOO_FEW
    holds = value >= criterion.target if criterion.at_least else value <= criterion.target
    return Judgement.HOLDS if holds else Judgement.FAILS


def _cases(figure: Figure) -> int:
    """A number needs none: it is what it is."""
    match figure.unit:
        case Unit.COUNT:
            return COUNT_ONLY_BELOW
        case Unit.SHARE if figure.visits:
            return figure.visits.sessions
        case Unit.SHARE:
            return figure.share.whole if figure.share else 0
        case Unit.TIME:
            return figure.times.n if figure.times else 0


#: Good news comes at once and bad news later: of these only what has had its days is judged.
LEANING = frozenset({Kpi.UNTOUCHED, Kpi.RETURNED})


def judged_until(criterion: Criterion, now: datetime, window: timedelta) -> datetime:
    """The end of the time over which it is counted."""
    return now - window if criterion.kpi in LEANING else now


def is_due(criterion: Criterion, due_on: date, today: date) -> bool:
    """On its day; a number that must not be exceeded, when the day is over."""
    growing = UNITS[criterion.kpi] is Unit.COUNT and not criterion.at_least
    return due_on < today if growing else due_on <= today


def measured(figure: Figure, locale: str) -> str:
    """`48/52 92.3% [81.8–97.0]`, `中央値 3時間20分・n 31`; where nothing can be said yet, that."""
    if figure.value is None:
        return text(locale, "no case")
    match figure.unit:
        case Unit.COUNT:
            return f"{figure.count:,}"
        case Unit.SHARE if figure.share:
            return share_in_words(figure.share, locale)
        case Unit.TIME if figure.times:
            half = span(timedelta(seconds=figure.value), locale)
            return text(locale, "median {half} · n {n}", half=half, n=f"{figure.times.n:,}")
    return f"{figure.value:.1%}"
