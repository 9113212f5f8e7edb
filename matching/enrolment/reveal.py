"""Turns ordinals back into customers, on the company's own premises: no database, no network, no log.

The lists are those that were enrolled, in the order of the segments: the list of the base, then the list of
each delta that added customers. Their rows are numbered as `enrol` numbered them.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOBase
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

from matching.enrolment.affected import (
    COUNTRY_NAMES,
    POSTCODE_NAMES,
    AffectedCounter,
    AffectedCounts,
    AlsoLeaked,
    RegionColumns,
    place_of,
)
from matching.enrolment.column_choice import FieldColumns, ValueReader, field_columns
from matching.enrolment.customer_list import open_customer_list
from matching.enrolment.ordinals import COLUMN, WantedOrdinals, disarmed_cell
from matching.errors import CustomersOther, CustomersWithoutColumns
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments import SHARED_LIMIT, SegmentChain
from matching.identifiers import DateOrder, Field

SAMPLE = 200  # rows whose fingerprints are computed again to compare a list with a segment
_COLUMN_DIGITS = 9  # digits of a column's number, at most


@dataclass(slots=True)
class Revealed:
    """How many customers were written, how many of them were hit in each field, and the counts."""

    customers: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    affected: AffectedCounts = field(default_factory=AffectedCounts)


@dataclass(slots=True)
class Lists:
    """The company's lists, read one after the other as one list."""

    paths: Sequence[Path]
    delimiter: str | None = None
    encoding: str | None = None
    header: bool = True
    names: list[str] = field(default_factory=list)  # columns of the first list
    customers: int = 0  # number of customers, known once the lists were read

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each customer's ordinal and row; raise CustomersRefused."""
        ordinal = 0
        for path in self.paths:
            with open_customer_list(path, delimiter=self.delimiter, encoding=self.encoding) as opened:
                names = next(opened.rows, []) if self.header else []
                if self.names and names != self.names:
                    raise CustomersOther(
                        f"{path} has other columns than {self.paths[0]}; all lists must have the same header"
                    )
                self.names = names
                for row in opened.rows:
                    ordinal += 1
                    yield ordinal, row
        self.customers = ordinal


def reveal(
    wanted: WantedOrdinals,
    lists: Lists,
    out: TextIO | TextIOBase,
    *,
    columns: Sequence[str] | None = None,
    counter: AffectedCounter | None = None,
) -> Revealed:
    """Write the customers with the wanted ordinals as CSV; `columns` None: all columns of the list.

    Formulas are disarmed. `counter` counts each customer. Raises CustomersOther if the lists have fewer
    customers than the highest ordinal.
    """
    writer = csv.writer(out)
    result = Revealed()
    if counter is not None:
        result.affected = counter.counts
    places: list[int] | None = None
    for ordinal, row in lists.rows():
        if places is None:
            places = _column_places(lists.names, columns, len(row))
            chosen = [lists.names[place] if lists.names else f"column {place + 1}" for place in places]
            writer.writerow([COLUMN, *map(disarmed_cell, wanted.columns), *map(disarmed_cell, chosen)])
        if ordinal in wanted.lines:
            cells = [row[place] if place < len(row) else "" for place in places]
            beside = wanted.lines[ordinal]
            writer.writerow([ordinal, *map(disarmed_cell, beside), *map(disarmed_cell, cells)])
            result.customers += 1
            result.fields.update(wanted.fields(ordinal))
            if counter is not None:
                counter.add(row, wanted.fields(ordinal))
    _check_all_found(wanted, lists)
    return result


def affected_counter(
    lists: Lists,
    *,
    region: str,
    named: Mapping[Field, Sequence[str]] | None = None,
    country: str | None = None,
    postcode: str | None = None,
    also: Collection[AlsoLeaked] = (),
) -> AffectedCounter:
    """Return what counts the lists' customers by region and kind of data.

    `named`: columns per field, as given to `enroll`. `country` and `postcode`: columns by name or number;
    None: those with known names. Raises CustomersWithoutColumns for a column that does not exist.
    """
    sample = [row for _, row in islice(lists.rows(), SAMPLE)]
    names, width = lists.names, max(map(len, sample), default=0)
    try:
        fields = field_columns(names, named or {}, sample, region)
    except CustomersWithoutColumns:
        if named:
            raise
        fields = []  # counted by what else the list has
    places = (
        place_of(names, known) if column is None else _column_place(column, names, len(names) or width)
        for column, known in ((country, COUNTRY_NAMES), (postcode, POSTCODE_NAMES))
    )
    return AffectedCounter(RegionColumns(fields, region, *places), also)


def _check_all_found(wanted: WantedOrdinals, lists: Lists) -> None:
    missing = [ordinal for ordinal in wanted.lines if not 1 <= ordinal <= lists.customers]
    if missing:
        raise CustomersOther(
            f"{len(missing)} of {len(wanted.lines)} ordinals are not among the {lists.customers} customers "
            f"of the list; name the list that was enrolled, and after it the lists that were added"
        )


def _column_places(names: Sequence[str], columns: Sequence[str] | None, width: int) -> list[int]:
    if columns is None:
        return list(range(len(names) or width))
    return [_column_place(column, names, len(names) or width) for column in columns]


def _column_place(column: str, names: Sequence[str], width: int) -> int:
    if column in names:
        return names.index(column)
    if column.isdecimal() and len(column) <= _COLUMN_DIGITS and 1 <= int(column) <= width:
        return int(column) - 1
    expected = f"a number from 1 to {width}" + (" or a name of the header" if names else "")
    raise CustomersWithoutColumns(f"there is no column {column!r}; expected {expected}")


def check_belongs(
    lists: Lists,
    chain: SegmentChain,
    key: Key,
    *,
    columns: Mapping[Field, Sequence[str]] | None = None,
    dates: DateOrder | None = None,
) -> int:
    """Check that the lists are those of a segment; return the number of rows compared.

    1. the key must be the segment's (raises SegmentRefused);
    2. the number of customers must be equal;
    3. in a sample of rows, each value must have its fingerprint under the row's ordinal. Not counted: erased
       customers, and values that so many customers share that a lookup does not return all of them.

    Raises CustomersOther for 2 and 3.
    """
    chain.check_key(key)
    step = max(1, chain.header.customers // SAMPLE)
    sample = [(ordinal, row) for ordinal, row in lists.rows() if ordinal % step == 0 or ordinal == 1]
    if lists.customers != chain.header.customers:
        raise CustomersOther(
            f"the list has {lists.customers} customers, but the segment was made of "
            f"{chain.header.customers}; name the list that was enrolled, and after it the lists that were "
            f"added"
        )
    compared = agreeing = 0
    known: dict[int, set[str]] = defaultdict(set)  # forms of each customer so far
    rows = [row for _, row in sample]
    for source in field_columns(lists.names, columns or {}, rows, chain.header.default_region):
        if source.field not in chain.fields:
            continue
        reader = ValueReader(source.field, chain.header.default_region, dates)
        forms = [
            (ordinal, form)
            for ordinal, row in sample
            for value in reader.new_values(source.cells(row), known[ordinal])
            for form in value
        ]
        in_field = _compare_forms(forms, source, chain, key)
        compared += in_field[0]
        agreeing += in_field[1]
    if agreeing < compared:
        raise CustomersOther(
            f"{compared - agreeing} of {compared} values of the list have no fingerprint in the segment "
            f"under their ordinal: rows were moved, or it is another list; name the list as it was enrolled"
        )
    return len(sample)


def _compare_forms(
    forms: Sequence[tuple[int, str]], source: FieldColumns, chain: SegmentChain, key: Key
) -> tuple[int, int]:
    """Return how many forms can be compared, and how many of them have their fingerprint in the segment.

    `forms`: pairs of ordinal and canonical form.
    """
    fingerprinter = key.fingerprinter(chain.header.company, source.field)
    hits, found = chain.lookup(source.field, fingerprinter([form for _, form in forms]))
    claimed = np.array([ordinal for ordinal, _ in forms], np.int64)
    agreeing = set(hits[claimed[hits] == found].tolist()) if forms else set()
    crowded = {hit for hit, times in Counter(hits.tolist()).items() if times >= SHARED_LIMIT}
    erased = {place for place, (ordinal, _) in enumerate(forms) if chain.is_erased(ordinal)}
    comparable = set(range(len(forms))) - crowded - erased
    return len(comparable), len(agreeing & comparable)
