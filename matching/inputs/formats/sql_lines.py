"""Lines of an SQL dump, collected per table, and the blocks made of them, each with one table's shape."""

from __future__ import annotations

from matching.inputs.formats.blocks import PLAIN, Block, LineShape
from matching.inputs.formats.sql_tables import GrowingTable


class LineGroup:
    """Lines of one table, and the source's line that each comes from."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.numbers: list[int] = []


class TableLines:
    """The groups of one piece of the dump, in the order in which their tables were met."""

    def __init__(self) -> None:
        self._groups: dict[GrowingTable | None, LineGroup] = {}  # None: text between statements

    def group_of(self, table: GrowingTable | None) -> LineGroup:
        return self._groups.setdefault(table, LineGroup())

    def add_text(self, text: bytes, line: int) -> None:
        """Add lines that belong to no table, unless they hold only what separates rows."""
        group = self.group_of(None)
        for number, one in enumerate(text.split(b"\n"), line):
            if one.strip(b" \t\r;,"):
                group.numbers.append(number)
                group.lines.append(one)

    def take_blocks(self, offset: int, end: int) -> list[Block]:
        """One block per table, and forget the lines. `offset` and `end`: the piece's place in the source.

        Offsets must grow from block to block, so they are one apart: each table has at least one byte of the
        piece. A group is empty where its table's statement began and no row followed.
        """
        groups = {table: group for table, group in self._groups.items() if group.lines}
        self._groups = {}
        last = len(groups) - 1
        blocks = []
        for number, (table, group) in enumerate(groups.items()):
            text = b"".join(line + b"\n" for line in group.lines)
            place, following = offset + number, end if number == last else offset + number + 1
            shape: LineShape = table.shape(group.lines) if table else PLAIN
            blocks.append(Block(text, group.numbers[0], place, following, shape, group.numbers))
        return blocks
