"""Segments of 1, 10 and 100 million fingerprints beside a Python set: build, open, look up, change.

Lookups are in batches of a million fingerprints, half of which are enrolled. Each size has a process of its
own, so that its memory can be measured. A fingerprint is 16 random bytes here, which is what real ones look
like.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.measure import cost, ratio, report
from benchmarks.segments import write_base
from matching.fingerprints.scheme import Fingerprints, new_key
from matching.fingerprints.segments import (
    MappedSegment,
    Sorter,
    delta_header,
    merge_chain,
    open_segment,
    verify_segment,
    write_segment,
)
from matching.fingerprints.segments.chain import SegmentChain
from matching.fingerprints.segments.lookup_table import by_numpy, lookup
from matching.identifiers import Field

MILLION = 1_000_000
SIZES = (MILLION, 10 * MILLION, 100 * MILLION)
SET_LIMIT = 10 * MILLION  # a set of more does not fit into this machine's memory
BATCHES = 5
DELTA = 10_000  # customers added, and as many erased


@dataclass(frozen=True, slots=True)
class SegmentCost:
    count: int
    build_s: float
    build_mb: float  # peak memory of the build
    bytes_each: float
    open_ms: float
    native: float  # lookups per second of CPU
    numpy: float
    set_: float | None
    set_bytes: float | None  # memory per fingerprint
    verify_s: float
    delta_s: float
    merge_s: float


def main() -> None:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        measured = []
        for size in SIZES:
            with context.Pool(1) as pool:
                measured.append(pool.apply(_measure_size, (Path(folder), size)))
    report(
        ("fingerprints", "native/s", "numpy/s", "set/s", "native, x set", "bytes each", "bytes each, set"),
        [
            (
                one.count,
                one.native,
                one.numpy,
                one.set_ or "",
                ratio(one.native, one.set_) if one.set_ else "",
                one.bytes_each,
                one.set_bytes or "",
            )
            for one in measured
        ],
    )
    report(
        (
            "fingerprints",
            "build, CPU s",
            "peak MB",
            "open, ms",
            "verify, CPU s",
            "10,000 in and out, CPU s",
            "merge, CPU s",
        ),
        [
            (one.count, one.build_s, one.build_mb, one.open_ms, one.verify_s, one.delta_s, one.merge_s)
            for one in measured
        ],
    )


def _measure_size(folder: Path, count: int) -> SegmentCost:
    path = folder / f"{count}.segment"
    _, built = cost(lambda: _build_segment(path, count))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    table = open_segment(path).tables[Field.PHONE]
    open_s = time.perf_counter() - start
    batches = [_lookup_batch(number, count) for number in range(BATCHES)]
    lookup(table, batches[0])
    by_numpy(table, batches[0])
    _, native = cost(lambda: [lookup(table, batch) for batch in batches])
    _, numpy = cost(lambda: [by_numpy(table, batch) for batch in batches])
    set_, set_bytes = _measure_set(count, batches) if count <= SET_LIMIT else (None, None)
    _, verified = cost(lambda: verify_segment(path))
    delta, merged = _measure_deltas(path)
    path.unlink()
    return SegmentCost(
        count, built.cpu_s, peak_mb, (len(table.records) * 16 + table.directory.nbytes) / count,
        open_s * 1000, BATCHES * MILLION / native.cpu_s, BATCHES * MILLION / numpy.cpu_s, set_, set_bytes,
        verified.cpu_s, delta, merged,
    )  # fmt: skip


def _build_segment(path: Path, count: int) -> None:
    parts = (
        {Field.PHONE: (batch, np.arange(number * MILLION + 1, (number + 1) * MILLION + 1, dtype=np.uint32))}
        for number, batch in enumerate(_enrolled(count))
    )
    write_base(path, company="quillmere", key=new_key(), customers=count, parts=parts)


def _enrolled(count: int) -> Iterator[Fingerprints]:
    for number in range(count // MILLION):
        yield _random(number)


def _random(seed: int, count: int = MILLION) -> Fingerprints:
    return np.random.default_rng(seed).integers(0, 256, (count, 16), np.uint8)


def _lookup_batch(number: int, count: int) -> Fingerprints:
    """Return a million fingerprints in random order, half of them enrolled."""
    known, strange = _random(number % (count // MILLION)), _random(1000 + number)
    strange[::2] = known[::2]
    return np.random.default_rng(number).permutation(strange)


def _measure_set(count: int, batches: list[Fingerprints]) -> tuple[float, float]:
    held: set[bytes] = set()
    for batch in _enrolled(count):
        held.update(_as_bytes(batch))
    keys = [_as_bytes(batch) for batch in batches]
    _, taken = cost(lambda: [sum(map(held.__contains__, batch)) for batch in keys])
    each = sys.getsizeof(held) / count + sys.getsizeof(keys[0][0])
    return BATCHES * MILLION / taken.cpu_s, each


def _as_bytes(values: Fingerprints) -> list[bytes]:
    whole = values.tobytes()
    return [whole[at : at + 16] for at in range(0, len(whole), 16)]


def _measure_deltas(path: Path) -> tuple[float, float]:
    """Return CPU seconds for two deltas (additions, erasures) and opening all; and for merging them."""
    base = open_segment(path)
    added, gone, merged = (path.with_name(f"{path.stem}-{name}") for name in ("add", "erase", "merged"))
    chain, followed = cost(lambda: _make_chain(base, added, gone))
    _, merging = cost(lambda: merge_chain(chain, merged))
    for one in (added, gone, merged):
        one.unlink()
    return followed.cpu_s, merging.cpu_s


def _make_chain(base: MappedSegment, added: Path, gone: Path) -> SegmentChain:
    first = base.header.customers + 1
    sorter = Sorter(added.parent)
    sorter.add(_random(5000, DELTA), np.arange(first, first + DELTA, dtype=np.uint32))
    counts = {Field.PHONE: DELTA}
    header = delta_header(base.header, now=datetime.now(UTC), added=DELTA, counts=counts)
    write_segment(added, header, {Field.PHONE: sorter.merged()})
    erasure = delta_header(open_segment(added).header, now=datetime.now(UTC))
    erased = np.random.default_rng(7).choice(base.header.customers, DELTA, replace=False) + 1
    write_segment(gone, erasure, {}, erased.astype(np.uint32))
    return SegmentChain.of([base, open_segment(added), open_segment(gone)])


if __name__ == "__main__":
    main()
