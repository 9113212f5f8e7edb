"""Dumps against everybody's fingerprints: documents are read, and their blocks looked at in threads.

1. A document's first blocks are compared for all companies, until FIRST_LOOK candidates were tried.
2. The rest is compared for those companies alone that hit by then; which ones were left out is said. With
   one company, or no first look, everything is compared.
3. Blocks are taken in their order, whichever thread was faster, so that two sweeps of one dump are the same.
4. After every few seconds what is found so far is handed to `saved`, from which a later sweep goes on.

Scanning, hashing and looking up leave Python's lock, so threads are enough to use all cores.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from matching.comparison import Comparison
from matching.errors import InputChanged
from matching.findings import Findings, Seen, look_at
from matching.inputs import Block, Document, Limits, documents

FIRST_LOOK = 200_000  # candidates of a document
#: Blocks that wait for each thread; so many times half a megabyte are in memory.
_AHEAD = 3
_FIELD = "file"

Source = tuple[str, Path | BinaryIO]


@dataclass(frozen=True, slots=True)
class Read:
    """A document that was read: `outcome` and `sentence` as in inputs.Ending."""

    name: str
    format: str
    charset: str
    outcome: str
    sentence: str
    bytes: int
    rows: int
    left_out: tuple[int, ...] = ()  # companies that the first look showed nothing of


@dataclass(slots=True)
class Progress:
    """How far a sweep is: documents read whole, then the block of the next one that was taken last."""

    read: list[Read] = field(default_factory=list)
    current: str = ""
    end: int = 0
    rows: int = 0
    companies: tuple[int, ...] | None = None  # who is still compared in the current document; None: all
    tried: int = 0  # candidates of its first look
    hit: tuple[int, ...] = ()  # whom the first look has shown something of

    def begin(self, document: str) -> None:
        """Another document, from its first block on."""
        self.current, self.end, self.rows, self.companies, self.tried, self.hit = document, 0, 0, None, 0, ()


@dataclass(slots=True)
class Sweep:
    """`findings` and `progress` may be those of a sweep that was ended: it goes on behind them."""

    findings: Findings
    progress: Progress = field(default_factory=Progress)
    limits: Limits = field(default_factory=Limits)
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    first_look: int = FIRST_LOOK
    saved: Callable[[], None] = lambda: None
    save_every_s: float = 5.0
    heard: Callable[[Progress], None] = lambda _progress: None
    taking: bool = False  # findings and progress don't agree
    _local: threading.local = field(default_factory=threading.local)
    _saved_at: float = field(default_factory=time.monotonic)

    def run(self, sources: Iterable[Source]) -> None:
        """Raises InputRefused for a source that cannot be read at all; everything else is in `progress`."""
        with ThreadPoolExecutor(self.threads, "sweep") as pool:
            for number, document in enumerate(self._documents(sources)):
                if number < len(self.progress.read):
                    self._same(self.progress.read[number].name, document)
                    continue
                if document.name != self.progress.current:
                    self.progress.begin(document.name)
                self._document(pool, number, document)

    def _same(self, name: str, document: Document) -> None:
        if document.name != name:
            raise InputChanged(
                "what is read has changed since the match was ended; begin anew with --restart"
            )

    def _documents(self, sources: Iterable[Source]) -> Iterator[Document]:
        for name, source in sources:
            yield from documents(name, source, self.limits, regions=self._regions)

    @property
    def _regions(self) -> list[str]:
        return list(dict.fromkeys(one.region for one in self.findings.watch.segments)) or ["CN"]

    def _document(self, pool: ThreadPoolExecutor, number: int, document: Document) -> None:
        blocks = document.blocks(after=self.progress.end)
        if self.progress.companies is None:
            self._look_first(blocks, document, number)
        waiting: deque[tuple[Block, Future[Seen]]] = deque()
        for block in blocks:
            waiting.append((block, pool.submit(self._look, document, block)))
            if len(waiting) > _AHEAD * self.threads:
                self._take(document, number, *_finished(waiting))
        while waiting:
            self._take(document, number, *_finished(waiting))
        self._ended(document)

    def _look_first(self, blocks: Iterator[Block], document: Document, number: int) -> None:
        """One block at a time, so that who is left out does not depend on which thread was faster."""
        everybody = sorted({one.company_id for one in self.findings.watch.segments})
        if len(everybody) < 2 or not self.first_look:
            self.progress.companies = tuple(everybody)
            return
        segments = self.findings.watch.segments
        for block in blocks:
            seen = self._look(document, block)
            hit = {segments[index].company_id for index in seen.hits.segments.tolist()}
            self._take(document, number, block, seen, hit=hit)
            if self.progress.tried >= self.first_look:
                self.progress.companies = self.progress.hit
                return

    def _look(self, document: Document, block: Block) -> Seen:
        if not hasattr(self._local, "comparison"):
            self._local.comparison = Comparison(self.findings.watch.segments)
        return look_at(
            block,
            self._local.comparison,
            self.findings.watch.terms if self.findings.watch.by_id else None,
            format=document.format,
            region=self._regions[0],
            limit=self.findings.limit,
            companies=self.progress.companies,
        )

    def _take(
        self, document: Document, number: int, block: Block, seen: Seen, *, hit: Collection[int] = ()
    ) -> None:
        """Count a block, and that it is counted: whoever interrupts in between finds `taking` set."""
        self.taking = True
        self.findings.take(_FIELD, document.name, seen, document=number)
        progress = self.progress
        progress.end = block.end
        progress.rows += seen.filled
        progress.tried += seen.tried.total()
        progress.hit = tuple(sorted({*progress.hit, *hit}))
        self.taking = False
        self.heard(progress)
        if time.monotonic() >= self._saved_at + self.save_every_s:
            self.saved()
            self._saved_at = time.monotonic()

    def _ended(self, document: Document) -> None:
        ending, progress = document.ending, self.progress
        everybody = {one.company_id for one in self.findings.watch.segments}
        left_out = () if progress.companies is None else tuple(sorted(everybody - set(progress.companies)))
        progress.read.append(
            Read(
                document.name,
                document.format,
                document.charset,
                ending.outcome if ending else "",
                ending.sentence if ending else "",
                ending.bytes if ending else 0,
                progress.rows,
                left_out,
            )
        )
        progress.begin("")


def _finished(waiting: deque[tuple[Block, Future[Seen]]]) -> tuple[Block, Seen]:
    block, future = waiting.popleft()
    return block, future.result()
