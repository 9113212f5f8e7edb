"""WARC files: every response as received, and the unmasked text of every listing version.

Order of rules: one file a run; one write() a gzip member; `sync`; only then is the row committed that points
at it. So a torn tail is never pointed at, and `recover` may cut it.

While a file is being written an empty file in the folder `open` has its name, and its writer holds a flock on
the file itself; `recover` looks at those files alone, and at none that is held.
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
from storage.evidence.tails import Recovered, repair

SUFFIX = ".warc.gz"
OPEN = "open"
LABEL = re.compile(r"[^A-Za-z0-9._-]+")
MAX_LABEL_CHARS = 80
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record is: a path relative to the evidence folder, and the gzip member's bytes in it."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class RawResponse:
    """As received: the body in its content encoding, unmasked."""

    url: str
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class ListingText:
    """Unmasked. Parts of a listing: title, body, seller, sample, links; of an attachment: attachment."""

    parts: dict[str, str]


class EvidenceStore:
    """The folder of the WARC files: mode 0700, its files 0600. Made when the first record is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def writer(self, label: str, *, now: datetime | None = None) -> "EvidenceWriter":
        """A file of its own, of the day of `now`, made when its first record is written."""
        return EvidenceWriter(self.folder, label, now or datetime.now(UTC))

    def read_response(self, place: RecordPlace, sha256: str) -> RawResponse:
        """Raises EvidenceMissing, or EvidenceDamaged unless the body has this sha256."""
        try:
            headers, block = records.parse(self._member(place))
            status, fields, body = records.split_response(block)
        except NotARecord as error:
            raise _damaged(place, str(error)) from None
        if hashlib.sha256(body).hexdigest() != sha256:
            raise _damaged(place, "its sha256 is not the one that was noted when it was stored")
        return RawResponse(headers.get("warc-target-uri", ""), status, tuple(fields), body)

    def read_text(self, place: RecordPlace) -> ListingText:
        """Raises EvidenceMissing, or EvidenceDamaged."""
        try:
            headers, block = records.parse(self._member(place))
        except NotARecord as error:
            raise _damaged(place, str(error)) from None
        if headers.get("warc-type") != "conversion" or headers.get("warc-payload-digest") != records.sha1(
            block
        ):
            raise _damaged(place, "it is not the text that was stored there")
        return ListingText(json.loads(block)["parts"])

    def recover(self) -> list[Recovered]:
        """Cuts the torn tails of files whose writer was killed. No row points at what is lost by it."""
        try:
            marks = sorted((self.folder / OPEN).glob(f"*{SUFFIX}"))
            found = [repair(self.folder, mark.name.replace("+", "/", 1), mark) for mark in marks]
        except OSError as error:
            raise _unwritable(self.folder, error) from None
        return [one for one in found if one is not None]

    def _member(self, place: RecordPlace) -> bytes:
        path = (self.folder / place.file).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise _damaged(place, "it lies outside the evidence folder")
        try:
            with path.open("rb") as file:
                file.seek(place.offset)
                packed = file.read(place.length)
        except FileNotFoundError:
            raise EvidenceMissing(
                f"evidence {place.file}: the file is not there."
                " Restore it from a backup of the evidence folder."
            ) from None
        except OSError as error:
            raise EvidenceFailed(f"evidence {place.file}: cannot be read ({_cause(error)})") from None
        if len(packed) != place.length:
            raise _damaged(place, "the file ends before it")
        return records.unpack(packed)


class EvidenceWriter:
    """Appends records to one file; safe to share between threads. Close it, or use it in a `with`."""

    def __init__(self, folder: Path, label: str, now: datetime) -> None:
        name = LABEL.sub("-", label)[:MAX_LABEL_CHARS]
        # The suffix makes the name, and so every record's id, unique: a run that is repeated gets a new file.
        self.file = f"{now.astimezone(UTC):%Y-%m-%d}/{name}-{secrets.token_hex(4)}{SUFFIX}"
        self._folder = folder
        self._path = folder / self.file
        self._mark = folder / OPEN / self.file.replace("/", "+")
        self._handle: int | None = None
        self._size = 0
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
        """`body`: as received, before any decoding; `headers` likewise."""
        extra = [("WARC-Payload-Digest", records.sha1(body))]
        block = records.response_block(status, headers, body)
        return self._append("response", url, fetched_at, extra, block, "application/http; msgtype=response")

    def text(self, text: ListingText, *, refers_to: RecordPlace | None, url: str) -> RecordPlace:
        """The unmasked text of a listing or an attachment. It lies nowhere else."""
        block = json.dumps({"parts": text.parts}, sort_keys=True).encode()
        extra = [("WARC-Payload-Digest", records.sha1(block))]
        if refers_to is not None:
            extra.append(("WARC-Refers-To", records.record_id(refers_to.file, refers_to.offset)))
        return self._append("conversion", url, datetime.now(UTC), extra, block, JSON_TYPE)

    def sync(self) -> None:
        """On disk; call it before a row is committed that points into this file."""
        with self._guard:
            if self._handle is not None:
                try:
                    os.fsync(self._handle)
                except OSError as error:
                    raise _unwritable(self._path, error) from None

    def close(self) -> None:
        """On disk, and done: there is nothing to recover in this file."""
        self.sync()
        with self._guard:
            if self._handle is not None:
                self._mark.unlink(missing_ok=True)
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
                fields = [("WARC-Target-URI", records.shown_url(url))] if url else []
                return self._write(kind, [*fields, *extra], at, block, content_type)
            except OSError as error:
                raise _unwritable(self._path, error) from None

    def _open(self, at: datetime) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for parent in (self._path.parent, self._mark.parent):
            parent.mkdir(mode=0o700, exist_ok=True)
        self._mark.touch(mode=0o600)
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
        headers = [identity, ("WARC-Date", records.shown_time(at)), *extra]
        packed = records.member(kind, headers, block, content_type)
        assert self._handle is not None
        written = os.write(self._handle, packed)
        if written != len(packed):  # the disk is full: leave no half record for the next one to follow
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
            raise EvidenceUnwritable(
                f"evidence {self.file}: the disk is full. Make room in the evidence folder."
            )
        place = RecordPlace(self.file, self._size, len(packed))
        self._size += len(packed)
        return place


WARCINFO = "application/warc-fields"


def _sync_folder(folder: Path) -> None:
    """So that the file's name survives a power cut as well as its bytes."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cause(error: OSError) -> str:
    return os.strerror(error.errno or 0)


def _damaged(place: RecordPlace, what: str) -> EvidenceDamaged:
    return EvidenceDamaged(
        f"evidence {place.file} at {place.offset}: {what}."
        " Restore the file from a backup of the evidence folder."
    )


def _unwritable(path: Path, error: OSError) -> EvidenceUnwritable:
    return EvidenceUnwritable(
        f"evidence {path.name}: cannot be written ({_cause(error)})."
        " Check room and rights of the evidence folder."
    )
