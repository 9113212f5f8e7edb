"""Rows: the lines that belong to one person in a text.

A row is a line. A record written as `key: value` over several lines is one row: its lines follow one another
until an empty line, a line of another form, or a key that the record already has.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable

#: Lines of one record at most.
RECORD_LINES = 60

_LINE_END = re.compile(r"\r\n|\n|\r")
_KEY_VALUE = re.compile(
    r"[ \t\"'{\[*•-]{0,8}([^\W\d][^:=：,;|@\n]{0,40}?)[\"']?[ \t]{0,4}[:=：](?!//)[ \t]{0,4}\S"
)


class TextRows:
    """Which row each line of a text belongs to."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        ends = [*self._starts[1:], len(text)]
        lines = (text[start:end] for start, end in zip(self._starts, ends, strict=True))
        self._rows, self.count = _number_rows(lines)

    @property
    def breaks(self) -> int:
        return len(self._starts) - 1

    def line_of(self, offset: int) -> int:
        """Return the number, from 1, of the line that holds `offset`."""
        return bisect_right(self._starts, offset)

    def row_of(self, offset: int) -> int:
        return self.row_at(self.line_of(offset) - 1)

    def row_at(self, index: int) -> int:
        """Return the row of the line `index`, from 0."""
        return self._rows[index]


def _number_rows(lines: Iterable[str]) -> tuple[list[int], int]:
    """Return each line's row, and the number of rows that are not empty."""
    rows: list[int] = []
    keys: set[str] = set()  # of the current record
    row = count = 0
    for line in lines:
        key = key_of(line)
        if key is None or key in keys or not keys or len(keys) >= RECORD_LINES:
            row += 1
            count += bool(line.strip())
            keys = set()
        if key is not None:
            keys.add(key)
        rows.append(row)
    return rows, count


def key_of(line: str) -> str | None:
    """Return the key of a `key: value` line in lower case; None: the line has another form."""
    match = _KEY_VALUE.match(line)
    return match[1].strip().casefold() if match else None
