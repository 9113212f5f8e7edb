"""CSV and its relatives: any delimiter, either quote, doubled or escaped quotes, line ends inside quotes.

A line of a block is a record. Where a record goes over several lines, the line ends inside its quotes become
spaces, and the block says on which line of the source each record begins. Such records are rare and found at
the speed of numpy: only a line with an odd number of quotes can begin one.

A quote that opens and does not close within `RECORD_BYTES` is treated as an ordinary character.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from matching.inputs.formats.blocks import BLOCK, RECORD_BYTES, Block, CellRow, count_newlines
from matching.inputs.formats.columns import SAMPLE_CELLS, Column, columns_of, is_header
from matching.inputs.formats.decoding import DecodedText
from matching.scanning.candidates import Places

_LINE_END = re.compile(rb"\r\n|\n|\r")
csv.field_size_limit(RECORD_BYTES)  # of the process; enrolment sets a smaller one


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are written. `quote` None: without quotes. `escape`: a backslash escapes a quote."""

    delimiter: bytes
    quote: bytes | None = None
    escape: bool = False

    def split(self, line: str) -> list[str]:
        """Return the cells of a record on one line."""
        line = line.rstrip("\r\n")
        delimiter = self.delimiter.decode()
        if self.quote is None or not (self.quote.decode() in line or (self.escape and "\\" in line)):
            return line.split(delimiter)
        try:
            return next(self.reader([line]), [])
        except csv.Error:
            return line.split(delimiter)

    def reader(self, lines: Sequence[str]) -> Iterator[list[str]]:
        """Return Python's own reader; the delimiter must be one character."""
        return csv.reader(
            lines,
            delimiter=self.delimiter.decode(),
            quotechar=self.quote.decode() if self.quote else None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            doublequote=not self.escape,
            escapechar="\\" if self.escape else None,
        )


class DelimitedShape:
    """The shape of delimited lines."""

    def __init__(self, dialect: Dialect, rows: Sequence[Sequence[str]], regions: Sequence[str]) -> None:
        """`rows`: a sample, evaluated on demand. `regions`: of telephone numbers without +."""
        self.dialect = dialect
        self._rows = rows[: SAMPLE_CELLS + 10]
        self._regions = regions

    @cached_property
    def header(self) -> bool:
        """Whether the first line names the columns."""
        return bool(self._rows) and is_header(self._rows[0], self._rows[1:], self._regions)

    @cached_property
    def columns(self) -> Sequence[Column]:
        names = self._rows[0] if self.header else None
        return columns_of(self._rows[self.header :], self._regions, names)

    def where(self, line: bytes, at: int) -> Column | None:
        return self.column(cell_index(line, at, self.dialect))

    def column(self, index: int) -> Column:
        """Return the column with this index, also behind those that a sample shows."""
        return self.columns[index] if index < len(self.columns) else Column(index + 1, None, "")

    def cells(self, block: Block, columns: Collection[int], lines: Places | None = None) -> Iterator[CellRow]:
        """`lines`: only these, by their indexes."""
        texts = block.text_lines() if lines is None or len(lines) else []
        for index in range(len(texts)) if lines is None else lines.tolist():
            if self.header and index == 0 and block.first_line == 1:
                continue
            cells = self.dialect.split(texts[index])
            found = tuple(cells[number - 1] if number <= len(cells) else "" for number in columns)
            if any(found):
                yield CellRow(index, found)

    def lines_with(self, block: Block, columns: Collection[int], places: Places) -> Places | None:
        """Return the indexes of the lines that have one of these places, in order, in a cell of the columns.

        None: quotes may divide the lines otherwise, so that only reading them tells.
        """
        dialect, text = self.dialect, block.text
        if len(dialect.delimiter) > 1 or (
            dialect.quote is not None and (dialect.quote in text or (dialect.escape and b"\\" in text))
        ):
            return None
        between = np.flatnonzero(np.frombuffer(text, np.uint8) == dialect.delimiter[0])
        begins, ends = np.append(0, block.breaks + 1), np.append(block.breaks, len(text))
        firsts = np.searchsorted(between, begins)
        found = np.zeros(len(begins), np.bool_)
        for column in columns:
            # Where a line has no such cell, its place is behind the line's end.
            cell_begins = (
                begins if column == 1 else _at_or_behind(between, firsts + column - 2, len(text)) + 1
            )
            cell_ends = np.minimum(_at_or_behind(between, firsts + column - 1, len(text)), ends)
            found |= np.searchsorted(places, cell_begins) < np.searchsorted(places, cell_ends)
        return np.flatnonzero(found)


def _at_or_behind(between: Places, indexes: Places, size: int) -> Places:
    """Return these places; `size` for an index behind the last one."""
    return np.append(between, size)[np.minimum(indexes, len(between))]


def cell_index(line: bytes, at: int, dialect: Dialect) -> int:
    """Return the number of delimiters outside of quotes before `at`, which must lie in the line."""
    if dialect.quote is None or line.find(dialect.quote, 0, at) < 0:
        return line.count(dialect.delimiter, 0, at)
    place, start = 0, 0
    while (end := _cell_end(line, start, dialect)) < at:
        place, start = place + 1, end + len(dialect.delimiter)
    return place


def _cell_end(line: bytes, start: int, dialect: Dialect) -> int:
    """Return the place of the delimiter behind the cell at `start`; the line's length for the last cell."""
    quote = dialect.quote
    if quote is not None and line.startswith(quote, start):
        start = _closing_quote_end(line, start + 1, len(line), dialect)
    end = line.find(dialect.delimiter, start)
    return len(line) if end < 0 else end


def _closing_quote_end(text: bytes, start: int, limit: int, dialect: Dialect) -> int:
    """Return the place behind the quote that closes a cell opened before `start`; `limit` where none does."""
    quote = dialect.quote or b""
    while (at := text.find(quote, start, limit)) >= 0:
        if dialect.escape and _is_escaped(text, at):
            start = at + 1
        elif not dialect.escape and text.startswith(quote, at + 1):
            start = at + 2
        else:
            return at + 1
    return limit


def _is_escaped(text: bytes, at: int) -> bool:
    before = at
    while before and text[before - 1] == 0x5C:
        before -= 1
    return (at - before) % 2 == 1


class DelimitedReader:
    """Blocks of records."""

    def __init__(self, shape: DelimitedShape) -> None:
        self.shape = shape
        self._dialect = shape.dialect

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        text.seek(after)
        size = BLOCK
        while (piece := text.take(size)) is not None:
            final = piece.last or piece.changes or size >= RECORD_BYTES
            found = join_records(piece.text, self._dialect, final=final)
            if not found.text and not final:  # all of the piece is one open record: take more
                size = min(RECORD_BYTES, size * 2)
                continue
            size = BLOCK
            end = text.advance(piece, lines_left=found.left)
            lines = None if found.lines is None else [piece.line + index for index in found.lines]
            breaks = piece.breaks if found.text is piece.text else None
            place = (piece.line, piece.position, end)
            cut = (piece.repeats, piece.held)
            yield Block(found.text, *place, self.shape, lines, *cut, breaks, piece.inside)


class JoinedText(NamedTuple):
    """Text whose lines are records.

    `lines`: the line of the original on which each begins, counted from 0; None: its own number.
    `left`: lines at the end that are not taken, because their record goes on behind the text.
    """

    text: bytes
    lines: list[int] | None
    left: int


def join_records(text: bytes, dialect: Dialect, *, final: bool) -> JoinedText:
    """Replace line ends inside of quotes by spaces. `final`: nothing follows the text."""
    if dialect.quote is None or dialect.quote not in text:
        return JoinedText(text, None, 0)
    parts: list[bytes] = []
    lines: list[int] = []
    done = line = 0  # bytes and lines of the original in `parts`
    for number, start in _lines_with_open_quote(text, dialect):
        if start < done:
            continue
        end = _record_end(text, start, dialect)
        if end is None and not final:
            kept = [*lines, *range(line, number)] if lines else None
            return JoinedText(b"".join([*parts, text[done:start]]), kept, count_newlines(text[start:]))
        if end is None or end == _NOT_QUOTED:
            continue
        record = text[start:end]
        body = record.rstrip(b"\r\n")
        parts += [text[done:start], _LINE_END.sub(b" ", body), record[len(body) :]]
        lines += [*range(line, number), number]
        done, line = end, number + count_newlines(record)
    if not parts:
        return JoinedText(text, None, 0)
    rest = text[done:]
    lines += range(line, line + count_newlines(rest) + (not rest.endswith(b"\n") and bool(rest)))
    return JoinedText(b"".join([*parts, rest]), lines, 0)


def _lines_with_open_quote(text: bytes, dialect: Dialect) -> Iterator[tuple[int, int]]:
    """Yield number and place of each line with an odd number of quotes.

    In any other line all quotes close, so the record ends with the line.
    """
    unescaped = text.replace(b"\\\\", b"\0\0") if dialect.escape else text
    data = np.frombuffer(unescaped, np.uint8)
    quotes = np.flatnonzero(data == ord(dialect.quote or b"\0"))
    if dialect.escape:
        quotes = quotes[(quotes == 0) | (data[quotes - 1] != 0x5C)]
    starts = np.concatenate(([0], np.flatnonzero(data == 0x0A) + 1))
    counts = np.diff(np.searchsorted(quotes, starts), append=len(quotes))
    for number in np.flatnonzero(counts & 1).tolist():
        yield number, int(starts[number])


_NOT_QUOTED = -1


def _record_end(text: bytes, start: int, dialect: Dialect) -> int | None:
    """Return the place behind the record that begins at `start`.

    None: it goes on behind the text. `_NOT_QUOTED`: its quotes are ordinary characters, because the closing
    one stands inside of a cell or comes too late.
    """
    quote, delimiter = dialect.quote or b"", dialect.delimiter
    limit = min(len(text), start + RECORD_BYTES)
    line_end = text.find(b"\n", start)
    while True:
        if text.startswith(quote, start):
            start = _closing_quote_end(text, start + 1, limit, dialect)
            if start >= limit:
                return None if limit == len(text) else _NOT_QUOTED
            if not text.startswith((delimiter, b"\n", b"\r"), start):
                return _NOT_QUOTED
        if 0 <= line_end < start:
            line_end = text.find(b"\n", start)
        end = text.find(delimiter, start, line_end if line_end >= 0 else limit)
        if end < 0:
            return line_end + 1 if line_end >= 0 else None
        start = end + len(delimiter)
