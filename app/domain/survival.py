"""How long something takes when part of it has not happened yet: the Kaplan–Meier estimator.

Those who still wait are not left out: ignoring leads would improve the number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

#: How long something took: a span, or whole seconds.
L = TypeVar("L", timedelta, int)


@dataclass(frozen=True, slots=True)
class Waited:
    """One case: how long until it happened, or how long it has been waiting."""

    length: timedelta
    happened: bool


@dataclass(frozen=True, slots=True)
class Step(Generic[L]):
    """After `length`, this share (0 to 1) still waits. `at_risk`: cases that were waiting just before."""

    length: L
    waiting: float
    at_risk: int


def kaplan_meier(cases: Iterable[Waited]) -> list[Step[timedelta]]:
    """The survival curve of single cases."""
    happened, ended = Counter[timedelta](), Counter[timedelta]()
    for case in cases:
        ended[case.length] += 1
        happened[case.length] += case.happened
    return curve(happened, ended)


def curve(happened: Mapping[L, int], ended: Mapping[L, int]) -> list[Step[L]]:
    """The survival curve, a step at every length at which something happened.

    `ended`: how many cases ended after that length, because it happened or because nobody knows more.
    E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
    Statistical Association 53 (1958), 457–481. Of equal lengths what happened comes before what still waits.
    """
    steps: list[Step[L]] = []
    waiting, at_risk = 1.0, sum(ended.values())
    for length in sorted(ended):
        if some := happened.get(length):
            waiting *= 1 - some / at_risk
            steps.append(Step(length, waiting, at_risk))
        at_risk -= ended[length]
    return steps


def quantile(steps: Sequence[Step[L]], share: float) -> L | None:
    """After how long it has happened to this share of all (0.5: the median); None: not to so many yet."""
    return next((step.length for step in steps if step.waiting <= 1 - share + 1e-12), None)
