"""A small line chart as SVG, for the pictures of docs: without scripts and web fonts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from pathlib import Path

_WIDTH, _HEIGHT = 680, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 220, 44, 52
_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#b8860b",
    "#56b4e9",
)  # told apart by colour-blind eyes
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "1 4", "5 5")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:14px;font-weight:600}"
    ".grid{stroke:#d0d7de}.frame{fill:#fff}"
)


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class LineChart:
    """`ticks`: the values that are named on each axis; the first and the last are its ends."""

    title: str
    across: str  # what the horizontal axis shows
    down: str  # what the vertical axis shows
    across_ticks: Sequence[float]
    down_ticks: Sequence[float]
    lines: Sequence[Line]
    log_across: bool = False
    percent: bool = False  # the vertical axis

    def write(self, path: Path) -> None:
        path.write_text(self.svg(), encoding="utf-8")

    def svg(self) -> str:
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{escape(self.title)}">',
            f"<style>{_STYLE}</style>",
            f'<rect class="frame" width="{_WIDTH}" height="{_HEIGHT}"/>',
            f'<text class="title" x="{_LEFT}" y="24">{escape(self.title)}</text>',
            *self._axes(),
            *(part for number, line in enumerate(self.lines) for part in self._line(number, line)),
            "</svg>\n",
        ]
        return "\n".join(parts)

    def _axes(self) -> list[str]:
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        parts = []
        for value in self.down_ticks:
            y, name = self._y(value), f"{value:.0%}" if self.percent else f"{value:g}"
            parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
            parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{name}</text>')
        for value in self.across_ticks:
            x = self._x(value)
            parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{value:g}</text>')
        middle = (_LEFT + right) / 2
        parts.append(
            f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(self.across)}</text>'
        )
        parts.append(
            f'<text transform="translate(16 {(_TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">'
            f"{escape(self.down)}</text>"
        )
        return parts

    def _line(self, number: int, line: Line) -> list[str]:
        colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
        points = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in line.points)
        y, x = _TOP + 10 + 20 * number, _WIDTH - _RIGHT + 14
        stroke = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        return [
            f'<polyline points="{points}" {stroke}/>',
            f'<path d="M{x} {y}h24" {stroke}/>',
            f'<text x="{x + 30}" y="{y + 4}">{escape(line.label)}</text>',
        ]

    def _x(self, value: float) -> float:
        first, last, at = self.across_ticks[0], self.across_ticks[-1], value
        if self.log_across:
            first, last, at = log10(first), log10(last), log10(value)
        return _LEFT + (at - first) / (last - first) * (_WIDTH - _RIGHT - _LEFT)

    def _y(self, value: float) -> float:
        first, last = self.down_ticks[0], self.down_ticks[-1]
        return _HEIGHT - _BOTTOM - (value - first) / (last - first) * (_HEIGHT - _BOTTOM - _TOP)
