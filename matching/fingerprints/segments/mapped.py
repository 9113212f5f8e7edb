"""Opens a segment file and looks fingerprints up in it. Opening reads header, digests and directory only."""

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from matching.errors import (
    SegmentForeign,
    SegmentKeyWrong,
    SegmentMissing,
    SegmentNormaliserChanged,
    SegmentTruncated,
)
from matching.fingerprints.scheme import Fingerprints, Key
from matching.fingerprints.segments import version1
from matching.fingerprints.segments.format import (
    DIGEST_SIZE,
    RECORD,
    Layout,
    Ordinals,
    SegmentHeader,
    check_size,
    damaged,
    parsed,
    read_stated,
    sha256,
)
from matching.fingerprints.segments.golden import golden
from matching.fingerprints.segments.probe import Hits, LookupTable, lookup, none
from matching.identifiers import NORMALISERS, Field


@dataclass(frozen=True, slots=True)
class Mapped:
    """The file behind a segment of format 2."""

    content: mmap.mmap
    layout: Layout

    def check_whole(self, path: Path) -> None:
        """Asked before each read: a page that is gone from under a mapping would end the process."""
        if self.content.size() != self.layout.size:
            raise SegmentTruncated(
                f"the segment {path} was changed in its place after it was opened; import it again"
            )


@dataclass(frozen=True, slots=True)
class MappedSegment:
    """An open segment, base or delta. `lookup` works on the mapped file and loads nothing."""

    path: Path
    header: SegmentHeader
    tables: Mapping[Field, LookupTable] = field(repr=False)
    erased: Ordinals = field(repr=False)
    mapped: Mapped | None = field(repr=False)  # None: format 1, in memory
    digest: str  # of everything that the file holds, if it is whole; in hex

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those that can be looked up."""
        return tuple(name for name in self.tables if name not in self.outdated)

    @property
    def outdated(self) -> tuple[Field, ...]:
        """Fields whose values were brought to their one form by other rules than this program's."""
        return tuple(
            name for name, version in self.header.normalisers.items() if version != NORMALISERS[name]
        )

    def check_key(self, key: Key) -> None:
        """Raises SegmentKeyWrong or SegmentNormaliserChanged unless `key` gives these fingerprints."""
        if key.check_value(self.header.company) != self.header.key_check:
            raise SegmentKeyWrong(
                f"the segment {self.path} was made with the key {self.header.key_id}, and this is "
                f"another one (id {key.id}); name the right key, or enroll again"
            )
        computed = golden(key, self.header.company, self.fields)
        if any(self.header.golden.get(name) != computed[name] for name in computed):
            raise SegmentNormaliserChanged(
                f"the segment {self.path} holds other fingerprints of the golden values than this "
                f"program computes; enroll again with this version"
            )

    def let_go(self) -> None:
        """What was read of the file is no longer held in memory; it is read again when it is needed."""
        if self.mapped is not None:
            self.mapped.content.madvise(mmap.MADV_DONTNEED)

    def lookup(self, name: Field, values: Fingerprints) -> Hits:
        """The hits of a batch: for each, the index of the value and the customer's ordinal.

        A value that several customers share hits once for each of the first SHARED_LIMIT of them.
        """
        if name not in self.tables or name in self.outdated:
            return none()
        if self.mapped is not None:
            self.mapped.check_whole(self.path)
        return lookup(self.tables[name], values)


def open_segment(path: Path, *, company: str | None = None) -> MappedSegment:
    """Raises SegmentRefused. `company`: whose it has to be, None for anybody's.

    Records are not read; `verify` does that.
    """
    try:
        segment = _opened(path)
    except FileNotFoundError:
        raise SegmentMissing(f"the segment {path} is not there; import it again") from None
    except OSError as error:
        raise SegmentMissing(f"the segment {path} cannot be read: {error.strerror}") from None
    if company is not None and segment.header.company != company:
        raise SegmentForeign(
            f"the segment {path} was made for the company {segment.header.company!r}, not for {company!r}"
        )
    _check_normalisers(segment)
    return segment


def _opened(path: Path) -> MappedSegment:
    with path.open("rb") as stream:
        stated, begin = read_stated(stream, path)
        if stated.get("version") == 1:
            header, records, digest = version1.read(stream, stated, len(begin), path)
            tables = {name: LookupTable.of(part) for name, part in records.items()}
            return MappedSegment(path, header, tables, np.empty(0, np.uint32), None, digest)
        header = parsed(stated, path)
        layout = Layout.of(header, len(begin))
        check_size(os.fstat(stream.fileno()).st_size, layout.size, path)
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    digests = content[layout.digests : layout.size - DIGEST_SIZE]
    root = content[layout.size - DIGEST_SIZE :]
    if sha256(begin, digests) != root:
        raise damaged(path, "its header is not the one that was written")
    tables = _tables(content, layout, path)
    erased = np.frombuffer(content, "<u4", header.erased, layout.erased)
    return MappedSegment(path, header, tables, erased, Mapped(content, layout), root.hex())


def _tables(content: mmap.mmap, layout: Layout, path: Path) -> dict[Field, LookupTable]:
    tables = {}
    for name, section in layout.sections.items():
        records = np.frombuffer(content, RECORD, section.count, section.records)
        directory = np.frombuffer(content, "<u4", (1 << section.bits) + 1, section.directory)
        tables[name] = LookupTable(records, directory, section.bits)
        if not tables[name].is_sound():
            raise damaged(path, f"the directory of its field {name} leads out of it")
    return tables


def _check_normalisers(segment: MappedSegment) -> None:
    """One field that can be compared is enough: the others are said to be `outdated`."""
    if segment.outdated and not segment.fields:
        stated = segment.header.normalisers
        rules = ", ".join(
            f"{name} by rules {stated[name]} (this program: {NORMALISERS[name]})" for name in segment.outdated
        )
        raise SegmentNormaliserChanged(
            f"the segment {segment.path} was normalised by other rules than this program's: {rules}; "
            f"enroll again with this version"
        )
