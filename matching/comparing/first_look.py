"""The first look: who of many companies a dump is worth being compared for, and what is said of the others.

A dump of ten million rows hits every base of a million customers by chance. A company is compared whole when
some of what was looked at shows one of these:

1. a row that agrees with one customer on two fields (of 7,010 pairs of row and customer that agreed on one,
   none agreed on a second one by chance);
2. a hit in a field that nobody draws at random: an e-mail address, an IBAN, a wallet;
3. in another field more hits than chance explains, in a single block or in all of them: more than the
   numbers in use give, and more than neighbours of the dump's own numbers do (`chance`, `controls`).

What was looked at are a document's first candidates, because most documents have no more, and afterwards
one block in AGAIN throughout, because the first rows of a dump may be another company's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matching.comparing.agreements import coherent
from matching.comparing.block import BlockMatches, pairs_in
from matching.comparing.chance import at_most, enrolled_values, expected_by_chance, unexplained
from matching.comparing.lookup import FIELDS
from matching.identifiers import Field
from matching.watch import WatchedSegment

FIRST_LOOK = 200_000  # candidates of a document
#: So many blocks are 8 MB: no run of a company's customers that is longer escapes.
AGAIN = 16

Counts = Counter[tuple[int, Field]]  # by company


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A company that a document was looked at for, and not compared: of how many rows and candidates that is
    said. `share`: of all rows so many may be its customers' at most, 95% sure, if all are like those rows.
    """

    company: int
    rows: int
    candidates: int
    share: float


@dataclass(slots=True)
class Looks:
    """What was seen of a document for companies of which nothing had been found before."""

    rows: int = 0
    tried: Counter[Field] = field(default_factory=Counter)
    hits: Counts = field(default_factory=Counter)
    control: Counts = field(default_factory=Counter)
    found: set[int] = field(default_factory=set)  # companies that are to be compared whole

    def add(self, seen: BlockMatches, companies: Collection[int], segments: Sequence[WatchedSegment]) -> None:
        """`seen`: of a block, with the control of these companies."""
        block = Looks(seen.filled, seen.tried, _hits(seen, segments), seen.control)
        self.rows += block.rows
        self.tried += block.tried
        self.hits += block.hits
        self.control += block.control
        agreeing = {segments[index].company_id for index in set(coherent(pairs_in(seen))["segment"].tolist())}
        self.found |= {
            company
            for company in companies
            if company in agreeing
            or block.stands_out(company, segments)
            or self.stands_out(company, segments)
        }

    def stands_out(self, company: int, segments: Sequence[WatchedSegment]) -> bool:
        """Whether it has more hits of a field than chance explains."""
        return any(unexplained(*counts) for counts in self._counts(company, segments))

    def left_out(self, company: int, segments: Sequence[WatchedSegment]) -> LeftOut:
        most = max((at_most(*counts) for counts in self._counts(company, segments)), default=at_most(0, 0, 0))
        share = min(1.0, most / self.rows) if self.rows else 1.0
        return LeftOut(company, self.rows, self.tried.total(), share)

    def _counts(self, company: int, segments: Sequence[WatchedSegment]) -> Iterator[tuple[int, float, int]]:
        """Of each field that has hits: how many, how many by chance, and how many the control has."""
        for one in Field:
            if hits := self.hits[company, one]:
                values = enrolled_values(segments, company, one)
                chance = expected_by_chance(one, hits=hits, candidates=self.tried[one], enrolled=values)
                yield hits, chance.hits, self.control[company, one]

    def said(self) -> Mapping[str, Any]:
        """As JSON."""
        return {
            "rows": self.rows,
            "tried": self.tried,
            "hits": [(*key, count) for key, count in self.hits.items()],
            "control": [(*key, count) for key, count in self.control.items()],
            "found": sorted(self.found),
        }

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Looks":
        """What `said` said."""
        tried = Counter({Field(name): count for name, count in said["tried"].items()})
        hits, control = (_counted(said[name]) for name in ("hits", "control"))
        return cls(said["rows"], tried, hits, control, set(said["found"]))


def _counted(said: Iterable[tuple[int, str, int]]) -> Counts:
    return Counter({(company, Field(name)): count for company, name, count in said})


def _hits(seen: BlockMatches, segments: Sequence[WatchedSegment]) -> Counts:
    pairs = Counter(zip(seen.hits.segments.tolist(), seen.hits.fields.tolist(), strict=True))
    counts: Counts = Counter()
    for (segment, code), count in pairs.items():
        counts[segments[segment].company_id, FIELDS[code]] += count
    return counts
