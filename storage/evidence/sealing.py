"""Sealing: how the evidence of a run gets from this machine into a bucket, where every node can read it.

A run writes into files below `unsealed` of the local folder. Steps for each of them, under its lock:
1. the file is stored as an object of the same name, which is written once;
2. the versions whose text is in it become due for matching, in one transaction;
3. the local file is deleted.

A kill between any two steps loses nothing: the file is still there, and `EvidenceSealer` repeats the steps;
storing the same bytes again, or releasing what is released, changes nothing. A run's parts are sealed in
order, because a version may come from a page that an earlier part holds.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from storage import listings, runs
from storage.database.base import Database
from storage.errors import ClaimLost, EvidenceUnreachable, EvidenceUnwritable, StorageError, StoreFailed
from storage.evidence.tails import begin_of_writing, cut_torn_tail
from storage.evidence.warc import (
    SUFFIX,
    UNSEALED,
    EvidenceStore,
    EvidenceWriter,
    ListingText,
    RecordPlace,
    file_label,
    marker_of,
)
from storage.stores.byte_store import ByteStore
from storage.work import Dispatcher, Work, WorkKind

#: A part that has grown to this size is sealed although nothing in it waits to be matched.
PART_BYTES = 64 * 1024 * 1024
#: Seconds after which an empty file belongs to no writer that has only just begun.
BEGUN_S = 60.0
#: Age of an empty folder of a day before it is removed.
KEPT_FOLDERS = timedelta(days=2)
#: Seconds for which a run leaves a store alone that failed.
PAUSE_S = 60.0
#: Digits of a part's number in its name, so that names are in the order of the parts.
PART_DIGITS = 4


@contextmanager
def not_being_sealed(evidence: EvidenceStore, file: str) -> Iterator[None]:
    """Keep a file that is on this machine only from being sealed meanwhile; nothing happens for any other.

    Raises EvidenceUnreachable if a run is writing or sealing it.
    """
    path = evidence.folder / UNSEALED / file
    if evidence.shared is None or not path.exists():
        yield
        return
    try:
        handle = path.open("rb")
    except FileNotFoundError:  # sealed in this moment
        yield
        return
    with handle:
        if not _lock(handle):
            raise EvidenceUnreachable(f"evidence {file}: a run is writing it or storing it. Try again later.")
        yield


def release_file(
    database: Database, dispatcher: Dispatcher, file: str, *, of_run: tuple[int, int] | None = None
) -> int:
    """Make the versions due whose text is in a sealed file, and announce them; return their number.

    `of_run`: id and epoch of the run that does it itself. Raises ClaimLost if another node has it now; a
    daemon releases the file then.
    """
    with database.transaction() as session:
        if of_run is not None and not runs.lock_if_current(session, *of_run):
            raise ClaimLost
        released = listings.release_sealed(session, file)
        for version_id in released:
            dispatcher.announce(session, Work(WorkKind.MATCH, version_id))
    return len(released)


def unsealed_files_here(evidence: EvidenceStore) -> dict[str, int]:
    """Return the files that are on this machine only, in the order of the parts, with their sizes."""
    if evidence.shared is None:
        return {}
    folder = evidence.folder / UNSEALED
    sizes = {path: _size_of(path) for path in sorted(folder.glob(f"*/*/*{SUFFIX}"))}
    return {path.relative_to(folder).as_posix(): size for path, size in sizes.items() if size is not None}


class PartWriter:
    """Writes the evidence of one run in parts, each of which becomes one object.

    A run that ends soon has one part. While a longer one goes on, a part is sealed `seal_after_s` after the
    first version in it, in a thread of its own, so that the crawl does not wait for the store. If the store
    fails, nothing more is sent to it for PAUSE_S, or until the end of the run, which tries once more.
    """

    def __init__(
        self,
        evidence: EvidenceStore,
        shared: ByteStore,
        *,
        source: str,
        run_id: int,
        epoch: int,
        database: Database,
        dispatcher: Dispatcher,
        seal_after_s: float,
        now: datetime | None = None,
    ) -> None:
        self._folder = evidence.folder / UNSEALED
        self._shared = shared
        self._run = (run_id, epoch)
        self._database = database
        self._dispatcher = dispatcher
        self._seal_after_s = seal_after_s
        day = f"{(now or datetime.now(UTC)).astimezone(UTC):%Y-%m-%d}"
        # The random suffix makes the name and every record id unique: a repeated run gets new objects.
        self._stem = f"{day}/{file_label(source)}/{run_id}-{secrets.token_hex(4)}"
        self._number = 0
        self._part = self._new_part()
        self._waiting: list[EvidenceWriter] = []
        self._uploads = ThreadPoolExecutor(1, "seals")
        self._timer: threading.Timer | None = None
        self._closed = False
        #: Why the last attempt to seal failed; None: all that was tried is sealed.
        self.failure: StorageError | None = None
        self._failed_at = 0.0
        #: Runs `seal_so_far` when it is due, between two commits: the thread that writes the rows.
        self.executor: Executor | None = None

    def response(
        self,
        *,
        url: str,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        fetched_at: datetime,
    ) -> RecordPlace:
        """Append a response, as `EvidenceWriter.response` does."""
        return self._part.response(url=url, status=status, headers=headers, body=body, fetched_at=fetched_at)

    def text(self, text: ListingText, *, refers_to: RecordPlace | None, url: str) -> RecordPlace:
        """Append a text, as `EvidenceWriter.text` does."""
        return self._part.text(text, refers_to=refers_to, url=url)

    def sync(self) -> None:
        """Write what was appended to disk. Call it before a row that points at it is committed."""
        self._part.sync()

    def note_commit(self, *, versions: int) -> None:
        """Note that rows were committed; `versions` of them wait for this part. Called by the writing thread.

        A part ends only here: rows of one commit never point into two parts, of which one is sealed already.
        """
        if self._part.size >= PART_BYTES:
            self.seal_so_far()
        elif versions and self._timer is None and self.executor is not None:
            timer = threading.Timer(self._seal_after_s, self._seal_in_time)
            timer.daemon = True
            with suppress(RuntimeError):  # no memory for a thread: the next commit tries again
                timer.start()
                self._timer = timer

    def seal_so_far(self) -> None:
        """End the part and let it be sealed. Called by the writing thread."""
        self._stop_timer()
        pausing = self.failure is not None and time.monotonic() < self._failed_at + PAUSE_S
        if self._closed or (pausing and self._part.size < PART_BYTES):
            return
        self._end_part()
        if not pausing:
            self._uploads.submit(self._seal_waiting)

    def finish(self) -> None:
        """Seal all that is left, and return when that has ended well or not; see `failure`."""
        self._stop_timer()
        self._closed = True
        self._uploads.shutdown(wait=True)
        self._end_part()
        self.failure = None
        self._seal_waiting()

    def close(self) -> None:
        """Write everything to disk and release the locks: what is not sealed is left to the daemon."""
        self._stop_timer()
        self._closed = True
        self._uploads.shutdown(wait=True, cancel_futures=True)
        try:
            self._part.close()
        finally:
            for part in self._waiting:
                part.close()
            self._waiting.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _seal_in_time(self) -> None:
        with suppress(RuntimeError):  # the run has ended meanwhile
            if self.executor is not None:
                self.executor.submit(self.seal_so_far)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _new_part(self) -> EvidenceWriter:
        self._number += 1
        name = f"{self._stem}-{self._number:0{PART_DIGITS}}{SUFFIX}"
        return EvidenceWriter(self._folder, lambda _: name, append=False)

    def _end_part(self) -> None:
        if self._part.size == 0:
            return
        self._part.sync()
        self._waiting.append(self._part)
        self._part = self._new_part()

    def _seal_waiting(self) -> None:
        """Seal the parts in order, up to the first that cannot be; its lock stays with this process."""
        while self._waiting:
            part = self._waiting[0]
            try:
                self._shared.create(part.file, self._folder / part.file)
                release_file(self._database, self._dispatcher, part.file, of_run=self._run)
            except StorageError as error:
                self.failure, self._failed_at = error, time.monotonic()
                return
            part.delete()
            self._waiting.pop(0)
        self.failure = None


@dataclass(frozen=True, slots=True)
class UnsealedFiles:
    """What one look at the local folder found: files sealed, and files that still wait."""

    sealed: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    failures: tuple[StorageError, ...] = ()


@dataclass(slots=True)
class EvidenceSealer:
    """Seals what runs of this machine have left: they were killed, or the store could not be reached."""

    evidence: EvidenceStore
    database: Database
    dispatcher: Dispatcher
    clock: Callable[[], float] = time.monotonic
    _released_at: float | None = field(default=None, init=False)

    #: Seconds between two looks for versions that wait although their file is sealed.
    RELEASE_S = 60.0

    def seal_left(self) -> UnsealedFiles:
        """Seal every file that no living process has. Raises no error of the store: see `failures`."""
        shared = self.evidence.shared
        if shared is None:
            return UnsealedFiles()
        sealed, failures, away = 0, [], False
        for _, of_run in groupby(unsealed_files_here(self.evidence), key=_stem_of):
            for file in of_run:
                if away:
                    break
                try:
                    if not self._seal_file(shared, file):
                        break  # a later part of a run that goes on
                    sealed += 1
                except StorageError as error:
                    failures.append(error)
                    # A file that cannot be stored says nothing about the next; a store that is away does.
                    away = not error.permanent
        if not away:
            failures += self._release_stored(shared)
        left = unsealed_files_here(self.evidence)
        return UnsealedFiles(sealed, len(left), sum(left.values()), tuple(failures))

    @property
    def _folder(self) -> Path:
        return self.evidence.folder / UNSEALED

    def _seal_file(self, shared: ByteStore, file: str) -> bool:
        """Return whether the file is sealed; False: a living process has it."""
        path, marker = self._folder / file, marker_of(self._folder, file)
        try:
            handle = path.open("r+b")
        except FileNotFoundError:  # its own process has sealed it
            return True
        except OSError as error:
            raise EvidenceUnwritable(f"{path} cannot be read ({error.strerror})") from None
        with handle:
            if not _lock(handle):
                return False
            if not path.exists():
                return True
            if os.fstat(handle.fileno()).st_size == 0:
                # A writer makes its file, and locks it in the next moment.
                if time.time() - os.fstat(handle.fileno()).st_mtime > BEGUN_S:
                    self._forget(path, marker)
                return True
            if (began_at := begin_of_writing(marker)) is not None:
                kept, damaged = cut_torn_tail(handle, began_at)
                if kept == 0 and not damaged:
                    self._forget(path, marker)
                    return True
            shared.create(file, path)
            release_file(self.database, self.dispatcher, file)
            self._forget(path, marker)
        return True

    def _forget(self, path: Path, marker: Path) -> None:
        path.unlink(missing_ok=True)
        marker.unlink(missing_ok=True)

    def _remove_old_folders(self) -> None:
        """Remove the empty folders of earlier days; a run of today may be about to write into its own."""
        before = f"{datetime.now(UTC) - KEPT_FOLDERS:%Y-%m-%d}"
        for day in self._folder.glob("2*"):
            if day.name < before:
                for folder in (*day.glob("*"), day):
                    with suppress(OSError):  # it is not empty
                        folder.rmdir()

    def _release_stored(self, shared: ByteStore) -> list[StorageError]:
        """Release versions whose file is sealed, from time to time: a process that was killed, here or on
        another machine, did not.
        """
        now = self.clock()
        if self._released_at is not None and now - self._released_at < self.RELEASE_S:
            return []
        self._released_at = now
        self._remove_old_folders()
        with self.database.reading() as session:
            waiting = listings.unsealed_files(session)
        try:
            for file, end in waiting.items():
                if not (self._folder / file).exists() and (shared.size(file) or 0) >= end:
                    release_file(self.database, self.dispatcher, file)
        except StoreFailed as error:
            return [error]
        return []


def _lock(handle: BinaryIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stem_of(file: str) -> str:
    """Return what the parts of one run have in common."""
    return file.removesuffix(SUFFIX)[: -PART_DIGITS - 1]


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
