"""Rows and customers that agree on something, in 32 bytes a pair, however many hits a dump has."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matching.rows import Tally

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
Pairs = NDArray[np.void]

_WIDTH = 16
_BITS = np.array([bin(value).count("1") for value in range(1 << _WIDTH)], np.uint8)
#: So many arrays are put together at a time.
_CHUNKS = 256


@dataclass(slots=True)
class Agreements:
    """All pairs of a row and a customer that agree on a field."""

    _chunks: list[Pairs] = field(default_factory=list)

    def add(self, pairs: Pairs) -> None:
        """`fields` of a pair may hold one bit; pairs of one row and customer become one."""
        self._chunks.append(_merged(pairs))
        if len(self._chunks) > _CHUNKS:
            self.pairs()

    def pairs(self) -> Pairs:
        """All of them, sorted by row; put together once, however often they are asked for."""
        if len(self._chunks) > 1:
            self._chunks = [_merged(np.concatenate(self._chunks))]
        return self._chunks[0] if self._chunks else np.empty(0, PAIR)

    def tally(self) -> Tally:
        pairs = self.pairs()
        coherent = int(np.count_nonzero(_BITS[pairs["fields"]] > 1))
        return Tally(coherent, len(pairs) - coherent, len(np.unique(customers(pairs))))


def pairs_of(columns: dict[str, NDArray[np.generic] | int]) -> Pairs:
    """Pairs out of arrays of one length, and of numbers that are the same for all."""
    size = next(len(column) for column in columns.values() if not isinstance(column, int))
    pairs = np.zeros(size, PAIR)
    for name, column in columns.items():
        pairs[name] = column
    return pairs


def customers(pairs: Pairs) -> NDArray[np.int64]:
    """A number for the customer of each pair, who is an ordinal of a segment."""
    numbers: NDArray[np.int64] = (pairs["segment"].astype(np.int64) << 32) | pairs["ordinal"]
    return numbers


def _merged(pairs: Pairs) -> Pairs:
    order = np.lexsort((pairs["ordinal"], pairs["segment"], pairs["row"]))
    pairs = pairs[order]
    same = np.ones(max(0, len(pairs) - 1), bool)
    for name in ("row", "segment", "ordinal"):
        same &= pairs[name][1:] == pairs[name][:-1]
    starts = np.flatnonzero(np.append(True, ~same)[: len(pairs)])
    if len(starts) == len(pairs):
        return pairs
    kept = pairs[starts]
    kept["fields"] = np.bitwise_or.reduceat(pairs["fields"], starts)
    return kept
