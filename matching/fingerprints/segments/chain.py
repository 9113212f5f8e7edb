"""A base with the deltas that follow it, searched as one list of customers and merged into one file.

An ordinal is given only once in a series. So erasing needs an ordinal only, whichever file holds its records,
and the order of the files matters only for which ordinals come next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from matching.errors import SegmentBaseOther
from matching.fingerprints.scheme import Fingerprints, Key
from matching.fingerprints.segments.format import Ordinals, Records, SegmentHeader
from matching.fingerprints.segments.lookup_table import Hits
from matching.fingerprints.segments.mapped_segment import MappedSegment
from matching.fingerprints.segments.parts import MasksHeader, cohort_map
from matching.fingerprints.segments.series import check_follows, header_after
from matching.fingerprints.segments.sorting import merge_runs
from matching.fingerprints.segments.tag_table import CountRecords, MaskSections, merge_tags, sum_of_counts
from matching.fingerprints.segments.writing import write_segment
from matching.identifiers import Field
from matching.native.probe import Marks

_COHORT_SLICE = 1 << 20  # customers whose cohorts are written at once


@dataclass(frozen=True, slots=True)
class SegmentChain:
    """A base and its deltas, in order. `header` is the header that a merge would write."""

    segments: Sequence[MappedSegment]
    header: SegmentHeader
    _erased: Ordinals = field(repr=False)  # sorted

    @classmethod
    def of(cls, segments: Sequence[MappedSegment]) -> Self:
        """Raise SegmentRefused unless each segment follows the one before it."""
        base, *deltas = segments
        if base.header.is_delta:
            raise SegmentBaseOther(f"{base.path} is a delta; name the base of its series first")
        header = base.header
        for delta in deltas:
            check_follows(delta.header, header, delta.path)
            header = header_after(header, delta.header)
        erased = np.unique(np.concatenate([segment.erased for segment in segments]))
        return cls(segments, header, erased.astype(np.uint32))

    @property
    def path(self) -> Path:
        """The path of the base."""
        return self.segments[0].path

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that can be looked up."""
        return tuple(dict.fromkeys(name for segment in self.segments for name in segment.fields))

    @property
    def outdated(self) -> tuple[Field, ...]:
        return tuple(dict.fromkeys(name for segment in self.segments for name in segment.outdated))

    @property
    def erased(self) -> int:
        """The number of erased customers; their records may still be in the files."""
        return len(self._erased)

    def is_erased(self, ordinal: int) -> bool:
        place = int(np.searchsorted(self._erased, ordinal))
        return place < len(self._erased) and int(self._erased[place]) == ordinal

    def check_key(self, key: Key) -> None:
        for segment in self.segments:
            segment.check_key(key)

    def lookup_marks(self, name: Field) -> Marks | None:
        """Return the marks of the base, in which a lookup begins; None: there are none yet."""
        return self.segments[0].lookup_marks(name)

    def lookup(self, name: Field, values: Fingerprints) -> Hits:
        """Look up in all files, the base first, and drop the hits of erased customers."""
        found = [segment.lookup(name, values) for segment in self.segments]
        queries, ordinals = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if len(self._erased) and len(ordinals):
            kept = ~_are_among(self._erased, ordinals)
            queries, ordinals = queries[kept], ordinals[kept]
        return queries, ordinals

    def cohort_of(self, ordinals: Ordinals) -> NDArray[np.uint8]:
        """Return the number of each customer's cohort in the chain's header, from 1 on; 0: not known."""
        found = np.zeros(len(ordinals), np.uint8)
        for segment, numbers in zip(self.segments, self.cohort_maps(), strict=True):
            found |= numbers[segment.cohort_of(ordinals)]  # each ordinal is in one file
        return found

    def cohort_counts(self) -> NDArray[np.int64]:
        """Return the number of customers of each cohort, without erased ones; first those not known.

        Those that were erased before a merger count as not known.
        """
        counts = np.zeros(len(self.header.cohorts) + 1, np.int64)
        for segment, numbers in zip(self.segments, self.cohort_maps(), strict=True):
            segment.check_size_unchanged()
            of_file = np.bincount(segment.cohorts, minlength=256)
            counts += np.bincount(numbers, weights=of_file, minlength=len(counts)).astype(np.int64)
        counts -= np.bincount(self.cohort_of(self._erased), minlength=len(counts))
        counts[0] = self.header.customers - len(self._erased) - counts[1:].sum()
        return counts

    def cohort_maps(self) -> list[NDArray[np.uint8]]:
        """Return for each file the chain's number of each of 256 cohort numbers of the file."""
        return [cohort_map(segment.header.cohorts, self.header.cohorts) for segment in self.segments]

    def anchor_counts(self, template: str) -> CountRecords:
        """Return the listed anchors of a mask template in all files, by the tag of the anchor."""
        return sum_of_counts(
            [
                one.masks.anchors[template]
                for one in self.segments
                if one.masks and template in one.masks.anchors
            ]
        )

    def ending_counts(self, kind: str) -> CountRecords:
        """Return the histogram of a kind of ending over all files, by the code of the ending."""
        return sum_of_counts(
            [one.masks.endings[kind] for one in self.segments if one.masks and kind in one.masks.endings]
        )


def _are_among(erased: Ordinals, ordinals: Ordinals) -> NDArray[np.bool_]:
    place = np.minimum(np.searchsorted(erased, ordinals), len(erased) - 1)
    return np.asarray(erased[place] == ordinals)


def chain_of(segment: MappedSegment | SegmentChain) -> SegmentChain:
    return segment if isinstance(segment, SegmentChain) else SegmentChain.of([segment])


def merge_chain(chain: SegmentChain, path: Path) -> SegmentHeader:
    """Write base and deltas as one new base, in bounded memory, without the records of erased customers.

    The tags of masked values stay: they have no ordinal, so that nobody can join the tags of one person. An
    erased customer's tags are gone when the list is enrolled again.
    """
    sections = {name: _remaining_records(chain, name) for name in chain.header.counts}
    header, masks = _merged_masks(chain)
    return write_segment(path, header, sections, cohorts=_joined_cohorts(chain), masks=masks)


def _merged_masks(chain: SegmentChain) -> tuple[SegmentHeader, MaskSections | None]:
    stated = chain.header.masks
    if stated is None:
        return chain.header, None
    maps = chain.cohort_maps()
    tags = {}
    for template in stated.templates:
        having = [
            (one.masks.tags[template], numbers)
            for one, numbers in zip(chain.segments, maps, strict=True)
            if one.masks and template in one.masks.tags
        ]
        tags[template] = merge_tags([table for table, _ in having], [numbers for _, numbers in having])
    anchors = {template: chain.anchor_counts(template) for template in stated.templates}
    endings = {kind: chain.ending_counts(kind) for kind in stated.endings}
    exact = MasksHeader(
        version=stated.version,
        golden=stated.golden,
        templates={
            name: counts.model_copy(update={"anchors": len(anchors[name])})
            for name, counts in stated.templates.items()
        },
        endings={
            kind: counts.model_copy(update={"listed": len(endings[kind])})
            for kind, counts in stated.endings.items()
        },
    )
    return chain.header.model_copy(update={"masks": exact}), MaskSections(tags, anchors, endings)


def _joined_cohorts(chain: SegmentChain) -> Iterator[NDArray[np.uint8]]:
    """Yield a byte per customer of the chain, 0 for erased ones."""
    if not chain.header.cohort_ordinals:
        return
    for start in range(1, chain.header.customers + 1, _COHORT_SLICE):
        ordinals = np.arange(start, min(start + _COHORT_SLICE, chain.header.customers + 1), dtype=np.uint32)
        found = chain.cohort_of(ordinals)
        if len(chain._erased):
            found[_are_among(chain._erased, ordinals)] = 0
        yield found


def _remaining_records(chain: SegmentChain, name: Field) -> Iterator[Records]:
    runs = [segment.tables[name].records for segment in chain.segments if name in segment.tables]
    bits = _erased_bits(chain._erased)
    for records in merge_runs(runs):
        yield records[~_are_set(bits, records["ordinal"])] if len(bits) else records
        for segment in chain.segments:
            segment.release_pages()


def _erased_bits(erased: Ordinals) -> NDArray[np.uint8]:
    """Return one bit per ordinal up to the last erased one."""
    bits = np.zeros(int(erased[-1]) // 8 + 1 if len(erased) else 0, np.uint8)
    np.bitwise_or.at(bits, erased >> 3, np.left_shift(1, erased & 7).astype(np.uint8))
    return bits


def _are_set(bits: NDArray[np.uint8], ordinals: Ordinals) -> NDArray[np.bool_]:
    place = ordinals >> 3
    inside = place < len(bits)
    byte = bits[np.where(inside, place, 0)]
    return inside & (byte >> (ordinals & 7).astype(np.uint8) & 1).astype(np.bool_)
