"""The headers of a series: a base, then deltas, each of which names the state that it follows."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from matching.errors import SegmentBaseOther, SegmentOutOfOrder
from matching.fingerprints.scheme import Key
from matching.fingerprints.segments.format import PLAIN_VERSION, VERSION, SegmentHeader
from matching.fingerprints.segments.golden_vectors import golden_vectors
from matching.fingerprints.segments.parts import HeaderParts, joined_parts, without_tags
from matching.identifiers import NORMALISERS, Field


def first_header(
    *,
    company: str,
    default_region: str,
    key: Key,
    customers: int,
    counts: Mapping[Field, int],
    now: datetime,
    countries: Iterable[str] = (),
    parts: HeaderParts | None = None,
) -> SegmentHeader:
    """Return the header of a base. `counts`: number of records of each field, duplicates included.

    `parts`: of format 3; None: the file has none.
    """
    series = secrets.token_hex(16)
    parts = parts or HeaderParts()
    return SegmentHeader(
        **dict(parts),
        version=VERSION if parts.has_parts else PLAIN_VERSION,
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
        golden=golden_vectors(key, company),
        countries=tuple(sorted(countries)),
    )


def delta_header(
    before: SegmentHeader,
    *,
    now: datetime,
    added: int = 0,
    counts: Mapping[Field, int] | None = None,
    vectors: Mapping[Field, str] | None = None,
    countries: Iterable[str] = (),
    parts: HeaderParts | None = None,
) -> SegmentHeader:
    """Return the header of the next delta after the file with the header `before`.

    `added`: number of new customers, whose ordinals follow the last one. `vectors`: golden vectors; None
    keeps those of `before`, for a delta without fingerprints. `parts`: of format 3, with the purpose and
    label of `before`; None: only these. If the series has tags of masked values, a
    delta without them says so, too.
    """
    parts = parts or HeaderParts(purpose=before.purpose, label=before.label)
    if parts.masks is None and before.masks is not None:
        parts = parts.model_copy(update={"masks": without_tags(before.masks)})
    changes = {
        **dict(parts),
        "version": VERSION if parts.has_parts else PLAIN_VERSION,
        "id": secrets.token_hex(16),
        "sequence": before.sequence + 1,
        "previous": before.id,
        "normalisers": {name: NORMALISERS[name] for name in counts or ()},
        "created_at": now,
        "customers": before.customers + added,
        "counts": dict(counts or {}),
        "golden": dict(before.golden if vectors is None else vectors),
        "countries": tuple(sorted(countries)),
    }
    return before.model_copy(update=changes)


def check_follows(delta: SegmentHeader, before: SegmentHeader, path: Path) -> None:
    """Raise SegmentRefused unless `delta` is the next file of its series after the state `before`."""
    if not delta.is_delta:
        raise SegmentBaseOther(f"{path} is a base, not a delta; import it by itself with `segment import`")
    if delta.series != before.series:
        raise SegmentBaseOther(
            f"the delta {path} belongs to the series {delta.series[:8]}, not to {before.series[:8]}; "
            f"import the base of its own series first"
        )
    if delta.sequence <= before.sequence:
        raise SegmentOutOfOrder(
            f"the delta {path} is number {delta.sequence} of its series, which is already at number "
            f"{before.sequence}: nothing to do"
        )
    if delta.sequence > before.sequence + 1:
        raise SegmentOutOfOrder(
            f"the delta {path} is number {delta.sequence} of its series, which is at number "
            f"{before.sequence}; import number {before.sequence + 1} first"
        )
    if delta.previous != before.id:
        raise SegmentOutOfOrder(
            f"the delta {path} follows another number {before.sequence} of its series than the one that was "
            f"imported: two different ones were made; make the delta again from the imported one"
        )
    _check_same_rules(delta, before, path)


def _check_same_rules(delta: SegmentHeader, before: SegmentHeader, path: Path) -> None:
    """Raise SegmentBaseOther if company, key, region, purpose, label or rules differ.

    Also if customers were removed, or if the delta has cohorts of customers that it did not add.
    """
    same = ("company", "key_check", "default_region", "purpose", "label")
    different = [name for name in same if getattr(delta, name) != getattr(before, name)]
    # Fields that only one of the two has may differ; those in both must have the same version.
    rules = {**before.normalisers, **delta.normalisers} != {**delta.normalisers, **before.normalisers}
    templates = bool(before.masks and delta.masks and before.masks.version != delta.masks.version)
    other = [*different, *(["normalisers"] if rules else []), *(["mask templates"] if templates else [])]
    added = delta.customers - before.customers
    if other or added < 0 or delta.cohort_ordinals not in (0, added):
        what = ", ".join(other) or "customers"
        raise SegmentBaseOther(
            f"the delta {path} has another {what} than the file that it follows; enroll all customers again"
        )


def header_after(before: SegmentHeader, delta: SegmentHeader) -> SegmentHeader:
    """Return the header of the state that `before` and `delta` give together.

    Its counts are upper bounds: the records of both files, those of erased customers included.
    """
    counts = {
        name: before.counts.get(name, 0) + delta.counts.get(name, 0)
        for name in {**before.counts, **delta.counts}
    }
    joined = joined_parts(before, delta, customers=delta.customers)
    return delta.model_copy(
        update={
            **dict(joined),
            "version": VERSION if joined.has_parts else PLAIN_VERSION,
            "previous": None,
            "erased": 0,
            "counts": counts,
            "normalisers": {**before.normalisers, **delta.normalisers},
            "golden": {**before.golden, **delta.golden},
            "countries": tuple(sorted({*before.countries, *delta.countries})),
        }
    )
