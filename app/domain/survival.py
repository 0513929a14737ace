"""How long something takes when part of it has not happened yet: the Kaplan–Meier estimator.

Those who still wait are not left out: ignoring leads would improve the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Waited:
    """One case: how long until it happened, or how long it has been waiting."""

    length: timedelta
    happened: bool


@dataclass(frozen=True, slots=True)
class Step:
    """After `length`, this share (0 to 1) still waits. `at_risk`: cases that were waiting just before."""

    length: timedelta
    waiting: float
    at_risk: int


def kaplan_meier(cases: Iterable[Waited]) -> list[Step]:
    """The survival curve, a step at every length at which something happened.

    E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
    Statistical Association 53 (1958), 457–481. Of equal lengths what happened comes before what still waits.
    """
    ordered = sorted(cases, key=lambda case: case.length)
    steps: list[Step] = []
    waiting, at_risk = 1.0, len(ordered)
    for length, same in groupby(ordered, key=lambda case: case.length):
        happened = [case.happened for case in same]
        if any(happened):
            waiting *= 1 - sum(happened) / at_risk
            steps.append(Step(length, waiting, at_risk))
        at_risk -= len(happened)
    return steps


def quantile(steps: Sequence[Step], share: float) -> timedelta | None:
    """After how long it has happened to this share of all (0.5: the median); None: not to so many yet."""
    return next((step.length for step in steps if step.waiting <= 1 - share + 1e-12), None)
