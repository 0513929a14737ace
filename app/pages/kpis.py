"""Figures in words, in both tongues: never without their basis, their n and their interval."""

from __future__ import annotations

from app.domain.channel import NAMES, ChannelKey
from app.domain.kpi import LINES, Definition, Figure, Kpi, State, Unit, basis
from app.domain.language import span, text
from app.domain.statistics import share_in_words
from app.domain.website import Visits, conversion_rate
from app.flows.kpis import By

#: What a state of rows is called beside the figure.
STATES = {
    State.OBSERVING: "{count} observed",
    State.WAITING: "{count} waiting",
    State.UNKNOWN: "{count} not known",
    State.VOIDED: "{count} not counted",
    State.STALE: "{count} open for over {days} days",
}
#: What a single row says.
ROWS = {
    State.HIT: "counted",
    State.MISS: "not reached",
    State.OBSERVING: "still observed",
    State.WAITING: "not yet",
    State.UNKNOWN: "not known",
    State.VOIDED: "left out",
    State.STALE: "open for long",
}
#: Times in days instead of hours.
IN_DAYS = frozenset({Kpi.SALES_CYCLE})


def title(kpi: Kpi, locale: str) -> str:
    return text(locale, LINES[kpi].title)


def group_in_words(by: By, name: str | None, locale: str) -> str:
    if name is None:
        return text(locale, "not known")
    return text(locale, NAMES[ChannelKey(name)]) if by is By.CHANNEL else name


def basis_in_words(kpi: Kpi, definition: Definition, locale: str) -> str:
    message, days = basis(kpi, definition)
    return text(locale, message, days=days)


def figure_in_words(figure: Figure, definition: Definition, locale: str) -> str:
    """`76 (72 people)`, `41/52 78.8% [66.0–87.8] · 12 observed`, `median 5:30 · n 52 · 3 waiting`."""
    beside = [
        text(locale, message, count=f"{figure.states[state]:,}", days=definition.stale_days)
        for state, message in STATES.items()
        if figure.states.get(state)
    ]
    return " · ".join([_told(figure, locale), *beside])


def _told(figure: Figure, locale: str) -> str:
    match figure.unit:
        case Unit.COUNT:
            people = text(locale, "{count} ({leads} people)", count=f"{figure.count:,}", leads=f"{figure.leads:,}")
            return f"{figure.count:,}" if figure.count == figure.leads else people
        case Unit.SHARE if figure.visits:
            return _visits(figure.visits, locale)
        case Unit.SHARE:
            known = figure.share
            return share_in_words(known, locale) if known and known.whole else text(locale, "no case")
        case Unit.TIME:
            return _time(figure, locale)


def _visits(found: Visits, locale: str) -> str:
    rate = conversion_rate(found)
    if rate is None:
        return text(locale, "no case")
    interval = f" [{rate.interval.low * 100:.1f}–{rate.interval.high * 100:.1f}]" if rate.interval else ""
    told = text(locale, "{count} sessions", count=f"{found.sessions:,}")
    return f"{told} · CVR {found.conversions:,}/{found.sessions:,} {rate.rate:.1%}{interval}"


def _time(figure: Figure, locale: str) -> str:
    found = figure.times
    if found is None or not found.n:
        return text(locale, "no case")
    if found.half is None:
        return text(locale, "median not reached yet · n {n}", n=f"{found.n:,}")
    half = (
        text(locale, "{days} days", days=f"{found.half.days:,}") if figure.kpi in IN_DAYS else span(found.half, locale)
    )
    return text(locale, "median {half} · n {n}", half=half, n=f"{found.n:,}")
