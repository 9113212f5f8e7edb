"""Segment files as a company makes them, a base and then deltas, of invented e-mails numbered by values."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from matching.fingerprints.scheme import Fingerprints, RootKey
from matching.fingerprints.segments import (
    SegmentHeader,
    delta_header,
    first_header,
    golden_vectors,
    in_order,
    open_segment,
    records_of,
    write_segment,
)
from matching.identifiers import Field

KEY = RootKey("k1", bytes(range(32)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SLUG = "quillmere"


def prints(values: Iterable[int]) -> Fingerprints:
    return KEY.fingerprinter(SLUG, Field.EMAIL)([f"customer.{value}@b.example" for value in values])


def base(path: Path, values: Sequence[int]) -> Path:
    size = len(values)
    header = first_header(
        company=SLUG, default_region="CN", key=KEY, customers=size, counts={Field.EMAIL: size}, now=NOW
    )
    return _written(path, header, values, 1)


def added(path: Path, after: Path, values: Sequence[int], **changes: Any) -> Path:
    """Write a delta that adds values. `changes`: false values for the header."""
    before, size = open_segment(after).header, len(values)
    vectors = golden_vectors(KEY, SLUG)
    header = delta_header(before, now=NOW, added=size, counts={Field.EMAIL: size}, vectors=vectors)
    return _written(path, header.model_copy(update=changes), values, before.customers + 1)


def erased(path: Path, after: Path, ordinals: Sequence[int]) -> Path:
    write_segment(path, delta_header(open_segment(after).header, now=NOW), {}, np.array(ordinals, np.uint32))
    return path


def _written(path: Path, header: SegmentHeader, values: Sequence[int], first: int) -> Path:
    ordinals = np.arange(first, first + len(values), dtype=np.uint32)
    write_segment(path, header, {Field.EMAIL: [in_order(records_of(prints(values), ordinals))]})
    return path
