"""HTML as text: a row of a table is a line with tabs between its cells; elsewhere lines stay lines.

Nothing is parsed into a tree. Tags that separate text become tabs and line ends. Other tags are removed,
except those with attributes, whose text stays: `href="mailto:..."` may be the only place of an address.
Entities are decoded.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from matching.inputs.formats.blocks import BLOCK, RECORD_BYTES, Block
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.delimited import DelimitedShape, Dialect

_ROW = re.compile(rb"<tr\b[^<>]{0,2000}>|</tr\s*>|</table\s*>", re.IGNORECASE)
_CELL = re.compile(rb"<t[dh]\b[^<>]{0,2000}>", re.IGNORECASE)
_BREAK = re.compile(
    rb"</?(?:br|p|div|li|dd|dt|h[1-6]|pre|ul|ol|dl|table|section|article)\b[^<>]{0,2000}>", re.IGNORECASE
)
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
            found, lines, in_row = render_lines(whole[:cut], line, in_row=in_row)
            line += whole.count(b"\n", 0, cut)
            rest = whole[cut:]
            if found:
                if offset >= after:
                    yield Block(found, lines[0], offset, end, self.shape, lines)
                offset = end


def _complete_end(text: bytes, *, final: bool) -> int:
    """Return the place behind the last end of a row, else of a line; 0: wait for more text."""
    if final:
        return len(text)
    last = max(text.rfind(b"</tr>"), text.rfind(b"</TR>"))
    return text.find(b">", last) + 1 if last >= 0 else text.rfind(b"\n") + 1


def render_lines(text: bytes, line: int, *, in_row: bool = False) -> tuple[bytes, list[int], bool]:
    """Return lines, the source's line of each, and whether a table's row goes on behind the text."""
    found: list[bytes] = []
    lines: list[int] = []
    start = 0
    text = text.replace(_CELL_MARK, b" ")
    for mark in (*_ROW.finditer(text), None):
        stretch = text[start : mark.start() if mark else len(text)]
        for number, shown in _row_line(stretch) if in_row else _text_lines(stretch):
            found.append(shown)
            lines.append(line + number)
        if mark is None:
            break
        line += text.count(b"\n", start, mark.end())
        start = mark.end()
        in_row = mark[0][:3].lower() == b"<tr"
    return b"".join(one + b"\n" for one in found), lines, in_row


def _row_line(stretch: bytes) -> Iterator[tuple[int, bytes]]:
    before, *cells = _CELL.sub(_CELL_MARK, stretch).split(_CELL_MARK)
    shown = b"\t".join([b" ".join(_visible_text(cell).split()) for cell in cells or [before]])
    if shown.strip():
        yield 0, shown


def _text_lines(stretch: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stretch.split(b"\n")) if stretch.strip() else ():
        for part in _BREAK.sub(_CELL_MARK, line).split(_CELL_MARK):
            if shown := b" ".join(_visible_text(part).split()):
                yield number, shown


def _visible_text(part: bytes) -> bytes:
    if b"<" in part:
        part = _ATTRIBUTES.sub(rb" \1 ", _TAG.sub(b"", _BREAK.sub(b" ", part)))
    if b"&" in part:
        part = html.unescape(part.decode("utf-8", "replace")).encode("utf-8", "replace")
    return part


def table_shape(sample: bytes, regions: Sequence[str]) -> DelimitedShape:
    """Return the shape that the rows with cells show."""
    text, _, _ = render_lines(sample, 1)
    rows = [line.split("\t") for line in text.decode("utf-8", "replace").split("\n") if "\t" in line]
    return DelimitedShape(Dialect(b"\t"), rows[:200], regions)
