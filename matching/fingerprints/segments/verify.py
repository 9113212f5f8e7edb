"""Proves a segment whole: every digest, the order of the records, the directory, the ordinals, the key."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from matching.errors import SegmentMissing
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments.build import bucket_of
from matching.fingerprints.segments.format import BLOCK, DIGEST_SIZE, Records, damaged, sha256
from matching.fingerprints.segments.mapped import Mapped, MappedSegment, open_segment
from matching.fingerprints.segments.probe import LookupTable

_SLICE = BLOCK  # records


def verify_segment(path: Path, *, key: Key | None = None, company: str | None = None) -> MappedSegment:
    """Read all of a file; raises SegmentRefused if it is not what was written, or not with this key."""
    try:
        segment = open_segment(path, company=company)
        if segment.mapped is not None:
            _check_blocks(segment.mapped, path)
    except OSError as error:
        raise SegmentMissing(f"the segment {path} cannot be read: {error.strerror}") from None
    for name, table in segment.tables.items():
        _check_table(table, f"its field {name}", segment)
    _check_erased(segment)
    if key is not None:
        segment.check_key(key)
    return segment


def _check_blocks(mapped: Mapped, path: Path) -> None:
    """Reads the file instead of the mapping: a file that shrinks meanwhile is an error here, and no crash."""
    layout = mapped.layout
    with path.open("rb") as stream:
        stream.seek(layout.start)
        for number, at in enumerate(range(layout.start, layout.digests, BLOCK)):
            block = stream.read(min(BLOCK, layout.digests - at))
            stated = layout.digests + DIGEST_SIZE * number
            if sha256(block) != mapped.content[stated : stated + DIGEST_SIZE]:
                raise damaged(path, f"its block {number} is not the one that was written")
    mapped.check_whole(path)


def _check_table(table: LookupTable, what: str, segment: MappedSegment) -> None:
    """The digests hold for what was written; these checks, for who wrote it."""
    for start, records in _slices(table.records):
        if not _in_order(records):
            raise damaged(segment.path, f"the records of {what} are not in order")
        ordinals = records["ordinal"]
        if ordinals.min() < 1 or ordinals.max() > segment.header.customers:
            raise damaged(segment.path, f"{what} names customers that there are none of")
        bucket = bucket_of(np.ascontiguousarray(records["hi"]), table.bits)
        place = np.arange(start, start + len(records))
        if np.any(table.directory[bucket] > place) or np.any(table.directory[bucket + 1] <= place):
            raise damaged(segment.path, f"the directory of {what} leads astray")
        segment.let_go()


def _slices(records: Records) -> Iterator[tuple[int, Records]]:
    """Overlapping by one record, so that the order is checked across their ends."""
    for start in range(0, len(records), _SLICE):
        yield start, records[start : start + _SLICE + 1]


def _in_order(records: Records) -> bool:
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
        raise damaged(segment.path, "its list of erased customers is not in order")
