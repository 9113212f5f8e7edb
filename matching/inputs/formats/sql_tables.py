"""Rows of tables in SQL dumps: how dialects quote, how literals are taken apart, the shapes of lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from matching.inputs.formats.blocks import Block, CellRow
from matching.inputs.formats.columns import Column, columns_of
from matching.inputs.formats.delimited import Dialect, place_of

_SAMPLE_ROWS = 50
ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


class QuotingRules(NamedTuple):
    """How a dialect quotes. Patterns are possessive: they take what they can and never give back."""

    rows: re.Pattern[bytes]  # one after the other
    body: re.Pattern[bytes]  # group 1: what is between a row's parentheses
    token: re.Pattern[bytes]  # a literal, a comma, or part of something else
    escapes: bool

    def clean(self, row: bytes) -> bool:
        """Whether no cell has anything behind its string but a cast."""
        string = False
        for token in self.token.finditer(row):
            sign = token[0]
            if sign == b",":
                string = False
            elif string and not (sign.isspace() or sign.lstrip().upper().startswith(_BEHIND)):
                return False
            else:
                string = string or sign[:1] in (b"'", b'"')
        return True


_BEHIND = (b"::", b"COLLATE")
#: From one row to the next, of the same statement or of another. Inside of a row it is a string's, or the row
#: is several, because a quote is missing or too many (`'O'Neil'`).
BORDER = re.compile(
    rb"\)\s*+(?:,\s*+|;\s*+(?:INSERT|REPLACE)[^();']{1,400}+(?:\([^()']{1,12000}+\)[^();']{1,50}+)?)\(",
    re.IGNORECASE,
)


def _strings(single: bytes, *, escapes: bool) -> QuotingRules:
    quoted = b"(?:" + single + b"|" + single.replace(b"'", b'"') + b")"
    inner = rb"(?:[^'\"()]++|" + quoted + rb")*+"
    content = rb"(?:[^'\"()]++|" + quoted + rb"|\(" + inner + rb"\))*+"
    return QuotingRules(
        re.compile(rb"(?:\s*+,?\s*+\(" + content + rb"\))++", re.DOTALL),
        re.compile(rb"\((" + content + rb")\)", re.DOTALL),
        re.compile(rb"\(" + inner + rb"\)|" + quoted + rb"|[^'\",(]++|.", re.DOTALL),
        escapes,
    )


ESCAPING = _strings(rb"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'", escapes=True)
STANDARD = _strings(rb"(?:'[^']*+')++", escapes=False)


class SqlRows:
    """The shape of a table's rows, as far as `sample` shows it."""

    def __init__(self, table: SqlTable, sample: tuple[bytes, ...]) -> None:
        self._table, self._sample = table, sample

    @cached_property
    def columns(self) -> Sequence[Column]:
        rows = [self._table.split(line) for line in self._sample]
        return columns_of(rows, self._table.regions, self._table.names or None)

    def where(self, line: bytes, at: int) -> Column | None:
        place = self._table.place(line, at)
        return self.columns[place] if place < len(self.columns) else Column(place + 1, None, "")

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        for index, line in enumerate(block.text.split(b"\n")):
            cells = self._table.split(line)
            found = tuple(cells[number - 1] if number <= len(cells) else "" for number in columns)
            if any(found):
                yield CellRow(index, found)


@dataclass(frozen=True, slots=True)
class SqlTable:
    """`split`: the cells of a line; `place`: how many cells are before a byte of a line."""

    names: tuple[str, ...]  # none: nobody said
    regions: tuple[str, ...]
    split: Callable[[bytes], list[str]]
    place: Callable[[bytes, int], int]


class GrowingTable:
    """A table while the dump is read: its shape grows with its first rows and stays from then on."""

    def __init__(self, table: SqlTable) -> None:
        self._table = table
        self._shape = SqlRows(table, ())
        self._sample: tuple[bytes, ...] = ()

    def shape(self, lines: Sequence[bytes]) -> SqlRows:
        """The shape with these rows, too: one for each block, so that who asks when makes no difference."""
        if len(self._sample) < _SAMPLE_ROWS:
            self._sample += tuple(lines[: _SAMPLE_ROWS - len(self._sample)])
            self._shape = SqlRows(self._table, self._sample)
        return self._shape


def _literals(line: bytes, strings: QuotingRules) -> list[str]:
    cells = [b""]
    for token in strings.token.finditer(line):
        if token[0] == b",":
            cells.append(b"")
        else:
            cells[-1] += token[0]
    return [_value(cell, escapes=strings.escapes) for cell in cells]


def _literals_before(line: bytes, at: int, strings: QuotingRules) -> int:
    place = 0
    for token in strings.token.finditer(line):
        if token.end() > at:
            break
        place += token[0] == b","
    return place


_LITERAL = re.compile(
    rb"(?:[A-Za-z_]\w{0,20}\s*)?(?:'(.*)'|\"(.*)\")(?:\s*::[\w\s\[\]().]{1,60})?", re.DOTALL
)


def _value(cell: bytes, *, escapes: bool) -> str:
    cell = cell.strip()
    literal = _LITERAL.fullmatch(cell)
    if literal is None:
        return "" if cell.upper() in (b"NULL", b"DEFAULT") else cell.decode("utf-8", "replace")
    quote, found = (b"'", literal[1]) if literal[1] is not None else (b'"', literal[2])
    if not escapes:
        return found.replace(quote * 2, quote).decode("utf-8", "replace")
    halves = found.replace(b"\\\\", b"\\\0").replace(quote * 2, quote)
    return ESCAPE.sub(lambda escape: b"\\" if escape[1] == b"\0" else escape[1], halves).decode(
        "utf-8", "replace"
    )


_TABS = Dialect(b"\t")


def _copied(line: bytes) -> list[str]:
    return line.rstrip(b"\r").decode("utf-8", "replace").split("\t")


def _tabs_before(line: bytes, at: int) -> int:
    return place_of(line, at, _TABS)


def copied_table(names: tuple[str, ...], regions: tuple[str, ...]) -> GrowingTable:
    """One whose lines have tabs between their cells."""
    return GrowingTable(SqlTable(names, regions, _copied, _tabs_before))


def inserted_table(names: tuple[str, ...], regions: tuple[str, ...], strings: QuotingRules) -> GrowingTable:
    """One whose lines are literals with commas between them."""
    split, place = partial(_literals, strings=strings), partial(_literals_before, strings=strings)
    return GrowingTable(SqlTable(names, regions, split, place))
