"""Enrolment: turns a customer list into a segment, on the company's own premises. No database, no network.

The list is read as a stream, and its fingerprints are sorted in bounded memory. The ordinal of a customer is
the number of the row, from 1 on, without the header. Customers who are added to a segment continue after its
last ordinal. Messages and counts never hold a value of the list.

1. open the list and choose its columns (`customer_list`, `column_choice`);
2. compute the fingerprints of each batch of rows and add them to one sorter per field, and the tags of
   masked values to one sorter per mask template (`person_values`, `masked_samples.tags`);
3. write the segment, a base or a delta, from the sorters.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.enrolment.cohorts import EnrolmentDates
from matching.enrolment.column_choice import (
    FieldColumns,
    ValueReader,
    column_number,
    field_columns,
    in_words,
    left_out,
)
from matching.enrolment.customer_list import open_customer_list
from matching.enrolment.person_values import PersonColumns, PersonValues
from matching.enrolment.schema import schema_of_list
from matching.errors import CustomersNotTaken, CustomersUnreadable, CustomersWithoutColumns
from matching.fingerprints import segments
from matching.fingerprints.scheme import Fingerprinter, RootKey
from matching.fingerprints.segments import (
    HeaderParts,
    MaskSections,
    SegmentHeader,
    SegmentPurpose,
    Sorter,
    open_segment,
)
from matching.identifiers import DateOrder, Field
from matching.inputs.formats.columns import Column
from matching.masked_samples.tags import MaskBuilder

ROWS_LIMIT = (1 << 32) - 1  # an ordinal has 4 bytes
SAMPLE_ROWS = 200  # rows in which columns that were left out are looked at
_BATCH = 20_000  # rows


@dataclass(slots=True)
class Enrolment:
    """The result of an enrolment."""

    rows: int = 0
    first: int = 1  # ordinal of the first row
    columns: dict[Field, list[int]] = field(default_factory=dict)  # numbered from 1
    accepted: Counter[Field] = field(default_factory=Counter)
    refused: dict[Field, Counter[str]] = field(default_factory=dict)  # field -> reason -> number of values
    left_out: list[Column] = field(default_factory=list)  # not read, but most cells look like identifiers
    encoding: str = "utf-8-sig"  # that the list was read in
    person: PersonColumns = field(default_factory=PersonColumns)  # columns of names and birth dates
    tags: dict[str, int] = field(default_factory=dict)  # mask template -> number of tags
    cohorts: int = 0
    undated: int = 0  # customers without a date, of a list with a column of dates
    purpose: SegmentPurpose = SegmentPurpose.CUSTOMERS
    label: str = ""
    declared_columns: int = 0  # of the company's own schema


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
    name: str | None = None,
    born: str | None = None,
    since: str | None = None,
    masks: bool = True,
    parts: HeaderParts | None = None,
    declare_header: bool = False,
    progress: Progress = lambda _bytes, _rows: None,
) -> Enrolment:
    """Write the segment of a list; raise CustomersRefused, or SegmentRefused because of `base`.

    `base`: the last file of a series; a delta is written that adds the customers of the list. `columns`: the
    columns of each field, by number (from 1) or name, joined with + for a name with a birth date; None:
    choose them by the header's names. `delimiter` and `encoding` None: detect them. `dates` None: dates such
    as 03/04/1990 are refused. `name`, `born`, `since`: the columns of the customer's name (or of family name
    and given name, joined with +), birth date and first day as a customer; None: name and birth date by the
    header's names, and no such days. `masks`: whether tags of masked values are written; a delta has them
    only if its series does. `parts`: purpose, label, sets of canaries and declared schema of the segment;
    None: of customers, or those of `base`. `declare_header`: where no schema is given, declare the columns of
    a base's header as the company's own.
    """
    before = None if base is None else _checked_base(base, company, key)
    folder = segment.absolute().parent
    with open_customer_list(customers, delimiter=delimiter, encoding=encoding) as opened:
        names = next(opened.rows, []) if header else []
        dates_column = column_number(since, names) if since else 0
        sample = list(islice(opened.rows, SAMPLE_ROWS))
        parts = parts or _parts_of(before)
        if declare_header and header and before is None and parts.declared_schema is None:
            parts = parts.model_copy(
                update={"declared_schema": schema_of_list(names, sample, [default_region])}
            )
        chosen = field_columns(names, columns or {}, sample, default_region)
        builders = {
            name: _FieldBuilder(
                ValueReader(name, default_region, dates), key.fingerprinter(company, name), Sorter(folder)
            )
            for name in dict.fromkeys(source.field for source in chosen)
        }
        result = Enrolment(
            first=1 if before is None else before.customers + 1,
            columns={name: _column_numbers(chosen, name) for name in builders},
            left_out=left_out(names, sample, chosen, default_region),
            encoding=opened.encoding,
            person=PersonColumns.of(names, chosen, name, born),
        )
        wanted = masks and (before is None or before.masks is not None)
        extras = _Extras(
            MaskBuilder(key.mask_key(company), folder) if wanted else None,
            EnrolmentDates(folder, dates) if dates_column else None,
            dates_column,
            result.person,
            dates,
        )
        for batch in _row_batches(chain(sample, opened.rows)):
            _add_batch(batch, result, [(source, builders[source.field]) for source in chosen], extras)
            progress(opened.bytes_read(), result.rows)
    for name, builder in builders.items():
        result.accepted[name], result.refused[name] = builder.accepted, builder.refused
    _check_taken(result)
    counts = {name: builder.sorter.count for name, builder in builders.items()}
    records = {name: builder.sorter.merged() for name, builder in builders.items()}
    countries = {source.country for source in chosen if source.country}
    whole, sections, cohorts = extras.finished(parts, result)
    if before is None:
        new_header = segments.first_header(
            company=company,
            default_region=default_region,
            key=key,
            customers=result.rows,
            counts=counts,
            now=now,
            countries=countries,
            parts=whole,
        )
    else:
        vectors = segments.golden_vectors(key, company)
        new_header = segments.delta_header(
            before,
            now=now,
            added=result.rows,
            counts=counts,
            vectors=vectors,
            countries=countries,
            parts=whole,
        )
        segments.check_follows(new_header, before, segment)
    segments.write_segment(segment, new_header, records, cohorts=cohorts, masks=sections)
    extras.close()
    return result


def _parts_of(before: SegmentHeader | None) -> HeaderParts:
    """Return the purpose and the label of the series, which a delta repeats."""
    return HeaderParts() if before is None else HeaderParts(purpose=before.purpose, label=before.label)


@dataclass(slots=True)
class _Extras:
    """What a list gives beside its fingerprints: tags of masked values and days of enrolment."""

    masks: MaskBuilder | None
    dates: EnrolmentDates | None
    dates_column: int
    person: PersonColumns
    order: DateOrder | None

    def add(self, batch: Sequence[Sequence[str]], values: PersonValues | None) -> None:
        days = np.zeros(len(batch), np.uint16)
        if self.dates is not None:
            place = self.dates_column - 1
            days = self.dates.add([row[place] if len(row) > place else "" for row in batch])
        if self.masks is not None and values is not None:
            values.add_rows(batch)
            self.masks.add(values.values, days)

    def finished(
        self, parts: HeaderParts, result: Enrolment
    ) -> tuple[HeaderParts, MaskSections | None, Iterable[NDArray[np.uint8]]]:
        """Return the parts of the header and their sections; note in `result` what they hold.

        Raises CustomersWithoutColumns if the column of dates has no date.
        """
        cohorts = self.dates.cohorts() if self.dates is not None else None
        numbers: Iterable[NDArray[np.uint8]] = ()
        update: dict[str, object] = {}
        if self.dates is not None:
            if cohorts is None:
                raise CustomersWithoutColumns(
                    f"no cell of column {self.dates_column} is a date since when somebody is a customer; "
                    f"name the right column with --since, and the order of dates such as 03/04/2017 with "
                    f"--dates"
                )
            numbers = self.dates.numbers(cohorts)
            update = {
                "cohorts": cohorts.dates,
                "cohorts_until": cohorts.until,
                "cohort_ordinals": result.rows,
            }
            result.cohorts, result.undated = len(cohorts.dates), self.dates.unknown
        of_day = cohorts.of_day if cohorts is not None else np.zeros(1 << 16, np.uint8)
        made = self.masks.finished(of_day) if self.masks is not None else None
        header, sections = made or (None, None)
        whole = HeaderParts(**{**dict(parts), **update, "masks": header})
        result.tags = {name: one.tags for name, one in header.templates.items()} if header else {}
        result.purpose, result.label = whole.purpose, whole.label
        result.declared_columns = len(whole.declared_schema.columns) if whole.declared_schema else 0
        return whole, sections, numbers

    def close(self) -> None:
        if self.dates is not None:
            self.dates.close()


def _checked_base(base: Path, company: str, key: RootKey) -> SegmentHeader:
    """Return the header of the segment to which customers are added."""
    opened = open_segment(base, company=company)
    opened.check_key(key)
    return opened.header


def _check_taken(result: Enrolment) -> None:
    """Raise CustomersNotTaken if no value was accepted."""
    if result.accepted.total():
        return
    reasons = ", ".join(
        f"{name} {reason.replace('_', ' ')}: {count}"
        for name, counts in result.refused.items()
        for reason, count in sorted(counts.items())
    )
    looks = f"; {in_words(result.left_out)}" if result.left_out else ""
    raise CustomersNotTaken(
        f"no value of the {result.rows} rows was accepted ({reasons or 'there are no rows'}){looks}; "
        f"no segment was written"
    )


def _column_numbers(chosen: Sequence[FieldColumns], name: Field) -> list[int]:
    """Return the columns from which a field is read, each once."""
    numbers = (number for source in chosen if source.field is name for number in source.columns)
    return list(dict.fromkeys(numbers))


def _row_batches(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _add_batch(
    batch: list[list[str]],
    result: Enrolment,
    builders: Sequence[tuple[FieldColumns, "_FieldBuilder"]],
    extras: _Extras,
) -> None:
    first = result.first + result.rows
    result.rows += len(batch)
    if result.first + result.rows - 1 > ROWS_LIMIT:
        raise CustomersUnreadable(f"the list has more than {ROWS_LIMIT} rows; split it")
    known: list[set[str]] = [set() for _ in batch]
    values = None if extras.masks is None else PersonValues(result.person, extras.order, len(batch))
    for source, builder in builders:
        builder.add(enumerate(map(source.cells, batch), first), known, values)
    extras.add(batch, values)


class _FieldBuilder:
    """Collects the fingerprints of one field, batch by batch."""

    def __init__(self, reader: ValueReader, fingerprinter: Fingerprinter, sorter: Sorter) -> None:
        self.sorter = sorter
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self._reader = reader
        self._fingerprinter = fingerprinter

    def add(
        self,
        rows: Iterable[tuple[int, Sequence[str]]],
        known: Iterable[set[str]],
        person: PersonValues | None = None,
    ) -> None:
        """Add the cells of one column or group, with their ordinals.

        `known`: each customer's forms so far, in lower case; the new forms are added to it. `person`: where
        the values are noted of which tags are made.
        """
        values: list[str] = []
        ordinals: list[int] = []
        for place, ((ordinal, cells), customer_forms) in enumerate(zip(rows, known, strict=True)):
            found = self._reader.new_values(cells, customer_forms)
            if not found:
                self.refused[self._reader.refusal(cells)] += 1
                continue
            self.accepted += len(found)
            if person is not None:
                person.add_forms(self._reader.field, place, [one[0] for one in found])
            forms = list(chain.from_iterable(found))
            values += forms
            ordinals += [ordinal] * len(forms)
        self.sorter.add(self._fingerprinter(values), np.array(ordinals, dtype=np.uint32))
