"""CSV and its relatives: any delimiter, either quote, doubled or escaped quotes, line ends inside quotes.

A line of a block is a record. Where a record goes over several lines, the line ends inside its quotes become
spaces and the block says which line of the source each of its lines is. That is rare, so it is looked for at
the speed of numpy: only a line with an odd number of quotes can begin such a record.

A quote that opens and does not close within `RECORD` bytes is taken for a sign like any other.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from matching.inputs.formats.blocks import BLOCK, RECORD, Block, CellRow, newlines
from matching.inputs.formats.columns import SAMPLE_CELLS, Column, columns_of, is_header
from matching.inputs.formats.decoding import DecodedText

_LINE_END = re.compile(rb"\r\n|\n|\r")
csv.field_size_limit(RECORD)  # of the process; enrolment sets its own, smaller one


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are written. `quote` None: as they are; `escape`: a backslash takes a quote's meaning."""

    delimiter: bytes
    quote: bytes | None = None
    escape: bool = False

    def split(self, line: str) -> list[str]:
        """The cells of a record on one line."""
        line = line.rstrip("\r\n")
        delimiter = self.delimiter.decode()
        if self.quote is None or not (self.quote.decode() in line or (self.escape and "\\" in line)):
            return line.split(delimiter)
        try:
            return next(self.reader([line]), [])
        except csv.Error:
            return line.split(delimiter)

    def reader(self, lines: Sequence[str]) -> Iterator[list[str]]:
        """Python's own reader; the delimiter has one character."""
        return csv.reader(
            lines,
            delimiter=self.delimiter.decode(),
            quotechar=self.quote.decode() if self.quote else None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            doublequote=not self.escape,
            escapechar="\\" if self.escape else None,
        )


class DelimitedTable:
    """The shape of delimited lines."""

    def __init__(self, dialect: Dialect, rows: Sequence[Sequence[str]], regions: Sequence[str]) -> None:
        """`rows`: a sample from the beginning. What it shows is looked for when somebody asks."""
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
        place = place_of(line, at, self.dialect)
        return self.columns[place] if place < len(self.columns) else Column(place + 1, None, "")

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        for index, line in enumerate(block.text_lines()):
            if self.header and index == 0 and block.first_line == 1:
                continue
            cells = self.dialect.split(line)
            found = tuple(cells[number - 1] if number <= len(cells) else "" for number in columns)
            if any(found):
                yield CellRow(index, found)


def place_of(line: bytes, at: int, dialect: Dialect) -> int:
    """How many delimiters outside of quotes are before `at`."""
    if dialect.quote is None or line.find(dialect.quote, 0, at) < 0:
        return line.count(dialect.delimiter, 0, at)
    place, start = 0, 0
    while (end := _cell_end(line, start, dialect)) < at:
        place, start = place + 1, end + len(dialect.delimiter)
    return place


def _cell_end(line: bytes, start: int, dialect: Dialect) -> int:
    """Where the delimiter behind the cell at `start` begins; the line's length behind the last cell."""
    quote = dialect.quote
    if quote is not None and line.startswith(quote, start):
        start = _closing(line, start + 1, len(line), dialect)
    end = line.find(dialect.delimiter, start)
    return len(line) if end < 0 else end


def _closing(text: bytes, start: int, limit: int, dialect: Dialect) -> int:
    """The place behind the quote that closes what was opened before `start`; `limit` without one."""
    quote = dialect.quote or b""
    while (at := text.find(quote, start, limit)) >= 0:
        if dialect.escape and _escaped(text, at):
            start = at + 1
        elif not dialect.escape and text.startswith(quote, at + 1):
            start = at + 2
        else:
            return at + 1
    return limit


def _escaped(text: bytes, at: int) -> bool:
    before = at
    while before and text[before - 1] == 0x5C:
        before -= 1
    return (at - before) % 2 == 1


class Delimited:
    """Blocks of records."""

    def __init__(self, shape: DelimitedTable) -> None:
        self.shape = shape
        self._dialect = shape.dialect

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        text.seek(after)
        size = BLOCK
        while (piece := text.take(size)) is not None:
            final = piece.last or piece.changes or size >= RECORD
            found = joined(piece.text, self._dialect, final=final)
            if not found.text:  # one record, so far
                size = min(RECORD, size * 2)
                continue
            size = BLOCK
            end = text.advance(piece, lines_left=found.left)
            lines = None if found.lines is None else [piece.line + index for index in found.lines]
            breaks = piece.breaks if found.text is piece.text else None
            place = (piece.line, piece.position, end)
            cut = (piece.repeats, piece.held)
            yield Block(found.text, *place, self.shape, lines, *cut, breaks, piece.inside)


class Joined(NamedTuple):
    """Text whose lines are records. `lines`: the line of the original that each begins on, from 0 on; None:
    its own. `left`: lines at the end that are not taken, for their record goes on behind the text.
    """

    text: bytes
    lines: list[int] | None
    left: int


def joined(text: bytes, dialect: Dialect, *, final: bool) -> Joined:
    """`final`: nothing follows, so that what is open stays as it is."""
    if dialect.quote is None or dialect.quote not in text:
        return Joined(text, None, 0)
    parts: list[bytes] = []
    lines: list[int] = []
    done = line = 0  # bytes and lines that are in `parts`
    for number, start in _odd_lines(text, dialect):
        if start < done:
            continue
        end = _record_end(text, start, dialect)
        if end is None and not final:
            kept = [*lines, *range(line, number)] if lines else None
            return Joined(b"".join([*parts, text[done:start]]), kept, newlines(text[start:]))
        if end is None or end == _REFUSED:
            continue
        record = text[start:end]
        body = record.rstrip(b"\r\n")
        parts += [text[done:start], _LINE_END.sub(b" ", body), record[len(body) :]]
        lines += [*range(line, number), number]
        done, line = end, number + newlines(record)
    if not parts:
        return Joined(text, None, 0)
    rest = text[done:]
    lines += range(line, line + newlines(rest) + (not rest.endswith(b"\n") and bool(rest)))
    return Joined(b"".join([*parts, rest]), lines, 0)


def _odd_lines(text: bytes, dialect: Dialect) -> Iterator[tuple[int, int]]:
    """Number and beginning of each line with an odd number of quotes; no other begins a record of several."""
    seen = text.replace(b"\\\\", b"\0\0") if dialect.escape else text
    data = np.frombuffer(seen, np.uint8)
    quotes = np.flatnonzero(data == ord(dialect.quote or b"\0"))
    if dialect.escape:
        quotes = quotes[(quotes == 0) | (data[quotes - 1] != 0x5C)]
    starts = np.concatenate(([0], np.flatnonzero(data == 0x0A) + 1))
    counts = np.diff(np.searchsorted(quotes, starts), append=len(quotes))
    for number in np.flatnonzero(counts & 1).tolist():
        yield number, int(starts[number])


_REFUSED = -1


def _record_end(text: bytes, start: int, dialect: Dialect) -> int | None:
    """The place behind the record that begins at `start`; None: it goes on behind the text; `_REFUSED`: its
    quotes are none, because a closing one stands inside a cell or comes too late.
    """
    quote, delimiter = dialect.quote or b"", dialect.delimiter
    limit = min(len(text), start + RECORD)
    while True:
        if text.startswith(quote, start):
            start = _closing(text, start + 1, limit, dialect)
            if start >= limit:
                return None if limit == len(text) else _REFUSED
            if not text.startswith((delimiter, b"\n", b"\r"), start):
                return _REFUSED
        line_end = text.find(b"\n", start)
        end = text.find(delimiter, start, line_end if line_end >= 0 else limit)
        if end < 0:
            return line_end + 1 if line_end >= 0 else None
        start = end + len(delimiter)
