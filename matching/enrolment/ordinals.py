"""Lists of ordinals: customers by number, as `spillwatch match` writes them and others read them."""

import csv
from pathlib import Path

import numpy as np

from matching.errors import OrdinalsRefused
from matching.fingerprints.segments import Ordinals

COLUMN = "ordinal"
LINE_LIMIT = 1 << 16  # characters


def read_ordinals(path: Path, *, highest: int) -> Ordinals:
    """The column `ordinal` of a CSV file, or the first one of a file without a header; sorted, once each.

    Raises OrdinalsRefused, with the line; `highest`: the last customer there is.
    """
    csv.field_size_limit(LINE_LIMIT)
    found: set[int] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            place = 0
            for row in rows:
                if not row:
                    continue
                if rows.line_num == 1 and COLUMN in row:
                    place = row.index(COLUMN)
                    continue
                found.add(_ordinal(row, place, highest, path, rows.line_num))
    except OSError as error:
        raise OrdinalsRefused(f"{path} cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeError):
        raise OrdinalsRefused(f"{path} is no CSV in UTF-8; wanted: a column {COLUMN!r}") from None
    return np.array(sorted(found), np.uint32)


def _ordinal(row: list[str], place: int, highest: int, path: Path, line: int) -> int:
    """The cell itself stays out of the message: it may be somebody's number."""
    cell = row[place].strip() if place < len(row) else ""
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 10 and 1 <= int(cell) <= highest):
        raise OrdinalsRefused(
            f"line {line} of {path} has no customer's number in it; wanted: 1 to {highest} in the column "
            f"{COLUMN!r}, or one number a line"
        )
    return int(cell)
