"""Match one piece of text by itself, in any thread: a piece of a listing's text or a block of a dump.

1. Take candidates from the cells of a table (`cells`; dumps only).
2. Find all other candidates, and the customers that they belong to (`lookup`).
3. Find the row and the line of each hit (`matching.inputs.formats.rows`).
4. Find the column of each hit (`hit_columns`; dumps only).
5. Find the mentions of watch terms, each with its line and a masked excerpt (`matching.mentions`). Hosts that
   look like a company's domain count in listings only: whoever has a dump asks whose data it is.
6. Count the lines with masked identifiers (`masked_values`; dumps only).
7. Count the hits of altered numbers, for companies whose control is wanted (`controls`; dumps only).
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from matching.comparing.block_matches import BlockMatches, BlockMention
from matching.comparing.cells import candidates_in_cells
from matching.comparing.controls import ControlCounts
from matching.comparing.hit_columns import columns_of_hits
from matching.comparing.lookup import Comparison, Hits
from matching.comparing.masked_values import count_masked_lines
from matching.inputs import Block
from matching.inputs.formats.rows import TextRows
from matching.mentions.excerpts import excerpt
from matching.mentions.terms import Mention, Terms
from matching.native.text_signs import MASKED, text_signs
from matching.scanning.candidates import Places

_LINE_END = re.compile("\n")
#: Formats in which a record may go over several lines of a block.
RECORD_FORMATS = frozenset(
    {"text", "keyvalue", "records", "html", "mail", "docx", "pptx", "odt", "odp", "odg"}
)
#: Lines between two hits of a record at most; records are not looked for where hits are further apart.
_RECORD_REACH = 1_000
_WITHOUT_SEGMENTS = Comparison(())


def match_listing_text(
    text: str,
    rows: TextRows,
    comparison: Comparison | None,
    terms: Terms | None,
    *,
    line: int,
    start: int,
    limit: int,
    repeats: int = 0,
    held: int = 0,
    charset: str = "utf-8",
    runner_ups: Sequence[str] = (),
) -> BlockMatches:
    """Match a piece of a listing's text that begins in line `line`, `start` characters into its part.

    `comparison` None: no fingerprints; `terms` None: no mentions; `limit`: mentions of a term that get an
    excerpt. What ends in the first `repeats` or the last `held` characters belongs to another piece.
    `runner_ups`: other charsets that the text may be in; it was decoded from `charset`.
    """
    data = text.encode("utf-8", "surrogatepass")
    own = len(text) - held
    after, before = (len(text[:border].encode("utf-8", "surrogatepass")) for border in (repeats, own))
    hits, candidates = (comparison or _WITHOUT_SEGMENTS).compare(data, after=after, before=before)
    # A hit's place counts bytes, a listing's places count characters.
    places = hits.places if len(data) == len(text) else _character_offsets(data)[hits.places]
    line_indexes = np.array([rows.line_of(offset) - 1 for offset in places.tolist()], np.int64)
    hit_rows, cut_records = _rows_of_hits(hits, line_indexes, rows)
    mentions = _find_mentions(
        text,
        terms,
        rows.line_of,
        line=line,
        start=start,
        limit=limit,
        lookalikes=True,
        own_ends=range(repeats + 1, own + 1) if repeats or held else None,
    )
    if terms and runner_ups:

        def place_of(_index: int, offset: int) -> tuple[int, int]:
            return line + rows.line_of(offset) - 1, start + offset

        readings = _Readings(charset, runner_ups, place_of)
        mentions += _find_in_runner_ups(text, readings, terms, mentions, limit)
    return BlockMatches(
        hits=hits,
        rows=hit_rows,
        lines=line + line_indexes,
        starts=start + places,
        row_count=rows.breaks + 1,
        filled_rows=rows.count,
        cut_records=cut_records,
        candidates=candidates,
        mentions=mentions,
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
    """Match a block of a document of this format, for some companies or (None) for all.

    `region`: of telephone numbers in cells; `limit`: mentions of a term that get an excerpt; `control`:
    companies whose control is wanted.
    """
    signs = text_signs(block.text)
    cells = candidates_in_cells(
        block, comparison.fields, region=region, countries=comparison.countries, signs=signs
    )
    before = len(block.text) - block.held if block.held else None
    controls = ControlCounts.none()
    hits, candidates = comparison.compare(
        block.text,
        cells=cells.batches,
        companies=companies,
        after=block.repeats,
        before=before,
        signs=signs,
        on_scan=partial(controls.add, control, comparison.segments) if control else None,
    )
    breaks = block.breaks
    line_indexes = np.searchsorted(breaks, hits.places)
    # Decoding takes time, and most blocks have neither hits nor are searched for terms.
    text = block.text.decode() if (hits.size and format in RECORD_FORMATS) or terms else ""
    rows, cut_records = line_indexes, 0
    if format in RECORD_FORMATS and hits.size:
        # A block's lines end with a line feed alone; to TextRows a carriage return would be another line end.
        text_rows = TextRows(text.replace("\r", " "), block.borders, block.record_shape)
        rows, cut_records = _rows_of_hits(hits, line_indexes, text_rows)
    line_ends = lru_cache(1)(lambda: [match.start() for match in _LINE_END.finditer(text)])
    mentions = _find_mentions(
        text,
        terms,
        lambda offset: block.line(bisect_left(line_ends(), offset)),
        line=1,
        start=block.offset,
        limit=limit,
        own_ends=_own_ends(block),
    )
    if terms and block.runner_ups:
        readings = _Readings(
            block.charset, block.runner_ups, lambda index, _offset: (block.line(index), block.offset)
        )
        mentions += _find_in_runner_ups(text, readings, terms, mentions, limit)
    return BlockMatches(
        hits=hits,
        rows=rows,
        lines=block.lines_of(line_indexes) if hits.size else line_indexes,
        starts=block.offset + hits.places,
        row_count=len(breaks) + 1,
        filled_rows=block.rows,
        masked_lines=count_masked_lines(block.text) if comparison.fields and signs & MASKED else 0,
        cut_records=cut_records,
        candidates=candidates,
        mentions=mentions,
        columns=columns_of_hits(block, hits, line_indexes, cells.columns) if hits.size else (),
        control_hits=controls.hits,
        control_neighbours=controls.neighbours,
    )


def _rows_of_hits(hits: Hits, line_indexes: Places, rows: TextRows) -> tuple[Places, int]:
    """Return the row of each hit, and how many records a bound has divided.

    Which lines are a record takes time to find out, and matters only if a customer is hit on several lines.
    """
    if not _may_share_a_row(hits, line_indexes):
        return line_indexes, 0
    return np.array([rows.row_at(index) for index in line_indexes.tolist()], np.int64), rows.cut


def _may_share_a_row(hits: Hits, line_indexes: Places) -> bool:
    """Return whether a customer is hit in two fields on two lines that are near each other."""
    order = np.lexsort((line_indexes, hits.ordinals, hits.segments))
    segments, ordinals, lines, fields = (
        array[order] for array in (hits.segments, hits.ordinals, line_indexes, hits.fields)
    )
    near = np.diff(lines)
    same = (segments[1:] == segments[:-1]) & (ordinals[1:] == ordinals[:-1])
    return bool(np.any(same & (near > 0) & (near <= _RECORD_REACH) & (fields[1:] != fields[:-1])))


def _character_offsets(data: bytes) -> Places:
    """Return, for each byte of UTF-8, how many characters begin before it."""
    begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    return np.concatenate(([0], np.cumsum(begins)))


def _own_ends(block: Block) -> range | None:
    """Return the range, in characters, in which the end of this block's matches must lie; None: no limit.

    Blocks overlap where a line is cut, so that nothing is lost at the border; without this range a match in
    the overlap would be counted twice.
    """
    if not (block.repeats or block.held):
        return None
    borders = (block.repeats, len(block.text) - block.held)
    first, last = (len(block.text[:border].decode("utf-8", "ignore")) for border in borders)
    return range(first + 1, last + 1)


def _find_mentions(
    text: str,
    terms: Terms | None,
    line_of: Callable[[int], int],
    *,
    line: int,
    start: int,
    limit: int,
    lookalikes: bool = False,
    own_ends: range | None = None,
) -> list[BlockMention]:
    """Return all mentions, or those whose end lies in `own_ends`.

    The first `limit` of each term get an excerpt, because findings keep no more of them.
    """
    found: list[Mention] = terms.find(text, lookalikes=lookalikes) if terms else []
    found = found if own_ends is None else [mention for mention in found if mention.end in own_ends]
    count_by_term: Counter[int] = Counter()
    mentions = []
    for mention in found:
        count_by_term[mention.term_id] += 1
        wants_excerpt = count_by_term[mention.term_id] <= limit
        words = excerpt(text, mention.start, mention.end) if wants_excerpt else ""
        mentions.append(
            BlockMention(
                mention.term_id,
                line + line_of(mention.start) - 1,
                start + mention.start,
                words,
                mention.nature,
            )
        )
    return mentions


class _Readings(NamedTuple):
    """How a text can be read again: the charset that it was decoded from, and the runner-ups.

    `place_of` returns the line and the place to show for a line's index and its first character.
    """

    charset: str
    runner_ups: Sequence[str]
    place_of: Callable[[int, int], tuple[int, int]]


def _find_in_runner_ups(
    text: str, readings: _Readings, terms: Terms, known: Sequence[BlockMention], limit: int
) -> list[BlockMention]:
    """Return the mentions that the text has in another charset than the one that was chosen.

    A mention must have a character beyond ASCII, because the rest reads alike in all charsets. A term counts
    once per line.
    """
    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    beyond = [(index, line) for index, line in enumerate(lines) if not line.isascii()]
    places = {(mention.term_id, mention.line) for mention in known}
    counts = Counter(mention.term_id for mention in known)
    seen: set[tuple[int, str]] = set(beyond)
    found = []
    for charset in readings.runner_ups:
        again = [(index, _read_again(line, readings.charset, charset)) for index, line in beyond]
        again = [each for each in again if each[1] and each not in seen]
        seen.update(again)
        other = "\n".join(line for _, line in again)
        ends = [match.start() for match in _LINE_END.finditer(other)]
        for mention in terms.find(other):
            index = again[bisect_left(ends, mention.start)][0]
            line, start = readings.place_of(index, starts[index])
            if other[mention.start : mention.end].isascii() or (mention.term_id, line) in places:
                continue
            places.add((mention.term_id, line))
            counts[mention.term_id] += 1
            words = excerpt(other, mention.start, mention.end) if counts[mention.term_id] <= limit else ""
            found.append(BlockMention(mention.term_id, line, start, words, mention.nature))
    return found


def _read_again(line: str, charset: str, other: str) -> str:
    """Return a line in another charset than the one that it was decoded from; "" if that is not possible."""
    try:
        return line.encode(charset).decode(other)
    except UnicodeError:
        return ""
