"""Rows: what belongs to one person in a text.

A row is a line. A record written as `key: value` over several lines is one row: its lines follow one another
until an empty line, a line of another form, or a key that the record already has.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable

RECORD_LINES = 60  # lines of one record at most

_BREAK = re.compile(r"\r\n|\n|\r")
_KEY_VALUE = re.compile(
    r"[ \t\"'{\[*•-]{0,8}([^\W\d][^:=：,;|@\n]{0,40}?)[\"']?[ \t]{0,4}[:=：](?!//)[ \t]{0,4}\S"
)


class TextRows:
    """The rows of a text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]
        ends = [*self._starts[1:], len(text)]
        lines = (text[start:end] for start, end in zip(self._starts, ends, strict=True))
        self._rows, self.count = _numbered(lines)

    @property
    def breaks(self) -> int:
        return len(self._starts) - 1

    def line_of(self, offset: int) -> int:
        """The line's number, from 1 on."""
        return bisect_right(self._starts, offset)

    def row_of(self, offset: int) -> int:
        return self.row_at(self.line_of(offset) - 1)

    def row_at(self, index: int) -> int:
        """The row of a line, which is counted from 0 on here."""
        return self._rows[index]


def _numbered(lines: Iterable[str]) -> tuple[list[int], int]:
    """Each line's row, and how many rows hold anything."""
    rows: list[int] = []
    keys: set[str] = set()  # of the record that goes on
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
    """The key of a `key: value` line, folded."""
    match = _KEY_VALUE.match(line)
    return match[1].strip().casefold() if match else None
