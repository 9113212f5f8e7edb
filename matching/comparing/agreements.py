"""Rows and customers that agree on something: 32 bytes a pair, and of many pairs as much a customer.

A dump of customers alone has as many pairs as rows. So only the last ones are kept as they are; of those
before is kept what will be told: how many rows agree, and of each customer on what, how often, where first.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PAIR = np.dtype(
    [
        ("row", "<i8"),  # a number that no other row has
        ("ordinal", "<u4"),
        ("segment", "<u2"),  # by its place in the watch
        ("fields", "<u2"),  # a bit for each of comparison.FIELDS that agrees
        ("line", "<i8"),  # of the document, from 1 on
        ("document", "<i8"),
    ]
)
CUSTOMER = np.dtype(
    [
        ("ordinal", "<u4"),
        ("segment", "<u2"),
        ("fields", "<u2"),  # that agree in any row
        ("rows", "<i8"),
        ("line", "<i8"),  # of the first row
        ("document", "<i8"),
    ]
)
Pairs = NDArray[np.void]
Customers = NDArray[np.void]

#: Pairs that are kept as they are; 32 MB, and three times as much while they are summed up.
PAIRS_KEPT = 1 << 20


@dataclass(frozen=True, slots=True)
class AgreementTotals:
    """Totals over all agreements."""

    coherent_rows: int  # pairs of row and customer that agree on two fields or more
    single_hits: int  # pairs of row and customer that agree on one field
    customers: int  # distinct customers


@dataclass(slots=True)
class Agreements:
    """All pairs of a row and a customer that agree on a field."""

    settled: Customers = field(default_factory=lambda: np.empty(0, CUSTOMER))
    coherent: int = 0  # of the pairs that are settled
    single: int = 0
    kept: int = PAIRS_KEPT
    _chunks: list[Pairs] = field(default_factory=list)
    _waiting: int = 0

    def add(self, pairs: Pairs) -> None:
        """`fields` of a pair may hold one bit; pairs of one row and customer become one. All pairs of a row
        come together, and those of later rows later.
        """
        self._chunks.append(_merged(pairs))
        self._waiting += len(self._chunks[-1])
        if self._waiting > self.kept:
            self.coherent, self.single = self._counts()
            self.settled = self.customers()
            self._chunks, self._waiting = [], 0

    def pairs(self) -> Pairs:
        """Those that are not settled, in the order of their rows."""
        return np.concatenate(self._chunks) if self._chunks else np.empty(0, PAIR)

    def customers(self) -> Customers:
        """Each of them once, by segment and ordinal."""
        pairs = self.pairs()
        fresh = np.ones(len(pairs), CUSTOMER)
        for name in ("ordinal", "segment", "fields", "line", "document"):
            fresh[name] = pairs[name]
        return _summed(np.concatenate((self.settled, fresh)))

    def tally(self) -> AgreementTotals:
        return AgreementTotals(*self._counts(), len(self.customers()))

    def _counts(self) -> tuple[int, int]:
        coherent = sum(int(np.count_nonzero(np.bitwise_count(chunk["fields"]) > 1)) for chunk in self._chunks)
        return self.coherent + coherent, self.single + self._waiting - coherent


def pairs_of(columns: dict[str, NDArray[np.generic] | int]) -> Pairs:
    """Pairs out of arrays of one length, and of numbers that are the same for all."""
    size = next(len(column) for column in columns.values() if not isinstance(column, int))
    pairs = np.zeros(size, PAIR)
    for name, column in columns.items():
        pairs[name] = column
    return pairs


def coherent(pairs: Pairs) -> Pairs:
    """Rows and customers that agree on two fields or more, each of them once."""
    merged = _merged(pairs)
    found: Pairs = merged[np.bitwise_count(merged["fields"]) > 1]
    return found


def _merged(pairs: Pairs) -> Pairs:
    pairs, starts = _grouped(pairs, "row", "segment", "ordinal")
    merged = pairs[starts]
    merged["fields"] = _each(np.bitwise_or, pairs["fields"], starts)
    return merged


def _summed(customers: Customers) -> Customers:
    """What is said twice of one becomes one; the first place that was said stays."""
    customers, starts = _grouped(customers, "segment", "ordinal")
    summed = customers[starts]
    summed["fields"] = _each(np.bitwise_or, customers["fields"], starts)
    summed["rows"] = _each(np.add, customers["rows"], starts)
    return summed


def _grouped(table: NDArray[np.void], *keys: str) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Sorted by the keys, else in the same order; and where each group of equal keys begins."""
    table = table[np.lexsort([table[key] for key in reversed(keys)])]
    other = np.ones(len(table), bool)
    if len(table):
        other[1:] = np.logical_or.reduce([table[key][1:] != table[key][:-1] for key in keys])
    return table, np.flatnonzero(other)


def _each(function: np.ufunc, column: NDArray[np.void], starts: NDArray[np.int64]) -> NDArray[np.void]:
    return function.reduceat(column, starts) if len(starts) else column
