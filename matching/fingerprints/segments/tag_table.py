"""The tags of one mask template: 5 bytes per customer, sorted, searched without loading.

A tag has 40 bits. The first 8 are the bucket, of which the directory says where it begins; the other 32 are
stored, and beside them one byte with the customer's cohort (0: not known). On the way to a file a tag and its
cohort are one number: `tag << 8 | cohort`.

Beside the tags stand counts: of anchors, by the tag of the anchor alone, and of endings, by their code.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TAG_BITS = 40
TAG_RECORD = np.dtype([("tag", "<u4"), ("cohort", "u1")])  # 5 bytes
COUNT_RECORD = np.dtype([("code", "<u4"), ("count", "<u4")])
DIRECTORY_SIZE = 257  # the starts of 256 buckets, and the end
_SLICE = 1 << 20  # records merged at once, about

TagRecords = NDArray[np.void]  # of TAG_RECORD
CountRecords = NDArray[np.void]  # of COUNT_RECORD
PackedTags = NDArray[np.uint64]  # tag << 8 | cohort
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TagTable:
    """The records of one template and their directory."""

    records: TagRecords
    directory: NDArray[np.uint32]

    def is_sound(self) -> bool:
        """Return whether the directory rises and stays inside the table, so that no lookup leaves it."""
        steps = self.directory
        return bool(steps[0] == 0 and steps[-1] == len(self.records) and np.all(steps[1:] >= steps[:-1]))

    def places(self, tags: NDArray[np.uint64]) -> tuple[Places, Places]:
        """Return for each tag of 40 bits where its records begin and end; the whole batch side by side."""
        bucket = (tags >> np.uint64(32)).astype(np.int64) & 0xFF
        low = self.directory[bucket].astype(np.int64)
        high = self.directory[bucket + 1].astype(np.int64)
        wanted = (tags & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        column = self.records["tag"]
        first = _first_places(column, wanted, low, high, after=False)
        return first, _first_places(column, wanted, first, high, after=True)

    def packed(self, start: int, end: int) -> PackedTags:
        """Return the records of a range as they were before they were written."""
        records = self.records[start:end]
        places = np.arange(start, start + len(records))
        bucket = np.searchsorted(self.directory, places, side="right") - 1
        tags = bucket.astype(np.uint64) << np.uint64(32) | records["tag"].astype(np.uint64)
        return tags << np.uint64(8) | records["cohort"].astype(np.uint64)


@dataclass(frozen=True, slots=True)
class MaskTables:
    """The mask parts of an open file; `rare`: per template, people with anchors that are not listed."""

    tags: Mapping[str, TagTable]
    anchors: Mapping[str, CountRecords]
    endings: Mapping[str, CountRecords]


@dataclass(frozen=True, slots=True)
class MaskSections:
    """The mask parts of a file to write. `tags`: of each template, packed and sorted, in slices."""

    tags: Mapping[str, Iterable[PackedTags]]
    anchors: Mapping[str, CountRecords]
    endings: Mapping[str, CountRecords]


def _first_places(
    column: NDArray[np.uint32], wanted: NDArray[np.uint32], low: Places, high: Places, *, after: bool
) -> Places:
    """Return the first place of each range whose number is not below the wanted one; `after`: is above it.

    All are bisected side by side. numpy's searchsorted would copy the column of the mapped file.
    """
    low, high, last = low.copy(), high.copy(), len(column) - 1
    while (unsettled := low < high).any():
        middle = (low + high) >> 1
        found = column[np.minimum(middle, last)]
        below = unsettled & ((found <= wanted) if after else (found < wanted))
        low = np.where(below, middle + 1, low)
        high = np.where(unsettled & ~below, middle, high)
    return low


def counts_of(records: CountRecords, codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the count of each code, 0 for those that are not listed."""
    if not len(records):
        return np.zeros(len(codes), np.int64)
    ends = np.full(len(codes), len(records), np.int64)
    place = _first_places(records["code"], codes, np.zeros_like(ends), ends, after=False)
    found = records[np.minimum(place, len(records) - 1)]
    return np.where(found["code"] == codes, found["count"].astype(np.int64), 0)


def records_of_tags(packed: PackedTags) -> TagRecords:
    records = np.empty(len(packed), TAG_RECORD)
    records["tag"] = packed >> np.uint64(8) & np.uint64(0xFFFFFFFF)
    records["cohort"] = packed & np.uint64(0xFF)
    return records


def bucket_sizes(packed: PackedTags) -> NDArray[np.uint32]:
    """Return how many tags each of the 256 buckets has."""
    buckets = (packed >> np.uint64(TAG_BITS)).astype(np.int64)
    return np.bincount(buckets, minlength=DIRECTORY_SIZE - 1).astype(np.uint32)


def merge_tags(tables: Sequence[TagTable], cohort_maps: Sequence[NDArray[np.uint8]]) -> Iterator[PackedTags]:
    """Merge the tags of files, bucket by bucket, with their cohorts as numbers of the joined cohorts.

    `cohort_maps`: 256 numbers per file, the new number of each.
    """
    for bucket in range(DIRECTORY_SIZE - 1):
        parts = []
        for table, numbers in zip(tables, cohort_maps, strict=True):
            packed = table.packed(int(table.directory[bucket]), int(table.directory[bucket + 1]))
            cohorts = numbers[(packed & np.uint64(0xFF)).astype(np.uint8)]
            parts.append(packed & ~np.uint64(0xFF) | cohorts.astype(np.uint64))
        yield np.sort(np.concatenate(parts))


def sum_of_counts(parts: Sequence[CountRecords]) -> CountRecords:
    """Add the counts of files, sorted by code."""
    if len(parts) == 1:
        return parts[0]
    together = np.concatenate([np.empty(0, COUNT_RECORD), *parts])
    codes, places = np.unique(together["code"], return_inverse=True)
    counts = np.bincount(places, weights=together["count"].astype(np.float64), minlength=len(codes))
    return count_records(codes, np.minimum(counts, 0xFFFFFFFF).astype(np.uint32))


def count_records(codes: NDArray[np.uint32], counts: NDArray[np.uint32]) -> CountRecords:
    records = np.empty(len(codes), COUNT_RECORD)
    records["code"], records["count"] = codes, counts
    return records
