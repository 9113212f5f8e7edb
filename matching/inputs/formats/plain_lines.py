"""Formats whose lines pass unchanged: text, `key: value` records and combo lists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest

from matching.inputs.formats.blocks import BLOCK, PLAIN, Block, CellRow, LineShape
from matching.inputs.formats.columns import SAMPLE_CELLS, Column, columns_of
from matching.inputs.formats.decoding import DecodedPiece, DecodedText
from matching.inputs.formats.rows import RECORD_LINES, TextRows, key_of

_TAIL = 1 << 14  # bytes in which the beginning of a block's last record is looked for


class PlainLines:
    """Blocks of whole lines, and of whole records as far as `matching.inputs.formats.rows` knows them."""

    def __init__(self, shape: LineShape = PLAIN, *, records: bool = True) -> None:
        """`records`: whether a record may be of several lines."""
        self.shape = shape
        self._records = records

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        text.seek(after)
        while (piece := text.take(BLOCK)) is not None:
            left = _last_record(piece) if self._records else 0
            end = text.advance(piece, lines_left=left)
            kept = _without(piece.text, left)
            breaks = piece.breaks[: len(piece.breaks) - left]
            place = (piece.line, piece.position, end)
            yield Block(kept, *place, self.shape, None, piece.repeats, piece.held, breaks, piece.inside)


def _last_record(piece: DecodedPiece) -> int:
    """Lines of the record that goes on behind the piece, perhaps; 0 where a line is a record."""
    if piece.last or piece.changes or not piece.text.endswith(b"\n"):
        return 0
    lines = piece.text[-_TAIL:].decode("utf-8", "ignore").split("\n")[:-1][-3 * RECORD_LINES :]
    rows = TextRows("\n".join(lines))
    last = rows.row_at(len(lines) - 1)
    count = sum(rows.row_at(index) == last for index in range(len(lines)))
    return count if 1 < count <= RECORD_LINES else 0


def _without(text: bytes, lines: int) -> bytes:
    """The text without its last lines; it ends with a line end if there are any to leave away."""
    end = len(text)
    for _ in range(lines):
        end = text.rfind(b"\n", 0, end - 1) + 1
    return text[:end] if lines else text


class Pairs:
    """`address:password`: two columns, for a password may hold what is between them."""

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


class KeyValue:
    """`key: value` lines; the columns are the keys of a sample, in the order in which they occur."""

    def __init__(self, lines: Sequence[str], regions: Sequence[str]) -> None:
        values: dict[str, list[str]] = {}
        for line in lines:
            if (key := key_of(line)) is not None:
                values.setdefault(key, []).append(_value(line))
        self._numbers = {key: number for number, key in enumerate(values, 1)}
        self._values = values
        self._regions = regions

    @cached_property
    def columns(self) -> Sequence[Column]:
        rows = list(zip_longest(*(cells[:SAMPLE_CELLS] for cells in self._values.values()), fillvalue=""))
        return columns_of(rows, self._regions, list(self._values))

    def where(self, line: bytes, at: int) -> Column | None:
        key = key_of(line.decode("utf-8", "replace"))
        number = self._numbers.get(key or "")
        return self.columns[number - 1] if number and number <= len(self.columns) else None

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        """One row a record; its index is that of the record's first line with one of the columns."""
        lines = block.text_lines()
        rows = TextRows("\n".join(lines))
        found: dict[int, tuple[int, dict[int, str]]] = {}
        for index, line in enumerate(lines):
            number = self._numbers.get(key_of(line) or "")
            if number in columns and number:
                found.setdefault(rows.row_at(index), (index, {}))[1][number] = _value(line)
        for index, cells in found.values():
            yield CellRow(index, tuple(cells.get(number, "") for number in columns))


def _value(line: str) -> str:
    """What is behind the key. `key_of` has found a separator."""
    places = [place for sign in ":=：" if (place := line.find(sign)) >= 0]
    return line[min(places) + 1 :].strip().strip("\"',")
