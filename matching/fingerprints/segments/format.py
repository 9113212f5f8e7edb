"""The bytes of a segment file, formats 2 and 3: what travels from a company's premises to the monitor.

    magic (8 bytes)  header length (4)  header (JSON, ASCII, padded with spaces)
    for each field of the header: records (16 n)  directory (4 * (2^bits + 1), padded)
    erased ordinals (4 e, padded)
    format 3: cohorts (1 byte per ordinal, padded)
    format 3, for each mask template of the header: tags (5 n, padded)  directory (4 * 257, padded)
        counts of anchors (8 a, padded)
    format 3, for each kind of ending: its counts (8 e, padded)
    SHA-256 of each block of 1 MiB from the first record on (32 each)
    SHA-256 of everything before the first record, and of those digests (32)

A record is the first 12 bytes of a fingerprint, as a number of 8 and one of 4 bytes, and the customer's
ordinal; records are sorted. The directory says where the records begin whose first bits are 0, 1, 2, ...: 8
to 16 records per entry on average. All numbers are little endian, all parts begin at a multiple of 16. The
offset of each part follows from the header's counts alone, so a file has exactly one right length. `parts`
describes what format 3 adds, `tag_table` the tags; a file without such parts has format 2.

The last digest covers the header and all other digests. So opening a file can check them without reading
records or ordinals, and `verify` checks the rest. No digest proves who wrote the file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, StringConstraints, ValidationError, model_validator

from matching.errors import SegmentDamaged, SegmentTooLarge, SegmentTruncated, SegmentVersionUnknown
from matching.fingerprints.segments.parts import PARTS, Count, HeaderParts
from matching.fingerprints.segments.tag_table import COUNT_RECORD, DIRECTORY_SIZE, TAG_RECORD
from matching.identifiers import Field

MAGIC = b"SWSEGMT\n"
VERSION = 3
PLAIN_VERSION = 2  # of files that have fingerprints only
SUFFIX = ".segment"
HEADER_LIMIT = 256 * 1024  # bytes
PREFIX_SIZE = len(MAGIC) + 4
DIGEST_SIZE = 32
BLOCK = 1 << 20  # bytes covered by one digest
ALIGNMENT = 16
# 2^bits is a sixteenth to an eighth of the count: 0.25 to 0.5 bytes of directory per record.
_RECORDS_PER_BUCKET_BITS = 4

RECORD = np.dtype([("hi", "<u8"), ("lo", "<u4"), ("ordinal", "<u4")])
Records = NDArray[np.void]  # of RECORD
Ordinals = NDArray[np.uint32]

_Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,32}$")]
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class SegmentHeader(HeaderParts):
    """The header of a segment. It holds nothing secret.

    The files of one series follow each other: a base, then deltas. `id` names the state of the company's
    customers after this file is imported, `previous` the state before; None: the file is a base. A base that
    deltas were merged into has the id and the sequence of the last of them.
    """

    version: int
    series: _Id
    id: _Id
    sequence: Count
    previous: _Id | None
    company: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    default_region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    key_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
    key_check: _Hex
    normalisers: dict[Field, int]  # version of the rules for the canonical form of each field
    created_at: AwareDatetime
    customers: Count  # the highest ordinal given so far, including erased customers
    counts: dict[Field, Count]  # records per field, in the order of the file
    erased: Count  # number of erased ordinals
    golden: dict[Field, _Hex]
    countries: tuple[str, ...] = ()  # of the national numbers

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.normalisers.keys() != self.counts.keys():
            raise ValueError("normalisers and counts must have the same fields")
        if self.previous is None and self.erased:
            raise ValueError("a base cannot erase customers: only a delta has erased ordinals")
        if self.previous is not None and not self.sequence:
            raise ValueError("a delta must have a sequence of 1 or more: 0 is the base")
        if self.cohort_ordinals not in (0, self.customers) and self.previous is None:
            raise ValueError("a base has cohorts of all customers or of none")
        if self.cohort_ordinals > self.customers:
            raise ValueError("there are more cohorts than customers")
        if any(one.last > self.customers for one in self.canary_sets):
            raise ValueError("a set of canaries ends beyond the last customer")
        return self

    @property
    def is_delta(self) -> bool:
        return self.previous is not None

    @property
    def fingerprints(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class FieldSection:
    """The offsets of one field in the file."""

    count: int
    bits: int  # of the directory
    records: int
    directory: int

    @property
    def end(self) -> int:
        return aligned(self.directory + 4 * ((1 << self.bits) + 1))


@dataclass(frozen=True, slots=True)
class TemplateSection:
    """The offsets of one mask template in the file."""

    tags: int
    directory: int
    anchors: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The offsets of all parts of a file, computed from the header."""

    start: int  # of the first record
    sections: Mapping[Field, FieldSection]
    erased: int
    cohorts: int
    templates: Mapping[str, TemplateSection]
    endings: Mapping[str, int]
    digests: int  # also the end of the blocks
    size: int

    @classmethod
    def of(cls, header: SegmentHeader, start: int) -> Self:
        sections, at = {}, start
        for name, count in header.counts.items():
            section = FieldSection(count, directory_bits(count), at, at + RECORD.itemsize * count)
            sections[name], at = section, section.end
        erased, cohorts = at, aligned(at + 4 * header.erased)
        at = aligned(cohorts + header.cohort_ordinals)
        templates, endings = {}, {}
        for template, sizes in (header.masks.templates if header.masks else {}).items():
            directory = aligned(at + TAG_RECORD.itemsize * sizes.tags)
            anchors = aligned(directory + 4 * DIRECTORY_SIZE)
            templates[template] = TemplateSection(at, directory, anchors)
            at = aligned(anchors + COUNT_RECORD.itemsize * sizes.anchors)
        for kind, histogram in (header.masks.endings if header.masks else {}).items():
            endings[kind], at = at, aligned(at + COUNT_RECORD.itemsize * histogram.listed)
        blocks = -(-(at - start) // BLOCK)
        size = at + DIGEST_SIZE * (blocks + 1)
        return cls(start, sections, erased, cohorts, templates, endings, at, size)


def directory_bits(count: int) -> int:
    return max(0, count.bit_length() - _RECORDS_PER_BUCKET_BITS)


def aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def encoded_header(header: SegmentHeader, size: int | None = None) -> bytes:
    """Return magic, length and header, padded to `size` bytes; None: as short as possible.

    Raises SegmentTooLarge if no reader would accept it.
    """
    left_out = set(PARTS) if header.version == PLAIN_VERSION else None
    stated = header.model_dump(mode="json", exclude=left_out)
    content = json.dumps(stated, separators=(",", ":")).encode("ascii")
    if len(content) + ALIGNMENT > HEADER_LIMIT:
        raise SegmentTooLarge(
            f"the header of the segment has {len(content)} bytes; at most {HEADER_LIMIT - ALIGNMENT} are "
            f"possible: declare fewer columns, or fewer sets of canaries"
        )
    size = aligned(PREFIX_SIZE + len(content)) if size is None else size
    content = content.ljust(size - PREFIX_SIZE)
    return MAGIC + len(content).to_bytes(4, "little") + content


def read_header_json(stream: BinaryIO, path: Path) -> tuple[dict[str, object], bytes]:
    """Return the header as JSON, not validated yet, and the bytes that were read."""
    begin = stream.read(PREFIX_SIZE)
    if not begin.startswith(MAGIC):
        raise SegmentDamaged(f"{path} is not a segment: it does not begin with {MAGIC!r}")
    length = int.from_bytes(begin[len(MAGIC) :], "little")
    if len(begin) < PREFIX_SIZE or length > HEADER_LIMIT:
        raise SegmentDamaged(
            f"the segment {path} has a header of {length} bytes; expected at most {HEADER_LIMIT}; copy it "
            f"again"
        )
    content = stream.read(length)
    try:
        stated = json.loads(content)
    except (ValueError, RecursionError):
        raise unreadable_header(path) from None
    if not isinstance(stated, dict):
        raise unreadable_header(path)
    return stated, begin + content


def parse_header(stated: Mapping[str, object], path: Path) -> SegmentHeader:
    """Validate the header of a file of format 2 or 3."""
    version = stated.get("version")
    if version not in (PLAIN_VERSION, VERSION):
        raise SegmentVersionUnknown(
            f"the segment {path} has the format {str(version)[:20]!r}; this program reads 1 to {VERSION}: "
            f"install the version of Spillwatch that wrote it, or enroll again"
        )
    if version == PLAIN_VERSION and not PARTS.keys().isdisjoint(stated):
        raise unreadable_header(path)
    try:
        return SegmentHeader.model_validate(stated)
    except ValidationError:
        raise unreadable_header(path) from None


def unreadable_header(path: Path) -> SegmentDamaged:
    return SegmentDamaged(f"the header of the segment {path} is invalid; copy it again")


def check_size(found: int, wanted: int, path: Path) -> None:
    """Raise SegmentTruncated or SegmentDamaged unless the sizes are equal."""
    if found < wanted:
        raise SegmentTruncated(f"the segment {path} has only {found} of {wanted} bytes; copy it again")
    if found > wanted:
        raise SegmentDamaged(
            f"the segment {path} has {found} bytes, but {wanted} are expected; copy it again"
        )


def damaged_segment(path: Path, what: str) -> SegmentDamaged:
    return SegmentDamaged(f"the segment {path} is damaged: {what}; copy it again")


def sha256(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()
