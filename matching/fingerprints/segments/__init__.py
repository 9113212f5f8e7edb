"""Segments: files of customers' fingerprints. They are sorted, memory-mapped and searched without loading.

In the order in which a file is made and used:

format            the bytes of a file and its header
parts             what format 3 adds to the header: purpose, cohorts, canaries, masks
series            the headers of a base and of the deltas that follow it
golden_vectors    fingerprints of invented values, stored in the header to detect another key or other rules
sorting           records, sorted in bounded memory
tag_table         the tags of masked values and their histograms
directory         where the records with given first bits begin
declared_schema   the columns of the company's own export, without values
writing           writing a file; atomic_files replaces the old file in one step
mapped_segment    opening a file and looking fingerprints up; format1 reads the first released format
lookup_table      the search in one field, natively or with numpy
chain             a base with its deltas: searched as one list, merged into one file
overlap           how much of one list is in others
verify            checking every byte of a file
"""

from matching.fingerprints.segments.chain import SegmentChain, chain_of, merge_chain
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
from matching.fingerprints.segments.golden_vectors import golden_vectors
from matching.fingerprints.segments.lookup_table import SHARED_LIMIT
from matching.fingerprints.segments.mapped_segment import MappedSegment, open_segment
from matching.fingerprints.segments.overlap import share_in_lists
from matching.fingerprints.segments.parts import (
    LEAST_PEOPLE,
    CanarySet,
    EndingCounts,
    HeaderParts,
    MasksHeader,
    SegmentPurpose,
    TemplateCounts,
)
from matching.fingerprints.segments.series import check_follows, delta_header, first_header
from matching.fingerprints.segments.sorting import Sorter, in_order, records_of
from matching.fingerprints.segments.tag_table import (
    CountRecords,
    MaskSections,
    MaskTables,
    PackedTags,
    TagTable,
    count_records,
)
from matching.fingerprints.segments.verify import verify_segment
from matching.fingerprints.segments.writing import write_segment

__all__ = [
    "HEADER_LIMIT",
    "LEAST_PEOPLE",
    "MAGIC",
    "RECORD",
    "SHARED_LIMIT",
    "SUFFIX",
    "VERSION",
    "CanarySet",
    "CountRecords",
    "EndingCounts",
    "HeaderParts",
    "MappedSegment",
    "MaskSections",
    "MaskTables",
    "MasksHeader",
    "Ordinals",
    "PackedTags",
    "Records",
    "SegmentChain",
    "SegmentHeader",
    "SegmentPurpose",
    "Sorter",
    "TagTable",
    "TemplateCounts",
    "chain_of",
    "check_follows",
    "count_records",
    "delta_header",
    "first_header",
    "golden_vectors",
    "in_order",
    "merge_chain",
    "open_segment",
    "records_of",
    "share_in_lists",
    "verify_segment",
    "write_segment",
]  # fmt: skip
