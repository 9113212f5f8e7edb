"""Tables whose cells another reader has found: a row is a line with tabs between its cells.

Line ends and tabs inside a cell become spaces. A cell longer than `CELL_CHARACTERS` goes on in further lines,
in its column, and is divided where no identifier goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from matching.errors import InputRefused
from matching.inputs.formats.blocks import BLOCK, PLAIN, Block, LineShape
from matching.inputs.formats.delimited import Dialect, cell_index
from matching.inputs.formats.sql_tables import GrowingTable, SqlTable
from matching.inputs.limits import InputBudget

#: Characters of a cell on one line.
CELL_CHARACTERS = 1 << 18
_BACK = 1 << 12  # characters in which a place to divide a cell is looked for
_PLACE = re.compile(r"[\s,;:<>=\"']")
_CONTROLS = re.compile(r"[\t\r\n\0\x0b\x0c\x85\u2028\u2029]")
_TABS = Dialect(b"\t")

NumberedRow = tuple[int, list[str]]


class TableRows:
    """The rows of one table, as the content of a document."""

    charset = "utf-8"  # of the blocks
    runner_ups: tuple[str, ...] = ()
    shape: LineShape = PLAIN
    broken = 0
    no_text = 0

    def __init__(
        self,
        format_: str,
        rows: Callable[[], Iterator[NumberedRow]],
        budget: InputBudget,
        *,
        names: Sequence[str],
        regions: Sequence[str],
    ) -> None:
        """`rows` yields numbers and cells, and raises behind them what kept others from being read."""
        self.format = format_
        self.size = 0  # bytes of the lines
        self._rows, self._budget = rows, budget
        self._table = GrowingTable(SqlTable(tuple(names), tuple(regions), split_cells, _tabs_before))

    def blocks(self, after: int) -> Iterator[Block]:
        """Yield the blocks; their offsets count the bytes of the lines."""
        lines: list[bytes] = []
        numbers: list[int] = []
        size = 0
        rows, error = self._rows(), None
        while error is None:
            try:
                row = next(rows, None)
            except InputRefused as refused:
                error, row = refused, None
            if row is not None:
                for line in cell_lines(row[1]):
                    lines.append(line.encode("utf-8", "replace"))
                    numbers.append(row[0])
                    size += len(lines[-1]) + 1
            if lines and (size >= BLOCK or row is None):
                self._budget.count_output(size)
                shape = self._table.shape(lines)
                offset, self.size = self.size, self.size + size
                if offset >= after:
                    text = b"".join(line + b"\n" for line in lines)
                    yield Block(text, numbers[0], offset, self.size, shape, numbers)
                lines, numbers, size = [], [], 0
            if row is None:
                break
        if error is not None:
            raise error


def split_cells(line: bytes) -> list[str]:
    return line.decode("utf-8", "replace").split("\t")


def _tabs_before(line: bytes, at: int) -> int:
    return cell_index(line, at, _TABS)


def cell_lines(cells: list[str]) -> Iterator[str]:
    """Yield the lines of a row; none for an empty one."""
    cells = [_CONTROLS.sub(" ", cell) if cell and not cell.isprintable() else cell for cell in cells]
    if any(len(cell) > CELL_CHARACTERS for cell in cells):
        yield from _lines_of_long_cells(cells)
    elif any(cells):
        yield "\t".join(cells)


def _lines_of_long_cells(cells: list[str]) -> Iterator[str]:
    rests = [[*_divided_cell(cell)] for cell in cells]
    yield "\t".join(pieces[0] if pieces else "" for pieces in rests)
    for column, pieces in enumerate(rests):
        for piece in pieces[1:]:
            yield "\t" * column + piece


def _divided_cell(cell: str) -> Iterator[str]:
    while len(cell) > CELL_CHARACTERS:
        back = _PLACE.search(cell[CELL_CHARACTERS - _BACK : CELL_CHARACTERS][::-1])
        cut = CELL_CHARACTERS - (back.start() if back else 0)
        yield cell[:cut]
        cell = cell[cut:]
    if cell:
        yield cell
