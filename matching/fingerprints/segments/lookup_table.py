"""Looks fingerprints up in a table of sorted records, natively where the library was built, else with numpy.

Both give the same hits in the same order: by query, then by ordinal. Whatever a file holds, a lookup reads
only inside its bucket, bisects it at most 32 times, and returns at most SHARED_LIMIT customers per value.
"""

import threading
import weakref
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.scheme import Fingerprints
from matching.fingerprints.segments.directory import bucket_of, directory_of
from matching.fingerprints.segments.format import Ordinals, Records, directory_bits
from matching.fingerprints.segments.sorting import halves
from matching.native.library import LibraryMissing
from matching.native.probe import Marks, Probe, functions, marks_of, marks_size, probe

# Customers that a lookup returns per value. A value that more customers share (a placeholder number)
# identifies nobody.
SHARED_LIMIT = 64

Queries = NDArray[np.int64]  # places of the values in their batch
Hits = tuple[Queries, Ordinals]


#: Bytes for the marks of all tables in memory, one or two per record. Further tables are searched without.
MARKS_LIMIT = 64 << 20


class Marking:
    """The marks of one table: a bitmap in memory which shows that most values are not in it.

    Making them reads the whole table. So they are made once half as many values were looked up as the table
    has records.
    """

    taken: ClassVar[int] = 0  # bytes of MARKS_LIMIT in use
    _making: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, limit: int = MARKS_LIMIT) -> None:
        self._limit = limit
        self._marks: Marks | None = None
        self._looked_up = 0

    def after(self, asked: int, native: Probe, records: Records) -> Marks | None:
        """Count `asked` further lookups and return the marks, None if they were not made.

        While one thread makes them, the others go on without.
        """
        if self._marks is None:
            self._looked_up += asked
            if self._looked_up > len(records) // 2 and Marking._making.acquire(blocking=False):
                try:
                    self._make(native, records)
                finally:
                    Marking._making.release()
        return self._marks

    @property
    def made(self) -> Marks | None:
        return self._marks

    def _make(self, native: Probe, records: Records) -> None:
        size = marks_size(len(records))
        if self._marks is None and Marking.taken + size <= self._limit:
            marks = marks_of(native, records)
            Marking.taken += size
            weakref.finalize(marks, Marking._release_bytes, size)
            self._marks = marks

    @classmethod
    def _release_bytes(cls, size: int) -> None:
        cls.taken -= size


@dataclass(frozen=True, slots=True)
class LookupTable:
    """The records of one field and their directory over the first `bits` bits."""

    records: Records
    directory: NDArray[np.uint32]
    bits: int
    marking: Marking = field(default_factory=Marking, compare=False, repr=False)

    @classmethod
    def of(cls, records: Records) -> Self:
        bits = directory_bits(len(records))
        return cls(records, directory_of(records, bits), bits)

    def is_sound(self) -> bool:
        """Return whether the directory rises and stays inside the table, so that no lookup leaves it."""
        steps = self.directory
        return bool(steps[0] == 0 and steps[-1] == len(self.records) and np.all(steps[1:] >= steps[:-1]))


def no_hits() -> Hits:
    return np.empty(0, np.int64), np.empty(0, np.uint32)


def lookup(table: LookupTable, values: Fingerprints) -> Hits:
    """Return for each hit the place of its value in the batch, and the customer's ordinal."""
    if not len(table.records) or not len(values):
        return no_hits()
    native = _native_probe()
    if native is None:
        return by_numpy(table, values)
    marks = table.marking.after(len(values), native, table.records)
    return probe(native, table.records, table.directory, table.bits, marks, values, SHARED_LIMIT)


@cache
def _native_probe() -> Probe | None:
    try:
        return functions()
    except LibraryMissing:
        return None


def by_numpy(table: LookupTable, values: Fingerprints) -> Hits:
    """Look up a whole batch at once, bisecting all buckets side by side.

    Neither table nor batch may be empty.
    """
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
    """Return for each query the first record of its bucket that is not below it, or the bucket's end."""
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
    """Return the records equal to each query, walking from its first record on.

    All queries step together. A query drops out at its bucket's end or at the first record with another `hi`.
    """
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
        return no_hits()
    query = np.concatenate(queries)
    order = np.argsort(query, kind="stable")
    return query[order], np.concatenate(ordinals)[order]
