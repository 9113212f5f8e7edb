"""A sweep: compare the documents of dumps with everything that is watched, in threads.

1. Compare a document's first blocks for all companies, until FIRST_LOOK candidates were compared. Compare the
   rest for the companies of which something was seen there (`first_look`). With one company, or without a
   first look, compare everything in full; the same for what cannot be read twice, such as standard input.
2. Look at one block in LOOK_INTERVAL of the rest for the other companies, too. If something of a company is
   seen there, read the source a second time and compare that company with all blocks that were left out. The
   companies of which nothing was seen are named in the answer.
3. Count blocks in their order, whichever thread was faster, so that two sweeps of one dump give the same
   answer. Several blocks are counted at once.
4. Every few seconds call `on_checkpoint`, which keeps what was found so far; a later sweep goes on from
   there.

Threads use all cores, because scanning, hashing and looking up release Python's lock.
"""

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from matching.comparing.block import match_block
from matching.comparing.block_matches import BlockMatches, join_blocks
from matching.comparing.canary_sightings import companies_with_canaries
from matching.comparing.findings import Findings
from matching.comparing.first_look import FIRST_LOOK, LOOK_INTERVAL, LeftOut, LookCounts, LookedBlock
from matching.comparing.lookup import Comparison
from matching.errors import InputChanged
from matching.fingerprints.segments import SegmentPurpose
from matching.inputs import Block, Document, Limits, documents
from matching.inputs.outcomes import WHOLE

#: Blocks per thread that wait for their turn, so that no thread is idle while one is slow. Each takes half a
#: megabyte of memory, and more for its matches.
_BLOCKS_AHEAD = 3
#: Hits and seconds that are counted at once, about. Counting many blocks takes about as long as counting one:
#: most of it is the fixed cost of numpy's calls.
_HITS_AT_ONCE = 1 << 12
_SECONDS_AT_ONCE = 0.1
#: One block in so many, from the first on, gets a control for the companies with which it is compared.
_CONTROL_INTERVAL = 32
#: The name of the only field that a dump has, where a listing has a title, a body, ...
_FIELD = "file"

SweepSource = tuple[str, Path | BinaryIO]


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """A document that was read: `outcome` and `sentence` say how reading it ended."""

    name: str
    format: str
    charset: str
    outcome: str
    sentence: str
    bytes: int
    rows: int
    masked_rows: int = 0  # with identifiers that are masked, so that they were not compared
    left_out: tuple[LeftOut, ...] = ()
    read_again_for: tuple[int, ...] = ()  # companies that a later look found: compare the rest with them
    first_look_end: int = 0  # the `end` of the block that ended the first look
    rest_left_out: bool = False  # the rest was compared for no company

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "DocumentRead":
        left_out = tuple(LeftOut(**one) for one in state["left_out"])
        return cls(**{**state, "left_out": left_out, "read_again_for": tuple(state["read_again_for"])})

    def after_second_reading(self, document: Document) -> "DocumentRead":
        """Return the new state; if less of the document could be read this time, that is its outcome."""
        ending = document.ending
        if ending is None or ending.outcome == WHOLE or self.outcome != WHOLE:
            return replace(self, read_again_for=())
        return replace(self, read_again_for=(), outcome=ending.outcome, sentence=ending.sentence)


@dataclass(slots=True)
class SweepProgress:
    """How far a sweep is: the documents read to their end, and the last block counted of the next one."""

    read: list[DocumentRead] = field(default_factory=list)
    current: str = ""  # name of the next document
    end: int = 0  # of the last block
    rows: int = 0  # up to there
    masked_rows: int = 0  # of them, with masked identifiers
    companies: tuple[int, ...] | None = None  # compared with the current document; None: first look, or all
    looks: LookCounts = field(default_factory=LookCounts)  # for the other companies
    first_look_end: int = 0
    blocks: int = 0  # behind the first look
    again: int | None = None  # number of the document that is read a second time

    def begin(self, document: str, *, again: int | None = None, end: int = 0) -> None:
        """Begin another document, from its first block on, or behind `end`."""
        self.current, self.again, self.end = document, again, end
        self.rows, self.masked_rows, self.companies, self.looks = 0, 0, None, LookCounts()
        self.first_look_end, self.blocks = 0, 0


class _MatchedBlock(NamedTuple):
    """A block's matches. `look`: those for companies with which it is only looked at, if it is."""

    end: int
    matches: BlockMatches
    look: BlockMatches | None = None


@dataclass(slots=True)
class Sweep:
    """A sweep. `findings` and `progress` may be those of an interrupted sweep, which then goes on."""

    findings: Findings
    progress: SweepProgress = field(default_factory=SweepProgress)
    limits: Limits = field(default_factory=Limits)
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    first_look: int = FIRST_LOOK
    on_checkpoint: Callable[[], None] = lambda: None  # called to keep what was found so far
    save_every_s: float = 5.0
    on_progress: Callable[[SweepProgress], None] = lambda _progress: None  # called after blocks were counted
    in_block: bool = False  # True while blocks are counted: findings and progress do not agree
    looked: list[LookedBlock] | None = None  # looks are kept here, for somebody else who adds them up
    _local: threading.local = field(default_factory=threading.local)
    _saved_at: float = field(default_factory=time.monotonic)
    _counted_at: float = field(default_factory=time.monotonic)

    def run(self, sources: Iterable[SweepSource]) -> None:
        """Compare all documents of all sources.

        Raises InputRefused for a source that cannot be read at all, and InputChanged for one that is not what
        the interrupted sweep has read. How each document ended is in `progress`.
        """
        number = 0
        with self.pool() as pool:
            for name, source in sources:
                first, first_look = number, self.has_first_look(source)
                number = self.read_documents(pool, self._documents(name, source), number, first_look)
                self.read_second_time(pool, partial(self._documents, name, source), first)

    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, "sweep")

    def read_documents(
        self, pool: ThreadPoolExecutor, found: Iterable[Document], number: int, first_look: bool
    ) -> int:
        """Compare documents, the first of which has this number; return the next number.

        `first_look`: companies may be left out, because the documents can be read a second time.
        """
        for document in found:
            if number < len(self.progress.read):
                self._check_unchanged(number, document)
            else:
                if document.name != self.progress.current:
                    self.progress.begin(document.name)
                self._compare_document(pool, number, document, first_look=first_look)
            number += 1
        return number

    def _check_unchanged(self, number: int, document: Document | None) -> None:
        known = self.progress.read[number].name
        if document is None or document.name != known:
            found = "nothing" if document is None else document.name
            raise InputChanged(
                f"where {known} was when the match was interrupted, there is {found} now; "
                "start from the beginning with --restart"
            )

    def _documents(self, name: str, source: Path | BinaryIO) -> Iterator[Document]:
        return documents(name, source, self.limits, regions=self.regions)

    @property
    def regions(self) -> list[str]:
        return list(dict.fromkeys(watched.region for watched in self.findings.watch.segments)) or ["CN"]

    @property
    def all_companies(self) -> tuple[int, ...]:
        """The companies whose people are compared, or left out. Canaries are always compared."""
        segments = self.findings.watch.segments
        people = {one.company_id for one in segments if one.purpose is not SegmentPurpose.CANARIES}
        return tuple(sorted(people or {one.company_id for one in segments}))

    def has_first_look(self, source: Path | BinaryIO) -> bool:
        """Return whether companies may be left out: only where the source can be read a second time."""
        can_be_read_again = isinstance(source, Path) and (source.is_file() or source.is_dir())
        return can_be_read_again and self.first_look > 0 and len(self.all_companies) > 1

    # --- one document

    def _compare_document(
        self, pool: ThreadPoolExecutor, number: int, document: Document, *, first_look: bool
    ) -> None:
        progress = self.progress
        blocks = document.blocks(after=progress.end, rows=progress.rows)
        self.begin_document(document, number, blocks, first_look=first_look)
        self.compare_rest(pool, document, number, blocks)
        self.finish_document(document)

    def begin_document(
        self, document: Document, number: int, blocks: Iterator[Block], *, first_look: bool
    ) -> None:
        """Decide with which companies the blocks are compared; a first look compares the first of them."""
        if self.progress.companies is None:
            if first_look:
                self._look_at_first_blocks(blocks, document, number)
            else:
                self.progress.companies = self.all_companies

    def compare_rest(
        self, pool: ThreadPoolExecutor, document: Document, number: int, blocks: Iterator[Block]
    ) -> None:
        """Compare the blocks behind the first look, of which `progress.blocks` were compared before."""
        # A sweep that goes on looks at the same blocks as one that was not interrupted.
        count = itertools.count(self.progress.blocks)
        submitted = (
            pool.submit(self._match_rest, document, block, index, self.companies_to_look_for(index))
            for index, block in zip(count, blocks, strict=False)
        )
        for group in self._groups_to_count(self._results_in_order(submitted)):
            self._count_group(document, number, group)

    def _look_at_first_blocks(self, blocks: Iterator[Block], document: Document, number: int) -> None:
        """Compare blocks for all companies until the first look is complete.

        One block at a time, without threads: otherwise the number of blocks that were compared, and with it
        who is left out, would depend on which thread was faster.
        """
        progress = self.progress
        for block in blocks:
            companies = self._companies_not_found()
            matches = self._match_block(document, block, None, control=companies)
            self._count_group(document, number, [_MatchedBlock(block.end, matches)], first_look=companies)
            if progress.looks.candidates.total() >= self.first_look:
                progress.companies = tuple(sorted(progress.looks.found))
                progress.first_look_end = block.end
                return

    def companies_to_look_for(self, index: int) -> tuple[int, ...]:
        """Return the companies for which block `index` behind the first look is only looked at.

        Those that an earlier look found stay among them: whom a block is looked at for depends on nothing
        that was found in other blocks, so that the looks of a document can be made anywhere.
        """
        if index % LOOK_INTERVAL:
            return ()
        compared = self.progress.companies or ()
        return tuple(company for company in self.all_companies if company not in compared)

    def _companies_not_found(self) -> tuple[int, ...]:
        return tuple(one for one in self.all_companies if one not in self.progress.looks.found)

    def _match_rest(
        self, document: Document, block: Block, index: int, look: Collection[int]
    ) -> _MatchedBlock:
        """Match block number `index` behind the first look, in any thread.

        `look`: companies for which it is looked at.
        """
        control = () if index % _CONTROL_INTERVAL else self.progress.companies or ()
        matches = self._match_block(document, block, self.progress.companies, control=control)
        if not look:
            return _MatchedBlock(block.end, matches)
        looked = self._match_block(document, block, look, control=look, terms=False)
        return _MatchedBlock(block.end, matches, looked)

    def _match_block(
        self,
        document: Document,
        block: Block,
        companies: Collection[int] | None,
        *,
        control: Collection[int] = (),
        terms: bool = True,
    ) -> BlockMatches:
        if not hasattr(self._local, "comparison"):  # one per thread: a scanner owns its buffers
            self._local.comparison = Comparison(self.findings.watch.segments)
        return match_block(
            block,
            self._local.comparison,
            self.findings.watch.terms if terms and self.findings.watch.by_id else None,
            format=document.format,
            region=self.regions[0],
            limit=self.findings.limit,
            companies=companies,
            control=control,
        )

    # --- counting, in the blocks' order

    def _results_in_order(self, submitted: Iterable[Future[_MatchedBlock]]) -> Iterator[_MatchedBlock]:
        """Yield the results in their order, while the blocks behind them are matched.

        `submitted` is consumed only so far ahead, which bounds the memory of blocks that wait.
        """
        waiting: deque[Future[_MatchedBlock]] = deque()
        for future in submitted:
            waiting.append(future)
            if len(waiting) > _BLOCKS_AHEAD * self.threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _groups_to_count(self, matched: Iterable[_MatchedBlock]) -> Iterator[Sequence[_MatchedBlock]]:
        """Yield groups of blocks that are counted at once, within the limits of `join_blocks`.

        A block that was looked at for other companies ends its group, because what was seen decides which
        companies the next look is for.
        """
        group: list[_MatchedBlock] = []
        hits = 0
        for block in matched:
            if group and block.matches.mentions:
                yield group
                group, hits = [], 0
            group.append(block)
            hits += block.matches.hits.size
            all_columns = len(block.matches.columns) == block.matches.hits.size
            if block.look is not None or hits >= _HITS_AT_ONCE or not all_columns or self._is_time_to_count():
                yield group
                group, hits = [], 0
        if group:
            yield group

    def _is_time_to_count(self) -> bool:
        return time.monotonic() >= self._counted_at + min(_SECONDS_AT_ONCE, self.save_every_s)

    def _count_group(
        self,
        document: Document,
        number: int,
        group: Sequence[_MatchedBlock],
        *,
        first_look: Collection[int] = (),
    ) -> None:
        """Count blocks and move `progress` behind them; `first_look`: the companies whose first look this is.

        `in_block` is set meanwhile. If Ctrl-C comes between, findings and progress do not agree, and they
        must not be saved: blocks would be counted twice, or not at all.
        """
        progress, last = self.progress, group[-1]
        matches = join_blocks([block.matches for block in group])
        left_out = () if progress.companies is None else set(self.all_companies) - set(progress.companies)
        self.in_block = True
        if first_look or last.look is not None:
            segments = self.findings.watch.segments
            companies = first_look or self.companies_to_look_for(0)
            looked = LookedBlock.of(last.look or last.matches, segments)
            if self.looked is None:
                progress.looks.add_block(looked, companies, segments)
            else:
                self.looked.append(looked)
        self.findings.count_block(_FIELD, document.name, matches, document=number, left_out=left_out)
        # Where a canary is, customers may be: the company is compared with the whole document.
        progress.looks.found |= companies_with_canaries(matches, self.findings.watch.segments)
        progress.end = last.end
        progress.rows += matches.filled_rows
        progress.masked_rows += matches.masked_lines
        progress.blocks += 0 if progress.companies is None else len(group)
        self.in_block = False
        self._report_progress()

    def _report_progress(self) -> None:
        self._counted_at = time.monotonic()
        self.on_progress(self.progress)
        if time.monotonic() >= self._saved_at + self.save_every_s:
            self.on_checkpoint()
            self._saved_at = time.monotonic()

    def finish_document(self, document: Document) -> None:
        ending, progress, segments = document.ending, self.progress, self.findings.watch.segments
        compared = self.all_companies if progress.companies is None else progress.companies
        others = [company for company in self.all_companies if company not in compared]
        found = progress.looks.found
        left_out = (progress.looks.left_out(one, segments) for one in others if one not in found)
        progress.read.append(
            DocumentRead(
                document.name,
                document.format,
                document.charset,
                ending.outcome if ending else "",
                ending.sentence if ending else "",
                ending.bytes if ending else 0,
                progress.rows,
                progress.masked_rows,
                left_out=tuple(left_out),
                read_again_for=tuple(one for one in others if one in found),
                first_look_end=progress.first_look_end,
                rest_left_out=not compared,
            )
        )
        progress.begin("")

    # --- the second reading

    def read_second_time(
        self, pool: ThreadPoolExecutor, documents_again: Callable[[], Iterable[Document]], first: int
    ) -> None:
        """Read documents again, from number `first` on, for companies that a later look found."""
        read = self.progress.read
        wanted = [number for number in range(first, len(read)) if read[number].read_again_for]
        if not wanted:
            return
        numbered = enumerate(documents_again(), first)
        for number in wanted:
            document = next((document for at, document in numbered if at == number), None)
            self._check_unchanged(number, document)
            if document is not None:
                self._compare_again(pool, number, document)

    def _compare_again(self, pool: ThreadPoolExecutor, number: int, document: Document) -> None:
        """Compare the blocks behind the first look; in the first look all companies were compared."""
        progress, read = self.progress, self.progress.read[number]
        if progress.again != number:
            progress.begin(document.name, again=number, end=read.first_look_end)
        left_out = [one.company for one in read.left_out] if read.rest_left_out else None
        self.compare_blocks_again(
            pool,
            document,
            number,
            document.blocks(after=progress.end),
            companies=read.read_again_for,
            left_out=left_out,
        )
        progress.read[number] = read.after_second_reading(document)
        progress.begin("")

    def compare_blocks_again(
        self,
        pool: ThreadPoolExecutor,
        document: Document,
        number: int,
        blocks: Iterable[Block],
        *,
        companies: Collection[int],
        left_out: Collection[int] | None,
    ) -> None:
        """Compare blocks that were compared without these companies before; see `count_second_reading`."""
        submitted = (pool.submit(self._match_again, document, block, companies) for block in blocks)
        for group in self._groups_to_count(self._results_in_order(submitted)):
            self.in_block = True
            self.findings.count_second_reading(
                document.name,
                join_blocks([block.matches for block in group]),
                document=number,
                companies=companies,
                left_out=left_out,
            )
            self.progress.end = group[-1].end
            self.in_block = False
            self._report_progress()

    def _match_again(self, document: Document, block: Block, companies: Collection[int]) -> _MatchedBlock:
        """Match a block in the second reading; its mentions were found in the first one."""
        return _MatchedBlock(block.end, self._match_block(document, block, companies, terms=False))
