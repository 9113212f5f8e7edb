"""The lists of a watch by what they are: customers, known breaches, canaries.

A hit in the list of a known breach is no customer of the company, and a canary is nobody. So each kind of a
company's lists is compared under a number of its own, and counted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from matching.fingerprints.segments import SegmentPurpose
from matching.watch import Watch, WatchedSegment, watch_of

_OTHERS = (SegmentPurpose.KNOWN_BREACH, SegmentPurpose.CANARIES)


@dataclass(frozen=True, slots=True)
class WatchedLists:
    """`watch` has those numbers. `numbers`: by company and purpose; `names`: of each number, for files."""

    watch: Watch
    numbers: Mapping[tuple[int, SegmentPurpose], int]
    names: Mapping[int, str]

    @classmethod
    def of(cls, watch: Watch, slugs: Mapping[int, str]) -> WatchedLists:
        free = max([0, *slugs, *watch.company_ids]) + 1
        numbers: dict[tuple[int, SegmentPurpose], int] = {}
        names = dict(slugs)
        for company in slugs:
            numbers[company, SegmentPurpose.CUSTOMERS] = company
            for purpose in _OTHERS:
                numbers[company, purpose] = free
                names[free] = f"{slugs[company]}.{purpose.value}"
                free += 1
        segments = [
            replace(one, company_id=numbers[one.company_id, one.segment.header.purpose])
            for one in watch.segments
        ]
        renumbered = replace(watch_of(watch.by_id.values(), segments, watch.unusable), by_list=True)
        return cls(renumbered, numbers, names)

    def segments(self, company: int, purpose: SegmentPurpose) -> list[WatchedSegment]:
        number = self.numbers[company, purpose]
        return [one for one in self.watch.segments if one.company_id == number]
