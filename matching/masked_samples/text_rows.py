"""The rows of a text: its lines and records, in which lines of one shape make a table."""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, groupby
from typing import NamedTuple

from matching.identifiers import Field
from matching.inputs import Block
from matching.inputs.formats.records.grouping import RecordShape
from matching.inputs.formats.rows import TextRows
from matching.masked_samples.labels import LabelKind, role_of_label
from matching.masked_samples.line_values import TAIL, Piece, Whole, cell_values, read_pieces
from matching.masked_samples.mask_signs import MASK, narrow_lines, plain_line
from matching.masked_samples.people import (
    has_identifier,
    has_name,
    is_row,
    joined_pairs,
    people_of,
)
from matching.masked_samples.record_lines import KEY, filled_line, records_of
from matching.masked_samples.row_tables import RawRow, resolve_table
from matching.masked_samples.sample_rows import SampleRow
from matching.scanning.scanner import Scanner

CELLS = 64  # of a line
#: Lines of a text that are read together, and of a table that are decided on together.
_PART = 2_000
_PART_CHARACTERS = 1 << 17
_STEP = 256  # lines between two looks at the clock
_NEAR = 40  # lines around a value that may belong to its record or table
_FIELDS = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD, Field.IBAN, Field.NATIONAL_ID)

_LOG_LINE = re.compile(
    r"\s*[\[<(]?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
    r".{0,60}?(?:\b(?:INFO|WARN(?:ING)?|ERROR|DEBUG|TRACE|FATAL|NOTICE|CRITICAL)\b"
    r"|\w{1,40}\[\d+\]:|(?i:level=))"
)
_RULE_LINE = re.compile(r"[\s|+:=_~*.\-]*")
_DELIMITERS = ("\t", "----", "|", ";", ",")
_SPACES = re.compile(r" {2,}")


@dataclass(slots=True)
class SampleReading:
    """The rows of a text. `ambiguous`: masked values that can be several things and were left out.

    `cut`: what kept the rest from being read: `rows` (their limit), `text` (its length) or `time`.
    """

    rows: list[SampleRow] = field(default_factory=list)
    ambiguous: int = 0
    cut: set[str] = field(default_factory=set)

    @property
    def masked(self) -> int:
        """Number of rows with a masked value."""
        return sum(row.is_masked for row in self.rows)


@dataclass(slots=True)
class LinePlaces:
    """Where the lines of what is read stand in their text."""

    starts: list[int]
    length: int
    block: Block | None = None

    @classmethod
    def of_text(cls, text: str) -> LinePlaces:
        starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
        return cls(starts, len(text))

    @classmethod
    def of_block(cls, block: Block) -> LinePlaces:
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


class _OpenTable(NamedTuple):
    """A table that may go on: its delimiter and width, the line behind it, its columns."""

    key: tuple[str, int]
    after: int
    roles: Sequence[LabelKind | None]
    labels: Sequence[str]

    def goes_on(self, key: tuple[str, int], line: int) -> bool:
        return key == self.key and line == self.after


@dataclass(slots=True)
class RowReader:
    """Adds the rows of lines, records and tables to `reading`."""

    reading: SampleReading
    origin: LinePlaces
    region: str
    limit: int  # rows
    expired: Callable[[], bool]
    _shape: RecordShape | None = None  # of the records so far
    _open: _OpenTable | None = None

    # --- lines

    def read_text(self, text: str, block: Block | None = None) -> None:
        """Read the lines of a text that has no columns of its own, or of a block."""
        narrow = narrow_lines(text)
        for part in _parts(narrow):
            if self._is_over():
                return
            lines = [_with_bracketed_labels(plain_line(narrow[index])) for index in part]
            for stretch in self._stretches(lines):
                if self._is_over():
                    return
                places = range(part.start + stretch.start, part.start + stretch.stop)
                read = lines[stretch.start : stretch.stop]
                self._read_stretch(read, places.start, self._records(read, places, block, len(narrow)))

    def _stretches(self, lines: Sequence[str]) -> list[range]:
        """Return the parts of a text that have values, with the lines around them."""
        wholes = wholes_of(lines, self.region)
        found: list[range] = []
        for index, line in enumerate(lines):
            if MASK in line or index in wholes or TAIL.search(line):
                start, stop = max(0, index - _NEAR), min(len(lines), index + _NEAR + 1)
                if found and start <= found[-1].stop:
                    found[-1] = range(found[-1].start, stop)
                else:
                    found.append(range(start, stop))
        return found

    def _records(
        self, lines: Sequence[str], places: range, block: Block | None, count: int
    ) -> dict[int, list[int]]:
        """Return the records of a stretch at `places` of a text that has `count` lines."""
        borders = block.borders if block is not None else None
        if borders is not None:
            borders = borders[places.start : places.stop] if len(borders) >= count else None
        known = block.record_shape if block is not None else self._shape
        rows = TextRows("\n".join(map(filled_line, lines)), borders, known)
        found = records_of(lines, rows)
        self._shape = rows.record_shape if found else self._shape
        return found

    def _is_over(self) -> bool:
        if len(self.reading.rows) >= self.limit:
            self.reading.cut.add("rows")
        elif self.expired():
            self.reading.cut.add("time")
        return bool(self.reading.cut & {"rows", "time"})

    def _read_stretch(self, lines: Sequence[str], first: int, records: dict[int, list[int]]) -> None:
        """Read lines, the first of which has the index `first` in the text.

        `records`: the lines of each record over several of them, by its first line.
        """
        inside = {index for members in records.values() for index in members}
        run: list[tuple[int, list[str]]] = []
        key: tuple[str, int] | None = None
        for at, line in enumerate(lines):
            if at % _STEP == 0 and self._is_over():
                return
            is_log = _LOG_LINE.match(line) is not None
            if at in inside or is_log:
                self._read_run(run, key)
                run, key = [], None
                if at in records:
                    self._read_record([lines[index] for index in records[at]], first, records[at])
                continue
            if _RULE_LINE.fullmatch(line):
                continue
            cells, sign = cells_of_line(line)
            if (sign, len(cells)) != key or len(run) >= _PART:
                self._read_run(run, key)
                run, key = [], (sign, len(cells))
            run.append((first + at, cells))
        self._read_run(run, key)

    def _read_run(self, run: list[tuple[int, list[str]]], key: tuple[str, int] | None) -> None:
        """Read the lines of one shape: a table with a header or without one, or lines of text."""
        if not run or key is None:
            return
        table = self._open if self._open and self._open.goes_on(key, run[0][0]) else None
        roles: Sequence[LabelKind | None] = table.roles if table else [None] * key[1]
        labels: Sequence[str] = table.labels if table else [""] * key[1]
        after = run[-1][0] + 1
        if key[1] > 1 and _is_header(run[0][1]):
            labels = run[0][1]
            roles = [role_of_label(cell) for cell in labels]
            run = run[1:]
        self._open = _OpenTable(key, after, roles, labels)
        if run:
            self.read_table(run, roles, labels, alone=key[1] == 1)

    # --- tables

    def read_table(
        self,
        rows: Sequence[tuple[int, list[str]]],
        roles: Sequence[LabelKind | None],
        labels: Sequence[str],
        *,
        alone: bool = False,
    ) -> None:
        """Read rows of cells, with the index of their lines.

        `roles` and `labels`: of the columns; `alone`: the rows are lines without delimiter, and their pieces
        are their columns.
        """
        wholes = wholes_of([cell for _, cells in rows for cell in cells], self.region)
        raws: list[RawRow] = []
        number = 0
        is_named = any(role is not None for role in roles)
        for index, cells in rows:
            columns = []
            for place, cell in enumerate(cells):
                role = roles[place] if place < len(roles) else None
                label = labels[place] if place < len(labels) else ""
                columns.append(self._read_cell(cell, role, label, wholes.get(number, ())))
                number += 1
            if alone:
                columns = [[piece] for pieces in columns for piece in pieces]
            start, end = self.origin.span(index, index)
            raws.append(RawRow(self.origin.line_of(index), start, end, columns, is_named))
        groups = [list(group) for _, group in groupby(raws, key=_width)] if alone else [raws]
        for group in groups:
            self.reading.ambiguous += resolve_table(group, self.region)
            self._add_rows(joined_pairs(group) if alone else group)

    def _read_cell(
        self, cell: str, role: LabelKind | None, label: str, wholes: Sequence[Whole]
    ) -> list[Piece]:
        if not cell or role is LabelKind.OTHER:
            return []
        if role is not None and (found := cell_values(cell, role, self.region, label)):
            return [Piece(cell, one) for one in found]
        return read_pieces(cell, wholes, self.region, role)

    def _add_rows(self, raws: Sequence[RawRow]) -> None:
        listed = sum(has_identifier(raw.values) for raw in raws) > 1
        beside_masked = any(
            value.is_masked and has_identifier([value]) for raw in raws for value in raw.values
        )
        for raw in raws:
            people = people_of(raw)
            self.reading.ambiguous += len(people) == 1 and has_name(raw.values) and not has_name(people[0])
            for one in people:
                if not is_row(one, listed=listed or raw.labelled, beside_masked=listed and beside_masked):
                    continue
                if len(self.reading.rows) >= self.limit:
                    self.reading.cut.add("rows")
                    return
                number = len(self.reading.rows) + 1
                self.reading.rows.append(SampleRow(number, raw.line, raw.start, raw.end, tuple(one)))

    # --- records over several lines

    def _read_record(self, lines: Sequence[str], first: int, indexes: Sequence[int]) -> None:
        cells: list[tuple[str, str, LabelKind | None]] = []
        pending = ""
        for line in map(str.strip, lines):
            match = KEY.match(line)
            label = match["label"].strip() if match else ""
            role = role_of_label(label) if label else None
            if match and role is not None and match["value"].strip() and not _LABELLED.search(match["value"]):
                cells.append((label, match["value"].strip(" \t,;\"'"), role))
                pending = ""
            elif _LABEL_ALONE.fullmatch(line) and role_of_label(line.rstrip(": ")) is not None:
                pending = line.rstrip(": ")
            else:
                cells.append((pending, line, role_of_label(pending) if pending else None))
                pending = ""
        wholes = wholes_of([cell for _, cell, _ in cells], self.region)
        columns = [
            self._read_cell(cell, role, label, wholes.get(number, ()))
            for number, (label, cell, role) in enumerate(cells)
        ]
        start, end = self.origin.span(first + indexes[0], first + indexes[-1])
        row = RawRow(self.origin.line_of(first + indexes[0]), start, end, columns, labelled=True)
        self.reading.ambiguous += resolve_table([row], self.region)
        self._add_rows([row])


def _width(row: RawRow) -> int:
    return len(row.columns)


def _parts(lines: Sequence[str]) -> Iterator[range]:
    """Yield the parts that are read one after the other: they end at an empty line, if one is near."""
    ends = list(accumulate(len(line) + 1 for line in lines))
    start = 0
    while start < len(lines):
        before = ends[start - 1] if start else 0
        end = min(start + _PART, bisect_right(ends, before + _PART_CHARACTERS, start), len(lines))
        if start < end < len(lines):
            back = (at for at in range(end, max(start, end - _NEAR), -1) if not lines[at - 1].strip())
            end = next(back, end)
        end = max(end, start + 1)
        yield range(start, end)
        start = end


_LABELLED = re.compile(r"[,;|、 ][^\W\d_]{1,20}\s{0,2}[:=](?!/)")  # another field on the same line
_LABEL_ALONE = re.compile(r"[^\d*@]{1,40}")
_BRACKETED = re.compile(r"[「【\[〔『]\s?([^「」【】\[\]〔〕『』\n]{1,16}?)\s?[」】\]〕』]\s{0,2}:?")


def _with_bracketed_labels(line: str) -> str:
    """Return the line with `label:` in place of a known label in brackets: 【姓名】张*三."""
    return _BRACKETED.sub(_label_of_brackets, line) if _BRACKETED.search(line) else line


def _label_of_brackets(found: re.Match[str]) -> str:
    return f" {found[1]}: " if role_of_label(found[1]) is not None else found[0]


def cells_of_line(line: str) -> tuple[list[str], str]:
    """Return the cells of a line, and the delimiter between them; "" for a line without one."""
    for sign in _DELIMITERS:
        if sign not in line:
            continue
        cells = line.split(sign)
        if '"' in line and len(sign) == 1:
            with suppress(csv.Error):
                cells = next(csv.reader([line], delimiter=sign), cells)
        if sign == "|":
            cells = cells[not cells[0].strip() : len(cells) - (not cells[-1].strip())]
        if len(cells) > 1:
            return [cell.strip() for cell in cells[:CELLS]], sign
    if len(parts := _SPACES.split(line.strip())) > 1:
        return parts[:CELLS], "  "
    return [line.strip()], ""


def _is_header(cells: Sequence[str]) -> bool:
    known = [role for cell in cells if (role := role_of_label(cell)) is not None]
    if all(role is LabelKind.OTHER for role in known):
        return False
    return 2 * len(known) >= len(cells) and not holds_values(cells)


def holds_values(names: Sequence[str]) -> bool:
    """Return whether one of the names of columns is a value, so that they are none."""
    return any(MASK in name or sum(map(str.isdigit, name)) > 4 for name in names)


# --- whole identifiers

_MAY_BE_WHOLE = re.compile(r"@|\d{4}|\d[ -]?\d")


@lru_cache(maxsize=8)
def _scanner(region: str) -> Scanner:
    return Scanner(region, _FIELDS)


def wholes_of(cells: Sequence[str], region: str) -> dict[int, list[Whole]]:
    """Return the whole identifiers of each cell, by its number."""
    text = "\n".join(cells)
    if not _MAY_BE_WHOLE.search(text):
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
