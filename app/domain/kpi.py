"""The figures that sales and marketing look at together, and how each is counted.

A figure never stands without its basis, its window and its n. Cohorts come first: of those that began in the period and
whose window has passed, how many got there. Those whose window still runs are "observing".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from app.domain.agreement import Document
from app.domain.statistics import Share
from app.domain.survival import Step, curve, quantile
from app.domain.website import Visits, conversion_rate


class Kpi(StrEnum):
    """The eight of the table, in its order, and what the SLA adds."""

    NEW_LEADS = "new_leads"
    MQLS = "mqls"
    VISITS = "visits"
    MQL_TO_SQL = "mql_to_sql"
    SQLS = "sqls"
    OPPORTUNITY_RATE = "opportunity_rate"
    WIN_RATE = "win_rate"
    SALES_CYCLE = "sales_cycle"
    ATTAINMENT = "attainment"
    FIRST_FOLLOW_UP = "first_follow_up"
    UNTOUCHED = "untouched"
    LOGGING_DELAY = "logging_delay"
    ACCEPTANCE = "acceptance"
    RETURNED = "returned"


class Unit(StrEnum):
    """What a figure is."""

    COUNT = "count"
    SHARE = "share"
    TIME = "time"


UNITS: Mapping[Kpi, Unit] = {
    **dict.fromkeys((Kpi.NEW_LEADS, Kpi.MQLS, Kpi.SQLS), Unit.COUNT),
    **dict.fromkeys((Kpi.SALES_CYCLE, Kpi.FIRST_FOLLOW_UP, Kpi.LOGGING_DELAY), Unit.TIME),
    **dict.fromkeys(
        (
            Kpi.VISITS,
            Kpi.MQL_TO_SQL,
            Kpi.OPPORTUNITY_RATE,
            Kpi.WIN_RATE,
            Kpi.ATTAINMENT,
            Kpi.UNTOUCHED,
            Kpi.ACCEPTANCE,
            Kpi.RETURNED,
        ),
        Unit.SHARE,
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the article's table; its texts are message ids."""

    title: str
    owner: str
    agenda: str
    source: str


MARKETING, SALES, BOTH = "Marketing", "Sales", "Both departments"
#: The article's table, row by row, and below it what the SLA adds.
LINES: Mapping[Kpi, Line] = {
    Kpi.NEW_LEADS: Line("New leads", MARKETING, "Review of the figures of lead generation", "MA"),
    Kpi.MQLS: Line("MQLs created", MARKETING, "How MQLs become SQLs", "MA"),
    Kpi.VISITS: Line("Website visits and conversion rate", MARKETING, "Progress of the website", "MA"),
    Kpi.MQL_TO_SQL: Line("MQL to SQL conversion", BOTH, "Review of the hand-over criteria (SLA)", "MA + SFA"),
    Kpi.SQLS: Line("SQLs created", SALES, "What keeps SQLs from becoming opportunities", "SFA"),
    Kpi.OPPORTUNITY_RATE: Line("Opportunity rate", SALES, "Customer information that sales gets", "SFA"),
    Kpi.WIN_RATE: Line("Win rate", SALES, "Review of content, stronger channels with a high win rate", "SFA"),
    Kpi.SALES_CYCLE: Line("Sales cycle time", SALES, "How sales can work more efficiently", "SFA"),
    Kpi.ATTAINMENT: Line("SLA attainment", BOTH, "Breaches of the SLA", "MA + SFA"),
    Kpi.FIRST_FOLLOW_UP: Line("Time to first touch", SALES, "Breaches of the SLA", "MA + SFA"),
    Kpi.UNTOUCHED: Line("Never touched", SALES, "Breaches of the SLA", "MA + SFA"),
    Kpi.LOGGING_DELAY: Line("Logging delay", SALES, "Data quality and tools", "SFA"),
    Kpi.ACCEPTANCE: Line("Acceptance rate", BOTH, "Review of the hand-over criteria (SLA)", "SFA"),
    Kpi.RETURNED: Line("Given back to marketing", BOTH, "Review of the hand-over criteria (SLA)", "SFA"),
}

Days = Annotated[int, Field(ge=1, le=730)]


class Definition(Document):
    """What a company chose where the same word means different things. The labels follow it."""

    #: Days that an MQL has to become SQL, or an opportunity.
    window_days: Days = 30
    #: What 商談化率 is a share of.
    opportunity_of: Literal["mql", "sql", "lead", "approached"] = "mql"
    #: 受注率: of those closed in the period, or of those created in it.
    won_of: Literal["closed", "created"] = "closed"
    #: Days that an opportunity has to be won, where it is of those created.
    win_days: Days = 90
    #: An opportunity that is open for longer is counted beside the win rate: it may be a loss that nobody wrote down.
    stale_days: Days = 180
    #: From where the sales cycle is timed, and over how many days of opportunities before the period's end.
    cycle_from: Literal["opportunity", "mql", "lead"] = "opportunity"
    cycle_days: Days = 365
    #: "Written down within" these hours is what the teams agreed on.
    logged_hours: Annotated[float, Field(gt=0, le=168)] = 2
    #: What is aimed at: a share (0 to 1), a number, or seconds.
    targets: dict[Kpi, Annotated[float, Field(ge=0, le=1e12)]] = Field(default_factory=dict)

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)


class State(StrEnum):
    """What one row says to its figure."""

    #: It is counted; of a share, it got there; of a time, it happened.
    HIT = "hit"
    #: Counted below the line only.
    MISS = "miss"
    #: Its window still runs: in no share yet.
    OBSERVING = "observing"
    #: It has not happened yet; in a time it counts as waiting, in a share not at all.
    WAITING = "waiting"
    #: Not judged, because its source was silent; or the tool does not tell.
    UNKNOWN = "unknown"
    #: Excluded, or returned without a reason.
    VOIDED = "voided"
    #: Open for so long that it may be a loss that nobody wrote down; in no share.
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Within:
    """How many it happened to after so long; who still waits may yet come."""

    length: timedelta
    #: Kaplan–Meier, 0 to 1.
    share: float


#: Shares of the first touch within these are told besides the median.
HORIZONS = tuple(timedelta(hours=hours) for hours in (1, 4, 8, 24, 48))


@dataclass(frozen=True, slots=True)
class Times:
    """How long something takes. Who still waits counts as waiting (Kaplan–Meier). None: not to so many yet."""

    n: int
    waiting: int
    half: timedelta | None
    three_quarters: timedelta | None
    nine_tenths: timedelta | None
    within: tuple[Within, ...]


def times(happened: Mapping[int, int], ended: Mapping[int, int]) -> Times:
    """Of how many it `happened` after so many seconds; `ended`: these, and those of whom nobody knows more."""
    steps, n = curve(happened, ended), sum(ended.values())
    return Times(
        n=n,
        waiting=n - sum(happened.values()),
        half=_span(quantile(steps, 0.5)),
        three_quarters=_span(quantile(steps, 0.75)),
        nine_tenths=_span(quantile(steps, 0.9)),
        within=tuple(Within(length, happened_by(steps, length)) for length in HORIZONS) if n else (),
    )


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def happened_by(steps: Sequence[Step[int]], length: timedelta) -> float:
    """The share to which it has happened after so long."""
    place = bisect_right(steps, length.total_seconds(), key=lambda step: step.length)
    return 1 - steps[place - 1].waiting if place else 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one period, or of one group of it."""

    kpi: Kpi
    #: How many rows say what; together they are all its rows.
    states: Mapping[State, int]
    #: People behind the rows that are counted.
    leads: int
    times: Times | None = None
    #: Of VISITS: a session can convert twice, so there may be more conversions than sessions.
    visits: Visits | None = None

    @property
    def unit(self) -> Unit:
        return UNITS[self.kpi]

    @property
    def count(self) -> int:
        return self.states.get(State.HIT, 0)

    @property
    def share(self) -> Share | None:
        """Got there ÷ (got there + did not); None: it is none."""
        if self.unit is not Unit.SHARE or (self.visits and self.visits.conversions > self.visits.sessions):
            return None
        return Share(self.count, self.count + self.states.get(State.MISS, 0))

    @property
    def value(self) -> float | None:
        """What a target is compared with: a number, a share (0 to 1), or seconds. None: there is none."""
        match self.unit:
            case Unit.COUNT:
                return self.count
            case Unit.SHARE if self.visits:
                found = conversion_rate(self.visits)
                return None if found is None else found.rate
            case Unit.SHARE:
                return self.share.rate if self.share else None
            case Unit.TIME:
                half = self.times.half if self.times else None
                return None if half is None else half.total_seconds()


#: How a figure is counted, for people; a message id. Where the company has a choice, by what it chose.
BASES: Mapping[Kpi, Mapping[str, str] | str] = {
    Kpi.NEW_LEADS: "People first seen in the period, each once; without tests and competitors",
    Kpi.MQLS: "Handoffs that began in the period; in brackets how many people they are",
    Kpi.VISITS: "Conversions ÷ sessions of the period",
    Kpi.MQL_TO_SQL: "Of the MQLs of the period: SQL within {days} days; those whose days are not over are observed",
    Kpi.SQLS: "First judged SQL in the period",
    Kpi.OPPORTUNITY_RATE: {
        "mql": "Of the MQLs of the period: an opportunity within {days} days",
        "sql": "Of the SQLs of the period: an opportunity within {days} days",
        "lead": "Of the new leads of the period: an opportunity within {days} days",
        "approached": "Of the leads first touched in the period: an opportunity within {days} days",
    },
    Kpi.WIN_RATE: {
        "closed": "Won ÷ (won + lost) of the opportunities closed in the period",
        "created": "Of the opportunities created in the period: won within {days} days",
    },
    Kpi.SALES_CYCLE: {
        "opportunity": "Opportunity to won, median; open ones wait, lost ones leave; created in the last {days} days",
        "mql": "MQL to won, median; open ones wait, lost ones leave; opportunities of the last {days} days",
        "lead": "First seen to won, median; open ones wait, lost ones leave; opportunities of the last {days} days",
    },
    Kpi.ATTAINMENT: "Met ÷ (met + breached) of the handoffs due in the period",
    Kpi.FIRST_FOLLOW_UP: "Median of the handoffs of the period on the SLA's clock; open ones wait (Kaplan–Meier)",
    Kpi.UNTOUCHED: "Of the MQLs of the period: not touched within {days} days",
    Kpi.LOGGING_DELAY: "First touches of the period: from the touch until it was written down, median",
    Kpi.ACCEPTANCE: "Accepted ÷ (accepted + rejected), decided in the period",
    Kpi.RETURNED: "Of the MQLs of the period: rejected or given back",
}


def basis(kpi: Kpi, definition: Definition) -> tuple[str, int]:
    """The message id and the days that it names."""
    said = BASES[kpi]
    match kpi:
        case Kpi.OPPORTUNITY_RATE:
            return _chosen(said, definition.opportunity_of), definition.window_days
        case Kpi.WIN_RATE:
            return _chosen(said, definition.won_of), definition.win_days
        case Kpi.SALES_CYCLE:
            return _chosen(said, definition.cycle_from), definition.cycle_days
        case _:
            return _chosen(said, ""), definition.window_days


def _chosen(said: Mapping[str, str] | str, choice: str) -> str:
    return said if isinstance(said, str) else said[choice]
