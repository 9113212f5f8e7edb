"""The column of a table that each hit is in; looked up for hits only, because hits are few."""

from collections.abc import Mapping, Sequence

import numpy as np

from matching.comparing.cells import CELL_FIELDS
from matching.comparing.lookup import FIELDS, Hits
from matching.identifiers import Field
from matching.inputs import Block
from matching.inputs.formats.columns import Column
from matching.inputs.formats.delimited import DelimitedShape
from matching.scanning.candidates import Places

COLUMNS_LIMIT = 1_000  # hits of a block whose column is looked up
_IS_CELL_FIELD = np.array([field in CELL_FIELDS for field in FIELDS])


def columns_of_hits(
    block: Block, hits: Hits, line_indexes: Places, cell_columns: Mapping[Field, str]
) -> list[str]:
    """Return the columns of the first COLUMNS_LIMIT hits, in words; "" for a hit outside of any column.

    `line_indexes`: the line of each hit in the block's text, from 0 on; `cell_columns`: the columns that
    candidates were taken from cell by cell (`cells`).
    """
    borders = np.concatenate(([-1], block.breaks, [len(block.text)]))
    indexes, places, fields = (array[:COLUMNS_LIMIT] for array in (line_indexes, hits.places, hits.fields))
    begins, ends = borders[indexes] + 1, borders[indexes + 1]
    keys, columns = _columns_at(block, begins.tolist(), ends.tolist(), places.tolist())
    # A thousand hits are in a few columns, so each column is put into words once.
    words = {key: str(column or "") for key, column in columns.items()}
    shown = [words[key] for key in keys]
    # A candidate from a cell is placed where its line begins, so the place does not say its column.
    for index in np.flatnonzero((places == begins) & _IS_CELL_FIELD[fields]).tolist():
        field, column = FIELDS[fields[index]], columns[keys[index]]
        if not column or column.role != field:
            shown[index] = cell_columns.get(field) or shown[index]
    return shown


def _columns_at(
    block: Block, begins: Sequence[int], ends: Sequence[int], places: Sequence[int]
) -> tuple[list[int], dict[int, Column | None]]:
    """Return a key of the column of each place, whose line is text[begin:end], and the columns by key."""
    text, shape = block.text, block.shape
    if isinstance(shape, DelimitedShape) and (shape.dialect.quote is None or shape.dialect.quote not in text):
        # Most dumps: without quotes it is enough to count, and no line is copied.
        count, delimiter = text.count, shape.dialect.delimiter
        indexes = [count(delimiter, begin, place) for begin, place in zip(begins, places, strict=True)]
        return indexes, {index: shape.column(index) for index in set(indexes)}
    where = shape.where
    found = [
        where(text[begin:end], place - begin) for begin, end, place in zip(begins, ends, places, strict=True)
    ]
    return list(map(id, found)), {id(column): column for column in found}
