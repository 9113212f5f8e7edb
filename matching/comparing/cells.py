"""Candidates from a table's cells: values that no text proves, but the name of a column does.

These are user names, account numbers, and a name with a birth date; numbers of passports, licences and
wallets that are written without what makes them recognisable in a text; national numbers; and telephone
numbers that look like seconds since 1970.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from matching.comparing.named_dates import names_with_dates
from matching.identifiers import (
    COUNTRIES,
    Candidate,
    Field,
    bare_value,
    canonical,
    composites,
    forms,
    is_bare_time,
    national_ids_of_cell,
)
from matching.inputs import Block, CellRow
from matching.inputs.formats.columns import Column
from matching.inputs.formats.delimited import DelimitedShape
from matching.native.text_signs import SECONDS, text_signs
from matching.scanning.candidates import CandidateBatch
from text.escapes import unescaped

_SINGLE_CELL_FIELDS = (Field.USERNAME, Field.ACCOUNT, Field.WALLET, Field.PASSPORT, Field.DRIVING_LICENCE)
CELL_FIELDS = (*_SINGLE_CELL_FIELDS, Field.NAME_BIRTH_DATE, Field.NATIONAL_ID)
# A column of national numbers may have a name of resident IDs: `id_number`.
_NATIONAL_ROLES = (Field.NATIONAL_ID.value, Field.RESIDENT_ID.value)
# In the order in which they are tried. A column `nombre` or `nom` alone often holds the whole name.
_NAME_ROLES = (("family_name", "given_name"), ("name",), ("given_name",), ("family_name",))
_BIRTH_ROLE = "birth_date"


class CellCandidates(NamedTuple):
    """`batches`: candidates by field, placed where their lines begin; `columns`: their columns, in words."""

    batches: Mapping[Field, CandidateBatch]
    columns: Mapping[Field, str]


def candidates_in_cells(
    block: Block,
    fields: Collection[Field],
    *,
    region: str,
    countries: Collection[str] = COUNTRIES,
    signs: int | None = None,
) -> CellCandidates:
    """Return the candidates of each of `fields` that a column of the block holds.

    `countries`: of national numbers; `signs`: the text's, if they are known.
    """
    columns = block.shape.columns
    in_lines = list(names_with_dates(block)) if Field.NAME_BIRTH_DATE in fields else []
    if not columns:
        if not in_lines:
            return _NO_CELLS
        return CellCandidates({Field.NAME_BIRTH_DATE: _candidate_batch(block, in_lines)}, {})
    wanted = [field for field in CELL_FIELDS if field in fields]
    forms_by_field = {
        field: _single_cell_forms(block, columns, field, region)
        for field in _SINGLE_CELL_FIELDS
        if field in fields
    }
    if Field.NAME_BIRTH_DATE in fields:
        known = _name_forms(block, columns)
        forms_by_field[Field.NAME_BIRTH_DATE] = [*known, *(each for each in in_lines if each not in known)]
    if Field.NATIONAL_ID in fields:
        forms_by_field[Field.NATIONAL_ID] = _national_forms(block, columns, countries)
    batches = {field: _candidate_batch(block, found) for field, found in forms_by_field.items() if found}
    if Field.PHONE in fields and (numbers := _numbers_like_seconds(block, columns, region, signs)):
        batches[Field.PHONE] = CandidateBatch.of(numbers)
    return CellCandidates(
        batches,
        {field: _column_words(columns, field) for field in wanted},
    )


_NO_CELLS = CellCandidates({}, {})
_Forms = list[tuple[int, str]]  # index of the line, canonical form


def _column_words(columns: Sequence[Column], field: Field) -> str:
    """Return the column or columns that a candidate of this field comes from, in words; "" without one."""
    if field is Field.NAME_BIRTH_DATE:
        roles = _name_roles({column.role for column in columns})
        return (
            " + ".join(str(_first_of_role(columns, role)) for role in (*roles, _BIRTH_ROLE)) if roles else ""
        )
    roles = _NATIONAL_ROLES if field is Field.NATIONAL_ID else (field.value,)
    found = (column for role in roles if (column := _first_of_role(columns, role)))
    return str(next(found, ""))


def _first_of_role(columns: Sequence[Column], role: str) -> Column | None:
    return next((column for column in columns if column.role == role), None)


def _name_roles(present: Collection[str | None]) -> tuple[str, ...]:
    """Return the roles that make a name; none if there is no column of birth dates."""
    if _BIRTH_ROLE not in present:
        return ()
    return next((roles for roles in _NAME_ROLES if all(role in present for role in roles)), ())


def _single_cell_forms(block: Block, columns: Sequence[Column], field: Field, region: str) -> _Forms:
    numbers = [column.number for column in columns if column.role == field.value]
    return [
        (row.place, form)
        for row in _cell_rows(block, numbers)
        for cell in map(unescaped, row.cells)
        if (form := canonical(field, bare_value(field, cell), region)) is not None
    ]


def _national_forms(block: Block, columns: Sequence[Column], countries: Collection[str]) -> _Forms:
    numbers = [column.number for column in columns if column.role in _NATIONAL_ROLES]
    return [
        (row.place, form)
        for row in _cell_rows(block, numbers)
        for cell in row.cells
        for form in national_ids_of_cell(bare_value(Field.NATIONAL_ID, cell).strip(), countries)
    ]


def _numbers_like_seconds(
    block: Block, columns: Sequence[Column], region: str, signs: int | None
) -> list[Candidate]:
    """Return the telephone numbers in columns of them that no text shows, because they may be a time."""
    numbers = [column.number for column in columns if column.role == Field.PHONE.value]
    if not numbers or not _has_numbers_like_seconds(region):
        return []
    if not (text_signs(block.text) if signs is None else signs) & SECONDS:
        return []
    found = []
    begins = [0, *(block.breaks + 1).tolist()]
    for row in _rows_with_times(block, numbers):
        values = {value for cell in row.cells if is_bare_time(value := bare_value(Field.PHONE, cell).strip())}
        for value in values:
            start = max(begins[row.place], block.text.find(value.encode(), begins[row.place]))
            readings = forms(Field.PHONE, value, region)
            found += [Candidate(Field.PHONE, form, start, start + len(value)) for form in readings]
    return found


_TIME_SIZES = (8, 10, 12, 14)  # digits of a time: a date, seconds since 1970, a date with a time


def _rows_with_times(block: Block, numbers: Sequence[int]) -> Iterator[CellRow]:
    """Yield the rows in which a cell of these columns may be a time; all rows where only reading them tells.

    A time is digits that stand alone, unless a character beyond ASCII is folded.
    """
    shape = block.shape
    if not isinstance(shape, DelimitedShape):
        return shape.cells(block, numbers)
    data = np.frombuffer(block.text, np.uint8)
    digits = np.zeros(len(data) + 2, np.bool_)
    digits[1:-1] = data - np.uint8(0x30) < 10
    starts, ends = np.flatnonzero(digits[1:] != digits[:-1]).reshape(-1, 2).T
    times = starts[np.isin(ends - starts, _TIME_SIZES)]
    places = np.sort(np.concatenate((times, np.flatnonzero(data >= 0x80))))
    return shape.cells(block, numbers, shape.lines_with(block, numbers, places))


@cache
def _has_numbers_like_seconds(region: str) -> bool:
    """Return whether the region has numbers of ten digits that begin with 1, without the zero before them."""
    return any(canonical(Field.PHONE, f"1{area:03}234567", region) for area in range(1_000))


def _name_forms(block: Block, columns: Sequence[Column]) -> _Forms:
    # Of several columns of one role the first counts.
    numbers = {column.role: column.number for column in reversed(columns)}
    names = _name_roles(numbers.keys())
    if not names:
        return []
    rows = _cell_rows(block, [*(numbers[role] for role in names), numbers[_BIRTH_ROLE]])
    return [
        (row.place, form)
        for row in rows
        for form in composites(tuple(map(unescaped, row.cells[:-1])), unescaped(row.cells[-1]))
    ]


def _cell_rows(block: Block, numbers: Sequence[int]) -> Iterator[CellRow]:
    return block.shape.cells(block, numbers) if numbers else iter(())


def _candidate_batch(block: Block, forms: _Forms) -> CandidateBatch:
    data = np.frombuffer(block.text, np.uint8)
    begins = np.concatenate(([0], np.flatnonzero(data == 0x0A) + 1))
    ends = np.append(begins[1:], len(data))
    indexes = np.array([index for index, _ in forms], np.int64)
    values = [form.encode() for _, form in forms]
    return CandidateBatch(
        begins[indexes],
        ends[indexes],
        np.cumsum([0, *map(len, values)], dtype=np.int64),
        np.frombuffer(b"".join(values), np.uint8),
    )
