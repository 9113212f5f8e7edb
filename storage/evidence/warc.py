"""WARC files: every response as received, and the unmasked text of every listing version.

Each gzip member is one write(). A row that points at a record is committed only after `sync`. So no row ever
points at a torn tail, and `recover` may cut it off.

In a folder, each source has one file per day, to which its runs append, one after the other. The folder may
be shared by several machines: the writer holds a flock on the file, and whoever finds it locked takes the
next file of that day. While a file is being written, the folder `open` contains a marker with its name, in
which stands where the writer began. `recover` reads only files that have a marker and whose lock is free.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.errors import (
    EvidenceDamaged,
    EvidenceFailed,
    EvidenceMissing,
    EvidenceUnreachable,
    EvidenceUnwritable,
    StoreFailed,
    StoreFileMissing,
)
from storage.evidence import records
from storage.evidence.digest import Digest
from storage.evidence.records import NotARecord
from storage.evidence.tails import RecoveredFile, begin_of_writing, cut_torn_tail, repair_file
from storage.stores.byte_store import ByteStore
from storage.stores.location import StoreAddress
from storage.stores.settings import S3Settings

SUFFIX = ".warc.gz"
OPEN = "open"
#: Below the local folder, what a bucket does not have yet.
UNSEALED = "unsealed"
WARCINFO = "application/warc-fields"
#: Files of one source and one day: more than one only if two nodes write at once, or one is damaged.
MAX_FILES_OF_A_DAY = 64
FOLDER_TRIES = 5
#: Seconds that a question about a size may take, and during which nobody asks again if there was no answer.
QUICK_S = 2.0
ASK_AGAIN_S = 30.0
LABEL = re.compile(r"[^A-Za-z0-9._-]+")
MAX_LABEL_CHARS = 80
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """The place of a record: a path relative to the evidence folder, and the bytes of the gzip member in
    that file.
    """

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response as received: the body in its content encoding, unmasked."""

    url: str
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class ListingText:
    """The unmasked parts of a listing (title, body, seller, sample, links) or of an attachment
    (attachment).
    """

    parts: dict[str, str]


class EvidenceStore:
    """The WARC files: in a folder (mode 0700, its files 0600), or in a bucket.

    `folder` is made when the first record is written. With a bucket, `shared`, it holds what is not sealed
    yet, below `unsealed`. Files that lie in `folder` or in `earlier` from before are read where they are.
    """

    def __init__(
        self,
        folder: Path,
        *,
        shared: ByteStore | None = None,
        quick: ByteStore | None = None,
        earlier: Path | None = None,
    ) -> None:
        """`quick`: the shared store with less patience, for questions that are asked within a transaction."""
        self.folder = folder
        self.shared = shared
        self.earlier = earlier
        self._quick = quick or shared
        self._ask_again_at = 0.0

    @classmethod
    def at(cls, folder: Path, address: str | None, s3: S3Settings) -> Self:
        """Return the store of the settings: evidence_dir, evidence and s3 of [storage]."""
        parsed = None if address is None else StoreAddress.parse(address)
        if parsed is None:
            return cls(folder)
        if parsed.folder is not None:
            return cls(parsed.folder, earlier=folder)
        impatient = s3.model_copy(update={"timeout_s": min(s3.timeout_s, QUICK_S)})
        return cls(folder, shared=parsed.opened(s3), quick=parsed.opened(impatient))

    @property
    def place(self) -> str:
        """Return where the evidence is kept, for messages."""
        return str(self.folder) if self.shared is None else self.shared.place

    def writer(self, label: str, *, now: datetime | None = None) -> "EvidenceWriter":
        """Return the writer of a new file in the folder of the day `now`; its first record creates the
        file.
        """
        # The random suffix makes the name and every record id unique.
        name = f"{_day(now)}/{file_label(label)}-{secrets.token_hex(4)}{SUFFIX}"
        return EvidenceWriter(self.folder, lambda number: name, append=False)

    def day_writer(self, label: str, *, digest: Digest, now: datetime | None = None) -> "EvidenceWriter":
        """Return the writer that appends to the file of a source and of the day `now`."""
        day, name = _day(now), file_label(label)

        def file(number: int) -> str:
            # All nodes have the key, so they agree about the name; no other installation has the same names.
            return f"{day}/{name}-{digest(f'{day} {label} {number}')[:8]}{SUFFIX}"

        return EvidenceWriter(self.folder, file, append=True)

    def read_response(self, place: RecordPlace, sha256: str) -> RawResponse:
        """Return a stored response; raises EvidenceMissing, or EvidenceDamaged if the body has another
        sha256.
        """
        try:
            headers, block = records.parse_record(self._read_member(place))
            status, fields, body = records.split_response(block)
        except NotARecord as error:
            raise _damaged_error(place, str(error)) from None
        if hashlib.sha256(body).hexdigest() != sha256:
            raise _damaged_error(
                place, "its sha256 differs from the one that was recorded when it was stored"
            )
        return RawResponse(headers.get("warc-target-uri", ""), status, tuple(fields), body)

    def read_text(self, place: RecordPlace) -> ListingText:
        """Return a stored text; raises EvidenceMissing or EvidenceDamaged."""
        try:
            headers, block = records.parse_record(self._read_member(place))
        except NotARecord as error:
            raise _damaged_error(place, str(error)) from None
        if headers.get("warc-type") != "conversion" or headers.get("warc-payload-digest") != records.sha1(
            block
        ):
            raise _damaged_error(place, "it is not the text that was stored there")
        return ListingText(json.loads(block)["parts"])

    def holds(self, place: RecordPlace) -> bool:
        """Return whether the file of a record exists and is long enough. Its bytes are not read.

        Raises EvidenceUnreachable.
        """
        size = self.size(place.file)
        return size is not None and size >= place.offset + place.length

    def can_read(self, file: str) -> bool:
        """Return whether a file can be read here, now. What another machine has not sealed yet, it cannot.

        In a folder it can: a file that does not exist is lost, and reading it says so.
        """
        try:
            return self.shared is None or self.size(file) is not None
        except EvidenceUnreachable:
            return False

    def size(self, file: str) -> int | None:
        """Return the number of bytes of a file; None: it does not exist. Raises EvidenceUnreachable."""
        for path in self._local_paths(file):
            with suppress(OSError):
                return path.stat().st_size
        if self._quick is None:
            return None
        if time.monotonic() < self._ask_again_at:
            raise EvidenceUnreachable(f"evidence {file}: {self._quick.place} did not answer a moment ago")
        try:
            return self._quick.size(file)
        except StoreFailed as error:
            self._ask_again_at = time.monotonic() + ASK_AGAIN_S
            raise _unreachable_error(file, error) from None

    def read_member(self, place: RecordPlace) -> bytes:
        """Return the compressed bytes of a record, as they are in its file. Raises EvidenceFailed."""
        packed = self._packed_member(place)
        try:
            records.unpack_member(packed)
        except NotARecord as error:
            raise _damaged_error(place, str(error)) from None
        return packed

    def recover(self) -> list[RecoveredFile]:
        """Cut the torn tails of files whose writer was killed.

        No row points at the bytes that are removed.
        """
        try:
            markers = sorted((self.folder / OPEN).glob(f"*{SUFFIX}"))
            found = [repair_file(self.folder, marker.name.replace("+", "/"), marker) for marker in markers]
        except OSError as error:
            raise _unwritable_error(self.folder, error) from None
        return [each for each in found if each is not None]

    def _read_member(self, place: RecordPlace) -> bytes:
        return records.unpack_member(self._packed_member(place))

    def _packed_member(self, place: RecordPlace) -> bytes:
        packed = self._read_local(place)
        if packed is None and self.shared is not None:
            packed = self._read_shared(self.shared, place)
        if packed is None:
            raise EvidenceMissing(
                f"evidence {place.file}: the file does not exist."
                " Restore it from a backup of the evidence folder."
            )
        if len(packed) != place.length:
            raise _damaged_error(place, "the file ends before this record")
        return packed

    def _read_local(self, place: RecordPlace) -> bytes | None:
        for path in self._local_paths(place.file):
            try:
                with path.open("rb") as file:
                    file.seek(place.offset)
                    return file.read(place.length)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise EvidenceFailed(
                    f"evidence {place.file}: cannot be read ({_system_error_text(error)})"
                ) from None
        return None

    def _read_shared(self, shared: ByteStore, place: RecordPlace) -> bytes | None:
        try:
            return shared.read(place.file, place.offset, place.length)
        except StoreFileMissing:
            return None
        except StoreFailed as error:
            raise _unreachable_error(place.file, error) from None

    @property
    def local_folders(self) -> list[Path]:
        """Return where a file may be on this machine: unsealed, in the folder, in an earlier folder."""
        folders = [self.folder]
        if self.shared is not None:
            folders.insert(0, self.folder / UNSEALED)
        if self.earlier is not None:
            folders.append(self.earlier)
        return folders

    def _local_paths(self, file: str) -> list[Path]:
        paths = [(folder, (folder / file).resolve()) for folder in self.local_folders]
        inside = [path for folder, path in paths if path.is_relative_to(folder.resolve())]
        if not inside:
            raise EvidenceDamaged(f"evidence {file}: it is outside of the evidence folder.")
        return inside


class EvidenceWriter:
    """Appends records to one file; threads may share it. Close it, or use it in a `with` statement."""

    def __init__(self, folder: Path, name: Callable[[int], str], *, append: bool) -> None:
        """`name` returns the file's name, relative to the folder; with `append`, that of the first, second,
        ... file that may be taken: the first whose lock is free and which is not damaged.
        """
        self._folder = folder
        self._name = name
        self._append_to_file = append
        self._file = name(1)
        self._handle: int | None = None
        self._began_at = 0
        self._size = 0
        self._holds_record = False
        self._guard = threading.Lock()

    @property
    def file(self) -> str:
        """Return the file's name, relative to the folder; certain after the first record."""
        return self._file

    @property
    def size(self) -> int:
        return self._size

    def response(
        self,
        *,
        url: str,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        fetched_at: datetime,
    ) -> RecordPlace:
        """Append a response. `headers` and `body` are as received, before any decoding."""
        extra = [("WARC-Payload-Digest", records.sha1(body))]
        block = records.response_block(status, headers, body)
        return self._append("response", url, fetched_at, extra, block, "application/http; msgtype=response")

    def text(self, text: ListingText, *, refers_to: RecordPlace | None, url: str) -> RecordPlace:
        """Append the unmasked text of a listing or an attachment, which is stored nowhere else."""
        block = json.dumps({"parts": text.parts}, sort_keys=True).encode()
        extra = [("WARC-Payload-Digest", records.sha1(block))]
        if refers_to is not None:
            extra.append(("WARC-Refers-To", records.record_id(refers_to.file, refers_to.offset)))
        return self._append("conversion", url, datetime.now(UTC), extra, block, JSON_TYPE)

    def sync(self) -> None:
        """Write the file to disk. Call it before a row that points into this file is committed."""
        with self._guard:
            if self._handle is not None:
                try:
                    os.fsync(self._handle)
                except OSError as error:
                    raise _unwritable_error(self._path, error) from None

    def close(self) -> None:
        """Write the file to disk and close it; from then on it needs no recovery.

        A file without a record is removed: on a full disk, not even its head could be written.
        """
        try:
            self.sync()
        finally:
            with self._guard:
                if self._handle is not None:
                    if not self._holds_record and self._began_at == 0:
                        self._path.unlink(missing_ok=True)
                    self._marker.unlink(missing_ok=True)
                    os.close(self._handle)
                    self._handle = None

    def delete(self) -> None:
        """Close the file and delete it: it is kept elsewhere."""
        with self._guard:
            if self._handle is not None:
                self._path.unlink(missing_ok=True)
                self._marker.unlink(missing_ok=True)
                os.close(self._handle)
                self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(
        self, kind: str, url: str, at: datetime, extra: list[tuple[str, str]], block: bytes, content_type: str
    ) -> RecordPlace:
        with self._guard:
            try:
                if self._handle is None:
                    self._open(at)
                fields = [("WARC-Target-URI", records.header_url(url))] if url else []
                place = self._write(kind, [*fields, *extra], at, block, content_type)
                self._holds_record = True
                return place
            except OSError as error:
                raise _unwritable_error(self._path, error) from None

    @property
    def _path(self) -> Path:
        return self._folder / self._file

    @property
    def _marker(self) -> Path:
        return marker_of(self._folder, self._file)

    def _open(self, at: datetime) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(1, MAX_FILES_OF_A_DAY + 1):
            self._file = self._name(number)
            if self._take_file_in_folder():
                break
        else:
            raise EvidenceUnwritable(
                f"evidence {self._file}: {MAX_FILES_OF_A_DAY} files of this day are being written or damaged."
                " `spillwatch doctor` shows damaged ones."
            )
        if self._size == 0:
            _sync_folder(self._path.parent)
            name = [("WARC-Filename", self._path.name)]
            self._write(
                "warcinfo", name, at, b"software: spillwatch\r\nformat: WARC file version 1.1\r\n", WARCINFO
            )

    def _make_folders(self) -> None:
        missing = self._path.parent
        parents = [missing, *missing.parents]
        for parent in reversed(parents[: parents.index(self._folder)]):
            parent.mkdir(mode=0o700, exist_ok=True)
        self._marker.parent.mkdir(mode=0o700, exist_ok=True)

    def _take_file_in_folder(self) -> bool:
        """Take the file, with its folder made before: whoever deletes the last file of a day removes it."""
        for _ in range(FOLDER_TRIES):
            with suppress(FileNotFoundError):
                self._make_folders()
                return self._take_file()
        raise EvidenceUnwritable(f"evidence {self._file}: its folder is removed again and again.")

    def _take_file(self) -> bool:
        """Open and lock the file, and write its marker. False: another writer has it, or it is damaged."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        handle = os.open(self._path, flags if self._append_to_file else flags | os.O_EXCL, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_file_at(handle, self._path):  # deleted between open and flock
                raise BlockingIOError
            size = os.fstat(handle).st_size
            if (began_at := begin_of_writing(self._marker)) is not None:
                # The last writer was killed. What it left is cut before anything is appended.
                with os.fdopen(os.dup(handle), "rb") as file:
                    size, damaged = cut_torn_tail(file, began_at)
                if damaged:
                    raise BlockingIOError
            self._marker.touch(mode=0o600)
            self._marker.write_text(f"{size}\n")
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:  # the disk is full, for example
            if os.fstat(handle).st_size == 0:
                self._path.unlink(missing_ok=True)
                self._marker.unlink(missing_ok=True)
            os.close(handle)
            raise
        self._handle, self._size, self._began_at = handle, size, size
        return True

    def _write(
        self, kind: str, extra: list[tuple[str, str]], at: datetime, block: bytes, content_type: str
    ) -> RecordPlace:
        identity = ("WARC-Record-ID", records.record_id(self.file, self._size))
        headers = [identity, ("WARC-Date", records.warc_date(at)), *extra]
        packed = records.pack_record(kind, headers, block, content_type)
        assert self._handle is not None
        written = os.write(self._handle, packed)
        if written != len(
            packed
        ):  # the disk is full: remove the half record, so that the next one does not follow it
            os.ftruncate(self._handle, self._size)
            raise EvidenceUnwritable(
                f"evidence {self.file}: the disk is full. Free some space in the evidence folder."
            )
        place = RecordPlace(self.file, self._size, len(packed))
        self._size += len(packed)
        if os.lseek(self._handle, 0, os.SEEK_CUR) != self._size:
            # On a network's file system, a lock can be lost while a machine sleeps.
            raise EvidenceUnwritable(f"evidence {self.file}: another process writes to this file, too.")
        return place


def _day(now: datetime | None) -> str:
    return f"{(now or datetime.now(UTC)).astimezone(UTC):%Y-%m-%d}"


def file_label(label: str) -> str:
    """Return a label as a part of a file's name."""
    return LABEL.sub("-", label)[:MAX_LABEL_CHARS]


def marker_of(folder: Path, file: str) -> Path:
    """Return the path of the marker that a file has while it is being written."""
    return folder / OPEN / file.replace("/", "+")


def _is_file_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Write a folder to disk, so that a new file's name survives a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _system_error_text(error: OSError) -> str:
    return os.strerror(error.errno or 0)


def _damaged_error(place: RecordPlace, what: str) -> EvidenceDamaged:
    return EvidenceDamaged(
        f"evidence {place.file} at {place.offset}: {what}."
        " Restore the file from a backup of the evidence folder."
    )


def _unreachable_error(file: str, error: StoreFailed) -> EvidenceUnreachable:
    return EvidenceUnreachable(f"evidence {file}: {error}")


def _unwritable_error(path: Path, error: OSError) -> EvidenceUnwritable:
    return EvidenceUnwritable(
        f"evidence {path.name}: cannot be written ({_system_error_text(error)})."
        " Check free space and permissions of the evidence folder."
    )
