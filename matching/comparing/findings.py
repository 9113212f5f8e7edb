"""What texts hold of the companies that are watched for.

A piece of text is looked at by itself (`seen`); `Findings` puts the pieces together, in their order.
Everything is counted, and pairs of row and customer are kept in arrays; of the single findings a bounded
number is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from matching.comparing.agreements import Agreements, AgreementTotals
from matching.comparing.block import BlockMatches, Places, match_listing_text, pairs_in
from matching.comparing.lookup import FIELDS, Comparison
from matching.identifiers import Field
from matching.inputs.formats.record_ends import with_line_ends
from matching.inputs.formats.rows import TextRows
from matching.mentions.terms import MENTION_LIMIT, WatchTerm
from matching.watch import Watch, WatchedSegment

PIECE = 1 << 20  # characters


class TextPart(NamedTuple):
    """A text of a listing. `label` names it within its listing: `body`, `attachment 7`."""

    field: str
    label: str
    text: str


class MentionFound(NamedTuple):
    """`field` and `label` are the part's; `start` counts characters of its text, or bytes of a dump."""

    term: WatchTerm
    field: str
    label: str
    line: int
    start: int
    excerpt: str  # masked


class HitFound(NamedTuple):
    """`column`: that of a table, in words; "" where there is none."""

    segment: WatchedSegment
    field: Field
    ordinal: int
    label: str
    line: int
    start: int
    column: str = ""


@dataclass(slots=True)
class CompanyFindings:
    """What was found of one company; `mentions` and `hits` are the first of what the counters count."""

    mentions: list[MentionFound] = field(default_factory=list)
    hits: list[HitFound] = field(default_factory=list)
    mention_fields: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    hit_fields: Counter[Field] = field(default_factory=Counter)
    columns: Counter[tuple[Field, str]] = field(default_factory=Counter)
    agreements: Agreements = field(default_factory=Agreements)

    @property
    def tally(self) -> AgreementTotals:
        return self.agreements.tally()

    def kept(self) -> int:
        return len(self.mentions) + len(self.hits)


@dataclass(slots=True)
class Findings:
    """What was found in all the pieces that were taken."""

    watch: Watch
    limit: int  # mentions and hits kept of one company
    expired: Callable[[], bool] = lambda: False  # True: the time is up, whatever is left stays unread
    companies: dict[int, CompanyFindings] = field(default_factory=lambda: defaultdict(CompanyFindings))
    tried: Counter[Field] = field(default_factory=Counter)  # candidates
    rows_scanned: int = 0
    cut: set[str] = field(default_factory=set)  # bounds that were met: time, matches
    numbered: int = 0  # rows that have a number, filled or not
    #: Of each company the candidates that were tried for somebody else, and not for it.
    spared: dict[int, Counter[Field]] = field(default_factory=lambda: defaultdict(Counter))
    _comparison: Comparison | None = None

    @property
    def candidates(self) -> int:
        return sum(self.tried.values())

    def add(
        self, part: TextPart, *, first_line: int = 1, mentions: bool = True, fingerprints: bool = True
    ) -> int:
        """Match a part of a listing; returns how many lines it ends: a record of a text without line ends is
        one.
        """
        line, ended = first_line, with_line_ends(part.text)
        terms = self.watch.terms if mentions else None
        comparison = self._compared() if fingerprints and self.watch.segments else None
        for start, end in _pieces(ended):
            if self.expired():
                self.cut.add("time")
                break
            piece, rows = part.text[start:end], TextRows(ended[start:end])
            seen = match_listing_text(
                piece, rows, comparison, terms, line=line, start=start, limit=self.limit
            )
            self.take(part.field, part.label, seen)
            line += rows.breaks
        return line - first_line

    def _compared(self) -> Comparison:
        """Made once it is needed: a scanner belongs to one thread, as findings do."""
        if self._comparison is None:
            self._comparison = Comparison(self.watch.segments)
        return self._comparison

    def take(
        self, name: str, label: str, seen: BlockMatches, *, document: int = 0, spared: Collection[int] = ()
    ) -> None:
        """Count what a piece holds. `name`: of the listing's field; `document`: its number in a sweep;
        `spared`: companies that it was not compared for.
        """
        self._mentions(name, label, seen)
        self._hits(label, seen, document)
        self.tried += seen.tried
        self.rows_scanned += seen.filled
        self.numbered += seen.width
        for company in spared:
            self.spared[company] += seen.tried

    def take_later(
        self,
        label: str,
        seen: BlockMatches,
        *,
        document: int,
        companies: Collection[int],
        spared: Collection[int] | None,
    ) -> None:
        """Count the hits of a piece that was taken before, when it was not compared for these companies.

        `spared`: who is not compared with it now either; None: it was compared for somebody before.
        """
        self._hits(label, seen, document)
        self.numbered += seen.width
        if spared is None:
            for company in companies:
                self.spared[company].subtract(seen.tried)
            return
        self.tried += seen.tried
        for company in spared:
            self.spared[company] += seen.tried

    def tried_for(self, company: int) -> Counter[Field]:
        """The candidates that a company's hits are among."""
        return self.tried - self.spared.get(company, Counter())

    def _mentions(self, name: str, label: str, seen: BlockMatches) -> None:
        if len(seen.mentions) == MENTION_LIMIT:
            self.cut.add("matches")
        for shown in seen.mentions:
            term = self.watch.by_id[shown.term_id]
            found = self.companies[term.company_id]
            found.mention_fields[name] += 1
            found.terms[term.text] += 1
            if found.kept() < self.limit:
                found.mentions.append(MentionFound(term, name, label, shown.line, shown.start, shown.excerpt))
            else:
                self.cut.add("matches")

    def _hits(self, label: str, seen: BlockMatches, document: int) -> None:
        if not seen.hits.size:
            return
        owners = np.array([one.company_id for one in self.watch.segments])[seen.hits.segments]
        pairs = pairs_in(seen, document=document, row=self.numbered)
        for company in sorted(set(owners.tolist())):
            own = np.flatnonzero(owners == company)
            found = self.companies[company]
            fields = seen.hits.fields[own]
            for code, count in enumerate(np.bincount(fields, minlength=len(FIELDS)).tolist()):
                if count:
                    found.hit_fields[FIELDS[code]] += count
            known = own[own < len(seen.columns)].tolist()
            columns = map(seen.columns.__getitem__, known)
            in_columns = Counter(zip(fields[: len(known)].tolist(), columns, strict=True))
            for (code, column), count in in_columns.items():
                if column:
                    found.columns[FIELDS[code], column] += count
            found.agreements.add(pairs[own])
            self._show(found, label, seen, own)

    def _show(self, found: CompanyFindings, label: str, seen: BlockMatches, own: Places) -> None:
        """Keep the first hits."""
        room = max(0, self.limit - found.kept())
        if len(own) > room:
            self.cut.add("matches")
        for index in own[:room].tolist():
            found.hits.append(
                HitFound(
                    self.watch.segments[seen.hits.segments[index]],
                    FIELDS[seen.hits.fields[index]],
                    int(seen.hits.ordinals[index]),
                    label,
                    int(seen.lines[index]),
                    int(seen.starts[index]),
                    seen.columns[index] if index < len(seen.columns) else "",
                )
            )


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where each piece begins and ends: behind a line break, unless its line is longer than it."""
    at = 0
    while at < len(text) or at == 0:
        end = min(len(text), at + PIECE)
        if end < len(text):
            end = text.rfind("\n", at, end) + 1 or end
        yield at, end
        if end == len(text):
            return
        at = end
