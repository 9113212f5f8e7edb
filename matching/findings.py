"""What a text holds of the companies that are watched for, and what all of them hold together.

A piece of text (a listing's, or a block of a dump) is looked at by itself, in any thread (`look`, `look_at`):

1. mentions of terms, each with its line and a masked excerpt;
2. candidates of identifiers, and which of them are fingerprints of customers (`comparison`);
3. the line and the row that each hit is in.

`Findings` puts the pieces together, in their order. Everything is counted, and pairs of row and customer are
kept in arrays; of the single findings a bounded number is kept.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.agreements import Agreements, pairs_of
from matching.cells import IN_CELLS, cells_of, column_of
from matching.columns import Column
from matching.comparison import FIELDS, Comparison, Hits
from matching.excerpts import excerpt
from matching.identifiers import Field
from matching.inputs import Block
from matching.rows import Rows, Tally
from matching.terms import MENTION_LIMIT, Mention, Terms, WatchTerm
from matching.watch import Watch, WatchedSegment

PIECE = 1 << 20  # characters
COLUMNS_SHOWN = 1_000  # hits of a piece whose column is looked up
_LINE_END = re.compile("\n")
#: Formats that pass as they are written, so that a record may go over several lines.
_WRITTEN = frozenset({"text", "keyvalue"})

Places = NDArray[np.int64]


class Part(NamedTuple):
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


class Shown(NamedTuple):
    """A mention in a piece, before anybody counts pieces."""

    term_id: int
    line: int
    start: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one piece holds. The arrays are as long as the hits.

    `rows` count the piece's rows from 0, of which it has `width`; `filled` of them hold anything. `columns`
    are those of the first hits, by their place among the hits.
    """

    hits: Hits
    rows: Places
    lines: Places
    starts: Places
    width: int
    filled: int
    tried: Counter[Field] = field(default_factory=Counter)
    mentions: Sequence[Shown] = ()
    columns: Sequence[str] = ()


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
    def tally(self) -> Tally:
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
    _comparison: Comparison | None = None

    @property
    def candidates(self) -> int:
        return sum(self.tried.values())

    def add(
        self, part: Part, *, first_line: int = 1, mentions: bool = True, fingerprints: bool = True
    ) -> int:
        """Match a part of a listing; returns how many line breaks it has."""
        line = first_line
        terms = self.watch.terms if mentions else None
        comparison = self._compared() if fingerprints and self.watch.segments else None
        for start, piece in _pieces(part.text):
            if self.expired():
                self.cut.add("time")
                break
            rows = Rows(piece)
            seen = look(piece, rows, comparison, terms, line=line, start=start, limit=self.limit)
            self.take(part.field, part.label, seen)
            line += rows.breaks
        return line - first_line

    def _compared(self) -> Comparison:
        """Made once it is needed: a scanner belongs to one thread, as findings do."""
        if self._comparison is None:
            self._comparison = Comparison(self.watch.segments)
        return self._comparison

    def take(self, name: str, label: str, seen: Seen, *, document: int = 0) -> None:
        """Count what a piece holds. `name`: of the listing's field; `document`: its number in a sweep."""
        self._mentions(name, label, seen)
        self._hits(label, seen, document)
        self.tried += seen.tried
        self.rows_scanned += seen.filled
        self.numbered += seen.width

    def _mentions(self, name: str, label: str, seen: Seen) -> None:
        if len(seen.mentions) == MENTION_LIMIT:
            self.cut.add("matches")
        for shown in seen.mentions:
            term = self.watch.by_id[shown.term_id]
            found = self.companies[term.company_id]
            found.mention_fields[name] += 1
            found.terms[term.text] += 1
            if self._room(found):
                found.mentions.append(MentionFound(term, name, label, shown.line, shown.start, shown.excerpt))

    def _hits(self, label: str, seen: Seen, document: int) -> None:
        segments = self.watch.segments
        owners = np.array([one.company_id for one in segments])[seen.hits.segments] if seen.hits.size else ()
        for company in np.unique(owners).tolist():
            own = np.flatnonzero(owners == company)
            found = self.companies[company]
            fields = seen.hits.fields[own]
            for code, count in enumerate(np.bincount(fields, minlength=len(FIELDS)).tolist()):
                if count:
                    found.hit_fields[FIELDS[code]] += count
            found.agreements.add(self._pairs(seen, own, document))
            self._show(found, label, seen, own)

    def _pairs(self, seen: Seen, own: Places, document: int) -> NDArray[np.void]:
        return pairs_of(
            {
                "row": self.numbered + seen.rows[own],
                "ordinal": seen.hits.ordinals[own],
                "segment": seen.hits.segments[own],
                "fields": np.left_shift(1, seen.hits.fields[own].astype(np.uint16)),
                "line": seen.lines[own],
                "document": document,
            }
        )

    def _show(self, found: CompanyFindings, label: str, seen: Seen, own: Places) -> None:
        """Keep the first hits, and count the columns of those whose column was looked up."""
        known = own[own < len(seen.columns)]
        fields = map(FIELDS.__getitem__, seen.hits.fields[known].tolist())
        columns = map(seen.columns.__getitem__, known.tolist())
        found.columns.update(one for one in zip(fields, columns, strict=True) if one[1])
        for index in own.tolist():
            if not self._room(found):
                return
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

    def _room(self, found: CompanyFindings) -> bool:
        if found.kept() < self.limit:
            return True
        self.cut.add("matches")
        return False


_NOTHING = Comparison(())


def look(
    text: str,
    rows: Rows,
    comparison: Comparison | None,
    terms: Terms | None,
    *,
    line: int,
    start: int,
    limit: int,
) -> Seen:
    """Look at a piece of a listing's text: it begins in line `line`, `start` characters into its part.

    `limit`: mentions of a term that get an excerpt.
    """
    data = text.encode("utf-8", "surrogatepass")
    hits, tried = (comparison or _NOTHING).compare(data)
    places = hits.places if len(data) == len(text) else _characters(data)[hits.places]
    at = places.tolist()
    return Seen(
        hits=hits,
        rows=np.array([rows.row_of(place) - 1 for place in at], np.int64),
        lines=np.array([line + rows.line_of(place) - 1 for place in at], np.int64),
        starts=start + places,
        width=rows.breaks + 1,
        filled=rows.count,
        tried=tried,
        mentions=_shown(text, terms, rows.line_of, line=line, start=start, limit=limit),
    )


def look_at(
    block: Block,
    comparison: Comparison,
    terms: Terms | None,
    *,
    format: str,
    region: str,
    limit: int,
    companies: Collection[int] | None = None,
) -> Seen:
    """Look at a block of a document of that format, for all companies or some of them.

    `limit`: mentions of a term that get an excerpt.
    """
    cells = cells_of(block, comparison.fields, region=region)
    before = len(block.text) - block.held if block.held else None
    hits, tried = comparison.compare(
        block.text, cells=cells, companies=companies, after=block.repeats, before=before
    )
    breaks = _breaks(block.text) if hits.size else np.empty(0, np.int64)
    index = np.searchsorted(breaks, hits.places)
    width = block.rows
    text = block.text.decode() if (hits.size and format in _WRITTEN) or terms else ""
    # A block's lines end with a line feed alone.
    written = Rows(text.replace("\r", " ")) if format in _WRITTEN and hits.size else None
    ends = lru_cache(1)(lambda: [match.start() for match in _LINE_END.finditer(text)])
    return Seen(
        hits=hits,
        rows=np.array([written.row_at(one) - 1 for one in index.tolist()], np.int64) if written else index,
        lines=block.lines_of(index) if hits.size else index,
        starts=block.offset + hits.places,
        width=width,
        filled=width,
        tried=tried,
        mentions=_shown(
            text,
            terms,
            lambda at: _line(block, ends(), at),
            line=1,
            start=block.offset,
            limit=limit,
            own=_own(block),
        ),
        columns=_columns(block, hits, index, breaks),
    )


def _columns(block: Block, hits: Hits, index: Places, breaks: Places) -> list[str]:
    shown = []
    told: dict[int, tuple[Column, str]] = {}  # by `id`, which is nobody else's while the column is kept
    begins = np.concatenate(([0], breaks + 1))
    first = (column[:COLUMNS_SHOWN].tolist() for column in (hits.places, index, hits.fields))
    for place, line, code in zip(*first, strict=True):
        begin = int(begins[line])
        end = int(breaks[line]) if line < len(breaks) else len(block.text)
        column = block.shape.where(block.text[begin:end], place - begin)
        # A cell's candidate stands where its line begins.
        is_cell = place == begin and FIELDS[code] in IN_CELLS and (not column or column.role != FIELDS[code])
        of_cell = column_of(block.shape.columns, FIELDS[code]) if is_cell else ""
        if column and id(column) not in told:
            told[id(column)] = column, str(column)
        shown.append(of_cell or (told[id(column)][1] if column else ""))
    return shown


def _line(block: Block, ends: Sequence[int], at: int) -> int:
    """The source's line of a character of the block's text, of which `ends` are the line ends."""
    return block.line(bisect_left(ends, at))


def _breaks(data: bytes) -> Places:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A)


def _characters(data: bytes) -> Places:
    """How many characters begin before each byte."""
    begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    return np.concatenate(([0], np.cumsum(begins)))


def _own(block: Block) -> range | None:
    """Where what ends there is this block's, in characters; None: everywhere."""
    if not (block.repeats or block.held):
        return None
    borders = (block.repeats, len(block.text) - block.held)
    first, last = (len(block.text[:border].decode("utf-8", "ignore")) for border in borders)
    return range(first + 1, last + 1)


def _shown(
    text: str,
    terms: Terms | None,
    line_of: Callable[[int], int],
    *,
    line: int,
    start: int,
    limit: int,
    own: range | None = None,
) -> list[Shown]:
    """All mentions, or those that end in `own`; the first `limit` of each term with an excerpt, for more are
    not kept.
    """
    found: list[Mention] = terms.find(text) if terms else []
    found = found if own is None else [one for one in found if one.end in own]
    seen: Counter[int] = Counter()
    shown = []
    for one in found:
        seen[one.term_id] += 1
        words = excerpt(text, one.start, one.end) if seen[one.term_id] <= limit else ""
        shown.append(Shown(one.term_id, line + line_of(one.start) - 1, start + one.start, words))
    return shown


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
