"""Writes a segment file from records that come sorted, and sorts the records of one field in bounded memory.

What is sorted lies on disk as keyed fingerprints only, in a file without a name: a kill leaves nothing of it.
"""

import hashlib
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from matching.errors import SegmentTooLarge
from matching.fingerprints.scheme import Fingerprints
from matching.fingerprints.segments.format import (
    ALIGNMENT,
    BLOCK,
    COUNT_LIMIT,
    RECORD,
    Ordinals,
    Records,
    SegmentHeader,
    directory_bits,
    prefix,
    sha256,
)
from matching.identifiers import Field

RUN = 1 << 20  # records that are sorted at once: 16 MiB
SLICE = 1 << 20  # records that are merged at once, about


class Sorter:
    """The records of one field: added in any order, given back sorted, without doubles."""

    def __init__(self, folder: Path, *, run: int = RUN) -> None:
        """`folder`: where there is room for them; `run`: records that are held in memory."""
        self.count = 0  # doubles included
        self._run = run
        self._folder = folder
        self._waiting: list[Records] = []
        self._waits = 0
        self._file: BinaryIO | None = None
        self._runs: list[int] = []  # records of each

    def add(self, values: Fingerprints, ordinals: Ordinals) -> None:
        self._waiting.append(records_of(values, ordinals))
        self._waits += len(values)
        self.count += len(values)
        if self._waits >= self._run:
            self._spill()

    def merged(self) -> Iterator[Records]:
        """Slice after slice, in order; may be called once."""
        if self._file is None:
            yield in_order(self._taken())
            return
        self._spill()
        self._file.flush()
        mapping = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        everything = np.frombuffer(mapping, RECORD)
        ends = np.cumsum(self._runs)
        runs = [everything[end - size : end] for end, size in zip(ends, self._runs, strict=True)]
        for records in merged(runs, width=self._run):
            yield records
            mapping.madvise(mmap.MADV_DONTNEED)  # what was read is not needed again: memory stays bounded
        self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115  (closed by `merged`)
        run = in_order(self._taken())
        if len(run):
            self._file.write(run.tobytes())
            self._runs.append(len(run))

    def _taken(self) -> Records:
        taken = np.concatenate(self._waiting) if self._waiting else np.empty(0, RECORD)
        self._waiting, self._waits = [], 0
        return taken


def records_of(values: Fingerprints, ordinals: Ordinals) -> Records:
    records = np.empty(len(values), RECORD)
    records["hi"], records["lo"] = halves(values)
    records["ordinal"] = ordinals
    return records


def halves(values: Fingerprints) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """What of the fingerprints is kept: the first 8 bytes and the next 4, as numbers that sort as they do."""
    whole = np.ascontiguousarray(values[:, :12])
    hi = np.ascontiguousarray(whole[:, :8]).view(">u8")[:, 0].astype("<u8")
    lo = np.ascontiguousarray(whole[:, 8:]).view(">u4")[:, 0].astype("<u4")
    return hi, lo


def in_order(records: Records) -> Records:
    """Sorted by fingerprint and ordinal, without doubles. Quick where sorted stretches stand in a row."""
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


def merged(runs: Sequence[Records], *, width: int = SLICE) -> Iterator[Records]:
    """Sorted records of several sorted runs, a slice at a time.

    Fingerprints are spread evenly, so slices of equal width are of about equal size.
    """
    slices = max(1, -(-sum(map(len, runs)) // width))
    starts = [0] * len(runs)
    for number in range(1, slices + 1):
        bound = number * (1 << 64) // slices
        ends = [
            len(run) if number == slices else first_from(run, bound, start)
            for run, start in zip(runs, starts, strict=True)
        ]
        parts = [run[start:end] for run, start, end in zip(runs, starts, ends, strict=True) if end > start]
        if parts:
            yield in_order(np.concatenate(parts))
        starts = ends


def first_from(records: Records, bound: int, low: int = 0) -> int:
    """The place of the first record of a sorted run that is not below; the run is not read for it."""
    high = len(records)
    column = records["hi"]
    while low < high:
        middle = (low + high) // 2
        if int(column[middle]) < bound:
            low = middle + 1
        else:
            high = middle
    return low


def write_segment(
    path: Path,
    header: SegmentHeader,
    sections: Mapping[Field, Iterable[Records]],
    erased: Ordinals | None = None,
) -> SegmentHeader:
    """Write a segment, all of it or nothing, with mode 0600; returns the header with the counts that came.

    `sections`: for each field of the header its records, sorted, in slices. `header.counts` are upper bounds.
    """
    gone = np.empty(0, np.uint32) if erased is None else np.unique(erased).astype("<u4")
    header = header.model_copy(update={"erased": len(gone)})
    with drafted(path) as stream:
        reserved = len(prefix(header))
        stream.write(bytes(reserved))
        body = _Body(stream)
        counts = {name: _write_field(body, header.counts[name], sections[name]) for name in header.counts}
        body.write(gone.tobytes())
        body.align()
        header = header.model_copy(update={"counts": counts})
        begin, digests = prefix(header, reserved), body.digests()
        stream.write(digests + sha256(begin, digests))
        stream.seek(0)
        stream.write(begin)
    return header


class _Body:
    """What stands behind the header, and a digest of each of its blocks."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = 0
        self._block = hashlib.sha256()
        self._digests: list[bytes] = []

    def write(self, content: bytes | memoryview) -> None:
        self._stream.write(content)
        view = memoryview(content)
        while len(view):
            part = view[: BLOCK - self._size % BLOCK]
            self._block.update(part)
            self._size += len(part)
            if self._size % BLOCK == 0:
                self._digests.append(self._block.digest())
                self._block = hashlib.sha256()
            view = view[len(part) :]

    def align(self) -> None:
        self.write(bytes(-self._size % ALIGNMENT))

    def digests(self) -> bytes:
        rest = [self._block.digest()] if self._size % BLOCK else []
        return b"".join([*self._digests, *rest])


def _write_field(body: _Body, at_most: int, slices: Iterable[Records]) -> int:
    """Records, then their directory, which is counted as they pass; returns how many there were."""
    bits = directory_bits(at_most)
    sizes = np.zeros(1 << bits, np.uint32)
    count = 0
    for records in slices:
        if count + len(records) >= COUNT_LIMIT:
            raise SegmentTooLarge(
                f"a field has {COUNT_LIMIT} fingerprints or more; enroll the list in two parts"
            )
        _count_buckets(sizes, records, bits)
        count += len(records)
        body.write(np.ascontiguousarray(records).data.cast("B"))
    body.write(_starts(sizes, bits - directory_bits(count)).tobytes())
    body.align()
    return count


def directory_of(records: Records, bits: int) -> NDArray[np.uint32]:
    """Of sorted records: where those begin whose first `bits` are 0, 1, 2, ..., and the end."""
    sizes = np.zeros(1 << bits, np.uint32)
    _count_buckets(sizes, records, bits)
    return _starts(sizes, 0)


def _count_buckets(sizes: NDArray[np.uint32], records: Records, bits: int) -> None:
    if len(records):
        buckets = bucket_of(records["hi"], bits)
        first = int(buckets[0])
        counted = np.bincount(buckets - first)
        sizes[first : first + len(counted)] += counted.astype(np.uint32)


def bucket_of(hi: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    return (hi >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(hi), np.int64)


def _starts(sizes: NDArray[np.uint32], coarser: int) -> NDArray[np.uint32]:
    """Where each bucket begins, and the end. `coarser`: by how many bits, because fewer records came."""
    ends = np.cumsum(sizes, dtype=np.uint32)
    return np.concatenate((np.zeros(1, np.uint32), ends[(1 << coarser) - 1 :: 1 << coarser])).astype("<u4")


@contextmanager
def drafted(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place in the end: readers see the old file or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """After this a rename or a removal in the folder outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
