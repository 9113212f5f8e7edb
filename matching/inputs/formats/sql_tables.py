"""Tables of SQL dumps: how a dialect quotes, how a row is divided into cells, the shapes of lines, and which
tables and columns a dump has named so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import NamedTuple

from matching.inputs.formats.blocks import Block, CellRow
from matching.inputs.formats.columns import Column, columns_of
from matching.inputs.formats.delimited import Dialect, cell_index

#: Tables whose columns are remembered; a hostile dump may name any number.
TABLES_LIMIT = 1_000
#: The name of a table, with schemas before it, in any dialect's quotes.
TABLE_NAME = rb"(?:[`\"\[]?[^\s`\"\[\](),;.]{1,128}[`\"\]]?\.){0,3}[`\"\[]?[^\s`\"\[\](),;.]{1,128}[`\"\]]?"
_SAMPLE_ROWS = 50
ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_CREATE_TABLE = re.compile(
    rb"CREATE\s{1,99}+TABLE\s{1,99}+(?:IF\s{1,99}+NOT\s{1,99}+EXISTS\s{1,99}+)?("
    + TABLE_NAME
    + rb")\s{0,99}+\("
    rb"((?:(?![ \t]*+(?:\)|CREATE\b))[^;\n]*+\n)*+)[ \t]*+\)",
    re.IGNORECASE,
)
_DEFINED_COLUMN = re.compile(
    rb"^[ \t]*+(?!(?:PRIMARY|UNIQUE|KEY|INDEX|CONSTRAINT|FULLTEXT|FOREIGN|CHECK|SPATIAL)\b)[`\"\[]?"
    rb"([^\s`\"\[\](),;]{1,128}+)[`\"\]]?\s",
    re.IGNORECASE | re.MULTILINE,
)


# --- quoting


class QuotingRules(NamedTuple):
    """How a dialect quotes. Patterns are possessive: they take what they can and never give back."""

    rows: re.Pattern[bytes]  # rows, one after the other
    body: re.Pattern[bytes]  # group 1: the text between a row's parentheses
    token: re.Pattern[bytes]  # a literal, a comma, or part of something else
    escapes: bool  # whether a backslash escapes

    def clean(self, row: bytes) -> bool:
        """Whether no cell has anything behind its string but a cast or a collation."""
        string = False
        for token in self.token.finditer(row):
            sign = token[0]
            if sign == b",":
                string = False
            elif string and not (sign.isspace() or sign.lstrip().upper().startswith(_AFTER_STRING)):
                return False
            else:
                string = string or sign[:1] in (b"'", b'"')
        return True


_AFTER_STRING = (b"::", b"COLLATE")
#: From one row to the next, of the same statement or of another one. Inside of a row it belongs to a string,
#: or the row is really several, because a quote is missing or too many (`'O'Neil'`).
BORDER = re.compile(
    rb"\)\s*+(?:,\s*+|;\s*+(?:INSERT|REPLACE)[^();']{1,400}+(?:\([^()']{1,12000}+\)[^();']{1,50}+)?)\(",
    re.IGNORECASE,
)


def _quoting_rules(single_quoted: bytes, *, escapes: bool) -> QuotingRules:
    quoted = b"(?:" + single_quoted + b"|" + single_quoted.replace(b"'", b'"') + b")"
    inner = rb"(?:[^'\"()]++|" + quoted + rb")*+"
    content = rb"(?:[^'\"()]++|" + quoted + rb"|\(" + inner + rb"\))*+"
    return QuotingRules(
        re.compile(rb"(?:\s*+,?\s*+\(" + content + rb"\))++", re.DOTALL),
        re.compile(rb"\((" + content + rb")\)", re.DOTALL),
        re.compile(rb"\(" + inner + rb"\)|" + quoted + rb"|[^'\",(]++|.", re.DOTALL),
        escapes,
    )


ESCAPING = _quoting_rules(rb"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'", escapes=True)
STANDARD = _quoting_rules(rb"(?:'[^']*+')++", escapes=False)


# --- shapes


class SqlShape:
    """The shape of a table's rows, as far as `sample` shows it."""

    def __init__(self, table: SqlTable, sample: tuple[bytes, ...]) -> None:
        self._table, self._sample = table, sample

    @cached_property
    def columns(self) -> Sequence[Column]:
        rows = [self._table.split(line) for line in self._sample]
        return columns_of(rows, self._table.regions, self._table.names or None)

    def where(self, line: bytes, at: int) -> Column | None:
        index = self._table.cell_index(line, at)
        return self.columns[index] if index < len(self.columns) else Column(index + 1, None, "")

    def cells(self, block: Block, columns: Collection[int]) -> Iterator[CellRow]:
        for index, line in enumerate(block.text.split(b"\n")):
            cells = self._table.split(line)
            found = tuple(cells[number - 1] if number <= len(cells) else "" for number in columns)
            if any(found):
                yield CellRow(index, found)


@dataclass(frozen=True, slots=True)
class SqlTable:
    """`split` returns the cells of a line; `cell_index` the number of cells before a byte of a line."""

    names: tuple[str, ...]  # empty: the dump does not name the columns
    regions: tuple[str, ...]
    split: Callable[[bytes], list[str]]
    cell_index: Callable[[bytes, int], int]


class GrowingTable:
    """A table while the dump is read: its shape grows with its first rows and stays the same from then on."""

    def __init__(self, table: SqlTable) -> None:
        self._table = table
        self._shape = SqlShape(table, ())
        self._sample: tuple[bytes, ...] = ()

    def shape(self, lines: Sequence[bytes]) -> SqlShape:
        """Return the shape that these rows show together with those before them.

        Each block keeps its own: a block's columns must not depend on when its reader asks for them.
        """
        if len(self._sample) < _SAMPLE_ROWS:
            self._sample += tuple(lines[: _SAMPLE_ROWS - len(self._sample)])
            self._shape = SqlShape(self._table, self._sample)
        return self._shape


# --- cells


def _literals(line: bytes, quoting: QuotingRules) -> list[str]:
    cells = [b""]
    for token in quoting.token.finditer(line):
        if token[0] == b",":
            cells.append(b"")
        else:
            cells[-1] += token[0]
    return [_literal_value(cell, escapes=quoting.escapes) for cell in cells]


def _literals_before(line: bytes, at: int, quoting: QuotingRules) -> int:
    count = 0
    for token in quoting.token.finditer(line):
        if token.end() > at:
            break
        count += token[0] == b","
    return count


_LITERAL = re.compile(
    rb"(?:[A-Za-z_]\w{0,20}\s*)?(?:'(.*)'|\"(.*)\")(?:\s*::[\w\s\[\]().]{1,60})?", re.DOTALL
)


def _literal_value(cell: bytes, *, escapes: bool) -> str:
    cell = cell.strip()
    literal = _LITERAL.fullmatch(cell)
    if literal is None:
        return "" if cell.upper() in (b"NULL", b"DEFAULT") else cell.decode("utf-8", "replace")
    quote, found = (b"'", literal[1]) if literal[1] is not None else (b'"', literal[2])
    if not escapes:
        return found.replace(quote * 2, quote).decode("utf-8", "replace")
    marked = found.replace(b"\\\\", b"\\\0").replace(quote * 2, quote)
    return ESCAPE.sub(lambda escape: b"\\" if escape[1] == b"\0" else escape[1], marked).decode(
        "utf-8", "replace"
    )


_TABS = Dialect(b"\t")


def _copied_cells(line: bytes) -> list[str]:
    return line.rstrip(b"\r").decode("utf-8", "replace").split("\t")


def _tabs_before(line: bytes, at: int) -> int:
    return cell_index(line, at, _TABS)


# --- tables of a dump


class KnownTables:
    """The tables that a dump has named so far, with the columns that it names: in the statement, else in
    CREATE TABLE.
    """

    def __init__(self, quoting: QuotingRules, regions: Sequence[str]) -> None:
        self._quoting, self._regions = quoting, tuple(regions)
        self._created: dict[bytes, list[str]] = {}  # names of columns, by table
        self._tables: dict[tuple[bytes, bytes, bool], GrowingTable] = {}

    def learn_columns(self, text: bytes) -> None:
        """Remember the columns of each CREATE TABLE in the text."""
        for created in islice(_CREATE_TABLE.finditer(text), TABLES_LIMIT):
            if len(self._created) < TABLES_LIMIT:
                names = [name.decode("utf-8", "replace") for name in _DEFINED_COLUMN.findall(created[2])]
                self._created[_bare_name(created[1])] = names

    def table_of(self, name: bytes, columns: bytes, *, copied: bool) -> GrowingTable:
        """Return the table of a statement. `columns`: as it lists them, empty where it does not."""
        key = (name, columns, copied)
        if key not in self._tables:
            if len(self._tables) >= TABLES_LIMIT:
                self._tables.clear()
            listed = [
                _bare_name(column).decode("utf-8", "replace")
                for column in columns.split(b",")
                if column.strip()
            ]
            names = tuple(listed or self._created.get(_bare_name(name), []))
            self._tables[key] = self._copied_table(names) if copied else self._inserted_table(names)
        return self._tables[key]

    def _copied_table(self, names: tuple[str, ...]) -> GrowingTable:
        """A table whose lines have tabs between their cells."""
        return GrowingTable(SqlTable(names, self._regions, _copied_cells, _tabs_before))

    def _inserted_table(self, names: tuple[str, ...]) -> GrowingTable:
        """A table whose lines are literals with commas between them."""
        split = partial(_literals, quoting=self._quoting)
        before = partial(_literals_before, quoting=self._quoting)
        return GrowingTable(SqlTable(names, self._regions, split, before))


def _bare_name(name: bytes) -> bytes:
    return name.strip().rpartition(b".")[2].strip(b'`"[] \t\r\n')
