"""The segment file: what travels from a company's premises to the monitor. It holds no value and no key.

    magic (8 bytes)  header length (4, little endian)  header (JSON, ASCII)
    for each field of the header: hi (8 n bytes)  lo (8 n)
    for each field of the header: ordinals (4 n)
    SHA-256 of everything before (32)

A fingerprint's 16 bytes, read as two big-endian numbers, are two little-endian columns, sorted by (hi, lo,
ordinal): numpy searches a mapped column of numbers six times as fast as one of strings. The header is
padded with spaces to a multiple of 8, because numpy copies a column that is not aligned. The ordinal is the
customer's row number in the company's own list.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic import Field as ModelField

from matching import fingerprints
from matching.errors import (
    SegmentDamaged,
    SegmentForeign,
    SegmentKeyWrong,
    SegmentMissing,
    SegmentNormaliserChanged,
    SegmentTruncated,
    SegmentVersionUnknown,
)
from matching.fingerprints import Fingerprints, RootKey
from matching.identifiers import GOLDEN, NORMALISER_VERSION, Field, canonical

MAGIC = b"SWSEGMT\n"
VERSION = 1
HEADER_LIMIT = 64 * 1024  # bytes
SUFFIX = ".segment"
_PREFIX_SIZE = len(MAGIC) + 4
_DIGEST_SIZE = 32
_ALIGNMENT = 8
_ENTRY_SIZE = fingerprints.SIZE + 4
_CHUNK = 1 << 20

Ordinals = NDArray[np.uint32]

_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,32}$")]


class Header(BaseModel):
    """What a segment says of itself; anybody may read it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    company: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    default_region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    key_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
    key_check: _Hex
    normaliser_version: int
    created_at: AwareDatetime
    customers: Annotated[int, ModelField(ge=0, lt=1 << 32)]
    counts: dict[
        Field, Annotated[int, ModelField(ge=0, lt=1 << 40)]
    ]  # fingerprints, in the order of the file
    golden: dict[Field, _Hex]


@dataclass(frozen=True, slots=True)
class Columns:
    hi: NDArray[np.uint64]
    lo: NDArray[np.uint64]
    ordinals: Ordinals


def sorted_columns(values: Fingerprints, ordinals: Ordinals) -> Columns:
    """The columns of one field; a pair of fingerprint and ordinal that comes twice is kept once."""
    pairs = np.ascontiguousarray(values).view(">u8").astype("<u8")
    hi, lo = pairs[:, 0], pairs[:, 1]
    order = np.lexsort((ordinals, lo, hi))
    hi, lo, ordinals = hi[order], lo[order], ordinals[order].astype("<u4")
    same = (hi[1:] == hi[:-1]) & (lo[1:] == lo[:-1]) & (ordinals[1:] == ordinals[:-1])
    kept = np.concatenate(([True], ~same))[: len(hi)]
    return Columns(hi[kept], lo[kept], ordinals[kept])


def write(
    path: Path,
    columns: Mapping[Field, Columns],
    *,
    company: str,
    default_region: str,
    key: RootKey,
    customers: int,
    now: datetime,
) -> Header:
    """Write a segment, all of it or nothing, with mode 0600."""
    header = Header(
        version=VERSION,
        company=company,
        default_region=default_region,
        key_id=key.id,
        key_check=key.check_value(company),
        normaliser_version=NORMALISER_VERSION,
        created_at=now,
        customers=customers,
        counts={name: len(column.hi) for name, column in columns.items()},
        golden=golden(key, company),
    )
    pairs = [column.tobytes() for one in columns.values() for column in (one.hi, one.lo)]
    ordinals = [one.ordinals.tobytes() for one in columns.values()]
    write_bytes(path, [_prefix(header), *pairs, *ordinals])
    return header


def golden(key: RootKey, company: str) -> dict[Field, str]:
    """The fingerprints of GOLDEN under a key, in hex."""
    return {
        name: key.fingerprinter(company, name)([canonical(name, raw, "CN") or ""]).tobytes().hex()
        for name, raw in GOLDEN.items()
    }


def _prefix(header: Header) -> bytes:
    content = header.model_dump_json().encode("ascii")
    content += b" " * (-(_PREFIX_SIZE + len(content)) % _ALIGNMENT)
    return MAGIC + len(content).to_bytes(4, "little") + content


def write_bytes(path: Path, parts: list[bytes]) -> None:
    """Write `parts` and their checksum beside `path`, then rename: readers see the old file or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            checksum = hashlib.sha256()
            for part in parts:
                stream.write(part)
                checksum.update(part)
            stream.write(checksum.digest())
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Segment:
    """An open, verified segment. `lookup` works on the mapped file and loads nothing."""

    def __init__(self, path: Path, header: Header, columns: Mapping[Field, Columns]) -> None:
        self.path = path
        self.header = header
        self._columns = columns

    def check_key(self, key: RootKey) -> None:
        """Raises SegmentKeyWrong or SegmentNormaliserChanged unless `key` gives these fingerprints."""
        if key.check_value(self.header.company) != self.header.key_check:
            raise SegmentKeyWrong(
                f"the segment {self.path} was made with the key {self.header.key_id}, and this is "
                f"another one (id {key.id}); name the right key file, or enroll again"
            )
        if golden(key, self.header.company) != self.header.golden:
            raise SegmentNormaliserChanged(
                f"the segment {self.path} holds other fingerprints of the golden values than this "
                f"program computes; enroll again with this version"
            )

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(self._columns)

    def lookup(self, name: Field, values: Fingerprints) -> tuple[NDArray[np.int64], Ordinals]:
        """The hits of a batch: for each, the index of the value and the customer's ordinal.

        A value that several customers share hits once for each of them.
        """
        columns = self._columns.get(name)
        if columns is None or not len(values):
            return np.empty(0, np.int64), np.empty(0, np.uint32)
        pairs = np.ascontiguousarray(values).view(">u8").astype("<u8")
        order = np.argsort(pairs[:, 0])  # a sorted batch walks the file once
        hi, lo = pairs[order, 0], pairs[order, 1]
        first = np.searchsorted(columns.hi, hi, side="left")
        sizes = np.searchsorted(columns.hi, hi, side="right") - first
        query = np.repeat(np.arange(len(hi)), sizes)
        steps = np.arange(len(query)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        place = first[query] + steps
        exact = columns.lo[place] == lo[query]
        return order[query[exact]], columns.ordinals[place[exact]]


def open_segment(path: Path, *, company: str | None = None) -> Segment:
    """Check the whole file; raises SegmentRefused. `company`: whose it has to be, None for anybody's."""
    try:
        with path.open("rb") as stream:
            header, start = _read_header(stream, path)
            _check_bytes(stream, path)
            _check_version(header, path)
            if company is not None and header.company != company:
                raise SegmentForeign(
                    f"the segment {path} was made for the company {header.company!r}, not for {company!r}"
                )
            return Segment(path, header, _mapped(stream, header, start))
    except FileNotFoundError:
        raise SegmentMissing(f"the segment {path} is not there; import it again") from None
    except OSError as error:
        raise SegmentMissing(f"the segment {path} cannot be read: {error.strerror}") from None


def _read_header(stream: BinaryIO, path: Path) -> tuple[Header, int]:
    """The header and where the columns start; the file is as long as the header says."""
    prefix = stream.read(_PREFIX_SIZE)
    if not prefix.startswith(MAGIC):
        raise SegmentDamaged(f"{path} is not a segment: it does not begin with {MAGIC!r}")
    length = int.from_bytes(prefix[len(MAGIC) :], "little")
    if len(prefix) < _PREFIX_SIZE or length > HEADER_LIMIT:
        raise SegmentDamaged(
            f"the segment {path} has a header of {length} bytes; wanted: at most {HEADER_LIMIT}"
        )
    content = stream.read(length)
    header = _parsed(content, path)
    start = _PREFIX_SIZE + length
    wanted = start + _ENTRY_SIZE * sum(header.counts.values()) + _DIGEST_SIZE
    size = os.fstat(stream.fileno()).st_size
    if size < wanted:
        raise SegmentTruncated(f"the segment {path} has {size} bytes of {wanted}; copy it again")
    if size > wanted:
        raise SegmentDamaged(f"the segment {path} has {size} bytes, {size - wanted} too many; copy it again")
    return header, start


def _parsed(content: bytes, path: Path) -> Header:
    try:
        stated = json.loads(content)
        if isinstance(stated, dict) and stated.get("version", VERSION) != VERSION:
            raise _unknown_version(stated["version"], path)
        return Header.model_validate(stated)
    except (ValueError, ValidationError, RecursionError):
        raise SegmentDamaged(f"the segment {path} has a header that cannot be read; copy it again") from None


def _unknown_version(version: object, path: Path) -> SegmentVersionUnknown:
    return SegmentVersionUnknown(
        f"the segment {path} has the format {str(version)[:20]!r}; this program reads {VERSION}: "
        f"install the version of Spillwatch that wrote it, or enroll again"
    )


def _check_version(header: Header, path: Path) -> None:
    if header.normaliser_version != NORMALISER_VERSION:
        raise SegmentNormaliserChanged(
            f"the segment {path} was normalised by rules {header.normaliser_version}; this program has rules "
            f"{NORMALISER_VERSION}: enroll again with this version"
        )


def _check_bytes(stream: BinaryIO, path: Path) -> None:
    checksum = hashlib.sha256()
    stream.seek(0)
    left = os.fstat(stream.fileno()).st_size - _DIGEST_SIZE
    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
        checksum.update(chunk)
        left -= len(chunk)
    if checksum.digest() != stream.read(_DIGEST_SIZE):
        raise SegmentDamaged(f"the segment {path} is damaged: its checksum is another one; copy it again")


def _mapped(stream: BinaryIO, header: Header, at: int) -> dict[Field, Columns]:
    mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    place = at + 2 * 8 * sum(header.counts.values())  # of the ordinals
    columns = {}
    for name, count in header.counts.items():
        hi = np.frombuffer(mapped, dtype="<u8", count=count, offset=at)
        lo = np.frombuffer(mapped, dtype="<u8", count=count, offset=at + 8 * count)
        ordinals = np.frombuffer(mapped, dtype="<u4", count=count, offset=place)
        columns[name] = Columns(hi, lo, ordinals)
        at += 16 * count
        place += 4 * count
    return columns
