"""Enrolment: a customer list becomes a segment, on the company's own premises. No database, no network.

The list is read as a stream; what stays in memory is 20 bytes a fingerprint. The ordinal of a customer is the
number of the row, from 1 on, the header not counted. No message and no count holds a value of the list.
Which columns are read is decided in `enrol_columns`.
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
from matching.enrol_columns import Reader, Source, sources
from matching.errors import CustomersUnreadable
from matching.fingerprints import Fingerprinter, Fingerprints, RootKey
from matching.identifiers import DateOrder, Field
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
    dates: DateOrder | None = None,
    header: bool = True,
    progress: Progress = lambda _bytes, _rows: None,
) -> Enrolment:
    """Write the segment of a list; raises CustomersRefused.

    `columns`: which columns hold a field, by number (from 1 on) or by name, several joined with + for a name
    with a birth date; None: the header's names say it. `delimiter` and `encoding` None: found out. `dates`
    None: 03/04/1990 is refused.
    """
    sample = _sample(customers)
    encoding = encoding or _encoding_of(sample, customers)
    delimiter = delimiter or _delimiter_of(sample.decode(encoding, errors="ignore"))
    try:
        with customers.open(encoding=encoding, newline="") as stream:
            table = _table(stream, delimiter)
            names = next(table, []) if header else []
            chosen = sources(names, columns or {})
            builders = {
                name: _Builder(Reader(name, default_region, dates), key.fingerprinter(company, name))
                for name in dict.fromkeys(source.field for source in chosen)
            }
            result = Enrolment(columns={name: _numbers(chosen, name) for name in builders})
            for batch in _batches(table):
                _take(batch, result, [(source, builders[source.field]) for source in chosen])
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


def _numbers(chosen: Sequence[Source], name: Field) -> list[int]:
    """The columns that a field is read from, each once."""
    numbers = (number for source in chosen if source.field is name for number in source.columns)
    return list(dict.fromkeys(numbers))


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


def _batches(table: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while batch := list(islice(table, _BATCH)):
        yield batch


def _take(batch: list[list[str]], result: Enrolment, builders: Sequence[tuple[Source, "_Builder"]]) -> None:
    first = result.rows + 1
    result.rows += len(batch)
    if result.rows > ROWS_LIMIT:
        raise CustomersUnreadable(f"the list has more than {ROWS_LIMIT} rows; split it")
    for source, builder in builders:
        builder.add(enumerate(map(source.cells, batch), first))


class _Builder:
    """The fingerprints of one field, batch by batch."""

    def __init__(self, reader: Reader, fingerprinter: Fingerprinter) -> None:
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._reader = reader
        self._fingerprinter = fingerprinter
        self._values: list[Fingerprints] = []
        self._ordinals: list[Ordinals] = []

    def add(self, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
        """The cells of a source, with the ordinals."""
        values: list[str] = []
        ordinals: list[int] = []
        for ordinal, cells in rows:
            forms = self._reader.forms(cells)
            if not forms:
                self.refused[self._reader.refusal(cells)] += 1
                continue
            self.accepted += 1
            values += forms
            ordinals += [ordinal] * len(forms)
        self._values.append(self._fingerprinter(values))
        self._ordinals.append(np.array(ordinals, dtype=np.uint32))

    def finished(self) -> tuple[Fingerprints, Ordinals]:
        if not self._values:
            return self._fingerprinter([]), np.empty(0, dtype=np.uint32)
        return np.concatenate(self._values), np.concatenate(self._ordinals)
