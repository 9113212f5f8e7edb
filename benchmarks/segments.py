"""Write segments of any size without a customer list, as enrolment would write them, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.people import CHUNK, Bytes, people
from matching.fingerprints.scheme import Fingerprints, RootKey
from matching.fingerprints.segments import Ordinals, Sorter, first_header, write_segment
from matching.identifiers import Field
from matching.scanning.scanner import Scanner

REGION = "CN"
_PEOPLE_HAVE = (Field.EMAIL, Field.PHONE, Field.RESIDENT_ID, Field.CARD)

Part = Mapping[Field, tuple[Fingerprints, Ordinals]]


def write_base(path: Path, *, company: str, key: RootKey, customers: int, parts: Iterable[Part]) -> None:
    """Sort the fingerprints of all parts, and write them as the base of a chain."""
    sorters: dict[Field, Sorter] = defaultdict(lambda: Sorter(path.parent))
    for part in parts:
        for name, (values, ordinals) in part.items():
            sorters[name].add(values, ordinals)
    header = first_header(
        company=company,
        default_region=REGION,
        key=key,
        customers=customers,
        counts={name: sorter.count for name, sorter in sorters.items()},
        now=datetime.now(UTC),
    )
    write_segment(path, header, {name: sorter.merged() for name, sorter in sorters.items()})


def customers_of(seed: int, count: int) -> Iterator[Bytes]:
    """Yield the first `count` rows of an endless list, so a larger count contains a smaller one."""
    rng = np.random.default_rng(seed)
    for start in range(0, count, CHUNK):
        yield people(rng, start, CHUNK)[: count - start]


def enrolled(chunks: Iterable[Bytes], *, company: str, key: RootKey) -> Iterator[Part]:
    """Yield the rows' fingerprints; the scanner finds the values in them, a million rows per second."""
    scanner = Scanner(REGION, _PEOPLE_HAVE)
    fingerprinters = {name: key.fingerprinter(company, name) for name in _PEOPLE_HAVE}
    first = 1
    for rows in chunks:
        found = scanner.scan(rows.reshape(-1))
        yield {
            name: (
                fingerprinters[name].of_tape(batch.on_tape()),
                (first + batch.starts // rows.shape[1]).astype(np.uint32),
            )
            for name, batch in found.items()
        }
        first += len(rows)
