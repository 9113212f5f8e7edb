"""Rows: the lines that belong to one person in a text.

A row is a line, or a record over several lines; `formats.records` says where such a record begins and ends.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property

from matching.inputs.formats.columns import role_of
from matching.inputs.formats.records.grouping import (
    RECORD_LINES,
    Grouping,
    RecordShape,
    group_lines,
    key_of_line,
)
from matching.inputs.formats.records.line_shapes import Kind, Line, read_line

__all__ = ["RECORD_LINES", "TextRows", "key_of", "pair_of"]

_LINE_END = re.compile(r"\r\n|\n|\r")
_KEY_VALUE = re.compile(
    r"[ \t\"'{\[*•-]{0,8}([^\W\d][^:=：,;|@\n]{0,40}?)[\"']?[ \t]{0,4}[:=：](?!//)[ \t]{0,4}\S"
)


class TextRows:
    """Which row each line of a text belongs to; computed on demand, because most texts have no hit."""

    def __init__(
        self, text: str, borders: Sequence[int] | None = None, known: RecordShape | None = None
    ) -> None:
        """`borders`: the strength of a page's border before each line; None: a plain text.

        `known`: the shape of the records in another part of the document.
        """
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self._borders = borders
        self._known = known

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends."""
        ends = [*self._starts[1:], len(self._text)]
        return [self._text[start:end] for start, end in zip(self._starts, ends, strict=True)]

    @cached_property
    def _grouping(self) -> Grouping:
        return group_lines(self.lines, self._borders, self._known)

    @property
    def breaks(self) -> int:
        return len(self._starts) - 1

    @cached_property
    def count(self) -> int:
        """Number of lines that are not empty."""
        return sum(not line.isspace() and bool(line) for line in self.lines)

    @property
    def cut(self) -> int:
        """Number of records that a bound has divided."""
        return self._grouping.cut

    @property
    def record_shape(self) -> RecordShape:
        """The shape of the text's records."""
        return self._grouping.record_shape

    def line_of(self, offset: int) -> int:
        """Return the number, from 1, of the line that holds `offset`."""
        return bisect_right(self._starts, offset)

    def row_of(self, offset: int) -> int:
        return self.row_at(self.line_of(offset) - 1)

    def row_at(self, index: int) -> int:
        """Return the row of the line `index`, from 0: the index of the record's first line."""
        return self._grouping.rows[index]

    def open_from(self) -> int:
        """Return the first line of the record that may go on behind the text; for none, their number."""
        return self._grouping.open_from()

    def records(self) -> list[list[str]]:
        """Return what each line tells of a person, of each record with several lines."""
        keys: dict[int, list[str]] = {}
        for row, shape in zip(self._grouping.rows, self._grouping.shapes, strict=True):
            keys.setdefault(row, []).append(key_of_line(shape))
        return [record for record in keys.values() if len(record) > 1]

    def pair_at(self, index: int) -> tuple[str, str] | None:
        """Return key and value of the line `index`; None: it is no field of a record."""
        return _pair(self._grouping.shapes[index])


def pair_of(line: str) -> tuple[str, str] | None:
    """Return key and value of a line that has both; None: the line has another form.

    The key is in lower case. It is one by its form (`key: value`) or by its name.
    """
    shape = read_line(line)
    if shape.kind is not Kind.FIELD:
        return None
    known = shape.marked or role_of(shape.label) is not None or _KEY_VALUE.match(line) is not None
    return _pair(shape) if known else None


def key_of(line: str) -> str | None:
    """Return the key of a line; None: the line has another form."""
    pair = pair_of(line)
    return pair[0] if pair else None


def _pair(shape: Line) -> tuple[str, str] | None:
    if shape.kind is not Kind.FIELD:
        return None
    return f"{shape.label} {shape.number}".strip(), shape.value
