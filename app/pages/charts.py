"""Charts as shapes: from figures to what is drawn, without a word about colour; `charts.html` writes them as SVG.

Lengths are units of the drawing's own box; y grows downwards. Every shape's class says what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """An element of SVG."""

    tag: str
    at: Mapping[str, str]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A box with shapes in it."""

    width: int
    height: int
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """The part of a box in which values are drawn; x and y are shares of it, 0 to 1, y upwards."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, share: float) -> float:
        return self.left + share * (self.right - self.left)

    def y(self, share: float) -> float:
        return self.bottom - share * (self.bottom - self.top)


def number(value: float) -> str:
    """At most one decimal, none for whole numbers."""
    return f"{value:.1f}".removesuffix(".0")


def line(x1: float, y1: float, x2: float, y2: float, look: str) -> Shape:
    ends = {"x1": number(x1), "y1": number(y1), "x2": number(x2), "y2": number(y2)}
    return Shape("line", ends | {"class": look})


def circle(x: float, y: float, radius: float, look: str) -> Shape:
    return Shape("circle", {"cx": number(x), "cy": number(y), "r": number(radius), "class": look})


def rect(x: float, y: float, width: float, height: float, look: str) -> Shape:
    box = {"x": number(x), "y": number(y), "width": number(width), "height": number(height)}
    return Shape("rect", box | {"class": look})


def polyline(points: Sequence[tuple[float, float]], look: str) -> Shape:
    return Shape("polyline", {"points": " ".join(f"{number(x)},{number(y)}" for x, y in points), "class": look})


def polygon(points: Sequence[tuple[float, float]], look: str) -> Shape:
    return Shape("polygon", {"points": " ".join(f"{number(x)},{number(y)}" for x, y in points), "class": look})


def label(x: float, y: float, words: str, look: str) -> Shape:
    return Shape("text", {"x": number(x), "y": number(y), "class": look}, words)


# --- a small line beside a figure


@dataclass(frozen=True, slots=True)
class Mark:
    """One value of a line. `value` None: there is none."""

    value: float | None
    #: Of few cases, or of a week that is not over: drawn hollow.
    open: bool = False


SPARK = Plot(4, 4, 116, 28)


def sparkline(marks: Sequence[Mark]) -> Drawing:
    """From nothing to the highest value; a gap where there is no value."""
    top = max((mark.value for mark in marks if mark.value), default=0) or 1
    points = [
        None if mark.value is None else (SPARK.x(place / max(len(marks) - 1, 1)), SPARK.y(mark.value / top))
        for place, mark in enumerate(marks)
    ]
    runs = (polyline(run, "line") for run in _runs(points) if len(run) > 1)
    dots = (
        circle(*point, 2, "dot open" if mark.open else "dot")
        for point, mark in zip(points, marks, strict=True)
        if point
    )
    base = line(SPARK.left, SPARK.bottom, SPARK.right, SPARK.bottom, "axis")
    return Drawing(120, 32, (base, *runs, *dots))


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    """Neighbours that both are there."""
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []
