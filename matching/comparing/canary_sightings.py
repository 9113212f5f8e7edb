"""Canaries that a text shows: customers who do not exist, each of whom one system has, or one partner.

A row shows a canary for certain where it has a value that only this canary has, or two of its fields. Its
telephone number alone, or its name with its birth date alone, may be somebody else's: numbers of drama are in
books and films. Each canary is kept, in whatever place of whatever dump: there are as many at most as the
company has planted, so no bound of kept matches applies to them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matching.comparing.agreements import Pairs, merge_fields, pairs_in_block
from matching.comparing.block_matches import BlockMatches
from matching.comparing.lookup import FIELDS
from matching.fingerprints.segments import CanarySet, SegmentPurpose
from matching.identifiers import Field
from matching.watch import WatchedSegment

#: Fields whose value may be somebody else's although a canary has it. Two of them are never.
_SHARED_FIELDS = frozenset({Field.PHONE, Field.NAME_BIRTH_DATE, Field.USERNAME, Field.ACCOUNT})
_TELLING_BITS = sum(1 << code for code, field in enumerate(FIELDS) if field not in _SHARED_FIELDS)


@dataclass(slots=True)
class CanarySighting:
    """Where one canary was seen. `rows`: those that show it for certain, or if none does, the others."""

    segment: int  # index in the watch
    ordinal: int
    bits: int  # one for each of lookup.FIELDS, of the row with the most
    is_certain: bool
    rows: int
    label: str
    line: int

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(name for code, name in enumerate(FIELDS) if self.bits >> code & 1)


@dataclass(slots=True)
class CanarySightings:
    """The canaries of one company that were seen, by segment and ordinal."""

    by_canary: dict[tuple[int, int], CanarySighting] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.by_canary)

    def __iter__(self) -> Iterator[CanarySighting]:
        yield from (self.by_canary[key] for key in sorted(self.by_canary))

    @property
    def certain(self) -> int:
        """The number of canaries that are certain."""
        return sum(one.is_certain for one in self.by_canary.values())

    def add_pairs(self, pairs: Pairs, label: str) -> None:
        """Add pairs of rows and canaries; all pairs of a row must come in one call."""
        for pair in merge_fields(pairs):
            bits = int(pair["fields"])
            certain = _is_certain(bits)
            self.add(
                CanarySighting(
                    int(pair["segment"]), int(pair["ordinal"]), bits, certain, 1, label, int(pair["line"])
                )
            )

    def add(self, later: CanarySighting) -> None:
        """Add a sighting behind all others of the same canary."""
        key = (later.segment, later.ordinal)
        known = self.by_canary.get(key)
        if known is None or later.is_certain > known.is_certain:
            self.by_canary[key] = later
        elif later.is_certain == known.is_certain:
            known.rows += later.rows
            if later.bits.bit_count() > known.bits.bit_count():
                known.bits = later.bits

    def add_all(self, later: "CanarySightings") -> None:
        for one in later:
            self.add(one)


def _is_certain(bits: int) -> bool:
    return bits.bit_count() > 1 or bool(bits & _TELLING_BITS)


def companies_with_canaries(matches: BlockMatches, segments: Sequence[WatchedSegment]) -> set[int]:
    """Return the companies of which a block shows a canary for certain."""
    if not matches.hits.size:
        return set()
    canaries = are_of(segments, SegmentPurpose.CANARIES)[matches.hits.segments]
    if not canaries.any():
        return set()
    pairs = merge_fields(pairs_in_block(matches)[canaries])
    certain = (pair["segment"] for pair in pairs if _is_certain(int(pair["fields"])))
    return {segments[index].company_id for index in certain}


def are_of(segments: Sequence[WatchedSegment], purpose: SegmentPurpose) -> NDArray[np.bool_]:
    """Return for each segment whether that is what its people are."""
    return np.array([one.purpose is purpose for one in segments], np.bool_)


def set_of(watched: WatchedSegment, ordinal: int) -> CanarySet:
    """Return the set of a canary. A segment that does not say which has one set of all canaries."""
    header = watched.segment.header
    for one in header.canary_sets:
        if one.first <= ordinal <= one.last:
            return one
    day: date = header.created_at.date()
    return CanarySet(label=header.label or "unknown", issued=day, first=1, last=max(header.customers, 1))
