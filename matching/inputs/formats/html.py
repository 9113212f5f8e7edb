"""HTML as text: a row of a table is a line with tabs between its cells; elsewhere lines stay lines.

Before each line, the tags between it and the line before say how strong the border between them is: how many
blocks of the page end or begin there. So `records` can tell a field from a card, without a tree.

Nothing is parsed into a tree. Tags that separate text become tabs and line ends. Other tags are removed,
except those with attributes, whose text stays: `href="mailto:..."` may be the only place of an address.
Entities are decoded.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from matching.inputs.formats.blocks import BLOCK, RECORD_BYTES, Block
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.delimited import DelimitedShape, Dialect

_ROW = re.compile(rb"<tr\b[^<>]{0,2000}>|</tr\s*>|</table\s*>", re.IGNORECASE)
_CELL = re.compile(rb"<t[dh]\b[^<>]{0,2000}>", re.IGNORECASE)
_BREAK = re.compile(
    rb"(</?(?:br|p|div|li|dd|dt|h[1-6]|hr|pre|ul|ol|dl|table|section|article)\b[^<>]{0,2000}>)", re.IGNORECASE
)
#: Tags that break lines within a block of the page, and so are no border.
_NO_BORDER = re.compile(rb"</?(?:br|dd|dt)\b", re.IGNORECASE)
#: Tags that divide more than others, because what follows belongs together.
_HEADING = re.compile(rb"<h[r1-6]\b", re.IGNORECASE)
#: Tags behind which the text may be cut, the best first: no record goes on behind them.
_CUTS = tuple(
    re.compile(rb"</(?:" + names + rb")\s*>", re.IGNORECASE)
    for names in (rb"tr|dl|table|section|article", rb"ul|ol|p", rb"div")
)
_TAIL_BYTES = 1 << 16  # in which such a tag is looked for
_TAG = re.compile(rb"</?[A-Za-z][^<>\"'=]{0,2000}>")
_ATTRIBUTES = re.compile(rb"<([A-Za-z][^<>]{0,4000})>")
_CELL_MARK = b"\0"


class HtmlReader:
    """Blocks of the text of a page."""

    def __init__(self, shape: DelimitedShape) -> None:
        self.shape = shape

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        rest, line, offset, in_row = b"", 1, 0, False
        while (piece := text.take(BLOCK, overlap=False)) is not None:
            end = text.advance(piece)
            whole = rest + piece.text
            cut = _complete_end(whole, final=piece.last or len(whole) > RECORD_BYTES)
            page = render_lines(whole[:cut], line, in_row=in_row)
            in_row = page.in_row
            line += whole.count(b"\n", 0, cut)
            rest = whole[cut:]
            if page.text:
                if offset >= after:
                    place = (page.lines[0], offset, end)
                    yield Block(page.text, *place, self.shape, page.lines, borders=page.borders)
                offset = end


def _complete_end(text: bytes, *, final: bool) -> int:
    """Return the place behind the last end of a row or block, else of a line; 0: wait for more text."""
    if final:
        return len(text)
    tail = max(0, len(text) - _TAIL_BYTES)
    for cut in _CUTS:
        ends = [match.end() for match in cut.finditer(text, tail)]
        if ends:
            return ends[-1]
    return text.rfind(b"\n") + 1


class RenderedLines(NamedTuple):
    """Lines of a page.

    `lines`: the source's line of each; `borders`: the strength of the border before each; `in_row`: whether a
    table's row goes on behind the text.
    """

    text: bytes
    lines: list[int]
    borders: list[int]
    in_row: bool


def render_lines(text: bytes, line: int, *, in_row: bool = False) -> RenderedLines:
    """Return the lines of a stretch of a page that begins in the source's line `line`."""
    found: list[bytes] = []
    lines: list[int] = []
    borders: list[int] = []
    border = _Border()
    start = 0
    text = text.replace(_CELL_MARK, b" ")
    for mark in (*_ROW.finditer(text), None):
        stretch = text[start : mark.start() if mark else len(text)]
        for number, shown in _row_line(stretch) if in_row else _text_lines(stretch, border):
            found.append(shown)
            lines.append(line + number)
            borders.append(border.take())
        if mark is None:
            break
        border.add(mark[0])
        line += text.count(b"\n", start, mark.end())
        start = mark.end()
        in_row = mark[0][:3].lower() == b"<tr"
    return RenderedLines(b"".join(one + b"\n" for one in found), lines, borders, in_row)


class _Border:
    """The tags since the last line."""

    def __init__(self) -> None:
        self._ends = self._begins = 0

    def add(self, tag: bytes) -> None:
        if tag.startswith(b"</"):
            self._ends += 1
        else:
            self._begins += 2 if _HEADING.match(tag) else 1

    def take(self) -> int:
        """Return the strength of the border before the next line, and begin anew."""
        strength = max(self._ends, self._begins)
        self._ends = self._begins = 0
        return strength


def _row_line(stretch: bytes) -> Iterator[tuple[int, bytes]]:
    before, *cells = _CELL.sub(_CELL_MARK, stretch).split(_CELL_MARK)
    shown = b"\t".join([b" ".join(_visible_text(cell).split()) for cell in cells or [before]])
    if shown.strip():
        yield 0, shown


def _text_lines(stretch: bytes, border: _Border) -> Iterator[tuple[int, bytes]]:
    """Yield the lines between rows, each when `border` holds the tags before it."""
    for number, line in enumerate(stretch.split(b"\n")) if b"<" in stretch or stretch.strip() else ():
        for part in _BREAK.split(line):
            if part.startswith(b"<") and _BREAK.fullmatch(part):
                if not _NO_BORDER.match(part):
                    border.add(part)
            elif shown := b" ".join(_visible_text(part).split()):
                yield number, shown


def _visible_text(part: bytes) -> bytes:
    if b"<" in part:
        part = _ATTRIBUTES.sub(rb" \1 ", _TAG.sub(b"", _BREAK.sub(b" ", part)))
    if b"&" in part:
        part = html.unescape(part.decode("utf-8", "replace")).encode("utf-8", "replace")
    return part


def table_shape(sample: bytes, regions: Sequence[str]) -> DelimitedShape:
    """Return the shape that the rows with cells show."""
    text = render_lines(sample, 1).text.decode("utf-8", "replace")
    rows = [line.split("\t") for line in text.split("\n") if "\t" in line]
    return DelimitedShape(Dialect(b"\t"), rows[:200], regions)
