"""When the matched customers enrolled, beside all customers: bars for both, and the day of the copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matching.investigation.report.pictures.svg import (
    LEFT,
    RIGHT,
    bar,
    line,
    picture,
    text,
    text_width,
)

_TOP, _BASE, _HEIGHT = 42.0, 136.0, 158.0
#: Groups of customers in the picture at most; more are joined with their neighbours.
GROUPS = 24


@dataclass(frozen=True, slots=True)
class EnrolmentBar:
    """Shares of all matches, and of all customers, who enrolled in one stretch of time."""

    begins: str
    matched: float
    enrolled: float


def cohorts_picture(
    bars: Sequence[EnrolmentBar],
    legend: tuple[str, str],
    cut: tuple[int, str] | None,
    title: str,
    style: str = "",
) -> str:
    """Return pairs of bars from the oldest on. `cut`: the bar before which the day is, and its words.

    `legend`: what the bars of matches and those of the base are called.
    """
    most = max((max(one.matched, one.enrolled) for one in bars), default=0) or 1
    step = (RIGHT - LEFT) / max(len(bars), 1)
    parts = [*_legend(legend), line(LEFT, _BASE, RIGHT, _BASE)]
    for number, one in enumerate(bars):
        left = LEFT + number * step
        for place, (share, kind) in enumerate(((one.matched, "strong"), (one.enrolled, "weak"))):
            height = (_BASE - _TOP) * share / most
            parts.append(bar(left + step * (0.1 + 0.4 * place), _BASE - height, step * 0.38, height, kind))
    if bars:
        parts.append(text(LEFT, _BASE + 16, bars[0].begins, kind="soft"))
        parts.append(text(RIGHT, _BASE + 16, bars[-1].begins, kind="soft", anchor="end"))
    if cut is not None:
        at, half = LEFT + cut[0] * step, text_width(cut[1]) / 2
        parts.append(line(at, _TOP - 8, at, _BASE, "mark"))
        parts.append(text(min(max(at, LEFT + half), RIGHT - half), _TOP - 12, cut[1], anchor="middle"))
    return picture(parts, height=_HEIGHT, title=title, style=style)


def _legend(names: tuple[str, str]) -> list[str]:
    matched, enrolled = names
    second = LEFT + 14 + text_width(matched) + 14
    return [
        bar(LEFT, 3, 9, 9, "strong"),
        text(LEFT + 14, 12, matched, kind="soft"),
        bar(second, 3, 9, 9, "weak"),
        text(second + 14, 12, enrolled, kind="soft"),
    ]
