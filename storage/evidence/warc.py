"""WARC files: every response as received, and the unmasked text of every listing version.

Each run has one file, and each gzip member is one write(). A row that points at a record is committed only
after `sync`. So no row ever points at a torn tail, and `recover` may cut it off.

While a file is being written, the folder `open` contains an empty marker file with its name, and the writer
holds a flock on the file itself. `recover` reads only files that have a marker and whose lock is free.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.errors import EvidenceDamaged, EvidenceFailed, EvidenceMissing, EvidenceUnwritable
from storage.evidence import records
from storage.evidence.records import NotARecord
from storage.evidence.tails import RecoveredFile, repair_file

SUFFIX = ".warc.gz"
OPEN = "open"
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
    """The folder of the WARC files: mode 0700, its files 0600.

    It is made when the first record is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def writer(self, label: str, *, now: datetime | None = None) -> "EvidenceWriter":
        """Return the writer of a new file in the folder of the day `now`; its first record creates the
        file.
        """
        return EvidenceWriter(self.folder, label, now or datetime.now(UTC))

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
        """Return whether the file of a record exists and is long enough. Its bytes are not read."""
        try:
            return (self.folder / place.file).stat().st_size >= place.offset + place.length
        except OSError:
            return False

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
            found = [repair_file(self.folder, marker.name.replace("+", "/", 1), marker) for marker in markers]
        except OSError as error:
            raise _unwritable_error(self.folder, error) from None
        return [each for each in found if each is not None]

    def _read_member(self, place: RecordPlace) -> bytes:
        return records.unpack_member(self._packed_member(place))

    def _packed_member(self, place: RecordPlace) -> bytes:
        path = (self.folder / place.file).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise _damaged_error(place, "it is outside of the evidence folder")
        try:
            with path.open("rb") as file:
                file.seek(place.offset)
                packed = file.read(place.length)
        except FileNotFoundError:
            raise EvidenceMissing(
                f"evidence {place.file}: the file does not exist."
                " Restore it from a backup of the evidence folder."
            ) from None
        except OSError as error:
            raise EvidenceFailed(
                f"evidence {place.file}: cannot be read ({_system_error_text(error)})"
            ) from None
        if len(packed) != place.length:
            raise _damaged_error(place, "the file ends before this record")
        return packed


class EvidenceWriter:
    """Appends records to one file; threads may share it. Close it, or use it in a `with` statement."""

    def __init__(self, folder: Path, label: str, now: datetime) -> None:
        name = LABEL.sub("-", label)[:MAX_LABEL_CHARS]
        # The random suffix makes the name and every record id unique: a repeated run gets a new file.
        self.file = f"{now.astimezone(UTC):%Y-%m-%d}/{name}-{secrets.token_hex(4)}{SUFFIX}"
        self._folder = folder
        self._path = folder / self.file
        self._marker = folder / OPEN / self.file.replace("/", "+")
        self._handle: int | None = None
        self._size = 0
        self._holds_record = False
        self._guard = threading.Lock()

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
                    if not self._holds_record:
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

    def _open(self, at: datetime) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for parent in (self._path.parent, self._marker.parent):
            parent.mkdir(mode=0o700, exist_ok=True)
        self._marker.touch(mode=0o600)
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        _sync_folder(self._path.parent)
        name = [("WARC-Filename", self._path.name)]
        self._write(
            "warcinfo", name, at, b"software: spillwatch\r\nformat: WARC file version 1.1\r\n", WARCINFO
        )

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
            os.lseek(self._handle, self._size, os.SEEK_SET)
            raise EvidenceUnwritable(
                f"evidence {self.file}: the disk is full. Free some space in the evidence folder."
            )
        place = RecordPlace(self.file, self._size, len(packed))
        self._size += len(packed)
        return place


WARCINFO = "application/warc-fields"


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


def _unwritable_error(path: Path, error: OSError) -> EvidenceUnwritable:
    return EvidenceUnwritable(
        f"evidence {path.name}: cannot be written ({_system_error_text(error)})."
        " Check free space and permissions of the evidence folder."
    )
