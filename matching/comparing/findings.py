"""Findings: everything that was found in a sweep or a listing, by company.

Blocks are counted in their order, whichever was matched first. Everything is counted; of mentions and hits
only the first ones are kept, so that a dump of any size takes bounded memory.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.comparing.agreements import (
    Agreements,
    AgreementTotals,
    Pairs,
    coherent_pairs,
    merge_fields,
    pairs_in_block,
)
from matching.comparing.block_matches import BlockMatches
from matching.comparing.canary_sightings import CanarySightings, are_of
from matching.comparing.chance import ExpectedHits, enrolled_values, expected_by_chance
from matching.comparing.lookup import FIELDS
from matching.fingerprints.segments import SegmentPurpose
from matching.identifiers import Field
from matching.mentions.ordinary import Nature
from matching.mentions.terms import MENTION_LIMIT, WatchTerm
from matching.scanning.candidates import Places
from matching.watch import Watch, WatchedSegment


class MentionFound(NamedTuple):
    """A mention. `label` is the part's, and so is `field`, unless the mention is a signal of its own.

    Then `field` is its `Nature`. `start` counts characters of the part, or bytes of a dump.
    """

    term: WatchTerm
    field: str
    label: str
    line: int
    start: int
    excerpt: str  # masked


class HitFound(NamedTuple):
    """A hit. `column`: that of a table, in words; "" where there is none."""

    segment: WatchedSegment
    field: Field
    ordinal: int
    label: str
    line: int
    start: int
    column: str = ""


@dataclass(slots=True)
class CompanyFindings:
    """What was found of one company; `kept` are the first mentions and hits of those that are counted."""

    kept: list[MentionFound | HitFound] = field(default_factory=list)
    mention_fields: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    hit_fields: Counter[Field] = field(default_factory=Counter)
    columns: Counter[tuple[Field, str]] = field(default_factory=Counter)
    agreements: Agreements = field(default_factory=Agreements)
    canaries: CanarySightings = field(default_factory=CanarySightings)  # counted nowhere else
    #: By known breach, rows that agree with one of its people on two fields or more; counted nowhere else.
    known_rows: Counter[str] = field(default_factory=Counter)
    #: Of them, rows that agree with one of the customers, too.
    recycled_rows: Counter[str] = field(default_factory=Counter)

    @property
    def tally(self) -> AgreementTotals:
        return self.agreements.totals()

    @property
    def mentions(self) -> list[MentionFound]:
        return [one for one in self.kept if isinstance(one, MentionFound)]

    @property
    def hits(self) -> list[HitFound]:
        return [one for one in self.kept if isinstance(one, HitFound)]


@dataclass(slots=True)
class Findings:
    """What was found in all blocks that were counted."""

    watch: Watch
    limit: int  # mentions and hits kept per company
    companies: dict[int, CompanyFindings] = field(default_factory=lambda: defaultdict(CompanyFindings))
    candidate_counts: Counter[Field] = field(default_factory=Counter)
    rows_scanned: int = 0
    cut: set[str] = field(default_factory=set)  # bounds that were met: text, time, matches, records
    numbered_rows: int = 0  # rows counted so far, empty ones included: the next row's number
    #: By company and field, neighbours that are customers, and all that were looked up (`controls`).
    control_hits: Counter[tuple[int, Field]] = field(default_factory=Counter)
    control_neighbours: Counter[tuple[int, Field]] = field(default_factory=Counter)
    #: By company, candidates that were compared for other companies, but not for it.
    candidates_left_out: dict[int, Counter[Field]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def candidates(self) -> int:
        """Number of candidates that were compared for any company."""
        return sum(self.candidate_counts.values())

    def count_block(
        self,
        name: str,
        label: str,
        matches: BlockMatches,
        *,
        document: int = 0,
        left_out: Collection[int] = (),
    ) -> None:
        """Count the matches of a block or piece.

        `name`: the listing's field; `document`: its number in a sweep; `left_out`: companies with which the
        block was not compared.
        """
        self._count_mentions(name, label, matches)
        self._count_hits(label, matches, document)
        self._count_canaries(label, matches, document)
        if matches.cut_records:
            self.cut.add("records")
        self.candidate_counts += matches.candidates
        self.control_hits.update(matches.control_hits)
        self.control_neighbours.update(matches.control_neighbours)
        self.rows_scanned += matches.filled_rows
        self.numbered_rows += matches.row_count
        for company in left_out:
            self.candidates_left_out[company] += matches.candidates

    def count_second_reading(
        self,
        label: str,
        matches: BlockMatches,
        *,
        document: int,
        companies: Collection[int],
        left_out: Collection[int] | None,
    ) -> None:
        """Count the hits of a block that was counted before, when it was not compared with these companies.
        It was compared with their canaries even then.

        Its candidates are counted again only if it was compared with nobody before: then `left_out` are the
        companies with which it is still not compared. None: it was compared with somebody.
        """
        self._count_hits(label, matches, document)
        self.numbered_rows += matches.row_count
        if left_out is None:
            for company in companies:
                self.candidates_left_out[company].subtract(matches.candidates)
            return
        self.candidate_counts += matches.candidates
        for company in left_out:
            self.candidates_left_out[company] += matches.candidates

    def add(self, later: "Findings", *, document: int = 0) -> None:
        """Add what was found behind everything that is counted here, with the same watch and the same limit.

        The result is what counting the same blocks in one go gives. `document`: the number of the later
        findings' first document.
        """
        for company, found in later.companies.items():
            own = self.companies[company]
            room = max(0, self.limit - len(own.kept))
            if len(found.kept) > room:
                self.cut.add("matches")
            own.kept += found.kept[:room]
            own.mention_fields.update(found.mention_fields)
            own.terms.update(found.terms)
            own.hit_fields.update(found.hit_fields)
            own.columns.update(found.columns)
            own.agreements.add_summed(found.agreements, document=document)
            own.canaries.add_all(found.canaries)
            own.known_rows.update(found.known_rows)
            own.recycled_rows.update(found.recycled_rows)
        self.cut |= later.cut
        self.candidate_counts += later.candidate_counts
        self.control_hits.update(later.control_hits)
        self.control_neighbours.update(later.control_neighbours)
        self.rows_scanned += later.rows_scanned
        self.numbered_rows += later.numbered_rows
        for company, counts in later.candidates_left_out.items():
            self.candidates_left_out[company].update(counts)

    def candidates_of(self, company: int) -> Counter[Field]:
        """Return the number of candidates, by field, that were compared for this company."""
        return self.candidate_counts - self.candidates_left_out.get(company, Counter())

    def expected_hits(self, company: int, field: Field) -> ExpectedHits:
        """Return what chance gives a company in a field, by the numbers in use and by the control."""
        found = self.companies.get(company)
        return expected_by_chance(
            field,
            hits=found.hit_fields[field] if found else 0,
            candidates=self.candidates_of(company)[field],
            enrolled=enrolled_values(self.watch.segments, company, field),
            control_hits=self.control_hits[company, field],
            control_neighbours=self.control_neighbours[company, field],
        )

    def _count_mentions(self, name: str, label: str, matches: BlockMatches) -> None:
        if len(matches.mentions) == MENTION_LIMIT:
            self.cut.add("matches")
        for mention in matches.mentions:
            term = self.watch.by_id[mention.term_id]
            found = self.companies[term.company_id]
            field_name = name if mention.nature is Nature.NAMED else mention.nature.value
            found.mention_fields[field_name] += 1
            if mention.nature is not Nature.LOOKALIKE:
                found.terms[term.text] += 1
            if len(found.kept) < self.limit:
                found.kept.append(
                    MentionFound(term, field_name, label, mention.line, mention.start, mention.excerpt)
                )
            else:
                self.cut.add("matches")

    def _count_hits(self, label: str, matches: BlockMatches, document: int) -> None:
        if not matches.hits.size:
            return
        owners = np.array([watched.company_id for watched in self.watch.segments])[matches.hits.segments]
        pairs = pairs_in_block(matches, document=document, first_row=self.numbered_rows)
        customers = self._are_customers[matches.hits.segments]
        self._count_known_rows(pairs, owners, customers)
        for company in sorted(set(owners[customers].tolist())):
            own = np.flatnonzero(customers & (owners == company))
            found = self.companies[company]
            fields = matches.hits.fields[own]
            for code, count in enumerate(np.bincount(fields, minlength=len(FIELDS)).tolist()):
                if count:
                    found.hit_fields[FIELDS[code]] += count
            self._count_columns(found, matches, own)
            found.agreements.add(pairs[own])
            self._keep_hits(found, label, matches, own)

    @property
    def _are_customers(self) -> NDArray[np.bool_]:
        """For each segment, whether its people count as the company's customers."""
        segments = self.watch.segments
        customers = are_of(segments, SegmentPurpose.CUSTOMERS)
        return customers | are_of(segments, SegmentPurpose.KNOWN_BREACH) if self.watch.by_list else customers

    def _count_known_rows(self, pairs: Pairs, owners: Places, customers: NDArray[np.bool_]) -> None:
        """Count the rows of known breaches, and those of them that are customers' rows, too."""
        segments = self.watch.segments
        known = are_of(segments, SegmentPurpose.KNOWN_BREACH)[pairs["segment"]] & ~customers
        if not known.any():
            return
        for company in sorted(set(owners[known].tolist())):
            own = owners == company
            of_customers = set(merge_fields(pairs[own & customers])["row"].tolist())
            agreeing = coherent_pairs(pairs[own & known])
            found = self.companies[company]
            for label in sorted({segments[index].segment.header.label for index in agreeing["segment"]}):
                of_label = [segments[index].segment.header.label == label for index in agreeing["segment"]]
                rows = set(agreeing["row"][np.array(of_label)].tolist())
                found.known_rows[label] += len(rows)
                found.recycled_rows[label] += len(rows & of_customers)

    def _count_canaries(self, label: str, matches: BlockMatches, document: int) -> None:
        """Keep every canary that was hit; `_count_hits` leaves them out."""
        if not matches.hits.size:
            return
        segments = self.watch.segments
        canaries = np.flatnonzero(are_of(segments, SegmentPurpose.CANARIES)[matches.hits.segments])
        if not len(canaries):
            return
        pairs = pairs_in_block(matches, document=document)[canaries]
        owners = np.array([watched.company_id for watched in segments])[pairs["segment"]]
        for company in sorted(set(owners.tolist())):
            self.companies[company].canaries.add_pairs(pairs[owners == company], label)

    def _count_columns(self, found: CompanyFindings, matches: BlockMatches, own: Places) -> None:
        """Count columns only for hits whose column was looked up."""
        known = own[own < len(matches.columns)]
        columns = map(matches.columns.__getitem__, known.tolist())
        in_columns = Counter(zip(matches.hits.fields[known].tolist(), columns, strict=True))
        for (code, column), count in in_columns.items():
            if column:
                found.columns[FIELDS[code], column] += count

    def _keep_hits(self, found: CompanyFindings, label: str, matches: BlockMatches, own: Places) -> None:
        """Keep the company's hits as long as there is room."""
        room = max(0, self.limit - len(found.kept))
        if len(own) > room:
            self.cut.add("matches")
        for index in own[:room].tolist():
            found.kept.append(
                HitFound(
                    self.watch.segments[matches.hits.segments[index]],
                    FIELDS[matches.hits.fields[index]],
                    int(matches.hits.ordinals[index]),
                    label,
                    int(matches.lines[index]),
                    int(matches.starts[index]),
                    matches.columns[index] if index < len(matches.columns) else "",
                )
            )
