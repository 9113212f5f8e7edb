"""The tables of a leak whose columns are compared with a declared schema: names and a sample of the rows.

A leak has one table or several: sheets, members of an archive, the tables of an SQL dump. Only the first
blocks of the first documents are looked at, so a dump of any size costs the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from matching.inputs import Block, Document
from matching.inputs.formats.cell_styles import CELLS_LIMIT, CellStyles, styles_of
from matching.inputs.formats.columns import COLUMNS_LIMIT

TABLES_LIMIT = 20
_DOCUMENTS_LIMIT = 50
_BLOCKS_LIMIT = 8  # per document
_LEAST_COLUMNS = 2


@dataclass(frozen=True, slots=True, repr=False)
class LeakTable:
    """A table of a leak. `names`: its header, empty where it has none; `rows`: a sample of its rows.

    It lives as long as it is compared; neither names nor rows are kept.
    """

    names: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def width(self) -> int:
        return min(COLUMNS_LIMIT, max(map(len, [self.names, *self.rows]), default=0))

    def styles(self, index: int) -> CellStyles:
        return styles_of(row[index] for row in self.rows if len(row) > index)


def tables_of(documents: Iterable[Document]) -> list[LeakTable]:
    """Return the tables of a leak, at most TABLES_LIMIT; each with other columns than those before."""
    found: dict[object, LeakTable] = {}
    for document in islice(documents, _DOCUMENTS_LIMIT):
        for block in islice(document.blocks(), _BLOCKS_LIMIT):
            table = _table_of(block)
            if table is not None and len(found) < TABLES_LIMIT:
                found.setdefault(tuple(table.names) or len(found), table)
    return list(found.values())


def _table_of(block: Block) -> LeakTable | None:
    """Return the table that a block is of; None where its lines have no columns."""
    columns = block.shape.columns[:COLUMNS_LIMIT]
    if len(columns) < _LEAST_COLUMNS:
        return None
    numbers = [column.number for column in columns]
    rows = [row.cells for row in islice(block.shape.cells(block, numbers), CELLS_LIMIT)]
    names = [column.name for column in columns]
    return LeakTable(names if any(names) else [], rows)
