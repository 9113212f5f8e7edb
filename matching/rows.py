"""Rows: what belongs to one person in a text, and how many of a row's identifiers agree on the same customer.

A chance hit is the normal case (ten million random telephone numbers meet a million customers 2,342 times),
two that agree in one row are not. So a row counts as coherent for a customer from two fields on.

A row is a line. Records that are written as `key: value` over several lines are one row: such lines follow
each other until an empty line, a line of another form, or a key that the record has already.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from matching.identifiers import Field

RECORD_LINES = 60  # lines of one record at most

_BREAK = re.compile(r"\r\n|\n|\r")
_KEY_VALUE = re.compile(
    r"[ \t\"'{\[*•-]{0,8}([^\W\d][^:=：,;|@\n]{0,40}?)[\"']?[ \t]{0,4}[:=：](?!//)[ \t]{0,4}\S"
)


Customer = Hashable  # an ordinal within its segment


class Agreement(NamedTuple):
    """A row holds a customer's value of a field."""

    row: Hashable
    customer: Customer
    field: Field


@dataclass(frozen=True, slots=True)
class Tally:
    """What the agreements come to."""

    coherent_rows: int  # rows that agree with one customer on two fields or more; once for each such customer
    single_hits: int  # pairs of row and customer that agree on one field
    customers: int  # distinct ones


def tally(agreements: Iterable[Agreement]) -> Tally:
    agreed: dict[tuple[Hashable, Customer], set[Field]] = defaultdict(set)
    for agreement in agreements:
        agreed[agreement.row, agreement.customer].add(agreement.field)
    coherent = sum(len(fields) > 1 for fields in agreed.values())
    return Tally(coherent, len(agreed) - coherent, len({customer for _, customer in agreed}))


class Rows:
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
