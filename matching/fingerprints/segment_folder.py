"""The monitor's folder of segment files. The rows of the database say which of them are in use.

A file is added before the row that names it and deleted after that row. So a kill in between leaves at most a
file that no row names, which the next change deletes. One process changes the folder at a time.
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
from matching.fingerprints.segments.atomic_files import DRAFT_SUFFIX, atomic_file, sync_folder

LOCK = ".lock"
_CHUNK = 1 << 20


class SegmentFolder:
    """`segments_dir`: the folder has mode 0700, its files 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for changes; wait while another process holds the lock."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def copy_in(self, segment: MappedSegment) -> str:
        """Copy a verified file under a name made from its content, verify the copy, and return the name.

        A file of format 1 is written anew in format 2.
        """
        name = file_name(segment.header, segment.digest)
        target = self.path / name
        if segment.mapped is None:
            sections = {field: [table.records] for field, table in segment.tables.items()}
            write_segment(target, segment.header, sections)
        else:
            with segment.path.open("rb") as source, atomic_file(target) as copy:
                shutil.copyfileobj(source, copy, _CHUNK)
        verify_segment(target, company=segment.header.company)
        return name

    def opened(self, names: list[str], *, company: str) -> SegmentChain:
        """Open a base and its deltas, in order; raise SegmentRefused if one of them cannot be used."""
        return SegmentChain.of([open_segment(self.path / name, company=company) for name in names])

    def write_merged(self, chain: SegmentChain) -> MappedSegment:
        """Merge base and deltas into a new file and verify it; the old files stay."""
        draft = self.path / file_name(chain.header, f"merged{chain.header.id}")
        merge_chain(chain, draft)
        return verify_segment(draft, company=chain.header.company)

    def delete_unnamed(self, named: Callable[[], set[str]]) -> list[str]:
        """Delete the files that no row names; return their names.

        `named` returns the names in the rows. It is called under the lock, because another process could
        have added a file whose row is not written yet.
        """
        if not self.path.is_dir():
            return []
        with self.locked():
            in_use = named()
            unnamed = [
                path
                for path in self.path.iterdir()
                if _is_segment_or_draft(path.name) and path.name not in in_use
            ]
            for path in unnamed:
                path.unlink(missing_ok=True)
            if unnamed:
                sync_folder(self.path)
        return [path.name for path in unnamed]


def file_name(header: SegmentHeader, digest: str) -> str:
    return f"{header.company}-{header.sequence}-{digest[:16]}{SUFFIX}"


def _is_segment_or_draft(name: str) -> bool:
    return name.endswith((SUFFIX, DRAFT_SUFFIX))
