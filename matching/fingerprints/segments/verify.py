"""Checks a whole segment: every digest, the order of the records, the directory, the ordinals, the key.

Of format 3 also the cohorts, the order of the tags, and that no histogram counts fewer people than allowed.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from matching.errors import SegmentMissing
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments.directory import bucket_of
from matching.fingerprints.segments.format import BLOCK, DIGEST_SIZE, Records, damaged_segment, sha256
from matching.fingerprints.segments.lookup_table import LookupTable
from matching.fingerprints.segments.mapped_segment import MappedFile, MappedSegment, open_segment
from matching.fingerprints.segments.parts import LEAST_PEOPLE
from matching.fingerprints.segments.tag_table import CountRecords, TagTable

_SLICE = BLOCK  # records


def verify_segment(path: Path, *, key: Key | None = None, company: str | None = None) -> MappedSegment:
    """Read all of a file; raise SegmentRefused if it is damaged, or not made with `key` or for `company`."""
    try:
        segment = open_segment(path, company=company)
        if segment.mapped is not None:
            _check_blocks(segment.mapped, path)
    except OSError as error:
        raise SegmentMissing(f"the segment {path} cannot be read: {error.strerror}") from None
    for name, table in segment.tables.items():
        _check_table(table, f"its field {name}", segment)
    _check_erased(segment)
    _check_cohorts(segment)
    if segment.masks is not None:
        for template, tags in segment.masks.tags.items():
            _check_tags(tags, template, segment)
        _check_counts(segment)
    if key is not None:
        segment.check_key(key)
    return segment


def _check_blocks(mapped: MappedFile, path: Path) -> None:
    """Compare each block with its digest.

    Reads the file instead of the mapping: if the file shrinks meanwhile, reading gives an error and the
    mapping would crash the process.
    """
    layout = mapped.layout
    with path.open("rb") as stream:
        stream.seek(layout.start)
        for number, at in enumerate(range(layout.start, layout.digests, BLOCK)):
            block = stream.read(min(BLOCK, layout.digests - at))
            digest_at = layout.digests + DIGEST_SIZE * number
            if sha256(block) != mapped.content[digest_at : digest_at + DIGEST_SIZE]:
                raise damaged_segment(path, f"block {number} does not match its digest")
    mapped.check_size_unchanged(path)


def _check_table(table: LookupTable, what: str, segment: MappedSegment) -> None:
    """Check records and directory: the digests show only that they are what somebody wrote."""
    for start, records in _overlapping_slices(table.records):
        if not _is_sorted(records):
            raise damaged_segment(segment.path, f"the records of {what} are not in order")
        ordinals = records["ordinal"]
        if ordinals.min() < 1 or ordinals.max() > segment.header.customers:
            raise damaged_segment(segment.path, f"{what} has ordinals beyond the last customer")
        bucket = bucket_of(np.ascontiguousarray(records["hi"]), table.bits)
        place = np.arange(start, start + len(records))
        if np.any(table.directory[bucket] > place) or np.any(table.directory[bucket + 1] <= place):
            raise damaged_segment(segment.path, f"the directory of {what} points to wrong records")
        segment.release_pages()


def _overlapping_slices(records: Records) -> Iterator[tuple[int, Records]]:
    """Yield slices that overlap by one record, so that the order is also checked across their borders."""
    for start in range(0, len(records), _SLICE):
        yield start, records[start : start + _SLICE + 1]


def _is_sorted(records: Records) -> bool:
    """Return whether each record is greater than the one before it."""
    before, behind = records[:-1], records[1:]
    rising = before["hi"] < behind["hi"]
    level = before["hi"] == behind["hi"]
    rising |= level & (before["lo"] < behind["lo"])
    rising |= level & (before["lo"] == behind["lo"]) & (before["ordinal"] < behind["ordinal"])
    return bool(rising.all())


def _check_erased(segment: MappedSegment) -> None:
    erased = segment.erased
    if len(erased) and (
        erased[0] < 1 or erased[-1] > segment.header.customers or np.any(erased[1:] <= erased[:-1])
    ):
        raise damaged_segment(segment.path, "its list of erased customers is not in order")


def _check_cohorts(segment: MappedSegment) -> None:
    cohorts = segment.cohorts
    if len(cohorts) and int(cohorts.max()) > len(segment.header.cohorts):
        raise damaged_segment(segment.path, "it has cohorts that its header does not name")


def _check_tags(table: TagTable, template: str, segment: MappedSegment) -> None:
    """Check that the tags rise and have cohorts of the header."""
    for start in range(0, len(table.records), _SLICE):
        packed = table.packed(start, start + _SLICE + 1)
        if np.any(packed[1:] < packed[:-1]):
            raise damaged_segment(segment.path, f"the tags of the mask template {template} are not in order")
        if int((packed & np.uint64(0xFF)).max()) > len(segment.header.cohorts):
            raise damaged_segment(segment.path, f"the mask template {template} has unknown cohorts")
        segment.release_pages()


def _check_counts(segment: MappedSegment) -> None:
    """Check the histograms against the numbers of the header."""
    header, masks = segment.header.masks, segment.masks
    if header is None or masks is None:
        return
    for name, anchors in masks.anchors.items():
        sizes = header.templates[name]
        whole = int(anchors["count"].sum(dtype=np.int64)) + sizes.rare == sizes.tags
        if not (whole and _is_histogram(anchors, sizes.tags)):
            raise damaged_segment(segment.path, f"the counts of anchors of {name} are not right")
    for kind, endings in masks.endings.items():
        if not _is_histogram(endings, header.endings[kind].values):
            raise damaged_segment(segment.path, f"the counts of endings of {kind} are not right")


def _is_histogram(records: CountRecords, most: int) -> bool:
    """Return whether the codes rise, and each count is of enough people and of no more than there are."""
    codes, counts = records["code"], records["count"]
    if not len(records):
        return True
    return bool(np.all(codes[1:] > codes[:-1]) and counts.min() >= LEAST_PEOPLE and counts.max() <= most)
