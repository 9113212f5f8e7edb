"""The watched segments as lists that attribution compares, and how much of a base its breaches cover."""

from collections.abc import Mapping, Sequence

import numpy as np

from matching.attribution.attribution import EnrolledList
from matching.attribution.holders import Holder, HolderKind
from matching.fingerprints.scheme import SIZE, Fingerprints
from matching.fingerprints.segments import MappedSegment, Records, SegmentChain, SegmentPurpose
from matching.identifiers import Field
from matching.watch import WatchedSegment

_RECORDS_LOOKED_UP = 20_000  # of each field: the share is exact to 1%


def enrolled_lists(segments: Sequence[WatchedSegment], names: Mapping[int, str]) -> list[EnrolledList]:
    """Return customers and known breaches; canaries are no list that rows are taken from.

    `names`: slug by company. The order of `segments` is that of the pairs.
    """
    return [
        _list_of(place, watched, names[watched.company_id])
        for place, watched in enumerate(segments)
        if watched.segment.header.purpose is not SegmentPurpose.CANARIES
    ]


def covered_share(segments: Sequence[WatchedSegment], company_id: int) -> float | None:
    """Return the share of a company's largest base that its known breaches cover; None: it has none.

    Only breaches that were enrolled with the base's key can be compared.
    """
    own = [watched for watched in segments if watched.company_id == company_id]
    bases = [one for one in own if one.segment.header.purpose is SegmentPurpose.CUSTOMERS]
    if not bases:
        return None
    base = max(bases, key=lambda one: one.segment.header.customers).segment
    breaches = [
        watched.segment
        for watched in own
        if watched.segment.header.purpose is SegmentPurpose.KNOWN_BREACH
        and watched.segment.header.key_check == base.header.key_check
    ]
    return share_in_lists(base, breaches) if breaches else None


def share_in_lists(
    base: MappedSegment | SegmentChain, lists: Sequence[MappedSegment | SegmentChain]
) -> float | None:
    """Return the share of a list's people who are in other lists, which have its key; None: it has no values.

    Values of the list are looked up, those of one field after the other; the largest share of a field counts.
    """
    shares = [_share_in(name, base, lists) for name in base.fields]
    return max(shares, default=None)


def chain_of(segment: MappedSegment | SegmentChain) -> SegmentChain:
    return segment if isinstance(segment, SegmentChain) else SegmentChain.of([segment])


def _list_of(place: int, watched: WatchedSegment, company: str) -> EnrolledList:
    chain = chain_of(watched.segment)
    header = chain.header
    kind = HolderKind.SYSTEM if header.label else HolderKind.COMPANY
    if header.purpose is SegmentPurpose.KNOWN_BREACH:
        kind = HolderKind.KNOWN_BREACH
    return EnrolledList(
        place,
        Holder(company, kind, header.label, header.customers - chain.erased),
        header.cohorts,
        chain.cohort_counts() if header.cohorts else np.zeros(1, np.int64),
        chain.cohort_of,
        header.declared_schema,
    )


def _share_in(
    name: Field, base: MappedSegment | SegmentChain, breaches: Sequence[MappedSegment | SegmentChain]
) -> float:
    first = chain_of(base).segments[0]
    if name not in first.tables or not len(first.tables[name].records):
        return 0.0
    records = first.tables[name].records
    step = max(1, len(records) // _RECORDS_LOOKED_UP)
    values = _fingerprints_of(records[::step])
    found = [breach.lookup(name, values)[0] for breach in breaches if name in breach.fields]
    return len(np.unique(np.concatenate(found))) / len(values) if found else 0.0


def _fingerprints_of(records: Records) -> Fingerprints:
    """Return the stored part of fingerprints as it is looked up; the rest of each is not stored."""
    values = np.zeros((len(records), SIZE), np.uint8)
    values[:, :8] = records["hi"].astype(">u8").view(np.uint8).reshape(-1, 8)
    values[:, 8:12] = records["lo"].astype(">u4").view(np.uint8).reshape(-1, 4)
    return values
