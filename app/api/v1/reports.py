"""Attainment of a period: as it is now, and as it was known when it was shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import ConfigDict, Field

from app.api.auth import reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Asked, Day, Moment, Shown, whole_seconds
from app.domain.refusals import refused
from app.domain.roles import Right
from app.domain.statistics import Share
from app.flows import reports

router = noun("/reports", "Reports", [reads], sees=Right.SEE_FIGURES)

COUNTS: dict[str, Any] = {
    "met": 41,
    "breached": 11,
    "open_overdue": 3,
    "not_due": 6,
    "voided": 2,
    "unknown": 0,
    "attainment": {"part": 41, "whole": 52, "rate": 0.788, "low": 0.66, "high": 0.878, "weight": "solid"},
}
FIGURES: dict[str, Any] = {
    "known_at": "2026-10-01T00:00:00Z",
    "counts": COUNTS,
    "by_version": [{"policy": "mql", "version": 3, "counts": COUNTS}],
    "uncovered": 0,
    "withdrawn": 1,
    "followed_up": {"part": 49, "whole": 52, "rate": 0.942, "low": 0.844, "high": 0.98, "weight": "solid"},
    "half_after_seconds": 15300,
    "nine_tenths_after_seconds": 82800,
}


class ReportAsked(Asked):
    first: Day = Field(description="First day of the period, in the organisation's time zone.", examples=["2026-09-01"])
    last: Day = Field(description="Last day; it belongs to the period.", examples=["2026-09-30"])
    known_at: Moment | None = Field(
        None,
        description="Besides, as it was known then, for instance in a meeting.",
        examples=["2026-10-01T09:00:00+09:00"],
    )


class ShownShare(Shown):
    """A share with n and Wilson's 95 % interval. Below 10 cases only the counts may be printed."""

    part: int
    whole: int
    rate: float | None
    low: float | None
    high: float | None
    weight: str


class ShownCounts(Shown):
    """Handoffs whose deadline falls in the period."""

    met: int
    breached: int = Field(description="Followed up late, or overdue and open.")
    open_overdue: int = Field(description="Those of the breached that still wait.")
    not_due: int = Field(description="Open and not due yet; left out of the share.")
    voided: int = Field(description="Excluded or returned without a reason; left out of the share.")
    unknown: int = Field(description="Their source was silent: not judged.")
    attainment: ShownShare = Field(description="met ÷ (met + breached).")


class VersionCounts(Shown):
    policy: str
    version: int
    counts: ShownCounts


class Figures(Shown):
    """The period as known at one moment."""

    known_at: datetime
    counts: ShownCounts
    by_version: list[VersionCounts]
    uncovered: int = Field(description="Leads that met the rule of a policy that was turned off.")
    withdrawn: int = Field(description="Breaches that were taken back: the follow-up had been in time.")
    followed_up: ShownShare = Field(description="Of the handoffs that qualified in the period.")
    half_after_seconds: int | None = Field(
        description="Time to first touch of half of them (Kaplan–Meier, open ones censored), on the policy's clock;"
        " null: fewer than half were followed up."
    )
    nine_tenths_after_seconds: int | None


class AttainmentReport(Shown):
    first: date
    last: date
    now: Figures
    then: Figures | None = Field(description="As it was known at `known_at`.")
    restated: bool = Field(description="What was known then is not what is known now.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"first": "2026-09-01", "last": "2026-09-30", "now": FIGURES, "then": None, "restated": False}]
        }
    )


@router.get("/attainment", operation_id="report_attainment")
def report_attainment(asked: Annotated[ReportAsked, Query()], state: Here) -> AttainmentReport:
    """SLA attainment and time to first touch of a period."""
    if asked.last < asked.first:
        raise refused("query:last", "ends_before_it_begins", "The period ends before it begins.")
    wanted = reports.period(asked.first, asked.last, state.settings.zone)
    moment = state.clock()
    with state.database.read() as c:
        policies = state.versions.read(c)
        now = reports.report(c, policies, wanted, moment)
        then = reports.report(c, policies, wanted, asked.known_at) if asked.known_at else None
    return AttainmentReport(
        first=asked.first,
        last=asked.last,
        now=_figures(now, moment),
        then=_figures(then, asked.known_at) if then and asked.known_at else None,
        restated=then is not None and reports.restated(then, now),
    )


def _figures(found: reports.Report, known_at: datetime) -> Figures:
    return Figures(
        known_at=known_at,
        counts=_counts(found.counts),
        by_version=[
            VersionCounts(policy=key, version=version, counts=_counts(counts))
            for (key, version), counts in found.by_version.items()
        ],
        uncovered=found.uncovered,
        withdrawn=found.withdrawn,
        followed_up=shown_share(found.touched),
        half_after_seconds=None if found.half_after is None else whole_seconds(found.half_after),
        nine_tenths_after_seconds=None if found.nine_tenths_after is None else whole_seconds(found.nine_tenths_after),
    )


def _counts(counts: reports.Counts) -> ShownCounts:
    return ShownCounts(
        met=counts.met,
        breached=counts.breached,
        open_overdue=counts.open_overdue,
        not_due=counts.not_due,
        voided=counts.voided,
        unknown=counts.unknown,
        attainment=shown_share(counts.attainment),
    )


def shown_share(share: Share) -> ShownShare:
    interval = share.interval
    return ShownShare(
        part=share.part,
        whole=share.whole,
        rate=None if share.rate is None else round(share.rate, 4),
        low=None if interval is None else round(interval.low, 4),
        high=None if interval is None else round(interval.high, 4),
        weight=share.weight.value,
    )
