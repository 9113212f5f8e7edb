"""Matching itself: texts in, findings out. No database; the daemon and `spillwatch match` use it alike.

A text is taken in pieces that end at a line, so that memory does not grow with it:

1. mentions of terms, each with its line and a masked excerpt;
2. candidates of identifiers, once for each default region in use, in rows;
3. for each company and field their fingerprints, looked up in its segments in one batch.

Everything is counted; of the single findings a bounded number is kept.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from matching.identifiers import Candidate, Field, scan
from matching.masks import mask_text
from matching.rows import Agreement, Rows, Tally, tally
from matching.terms import MENTION_LIMIT, WatchTerm
from matching.watch import Watch, WatchedSegment

PIECE = 1 << 20  # characters
EXCERPT = 160  # characters of an excerpt, about
_AROUND = EXCERPT // 2
_CONTEXT = 400  # characters on each side that are masked before the excerpt is cut out of them
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


class Part(NamedTuple):
    """A text of a listing or a file. `label` names it within its listing: `body`, `attachment 7`."""

    field: str
    label: str
    text: str


class MentionFound(NamedTuple):
    term: WatchTerm
    part: Part
    line: int
    start: int  # offset in the part's text
    excerpt: str  # masked


class HitFound(NamedTuple):
    segment: WatchedSegment
    field: Field
    ordinal: int
    part: Part
    line: int
    start: int


@dataclass(slots=True)
class CompanyFindings:
    """What was found of one company; `mentions` and `hits` are the first of what the counters count."""

    mentions: list[MentionFound] = field(default_factory=list)
    hits: list[HitFound] = field(default_factory=list)
    mention_fields: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    hit_fields: Counter[Field] = field(default_factory=Counter)
    agreements: set[Agreement] = field(default_factory=set)

    @property
    def tally(self) -> Tally:
        return tally(self.agreements)

    def kept(self) -> int:
        return len(self.mentions) + len(self.hits)


@dataclass(slots=True)
class Findings:
    """What was found in all the parts that were added."""

    watch: Watch
    limit: int  # mentions and hits kept of one company
    expired: Callable[[], bool] = lambda: False  # True: the time is up, whatever is left stays unread
    companies: dict[int, CompanyFindings] = field(default_factory=lambda: defaultdict(CompanyFindings))
    candidates: int = 0
    rows_scanned: int = 0
    cut: set[str] = field(default_factory=set)  # bounds that were met: time, matches

    def add(
        self, part: Part, *, first_line: int = 1, mentions: bool = True, fingerprints: bool = True
    ) -> int:
        """Match a part; returns how many line breaks it has."""
        line = first_line
        for start, piece in _pieces(part.text):
            if self.expired():
                self.cut.add("time")
                break
            rows = Rows(piece)
            if mentions:
                self._mentions(part, piece, rows, start, line)
            if fingerprints and self.watch.segments:
                self._fingerprints(part, piece, rows, start, line)
            self.rows_scanned += rows.count
            line += rows.breaks
        return line - first_line

    def _mentions(self, part: Part, piece: str, rows: Rows, start: int, line: int) -> None:
        mentions = self.watch.terms.find(piece)
        if len(mentions) == MENTION_LIMIT:
            self.cut.add("matches")
        for mention in mentions:
            term = self.watch.by_id[mention.term_id]
            found = self.companies[term.company_id]
            found.mention_fields[part.field] += 1
            found.terms[term.text] += 1
            if self._room(found):
                place = line + rows.line_of(mention.start) - 1
                text = excerpt(piece, mention.start, mention.end)
                found.mentions.append(MentionFound(term, part, place, start + mention.start, text))

    def _fingerprints(self, part: Part, piece: str, rows: Rows, start: int, line: int) -> None:
        by_region: dict[str, list[WatchedSegment]] = defaultdict(list)
        for segment in self.watch.segments:
            by_region[segment.region].append(segment)
        counted = 0
        for region, segments in by_region.items():
            candidates = list(scan(piece, region))
            counted = max(counted, len(candidates))
            for hit in _hits(candidates, segments):
                row = (part.label, line + rows.row_of(hit.candidate.start))
                place = line + rows.line_of(hit.candidate.start) - 1
                found = self.companies[hit.segment.company_id]
                customer = (hit.segment.id, hit.ordinal)
                found.hit_fields[hit.candidate.field] += 1
                found.agreements.add(Agreement(row, customer, hit.candidate.field))
                if self._room(found):
                    offset = start + hit.candidate.start
                    found.hits.append(
                        HitFound(hit.segment, hit.candidate.field, hit.ordinal, part, place, offset)
                    )
        self.candidates += counted

    def _room(self, found: CompanyFindings) -> bool:
        if found.kept() < self.limit:
            return True
        self.cut.add("matches")
        return False


class _Hit(NamedTuple):
    segment: WatchedSegment
    candidate: Candidate
    ordinal: int


def _hits(candidates: list[Candidate], segments: list[WatchedSegment]) -> Iterator[_Hit]:
    """By company and field, so that each value is fingerprinted once for a company."""
    by_field: dict[Field, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_field[candidate.field].append(candidate)
    for _, own in groupby(sorted(segments, key=_company), _company):
        watched = list(own)
        slug = watched[0].segment.header.company
        for name, found in by_field.items():
            values = watched[0].key.fingerprinter(slug, name)([candidate.canonical for candidate in found])
            for segment in watched:
                for index, ordinal in zip(*segment.segment.lookup(name, values), strict=True):
                    yield _Hit(segment, found[int(index)], int(ordinal))


def _company(segment: WatchedSegment) -> int:
    return segment.company_id


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of each piece; a piece ends behind a line break, unless its line is longer than it."""
    at = 0
    while at < len(text) or at == 0:
        end = min(len(text), at + PIECE)
        if end < len(text):
            end = text.rfind("\n", at, end) + 1 or end
        yield at, text[at:end]
        if end == len(text):
            return
        at = end


def excerpt(text: str, start: int, end: int) -> str:
    """The mention and what surrounds it, masked, on one line.

    What surrounds it is masked before it is cut, for half an identifier is no longer recognised as one.
    """
    mention = text[start:end]
    low, high = max(0, start - _CONTEXT), min(len(text), end + _CONTEXT)
    masked = mask_text(text[low:high])
    at = _nearest(masked, mention, start - low)
    first, last = max(0, at - _AROUND), min(len(masked), at + len(mention) + _AROUND)
    cut = _UNPRINTABLE.sub(" ", masked[first:last]).strip()
    return ("…" if low or first else "") + cut + ("…" if high < len(text) or last < len(masked) else "")


def _nearest(masked: str, mention: str, place: int) -> int:
    """Where the mention is after masking, which may have moved it or masked it too."""
    places = [match.start() for match in re.finditer(re.escape(mention), masked)]
    return min(places, key=lambda at: abs(at - place), default=min(place, len(masked)))
