"""The lists of a watch by what they are: customers, known breaches, canaries.

A hit in the list of a known breach is no customer of the company, and a canary is nobody. So each kind of a
company's lists is compared under a number of its own, and counted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from matching.attribution.enrolled_lists import share_in_lists
from matching.comparing.agreements import CUSTOMER, PAIR, Customers, Pairs
from matching.fingerprints.segments import SegmentPurpose
from matching.watch import Watch, WatchedSegment, watch_of

#: A list of which so many people are in larger ones, too, adds nobody: it is that of a system or partner.
_MOSTLY_KNOWN = 0.5

_OTHERS = (SegmentPurpose.KNOWN_BREACH, SegmentPurpose.CANARIES)


@dataclass(frozen=True, slots=True)
class WatchedLists:
    """`watch` has those numbers. `numbers`: by company and purpose; `slugs`: the company of each number."""

    watch: Watch
    numbers: Mapping[tuple[int, SegmentPurpose], int]
    slugs: Mapping[int, str]

    @classmethod
    def of(cls, watch: Watch, slugs: Mapping[int, str]) -> WatchedLists:
        free = max([0, *slugs, *watch.company_ids]) + 1
        numbers: dict[tuple[int, SegmentPurpose], int] = {}
        companies = dict(slugs)
        for company, slug in slugs.items():
            numbers[company, SegmentPurpose.CUSTOMERS] = company
            for purpose in _OTHERS:
                numbers[company, purpose], companies[free] = free, slug
                free += 1
        segments = [
            replace(one, company_id=numbers[one.company_id, one.segment.header.purpose])
            for one in watch.segments
        ]
        renumbered = watch_of(watch.by_id.values(), segments, watch.unusable)
        return cls(renumbered, numbers, companies)

    def segments(self, company: int, purpose: SegmentPurpose) -> list[WatchedSegment]:
        number = self.numbers[company, purpose]
        return [one for one in self.watch.segments if one.company_id == number]

    def of_company(self, company: int) -> list[WatchedSegment]:
        """Return all lists of a company under its own number."""
        slug = self.slugs[company]
        own = (one for one in self.watch.segments if self.slugs[one.company_id] == slug)
        return [replace(one, company_id=company) for one in own]

    @property
    def names(self) -> dict[int, str]:
        """The name of a file about each number: the company, and what its list is, but for customers."""
        purposes = {number: purpose for (_, purpose), number in self.numbers.items()}
        return {
            number: slug
            if purposes[number] is SegmentPurpose.CUSTOMERS
            else f"{slug}.{purposes[number].value}"
            for number, slug in self.slugs.items()
        }

    @property
    def no_pairs(self) -> Pairs:
        return np.empty(0, PAIR)

    @property
    def no_customers(self) -> Customers:
        return np.empty(0, CUSTOMER)


def judging_lists(customers: Sequence[WatchedSegment]) -> list[WatchedSegment]:
    """Return the lists of a company with which rows are judged: together they have each customer about once.

    The customers of a system or partner are mostly in the list of all customers. Counted twice, they would
    look as if two customers fitted a row.
    """
    chosen: list[WatchedSegment] = []
    for one in sorted(customers, key=lambda one: -one.segment.header.customers):
        same_key = [
            other.segment
            for other in chosen
            if other.segment.header.key_check == one.segment.header.key_check
        ]
        known = share_in_lists(one.segment, same_key) if same_key else None
        if known is None or known < _MOSTLY_KNOWN:
            chosen.append(one)
    return chosen
