"""Writes a segment file from sorted records."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from matching.errors import SegmentTooLarge
from matching.fingerprints.segments.atomic_files import atomic_file
from matching.fingerprints.segments.directory import bucket_starts, count_buckets
from matching.fingerprints.segments.format import (
    ALIGNMENT,
    BLOCK,
    COUNT_LIMIT,
    Ordinals,
    Records,
    SegmentHeader,
    directory_bits,
    encoded_header,
    sha256,
)
from matching.identifiers import Field


def write_segment(
    path: Path,
    header: SegmentHeader,
    sections: Mapping[Field, Iterable[Records]],
    erased: Ordinals | None = None,
) -> SegmentHeader:
    """Write a whole segment or nothing, with mode 0600; return the header with the real counts.

    `sections`: for each field of the header its records, sorted, in slices. `header.counts` are upper bounds:
    duplicates are removed while the slices are made, so the real counts are known only at the end. Steps:

    1. reserve space for the header with the upper bounds, which is at least as long as the final one;
    2. write records, directories and erased ordinals, and compute the digest of each block;
    3. write the digests and the digest of header and digests;
    4. go back and write the final header, padded to the reserved length.
    """
    erased_once = np.empty(0, np.uint32) if erased is None else np.unique(erased).astype("<u4")
    header = header.model_copy(update={"erased": len(erased_once)})
    with atomic_file(path) as stream:
        reserved = len(encoded_header(header))
        stream.write(bytes(reserved))
        body = _BodyWriter(stream)
        counts = {name: _write_field(body, header.counts[name], sections[name]) for name in header.counts}
        body.write(erased_once.tobytes())
        body.align()
        header = header.model_copy(update={"counts": counts})
        begin, digests = encoded_header(header, reserved), body.digests()
        stream.write(digests + sha256(begin, digests))
        stream.seek(0)
        stream.write(begin)
    return header


class _BodyWriter:
    """Writes what follows the header and computes the digest of each block."""

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


def _write_field(body: _BodyWriter, at_most: int, slices: Iterable[Records]) -> int:
    """Write the records and then their directory; return the number of records.

    The directory is counted while the records are written, so they are read only once.
    """
    bits = directory_bits(at_most)
    sizes = np.zeros(1 << bits, np.uint32)
    count = 0
    for records in slices:
        if count + len(records) >= COUNT_LIMIT:
            raise SegmentTooLarge(
                f"a field has {COUNT_LIMIT} fingerprints or more; split the list and enroll each part"
            )
        count_buckets(sizes, records, bits)
        count += len(records)
        body.write(np.ascontiguousarray(records).data.cast("B"))
    body.write(bucket_starts(sizes, bits - directory_bits(count)).tobytes())
    body.align()
    return count
