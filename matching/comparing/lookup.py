"""Compare a block of text with all fingerprints: candidates in, hits out, all of it in arrays.

1. The scanner of each region finds the candidates of the fields that the region's segments have, also those
   that are written in escapes (`matching.scanning.undoing`).
2. Candidates from the cells of a table join them (`cells`).
3. For each key and field the fingerprints are computed in one batch and looked up in the key's segments.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.fingerprints.scheme import Fingerprinter
from matching.fingerprints.segments import SHARED_LIMIT, SegmentPurpose
from matching.identifiers import COUNTRIES, SCANNED, Field
from matching.scanning.candidates import CandidateBatch, Places
from matching.scanning.scanner import Block, Scanner
from matching.scanning.undoing import UndoneBlock
from matching.watch import WatchedSegment

#: In arrays a field is represented by its index in this order.
FIELDS = tuple(Field)
_FIELD_CODES = {field: code for code, field in enumerate(FIELDS)}


class Hits(NamedTuple):
    """Arrays of one length, in the order of the places."""

    places: Places  # bytes from the beginning of the block
    segments: NDArray[np.uint16]  # index among the comparison's segments
    fields: NDArray[np.uint8]  # index in FIELDS
    ordinals: NDArray[np.uint32]

    @property
    def size(self) -> int:
        return len(self.places)


class FieldHits(NamedTuple):
    """The hits of one field in one segment, in no order."""

    segment: int
    field: int
    places: Places
    ordinals: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class SegmentsOfKey:
    """The segments that one key made: each value is fingerprinted once for all of them."""

    company_id: int
    segments: tuple[tuple[int, WatchedSegment], ...]  # with their index among the comparison's
    fingerprinters: Mapping[Field, Fingerprinter]


#: Called with the candidates of a region's scan and the region's keys.
OnScan = Callable[[Mapping[Field, CandidateBatch], Sequence[SegmentsOfKey]], None]


@dataclass(frozen=True, slots=True)
class _Region:
    """The segments whose companies read telephone numbers without + as those of one country."""

    scanner: Scanner
    keys: tuple[SegmentsOfKey, ...]


class Comparison:
    """Compares blocks with a set of segments. One thread at a time may use it: a scanner owns its buffers."""

    def __init__(self, segments: Sequence[WatchedSegment], *, native: bool = True) -> None:
        self.segments = tuple(segments)
        #: Countries of the national numbers that the segments hold.
        self.countries = _countries_of(self.segments)
        #: The fields that any of the segments holds.
        self.fields = frozenset(field for watched in self.segments for field in watched.segment.fields)
        by_region: dict[str, list[tuple[int, WatchedSegment]]] = defaultdict(list)
        for index, watched in enumerate(self.segments):
            by_region[watched.region].append((index, watched))
        self._regions = tuple(_build_region(name, own, native=native) for name, own in by_region.items())

    def compare(
        self,
        block: Block,
        *,
        cells: Mapping[Field, CandidateBatch] | None = None,
        companies: Collection[int] | None = None,
        after: int = 0,
        before: int | None = None,
        signs: int | None = None,
        on_scan: OnScan | None = None,
    ) -> tuple[Hits, Counter[Field]]:
        """Return the hits, and how many candidates of each field were compared.

        `companies` None: all of them; canaries are compared in any case, and nobody else's candidates count.
        `signs`: the block's, if they are known. Candidates that end at the byte `after` or earlier, or behind
        `before`, belong to another block and are left out. `on_scan` gets what `scan_regions` yields.
        """
        counts: Counter[Field] = Counter()
        found: list[FieldHits] = []
        for candidates, keys in self.scan_regions(block, companies, signs):
            if on_scan:
                on_scan(candidates, keys)
            counted = companies is None or any(key.company_id in companies for key in keys)
            for field, batch in (cells or {}).items():
                candidates[field] = _join_batches(candidates[field], batch) if field in candidates else batch
            for field, batch in candidates.items():
                if after or before is not None:
                    end = len(block) if before is None else before
                    batch = batch.only((batch.ends > after) & (batch.ends <= end))
                if counted:  # Regions find mostly the same candidates, which count once.
                    counts[field] = max(counts[field], len(batch))
                found += look_up(field, batch, keys)
        return _sort_hits(found), counts

    def scan_regions(
        self, block: Block, companies: Collection[int] | None, signs: int | None = None
    ) -> Iterator[tuple[dict[Field, CandidateBatch], Sequence[SegmentsOfKey]]]:
        """Yield the block's candidates and the keys of each region that has segments of these companies or
        of canaries.
        """
        undone: UndoneBlock | None = None
        is_first = True
        for region in self._regions:
            keys = list(_wanted_keys(region.keys, companies))
            if not keys:
                continue
            if is_first:
                undone, is_first = UndoneBlock.of(block, signs), False
            found = region.scanner.scan(block)
            yield (undone.with_undone(found, region.scanner) if undone else dict(found)), keys


def _wanted_keys(keys: Sequence[SegmentsOfKey], companies: Collection[int] | None) -> Iterator[SegmentsOfKey]:
    """Yield the keys of these companies, and of the others only their segments of canaries."""
    for key in keys:
        if companies is None or key.company_id in companies:
            yield key
        elif canaries := tuple(one for one in key.segments if one[1].purpose is SegmentPurpose.CANARIES):
            fields = {field for _, watched in canaries for field in watched.segment.fields}
            own = {field: made for field, made in key.fingerprinters.items() if field in fields}
            yield SegmentsOfKey(key.company_id, canaries, own)


def look_up(field: Field, batch: CandidateBatch, keys: Sequence[SegmentsOfKey]) -> Iterator[FieldHits]:
    """Fingerprint the candidates under each key, and yield the hits in each of its segments."""
    tape = batch.on_tape() if len(batch) else None
    for key in keys:
        if tape is None or field not in key.fingerprinters:
            continue
        marks = key.segments[0][1].segment.lookup_marks(field)
        values = key.fingerprinters[field].of_tape(tape, marks)
        for index, watched in key.segments:
            which, ordinals = watched.segment.lookup(field, values)
            if len(which) >= SHARED_LIMIT:
                # A value that so many customers share is a placeholder and identifies nobody.
                kept = np.bincount(which)[which] < SHARED_LIMIT
                which, ordinals = which[kept], ordinals[kept]
            if len(which):
                yield FieldHits(index, _FIELD_CODES[field], batch.starts[which], ordinals)


def _countries_of(segments: Sequence[WatchedSegment]) -> frozenset[str]:
    """Return the countries of the national numbers in segments; all where a segment does not say."""
    headers = [watched.segment.header for watched in segments if Field.NATIONAL_ID in watched.segment.fields]
    if any(not header.countries for header in headers):
        return frozenset(COUNTRIES)
    return frozenset(country for header in headers for country in header.countries)


def _build_region(name: str, segments: Sequence[tuple[int, WatchedSegment]], *, native: bool) -> _Region:
    by_key: dict[tuple[int, str], list[tuple[int, WatchedSegment]]] = defaultdict(list)
    for index, watched in segments:
        by_key[watched.company_id, watched.key.id].append((index, watched))
    fields = {field for _, watched in segments for field in watched.segment.fields}
    countries = _countries_of([watched for _, watched in segments])
    scanner = Scanner(name, fields & SCANNED, native=native, countries=countries)
    return _Region(scanner, tuple(map(_build_key, by_key.values())))


def _build_key(segments: Sequence[tuple[int, WatchedSegment]]) -> SegmentsOfKey:
    _, first = segments[0]
    company = first.segment.header.company
    fields = {field for _, watched in segments for field in watched.segment.fields}
    fingerprinters = {field: first.key.fingerprinter(company, field) for field in fields}
    return SegmentsOfKey(first.company_id, tuple(segments), fingerprinters)


def _join_batches(scanned: CandidateBatch, from_cells: CandidateBatch) -> CandidateBatch:
    """Return both batches as one, without the cells' candidates that the scanner has found as well."""
    known = set(scanned.forms())
    return scanned.joined(from_cells.only(np.array([form not in known for form in from_cells.forms()], bool)))


def _sort_hits(found: Sequence[FieldHits]) -> Hits:
    if not found:
        return _NO_HITS
    sizes = [len(hits.places) for hits in found]
    places = np.concatenate([hits.places for hits in found])
    segments = np.repeat(np.array([hits.segment for hits in found], np.uint16), sizes)
    fields = np.repeat(np.array([hits.field for hits in found], np.uint8), sizes)
    ordinals = np.concatenate([hits.ordinals for hits in found])
    order = np.lexsort((ordinals, segments, fields, places))
    return Hits(places[order], segments[order], fields[order], ordinals[order])


_NO_HITS = Hits(np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, np.uint8), np.empty(0, np.uint32))
