r"""SQL dumps: INSERT (and REPLACE) statements of any dialect, and PostgreSQL's COPY. Each row becomes a line.

The reader is a state machine. A state is a kind of text that may come next; its step takes some of that text
and says what it found; `NEXT_STATE` holds all transitions. What each state needs is in an object of its own:

    BETWEEN_STATEMENTS   comments, definitions, statements of one row each    _BetweenStatements
    ONE_TABLE_FOLLOWS    the same, before many statements of one table        _BetweenStatements
    INSERT_ROWS          rows behind the VALUES of a statement                _InsertRows, SqlStatement
    COPY_LINES           lines behind COPY ... FROM stdin, up to `\.`         _CopyLines, SqlStatement

All states write into one `_Dump`: the tables known so far, and the lines collected for the next blocks.

Text between statements passes unchanged, and so does a statement that is not understood. Strings stay
quoted; `''`, `\'` and `\\` stay as they are; escapes of control characters and line ends become spaces. A row
with one quote too many (`'O'Neil'`) ends where the next row begins, not at the next quote.

Every pattern is possessive: it never goes back, so hostile text costs no more than any other text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple

from matching.inputs.formats.blocks import BLOCK, PLAIN, RECORD_BYTES, Block, LineShape
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.sql_lines import LineGroup, TableLines
from matching.inputs.formats.sql_rows import is_one_row, split_rows, unescape_copied, without_controls
from matching.inputs.formats.sql_tables import (
    BORDER,
    ESCAPING,
    STANDARD,
    TABLE_NAME,
    TABLES_LIMIT,
    GrowingTable,
    KnownTables,
    QuotingRules,
)

#: Bytes in which rows or single-row statements are looked for at first, where few may follow.
_WINDOW = 1 << 12
#: Bytes of a statement before its first row.
_HEADER_BYTES = 1 << 14
# Spaces are possessive and bounded throughout: where two patterns could both match them, the search would try
# every way to divide them.
_STATEMENT = re.compile(
    rb"(?:INSERT|REPLACE)\s{1,99}+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|OVERWRITE)\s{1,99}+){0,3}"
    rb"(?:INTO\s{1,99}+)?(?P<table>"
    + TABLE_NAME
    + rb")\s{0,99}+(?:\((?P<columns>[^()']{1,12000}+)\)\s{0,99}+)?"
    rb"(?:OVERRIDING\s\w{1,9}+\sVALUE\s{1,99}+)?VALUES?\s{0,99}+(?=\()"
    rb"|COPY\s{1,99}+(?P<copied>" + TABLE_NAME + rb")\s{0,99}+"
    rb"(?:\((?P<fields>[^()']{1,12000}+)\)\s{0,99}+)?"
    rb"FROM\s{1,99}+stdin[^\n;]{0,200}+;\r?\n",
    re.IGNORECASE,
)
_STATEMENT_WORD = re.compile(rb"\b(?:INSERT|REPLACE|COPY)\s", re.IGNORECASE)
_COPY_OR_CAST = re.compile(rb"^COPY\s|'::\w|\bN'|^SET standard_conforming_strings", re.MULTILINE)


class SqlState(Enum):
    """Which kind of text may come next."""

    BETWEEN_STATEMENTS = auto()
    ONE_TABLE_FOLLOWS = auto()
    INSERT_ROWS = auto()
    COPY_LINES = auto()


class SqlFound(Enum):
    """What a step found in the text."""

    TEXT = auto()  # no statement
    SINGLE_ROWS = auto()  # statements of one row each, of several tables
    SINGLE_ROWS_OF_ONE_TABLE = auto()
    INSERT = auto()  # the beginning of a statement, up to its first row
    COPY = auto()  # the same of a COPY, up to its first line
    ROWS = auto()  # rows of the statement, damaged ones included
    ROWS_END = auto()  # something else than a row
    LINES = auto()  # lines of the COPY
    LINES_END = auto()  # the line that ends them
    TOO_LITTLE = auto()  # what this is depends on text that is not there yet


#: All transitions. A combination that is not here cannot occur.
NEXT_STATE: Mapping[SqlState, Mapping[SqlFound, SqlState]] = {
    SqlState.BETWEEN_STATEMENTS: {
        SqlFound.TEXT: SqlState.BETWEEN_STATEMENTS,
        SqlFound.SINGLE_ROWS: SqlState.BETWEEN_STATEMENTS,
        # Statements of one table are ten times as fast to take together, which INSERT_ROWS does.
        SqlFound.SINGLE_ROWS_OF_ONE_TABLE: SqlState.ONE_TABLE_FOLLOWS,
        SqlFound.INSERT: SqlState.INSERT_ROWS,
        SqlFound.COPY: SqlState.COPY_LINES,
        SqlFound.TOO_LITTLE: SqlState.BETWEEN_STATEMENTS,
    },
    SqlState.ONE_TABLE_FOLLOWS: {
        SqlFound.TEXT: SqlState.BETWEEN_STATEMENTS,
        SqlFound.INSERT: SqlState.INSERT_ROWS,
        SqlFound.COPY: SqlState.COPY_LINES,
        SqlFound.TOO_LITTLE: SqlState.BETWEEN_STATEMENTS,
    },
    SqlState.INSERT_ROWS: {
        SqlFound.ROWS: SqlState.INSERT_ROWS,
        SqlFound.ROWS_END: SqlState.BETWEEN_STATEMENTS,
        SqlFound.TOO_LITTLE: SqlState.INSERT_ROWS,
    },
    SqlState.COPY_LINES: {
        SqlFound.LINES: SqlState.COPY_LINES,
        SqlFound.LINES_END: SqlState.BETWEEN_STATEMENTS,
        SqlFound.TOO_LITTLE: SqlState.COPY_LINES,
    },
}


class SqlStatement(NamedTuple):
    """The statement whose rows follow. `header`: its text up to the first row."""

    table: GrowingTable
    header: bytes


class SqlStep(NamedTuple):
    """The result of one step. `end`: the place behind the text taken. `statement`: the one that begins."""

    found: SqlFound
    end: int
    statement: SqlStatement | None = None


class SqlReader:
    """Blocks of rows, each of one table, and blocks of the text between the statements."""

    shape: LineShape = PLAIN  # of the document: each block has its own

    def __init__(self, quoting: QuotingRules, regions: Sequence[str]) -> None:
        """`regions`: of telephone numbers without +."""
        self._dump = _Dump(quoting, regions)
        self._between = _BetweenStatements(self._dump)
        self._rows = _InsertRows(self._dump)
        self._copied = _CopyLines(self._dump)
        self._state = SqlState.BETWEEN_STATEMENTS
        self._statement: SqlStatement  # set by the step that leads to INSERT_ROWS or COPY_LINES
        self._line = 1

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        rest, offset = b"", 0
        while (piece := text.take(BLOCK, overlap=False)) is not None:
            end = text.advance(piece)
            whole = rest + piece.text
            self._rows.begin_piece()
            rest = whole[self._consume(whole, final=piece.last) :]
            for number, block in enumerate(self._dump.lines.take_blocks(offset, end)):
                if offset + number >= after:
                    yield block
            offset = end

    def _consume(self, text: bytes, *, final: bool) -> int:
        """Take steps as far as the text reaches; returns the place from which on more text is needed."""
        at = 0
        while at < len(text):
            step = self._step(text, at, final=final)
            self._state = NEXT_STATE[self._state][step.found]
            if step.found is SqlFound.TOO_LITTLE:
                break
            if step.statement is not None:
                self._statement = step.statement
            self._line += text.count(b"\n", at, step.end)
            at = step.end
        return at

    def _step(self, text: bytes, at: int, *, final: bool) -> SqlStep:
        match self._state:
            case SqlState.BETWEEN_STATEMENTS:
                return self._between.step(text, at, self._line, final=final)
            case SqlState.ONE_TABLE_FOLLOWS:
                return self._between.next_statement(text, at, self._line, final=final)
            case SqlState.INSERT_ROWS:
                return self._rows.step(self._statement, text, at, self._line, final=final)
            case SqlState.COPY_LINES:
                return self._copied.step(self._statement, text, at, self._line, final=final)


class _Dump:
    """What all states share: how strings are quoted, the tables known so far, the lines collected so far."""

    def __init__(self, quoting: QuotingRules, regions: Sequence[str]) -> None:
        self.quoting = quoting
        self.tables = KnownTables(quoting, regions)
        self.lines = TableLines()

    def take_text(self, text: bytes, line: int) -> None:
        """Pass text on that belongs to no row, unless it is only what separates rows."""
        if text.strip(b" \t\r\n;,"):
            self.tables.learn_columns(text)
            self.lines.add_text(text, line)


class _BetweenStatements:
    """Takes text up to the next statement, and statements of one row each."""

    def __init__(self, dump: _Dump) -> None:
        self._dump = dump
        self._table_of_header: dict[bytes, GrowingTable | None] = {}  # None: no INSERT

    def step(self, text: bytes, at: int, line: int, *, final: bool) -> SqlStep:
        """Single-row statements where there are any, else what `next_statement` finds."""
        end, one_table = self._take_single_rows(text, at, line)
        if end > at:
            return SqlStep(SqlFound.SINGLE_ROWS_OF_ONE_TABLE if one_table else SqlFound.SINGLE_ROWS, end)
        return self.next_statement(text, at, line, final=final)

    def next_statement(self, text: bytes, at: int, line: int, *, final: bool) -> SqlStep:
        """Text up to the next statement, and that statement's beginning."""
        start = _STATEMENT.search(text, at)
        if start is None:
            end = len(text) if final else _end_before_statement(text, at)
            if end <= at:
                return SqlStep(SqlFound.TOO_LITTLE, at)
            self._dump.take_text(text[at:end], line)
            return SqlStep(SqlFound.TEXT, end)
        self._dump.take_text(text[at : start.start()], line)
        copied = start["copied"] is not None
        name, columns = (start["copied"], start["fields"]) if copied else (start["table"], start["columns"])
        table = self._dump.tables.table_of(name, columns or b"", copied=copied)
        return SqlStep(
            SqlFound.COPY if copied else SqlFound.INSERT, start.end(), SqlStatement(table, start[0])
        )

    def _take_single_rows(self, text: bytes, at: int, line: int) -> tuple[int, bool]:
        """Take statements of one row on one line each; returns the place behind them, and whether the last
        ones were all of one table.

        Some programs write the rows of several tables in turn, so that each statement is another table's:
        a step per statement would be slow. The text is split at line ends instead, in a window that grows as
        long as that works.
        """
        first = _STATEMENT.match(text, at)
        if first is None or first["table"] is None:
            return at, False
        values = first[0][first[0].upper().rfind(b"VALUES") :] + b"("
        line_end = text.find(b"\n", at)
        ending = b");\r\n" if text.startswith(b");\r", line_end - 3) else b");\n"
        window, one_table = _WINDOW, False
        while statements := text[at : at + window].split(ending)[:-1]:
            taken, one_table = self._take_statements(statements, values, line)
            at += sum(map(len, statements[:taken])) + taken * len(ending)
            line, window = line + taken, 2 * window
            if taken < len(statements) or one_table:
                break
        return at, one_table

    def _take_statements(self, statements: Sequence[bytes], values: bytes, line: int) -> tuple[int, bool]:
        """Take those before the first one that is not one row; returns their number, and whether all of the
        statements were taken and are of one table.
        """
        quoting = self._dump.quoting
        groups: dict[bytes, LineGroup] = {}
        for number, statement in enumerate(statements):
            header, _, row = statement.partition(values)
            if header not in groups:
                if (table := self._inserted_table(header + values)) is None:
                    return number, False
                groups[header] = self._dump.lines.group_of(table)
            if b"\\" in row or b")" in row or b'"' in row or b"\n" in row or row.count(b"'") & 1:
                if not is_one_row(row, quoting):
                    return number, False
                row = without_controls([row])[0] if quoting.escapes else row
            group = groups[header]
            group.lines.append(row)
            group.numbers.append(line + number)
        return len(statements), len(groups) == 1

    def _inserted_table(self, header: bytes) -> GrowingTable | None:
        """The table of an INSERT. `header`: its text up to the first row's parenthesis, included."""
        if header not in self._table_of_header:
            if len(self._table_of_header) >= TABLES_LIMIT:
                self._table_of_header.clear()
            start = _STATEMENT.match(header)
            table = None
            if start is not None and start["table"] is not None and start.end() == len(header) - 1:
                table = self._dump.tables.table_of(start["table"], start["columns"] or b"", copied=False)
            self._table_of_header[header] = table
        return self._table_of_header[header]


def _end_before_statement(text: bytes, at: int) -> int:
    """The place up to which text can be taken although more follows: a statement may have begun near the end.

    A word that begins statements may stand in any text, so beyond two headers' bytes all is taken.
    """
    starts = [match.start() for match in _STATEMENT_WORD.finditer(text, max(at, len(text) - _HEADER_BYTES))]
    end = starts[0] if starts else text.rfind(b"\n", at) + 1
    return end if end > at or len(text) - at < 2 * _HEADER_BYTES else len(text)


class _InsertRows:
    """Takes the rows of a statement: many at once where nothing is unusual, else by a pattern of one row."""

    def __init__(self, dump: _Dump) -> None:
        self._dump = dump
        self._quoting = dump.quoting
        # Whether this piece may be split at the text between rows. Once that has failed it would fail again.
        self._may_split = True
        # Bytes that the pattern is matched against. Damage makes it small: the pattern would find all rows up
        # to the next damage, and each of them would be found again if that comes soon.
        self._window = RECORD_BYTES

    def begin_piece(self) -> None:
        """Try the fast way again: each piece may be written in another way."""
        self._may_split = True

    def step(self, statement: SqlStatement, text: bytes, at: int, line: int, *, final: bool) -> SqlStep:
        """As many rows as are whole; a damaged row is passed on as text."""
        if self._may_split and (end := self._split_rows(statement, text, at, line)) is not None:
            return SqlStep(SqlFound.ROWS, end)
        if (end := self._whole_rows_end(text, at)) is not None:
            return SqlStep(SqlFound.ROWS, self._take_whole_rows(statement.table, text, at, end, line))
        ahead = text[at : at + 64].lstrip(b", \t\r\n")
        row_follows = ahead.startswith(b"(")
        border = BORDER.search(text, at) if row_follows else None
        # A row is damaged if another one begins and there is still no end of it. Without another one it may
        # be long, and its end may come.
        enough = _HEADER_BYTES if border else RECORD_BYTES
        if (not ahead or row_follows) and not final and len(text) - at < enough:
            return SqlStep(SqlFound.TOO_LITTLE, at)
        if border is not None:
            return SqlStep(SqlFound.ROWS, self._take_damaged_row(text, at, border.start() + 1, line))
        if row_follows:  # not a row: text, up to the end of its line
            end = text.find(b"\n", at) + 1 or len(text)
            self._dump.take_text(text[at:end], line)
            return SqlStep(SqlFound.ROWS_END, end)
        return SqlStep(SqlFound.ROWS_END, at + text.startswith(b";", at))

    def _split_rows(self, statement: SqlStatement, text: bytes, at: int, line: int) -> int | None:
        """Take rows by splitting at the text between them, ten times as fast as by matching each row;
        returns the place behind them, None where that cannot be done.

        It is right only where no string holds the text between rows. Then each part has an even number of
        quotes of both kinds, which `split_rows` checks.
        """
        start = at + text.startswith(b",", at)
        if not text.startswith(b"(", start):
            return None
        # Either rows of this statement, or statements with one row each and the same beginning.
        between, next_statement = b"),(", b");\n" + statement.header + b"("
        following = text.find(next_statement, start)
        alone = following >= 0 and text.find(between, start, following) < 0
        if alone:
            between = next_statement
        last = text.rfind(between, start) if alone else text.find(b");\n", start)
        last = last if last >= 0 else text.rfind(between, start)
        if last < 0:
            return None
        rows = split_rows(text[start + 1 : last], between, self._quoting)
        if rows is None:
            self._may_split = False
            return None
        group = self._dump.lines.group_of(statement.table)
        group.numbers += range(line, line + len(rows)) if alone else [line] * len(rows)
        group.lines += rows
        return last + len(between) - 1 if alone else last + 1

    def _whole_rows_end(self, text: bytes, at: int) -> int | None:
        """The place behind as many whole rows as the window holds; None where there is not one."""
        window, self._window = self._window, min(2 * self._window, RECORD_BYTES)
        while (run := self._quoting.rows.match(text, at, at + window)) is None and at + window < len(text):
            window *= 4
        return run.end() if run else None

    def _take_whole_rows(self, table: GrowingTable, text: bytes, start: int, end: int, line: int) -> int:
        """Take rows up to `end`, or up to one that holds others in its strings; returns the place behind."""
        whole = self._end_before_merged_row(text, start, end)
        if whole == start:
            border = BORDER.search(text, start, end)
            return self._take_damaged_row(text, start, border.start() + 1 if border else end, line)
        self._add_rows(table, text, start, whole, line)
        return whole

    def _end_before_merged_row(self, text: bytes, start: int, end: int) -> int:
        """The place before the first row that is really several, or `end`.

        Two quotes too many pair up: all between them becomes one string, other people's rows included. Such a
        row has a border inside of it and something behind a string that does not belong there.
        """
        for row in self._quoting.body.finditer(text, start, end):
            if b")" in row[1] and BORDER.search(row[1]) is not None and not self._quoting.clean(row[1]):
                return start
            start = row.end()
        return end

    def _take_damaged_row(self, text: bytes, start: int, end: int, line: int) -> int:
        """Pass a row with a quote too many or too few on as text; rows follow it again."""
        self._window = _WINDOW
        self._dump.take_text(text[start:end], line)
        return end

    def _add_rows(self, table: GrowingTable, text: bytes, start: int, end: int, line: int) -> None:
        group = self._dump.lines.group_of(table)
        escaped = self._quoting.escapes and text.find(b"\\", start, end) >= 0
        if text.find(b"\n", start, end) < 0:
            rows = self._quoting.body.findall(text, start, end)
            group.numbers += [line] * len(rows)
        else:
            rows = []
            for row in self._quoting.body.finditer(text, start, end):
                line += text.count(b"\n", start, row.start())
                start = row.start()
                group.numbers.append(line)
                rows.append(row[1].replace(b"\r", b" ").replace(b"\n", b" "))
        group.lines += without_controls(rows) if escaped else rows


class _CopyLines:
    r"""Takes the lines of a COPY, up to `\.`."""

    def __init__(self, dump: _Dump) -> None:
        self._dump = dump

    def step(self, statement: SqlStatement, text: bytes, at: int, line: int, *, final: bool) -> SqlStep:
        if text.startswith(b"\\.", at):
            return SqlStep(SqlFound.LINES_END, at + 2)
        end = text.find(b"\n\\.", at) + 1 or (len(text) if final else text.rfind(b"\n", at) + 1)
        if end <= at and len(text) - at > RECORD_BYTES:
            end = len(text)  # a line without an end: not kept any longer
        if end <= at:
            return SqlStep(SqlFound.TOO_LITTLE, at)
        lines = text[at:end].split(b"\n")
        lines = lines[:-1] if not lines[-1] else lines
        group = self._dump.lines.group_of(statement.table)
        group.numbers += range(line, line + len(lines))
        group.lines += [unescape_copied(one) for one in lines]
        return SqlStep(SqlFound.LINES, end)


def quoting_of(sample: bytes) -> QuotingRules:
    """Whether a backslash escapes: it does in MySQL; in PostgreSQL and others it is an ordinary character."""
    standard = b"PostgreSQL" in sample or _COPY_OR_CAST.search(sample) is not None
    return STANDARD if standard and b"`" not in sample else ESCAPING
