"""Bars one below the other: what was found beside what chance gives, with its label above each bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matching.investigation.report.pictures.svg import LEFT, RIGHT, bar, line, picture, text, text_width

_ROW = 34.0
_THICK = 12.0
_LEAST = 1.5  # width of a bar that is nearly nothing, so that it can be seen


@dataclass(frozen=True, slots=True)
class LabelledBar:
    """`shown`: the value as people read it; `strong`: what was found, as against what is expected."""

    label: str
    value: float
    shown: str
    strong: bool = False


def bars_picture(bars: Sequence[LabelledBar], title: str, style: str = "") -> str:
    """Return bars from zero on, all on one scale."""
    most = max((one.value for one in bars), default=0) or 1
    room = RIGHT - LEFT - max((text_width(one.shown) for one in bars), default=0) - 8
    parts = []
    for number, one in enumerate(bars):
        top = 4 + number * _ROW
        width = max(room * max(one.value, 0) / most, _LEAST)
        parts.append(text(LEFT + 4, top + 11, one.label, kind="soft"))
        parts.append(bar(LEFT, top + 16, width, _THICK, "strong" if one.strong else "weak"))
        parts.append(text(LEFT + width + 6, top + 26, one.shown))
    height = 8 + _ROW * len(bars)
    return picture([line(LEFT, 2, LEFT, height - 4), *parts], height=height, title=title, style=style)
