"""Agreements: pairs of a row and a customer that agree on one field or more.

A pair takes 32 bytes, and a dump of a company's customers has as many pairs as rows. So only the last pairs
are kept as they are. Earlier ones are summed up per customer: the fields that agree, in how many rows, and
the first place. That is all that anybody is shown, and it does not grow with the dump.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matching.comparing.block_matches import BlockMatches

PAIR = np.dtype(
    [
        ("row", "<i8"),  # a number that no other row has
        ("ordinal", "<u4"),
        ("segment", "<u2"),  # index in the watch
        ("fields", "<u2"),  # one bit for each of lookup.FIELDS that agrees
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

#: Pairs that are kept as they are: 32 MB, and three times as much while they are summed up.
PAIRS_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class AgreementTotals:
    """Totals over all agreements."""

    coherent_rows: int  # pairs of row and customer that agree on two fields or more
    single_hits: int  # pairs of row and customer that agree on one field
    customers: int  # distinct customers


@dataclass(slots=True)
class Agreements:
    """All pairs of a row and a customer that agree on a field; the earlier ones summed up per customer."""

    summed_customers: Customers = field(default_factory=lambda: np.empty(0, CUSTOMER))
    summed_coherent: int = 0  # pairs that are summed up and agree on two fields or more
    summed_single: int = 0  # pairs that are summed up and agree on one field
    pairs_limit: int = PAIRS_LIMIT
    _chunks: list[Pairs] = field(default_factory=list)
    _pair_count: int = 0  # in all chunks

    def add(self, pairs: Pairs) -> None:
        """Add pairs, of which several may be of one row and customer: they become one.

        All pairs of a row must come in one call, and later rows in later calls: pairs are not merged from
        call to call, and the first place of a customer is the one that came first.
        """
        self._chunks.append(merge_fields(pairs))
        self._pair_count += len(self._chunks[-1])
        if self._pair_count > self.pairs_limit:
            self.sum_up()

    def sum_up(self) -> None:
        """Sum up all pairs per customer."""
        self.summed_coherent, self.summed_single = self._count_pairs()
        self.summed_customers = self.customers()
        self._chunks, self._pair_count = [], 0

    def add_summed(self, later: "Agreements", *, document: int = 0) -> None:
        """Add the agreements of rows that are behind all rows here, summed up per customer.

        `document`: number of the later agreements' first document.
        """
        self.sum_up()
        coherent, single = later._count_pairs()
        self.summed_coherent += coherent
        self.summed_single += single
        customers = later.customers()
        customers["document"] += document
        self.summed_customers = _sum_customers(np.concatenate((self.summed_customers, customers)))

    def pairs(self) -> Pairs:
        """Return the pairs that are not summed up yet, in the order of their rows."""
        return np.concatenate(self._chunks) if self._chunks else np.empty(0, PAIR)

    def customers(self) -> Customers:
        """Return each customer once, by segment and ordinal."""
        pairs = self.pairs()
        fresh = np.ones(len(pairs), CUSTOMER)
        for name in ("ordinal", "segment", "fields", "line", "document"):
            fresh[name] = pairs[name]
        return _sum_customers(np.concatenate((self.summed_customers, fresh)))

    def totals(self) -> AgreementTotals:
        return AgreementTotals(*self._count_pairs(), len(self.customers()))

    def _count_pairs(self) -> tuple[int, int]:
        """Return the number of pairs that agree on two fields or more, and on one, of all."""
        coherent = sum(int(np.count_nonzero(np.bitwise_count(chunk["fields"]) > 1)) for chunk in self._chunks)
        return self.summed_coherent + coherent, self.summed_single + self._pair_count - coherent


def pairs_in_block(matches: BlockMatches, *, document: int = 0, first_row: int = 0) -> Pairs:
    """Return one pair for each hit of a block; `first_row`: the number of the block's first row."""
    return pairs_from_columns(
        {
            "row": first_row + matches.rows,
            "ordinal": matches.hits.ordinals,
            "segment": matches.hits.segments,
            "fields": np.left_shift(1, matches.hits.fields.astype(np.uint16)),
            "line": matches.lines,
            "document": document,
        }
    )


def pairs_from_columns(columns: dict[str, NDArray[np.generic] | int]) -> Pairs:
    """Return pairs from arrays of one length, and from numbers that are the same for all pairs."""
    size = next(len(column) for column in columns.values() if not isinstance(column, int))
    pairs = np.zeros(size, PAIR)
    for name, column in columns.items():
        pairs[name] = column
    return pairs


def coherent_pairs(pairs: Pairs) -> Pairs:
    """Return the rows and customers that agree on two fields or more, each once."""
    merged = merge_fields(pairs)
    coherent: Pairs = merged[np.bitwise_count(merged["fields"]) > 1]
    return coherent


def merge_fields(pairs: Pairs) -> Pairs:
    """Merge the pairs of each row and customer into one, with the fields of all."""
    pairs, starts = _sort_into_groups(pairs, "row", "segment", "ordinal")
    merged = pairs[starts]
    merged["fields"] = _reduce_groups(np.bitwise_or, pairs["fields"], starts)
    return merged


def _sum_customers(customers: Customers) -> Customers:
    """Sum up the entries of each customer; the place of the first entry stays."""
    customers, starts = _sort_into_groups(customers, "segment", "ordinal")
    summed = customers[starts]
    summed["fields"] = _reduce_groups(np.bitwise_or, customers["fields"], starts)
    summed["rows"] = _reduce_groups(np.add, customers["rows"], starts)
    return summed


def _sort_into_groups(table: NDArray[np.void], *keys: str) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Return the table sorted by the keys (a stable sort), and where each group of equal keys begins."""
    table = table[np.lexsort([table[key] for key in reversed(keys)])]
    is_start = np.ones(len(table), bool)
    if len(table):
        is_start[1:] = np.logical_or.reduce([table[key][1:] != table[key][:-1] for key in keys])
    return table, np.flatnonzero(is_start)


def _reduce_groups(
    function: np.ufunc, column: NDArray[np.void], starts: NDArray[np.int64]
) -> NDArray[np.void]:
    return function.reduceat(column, starts) if len(starts) else column
