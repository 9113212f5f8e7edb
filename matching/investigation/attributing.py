"""Gives the attribution what a sweep found: pairs of rows and customers, and the lists that they are from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from matching.attribution.attribution import Attribution, EnrolledList, SampleMatches, attribute
from matching.attribution.holders import Holder, HolderKind
from matching.attribution.overlap import FieldOverlap
from matching.comparing.findings import Findings
from matching.fingerprints.segments import MappedSegment, SegmentChain, SegmentPurpose
from matching.investigation.full_matches import FullMatches
from matching.investigation.parts import NotAnswered, WhyMissing
from matching.investigation.watched_lists import WatchedLists
from matching.watch import WatchedSegment


def attributed(
    findings: Findings, lists: WatchedLists, slugs: Mapping[int, str], company: int, full: FullMatches
) -> Attribution | NotAnswered:
    """Return the attribution of the whole values that are the company's customers'."""
    if not lists.segments(company, SegmentPurpose.CUSTOMERS):
        return NotAnswered(WhyMissing.NO_SEGMENT)
    if not full.customers:
        return NotAnswered(WhyMissing.NO_MATCHES)
    every = [found.agreements for found in findings.companies.values()]
    own = findings.companies[company]
    return attribute(
        slugs[company],
        list(_enrolled_lists(lists, slugs)),
        SampleMatches(
            pairs=np.concatenate([one.pairs() for one in every]),
            rows=findings.rows_scanned,
            fields=[FieldOverlap(one.field, one.hits, one.candidates, one.by_chance) for one in full.fields],
            columns=dict(own.columns),
            customers=np.concatenate([one.customers() for one in every]),
        ),
    )


def _enrolled_lists(lists: WatchedLists, slugs: Mapping[int, str]) -> Iterator[EnrolledList]:
    """Yield all lists but canaries: whoever has a canary has it from nobody's list of customers."""
    companies = {number: (company, purpose) for (company, purpose), number in lists.numbers.items()}
    for index, watched in enumerate(lists.watch.segments):
        company, purpose = companies[watched.company_id]
        if purpose is not SegmentPurpose.CANARIES:
            yield _enrolled_list(index, watched, slugs[company], purpose)


def _enrolled_list(
    index: int, watched: WatchedSegment, company: str, purpose: SegmentPurpose
) -> EnrolledList:
    segment, header = watched.segment, watched.segment.header
    kind = HolderKind.SYSTEM if header.label else HolderKind.COMPANY
    if purpose is SegmentPurpose.KNOWN_BREACH:
        kind = HolderKind.KNOWN_BREACH
    return EnrolledList(
        segment=index,
        holder=Holder(company, kind, header.label, max(header.customers, 1)),
        begins=header.cohorts,
        enrolled=_as_chain(segment).cohort_counts(),
        cohort_of=segment.cohort_of,
        schema=header.declared_schema,
    )


def _as_chain(segment: MappedSegment | SegmentChain) -> SegmentChain:
    return segment if isinstance(segment, SegmentChain) else SegmentChain.of([segment])
