"""How few customers can look like a row: each part that is visible leaves fewer, and then what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from matching.investigation.report.pictures.svg import LEFT, RIGHT, bar, line, picture, text, text_width

_ROW = 30.0
_HEAD = 22.0
_GAP = 10.0
_THICK = 9.0
_LEAST = 1e-6  # number of customers at the left end of the scale, at least


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """A number of customers, with its label; `found`: counted in the segment, not expected by chance."""

    label: str
    customers: float
    shown: str
    found: bool = False


@dataclass(frozen=True, slots=True)
class RowWaterfall:
    """`name`: which row; its steps begin with all customers."""

    name: str
    steps: Sequence[WaterfallStep]


def waterfall_picture(rows: Sequence[RowWaterfall], title: str, style: str = "") -> str:
    """Return the steps of some rows, all on one logarithmic scale that begins with one customer's tenth."""
    numbers = [step.customers for row in rows for step in row.steps if step.customers > 0]
    least = max(min([0.1, *numbers]), _LEAST)
    most = max([10.0, *numbers])
    top, parts = 0.0, []
    for row in rows:
        parts.append(text(LEFT, top + 14, row.name))
        top += _HEAD
        for step in row.steps:
            parts += _step(step, top, least, most)
            top += _ROW
        top += _GAP
    return picture(parts, height=max(top - _GAP, 20), title=title, style=style)


def _step(step: WaterfallStep, top: float, least: float, most: float) -> list[str]:
    """Return one bar from the left end of the scale, with the line of one customer through it."""
    one = _across(1.0, least, most)
    end = _across(step.customers, least, most) if step.customers > 0 else LEFT
    kind = "strong" if step.found else "weak"
    at = RIGHT - text_width(step.shown)
    return [
        text(LEFT, top + 10, step.label, kind="soft"),
        text(at, top + 10, step.shown),
        bar(LEFT, top + 15, max(end - LEFT, 1.5), _THICK, kind),
        line(one, top + 13, one, top + 26),
    ]


def _across(customers: float, least: float, most: float) -> float:
    clipped = min(max(customers, least), most)
    return LEFT + (RIGHT - LEFT) * (log10(clipped) - log10(least)) / (log10(most) - log10(least))
