"""The monitor's folder of segment files. The rows of the database say which of them are in use.

A file is added before the row that names it and deleted after that row. So a kill in between leaves at most a
file that no row names, which the next change deletes. One process changes the folder at a time.

With a shared store, the files are there, under names made from their content, and the folder is this
machine's copy: a file is fetched when it is first needed, checked byte by byte, and mapped like any other. A
file is in the shared store before a row names it.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from matching.errors import SegmentDamaged, SegmentMissing, SegmentUnreachable
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
from storage.errors import StoreFailed
from storage.stores.byte_store import ByteStore

LOCK = ".lock"
_CHUNK = 1 << 20
#: Bytes that are fetched with one request.
PIECE = 16 << 20
#: Longest time between storing an object and writing its row.
IMPORT_TIME = timedelta(minutes=10)
#: Characters of a file's digest in its name.
DIGEST_CHARS = 16


class SegmentFolder:
    """`segments_dir`: the folder has mode 0700, its files 0600."""

    def __init__(self, path: Path, shared: ByteStore | None = None) -> None:
        self.path = path
        self.shared = shared

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

        A file of format 1 is written anew in format 2. Raises StoreFailed.
        """
        draft = self._draft(segment.header)
        try:
            if segment.mapped is None:
                sections = {field: [table.records] for field, table in segment.tables.items()}
                write_segment(draft, segment.header, sections)
            else:
                with segment.path.open("rb") as source, atomic_file(draft) as copy:
                    shutil.copyfileobj(source, copy, _CHUNK)
            return self._named_by_content(draft, segment.header.company)
        finally:
            draft.unlink(missing_ok=True)

    def opened(self, names: Mapping[str, str], *, company: str) -> SegmentChain:
        """Open a base and its deltas, in order; `names`: the files with the digests that their rows have.

        Raises SegmentRefused if one of them cannot be used.
        """
        return SegmentChain.of(
            [self.open_one(name, digest, company=company) for name, digest in names.items()]
        )

    def open_one(self, name: str, digest: str, *, company: str) -> MappedSegment:
        """Open a file, which is fetched before if it is not here. Raises SegmentRefused."""
        self.fetch(name, digest, company=company)
        return open_segment(self.path / name, company=company)

    def fetch(self, name: str, digest: str, *, company: str) -> None:
        """Fetch a file from the shared store if it is not here, and verify it. Raises SegmentRefused."""
        target = self.path / name
        if self.shared is None or target.exists():
            return
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        fetched = self.path / f".{secrets.token_hex(8)}{DRAFT_SUFFIX}"
        try:
            self._download(self.shared, name, fetched)
            found = verify_segment(fetched, company=company).digest
            if found != digest and found[:DIGEST_CHARS] not in name:
                raise SegmentDamaged(
                    f"{name} in {self.shared.place} is not what was imported by this name. Import it again."
                )
            fetched.replace(target)
            sync_folder(self.path)
        except OSError as error:
            raise SegmentMissing(f"the segment {name} cannot be written here ({error.strerror})") from None
        finally:
            fetched.unlink(missing_ok=True)

    def share(self, names: Iterable[str]) -> list[str]:
        """Store the files in the shared store that are only here, and return their names. Raises StoreFailed.

        Those are the files of an installation that had no shared store before.
        """
        if self.shared is None:
            return []
        there = {file.name for file in self.shared.list()}
        missing = [name for name in names if name not in there and (self.path / name).exists()]
        for name in missing:
            self.shared.create(name, self.path / name)
        return missing

    def write_merged(self, chain: SegmentChain) -> MappedSegment:
        """Merge base and deltas into a new file and verify it; the old files stay. Raises StoreFailed."""
        draft = self._draft(chain.header)
        try:
            merge_chain(chain, draft)
            name = self._named_by_content(draft, chain.header.company)
        finally:
            draft.unlink(missing_ok=True)
        return open_segment(self.path / name, company=chain.header.company)

    def _draft(self, header: SegmentHeader) -> Path:
        return self.path / f".{header.company}-{secrets.token_hex(8)}{DRAFT_SUFFIX}"

    def _named_by_content(self, draft: Path, company: str) -> str:
        """Verify a new file, share it, and give it its name."""
        segment = verify_segment(draft, company=company)
        name = file_name(segment.header, segment.digest)
        if self.shared is not None:
            self.shared.create(name, draft)
        draft.replace(self.path / name)
        sync_folder(self.path)
        return name

    def _download(self, shared: ByteStore, name: str, target: Path) -> None:
        """Copy a file from the shared store in pieces: a segment may be larger than the memory."""
        try:
            size = shared.size(name)
            if size is None:
                raise SegmentMissing(f"the segment {name} is not in {shared.place}. Import it again.")
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for offset in range(0, size, PIECE):
                    file.write(shared.read(name, offset, min(PIECE, size - offset)))
                file.flush()
                os.fsync(file.fileno())
        except StoreFailed as error:
            raise SegmentUnreachable(f"the segment {name} cannot be fetched: {error}") from None

    def delete_unnamed(self, named: Callable[[], set[str]], *, shared: bool = True) -> list[str]:
        """Delete the files that no row names, with `shared` in the shared store, too; return their names.

        `named` returns the names in the rows. It is called under the lock, because another process could
        have added a file whose row is not written yet. Raises StoreFailed.
        """
        if not self.path.is_dir() and self.shared is None:
            return []
        with self.locked():
            in_use = named()
            unnamed = [
                path
                for path in self.path.iterdir()
                if _is_segment_or_draft(path.name) and path.name not in in_use
            ]
            names = {path.name for path in unnamed}
            if shared and self.shared is not None:
                # First: they may hold erased customers, and without the copies nobody would look for them.
                names |= self._delete_unnamed_objects(self.shared, in_use, names)
            for path in unnamed:
                path.unlink(missing_ok=True)
            if unnamed:
                sync_folder(self.path)
        return sorted(names)

    def _delete_unnamed_objects(self, shared: ByteStore, in_use: set[str], here: set[str]) -> set[str]:
        """Delete the objects that no row names, except new ones: another machine may be importing them.

        `here`: files of this machine that no row names. Returns the names of the deleted objects.
        """
        deleted = set()
        before = datetime.now(UTC) - IMPORT_TIME
        for file in list(shared.list()):
            unneeded = file.name.endswith(SUFFIX) and file.name not in in_use
            if unneeded and (file.name in here or file.changed_at < before):
                shared.delete(file.name)
                deleted.add(file.name)
        return deleted


def file_name(header: SegmentHeader, digest: str) -> str:
    return f"{header.company}-{header.sequence}-{digest[:DIGEST_CHARS]}{SUFFIX}"


def _is_segment_or_draft(name: str) -> bool:
    return name.endswith((SUFFIX, DRAFT_SUFFIX))
