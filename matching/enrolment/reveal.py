"""Ordinals become customers again, on the company's own premises: no database, no network, no log.

The lists are those that were enrolled, in the order of the segments: the base's, then each delta's that added
customers. Their rows are numbered as `enrol` numbered them.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from matching.enrolment.column_choice import ValueReader, sources
from matching.enrolment.customer_list import open_list
from matching.enrolment.ordinals import COLUMN, LINE_LIMIT
from matching.errors import CustomersOther, CustomersWithoutColumns, OrdinalsRefused
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments import SHARED_LIMIT, SegmentChain
from matching.identifiers import DateOrder, Field

_NUMBER_CHARS = 9  # of a column's number
SAMPLE = 200  # rows whose fingerprints are computed again
SEGMENT = "segment"  # a column of the list of ordinals, if it is of several
HITS = "fields"  # a column of the list of ordinals, beside COLUMN; any other is carried over too
_SEPARATORS = ",;|/ "
# How a spreadsheet recognises a formula (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(slots=True)
class Revealed:
    """How many customers were written, and of how many of them each field was hit."""

    customers: int = 0
    fields: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class WantedOrdinals:
    """The list of ordinals: for each of them what its line says beside it."""

    columns: Sequence[str]  # of what stands beside
    lines: Mapping[int, Sequence[str]]

    def fields(self, ordinal: int) -> set[str]:
        """The fields that were hit, where the list says it."""
        if HITS not in self.columns:
            return set()
        text = self.lines[ordinal][self.columns.index(HITS)]
        for separator in _SEPARATORS:
            text = text.replace(separator, " ")
        return set(text.split())


def read_wanted(path: Path, *, of: str | None = None) -> WantedOrdinals:
    """A CSV file with a column `ordinal`, of whose lines the last stays; raises OrdinalsRefused.

    `of`: the segment whose lines count. Two segments number different lists, so None is for one alone.
    """
    csv.field_size_limit(LINE_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            names = next(rows, [])
            if COLUMN not in names:
                raise OrdinalsRefused(f"{path} has no column {COLUMN!r}; wanted: that of `match --ordinals`")
            found = list(_lines(rows, names, path))
    except OSError as error:
        raise OrdinalsRefused(f"{path} cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeError):
        raise OrdinalsRefused(f"{path} is no CSV in UTF-8; wanted: a column {COLUMN!r}") from None
    place = names.index(COLUMN)
    return WantedOrdinals([*names[:place], *names[place + 1 :]], dict(_of_one(found, names, place, of, path)))


def _lines(rows: Iterator[list[str]], names: list[str], path: Path) -> Iterator[list[str]]:
    place = names.index(COLUMN)
    for number, row in enumerate((row for row in rows if row), 2):
        cell = row[place] if len(row) == len(names) else ""
        if not (cell.isascii() and cell.isdigit() and len(cell) <= 10):
            raise OrdinalsRefused(
                f"row {number} of {path} has no number in {COLUMN!r}, or not {len(names)} columns; write "
                f"the file again"
            )
        yield row


def _of_one(
    rows: list[list[str]], names: list[str], place: int, of: str | None, path: Path
) -> Iterator[tuple[int, list[str]]]:
    """The lines of one segment, by ordinal, without it."""
    if SEGMENT in names:
        column = names.index(SEGMENT)
        segments = {row[column] for row in rows}
        if of is None and len(segments) > 1:
            raise OrdinalsRefused(
                f"{path} has ordinals of {len(segments)} segments, which number different lists; "
                f"say which with --of: {', '.join(sorted(segments))}"
            )
        rows = rows if of is None else [row for row in rows if row[column] == of]
        if of is not None and not rows:
            raise OrdinalsRefused(
                f"{path} has no ordinals of the segment --of names; it has those of "
                f"{', '.join(sorted(segments)) or 'none'}"
            )
    elif of is not None:
        raise OrdinalsRefused(f"{path} has no column {SEGMENT!r}, so that --of means nothing; leave it away")
    for row in rows:
        yield int(row[place]), [*row[:place], *row[place + 1 :]]


@dataclass(slots=True)
class Lists:
    """The company's lists, read as one, row by row."""

    paths: Sequence[Path]
    delimiter: str | None = None
    encoding: str | None = None
    header: bool = True
    names: list[str] = field(default_factory=list)  # the first list's columns
    customers: int = 0  # once they are read

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each customer's ordinal and row; raises CustomersRefused."""
        ordinal = 0
        for path in self.paths:
            with open_list(path, delimiter=self.delimiter, encoding=self.encoding) as opened:
                names = next(opened.rows, []) if self.header else []
                if self.names and names != self.names:
                    raise CustomersOther(
                        f"{path} has other columns than {self.paths[0]}; name lists of one form"
                    )
                self.names = names
                for row in opened.rows:
                    ordinal += 1
                    yield ordinal, row
        self.customers = ordinal


def reveal(
    wanted: WantedOrdinals, lists: Lists, out: TextIO, *, columns: Sequence[str] | None = None
) -> Revealed:
    """Write the customers of the ordinals as CSV, formulas disarmed. `columns` None: all of the list.

    Raises CustomersOther if the lists have fewer customers than the highest ordinal says.
    """
    writer = csv.writer(out)
    result = Revealed()
    places: list[int] | None = None
    for ordinal, row in lists.rows():
        if places is None:
            places = _places(lists.names, columns, len(row))
            chosen = [lists.names[place] if lists.names else f"column {place + 1}" for place in places]
            writer.writerow([COLUMN, *map(harmless, wanted.columns), *map(harmless, chosen)])
        if ordinal in wanted.lines:
            cells = [row[place] if place < len(row) else "" for place in places]
            writer.writerow([ordinal, *map(harmless, wanted.lines[ordinal]), *map(harmless, cells)])
            result.customers += 1
            result.fields.update(wanted.fields(ordinal))
    _check_all_there(wanted, lists)
    return result


def _check_all_there(wanted: WantedOrdinals, lists: Lists) -> None:
    missing = [ordinal for ordinal in wanted.lines if not 1 <= ordinal <= lists.customers]
    if missing:
        raise CustomersOther(
            f"{len(missing)} of {len(wanted.lines)} ordinals are none of the {lists.customers} customers of "
            f"the list; name the list that was enrolled, and after it those that were added"
        )


def _places(names: Sequence[str], columns: Sequence[str] | None, width: int) -> list[int]:
    if columns is None:
        return list(range(len(names) or width))
    return [_place(column, names, len(names) or width) for column in columns]


def _place(column: str, names: Sequence[str], width: int) -> int:
    if column in names:
        return names.index(column)
    if column.isdecimal() and len(column) <= _NUMBER_CHARS and 1 <= int(column) <= width:
        return int(column) - 1
    wanted = f"a number from 1 to {width}" + (" or a name of the first row" if names else "")
    raise CustomersWithoutColumns(f"there is no column {column!r}; wanted: {wanted}")


def harmless(cell: str) -> str:
    """No spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def check_belongs(
    lists: Lists,
    chain: SegmentChain,
    key: Key,
    *,
    columns: Mapping[Field, Sequence[str]] | None = None,
    dates: DateOrder | None = None,
) -> int:
    """Whether the lists are those of a segment: as many customers, and a sample has its fingerprints there.

    Raises CustomersOther, or SegmentRefused for another key; returns how many rows were compared. An erased
    customer, and one of a value that many share, may be missing.
    """
    chain.check_key(key)
    step = max(1, chain.header.customers // SAMPLE)
    sample = [(ordinal, row) for ordinal, row in lists.rows() if ordinal % step == 0 or ordinal == 1]
    if lists.customers != chain.header.customers:
        raise CustomersOther(
            f"the list has {lists.customers} customers, and the segment is of {chain.header.customers}; "
            f"name the list that was enrolled, and after it those that were added"
        )
    readable = same = 0
    known: dict[int, set[str]] = defaultdict(set)  # of each customer
    for source in sources(lists.names, columns or {}):
        if source.field not in chain.fields:
            continue
        reader = ValueReader(source.field, chain.header.default_region, dates)
        fingerprinter = key.fingerprinter(chain.header.company, source.field)
        pairs = [
            (ordinal, form)
            for ordinal, row in sample
            for form in reader.taken(source.cells(row), known[ordinal])
        ]
        values = fingerprinter([form for _, form in pairs])
        hits, found = chain.lookup(source.field, values)
        claimed = np.array([ordinal for ordinal, _ in pairs], np.int64)
        agreeing = set(hits[claimed[hits] == found].tolist()) if len(pairs) else set()
        crowded = {hit for hit, times in Counter(hits.tolist()).items() if times >= SHARED_LIMIT}
        gone = {place for place, (ordinal, _) in enumerate(pairs) if chain.is_erased(ordinal)}
        readable += len(set(range(len(pairs))) - crowded - gone)
        same += len(agreeing - crowded - gone)
    if same < readable:
        raise CustomersOther(
            f"of {readable} values of the list, {readable - same} have no fingerprint in the segment under "
            f"their ordinal: rows were moved, or it is another list"
        )
    return len(sample)
