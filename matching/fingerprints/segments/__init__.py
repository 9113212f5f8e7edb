"""Segments: the fingerprints of a company's customers in files, sorted, mapped, looked up without loading.

format    what stands where in a file, and its header
build     sorting in bounded memory, and writing
mapped    opening, looking up; version1 reads the format that was released first
probe     the search itself, natively or by numpy
chain     a base with its deltas: one list of customers, one search, one merger
verify    the proof that a file is whole
"""

from matching.fingerprints.segments.build import Sorter, in_order, records_of, write_segment
from matching.fingerprints.segments.chain import SegmentChain, after, check_follows, merge_chain
from matching.fingerprints.segments.format import (
    HEADER_LIMIT,
    MAGIC,
    RECORD,
    SUFFIX,
    VERSION,
    Ordinals,
    Records,
    SegmentHeader,
)
from matching.fingerprints.segments.golden import golden
from matching.fingerprints.segments.mapped import MappedSegment, open_segment
from matching.fingerprints.segments.probe import SHARED_LIMIT
from matching.fingerprints.segments.series import delta_header, first_header
from matching.fingerprints.segments.verify import verify_segment

__all__ = [
    "HEADER_LIMIT",
    "MAGIC",
    "RECORD",
    "SHARED_LIMIT",
    "SUFFIX",
    "VERSION",
    "MappedSegment",
    "Ordinals",
    "Records",
    "SegmentChain",
    "SegmentHeader",
    "Sorter",
    "after",
    "check_follows",
    "delta_header",
    "first_header",
    "golden",
    "in_order",
    "merge_chain",
    "open_segment",
    "records_of",
    "verify_segment",
    "write_segment",
]  # fmt: skip
