"""Formats whose lines stay as they are: text, `key: value` records and combo lists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest

from matching.inputs.formats.blocks import BLOCK, PLAIN, Block, CellRow, LineShape
from matching.inputs.formats.columns import COLUMNS_LIMIT, SAMPLE_CELLS, Column, columns_of
from matching.inputs.formats.decoding import DecodedPiece, DecodedText
from matching.inputs.formats.records.grouping import RecordShape
from matching.inputs.formats.rows import TextRows, key_of, pair_of

#: Bytes and lines in which the beginning of a block's last record is looked for.
_TAIL_BYTES = 1 << 16
_TAIL_LINES = 200
_LINE_BYTES = 1 << 10  # in which the first line's key is looked for


class PlainLinesReader:
    """Blocks of whole lines, and of whole records as `formats.rows` defines them."""

    def __init__(
        self, shape: LineShape = PLAIN, *, records: bool = True, record_shape: RecordShape | None = None
    ) -> None:
        """`records`: whether a record may have several lines; `record_shape`: what a sample shows of them."""
        self.shape = shape
        self._records = records
        self._record_shape = record_shape

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        text.seek(after)
        while (piece := text.take(BLOCK)) is not None:
            left = _last_record_lines(piece) if self._records else 0
            end = text.advance(piece, lines_left=left)
            kept = _without_last_lines(piece.text, left)
            breaks = piece.breaks[: len(piece.breaks) - left]
            place = (piece.line, piece.position, end)
            cut = (piece.repeats, piece.held)
            shape = self._record_shape
            yield Block(kept, *place, self.shape, None, *cut, breaks, piece.inside, record_shape=shape)


def _last_record_lines(piece: DecodedPiece) -> int:
    """Return the number of lines of the last record, which may go on; 0 where a line is a record."""
    if piece.last or piece.changes or not piece.text.endswith(b"\n"):
        return 0
    tail = piece.text[-_TAIL_BYTES:].decode("utf-8", "ignore").split("\n")[:-1]
    lines = [line.replace("\r", " ") for line in tail[-_TAIL_LINES:]]
    # The piece begins with a record, and so the tail has to, or its records would be divided elsewhere.
    label = key_of(piece.text[:_LINE_BYTES].decode("utf-8", "ignore").split("\n", 1)[0])
    if label is not None:
        lines = lines[next((index for index, line in enumerate(lines) if key_of(line) == label), 0) :]
    left = len(lines) - TextRows("\n".join(lines)).open_from()
    return left if left < min(len(lines), len(piece.breaks)) else 0


def _without_last_lines(text: bytes, lines: int) -> bytes:
    """Return the text without its last lines. If `lines` is not 0, the text ends with a line end."""
    end = len(text)
    for _ in range(lines):
        end = text.rfind(b"\n", 0, end - 1) + 1
    return text[:end] if lines else text


class PairsShape:
    """`address:password`: always two columns, because a password may hold the separator."""

    def __init__(self, separator: bytes, rows: Sequence[Sequence[str]], regions: Sequence[str]) -> None:
        self.separator = separator
        self._rows = [[*row, "", ""][:2] for row in rows[:SAMPLE_CELLS]]
        self._regions = regions

    @cached_property
    def columns(self) -> Sequence[Column]:
        first, second = columns_of([*self._rows, ["", ""]], self._regions, None)
        return (Column(1, first.role or "username", ""), Column(2, second.role or "password", ""))

    def where(self, line: bytes, at: int) -> Column | None:
        first = line.find(self.separator)
        return self.columns[0 <= first < at]

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        separator = self.separator.decode()
        for index, line in enumerate(block.text_lines()):
            pair = line.rstrip("\r").split(separator, 1)
            if len(pair) == 2:
                yield CellRow(index, tuple(pair[number - 1] if number <= 2 else "" for number in columns))


class KeyValueShape:
    """Fields of records. The columns are the keys of a sample, in order of their first occurrence."""

    def __init__(self, lines: Sequence[str], regions: Sequence[str]) -> None:
        values: dict[str, list[str]] = {}
        rows = TextRows("\n".join(lines))
        for index in range(len(lines)):
            if (pair := rows.pair_at(index)) is not None and len(values) < COLUMNS_LIMIT:
                values.setdefault(pair[0], []).append(pair[1])
        self._numbers = {key: number for number, key in enumerate(values, 1)}
        self._values = values
        self._regions = regions

    @cached_property
    def columns(self) -> Sequence[Column]:
        rows = list(zip_longest(*(cells[:SAMPLE_CELLS] for cells in self._values.values()), fillvalue=""))
        return columns_of(rows, self._regions, list(self._values))

    def where(self, line: bytes, at: int) -> Column | None:
        pair = pair_of(line.decode("utf-8", "replace"))
        number = self._numbers.get(pair[0]) if pair else None
        return self.columns[number - 1] if number and number <= len(self.columns) else None

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        """Yield one row per record, with the index of the record's first line that has one of the columns."""
        lines = block.text_lines()
        rows = TextRows("\n".join(lines), block.borders, block.record_shape)
        found: dict[int, tuple[int, dict[int, str]]] = {}
        for index in range(len(lines)):
            pair = rows.pair_at(index)
            number = self._numbers.get(pair[0]) if pair else None
            if pair and number in columns and number:
                found.setdefault(rows.row_at(index), (index, {}))[1].setdefault(number, pair[1])
        for index, cells in found.values():
            yield CellRow(index, tuple(cells.get(number, "") for number in columns))
