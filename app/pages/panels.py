"""Charts with what belongs to each: the question, one sentence that reads it, and its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.domain.calendar import Calendar, is_open
from app.domain.kpi import Definition, Kpi, State, Unit, happened_by
from app.domain.language import WEEKDAYS, span, text
from app.domain.outcomes import reason_in_words
from app.domain.statistics import Share, share_in_words
from app.domain.survival import curve
from app.flows.cohorts import Cohort, Stage
from app.flows.kpis import Group, Lengths
from app.flows.trends import Week
from app.flows.waits import Part, Waits
from app.pages import boards, plots, readings
from app.pages.charts import Drawing
from app.pages.kpis import IN_DAYS, figure_in_words
from app.pages.plots import Bar, Point

#: Bars that anybody reads; the table has the others.
MOST_BARS = 10
#: Months drawn; the table has the others.
MONTHS = 4


@dataclass(frozen=True, slots=True)
class Panel:
    """Its words are final."""

    key: str
    question: str
    reading: str
    drawing: Drawing
    columns: tuple[str, ...]
    #: The first cell names the row.
    rows: tuple[tuple[str, ...], ...]
    #: What the marks mean; often empty.
    legend: str = ""


def short(day: date) -> str:
    return f"{day.month}/{day.day}"


# --- a figure week by week


def trend(kpi: Kpi, weeks: Sequence[Week], definition: Definition, locale: str) -> Panel:
    unit = weeks[0].figure.unit
    reading = readings.recent_in_words(weeks, locale) if unit is Unit.SHARE else ""
    return Panel(
        key="trend",
        question=text(locale, QUESTIONS.get(kpi, "How does it move from week to week?")),
        reading=reading or boards.trend_in_words(weeks, definition, locale),
        drawing=_drawn(kpi, weeks, locale),
        columns=(text(locale, "Week from"), text(locale, "Value")),
        rows=tuple((_week(week, locale), figure_in_words(week.figure, definition, locale)) for week in weeks),
        legend=text(locale, LEGENDS[unit]),
    )


QUESTIONS = {
    Kpi.ATTAINMENT: "Is the SLA kept, week by week?",
    Kpi.MQL_TO_SQL: "Do the MQLs of a week become SQLs?",
    Kpi.OPPORTUNITY_RATE: "Do they become opportunities, week by week?",
}
LEGENDS = {
    Unit.SHARE: "Lines: 95 % interval. Hollow points: fewer than 10 cases, or a week that is not over.",
    Unit.COUNT: "Only outlined: the week is not over.",
    Unit.TIME: "Medians. Hollow points: a week that is not over.",
}


def _week(week: Week, locale: str) -> str:
    return f"{week.first}" if week.over else text(locale, "{day} (not over)", day=week.first)


def _drawn(kpi: Kpi, weeks: Sequence[Week], locale: str) -> Drawing:
    match weeks[0].figure.unit:
        case Unit.SHARE:
            return _shares(weeks)
        case Unit.COUNT:
            return _counts(weeks)
        case Unit.TIME:
            return _times(kpi, weeks, locale)


def _shares(weeks: Sequence[Week]) -> Drawing:
    points = [_share_point(week) for week in weeks]
    highest = max((p.high or p.value or 0 for p in points), default=0)
    top = next((level for level in (0.1, 0.25, 0.5) if highest <= level), max(1.0, plots.nice_top(highest)))
    return plots.over_weeks(points, top, lambda value: f"{value * 100:g}%")


def _share_point(week: Week) -> Point:
    mark, share = boards.mark(week), week.figure.share
    known = share.interval if share else None
    low, high = (known.low, known.high) if known else (None, None)
    return Point(short(week.first), mark.value, low, high, open=mark.open)


def _counts(weeks: Sequence[Week]) -> Drawing:
    points = [Point(short(week.first), week.figure.value, open=not week.over) for week in weeks]
    top = max(2.0, plots.nice_top(max((p.value or 0 for p in points), default=0)))
    return plots.columns_over_weeks(points, top, lambda value: f"{value:,.0f}")


def _times(kpi: Kpi, weeks: Sequence[Week], locale: str) -> Drawing:
    unit, message = (86_400, "{n} d") if kpi in IN_DAYS else (3600, "{n} h")
    known = [week.figure.value for week in weeks]
    values = [None if value is None else value / unit for value in known]
    top = plots.nice_top(max((value for value in values if value), default=0))
    points = [Point(short(week.first), v, open=not week.over) for week, v in zip(weeks, values, strict=True)]
    return plots.over_weeks(points, top, lambda value: text(locale, message, n=f"{value:g}"))


# --- the first follow-up


def follow_up(lengths: Lengths, locale: str) -> Panel:
    steps, n = curve(lengths.happened, lengths.ended), lengths.ended.total()
    waiting = n - lengths.happened.total()
    end = plots.end_of(steps)
    moments = [end * quarter / 4 for quarter in range(5)]
    risk = plots.at_risk(lengths.ended, moments)
    told = [happened_by(steps, timedelta(seconds=moment)) for moment in moments]
    return Panel(
        key="follow-up",
        question=text(locale, "How soon is a lead followed up?"),
        reading=readings.curve_in_words(steps, n, waiting, locale),
        drawing=plots.happening(
            steps, lengths.ended, lambda h: text(locale, "{n} h", n=f"{h:g}"), text(locale, "Still waiting (n)")
        ),
        columns=(text(locale, "After"), text(locale, "Followed up"), text(locale, "Still waiting (n)")),
        rows=tuple(
            (span(timedelta(seconds=m), locale), f"{share:.1%}", f"{r:,}")
            for m, share, r in zip(moments, told, risk, strict=True)
        ),
        legend=text(
            locale, "Kaplan–Meier on the SLA's clock; who still waits is not left out. Broken line: half of them."
        ),
    )


# --- when they come


def arrivals(by_half_hour: Mapping[datetime, int], calendar: Calendar, locale: str) -> Panel:
    counts = Counter[tuple[int, int]]()
    for at, count in by_half_hour.items():
        counts[at.weekday(), at.hour] += count
    closed = sum(count for at, count in by_half_hour.items() if not is_open(calendar, at))
    days = WEEKDAYS[locale]
    return Panel(
        key="arrivals",
        question=text(locale, "When do leads become MQL?"),
        reading=readings.arrivals_in_words(counts, closed, locale),
        drawing=plots.punch_card(counts, tuple(days)),
        columns=(text(locale, "Hour"), *days),
        rows=tuple((f"{hour}:00", *(f"{counts[day, hour]:,}" for day in range(7))) for hour in range(24)),
        legend=text(locale, "The larger the square, the more MQLs began in that hour of the week."),
    )


# --- whose time

PARTS = {
    Part.MA: "Tools, until they told us",
    Part.OWN: "Tasuki, until it decided",
    Part.ROUTING: "Routing, until somebody had it",
    Part.HUMAN: "Owner, until the follow-up",
}


def waits(found: Waits, locale: str) -> Panel:
    names = {part: text(locale, message) for part, message in PARTS.items()}
    return Panel(
        key="waits",
        question=text(locale, "Whose time does it take?"),
        reading=readings.waits_in_words(found, names, locale),
        drawing=plots.stack([found.share(part) for part in Part]),
        columns=(text(locale, "Part"), text(locale, "Share of the time"), text(locale, "Median"), text(locale, "Sum")),
        rows=tuple(
            (
                f"{n}. {names[part]}",
                f"{found.share(part):.1%}",
                span(found.half[part], locale),
                span(found.total[part], locale),
            )
            for n, part in enumerate(Part, 1)
        ),
        legend=" ".join(f"{n}. {names[part]} {found.share(part):.0%}" for n, part in enumerate(Part, 1)),
    )


# --- how far

STAGES = {
    Stage.MQL: "MQL",
    Stage.TOUCHED: "Followed up",
    Stage.SQL: "SQL",
    Stage.OPPORTUNITY: "Opportunity",
    Stage.WON: "Won",
}


def cohorts(found: Sequence[Cohort], days: int, locale: str) -> Panel:
    drawn = [cohort for cohort in found if cohort.reached[Stage.MQL]][-MONTHS:]
    return Panel(
        key="cohorts",
        question=text(locale, "How far do the MQLs of a month come?"),
        reading=readings.cohorts_in_words(found, locale),
        drawing=plots.bars([bar for cohort in drawn for bar in _cohort(cohort, locale)]),
        columns=(text(locale, "Month"), *(text(locale, STAGES[stage]) for stage in Stage)),
        rows=tuple((_month(cohort, locale), *(f"{cohort.reached[s]:,}" for s in Stage)) for cohort in found),
        legend=text(locale, "Within {days} days; won as known now. Only outlined: it may still grow.", days=days),
    )


def _month(cohort: Cohort, locale: str) -> str:
    month = f"{cohort.month:%Y-%m}"
    return text(locale, "{month} (observed)", month=month) if cohort.observing else month


def _cohort(cohort: Cohort, locale: str) -> list[Bar]:
    whole = cohort.reached[Stage.MQL]
    head = Bar(_month(cohort, locale), text(locale, "{count} MQLs", count=f"{whole:,}"), 1, heading=True)
    shares = ((stage, Share(cohort.reached[stage], whole)) for stage in Stage if stage is not Stage.MQL)
    stages = [
        Bar(text(locale, STAGES[stage]), share_in_words(share, locale), share.rate or 0, open=cohort.observing)
        for stage, share in shares
    ]
    return [head, *stages]


# --- why not


def reasons(groups: Sequence[Group], locale: str) -> Panel:
    given: Counter[str] = Counter()
    for group in groups:
        given[reason_in_words(group.name, locale)] += group.figure.states.get(State.HIT, 0)
    found = [(name, count) for name, count in given.most_common() if count]
    total = sum(count for _, count in found)
    return Panel(
        key="reasons",
        question=text(locale, "Why does sales give leads back?"),
        reading=readings.reasons_in_words(found, locale),
        drawing=plots.bars([Bar(name, f"{count:,}", count / total) for name, count in found[:MOST_BARS]]),
        columns=(text(locale, "Why"), text(locale, "Leads"), text(locale, "Share")),
        rows=tuple((name, f"{n:,}", share_in_words(Share(n, total), locale)) for name, n in found),
    )
