"""The monitor's folder of segment files. Which of them count is what the database's rows say.

A file comes into the folder before the row that names it and leaves it after: whoever is killed in between
leaves a file that no row names, which the next change sweeps away. One process changes the folder at a time.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matching.fingerprints.segments import (
    SUFFIX,
    MappedSegment,
    SegmentChain,
    SegmentHeader,
    merge_chain,
    open_segment,
    verify_segment,
    write_segment,
)
from matching.fingerprints.segments.build import drafted, sync_folder

LOCK = ".lock"
_CHUNK = 1 << 20


class SegmentFolder:
    """`segments_dir`: mode 0700, its files 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Waits for whoever else is changing the folder."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def take_in(self, segment: MappedSegment) -> str:
        """Copy a verified file, under a name that its content decides, and verify the copy; returns the name.

        One of format 1 is written anew in format 2.
        """
        name = name_of(segment.header, segment.digest)
        target = self.path / name
        if segment.mapped is None:
            sections = {field: [table.records] for field, table in segment.tables.items()}
            write_segment(target, segment.header, sections)
        else:
            with segment.path.open("rb") as source, drafted(target) as copy:
                shutil.copyfileobj(source, copy, _CHUNK)
        verify_segment(target, company=segment.header.company)
        return name

    def opened(self, names: list[str], *, company: str) -> SegmentChain:
        """Base and deltas; raises SegmentRefused."""
        return SegmentChain.of([open_segment(self.path / name, company=company) for name in names])

    def merged(self, chain: SegmentChain) -> MappedSegment:
        """Base and deltas in one new file, which is verified; the old ones stay."""
        draft = self.path / name_of(chain.header, f"merged{chain.header.id}")
        merge_chain(chain, draft)
        return verify_segment(draft, company=chain.header.company)

    def sweep(self, named: Callable[[], set[str]]) -> list[str]:
        """Delete the files that no row names, while nobody changes the folder; returns their names.

        `named` is asked once nobody can be between file and row.
        """
        if not self.path.is_dir():
            return []
        with self.changing():
            counting = named()
            gone = [path for path in self.path.iterdir() if _is_ours(path.name) and path.name not in counting]
            for path in gone:
                path.unlink(missing_ok=True)
            if gone:
                sync_folder(self.path)
        return [path.name for path in gone]


def name_of(header: SegmentHeader, digest: str) -> str:
    return f"{header.company}-{header.sequence}-{digest[:16]}{SUFFIX}"


def _is_ours(name: str) -> bool:
    """A segment, or a draft of one."""
    return name.endswith((SUFFIX, ".part"))
