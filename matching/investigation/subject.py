"""What is investigated: a file or folder, with digests that show later which bytes the answer is about."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any

from matching.errors import InputChanged
from matching.inputs import mode_of
from matching.masks import mask_text
from matching.sweep import SweepSource

#: Files or texts that the answer names one by one; the digest of all covers the others, too.
PARTS_LISTED = 1000
_CHUNK = 1 << 20
_NAME_LIMIT = 200  # characters


class SubjectKind(StrEnum):
    SAMPLE = "sample"
    LISTING = "listing"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class HashedPart:
    """A file, or a text of a listing, as it was when it was read. `sha256` None: it could not be read."""

    name: str  # masked
    bytes: int
    sha256: str | None

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class SeenCapture:
    """A stored response from which a listing was read. `gone`: why its bytes are no longer there."""

    url: str  # masked
    fetched_at: datetime
    status: int
    bytes: int
    sha256: str  # of the body as it was received
    file: str | None
    offset: int | None
    gone: str | None
    fault: str | None = (
        None  # reason why its bytes, read again now, are not those; None: they are, or are gone
    )

    def as_dict(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "fetched_at": self.fetched_at,
            "status": self.status,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "evidence_file": self.file,
            "evidence_offset": self.offset,
            "evidence_gone": self.gone,
            "evidence_fault": self.fault,
        }


@dataclass(frozen=True, slots=True)
class SeenListing:
    """What is stored of a listing; all texts are masked."""

    id: int
    source: str
    url: str
    title: str
    seller: str | None
    price: str | None
    claimed_records: int | None
    posted_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    gone_at: datetime | None
    versions: int
    same_offers: tuple[int, ...]  # other listings with the same text
    captures: tuple[SeenCapture, ...]
    unread: tuple[str, ...]  # reasons why a part of it could not be read from the evidence

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "source": self.source,
            "url": self.url,
            "title": self.title,
            "seller": self.seller,
            "price": self.price,
            "claimed_records": self.claimed_records,
            "posted_at": self.posted_at,
            "first_seen_at": self.first_seen_at,
            "last_seen_at": self.last_seen_at,
            "gone_at": self.gone_at,
            "versions": self.versions,
            "same_offers": list(self.same_offers),
            "captures": [one.as_dict() for one in self.captures],
            "unread": list(self.unread),
        }


@dataclass(frozen=True, slots=True)
class SeenAlert:
    """When an alert was opened, and what people did with it."""

    id: int
    company: str | None
    severity: str
    state: str
    opened_at: datetime
    updated_at: datetime
    messages: int
    acknowledged_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "company": self.company,
            "severity": self.severity,
            "state": self.state,
            "opened_at": self.opened_at,
            "updated_at": self.updated_at,
            "messages": self.messages,
            "acknowledged_at": self.acknowledged_at,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """What is investigated. `sha256`: of the file, or of the list of all digests and names."""

    kind: SubjectKind
    name: str  # masked
    sha256: str
    parts: tuple[HashedPart, ...]  # at most PARTS_LISTED
    part_count: int
    listing: SeenListing | None = None
    alert: SeenAlert | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "name": self.name,
            "sha256": self.sha256,
            "parts": [one.as_dict() for one in self.parts],
            "part_count": self.part_count,
            "listing": self.listing and self.listing.as_dict(),
            "alert": self.alert and self.alert.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class SampleFileState:
    """A file as it was when it was hashed. `size` and `changed_ns` are -1 where it cannot be looked at."""

    path: Path
    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> SampleFileState:
        try:
            found = path.stat()
        except OSError:
            return cls(path, -1, -1)
        return cls(path, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class OpenSubject:
    """A subject with what can be read of it, as often as wanted."""

    subject: Subject
    path: Path | None = None
    texts: tuple[tuple[str, bytes], ...] = ()
    states: tuple[SampleFileState, ...] = ()

    def sources(self) -> list[SweepSource]:
        """Return its texts anew, each from its beginning."""
        if self.path is not None:
            return [(self.path.resolve().name, self.path)]
        return [(name, BytesIO(text)) for name, text in self.texts]

    def check_unchanged(self) -> None:
        """Raise InputChanged if a file is not what was hashed: the digests would be those of other bytes."""
        for state in self.states:
            if state != SampleFileState.of(state.path):
                raise InputChanged(
                    f"{shown_name(state.path.name)} was changed while it was investigated; copy it to where "
                    "nobody writes, and start again"
                )


def open_sample(path: Path) -> OpenSubject:
    """Hash a file, or every file of a folder. Raises InputMissing and InputUnreadable."""
    mode_of(path, shown=shown_name(str(path)))
    files = _files_below(path) if path.is_dir() else [(path.name, path)]
    names = [os.fsencode(name) for name, _ in files]
    states = tuple(SampleFileState.of(file) for _, file in files)
    parts = [_hashed_file(name, file) for name, file in files]
    whole = parts[0].sha256 if not path.is_dir() else None
    subject = Subject(
        SubjectKind.SAMPLE,
        shown_name(path.name or str(path)),
        whole or digest_of_parts(zip(names, parts, strict=True)),
        tuple(parts[:PARTS_LISTED]),
        len(parts),
    )
    return OpenSubject(subject, path, states=states)


def shown_name(name: str) -> str:
    """Return a name for people: masked, because sellers put persons into names of files, too, and short."""
    masked = mask_text(name.encode(errors="replace").decode(errors="replace"))
    return masked if len(masked) <= _NAME_LIMIT else f"{masked[: _NAME_LIMIT - 1]}…"


def digest_of_parts(parts: Iterable[tuple[bytes, HashedPart]]) -> str:
    """Return the SHA-256 of the lines `sha256  name` of all parts, as `sha256sum` writes them."""
    digest = hashlib.sha256()
    for name, part in parts:
        digest.update((part.sha256 or "-").encode() + b"  " + name + b"\n")
    return digest.hexdigest()


def hashed_text(name: str, text: bytes) -> HashedPart:
    return HashedPart(shown_name(name), len(text), hashlib.sha256(text).hexdigest())


def _files_below(folder: Path) -> list[tuple[str, Path]]:
    """Return all files in the order of their names' bytes. Links are not followed, as in a sweep."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            file = Path(place) / name
            if not file.is_symlink() and file.is_file():
                found.append((str(file.relative_to(folder)), file))
    return sorted(found, key=lambda one: os.fsencode(one[0]))


def _hashed_file(name: str, path: Path) -> HashedPart:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError:
        return HashedPart(shown_name(name), size, None)
    return HashedPart(shown_name(name), size, digest.hexdigest())
