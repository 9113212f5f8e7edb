"""Candidates out of a table's cells: what no text shows by itself, where a column's name says what it is.

User names, account numbers, a name with a birth date; and numbers of passports, licences and wallets that are
written without what makes them known in a text.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from matching.identifiers import Field, canonical, composites
from matching.inputs import Block, CellRow
from matching.inputs.formats.columns import Column
from matching.scanning.candidates import CandidateBatch

_ALONE = (Field.USERNAME, Field.ACCOUNT, Field.WALLET, Field.PASSPORT, Field.DRIVING_LICENCE)
IN_CELLS = frozenset({*_ALONE, Field.NAME_BIRTH_DATE})
_NAMES = (("family_name", "given_name"), ("name",))
_BORN = "birth_date"


def cells_of(block: Block, fields: Collection[Field], *, region: str) -> dict[Field, CandidateBatch]:
    """The candidates of each of `fields` that a column of the block holds, where their lines begin."""
    columns = block.shape.columns
    found = {field: _alone(block, columns, field, region) for field in _ALONE if field in fields}
    if Field.NAME_BIRTH_DATE in fields:
        found[Field.NAME_BIRTH_DATE] = _named(block, columns)
    return {field: _batch(block, forms) for field, forms in found.items() if forms}


def column_of(columns: Sequence[Column], field: Field) -> str:
    """The column that a cell's candidate of this field is in, in words; "" where no column holds it."""
    if field is Field.NAME_BIRTH_DATE:
        roles = _name_roles({column.role for column in columns})
        return " + ".join(str(_first(columns, role)) for role in (*roles, _BORN)) if roles else ""
    return str(_first(columns, field.value) or "")


def _first(columns: Sequence[Column], role: str) -> Column | None:
    return next((column for column in columns if column.role == role), None)


def _name_roles(there: Collection[str | None]) -> tuple[str, ...]:
    """The columns that make a name, where there is one for the birth date too; none elsewhere."""
    if _BORN not in there:
        return ()
    return next((roles for roles in _NAMES if all(role in there for role in roles)), ())


_Forms = list[tuple[int, str]]  # place of the line, form


def _alone(block: Block, columns: Sequence[Column], field: Field, region: str) -> _Forms:
    wanted = [column.number for column in columns if column.role == field.value]
    return [
        (row.place, form)
        for row in _rows(block, wanted)
        for cell in row.cells
        if (form := canonical(field, cell, region)) is not None
    ]


def _named(block: Block, columns: Sequence[Column]) -> _Forms:
    numbers = {column.role: column.number for column in reversed(columns)}
    names = _name_roles(numbers.keys())
    if not names:
        return []
    rows = _rows(block, [*(numbers[role] for role in names), numbers[_BORN]])
    return [(row.place, form) for row in rows for form in composites(row.cells[:-1], row.cells[-1])]


def _rows(block: Block, wanted: Sequence[int]) -> Iterator[CellRow]:
    return block.shape.cells(block, wanted) if wanted else iter(())


def _batch(block: Block, forms: _Forms) -> CandidateBatch:
    data = np.frombuffer(block.text, np.uint8)
    begins = np.concatenate(([0], np.flatnonzero(data == 0x0A) + 1))
    ends = np.append(begins[1:], len(data))
    places = np.array([place for place, _ in forms], np.int64)
    values = [form.encode() for _, form in forms]
    return CandidateBatch(
        begins[places],
        ends[places],
        np.cumsum([0, *map(len, values)], dtype=np.int64),
        np.frombuffer(b"".join(values), np.uint8),
    )
