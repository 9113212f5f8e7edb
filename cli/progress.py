"""The progress bar of a long command. Shown on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Line

from cli.output import console
from matching.sweep import SweepProgress, SweepSource
from text.printable import printable

if TYPE_CHECKING:
    from storage.dumps import DumpProgress

_NAME_CHARS = 40


@dataclass(slots=True)
class ProgressMeter:
    """Bytes read, of `total`. `total` is None if it is unknown, as for archives and standard input."""

    total: int | None
    _line: Line | None = None
    _done: int = 0
    _documents: int = 0
    _again: int | None = None

    @classmethod
    @contextmanager
    def for_sources(cls, sources: Sequence[SweepSource]) -> Iterator[Self]:
        paths = [source for _, source in sources if isinstance(source, Path) and source.is_file()]
        total = sum(path.stat().st_size for path in paths) if len(paths) == len(sources) else None
        if not sys.stderr.isatty():
            yield cls(total)
            return
        columns = (
            TextColumn("{task.description}", markup=False),  # a member's name
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Line(*columns, console=console(sys.stderr), transient=True) as line:
            line.add_task("", total=total)
            yield cls(total, line)

    def show_units(self, progress: DumpProgress) -> None:
        """Show how many bytes of a dump were matched elsewhere."""
        if self._line is None:
            return
        state = "matching" if progress.in_hand else "waiting for a node"
        self._line.update(
            self._line.task_ids[0], completed=progress.done, total=progress.total, description=state
        )

    def show_progress(self, progress: SweepProgress) -> None:
        if self._line is None:
            return
        for read in progress.read[self._documents :]:
            self._done += read.bytes
        self._documents = len(progress.read)
        if progress.again != self._again:
            self._extend_total(progress)
        done = self._done + progress.end
        if self.total is not None and done > self.total:
            self.total = None  # more was read than is on the disk: this is an archive
        name = printable(progress.current)[-_NAME_CHARS:]
        self._line.update(self._line.task_ids[0], completed=done, total=self.total, description=name)

    def _extend_total(self, progress: SweepProgress) -> None:
        """Add a document to the total when it is read a second time."""
        before, self._again = self._again, progress.again
        if before is not None:
            self._done += progress.read[before].bytes
        if self._again is not None and self.total is not None:
            self.total += progress.read[self._again].bytes
