"""Dumps against everybody's fingerprints: documents are read, and their blocks looked at in threads.

1. A document's first blocks are compared for all companies, until FIRST_LOOK candidates were tried. Who shows
   something there (`first_look`) is compared with the rest. With one company, or no first look, everything
   is compared, as is what cannot be read twice, such as standard input.
2. One block in AGAIN of the rest is looked at for the others too. Who shows something there is compared
   with all that was left out, in a second reading of the source; for whom nothing was seen, that is said.
3. Blocks are taken in their order, whichever thread was faster, so that two sweeps of one dump are the same,
   and several at once.
4. After every few seconds what is found so far is handed to `saved`, from which a later sweep goes on.

Scanning, hashing and looking up leave Python's lock, so threads are enough to use all cores.
"""

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from matching.comparing.block import BlockMatches, join_blocks, match_block
from matching.comparing.findings import Findings
from matching.comparing.first_look import AGAIN, FIRST_LOOK, LeftOut, Looks
from matching.comparing.lookup import Comparison
from matching.errors import InputChanged
from matching.inputs import Block, Document, Limits, documents
from matching.inputs.outcomes import WHOLE

#: Blocks that wait for each thread; so many times half a megabyte are in memory.
_AHEAD = 3
#: What was seen in blocks is counted together, for that takes about as long as for one of them: so many hits
#: and so many seconds at a time, about.
_HITS_TOGETHER = 1 << 12
_TOGETHER_S = 0.1
_FIELD = "file"

SweepSource = tuple[str, Path | BinaryIO]


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """A document that was read: `outcome` and `sentence` as in inputs.Ending."""

    name: str
    format: str
    charset: str
    outcome: str
    sentence: str
    bytes: int
    rows: int
    left_out: tuple[LeftOut, ...] = ()
    owed: tuple[int, ...] = ()  # companies that the rest behind `looked_until` is to be compared for
    looked_until: int = 0  # the block that ended the first look
    nobody: bool = False  # the rest was compared for no company


@dataclass(slots=True)
class SweepProgress:
    """How far a sweep is: documents read whole, then the block of the next one that was taken last."""

    read: list[DocumentRead] = field(default_factory=list)
    current: str = ""
    end: int = 0
    rows: int = 0
    companies: tuple[int, ...] | None = None  # who is compared with the current document; None: all
    looks: Looks = field(default_factory=Looks)  # for those who are not
    looked_until: int = 0
    blocks: int = 0  # behind the first look
    again: int | None = None  # the number of the document that is read a second time

    def begin(self, document: str, *, again: int | None = None, end: int = 0) -> None:
        """Another document, from its first block on, or behind `end`."""
        self.current, self.again, self.end = document, again, end
        self.rows, self.companies, self.looks, self.looked_until, self.blocks = 0, None, Looks(), 0, 0


class _Looked(NamedTuple):
    """A block that ends at `end`, for those that it is compared for, and for those for whom it only shows
    whether to.
    """

    end: int
    seen: BlockMatches
    look: BlockMatches | None = None


@dataclass(slots=True)
class Sweep:
    """`findings` and `progress` may be those of a sweep that was ended: it goes on behind them."""

    findings: Findings
    progress: SweepProgress = field(default_factory=SweepProgress)
    limits: Limits = field(default_factory=Limits)
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    first_look: int = FIRST_LOOK
    saved: Callable[[], None] = lambda: None
    save_every_s: float = 5.0
    heard: Callable[[SweepProgress], None] = lambda _progress: None
    taking: bool = False  # findings and progress don't agree
    _local: threading.local = field(default_factory=threading.local)
    _saved_at: float = field(default_factory=time.monotonic)
    _taken_at: float = field(default_factory=time.monotonic)

    def run(self, sources: Iterable[SweepSource]) -> None:
        """Raises InputRefused for a source that cannot be read at all; everything else is in `progress`."""
        number = 0
        with ThreadPoolExecutor(self.threads, "sweep") as pool:
            for name, source in sources:
                first = number
                for document in self._documents(name, source):
                    if number < len(self.progress.read):
                        self._same(number, document)
                    else:
                        if document.name != self.progress.current:
                            self.progress.begin(document.name)
                        self._document(pool, number, document, looks=self._looks(source))
                    number += 1
                self._second_reading(pool, name, source, first)

    def _same(self, number: int, document: Document | None) -> None:
        if document is None or document.name != self.progress.read[number].name:
            raise InputChanged(
                "what is read has changed since the match was ended; begin anew with --restart"
            )

    def _documents(self, name: str, source: Path | BinaryIO) -> Iterator[Document]:
        return documents(name, source, self.limits, regions=self._regions)

    @property
    def _regions(self) -> list[str]:
        return list(dict.fromkeys(one.region for one in self.findings.watch.segments)) or ["CN"]

    @property
    def _everybody(self) -> tuple[int, ...]:
        return tuple(sorted({one.company_id for one in self.findings.watch.segments}))

    def _looks(self, source: Path | BinaryIO) -> bool:
        """Whether some may be left out: only what can be read again is looked at first."""
        again = isinstance(source, Path) and (source.is_file() or source.is_dir())
        return again and self.first_look > 0 and len(self._everybody) > 1

    def _document(self, pool: ThreadPoolExecutor, number: int, document: Document, *, looks: bool) -> None:
        progress = self.progress
        blocks = document.blocks(after=progress.end, rows=progress.rows)
        if progress.companies is None:
            if looks:
                self._look_first(blocks, document, number)
            else:
                progress.companies = self._everybody
        count = itertools.count(progress.blocks)
        submitted = (
            pool.submit(self._look, document, block, self._to_look_for(nth))
            for nth, block in zip(count, blocks, strict=False)
        )
        for looked in self._together(self._in_order(submitted)):
            self._take(document, number, looked)
        self._ended(document)

    def _in_order(self, submitted: Iterable[Future[_Looked]]) -> Iterator[_Looked]:
        """What was seen in blocks, while so many others are being looked at."""
        waiting: deque[Future[_Looked]] = deque()
        for one in submitted:
            waiting.append(one)
            if len(waiting) > _AHEAD * self.threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _together(self, looked: Iterable[_Looked]) -> Iterator[Sequence[_Looked]]:
        """Yield blocks that are counted as one, as far as `join_blocks` allows: a block that was matched for
        other companies ends the group, because its result decides about the next block.
        """
        blocks: list[_Looked] = []
        hits = 0
        for one in looked:
            if blocks and one.seen.mentions:
                yield blocks
                blocks, hits = [], 0
            blocks.append(one)
            hits += one.seen.hits.size
            whole = len(one.seen.columns) == one.seen.hits.size
            if one.look is not None or hits >= _HITS_TOGETHER or not whole or self._due():
                yield blocks
                blocks, hits = [], 0
        if blocks:
            yield blocks

    def _due(self) -> bool:
        return time.monotonic() >= self._taken_at + min(_TOGETHER_S, self.save_every_s)

    def _look_first(self, blocks: Iterator[Block], document: Document, number: int) -> None:
        """One block at a time, so that who is left out does not depend on which thread was faster."""
        progress = self.progress
        for block in blocks:
            wanted = self._to_look_for(0)
            seen = self._seen(document, block, None, control=wanted)
            self._take(document, number, [_Looked(block.end, seen)], look=wanted)
            if progress.looks.tried.total() >= self.first_look:
                progress.companies = tuple(sorted(progress.looks.found))
                progress.looked_until = block.end
                return

    def _to_look_for(self, nth: int) -> tuple[int, ...]:
        """Companies that a block is looked at for, but not compared; `nth` behind the first look."""
        if nth % AGAIN:
            return ()
        known = {*(self.progress.companies or ()), *self.progress.looks.found}
        return tuple(company for company in self._everybody if company not in known)

    def _look(self, document: Document, block: Block, look: Collection[int]) -> _Looked:
        seen = self._seen(document, block, self.progress.companies)
        if not look:
            return _Looked(block.end, seen)
        return _Looked(block.end, seen, self._seen(document, block, look, control=look, terms=False))

    def _look_again(self, document: Document, block: Block, companies: Collection[int]) -> _Looked:
        return _Looked(block.end, self._seen(document, block, companies, terms=False))

    def _seen(
        self,
        document: Document,
        block: Block,
        companies: Collection[int] | None,
        *,
        control: Collection[int] = (),
        terms: bool = True,
    ) -> BlockMatches:
        if not hasattr(self._local, "comparison"):
            self._local.comparison = Comparison(self.findings.watch.segments)
        return match_block(
            block,
            self._local.comparison,
            self.findings.watch.terms if terms and self.findings.watch.by_id else None,
            format=document.format,
            region=self._regions[0],
            limit=self.findings.limit,
            companies=companies,
            control=control,
        )

    def _take(
        self, document: Document, number: int, looked: Sequence[_Looked], *, look: Collection[int] = ()
    ) -> None:
        """Count blocks, and that they are counted: whoever interrupts in between finds `taking` set.

        `look`: for whom the first look is, where this is one.
        """
        progress, last = self.progress, looked[-1]
        seen = join_blocks([one.seen for one in looked])
        spared = () if progress.companies is None else set(self._everybody) - set(progress.companies)
        self.taking = True
        self.findings.take(_FIELD, document.name, seen, document=number, spared=spared)
        progress.end = last.end
        progress.rows += seen.filled
        progress.blocks += 0 if progress.companies is None else len(looked)
        if look or last.look is not None:
            segments = self.findings.watch.segments
            progress.looks.add(last.look or last.seen, look or self._to_look_for(0), segments)
        self.taking = False
        self._kept()

    def _kept(self) -> None:
        self._taken_at = time.monotonic()
        self.heard(self.progress)
        if time.monotonic() >= self._saved_at + self.save_every_s:
            self.saved()
            self._saved_at = time.monotonic()

    def _ended(self, document: Document) -> None:
        ending, progress, segments = document.ending, self.progress, self.findings.watch.segments
        compared = self._everybody if progress.companies is None else progress.companies
        spared = [company for company in self._everybody if company not in compared]
        found = progress.looks.found
        progress.read.append(
            DocumentRead(
                document.name,
                document.format,
                document.charset,
                ending.outcome if ending else "",
                ending.sentence if ending else "",
                ending.bytes if ending else 0,
                progress.rows,
                left_out=tuple(progress.looks.left_out(one, segments) for one in spared if one not in found),
                owed=tuple(one for one in spared if one in found),
                looked_until=progress.looked_until,
                nobody=not compared,
            )
        )
        progress.begin("")

    def _second_reading(
        self, pool: ThreadPoolExecutor, name: str, source: Path | BinaryIO, first: int
    ) -> None:
        """The documents from number `first` on, for those that only a later look has shown something of."""
        progress = self.progress
        owed = [number for number, read in enumerate(progress.read) if number >= first and read.owed]
        if not owed:
            return
        numbered = enumerate(self._documents(name, source), first)
        for number in owed:
            document = next((document for at, document in numbered if at == number), None)
            self._same(number, document)
            if document is not None:
                self._read_again(pool, number, document)

    def _read_again(self, pool: ThreadPoolExecutor, number: int, document: Document) -> None:
        progress, read = self.progress, self.progress.read[number]
        if progress.again != number:
            progress.begin(document.name, again=number, end=read.looked_until)
        left_out = [one.company for one in read.left_out]
        submitted = (
            pool.submit(self._look_again, document, block, read.owed)
            for block in document.blocks(after=progress.end)
        )
        for looked in self._together(self._in_order(submitted)):
            self.taking = True
            self.findings.take_later(
                document.name,
                join_blocks([one.seen for one in looked]),
                document=number,
                companies=read.owed,
                spared=left_out if read.nobody else None,
            )
            progress.end = looked[-1].end
            self.taking = False
            self._kept()
        progress.read[number] = _settled(read, document)
        progress.begin("")


def _settled(read: DocumentRead, document: Document) -> DocumentRead:
    """Nothing is owed; if less could be read this time, that is how it ended."""
    ending = document.ending
    if ending is None or ending.outcome == WHOLE or read.outcome != WHOLE:
        return replace(read, owed=())
    return replace(read, owed=(), outcome=ending.outcome, sentence=ending.sentence)
