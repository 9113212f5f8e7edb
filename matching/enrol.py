"""Enrolment: a customer list becomes a segment, on the company's own premises. No database, no network.

The list is read as a stream; what stays in memory is 20 bytes a fingerprint. The ordinal of a customer is the
number of the row, from 1 on, the header not counted. No message and no count holds a value of the list.
"""

import csv
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from matching import segments
from matching.columns import role_of
from matching.errors import CustomersUnreadable, CustomersWithoutColumns
from matching.fingerprints import Fingerprinter, Fingerprints, RootKey
from matching.identifiers import Field, canonical, refusal
from matching.segments import Ordinals

ROWS_LIMIT = (1 << 32) - 1  # an ordinal has 4 bytes
CELL_LIMIT = 1 << 20  # characters of one cell
_BATCH = 20_000  # rows
_SAMPLE = 1 << 18  # bytes that encoding and delimiter are decided on
_DELIMITERS = ",;\t|"
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(slots=True)
class Enrolment:
    """What became of a list."""

    rows: int = 0
    columns: dict[Field, list[int]] = field(default_factory=dict)  # from 1 on
    accepted: Counter[Field] = field(default_factory=Counter)
    refused: dict[Field, Counter[str]] = field(default_factory=dict)  # reason -> values


Progress = Callable[[int, int], None]  # bytes read, rows read


def enroll(
    customers: Path,
    segment: Path,
    *,
    company: str,
    key: RootKey,
    default_region: str,
    now: datetime,
    columns: Mapping[Field, Sequence[str]] | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool = True,
    progress: Progress = lambda _bytes, _rows: None,
) -> Enrolment:
    """Write the segment of a list; raises CustomersRefused.

    `columns`: which columns hold a field, by number (from 1 on) or by name; None: the header's names say it.
    `delimiter` and `encoding` None: found out.
    """
    sample = _sample(customers)
    encoding = encoding or _encoding_of(sample, customers)
    delimiter = delimiter or _delimiter_of(sample.decode(encoding, errors="ignore"))
    try:
        with customers.open(encoding=encoding, newline="") as stream:
            table = _table(stream, delimiter)
            names = next(table, []) if header else []
            result = Enrolment(columns=_columns_of(names, columns or {}))
            builders = {
                name: _Builder(name, key.fingerprinter(company, name), default_region)
                for name in result.columns
            }
            for batch in _batches(table):
                _take(batch, result, builders)
                progress(os.lseek(stream.fileno(), 0, os.SEEK_CUR), result.rows)
    except UnicodeError:
        raise CustomersUnreadable(
            f"{customers} is not in {encoding} throughout; name its encoding with --encoding"
        ) from None
    for name, builder in builders.items():
        result.accepted[name], result.refused[name] = builder.accepted, builder.refused
    segments.write(
        segment,
        {name: segments.sorted_columns(*builder.finished()) for name, builder in builders.items()},
        company=company,
        default_region=default_region,
        key=key,
        customers=result.rows,
        now=now,
    )
    return result


def _sample(customers: Path) -> bytes:
    try:
        with customers.open("rb") as stream:
            return stream.read(_SAMPLE)
    except OSError as error:
        raise CustomersUnreadable(f"{customers} cannot be read: {error.strerror}") from None


def _encoding_of(sample: bytes, customers: Path) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in _ENCODINGS:
        try:
            sample[: sample.rfind(b"\n") + 1 or None].decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise CustomersUnreadable(
        f"{customers} is neither UTF-8 nor UTF-16 nor GB18030; name its encoding with --encoding"
    )


def _delimiter_of(sample: str) -> str:
    """The one that the first line has most of."""
    first = sample.lstrip("\ufeff\r\n").partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _table(stream: TextIO, delimiter: str) -> Iterator[list[str]]:
    """The rows that hold anything; raises CustomersUnreadable with the line's number."""
    csv.field_size_limit(CELL_LIMIT)
    reader = csv.reader(stream, delimiter=delimiter)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise CustomersUnreadable(f"line {reader.line_num} of the list is no CSV: {error}") from None


def _columns_of(names: list[str], wanted: Mapping[Field, Sequence[str]]) -> dict[Field, list[int]]:
    """Field -> numbers of its columns. What is said stands instead of what the header suggests."""
    found: dict[Field, list[int]] = {}
    for name in Field:
        said = wanted.get(name)
        columns = [_said(column, names) for column in said] if said else _recognised(name, names)
        if columns:
            found[name] = columns
    if not found:
        raise CustomersWithoutColumns(
            f"none of the {len(names)} columns has a name that stands for {', '.join(Field)}; "
            f"say which column is which, such as --column email=2"
        )
    return found


def _said(column: str, names: list[str]) -> int:
    if column.isdigit() and int(column) > 0:
        return int(column)
    if column in names:
        return names.index(column) + 1
    raise CustomersWithoutColumns(f"there is no column {column!r}; wanted: its number from 1 on, or a name")


def _recognised(wanted: Field, names: list[str]) -> list[int]:
    return [number for number, name in enumerate(names, 1) if role_of(name) == wanted]


def _batches(table: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while batch := list(islice(table, _BATCH)):
        yield batch


def _take(batch: list[list[str]], result: Enrolment, builders: Mapping[Field, "_Builder"]) -> None:
    first = result.rows + 1
    result.rows += len(batch)
    if result.rows > ROWS_LIMIT:
        raise CustomersUnreadable(f"the list has more than {ROWS_LIMIT} rows; split it")
    for name, numbers in result.columns.items():
        for number in numbers:
            cells = (row[number - 1] if len(row) >= number else "" for row in batch)
            builders[name].add(enumerate(cells, first))


class _Builder:
    """The fingerprints of one field, batch by batch."""

    def __init__(self, name: Field, fingerprinter: Fingerprinter, region: str) -> None:
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._name = name
        self._fingerprinter = fingerprinter
        self._region = region
        self._values: list[Fingerprints] = []
        self._ordinals: list[Ordinals] = []

    def add(self, cells: Iterable[tuple[int, str]]) -> None:
        values, ordinals = [], []
        for ordinal, cell in cells:
            value = canonical(self._name, cell, self._region) if len(cell) <= CELL_LIMIT else None
            if value is None:
                self.refused[refusal(self._name, cell)] += 1
            else:
                values.append(value)
                ordinals.append(ordinal)
        self.accepted += len(values)
        self._values.append(self._fingerprinter(values))
        self._ordinals.append(np.array(ordinals, dtype=np.uint32))

    def finished(self) -> tuple[Fingerprints, Ordinals]:
        if not self._values:
            return self._fingerprinter([]), np.empty(0, dtype=np.uint32)
        return np.concatenate(self._values), np.concatenate(self._ordinals)
