"""Match one piece of text by itself, in any thread: a part of a listing (`match_listing_text`) or a block
of a dump (`match_block`).

1. mentions of terms, each with its line and a masked excerpt;
2. candidates of identifiers, and which of them are fingerprints of customers (`comparison`);
3. the line and the row that each hit is in.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.comparing.agreements import Pairs, pairs_of
from matching.comparing.cells import IN_CELLS, cells_of, column_of
from matching.comparing.lookup import FIELDS, Comparison, Hits
from matching.identifiers import Field
from matching.inputs import Block
from matching.inputs.formats.rows import TextRows
from matching.mentions.excerpts import excerpt
from matching.mentions.terms import Mention, Terms

COLUMNS_SHOWN = 1_000  # hits of a piece whose column is looked up
_OF_CELLS = np.array([field in IN_CELLS for field in FIELDS])
_LINE_END = re.compile("\n")
#: Formats that pass as they are written, so that a record may go over several lines.
_WRITTEN = frozenset({"text", "keyvalue"})

Places = NDArray[np.int64]


class ShownMention(NamedTuple):
    """A mention in a piece, before anybody counts pieces."""

    term_id: int
    line: int
    start: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class BlockMatches:
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
    mentions: Sequence[ShownMention] = ()
    columns: Sequence[str] = ()  # in words; "" for none
    control: Counter[tuple[int, Field]] = field(default_factory=Counter)  # as in comparison; if asked for


_NOTHING = Comparison(())


def pairs_in(seen: BlockMatches, *, document: int = 0, row: int = 0) -> Pairs:
    """What agrees in a piece, hit by hit; `row` is the number of its first row."""
    return pairs_of(
        {
            "row": row + seen.rows,
            "ordinal": seen.hits.ordinals,
            "segment": seen.hits.segments,
            "fields": np.left_shift(1, seen.hits.fields.astype(np.uint16)),
            "line": seen.lines,
            "document": document,
        }
    )


def match_listing_text(
    text: str,
    rows: TextRows,
    comparison: Comparison | None,
    terms: Terms | None,
    *,
    line: int,
    start: int,
    limit: int,
) -> BlockMatches:
    """Look at a piece of a listing's text: it begins in line `line`, `start` characters into its part.

    `limit`: mentions of a term that get an excerpt.
    """
    data = text.encode("utf-8", "surrogatepass")
    hits, tried = (comparison or _NOTHING).compare(data)
    places = hits.places if len(data) == len(text) else _characters(data)[hits.places]
    at = places.tolist()
    return BlockMatches(
        hits=hits,
        rows=np.array([rows.row_of(place) - 1 for place in at], np.int64),
        lines=np.array([line + rows.line_of(place) - 1 for place in at], np.int64),
        starts=start + places,
        width=rows.breaks + 1,
        filled=rows.count,
        tried=tried,
        mentions=_shown(text, terms, rows.line_of, line=line, start=start, limit=limit),
    )


def match_block(
    block: Block,
    comparison: Comparison,
    terms: Terms | None,
    *,
    format: str,
    region: str,
    limit: int,
    companies: Collection[int] | None = None,
    control: Collection[int] = (),
) -> BlockMatches:
    """Look at a block of a document of that format, for all companies or some of them.

    `limit`: mentions of a term that get an excerpt; `control`: companies whose control is wanted.
    """
    cells = cells_of(block, comparison.fields, region=region)
    before = len(block.text) - block.held if block.held else None
    hits, tried = comparison.compare(
        block.text, cells=cells, companies=companies, after=block.repeats, before=before
    )
    breaks = block.breaks
    index = np.searchsorted(breaks, hits.places)
    text = block.text.decode() if (hits.size and format in _WRITTEN) or terms else ""
    # A block's lines end with a line feed alone.
    written = TextRows(text.replace("\r", " ")) if format in _WRITTEN and hits.size else None
    ends = lru_cache(1)(lambda: [match.start() for match in _LINE_END.finditer(text)])
    return BlockMatches(
        hits=hits,
        rows=np.array([written.row_at(one) - 1 for one in index.tolist()], np.int64) if written else index,
        lines=block.lines_of(index) if hits.size else index,
        starts=block.offset + hits.places,
        width=len(breaks) + 1,
        filled=block.rows,
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
        columns=_columns(block, hits, index, breaks) if hits.size else (),
        control=comparison.control(block.text, control) if control else Counter(),
    )


def join_blocks(pieces: Sequence[BlockMatches]) -> BlockMatches:
    """Pieces that follow one another as one, to be counted at once; `hits.places` stay those in each piece.

    Only the first one may have mentions: of what is kept, the mentions of a piece come before its hits. Only
    the last one may have hits whose column was not looked up.
    """
    if len(pieces) == 1:
        return pieces[0]
    tried: Counter[Field] = Counter()
    for piece in pieces:
        tried.update(piece.tried)
    hits, places = (
        [np.concatenate(column) for column in zip(*table, strict=True)]
        for table in (
            [piece.hits for piece in pieces],
            [(piece.rows, piece.lines, piece.starts) for piece in pieces],
        )
    )
    widths = [piece.width for piece in pieces]
    rows, lines, starts = places
    before = np.repeat(np.cumsum([0, *widths[:-1]]), [piece.hits.size for piece in pieces])
    return BlockMatches(
        hits=Hits(*hits),
        rows=before + rows,
        lines=lines,
        starts=starts,
        width=sum(widths),
        filled=sum(piece.filled for piece in pieces),
        tried=tried,
        mentions=pieces[0].mentions,
        columns=[*chain.from_iterable(piece.columns for piece in pieces)],
    )


def _columns(block: Block, hits: Hits, index: Places, breaks: Places) -> list[str]:
    """Those of the first COLUMNS_SHOWN hits, in words."""
    borders = np.concatenate(([-1], breaks, [len(block.text)]))
    lines, places, fields = (column[:COLUMNS_SHOWN] for column in (index, hits.places, hits.fields))
    begins, ends = borders[lines] + 1, borders[lines + 1]
    where = block.shape.where
    found = [
        where(block.text[begin:end], place - begin)
        for begin, end, place in zip(begins.tolist(), ends.tolist(), places.tolist(), strict=True)
    ]
    told = {id(column): str(column or "") for column in {id(column): column for column in found}.values()}
    shown = [told[id(column)] for column in found]
    # A cell's candidate stands where its line begins.
    for at in np.flatnonzero((places == begins) & _OF_CELLS[fields]).tolist():
        field, column = FIELDS[fields[at]], found[at]
        if not column or column.role != field:
            shown[at] = column_of(block.shape.columns, field) or shown[at]
    return shown


def _line(block: Block, ends: Sequence[int], at: int) -> int:
    """The source's line of a character of the block's text, of which `ends` are the line ends."""
    return block.line(bisect_left(ends, at))


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
) -> list[ShownMention]:
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
        shown.append(ShownMention(one.term_id, line + line_of(one.start) - 1, start + one.start, words))
    return shown
