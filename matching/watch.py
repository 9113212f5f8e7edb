"""The watch: everything that is searched for, loaded once (`watch_loader`) and used until it changes.

A segment that cannot be used (no key, another key, damaged) does not keep mentions from being found: it is in
`unusable`, and the service sees to it that its company's fingerprints are matched later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from matching.errors import MatchingError
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments import MappedSegment, SegmentChain
from matching.mentions.terms import Terms, WatchTerm


@dataclass(frozen=True, slots=True)
class WatchedSegment:
    """An open segment with its company's key, which has been checked against it."""

    id: int
    company_id: int
    segment: MappedSegment | SegmentChain
    region: str  # of telephone numbers without + in the texts that are matched
    key: Key = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watch:
    revision: str
    terms: Terms
    by_id: Mapping[int, WatchTerm]
    segments: Sequence[WatchedSegment]
    unusable: Mapping[int, MatchingError]  # by company: why one of its segments is left out

    @property
    def company_ids(self) -> set[int]:
        return {term.company_id for term in self.by_id.values()} | {one.company_id for one in self.segments}

    def of_companies(self, company_ids: Iterable[int]) -> "Watch":
        """The same watch for a few companies only. Its terms are compiled anew."""
        wanted = set(company_ids)
        terms = [term for term in self.by_id.values() if term.company_id in wanted]
        return Watch(
            self.revision,
            Terms.build(terms),
            {term.id: term for term in terms},
            [segment for segment in self.segments if segment.company_id in wanted],
            {company: error for company, error in self.unusable.items() if company in wanted},
        )


def watch_of(
    terms: Iterable[WatchTerm],
    segments: Sequence[WatchedSegment] = (),
    unusable: Mapping[int, MatchingError] | None = None,
) -> Watch:
    """A watch without a database."""
    by_id = {term.id: term for term in terms}
    return Watch("", Terms.build(list(by_id.values())), by_id, segments, unusable or {})
