"""Records of a segment, sorted in bounded memory.

What does not fit in memory is written to disk as keyed fingerprints only, to a file without a name, so that
nothing of it is left after a kill.
"""

import mmap
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.scheme import Fingerprints
from matching.fingerprints.segments.format import RECORD, Ordinals, Records

RUN = 1 << 20  # records sorted at once: 16 MiB
SLICE = 1 << 20  # records merged at once, about


class Sorter:
    """Sorts the records of one field, added in any order, and removes duplicates."""

    def __init__(self, folder: Path, *, run: int = RUN) -> None:
        """`folder`: where the temporary file is written; `run`: number of records held in memory."""
        self.count = 0  # duplicates included
        self._run = run
        self._folder = folder
        self._unsorted: list[Records] = []
        self._unsorted_count = 0
        self._file: BinaryIO | None = None
        self._run_sizes: list[int] = []  # records in each sorted run of the file

    def add(self, values: Fingerprints, ordinals: Ordinals) -> None:
        self._unsorted.append(records_of(values, ordinals))
        self._unsorted_count += len(values)
        self.count += len(values)
        if self._unsorted_count >= self._run:
            self._write_run()

    def merged(self) -> Iterator[Records]:
        """Yield all records in order, slice by slice; may be called once."""
        if self._file is None:
            yield in_order(self._take_unsorted())
            return
        self._write_run()
        self._file.flush()
        mapping = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        everything = np.frombuffer(mapping, RECORD)
        ends = np.cumsum(self._run_sizes)
        runs = [everything[end - size : end] for end, size in zip(ends, self._run_sizes, strict=True)]
        for records in merge_runs(runs, width=self._run):
            yield records
            mapping.madvise(mmap.MADV_DONTNEED)  # pages already read are not needed again: bounds memory
        self._file.close()

    def _write_run(self) -> None:
        if self._file is None:
            self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115  (closed by `merged`)
        run = in_order(self._take_unsorted())
        if len(run):
            self._file.write(run.tobytes())
            self._run_sizes.append(len(run))

    def _take_unsorted(self) -> Records:
        records = np.concatenate(self._unsorted) if self._unsorted else np.empty(0, RECORD)
        self._unsorted, self._unsorted_count = [], 0
        return records


def records_of(values: Fingerprints, ordinals: Ordinals) -> Records:
    records = np.empty(len(values), RECORD)
    records["hi"], records["lo"] = halves(values)
    records["ordinal"] = ordinals
    return records


def halves(values: Fingerprints) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Return the stored part of each fingerprint: its first 8 bytes and the next 4, as numbers.

    They are read as big endian, so that the numbers sort as the bytes do.
    """
    whole = np.ascontiguousarray(values[:, :12])
    hi = np.ascontiguousarray(whole[:, :8]).view(">u8")[:, 0].astype("<u8")
    lo = np.ascontiguousarray(whole[:, 8:]).view(">u4")[:, 0].astype("<u4")
    return hi, lo


def in_order(records: Records) -> Records:
    """Return the records sorted by fingerprint and ordinal, without duplicates.

    Fast on concatenated sorted runs: the stable sort detects them. Only records whose `hi` occurs more than
    once are sorted by the other columns.
    """
    order = np.argsort(records["hi"], kind="stable")
    records = np.take(records, order)
    hi = records["hi"]
    same = hi[1:] == hi[:-1]
    if not same.any():
        return records
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    group = records[tied]
    group = group[np.lexsort((group["ordinal"], group["lo"], group["hi"]))]
    records[tied] = group
    return np.delete(records, tied[1:][group[1:] == group[:-1]])


def merge_runs(runs: Sequence[Records], *, width: int = SLICE) -> Iterator[Records]:
    """Merge sorted runs and yield sorted slices of about `width` records.

    Fingerprints are spread evenly, so equal ranges of values hold about equal numbers of records.
    """
    slices = max(1, -(-sum(map(len, runs)) // width))
    starts = [0] * len(runs)
    for number in range(1, slices + 1):
        bound = number * (1 << 64) // slices
        ends = [
            len(run) if number == slices else first_record_from(run, bound, start)
            for run, start in zip(runs, starts, strict=True)
        ]
        parts = [run[start:end] for run, start, end in zip(runs, starts, ends, strict=True) if end > start]
        if parts:
            yield in_order(np.concatenate(parts))
        starts = ends


def first_record_from(records: Records, bound: int, low: int = 0) -> int:
    """Return the place of the first record of a sorted run whose `hi` is at least `bound`.

    numpy's searchsorted would copy the whole strided column; this reads about 30 records.
    """
    high = len(records)
    column = records["hi"]
    while low < high:
        middle = (low + high) // 2
        if int(column[middle]) < bound:
            low = middle + 1
        else:
            high = middle
    return low
