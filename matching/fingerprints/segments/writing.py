"""Writes a segment file from sorted records."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from matching.errors import SegmentTooLarge
from matching.fingerprints.segments.atomic_files import atomic_file
from matching.fingerprints.segments.directory import bucket_starts, count_buckets
from matching.fingerprints.segments.format import (
    ALIGNMENT,
    BLOCK,
    PLAIN_VERSION,
    VERSION,
    Ordinals,
    Records,
    SegmentHeader,
    directory_bits,
    encoded_header,
    sha256,
)
from matching.fingerprints.segments.parts import COUNT_LIMIT
from matching.fingerprints.segments.tag_table import (
    DIRECTORY_SIZE,
    MaskSections,
    PackedTags,
    bucket_sizes,
    records_of_tags,
)
from matching.identifiers import Field

Cohorts = NDArray[np.uint8]  # one byte per ordinal


def write_segment(
    path: Path,
    header: SegmentHeader,
    sections: Mapping[Field, Iterable[Records]],
    erased: Ordinals | None = None,
    *,
    cohorts: Iterable[Cohorts] = (),
    masks: MaskSections | None = None,
) -> SegmentHeader:
    """Write a whole segment or nothing, with mode 0600; return the header with the real counts.

    `sections`: for each field of the header its records, sorted, in slices. `header.counts` are upper bounds:
    duplicates are removed while the slices are made, so the real counts are known only at the end. `cohorts`:
    in slices, a byte for each of the last `header.cohort_ordinals` ordinals. `masks`: the parts of
    `header.masks`, of exactly the sizes that it states. Raises SegmentTooLarge. Steps:

    1. reserve space for the header with the upper bounds, which is at least as long as the final one;
    2. write records, directories, erased ordinals, cohorts and masks, and compute the digest of each block;
    3. write the digests and the digest of header and digests;
    4. go back and write the final header, padded to the reserved length.
    """
    erased_once = np.empty(0, np.uint32) if erased is None else np.unique(erased).astype("<u4")
    version = VERSION if header.has_parts else PLAIN_VERSION
    header = header.model_copy(update={"erased": len(erased_once), "version": version})
    with atomic_file(path) as stream:
        reserved = len(encoded_header(header))
        stream.write(bytes(reserved))
        body = _BodyWriter(stream)
        counts = {name: _write_field(body, header.counts[name], sections[name]) for name in header.counts}
        body.write(erased_once.tobytes())
        body.align()
        _write_cohorts(body, header, cohorts)
        _write_masks(body, header, masks)
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


def _write_cohorts(body: _BodyWriter, header: SegmentHeader, slices: Iterable[Cohorts]) -> None:
    written = 0
    for cohorts in slices:
        written += len(cohorts)
        body.write(np.ascontiguousarray(cohorts, np.uint8).data)
    _check_written(written, header.cohort_ordinals, "cohorts")
    body.align()


def _write_masks(body: _BodyWriter, header: SegmentHeader, masks: MaskSections | None) -> None:
    if header.masks is None:
        return
    masks = masks or MaskSections({}, {}, {})
    for name, sizes in header.masks.templates.items():
        if sizes.tags >= COUNT_LIMIT:
            raise SegmentTooLarge(f"{COUNT_LIMIT} tags or more; split the list and enroll each part")
        _check_written(_write_tags(body, masks.tags[name]), sizes.tags, f"tags of {name}")
        _check_written(len(masks.anchors[name]), sizes.anchors, f"anchors of {name}")
        body.write(masks.anchors[name].tobytes())
        body.align()
    for kind, histogram in header.masks.endings.items():
        _check_written(len(masks.endings[kind]), histogram.listed, f"endings of {kind}")
        body.write(masks.endings[kind].tobytes())
        body.align()


def _write_tags(body: _BodyWriter, slices: Iterable[PackedTags]) -> int:
    sizes = np.zeros(DIRECTORY_SIZE - 1, np.uint32)
    for packed in slices:
        sizes += bucket_sizes(packed)
        body.write(records_of_tags(packed).tobytes())
    body.align()
    body.write(bucket_starts(sizes, 0).tobytes())
    body.align()
    return int(sizes.sum())


def _check_written(written: int, stated: int, what: str) -> None:
    """A file whose parts have other sizes than its header states could not be opened."""
    if written != stated:
        raise ValueError(f"{written} {what} were written, but the header states {stated}")
