"""A block of text against everybody's fingerprints: candidates in, hits out, all of it in arrays.

1. each region's scanner finds the candidates of the fields that its segments have;
2. the cells of columns that hold what no text shows by itself join them (`cells`);
3. for each key and field their fingerprints are computed in one batch, and looked up in the key's segments.

The same is done with numbers that are in no dump, to see what chance gives (`control`).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.comparing.controls import CONTROLLED, neighbours
from matching.fingerprints.scheme import Fingerprinter
from matching.fingerprints.segments import SHARED_LIMIT
from matching.identifiers import SCANNED, Field
from matching.scanning.candidates import CandidateBatch
from matching.scanning.scanner import Block, Scanner
from matching.watch import WatchedSegment

#: A field in an array is its place in this order.
FIELDS = tuple(Field)
_CODES = {field: code for code, field in enumerate(FIELDS)}


class Hits(NamedTuple):
    """Arrays of one length, in the order of the places. `segments` counts those of the comparison from 0."""

    places: NDArray[np.int64]  # bytes from the beginning of the block
    segments: NDArray[np.uint16]
    fields: NDArray[np.uint8]
    ordinals: NDArray[np.uint32]

    @property
    def size(self) -> int:
        return len(self.places)


class _Found(NamedTuple):
    """The hits of one field in one segment, in no order."""

    segment: int
    field: int
    places: NDArray[np.int64]
    ordinals: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Key:
    """The segments that one key made: each value is fingerprinted once for all of them."""

    company_id: int
    segments: tuple[tuple[int, WatchedSegment], ...]
    fingerprinters: Mapping[Field, Fingerprinter]


@dataclass(frozen=True, slots=True)
class _Region:
    scanner: Scanner
    keys: tuple[_Key, ...]


class Comparison:
    """One thread at a time may use it: a scanner has buffers of its own."""

    def __init__(self, segments: Sequence[WatchedSegment], *, native: bool = True) -> None:
        self.segments = tuple(segments)
        #: What any of the segments holds.
        self.fields = frozenset(field for one in self.segments for field in one.segment.fields)
        by_region: dict[str, list[tuple[int, WatchedSegment]]] = defaultdict(list)
        for number, one in enumerate(self.segments):
            by_region[one.region].append((number, one))
        self._regions = tuple(_region(name, own, native=native) for name, own in by_region.items())

    def compare(
        self,
        block: Block,
        *,
        cells: Mapping[Field, CandidateBatch] | None = None,
        companies: Collection[int] | None = None,
        after: int = 0,
        before: int | None = None,
    ) -> tuple[Hits, Counter[Field]]:
        """The hits, and how many candidates of each field were tried.

        `companies` None: all of them. Candidates that end at the byte `after` or earlier, or behind `before`,
        are another block's.
        """
        tried: Counter[Field] = Counter()
        found: list[_Found] = []
        for region in self._regions:
            keys = [key for key in region.keys if companies is None or key.company_id in companies]
            if not keys:
                continue
            candidates = dict(region.scanner.scan(block))
            for field, batch in (cells or {}).items():
                candidates[field] = _both(candidates[field], batch) if field in candidates else batch
            for field, batch in candidates.items():
                if after or before is not None:
                    end = len(block) if before is None else before
                    batch = batch.only((batch.ends > after) & (batch.ends <= end))
                tried[field] = max(tried[field], len(batch))
                found += _hits(field, batch, keys)
        return _in_order(found), tried

    def control(self, block: Block, companies: Collection[int]) -> Counter[tuple[int, Field]]:
        """How many neighbours of the block's candidates are customers, by company and field."""
        counted: Counter[tuple[int, Field]] = Counter()
        for region in self._regions:
            keys = [key for key in region.keys if key.company_id in companies]
            if not keys:
                continue
            for field, batch in region.scanner.scan(block).items():
                if field in CONTROLLED:
                    for one in _hits(field, neighbours(field, batch), keys):
                        counted[self.segments[one.segment].company_id, field] += len(one.ordinals)
        return counted


def _region(name: str, segments: Sequence[tuple[int, WatchedSegment]], *, native: bool) -> _Region:
    by_key: dict[tuple[int, str], list[tuple[int, WatchedSegment]]] = defaultdict(list)
    for number, one in segments:
        by_key[one.company_id, one.key.id].append((number, one))
    fields = {field for _, one in segments for field in one.segment.fields}
    return _Region(Scanner(name, fields & SCANNED, native=native), tuple(map(_key, by_key.values())))


def _key(own: Sequence[tuple[int, WatchedSegment]]) -> _Key:
    _, first = own[0]
    company = first.segment.header.company
    fields = {field for _, one in own for field in one.segment.fields}
    makers = {field: first.key.fingerprinter(company, field) for field in fields}
    return _Key(first.company_id, tuple(own), makers)


def _hits(field: Field, batch: CandidateBatch, keys: Sequence[_Key]) -> Iterator[_Found]:
    tape = batch.on_tape() if len(batch) else None
    for key in keys:
        if tape is None or field not in key.fingerprinters:
            continue
        values = key.fingerprinters[field].of_tape(tape)
        for number, one in key.segments:
            which, ordinals = one.segment.lookup(field, values)
            if len(which) >= SHARED_LIMIT:
                # What so many customers have in common (a placeholder) names nobody.
                kept = np.bincount(which)[which] < SHARED_LIMIT
                which, ordinals = which[kept], ordinals[kept]
            if len(which):
                yield _Found(number, _CODES[field], batch.starts[which], ordinals)


def _both(scanned: CandidateBatch, of_cells: CandidateBatch) -> CandidateBatch:
    """What both found is one candidate: what a text shows by itself, it shows in a cell too."""
    known = set(scanned.forms())
    new = np.array([form not in known for form in of_cells.forms()], bool)
    one, other = scanned, of_cells.only(new)
    return CandidateBatch(
        np.concatenate((one.starts, other.starts)),
        np.concatenate((one.ends, other.ends)),
        np.concatenate((one.offsets, one.offsets[-1] + other.offsets[1:])),
        np.concatenate((one.tape, other.tape)),
    )


def _in_order(found: Sequence[_Found]) -> Hits:
    if not found:
        return _NO_HITS
    sizes = [len(one.places) for one in found]
    places = np.concatenate([one.places for one in found])
    segments = np.repeat(np.array([one.segment for one in found], np.uint16), sizes)
    fields = np.repeat(np.array([one.field for one in found], np.uint8), sizes)
    ordinals = np.concatenate([one.ordinals for one in found])
    order = np.lexsort((ordinals, segments, fields, places))
    return Hits(places[order], segments[order], fields[order], ordinals[order])


_NO_HITS = Hits(np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, np.uint8), np.empty(0, np.uint32))
