"""Enrolment: a customer list becomes a segment, on the company's own premises. No database, no network.

The list is read as a stream, and its fingerprints are sorted in bounded memory. The ordinal of a customer is
the number of the row, from 1 on, the header not counted; of customers who are added to a segment, counted on
from its last one. No message and no count holds a value of the list.
Which columns are read is decided in `enrol_columns`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

import numpy as np

from matching.enrolment.column_choice import ValueReader, ValueSource, sources
from matching.enrolment.customer_list import CELL_LIMIT as CELL_LIMIT  # callers find it here
from matching.enrolment.customer_list import open_list
from matching.errors import CustomersUnreadable
from matching.fingerprints import segments
from matching.fingerprints.scheme import Fingerprinter, RootKey
from matching.fingerprints.segments import SegmentHeader, Sorter, open_segment
from matching.identifiers import DateOrder, Field

ROWS_LIMIT = (1 << 32) - 1  # an ordinal has 4 bytes
_BATCH = 20_000  # rows


@dataclass(slots=True)
class Enrolment:
    """What became of a list."""

    rows: int = 0
    first: int = 1  # ordinal of the first row
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
    base: Path | None = None,
    progress: Progress = lambda _bytes, _rows: None,
) -> Enrolment:
    """Write the segment of a list; raises CustomersRefused, or SegmentRefused because of `base`.

    `base`: the last file of a series; then a delta is written, with the customers of the list added to it.
    `columns`: which columns hold a field, by number (from 1 on) or by name, several joined with + for a name
    with a birth date; None: the header's names say it. `delimiter` and `encoding` None: found out. `dates`
    None: 03/04/1990 is refused.
    """
    before = None if base is None else _followed(base, company, key)
    folder = segment.absolute().parent
    with open_list(customers, delimiter=delimiter, encoding=encoding) as opened:
        names = next(opened.rows, []) if header else []
        chosen = sources(names, columns or {})
        builders = {
            name: _Builder(
                ValueReader(name, default_region, dates), key.fingerprinter(company, name), Sorter(folder)
            )
            for name in dict.fromkeys(source.field for source in chosen)
        }
        result = Enrolment(
            first=1 if before is None else before.customers + 1,
            columns={name: _numbers(chosen, name) for name in builders},
        )
        for batch in _batches(opened.rows):
            _take(batch, result, [(source, builders[source.field]) for source in chosen])
            progress(opened.read(), result.rows)
    for name, builder in builders.items():
        result.accepted[name], result.refused[name] = builder.accepted, builder.refused
    counts = {name: builder.sorter.count for name, builder in builders.items()}
    written = {name: builder.sorter.merged() for name, builder in builders.items()}
    if before is None:
        stated = segments.first_header(
            company=company,
            default_region=default_region,
            key=key,
            customers=result.rows,
            counts=counts,
            now=now,
        )
    else:
        vectors = segments.golden(key, company)
        stated = segments.delta_header(before, now=now, added=result.rows, counts=counts, vectors=vectors)
        segments.check_follows(stated, before, segment)
    segments.write_segment(segment, stated, written)
    return result


def _followed(base: Path, company: str, key: RootKey) -> SegmentHeader:
    """The header of the segment that customers are added to."""
    opened = open_segment(base, company=company)
    opened.check_key(key)
    return opened.header


def _numbers(chosen: Sequence[ValueSource], name: Field) -> list[int]:
    """The columns that a field is read from, each once."""
    numbers = (number for source in chosen if source.field is name for number in source.columns)
    return list(dict.fromkeys(numbers))


def _batches(table: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while batch := list(islice(table, _BATCH)):
        yield batch


def _take(
    batch: list[list[str]], result: Enrolment, builders: Sequence[tuple[ValueSource, "_Builder"]]
) -> None:
    first = result.first + result.rows
    result.rows += len(batch)
    if result.first + result.rows - 1 > ROWS_LIMIT:
        raise CustomersUnreadable(f"the list has more than {ROWS_LIMIT} rows; split it")
    known: list[set[str]] = [set() for _ in batch]
    for source, builder in builders:
        builder.add(enumerate(map(source.cells, batch), first), known)


class _Builder:
    """The fingerprints of one field, batch by batch."""

    def __init__(self, reader: ValueReader, fingerprinter: Fingerprinter, sorter: Sorter) -> None:
        self.sorter = sorter
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._reader = reader
        self._fingerprinter = fingerprinter

    def add(self, rows: Iterable[tuple[int, Sequence[str]]], known: Iterable[set[str]]) -> None:
        """The cells of a source, with the ordinals. `known`: each customer's forms so far, in small letters;
        it gets these too.
        """
        values: list[str] = []
        ordinals: list[int] = []
        for (ordinal, cells), own in zip(rows, known, strict=True):
            forms = self._reader.taken(cells, own)
            if not forms:
                self.refused[self._reader.refusal(cells)] += 1
                continue
            self.accepted += 1
            values += forms
            ordinals += [ordinal] * len(forms)
        self.sorter.add(self._fingerprinter(values), np.array(ordinals, dtype=np.uint32))
