"""The watch: everything that is searched for, loaded once (`watch_loader`) and used until it changes.

A segment that cannot be used (no key, another key, damaged) does not keep mentions from being found. It is in
`unusable`, and the service compares its company's fingerprints as soon as it can be used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from matching.errors import MatchingError
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments import MappedSegment, SegmentChain, SegmentPurpose, share_in_lists
from matching.mentions.terms import Terms, WatchTerm

#: A list of which so many people are in larger ones, too, adds nobody: it is that of a system or partner.
_MOSTLY_KNOWN = 0.5


@dataclass(frozen=True, slots=True)
class WatchedSegment:
    """An open segment with its company's key, which was checked against it."""

    id: int
    company_id: int
    segment: MappedSegment | SegmentChain
    region: str  # of telephone numbers without + in the texts that are matched
    key: Key = field(repr=False)

    @property
    def purpose(self) -> SegmentPurpose:
        return self.segment.header.purpose

    @property
    def has_masks(self) -> bool:
        masks = self.segment.header.masks
        return masks is not None and bool(masks.templates)


@dataclass(frozen=True, slots=True)
class Watch:
    revision: str
    terms: Terms
    by_id: Mapping[int, WatchTerm]
    segments: Sequence[WatchedSegment]
    unusable: Mapping[int, MatchingError]  # by company: why one of its segments cannot be used
    #: Each number of a company stands for one of its lists: people of known breaches count as its customers.
    by_list: bool = False

    @property
    def company_ids(self) -> set[int]:
        """The companies that have a term or a usable segment."""
        terms = {term.company_id for term in self.by_id.values()}
        return terms | {watched.company_id for watched in self.segments}

    def identity(self) -> object:
        """Return everything that decides what is found, as JSON: two equal watches have the same identity."""
        segments = [
            (
                watched.company_id,
                watched.region,
                watched.key.id,
                watched.segment.header.model_dump(mode="json"),
            )
            for watched in self.segments
        ]
        terms = sorted(
            (term.company_id, term.text, term.kind, term.exclude, term.in_addresses)
            for term in self.by_id.values()
        )
        return segments, terms

    def of_companies(self, company_ids: Iterable[int]) -> "Watch":
        """Return the same watch for these companies only. Its terms are compiled anew."""
        wanted = set(company_ids)
        terms = [term for term in self.by_id.values() if term.company_id in wanted]
        return Watch(
            self.revision,
            Terms.build(terms),
            {term.id: term for term in terms},
            [watched for watched in self.segments if watched.company_id in wanted],
            {company: error for company, error in self.unusable.items() if company in wanted},
            self.by_list,
        )


def watch_of(
    terms: Iterable[WatchTerm],
    segments: Sequence[WatchedSegment] = (),
    unusable: Mapping[int, MatchingError] | None = None,
) -> Watch:
    """Return a watch without a database; its revision is empty."""
    by_id = {term.id: term for term in terms}
    return Watch("", Terms.build(list(by_id.values())), by_id, segments, unusable or {})


def lists_without_parts(customers: Sequence[WatchedSegment]) -> list[WatchedSegment]:
    """Return those lists of a company that together have each customer about once.

    The customers of a system or partner are mostly in the list of all customers. Counted twice, they would
    look as if two customers fitted a row. A list with masks comes before one without them.
    """
    chosen: list[WatchedSegment] = []
    by_use = sorted(customers, key=lambda one: (not one.has_masks, -one.segment.header.customers))
    for one in by_use:
        same_key = [
            other.segment
            for other in chosen
            if other.segment.header.key_check == one.segment.header.key_check
        ]
        known = share_in_lists(one.segment, same_key) if same_key else None
        if known is None or known < _MOSTLY_KNOWN:
            chosen.append(one)
    return chosen
