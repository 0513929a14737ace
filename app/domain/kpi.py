"""The figures that sales and marketing look at together, and how each is counted.

A figure never stands without its basis, its window and its n. Cohorts come first: of those that qualified in the
period and whose window has passed, how many got there. Those whose window still runs are "observing".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.statistics import Share


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
    ACCEPTANCE = "acceptance"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table; its texts are message ids."""

    kpi: Kpi
    title: str
    owner: str
    agenda: str
    source: str


MARKETING, SALES, BOTH = "Marketing", "Sales", "Both departments"
TABLE = (
    Line(Kpi.NEW_LEADS, "New leads", MARKETING, "Review of the figures of lead generation", "MA"),
    Line(Kpi.MQLS, "MQLs created", MARKETING, "How MQLs become SQLs", "MA"),
    Line(Kpi.VISITS, "Website visits and conversion rate", MARKETING, "Progress of the website", "MA"),
    Line(Kpi.MQL_TO_SQL, "MQL to SQL conversion", BOTH, "Review of the hand-over criteria (SLA)", "MA + SFA"),
    Line(Kpi.SQLS, "SQLs created", SALES, "What keeps SQLs from becoming opportunities", "SFA"),
    Line(Kpi.OPPORTUNITY_RATE, "Opportunity rate", SALES, "Customer information that sales gets", "SFA"),
    Line(Kpi.WIN_RATE, "Win rate", SALES, "Review of content; stronger channels", "SFA"),
    Line(Kpi.SALES_CYCLE, "Sales cycle time", SALES, "How sales can work faster", "SFA"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One that began, and when it got there, if it did."""

    began_at: datetime
    reached_at: datetime | None


@dataclass(frozen=True, slots=True)
class Conversion:
    """Of a cohort: who got there within the window, among those whose window has passed."""

    share: Share
    #: Whose window still runs.
    observing: int
    window: timedelta


def conversion(cohort: Iterable[Case], window: timedelta, now: datetime) -> Conversion:
    """definitions.md, KPI-4: `#{c ∈ M: s ≤ q+W} ÷ #{c ∈ M}`, M the matured ones."""
    reached = matured = observing = 0
    for case in cohort:
        if now - case.began_at < window:
            observing += 1
            continue
        matured += 1
        reached += case.reached_at is not None and case.reached_at <= case.began_at + window
    return Conversion(Share(reached, matured), observing, window)
