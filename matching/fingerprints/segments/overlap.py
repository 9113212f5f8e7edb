"""How much of one list is in others: the share of its people, by the fingerprints that both have."""

from collections.abc import Sequence

import numpy as np

from matching.fingerprints.scheme import SIZE, Fingerprints
from matching.fingerprints.segments.chain import SegmentChain, chain_of
from matching.fingerprints.segments.format import Records
from matching.fingerprints.segments.mapped_segment import MappedSegment
from matching.identifiers import Field

_RECORDS_LOOKED_UP = 20_000  # of each field: the share is exact to 1%


def share_in_lists(
    base: MappedSegment | SegmentChain, lists: Sequence[MappedSegment | SegmentChain]
) -> float | None:
    """Return the share of a list's people who are in other lists, which have its key; None: it has no values.

    Values of the list are looked up, those of one field after the other; the largest share of a field counts.
    """
    shares = [_share_in(name, base, lists) for name in base.fields]
    return max(shares, default=None)


def _share_in(
    name: Field, base: MappedSegment | SegmentChain, breaches: Sequence[MappedSegment | SegmentChain]
) -> float:
    first = chain_of(base).segments[0]
    if name not in first.tables or not len(first.tables[name].records):
        return 0.0
    records = first.tables[name].records
    step = max(1, len(records) // _RECORDS_LOOKED_UP)
    values = _fingerprints_of(records[::step])
    found = [breach.lookup(name, values)[0] for breach in breaches if name in breach.fields]
    return len(np.unique(np.concatenate(found))) / len(values) if found else 0.0


def _fingerprints_of(records: Records) -> Fingerprints:
    """Return the stored part of fingerprints as it is looked up; the rest of each is not stored."""
    values = np.zeros((len(records), SIZE), np.uint8)
    values[:, :8] = records["hi"].astype(">u8").view(np.uint8).reshape(-1, 8)
    values[:, 8:12] = records["lo"].astype(">u4").view(np.uint8).reshape(-1, 4)
    return values
