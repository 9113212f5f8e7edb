"""Reads lists of ordinals: customers by number, as `spillwatch match --ordinals` writes them.

`segment erase` needs the numbers only (`read_ordinals`), `reveal` also what stands beside them
(`read_wanted`). A message never repeats a cell: it may be somebody's number.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from matching.errors import OrdinalsRefused
from matching.fingerprints.segments import Ordinals

COLUMN = "ordinal"
SEGMENT = "segment"  # optional column: the segment whose list the ordinal numbers
SYSTEM = "system"  # optional column: the label of that segment
FIELDS = "fields"  # optional column: the fields that were hit
_LINE_LIMIT = 1 << 16  # characters
_ORDINAL_DIGITS = 10
# First characters that make a spreadsheet read a cell as a formula (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_SEPARATORS = ",;|/ "  # between the fields of a cell


def read_ordinals(path: Path, *, highest: int) -> Ordinals:
    """Return the ordinals of a CSV file, sorted, each once; raise OrdinalsRefused with the line.

    They stand in the column `ordinal`, or in the first column of a file without a header. `highest`: the last
    customer's ordinal.
    """
    found: set[int] = set()
    with _open_csv(path) as stream:
        rows = csv.reader(stream)
        place = 0
        for row in rows:
            if not row:
                continue
            if rows.line_num == 1 and COLUMN in row:
                place = row.index(COLUMN)
                continue
            cell = row[place].strip() if place < len(row) else ""
            if not (_is_ordinal(cell) and 1 <= int(cell) <= highest):
                raise OrdinalsRefused(
                    f"line {rows.line_num} of {path} has no customer's number; expected a number from 1 to "
                    f"{highest} in the column {COLUMN!r}, or one number per line"
                )
            found.add(int(cell))
    return np.array(sorted(found), np.uint32)


@contextmanager
def _open_csv(path: Path) -> Iterator[TextIO]:
    csv.field_size_limit(_LINE_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except OSError as error:
        raise OrdinalsRefused(f"{path} cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeError):
        raise OrdinalsRefused(
            f"{path} is not CSV in UTF-8; expected a file with a column {COLUMN!r}"
        ) from None


def _is_ordinal(cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) <= _ORDINAL_DIGITS


@dataclass(frozen=True, slots=True)
class WantedOrdinals:
    """Ordinals with the other cells of their rows."""

    columns: Sequence[str]  # names of the other columns
    lines: Mapping[int, Sequence[str]]  # ordinal -> the other cells

    def fields(self, ordinal: int) -> set[str]:
        """Return the fields that were hit, if the list has them."""
        if FIELDS not in self.columns:
            return set()
        text = self.lines[ordinal][self.columns.index(FIELDS)]
        for separator in _SEPARATORS:
            text = text.replace(separator, " ")
        return set(text.split())


def read_wanted(path: Path, *, of: str | None = None) -> WantedOrdinals:
    """Read a CSV file with a column `ordinal`; of several rows with one ordinal the last counts.

    `of`: the segment whose rows are read, by its number or the name of its system. Segments number different
    lists, so None is only allowed if the file has rows of one segment. Raises OrdinalsRefused.
    """
    with _open_csv(path) as stream:
        rows = csv.reader(stream)
        names = next(rows, [])
        if COLUMN not in names:
            raise OrdinalsRefused(
                f"{path} has no column {COLUMN!r}; expected a file written by `match --ordinals`"
            )
        checked = list(_checked_rows(rows, names, path))
    place = names.index(COLUMN)
    lines = {
        int(row[place]): [*row[:place], *row[place + 1 :]]
        for row in _rows_of_segment(checked, names, of, path)
    }
    return WantedOrdinals([*names[:place], *names[place + 1 :]], lines)


def _checked_rows(rows: Iterator[list[str]], names: list[str], path: Path) -> Iterator[list[str]]:
    place = names.index(COLUMN)
    for number, row in enumerate((row for row in rows if row), 2):
        if len(row) != len(names) or not _is_ordinal(row[place]):
            raise OrdinalsRefused(
                f"row {number} of {path} has no number in {COLUMN!r}, or not {len(names)} columns; write "
                f"the file again"
            )
        yield row


def _rows_of_segment(rows: list[list[str]], names: list[str], of: str | None, path: Path) -> list[list[str]]:
    if SEGMENT not in names:
        if of is not None:
            raise OrdinalsRefused(f"{path} has no column {SEGMENT!r}, so --of cannot be used; leave it out")
        return rows
    column = names.index(SEGMENT)
    segments = sorted({row[column] for row in rows})
    if of is None and len(segments) > 1:
        raise OrdinalsRefused(
            f"{path} has ordinals of {len(segments)} segments, which number different lists; "
            f"name one of them with --of: {', '.join(segments)}"
        )
    by_system = SYSTEM in names and of is not None and of not in segments
    chosen = (
        rows
        if of is None
        else [row for row in rows if row[names.index(SYSTEM) if by_system else column] == of]
    )
    if by_system and len({row[column] for row in chosen}) > 1:
        raise OrdinalsRefused(
            f"{path} has ordinals of several segments of this system; name one by its number"
        )
    if of is not None and not chosen:
        raise OrdinalsRefused(
            f"{path} has no ordinals of the segment named by --of; it has ordinals of "
            f"{', '.join(segments) or 'no segment'}"
        )
    return chosen


def disarmed_cell(cell: str) -> str:
    """Return the cell so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
