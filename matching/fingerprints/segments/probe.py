"""Looks fingerprints up in a table of sorted records: natively where the library was built, else by numpy.

Both give the same hits in the same order: by query, then by ordinal. Whatever a file holds, a lookup reads
inside its bucket only, halves it at most 32 times, and takes SHARED_LIMIT customers of one value at most.
"""

import threading
import weakref
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.scheme import Fingerprints
from matching.fingerprints.segments.build import bucket_of, directory_of, halves
from matching.fingerprints.segments.format import Ordinals, Records, directory_bits
from matching.native.library import LibraryMissing
from matching.native.probe import Marks, Probe, functions, marks_of, marks_size, probe

# Customers of one value that a lookup gives. A value that more share (a placeholder number) names nobody.
SHARED_LIMIT = 64

Queries = NDArray[np.int64]  # numbers of the values of a batch
Hits = tuple[Queries, Ordinals]


#: Bytes of all tables' marks in memory, one or two a record. Tables beyond them are looked up without.
MARKS_LIMIT = 64 << 20


class Marking:
    """A table's marks, made once it is asked so much that reading all of it pays."""

    taken: ClassVar[int] = 0  # of MARKS_LIMIT
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, limit: int = MARKS_LIMIT) -> None:
        self._limit = limit
        self._marks: Marks | None = None
        self._asked = 0

    def after(self, asked: int, native: Probe, records: Records) -> Marks | None:
        """The marks, if there are any by now. Threads that ask while one makes them go on without."""
        if self._marks is None:
            self._asked += asked
            if self._asked > len(records) // 2 and Marking._making.acquire(blocking=False):
                try:
                    self._make(native, records)
                finally:
                    Marking._making.release()
        return self._marks

    def _make(self, native: Probe, records: Records) -> None:
        size = marks_size(len(records))
        if self._marks is None and Marking.taken + size <= self._limit:
            marks = marks_of(native, records)
            Marking.taken += size
            weakref.finalize(marks, Marking._give_back, size)
            self._marks = marks

    @classmethod
    def _give_back(cls, size: int) -> None:
        cls.taken -= size


@dataclass(frozen=True, slots=True)
class LookupTable:
    """The records of one field and where they begin by their first `bits`."""

    records: Records
    directory: NDArray[np.uint32]
    bits: int
    marking: Marking = field(default_factory=Marking, compare=False, repr=False)

    @classmethod
    def of(cls, records: Records) -> Self:
        bits = directory_bits(len(records))
        return cls(records, directory_of(records, bits), bits)

    def is_sound(self) -> bool:
        """Whether the directory stays inside the table, so that no lookup leaves it."""
        steps = self.directory
        return bool(steps[0] == 0 and steps[-1] == len(self.records) and np.all(steps[1:] >= steps[:-1]))


def none() -> Hits:
    return np.empty(0, np.int64), np.empty(0, np.uint32)


def lookup(table: LookupTable, values: Fingerprints) -> Hits:
    """For each hit the number of its value in the batch and the customer's ordinal."""
    if not len(table.records) or not len(values):
        return none()
    native = _native()
    if native is None:
        return by_numpy(table, values)
    marks = table.marking.after(len(values), native, table.records)
    return probe(native, table.records, table.directory, table.bits, marks, values, SHARED_LIMIT)


@cache
def _native() -> Probe | None:
    try:
        return functions()
    except LibraryMissing:
        return None


def by_numpy(table: LookupTable, values: Fingerprints) -> Hits:
    """All values of a batch at once, halving each one's bucket; neither table nor batch is empty."""
    hi, lo = halves(values)
    bucket = bucket_of(hi, table.bits)
    low = table.directory[bucket].astype(np.int64)
    ends = table.directory[bucket + 1].astype(np.int64)
    column = table.records["hi"]
    place = _first_not_below(column, hi, low, ends)
    return _equal_from(table, hi, lo, place, ends)


def _first_not_below(
    column: NDArray[np.uint64], hi: NDArray[np.uint64], low: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each query the first record of its bucket that is not below it, or the bucket's end."""
    high, last = ends.copy(), len(column) - 1
    while (unsettled := low < high).any():
        middle = (low + high) >> 1
        below = unsettled & (column[np.minimum(middle, last)] < hi)
        low = np.where(below, middle + 1, low)
        high = np.where(unsettled & ~below, middle, high)
    return low


def _equal_from(
    table: LookupTable,
    hi: NDArray[np.uint64],
    lo: NDArray[np.uint32],
    place: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> Hits:
    """From its first record on, those that are equal to each query."""
    queries: list[Queries] = []
    ordinals: list[Ordinals] = []
    left = np.arange(len(hi))
    for _ in range(SHARED_LIMIT):
        left = left[place[left] < ends[left]]
        found = np.take(table.records, place[left])
        left, found = left[found["hi"] == hi[left]], found[found["hi"] == hi[left]]
        if not len(left):
            break
        equal = found["lo"] == lo[left]
        queries.append(left[equal])
        ordinals.append(found["ordinal"][equal])
        place[left] += 1
    if not queries:
        return none()
    query = np.concatenate(queries)
    order = np.argsort(query, kind="stable")
    return query[order], np.concatenate(ordinals)[order]
