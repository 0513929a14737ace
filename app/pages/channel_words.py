"""The page of channels in words: the funnel of each, what it cost, its contents, and sources that nobody explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

from app.domain.channel import NAMES
from app.domain.kpi import Definition, Figure, Kpi
from app.domain.language import text
from app.domain.statistics import COUNT_ONLY_BELOW, Share, share_in_words
from app.flows.channel_board import OF_CONTENT, Board, Cost
from app.flows.channels import Unmapped
from app.flows.kpis import By
from app.pages import plots, readings
from app.pages.feeds import one_line
from app.pages.kpis import figure_in_words, group_in_words
from app.pages.panels import Panel
from app.pages.plots import Bar
from app.pages.rendering import Reader


@dataclass(frozen=True, slots=True)
class Row:
    """`query`: finds its rows on the pages of single figures."""

    name: str
    query: str
    cells: tuple[tuple[str, str], ...]


#: Column of the funnel → the figure in it; "MQL to SQL" and the others are message ids.
COLUMNS = (
    (Kpi.NEW_LEADS, "New leads"),
    (Kpi.MQLS, "MQL"),
    (Kpi.MQL_TO_SQL, "MQL to SQL"),
    (Kpi.SQLS, "SQL"),
    (Kpi.OPPORTUNITY_RATE, "Opportunity rate"),
    (Kpi.WIN_RATE, "Win rate"),
)


#: Headings of the tables, message ids.
HEADINGS = {
    "funnel_columns": tuple(word for _, word in COLUMNS),
    "cost_columns": (
        "Marketing channel", "Planned", "Spent", "MQL", "Cost of an MQL", "Opportunities", "Cost of an opportunity",
    ),
    "month_columns": ("Month", "Marketing channel", "Planned", "Spent"),
    "content_columns": ("Content", "MQL", "Opportunity rate", "Last reviewed", "Used in 90 days"),
    "unknown_columns": ("Lead source", "Leads", "Rows of visits", "Lines of budget", "Suggestion"),
}  # fmt: skip


def columns(locale: str) -> dict[str, list[str]]:
    return {table: [text(locale, word) for word in words] for table, words in HEADINGS.items()}


def money(amount: int | None, currency: str, locale: str) -> str:
    """`¥1,234`; the amount is in the currency's smallest unit."""
    if amount is None:
        return text(locale, "not known")
    precision = get_currency_precision(currency)
    return str(format_currency(Decimal(amount).scaleb(-precision), currency, locale=locale)).replace("\uffe5", "\xa5")


def funnel(board: Board, definition: Definition, locale: str) -> Iterator[Row]:
    for name, told in board.channels.items():
        cells = tuple((kpi.value, _told(kpi, told, definition, locale)) for kpi, _ in COLUMNS)
        yield Row(one_line(group_in_words(By.CHANNEL, name, locale)), name or "", cells)


def _told(kpi: Kpi, told: Mapping[Kpi, Figure], definition: Definition, locale: str) -> str:
    return figure_in_words(told.get(kpi) or Figure(kpi, {}, 0), definition, locale)


def costs(board: Board, locale: str) -> Iterator[tuple[str, ...]]:
    return (_cost(cost, locale) for cost in board.costs)


def _cost(cost: Cost, locale: str) -> tuple[str, ...]:
    line = cost.spend
    spent = money(line.spent, line.currency, locale)
    if line.without_spent and line.spent is not None:
        spent = text(locale, "{words} ({detail})", words=spent, detail=text(locale, "not all lines are filled in"))
    opened = f"{cost.opportunities:,}" if cost.opportunities is not None else text(locale, "still observed")
    return (
        group_in_words(By.CHANNEL, line.channel, locale),
        money(line.planned, line.currency, locale),
        spent,
        f"{cost.mqls:,}",
        money(cost.per_mql, line.currency, locale),
        opened,
        money(cost.per_opportunity, line.currency, locale),
    )


def by_month(board: Board, locale: str) -> Iterator[tuple[str, ...]]:
    for month, lines in board.by_month.items():
        for line in lines:
            name = group_in_words(By.CHANNEL, line.channel, locale)
            amounts = (money(amount, line.currency, locale) for amount in (line.planned, line.spent))
            yield (f"{month:%Y-%m}", name, *amounts)


def contents(board: Board, definition: Definition, reader: Reader) -> Iterator[tuple[str, ...]]:
    """What is registered is known by its title or its id, as the tools call it."""
    known = {name: one for one in board.registered for name in (one.asset, one.described.title) if name}
    told = dict(board.contents)
    for one in board.registered:
        told.setdefault(one.described.title if one.described.title in told else one.asset, {})
    for name, figures in told.items():
        found = known.get(name or "")
        reviewed = found.described.last_reviewed if found else None
        yield (
            one_line(group_in_words(By.CONTENT, name, reader.locale)),
            *(_told(kpi, figures, definition, reader.locale) for kpi in OF_CONTENT),
            f"{reviewed}" if reviewed else "–",
            f"{found.lately:,}" if found else "–",
        )


def unknown(words: Sequence[Unmapped], locale: str) -> Iterator[tuple[str, ...]]:
    for one in words:
        suggestion = text(locale, NAMES[one.suggestion]) if one.suggestion else "–"
        yield (one_line(one.raw), f"{one.leads:,}", f"{one.visits:,}", f"{one.spend:,}", suggestion)


# --- which channel


def rates(board: Board, locale: str) -> Panel:
    """Opportunity rates side by side."""
    told = _shares(board.channels)
    named = [(group_in_words(By.CHANNEL, name, locale), share) for name, share in told]
    return Panel(
        key="rates",
        question=text(locale, "Which channel brings opportunities?"),
        reading=readings.best_in_words(named, locale),
        drawing=plots.bars([_bar(name, share, locale) for name, share in named]),
        columns=(text(locale, "Marketing channel"), text(locale, "Opportunity rate")),
        rows=tuple((name, share_in_words(share, locale)) for name, share in named),
        legend=text(locale, "In brackets the 95 % interval. Only outlined: fewer than 10 cases."),
    )


def _shares(told: Mapping[str | None, Mapping[Kpi, Figure]]) -> list[tuple[str | None, Share]]:
    figures = ((name, some[Kpi.OPPORTUNITY_RATE]) for name, some in told.items() if Kpi.OPPORTUNITY_RATE in some)
    return [(name, figure.share) for name, figure in figures if figure.share and figure.share.whole]


def _bar(name: str, share: Share, locale: str) -> Bar:
    return Bar(name, share_in_words(share, locale), share.rate or 0, open=share.whole < COUNT_ONLY_BELOW)
