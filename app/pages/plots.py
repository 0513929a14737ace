"""The charts: from plain numbers and final words to a drawing. Nothing in them is told by colour alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.domain.survival import Step
from app.pages.charts import Drawing, Plot, Shape, circle, label, line, polyline, rect

WIDTH = 480
HOUR = 3600
#: Hours that a curve may end at.
ENDS = (4, 8, 24, 48, 72, 120, 168, 336, 720)


@dataclass(frozen=True, slots=True)
class Point:
    """A week. `value` None: there is none; `low` and `high`: its limits, where it has some."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    #: Of few cases, or of a week that is not over: drawn hollow.
    open: bool = False


WEEKS = Plot(48, 12, 470, 196)


def over_weeks(points: Sequence[Point], top: float, told: Callable[[float], str]) -> Drawing:
    """Points with their limits, from nothing to `top`; `told` writes a value beside the axis."""
    places = [WEEKS.x((n + 0.5) / max(len(points), 1)) for n in range(len(points))]
    limits = (
        line(x, WEEKS.y(p.low / top), x, WEEKS.y(p.high / top), "limit")
        for x, p in zip(places, points, strict=True)
        if p.low is not None and p.high is not None
    )
    dots = (
        circle(x, WEEKS.y(p.value / top), 4, "dot open" if p.open else "dot")
        for x, p in zip(places, points, strict=True)
        if p.value is not None
    )
    days = (label(x, 216, points[n].label, "tick middle") for n, x in enumerate(places) if n % 3 == 0)
    return Drawing(WIDTH, 224, (*_levels(WEEKS, top, told), *limits, *dots, *days))


def columns_over_weeks(points: Sequence[Point], top: float, told: Callable[[float], str]) -> Drawing:
    """A column for each number; a week that is not over is only outlined."""
    wide = (WEEKS.right - WEEKS.left) / max(len(points), 1)
    bars = (_column(WEEKS.left + n * wide, wide, point, top) for n, point in enumerate(points) if point.value)
    days = (
        label(WEEKS.left + (n + 0.5) * wide, 216, point.label, "tick middle")
        for n, point in enumerate(points)
        if n % 3 == 0
    )
    return Drawing(WIDTH, 224, (*_levels(WEEKS, top, told), *bars, *days))


def _column(left: float, wide: float, point: Point, top: float) -> Shape:
    above = WEEKS.y((point.value or 0) / top)
    return rect(left + wide * 0.2, above, wide * 0.6, WEEKS.bottom - above, "bar open" if point.open else "bar")


def _levels(plot: Plot, top: float, told: Callable[[float], str]) -> Iterator[Shape]:
    """Lines at nothing, half and all of it."""
    for share in (0.0, 0.5, 1.0):
        at = plot.y(share)
        yield line(plot.left, at, plot.right, at, "axis" if share == 0 else "grid")
        yield label(plot.left - 6, at + 4, told(share * top), "tick end")


def nice_top(highest: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that holds it."""
    if highest <= 0:
        return 1
    power = 10 ** math.floor(math.log10(highest))
    return float(next(power * step for step in (1, 2, 5, 10) if highest <= power * step * (1 + 1e-9)))


# --- how soon


CURVE = Plot(48, 12, 462, 180)


def curve_points(steps: Sequence[Step[int]], end: int) -> list[tuple[float, float]]:
    """(seconds, share to which it has happened): the corners of the stairs, from nothing to `end`."""
    corners, done = [(0.0, 0.0)], 0.0
    for step in steps:
        if step.length > end:
            break
        corners += [(float(step.length), done), (float(step.length), 1 - step.waiting)]
        done = 1 - step.waiting
    return [*corners, (float(end), done)]


def end_of(steps: Sequence[Step[int]]) -> int:
    """Seconds: where the curve ends, so that most of what happened is in it."""
    last = next((step.length for step in steps if step.waiting <= 0.1), steps[-1].length if steps else 0)
    return HOUR * next((hours for hours in ENDS if last <= hours * HOUR), ENDS[-1])


def at_risk(ended: Mapping[int, int], moments: Sequence[float]) -> list[int]:
    """How many still waited just before each of these seconds."""
    return [sum(count for length, count in ended.items() if length >= moment) for moment in moments]


def happening(
    steps: Sequence[Step[int]], ended: Mapping[int, int], hours: Callable[[float], str], waiting: str
) -> Drawing:
    """Kaplan–Meier, upside down: to how many it has happened after so long; below, how many still waited."""
    end = end_of(steps)
    moments = [end * quarter / 4 for quarter in range(5)]
    stairs = [(CURVE.x(seconds / end), CURVE.y(share)) for seconds, share in curve_points(steps, end)]
    half = [line(CURVE.left, CURVE.y(0.5), CURVE.right, CURVE.y(0.5), "half")]
    places = [CURVE.x(n / 4) for n in range(5)]
    ticks = [label(x, 204, hours(m / HOUR), "tick middle") for x, m in zip(places, moments, strict=True)]
    still = [label(x, 250, f"{n:,}", "tick middle") for x, n in zip(places, at_risk(ended, moments), strict=True)]
    told = _levels(CURVE, 1, lambda share: f"{share:.0%}")
    return Drawing(WIDTH, 258, (*told, *half, polyline(stairs, "line"), *ticks, label(4, 228, waiting, "tick"), *still))


# --- when they come


def punch_card(counts: Mapping[tuple[int, int], int], days: Sequence[str]) -> Drawing:
    """(weekday, hour) → how many. The more, the larger the square; `days`: Monday's word first."""
    most, cell, left, top = max(counts.values(), default=0) or 1, 18.0, 36.0, 8.0
    names = (label(left - 8, top + (n + 0.5) * cell + 4, word, "tick end") for n, word in enumerate(days))
    grid = (line(left, top + n * cell, left + 24 * cell, top + n * cell, "grid") for n in range(8))
    squares = (
        _square(left + (hour + 0.5) * cell, top + (day + 0.5) * cell, (cell - 2) * math.sqrt(count / most))
        for (day, hour), count in sorted(counts.items())
        if count
    )
    hours = (label(left + hour * cell, top + 7 * cell + 16, f"{hour}", "tick middle") for hour in range(0, 25, 6))
    return Drawing(WIDTH, 158, (*grid, *names, *squares, *hours))


def _square(x: float, y: float, side: float) -> Shape:
    side = max(side, 3)
    return rect(x - side / 2, y - side / 2, side, side, "bar")


# --- parts of something


@dataclass(frozen=True, slots=True)
class Bar:
    """`share`: of the longest or of the whole, 0 to 1. `value`: its words."""

    label: str
    value: str
    share: float
    #: It may still grow: only outlined.
    open: bool = False
    #: A title alone, without a bar.
    heading: bool = False


def bars(some: Sequence[Bar]) -> Drawing:
    """One below the other; the words stand above, so that long ones fit at any width."""
    shapes: list[Shape] = []
    at = 0.0
    for bar in some:
        shapes.append(label(0, at + 16, bar.label, "name strong" if bar.heading else "name"))
        shapes.append(label(WIDTH, at + 16, bar.value, "name end"))
        if not bar.heading:
            shapes.append(rect(0, at + 22, WIDTH, 10, "ground"))
        if bar.share and not bar.heading:
            shapes.append(rect(0, at + 22, max(bar.share * WIDTH, 1), 10, "bar open" if bar.open else "bar"))
        at += 26 if bar.heading else 42
    return Drawing(WIDTH, max(math.ceil(at), 1), tuple(shapes))


def stack(shares: Sequence[float]) -> Drawing:
    """Parts of one whole side by side, each with its own pattern and its number; their words are beside it."""
    edges = [0.0]
    for share in shares:
        edges.append(edges[-1] + share)
    parts = (
        rect(a * WIDTH, 0, max((b - a) * WIDTH, 0), 32, f"part part-{n + 1}")
        for n, (a, b) in enumerate(pairwise(edges))
        if b > a
    )
    numbers = (
        label((a + b) / 2 * WIDTH, 48, f"{n + 1}", "tick middle")
        for n, (a, b) in enumerate(pairwise(edges))
        if b - a >= 0.02
    )
    return Drawing(WIDTH, 52, (*parts, *numbers))
