"""SQL dumps: INSERT (and REPLACE) statements of any dialect, and PostgreSQL's COPY; each row becomes a line.

What is between the statements passes as it is. Rows are found by one regular expression that never goes back,
so that hostile text costs no more than any other; a statement that it does not understand passes as text.
Strings stay quoted, `''`, `\\'` and `\\\\` stay as they are; escapes of control characters and line ends
become spaces. A row with a quote too many (`'O'Neil'`) ends where the next one begins, not with the quote.

Rows of different tables are in different blocks, for each block has one shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from matching.inputs.formats.blocks import BLOCK, PLAIN, RECORD, Block, LineShape
from matching.inputs.formats.decoding import DecodedText
from matching.inputs.formats.sql_rows import is_one_row, parts_of, uncopied, without_controls
from matching.inputs.formats.sql_tables import (
    BORDER,
    ESCAPING,
    STANDARD,
    GrowingTable,
    QuotingRules,
    copied_table,
    inserted_table,
)

_TABLES = 1_000  # whose columns are remembered
_WINDOW = 1 << 12  # bytes in which statements of one row are looked for at first
_HEADER = 1 << 14  # bytes of a statement before its first row
_NAME = rb"(?:[`\"\[]?[^\s`\"\[\](),;.]{1,128}[`\"\]]?\.){0,3}[`\"\[]?[^\s`\"\[\](),;.]{1,128}[`\"\]]?"
# Spaces are possessive and bounded throughout: two patterns that could share them would try each way to.
_START = re.compile(
    rb"(?:INSERT|REPLACE)\s{1,99}+(?:(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|OVERWRITE)\s{1,99}+){0,3}"
    rb"(?:INTO\s{1,99}+)?(?P<table>" + _NAME + rb")\s{0,99}+(?:\((?P<columns>[^()']{1,12000}+)\)\s{0,99}+)?"
    rb"(?:OVERRIDING\s\w{1,9}+\sVALUE\s{1,99}+)?VALUES?\s{0,99}+(?=\()"
    rb"|COPY\s{1,99}+(?P<copied>" + _NAME + rb")\s{0,99}+(?:\((?P<fields>[^()']{1,12000}+)\)\s{0,99}+)?"
    rb"FROM\s{1,99}+stdin[^\n;]{0,200}+;\r?\n",
    re.IGNORECASE,
)
_STARTS = re.compile(rb"\b(?:INSERT|REPLACE|COPY)\s", re.IGNORECASE)
_CREATE = re.compile(
    rb"CREATE\s{1,99}+TABLE\s{1,99}+(?:IF\s{1,99}+NOT\s{1,99}+EXISTS\s{1,99}+)?(" + _NAME + rb")\s{0,99}+\("
    rb"((?:(?![ \t]*+(?:\)|CREATE\b))[^;\n]*+\n)*+)[ \t]*+\)",
    re.IGNORECASE,
)
_DEFINED = re.compile(
    rb"^[ \t]*+(?!(?:PRIMARY|UNIQUE|KEY|INDEX|CONSTRAINT|FULLTEXT|FOREIGN|CHECK|SPATIAL)\b)[`\"\[]?"
    rb"([^\s`\"\[\](),;]{1,128}+)[`\"\]]?\s",
    re.IGNORECASE | re.MULTILINE,
)


class _Group:
    """Lines of one table that were found in one piece."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.numbers: list[int] = []


class Sql:
    """Blocks of rows, a table each, and of what is between the statements."""

    shape: LineShape = PLAIN  # of the document: each block has its own

    def __init__(self, strings: QuotingRules, regions: Sequence[str]) -> None:
        self._strings, self._regions = strings, tuple(regions)
        self._names: dict[bytes, list[str]] = {}  # of the columns, by table, as CREATE TABLE has them
        self._tables: dict[tuple[bytes, bytes], GrowingTable] = {}
        self._groups: dict[GrowingTable | None, _Group] = {}
        self._table: GrowingTable | None = None  # whose rows follow
        self._copying = False
        self._header = b""  # of the statement whose rows follow, up to its first row
        self._plain_rows = True  # whether rows of this piece may be found by what is between them
        self._heads: dict[bytes, GrowingTable | None] = {}  # of statements, by all that is before their rows
        self._alike = False  # statements of one table follow
        self._span = RECORD  # bytes in which rows are looked for at once
        self._line = 1

    def blocks(self, text: DecodedText, after: int) -> Iterator[Block]:
        rest, offset = b"", 0
        while (piece := text.take(BLOCK, overlap=False)) is not None:
            end = text.advance(piece)
            whole = rest + piece.text
            self._plain_rows = True
            done = self._consume(whole, final=piece.last)
            rest = whole[done:]
            for number, block in enumerate(self._flushed(offset, end)):
                if offset + number >= after:
                    yield block
            offset = end

    def _flushed(self, offset: int, end: int) -> list[Block]:
        """A block a table. Their offsets are one apart: each has at least one byte of its own.

        A table has no line where its only statement began to be read, and what follows was no row.
        """
        groups = {table: group for table, group in self._groups.items() if group.lines}
        self._groups = {}
        last = len(groups) - 1
        blocks = []
        for number, (table, group) in enumerate(groups.items()):
            text = b"".join(line + b"\n" for line in group.lines)
            place, following = offset + number, end if number == last else offset + number + 1
            shape: LineShape = table.shape(group.lines) if table else PLAIN
            blocks.append(Block(text, group.numbers[0], place, following, shape, group.numbers))
        return blocks

    def _consume(self, text: bytes, *, final: bool) -> int:
        """Take what is understood or cannot be; returns the place of what needs more."""
        at = 0
        while at < len(text):
            step = self._copy if self._copying else self._rows if self._table is not None else self._between
            following = step(text, at, final=final)
            if following is None:
                break
            self._line += text.count(b"\n", at, following)
            at = following
        return at

    def _between(self, text: bytes, at: int, *, final: bool) -> int | None:
        """Text up to the next statement, and its beginning; None: wait for more."""
        if not self._alike and (end := self._singles(text, at)) > at:
            return end
        self._alike = False
        start = _START.search(text, at)
        if start is None:
            end = len(text) if final else self._safe_end(text, at)
            self._plain(text[at:end], self._line)
            return end if end > at else None
        self._plain(text[at : start.start()], self._line)
        self._copying = start["copied"] is not None
        self._header = start[0]
        name = start["copied"] or start["table"]
        self._table = self._table_of(name, start["fields"] or start["columns"] or b"")
        return start.end()

    def _singles(self, text: bytes, at: int) -> int:
        """Take statements of one row on one line each, whatever their tables; returns the place behind them.

        Statements of one table are left to `_quickly`, which takes all of them at once.
        """
        first = _START.match(text, at)
        if first is None or first["table"] is None:
            return at
        values = first[0][first[0].upper().rfind(b"VALUES") :] + b"("
        line_end = text.find(b"\n", at)
        behind = b");\r\n" if text.startswith(b");\r", line_end - 3) else b");\n"
        line, size = self._line, _WINDOW
        while parts := text[at : at + size].split(behind)[:-1]:
            taken = self._take_singles(parts, values, line)
            at += sum(map(len, parts[:taken])) + taken * len(behind)
            line, size = line + taken, 2 * size
            if taken < len(parts) or self._alike:
                break
        return at

    def _take_singles(self, parts: Sequence[bytes], values: bytes, line: int) -> int:
        """Returns how many were taken: those before the first that is anything but one row."""
        groups: dict[bytes, _Group] = {}
        for number, part in enumerate(parts):
            head, _, row = part.partition(values)
            if head not in groups:
                if (table := self._table_at(head + values)) is None:
                    return number
                groups[head] = self._group(table)
            if b"\\" in row or b")" in row or b'"' in row or b"\n" in row or row.count(b"'") & 1:
                if not is_one_row(row, self._strings):
                    return number
                row = without_controls([row])[0] if self._strings.escapes else row
            group = groups[head]
            group.lines.append(row)
            group.numbers.append(line + number)
        self._alike = len(groups) == 1
        return len(parts)

    def _table_at(self, head: bytes) -> GrowingTable | None:
        """The table of an INSERT by all that is before its first row, and the row's parenthesis."""
        if head not in self._heads:
            if len(self._heads) >= _TABLES:
                self._heads.clear()
            start = _START.match(head)
            whole = start is not None and start.end() == len(head) - 1 and start["table"] is not None
            self._heads[head] = (
                self._table_of(start["table"], start["columns"] or b"") if start and whole else None
            )
        return self._heads[head]

    def _safe_end(self, text: bytes, at: int) -> int:
        """A statement may begin in what is behind it."""
        starts = [match.start() for match in _STARTS.finditer(text, max(at, len(text) - _HEADER))]
        end = starts[0] if starts else text.rfind(b"\n", at) + 1
        return end if end > at or len(text) - at < 2 * _HEADER else len(text)

    def _rows(self, text: bytes, at: int, *, final: bool) -> int | None:
        """Rows of a statement, as many as are whole; what follows them is text again."""
        if self._plain_rows and (end := self._quickly(text, at)) is not None:
            return end
        if (end := self._run(text, at)) is not None:
            return self._take(text, at, end)
        ahead = text[at : at + 64].lstrip(b", \t\r\n")
        border = BORDER.search(text, at) if ahead.startswith(b"(") else None
        enough = _HEADER if border else RECORD
        if (not ahead or ahead.startswith(b"(")) and not final and len(text) - at < enough:
            return None
        if border is not None:
            return self._damaged(text, at, border.start() + 1)
        self._table = None
        if ahead.startswith(b"("):  # a row that is none: as text, up to the end of its line
            end = text.find(b"\n", at) + 1 or len(text)
            self._plain(text[at:end], self._line)
            return end
        return at + 1 if text.startswith(b";", at) else self._between(text, at, final=final)

    def _quickly(self, text: bytes, at: int) -> int | None:
        """Rows that are found by what is between them, ten times as fast as by what they are.

        That holds where no string has it inside: then each part has an even number of quotes of both kinds.
        """
        start = at + text.startswith(b",", at)
        if not text.startswith(b"(", start):
            return None
        between, ahead = b"),(", b");\n" + self._header + b"("
        if (following := text.find(ahead, start)) >= 0 and text.find(between, start, following) < 0:
            between = ahead
        last = text.rfind(between, start) if between == ahead else text.find(b");\n", start)
        last = last if last >= 0 else text.rfind(between, start)
        if last < 0:
            return None
        rows = parts_of(text[start + 1 : last], between, self._strings)
        if rows is None:
            self._plain_rows = False
            return None
        group = self._group(self._table)
        group.numbers += (
            range(self._line, self._line + len(rows)) if between == ahead else [self._line] * len(rows)
        )
        group.lines += rows
        return last + len(between) - 1 if between == ahead else last + 1

    def _damaged(self, text: bytes, start: int, end: int) -> int:
        """A row with a quote too many or too few is text, and what follows it are rows again."""
        self._span = _WINDOW
        self._plain(text[start:end], self._line)
        return end

    def _run(self, text: bytes, at: int) -> int | None:
        """The place behind as many whole rows as there are. Behind damage not far: it may come again."""
        span, self._span = self._span, min(2 * self._span, RECORD)
        while (run := self._strings.rows.match(text, at, at + span)) is None and at + span < len(text):
            span *= 4
        return run.end() if run else None

    def _take(self, text: bytes, start: int, end: int) -> int:
        """Rows up to `end`, or up to one that has others in its strings; returns the place behind them."""
        whole = self._whole(text, start, end)
        if whole == start:
            border = BORDER.search(text, start, end)
            return self._damaged(text, start, border.start() + 1 if border else end)
        self._take_rows(text, start, whole)
        return whole

    def _whole(self, text: bytes, start: int, end: int) -> int:
        """The place behind the last row before one that is several, or `end`."""
        for row in self._strings.body.finditer(text, start, end):
            if b")" in row[1] and BORDER.search(row[1]) is not None and not self._strings.clean(row[1]):
                return start
            start = row.end()
        return end

    def _take_rows(self, text: bytes, start: int, end: int) -> None:
        group = self._group(self._table)
        escaped = self._strings.escapes and text.find(b"\\", start, end) >= 0
        if text.find(b"\n", start, end) < 0:
            rows = self._strings.body.findall(text, start, end)
            group.numbers += [self._line] * len(rows)
        else:
            rows, line = [], self._line
            for row in self._strings.body.finditer(text, start, end):
                line += text.count(b"\n", start, row.start())
                start = row.start()
                group.numbers.append(line)
                rows.append(row[1].replace(b"\r", b" ").replace(b"\n", b" "))
        group.lines += without_controls(rows) if escaped else rows

    def _copy(self, text: bytes, at: int, *, final: bool) -> int | None:
        """Lines up to the one that ends them."""
        stop = at if text.startswith(b"\\.", at) else text.find(b"\n\\.", at) + 1
        end = (
            stop
            or (len(text) if final else text.rfind(b"\n", at) + 1)
            or (len(text) if len(text) - at > RECORD else 0)
        )
        if stop == at and text.startswith(b"\\.", at):
            self._copying, self._table = False, None
            return min(len(text), at + 2)
        if end <= at:
            return None
        lines = text[at:end].split(b"\n")
        lines = lines[:-1] if not lines[-1] else lines
        group = self._group(self._table)
        group.numbers += range(self._line, self._line + len(lines))
        group.lines += [uncopied(line) for line in lines]
        return end

    def _plain(self, text: bytes, line: int) -> None:
        """Lines that hold more than what is between two rows."""
        if not text.strip(b" \t\r\n;,"):
            return
        for created in islice(_CREATE.finditer(text), _TABLES):
            if len(self._names) < _TABLES:
                names = [name.decode("utf-8", "replace") for name in _DEFINED.findall(created[2])]
                self._names[_bare(created[1])] = names
        group = self._group(None)
        lines = text.split(b"\n")
        kept = [(line + number, one) for number, one in enumerate(lines) if one.strip(b" \t\r;,")]
        group.numbers += [number for number, _ in kept]
        group.lines += [one for _, one in kept]

    def _group(self, table: GrowingTable | None) -> _Group:
        return self._groups.setdefault(table, _Group())

    def _table_of(self, name: bytes, columns: bytes) -> GrowingTable:
        key = (name, columns + (b"\t" if self._copying else b""))
        if key not in self._tables:
            if len(self._tables) >= _TABLES:
                self._tables.clear()
            said = [
                _bare(column).decode("utf-8", "replace") for column in columns.split(b",") if column.strip()
            ]
            names = tuple(said or self._names.get(_bare(name), []))
            self._tables[key] = (
                copied_table(names, self._regions)
                if self._copying
                else inserted_table(names, self._regions, self._strings)
            )
        return self._tables[key]


def _bare(name: bytes) -> bytes:
    return name.strip().rpartition(b".")[2].strip(b'`"[] \t\r\n')


def strings_of(sample: bytes) -> QuotingRules:
    """Whether a backslash escapes: in MySQL it does, in PostgreSQL and others it is a sign like any other."""
    standard = b"PostgreSQL" in sample or _COPY_OR_CAST.search(sample) is not None
    return STANDARD if standard and b"`" not in sample else ESCAPING


_COPY_OR_CAST = re.compile(rb"^COPY\s|'::\w|\bN'|^SET standard_conforming_strings", re.MULTILINE)
