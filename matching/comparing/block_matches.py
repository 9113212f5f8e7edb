"""What was found in one block of a dump, or in one piece of a listing's text."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np

from matching.comparing.lookup import Hits
from matching.identifiers import Field
from matching.mentions.ordinary import Nature
from matching.scanning.candidates import Places


class BlockMention(NamedTuple):
    """A mention, with its place in the document or in the listing's part; `excerpt` is masked."""

    term_id: int
    line: int
    start: int
    excerpt: str
    nature: Nature = Nature.NAMED


@dataclass(frozen=True, slots=True)
class BlockMatches:
    """The matches of one block or piece. The arrays are as long as the hits."""

    hits: Hits
    rows: Places  # number of the hit's row within the block, from 0 on
    lines: Places  # of the document or part, from 1 on
    starts: Places  # of the document in bytes, or of the part in characters
    row_count: int  # rows of the block, empty ones included
    filled_rows: int  # rows that hold anything
    masked_lines: int = 0  # lines with identifiers that are masked, so that they were not compared
    cut_records: int = 0  # records over several lines that a bound has divided
    candidates: Counter[Field] = field(default_factory=Counter)
    mentions: Sequence[BlockMention] = ()
    columns: Sequence[str] = ()  # of the first hits, in words; "" for a hit outside of any column
    #: Neighbours that are customers, by company and field; only for companies whose control was wanted.
    control_hits: Counter[tuple[int, Field]] = field(default_factory=Counter)
    #: All neighbours that were looked up for these companies.
    control_neighbours: Counter[tuple[int, Field]] = field(default_factory=Counter)


def join_blocks(blocks: Sequence[BlockMatches]) -> BlockMatches:
    """Return the matches of blocks that follow one another as one value, to be counted at once.

    `hits.places` stay those within each block. Only the first block may have mentions, because findings keep
    a block's mentions before its hits. Only the last block may have hits whose column was not looked up.
    """
    if len(blocks) == 1:
        return blocks[0]
    candidates: Counter[Field] = Counter()
    control_hits: Counter[tuple[int, Field]] = Counter()
    control_neighbours: Counter[tuple[int, Field]] = Counter()
    for block in blocks:
        candidates.update(block.candidates)
        control_hits.update(block.control_hits)
        control_neighbours.update(block.control_neighbours)
    hits, places = (
        [np.concatenate(column) for column in zip(*table, strict=True)]
        for table in (
            [block.hits for block in blocks],
            [(block.rows, block.lines, block.starts) for block in blocks],
        )
    )
    row_counts = [block.row_count for block in blocks]
    rows, lines, starts = places
    rows_before = np.repeat(np.cumsum([0, *row_counts[:-1]]), [block.hits.size for block in blocks])
    return BlockMatches(
        hits=Hits(*hits),
        rows=rows_before + rows,
        lines=lines,
        starts=starts,
        row_count=sum(row_counts),
        filled_rows=sum(block.filled_rows for block in blocks),
        masked_lines=sum(block.masked_lines for block in blocks),
        cut_records=sum(block.cut_records for block in blocks),
        candidates=candidates,
        mentions=blocks[0].mentions,
        columns=[*chain.from_iterable(block.columns for block in blocks)],
        control_hits=control_hits,
        control_neighbours=control_neighbours,
    )
