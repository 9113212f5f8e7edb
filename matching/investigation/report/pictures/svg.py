"""What all pictures share: their size, their classes, and how text becomes part of them."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

#: Units of the picture: at this width, one unit is one pixel of a phone.
WIDTH = 340
LEFT, RIGHT = 8.0, WIDTH - 8.0
#: Colours for paper, as the style sheet of an SVG that stands alone. HTML has the same classes.
PRINTED = (
    "text{font-family:'Noto Sans CJK SC','Noto Sans';font-size:11px;fill:#1d232b}"
    ".soft{fill:#5a6472}.axis{stroke:#8b95a3;stroke-width:1;fill:none}"
    ".mark{stroke:#1d232b;stroke-width:1.5;fill:none}"
    ".strong{fill:#1f5fa8}.weak{fill:#b9c3d0}.band{fill:#cfe0f3}.curve{stroke:#1f5fa8;stroke-width:2;fill:none}"
)


def picture(parts: Iterable[str], *, height: float, title: str, style: str = "") -> str:
    """Return the whole SVG. `title` is what a screen reader says."""
    css = f"<style>{style}</style>" if style else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f"aria-label={quoteattr(_legal(title))}>{css}{''.join(parts)}</svg>"
    )


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start") -> str:
    """Return a line of text at its baseline."""
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{named} text-anchor="{anchor}">{escape(_legal(words))}</text>'


def bar(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" height="{height:g}" class="{kind}"/>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> str:
    return f'<path d="M{x1:.2f} {y1:.2f}L{x2:.2f} {y2:.2f}" class="{kind}"/>'


def path(points: Iterable[tuple[float, float]], kind: str, *, closed: bool = False) -> str:
    drawn = "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
    return f'<path d="M{drawn}{"Z" if closed else ""}" class="{kind}"/>'


def text_width(words: str) -> float:
    """Return about how wide a text is; a Chinese character is as wide as it is high."""
    return sum(11.0 if ord(character) > 0x2E7F else 6.2 for character in words)


def _legal(words: str) -> str:
    """Return text that XML may hold: without the control characters that no escape allows."""
    return "".join(one if one >= " " and one not in "\ufffe\uffff" else " " for one in words)
