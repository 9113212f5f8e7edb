"""Blocks: pieces of a document's text that end at the end of a record, and the shapes of their lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from matching.inputs.formats.columns import Column
from matching.native import lines
from matching.native.library import LibraryMissing

Places = NDArray[np.int64]
#: Bytes of a block, about. Blocks of 0.25 to 1 MB were measured to be the fastest.
BLOCK = 1 << 19
#: Bytes of one record that goes over several lines; what is longer is cut at a line, as if it were not one.
RECORD_BYTES = 1 << 21


class CellRow(NamedTuple):
    """Cells of a line of a block. `place` counts the block's lines from 0 on."""

    place: int
    cells: tuple[str, ...]


class LineShape(Protocol):
    """How the lines of a block are made of cells."""

    @property
    def columns(self) -> Sequence[Column]:
        """All of them, as far as a sample shows; empty where there are none."""

    def where(self, line: bytes, at: int) -> Column | None:
        """The column that the byte `at` of a line is in."""

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        """The cells of some columns (by number, in that order) of each line that has one of them; "" for a
        cell that a line lacks.
        """


@dataclass(frozen=True)
class Block:
    """Text and its place.

    `offset` and `end` grow from block to block, and only they mean anything to `Document.blocks(after=)`.
    Where the text passes unchanged they count the document's bytes.
    """

    text: bytes  # valid UTF-8
    first_line: int
    offset: int
    end: int
    shape: LineShape
    lines: Sequence[int] | None = None  # of the source, one for each line of `text`; None: in a row
    repeats: int = 0  # bytes at the beginning: what ends in them is the block before's
    held: int = 0  # bytes at the end: what ends in them is the next block's
    counted: Places | None = None  # `breaks`, where a reader knows them
    inside: bool = False  # it begins in a line that the block before began, and has counted

    @cached_property
    def breaks(self) -> Places:
        """Where the lines of the text end."""
        return line_ends(self.text) if self.counted is None else self.counted

    def line(self, index: int) -> int:
        """The source's number, from 1 on, of the text's line `index`, from 0 on."""
        if self.lines is None:
            return self.first_line + index
        return self.lines[min(index, len(self.lines) - 1)]

    def lines_of(self, indexes: NDArray[np.int64]) -> NDArray[np.int64]:
        """`line` of each."""
        if self.lines is None:
            return self.first_line + indexes
        return np.asarray(self.lines, np.int64)[np.minimum(indexes, len(self.lines) - 1)]

    def text_lines(self) -> list[str]:
        """The lines without their ends."""
        lines = self.text.decode().split("\n")
        return lines[:-1] if not lines[-1] else lines

    @property
    def rows(self) -> int:
        """Lines that begin in the text; what follows the last line end is one."""
        return len(self.breaks) + (not self.text.endswith(b"\n")) - self.inside if self.text else 0


class Plain:
    """The shape of text without columns."""

    columns: Sequence[Column] = ()

    def where(self, line: bytes, at: int) -> Column | None:
        return None

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        return iter(())


PLAIN = Plain()


def line_ends(data: bytes) -> Places:
    try:
        return lines.line_ends(data)
    except LibraryMissing:
        return np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)


def newlines(data: bytes | memoryview) -> int:
    """How many there are; five times as fast as `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == 0x0A)) if len(data) else 0
