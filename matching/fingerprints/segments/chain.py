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
from matching.fingerprints.segments.series import check_follows, header_after
from matching.fingerprints.segments.sorting import merge_runs
from matching.fingerprints.segments.writing import write_segment
from matching.identifiers import Field


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

    def lookup(self, name: Field, values: Fingerprints) -> Hits:
        """Look up in all files, the base first, and drop the hits of erased customers."""
        found = [segment.lookup(name, values) for segment in self.segments]
        queries, ordinals = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if len(self._erased) and len(ordinals):
            kept = ~_are_among(self._erased, ordinals)
            queries, ordinals = queries[kept], ordinals[kept]
        return queries, ordinals


def _are_among(erased: Ordinals, ordinals: Ordinals) -> NDArray[np.bool_]:
    place = np.minimum(np.searchsorted(erased, ordinals), len(erased) - 1)
    return np.asarray(erased[place] == ordinals)


def merge_chain(chain: SegmentChain, path: Path) -> SegmentHeader:
    """Write base and deltas as one new base, in bounded memory, without the records of erased customers."""
    sections = {name: _remaining_records(chain, name) for name in chain.header.counts}
    return write_segment(path, chain.header, sections)


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
