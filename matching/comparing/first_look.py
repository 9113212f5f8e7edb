"""The first look: with which companies a document is compared in full, and what is known about the others.

A dump of ten million rows hits the segment of every company with a million customers by chance. To compare it
in full for fifty companies takes the time of fifty comparisons and finds nothing for 49 of them. So a company
is compared in full only if the part that was looked at shows one of these:

1. A row agrees with one customer on two fields. Of 7,010 pairs of row and customer that agreed on one field,
   none agreed on a second one by chance.
2. There is a hit in a field that nobody draws at random: an e-mail address, an IBAN, a wallet.
3. In another field there are more hits than chance explains, in a single block or in all blocks together:
   more than the numbers in use give, and more than the neighbours of the dump's own numbers give (`chance`,
   `controls`). A single block counts because a company's customers may stand together in a dump of strangers.

The first candidates of a document are looked at, because most documents have no more than that. The first
rows may be another company's, so one block in LOOK_INTERVAL of the rest is looked at, too.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matching.comparing.agreements import coherent_pairs, pairs_in_block
from matching.comparing.block_matches import BlockMatches
from matching.comparing.chance import enrolled_values, exceeds_chance, expected_by_chance, upper_bound
from matching.comparing.lookup import FIELDS
from matching.fingerprints.segments import SegmentPurpose
from matching.identifiers import Field
from matching.watch import WatchedSegment

FIRST_LOOK = 200_000  # candidates of a document
#: Blocks. So many are 8 MB: an unbroken run of a company's customers that is longer is met for certain.
LOOK_INTERVAL = 16

CountsByCompany = Counter[tuple[int, Field]]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A company with which a document was not compared in full, because nothing of it was seen.

    `rows` and `candidates` are those that were looked at. `share`: at most this share of all rows belongs to
    the company's customers, 95% sure, if the other rows are like those.
    """

    company: int
    rows: int
    candidates: int
    share: float


@dataclass(frozen=True, slots=True)
class LookedBlock:
    """What was seen in one block, by company; `agreeing`: companies with a coherent row in it."""

    rows: int
    candidates: Counter[Field]
    hits: CountsByCompany
    control_hits: CountsByCompany
    agreeing: frozenset[int]

    @classmethod
    def of(cls, matches: BlockMatches, segments: Sequence[WatchedSegment]) -> "LookedBlock":
        coherent = coherent_pairs(pairs_in_block(matches))
        agreeing = frozenset(segments[index].company_id for index in set(coherent["segment"].tolist()))
        hits = _hits_by_company(matches, segments)
        return cls(matches.filled_rows, matches.candidates, hits, matches.control_hits, agreeing)

    def as_json(self) -> Mapping[str, Any]:
        return {**_counts_as_json(self), "agreeing": sorted(self.agreeing)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "LookedBlock":
        return cls(*_counts_of_stored(stored), frozenset(stored["agreeing"]))


@dataclass(slots=True)
class LookCounts:
    """What was seen in a document's blocks for companies with which it is not compared in full."""

    rows: int = 0
    candidates: Counter[Field] = field(default_factory=Counter)
    hits: CountsByCompany = field(default_factory=Counter)
    control_hits: CountsByCompany = field(default_factory=Counter)
    found: set[int] = field(
        default_factory=set
    )  # companies with which the document is to be compared in full

    def add_block(
        self, looked: LookedBlock, companies: Collection[int], segments: Sequence[WatchedSegment]
    ) -> None:
        """Count a block that was matched for these companies, with their control."""
        block = LookCounts(looked.rows, looked.candidates, looked.hits, looked.control_hits)
        self.rows += block.rows
        self.candidates += block.candidates
        self.hits += block.hits
        self.control_hits += block.control_hits
        self.found |= {
            company
            for company in companies
            if company in looked.agreeing
            or block.exceed_chance(company, segments)
            or self.exceed_chance(company, segments)
        }

    def exceed_chance(self, company: int, segments: Sequence[WatchedSegment]) -> bool:
        """Return whether the company has more hits of a field than chance explains."""
        return any(exceeds_chance(*counts) for counts in self._counts_by_field(company, segments))

    def left_out(self, company: int, segments: Sequence[WatchedSegment]) -> LeftOut:
        """Return what is known about a company that was not found."""
        bounds = (upper_bound(*counts) for counts in self._counts_by_field(company, segments))
        most = max(bounds, default=upper_bound(0, 0, 0))
        share = min(1.0, most / self.rows) if self.rows else 1.0
        return LeftOut(company, self.rows, self.candidates.total(), share)

    def _counts_by_field(
        self, company: int, segments: Sequence[WatchedSegment]
    ) -> Iterator[tuple[int, float, int]]:
        """Yield, for each field with hits: the hits, those expected by chance, and those of the control."""
        for one in Field:
            if hits := self.hits[company, one]:
                enrolled = enrolled_values(segments, company, one)
                expected = expected_by_chance(
                    one, hits=hits, candidates=self.candidates[one], enrolled=enrolled
                )
                yield hits, expected.hits, self.control_hits[company, one]

    def as_json(self) -> Mapping[str, Any]:
        return {**_counts_as_json(self), "found": sorted(self.found)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "LookCounts":
        return cls(*_counts_of_stored(stored), set(stored["found"]))


def _counts_as_json(counts: LookedBlock | LookCounts) -> Mapping[str, Any]:
    return {
        "rows": counts.rows,
        "candidates": counts.candidates,
        "hits": [(*key, count) for key, count in counts.hits.items()],
        "control_hits": [(*key, count) for key, count in counts.control_hits.items()],
    }


def _counts_of_stored(
    stored: Mapping[str, Any],
) -> tuple[int, Counter[Field], CountsByCompany, CountsByCompany]:
    candidates = Counter({Field(name): count for name, count in stored["candidates"].items()})
    hits, control_hits = (_counts_from_json(stored[name]) for name in ("hits", "control_hits"))
    return stored["rows"], candidates, hits, control_hits


def _counts_from_json(stored: Iterable[tuple[int, str, int]]) -> CountsByCompany:
    return Counter({(company, Field(name)): count for company, name, count in stored})


def _hits_by_company(matches: BlockMatches, segments: Sequence[WatchedSegment]) -> CountsByCompany:
    pairs = Counter(zip(matches.hits.segments.tolist(), matches.hits.fields.tolist(), strict=True))
    counts: CountsByCompany = Counter()
    for (segment, code), count in pairs.items():
        if segments[segment].purpose is not SegmentPurpose.CANARIES:
            counts[segments[segment].company_id, FIELDS[code]] += count
    return counts
