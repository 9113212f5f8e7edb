"""A base with the deltas that follow it: one list of customers, looked up as one, merged into one.

An ordinal is given once in a series and never again. So what is erased is an ordinal, whichever file its
records stand in, and the order of the files matters for nothing but which ordinals are next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from matching.errors import SegmentBaseOther, SegmentOutOfOrder
from matching.fingerprints.scheme import Fingerprints, Key
from matching.fingerprints.segments import build
from matching.fingerprints.segments.format import Ordinals, Records, SegmentHeader
from matching.fingerprints.segments.mapped import MappedSegment
from matching.fingerprints.segments.probe import Hits
from matching.identifiers import Field


def check_follows(delta: SegmentHeader, before: SegmentHeader, path: Path) -> None:
    """Raises SegmentRefused unless `delta` is the next of its series after the state `before`."""
    if not delta.is_delta:
        raise SegmentBaseOther(f"{path} is a base, not a delta; `segment import` takes it up by itself")
    if delta.series != before.series:
        raise SegmentBaseOther(
            f"the delta {path} belongs to the series {delta.series[:8]}, not to {before.series[:8]}; "
            f"take up its own base first"
        )
    if delta.sequence <= before.sequence:
        raise SegmentOutOfOrder(
            f"the delta {path} is number {delta.sequence} of its series, which stands at {before.sequence} "
            f"already: nothing to do"
        )
    if delta.sequence > before.sequence + 1:
        raise SegmentOutOfOrder(
            f"the delta {path} is number {delta.sequence} of its series, which stands at {before.sequence}; "
            f"take up number {before.sequence + 1} first"
        )
    if delta.previous != before.id:
        raise SegmentOutOfOrder(
            f"the delta {path} was made on another number {before.sequence} of its series than the one that "
            f"is here: two were made; make it again on this one"
        )
    _check_alike(delta, before, path)


def _check_alike(delta: SegmentHeader, before: SegmentHeader, path: Path) -> None:
    same = ("company", "key_check", "default_region")
    different = [name for name in same if getattr(delta, name) != getattr(before, name)]
    rules = {**before.normalisers, **delta.normalisers} != {**delta.normalisers, **before.normalisers}
    if different or rules or delta.customers < before.customers:
        what = ", ".join([*different, *(["normalisers"] if rules else [])]) or "customers"
        raise SegmentBaseOther(
            f"the delta {path} has another {what} than what it follows; enroll all customers again"
        )


def after(before: SegmentHeader, delta: SegmentHeader) -> SegmentHeader:
    """What the customers are in once `delta` is taken up; counts are what stands in the files, at most."""
    counts = {
        name: before.counts.get(name, 0) + delta.counts.get(name, 0)
        for name in {**before.counts, **delta.counts}
    }
    return delta.model_copy(
        update={
            "previous": None,
            "erased": 0,
            "counts": counts,
            "normalisers": {**before.normalisers, **delta.normalisers},
            "golden": {**before.golden, **delta.golden},
        }
    )


@dataclass(frozen=True, slots=True)
class SegmentChain:
    """A base and its deltas, in order. `header` says what their merger would."""

    segments: Sequence[MappedSegment]
    header: SegmentHeader
    _erased: Ordinals = field(repr=False)  # sorted

    @classmethod
    def of(cls, segments: Sequence[MappedSegment]) -> Self:
        """Raises SegmentRefused unless each follows the one before it."""
        base, *deltas = segments
        if base.header.is_delta:
            raise SegmentBaseOther(f"{base.path} is a delta; a base has to come first")
        header = base.header
        for delta in deltas:
            check_follows(delta.header, header, delta.path)
            header = after(header, delta.header)
        erased = np.unique(np.concatenate([segment.erased for segment in segments]))
        return cls(segments, header, erased.astype(np.uint32))

    @property
    def path(self) -> Path:
        """The base's."""
        return self.segments[0].path

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those that can be looked up."""
        return tuple(dict.fromkeys(name for segment in self.segments for name in segment.fields))

    @property
    def outdated(self) -> tuple[Field, ...]:
        return tuple(dict.fromkeys(name for segment in self.segments for name in segment.outdated))

    @property
    def erased(self) -> int:
        """Customers whose records are still in the files, or were never there."""
        return len(self._erased)

    def is_erased(self, ordinal: int) -> bool:
        place = int(np.searchsorted(self._erased, ordinal))
        return place < len(self._erased) and int(self._erased[place]) == ordinal

    def check_key(self, key: Key) -> None:
        for segment in self.segments:
            segment.check_key(key)

    def lookup(self, name: Field, values: Fingerprints) -> Hits:
        """As of one segment with the customers that are not erased; base before deltas."""
        found = [segment.lookup(name, values) for segment in self.segments]
        queries, ordinals = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if len(self._erased) and len(ordinals):
            kept = ~_among(self._erased, ordinals)
            queries, ordinals = queries[kept], ordinals[kept]
        return queries, ordinals


def _among(erased: Ordinals, ordinals: Ordinals) -> NDArray[np.bool_]:
    place = np.minimum(np.searchsorted(erased, ordinals), len(erased) - 1)
    return np.asarray(erased[place] == ordinals)


def merge_chain(chain: SegmentChain, path: Path) -> SegmentHeader:
    """Write base and deltas as one new base, in bounded memory; nothing of an erased customer is in it."""
    sections = {name: _kept(chain, name) for name in chain.header.counts}
    return build.write_segment(path, chain.header, sections)


def _kept(chain: SegmentChain, name: Field) -> Iterator[Records]:
    runs = [segment.tables[name].records for segment in chain.segments if name in segment.tables]
    gone = _bits(chain._erased)
    for records in build.merged(runs):
        yield records[~_marked(gone, records["ordinal"])] if len(gone) else records
        for segment in chain.segments:
            segment.let_go()


def _bits(erased: Ordinals) -> NDArray[np.uint8]:
    """A bit for each ordinal up to the last erased one."""
    bits = np.zeros(int(erased[-1]) // 8 + 1 if len(erased) else 0, np.uint8)
    np.bitwise_or.at(bits, erased >> 3, np.left_shift(1, erased & 7).astype(np.uint8))
    return bits


def _marked(bits: NDArray[np.uint8], ordinals: Ordinals) -> NDArray[np.bool_]:
    place = ordinals >> 3
    inside = place < len(bits)
    byte = bits[np.where(inside, place, 0)]
    return inside & (byte >> (ordinals & 7).astype(np.uint8) & 1).astype(np.bool_)
