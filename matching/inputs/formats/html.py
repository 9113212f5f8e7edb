"""HTML as text: a row of a table is a line, its cells have tabs between them; elsewhere lines stay lines.

Nothing is parsed into a tree. Tags that separate become tabs and line ends; others go, but for those with
attributes, whose words stay: `href="mailto:..."` may be the only place of an address. Entities are undone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from matching.inputs.formats.blocks import BLOCK, RECORD_BYTES, Block
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.delimited import DelimitedTable, Dialect

_ROW = re.compile(rb"<tr\b[^<>]{0,2000}>|</tr\s*>|</table\s*>", re.IGNORECASE)
_CELL = re.compile(rb"<t[dh]\b[^<>]{0,2000}>", re.IGNORECASE)
_BREAK = re.compile(
    rb"</?(?:br|p|div|li|dd|dt|h[1-6]|pre|ul|ol|dl|table|section|article)\b[^<>]{0,2000}>", re.IGNORECASE
)
_TAG = re.compile(rb"</?[A-Za-z][^<>\"'=]{0,2000}>")
_ATTRIBUTES = re.compile(rb"<([A-Za-z][^<>]{0,4000})>")
_CELL_MARK = b"\0"


class Html:
    """Blocks of rendered text."""

    def __init__(self, shape: DelimitedTable) -> None:
        self.shape = shape

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        rest, line, offset, in_row = b"", 1, 0, False
        while (piece := text.take(BLOCK, overlap=False)) is not None:
            end = text.advance(piece)
            whole = rest + piece.text
            cut = _cut(whole, final=piece.last or len(whole) > RECORD_BYTES)
            found, lines, in_row = rendered(whole[:cut], line, in_row=in_row)
            line += whole.count(b"\n", 0, cut)
            rest = whole[cut:]
            if found:
                if offset >= after:
                    yield Block(found, lines[0], offset, end, self.shape, lines)
                offset = end


def _cut(text: bytes, *, final: bool) -> int:
    """Behind the last end of a row, else of a line; 0: wait for more."""
    if final:
        return len(text)
    last = max(text.rfind(b"</tr>"), text.rfind(b"</TR>"))
    return text.find(b">", last) + 1 if last >= 0 else text.rfind(b"\n") + 1


def rendered(text: bytes, line: int, *, in_row: bool = False) -> tuple[bytes, list[int], bool]:
    """Lines, the source's line of each, and whether a row goes on behind the text."""
    found: list[bytes] = []
    lines: list[int] = []
    start = 0
    text = text.replace(_CELL_MARK, b" ")
    for mark in (*_ROW.finditer(text), None):
        stretch = text[start : mark.start() if mark else len(text)]
        for number, shown in _row(stretch) if in_row else _lines(stretch):
            found.append(shown)
            lines.append(line + number)
        if mark is None:
            break
        line += text.count(b"\n", start, mark.end())
        start = mark.end()
        in_row = mark[0][:3].lower() == b"<tr"
    return b"".join(one + b"\n" for one in found), lines, in_row


def _row(stretch: bytes) -> Iterator[tuple[int, bytes]]:
    before, *cells = _CELL.sub(_CELL_MARK, stretch).split(_CELL_MARK)
    shown = b"\t".join([b" ".join(_bare(cell).split()) for cell in cells or [before]])
    if shown.strip():
        yield 0, shown


def _lines(stretch: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stretch.split(b"\n")) if stretch.strip() else ():
        for part in _BREAK.sub(_CELL_MARK, line).split(_CELL_MARK):
            if shown := b" ".join(_bare(part).split()):
                yield number, shown


def _bare(part: bytes) -> bytes:
    if b"<" in part:
        part = _ATTRIBUTES.sub(rb" \1 ", _TAG.sub(b"", _BREAK.sub(b" ", part)))
    if b"&" in part:
        part = html.unescape(part.decode("utf-8", "replace")).encode("utf-8", "replace")
    return part


def table_of(sample: bytes, regions: Sequence[str]) -> DelimitedTable:
    """The shape, by the rows of the first table."""
    text, _, _ = rendered(sample, 1)
    rows = [line.split("\t") for line in text.decode("utf-8", "replace").split("\n") if "\t" in line]
    return DelimitedTable(Dialect(b"\t"), rows[:200], regions)
