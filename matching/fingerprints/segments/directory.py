"""The directory of a table of sorted records: where the records begin whose first bits are 0, 1, 2, ...

A bucket holds the records with the same first `bits` bits. The directory has one entry per bucket and one for
the end of the table.
"""

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.segments.format import Records


def directory_of(records: Records, bits: int) -> NDArray[np.uint32]:
    """Return the directory of sorted records."""
    sizes = np.zeros(1 << bits, np.uint32)
    count_buckets(sizes, records, bits)
    return bucket_starts(sizes, 0)


def count_buckets(sizes: NDArray[np.uint32], records: Records, bits: int) -> None:
    """Add the number of records of each bucket to `sizes`; `records` are sorted and may be a slice."""
    if len(records):
        buckets = bucket_of(records["hi"], bits)
        first = int(buckets[0])
        counted = np.bincount(buckets - first)
        sizes[first : first + len(counted)] += counted.astype(np.uint32)


def bucket_of(hi: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    return (hi >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(hi), np.int64)


def bucket_starts(sizes: NDArray[np.uint32], dropped_bits: int) -> NDArray[np.uint32]:
    """Turn the sizes of buckets into a directory with `dropped_bits` fewer bits.

    A writer counts with the bits for the largest possible number of records; duplicates can leave fewer.
    """
    ends = np.cumsum(sizes, dtype=np.uint32)
    step = 1 << dropped_bits
    return np.concatenate((np.zeros(1, np.uint32), ends[step - 1 :: step])).astype("<u4")
