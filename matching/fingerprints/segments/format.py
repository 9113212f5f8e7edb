"""The bytes of a segment file, format 2: what travels from a company's premises to the monitor.

    magic (8 bytes)  header length (4)  header (JSON, ASCII, padded with spaces)
    for each field of the header: records (16 n)  directory (4 * (2^bits + 1), padded)
    erased ordinals (4 e, padded)
    SHA-256 of each block of 1 MiB from the first record on (32 each)
    SHA-256 of everything before the first record, and of those digests (32)

A record is the first 12 bytes of a fingerprint, as a number of 8 and one of 4 bytes, and the customer's
ordinal; records are sorted. The directory says where the records begin whose first bits are 0, 1, 2, ...: on
average 8 to 16 stand under each. All numbers are little endian, all parts begin at a multiple of 16. Where a
part stands follows from the header's counts alone, so a file has one right length.

The last digest proves the header and all the other digests, so opening reads neither records nor ordinals,
and `verify` proves the whole. None of them proves who wrote the file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator
from pydantic import Field as ModelField

from matching.errors import SegmentDamaged, SegmentTruncated, SegmentVersionUnknown
from matching.identifiers import Field

MAGIC = b"SWSEGMT\n"
VERSION = 2
SUFFIX = ".segment"
HEADER_LIMIT = 64 * 1024  # bytes
PREFIX_SIZE = len(MAGIC) + 4
DIGEST_SIZE = 32
BLOCK = 1 << 20  # bytes that one digest proves
ALIGNMENT = 16
COUNT_LIMIT = 1 << 32  # of records of one field: the directory's entries have 4 bytes
# 2^bits is a sixteenth to an eighth of the count: 0.25 to 0.5 bytes of directory a record.
_RECORDS_PER_BUCKET_BITS = 4

RECORD = np.dtype([("hi", "<u8"), ("lo", "<u4"), ("ordinal", "<u4")])
Records = NDArray[np.void]  # of RECORD
Ordinals = NDArray[np.uint32]

_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,32}$")]
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_Count = Annotated[int, ModelField(ge=0, lt=COUNT_LIMIT)]


class SegmentHeader(BaseModel):
    """What a segment says of itself; anybody may read it.

    Segments of one series follow each other: a base, then deltas. `id` names the state that a company's
    customers are in once this file is taken up, `previous` the one before; None: the file is a base and
    needs no other. A base that deltas were merged into has the id and the sequence of the last of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    series: _Id
    id: _Id
    sequence: _Count
    previous: _Id | None
    company: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    default_region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    key_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
    key_check: _Hex
    normalisers: dict[Field, int]  # the version of the rules that brought each field to its one form
    created_at: AwareDatetime
    customers: _Count  # the highest ordinal given so far, erased ones included
    counts: dict[Field, _Count]  # records, in the order of the file
    erased: _Count  # ordinals
    golden: dict[Field, _Hex]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.normalisers.keys() != self.counts.keys():
            raise ValueError("the fields of normalisers and counts differ")
        if self.previous is None and self.erased:
            raise ValueError("a base erases nothing")
        if self.previous is not None and not self.sequence:
            raise ValueError("a delta follows a base")
        return self

    @property
    def is_delta(self) -> bool:
        return self.previous is not None

    @property
    def fingerprints(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class FieldSection:
    """Where one field stands: offsets in the file."""

    count: int
    bits: int  # of the directory
    records: int
    directory: int

    @property
    def end(self) -> int:
        return aligned(self.directory + 4 * ((1 << self.bits) + 1))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands; it follows from the header."""

    start: int  # of the first record
    sections: Mapping[Field, FieldSection]
    erased: int
    digests: int  # where the blocks end too
    size: int

    @classmethod
    def of(cls, header: SegmentHeader, start: int) -> Self:
        sections, at = {}, start
        for name, count in header.counts.items():
            section = FieldSection(count, directory_bits(count), at, at + RECORD.itemsize * count)
            sections[name], at = section, section.end
        digests = aligned(at + 4 * header.erased)
        blocks = -(-(digests - start) // BLOCK)
        return cls(start, sections, at, digests, digests + DIGEST_SIZE * (blocks + 1))


def directory_bits(count: int) -> int:
    return max(0, count.bit_length() - _RECORDS_PER_BUCKET_BITS)


def aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def prefix(header: SegmentHeader, size: int | None = None) -> bytes:
    """Magic, length and header. `size`: how long it has to be, None for the least."""
    content = header.model_dump_json().encode("ascii")
    size = aligned(PREFIX_SIZE + len(content)) if size is None else size
    content = content.ljust(size - PREFIX_SIZE)
    return MAGIC + len(content).to_bytes(4, "little") + content


def read_stated(stream: BinaryIO, path: Path) -> tuple[dict[str, object], bytes]:
    """What the header says, not validated yet, and the bytes that were read for it."""
    begin = stream.read(PREFIX_SIZE)
    if not begin.startswith(MAGIC):
        raise SegmentDamaged(f"{path} is not a segment: it does not begin with {MAGIC!r}")
    length = int.from_bytes(begin[len(MAGIC) :], "little")
    if len(begin) < PREFIX_SIZE or length > HEADER_LIMIT:
        raise SegmentDamaged(
            f"the segment {path} has a header of {length} bytes; wanted: at most {HEADER_LIMIT}"
        )
    content = stream.read(length)
    try:
        stated = json.loads(content)
    except (ValueError, RecursionError):
        raise header_unreadable(path) from None
    if not isinstance(stated, dict):
        raise header_unreadable(path)
    return stated, begin + content


def parsed(stated: Mapping[str, object], path: Path) -> SegmentHeader:
    """The header of a file of format 2."""
    if stated.get("version") != VERSION:
        raise SegmentVersionUnknown(
            f"the segment {path} has the format {str(stated.get('version'))[:20]!r}; this program reads 1 "
            f"and {VERSION}: install the version of Spillwatch that wrote it, or enroll again"
        )
    try:
        return SegmentHeader.model_validate(stated)
    except ValidationError:
        raise header_unreadable(path) from None


def header_unreadable(path: Path) -> SegmentDamaged:
    return SegmentDamaged(f"the segment {path} has a header that cannot be read; copy it again")


def check_size(found: int, wanted: int, path: Path) -> None:
    """Raises SegmentTruncated or SegmentDamaged."""
    if found < wanted:
        raise SegmentTruncated(f"the segment {path} has {found} bytes of {wanted}; copy it again")
    if found > wanted:
        raise SegmentDamaged(
            f"the segment {path} has {found} bytes, {found - wanted} too many; copy it again"
        )


def damaged(path: Path, what: str) -> SegmentDamaged:
    return SegmentDamaged(f"the segment {path} is damaged: {what}; copy it again")


def sha256(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()
