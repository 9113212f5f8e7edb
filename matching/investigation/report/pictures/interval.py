"""The share of rows that is ours: how well each share fits, with the interval that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from matching.investigation.report.pictures.svg import LEFT, RIGHT, bar, line, path, picture, text, text_width

_TOP, _BASE, _HEIGHT = 26.0, 116.0, 138.0
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def interval_picture(
    curve: Sequence[tuple[float, float]],
    interval: tuple[float, float, float],
    shown: str,
    title: str,
    style: str = "",
) -> str:
    """Return the curve of the likelihood over the shares, the interval as a band, the middle as a mark.

    `curve`: (share, log-likelihood, 0 at its highest); `interval`: low, middle, high; `shown`: its words.
    """
    low, middle, high = (_across(one) for one in interval)
    parts = [bar(low, _TOP, max(high - low, 2), _BASE - _TOP, "band")]
    points = [(_across(share), _BASE - (_BASE - _TOP) * exp(fit)) for share, fit in curve]
    if points:
        parts.append(path(points, "curve"))
    parts += [line(middle, _TOP, middle, _BASE, "mark"), line(LEFT, _BASE, RIGHT, _BASE)]
    for tick in _TICKS:
        anchor = "start" if tick == 0 else "end" if tick == 1 else "middle"
        parts += [line(_across(tick), _BASE, _across(tick), _BASE + 4)]
        parts += [text(_across(tick), _BASE + 17, f"{tick:.0%}", kind="soft", anchor=anchor)]
    half = text_width(shown) / 2
    at = min(max(middle, LEFT + half), RIGHT - half)
    parts.append(text(at, _TOP - 9, shown, anchor="middle"))
    return picture(parts, height=_HEIGHT, title=title, style=style)


def _across(share: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)
