"""Segments of invented canaries, for the tests of what recognises them."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from matching.canaries.inventing import CanaryInventor
from matching.canaries.register import Canary
from matching.fingerprints.scheme import RootKey
from matching.fingerprints.segments import (
    CanarySet,
    HeaderParts,
    SegmentPurpose,
    first_header,
    in_order,
    open_segment,
    records_of,
    write_segment,
)
from matching.identifiers import Field, canonical
from matching.watch import WatchedSegment

KEY = RootKey("k1", bytes(range(32)))
ISSUED = date(2026, 3, 1)
FIELDS = (Field.PHONE, Field.RESIDENT_ID, Field.EMAIL, Field.NAME_BIRTH_DATE)
#: Those of the CRM have the ordinals 1 to 5, those that the partner got 6 to 10.
SETS = (
    CanarySet(label="crm", issued=ISSUED, first=1, last=5),
    CanarySet(label="crm--acme", issued=date(2026, 4, 1), expires=date(2026, 9, 1), first=6, last=10),
)


def invented(count: int = 10, region: str = "CN", seed: int = 5) -> list[Canary]:
    inventor = CanaryInventor(region, mail_domain="postkasten.example", choice=random.Random(seed))
    return inventor.invented(count, today=ISSUED)


def value_of(canary: Canary, field: Field) -> str:
    """Return the canonical form of a canary's field."""
    if field is Field.NAME_BIRTH_DATE:
        return canonical(field, f"{canary.name}|{canary.birth_date}", "CN") or ""
    return str(getattr(canary, field.value))


def row_of(canary: Canary) -> str:
    """Return the row that a copy of the system has."""
    return f"{canary.name},{canary.birth_date},{canary.resident_id},{canary.phone},{canary.email}"


def planted_segment(
    folder: Path,
    canaries: Sequence[Canary],
    *,
    company: int = 1,
    slug: str | None = None,
    key: RootKey = KEY,
) -> WatchedSegment:
    """Return the open segment of the canaries; its number is 90."""
    slug = slug or f"company{company}"
    ordinals = np.arange(1, len(canaries) + 1, dtype=np.uint32)
    records = {}
    for field in FIELDS:
        made = [(value_of(one, field), number) for one, number in zip(canaries, ordinals, strict=True)]
        made = [(value, number) for value, number in made if value and value != "None"]
        if made:
            values, numbers = [value for value, _ in made], np.array([n for _, n in made], np.uint32)
            records[field] = [in_order(records_of(key.fingerprinter(slug, field)(values), numbers))]
    header = first_header(
        company=slug,
        default_region="CN",
        key=key,
        customers=len(canaries),
        counts={field: len(parts[0]) for field, parts in records.items()},
        now=datetime(2026, 3, 1, tzinfo=UTC),
        parts=HeaderParts(purpose=SegmentPurpose.CANARIES, canary_sets=SETS),
    )
    path = folder / f"{slug}-canaries.segment"
    write_segment(path, header, records)
    return WatchedSegment(90, company, open_segment(path), "CN", key)
