"""The lists of a watch by what they are: customers, known breaches, canaries.

A hit in the list of a known breach is no customer of the company, and a canary is nobody. The customers of a
system or partner are mostly in the list of all customers, and would count twice. So each kind of a company's
lists is compared under a number of its own, and counted by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from matching.comparing.agreements import CUSTOMER, PAIR, Customers, Pairs
from matching.fingerprints.segments import SegmentPurpose
from matching.watch import Watch, WatchedSegment, lists_without_parts, watch_of

_OTHERS = (SegmentPurpose.KNOWN_BREACH, SegmentPurpose.CANARIES)


@dataclass(frozen=True, slots=True)
class WatchedLists:
    """`watch` has those numbers. `numbers`: by company and purpose; `slugs`: the company of each number.

    `parts`: by company, the number of its lists whose customers are mostly in its other ones.
    """

    watch: Watch
    numbers: Mapping[tuple[int, SegmentPurpose], int]
    parts: Mapping[int, int]
    slugs: Mapping[int, str]

    @classmethod
    def of(cls, watch: Watch, slugs: Mapping[int, str]) -> WatchedLists:
        free = max([0, *slugs, *watch.company_ids]) + 1
        numbers: dict[tuple[int, SegmentPurpose], int] = {}
        parts: dict[int, int] = {}
        companies = dict(slugs)
        whole = {id(one) for company in slugs for one in _whole_lists(watch, company)}
        for company, slug in slugs.items():
            numbers[company, SegmentPurpose.CUSTOMERS] = company
            for purpose in _OTHERS:
                numbers[company, purpose], companies[free] = free, slug
                free += 1
            parts[company], companies[free] = free, slug
            free += 1
        segments = [
            replace(
                one,
                company_id=parts[one.company_id]
                if one.purpose is SegmentPurpose.CUSTOMERS and id(one) not in whole
                else numbers[one.company_id, one.purpose],
            )
            for one in watch.segments
        ]
        renumbered = replace(watch_of(watch.by_id.values(), segments, watch.unusable), by_list=True)
        return cls(renumbered, numbers, parts, companies)

    def segments(self, company: int, purpose: SegmentPurpose) -> list[WatchedSegment]:
        """Return the lists that count: of customers, those that have each about once."""
        number = self.numbers[company, purpose]
        return [one for one in self.watch.segments if one.company_id == number]

    def of_company(self, company: int) -> list[WatchedSegment]:
        """Return all lists of a company under its own number."""
        slug = self.slugs[company]
        own = (one for one in self.watch.segments if self.slugs[one.company_id] == slug)
        return [replace(one, company_id=company) for one in own]

    @property
    def names(self) -> dict[int, str]:
        """The name of a file about each number: the company, and what its lists are, but for customers."""
        names = {number: f"{self.slugs[number]}.systems" for number in self.parts.values()}
        for (_, purpose), number in self.numbers.items():
            slug = self.slugs[number]
            names[number] = slug if purpose is SegmentPurpose.CUSTOMERS else f"{slug}.{purpose.value}"
        return names

    @property
    def no_pairs(self) -> Pairs:
        return np.empty(0, PAIR)

    @property
    def no_customers(self) -> Customers:
        return np.empty(0, CUSTOMER)


def _whole_lists(watch: Watch, company: int) -> list[WatchedSegment]:
    own = [one for one in watch.segments if one.company_id == company]
    return lists_without_parts([one for one in own if one.purpose is SegmentPurpose.CUSTOMERS])
