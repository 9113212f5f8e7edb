"""CSV that no spreadsheet computes, whatever a site wrote into its cells.

A cell whose text a spreadsheet would take as a formula gets an apostrophe before it. The same is done inside
a cell after signs that a program may take as the end of the cell: where lists are separated by semicolons,
`a,"b;=1+1"` is read as the two cells `a,"b` and `=1+1"`. Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CELL_CHARS = 32_767  # the most that a cell of a spreadsheet holds
ROWS_AT_ONCE = 200

_STARTS = "=+\\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b"  # with full-width and small forms
_FILLING = "\\s\u00ad\u200b-\u200f\u2060\ufeff\x00-\x1f\"'\u2018\u2019\u201c\u201d\uff02\uff07"
_FORMULA = re.compile(f"(?=[{_FILLING}]*[{_STARTS}])|(?=[\t\r\n])")
_INSIDE = re.compile(f'([;\t\r\n"|\uff1b\uff02])(?=[{_FILLING}]*[{_STARTS}])')


def csv_cell(value: object) -> str:
    """Return a value as the text of a cell. None is empty, times are ISO 8601 in UTC."""
    if value is None:
        return ""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return str(value)
    text = str(value)[:CELL_CHARS].replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    text = _INSIDE.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def csv_bytes(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, byte_order_mark: bool = True
) -> Iterator[bytes]:
    """Yield a CSV file (RFC 4180, UTF-8) in pieces of ROWS_AT_ONCE rows.

    Excel reads a file without a byte order mark in the code page of the machine, so that Chinese is lost;
    other programs may take the mark as part of the first column's name.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([csv_cell(name) for name in header])
    if byte_order_mark:
        yield BYTE_ORDER_MARK
    for number, row in enumerate(rows, start=1):
        writer.writerow([csv_cell(value) for value in row])
        if number % ROWS_AT_ONCE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    piece = buffer.getvalue().encode("utf-8")
    buffer.seek(0)
    buffer.truncate()
    return piece
