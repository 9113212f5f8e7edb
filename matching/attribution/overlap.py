"""Which fields, columns and combinations of fields agree with customers, beside what chance gives.

Fields and columns are counted in hits. What chance gives a field is measured for the whole comparison
(`matching.comparing.chance`); a column's part of it is in proportion to its rows, and at most the field's.

Combinations are counted in distinct rows: a row in which telephone number and e-mail address belong to one
customer. What chance gives them needs no model: shuffle each column by itself. With R rows, n of which hit a
customer by one field and m by another, the shuffled rows agree on both about n * m / R times for that
customer. The sum over all customers is what the columns would show if they did not belong together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.identifiers import Field

COMBINATIONS_LIMIT = 50
_FIELDS = tuple(Field)  # a pair's bits are in this order, as in `matching.comparing.lookup`

#: Structured arrays with `row`, `segment`, `ordinal` and `fields`: a row and a customer that agree.
PairTable = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class FieldOverlap:
    """The hits of a field in the whole sample."""

    field: Field
    hits: int
    candidates: int
    by_chance: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "field": self.field.value,
            "hits": self.hits,
            "candidates": self.candidates,
            "by_chance": self.by_chance,
        }


@dataclass(frozen=True, slots=True)
class ColumnOverlap:
    """The hits of a field in a column. `column`: in words, such as `column 3, phone (mobile)`."""

    column: str
    field: Field
    hits: int
    by_chance: float  # at most

    def as_dict(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "field": self.field.value,
            "hits": self.hits,
            "by_chance": self.by_chance,
        }


@dataclass(frozen=True, slots=True)
class CombinationOverlap:
    """Rows that agree with one customer on all of these fields, and perhaps on more."""

    fields: tuple[Field, ...]
    rows: int
    customers: int  # of one list, where several have them
    by_chance: float  # rows, if each column were shuffled by itself

    def as_dict(self) -> dict[str, Any]:
        return {
            "fields": [field.value for field in self.fields],
            "rows": self.rows,
            "customers": self.customers,
            "by_chance": self.by_chance,
        }


@dataclass(frozen=True, slots=True)
class Overlap:
    """All of it. `rows`: of the sample; `left_out`: combinations that are not listed."""

    rows: int
    fields: tuple[FieldOverlap, ...]
    columns: tuple[ColumnOverlap, ...]
    combinations: tuple[CombinationOverlap, ...]
    left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "fields": [one.as_dict() for one in self.fields],
            "columns": [one.as_dict() for one in self.columns],
            "combinations": [one.as_dict() for one in self.combinations],
            "combinations_left_out": self.left_out,
        }


def overlap_of(
    pairs: PairTable,
    rows: int,
    fields: Sequence[FieldOverlap],
    columns: Mapping[tuple[Field, str], int] | None = None,
) -> Overlap:
    """Return the overlap; `rows`: of the sample, `columns`: hits by field and column in words."""
    combinations = combinations_of(pairs, rows)
    return Overlap(
        rows,
        tuple(fields),
        tuple(_columns_of(columns or {}, fields, rows)),
        combinations[:COMBINATIONS_LIMIT],
        len(combinations[COMBINATIONS_LIMIT:]),
    )


def _columns_of(
    columns: Mapping[tuple[Field, str], int], fields: Sequence[FieldOverlap], rows: int
) -> Iterable[ColumnOverlap]:
    known = {one.field: one for one in fields}
    for (field, column), hits in sorted(columns.items(), key=lambda item: (-item[1], item[0][1])):
        whole = known.get(field)
        part = min(1.0, rows / whole.candidates) if whole and whole.candidates else 1.0
        yield ColumnOverlap(column, field, hits, whole.by_chance * part if whole else 0.0)


def combinations_of(pairs: PairTable, rows: int) -> tuple[CombinationOverlap, ...]:
    """Return the combinations of two fields or more in which rows agree, the most rows first."""
    merged = merged_pairs(pairs)
    # Only what occurs is listed, and each part of it of two fields.
    present = {int(bits) for bits in np.unique(merged["fields"]) if int(bits).bit_count() > 1}
    wanted = present | {pair for bits in present for pair in _pairs_of_bits(bits)}
    segments = [_SegmentPairs.of(merged, segment) for segment in np.unique(merged["segment"]).tolist()]
    found = [_combination(merged, segments, bits, rows) for bits in wanted]
    return tuple(sorted(found, key=lambda one: (-one.rows, len(one.fields), one.fields)))


class _SegmentPairs(NamedTuple):
    """The pairs of one segment. `customers`: a number from 0 on for each pair's customer."""

    fields: NDArray[np.uint16]
    customers: NDArray[np.int64]

    @classmethod
    def of(cls, merged: PairTable, segment: int) -> "_SegmentPairs":
        own = merged[merged["segment"] == segment]
        return cls(own["fields"].copy(), np.unique(own["ordinal"], return_inverse=True)[1])

    def agreeing(self, bits: int) -> int:
        """Return the number of customers who agree on all of these fields in a row."""
        chosen = self.customers[(self.fields & bits) == bits]
        return int(np.count_nonzero(np.bincount(chosen)))

    def by_shuffling(self, bits: int, rows: int) -> float:
        """Return how many rows would agree on all of these fields if each column were shuffled by itself."""
        product: NDArray[np.float64] | None = None
        for code in range(len(_FIELDS)):
            if bits >> code & 1:
                agreed = (self.fields >> code & 1).astype(np.float64)
                times: NDArray[np.float64] = np.bincount(self.customers, agreed).astype(np.float64)
                product = times if product is None else product * times / max(1, rows)
        return 0.0 if product is None else float(product.sum())


def _combination(
    merged: PairTable, segments: Sequence[_SegmentPairs], bits: int, rows: int
) -> CombinationOverlap:
    agreeing = merged["row"][(merged["fields"] & bits) == bits]  # in order
    # Segments are lists of the same persons, so customers and chance are those of one list: the largest.
    return CombinationOverlap(
        tuple(field for code, field in enumerate(_FIELDS) if bits >> code & 1),
        int(np.count_nonzero(np.diff(agreeing))) + bool(len(agreeing)),
        max((one.agreeing(bits) for one in segments), default=0),
        max((one.by_shuffling(bits, rows) for one in segments), default=0.0),
    )


def merged_pairs(pairs: PairTable) -> PairTable:
    """Return each row and customer once, with the fields of all its pairs; in the order of rows."""
    if len(pairs) < 2:
        return pairs
    rows, segments, ordinals = (pairs[name].astype(np.int64) for name in ("row", "segment", "ordinal"))
    customers = segments << 32 | ordinals
    later = (rows[1:] > rows[:-1]) | ((rows[1:] == rows[:-1]) & (customers[1:] > customers[:-1]))
    if later.all():
        return pairs  # a sweep keeps them so
    order = np.lexsort((customers, rows))
    rows, customers = rows[order], customers[order]
    starts = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]) | (customers[1:] != customers[:-1])])
    merged = pairs[order[starts]]
    merged["fields"] = np.bitwise_or.reduceat(pairs["fields"][order], starts)
    return merged


def _pairs_of_bits(bits: int) -> Iterable[int]:
    codes = [code for code in range(len(_FIELDS)) if bits >> code & 1]
    return (1 << one | 1 << other for place, one in enumerate(codes) for other in codes[:place])
