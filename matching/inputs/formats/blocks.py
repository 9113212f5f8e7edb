"""Blocks: pieces of a document's text that end at the end of a record, and the shapes of their lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from matching.inputs.formats.columns import Column
from matching.inputs.formats.records.grouping import RecordShape
from matching.native import lines
from matching.native.library import LibraryMissing
from matching.scanning.candidates import Places

#: Bytes of a block, approximately. Blocks of 0.25 to 1 MB were measured to be the fastest.
BLOCK = 1 << 19
#: Bytes of one record over several lines; a longer one is divided at its lines.
RECORD_BYTES = 1 << 21


class CellRow(NamedTuple):
    """Cells of a line of a block. `place`: the line's index in the block, from 0."""

    place: int
    cells: tuple[str, ...]


class LineShape(Protocol):
    """How the lines of a block are divided into cells."""

    @property
    def columns(self) -> Sequence[Column]:
        """All columns that a sample shows; empty where the text has none."""

    def where(self, line: bytes, at: int) -> Column | None:
        """Return the column of the byte `at` of a line, which must lie in the line."""

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        """Yield the cells of some columns (by number, in that order) of each line that has one of them.

        A missing cell is "".
        """


@dataclass(frozen=True)
class Block:
    """Text and its place in the document.

    `offset` and `end` grow from block to block. They are meant for `Document.blocks(after=)` alone; where the
    text stays as it is they count the document's bytes.
    """

    text: bytes  # valid UTF-8
    first_line: int
    offset: int
    end: int
    shape: LineShape
    lines: Sequence[int] | None = (
        None  # of the source, one per line of `text`; None: consecutive from `first_line`
    )
    repeats: int = 0  # bytes at the beginning; a match that ends in them belongs to the block before
    held: int = 0  # bytes at the end; a match that ends in them belongs to the next block
    counted: Places | None = None  # `breaks`, where a reader knows them already
    inside: bool = False  # it begins inside of a line that the block before has counted
    borders: Sequence[int] | None = None  # of a page: their strength before each line; None: no page
    record_shape: RecordShape | None = None  # of the document's records; None: the block alone shows it
    charset: str = "utf-8"  # that the text was decoded from, where there are runner-ups
    runner_ups: tuple[str, ...] = ()  # other charsets that it may be in

    @cached_property
    def breaks(self) -> Places:
        """The places of the text's line ends."""
        return line_ends(self.text) if self.counted is None else self.counted

    def line(self, index: int) -> int:
        """Return the source's line number, from 1, for the text's line `index`, from 0."""
        if self.lines is None:
            return self.first_line + index
        return self.lines[min(index, len(self.lines) - 1)]

    def lines_of(self, indexes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `line` of each index."""
        if self.lines is None:
            return self.first_line + indexes
        return np.asarray(self.lines, np.int64)[np.minimum(indexes, len(self.lines) - 1)]

    def text_lines(self) -> list[str]:
        """Return the lines without their ends."""
        lines = self.text.decode().split("\n")
        return lines[:-1] if not lines[-1] else lines

    @property
    def rows(self) -> int:
        """Number of lines that begin in the text; text behind the last line end is a line."""
        return len(self.breaks) + (not self.text.endswith(b"\n")) - self.inside if self.text else 0


class PlainShape:
    """The shape of text without columns."""

    columns: Sequence[Column] = ()

    def where(self, line: bytes, at: int) -> Column | None:
        return None

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        return iter(())


PLAIN = PlainShape()


def line_ends(data: bytes) -> Places:
    try:
        return lines.line_ends(data)
    except LibraryMissing:
        return np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)


def count_newlines(data: bytes | memoryview) -> int:
    """Return the number of line ends, five times as fast as `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == 0x0A)) if len(data) else 0
