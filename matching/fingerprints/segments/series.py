"""The first header of a series and those that follow: who made it, with which key, after which state."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from matching.fingerprints.scheme import Key
from matching.fingerprints.segments.format import VERSION, SegmentHeader
from matching.fingerprints.segments.golden import golden
from matching.identifiers import NORMALISERS, Field


def first_header(
    *,
    company: str,
    default_region: str,
    key: Key,
    customers: int,
    counts: Mapping[Field, int],
    now: datetime,
) -> SegmentHeader:
    """Of a base. `counts`: of the records, doubles included."""
    series = secrets.token_hex(16)
    return SegmentHeader(
        version=VERSION,
        series=series,
        id=series,
        sequence=0,
        previous=None,
        company=company,
        default_region=default_region,
        key_id=key.id,
        key_check=key.check_value(company),
        normalisers={name: NORMALISERS[name] for name in counts},
        created_at=now,
        customers=customers,
        counts=dict(counts),
        erased=0,
        golden=golden(key, company),
    )


def delta_header(
    before: SegmentHeader,
    *,
    now: datetime,
    added: int = 0,
    counts: Mapping[Field, int] | None = None,
    vectors: Mapping[Field, str] | None = None,
) -> SegmentHeader:
    """Of the next delta after the file that `before` heads.

    `added`: customers, whose ordinals follow; `vectors`: golden ones, None where there are no fingerprints.
    """
    changes = {
        "id": secrets.token_hex(16),
        "sequence": before.sequence + 1,
        "previous": before.id,
        "normalisers": {name: NORMALISERS[name] for name in counts or ()},
        "created_at": now,
        "customers": before.customers + added,
        "counts": dict(counts or {}),
        "golden": dict(before.golden if vectors is None else vectors),
    }
    return before.model_copy(update=changes)
