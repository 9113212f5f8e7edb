"""The watched segments as lists that attribution compares, and how much of a base its breaches cover."""

from collections.abc import Mapping, Sequence

import numpy as np

from matching.attribution.attribution import EnrolledList
from matching.attribution.holders import Holder, HolderKind
from matching.fingerprints.segments import SegmentPurpose, chain_of, share_in_lists
from matching.watch import WatchedSegment


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
