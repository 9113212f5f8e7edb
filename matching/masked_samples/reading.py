"""From a text or a dump's block to its sample rows.

1. The signs for hidden characters are brought to one, line by line (`mask_signs`).
2. A line is divided into cells at its delimiter, a record over several lines into its fields.
3. Each cell gives the values that it shows (`line_values`): whole identifiers, numbers with a mask
   (`numbers`), addresses (`emails`), dates (`birth_dates`), names (`names`).
4. Lines of one shape, one below another, are a table: its header and its columns decide what is left open
   (`row_tables`).
5. A row is kept if what it shows says something of a person (`_is_row`).

A value that can be several things is left out and counted. Work is bounded: characters, lines, cells, values
of a line and rows.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from itertools import accumulate, groupby

from matching.identifiers import Field
from matching.inputs import Block, Document, documents
from matching.inputs.formats.columns import role_of
from matching.inputs.formats.recognition import recognise_format
from matching.inputs.formats.rows import TextRows
from matching.masked_samples.labels import LabelKind, role_of_label
from matching.masked_samples.line_values import Piece, Whole, cell_values, read_pieces
from matching.masked_samples.mask_signs import plain_cell, plain_lines
from matching.masked_samples.row_tables import RawRow, resolve_table
from matching.masked_samples.sample_rows import Attribute, SampleRow, VisibleValue
from matching.scanning.scanner import Scanner

#: Characters of a text that are read.
TEXT_LIMIT = 1 << 22
#: Rows of a text or a document that are returned.
ROWS_LIMIT = 10_000
_CELLS = 64  # of a line
_STRUCTURED = frozenset({"json", "jsonl", "sql", "html"})
_SAMPLE_BYTES = 1 << 16
_STEP = 256  # lines between two looks at the clock
_FIELDS = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN, Field.NATIONAL_ID)


@dataclass(slots=True)
class SampleReading:
    """The rows of a text. `ambiguous`: masked values that can be several things and were left out."""

    rows: list[SampleRow] = field(default_factory=list)
    ambiguous: int = 0
    cut: set[str] = field(default_factory=set)  # what kept the rest from being read: rows, text, time

    @property
    def masked(self) -> int:
        return sum(row.is_masked for row in self.rows)


def read_sample_rows(text: str, *, region: str, limit: int = ROWS_LIMIT) -> list[SampleRow]:
    """Return the rows of a text, at most `limit`. `region`: of telephone numbers without a country code."""
    return read_sample(text, region=region, limit=limit).rows


def read_sample(
    text: str, *, region: str, limit: int = ROWS_LIMIT, expired: Callable[[], bool] = lambda: False
) -> SampleReading:
    """Return the rows of a text, and what was left out. `expired`: True once the time is up."""
    reading = SampleReading()
    if len(text) > TEXT_LIMIT:
        reading.cut.add("text")
        text = text[:TEXT_LIMIT]
    if _is_structured(text, region):
        _read_structured(text, reading, region, limit, expired)
        return reading
    _read_lines(text, reading, _Origin.of_text(text), region, limit, expired)
    return reading


def read_document_rows(
    document: Document, *, region: str, limit: int = ROWS_LIMIT, expired: Callable[[], bool] = lambda: False
) -> SampleReading:
    """Return the rows of all blocks of a document, numbered through."""
    reading = SampleReading()
    for block in document.blocks():
        read_block_rows(block, reading, region=region, limit=limit, expired=expired)
        if reading.cut:
            break
    return reading


def read_block_rows(
    block: Block,
    reading: SampleReading,
    *,
    region: str,
    limit: int = ROWS_LIMIT,
    expired: Callable[[], bool] = lambda: False,
) -> None:
    """Add the rows of a block to `reading`. Their places are its offset and characters of its text."""
    origin = _Origin.of_block(block)
    columns = block.shape.columns[:_CELLS]
    if len(columns) < 2:
        text = block.text.decode("utf-8", "replace")
        _read_lines(text, reading, origin, region, limit, expired, block)
        return
    roles = [role_of_label(column.name) or _role_of_content(column.role) for column in columns]
    labels = [column.name for column in columns]
    rows: list[tuple[int, list[str]]] = []
    for row in block.shape.cells(block, [column.number for column in columns]):
        if len(rows) >= limit or (len(rows) % _STEP == 0 and expired()):
            reading.cut.add("rows" if len(rows) >= limit else "time")
            break
        rows.append((row.place, list(map(plain_cell, row.cells))))
    if rows:
        _read_table(rows, roles, labels, reading, origin, region, limit, alone=False)


_NO_VALUES = frozenset({"username", "password", "wallet", "passport", "driving_licence"})


def _role_of_content(role: str | None) -> LabelKind | None:
    if role in _NO_VALUES:
        return LabelKind.OTHER
    return LabelKind(role) if role and role != "account" else None


# --- texts that have a reader


def _is_structured(text: str, region: str) -> bool:
    sample = text[:_SAMPLE_BYTES].encode("utf-8", "replace")
    if not re.match(rb"\s*[\[{<\"]", sample) and not re.search(rb"(?i)insert\s+into|\bcopy\b|<table", sample):
        return False
    return recognise_format(sample, (region,)).format in _STRUCTURED


def _read_structured(
    text: str, reading: SampleReading, region: str, limit: int, expired: Callable[[], bool]
) -> None:
    origin = _Origin.of_text(text)
    for document in documents("text", BytesIO(text.encode("utf-8", "replace")), regions=(region,)):
        found = read_document_rows(document, region=region, limit=limit - len(reading.rows), expired=expired)
        reading.ambiguous += found.ambiguous
        reading.cut |= found.cut
        for row in found.rows:
            start, end = origin.span_of_line(row.line)
            reading.rows.append(SampleRow(len(reading.rows) + 1, row.line, start, end, row.values))


# --- places


@dataclass(slots=True)
class _Origin:
    """Where the lines of what is read stand in their text."""

    starts: list[int]
    length: int
    block: Block | None = None

    @classmethod
    def of_text(cls, text: str) -> _Origin:
        starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
        return cls(starts, len(text))

    @classmethod
    def of_block(cls, block: Block) -> _Origin:
        text = block.text.decode("utf-8", "replace")
        starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
        return cls([block.offset + start for start in starts], block.offset + len(text), block)

    def line_of(self, index: int) -> int:
        return self.block.line(index) if self.block is not None else index + 1

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return where the lines with the indexes first..last begin and end, without the last line end."""
        last = min(last, len(self.starts) - 1)
        end = self.starts[last + 1] - 1 if last + 1 < len(self.starts) else self.length
        start = self.starts[min(first, len(self.starts) - 1)]
        return start, max(start, end)

    def span_of_line(self, line: int) -> tuple[int, int]:
        return self.span(max(0, line - 1), max(0, line - 1))


# --- lines

_LOG_LINE = re.compile(
    r"\s*[\[<(]?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
    r".{0,60}?(?:\b(?:INFO|WARN(?:ING)?|ERROR|DEBUG|TRACE|FATAL|NOTICE|CRITICAL)\b"
    r"|\w{1,40}\[\d+\]:|(?i:level=))"
)
_RULE_LINE = re.compile(r"[\s|+:=_~*.\-]*")
_DELIMITERS = ("\t", "----", "|", ";", ",")
_SPACES = re.compile(r" {2,}")


def _read_lines(
    text: str,
    reading: SampleReading,
    origin: _Origin,
    region: str,
    limit: int,
    expired: Callable[[], bool],
    block: Block | None = None,
) -> None:
    lines = plain_lines(text)
    records = _records(lines, block)
    run: list[tuple[int, list[str]]] = []
    key: tuple[str, int] | None = None
    at = 0
    while at < len(lines):
        if at % _STEP == 0 and expired():
            reading.cut.add("time")
            break
        if len(reading.rows) >= limit:
            reading.cut.add("rows")
            break
        if at in records:
            _read_run(run, key, reading, origin, region, limit)
            run, key = [], None
            members = records[at]
            _read_record(lines, members, reading, origin, region)
            at += 1
            continue
        line = lines[at]
        if records.get(-at - 1):
            at += 1
            continue
        if _RULE_LINE.fullmatch(line) or _LOG_LINE.match(line):
            if line.strip() and _LOG_LINE.match(line):
                _read_run(run, key, reading, origin, region, limit)
                run, key = [], None
            at += 1
            continue
        cells, sign = _cells_of_line(line)
        if (sign, len(cells)) != key or len(run) >= _RUN:
            _read_run(run, key, reading, origin, region, limit)
            run, key = [], (sign, len(cells))
        run.append((at, cells))
        at += 1
    _read_run(run, key, reading, origin, region, limit)
    if len(reading.rows) > limit:
        del reading.rows[limit:]
        reading.cut.add("rows")


_RUN = 2_000  # lines of a table that are decided on together


def _cells_of_line(line: str) -> tuple[list[str], str]:
    """Return the cells of a line, and the delimiter between them; "" for a line without one."""
    for sign in _DELIMITERS:
        if sign not in line:
            continue
        if '"' in line and len(sign) == 1:
            try:
                cells = next(csv.reader([line], delimiter=sign), [line])
            except csv.Error:
                cells = line.split(sign)
        else:
            cells = line.split(sign)
        if sign == "|":
            cells = cells[not cells[0].strip() : len(cells) - (not cells[-1].strip())]
        if len(cells) > 1:
            return [cell.strip() for cell in cells[:_CELLS]], sign
    if len(parts := _SPACES.split(line.strip())) > 1:
        return parts[:_CELLS], "  "
    return [line.strip()], ""


def _read_run(
    run: list[tuple[int, list[str]]],
    key: tuple[str, int] | None,
    reading: SampleReading,
    origin: _Origin,
    region: str,
    limit: int,
) -> None:
    """Read the lines of one shape: a table with a header or without one, or lines of text."""
    if not run or key is None:
        return
    roles: list[LabelKind | None] = [None] * key[1]
    labels = [""] * key[1]
    if key[1] > 1 and _is_header(run[0][1]):
        labels = run[0][1]
        roles = [role_of_label(cell) for cell in labels]
        run = run[1:]
    if run:
        _read_table(run, roles, labels, reading, origin, region, limit, alone=key[1] == 1)


def _is_header(cells: Sequence[str]) -> bool:
    known = [role for cell in cells if (role := role_of_label(cell)) is not None]
    if not any(role is not LabelKind.OTHER for role in known):
        return False
    return 2 * len(known) >= len(cells) and not any(
        "*" in cell or sum(map(str.isdigit, cell)) > 4 for cell in cells
    )


def _read_table(
    rows: Sequence[tuple[int, list[str]]],
    roles: Sequence[LabelKind | None],
    labels: Sequence[str],
    reading: SampleReading,
    origin: _Origin,
    region: str,
    limit: int,
    *,
    alone: bool,
) -> None:
    """Read rows of cells. `alone`: the rows are lines without a delimiter; their pieces are their columns."""
    wholes = _wholes_of([cell for _, cells in rows for cell in cells], region)
    raws: list[RawRow] = []
    number = 0
    for index, cells in rows:
        columns = []
        for place, cell in enumerate(cells):
            role = roles[place] if place < len(roles) else None
            label = labels[place] if place < len(labels) else ""
            columns.append(_read_cell(cell, role, label, wholes.get(number, ()), region))
            number += 1
        start, end = origin.span(index, index)
        if alone:
            columns = [[piece] for pieces in columns for piece in pieces]
        raws.append(
            RawRow(origin.line_of(index), start, end, columns, any(role is not None for role in roles))
        )
    groups: Iterator[list[RawRow]] = (
        (list(group) for _, group in groupby(raws, key=lambda raw: len(raw.columns)))
        if alone
        else iter([raws])
    )
    for group in groups:
        reading.ambiguous += resolve_table(group, region).ambiguous
        _add_rows(group, reading, limit, table=len(group) > 1)


def _read_cell(
    cell: str, role: LabelKind | None, label: str, wholes: Sequence[Whole], region: str
) -> list[Piece]:
    if not cell or role is LabelKind.OTHER:
        return []
    if role is not None:
        found = cell_values(cell, role, region, label)
        if found:
            return [Piece(cell, one) for one in found]
    return read_pieces(cell, wholes, region, role)


@lru_cache(maxsize=8)
def _scanner(region: str) -> Scanner:
    return Scanner(region, _FIELDS)


def _wholes_of(cells: Sequence[str], region: str) -> dict[int, list[Whole]]:
    """Return the whole identifiers of each cell, by its number."""
    text = "\n".join(cells)
    if not re.search(r"@|\d{4}|\d[ -]?\d", text):
        return {}
    starts = list(accumulate((len(cell) + 1 for cell in cells), initial=0))
    found: dict[int, list[Whole]] = {}
    for candidate in _scanner(region).scan_text(text).in_order():
        number = bisect_right(starts, candidate.start) - 1
        first = starts[number]
        if candidate.end <= first + len(cells[number]):
            whole = (candidate.start - first, candidate.end - first, candidate.field, candidate.canonical)
            found.setdefault(number, []).append(whole)
    return found


# --- records over several lines


def _records(lines: Sequence[str], block: Block | None) -> dict[int, list[int]]:
    """Return the lines of each record of several lines, by its first line; by -line - 1 for the others."""
    if not any(map(_may_be_field, lines)):
        return {}
    filled = "\n".join(map(_filled, lines))
    borders = block.borders if block is not None else None
    shape = block.record_shape if block is not None else None
    rows = TextRows(filled, borders, shape)
    members: dict[int, list[int]] = {}
    for index in range(min(len(lines), rows.breaks + 1)):
        if lines[index].strip():
            members.setdefault(rows.row_at(index), []).append(index)
    found: dict[int, list[int]] = {}
    for first, indexes in members.items():
        if len(indexes) < 2 or len(indexes) > _RECORD_LINES:
            continue
        fields = sum(rows.pair_at(index) is not None for index in indexes)
        if 2 * fields < len(indexes) and not _are_cards(lines, indexes):
            continue
        found[first] = indexes
        for index in indexes:
            if index != first:
                found[-index - 1] = indexes
    return found


_RECORD_LINES = 60
_FIELD = re.compile(r"[^\n]{1,60}?[:=]|[^\d*@]{2,40}$|[\d*+][\d* +()-]{5,}$")


def _may_be_field(line: str) -> bool:
    return bool(line) and _FIELD.match(line) is not None


def _are_cards(lines: Sequence[str], indexes: Sequence[int]) -> bool:
    return all(len(_cells_of_line(lines[index])[0]) < 3 for index in indexes)


def _filled(line: str) -> str:
    """Return a line with something in place of its masks and a known label, so that its shape is seen."""
    filled = _MASK_RUN.sub(_fill, line) if "*" in line else line
    key = _KEY.match(filled)
    role = role_of_label(key["label"]) if key else None
    if key is None or role is None or role is LabelKind.OTHER or role_of(key["label"].strip()) is not None:
        return filled
    return f"{filled[: key.start('label')]}{_KNOWN_LABELS.get(role, role)}{filled[key.end('label') :]}"


_KNOWN_LABELS = {LabelKind.CARD_TAIL: "card", LabelKind.PHONE_TAIL: "phone"}


_MASK_RUN = re.compile(r"\*+")


def _fill(run: re.Match[str]) -> str:
    line, (start, end) = run.string, run.span()
    before = line[max(0, start - 8) : start].rstrip(" -.()*")[-1:]
    behind = line[end : end + 8].lstrip(" -.()*")[:1]
    if before.isdigit() or behind.isdigit():
        return "0" * (end - start)
    before, behind = line[start - 1 : start], line[end : end + 1]
    return "x" * (end - start) if before.isalpha() or behind == "@" or behind.isalpha() else run[0]


_KEY = re.compile(
    r"\s*[^\w\s]{0,4}\s*(?P<label>[^\d\W][^:=|\t@*]{0,40}?)[\"'*]{0,3}\s{0,4}[:=|\t]\s{0,4}(?P<value>.*)$"
)


def _read_record(
    lines: Sequence[str], indexes: Sequence[int], reading: SampleReading, origin: _Origin, region: str
) -> None:
    columns: list[list[Piece]] = []
    cells: list[tuple[str, str, LabelKind | None]] = []
    pending = ""
    for index in indexes:
        line = lines[index].strip()
        match = _KEY.match(line)
        label = match["label"].strip() if match else ""
        role = role_of_label(label) if label else None
        if match and role is not None and match["value"].strip():
            cells.append((label, match["value"].strip(" \t,;\"'"), role))
            pending = ""
        elif role_of_label(line.rstrip(": ")) is not None:
            pending = line.rstrip(": ")
        elif pending:
            cells.append((pending, line, role_of_label(pending)))
            pending = ""
        else:
            cells.append(("", line, None))
    wholes = _wholes_of([cell for _, cell, _ in cells], region)
    for number, (label, cell, role) in enumerate(cells):
        columns.append(_read_cell(cell, role, label, wholes.get(number, ()), region))
    start, end = origin.span(indexes[0], indexes[-1])
    row = RawRow(origin.line_of(indexes[0]), start, end, columns, labelled=True)
    reading.ambiguous += resolve_table([row], region).ambiguous
    _add_rows([row], reading, len(reading.rows) + 1, table=False)


# --- which rows are kept

_STRONG = frozenset(
    {
        Attribute.PHONE,
        Attribute.RESIDENT_ID,
        Attribute.NATIONAL_ID,
        Attribute.CARD,
        Attribute.IBAN,
        Attribute.EMAIL,
    }
)
_SHOWN = {
    Attribute.PHONE: 5,
    Attribute.RESIDENT_ID: 5,
    Attribute.NATIONAL_ID: 4,
    Attribute.CARD: 6,
    Attribute.IBAN: 6,
    Attribute.EMAIL: 1,
}


def _add_rows(raws: Sequence[RawRow], reading: SampleReading, limit: int, *, table: bool) -> None:
    whole = sum(_has_strong(raw.values) for raw in raws)
    for raw in raws:
        people = _people_of(raw)
        reading.ambiguous += len(people) == 1 and _has_names(raw.values) and not _has_names(people[0])
        for values in people:
            if len(reading.rows) >= limit:
                reading.cut.add("rows")
                return
            if _is_row(values, table=table and whole > 1, labelled=raw.labelled):
                number = len(reading.rows) + 1
                reading.rows.append(SampleRow(number, raw.line, raw.start, raw.end, tuple(values)))


def _has_strong(values: Sequence[VisibleValue]) -> bool:
    return any(value.attribute in _STRONG for value in values)


def _has_names(values: Sequence[VisibleValue]) -> bool:
    return any(value.attribute is Attribute.NAME for value in values)


def _people_of(raw: RawRow) -> list[list[VisibleValue]]:
    """Return the values of each person of a line: `张*138****1234，李*139****5678` shows two."""
    values = list(dict.fromkeys(raw.values))
    kinds = [value.attribute for value in values]
    names = kinds.count(Attribute.NAME)
    for size in range(1, len(kinds) // 2 + 1):
        if len(kinds) % size == 0 and kinds == kinds[:size] * (len(kinds) // size):
            if (size == 1 and len(kinds) > 2 and not names) or (size > 1 and Attribute.NAME in kinds[:size]):
                return [values[at : at + size] for at in range(0, len(values), size)]
            break
    if names > 1:  # whose they are is not certain
        return [[value for value in values if value.attribute is not Attribute.NAME]]
    return [values]


def _is_row(values: Sequence[VisibleValue], *, table: bool, labelled: bool) -> bool:
    """Return whether values say enough of a person.

    A name and a birth date do together, but neither does alone, nor four digits of a card. A whole address or
    number in a line of text may be anybody's; rows of them, or several kinds of them, are a list.
    """
    kinds = {value.attribute for value in values}
    if not any(value.is_masked for value in values):
        strong = kinds & _STRONG
        return bool(strong) and (table or len(kinds) > 2 or (labelled and len(kinds) > 1))
    if kinds <= {Attribute.NAME, Attribute.BIRTH_DATE}:
        return len(kinds) == 2
    if len(kinds) > 1:
        return True
    return any(
        len(value.head) + len(value.tail) >= _SHOWN.get(value.attribute, 99) or not value.is_masked
        for value in values
    )
