"""The KPI board as rows to be read: each figure with its basis, its period before, its weeks and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain.kpi import LINES, Definition, Figure, Kpi, Unit
from app.domain.language import text
from app.domain.statistics import COUNT_ONLY_BELOW
from app.flows.trends import Week
from app.pages import charts, details, readings
from app.pages.charts import Drawing, Mark
from app.pages.kpis import basis_in_words, figure_in_words, title

#: The article's table; the other figures are the SLA's.
ARTICLE = tuple(Kpi)[:8]


@dataclass(frozen=True, slots=True)
class Row:
    """Its words are final."""

    key: str
    title: str
    basis: str
    owner: str
    agenda: str
    source: str
    value: str
    #: What is aimed at; often empty.
    aim: str
    #: What may not be read into the value; often empty.
    note: str
    before: str
    #: How it stands to the period before; often empty.
    change: str
    spark: Drawing
    #: What the small line shows.
    trend: str


@dataclass(frozen=True, slots=True)
class Known:
    """A figure in its period, in the one before, and week by week."""

    figure: Figure
    before: Figure
    weeks: Sequence[Week]


def rows(known: Sequence[Known], definition: Definition, locale: str) -> Iterator[Row]:
    return (row(one, definition, locale) for one in known)


def row(known: Known, definition: Definition, locale: str) -> Row:
    figure, line = known.figure, LINES[known.figure.kpi]
    return Row(
        key=figure.kpi.value,
        title=title(figure.kpi, locale),
        basis=basis_in_words(figure.kpi, definition, locale),
        owner=text(locale, line.owner),
        agenda=text(locale, line.agenda),
        source=line.source,
        value=figure_in_words(figure, definition, locale),
        aim=_aim(figure.kpi, definition, locale),
        note=readings.weight_in_words(figure.share, locale),
        before=figure_in_words(known.before, definition, locale),
        change=readings.difference_in_words(figure.share, known.before.share, locale),
        spark=charts.sparkline([mark(week) for week in known.weeks]),
        trend=trend_in_words(known.weeks, definition, locale),
    )


def _aim(kpi: Kpi, definition: Definition, locale: str) -> str:
    target = definition.targets.get(kpi)
    return "" if target is None else text(locale, "Aim: {aim}", aim=details.aim_in_words(kpi, target, locale))


def mark(week: Week) -> Mark:
    """Few cases carry no percentage, so they are drawn hollow, like a week that is not over."""
    figure = week.figure
    few = figure.unit is Unit.SHARE and figure.share is not None and figure.share.whole < COUNT_ONLY_BELOW
    return Mark(figure.value, open=few or not week.over)


def trend_in_words(weeks: Sequence[Week], definition: Definition, locale: str) -> str:
    """`直近の終わった週: 5/7`."""
    over = [week for week in weeks if week.over]
    if not over:
        return text(locale, "No week is over yet.")
    said = figure_in_words(over[-1].figure, definition, locale)
    return text(locale, "{weeks} weeks; the last full one: {value}", weeks=len(weeks), value=said)
