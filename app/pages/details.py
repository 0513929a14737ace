"""One KPI in full: how it is counted, of whom it consists, and which rows they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain.agenda import Lead as Person
from app.domain.kpi import LINES, Definition, Figure, Kpi, Unit
from app.domain.language import text
from app.domain.outcomes import reason_in_words
from app.domain.statistics import COUNT_ONLY_BELOW, INDICATION_BELOW
from app.flows.kpis import By, Group
from app.flows.lists import Key
from app.flows.messages import who
from app.flows.visits import VisitRow
from app.models.columns import from_micros, to_micros
from app.pages.feeds import one_line
from app.pages.kpis import IN_DAYS, ROWS, basis_in_words, figure_in_words, group_in_words
from app.pages.rendering import Reader

#: What a figure can be split by, as people say it.
SPLITS = {
    By.CHANNEL: "Marketing channel",
    By.OWNER: "Owner",
    By.TEAM: "Team",
    By.CAMPAIGN: "Campaign",
    By.CONTENT: "Content",
    By.SOURCE: "Lead source",
    By.REASON: "Why",
}
#: Of visits nobody knows more.
SPLITS_OF_VISITS = (By.CHANNEL, By.CAMPAIGN)
#: Figures with a window of days.
WINDOWED = frozenset({Kpi.MQL_TO_SQL, Kpi.OPPORTUNITY_RATE, Kpi.UNTOUCHED})


def splits(kpi: Kpi, *, personal: bool) -> list[tuple[By, str]]:
    """Message ids. `personal`: also by people."""
    known = SPLITS_OF_VISITS if kpi is Kpi.VISITS else tuple(SPLITS)
    return [(by, SPLITS[by]) for by in known if personal or by is not By.OWNER]


#: What a row's first moment is, where it is not simply where the row begins; message ids.
BEGINNINGS = {
    Kpi.ATTAINMENT: "Due",
    Kpi.SQLS: "SQL",
    Kpi.WIN_RATE: "Opportunity created",
    Kpi.LOGGING_DELAY: "First touch",
}


def beginning_in_words(kpi: Kpi, locale: str) -> str:
    return text(locale, BEGINNINGS.get(kpi, "Begin"))


def definition_in_words(kpi: Kpi, definition: Definition, locale: str) -> Iterator[tuple[str, str]]:
    """Label and text."""
    line = LINES[kpi]
    yield text(locale, "Formula"), basis_in_words(kpi, definition, locale)
    if kpi in WINDOWED:
        yield text(locale, "Window"), text(locale, "{days} days", days=definition.window_days)
    yield text(locale, "Responsible"), text(locale, line.owner)
    yield text(locale, "On the agenda as"), text(locale, line.agenda)
    yield text(locale, "Data from"), line.source
    if kpi in definition.targets:
        yield text(locale, "Aim"), aim_in_words(kpi, definition.targets[kpi], locale)
    few = "Below {few} cases only the counts are told; below {some} the rate is an indication."
    yield text(locale, "Small numbers"), text(locale, few, few=COUNT_ONLY_BELOW, some=INDICATION_BELOW)


def aim_in_words(kpi: Kpi, target: float, locale: str) -> str:
    match Figure(kpi, {}, 0).unit:
        case Unit.SHARE:
            return f"{target:.1%}"
        case Unit.COUNT:
            return f"{target:,.0f}"
        case Unit.TIME:
            return length_in_words(kpi, round(target), locale)


def length_in_words(kpi: Kpi, seconds: int, locale: str) -> str:
    if kpi in IN_DAYS:
        return text(locale, "{days} days", days=f"{seconds // 86_400:,}")
    return text(locale, "{hours}:{minutes} h", hours=f"{seconds // 3600:,}", minutes=f"{seconds // 60 % 60:02}")


# --- of whom


@dataclass(frozen=True, slots=True)
class Part:
    """A group of the figure; `name` is final, `query` finds its rows."""

    name: str
    value: str
    query: str


def parts(groups: Sequence[Group], by: By, definition: Definition, locale: str) -> list[Part]:
    return [
        Part(name_in_words(by, g.name, locale), figure_in_words(g.figure, definition, locale), g.name or "")
        for g in groups
    ]


def name_in_words(by: By, name: str | None, locale: str) -> str:
    said = reason_in_words(name, locale) if by is By.REASON else group_in_words(by, name, locale)
    return one_line(said)


# --- which rows


@dataclass(frozen=True, slots=True)
class Line:
    """`handoff`: number of the handoff that it is about; None: it is about none."""

    handoff: int | None
    name: str
    began: str
    reached: str
    took: str
    state: str
    owner: str


def lines(rows: Sequence[Any], kpi: Kpi, reader: Reader) -> list[Line]:
    return [_day(row, reader) if isinstance(row, VisitRow) else _line(row, kpi, reader) for row in rows]


def _line(row: Any, kpi: Kpi, reader: Reader) -> Line:
    return Line(
        handoff=row.id if row.subject == "handoff" else None,
        name=one_line(who(Person(row.lead_id, row.name, row.company), reader.locale)),
        began=reader.moment(row.began_at, year=True),
        reached=reader.moment(row.reached_at, year=True) if row.reached_at else "–",
        took=length_in_words(kpi, max(row.seconds, 0), reader.locale) if row.seconds is not None else "–",
        state=reader.text(ROWS[row.state]),
        owner=one_line(row.owner or ""),
    )


def _day(row: VisitRow, reader: Reader) -> Line:
    sessions = reader.text("{count} sessions", count=f"{row.sessions:,}")
    conversions = reader.text("{count} conversions", count=f"{row.conversions:,}")
    return Line(None, f"{row.began_at:%Y-%m-%d}", sessions, conversions, "–", reader.text("counted"), "")


# --- pages of rows


def place_of(key: Key | None) -> str:
    """Where the next page begins, as it stands in an address; empty: there is none."""
    if key is None:
        return ""
    at, number = key
    assert isinstance(at, datetime)
    return f"{to_micros(at.astimezone(UTC))}-{number}"


def place_at(written: str) -> Key | None:
    """None: the first page, also for what is no place."""
    at, _, number = written.partition("-")
    if not (at.isdecimal() and number.isdecimal() and len(at) <= 16 and len(number) <= 18):
        return None
    return from_micros(int(at)), int(number)
