"""Where the parts of a chart are: numbers for the SVG macros of templates/charts.html.

A chart is WIDTH by HEIGHT units. Values begin at zero at the bottom; the highest step of the axis is a round
number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 720
HEIGHT = 200
LEFT = 56  # for the labels of the values
BOTTOM = 24  # for the labels below
TOP = 18
STEPS = 4
LABELS = 8  # below a chart at most


@dataclass(frozen=True, slots=True)
class Box:
    """A bar or a part of one. `kind`: its number in the order of the legend."""

    x: float
    y: float
    width: float
    height: float
    kind: int
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """`steps`: (height in the chart, value)."""

    top: float
    steps: Sequence[tuple[float, float]]

    def height(self, value: float) -> float:
        return round((HEIGHT - BOTTOM - TOP) * value / self.top, 2)


@dataclass(frozen=True, slots=True)
class StackedBars:
    """`labels`: (place, text) below the bars."""

    boxes: Sequence[Box]
    scale: Scale
    labels: Sequence[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """`lines`: the points of each unbroken line as SVG has them, with its kind; `dots`: (x, y, kind)."""

    lines: Sequence[tuple[str, int]]
    dots: Sequence[tuple[float, float, int]]
    scale: Scale
    labels: Sequence[tuple[float, str]]


def scale_to(highest: float) -> Scale:
    """Return the scale that a highest value fits, with round steps."""
    if not math.isfinite(highest) or highest <= 0:
        highest = 1.0
    step = highest / STEPS
    power = 10.0 ** math.floor(math.log10(step))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= step * 0.999999)
    top = step * math.ceil(highest / step - 1e-9)
    area = HEIGHT - BOTTOM - TOP
    values = [step * number for number in range(round(top / step) + 1)]
    return Scale(top, [(round(HEIGHT - BOTTOM - area * each / top, 2), each) for each in values])


def stacked_bars(columns: Sequence[tuple[str, Sequence[int]]]) -> StackedBars:
    """Place one bar per column; its values are stacked, the first one at the bottom."""
    scale = scale_to(max((sum(values) for _, values in columns), default=0))
    slot = (WIDTH - LEFT) / max(1, len(columns))
    boxes = []
    for number, (label, values) in enumerate(columns):
        y = float(HEIGHT - BOTTOM)
        for kind, value in enumerate(values):
            height = scale.height(value)
            y -= height
            if value:
                x = LEFT + slot * number + slot * 0.15
                boxes.append(Box(round(x, 2), round(y, 2), round(slot * 0.7, 2), height, kind, label))
    return StackedBars(boxes, scale, _labels([label for label, _ in columns], slot))


def lines_chart(columns: Sequence[tuple[str, Sequence[float | None]]]) -> ChartLine:
    """Place one line per value of the columns; a line has a gap where there is no value."""
    values = [each for _, row in columns for each in row if each is not None]
    scale = scale_to(max(values, default=0))
    slot = (WIDTH - LEFT) / max(1, len(columns))
    lines: list[tuple[str, int]] = []
    dots: list[tuple[float, float, int]] = []
    for kind in range(max((len(row) for _, row in columns), default=0)):
        run: list[str] = []
        for number, (_, row) in enumerate(columns):
            value = row[kind]
            if value is None:
                lines += [(" ".join(run), kind)] if len(run) > 1 else []
                run = []
                continue
            x, y = round(LEFT + slot * (number + 0.5), 2), round(HEIGHT - BOTTOM - scale.height(value), 2)
            run.append(f"{x},{y}")
            dots.append((x, y, kind))
        lines += [(" ".join(run), kind)] if len(run) > 1 else []
    return ChartLine(lines, dots, scale, _labels([label for label, _ in columns], slot))


def line_chart(points: Sequence[tuple[float, float]]) -> ChartLine:
    """Place points by their times, and join them."""
    scale = scale_to(max((value for _, value in points), default=0))
    first, last = points[0][0], points[-1][0]
    span = (last - first) or 1.0
    dots = []
    for at, value in points:
        x = LEFT + 8 + (WIDTH - LEFT - 16) * (at - first) / span
        dots.append((round(x, 2), round(HEIGHT - BOTTOM - scale.height(value), 2), 0))
    return ChartLine([(" ".join(f"{x},{y}" for x, y, _ in dots), 0)], dots, scale, ())


def _labels(labels: Sequence[str], slot: float) -> Sequence[tuple[float, str]]:
    every = max(1, math.ceil(len(labels) / LABELS))
    return [
        (round(LEFT + slot * (number + 0.5), 2), label)
        for number, label in enumerate(labels)
        if number % every == 0
    ]
