"""The enrolled base as masked samples see it: one chain of segments, or several of one company.

It answers what the statistics of `matching.ours` ask: how many customers show the same, and how usual what
they show is in this base. Nothing is loaded: a question reads a few records of the mapped files.

A tag has no ordinal, so the tags of erased customers are counted until the list is enrolled again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from matching.errors import MasksMissing, MasksOther, SegmentRefused
from matching.fingerprints.scheme import Key, Tagger
from matching.fingerprints.segments import (
    LEAST_PEOPLE,
    MappedSegment,
    SegmentChain,
    SegmentHeader,
    TagTable,
)
from matching.fingerprints.segments.parts import MasksHeader, cohort_map, joined_cohorts
from matching.fingerprints.segments.tag_table import counts_of, sum_of_counts
from matching.masked_samples.endings import EndingShares
from matching.masked_samples.templates import (
    TEMPLATE_OF,
    TEMPLATES,
    TEMPLATES_VERSION,
    MaskTemplate,
    golden_tag,
    tagged_text,
)

_ANCHOR_BITS = 8  # of a tag, which the code of an anchor leaves out
_NOBODY = 0.5  # customers with an anchor of which the base shows that nobody has it: no share is 0


def anchor_codes(tags: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return the codes under which anchors are counted: the first four bytes of their tags."""
    return (tags >> np.uint64(_ANCHOR_BITS)).astype(np.uint32)


@dataclass(frozen=True, slots=True)
class _Part:
    """One template in one file."""

    segment: MappedSegment
    table: TagTable
    tagger: Tagger
    cohort_map: NDArray[np.uint8]  # from the file's numbers to those of the base


@dataclass(frozen=True)
class MaskedBase:
    """The masks of the customers of one or more chains; implements `matching.ours.ComparableBase`.

    `left_out`: the chains that have no masks, or other ones than this program makes, and why.
    """

    customers: int  # without erased ones
    templates: Sequence[MaskTemplate]  # those that the base has
    cohort_dates: tuple[date, ...]  # first enrolment date of cohort 1, 2, ...
    left_out: Sequence[tuple[SegmentChain, SegmentRefused]] = ()
    _parts: dict[str, list[_Part]] = field(default_factory=dict, repr=False)
    _chains: Sequence[SegmentChain] = field(default=(), repr=False)
    _others: dict[str, float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, chains: Iterable[tuple[SegmentChain, Key]]) -> Self:
        """Open the masks of chains, each with its key.

        Raises MasksMissing or MasksOther if none of them has masks that can be compared.
        """
        usable, left_out = [], []
        for chain, key in chains:
            try:
                check_masks(chain, key)
            except SegmentRefused as refused:
                left_out.append((chain, refused))
            else:
                usable.append((chain, key))
        if not usable:
            raise left_out[0][1] if left_out else MasksMissing("no segment was given")
        dates = joined_cohorts(*(chain.header for chain, _ in usable))
        parts: dict[str, list[_Part]] = {}
        for chain, key in usable:
            for name, part in _parts_of(chain, key, dates):
                parts.setdefault(name, []).append(part)
        customers = sum(_tagged_customers(chain) for chain, _ in usable)
        templates = tuple(template for template in TEMPLATES if template.name in parts)
        return cls(customers, templates, dates, left_out, parts, [chain for chain, _ in usable])

    def counts(self, template: MaskTemplate, pairs: Sequence[tuple[str, str]], /) -> NDArray[np.int64]:
        """Return for each pair of anchor and ending the number of customers who show it."""
        found = np.zeros(len(pairs), np.int64)
        texts = [tagged_text(*pair) for pair in pairs]
        for part in self._parts[template.name]:
            first, end = self._places(part, texts)
            found += end - first
        return found

    def cohorts(self, template: MaskTemplate, pairs: Sequence[tuple[str, str]], /) -> list[NDArray[np.uint8]]:
        """Return for each pair the cohorts of the customers who show it; 0: not known."""
        found: list[list[NDArray[np.uint8]]] = [[np.empty(0, np.uint8)] for _ in pairs]
        texts = [tagged_text(*pair) for pair in pairs]
        for part in self._parts[template.name]:
            first, end = self._places(part, texts)
            for place in np.flatnonzero(end > first).tolist():
                numbers = part.table.records["cohort"][first[place] : end[place]]
                found[place].append(part.cohort_map[numbers])
        return [np.concatenate(parts) for parts in found]

    def anchor_shares(self, template: MaskTemplate, anchors: Sequence[str], /) -> NDArray[np.float64]:
        """Return the share of the customers who show an anchor; never 0.

        Anchors of few people are not listed. For them it is the usual number of people with such an anchor.
        """
        listed = np.zeros(len(anchors), np.int64)
        for part in self._parts[template.name]:
            part.segment.check_size_unchanged()
            if part.segment.masks is not None:
                codes = anchor_codes(part.tagger(anchors))
                listed += counts_of(part.segment.masks.anchors[template.name], codes)
        shares = np.where(listed, listed, self._usual(template.name)) / max(self.customers, 1)
        return np.minimum(shares, 1.0)

    def _usual(self, template: str) -> float:
        """With how many others one of the people with a rare anchor shares it.

        They do not count themselves: a stranger is no customer. Where Poisson counts n below k are rare, a
        stranger with a rare anchor meets sum(n (n - 1)) / sum(n) people over all n up to k, with k itself
        (Stein's identity), so the rarest of the listed anchors count here, too.
        """
        if template not in self._others:  # only for templates that are asked: it reads all of their anchors
            self._others[template] = max(_usual_others(self._parts[template], template), _NOBODY)
        return self._others[template]

    def ending_shares(self, template: MaskTemplate, endings: Sequence[str], /) -> NDArray[np.float64]:
        """Return the share of the customers who show an ending, of those who have the value; never 0."""
        return self._endings[template.ending.name].of_endings(endings)

    @cached_property
    def _endings(self) -> dict[str, EndingShares]:
        found = {}
        for kind in {template.ending for template in self.templates}:
            counted = [chain.ending_counts(kind.name) for chain in self._chains]
            headers = [_masks_of(segment) for chain in self._chains for segment in chain.segments]
            values = sum(one.endings[kind.name].values for one in headers if kind.name in one.endings)
            found[kind.name] = EndingShares.of(sum_of_counts(counted), values, kind)
        return found

    def _places(self, part: _Part, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        part.segment.check_size_unchanged()
        return part.table.places(part.tagger(texts))


def check_masks(chain: SegmentChain, key: Key) -> None:
    """Raise MasksMissing or MasksOther unless the chain has tags that this program and key give.

    Only the masks are refused then: the fingerprints of the chain can be compared.
    """
    check_mask_version(chain.header, chain.path)
    mask_key = key.mask_key(chain.header.company)
    for segment in chain.segments:
        for name, golden in _masks_of(segment).golden.items():
            if name not in TEMPLATE_OF or golden_tag(TEMPLATE_OF[name], mask_key) != golden:
                raise MasksOther(
                    f"the golden tag of the mask template {name} of {segment.path} is not the one that this "
                    f"program computes: it was made with another key or by other rules; enroll the list again"
                )


def _tagged_customers(chain: SegmentChain) -> int:
    """Return the number of customers in the files of a chain that have tags, without erased ones."""
    found = before = 0
    for segment in chain.segments:
        if _masks_of(segment).templates:
            found += segment.header.customers - before
        before = segment.header.customers
    return max(1, found - chain.erased)


def _usual_others(parts: Sequence[_Part], template: str) -> float:
    sizes = [_masks_of(part.segment).templates[template] for part in parts]
    listed = sum_of_counts([part.segment.masks.anchors[template] for part in parts if part.segment.masks])
    least = LEAST_PEOPLE * int(np.count_nonzero(listed["count"] == LEAST_PEOPLE))
    people = sum(one.rare for one in sizes) + least
    squares = sum(one.rare_squares for one in sizes) + LEAST_PEOPLE * least
    return (squares - people) / people if people else 0.0


def check_mask_version(header: SegmentHeader, path: Path) -> None:
    """Raise MasksMissing or MasksOther unless a base has tags of this program's templates."""
    masks = header.masks
    if masks is None or not masks.templates:
        raise MasksMissing(
            f"the segment {path} has no tags of masked values; enroll the list again without --no-masks"
        )
    if masks.version != TEMPLATES_VERSION:
        raise MasksOther(
            f"the masked values of the segment {path} were enrolled by version {masks.version} of the "
            f"mask templates, and this program has version {TEMPLATES_VERSION}; enroll the list again"
        )


def _masks_of(segment: MappedSegment) -> MasksHeader:
    return segment.header.masks or MasksHeader(version=TEMPLATES_VERSION, golden={}, templates={}, endings={})


def _parts_of(chain: SegmentChain, key: Key, dates: tuple[date, ...]) -> Iterable[tuple[str, _Part]]:
    mask_key = key.mask_key(chain.header.company)
    taggers: dict[str, Tagger] = {}
    for segment in chain.segments:
        if segment.masks is None:
            continue
        numbers = cohort_map(segment.header.cohorts, dates)
        for name, table in segment.masks.tags.items():
            if name not in taggers:
                taggers[name] = TEMPLATE_OF[name].tagger(mask_key)
            yield name, _Part(segment, table, taggers[name], numbers)
