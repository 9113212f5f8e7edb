"""Opens a segment file and looks fingerprints up in it. Opening reads no records."""

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.errors import (
    SegmentForeign,
    SegmentKeyWrong,
    SegmentMissing,
    SegmentNormaliserChanged,
    SegmentTruncated,
)
from matching.fingerprints.scheme import Fingerprints, Key
from matching.fingerprints.segments.format import (
    DIGEST_SIZE,
    RECORD,
    Layout,
    Ordinals,
    SegmentHeader,
    check_size,
    damaged_segment,
    parse_header,
    read_header_json,
    sha256,
)
from matching.fingerprints.segments.format1 import read_format1
from matching.fingerprints.segments.golden_vectors import golden_vectors
from matching.fingerprints.segments.lookup_table import Hits, LookupTable, lookup, no_hits
from matching.fingerprints.segments.tag_table import (
    COUNT_RECORD,
    DIRECTORY_SIZE,
    TAG_RECORD,
    MaskTables,
    TagTable,
)
from matching.identifiers import NORMALISERS, Field
from matching.native.probe import Marks


@dataclass(frozen=True, slots=True)
class MappedFile:
    """The memory-mapped file of a segment of format 2 or 3."""

    content: mmap.mmap
    layout: Layout

    def check_size_unchanged(self, path: Path) -> None:
        """Raise SegmentTruncated if the file changed its size since it was opened.

        Called before each read: reading a mapped page beyond the file's end kills the process (SIGBUS).
        """
        if self.content.size() != self.layout.size:
            raise SegmentTruncated(
                f"the segment {path} was {self.layout.size} bytes long when it was opened and is "
                f"{self.content.size()} now: somebody changed it in place; import it again"
            )


@dataclass(frozen=True, slots=True)
class MappedSegment:
    """An open segment, base or delta. `lookup` works on the mapped file and loads nothing."""

    path: Path
    header: SegmentHeader
    tables: Mapping[Field, LookupTable] = field(repr=False)
    erased: Ordinals = field(repr=False)
    mapped: MappedFile | None = field(repr=False)  # None: format 1, in memory
    digest: str  # in hex; identifies the content of a verified file
    cohorts: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8), repr=False)
    masks: MaskTables | None = field(default=None, repr=False)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that can be looked up."""
        return tuple(name for name in self.tables if name not in self.outdated)

    @property
    def outdated(self) -> tuple[Field, ...]:
        """Fields whose values were normalised by another version of the rules than this program's."""
        return tuple(
            name for name, version in self.header.normalisers.items() if version != NORMALISERS[name]
        )

    def check_key(self, key: Key) -> None:
        """Raise SegmentKeyWrong or SegmentNormaliserChanged unless `key` gives these fingerprints."""
        if key.check_value(self.header.company) != self.header.key_check:
            raise SegmentKeyWrong(
                f"the segment {self.path} was made with the key {self.header.key_id}, but the given key is "
                f"another one (id {key.id}); name the right key, or enroll again"
            )
        computed = golden_vectors(key, self.header.company, self.fields)
        if any(self.header.golden.get(name) != computed[name] for name in computed):
            raise SegmentNormaliserChanged(
                f"the golden vectors of the segment {self.path} are not those that this program computes; "
                f"enroll again with this version"
            )

    def cohort_of(self, ordinals: Ordinals) -> NDArray[np.uint8]:
        """Return the number of each customer's cohort in `header.cohorts`, from 1 on; 0: not known."""
        self.check_size_unchanged()
        place = ordinals.astype(np.int64) - (self.header.customers - len(self.cohorts) + 1)
        inside = (place >= 0) & (place < len(self.cohorts))
        found = np.zeros(len(ordinals), np.uint8)
        found[inside] = self.cohorts[place[inside]]
        return known_cohorts(found, len(self.header.cohorts))

    def check_size_unchanged(self) -> None:
        """Raise SegmentTruncated if the mapped file changed its size; call it before each read."""
        if self.mapped is not None:
            self.mapped.check_size_unchanged(self.path)

    def release_pages(self) -> None:
        """Give the memory of the pages read so far back to the system; they are read again when needed."""
        if self.mapped is not None:
            self.mapped.content.madvise(mmap.MADV_DONTNEED)

    def lookup_marks(self, name: Field) -> Marks | None:
        """Return the marks with which a lookup begins; None: there are none yet."""
        return self.tables[name].marking.made if name in self.tables else None

    def lookup(self, name: Field, values: Fingerprints) -> Hits:
        """Return the hits of a batch: for each, the place of the value and the customer's ordinal.

        A value that several customers share gives one hit for each of the first SHARED_LIMIT of them.
        """
        if name not in self.tables or name in self.outdated:
            return no_hits()
        self.check_size_unchanged()
        return lookup(self.tables[name], values)


def known_cohorts(numbers: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return the numbers of cohorts with 0 for those that a damaged file invents."""
    return np.where(numbers <= count, numbers, 0).astype(np.uint8)


def open_segment(path: Path, *, company: str | None = None) -> MappedSegment:
    """Open a segment without reading its records; `verify_segment` reads them.

    `company`: whose it must be, None for any. Raises SegmentRefused.
    """
    try:
        segment = _open_file(path)
    except FileNotFoundError:
        raise SegmentMissing(
            f"the segment {path} does not exist; import it again, or correct the path"
        ) from None
    except OSError as error:
        raise SegmentMissing(f"the segment {path} cannot be read: {error.strerror}") from None
    if company is not None and segment.header.company != company:
        raise SegmentForeign(
            f"the segment {path} was made for the company {segment.header.company!r}, not for {company!r}"
        )
    _check_normalisers(segment)
    return segment


def _open_file(path: Path) -> MappedSegment:
    with path.open("rb") as stream:
        stated, begin = read_header_json(stream, path)
        if stated.get("version") == 1:
            header, records, digest = read_format1(stream, stated, len(begin), path)
            tables = {name: LookupTable.of(part) for name, part in records.items()}
            return MappedSegment(path, header, tables, np.empty(0, np.uint32), None, digest)
        header = parse_header(stated, path)
        layout = Layout.of(header, len(begin))
        check_size(os.fstat(stream.fileno()).st_size, layout.size, path)
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    digests = content[layout.digests : layout.size - DIGEST_SIZE]
    root = content[layout.size - DIGEST_SIZE :]
    if sha256(begin, digests) != root:
        raise damaged_segment(path, "its header or its digests do not match the last digest")
    tables = _lookup_tables(content, layout, path)
    erased = np.frombuffer(content, "<u4", header.erased, layout.erased)
    cohorts = np.frombuffer(content, np.uint8, header.cohort_ordinals, layout.cohorts)
    masks = _mask_tables(content, header, layout, path)
    mapped = MappedFile(content, layout)
    return MappedSegment(path, header, tables, erased, mapped, root.hex(), cohorts, masks)


def _lookup_tables(content: mmap.mmap, layout: Layout, path: Path) -> dict[Field, LookupTable]:
    tables = {}
    for name, section in layout.sections.items():
        records = np.frombuffer(content, RECORD, section.count, section.records)
        directory = np.frombuffer(content, "<u4", (1 << section.bits) + 1, section.directory)
        tables[name] = LookupTable(records, directory, section.bits)
        if not tables[name].is_sound():
            raise damaged_segment(path, f"the directory of its field {name} leads outside the records")
    return tables


def _mask_tables(content: mmap.mmap, header: SegmentHeader, layout: Layout, path: Path) -> MaskTables | None:
    if header.masks is None:
        return None
    tags, anchors = {}, {}
    for name, section in layout.templates.items():
        sizes = header.masks.templates[name]
        records = np.frombuffer(content, TAG_RECORD, sizes.tags, section.tags)
        tags[name] = TagTable(records, np.frombuffer(content, "<u4", DIRECTORY_SIZE, section.directory))
        anchors[name] = np.frombuffer(content, COUNT_RECORD, sizes.anchors, section.anchors)
        if not tags[name].is_sound():
            raise damaged_segment(path, f"the directory of its mask template {name} leads outside the tags")
    endings = {
        kind: np.frombuffer(content, COUNT_RECORD, header.masks.endings[kind].listed, at)
        for kind, at in layout.endings.items()
    }
    return MaskTables(tags, anchors, endings)


def _check_normalisers(segment: MappedSegment) -> None:
    """Raise SegmentNormaliserChanged if no field can be compared; one is enough, the rest is `outdated`."""
    if segment.outdated and not segment.fields:
        stated = segment.header.normalisers
        rules = ", ".join(
            f"{name} by rules {stated[name]} (this program: {NORMALISERS[name]})" for name in segment.outdated
        )
        raise SegmentNormaliserChanged(
            f"the values of the segment {segment.path} were normalised by other rules than this program's: "
            f"{rules}; enroll again with this version"
        )
