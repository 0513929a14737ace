"""Who is owed a message, why, and whether it is still true when it is sent: as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.alerting import TOO_OLD, routes_for, still_true, why_alert
from app.domain.clock import Status, Verdict
from app.domain.policy import AlertReason, AlertRoute, default_policy

NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)
#: The reasons by the change of verdict, from the row to the column. A dot: no message.
REASONS = """
             on_track     at_risk    breached  met        met_late  voided     unknown
none         handed_over  at_risk    breached  .          .         .          .
on_track     .            at_risk    breached  .          .         .          .
at_risk      .            .          breached  .          .         .          .
breached     withdrawn    withdrawn  .         withdrawn  .         withdrawn  .
met          .            at_risk    breached  .          .         .          .
met_late     withdrawn    at_risk    breached  withdrawn  .         withdrawn  .
voided       .            at_risk    breached  .          .         .          .
unknown      withdrawn    at_risk    breached  withdrawn  .         withdrawn  .
"""


def table(text: str) -> list[tuple[str, str, str]]:
    head, *lines = [line.split() for line in text.strip().splitlines()]
    return [(line[0], column, cell) for line in lines for column, cell in zip(head, line[1:], strict=True)]


@pytest.mark.parametrize(("previous", "verdict", "reason"), table(REASONS))
@pytest.mark.parametrize(
    ("age", "old"), [(timedelta(), False), (TOO_OLD, False), (TOO_OLD + timedelta(microseconds=1), True)]
)
def test_why(previous: str, verdict: str, reason: str, age: timedelta, old: bool) -> None:
    """However old it is when we hear of the MQL: what was told is withdrawn."""
    before = None if previous == "none" else Verdict(previous)
    silent = old and reason != "withdrawn"
    expected = None if reason == "." or silent else AlertReason(reason)
    assert why_alert(before, Status(Verdict(verdict), NOW - age, None), NOW) is expected


def test_news_stays_news_however_late_it_comes_about() -> None:
    """A breach of which we could have known in time."""
    status = Status(Verdict.BREACHED, NOW, None)
    assert why_alert(Verdict.MET, status, NOW - timedelta(days=1)) is AlertReason.BREACHED


STILL_TRUE = """
             on_track  at_risk  breached  met  met_late  voided  unknown
handed_over  yes       yes      .         .    .         .       .
at_risk      .         yes      .         .    .         .       .
breached     .         .        yes       .    .         .       .
withdrawn    yes       yes      .         yes  .         yes     .
"""


@pytest.mark.parametrize(("reason", "verdict", "answer"), table(STILL_TRUE))
def test_whether_it_is_still_true(reason: str, verdict: str, answer: str) -> None:
    assert still_true(AlertReason(reason), Verdict(verdict)) is (answer == "yes")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("handed_over", ["email owner"]),
        ("at_risk", ["slack default", "email owner"]),
        ("breached", ["slack default", "email owner", "email boss@example.com"]),
        ("withdrawn", ["slack default"]),
    ],
)
def test_who_is_told(reason: str, told: list[str]) -> None:
    routes = (
        AlertRoute(channel="slack", to="default"),
        AlertRoute(channel="email", on=("handed_over", "at_risk", "breached")),  # type: ignore[arg-type]
        AlertRoute(channel="email", to="boss@example.com", on=("breached",)),  # type: ignore[arg-type]
    )
    assert [f"{route.channel} {route.to}" for route in routes_for(AlertReason(reason), routes)] == told


def test_the_default_policy_tells_slack_and_the_owner_of_everything_but_the_handover() -> None:
    told = {reason.value: len(routes_for(reason, default_policy().alerts)) for reason in AlertReason}
    assert {reason: routes for reason, routes in told.items() if routes} == {
        "at_risk": 2,
        "breached": 2,
        "withdrawn": 2,
    }
